"""A game whose sets were valued by the same simulated trials: its shares, each with its Monte Carlo standard error."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import combinations

import numpy as np

from sim.study import shapley
from sim.study.pooled import Floats, error
from sim.study.shapley import NOBODY, Plan, Side, Weights

SURE = 3.0
"""Monte Carlo standard errors beyond which a figure is spoken of: with 14 mechanisms a ledger, two would let every
second ledger say something that is not so."""


@dataclass(frozen=True)
class Entry:
    """One mechanism: its Shapley share, what it makes alone, what goes without it; each with its MCSE.

    `closed` says why it can't act, and is empty where it can; all figures of a closed one are exactly 0. `overlap` is
    the share of the enrolled who would be enrolled without it too.
    """

    mechanism: str
    shapley: float = 0.0
    mcse: float = 0.0
    alone: float = 0.0
    alone_mcse: float = 0.0
    without: float = 0.0
    without_mcse: float = 0.0
    overlap: float = 1.0
    overlap_mcse: float = 0.0
    closed: str = ""

    @property
    def beyond_error(self) -> bool:
        """Whether the share is more than SURE times its Monte Carlo standard error from zero."""
        return abs(self.shapley) > SURE * self.mcse


@dataclass(frozen=True)
class Interaction:
    """What two mechanisms make together beyond what each adds (Shapley interaction)."""

    first: str
    second: str
    value: float
    mcse: float


@dataclass(frozen=True)
class Game:
    """Every set's value, as the fraction a double is, and each trial's influence on it."""

    plan: Plan
    values: Mapping[Side, Fraction]
    influences: Mapping[Side, Floats]

    def share(self, weights: Weights) -> tuple[float, float]:
        """Give a weighted sum of values, rounded once, and its Monte Carlo standard error over trials."""
        value = float(shapley.total(weights, self.values.__getitem__))
        moved = np.zeros(len(self.influences[NOBODY]))
        for side in self.plan.sides:
            if side in weights:
                moved += float(weights[side]) * self.influences[side]
        return value, error(moved)

    def entry(self, player: str) -> Entry:
        """Give a player's entry; the error of the share counts the sampling of orders too, where they are sampled."""
        value, mcse = self.share(self.plan.shares[player])
        spread = self.plan.spread(player, self.values.__getitem__)
        single, last = shapley.alone(player), shapley.without(self.plan.players, player)
        return Entry(player, value, math.hypot(mcse, spread), *self.share(single), *self.share(last))

    @property
    def none(self) -> tuple[float, float]:
        """The value of the empty set and its error."""
        return self.share({NOBODY: Fraction(1)})

    @property
    def sum(self) -> tuple[float, float]:
        """The sum of all shares, rounded once, and its error: no order that is sampled moves it."""
        return self.share(shapley.added(self.plan.shares.values()))

    @property
    def interactions(self) -> tuple[Interaction, ...]:
        """What each two players make together, the largest first."""
        names = self.plan.players
        found = [Interaction(a, b, *self.share(shapley.interaction(names, a, b))) for a, b in combinations(names, 2)]
        return tuple(sorted(found, key=lambda i: (-abs(i.value), i.first, i.second)))


def entries(game: Game, shut: Mapping[str, str], overlaps: Mapping[str, tuple[float, float]]) -> tuple[Entry, ...]:
    """Give all entries, the largest first, those that can't act last and by name."""
    same = {p: overlaps.get(p, (1.0, 0.0)) for p in game.plan.players}
    acting = [replace(game.entry(p), overlap=same[p][0], overlap_mcse=same[p][1]) for p in game.plan.players]
    acting.sort(key=lambda e: (-abs(e.shapley), e.mechanism))
    return (*acting, *closed_entries(shut))


def closed_entries(shut: Mapping[str, str]) -> Iterable[Entry]:
    """Give the entries of mechanisms that can't act, by name."""
    return (Entry(name, closed=shut[name]) for name in sorted(shut))
