"""Rate ratio of two arms by negative binomial regression, with every degenerate trial named instead of guessed.

The model is NB2: counts with mean mu_i = rate(arm) * years_i and variance mu_i + k mu_i^2. Standard errors come from
the observed joint information of log rates and dispersion, as SAS GENMOD and statsmodels print them (MASS::glm.nb uses
the expected information of the log rates alone). Sources: Lawless (1987) for the model and its boundary; Keene et al.
(2007) for its use on relapse and exacerbation rates.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np

from sim.analysis.arrays import BoolArray, FloatArray, IntArray, alone, batch, treated_column
from sim.analysis.estimate import OUTCOMES, Estimate, Estimates, check_alpha, wald_batch

__all__ = [
    "NEGBIN_METHOD",
    "POISSON_METHOD",
    "NegbinFit",
    "StandardError",
    "Test",
    "fit_negbin",
    "method_words",
    "negbin_rate_ratio",
    "negbin_rate_ratio_batch",
]

StandardError = Literal["observed", "expected", "sandwich"]
Test = Literal["wald", "likelihood_ratio", "score"]

SE_CODES: Final = {"observed": 0, "expected": 1, "sandwich": 2}
TEST_CODES: Final = {"wald": 0, "likelihood_ratio": 1, "score": 2}

_SE_WORDS: Final = {
    "observed": "observed joint information",
    "expected": "expected information",
    "sandwich": "sandwich",
}
_TEST_WORDS: Final = {
    "wald": "Wald",
    "likelihood_ratio": "likelihood-ratio test, Wald interval",
    "score": "score test, Wald interval",
}

NEGBIN_METHOD: Final = "NB2 regression, log-exposure offset, Wald, observed joint information"
POISSON_METHOD: Final = "Poisson regression, log-exposure offset, Wald (dispersion at its boundary)"


@dataclass(frozen=True, slots=True)
class NegbinFit:
    """What the regression found: log rate ratio (treated / control), arm rates a year, dispersion k and their errors.

    When `converged` is False, ratio, errors and dispersion are NaN and the rates are crude (events / years; NaN without
    years). At the boundary the dispersion is 0 and its standard error NaN. `n_control` and `n_treated` count patients
    with exposure.
    """

    log_rate_ratio: float
    standard_error: float
    rate_control: float
    rate_treated: float
    dispersion: float
    dispersion_standard_error: float
    converged: bool
    n_control: int
    n_treated: int
    method: str
    outcome: str


@dataclass(frozen=True, slots=True)
class _Fits:
    """What the compiled fit answers: numbers (T, 6) by its columns, patients (T, 2), outcome positions (T,)."""

    numbers: FloatArray
    patients: IntArray
    outcomes: IntArray


def negbin_rate_ratio(
    counts: FloatArray,
    exposure_years: FloatArray,
    treated: BoolArray,
    alpha: float = 0.05,
    se: StandardError = "observed",
    test: Test = "wald",
) -> Estimate:
    """Estimate the log rate ratio, treated over control, by NB2 maximum likelihood with an interval and a test.

    counts (n,): events of each patient; exposure_years (n,): years at risk; treated (n,): True in the treated arm.
    Patients without exposure (0 or NaN) or with a NaN count are left out. Dispersion at its boundary gives the
    closed-form Poisson fit, outcome "boundary_poisson". `se` and `test` as in `negbin_rate_ratio_batch`. Never warns.
    Raises ValueError for unequal lengths or a bad alpha.
    """
    return negbin_rate_ratio_batch(counts, exposure_years, treated, alone(counts), alpha, se, test)[0]


def negbin_rate_ratio_batch(
    counts: FloatArray,
    exposure_years: FloatArray,
    treated: BoolArray,
    first: IntArray,
    alpha: float = 0.05,
    se: StandardError = "observed",
    test: Test = "wald",
) -> Estimates:
    """Estimate the log rate ratio of each of many data sets, patients first[k] to first[k + 1] - 1 being set k.

    `se`: from the observed joint information, the expected information, or the sandwich of the patients' scores between
    observed informations (no small-sample factor), which holds where counts are not negative binomial. `test`: Wald by
    that standard error, likelihood ratio, or score (expected information at the fit with one rate, Rao 1948); the
    interval is Wald's always.
    """
    check_alpha(alpha)
    method, boundary = method_words(se, test)
    columns = _columns(counts, exposure_years, treated, first)
    with np.errstate(all="ignore"):
        fits = _fit(*columns, se)
        p = None if test == "wald" else _tested(*columns, fits, test)
    n = fits.patients[:, 0] + fits.patients[:, 1]
    return wald_batch(
        fits.numbers[:, 0], fits.numbers[:, 1], n, fits.outcomes, method, alpha, boundary_method=boundary, p=p
    )


def method_words(se: StandardError, test: Test) -> tuple[str, str]:
    """Return the methods' words, of the negative binomial and of the Poisson fit; ValueError for unknown choices."""
    for name, found, allowed in (("se", se, SE_CODES), ("test", test, TEST_CODES)):
        if found not in allowed:
            raise ValueError(f"{name} must be one of {', '.join(allowed)}, found {found!r}")
    negbin = f"NB2 regression, log-exposure offset, {_TEST_WORDS[test]}, {_SE_WORDS[se]}"
    robust = ", sandwich" if se == "sandwich" else ""
    return negbin, f"Poisson regression, log-exposure offset, {_TEST_WORDS[test]}{robust} (dispersion at its boundary)"


def fit_negbin(counts: FloatArray, exposure_years: FloatArray, treated: BoolArray) -> NegbinFit:
    """Fit the two-arm NB2 regression and return ratio, rates and dispersion; inputs as for `negbin_rate_ratio`.

    The dispersion is taken to be at its boundary when the likelihood does not rise with k from the Poisson fit, i.e.
    when the sum of (y - mu)^2 - y is not above 0 (Lawless 1987). With exposures that differ by orders of magnitude a
    second, inner maximum can exist beside the boundary; it is then not sought.
    """
    with np.errstate(all="ignore"):
        fits = _fit(*_columns(counts, exposure_years, treated, alone(counts)), "observed")
    outcome = tuple(OUTCOMES)[int(fits.outcomes[0])]
    ratio, se, control, active, k, se_k = (float(v) for v in fits.numbers[0])
    n_control, n_treated = (int(n) for n in fits.patients[0])
    method = POISSON_METHOD if outcome == "boundary_poisson" else NEGBIN_METHOD
    converged = math.isfinite(ratio) and math.isfinite(se)
    return NegbinFit(ratio, se, control, active, k, se_k, converged, n_control, n_treated, method, outcome)


def _columns(
    counts: FloatArray, years: FloatArray, treated: BoolArray, first: IntArray
) -> tuple[FloatArray, FloatArray, BoolArray, IntArray]:
    """Return the columns as the compiled fit takes them."""
    ends, (y, t) = batch(first, counts=counts, exposure_years=years)
    return y, t, treated_column(treated, y.size), ends


def _fit(y: FloatArray, years: FloatArray, treated: BoolArray, first: IntArray, se: StandardError) -> _Fits:
    """Run the compiled fit."""
    from sim.analysis.negbin_kernel import negbin_two_arms

    sets = first.size - 1
    fits = _Fits(np.empty((sets, 6)), np.empty((sets, 2), np.int64), np.empty(sets, np.int64))
    negbin_two_arms(y, years, treated, first, fits.numbers, fits.patients, fits.outcomes)
    if se != "observed":
        from sim.analysis.negbin_tests_kernel import negbin_other_errors

        negbin_other_errors(y, years, treated, first, SE_CODES[se], fits.numbers, fits.outcomes)
    return fits


def _tested(
    y: FloatArray, years: FloatArray, treated: BoolArray, first: IntArray, fits: _Fits, test: Test
) -> FloatArray:
    """Return the two-sided p of the likelihood-ratio or score test."""
    from scipy.special import ndtr

    from sim.analysis.negbin_tests_kernel import negbin_no_difference

    statistics = np.empty(first.size - 1)
    negbin_no_difference(y, years, treated, first, TEST_CODES[test], fits.numbers, fits.outcomes, statistics)
    p: FloatArray = 2.0 * ndtr(-np.sqrt(statistics))
    return p
