"""What a bias ledger must hold: it adds up, is the plain estimate's, and is zero where nothing can act."""

from __future__ import annotations

import math
from fractions import Fraction
from functools import cache

import numpy as np
import pytest

from sim.core.errors import RunError, ShamtrialError
from sim.study import shapley
from sim.study.acting import ALIKE, BLIND, ELSEWHERE, MECHANISMS, OFF, SAME, acting, closed, with_only
from sim.study.ledger import Board, Ledger, bias_ledger
from sim.study.play import Play
from sim.study.power import power
from sim.study.worlds import WorldOf, only_endpoint
from tests.helpers import Overrides, Z, scenario

ZAMBONI = "published/zamboni_2009"
SMALL: Overrides = {"enrolment.target": 20, "sites.count": 2, "sites.opening_interval_days": 0.0}
FEW = ("self_referral", "selection", "under_reporting")
"""The mechanisms left on where a ledger has to be quick: eight worlds."""


def only_on(*names: str) -> dict[str, object]:
    """Give the switches with these mechanisms on alone."""
    return {f"switches.{name}": name in names for name in MECHANISMS}


@cache
def zamboni(endpoint: str = "relapse_free_change") -> Ledger:
    """Give the ledger of 2009's design with three mechanisms on."""
    return bias_ledger(scenario(ZAMBONI, only_on(*FEW)), ZAMBONI, endpoint, trials=200, workers=2, interactions=True)


def found(ledger: Ledger, mechanism: str) -> float:
    """Give a mechanism's share."""
    return next(e.shapley for e in ledger.entries if e.mechanism == mechanism)


# ---- it adds up -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("endpoint", ["relapse_free_change", "arr_change"])
def test_apparent_less_truth_is_none_and_the_shares(endpoint: str) -> None:
    """apparent - truth = none + sum of entries, but for one rounding of each figure: exactly, in fractions."""
    r = zamboni(endpoint)
    figures = [r.apparent, r.truth, r.none, *(e.shapley for e in r.entries)]
    gap = Fraction(r.apparent) - Fraction(r.truth) - sum(map(Fraction, figures[2:]))
    assert abs(gap) <= sum(abs(Fraction(x)) for x in figures) / 2**53
    assert (
        abs(Fraction(r.sum) - sum(Fraction(e.shapley) for e in r.entries))
        <= sum(map(abs, map(Fraction, figures))) / 2**53
    )
    assert (r.worlds, r.exact, r.truth) == (8, True, 0.0)


def test_the_whole_is_the_plain_estimate() -> None:
    """With equal numbers in each trial, the ledger's apparent effect is the mean estimate that `power` gives.

    To the rounding of sums: 200 trials of 35.
    """
    plain = power(scenario(ZAMBONI, only_on(*FEW)), ZAMBONI, trials=200, truth_trials=0, workers=2)
    assert zamboni().apparent == pytest.approx(plain.endpoints["relapse_free_change"].estimate_mean, rel=1e-12)
    edss = bias_ledger(scenario(ZAMBONI, only_on()), ZAMBONI, "edss_change", trials=20)
    bare = power(scenario(ZAMBONI, only_on()), ZAMBONI, trials=20, truth_trials=0).endpoints["edss_change"]
    assert edss.apparent == pytest.approx(bare.estimate_mean, rel=1e-12)


def test_the_truth_is_the_twins_of_the_enrolled() -> None:
    """With an effect the truth is no more zero, is nearer than the apparent effect, and the shares still add up."""
    own = {**only_on("selection"), "effect": {"enabled": True, "rate_ratio": 0.5}}
    r = bias_ledger(scenario(ZAMBONI, own), ZAMBONI, "arr_change", trials=60, workers=2)
    assert r.truth < -Z * r.errors["truth"]
    assert r.bias < -Z * r.errors["bias"]
    assert r.apparent - r.truth == pytest.approx(r.none + r.sum, rel=1e-12)


def test_times_to_an_event_have_a_ledger() -> None:
    """A hazard ratio is pooled over all trials, observed and true; open raters and reporters favour the procedure."""
    own = {**SMALL, **only_on("under_reporting"), "endpoint": [{"name": "first_relapse", "counts": "reported"}]}
    r = bias_ledger(scenario("open_label_rct", {**own, "study.primary": ""}), "open", trials=150, workers=2)
    assert found(r, "under_reporting") < -Z * r.entries[0].mcse
    assert r.truth < -Z * r.errors["truth"]
    assert r.apparent - r.truth == pytest.approx(r.none + r.sum, rel=1e-12)


# ---- it is zero where nothing can act -------------------------------------------------------------------------------


def test_all_switches_off_and_no_effect_is_zero() -> None:
    """A scenario with all switches off and no effect has every entry exactly zero and a rest within its error."""
    r = bias_ledger(scenario("sham_rct", {**SMALL, **only_on(), "effect.enabled": False}), "null", trials=150)
    assert {(e.shapley, e.alone, e.without, e.mcse) for e in r.entries} == {(0.0, 0.0, 0.0, 0.0)}
    assert {e.closed for e in r.entries} == {OFF}
    assert abs(r.none) <= Z * r.errors["none"]
    assert (r.sum, r.worlds, r.apparent) == (0.0, 1, r.none)
    assert "no bias beyond its Monte Carlo error" in r.sentences[0]
    assert "nothing here for a design to close" in r.sentences[2]


def test_a_blind_closes_doors_exactly() -> None:
    """With a blinded rater rater_bias is exactly zero, true effect or not; with an open one it is not."""
    rated = {**SMALL, **only_on("rater_bias", "placebo")}
    blind = bias_ledger(scenario("sham_rct", rated), "blind", "edss_24m", trials=30)
    assert {e.mechanism: e.closed for e in blind.entries if e.closed != OFF}["rater_bias"] == BLIND
    assert found(blind, "rater_bias") == 0.0
    shown = bias_ledger(scenario("open_label_rct", rated), "open", "edss_24m", trials=60)
    assert found(shown, "rater_bias") < -Z * shown.entries[0].mcse


def test_indistinguishable_arms_close_every_door() -> None:
    """Blinded arms that differ in nothing leave no mechanism to act; each lifted blind opens some again."""
    null = scenario("null")
    assert set(closed(null, null.endpoint[0]).values()) <= {ALIKE, SAME, OFF, ELSEWHERE}
    assert not acting(null, null.endpoint[0])
    seen = scenario("null", {"belief.assessor": "open"})
    assert "rater_bias" in acting(seen, seen.endpoint[0])
    assert "rater_bias" not in acting(seen, seen.endpoint[1])  # reported relapses: no rater has a say


CASES = [
    (ZAMBONI, {}),
    ("published/zamboni_2012", {}),
    ("open_label_rct", {}),
    ("surveillance", {}),
    ("historical_control", {}),
    ("published/blind_prevalence_2013", {}),
    ("sham_rct", {"surveillance": {"enabled": True, "scheduled_months": [6.0]}, "retreatment.policy": "on_detection"}),
]


@pytest.mark.parametrize(("name", "overrides"), CASES, ids=[f"{n}{k}" for k, (n, _) in enumerate(CASES)])
def test_what_cannot_act_changes_no_sum(name: str, overrides: Overrides) -> None:
    """Switching off a mechanism that is said to change nothing, or not to reach an endpoint, leaves every sum as it is.

    Bit by bit, over some trials, with all other mechanisms on and with all others off.
    """
    own = scenario(name, {"enrolment.target": 12, **overrides} if name == "sham_rct" else overrides)
    checked = 0
    for endpoint in own.endpoint:
        one = only_endpoint(own, endpoint)
        shut = [m for m, why in closed(own, endpoint).items() if why not in (OFF, BLIND, ALIKE)]
        for rest in (frozenset(MECHANISMS), frozenset[str]()):
            base = WorldOf(Play(with_only(one, MECHANISMS, rest), 3)).many([0, 1])
            for name_of in shut:
                other = WorldOf(Play(with_only(one, MECHANISMS, rest ^ {name_of}), 3)).many([0, 1])
                assert np.array_equal(base["observed"], other["observed"], equal_nan=True), (endpoint.key, name_of)
                checked += 1
    assert checked


# ---- strength and order ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("mechanism", "stronger"),
    [
        ("self_referral", {"self_referral.weight": 6.0}),
        ("selection", {"eligibility.selection_weight": 0.2}),
        ("under_reporting", {"reporting.unreported_by_cured_prob": 0.6}),
    ],
)
def test_a_stronger_mechanism_moves_its_own_entry_first(mechanism: str, stronger: Overrides) -> None:
    """Raising one mechanism's strength changes its own share more than any other's, and beyond Monte Carlo error.

    Finds a ledger that books a mechanism's strength under another's name.
    """
    before = zamboni()
    after = bias_ledger(scenario(ZAMBONI, {**only_on(*FEW), **stronger}), ZAMBONI, trials=200, workers=2)
    moved = {e.mechanism: found(after, e.mechanism) - e.shapley for e in before.entries if not e.closed}
    assert max(moved, key=lambda name: abs(moved[name])) == mechanism
    error = math.hypot(*(next(e.mcse for e in r.entries if e.mechanism == mechanism) for r in (before, after)))
    assert moved[mechanism] > Z * error


def test_neither_listing_nor_workers_change_a_bit() -> None:
    """Players listed in any order, played by one worker or two, give the same entries, bit for bit."""
    own = only_endpoint(scenario(ZAMBONI, only_on(*FEW)), scenario(ZAMBONI).endpoint[0])
    games = []
    for names, workers in ((FEW, 1), (FEW[::-1], 2)):
        board = Board(own, shapley.plan(names, 1), Play(own, 1), 40, workers)
        board.play(None)
        games.append([board.game.entry(name) for name in FEW])
    assert games[0] == games[1]


def test_interactions_are_of_pairs() -> None:
    """Three mechanisms have three pairs, the largest first, each with an error."""
    pairs = zamboni().interactions
    assert pairs is not None
    assert {frozenset((i.first, i.second)) for i in pairs} == {frozenset((a, b)) for a in FEW for b in FEW if a != b}
    assert [abs(i.value) for i in pairs] == sorted((abs(i.value) for i in pairs), reverse=True)
    assert all(i.mcse > 0.0 for i in pairs)


def test_enrolment_moves_with_selection_alone() -> None:
    """As many are enrolled without any mechanism; who they are changes with selection, not with reports."""
    r = zamboni()
    assert r.entered == (35.0, 35.0)
    same = {e.mechanism: e.overlap for e in r.entries if not e.closed}
    assert same["under_reporting"] == 1.0
    assert r.overlap < same["selection"] < 1.0


# ---- refusals -------------------------------------------------------------------------------------------------------


def test_refusals() -> None:
    """An unknown endpoint, one trial, interactions of nine mechanisms, and an endpoint without events are refused."""
    own = scenario(ZAMBONI)
    with pytest.raises(ShamtrialError, match="--endpoint: found 'arr_24m'; allowed in zamboni: relapse_free_change"):
        bias_ledger(own, "zamboni", "arr_24m")
    for trials in (1, 100_001):
        with pytest.raises(ShamtrialError, match=r"--trials: found \d+; allowed: 2 to 100,000"):
            bias_ledger(own, trials=trials)
    nine = scenario("open_label_rct", {"contamination.enabled": True})
    assert len(acting(nine, nine.endpoint[0])) == 9
    with pytest.raises(ShamtrialError, match="--interactions: found 9 mechanisms"):
        bias_ledger(nine, interactions=True)
    none = scenario(ZAMBONI, {**only_on(), "relapse.rate_per_year": 0.0})
    with pytest.raises(RunError, match="bias: arr_change: found no value"):
        bias_ledger(none, endpoint="arr_change", trials=2)
