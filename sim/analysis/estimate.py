"""What every analysis answers: a value, how sure it is, and in one word how the analysis went."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

import numpy as np

from sim.analysis.arrays import BoolArray, CodeArray, FloatArray, IntArray

__all__ = [
    "CODES",
    "OUTCOMES",
    "Estimate",
    "Estimates",
    "check_alpha",
    "interval_and_p",
    "masked",
    "undetermined",
    "wald",
    "wald_batch",
]

OUTCOMES: Final[Mapping[str, str]] = MappingProxyType(
    {
        # Determined: value, interval and p are all finite and `converged` is True.
        "ok": "the analysis ran as its method says",
        "boundary_poisson": "no more scatter than Poisson: dispersion at its boundary 0, closed-form Poisson fit",
        "all_alike": "everyone has the same outcome (or nobody changed): the difference is exactly 0 and p is 1",
        # Undetermined: all five numbers are NaN and `converged` is False.
        "no_follow_up": "nobody, or nobody in one arm, has data: no exposure, no visit",
        "one_patient": "a single patient is left, so nothing can be compared",
        "too_few": "no degree of freedom is left for the error",
        "no_events": "no events at all, so a ratio of rates does not exist",
        "no_events_in_arm": "no events in one arm: the log rate ratio is infinite",
        "no_events_in_window": "no events in one of the two windows: the log rate ratio is infinite",
        "no_variation": "no scatter (or no distinguishable baseline) to measure the error by",
        "not_converged": "no maximum of the likelihood was found, or the numbers overflow",
        "bad_data": "an impossible value: a negative or fractional count, negative time, infinity, a share not 0 or 1",
        "monotone": "one arm's events come only when nobody of the other is at risk: the hazard ratio is 0 or infinite",
    }
)
"""Every outcome an `Estimate` may name, with its meaning. Append-only: results are stored under these names, and
batches carry their positions."""

CODES: Final[Mapping[str, int]] = MappingProxyType({name: code for code, name in enumerate(OUTCOMES)})
"""The position of each outcome, as batches and compiled code carry it."""

_NAMES: Final = tuple(OUTCOMES)
_LAST_DETERMINED: Final = CODES["all_alike"]


@dataclass(frozen=True, slots=True)
class Estimate:
    """One analysis of one trial, on the additive scale of its endpoint (log for ratios).

    `converged` is True exactly when value, standard error, interval and p are finite; otherwise all five are NaN and
    `outcome` says why. `p` is two-sided; `lower` and `upper` bound the (1 - alpha) interval; `n` counts the patients
    used. Raises ValueError for an outcome that `OUTCOMES` does not hold.
    """

    value: float
    standard_error: float
    lower: float
    upper: float
    p: float
    converged: bool
    n: int
    method: str
    outcome: str = "ok"

    def __post_init__(self) -> None:
        """Refuse an outcome that the registry does not name."""
        if self.outcome not in OUTCOMES:
            raise ValueError(f"unknown outcome {self.outcome!r}; allowed: {', '.join(OUTCOMES)}")


def check_alpha(alpha: float) -> None:
    """Raise ValueError unless 0 < alpha < 1 (two-sided level)."""
    if not 0.0 < alpha < 1.0:
        raise ValueError(f"alpha must lie strictly between 0 and 1, found {alpha!r}")


def undetermined(method: str, outcome: str, n: int) -> Estimate:
    """Return the Estimate of an analysis that has no answer: NaN throughout, `converged` False, the reason named."""
    nan = math.nan
    return Estimate(nan, nan, nan, nan, nan, False, n, method, outcome)


@dataclass(frozen=True, slots=True, eq=False)
class Estimates:
    """One analysis of many data sets: a column for each field of `Estimate`, a row for each data set.

    All arrays (T,). `outcome` holds positions in `OUTCOMES`; where it is not a determined one the five numbers are NaN.
    `boundary_method` is the method's word where the outcome is "boundary_poisson", `method` everywhere else.
    """

    value: FloatArray
    standard_error: FloatArray
    lower: FloatArray
    upper: FloatArray
    p: FloatArray
    n: IntArray
    outcome: CodeArray
    method: str
    boundary_method: str

    @property
    def converged(self) -> BoolArray:
        """Where there is an answer."""
        found: BoolArray = self.outcome <= _LAST_DETERMINED
        return found

    def method_of(self, k: int) -> str:
        """Give the method of data set k in words."""
        return self.boundary_method if self.outcome[k] == CODES["boundary_poisson"] else self.method

    def __len__(self) -> int:
        return len(self.value)

    def __getitem__(self, k: int) -> Estimate:
        """Give the Estimate of data set k."""
        columns = self.value, self.standard_error, self.lower, self.upper, self.p
        value, se, lower, upper, p = (float(a[k]) for a in columns)
        outcome = int(self.outcome[k])
        there = outcome <= _LAST_DETERMINED
        return Estimate(value, se, lower, upper, p, there, int(self.n[k]), self.method_of(k), _NAMES[outcome])

    def __iter__(self) -> Iterator[Estimate]:
        return (self[k] for k in range(len(self)))


def wald(
    value: float,
    standard_error: float,
    method: str,
    n: int,
    alpha: float = 0.05,
    df: int | None = None,
    outcome: str = "ok",
) -> Estimate:
    """Return the Estimate with interval value -+ quantile * se and the matching two-sided p.

    The reference is the normal distribution, or Student's t with `df` degrees of freedom. A value or standard error
    that is not finite, or a standard error that is not above 0, gives the outcome "not_converged". Raises ValueError
    for a bad alpha.
    """
    columns = np.array([value]), np.array([standard_error]), np.array([n]), np.array([CODES[outcome]])
    return wald_batch(*columns, method, alpha, None if df is None else np.array([df]))[0]


def wald_batch(
    value: FloatArray,
    standard_error: FloatArray,
    n: IntArray,
    outcome: IntArray,
    method: str,
    alpha: float = 0.05,
    df: IntArray | None = None,
    boundary_method: str | None = None,
    p: FloatArray | None = None,
) -> Estimates:
    """Return the Estimates of many data sets, each as `wald` makes it; arrays (T,), `outcome` as positions.

    `p` takes the place of the Wald p where another test was asked for. Where the outcome is not a determined one, the
    numbers given do not matter.
    """
    check_alpha(alpha)
    with np.errstate(all="ignore"):
        lower, upper, wald_p = interval_and_p(value, standard_error, alpha, df)
        p = wald_p if p is None else p
        usable = np.isfinite(value) & (standard_error > 0.0) & np.isfinite(upper - lower) & np.isfinite(p)
    code = np.where((outcome <= _LAST_DETERMINED) & ~usable, CODES["not_converged"], outcome).astype(np.int8)
    return masked(value, standard_error, lower, upper, p, n, code, method, boundary_method)


def masked(
    value: FloatArray,
    standard_error: FloatArray,
    lower: FloatArray,
    upper: FloatArray,
    p: FloatArray,
    n: IntArray,
    outcome: CodeArray,
    method: str,
    boundary_method: str | None = None,
) -> Estimates:
    """Return the Estimates of these columns, their numbers NaN wherever the outcome is not a determined one."""
    there = outcome <= _LAST_DETERMINED
    v, se, low, high, tail = (np.where(there, a, math.nan) for a in (value, standard_error, lower, upper, p))
    whole, code = n.astype(np.int64), outcome.astype(np.int8)
    return Estimates(v, se, low, high, tail, whole, code, method, boundary_method or method)


def interval_and_p(
    value: FloatArray, standard_error: FloatArray, alpha: float, df: IntArray | None
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return (lower, upper, p), two-sided against 0; from the normal if df is None, else from Student's t."""
    from scipy.special import ndtr, ndtri, stdtr, stdtrit

    statistic = -np.abs(value / standard_error)
    if df is None:
        tail, quantile = ndtr(statistic), -ndtri(alpha / 2.0)
    else:
        tail, quantile = stdtr(df, statistic), -stdtrit(df, alpha / 2.0)
    half = quantile * standard_error
    return value - half, value + half, 2.0 * tail
