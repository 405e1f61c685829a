"""Each patient as their own control: mean change of a score, and ratio of event rates, after against before."""

from __future__ import annotations

from typing import Final

import numpy as np

from sim.analysis.arrays import FloatArray, IntArray, alone, batch
from sim.analysis.estimate import Estimate, Estimates, check_alpha, wald_batch

__all__ = [
    "PAIRED_RATE_RATIO_METHOD",
    "PAIRED_T_METHOD",
    "paired_rate_ratio",
    "paired_rate_ratio_batch",
    "paired_t",
    "paired_t_batch",
]

PAIRED_T_METHOD: Final = "paired t test"
PAIRED_RATE_RATIO_METHOD: Final = "ratio of pooled rates, Wald, patient-clustered sandwich with n/(n-1)"


def paired_t(before: FloatArray, after: FloatArray, alpha: float = 0.05) -> Estimate:
    """Estimate the mean change, after minus before, with the paired t interval and test.

    before, after (n,): a score of the same patients in its own unit; NaN leaves the pair out. Changes that are all the
    same have no error to be measured by: "no_variation". Raises ValueError for unequal lengths or a bad alpha. Source:
    Student (1908).
    """
    return paired_t_batch(before, after, alone(before), alpha)[0]


def paired_t_batch(before: FloatArray, after: FloatArray, first: IntArray, alpha: float = 0.05) -> Estimates:
    """Estimate the mean change of each of many data sets, patients first[k] to first[k + 1] - 1 being set k."""
    from sim.analysis.change_kernel import paired_t_sets

    check_alpha(alpha)
    ends, (b, a) = batch(first, before=before, after=after)
    sets = ends.size - 1
    numbers, n, outcomes = np.empty((sets, 2)), np.empty(sets, np.int64), np.empty(sets, np.int64)
    with np.errstate(all="ignore"):
        paired_t_sets(b, a, ends, numbers, n, outcomes)
    return wald_batch(numbers[:, 0], numbers[:, 1], n, outcomes, PAIRED_T_METHOD, alpha, df=n - 1)


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
    columns = events_before, years_before, events_after, years_after
    return paired_rate_ratio_batch(*columns, alone(events_before), alpha)[0]


def paired_rate_ratio_batch(
    events_before: FloatArray,
    years_before: FloatArray,
    events_after: FloatArray,
    years_after: FloatArray,
    first: IntArray,
    alpha: float = 0.05,
) -> Estimates:
    """Estimate the log rate ratio of each of many data sets, patients first[k] to first[k + 1] - 1 being set k."""
    from sim.analysis.change_kernel import paired_rate_sets

    check_alpha(alpha)
    ends, cols = batch(
        first,
        events_before=events_before,
        years_before=years_before,
        events_after=events_after,
        years_after=years_after,
    )
    sets = ends.size - 1
    numbers, n, outcomes = np.empty((sets, 2)), np.empty(sets, np.int64), np.empty(sets, np.int64)
    with np.errstate(all="ignore"):
        paired_rate_sets(*cols, ends, numbers, n, outcomes)
    return wald_batch(numbers[:, 0], numbers[:, 1], n, outcomes, PAIRED_RATE_RATIO_METHOD, alpha)
