"""Rate ratio of two arms by negative binomial regression, with every degenerate trial named instead of guessed.

The model is NB2: counts with mean mu_i = rate(arm) * years_i and variance mu_i + k mu_i^2. Standard errors come from
the observed joint information of log rates and dispersion, as SAS GENMOD and statsmodels print them (MASS::glm.nb uses
the expected information of the log rates alone). Sources: Lawless (1987) for the model and its boundary; Keene et al.
(2007) for its use on relapse and exacerbation rates.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from sim.analysis.arrays import BoolArray, FloatArray, are_whole_counts, columns, present, treated_column
from sim.analysis.estimate import Estimate, check_alpha, undetermined, wald
from sim.analysis.negbin_near_poisson import maximise_near_poisson
from sim.analysis.negbin_statsmodels import maximise

__all__ = ["NEGBIN_METHOD", "POISSON_METHOD", "NegbinFit", "fit_negbin", "negbin_rate_ratio"]

NEGBIN_METHOD: Final = "NB2 regression, log-exposure offset, Wald, observed joint information"
POISSON_METHOD: Final = "Poisson regression, log-exposure offset, Wald (dispersion at its boundary)"

# The boundary is 0 for all that can be told when k is closer to it than this many of its standard errors.
_ROUNDING: Final = 1e-9
# Where k * mean count is about this small, the maximum is sought by formulas that keep their digits near Poisson.
_NEAR_POISSON: Final = 1e-2


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
class _Arms:
    """The patients used, and the totals of (control, treated)."""

    y: FloatArray
    years: FloatArray
    treated: BoolArray
    total_events: FloatArray
    total_years: FloatArray
    patients: tuple[int, int]


def negbin_rate_ratio(
    counts: FloatArray, exposure_years: FloatArray, treated: BoolArray, alpha: float = 0.05
) -> Estimate:
    """Estimate the log rate ratio, treated over control, by NB2 maximum likelihood with a Wald test and interval.

    counts (n,): events of each patient; exposure_years (n,): years at risk; treated (n,): True in the treated arm.
    Patients without exposure (0 or NaN) or with a NaN count are left out. Dispersion at its boundary gives the
    closed-form Poisson fit, outcome "boundary_poisson". Never warns. Raises ValueError for unequal lengths or a bad
    alpha.
    """
    check_alpha(alpha)
    fit = fit_negbin(counts, exposure_years, treated)
    n = fit.n_control + fit.n_treated
    if not fit.converged:
        return undetermined(fit.method, fit.outcome, n)
    return wald(fit.log_rate_ratio, fit.standard_error, fit.method, n, alpha, outcome=fit.outcome)


def fit_negbin(counts: FloatArray, exposure_years: FloatArray, treated: BoolArray) -> NegbinFit:
    """Fit the two-arm NB2 regression and return ratio, rates and dispersion; inputs as for `negbin_rate_ratio`.

    The dispersion is taken to be at its boundary when the likelihood does not rise with k from the Poisson fit, i.e.
    when the sum of (y - mu)^2 - y is not above 0 (Lawless 1987). With exposures that differ by orders of magnitude a
    second, inner maximum can exist beside the boundary; it is then not sought.
    """
    y, years, arm = columns(counts=counts, exposure_years=exposure_years, treated=treated)
    with np.errstate(all="ignore"):
        arms = _arms(y, years, treated_column(arm))
        outcome = _refusal(arms)
        if outcome is not None:
            return _no_fit(arms, outcome)
        return _fit(arms)


def _arms(y: FloatArray, years: FloatArray, treated: BoolArray) -> _Arms:
    """Keep the patients with exposure and a known count, and total them by arm."""
    used = present(y, years) & (years != 0.0)
    y, years, treated = y[used], years[used], treated[used]
    n_treated = int(treated.sum())
    events = np.array([y[~treated].sum(), y[treated].sum()])
    time = np.array([years[~treated].sum(), years[treated].sum()])
    return _Arms(y, years, treated, events, time, (y.size - n_treated, n_treated))


def _refusal(arms: _Arms) -> str | None:
    """Name the reason for which no rate ratio can be fitted, or None."""
    if not are_whole_counts(arms.y) or not np.all((arms.years > 0.0) & np.isfinite(arms.years)):
        return "bad_data"
    if sum(arms.patients) == 1:
        return "one_patient"
    if min(arms.patients) == 0:
        return "no_follow_up"
    if not arms.total_events.any():
        return "no_events"
    return None if arms.total_events.all() else "no_events_in_arm"


def _fit(arms: _Arms) -> NegbinFit:
    """Take the Poisson fit if it is the maximum, else maximise the NB2 likelihood from there."""
    log_rates = np.log(arms.total_events) - np.log(arms.total_years)
    mu = np.exp(np.where(arms.treated, log_rates[1], log_rates[0])) * arms.years
    score, expected = _score_at_zero(arms.y, mu), 0.5 * float(np.sum(mu * mu))
    if not (math.isfinite(score) and 0.0 < expected < math.inf and mu.min() > 0.0):
        return _no_fit(arms, "not_converged")
    if score <= _ROUNDING * math.sqrt(expected):
        return _poisson_fit(arms, log_rates)
    rate, ratio = float(log_rates[0]), float(log_rates[1] - log_rates[0])
    near = _NEAR_POISSON / float(mu.mean())
    found = None
    if score < near * _information_at_zero(arms, mu):
        found = maximise_near_poisson(arms.y, arms.years, arms.treated, rate, ratio)
    if found is None:
        found = maximise(arms.y, arms.years, arms.treated, (rate, ratio, max(score / expected, near)))
    return _no_fit(arms, "not_converged") if found is None else _negbin_fit(arms, *found)


def _score_at_zero(y: FloatArray, mu: FloatArray) -> float:
    """Return the derivative of the log-likelihood in k at k = 0; its expected information there is sum(mu^2) / 2."""
    return 0.5 * float(np.sum((y - mu) ** 2 - y))


def _information_at_zero(arms: _Arms, mu: FloatArray) -> float:
    """Return minus the second derivative in k at k = 0 of the log-likelihood profiled over the arm rates."""
    y, t = arms.y, arms.treated
    own = np.sum(y * (y - 1.0) * (2.0 * y - 1.0) / 6.0 - y * mu**2 + 2.0 * mu**3 / 3.0)
    cross = mu * (y - mu)
    return float(own - cross[~t].sum() ** 2 / arms.total_events[0] - cross[t].sum() ** 2 / arms.total_events[1])


def _negbin_fit(arms: _Arms, params: FloatArray, covariance: FloatArray) -> NegbinFit:
    """Return the fit at an inner maximum."""
    intercept, ratio, k = (float(v) for v in params)
    _, se, se_k = (float(v) for v in np.sqrt(np.diag(covariance)))
    return NegbinFit(
        log_rate_ratio=ratio,
        standard_error=se,
        rate_control=math.exp(intercept),
        rate_treated=math.exp(intercept + ratio),
        dispersion=k,
        dispersion_standard_error=se_k,
        converged=True,
        n_control=arms.patients[0],
        n_treated=arms.patients[1],
        method=NEGBIN_METHOD,
        outcome="ok",
    )


def _poisson_fit(arms: _Arms, log_rates: FloatArray) -> NegbinFit:
    """Return the closed-form fit of Poisson counts: events / years, variance of the log ratio 1/events + 1/events."""
    return replace(
        _no_fit(arms, "boundary_poisson"),
        log_rate_ratio=float(log_rates[1] - log_rates[0]),
        standard_error=math.sqrt(float(np.sum(1.0 / arms.total_events))),
        dispersion=0.0,
        converged=True,
        method=POISSON_METHOD,
    )


def _no_fit(arms: _Arms, outcome: str) -> NegbinFit:
    """Return crude rates and the reason why there is no more."""
    control, treated = (float(r) for r in arms.total_events / arms.total_years)
    nan = math.nan
    return NegbinFit(nan, nan, control, treated, nan, nan, False, *arms.patients, NEGBIN_METHOD, outcome)
