"""What every analysis answers: a value, how sure it is, and in one word how the analysis went."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

__all__ = ["OUTCOMES", "Estimate", "check_alpha", "interval_and_p", "undetermined", "wald"]

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
    }
)
"""Every outcome an `Estimate` may name, with its meaning. Append-only: results are stored under these names."""


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


def wald(
    value: float,
    standard_error: float,
    method: str,
    n: int,
    alpha: float = 0.05,
    df: float | None = None,
    outcome: str = "ok",
) -> Estimate:
    """Return the Estimate with interval value -+ quantile * se and the matching two-sided p.

    The reference is the normal distribution, or Student's t with `df` degrees of freedom. A value or standard error
    that is not finite, or a standard error that is not above 0, gives the outcome "not_converged". Raises ValueError
    for a bad alpha.
    """
    check_alpha(alpha)
    if not (math.isfinite(value) and 0.0 < standard_error < math.inf):
        return undetermined(method, "not_converged", n)
    lower, upper, p = interval_and_p(value, standard_error, alpha, df)
    if not math.isfinite(upper - lower):
        return undetermined(method, "not_converged", n)
    return Estimate(value, standard_error, lower, upper, p, True, n, method, outcome)


def interval_and_p(value: float, standard_error: float, alpha: float, df: float | None) -> tuple[float, float, float]:
    """Return (lower, upper, p), two-sided against 0; from the normal if df is None, else from Student's t."""
    from scipy.special import ndtr, ndtri, stdtr, stdtrit

    statistic = -abs(value / standard_error)
    if df is None:
        tail, quantile = float(ndtr(statistic)), -float(ndtri(alpha / 2.0))
    else:
        tail, quantile = float(stdtr(df, statistic)), -float(stdtrit(df, alpha / 2.0))
    half = quantile * standard_error
    return value - half, value + half, 2.0 * tail
