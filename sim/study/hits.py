"""Which trials of a run reject, a bit a trial: so that two runs of the same trials are compared trial by trial."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from sim.study.performance import BLOCK

Bits = NDArray[np.uint8]
Z95 = 1.959963984540054


@dataclass(frozen=True)
class Difference:
    """How much more often one run rejects than another on the same trials, with its Monte Carlo standard error.

    `interval` is of 95% (Bonett and Price 2012), so that it has a width where all trials agree; `unpaired` is the error
    that runs with trials of their own would have; `apart` counts the trials in which one of the two rejects.
    """

    value: float
    mcse: float
    interval: tuple[float, float]
    unpaired: float
    apart: int

    @property
    def seen(self) -> bool:
        """Whether it is beyond its Monte Carlo error."""
        return self.interval[0] > 0.0 or self.interval[1] < 0.0


@dataclass
class Hits:
    """The rejections of one endpoint's test, by block of trials; `trials` and `rejected` count them."""

    blocks: dict[int, tuple[int, Bits]] = field(default_factory=dict)
    trials: int = 0
    rejected: int = 0

    def take(self, first: int, rejected: NDArray[np.bool_]) -> None:
        """Keep a block; one that has grown takes the place of what it was."""
        length, bits = self.blocks.get(first, (0, np.zeros(0, np.uint8)))
        self.trials += len(rejected) - length
        self.rejected += int(rejected.sum()) - int(np.bitwise_count(bits).sum())
        self.blocks[first] = (len(rejected), np.packbits(rejected))

    @property
    def mcse(self) -> float:
        """The Monte Carlo standard error of the power so far; NaN without a trial."""
        if not self.trials:
            return math.nan
        p = self.rejected / self.trials
        return math.sqrt(p * (1.0 - p) / self.trials)

    def alone(self, other: Hits) -> tuple[int, int]:
        """Count the trials in which this run rejects and not the other, and the reverse; the trials are the same."""
        more, fewer = 0, 0
        for first, (length, bits) in self.blocks.items():
            size, there = other.blocks[first]
            assert size == length <= BLOCK
            more += int(np.bitwise_count(bits & ~there).sum())
            fewer += int(np.bitwise_count(there & ~bits).sum())
        return more, fewer

    def less(self, other: Hits) -> Difference:
        """Give this power less the other, paired trial by trial; the trials are the same."""
        n, (more, fewer) = self.trials, self.alone(other)
        value = (more - fewer) / n
        spread = (more + fewer) / n - value * value
        error, unpaired = math.sqrt(max(spread, 0.0) / n), math.hypot(self.mcse, other.mcse)
        return Difference(value, error, interval_of(fewer, more, n), unpaired, more + fewer)


def interval_of(only_a: int, only_b: int, trials: int) -> tuple[float, float]:
    """Give the 95% interval of b's share less a's, paired: Wald's with one trial added to each kind that differs."""
    p, q, n = (only_a + 1.0) / (trials + 2.0), (only_b + 1.0) / (trials + 2.0), trials + 2.0
    half = Z95 * math.sqrt((p + q - (q - p) * (q - p)) / n)
    return max(q - p - half, -1.0), min(q - p + half, 1.0)
