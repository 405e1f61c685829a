"""Difference between arms in the change of a score, adjusted for its baseline."""

from __future__ import annotations

import math
from typing import Final

import numpy as np

from sim.analysis.arrays import BoolArray, FloatArray, columns, is_rounding, present, treated_column
from sim.analysis.estimate import Estimate, check_alpha, undetermined, wald

__all__ = ["ANCOVA_METHOD", "ancova_change"]

ANCOVA_METHOD: Final = "ANCOVA of change on baseline and arm, t interval"


def ancova_change(baseline: FloatArray, final: FloatArray, treated: BoolArray, alpha: float = 0.05) -> Estimate:
    """Estimate the baseline-adjusted difference in mean change, treated minus control, with a t interval.

    baseline, final (n,): the score at both visits in its own unit, NaN where missed (available cases); treated (n,):
    True in the treated arm. Least squares of final - baseline on an intercept, baseline and arm, n - 3 degrees of
    freedom, in closed form (Cochran 1957). A baseline that does not vary within arms, or changes without scatter around
    the fit, give "no_variation". Raises ValueError for unequal lengths or a bad alpha.
    """
    check_alpha(alpha)
    x, last, arm = columns(baseline=baseline, final=final, treated=treated)
    used = present(x, last)
    x, last, in_arm = x[used], last[used], treated_column(arm)[used]
    outcome = _refusal(x, last, in_arm)
    if outcome is not None:
        return undetermined(ANCOVA_METHOD, outcome, x.size)
    with np.errstate(all="ignore"):
        return _least_squares(x, last, in_arm, alpha)


def _refusal(baseline: FloatArray, final: FloatArray, treated: BoolArray) -> str | None:
    """Name the reason for which there is nothing to fit, or None."""
    n = baseline.size
    if not np.all(np.isfinite(baseline) & np.isfinite(final)):
        return "bad_data"
    if n == 1:
        return "one_patient"
    if treated.sum() in (0, n):
        return "no_follow_up"
    return "too_few" if n <= 3 else None


def _least_squares(baseline: FloatArray, final: FloatArray, treated: BoolArray, alpha: float) -> Estimate:
    """Return the fit from sums of squares and products pooled within arms."""
    n, change = baseline.size, final - baseline
    scale = float(np.max(np.abs(np.concatenate([baseline, final]))))
    x, y = _within_arms(baseline, treated), _within_arms(change, treated)
    sxx = float(x @ x)
    if is_rounding(sxx, n, scale):
        return undetermined(ANCOVA_METHOD, "no_variation", n)
    slope = float(x @ y) / sxx
    residual = y - slope * x
    rss = float(residual @ residual)
    if is_rounding(rss, n, scale * (1.0 + abs(slope))):
        return undetermined(ANCOVA_METHOD, "no_variation", n)
    gap = _arm_gap(baseline, treated)
    value = _arm_gap(change, treated) - slope * gap
    spread = 1.0 / float(treated.sum()) + 1.0 / float((~treated).sum()) + gap * gap / sxx
    se = math.sqrt(rss / (n - 3) * spread) if math.isfinite(rss * spread) else math.inf
    return wald(value, se, ANCOVA_METHOD, n, alpha, df=n - 3)


def _within_arms(values: FloatArray, treated: BoolArray) -> FloatArray:
    """Return the values centred on the mean of their own arm."""
    centres: FloatArray = np.where(treated, values[treated].mean(), values[~treated].mean())
    return values - centres


def _arm_gap(values: FloatArray, treated: BoolArray) -> float:
    """Return the difference of means, treated minus control."""
    return float(values[treated].mean() - values[~treated].mean())
