"""Blinding indices: a published example, the ends of their scales, and errors against simulated guesses."""

from __future__ import annotations

import math

import numpy as np
import pytest

from sim.analysis.arrays import FloatArray
from sim.analysis.blinding import bang_index, james_index

# A cholesterol trial's guesses (active, placebo, don't know), recalled as the worked example of Bang et al. (2004).
ACTIVE, PLACEBO = (82.0, 25.0, 170.0), (27.0, 29.0, 83.0)
TRIALS, Z = 20_000, 4.6


def column(*values: float) -> FloatArray:
    """Give a column of counts."""
    return np.array(values)


def bang(right: float, wrong: float, unsure: float) -> FloatArray:
    """Give value, error, lower and upper bound and p of one arm."""
    made = bang_index(column(right), column(wrong), column(unsure))[0]
    return column(made.value, made.standard_error, made.lower, made.upper, made.p)


def test_bang_is_right_less_wrong_of_all_asked() -> None:
    """By hand: (82 - 25) / 277 in the active arm and (29 - 27) / 139 in the placebo arm, with multinomial errors."""
    value, error, lower, upper, _ = bang(82.0, 25.0, 170.0)
    assert value == pytest.approx(57.0 / 277.0, rel=1e-12)
    assert error == pytest.approx(math.sqrt((107.0 / 277.0 - (57.0 / 277.0) ** 2) / 277.0), rel=1e-12)
    assert (lower + upper) / 2.0 == pytest.approx(value, rel=1e-12)
    assert bang(29.0, 27.0, 83.0)[0] == pytest.approx(2.0 / 139.0, rel=1e-12)


def test_james_is_its_definition() -> None:
    """(1 + d + (1 - d) K) / 2 with K the disagreement beyond chance among those who answered, step by step."""
    n, answered = 416.0, 163.0
    unsure = 253.0 / n
    observed = (25.0 + 27.0) / answered
    chance = (107.0 * 54.0 + 56.0 * 109.0) / answered**2
    expected = (1.0 + unsure + (1.0 - unsure) * (observed - chance) / chance) / 2.0
    assert james_index(np.array([[ACTIVE, PLACEBO]]))[0].value == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize(
    ("arms", "index"),
    [
        (((99.0, 1.0, 0.0), (1.0, 99.0, 0.0)), 0.01),
        (((1.0, 99.0, 0.0), (99.0, 1.0, 0.0)), 0.99),
        (((25.0, 25.0, 0.0), (25.0, 25.0, 0.0)), 0.5),
        (((25.0, 25.0, 50.0), (25.0, 25.0, 50.0)), 0.75),
    ],
)
def test_james_at_the_marks_of_its_scale(arms: tuple[tuple[float, ...], ...], index: float) -> None:
    """Of guesses alone, half in each arm, it is the share of wrong ones; half don't-knows and half a coin are 3/4."""
    made = james_index(np.array([arms]))[0]
    assert made.outcome == "ok"
    assert made.value == pytest.approx(index, abs=1e-12)


@pytest.mark.parametrize(
    "arms",
    [
        ((0.0, 0.0, 9.0), (0.0, 0.0, 8.0)),
        ((50.0, 0.0, 0.0), (0.0, 50.0, 0.0)),
        ((0.0, 50.0, 0.0), (50.0, 0.0, 0.0)),
    ],
)
def test_james_has_no_error_at_the_ends_of_its_scale(arms: tuple[tuple[float, ...], ...]) -> None:
    """Nobody guessing, everybody right and everybody wrong are a named outcome without an estimate."""
    made = james_index(np.array([arms]))[0]
    assert (made.converged, made.outcome) == (False, "no_variation")


def test_bang_has_no_error_where_all_answer_alike() -> None:
    """Nobody asked, nobody guessing and everybody right are named outcomes."""
    made = bang_index(column(0.0, 0.0, 9.0), column(0.0, 0.0, 0.0), column(0.0, 7.0, 0.0))
    assert [e.outcome for e in made] == ["no_follow_up", "no_variation", "no_variation"]


def test_errors_are_those_of_repeated_trials() -> None:
    """Over 20,000 trials drawn from one table both errors are the spread of the index (finds 5%), and centred right.

    A variance from the trial's own shares is low by a part of 1 / n, and a ratio is off by as much of its value.
    """
    rng = np.random.default_rng(7)
    share = np.array([ACTIVE, PLACEBO]) / 416.0
    drawn = rng.multinomial(416, share.ravel(), TRIALS).reshape(-1, 2, 3).astype(float)
    made = james_index(drawn)
    truth = james_index(np.array([[ACTIVE, PLACEBO]]))[0].value
    spread = float(made.value.std(ddof=1))
    near = Z / math.sqrt(2.0 * TRIALS) + 1.0 / 277.0
    assert near < 0.05
    assert float(np.sqrt((made.standard_error**2).mean())) == pytest.approx(spread, rel=near)
    assert abs(float(made.value.mean()) - truth) <= Z * spread / math.sqrt(TRIALS) + truth / 416.0
    arm = drawn[:, 0]
    bangs = bang_index(arm[:, 0], arm[:, 1], arm[:, 2])
    error = float(np.sqrt((bangs.standard_error**2).mean()))
    assert error == pytest.approx(float(bangs.value.std(ddof=1)), rel=near)


def test_guesses_that_are_no_counts_are_refused() -> None:
    """Negative or broken counts, unequal lengths and another shape raise ValueError with the reason."""
    with pytest.raises(ValueError, match="whole numbers"):
        bang_index(column(-1.0), column(1.0), column(1.0))
    with pytest.raises(ValueError, match="whole numbers"):
        james_index(np.full((1, 2, 3), 0.5))
    with pytest.raises(ValueError, match=r"shape \(trials, 2, 3\)"):
        james_index(np.ones((2, 3)))
    with pytest.raises(ValueError, match="shape"):
        bang_index(column(1.0, 2.0), column(1.0), column(1.0))
