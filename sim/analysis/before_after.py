"""Each patient as their own control: mean change of a score, and ratio of event rates, after against before."""

from __future__ import annotations

import math
from typing import Final

import numpy as np

from sim.analysis.arrays import FloatArray, are_whole_counts, columns, is_rounding, present
from sim.analysis.estimate import Estimate, check_alpha, undetermined, wald

__all__ = ["PAIRED_RATE_RATIO_METHOD", "PAIRED_T_METHOD", "paired_rate_ratio", "paired_t"]

PAIRED_T_METHOD: Final = "paired t test"
PAIRED_RATE_RATIO_METHOD: Final = "ratio of pooled rates, Wald, patient-clustered sandwich with n/(n-1)"


def paired_t(before: FloatArray, after: FloatArray, alpha: float = 0.05) -> Estimate:
    """Estimate the mean change, after minus before, with the paired t interval and test.

    before, after (n,): a score of the same patients in its own unit; NaN leaves the pair out. Changes that are all the
    same have no error to be measured by: "no_variation". Raises ValueError for unequal lengths or a bad alpha. Source:
    Student (1908).
    """
    check_alpha(alpha)
    b, a = columns(before=before, after=after)
    used = present(b, a)
    b, a = b[used], a[used]
    if not np.all(np.isfinite(b) & np.isfinite(a)):
        return undetermined(PAIRED_T_METHOD, "bad_data", b.size)
    if b.size < 2:
        return undetermined(PAIRED_T_METHOD, "one_patient" if b.size else "no_follow_up", b.size)
    with np.errstate(all="ignore"):
        return _one_sample_t(a - b, float(np.max(np.abs(np.concatenate([a, b])))), alpha)


def _one_sample_t(change: FloatArray, scale: float, alpha: float) -> Estimate:
    """Return the t estimate of a mean; `scale` is the size of the values whose difference `change` is."""
    n, mean = change.size, float(change.mean())
    squares = float(np.sum((change - mean) ** 2))
    if is_rounding(squares, n, scale):
        return undetermined(PAIRED_T_METHOD, "no_variation", n)
    return wald(mean, math.sqrt(squares / (n - 1) / n), PAIRED_T_METHOD, n, alpha, df=n - 1)


def paired_rate_ratio(
    events_before: FloatArray,
    years_before: FloatArray,
    events_after: FloatArray,
    years_after: FloatArray,
    alpha: float = 0.05,
) -> Estimate:
    """Estimate the log ratio of pooled event rates, after over before, robust to any correlation within a patient.

    events_* (n,): counts; years_* (n,): length of each patient's windows. A patient lacking either window (0 years or
    NaN) is left out. The rate of a window is its total events over its total years; the variance of the log ratio is
    the sum of squared patient contributions (delta method, the sandwich of a Poisson model clustered by patient: Liang
    and Zeger 1986) times n / (n - 1); the test refers to the normal. Raises ValueError for unequal lengths or a bad
    alpha.
    """
    check_alpha(alpha)
    cols = columns(
        events_before=events_before, years_before=years_before, events_after=events_after, years_after=years_after
    )
    used = present(*cols) & (cols[1] != 0.0) & (cols[3] != 0.0)
    eb, yb, ea, ya = (c[used] for c in cols)
    with np.errstate(all="ignore"):
        outcome = _rate_refusal(eb, yb, ea, ya)
        if outcome is not None:
            return undetermined(PAIRED_RATE_RATIO_METHOD, outcome, eb.size)
        return _pooled_ratio(eb, yb, ea, ya, alpha)


def _rate_refusal(eb: FloatArray, yb: FloatArray, ea: FloatArray, ya: FloatArray) -> str | None:
    """Name the reason for which there is no ratio of rates, or None."""
    years = np.concatenate([yb, ya])
    if not (are_whole_counts(np.concatenate([eb, ea])) and np.all((years > 0.0) & np.isfinite(years))):
        return "bad_data"
    if eb.size < 2:
        return "one_patient" if eb.size else "no_follow_up"
    if not (eb.any() or ea.any()):
        return "no_events"
    return None if eb.any() and ea.any() else "no_events_in_window"


def _pooled_ratio(eb: FloatArray, yb: FloatArray, ea: FloatArray, ya: FloatArray, alpha: float) -> Estimate:
    """Return the estimate from each patient's share of events and of years in both windows."""
    n = eb.size
    value = math.log(ea.sum()) - math.log(ya.sum()) - math.log(eb.sum()) + math.log(yb.sum())
    shares = [c / c.sum() for c in (ea, ya, eb, yb)]
    influence = shares[0] - shares[1] - shares[2] + shares[3]
    squares = float(influence @ influence)
    if is_rounding(squares, n, float(np.max(shares))):
        return undetermined(PAIRED_RATE_RATIO_METHOD, "no_variation", n)
    return wald(value, math.sqrt(squares * n / (n - 1)), PAIRED_RATE_RATIO_METHOD, n, alpha)
