"""Replays a published study many times, with no effect and with the effect claimed, and judges its figures jointly."""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from sim.core.errors import RunError, ShamtrialError
from sim.engines.want import Want
from sim.scenario.beliefs import Beliefs, beliefs_of
from sim.scenario.loaded import with_settings
from sim.scenario.schema import Claim, Figure, Scenario
from sim.study.judge import contrasts, judge, judge_jointly, rise
from sim.study.layout import Flat
from sim.study.play import Play, for_many, scenario_digest
from sim.study.population import solved
from sim.study.power import MOST_TRIALS
from sim.study.quantities import LEFT_OUT, combined, quantity
from sim.study.readings import patients_asked
from sim.study.replay_words import figure_words, sentences
from sim.study.runner import Failure, Pool, Rows, Watcher, Workers
from sim.study.runs import Address, RunFolder
from sim.study.stream import gather
from sim.study.uncertain import Draws, find_draws, settings_of, uncertain_play

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["DEFAULT_TRIALS", "ReplayResult", "Replayed", "Side", "patients_asked", "play_side", "replay", "to_judge"]

DEFAULT_TRIALS = 1000
NULL, CLAIMED = "null", "claimed"  # names of the series of a run's chunks
BEFORE_AFTER = ("relapse_free_before", "relapse_free_after", "rate_ratio")

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Replayed:
    """Answers the trials' values of these figures, one row a trial; picklable."""

    play: Play
    figures: tuple[Figure, ...]

    @cached_property
    def want(self) -> Want:
        """What the figures ask of an engine."""
        scenario = self.play.scenario
        return combined([quantity(scenario, f).want(scenario, f) for f in self.figures])

    @property
    def row(self) -> np.dtype[np.void]:
        """The type of a trial's row."""
        return np.dtype([("trial", "i8"), ("values", "f8", (len(self.figures),))])

    def many(self, trials: Sequence[int]) -> Rows:
        """Play these trials and read their figures: the trial's number, then a value each."""
        scenario = self.play.scenario
        people = self.play.cohorts(trials, want=self.want)
        rows = np.empty(len(trials), self.row)
        rows["trial"] = trials
        for k, figure in enumerate(self.figures):
            rows["values"][:, k] = quantity(scenario, figure).of(scenario, figure, people)
        return rows

    def __call__(self, trial: int) -> Rows:
        """Play trial number `trial`."""
        return self.many([trial])

    def warm(self) -> None:
        """Load, or compile, what the run needs."""
        self.many([0])


@dataclass(frozen=True)
class Side:
    """The replays under one assumption: each figure's values, its judgement, and the joint one."""

    no_effect: bool
    asked: tuple[Figure, ...]
    values: tuple[Floats, ...]
    figures: list[dict[str, Any]]
    joint: dict[str, Any]
    failed: tuple[Failure, ...]

    def series(self, name: str) -> Floats:
        """Give the values of a quantity of the whole study, one a trial."""
        return next(v for f, v in zip(self.asked, self.values, strict=True) if f.quantity == name and not f.arm)


@dataclass(frozen=True)
class ReplayResult:
    """A published study beside its replays; `figures` and `joint` are those of the JSON contract, with no effect.

    `claimed` holds the same under the effect that its authors claimed, None where none is known; `left_out` the
    published figures that the simulator can't give, each with the reason; `draws` what each replay drew, where
    populations are uncertain. Where the scenario itself has an effect, `null` is under that one (`null.no_effect` is
    false), and nothing is claimed.
    """

    study: str
    name: str
    digest: str
    seed: int
    trials: int
    patients: int
    scenario: Scenario
    null: Side
    claim: Claim
    claimed: Side | None
    left_out: tuple[dict[str, str], ...]
    elapsed_s: float
    draws: Draws | None = None

    @property
    def figures(self) -> list[dict[str, Any]]:
        """Each figure's judgement."""
        return self.null.figures

    @property
    def joint(self) -> dict[str, Any]:
        """The joint judgement, with the three sentences."""
        return self.null.joint | {"sentences": list(self.sentences)}

    @property
    def sentences(self) -> tuple[str, ...]:
        """The finding, its numbers, and the design that would have prevented it."""
        return tuple(sentences(self))

    @property
    def beliefs(self) -> Beliefs:
        """Which finding the effects of belief follow."""
        return beliefs_of(self.scenario)

    @property
    def failed(self) -> tuple[Failure, ...]:
        """The trials that raised, under either assumption; one that raised alike under both is there once."""
        every = (*self.null.failed, *(self.claimed.failed if self.claimed else ()))
        return tuple(dict.fromkeys(every))

    @property
    def before(self) -> NDArray[np.int64]:
        """Relapse-free before, one count a trial (before-after studies)."""
        return self.null.series("relapse_free_before").astype(np.int64)

    @property
    def after(self) -> NDArray[np.int64]:
        """Relapse-free after, one count a trial (before-after studies)."""
        return self.null.series("relapse_free_after").astype(np.int64)

    @property
    def ratio(self) -> Floats:
        """Rate after over rate before, one a trial; NaN without a relapse before (before-after studies)."""
        return self.null.series("rate_ratio")

    def to_dict(self) -> dict[str, Any]:
        """Give the JSON object of the contract."""
        names = ("study", "seed", "trials", "figures", "joint")
        claimed = self.claimed and {"figures": self.claimed.figures, "joint": self.claimed.joint}
        return {n: getattr(self, n) for n in names} | {
            "beliefs": self.beliefs.to_dict(),
            **({"uncertain": self.draws.to_dict()} if self.draws else {}),
            "no_effect": self.null.no_effect,
            "claim": self.claim.model_dump() if self.claim.words else None,
            "claimed": claimed,
            "left_out": list(self.left_out),
            "scenario": self.name,
            "digest": self.digest,
            "failed": [f.to_dict() for f in self.failed],
        }

    def to_frame(self) -> pd.DataFrame:
        """Give one row a published figure."""
        import pandas as pd

        columns = ["id", "arm", "quantity", "published", "median", "interval", "mid_pit", "share_as_favourable"]
        return pd.DataFrame(self.figures, columns=[*columns, "used_for_fit", "status"]).set_index("id")

    def __repr__(self) -> str:
        head = f"{self.study} replayed {self.trials} times ({self.name}, seed {self.seed}), {self.patients} patients"
        return "\n".join(
            [
                head,
                f"  {self.beliefs.words}",
                *(f"  {figure_words(f)}" for f in self.figures),
                *(f"  {s}" for s in self.sentences),
            ]
        )


def to_judge(scenario: Scenario, name: str = "") -> tuple[list[Figure], tuple[dict[str, str], ...]]:
    """Give the published figures that a replay computes, and those left out with reasons; refuse what does not fit."""
    published = scenario.published.figure
    if not published:
        raise ShamtrialError(
            f"replay: found {name or 'a scenario'} without [[published.figure]]; "
            "allowed: published/zamboni_2009, another of published/, or a scenario that extends one"
        )
    left = tuple({"id": f.id, "quantity": f.quantity, "reason": why} for f in published if (why := _left_out(f)))
    judged = [f for f in published if not _left_out(f)]
    for figure in judged:
        quantity(scenario, figure)
    return judged, left


def _left_out(figure: Figure) -> str:
    return LEFT_OUT.get(figure.quantity, "")


def replay(
    scenario: Scenario,
    name: str = "",
    trials: int = DEFAULT_TRIALS,
    seed: int = 1,
    workers: Workers = 1,
    engine: str = "auto",
    watch: Watcher | None = None,
    watch_population: Watcher | None = None,
    uncertain: bool = False,
    out: str | Path | None = None,
) -> ReplayResult:
    """Replay a published study `trials` times as the scenario is, and again with the effect claimed, if one was.

    `uncertain` lets each replay draw its population, so that intervals hold what is not known of it. `out` is a folder
    that keeps every replay's figures while the run goes on; replays that are there are read.
    ShamtrialError if the scenario has no published figures, or one that does not fit it.
    """
    figures, left_out = to_judge(scenario, name)
    if not 2 <= trials <= MOST_TRIALS:
        raise ShamtrialError(f"--trials: found {trials}; allowed: 2 to {MOST_TRIALS:,}")
    begun, chosen = time.perf_counter(), for_many(engine)
    with ExitStack() as stack:
        run = (
            stack.enter_context(RunFolder(out, Address("replay", name, scenario, seed, settings_of(uncertain))))
            if out is not None
            else None
        )
        ready, _ = solved(scenario, workers, watch_population, chosen)
        draws = find_draws(ready).of_population() if uncertain else None
        how = (trials, seed, workers, chosen)
        if run:
            run.plan(trials)
        null, claim = play_side(ready, figures, how, watch, draws, run, NULL), scenario.published.claim
        claimed = None
        if claim.words and not _has_effect(scenario):
            claimed = play_side(with_settings(ready, claim.settings), figures, how, watch, draws, run, CLAIMED)
        result = ReplayResult(
            study=scenario.published.study,
            name=name,
            digest=scenario_digest(scenario),
            seed=seed,
            trials=trials,
            patients=patients_asked(scenario),
            scenario=scenario,
            null=null,
            claim=claim,
            claimed=claimed,
            left_out=left_out,
            elapsed_s=time.perf_counter() - begun,
            draws=draws,
        )
        if run:
            run.finish(trials, result.to_dict())
    return result


def _has_effect(scenario: Scenario) -> bool:
    return not scenario.no_effect


def play_side(
    scenario: Scenario,
    figures: Sequence[Figure],
    how: tuple[int, int, Workers, str],
    watch: Watcher | None = None,
    draws: Draws | None = None,
    run: RunFolder | None = None,
    name: str = "",
) -> Side:
    """Play and judge the replays of one scenario; `how` is (trials, seed, workers, engine), `draws` what each draws,
    `name` that of the series in the run's folder, where there is one."""
    trials, seed, workers, engine = how
    asked = to_ask(scenario, figures)
    if not asked:
        return Side(scenario.no_effect, (), (), [], judge_jointly([], []) | {"contrasts": [], "rise": None}, ())
    play = uncertain_play(scenario, draws, seed, engine) if draws else Play(scenario, seed, engine)
    function = Replayed(play, asked)
    with Pool(function, seed, workers) as pool:
        if run:
            rows, failed = gather(pool, trials, run.series(name, Flat(function.row)), watch)
        else:
            rows, failed = pool.run_rows(range(trials), watch)
    if rows is None or len(rows) < 2:
        raise failed[0].error() if failed else RunError("replay: fewer than two trials were played")
    values = tuple(rows["values"].T)
    for figure, own in zip(figures, values, strict=False):
        if np.isnan(own).sum() > len(own) - 2:
            raise RunError(f"replay: no two trials have a value of {figure.quantity}")
    own = values[: len(figures)]
    by_name: dict[str, Floats] = {f.quantity: v for f, v in zip(asked, values, strict=True)}
    joint = judge_jointly(figures, own) | {
        "contrasts": contrasts(figures, own),
        "rise": rise({f.quantity: f for f in figures}, by_name),
    }
    judged = [judge(scenario, f, v) for f, v in zip(figures, own, strict=True)]
    return Side(scenario.no_effect, asked, values, judged, joint, tuple(failed))


def to_ask(scenario: Scenario, figures: Sequence[Figure]) -> tuple[Figure, ...]:
    """Give the figures that a replay is asked for."""
    return (*figures, *_series(scenario, figures))


def _series(scenario: Scenario, figures: Sequence[Figure]) -> list[Figure]:
    """Give what the picture of a before-after study needs besides its published figures."""
    if not scenario.before_after:
        return []
    there = {f.quantity for f in figures}
    return [
        Figure(id="", quantity=q, low=0.0, high=0.0, window="", status="derived", source="")  # type: ignore[arg-type]
        for q in BEFORE_AFTER
        if q not in there
    ]
