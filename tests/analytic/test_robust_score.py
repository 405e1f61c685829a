"""The robust score test of two rates: against statsmodels, a case by hand, and where it has no answer."""

from __future__ import annotations

import math

import numpy as np
import pytest
import statsmodels.api as sm

from sim.analysis.robust_score import robust_score_p
from tests.analytic.test_analysis_regression import CLOSE


def drawn(seed: int, n: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Draw over-dispersed counts, exposures and arms."""
    rng = np.random.default_rng(seed)
    years = rng.uniform(0.2, 2.0, n)
    return rng.poisson(rng.gamma(0.5, 4.0, n) * years).astype(float), years, np.arange(n) % 3 == 0


@pytest.mark.parametrize("seed", range(4))
def test_it_is_that_of_statsmodels(seed: int) -> None:
    """statsmodels' score test of a Poisson GEE with a patient a cluster gives the same p."""
    y, t, treated = drawn(seed, 60)
    given = {"groups": np.arange(60), "family": sm.families.Poisson(), "offset": np.log(t)}
    without = sm.GEE(y, np.ones((60, 1)), **given).fit(maxiter=200, ctol=1e-12)
    with_arm = sm.GEE(y, np.column_stack([np.ones(60), treated.astype(float)]), **given)
    theirs = with_arm.compare_score_test(without)["p-value"]
    ours = robust_score_p(y, t, treated, np.array([0, 60]))
    assert ours[0] == pytest.approx(float(theirs), rel=CLOSE)


def test_by_hand() -> None:
    """Counts 1, 3 against 0, 0 over a year each: scores -0, -1, -1/2, -1/2 give z = -2 / sqrt(1.5)."""
    p = robust_score_p(
        np.array([1.0, 3.0, 0.0, 0.0]), np.ones(4), np.array([False, False, True, True]), np.array([0, 4])
    )
    assert p[0] == pytest.approx(math.erfc(2.0 / math.sqrt(1.5) / math.sqrt(2.0)))


def test_a_batch_is_its_parts_and_the_unseen_do_not_count() -> None:
    """Each data set has the p it has alone; who has no exposure or no count might as well not be there."""
    y, t, treated = drawn(9, 50)
    both = robust_score_p(y, t, treated, np.array([0, 20, 50]))
    alone = robust_score_p(y[20:], t[20:], treated[20:], np.array([0, 30]))
    assert both[1] == alone[0]
    more = robust_score_p(
        np.append(y, [3.0, math.nan]), np.append(t, [0.0, 1.0]), np.append(treated, [True, False]), np.array([0, 52])
    )
    assert more[0] == pytest.approx(robust_score_p(y, t, treated, np.array([0, 50]))[0], rel=1e-12)


def test_nothing_to_compare() -> None:
    """Without events, without patients or with one arm alone there is no p."""
    none = np.zeros(4), np.ones(4), np.array([False, False, True, True]), np.array([0, 4])
    assert np.isnan(robust_score_p(*none))[0]
    assert np.isnan(robust_score_p(np.array([1.0, 2.0]), np.ones(2), np.array([True, True]), np.array([0, 2])))[0]
    assert np.isnan(robust_score_p(np.empty(0), np.empty(0), np.empty(0, bool), np.array([0, 0])))[0]
