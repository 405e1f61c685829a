"""Shapley shares of games whose answers are known, exact and sampled; and pooled statistics by other means."""

from __future__ import annotations

import math
from collections.abc import Callable
from fractions import Fraction
from itertools import permutations
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from sim.analysis.ancova import ancova_change
from sim.study import shapley
from sim.study.game import Game
from sim.study.pooled import Pooled, adjusted_difference, log_hazard_ratio, log_odds_ratio
from sim.study.shapley import Side, total
from tests.helpers import Z

NAMES = ("anna", "bert", "carl")


def share_of(value: dict[Side, Fraction], names: tuple[str, ...], player: str) -> Fraction:
    """Give the Shapley value of a player."""
    return total(shapley.shapley(names, player), value.__getitem__)


def worth(names: tuple[str, ...]) -> dict[Side, Fraction]:
    """Give an uneven game: cubes of sums of powers, and a bonus where two certain players meet.

    Not squares: of these an order and its reverse together know the answer.
    """
    size = {name: Fraction(3) ** k / 7 for k, name in enumerate(sorted(names))}
    pair = frozenset(sorted(names)[:2])
    return {s: sum((size[n] for n in s), Fraction(0)) ** 3 + 5 * (pair <= s) for s in shapley.sides(names)}


def test_an_additive_game_gives_its_addends() -> None:
    """Where a set is worth the sum of its players, each gets exactly what they bring; no two make anything together."""
    brings = {"anna": Fraction(1, 3), "bert": Fraction(-2), "carl": Fraction(5, 7)}
    value = {s: sum((brings[n] for n in s), Fraction(11)) for s in shapley.sides(NAMES)}
    for name in NAMES:
        assert share_of(value, NAMES, name) == brings[name]
        assert total(shapley.alone(name), value.__getitem__) == brings[name]
        assert total(shapley.without(NAMES, name), value.__getitem__) == brings[name]
    assert total(shapley.interaction(NAMES, "anna", "carl"), value.__getitem__) == 0


def test_the_glove_game() -> None:
    """One left glove and two right ones, a pair worth 1: the left one gets 2/3, each right one 1/6 (a textbook game).

    The left one and a right one make 1/2 together; the two right ones take 1/2 from each other.
    """
    value = {s: Fraction(int("anna" in s and len(s) > 1)) for s in shapley.sides(NAMES)}
    assert [share_of(value, NAMES, n) for n in NAMES] == [Fraction(2, 3), Fraction(1, 6), Fraction(1, 6)]
    assert total(shapley.interaction(NAMES, "anna", "bert"), value.__getitem__) == Fraction(1, 2)
    assert total(shapley.interaction(NAMES, "bert", "carl"), value.__getitem__) == Fraction(-1, 2)


def test_shares_are_means_over_all_orders() -> None:
    """The weights give what a player adds on average over all orders, counted one by one; and they add up exactly."""
    names = ("a", "b", "c", "d", "e")
    value = worth(names)
    for player in names:
        adds = [
            value[frozenset(o[: o.index(player) + 1])] - value[frozenset(o[: o.index(player)])]
            for o in permutations(names)
        ]
        assert share_of(value, names, player) == sum(adds, Fraction(0)) / len(adds)
    whole = value[frozenset(names)] - value[shapley.NOBODY]
    assert sum((share_of(value, names, p) for p in names), Fraction(0)) == whole
    plan = shapley.plan(names)
    assert shapley.added(plan.shares.values()) == {frozenset(names): 1, shapley.NOBODY: -1}


def test_sampled_orders_agree_with_all_orders() -> None:
    """Eight players by sampled orders: each share within Z of its own error of the exact one; they add up exactly.

    Finds a share that is off by more than Z + 2 of its errors; the errors are not zero.
    """
    names = tuple("abcdefgh")
    value = worth(names)
    sampled = shapley.plan(names, seed=3, most_exact=7, orders=200)
    assert not sampled.exact
    assert shapley.plan(names).exact
    for player in names:
        found, error = total(sampled.shares[player], value.__getitem__), sampled.spread(player, value.__getitem__)
        assert error > 0.0
        assert abs(float(found - share_of(value, names, player))) <= Z * error
    assert shapley.added(sampled.shares.values()) == {frozenset(names): 1, shapley.NOBODY: -1}


def test_listing_them_otherwise_changes_nothing() -> None:
    """Names listed in any order give the same plan, exact or sampled: the same sets, in the same order, and weights."""
    names = tuple("abcdefghij")
    for most in (4, 10):
        one = shapley.plan(names, 5, most, orders=8)
        other = shapley.plan(names[::-1], 5, most, orders=8)
        assert one == other
        assert one.sides == other.sides
    assert shapley.plan(names, 6, 4, 8) != shapley.plan(names, 5, 4, 8)


def test_errors_come_from_the_same_trials() -> None:
    """The error of a share is that of the same combination of per-trial values: for means, known by hand."""
    rng = np.random.default_rng(20261122)
    trials = {s: rng.normal(size=400) + 0.3 * len(s) for s in shapley.sides(NAMES)}
    plan = shapley.plan(NAMES)
    means = {s: Fraction(float(x.mean())) for s, x in trials.items()}
    game = Game(plan, means, {s: (x - x.mean()) / 400 for s, x in trials.items()})
    each = np.sum([float(w) * trials[s] for s, w in plan.shares["bert"].items()], axis=0)
    entry = game.entry("bert")
    assert entry.shapley == pytest.approx(each.mean())
    assert entry.mcse == pytest.approx(each.std(ddof=1) / 20.0)


# ---- pooled statistics ----------------------------------------------------------------------------------------------


def leave_one_out(statistic: Callable[..., Pooled], *tables: NDArray[Any]) -> float:
    """Give the jackknife error of a statistic over trials, the rows of these tables."""
    n = len(tables[0])
    values = np.array([statistic(*(np.delete(t, k, axis=0) for t in tables)).value for k in range(n)])
    return math.sqrt((n - 1) / n * float(((values - values.mean()) ** 2).sum()))


def test_the_adjusted_difference_is_the_ancova_of_all() -> None:
    """Sums of all trials give the ANCOVA of their patients in one data set, and an error near the jackknife's."""
    rng = np.random.default_rng(7)
    rows: list[list[float]] = []
    x, end, arm = np.empty(0), np.empty(0), np.empty(0, bool)
    for _ in range(60):
        own = rng.normal(2.0, 1.0, 40)
        treated = rng.random(40) < 0.5
        change = 0.3 - 0.4 * own + 0.2 * treated + rng.normal(0.0, 0.5, 40) + rng.normal(0.0, 0.1)
        columns = (np.ones(40), own, change, own * own, own * change)
        rows.append([float(c[g].sum()) for g in (treated, ~treated) for c in columns])
        x, end, arm = np.append(x, own), np.append(end, own + change), np.append(arm, treated)
    found = adjusted_difference(np.array(rows))
    whole = ancova_change(x, end, arm)
    assert found.value == pytest.approx(whole.value, rel=1e-10)
    assert found.with_error()[1] == pytest.approx(leave_one_out(adjusted_difference, np.array(rows)), rel=0.05)


def test_the_pooled_hazard_ratio_has_the_error_of_its_trials() -> None:
    """Score residuals sum to nothing, and give an error near the jackknife's; ties are in it."""
    rng = np.random.default_rng(8)
    treated = np.tile(np.arange(30) < 15, (60, 1))
    days = np.ceil(rng.exponential(100.0 * np.exp(0.5 * treated + rng.normal(0.0, 0.2, (60, 1)))))
    event, days = days < 150.0, np.minimum(days, 150.0)
    found = log_hazard_ratio(days, event, treated)
    assert abs(float(found.influence.sum())) < 0.02 * abs(found.value)  # Breslow's residuals at Efron's estimate
    assert found.with_error()[1] == pytest.approx(leave_one_out(log_hazard_ratio, days, event, treated), rel=0.05)


def test_the_log_odds_ratio_by_hand() -> None:
    """Odds are positives over the rest: 30 of 40 against 10 of 40 is log 9."""
    assert log_odds_ratio(np.array([[30.0, 40.0, 10.0, 40.0]])).value == pytest.approx(math.log(9.0))
