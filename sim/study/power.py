"""Power of a scenario's endpoints by simulation, with the Monte Carlo standard error beside each figure."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from sim.analysis.binary import risk_difference
from sim.analysis.estimate import Estimate
from sim.analysis.negbin import negbin_rate_ratio
from sim.analysis.trial import analyse, contrast
from sim.core.defaults import TWIN_TRIALS
from sim.core.endpoints import ENDPOINTS, parse_endpoint
from sim.core.errors import RunError, ShamtrialError
from sim.scenario.schema import Endpoint, Scenario
from sim.study.performance import ESTIMATE, Estimates, Performance, Truth, performance
from sim.study.play import ENGINE, Play, scenario_digest
from sim.study.population import Solution, solved
from sim.study.runner import Failure, Look, Pool, Watcher
from sim.study.truth import find_truth

if TYPE_CHECKING:
    import pandas as pd

DEFAULT_TRIALS = 500
PILOT_TRIALS = 200
MOST_TRIALS = 10_000_000
FAILED = "failed"

Truths = Sequence[Truth | None]


@dataclass(frozen=True)
class Analyse:
    """Answers one trial's estimates and how many entered; picklable."""

    play: Play

    def __call__(self, trial: int) -> tuple[list[Estimate], int]:
        """Play and analyse trial number `trial`."""
        people = self.play.people(trial)
        return analyse(self.play.scenario, people), people.size

    def warm(self) -> None:
        """Load the libraries of the analyses."""
        two = np.array([0.0, 1.0, 2.0, 5.0]), np.array([True, True, False, False])
        negbin_rate_ratio(two[0], np.ones(4), two[1])
        risk_difference(two[0] == 0.0, two[1])


@dataclass(frozen=True)
class PowerResult:
    """Power and its company for each endpoint of a scenario.

    `estimates` has one row a trial and endpoint (layout `performance.ESTIMATE`); `short_trials` counts the trials in
    which enrolment closed at enrolment.max_days before the target; `failed` are the trials that raised.
    """

    name: str
    scenario: Scenario
    digest: str
    seed: int
    trials: int
    engine: str
    elapsed_s: float
    trials_per_s: float
    endpoints: dict[str, Performance]
    effect: dict[str, float]
    short_trials: int
    failed: tuple[Failure, ...] = ()
    solution: Solution | None = None
    estimates: Estimates = field(default_factory=lambda: np.empty(0, ESTIMATE), repr=False)

    def to_dict(self) -> dict[str, Any]:
        """Give the JSON object of the contract."""
        return {
            "scenario": self.name,
            "digest": self.digest,
            "seed": self.seed,
            "trials": self.trials,
            "engine": self.engine,
            "elapsed_s": round(self.elapsed_s, 3),
            "trials_per_s": round(self.trials_per_s, 3),
            "endpoints": {key: p.to_dict() for key, p in self.endpoints.items()},
            "effect": {key: None if math.isnan(value) else value for key, value in self.effect.items()},
            "short_trials": self.short_trials,
            "failed": [{"seed": f.seed, "trial": f.trial, "message": f.message} for f in self.failed],
            "population": self.solution.to_dict() if self.solution else None,
        }

    def to_frame(self) -> pd.DataFrame:
        """Give one row an endpoint."""
        import pandas as pd

        rows = {key: p.to_dict() for key, p in self.endpoints.items()}
        return pd.DataFrame.from_dict(rows, orient="index").rename_axis("endpoint")

    def estimates_frame(self) -> pd.DataFrame:
        """Give one row a trial and endpoint."""
        import pandas as pd

        keys = [e.key for e in self.scenario.endpoint]
        frame = pd.DataFrame({name: self.estimates[name] for name in ESTIMATE.names or ()})
        frame["endpoint"] = [keys[i] for i in self.estimates["endpoint"]]
        return frame

    def __repr__(self) -> str:
        lines = [
            f"{self.name}: {self.trials} trials, seed {self.seed}, engine {self.engine}, digest {self.digest[:12]}"
        ]
        for key, p in self.endpoints.items():
            told = "no truth" if math.isnan(p.truth) else f"truth {p.truth:+.3f} ({p.truth_mcse:.3f})"
            lines.append(
                f"  {key}: power {p.power:.3f} (MCSE {p.mcse:.3f}), mean estimate {p.estimate_mean:+.3f}, "
                f"{told}, {p.scale}, {p.method}"
            )
        return "\n".join(lines)


def power(
    scenario: Scenario,
    name: str = "",
    trials: int | None = None,
    mcse: float | None = None,
    seed: int = 1,
    workers: int = 1,
    truth_trials: int = TWIN_TRIALS,
    watch: Watcher | None = None,
    watch_truth: Watcher | None = None,
    watch_population: Watcher | None = None,
) -> PowerResult:
    """Estimate the power of a scenario from `trials` trials, or from as many as bring the MCSE of the primary's power
    down to `mcse` (planned once, from a pilot of 200).

    Give `trials` or `mcse`, not both (neither: 500 trials). `truth_trials` = 0 leaves the truth out. Raises
    ShamtrialError for impossible requests, RunError when every trial failed or nobody ever entered.
    """
    _check(trials, mcse, truth_trials)
    begun = time.perf_counter()
    ready, solution = solved(scenario, workers, watch_population)
    with Pool(Analyse(Play(ready, seed)), seed, workers) as pool:
        wanted = trials or (PILOT_TRIALS if mcse else DEFAULT_TRIALS)
        answers = pool.run(range(wanted), watch, _someone_enters(ready))
        if mcse:
            answers += pool.run(range(len(answers), _trials_needed(ready, answers, mcse)), watch)
        seconds = pool.busy_seconds
    good = [(k, a) for k, a in enumerate(answers) if not isinstance(a, Failure)]
    failed = tuple(a for a in answers if isinstance(a, Failure))
    if not good:
        raise failed[0].error()
    if not any(size for _, (_, size) in good):
        raise _nobody(ready, len(good))
    truths: Truths = [None] * len(ready.endpoint)
    if truth_trials:
        truths = find_truth(ready, truth_trials, workers, watch_truth)
    estimates = _table(answers, len(ready.endpoint))
    return PowerResult(
        name=name,
        scenario=ready,
        digest=scenario_digest(scenario),
        seed=seed,
        trials=len(answers),
        engine=ENGINE,
        elapsed_s=time.perf_counter() - begun,
        trials_per_s=len(answers) / max(seconds, 1e-9),
        endpoints=_performances(ready, estimates, truths, len(answers)),
        effect=_effect(ready, truths),
        short_trials=sum(size < ready.enrolment.target for _, (_, size) in good),
        failed=failed,
        solution=solution,
        estimates=estimates,
    )


def _nobody(scenario: Scenario, trials: int) -> RunError:
    return RunError(
        f"nobody entered any of {trials} trials before enrolment.max_days = {scenario.enrolment.max_days:g}: "
        "no candidate met the entry rule, see `shamtrial simulate` (adsl, SCRFREAS) for the reasons"
    )


def _someone_enters(scenario: Scenario) -> Look[tuple[list[Estimate], int]]:
    """Give a look at the first trials that stops the run if nobody entered any of them."""

    def look(answers: list[tuple[list[Estimate], int] | Failure]) -> None:
        if all(not isinstance(a, Failure) and a[1] == 0 for a in answers):
            raise _nobody(scenario, len(answers))

    return look


def _check(trials: int | None, mcse: float | None, truth_trials: int) -> None:
    if trials is not None and mcse is not None:
        raise ShamtrialError("--trials and --mcse: found both; allowed: one of them")
    if trials is not None and not 1 <= trials <= MOST_TRIALS:
        raise ShamtrialError(f"--trials: found {trials}; allowed: 1 to {MOST_TRIALS:,}")
    if mcse is not None and not 0.0001 <= mcse < 0.5:
        raise ShamtrialError(f"--mcse: found {mcse}; allowed: 0.0001 to 0.5")
    if not 0 <= truth_trials <= MOST_TRIALS:
        raise ShamtrialError(f"--truth-trials: found {truth_trials}; allowed: 0 (no truth) to {MOST_TRIALS:,}")


def primary(scenario: Scenario) -> int:
    """Give the number of the primary endpoint."""
    keys = [e.key for e in scenario.endpoint]
    return keys.index(scenario.study.primary) if scenario.study.primary else 0


def rejections(number: int, alpha: float) -> Callable[[list[Any]], int]:
    """Give a function that counts, among answers of `Analyse`, the rejections at endpoint `number`."""
    return lambda answers: sum(not isinstance(a, Failure) and a[0][number].p < alpha for a in answers)


def trials_for(rejected: int, trials: int, mcse: float) -> int:
    """Work out, once, how many trials bring the MCSE of a power down to `mcse`, from a pilot's rejections.

    Of the powers within the pilot's 95% interval (Wilson 1927), the one nearest to a half is planned for, so that the
    error asked for is reached in 97.5% of runs. Planning once, and not stopping when the figure looks good, keeps the
    power and its error honest.
    """
    p, z = rejected / trials, 1.959963984540054
    centre = (p + z * z / (2.0 * trials)) / (1.0 + z * z / trials)
    half = z / (1.0 + z * z / trials) * math.sqrt(p * (1.0 - p) / trials + z * z / (4.0 * trials * trials))
    worst = min(max(0.5, centre - half), centre + half)
    return math.ceil(worst * (1.0 - worst) / (mcse * mcse) - 1e-9)  # rounding must not cost a trial


def asks_for_effect(scenario: Scenario, endpoint: Endpoint) -> bool:
    """Tell whether an endpoint compares angioplasty with something else."""
    if scenario.before_after:
        return scenario.arm[0].procedure == "angioplasty"
    kinds = [scenario.arm[arm].procedure for arm in contrast(scenario, endpoint)]
    return kinds[0] == "angioplasty" and kinds[1] != "angioplasty"


def _trials_needed(scenario: Scenario, pilot: list[tuple[list[Estimate], int] | Failure], mcse: float) -> int:
    rejected = rejections(primary(scenario), scenario.study.alpha)(pilot)
    return max(len(pilot), min(trials_for(rejected, len(pilot), mcse), MOST_TRIALS))


def _table(answers: list[tuple[list[Estimate], int] | Failure], endpoints: int) -> Estimates:
    """Give one row a trial and endpoint; a trial that raised has its rows too, without an answer."""
    rows = []
    for k, answer in enumerate(answers):
        if isinstance(answer, Failure):
            rows += [(k, i, *[math.nan] * 5, False, 0, FAILED, "") for i in range(endpoints)]
            continue
        for i, e in enumerate(answer[0]):
            rows.append((k, i, e.value, e.standard_error, e.lower, e.upper, e.p, e.converged, e.n, e.outcome, e.method))
    return np.array(rows, dtype=ESTIMATE)


def _performances(scenario: Scenario, estimates: Estimates, truths: Truths, trials: int) -> dict[str, Performance]:
    found = {}
    for i, endpoint in enumerate(scenario.endpoint):
        meaning = ENDPOINTS[parse_endpoint(endpoint.name)[0]]
        rows = estimates[estimates["endpoint"] == i]
        found[endpoint.key] = performance(
            rows, scenario.study.alpha, meaning.scale, meaning.favourable, truths[i], trials
        )
    return found


def _effect(scenario: Scenario, truths: Truths) -> dict[str, float]:
    """Give the nominal rate ratio, and the effective one after failure, waiting and restenosis.

    The effective one is that of the first endpoint on relapse rates that compares angioplasty with something else.
    """
    found = {"nominal_rate_ratio": 1.0 if scenario.no_effect else scenario.effect.rate_ratio}
    for endpoint, truth in zip(scenario.endpoint, truths, strict=True):
        if truth and endpoint.name.startswith("arr") and asks_for_effect(scenario, endpoint):
            ratio = math.exp(truth.value)
            return found | {"effective_rate_ratio": ratio, "effective_mcse": ratio * truth.mcse}
    return found
