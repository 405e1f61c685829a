"""The negative binomial rate ratio against maximisers and likelihoods that share no code with it."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from decimal import Decimal, localcontext
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
import statsmodels.formula.api as smf
from scipy import optimize, special, stats
from statsmodels.discrete.discrete_model import NegativeBinomial

from sim.analysis import negbin_kernel, negbin_parts
from sim.analysis.arrays import BoolArray, FloatArray
from sim.analysis.negbin import NegbinFit, fit_negbin, negbin_rate_ratio
from sim.analysis.negbin_data import Room
from sim.jit import kernel

EPS = float(np.finfo(np.float64).eps)


class Trial(NamedTuple):
    """Counts, years and arm of one simulated trial."""

    counts: FloatArray
    years: FloatArray
    treated: BoolArray


def draw(seed: int, n: int, rate: float, ratio: float, k: float, years: str) -> Trial:
    """A two-arm NB2 trial; years are "equal" (2 each), "unequal" (0.1 to 2) or "wild" (log-normal, sd 1)."""
    rng = np.random.default_rng(seed)
    treated = np.arange(n) % 2 == 1
    t = {"equal": np.full(n, 2.0), "unequal": rng.uniform(0.1, 2.0, n), "wild": np.exp(rng.normal(0, 1, n))}[years]
    frailty = rng.gamma(1 / k, k, n)
    return Trial(rng.poisson(rate * ratio**treated * t * frailty).astype(float), t, treated)


def overdispersed(seed: int, *recipe: Any) -> Trial:
    """The first trial from `seed` on in which both arms have events and scatter beyond Poisson."""
    for s in itertools.count(1000 * seed):
        trial = draw(s, *recipe)
        if fit_negbin(*trial).outcome == "ok":
            return trial
    raise AssertionError


def recipes() -> Iterator[tuple[Any, ...]]:
    """36 settings: usual trials, few events, dispersion near 0 and huge, unequal exposure, few patients."""
    yield from itertools.product([20, 200], [0.2, 0.6], [0.5], [0.05, 0.5, 5.0], ["equal", "unequal"])
    yield from itertools.product([6], [1.0], [0.3], [0.5, 2.0], ["equal", "unequal", "wild"])
    yield from itertools.product([60], [30.0], [1.2], [0.02, 1.0], ["unequal", "wild"])
    yield from itertools.product([400], [0.05], [0.7], [20.0], ["unequal", "wild"])


RECIPES = list(recipes())


def log_likelihood(theta: Any, trial: Trial) -> Any:
    """NB2 log-likelihood at (log control rate, log treated rate, log k), straight from its density; complex allowed.

    log Gamma(y + 1/k) - log Gamma(1/k) is written as the sum over j < y of log(j + 1/k), which keeps digits at small k.
    """
    y, t, arm = trial
    mu, k = np.exp(np.where(arm, theta[1], theta[0])) * t, np.exp(theta[2])
    sums = np.append(0.0, np.cumsum(np.log1p(k * np.arange(y.max()))))
    return np.sum(sums[y.astype(int)] + y * np.log(mu) - (y + 1 / k) * np.log1p(k * mu) - special.gammaln(y + 1))


def gradient(theta: FloatArray, trial: Trial) -> FloatArray:
    """Its gradient by complex steps: no differences, so no digits are lost to them (Squire and Trapp 1998)."""
    steps = 1e-30j * np.eye(3)
    return np.array([log_likelihood(theta + step, trial).imag / 1e-30 for step in steps])


def minus_hessian(theta: FloatArray, trial: Trial) -> FloatArray:
    """Minus its Hessian by central differences of the gradient, extrapolated: error of order h^4 + eps / h."""

    def difference(h: float) -> FloatArray:
        rows = [(gradient(theta + s, trial) - gradient(theta - s, trial)) / (2 * h) for s in h * np.eye(3)]
        return np.array(rows)

    both = (4 * difference(5e-4) - difference(1e-3)) / 3
    return -(both + both.T) / 2


def direct_maximum(trial: Trial, start: FloatArray) -> FloatArray:
    """Where scipy's optimisers find the maximum: values first (Nelder-Mead), then the root of the gradient."""
    rough = optimize.minimize(
        lambda p: -log_likelihood(p, trial), start, method="Nelder-Mead", options={"maxiter": 600}
    )
    return np.asarray(optimize.root(lambda p: gradient(p, trial), rough.x, tol=1e-13).x)


def ours(fit: NegbinFit) -> FloatArray:
    """The fit in the parameters of `log_likelihood`."""
    return np.log([fit.rate_control, fit.rate_treated, fit.dispersion])


@pytest.mark.parametrize("number", range(len(RECIPES)))
def test_estimate_and_error_are_those_of_direct_maximisation(number: int) -> None:
    """On 36 data sets, hard ones included, the fit is the maximum found by scipy, its error the inverse Hessian's.

    Positions are compared in standard errors: Newton's last step is below 1e-11 of them and is still taken, so
    1e-9 leaves room for rounding alone. Errors are asked to agree ten times closer than 1e-7. That of k is compared on
    the log scale, where the oracle's own Hessian, differenced to about 1e-10, loses a factor of its condition number,
    2e5 at the smallest k.
    """
    trial = overdispersed(number, *RECIPES[number])
    fit = fit_negbin(*trial)
    pooled = math.log(trial.counts.sum() / trial.years.sum())
    best = direct_maximum(trial, np.array([pooled, pooled, 0.0]))
    information = minus_hessian(best, trial)
    covariance = np.linalg.inv(information)
    errors = np.sqrt(np.diag(covariance))
    assert np.all(np.abs(ours(fit) - best) < 1e-9 * errors)
    contrast = np.array([-1.0, 1.0, 0.0])
    assert fit.log_rate_ratio == pytest.approx(best[1] - best[0], abs=1e-9 * fit.standard_error)
    assert fit.standard_error == pytest.approx(math.sqrt(contrast @ covariance @ contrast), rel=1e-8)
    oracle = 1e-10 * np.linalg.cond(information)
    assert fit.dispersion_standard_error == pytest.approx(fit.dispersion * errors[2], rel=oracle)


@pytest.mark.parametrize("number", range(0, len(RECIPES), 3))
def test_no_other_start_finds_more(number: int) -> None:
    """From twelve scattered starts Nelder-Mead finds no likelihood above that of the fit, but for rounding."""
    trial = overdispersed(number, *RECIPES[number])
    top = ours(fit_negbin(*trial))
    rng = np.random.default_rng(number)
    terms = np.sum(np.abs(special.gammaln(trial.counts + 1)) + trial.counts + 1)  # size of what is summed
    for start in top + rng.normal(0, [1.0, 1.0, 2.0], (12, 3)):
        found = optimize.minimize(lambda p: -log_likelihood(p, trial), start, method="Nelder-Mead")
        assert -found.fun <= log_likelihood(top, trial) + 4 * EPS * terms


def decimal_log_likelihood(theta: list[Decimal], trial: Trial) -> Decimal:
    """NB2 log-likelihood at (log control rate, log ratio, k) in the digits of the decimal context, up to a constant."""
    total = Decimal(0)
    for y, t, arm in zip(*trial, strict=True):
        mu = (theta[0] + (theta[1] if arm else 0)).exp() * Decimal(float(t))
        products = sum(((1 + theta[2] * j).ln() for j in range(int(y))), Decimal(0))
        total += products + int(y) * mu.ln() - (int(y) + 1 / theta[2]) * (1 + theta[2] * mu).ln()
    return total


def decimal_newton(trial: Trial, start: list[float], steps: int) -> tuple[list[float], FloatArray]:
    """Newton on central differences in 90 digits: the parameters and their standard errors."""
    with localcontext() as context:
        context.prec = 90
        theta = [Decimal(v) for v in start]
        for _ in range(steps):
            score, information = decimal_derivatives(theta, trial)
            inverse = np.linalg.inv(information)
            # corrections in double, positions in 90 digits: each step divides the distance by 1e6 or more
            theta = [v + Decimal(float(d)) for v, d in zip(theta, inverse @ score, strict=True)]
        return [float(v) for v in theta], np.sqrt(np.diag(inverse))


def decimal_derivatives(theta: list[Decimal], trial: Trial) -> tuple[FloatArray, FloatArray]:
    """Score and observed information by central differences, steps up to h = 1e-20: errors h^2 and 1e-50."""
    h = [Decimal("1e-20"), Decimal("1e-20"), min(Decimal("1e-20"), theta[2] * Decimal("1e-9"))]

    def at(*moves: tuple[int, int]) -> Decimal:
        moved = list(theta)
        for i, sign in moves:
            moved[i] += sign * h[i]
        return decimal_log_likelihood(moved, trial)

    centre = at()
    score = [float((at((i, 1)) - at((i, -1))) / (2 * h[i])) for i in range(3)]
    information = np.empty((3, 3))
    for i in range(3):
        information[i, i] = -float((at((i, 1)) - 2 * centre + at((i, -1))) / h[i] ** 2)
        for j in range(i):
            mixed = at((i, 1), (j, 1)) - at((i, 1), (j, -1)) - at((i, -1), (j, 1)) + at((i, -1), (j, -1))
            information[i, j] = information[j, i] = -float(mixed / (4 * h[i] * h[j]))
    return np.array(score), information


def near_boundary(distance: float) -> Trial:
    """A trial of 24 whose years are stretched until the score of k at 0 is `distance` standard errors of k above 0."""
    rng = np.random.default_rng(7)
    y, t, arm = rng.poisson(1.5, 24).astype(float), rng.uniform(0.5, 2.0, 24), np.arange(24) % 2 == 1
    tilt = np.log(0.5 + y) - np.log(t)  # towards years that explain the counts: less and less scatter is left

    def excess(s: float) -> float:
        stretched = t * np.exp(s * tilt)
        mu = stretched * np.where(arm, y[arm].sum() / stretched[arm].sum(), y[~arm].sum() / stretched[~arm].sum())
        return float(np.sum((y - mu) ** 2 - y) / math.sqrt(2 * np.sum(mu**2))) - distance

    s = optimize.brentq(excess, -1.0, 1.0, xtol=1e-15)
    return Trial(y, t * np.exp(s * tilt), arm)


@pytest.mark.parametrize("distance", [1e-7, 1e-5, 1e-3, 0.03, 0.3])
def test_fits_near_poisson_keep_their_digits(distance: float) -> None:
    """With dispersion down to 1e-7 standard errors from 0, estimate and error agree with 90-digit arithmetic.

    The last Newton step is below 1e-9 standard errors and is still taken, the information is that of one step before:
    both leave 1e-8 with room. statsmodels' derivatives would have lost all digits below k = 1e-5.
    """
    trial = near_boundary(distance)
    fit = fit_negbin(*trial)
    assert fit.outcome == "ok"
    start = [math.log(fit.rate_control), fit.log_rate_ratio, fit.dispersion]
    theta, errors = decimal_newton(trial, start, 2)
    assert fit.log_rate_ratio == pytest.approx(theta[1], abs=1e-8 * fit.standard_error)
    assert (fit.standard_error, fit.dispersion_standard_error) == pytest.approx(errors[1:], rel=1e-8)
    assert fit.dispersion == pytest.approx(theta[2], abs=1e-8 * fit.dispersion_standard_error)


def test_the_boundary_is_approached_without_a_jump() -> None:
    """As dispersion goes to 0 the fit goes to the Poisson fit that is reported at the boundary."""
    for distance in (1e-3, 1e-5, 1e-7):
        trial = near_boundary(distance)
        inner, outer = fit_negbin(*trial), poisson(trial)
        # the NB fit differs from Poisson by a first-order term in k, k here about `distance` standard errors (< 1)
        assert inner.log_rate_ratio == pytest.approx(outer[0], abs=10 * distance * outer[1])
        assert inner.dispersion < 10 * distance


def poisson(trial: Trial) -> tuple[float, float]:
    """Closed-form Poisson log rate ratio and its standard error."""
    y, t, arm = trial
    ratio = math.log(y[arm].sum() / t[arm].sum()) - math.log(y[~arm].sum() / t[~arm].sum())
    return ratio, math.sqrt(1 / y[arm].sum() + 1 / y[~arm].sum())


def test_no_more_scatter_than_poisson_gives_the_poisson_fit() -> None:
    """Underdispersed counts give the closed-form Poisson fit, dispersion 0, and say so in outcome and method."""
    counts, years, treated = np.tile([1.0, 2.0], 10), np.linspace(0.8, 1.2, 20), np.arange(20) < 10
    made, fit = negbin_rate_ratio(counts, years, treated), fit_negbin(counts, years, treated)
    value, se = poisson(Trial(counts, years, treated))
    # the same closed form, a few roundings apart
    assert (made.value, made.standard_error) == pytest.approx((value, se), rel=1e-13, abs=1e-15)
    assert made.p == pytest.approx(2 * stats.norm.sf(abs(value / se)), rel=1e-11)
    assert (made.outcome, made.converged, fit.dispersion) == ("boundary_poisson", True, 0.0)
    assert "Poisson" in made.method


def test_the_formula_interface_of_statsmodels_agrees() -> None:
    """A usual trial has the estimate, error, p and interval that statsmodels' formula interface prints."""
    trial = overdispersed(1, 200, 0.6, 0.7, 0.5, "unequal")
    table = pd.DataFrame({"y": trial.counts, "treated": trial.treated.astype(float), "years": trial.years})
    model = smf.negativebinomial("y ~ treated", table, exposure=table["years"])
    fit = model.fit(method="newton", disp=0, start_params=[-0.5, -0.3, 0.4])
    made = negbin_rate_ratio(*trial, alpha=0.1)
    lower, upper = fit.conf_int(0.1).loc["treated"]
    expected = fit.params["treated"], fit.bse["treated"], lower, upper, fit.pvalues["treated"]
    # both are at the end of Newton's quadratic convergence: rounding, magnified by the condition of the information
    found = made.value, made.standard_error, made.lower, made.upper, made.p
    assert found == pytest.approx(expected, rel=1e-9)
    assert (made.n, made.outcome) == (200, "ok")


def test_equal_exposure_gives_the_crude_rates() -> None:
    """With equal exposure within arms the rates are events / years whatever the dispersion (Lawless 1987)."""
    trial = overdispersed(2, 200, 0.6, 0.5, 0.5, "equal")
    fit = fit_negbin(*trial)
    crude = [trial.counts[a].sum() / trial.years[a].sum() for a in (~trial.treated, trial.treated)]
    assert (fit.rate_control, fit.rate_treated) == pytest.approx(crude, abs=1e-8 * fit.standard_error)


def test_patients_without_exposure_are_left_out() -> None:
    """Zero or unknown exposure, or an unknown count, is as if the patient were not there; n counts the others."""
    trial = overdispersed(3, 60, 0.6, 0.5, 0.5, "unequal")
    more = np.r_[trial.counts, 0.0, 4.0, np.nan], np.r_[trial.years, 0.0, np.nan, 1.0]
    made = negbin_rate_ratio(*more, np.r_[trial.treated, True, False, True])
    assert made == negbin_rate_ratio(*trial)
    assert made.n == 60


def test_swapping_arms_and_changing_units() -> None:
    """Swapping arms turns the sign and leaves the error; counting time in months divides the rates by 12, no more."""
    counts, years, treated = overdispersed(4, 60, 0.6, 0.5, 0.5, "unequal")
    fit, swapped = fit_negbin(counts, years, treated), fit_negbin(counts, years, ~treated)
    months = fit_negbin(counts, 12 * years, treated)
    # positions within 1e-8 standard errors (Newton's last step is quadratic), errors accordingly
    tight = 1e-8 * fit.standard_error
    assert swapped.log_rate_ratio == pytest.approx(-fit.log_rate_ratio, abs=tight)
    assert months.log_rate_ratio == pytest.approx(fit.log_rate_ratio, abs=tight)
    assert [swapped.standard_error, months.standard_error] == pytest.approx([fit.standard_error] * 2, rel=1e-8)
    assert months.rate_control == pytest.approx(fit.rate_control / 12, rel=1e-8)


# What tests may call of parts that Python cannot.


@kernel
def tabulate(y: FloatArray, first: int, last: int, more_than: FloatArray) -> int:
    """Call the part."""
    return negbin_parts.tabulate(y, first, last, more_than)


@kernel
def count_sums(k: float, more_than: FloatArray, length: int, y: FloatArray, first: int, last: int) -> Any:
    """Call the part."""
    return negbin_parts.count_sums(k, more_than, length, y, first, last)


@kernel
def count_log_sum(k: float, more_than: FloatArray, length: int, y: FloatArray, first: int, last: int) -> float:
    """Call the part."""
    return negbin_parts.count_log_sum(k, more_than, length, y, first, last)


@kernel
def count_sum(y: float, k: float) -> float:
    """Call the part."""
    return negbin_parts.count_sum(y, k)


@kernel
def arm_sums(y: FloatArray, t: FloatArray, first: int, last: int, rate: float, k: float, careful: bool) -> Any:
    """Call the part."""
    return negbin_kernel.arm_sums(y, t, first, last, rate, k, careful)


@kernel
def alike_sums(many: float, events: float, years: float, rate: float, k: float, careful: bool) -> Any:
    """Call the part."""
    return negbin_kernel._alike_sums(many, events, years, rate, k, careful)


@kernel
def search(w: Any, n0: int, n: int, length: int, k: float) -> float:
    """Call the part."""
    return negbin_kernel._search(w, n0, n, length, k)


@kernel
def newton(w: Any, n0: int, n: int, length: int, k: float) -> Any:
    """Call the part."""
    return negbin_kernel._newton(w, n0, n, length, k)


def scratch(trial: Trial, a: FloatArray) -> tuple[Room, int, int, int]:
    """A trial as the compiled fit holds it, at `a`: controls first, and how many patients have more than j events."""
    order = np.argsort(trial.treated, kind="stable")
    y, more_than, none = trial.counts[order], np.empty(negbin_parts.LARGE + 1), np.empty(0)
    used = tabulate(y, 0, y.size, more_than)
    room = Room(y, trial.years[order], np.zeros(6), more_than, a, none, none, none, np.empty(0, bool))
    return room, int((~trial.treated).sum()), y.size, used


def crude(trial: Trial) -> FloatArray:
    """Crude log rates and total years of control and treated."""
    y, t, arm = trial
    years = np.array([t[~arm].sum(), t[arm].sum()])
    return np.append(np.log([y[~arm].sum(), y[arm].sum()] / years), years)


@pytest.mark.parametrize("number", range(0, len(RECIPES), 2))
def test_the_slow_road_leads_to_the_same_maximum(number: int) -> None:
    """The bracketing search, for where Newton strays, ends where Newton does, from starts of k far too low and high."""
    trial = overdispersed(number, *RECIPES[number])
    fit = fit_negbin(*trial)
    for start in (1e-3 * fit.dispersion, 300.0 * fit.dispersion):
        a = crude(trial)
        k = search(*scratch(trial, a), start)
        # the search stops at a step below 1e-7 of k; the profile is flat there, so the rates are nearer still
        assert k == pytest.approx(fit.dispersion, rel=1e-6)
        assert a[1] - a[0] == pytest.approx(fit.log_rate_ratio, abs=1e-6 * fit.standard_error)


def test_a_point_that_is_no_maximum_is_not_accepted() -> None:
    """Newton refuses a start where the likelihood is convex in k, and from near the top it gets there."""
    trial = overdispersed(6, 200, 0.6, 0.5, 0.5, "unequal")
    fit = fit_negbin(*trial)
    assert not newton(*scratch(trial, crude(trial)), 1e3)[3]
    a = np.append(np.log([fit.rate_control, fit.rate_treated]) + 0.001 * fit.standard_error, crude(trial)[2:])
    k, variance, _, found = newton(*scratch(trial, a), fit.dispersion)
    assert found
    assert (k, math.sqrt(variance)) == pytest.approx((fit.dispersion, fit.standard_error), rel=1e-10)
    assert a[1] - a[0] == pytest.approx(fit.log_rate_ratio, abs=1e-10 * fit.standard_error)


def test_a_dispersion_without_end_is_not_found() -> None:
    """The search gives up by NaN where no k up to 1e15 turns the profile down."""
    trial = overdispersed(6, 200, 0.6, 0.5, 0.5, "unequal")
    parts = scratch(trial, crude(trial))
    parts[0].more_than[:] = 1e9  # counts as no data has them: the likelihood rises with k for ever
    assert math.isnan(search(*parts, 1.0))


@pytest.mark.parametrize("k", [0.0, 1e-9, 1e-4, 0.03, 0.7, 40.0])
def test_sums_over_huge_counts_are_the_terms_added_up(k: float) -> None:
    """Beyond 1,000 events the sums over counts go by a formula; it agrees with adding every term, exactly rounded."""
    y = np.array([3.0, 1000.0, 1001.0, 54321.0])
    more_than = np.empty(negbin_parts.LARGE + 1)
    used = tabulate(y, 0, 4, more_than)
    ratios = [j / (1.0 + k * j) for count in y for j in range(int(count))]
    logs = [math.log1p(k * j) for count in y for j in range(int(count))]
    one, two = count_sums(k, more_than, used, y, 0, 4)
    assert one == pytest.approx(math.fsum(ratios), rel=1e-12)
    assert two == pytest.approx(math.fsum(r * r for r in ratios), rel=1e-12)
    assert count_log_sum(k, more_than, used, y, 0, 4) == pytest.approx(math.fsum(logs), rel=1e-12)
    assert sum(count_sum(count, k) for count in y) == pytest.approx(math.fsum(ratios), rel=1e-12)


def test_the_quick_and_the_careful_sums_agree() -> None:
    """An arm's sums by one product of (1 + k mu) are those by a series or logarithm for each patient."""
    trial = overdispersed(7, 200, 0.6, 0.5, 0.5, "wild")
    for k in (0.1, 0.6, 5.0):
        quick = arm_sums(trial.counts, trial.years, 0, 200, 0.7, k, False)
        assert quick == pytest.approx(arm_sums(trial.counts, trial.years, 0, 200, 0.7, k, True), rel=1e-9)


@pytest.mark.parametrize("careful", [False, True])
@pytest.mark.parametrize("many", [1, 7, 300])
def test_patients_kept_as_one_add_up_as_they_would_apart(many: int, careful: bool) -> None:
    """Patients with one exposure in common enter an arm's sums by their number and their events together."""
    counts = np.random.default_rng(many).poisson(1.4, many).astype(float)
    for k in (0.03, 0.6, 5.0):
        apart = arm_sums(counts, np.full(many, 1.7), 0, many, 0.7, k, careful)
        assert alike_sums(float(many), counts.sum(), 1.7, 0.7, k, careful) == pytest.approx(apart, rel=1e-9)


def one_rate(trial: Trial) -> tuple[float, float, float]:
    """Log rate, dispersion and log-likelihood of the fit with one rate for both arms, by scipy; Poisson if higher."""
    y, t, _ = trial
    both = Trial(y, t, np.zeros_like(trial.treated))
    found = optimize.minimize_scalar(
        lambda log_k: -float(log_likelihood([_rate_at(both, log_k), 0.0, log_k], both)),
        bounds=(-12.0, 5.0),
        method="bounded",
        options={"xatol": 1e-12},
    )
    crude_rate = math.log(y.sum() / t.sum())
    poisson_top = float(np.sum(y * (crude_rate + np.log(t)) - np.exp(crude_rate) * t - special.gammaln(y + 1)))
    if poisson_top >= -found.fun:
        return crude_rate, 0.0, poisson_top
    return _rate_at(both, found.x), math.exp(found.x), -float(found.fun)


def _rate_at(both: Trial, log_k: float) -> float:
    """The log rate that maximises the likelihood at a given dispersion."""
    y, t, k = both.counts, both.years, math.exp(log_k)
    root = optimize.brentq(lambda a: np.sum((y - np.exp(a) * t) / (1 + k * np.exp(a) * t)), -20.0, 20.0, xtol=1e-14)
    return float(root)


@pytest.mark.parametrize("number", range(0, 24, 2))
def test_other_tests_are_those_of_the_definition(number: int) -> None:
    """Likelihood-ratio and score p come from fits with and without the arm made by scipy from the density."""
    trial = overdispersed(number, *RECIPES[number])
    rate, k, top = one_rate(trial)
    ratio = 2.0 * (float(log_likelihood(ours(fit_negbin(*trial)), trial)) - top)
    y, t, arm = trial
    mu = np.exp(rate) * t
    pull = float(np.sum(((y - mu) / (1 + k * mu))[arm]))
    information = [float(np.sum((mu / (1 + k * mu))[a])) for a in (arm, ~arm)]
    score = pull * pull * (1 / information[0] + 1 / information[1])
    # scipy's minimum is flat to 1e-8 in log k, and the statistic moves with its square (likelihood) or with it (score)
    made = negbin_rate_ratio(*trial, test="likelihood_ratio")
    assert made.p == pytest.approx(stats.chi2.sf(ratio, 1), rel=1e-6)
    assert "likelihood-ratio" in made.method
    made = negbin_rate_ratio(*trial, test="score")
    assert made.p == pytest.approx(stats.chi2.sf(score, 1), rel=1e-5)
    assert (made.value, made.standard_error) == (
        negbin_rate_ratio(*trial).value,
        negbin_rate_ratio(*trial).standard_error,
    )


def test_a_boundary_fit_has_its_tests_too() -> None:
    """Underdispersed counts are tested by Poisson likelihoods, in closed form."""
    counts, years, treated = np.r_[np.tile([1.0, 2.0], 5), np.tile([2.0, 3.0], 5)], np.ones(20), np.arange(20) >= 10
    made = negbin_rate_ratio(counts, years, treated, test="likelihood_ratio")
    ratio = 2 * (15 * math.log(1.5) + 25 * math.log(2.5) - 40 * math.log(2.0))
    assert made.p == pytest.approx(stats.chi2.sf(ratio, 1), rel=1e-10)
    made = negbin_rate_ratio(counts, years, treated, test="score")
    assert made.p == pytest.approx(stats.chi2.sf((25 - 20) ** 2 * (1 / 20 + 1 / 20), 1), rel=1e-10)
    assert made.outcome == "boundary_poisson"
    assert (
        made.method == "Poisson regression, log-exposure offset, score test, Wald interval (dispersion at its boundary)"
    )


@pytest.mark.parametrize("number", range(0, len(RECIPES), 4))
def test_expected_and_sandwich_errors_are_statsmodels(number: int) -> None:
    """The expected information is that of a GLM at our dispersion, the sandwich statsmodels' HC0."""
    trial = overdispersed(number, *RECIPES[number])
    fit, design = fit_negbin(*trial), np.column_stack([np.ones(trial.counts.size), trial.treated])
    family = sm.families.NegativeBinomial(alpha=fit.dispersion)
    glm = sm.GLM(trial.counts, design, family=family, offset=np.log(trial.years)).fit(tol=1e-14, maxiter=200)
    assert negbin_rate_ratio(*trial, se="expected").standard_error == pytest.approx(glm.bse[1], rel=1e-7)
    start = [math.log(fit.rate_control), fit.log_rate_ratio, fit.dispersion]
    model = NegativeBinomial(trial.counts, design, offset=np.log(trial.years))
    robust = model.fit(start, method="newton", disp=0, cov_type="HC0", warn_convergence=False)
    made = negbin_rate_ratio(*trial, se="sandwich")
    assert made.standard_error == pytest.approx(robust.bse[1], rel=1e-7)
    assert made.method.endswith("sandwich")


def test_unknown_choices_are_refused() -> None:
    """A standard error or test of another name raises ValueError with those there are."""
    trial = overdispersed(1, 200, 0.6, 0.7, 0.5, "unequal")
    with pytest.raises(ValueError, match="se must be one of observed, expected, sandwich, found 'hc3'"):
        negbin_rate_ratio(*trial, se="hc3")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="test must be one of wald, likelihood_ratio, score, found 'lr'"):
        negbin_rate_ratio(*trial, test="lr")  # type: ignore[arg-type]
