"""What a power run adds up: each trial played and analysed, and the rows of a block at a time summed up."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from sim.analysis.trial import analyse
from sim.core.endpoints import ENDPOINTS, UNTESTED, parse_endpoint
from sim.core.endpoints import Endpoint as Meaning
from sim.data.guesses import guess_counts, questions
from sim.engines.want import Want
from sim.scenario.schema import Endpoint, Scenario
from sim.study.estimates import method_words, row_type
from sim.study.layout import Block
from sim.study.performance import ESTIMATE, Performance, Rows, Sums, Truth, block_sums, combined
from sim.study.play import Play
from sim.study.runner import Failure
from sim.study.wanted import wanted

KEPT = 100_000  # trials whose rows are held in memory

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


@dataclass
class Tally:
    """Sums up a run block by block as they come, in any order; a block that has grown takes the place of what it was.

    The rows of the first `keep` trials are held, for the picture, the blinding indices, and to be summed up again once
    the truth is known.
    """

    scenario: Scenario
    truths: Truths
    keep: int = field(default_factory=lambda: KEPT)
    sums: dict[int, list[Sums]] = field(default_factory=dict)
    short: dict[int, int] = field(default_factory=dict)
    entered: int = 0
    played: int = 0
    rejected: NDArray[np.int64] = field(init=False)
    kept: dict[int, Block] = field(default_factory=dict)
    failed: dict[int, tuple[Failure, ...]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Begin with nothing."""
        self.rejected = np.zeros(len(self.scenario.endpoint), np.int64)

    def take(self, block: Block) -> None:
        """Sum up a block."""
        own, estimates, good = self.scenario, block.rows["estimates"], block.good
        true = [math.nan if t is None else t.value for t in self.truths]
        before = self.sums.get(block.first, [])
        now = self.sums[block.first] = [
            block_sums(estimates[:, i], own.study.alpha, _meaning(e).favourable, true[i])
            for i, e in enumerate(own.endpoint)
        ]
        self.played += now[0].trials - sum(s.trials for s in before[:1])
        self.rejected += np.array([s.rejected for s in now]) - np.array([s.rejected for s in before] or 0)
        self.short[block.first] = int((good["entered"] < own.enrolment.target).sum())
        self.entered = max(self.entered, int(good["entered"].max(initial=0)))
        if block.failed:
            self.failed[block.first] = block.failed
        if block.first < self.keep:
            self.kept[block.first] = block

    @property
    def largest_mcse(self) -> float:
        """The largest Monte Carlo standard error of a power so far."""
        shares = self.rejected / self.played
        return float(np.sqrt(shares * (1.0 - shares) / self.played).max())

    def know(self, truths: Truths) -> None:
        """Sum up anew what came before the truth was known."""
        self.truths = truths
        for block in list(self.kept.values()):
            self.take(block)

    def failures(self) -> list[Failure]:
        """Give the trials that raised, in order."""
        return [f for first in sorted(self.failed) for f in self.failed[first]]

    def rows(self) -> Rows:
        """Give the rows of the first trials, those that failed blank."""
        return np.concatenate([self.kept[first].rows for first in sorted(self.kept)])

    def good(self) -> Rows:
        """Give the rows of the first trials, without those that failed."""
        return np.concatenate([self.kept[first].good for first in sorted(self.kept)])

    def guesses(self) -> NDArray[np.int64]:
        """Give the counts of guesses of the first trials, without those that failed."""
        found: NDArray[np.int64] = np.concatenate([self.kept[k].good["guesses"] for k in sorted(self.kept)])
        return found

    def performances(self) -> dict[str, Performance]:
        """Give each endpoint's performance."""
        found, methods, firsts = {}, method_words(self.scenario), sorted(self.sums)
        for i, (endpoint, words) in enumerate(zip(self.scenario.endpoint, methods, strict=True)):
            about = _meaning(endpoint)
            own = [self.sums[first][i] for first in firsts]
            found[endpoint.key] = combined(own, words, about.scale, about.favourable, self.truths[i])
        return found


@dataclass(frozen=True)
class Standing:
    """How far a run of several scenarios is: what a progress bar shows beside the rate."""

    tallies: Sequence[Tally]

    @property
    def largest_mcse(self) -> float:
        """The largest Monte Carlo standard error of a power so far; NaN while no scenario has a block of trials."""
        return max((tally.largest_mcse for tally in self.tallies if tally.played), default=math.nan)


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


def _meaning(endpoint: Endpoint) -> Meaning:
    """Give what the registry says of an endpoint: its scale, and which direction is favourable."""
    return ENDPOINTS[parse_endpoint(endpoint.name)[0]]
