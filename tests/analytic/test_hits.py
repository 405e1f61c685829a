"""Rejections kept a bit a trial: counts and paired differences are those of the trials themselves."""

from __future__ import annotations

import math

import numpy as np
import pytest
from numpy.typing import NDArray

from sim.study.hits import Z95, Hits, interval_of
from sim.study.performance import BLOCK

TRIALS = 2 * BLOCK + 337


def _kept(rejected: NDArray[np.bool_], order: list[int]) -> Hits:
    hits = Hits()
    for block in order:
        part = rejected[block * BLOCK : (block + 1) * BLOCK]
        hits.take(block * BLOCK, part[: len(part) // 2])  # grows
        hits.take(block * BLOCK, part)
    return hits


@pytest.mark.parametrize(("p", "q"), [(0.5, 0.5), (0.9, 0.1), (0.0, 1.0), (0.3, 0.3)])
def test_a_difference_is_that_of_the_trials(p: float, q: float) -> None:
    """Value and MCSE equal mean and standard error of the trial-by-trial differences, in any order of blocks."""
    draws = np.random.default_rng(7).random((2, TRIALS))
    draws[1, : TRIALS // 2] = draws[0, : TRIALS // 2]  # as common trials do
    a, b = draws[0] < p, draws[1] < q
    found = _kept(a, [0, 1, 2]).less(_kept(b, [2, 0, 1]))
    off = a.astype(float) - b.astype(float)
    assert found.value == pytest.approx(off.mean(), abs=1e-15)
    assert found.mcse == pytest.approx(off.std() / math.sqrt(TRIALS), abs=1e-15)
    unpaired = math.sqrt((a.mean() * (1.0 - a.mean()) + b.mean() * (1.0 - b.mean())) / TRIALS)
    assert found.unpaired == pytest.approx(unpaired, abs=1e-15)
    only_a, only_b = int((a & ~b).sum()), int((b & ~a).sum())
    assert found.interval == interval_of(only_b, only_a, TRIALS)
    assert found.apart == only_a + only_b
    assert found.seen or p == q


def test_where_all_trials_agree_the_difference_has_an_interval() -> None:
    """No trial tells two runs apart: the error is 0, the interval is not, and no difference is seen."""
    rejected = np.random.default_rng(8).random(TRIALS) < 0.4
    found = _kept(rejected, [0, 1, 2]).less(_kept(rejected, [0, 1, 2]))
    assert (found.value, found.mcse, found.apart, found.seen) == (0.0, 0.0, 0, False)
    low, high = found.interval
    assert -low == high == pytest.approx(Z95 * math.sqrt(2.0) / (TRIALS + 2.0))


def test_counts_are_exact() -> None:
    """Trials and rejections are counted once, though blocks grow."""
    rejected = np.random.default_rng(8).random(TRIALS) < 0.4
    hits = _kept(rejected, [1, 2, 0])
    assert (hits.trials, hits.rejected) == (TRIALS, int(rejected.sum()))
    share = rejected.mean()
    assert hits.mcse == pytest.approx(math.sqrt(share * (1.0 - share) / TRIALS))
    assert math.isnan(Hits().mcse)
