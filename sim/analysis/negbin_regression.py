"""NB2 regression of counts on any covariates: arm, strata, baseline values, with a log-exposure offset.

The model is NB2: mean mu_i = years_i * exp(x_i b), variance mu_i + k mu_i^2. With fluctuating activity it is only an
approximation; the sandwich holds where it fails. Sources: Lawless (1987), Cameron and Trivedi (2013).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sim.analysis.arrays import FloatArray, IntArray, alone, batch, design_matrix
from sim.analysis.estimate import Estimate, Estimates, check_alpha, wald_batch
from sim.analysis.negbin import SE_CODES, TEST_CODES, StandardError, Test, method_words

__all__ = ["RegressionFit", "RegressionFits", "negbin_regression", "negbin_regression_batch"]


@dataclass(frozen=True, slots=True, eq=False)
class RegressionFit:
    """One regression: the Estimate of the coefficient asked about, and the whole fit (NaN where there is none).

    coefficients, standard_errors (p,); covariance (p, p) of the coefficients. The dispersion's standard error is always
    that of the observed joint information, NaN at the boundary. The log-likelihood is in full.
    """

    estimate: Estimate
    coefficients: FloatArray
    standard_errors: FloatArray
    covariance: FloatArray
    dispersion: float
    dispersion_standard_error: float
    log_likelihood: float


@dataclass(frozen=True, slots=True, eq=False)
class RegressionFits:
    """Regressions of T data sets: the fields of `RegressionFit` with a first axis more."""

    estimates: Estimates
    coefficients: FloatArray
    standard_errors: FloatArray
    covariance: FloatArray
    dispersion: FloatArray
    dispersion_standard_error: FloatArray
    log_likelihood: FloatArray

    def __len__(self) -> int:
        return len(self.estimates)

    def __getitem__(self, k: int) -> RegressionFit:
        """Give the regression of data set k."""
        return RegressionFit(
            self.estimates[k],
            self.coefficients[k],
            self.standard_errors[k],
            self.covariance[k],
            float(self.dispersion[k]),
            float(self.dispersion_standard_error[k]),
            float(self.log_likelihood[k]),
        )


def negbin_regression(
    counts: FloatArray,
    exposure_years: FloatArray,
    X: FloatArray,
    alpha: float = 0.05,
    coefficient: int = 1,
    se: StandardError = "observed",
    test: Test = "wald",
) -> RegressionFit:
    """Fit NB2 by maximum likelihood and answer for one coefficient, a difference on the log rate scale.

    counts (n,), exposure_years (n,) as for `negbin_rate_ratio`; X (n, p): the design matrix, its column of ones
    included (patients with a NaN in it are left out); `coefficient`: the column asked about. `se` and `test` as for
    `negbin_rate_ratio_batch`; the likelihood-ratio and score tests fit again without that column, and either fit may be
    Poisson. Columns that depend on each other: "no_variation". Raises ValueError for shapes that do not match.
    """
    return negbin_regression_batch(counts, exposure_years, X, alone(counts), alpha, coefficient, se, test)[0]


def negbin_regression_batch(
    counts: FloatArray,
    exposure_years: FloatArray,
    X: FloatArray,
    first: IntArray,
    alpha: float = 0.05,
    coefficient: int = 1,
    se: StandardError = "observed",
    test: Test = "wald",
) -> RegressionFits:
    """Fit each of many data sets, patients first[k] to first[k + 1] - 1 being set k."""
    from scipy.special import ndtr

    from sim.analysis.negbin_regression_kernel import negbin_sets

    check_alpha(alpha)
    method, boundary = method_words(se, test)
    ends, (y, years) = batch(first, counts=counts, exposure_years=exposure_years)
    design = design_matrix(X, y.size, coefficient)
    sets, p = ends.size - 1, design.shape[1]
    b, V, numbers = np.empty((sets, p)), np.empty((sets, p, p)), np.empty((sets, 4))
    n, outcomes = np.empty(sets, np.int64), np.empty(sets, np.int64)
    with np.errstate(all="ignore"):
        choices = coefficient, SE_CODES[se], TEST_CODES[test]
        negbin_sets(y, years, design, ends, *choices, b, V, numbers, n, outcomes)
        errors = np.sqrt(np.diagonal(V, axis1=1, axis2=2))
        tested = None if test == "wald" else 2.0 * ndtr(-np.sqrt(numbers[:, 3]))
    asked = b[:, coefficient], errors[:, coefficient]
    estimates = wald_batch(*asked, n, outcomes, method, alpha, boundary_method=boundary, p=tested)
    return RegressionFits(estimates, b, errors, V, numbers[:, 0], numbers[:, 1], numbers[:, 2])
