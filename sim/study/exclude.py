"""What trials of a treatment that does nothing would exclude: the benefits beyond their intervals' favourable ends."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sim.study.hits import Z95
from sim.study.picked import Figure, share_of

Bools = NDArray[np.bool_]
Floats = NDArray[np.float64]

HALF, MOST = 0.5, 0.9
SHARES = (0.05, 0.1, 0.25, HALF, 0.75, MOST, 0.95)
"""The shares of trials that it is told for."""


@dataclass(frozen=True)
class Limit:
    """An effect that a share of trials would exclude, with all effects more favourable; on the endpoint's scale.

    `lower` and `upper` are its 95% Monte Carlo interval, by order statistics. Infinite: too few trials exclude any, or
    would say so.
    """

    value: float
    lower: float
    upper: float

    def to_dict(self) -> dict[str, float | None]:
        """Give plain values; what is not finite is None."""
        own = {"value": self.value, "lower": self.lower, "upper": self.upper}
        return {k: v if math.isfinite(v) else None for k, v in own.items()}


@dataclass(frozen=True)
class Excluded:
    """What so many trials exclude: half of them, 90% of them, and other shares."""

    trials: int
    half: Limit
    most: Limit
    by_share: tuple[tuple[float, Limit], ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Give plain values."""
        shares = [{"share": q, **limit.to_dict()} for q, limit in self.by_share]
        return {"trials": self.trials, "half": self.half.to_dict(), "most": self.most.to_dict(), "by_share": shares}


@dataclass(frozen=True)
class NullTrials:
    """A design's trials with no effect.

    `rejects` is the type I error, `favourable` the share that reject in the patient's favour, `left_out` the share
    whose interval leaves out no effect, which is the truth. `every` is what all of them exclude, `quiet` those that do
    not reject. `replayed` is false where the design has no effect anyway, so that these are its own trials.
    """

    rejects: Figure
    favourable: Figure
    left_out: Figure
    every: Excluded
    quiet: Excluded
    replayed: bool

    def to_dict(self) -> dict[str, Any]:
        """Give plain values."""
        return {
            "rejects": self.rejects.to_dict(),
            "favourable": self.favourable.to_dict(),
            "left_out": self.left_out.to_dict(),
            "all": self.every.to_dict(),
            "not_rejecting": self.quiet.to_dict(),
            "replayed": self.replayed,
        }


@dataclass
class Nulls:
    """Sums up trials with no effect block by block; a block that has grown takes the place of what it was.

    Shares are of all trials, the limits of the first `keep`, which are held.
    """

    alpha: float
    favourable: int
    keep: int
    counts: dict[int, tuple[int, int, int, int]] = field(default_factory=dict)
    limits: dict[int, tuple[Floats, Bools]] = field(default_factory=dict)

    def take(self, first: int, found: NDArray[Any]) -> None:
        """Take a block of estimates, rows of ESTIMATE; a trial that failed rejects nothing and excludes nothing."""
        rejects = found["p"] < self.alpha
        helps = rejects & (np.sign(found["value"]) == self.favourable)
        out = (found["lower"] > 0.0) | (found["upper"] < 0.0)
        self.counts[first] = (len(found), int(rejects.sum()), int(helps.sum()), int(out.sum()))
        if first < self.keep:
            self.limits[first] = (np.array(found["upper" if self.favourable > 0 else "lower"]), ~rejects)

    def result(self, replayed: bool) -> NullTrials:
        """Give what came out; `replayed`: not the design's own trials."""
        trials, rejects, helps, out = (sum(own) for own in zip(*self.counts.values(), strict=True))
        limits, quiet = (np.concatenate([self.limits[k][i] for k in sorted(self.limits)]) for i in (0, 1))
        return NullTrials(
            rejects=Figure(*share_of(rejects, trials)),
            favourable=Figure(*share_of(helps, trials)),
            left_out=Figure(*share_of(out, trials)),
            every=excluded(limits, self.favourable),
            quiet=excluded(limits[quiet], self.favourable),
            replayed=replayed,
        )


def excluded(limits: Floats, favourable: int) -> Excluded:
    """Give what shares of trials exclude, from their favourable limits; a trial without one excludes nothing."""
    benefit = np.sort(np.where(np.isnan(limits), np.inf, favourable * limits))
    found = {q: _limit(benefit, q, favourable) for q in SHARES}
    return Excluded(len(limits), found[HALF], found[MOST], tuple(found.items()))


def _limit(benefit: Floats, q: float, favourable: int) -> Limit:
    """Give the benefit that at least a share `q` of trials exclude, and the order statistics about it."""
    n = len(benefit)
    if n == 0:
        return Limit(math.nan, math.nan, math.nan)
    half = Z95 * math.sqrt(n * q * (1.0 - q))
    low, high = math.floor(n * q - half), math.ceil(n * q + half) + 1
    ends = (benefit[low - 1] if low >= 1 else -math.inf, benefit[high - 1] if high <= n else math.inf)
    value, *sides = (favourable * float(x) for x in (benefit[math.ceil(n * q - 1e-9) - 1], *ends))
    return Limit(value, min(sides), max(sides))
