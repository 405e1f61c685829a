"""NB2 regression with covariates against statsmodels, on hundreds of data sets, hard ones included."""

from __future__ import annotations

import itertools
import math
import warnings
from typing import Any, NamedTuple

import numpy as np
import pytest
import statsmodels.api as sm
from scipy import stats
from statsmodels.discrete.discrete_model import NegativeBinomial, Poisson

from sim.analysis.arrays import FloatArray
from sim.analysis.negbin import fit_negbin, negbin_rate_ratio_batch
from sim.analysis.negbin_regression import RegressionFit, negbin_regression, negbin_regression_batch

DESIGNS = ("arms", "strata", "baseline", "all")
SETS = 48  # of each recipe, so that well over 300 are left where statsmodels has an answer it can stand by
CLOSE = 1e-7  # what the compiled regression promises
TINY = 1e-20  # Newton decrement below which statsmodels' answer is taken: 1e-10 standard errors


class Data(NamedTuple):
    """Counts, years and design matrix (1, arm, ...) of one data set."""

    counts: FloatArray
    years: FloatArray
    X: FloatArray


RECIPES = {  # patients, rate, dispersion, years from and to
    "usual": (200, 0.6, 0.6, 1.0, 2.0),
    "few events": (80, 0.12, 0.8, 0.2, 2.0),
    "near Poisson": (300, 1.5, 0.03, 0.5, 2.0),
    "much scatter": (150, 0.8, 6.0, 0.5, 2.0),
    "unequal exposure": (120, 0.7, 0.7, 0.003, 3.0),
    "few patients": (24, 1.5, 1.0, 0.3, 2.0),
    "many events": (60, 30.0, 0.5, 0.2, 2.0),
    "large trial": (1000, 0.4, 0.4, 0.1, 2.0),
}
NUMBER = {name: i for i, name in enumerate(RECIPES)}


def draw(recipe: str, seed: int) -> Data:
    """One data set; the design matrix goes round the four designs with the seed."""
    n, rate, k, low, high = RECIPES[recipe]
    rng = np.random.default_rng([NUMBER[recipe], seed])
    arm, stratum, baseline = rng.permutation(n) % 2, rng.integers(0, 3, n), rng.normal(3.0, 1.5, n)
    years = np.exp(rng.uniform(math.log(low), math.log(high), n))
    columns = [np.ones(n), arm]
    design = DESIGNS[seed % 4]
    columns += [stratum == 1, stratum == 2] if design in ("strata", "all") else []
    columns += [baseline] if design in ("baseline", "all") else []
    mu = rate * years * np.exp(-0.4 * arm + 0.2 * (stratum == 1) + 0.1 * (baseline - 3.0))
    return Data(rng.poisson(mu * rng.gamma(1 / k, k, n)).astype(float), years, np.column_stack(columns).astype(float))


class Oracle(NamedTuple):
    """What statsmodels finds: (coefficients, dispersion), their standard errors, log-likelihood."""

    params: FloatArray
    errors: FloatArray
    log_likelihood: float


def statsmodels_fit(data: Data) -> Oracle | None:
    """Statsmodels' Newton from its Poisson fit, polished; None unless it is at a maximum by its own derivatives."""
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        offset = np.log(data.years)
        poisson = Poisson(data.counts, data.X, offset=offset).fit(disp=0)
        mu = poisson.predict()
        moment = float(np.sum((data.counts - mu) ** 2 - data.counts) / np.sum(mu * mu))
        model = guarded(NegativeBinomial(data.counts, data.X, offset=offset))
        try:
            start = np.append(poisson.params, max(moment, 0.01))
            params = model.fit(start, method="newton", disp=0, maxiter=50, skip_hessian=True).params
            for _ in range(3):
                params = params + np.linalg.solve(-model.hessian(params), model.score(params))
            score, covariance = model.score(params), np.linalg.inv(-model.hessian(params))
        except (ArithmeticError, ValueError):
            return None
        if not (0.0 <= score @ covariance @ score < TINY and np.all(np.linalg.eigvalsh(covariance) > 0.0)):
            return None
        return Oracle(params, np.sqrt(np.diag(covariance)), float(model.loglike(params)))


def guarded(model: Any) -> Any:
    """Stop Newton where it leaves k > 0: there scipy's zeta sums |1/k| terms for each patient, minutes of them."""
    hessian = model.hessian

    def checked(params: FloatArray) -> Any:
        if not params[-1] > 1e-3:  # below, statsmodels' derivatives lose their digits too
            raise ArithmeticError("dispersion too small")
        return hessian(params)

    model.hessian = checked
    return model


def assert_agrees(made: RegressionFit, oracle: Oracle) -> None:
    """Fail unless every estimate and standard error agrees to 1e-7 of itself."""
    assert made.estimate.outcome == "ok"
    assert np.append(made.coefficients, made.dispersion) == pytest.approx(oracle.params, rel=CLOSE, abs=0.0)
    errors = np.append(made.standard_errors, made.dispersion_standard_error)
    assert errors == pytest.approx(oracle.errors, rel=CLOSE, abs=0.0)
    assert made.log_likelihood == pytest.approx(oracle.log_likelihood, rel=1e-11)


def test_estimates_and_errors_are_statsmodels() -> None:
    """On more than 300 data sets of eight kinds and four designs, all figures agree with statsmodels to 1e-7.

    Where there are but two arms, the two-arm fit agrees too. Each kind and design brings its share.
    """
    compared = dict.fromkeys(itertools.product(RECIPES, DESIGNS), 0)
    for recipe, seed in itertools.product(RECIPES, range(SETS)):
        data = draw(recipe, seed)
        made, oracle = negbin_regression(*data), statsmodels_fit(data)
        if oracle is None:
            continue
        assert_agrees(made, oracle)
        compared[recipe, DESIGNS[seed % 4]] += 1
        if data.X.shape[1] == 2:
            two = fit_negbin(data.counts, data.years, data.X[:, 1] == 1.0)
            found = two.log_rate_ratio, two.standard_error, two.dispersion, two.dispersion_standard_error
            params, errors = oracle.params, oracle.errors
            assert found == pytest.approx((params[1], errors[1], params[2], errors[2]), rel=CLOSE, abs=0.0)
    assert sum(compared.values()) >= 300
    assert min(compared.values()) >= 3, compared


def test_two_arms_are_the_regression_on_the_arm() -> None:
    """The two-arm fit and the regression, which share no loop, agree in estimate, error and p, whatever is asked."""
    sets = [draw("usual", seed) for seed in range(0, 80, 4)]
    counts, years, X = (np.concatenate([d[i] for d in sets]) for i in range(3))
    first = np.arange(0, 20 * 200 + 1, 200)
    for se, test in itertools.product(("observed", "expected", "sandwich"), ("wald", "likelihood_ratio", "score")):
        a = negbin_rate_ratio_batch(counts, years, X[:, 1] == 1.0, first, 0.1, se, test)  # type: ignore[arg-type]
        b = negbin_regression_batch(counts, years, X, first, 0.1, 1, se, test).estimates  # type: ignore[arg-type]
        assert (a.method, a.boundary_method, list(a.outcome)) == (b.method, b.boundary_method, list(b.outcome))
        assert a.value == pytest.approx(b.value, rel=1e-9)
        assert a.standard_error == pytest.approx(b.standard_error, rel=1e-9)
        # a difference of two log-likelihoods near 200, so of 1e-13, against statistics from 1e-3 up
        assert a.p == pytest.approx(b.p, rel=1e-8)


@pytest.mark.parametrize("seed", range(4))
def test_the_likelihood_ratio_is_that_of_two_fits(seed: int) -> None:
    """The likelihood-ratio p is twice the gap of log-likelihoods that statsmodels finds with and without the arm."""
    data = draw("large trial", seed)
    with_arm, without = statsmodels_fit(data), statsmodels_fit(data._replace(X=np.delete(data.X, 1, axis=1)))
    assert with_arm is not None
    assert without is not None
    statistic = 2.0 * (with_arm.log_likelihood - without.log_likelihood)
    made = negbin_regression(*data, test="likelihood_ratio")
    assert made.estimate.p == pytest.approx(stats.chi2.sf(statistic, 1), rel=1e-8)


@pytest.mark.parametrize("seed", range(4))
def test_expected_sandwich_and_score_are_those_of_a_glm(seed: int) -> None:
    """With the dispersion given, statsmodels' GLM has our expected errors and score test; HC0 is our sandwich."""
    data = draw("usual", seed)
    made, offset = negbin_regression(*data, se="expected"), np.log(data.years)
    family = sm.families.NegativeBinomial(alpha=made.dispersion)
    glm = sm.GLM(data.counts, data.X, family=family, offset=offset).fit(tol=1e-14, maxiter=200)
    assert made.standard_errors == pytest.approx(glm.bse, rel=CLOSE)
    start = np.append(made.coefficients, made.dispersion)
    model = NegativeBinomial(data.counts, data.X, offset=offset)
    robust = model.fit(start, method="newton", disp=0, cov_type="HC0", warn_convergence=False)
    assert negbin_regression(*data, se="sandwich").standard_errors == pytest.approx(robust.bse[:-1], rel=CLOSE)
    null = negbin_regression(data.counts, data.years, np.delete(data.X, 1, axis=1), coefficient=0)
    family = sm.families.NegativeBinomial(alpha=null.dispersion)
    restricted = sm.GLM(data.counts, np.delete(data.X, 1, axis=1), family=family, offset=offset).fit(tol=1e-14)
    statistic, p, _ = restricted.model.score_test(restricted.params, exog_extra=data.X[:, [1]], observed=False)
    assert statistic >= 0.0
    assert negbin_regression(*data, test="score").estimate.p == pytest.approx(float(np.squeeze(p)), rel=1e-6)


def test_without_scatter_the_regression_is_poisson() -> None:
    """Counts with no more scatter than Poisson give statsmodels' Poisson fit, dispersion 0, and say so."""
    rng = np.random.default_rng(3)
    X = np.column_stack([np.ones(120), np.arange(120) % 2, rng.normal(size=120)])
    years = rng.uniform(0.5, 2.0, 120)
    counts = np.round(np.exp(X @ [0.5, -0.3, 0.2]) * years)
    made = negbin_regression(counts, years, X)
    oracle = sm.GLM(counts, X, family=sm.families.Poisson(), offset=np.log(years)).fit(tol=1e-14)
    assert (made.estimate.outcome, made.dispersion) == ("boundary_poisson", 0.0)
    assert made.coefficients == pytest.approx(oracle.params, rel=1e-9)
    assert made.standard_errors == pytest.approx(oracle.bse, rel=1e-9)
    assert made.log_likelihood == pytest.approx(oracle.llf, rel=1e-11)
    assert math.isnan(made.dispersion_standard_error)
    robust = sm.GLM(counts, X, family=sm.families.Poisson(), offset=np.log(years)).fit(tol=1e-14, cov_type="HC0")
    assert negbin_regression(counts, years, X, se="sandwich").standard_errors == pytest.approx(robust.bse, rel=1e-9)


def test_moving_and_scaling_covariates_moves_only_their_coefficients() -> None:
    """Another unit or zero of the baseline changes its coefficient and the intercept, and nothing of the arm's."""
    data = draw("usual", 2)
    moved = data.X.copy()
    moved[:, 2] = 100.0 + 0.01 * moved[:, 2]
    made, other = negbin_regression(*data), negbin_regression(data.counts, data.years, moved)
    assert other.coefficients[2] == pytest.approx(100.0 * made.coefficients[2], rel=1e-8)
    numbers = [(e.value, e.standard_error, e.p) for e in (made.estimate, other.estimate)]
    assert numbers[0] == pytest.approx(numbers[1], rel=1e-8)


def test_patients_without_a_value_are_left_out() -> None:
    """No exposure, an unknown count or an unknown covariate is as if the patient were not there."""
    data = draw("usual", 2)
    more = np.r_[data.counts, 1.0, np.nan, 2.0], np.r_[data.years, 0.0, 1.0, 1.0]
    X = np.vstack([data.X, [1.0, 1.0, 3.0], [1.0, 0.0, 3.0], [1.0, 0.0, np.nan]])
    made = negbin_regression(*more, X)
    assert made.estimate == negbin_regression(*data).estimate
    assert made.estimate.n == 200


def small(counts: list[float], columns: list[list[float]], years: list[float] | None = None) -> str:
    """The outcome of a small regression on an intercept and these columns."""
    X = np.column_stack([np.ones(len(counts)), *[np.array(c, float) for c in columns]])
    return negbin_regression(np.array(counts), np.array(years or [1.0] * len(counts)), X).estimate.outcome


def test_what_cannot_be_fitted_is_named() -> None:
    """Impossible values, too few patients, no events, dependent columns and infinite coefficients have their names."""
    arm = [0.0, 0.0, 0.0, 1.0, 1.0, 1.0]
    assert small([0, 5, 1, 0, 0, 3], [arm]) == "ok"
    assert small([0, -5, 1, 0, 0, 3], [arm]) == "bad_data"
    assert small([0, 5, 1, 0, 0, 3], [[0, 0, 0, 1, 1, math.inf]]) == "bad_data"
    assert small([0, 5, 1, 0, 0, 3], [arm], [1, 1, 1, 1, 1, -1]) == "bad_data"
    assert small([0, 0, 0, 0, 0, 0], [arm]) == "no_events"
    assert small([0, 0, 0, 1, 2, 0], [arm]) == "no_events_in_arm"
    assert small([0, 5, 1, 0, 0, 3], [arm, arm]) == "no_variation"
    assert small([0, 5, 1, 0, 0, 3], [arm, [0, 1, 0, 0, 1, 1], [5, 3, 1, 4, 1, 5], [1, 2, 1, 2, 2, 3]]) != "too_few"
    assert small([3, 1], [[0, 1]]) == "too_few"
    assert small([3, 1], [[0, 1]], [1, 0]) == "one_patient"
    assert small([3, 1], [[0, 1]], [0, 0]) == "no_follow_up"
    assert small([2, 5, 1, 0, 0, 0, 4, 3], [[0, 1] * 4, [0, 0, 0, 1, 1, 1, 0, 0]]) == "not_converged"  # empty stratum


def test_shapes_that_do_not_match_are_refused() -> None:
    """A design matrix of other length, or without the column asked about, raises ValueError."""
    data = draw("usual", 0)
    with pytest.raises(ValueError, match=r"200 rows and a column 1, found shape \(199, 2\)"):
        negbin_regression(data.counts, data.years, data.X[1:])
    with pytest.raises(ValueError, match="200 rows and a column 2"):
        negbin_regression(*data, coefficient=2)
