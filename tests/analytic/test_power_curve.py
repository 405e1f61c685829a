"""The power curve: the fit against statsmodels, the crossing and its interval against their definitions."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.special import ndtr, ndtri

from sim.study.power_curve import Z95, Curve, Point, fitted
from tests.helpers import agrees

POINTS = [Point(100.0, 400, 190), Point(150.0, 500, 310), Point(220.0, 600, 480), Point(300.0, 300, 270)]


def test_the_fit_is_that_of_statsmodels() -> None:
    """Intercept, slope and covariance agree with a binomial GLM with probit link to 1e-7 relative."""
    sm = pytest.importorskip("statsmodels.api")
    x = sm.add_constant(np.sqrt([p.x for p in POINTS]))
    y = [(p.rejected, p.trials - p.rejected) for p in POINTS]
    family = sm.families.Binomial(link=sm.families.links.Probit())
    theirs = sm.GLM(y, x, family=family).fit(tol=1e-14, maxiter=200)
    ours = fitted(POINTS)
    assert ours is not None
    assert [ours.intercept, ours.slope] == pytest.approx(list(theirs.params), rel=1e-7)
    assert ours.covariance == pytest.approx(theirs.cov_params(), rel=1e-6)


def test_the_crossing_is_where_the_power_is_reached() -> None:
    """At the size given the curve has the power asked for, and the ends of the interval lie z errors from it."""
    curve = fitted(POINTS)
    assert curve is not None
    for power in (0.5, 0.8, 0.9):
        x = curve.reaches(power)
        low, high = curve.interval(power)
        assert curve.at(x) == pytest.approx(power, abs=1e-12)
        assert low < x < high
        for end in (low, high):
            row = np.array([1.0, math.sqrt(end)])
            error = math.sqrt(row @ curve.covariance @ row)
            assert abs(float(ndtri(curve.at(end)) - ndtri(power))) == pytest.approx(Z95 * error, rel=1e-6)


def test_the_error_of_a_power_is_its_spread() -> None:
    """Over 1,000 draws from a known curve, the standard error of the fitted power at a size is the powers' spread."""
    rng = np.random.default_rng(2)
    powers, errors = [], []
    for _ in range(1000):
        hits = {x: int(rng.binomial(700, ndtr(-1.96 + 0.2 * math.sqrt(x)))) for x in (200.0, 300.0)}
        curve = fitted([Point(x, 700, k) for x, k in hits.items()])
        assert curve is not None
        powers.append(curve.at(260.0))
        errors.append(curve.mcse_at(260.0))
    said = math.sqrt(float(np.mean(np.square(errors))))
    agrees(said / float(np.std(powers, ddof=1)), 1.0, 1.0 / math.sqrt(2.0 * 999.0), detects=0.15)


def test_the_interval_holds_the_truth_as_often_as_it_says() -> None:
    """Of 2,000 draws from a known curve, the 95% interval holds the true size in 95%; finds 3.5 points."""
    rng = np.random.default_rng(1)
    truth = ((ndtri(0.9) + 1.96) / 0.2) ** 2
    inside, draws = 0, 2000
    for _ in range(draws):
        points = []
        for x in (200.0, 260.0, 310.0):
            points.append(Point(x, 700, int(rng.binomial(700, ndtr(-1.96 + 0.2 * math.sqrt(x))))))
        curve = fitted(points)
        assert curve is not None
        low, high = curve.interval(0.9)
        inside += low <= truth <= high
    agrees(inside / draws, 0.95, math.sqrt(0.95 * 0.05 / draws), detects=0.035)


def test_what_cannot_be_fitted_is_none() -> None:
    """Nothing but rejections, none at all, or a single size give no curve; with the theory's intercept they do."""
    for points in (
        [Point(100.0, 50, 0), Point(200.0, 50, 0)],
        [Point(100.0, 50, 50), Point(200.0, 50, 50)],
        [Point(100.0, 50, 20)],
    ):
        assert fitted(points) is None
        drawn = fitted(points, 0.05)
        assert drawn is not None
        assert math.isfinite(drawn.slope)


def test_a_curve_that_does_not_rise_reaches_nothing() -> None:
    """A level curve has no crossing, and an interval without an upper end."""
    level = Curve(-1.0, 0.0, np.diag([0.01, 0.01]))
    assert level.reaches(0.9) == math.inf
    assert level.interval(0.9) == (0.0, math.inf)
