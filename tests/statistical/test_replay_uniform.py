"""A study whose figures come out of the simulator itself is ordinary: its mid-PITs and its joint rank are uniform."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.special import ndtr
from scipy.stats import chi2

from sim.study.judge import distances_of, mid_pit
from sim.study.replay import play_side
from tests.helpers import Z, agrees, scenario

Floats = NDArray[np.float64]

STUDIES, SPLITS, SEEDS = 500, 40, 24


@cache
def cloud() -> Floats:
    """Give PREMiSe's four figures in studies (the first half) and replays (the second) of the same scenario."""
    own = scenario("published/premise_2014")
    sides = [play_side(own, own.published.figure, (STUDIES, seed, 1, "compiled")) for seed in (1, 2)]
    return np.concatenate([np.column_stack(side.values) for side in sides])


def mid_pits(studies: Floats, replays: Floats, k: int) -> Floats:
    """Give the mid-PIT of figure k of each study among the replays."""
    return np.array([mid_pit(x, x, replays[:, k]) for x in studies[:, k]])


def joint_ranks(studies: Floats, replays: Floats, _: int) -> Floats:
    """Give the joint rank of each study among the replays."""
    ranks = []
    for study in studies:
        distances, own = distances_of([(x, x) for x in study], replays)
        ranks.append((distances < own - 1e-9).mean() + 0.5 * (np.abs(distances - own) <= 1e-9).mean())
    return np.array(ranks)


def spread_of_ties(values: Floats) -> float:
    """Give the variance of a mid-rank under uniformity: 1/12, less for what ties take away."""
    _, counts = np.unique(np.round(values, 9), return_counts=True)
    return float((1.0 - ((counts / len(values)) ** 3).sum()) / 12.0)


@pytest.mark.parametrize("place", [0, 1, 2, 3, "joint"])
def test_ranks_of_simulated_studies_are_uniform(place: int | str) -> None:
    """Mean 1/2 and the variance of mid-ranks with these ties; the error is that of random splits of the same trials.

    It finds ranks that are off by 0.2 on average, and variances off by half.
    """
    every, k = cloud(), place if isinstance(place, int) else 0
    rank = mid_pits if isinstance(place, int) else joint_ranks
    values = every[:, k] if isinstance(place, int) else distances_of([(0.0, 0.0)] * 4, every)[0]
    rng = np.random.default_rng(5)
    shuffled = [rng.permutation(every) for _ in range(SPLITS)]
    found = rank(every[:STUDIES], every[STUDIES:], k)
    others = np.array([_moments(rank(s[:STUDIES], s[STUDIES:], k)) for s in shuffled])
    errors = others.std(axis=0, ddof=1)
    mean, variance = _moments(found)
    agrees(mean, 0.5, float(errors[0]), detects=0.2)
    expected = spread_of_ties(values)
    agrees(variance, expected, float(errors[1]), detects=0.5 * expected)


def _moments(ranks: Floats) -> tuple[float, float]:
    return float(ranks.mean()), float(((ranks - 0.5) ** 2).mean())


def test_the_error_of_a_joint_tail_is_what_seeds_show() -> None:
    """The printed error is the standard deviation between seeds: their ratio stays within what chi-square allows.

    Two-sided at z = 4.3, so it finds errors that are off by a factor of 2.2; that of a mere share is off by 2.5 here.
    """
    own = scenario("published/premise_2014")
    sides = [play_side(own, own.published.figure, (300, seed, 1, "compiled")) for seed in range(1, SEEDS + 1)]
    tails, printed = (np.array([side.joint[name] for side in sides]) for name in ("tail_probability", "mcse"))
    ratio = tails.var(ddof=1) / np.mean(printed**2)
    low, high = (chi2.ppf(ndtr(z), SEEDS - 1) / (SEEDS - 1) for z in (-Z, Z))
    assert low <= ratio <= high
    share = tails.mean() * (1.0 - tails.mean()) / 300
    assert tails.var(ddof=1) / share > high, "what the share's own error would have said is found out"
