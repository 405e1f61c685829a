"""How far guesses drift apart from early to end: by hand, in pairs of the same trial."""

from __future__ import annotations

import math

import numpy as np
import pytest

from sim.data.guesses import questions
from sim.study.blinding import mean_indices
from tests.helpers import scenario

EARLY = ([6, 2, 2], [5, 5, 0])  # angioplasty, sham, don't know: Bang 0.4 and 0
END = (([8, 1, 1], [3, 6, 1]), ([6, 2, 2], [4, 6, 0]))  # 0.7 and 0.3, then 0.4 and 0.2


def test_the_drift_is_the_mean_difference_within_trials() -> None:
    """Sums of both arms' indices of 0.4 early, then 1.0 and 0.6, drift by 0.4 on average, with error 0.2."""
    made = scenario("blinding")
    asked = questions(made)
    counts = np.zeros((2, len(asked), 2, 3), np.int64)
    for k, (occasion, _) in enumerate(asked):
        for trial in range(2):
            counts[trial, k] = EARLY if occasion == "early" else END[trial]
    for (occasion, _), found in zip(asked, mean_indices(made, counts), strict=True):
        if occasion == "early":
            assert found.drift is None
            assert found.both.mean == pytest.approx(0.4)
            continue
        assert found.both.mean == pytest.approx(0.8)
        assert found.drift is not None
        assert (found.drift.mean, found.drift.mcse) == pytest.approx((0.4, math.sqrt(0.08) / math.sqrt(2.0)))


def test_without_an_early_question_there_is_no_drift() -> None:
    """Where guesses are asked at the end alone nothing is said to have moved."""
    made = scenario("blinding", {"belief.guess_early_days": 0.0})
    counts = np.ones((2, len(questions(made)), 2, 3), np.int64)
    assert [found.drift for found in mean_indices(made, counts)] == [None] * 3
