"""Two designs on the same candidates: how they differ, and how surely, since what they share cancels.

A difference of powers has the variance of the per-trial difference of rejections; a difference of biases that of the
per-trial difference of influences, on the estimates and on the truths, which are of the same twins.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sim.study.pooled import Pooled

Z95 = 1.959963984540054

Bools = NDArray[np.bool_]
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Pair:
    """Design `b` less design `a`, the same trials played in both.

    `mcse` and `bias_mcse` are paired; `interval` is of 95% (Bonett and Price 2012, so that it has a width where all
    trials agree); `only_a` and `only_b` count the trials in which one of the two rejects, `mcnemar_p` is the exact p of
    their being equally likely. `variance_ratio` is how many times smaller the variance of the power difference is than
    with candidates of their own in each design, NaN where all trials agree; `bias_variance_ratio` that of the bias.
    """

    a: str
    b: str
    power_difference: float
    mcse: float
    interval: tuple[float, float]
    only_a: int
    only_b: int
    mcnemar_p: float
    variance_ratio: float
    bias_difference: float
    bias_mcse: float
    bias_variance_ratio: float
    truth_difference: float
    truth_difference_mcse: float

    @property
    def alike(self) -> bool:
        """Whether no trial rejects in one design alone."""
        return self.only_a == self.only_b == 0

    def to_dict(self) -> dict[str, Any]:
        """Give the contract's names, and more; what does not exist (NaN) is None."""
        plain = {k: None if isinstance(v, float) and math.isnan(v) else v for k, v in asdict(self).items()}
        return plain | {"interval": list(self.interval)}


@dataclass(frozen=True)
class Found:
    """What a pair needs to know of a design: which trials reject, each trial's estimate (NaN: none), and the truth."""

    label: str
    rejects: Bools
    value: Floats
    truth: Pooled

    @property
    def mean(self) -> Pooled:
        """The mean estimate, and what each trial has to do with it."""
        return mean_of(self.value)


def mean_of(values: Floats) -> Pooled:
    """Give the mean of the values that are there, with each trial's influence (0 where there is none)."""
    there = ~np.isnan(values)
    count = int(there.sum())
    if count < 2:
        return Pooled(math.nan, np.zeros(len(values)))
    mean = math.fsum(values[there]) / count
    return Pooled(mean, np.where(there, (values - mean) / count, 0.0))


def pair(a: Found, b: Found) -> Pair:
    """Compare two designs, trial by trial."""
    trials = len(a.rejects)
    only_a, only_b = int((a.rejects & ~b.rejects).sum()), int((b.rejects & ~a.rejects).sum())
    difference = (only_b - only_a) / trials
    paired = ((only_a + only_b) / trials - difference * difference) / trials
    unpaired = sum(p * (1.0 - p) / trials for p in (float(a.rejects.mean()), float(b.rejects.mean())))
    truth = b.truth.minus(a.truth)
    mean = b.mean.minus(a.mean)
    parts = (mean.with_error()[1], truth.with_error()[1])
    apart = (*(x.mean.with_error()[1] for x in (a, b)), *(x.truth.with_error()[1] for x in (a, b)))
    return Pair(
        a=a.label,
        b=b.label,
        power_difference=difference,
        mcse=math.sqrt(max(paired, 0.0)),
        interval=interval_of(only_a, only_b, trials),
        only_a=only_a,
        only_b=only_b,
        mcnemar_p=mcnemar_p(only_a, only_b),
        variance_ratio=ratio(unpaired, paired),
        bias_difference=mean.value - truth.value,
        bias_mcse=math.hypot(*parts),
        bias_variance_ratio=ratio(_squares(apart), _squares(parts)),
        truth_difference=truth.value,
        truth_difference_mcse=parts[1],
    )


def interval_of(only_a: int, only_b: int, trials: int) -> tuple[float, float]:
    """Give the 95% interval of a paired difference of shares: Wald's with one trial added to each kind that differs."""
    p, q, n = (only_a + 1.0) / (trials + 2.0), (only_b + 1.0) / (trials + 2.0), trials + 2.0
    half = Z95 * math.sqrt((p + q - (q - p) * (q - p)) / n)
    return max(q - p - half, -1.0), min(q - p + half, 1.0)


def mcnemar_p(only_a: int, only_b: int) -> float:
    """Give the exact two-sided p of McNemar's test."""
    from scipy.special import bdtr

    differ = only_a + only_b
    return min(1.0, 2.0 * float(bdtr(min(only_a, only_b), differ, 0.5))) if differ else 1.0


def ratio(unpaired: float, paired: float) -> float:
    """Give how many times smaller the paired variance is; NaN where it is nothing (or rounding's)."""
    return unpaired / paired if paired > 1e-12 * max(unpaired, 1e-300) else math.nan


def _squares(errors: tuple[float, ...]) -> float:
    return math.fsum(e * e for e in errors)
