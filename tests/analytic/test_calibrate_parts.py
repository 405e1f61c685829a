"""The parts of the calibration, on problems whose answer is known: surface, walkers, solver, closed forms."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
import pytest
from numpy.typing import NDArray

from sim.model.belief import Belief
from sim.study.calibrate.closed import GUESSES, bang, beliefs, held_at
from sim.study.calibrate.outcome import Row
from sim.study.calibrate.posterior import effective, walk
from sim.study.calibrate.relapses import continuation, published, shares
from sim.study.calibrate.severity import severity_spread
from sim.study.calibrate.solve import PRIOR_LOG_SD, Problem, solve
from sim.study.calibrate.surface import Box, through
from tests.helpers import agrees

Floats = NDArray[np.float64]

SQUARE = Box(low={"a": 1.0, "b": 0.0}, high={"a": 10.0, "b": 2.0}, logs=frozenset(("a",)))


def _cubic(x: Floats) -> Floats:
    found: Floats = 1.0 + x[:, 0] - 2.0 * x[:, 0] * x[:, 1] ** 2 + x[:, 1] ** 3
    return found


def test_a_cubic_surface_is_found_again() -> None:
    """A statistic that is a cubic of the coordinates is given back between the points, to rounding."""
    points = SQUARE.design(64, 3)
    laid = through(SQUARE, points, _cubic(points)[:, None], 3)
    between = np.array([[0.5, 0.3], [2.0, 1.9]])
    np.testing.assert_allclose(laid(between)[:, 0], _cubic(between), rtol=1e-9)
    assert laid.misfit[0] < 1e-9


def test_too_few_points_are_refused() -> None:
    """A surface is not laid through fewer than two points a term."""
    points = SQUARE.design(16, 3)
    with pytest.raises(ValueError, match="found 16 points; allowed: at least 20"):
        through(SQUARE, points, points, 3)


def test_a_design_keeps_to_what_a_scenario_allows() -> None:
    """Points reach a little beyond the box, but nowhere below 0 where the value itself is the coordinate."""
    points = SQUARE.design(256, 1)
    assert points[:, 1].min() >= 0.0
    assert points[:, 1].max() > 2.0
    assert not SQUARE.inside(points).all()


def test_walkers_find_a_normal_law() -> None:
    """Walkers on a normal density in three dimensions, one stretched a hundredfold, have its means and SDs."""
    mean, sd = np.array([1.0, -2.0, 50.0]), np.array([1.0, 0.1, 10.0])
    start = mean + sd * np.random.default_rng(1).standard_normal((32, 3))
    kept = walk(lambda x: -0.5 * (((x - mean) / sd) ** 2).sum(axis=1), start, 4000, 500, 2, 7)
    x, worth = kept.reshape(-1, 3), effective(kept)
    for k in range(3):
        agrees(float(x[:, k].mean()), float(mean[k]), float(sd[k] / math.sqrt(worth[k])), detects=float(sd[k]))
        agrees(float(x[:, k].std()), float(sd[k]), float(sd[k] / math.sqrt(worth[k])), detects=float(sd[k]))


def test_walkers_must_start_somewhere_possible() -> None:
    """A start of density zero is refused."""
    with pytest.raises(ValueError, match="every walker must start"):
        walk(lambda x: np.full(len(x), -np.inf), np.zeros((4, 1)), 1, 1, 1, 1)


def test_the_solver_finds_a_known_answer_and_its_error() -> None:
    """Two figures a power law apart are solved, and errors carry over by its slopes."""

    def statistics(v: Mapping[str, float]) -> list[float]:
        return [math.log(v["a"]) + math.log(v["b"]), math.log(v["a"]) - math.log(v["b"])]

    sides: dict[str, float] = {"a": 1e-3, "b": 1e-3}
    wanted = np.array(statistics({"a": 3.0, "b": 0.5}))
    errors = np.array([0.1, 0.1])
    problem = Problem({"a": 1.0, "b": 1.0}, sides, {"a": 1e3, "b": 1e3}, statistics, wanted, errors, ("x",))
    found = solve(problem, digits=4)
    assert [v.value for v in found] == [3.0, 0.5]
    assert [v.error / v.value for v in found] == pytest.approx([0.1 / math.sqrt(2.0)] * 2, rel=1e-6)


def test_a_prior_holds_what_no_figure_tells() -> None:
    """A value that no figure depends on stays at the middle of its prior, with the prior's error."""
    problem = Problem(
        {"a": 1.0, "b": 1.0}, {"a": 0.1, "b": 0.1}, {"a": 10.0, "b": 10.0}, lambda v: [v["a"]], np.array([2.0]),
        np.array([0.1]), ("x",), {"b": 3.0},
    )  # fmt: skip
    a, b = solve(problem, digits=4)
    assert (a.value, b.value) == (2.0, 3.0)
    assert b.error == pytest.approx(3.0 * PRIOR_LOG_SD)


def test_counts_become_shares_again() -> None:
    """Continuation log odds of counts give back the shares they were made of, but for the half patients added."""
    counts = np.repeat(np.arange(6.0), [5000, 3000, 1500, 300, 150, 50])
    found = shares(np.array([continuation(counts)]))[0]
    np.testing.assert_allclose(found, [0.5, 0.3, 0.15, 0.03, 0.02], atol=1e-3)
    assert found.sum() == pytest.approx(1.0)


def test_errors_of_the_published_rates() -> None:
    """A rate's error is that of a negative binomial count: at 0.40 a year for two years in 418, 7 in a hundred."""
    assert published().log_arr_error[0] == pytest.approx(math.sqrt((1.0 / 0.8 + 0.81) / 418.0))
    assert published().affirm.sum() == 315.0


def test_the_two_indices_follow_from_prior_and_leak() -> None:
    """Solved log odds give Bang's index, and both arms' indices follow from prior and leak to printed digits."""
    belief = Belief()
    assert bang(held_at(0.28, belief), belief) == pytest.approx(0.28, abs=1e-9)
    assert bang(0.0, belief) == pytest.approx(0.0, abs=1e-12)
    prior, leak = beliefs()
    middle = math.log(prior.value / (1.0 - prior.value))
    assert prior.figures == GUESSES
    assert bang(middle + leak.value, belief) == pytest.approx(0.28, abs=0.006)
    assert -bang(middle - leak.value, belief) == pytest.approx(-0.20, abs=0.006)


def test_a_sixth_of_relapses_are_severe() -> None:
    """With the solved spread 17% of log-normal severities of median 1 are of 2 points or more."""
    spread = severity_spread().value
    share = 0.5 * math.erfc(math.log(2.0) / spread / math.sqrt(2.0))
    assert share == pytest.approx(0.17, abs=5e-4)


def test_a_row_tells_whether_it_is_explained() -> None:
    """A miss of more than two standard errors, both errors counted, is not explained."""
    near, far = Row("x", 1.0, 0.3, 1.9, 0.4), Row("x", 1.0, 0.3, 2.1, 0.4)
    assert [near.residual, far.residual] == pytest.approx([1.8, 2.2])
    assert near.explained
    assert not far.explained
    assert "NOT EXPLAINED" in str(far)
