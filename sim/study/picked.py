"""Which study of several is the one that is published, and how wrong published estimates are (type S and type M)."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Figure:
    """A figure and its Monte Carlo standard error; NaN where it does not exist."""

    value: float
    mcse: float

    def to_dict(self) -> dict[str, float | None]:
        """Give plain values."""
        return {"value": plain(self.value), "mcse": plain(self.mcse)}


@dataclass(frozen=True)
class Answers:
    """What single studies found, in order of trial: estimates and two-sided p, NaN where there is no answer."""

    value: Floats
    p: Floats
    favourable: int
    alpha: float

    @property
    def order(self) -> Floats:
        """How unfavourable each is: p where the estimate is in the patient's favour, above 1 elsewhere."""
        helps = self.favourable * self.value > 0.0
        return np.where(np.isnan(self.value), np.inf, np.where(helps, self.p, 3.0 - self.p))

    @property
    def helpful(self) -> NDArray[np.bool_]:
        """Which have p < alpha in the patient's favour."""
        found: NDArray[np.bool_] = (self.p < self.alpha) & (self.favourable * self.value > 0.0)
        return found


def most_favourable(answers: Answers, studies: int) -> NDArray[np.int64]:
    """Give the number of the study that is published of each set; -1 where none of a set has an answer."""
    shape = (-1, studies)
    order = answers.order.reshape(shape)
    best = order.min(axis=1, keepdims=True)
    gain = np.where(order == best, answers.favourable * answers.value.reshape(shape), -np.inf)
    column = np.argmax(np.where(np.isnan(gain), -np.inf, gain), axis=1)
    number = column + studies * np.arange(len(column))
    return np.where(np.isinf(best[:, 0]), -1, number)


def wrong_sign(significant: Floats, truth: Figure) -> Figure:
    """Give the type S error: the share of significant estimates whose sign is wrong; NaN without a true effect."""
    if truth.value == 0.0 or not len(significant):
        return Figure(math.nan, math.nan)
    return share(np.sign(significant) != math.copysign(1.0, truth.value))


def exaggeration(estimates: Floats, truth: Figure) -> Figure:
    """Give the type M error: mean size over the true effect's, on the endpoint's scale; NaN without a true effect."""
    if truth.value == 0.0 or not len(estimates):
        return Figure(math.nan, math.nan)
    size = mean(np.abs(estimates))
    ratio = size.value / abs(truth.value)
    return Figure(ratio, ratio * math.hypot(size.mcse / size.value if size.value else 0.0, truth.mcse / truth.value))


def quantile_error(values: Floats, q: float) -> float:
    """Give the standard error of a quantile, from the order statistics one binomial standard error to either side."""
    n = len(values)
    if n < 2:
        return math.nan
    half = math.sqrt(q * (1.0 - q) / n)
    low, high = np.quantile(values, [max(q - half, 0.0), min(q + half, 1.0)])
    return float(high - low) / 2.0


def share(hits: NDArray[np.bool_]) -> Figure:
    """Give the share that holds, with its binomial error."""
    return Figure(*share_of(int(hits.sum()), len(hits)))


def share_of(hits: int, of: int) -> tuple[float, float]:
    """Give a share and its binomial error; NaN of none."""
    if of == 0:
        return math.nan, math.nan
    share = float(hits) / of
    return share, math.sqrt(share * (1.0 - share) / of)


def mean(values: Floats) -> Figure:
    """Give a mean with its error; NaN of fewer than two."""
    if len(values) < 2:
        return Figure(math.nan, math.nan)
    return Figure(float(values.mean()), float(values.std(ddof=1)) / math.sqrt(len(values)))


def plain(value: float) -> float | None:
    """Give a value for JSON: None for what does not exist."""
    return None if math.isnan(value) else float(value)
