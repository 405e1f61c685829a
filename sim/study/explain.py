"""The question turned round: which mechanisms, and how strong, make a before-after result ordinary with no effect.

A grid: every combination of the levels of AXES is replayed with veins that do nothing, and judged jointly as a replay
is. What the grid can't say: which of its settings held in the study, for nothing about that was published.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from sim.core.errors import ShamtrialError
from sim.scenario.beliefs import Beliefs, beliefs_of
from sim.scenario.loaded import with_settings
from sim.scenario.schema import Scenario
from sim.study.judge import verdict
from sim.study.play import for_many, scenario_digest
from sim.study.power import MOST_TRIALS
from sim.study.quantities import QUANTITIES
from sim.study.replay import BEFORE_AFTER, play_side, to_judge
from sim.study.replay_words import share_words
from sim.study.runner import Failure, Progress, Watcher, Workers

if TYPE_CHECKING:
    import pandas as pd

EXPLAIN_TRIALS: Final = 2000
"""Replays a setting. With 300, a joint tail of 9.5% comes out as 8.5% on average with a standard deviation of 2.8
points, where its printed error says 1.6; with 2000 as 9.4%, with 1.0 (docs/replays.md)."""


class Level(NamedTuple):
    """One strength of a mechanism: in words that stand alone, and the values it sets (none: the scenario's own)."""

    words: str
    settings: tuple[str, ...] = ()


class Axis(NamedTuple):
    """A mechanism and its strengths."""

    name: str
    levels: tuple[Level, ...]


def _levels(key: str, words: str, *values: float) -> tuple[Level, ...]:
    """Make levels of one key, the scenario's own value first."""
    return (Level("as shipped"), *(Level(f"{words} {v:g}", (f"{key}={v}",)) for v in values))


AXES: Final = (
    Axis("selection", _levels("eligibility.selection_weight", "selection weight", 0.15, 1.0)),
    Axis("self-referral", (Level("as shipped"), Level("no self-referral", ("self_referral.enabled=false",)))),
    Axis("forgetting before", _levels("recall.omission_prob", "omission", 0.4, 0.7)),
    Axis(
        "telescoping before",
        (
            Level("as shipped"),
            Level("strong telescoping", ("recall.telescoping_prob=0.6", "recall.telescoping_share=0.6")),
        ),
    ),
    Axis("silence after", _levels("reporting.unreported_by_cured_prob", "silence", 0.0, 0.8)),
    Axis("medication", (Level("as shipped"), Level("no medication", ("medication.enabled=false",)))),
    Axis(
        "unequal activity",
        (Level("as shipped"), Level("unequal activity", ("frailty.variance=1.5", "activity.ratio=15.0"))),
    ),
)
"""The mechanisms that can move relapse-free patients before and after, and their strengths; the first is shipped."""


@dataclass(frozen=True)
class Setting:
    """One combination of strengths: each mechanism's level in words, and what its replays give.

    `medians` and `mid_pits` are by quantity; `verdict` is "ordinary", "at the edge" or "rare".
    """

    levels: dict[str, str]
    settings: tuple[str, ...]
    medians: dict[str, float]
    mid_pits: dict[str, float]
    tail_probability: float
    mcse: float
    verdict: str

    @property
    def changed(self) -> dict[str, str]:
        """The mechanisms that are not as shipped."""
        return {name: words for name, words in self.levels.items() if words != "as shipped"}

    @property
    def words(self) -> str:
        """The setting in words."""
        return ", ".join(self.changed.values()) or "all as shipped"


@dataclass(frozen=True)
class ExplainResult:
    """A published before-after result under every combination of strengths, most ordinary first."""

    study: str
    name: str
    digest: str
    seed: int
    trials: int
    published: dict[str, list[float]]
    settings: tuple[Setting, ...]
    beliefs: Beliefs
    elapsed_s: float
    failed: tuple[Failure, ...] = ()

    @property
    def ordinary(self) -> tuple[Setting, ...]:
        """The settings under which the result is ordinary, those that change least first."""
        found = [s for s in self.settings if s.verdict == "ordinary"]
        return tuple(sorted(found, key=lambda s: (len(s.changed), -s.tail_probability)))

    @property
    def shipped(self) -> Setting:
        """The setting in which nothing is changed."""
        return next(s for s in self.settings if not s.changed)

    @property
    def sentences(self) -> tuple[str, ...]:
        """What makes the result ordinary, and what stays unexplained."""
        return tuple(_sentences(self))

    def to_dict(self) -> dict[str, Any]:
        """Give what `--json` prints."""
        names = ("study", "seed", "trials", "digest", "published")
        return {n: getattr(self, n) for n in names} | {
            "scenario": self.name,
            "axes": [{"name": a.name, "levels": [v._asdict() for v in a.levels]} for a in AXES],
            "settings": [asdict(s) for s in self.settings],
            "beliefs": self.beliefs.to_dict(),
            "ordinary": len(self.ordinary),
            "sentences": list(self.sentences),
            "failed": [f.to_dict() for f in self.failed],
        }

    def to_frame(self) -> pd.DataFrame:
        """Give one row a setting."""
        import pandas as pd

        rows = [
            s.levels | s.medians | {"tail_probability": s.tail_probability, "mcse": s.mcse, "verdict": s.verdict}
            for s in self.settings
        ]
        return pd.DataFrame(rows)

    def __repr__(self) -> str:
        head = (
            f"{self.study}: {len(self.settings)} settings of {self.name}, {self.trials} replays each, seed {self.seed}"
        )
        return "\n".join([head, *(f"  {s}" for s in self.sentences)])


def combinations(axes: Sequence[Axis] = AXES) -> list[tuple[Level, ...]]:
    """Give every combination of levels, one of each axis."""
    return list(itertools.product(*(a.levels for a in axes)))


def explain(
    scenario: Scenario,
    name: str = "",
    trials: int = EXPLAIN_TRIALS,
    seed: int = 1,
    workers: Workers = 1,
    engine: str = "auto",
    watch: Watcher | None = None,
    axes: Sequence[Axis] = AXES,
) -> ExplainResult:
    """Replay every combination of strengths; ShamtrialError unless it is a before-after study without an effect."""
    figures, _ = to_judge(scenario, name)
    _refuse(scenario, {f.quantity for f in figures}, trials)
    begun, grid = time.perf_counter(), combinations(axes)
    progress = Progress(0, len(grid), begun)
    found: list[Setting] = []
    failed: list[Failure] = []
    for levels in grid:
        settings = tuple(s for level in levels for s in level.settings)
        side = play_side(with_settings(scenario, settings), figures, (trials, seed, workers, for_many(engine)))
        named = {a.name: level.words for a, level in zip(axes, levels, strict=True)}
        found.append(_setting(named, settings, side.figures, side.joint))
        failed += side.failed
        progress.done += 1
        if watch:
            watch(progress, [])
    return ExplainResult(
        study=scenario.published.study,
        name=name,
        digest=scenario_digest(scenario),
        seed=seed,
        trials=trials,
        published={f.quantity: [f.low, f.high] for f in figures},
        settings=tuple(sorted(found, key=lambda s: -s.tail_probability)),
        beliefs=beliefs_of(scenario),
        elapsed_s=time.perf_counter() - begun,
        failed=tuple(failed),
    )


def _refuse(scenario: Scenario, quantities: set[str], trials: int) -> None:
    missing = [q for q in BEFORE_AFTER if q not in quantities]
    if not scenario.before_after:
        raise ShamtrialError(f"--explain: found design {scenario.study.design}; allowed: uncontrolled_before_after")
    if missing:
        raise ShamtrialError(f"--explain: found no published figure of {missing[0]}; allowed: all of {BEFORE_AFTER}")
    if not scenario.no_effect:
        raise ShamtrialError("--explain: found an effect; allowed: veins that do nothing (effect.enabled = false)")
    if not 2 <= trials <= MOST_TRIALS:
        raise ShamtrialError(f"--trials: found {trials}; allowed: 2 to {MOST_TRIALS:,}")


def _setting(
    levels: dict[str, str], settings: tuple[str, ...], figures: list[dict[str, Any]], joint: dict[str, Any]
) -> Setting:
    return Setting(
        levels,
        settings,
        {f["quantity"]: f["median"] for f in figures},
        {f["quantity"]: f["mid_pit"] for f in figures},
        joint["tail_probability"],
        joint["mcse"],
        verdict(joint["tail_probability"], joint["mcse"]),
    )


def _sentences(result: ExplainResult) -> Iterator[str]:
    ordinary, n = result.ordinary, len(result.settings)
    yield f"As shipped, {_tail(result.shipped, result)}: {_medians(result.shipped)}."
    if not ordinary:
        best = result.settings[0]
        yield (
            f"None of the {n} settings makes the result ordinary (joint tail of 5% or more beyond 1.96 MCSE); nearest "
            f"is {best.words}: {_tail(best, result)}, with {_medians(best)}."
        )
        yield f"Unexplained by all of them: {_worst(best)}."
        return
    least = ordinary[0]
    yield (
        f"In {len(ordinary)} of {n} settings the result is ordinary with no effect; fewest changes: {least.words}: "
        f"{_tail(least, result)}, with {_medians(least)}."
    )
    needed = list(_needed(ordinary))
    yield (
        (f"All of these have {' and '.join(needed)}. " if needed else "They share no strength of any mechanism. ")
        + "Unexplained stays whether it was so in the study: none of these strengths was reported, and the grid was "
        f"searched for them. Least well reached there: {_worst(least)}."
    )


def _needed(ordinary: Sequence[Setting]) -> Iterator[str]:
    """Name each mechanism's levels among the ordinary settings, where as shipped is not one of them."""
    for name in ordinary[0].levels:
        levels = list(dict.fromkeys(s.levels[name] for s in ordinary))
        if "as shipped" not in levels:
            yield " or ".join(sorted(levels))


def _tail(setting: Setting, result: ExplainResult) -> str:
    return f"{share_words(setting.tail_probability, setting.mcse, result.trials)} lie as far out"


def _medians(setting: Setting) -> str:
    before, after, ratio = (setting.medians[q] for q in BEFORE_AFTER)
    return f"medians {before:g} relapse-free before, {after:g} after, ratio of rates {ratio:.2f}"


def _worst(setting: Setting) -> str:
    name = max(setting.mid_pits, key=lambda q: abs(setting.mid_pits[q] - 0.5))
    more = "more" if setting.mid_pits[name] < 0.5 else "less"
    return f"{QUANTITIES[name].words}, of which the replays give {more} (mid-PIT {setting.mid_pits[name]:.3f})"
