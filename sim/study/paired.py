"""Two designs on the same candidates: how they differ, and how surely, since what they share cancels.

A difference of powers has the variance of the per-trial difference of rejections; a difference of biases that of the
per-trial difference of influences, on the estimates and on the truths, which are of the same twins.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any

from sim.study.hits import Hits, interval_of
from sim.study.pooled import Pooled
from sim.study.together import Mean


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
    """What a pair needs to know of a design: which trials reject, the mean of its estimates with their standard
    deviation, and the truth."""

    label: str
    hits: Hits
    mean: Mean
    sd: float
    truth: Pooled

    @property
    def error(self) -> float:
        """The standard error of the mean estimate, by the trials' influences on it; NaN of fewer than two."""
        if self.mean.n < 2:
            return math.nan
        return error(self.sd * self.sd * (self.mean.n - 1) / self.mean.n**2, self.hits.trials)


def error(squares: float, trials: int) -> float:
    """Give the standard error that belongs to the sum of squares of so many independent influences."""
    return math.sqrt(trials / (trials - 1.0) * max(squares, 0.0)) if trials > 1 else math.nan


def pair(a: Found, b: Found, squares: float) -> Pair:
    """Compare two designs, trial by trial; `squares` is that sum of b's influences on its mean estimate less a's."""
    trials = a.hits.trials
    only_a, only_b = a.hits.alone(b.hits)
    difference = (only_b - only_a) / trials
    paired = ((only_a + only_b) / trials - difference * difference) / trials
    unpaired = a.hits.mcse**2 + b.hits.mcse**2
    truth = b.truth.minus(a.truth)
    known = min(a.mean.n, b.mean.n) > 1
    parts = (error(squares, trials) if known else math.nan, truth.with_error()[1])
    apart = (a.error, b.error, a.truth.with_error()[1], b.truth.with_error()[1])
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
        bias_difference=b.mean.value - a.mean.value - truth.value if known else math.nan,
        bias_mcse=math.hypot(*parts),
        bias_variance_ratio=ratio(_squares(apart), _squares(parts)),
        truth_difference=truth.value,
        truth_difference_mcse=parts[1],
    )


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
