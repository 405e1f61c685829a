"""Power of a scenario's endpoints by simulation, with the Monte Carlo standard error beside each figure."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from sim.analysis.trial import contrast
from sim.core.defaults import TWIN_TRIALS
from sim.core.endpoints import ENDPOINTS, parse_endpoint
from sim.core.errors import RunError, ShamtrialError
from sim.scenario.beliefs import Beliefs, beliefs_of
from sim.scenario.schema import Endpoint, Scenario
from sim.study.between import Uncertain, around
from sim.study.blinding import Blinding, mean_indices
from sim.study.consort import RunFlow, run_flow
from sim.study.estimates import Estimates
from sim.study.performance import ESTIMATE, Performance, Rows
from sim.study.play import Play, for_many, scenario_digest
from sim.study.population import Solution, solved
from sim.study.runner import Failure, Pool, Watcher, Workers
from sim.study.runs import Address, RunFolder
from sim.study.stream import Flow, Stream
from sim.study.tally import Analyse, Tally, Truths, primary, rejections
from sim.study.truth import find_truth
from sim.study.uncertain import UncertainPlay, find_draws, settings_of, uncertain_play

if TYPE_CHECKING:
    import pandas as pd

DEFAULT_TRIALS = 500
PILOT_TRIALS = 200
FIRST_TRIALS = 20
MOST_TRIALS = 10_000_000


@dataclass(frozen=True)
class PowerResult:
    """Power and its company for each endpoint of a scenario.

    `estimates` has a row a trial, of the first KEPT trials, and a column an endpoint (layout `performance.ESTIMATE`);
    `short_trials` counts the trials in which enrolment closed at enrolment.max_days before the target; `failed` are the
    trials that raised; `blinding` has an entry a question where treatment guesses are asked, over the first KEPT
    trials; `consort` is the mean flow of participants, None where it was not asked for. `folder` holds every estimate,
    `read` of the trials were there already; `notes` say what was amiss in it and mended. `uncertain` says what trials
    drew, and what stands beside, where populations were uncertain.
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
    folder: Path | None = None
    read: int = 0
    notes: tuple[str, ...] = ()

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
            **({"read": self.read} if self.folder else {}),
        }

    def to_frame(self) -> pd.DataFrame:
        """Give one row an endpoint."""
        import pandas as pd

        rows = {key: p.to_dict() for key, p in self.endpoints.items()}
        return pd.DataFrame.from_dict(rows, orient="index").rename_axis("endpoint")

    def estimates_frame(self, first: int = 0, last: int | None = None) -> pd.DataFrame:
        """Give one row a trial and endpoint, of all trials or of those from `first` up to, not including, `last`.

        ShamtrialError where a trial is asked for that was neither held in memory nor written to a folder.
        """
        end = self.trials if last is None else min(last, self.trials)
        if self.folder:
            from sim.study.opened import open_run

            return open_run(self.folder).to_frame(first=first, last=end)
        if end > len(self.estimates):
            raise ShamtrialError(
                f"estimates_frame: found trials up to {end}; allowed: up to {len(self.estimates)}, which are held in "
                "memory; power(..., out=DIR) keeps every trial"
            )
        return self._held_frame(first, end)

    def _held_frame(self, first: int, last: int) -> pd.DataFrame:
        import pyarrow as pa

        layout = Estimates(self.scenario)
        rows = layout.blank(max(0, last - first))
        rows["trial"], rows["estimates"] = np.arange(first, first + len(rows)), self.estimates[first:last]
        columns = layout.columns(rows)
        for name in ("entered", *layout.guesses):  # are in a folder's chunks alone
            del columns[name]
        return pa.table(columns).to_pandas()

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
    workers: Workers = 1,
    truth_trials: int = TWIN_TRIALS,
    engine: str = "auto",
    watch: Watcher | None = None,
    watch_truth: Watcher | None = None,
    watch_population: Watcher | None = None,
    flow: bool = False,
    watch_flow: Watcher | None = None,
    uncertain: bool = False,
    watch_more: Callable[[str], Watcher] | None = None,
    out: str | Path | None = None,
) -> PowerResult:
    """Estimate the power of a scenario from `trials` trials, or from as many as bring the MCSE of the primary's power
    down to `mcse` (planned once, from a pilot of 200).

    Give `trials` or `mcse`, not both (neither: 500 trials). `truth_trials` = 0 leaves the truth out. `flow` plays the
    first trials, 100 at most, again to follow their participants. `uncertain` lets each trial draw its population, and
    its effect where there is a prior; then there is no one truth, and none is given. `out` is a folder that keeps every
    estimate while the run goes on; trials that are there are read, not played. Raises ShamtrialError for impossible
    requests, RunError when every trial failed or nobody ever entered.
    """
    _check(trials, mcse, truth_trials)
    begun, chosen = time.perf_counter(), for_many(engine)
    known = 0 if uncertain else truth_trials
    asked = _Asked(trials or (PILOT_TRIALS if mcse else DEFAULT_TRIALS), mcse, known, workers)
    with ExitStack() as stack:
        Play(scenario, seed, chosen)  # refuses a seed before a folder is made
        drawn = settings_of(uncertain)
        run = (
            stack.enter_context(RunFolder(out, Address("power", name, scenario, seed, drawn)))
            if out is not None
            else None
        )
        ready, solution = solved(scenario, workers, watch_population, chosen)
        play = uncertain_play(ready, find_draws(ready), seed, chosen) if uncertain else Play(ready, seed, chosen)
        tally, stream, seconds = _stream(play, asked, run, watch, watch_truth)
        total = stream.total
        beside = _around(play, tally, workers, watch_more)
        result = PowerResult(
            name=name,
            scenario=ready,
            digest=scenario_digest(scenario),
            seed=seed,
            trials=total,
            engine=chosen,
            elapsed_s=time.perf_counter() - begun,
            trials_per_s=(total - stream.read) / max(seconds, 1e-9),
            endpoints=tally.performances(),
            effect=_effect(ready, tally.truths),
            short_trials=sum(tally.short.values()),
            failed=tuple(dict.fromkeys((*tally.failures(), *(beside.failed if beside else ())))),
            solution=solution,
            blinding=mean_indices(ready, tally.guesses()) if ready.belief.guesses else (),
            consort=run_flow(play, total, workers, watch_flow) if flow else None,
            uncertain=beside,
            estimates=tally.rows()["estimates"],
            folder=run.folder if run else None,
            read=stream.read,
            notes=tuple(run.notes) if run else (),
        )
        if run:
            run.finish(total, result.to_dict())
    return result


@dataclass(frozen=True)
class _Asked:
    """What a run is asked for; `trials` is the pilot where an MCSE is."""

    trials: int
    mcse: float | None
    truth_trials: int
    workers: Workers


def _stream(
    play: Play, asked: _Asked, run: RunFolder | None, watch: Watcher | None, watch_truth: Watcher | None
) -> tuple[Tally, Stream, float]:
    """Play the trials: the first few, to see whether anybody enters; then the truth; then the rest."""
    ready = play.scenario
    tally = Tally(ready, [None] * len(ready.endpoint))
    layout = Estimates(ready)
    series = run.series("estimates", layout) if run else None
    trials, there = asked.trials, series.end if series else 0
    if series and not asked.mcse:
        series.at_least(trials)
    if run:
        run.plan(max(trials, there))
    with Pool(Analyse(play), play.seed, asked.workers) as pool:
        stream = Stream(layout, tally.take, series)
        flow = Flow(pool, [stream])
        first = trials if asked.mcse else min(FIRST_TRIALS, trials)
        flow.extend(first, watch, trials)
        _check_first(ready, tally)
        if asked.truth_trials:
            tally.know(find_truth(ready, asked.truth_trials, asked.workers, watch_truth, play.engine))
        if asked.mcse:
            trials = max(_trials_needed(ready, tally.rows(), asked.mcse), there)
            if run:
                run.plan(trials)
        flow.extend(trials, watch)
        seconds = pool.busy_seconds
    failed = tally.failures()
    if len(failed) == stream.total:
        raise failed[0].error()
    _check_first(ready, tally)
    return tally, stream, seconds


def _check_first(scenario: Scenario, tally: Tally) -> None:
    """Stop the run if nobody entered any of the trials so far (those that failed are told of later)."""
    played = sum(len(block.good) for block in tally.kept.values())
    if played and not tally.entered:
        raise RunError(
            f"nobody entered any of {played} trials before enrolment.max_days = {scenario.enrolment.max_days:g}: "
            "no candidate met the entry rule, see `shamtrial simulate` (adsl, SCRFREAS) for the reasons"
        )


def _around(play: Play, tally: Tally, workers: Workers, watch: Callable[[str], Watcher] | None) -> Uncertain | None:
    """Give what stands beside the power of uncertain populations, by the first KEPT trials; None where they are not."""
    if not isinstance(play, UncertainPlay):
        return None
    rows, trials = tally.good(), len(tally.rows())
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


def _check(trials: int | None, mcse: float | None, truth_trials: int) -> None:
    if trials is not None and mcse is not None:
        raise ShamtrialError("--trials and --mcse: found both; allowed: one of them")
    if trials is not None and not 1 <= trials <= MOST_TRIALS:
        raise ShamtrialError(f"--trials: found {trials}; allowed: 1 to {MOST_TRIALS:,}")
    if mcse is not None and not 0.0001 <= mcse < 0.5:
        raise ShamtrialError(f"--mcse: found {mcse}; allowed: 0.0001 to 0.5")
    if not 0 <= truth_trials <= MOST_TRIALS:
        raise ShamtrialError(f"--truth-trials: found {truth_trials}; allowed: 0 (no truth) to {MOST_TRIALS:,}")


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


def _trials_needed(scenario: Scenario, pilot: Rows, mcse: float) -> int:
    rejected = rejections(primary(scenario), scenario.study.alpha)(pilot[:PILOT_TRIALS])
    return max(PILOT_TRIALS, min(trials_for(rejected, PILOT_TRIALS, mcse), MOST_TRIALS))


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
