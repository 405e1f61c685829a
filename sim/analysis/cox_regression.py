"""Cox regression of times to the first event on any covariates, ties after Efron (1977)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sim.analysis.arrays import BoolArray, FloatArray, IntArray, alone, batch, design_matrix
from sim.analysis.estimate import Estimate, Estimates, check_alpha, wald_batch
from sim.analysis.survival import COX_METHOD

__all__ = ["CoxFit", "CoxFits", "cox_regression", "cox_regression_batch"]


@dataclass(frozen=True, slots=True, eq=False)
class CoxFit:
    """One regression: the Estimate of the coefficient asked about, and the whole fit (NaN where there is none).

    coefficients, standard_errors (p,); covariance (p, p), inverse of the observed information. The log partial
    likelihood is given at the maximum and with all coefficients 0.
    """

    estimate: Estimate
    coefficients: FloatArray
    standard_errors: FloatArray
    covariance: FloatArray
    log_likelihood: float
    null_log_likelihood: float


@dataclass(frozen=True, slots=True, eq=False)
class CoxFits:
    """Regressions of T data sets: the fields of `CoxFit` with a first axis more."""

    estimates: Estimates
    coefficients: FloatArray
    standard_errors: FloatArray
    covariance: FloatArray
    log_likelihood: FloatArray
    null_log_likelihood: FloatArray

    def __len__(self) -> int:
        return len(self.estimates)

    def __getitem__(self, k: int) -> CoxFit:
        """Give the regression of data set k."""
        arrays = self.coefficients[k], self.standard_errors[k], self.covariance[k]
        return CoxFit(self.estimates[k], *arrays, float(self.log_likelihood[k]), float(self.null_log_likelihood[k]))


def cox_regression(
    times: FloatArray, events: BoolArray | FloatArray, X: FloatArray, alpha: float = 0.05, coefficient: int = 0
) -> CoxFit:
    """Fit the partial likelihood and answer for one coefficient, a log hazard ratio, with a Wald test.

    times (n,): time to the event, or to the end of observation; events (n,): True (1.0) where the event came; X (n, p):
    covariates, no column of ones; a NaN anywhere leaves a patient out. Columns that depend on each other:
    "no_variation"; a coefficient that is infinite: "no_events_in_arm" for a column of 0 and 1 with events in one group
    only, else "not_converged". Raises ValueError for shapes that do not match.
    """
    return cox_regression_batch(times, events, X, alone(times), alpha, coefficient)[0]


def cox_regression_batch(
    times: FloatArray,
    events: BoolArray | FloatArray,
    X: FloatArray,
    first: IntArray,
    alpha: float = 0.05,
    coefficient: int = 0,
) -> CoxFits:
    """Fit each of many data sets, patients first[k] to first[k + 1] - 1 being set k."""
    from sim.analysis.cox_regression_kernel import cox_sets

    check_alpha(alpha)
    ends, (t, e) = batch(first, times=times, events=events)
    design = design_matrix(X, t.size, coefficient)
    sets, p = ends.size - 1, design.shape[1]
    b, V, likelihoods = np.empty((sets, p)), np.empty((sets, p, p)), np.empty((sets, 2))
    n, outcomes = np.empty(sets, np.int64), np.empty(sets, np.int64)
    with np.errstate(all="ignore"):
        cox_sets(t, e, design, ends, coefficient, b, V, likelihoods, n, outcomes)
        errors = np.sqrt(np.diagonal(V, axis1=1, axis2=2))
    estimates = wald_batch(b[:, coefficient], errors[:, coefficient], n, outcomes, COX_METHOD, alpha)
    return CoxFits(estimates, b, errors, V, likelihoods[:, 1], likelihoods[:, 0])
