"""What two designs' estimates of the same trials have to do with each other, summed up block by block.

A trial's influence on a mean is its distance from it over their number, 0 where it has no estimate. The sum of squares
of the difference of two influences needs each block's moments alone, so that no estimate is held once all designs have
their block. Designs that are the same give exactly 0.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import combinations
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from sim.study.performance import in_order

Floats = NDArray[np.float64]


class Own(NamedTuple):
    """The number, mean, and squares about it, of estimates whose trial has one in one design alone."""

    n: int
    mean: float
    squares: float


class Shared(NamedTuple):
    """Of the trials with an estimate in both: their number, the mean of the first design's and of the second's less the
    first's, squares and products about these."""

    n: int
    first: float
    gap: float
    first_squares: float
    gap_squares: float
    products: float


class Moments(NamedTuple):
    """The moments of a block of trials of two designs."""

    both: Shared
    only_first: Own
    only_second: Own


class Mean(NamedTuple):
    """The mean of a design's estimates, and how many there are."""

    value: float
    n: int


def moments(first: Floats, second: Floats) -> Moments:
    """Give the moments of a block, from each trial's estimate in two designs (NaN: none)."""
    one, other = ~np.isnan(first), ~np.isnan(second)
    both = one & other
    x, gap = first[both], second[both] - first[both]
    n = len(x)
    means = (_mean(x), _mean(gap))
    dx, dgap = x - means[0], gap - means[1]
    shared = Shared(n, *means, *(math.fsum(own) for own in (dx * dx, dgap * dgap, dx * dgap)))
    return Moments(shared, _own(first[one & ~other]), _own(second[other & ~one]))


def squares_of(blocks: Iterable[Moments], first: Mean, second: Mean) -> float:
    """Sum up the squares of the second mean's influences less the first's."""
    return in_order(_block_squares(m, first, second) for m in blocks)


def _block_squares(m: Moments, first: Mean, second: Mean) -> float:
    """Give it of a block: of each kind of trial the squares about its own mean, and that mean's square for each trial.

    Where both have an estimate the difference is a x + b gap + c, with x the first one's.
    """
    both, total = m.both, 0.0
    if both.n:
        a, b = 1.0 / second.n - 1.0 / first.n, 1.0 / second.n
        at_mean = (both.first + both.gap - second.value) / second.n - (both.first - first.value) / first.n
        spread = a * a * both.first_squares + b * b * both.gap_squares + 2.0 * a * b * both.products
        total += spread + both.n * at_mean * at_mean
    for own, mean in ((m.only_first, first), (m.only_second, second)):
        if own.n:
            off = own.mean - mean.value
            total += (own.squares + own.n * off * off) / (mean.n * mean.n)
    return total


def _own(values: Floats) -> Own:
    mean = _mean(values)
    off = values - mean
    return Own(len(values), mean, math.fsum(off * off))


def _mean(values: Floats) -> float:
    return math.fsum(values) / len(values) if len(values) else 0.0


@dataclass
class Together:
    """Takes the estimates of so many designs, block by block and in any order, and keeps the moments of all pairs.

    A block that is not there of all designs, in one length, waits; one that has grown takes the place of what it was.
    """

    designs: int
    waiting: dict[int, dict[int, Floats]] = field(default_factory=dict)
    blocks: dict[int, list[Moments]] = field(default_factory=dict)

    @property
    def pairs(self) -> Sequence[tuple[int, int]]:
        """The pairs of designs, by number."""
        return list(combinations(range(self.designs), 2))

    def take(self, design: int, first: int, values: Floats) -> None:
        """Take a design's block of estimates, NaN where a trial has none."""
        there = self.waiting.setdefault(first, {})
        there[design] = np.array(values)
        if len(there) == self.designs and len({len(v) for v in there.values()}) == 1:
            self.blocks[first] = [moments(there[a], there[b]) for a, b in self.pairs]
            del self.waiting[first]

    def squares(self, means: Sequence[Mean]) -> list[float]:
        """Give, for each pair, the sum of squares of the difference of influences on the designs' means."""
        assert not self.waiting
        inside = [self.blocks[first] for first in sorted(self.blocks)]
        return [squares_of((own[k] for own in inside), means[a], means[b]) for k, (a, b) in enumerate(self.pairs)]
