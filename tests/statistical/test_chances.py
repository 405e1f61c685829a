"""The ledger of chances: picking and publishing by hand, and what they make of a study in which nothing works."""

from __future__ import annotations

import math
from itertools import product

import numpy as np
import pytest

from sim.study import chances
from sim.study.chances import COMPLETERS, ENDPOINTS_PICKED, PUBLICATION, SUBGROUPS_PICKED, find_chances, made
from sim.study.power import power
from tests.helpers import scenario

SMALL = {"enrolment.target": 40, "sites.count": 2, "sites.opening_interval_days": 0.0}


def test_one_of_several_by_hand() -> None:
    """Ten of 100 studies succeed: one of 20 at least does with probability 1 - 0.9^20; errors: delta method."""
    won = np.arange(100) < 10
    share, influence = chances.chance(won, frozenset(), 20)
    assert share == pytest.approx(0.1)
    assert math.sqrt(float((influence**2).sum())) == pytest.approx(math.sqrt(0.09 / 100))
    one, moved = chances.chance(won, frozenset((PUBLICATION,)), 20)
    assert one == pytest.approx(1.0 - 0.9**20)
    assert math.sqrt(float((moved**2).sum())) == pytest.approx(20.0 * 0.9**19 * 0.03)


def test_the_ledger_of_chances_adds_up() -> None:
    """From made-up successes: none + shares = with all; what can't act is exactly zero."""
    won = np.zeros((50, 2, 2, 2), bool)
    for a, b, c in product((0, 1), repeat=3):
        won[: 2 + 5 * a + 3 * b + c, a, b, c] = True
    found = made(won, {COMPLETERS: "nobody leaves"}, 5, 0.05)
    assert found.none == pytest.approx(0.04)
    assert found.apparent == pytest.approx(1.0 - 0.8**5)
    assert found.none + found.sum == pytest.approx(found.apparent, rel=1e-14)
    entries = {e.mechanism: e for e in found.entries}
    assert (entries[COMPLETERS].shapley, entries[COMPLETERS].closed) == (0.0, "nobody leaves")
    assert entries[ENDPOINTS_PICKED].shapley > entries[SUBGROUPS_PICKED].shapley > 0.0


def test_one_honest_study_has_the_power_of_the_plain_run() -> None:
    """With nothing picked the chance is the favourable power of the same trials, exactly; picking only adds to it."""
    own = scenario("null", SMALL)
    found = find_chances(own, own.endpoint[0], 60, 1, 2, "compiled")
    plain = power(own, "null", trials=60, truth_trials=0, workers=2).endpoints["arr_24m"]
    assert found.none == plain.favourable_power
    shares = {e.mechanism: e for e in found.entries}
    assert min(shares[n].shapley for n in (ENDPOINTS_PICKED, SUBGROUPS_PICKED, PUBLICATION)) > 0.0
    assert found.apparent > 0.5
    assert not any(e.closed for e in found.entries)


def test_switches_close_ways_of_choosing() -> None:
    """`picking`, `publication` and `attrition` off, one study, one endpoint: each way is closed with its reason."""
    off = {f"switches.{n}": False for n in ("picking", "publication", "attrition")}
    assert set(chances.closed(scenario("null", off)).values()) == {"switched off"}
    assert len(chances.closed(scenario("null", off))) == 4
    assert chances.closed(scenario("null", {"publication.studies": 1})) == {PUBLICATION: "one study"}
    one = {"endpoint": [{"name": "arr_24m"}], "study.primary": ""}
    assert chances.closed(scenario("null", one)) == {ENDPOINTS_PICKED: "no other endpoint"}


def test_rivals_compare_the_same_arms() -> None:
    """In a three-arm trial only endpoints that compare the same two arms may be picked instead."""
    own = scenario("three_arm")
    assert [e.key for e in chances.rivals(own, own.endpoint[0])] == [
        "arr_24m_angioplasty_sham",
        "msqol_physical_24m_angioplasty_sham",
    ]
