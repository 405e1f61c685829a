"""Difference between arms in the change of a score, adjusted for its baseline."""

from __future__ import annotations

from typing import Final

import numpy as np

from sim.analysis.arrays import BoolArray, FloatArray, IntArray, alone, batch, treated_column
from sim.analysis.estimate import Estimate, Estimates, check_alpha, wald_batch

__all__ = ["ANCOVA_METHOD", "ancova_change", "ancova_change_batch"]

ANCOVA_METHOD: Final = "ANCOVA of change on baseline and arm, t interval"


def ancova_change(baseline: FloatArray, final: FloatArray, treated: BoolArray, alpha: float = 0.05) -> Estimate:
    """Estimate the baseline-adjusted difference in mean change, treated minus control, with a t interval.

    baseline, final (n,): the score at both visits in its own unit, NaN where missed (available cases); treated (n,):
    True in the treated arm. Least squares of final - baseline on an intercept, baseline and arm, n - 3 degrees of
    freedom, in closed form (Cochran 1957). A baseline that does not vary within arms, or changes without scatter around
    the fit, give "no_variation". Raises ValueError for unequal lengths or a bad alpha.
    """
    return ancova_change_batch(baseline, final, treated, alone(baseline), alpha)[0]


def ancova_change_batch(
    baseline: FloatArray, final: FloatArray, treated: BoolArray, first: IntArray, alpha: float = 0.05
) -> Estimates:
    """Estimate the adjusted difference of each of many data sets, patients first[k] to first[k + 1] - 1 being set k."""
    from sim.analysis.change_kernel import ancova_sets

    check_alpha(alpha)
    ends, (x, last) = batch(first, baseline=baseline, final=final)
    sets = ends.size - 1
    numbers, n, outcomes = np.empty((sets, 2)), np.empty(sets, np.int64), np.empty(sets, np.int64)
    with np.errstate(all="ignore"):
        ancova_sets(x, last, treated_column(treated, x.size), ends, numbers, n, outcomes)
    return wald_batch(numbers[:, 0], numbers[:, 1], n, outcomes, ANCOVA_METHOD, alpha, df=n - 3)
