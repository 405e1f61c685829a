"""Changes of scores and of rates: ANCOVA between arms, t and clustered rate ratio within patients."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
import statsmodels.formula.api as smf
from scipy import stats

from sim.analysis.ancova import ancova_change
from sim.analysis.arrays import BoolArray, FloatArray
from sim.analysis.before_after import paired_rate_ratio, paired_t
from sim.analysis.estimate import Estimate

# Closed form against a general solver: differences are rounding times the conditioning of the design, about 1e3.
RELATIVE = 1e-10
Z = 4.3  # house rule for about 50 Monte Carlo checks


def trial(seed: int, n: int = 41) -> tuple[FloatArray, FloatArray, BoolArray]:
    """Baseline, final score and arm of a small trial with unequal arms."""
    rng = np.random.default_rng(seed)
    treated = np.arange(n) % 3 == 0
    baseline = rng.normal(55.0, 12.0, n) + 3.0 * treated
    return baseline, 0.6 * baseline + rng.normal(20.0, 9.0, n) + 4.0 * treated, treated


def five(made: Estimate) -> tuple[float, ...]:
    """The five numbers of an estimate."""
    return made.value, made.standard_error, made.lower, made.upper, made.p


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("alpha", [0.05, 0.2])
def test_ancova_is_the_linear_model(seed: int, alpha: float) -> None:
    """ANCOVA's five numbers are those of statsmodels' formula change ~ baseline + treated."""
    baseline, final, treated = trial(seed)
    table = pd.DataFrame({"change": final - baseline, "baseline": baseline, "treated": treated.astype(float)})
    fit = smf.ols("change ~ baseline + treated", table).fit()
    lower, upper = fit.conf_int(alpha).loc["treated"]
    expected = fit.params["treated"], fit.bse["treated"], lower, upper, fit.pvalues["treated"]
    assert five(ancova_change(baseline, final, treated, alpha)) == pytest.approx(expected, rel=RELATIVE)


def test_ancova_of_change_is_ancova_of_the_final_score() -> None:
    """Adjusted for baseline, the difference in change is the difference in the final score (Senn 2006)."""
    baseline, final, treated = trial(9)
    design = np.column_stack([np.ones(41), baseline, treated])
    by_final = sm.OLS(final, design).fit()
    made = ancova_change(baseline, final, treated)
    assert (made.value, made.p) == pytest.approx((by_final.params[2], by_final.pvalues[2]), rel=RELATIVE)


def test_ancova_by_hand() -> None:
    """Six patients worked out on paper: slope -3/8, difference 41/24, residual sum 5/48 on 3 degrees of freedom."""
    baseline = np.array([1.0, 2.0, 3.0, 2.0, 3.0, 4.0])
    change = np.array([1.0, 0.5, 0.0, 2.0, 2.0, 1.5])
    # within arms: Sxx 2 + 2, Sxy -1 - 1/2, so slope -3/8; gap in means 1 of baseline, 4/3 of change
    made = ancova_change(baseline, baseline + change, np.arange(6) >= 3)
    value, rss = 4 / 3 + 3 / 8, (1 / 2 + 1 / 6) - (3 / 2) ** 2 / 4
    se = math.sqrt(rss / 3 * (1 / 3 + 1 / 3 + 1 / 4))
    assert (made.value, made.standard_error) == pytest.approx((value, se), rel=RELATIVE)
    assert made.p == pytest.approx(2 * stats.t.sf(value / se, 3), rel=RELATIVE)


def test_ancova_ignores_the_zero_of_the_scale() -> None:
    """Adding a constant to every score changes nothing but rounding."""
    baseline, final, treated = trial(3)
    moved = ancova_change(baseline + 100.0, final + 100.0, treated)
    assert five(moved) == pytest.approx(five(ancova_change(baseline, final, treated)), rel=RELATIVE)


def test_missing_visits_are_left_out() -> None:
    """A patient with a missed visit is as if not there, in ANCOVA and in the paired t test."""
    baseline, final, treated = trial(4)
    more = np.r_[baseline, np.nan, 50.0], np.r_[final, 40.0, np.nan]
    assert ancova_change(*more, np.r_[treated, True, False]) == ancova_change(baseline, final, treated)
    assert paired_t(*more) == paired_t(baseline, final)


@pytest.mark.parametrize("seed", range(5))
def test_paired_t_is_scipys(seed: int) -> None:
    """The paired t estimate is scipy's ttest_rel of after against before, interval included."""
    before, after, _ = trial(seed, 35)
    test = stats.ttest_rel(after, before)
    interval = test.confidence_interval(0.9)
    made = paired_t(before, after, alpha=0.1)
    mean = float(np.mean(after - before))
    expected = mean, mean / test.statistic, interval.low, interval.high, test.pvalue
    assert five(made) == pytest.approx(expected, rel=RELATIVE)
    assert made.n == 35


def test_t_tests_keep_their_level() -> None:
    """Under normal errors and no effect, ANCOVA and paired t reject in alpha of 4,000 trials, within 4.3 MCSE.

    A true level off by 0.015 (0.035 or 0.065) would be seen in half of the runs.
    """
    rng = np.random.default_rng(20090915)
    trials, alpha = 4000, 0.05
    treated = np.arange(12) % 2 == 0
    rejected = np.zeros(2)
    for _ in range(trials):
        x = rng.normal(size=12)
        y = 0.5 * x + rng.normal(size=12)
        rejected += ancova_change(x, y, treated).p < alpha, paired_t(x, y).p < alpha
    mcse = math.sqrt(alpha * (1 - alpha) / trials)
    assert np.all(np.abs(rejected / trials - alpha) <= Z * mcse)


def windows(seed: int, n: int = 35) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
    """Correlated counts before and after, windows of unequal length."""
    rng = np.random.default_rng(seed)
    frailty = rng.gamma(2.0, 0.5, n)
    years_before, years_after = np.ones(n), rng.uniform(0.3, 1.0, n)
    before = rng.poisson(1.4 * frailty * years_before).astype(float)
    after = rng.poisson(0.8 * frailty * years_after).astype(float)
    return before, years_before, after, years_after


@pytest.mark.parametrize("seed", range(5))
def test_rate_ratio_is_the_clustered_poisson_model(seed: int) -> None:
    """Value and error are those of a Poisson GEE with working independence, its sandwich scaled by n / (n - 1)."""
    before, years_before, after, years_after = windows(seed)
    n = before.size
    design = np.column_stack([np.ones(2 * n), np.repeat([0.0, 1.0], n)])
    model = sm.GEE(
        np.r_[before, after],
        design,
        groups=np.tile(np.arange(n), 2),
        family=sm.families.Poisson(),
        offset=np.log(np.r_[years_before, years_after]),
        cov_struct=sm.cov_struct.Independence(),
    )
    # a tolerance that a Newton step cannot miss, though statsmodels then stops on the size of its score
    fit = model.fit(ctol=1e-12, maxiter=200)
    made = paired_rate_ratio(before, years_before, after, years_after)
    assert made.value == pytest.approx(fit.params[1], rel=1e-9)
    assert made.standard_error == pytest.approx(fit.bse[1] * math.sqrt(n / (n - 1)), rel=1e-9)
    assert made.p == pytest.approx(2 * stats.norm.sf(abs(made.value / made.standard_error)), rel=RELATIVE)


def test_rate_ratio_with_equal_windows_by_hand() -> None:
    """Three patients, a year each side: log(3/5), variance the sum of (after/3 - before/5)^2 times 3/2."""
    before, after = np.array([2.0, 2.0, 1.0]), np.array([0.0, 2.0, 1.0])
    made = paired_rate_ratio(before, np.ones(3), after, np.ones(3))
    influence = after / 3 - before / 5
    assert made.value == pytest.approx(math.log(3 / 5), rel=RELATIVE)
    assert made.standard_error == pytest.approx(math.sqrt(1.5 * float(influence @ influence)), rel=RELATIVE)


def test_rate_ratio_turns_with_its_windows() -> None:
    """Swapping the windows turns the sign; months instead of years change nothing; half a window leaves a pair out."""
    before, years_before, after, years_after = windows(11)
    made = paired_rate_ratio(before, years_before, after, years_after)
    swapped = paired_rate_ratio(after, years_after, before, years_before)
    assert (swapped.value, swapped.standard_error) == pytest.approx((-made.value, made.standard_error), rel=RELATIVE)
    months = paired_rate_ratio(before, 12 * years_before, after, 12 * years_after)
    assert five(months) == pytest.approx(five(made), rel=RELATIVE)
    more = (
        np.r_[before, 3.0, 1.0],
        np.r_[years_before, 1.0, 0.0],
        np.r_[after, 0.0, 2.0],
        np.r_[years_after, 0.0, 1.0],
    )
    assert paired_rate_ratio(*more) == made
