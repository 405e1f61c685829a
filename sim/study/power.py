"""Power of a scenario's endpoints by simulation, with the Monte Carlo standard error beside each figure."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cache, cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from sim.analysis.estimate import CODES
from sim.analysis.trial import analyse, contrast
from sim.core.defaults import TWIN_TRIALS
from sim.core.endpoints import ENDPOINTS, UNTESTED, parse_endpoint
from sim.core.errors import RunError, ShamtrialError
from sim.data.cohort import nobody
from sim.data.guesses import ANSWERS, ARMS, guess_counts, questions
from sim.engines.want import Want
from sim.scenario.beliefs import Beliefs, beliefs_of
from sim.scenario.schema import Endpoint, Scenario
from sim.study.between import Uncertain, around
from sim.study.blinding import Blinding, mean_indices
from sim.study.consort import RunFlow, run_flow
from sim.study.performance import (
    ESTIMATE,
    FAILED,
    Performance,
    Rows,
    Truth,
    converged,
    outcome_names,
    performance,
)
from sim.study.play import Play, for_many, scenario_digest
from sim.study.population import Solution, solved
from sim.study.runner import Failure, Look, Pool, Watcher
from sim.study.truth import find_truth
from sim.study.uncertain import UncertainPlay, find_draws, uncertain_play
from sim.study.wanted import wanted

if TYPE_CHECKING:
    import pandas as pd

DEFAULT_TRIALS = 500
PILOT_TRIALS = 200
MOST_TRIALS = 10_000_000

Truths = Sequence[Truth | None]


@dataclass(frozen=True)
class Analyse:
    """Answers trials' estimates and how many entered; picklable."""

    play: Play

    @cached_property
    def want(self) -> Want:
        """What the endpoints ask of an engine."""
        return wanted(self.play.scenario)

    def many(self, trials: Sequence[int]) -> Rows:
        """Play and analyse these trials: one row a trial, layout `row_type`."""
        scenario = self.play.scenario
        people = self.play.cohorts(trials, want=self.want)
        rows = np.empty(len(trials), row_type(len(scenario.endpoint), len(questions(scenario))))
        rows["trial"], rows["entered"] = trials, np.diff(people.first)
        for i, found in enumerate(analyse(scenario, people)):
            own = rows["estimates"][:, i]
            for name in ESTIMATE.names or ():
                own[name] = getattr(found, name)
        if scenario.belief.guesses:
            rows["guesses"] = guess_counts(scenario, people)
        return rows

    def __call__(self, trial: int) -> Rows:
        """Play and analyse trial number `trial`."""
        return self.many([trial])

    def warm(self) -> None:
        """Load, or compile, what the run needs."""
        self.many([0])


@cache
def row_type(endpoints: int, questions: int = 0) -> np.dtype[np.void]:
    """Give the layout of a trial's row: its number, how many entered, an ESTIMATE an endpoint, guesses if asked."""
    fields: list[Any] = [("trial", "i8"), ("entered", "i8"), ("estimates", ESTIMATE, (endpoints,))]
    return np.dtype(fields + [("guesses", "i8", (questions, len(ARMS), len(ANSWERS)))] * (questions > 0))


def method_words(scenario: Scenario) -> list[tuple[str, str]]:
    """Give each endpoint's method in words, and the word for it where the dispersion is at its boundary."""
    return [(found.method, found.boundary_method) for found in analyse(scenario, nobody())]


@dataclass(frozen=True)
class PowerResult:
    """Power and its company for each endpoint of a scenario.

    `estimates` has a row a trial and a column an endpoint (layout `performance.ESTIMATE`); `short_trials` counts the
    trials in which enrolment closed at enrolment.max_days before the target; `failed` are the trials that raised;
    `blinding` has an entry a question where treatment guesses are asked; `consort` is the mean flow of participants,
    None where it was not asked for; `uncertain` says what trials drew, and what stands beside, where populations were
    uncertain.
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
    blinding: tuple[Blinding, ...] = ()
    consort: RunFlow | None = None
    uncertain: Uncertain | None = None
    estimates: Rows = field(default_factory=lambda: np.empty((0, 0), ESTIMATE), repr=False)

    @property
    def beliefs(self) -> Beliefs:
        """Which finding the effects of belief follow."""
        return beliefs_of(self.scenario)

    @property
    def assurance(self) -> bool:
        """Whether each trial drew its effect too."""
        return self.uncertain is not None and self.uncertain.assurance

    def share(self, key: str) -> tuple[float, float]:
        """Give an endpoint's power, or its assurance (trials in the patient's favour alone), with its MCSE."""
        p = self.endpoints[key]
        if not self.assurance:
            return p.power, p.mcse
        return p.favourable_power, math.sqrt(p.favourable_power * (1.0 - p.favourable_power) / self.trials)

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
            "beliefs": self.beliefs.to_dict(),
            "effect": {key: None if math.isnan(value) else value for key, value in self.effect.items()},
            "short_trials": self.short_trials,
            "failed": [f.to_dict() for f in self.failed],
            "population": self.solution.to_dict() if self.solution else None,
            **({"blinding": [b.to_dict() for b in self.blinding]} if self.blinding else {}),
            **({"consort": self.consort.to_dict()} if self.consort else {}),
            **({"uncertain": self.uncertain.to_dict()} if self.uncertain else {}),
        }

    def to_frame(self) -> pd.DataFrame:
        """Give one row an endpoint."""
        import pandas as pd

        rows = {key: p.to_dict() for key, p in self.endpoints.items()}
        return pd.DataFrame.from_dict(rows, orient="index").rename_axis("endpoint")

    def estimates_frame(self, first: int = 0, last: int | None = None) -> pd.DataFrame:
        """Give one row a trial and endpoint, of all trials or of those from `first` up to, not including, `last`."""
        import pandas as pd

        chosen = self.estimates[first:last]
        flat, (trials, endpoints) = chosen.reshape(-1), chosen.shape
        words = method_words(self.scenario)
        columns: dict[str, Any] = {"trial": np.repeat(np.arange(first, first + trials), endpoints)}
        columns["endpoint"] = np.tile(np.array([e.key for e in self.scenario.endpoint], object), trials)
        columns |= {name: flat[name] for name in ("value", "standard_error", "lower", "upper", "p")}
        columns["converged"], columns["n"] = converged(flat), flat["n"].astype(np.int64)
        columns["outcome"] = outcome_names(flat["outcome"])
        at_boundary = (chosen["outcome"] == CODES["boundary_poisson"]).astype(np.int64)
        method = np.array(words, object)[np.arange(endpoints), at_boundary].reshape(-1)
        columns["method"] = np.where(flat["outcome"] == FAILED, "", method)
        return pd.DataFrame(columns)

    def __repr__(self) -> str:
        lines = [
            f"{self.name}: {self.trials} trials, seed {self.seed}, engine {self.engine}, digest {self.digest[:12]}",
            f"  {self.beliefs.words}",
        ]
        for key, p in self.endpoints.items():
            (share, mcse), what = self.share(key), "assurance" if self.assurance else "power"
            told = "no truth" if math.isnan(p.truth) else f"truth {p.truth:+.3f} ({p.truth_mcse:.3f})"
            lines.append(
                f"  {key}: {what} {share:.3f} (MCSE {mcse:.3f}), mean estimate {p.estimate_mean:+.3f}, "
                f"{told}, {p.scale}, {p.method}"
            )
        return "\n".join([*lines, f"  {self.uncertain.words}"] if self.uncertain else lines)


def power(
    scenario: Scenario,
    name: str = "",
    trials: int | None = None,
    mcse: float | None = None,
    seed: int = 1,
    workers: int = 1,
    truth_trials: int = TWIN_TRIALS,
    engine: str = "auto",
    watch: Watcher | None = None,
    watch_truth: Watcher | None = None,
    watch_population: Watcher | None = None,
    flow: bool = False,
    watch_flow: Watcher | None = None,
    uncertain: bool = False,
    watch_more: Callable[[str], Watcher] | None = None,
) -> PowerResult:
    """Estimate the power of a scenario from `trials` trials, or from as many as bring the MCSE of the primary's power
    down to `mcse` (planned once, from a pilot of 200).

    Give `trials` or `mcse`, not both (neither: 500 trials). `truth_trials` = 0 leaves the truth out. `flow` plays the
    first trials, 100 at most, again to follow their participants. `uncertain` lets each trial draw its population, and
    its effect where there is a prior; then there is no one truth, and none is given. Raises
    ShamtrialError for impossible requests, RunError when every trial failed or nobody ever entered.
    """
    _check(trials, mcse, truth_trials)
    begun, chosen = time.perf_counter(), for_many(engine)
    ready, solution = solved(scenario, workers, watch_population, chosen)
    play = uncertain_play(ready, find_draws(ready), seed, chosen) if uncertain else Play(ready, seed, chosen)
    with Pool(Analyse(play), seed, workers) as pool:
        asked = trials or (PILOT_TRIALS if mcse else DEFAULT_TRIALS)
        good, failed = pool.run_rows(range(asked), watch, _someone_enters(ready))
        if mcse:
            more = range(asked, _trials_needed(ready, good, mcse))
            added, lost = pool.run_rows(more, watch) if more else (None, [])
            good = np.concatenate([r for r in (good, added) if r is not None]) if added is not None else good
            failed, asked = failed + lost, asked + len(more)
        seconds = pool.busy_seconds
    if good is None:
        raise failed[0].error()
    if not good["entered"].any():
        raise _nobody(ready, len(good))
    truths: Truths = [None] * len(ready.endpoint)
    if truth_trials and not uncertain:
        truths = find_truth(ready, truth_trials, workers, watch_truth, chosen)
    rows, beside = _with_failed(good, failed), _around(play, good, asked, workers, watch_more)
    return PowerResult(
        name=name,
        scenario=ready,
        digest=scenario_digest(scenario),
        seed=seed,
        trials=len(rows),
        engine=chosen,
        elapsed_s=time.perf_counter() - begun,
        trials_per_s=len(rows) / max(seconds, 1e-9),
        endpoints=_performances(ready, rows["estimates"], truths),
        effect=_effect(ready, truths),
        short_trials=int((good["entered"] < ready.enrolment.target).sum()),
        failed=tuple(dict.fromkeys((*failed, *(beside.failed if beside else ())))),
        solution=solution,
        blinding=mean_indices(ready, good["guesses"]) if ready.belief.guesses else (),
        consort=run_flow(play, len(rows), workers, watch_flow) if flow else None,
        uncertain=beside,
        estimates=rows["estimates"],
    )


def _around(
    play: Play, rows: Rows, trials: int, workers: int, watch: Callable[[str], Watcher] | None
) -> Uncertain | None:
    """Give what stands beside the power of uncertain populations, None where they are not."""
    if not isinstance(play, UncertainPlay):
        return None
    assurance = play.draws is not None and play.draws.prior is not None

    def run(own: Play, wanted: int, label: str) -> tuple[Rows, list[Failure]]:
        with Pool(Analyse(own), own.seed, workers) as pool:
            got, lost = pool.run_rows(range(wanted), watch and watch(label))
        if got is None:
            raise lost[0].error()
        return got, lost

    return around(play, rows, trials, lambda own, k: found(play.scenario, own, k, assurance), run)


def found(scenario: Scenario, rows: Rows, number: int, helpful: bool) -> NDArray[np.bool_]:
    """Tell which of `Analyse`'s rows have p < alpha at endpoint `number`; `helpful`: and in the patient's favour."""
    own = rows["estimates"][:, number]
    rejected: NDArray[np.bool_] = own["p"] < scenario.study.alpha
    meaning = ENDPOINTS[parse_endpoint(scenario.endpoint[number].name)[0]]
    return rejected & (np.sign(own["value"]) == meaning.favourable) if helpful else rejected


def _nobody(scenario: Scenario, trials: int) -> RunError:
    return RunError(
        f"nobody entered any of {trials} trials before enrolment.max_days = {scenario.enrolment.max_days:g}: "
        "no candidate met the entry rule, see `shamtrial simulate` (adsl, SCRFREAS) for the reasons"
    )


def _someone_enters(scenario: Scenario) -> Look:
    """Give a look at the first trials that stops the run if nobody entered any of them."""

    def look(rows: Rows) -> None:
        if not rows["entered"].any():
            raise _nobody(scenario, len(rows))

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
    """Give the number of the primary endpoint: the one named, else the first that is tested, else the first."""
    keys = [e.key for e in scenario.endpoint]
    if scenario.study.primary:
        return keys.index(scenario.study.primary)
    tested = [i for i, e in enumerate(scenario.endpoint) if parse_endpoint(e.name)[0] not in UNTESTED]
    return tested[0] if tested else 0


def rejections(number: int, alpha: float) -> Callable[[Rows], int]:
    """Give a function that counts, among rows of `Analyse`, the rejections at endpoint `number`."""
    return lambda rows: int((rows["estimates"][:, number]["p"] < alpha).sum())


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
    if scenario.study.design == "immediate_v_delayed":
        return True
    kinds = [scenario.arm[arm].procedure for arm in contrast(scenario, endpoint)]
    return kinds[0] == "angioplasty" and kinds[1] != "angioplasty"


def _trials_needed(scenario: Scenario, pilot: Rows | None, mcse: float) -> int:
    rejected = rejections(primary(scenario), scenario.study.alpha)(pilot) if pilot is not None else 0
    return max(PILOT_TRIALS, min(trials_for(rejected, PILOT_TRIALS, mcse), MOST_TRIALS))


def _with_failed(rows: Rows, failed: Sequence[Failure]) -> Rows:
    """Give the rows in order of trial number, with rows without an answer for the trials that raised."""
    if not failed:
        return rows
    lost = np.zeros(len(failed), rows.dtype)
    lost["trial"] = [f.trial for f in failed]
    for name in ("value", "standard_error", "lower", "upper", "p"):
        lost["estimates"][name] = math.nan
    lost["estimates"]["outcome"] = FAILED
    everyone = np.concatenate([rows, lost])
    return everyone[np.argsort(everyone["trial"], kind="stable")]


def _performances(scenario: Scenario, estimates: Rows, truths: Truths) -> dict[str, Performance]:
    found = {}
    for i, (endpoint, words) in enumerate(zip(scenario.endpoint, method_words(scenario), strict=True)):
        meaning = ENDPOINTS[parse_endpoint(endpoint.name)[0]]
        found[endpoint.key] = performance(
            estimates[:, i], words, scenario.study.alpha, meaning.scale, meaning.favourable, truths[i]
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
