"""Twin evidence: beliefs that move, and guesses, are the same in both engines, whatever is asked for."""

from __future__ import annotations

import pytest

from sim.core.events import Kind
from sim.engines.compiled.wants import demand, is_further
from sim.engines.want import EVERYTHING, Want
from sim.engines.world import OBSERVED, World, potential
from sim.scenario.plan import make_plan
from tests.helpers import Overrides, scenario, twins
from tests.twin.test_wants import CONFIRMED, TRUE, alike, whole_records

# Everything that moves a belief, in every holder, and channels through which beliefs tell on the life.
MOVING: dict[str, object] = {
    "enrolment.target": 40,
    "belief": {
        "cue_logits": 0.8,
        "sham_cue_logits": 0.3,
        "patient_cue_prob": 0.9,
        "physician_cue_prob": 0.5,
        "assessor_cue_prob": 0.3,
        "side_effect_logits": 0.7,
        "relapse_logits": -0.6,
        "improvement_logits_per_point": 0.05,
        "outside_scan_prob_per_year": 0.6,
        "outside_scan_logits": 1.5,
        "blinding_leak": 0.2,
        "guess_early_days": 28.0,
        "guess_at_end": True,
    },
    "relapse.rate_per_year": 1.5,
    "veins.complications.dissection_prob": 0.3,
    "reporting.unreported_by_cured_prob": 0.5,
    "reporting.pseudo_per_year": 0.5,
    "medication.disbelief_odds_ratio": 3.0,
    "dropout": {"enabled": True, "hazard_per_year": 0.1, "disbelief_ratio": 3.0},
}
DAYS = {"clock.resolution_days": 1, "reporting.report_delay_days": 0.0, "veins.wait_days": 0.0}
NEW = {int(Kind.OUTSIDE_SCAN), int(Kind.BELIEF_CHANGE), int(Kind.GUESS)}
WANTS = (
    EVERYTHING,
    Want(TRUE, (), past=False),
    Want(TRUE, (), past=False, guesses=False),
    Want(CONFIRMED, (), past=False, guesses=False),
    Want(frozenset(), (2,), past=False, scores=frozenset(), guesses=False),
)


@pytest.mark.parametrize("more", [{}, DAYS], ids=["continuous", "whole days"])
@pytest.mark.parametrize("name", ["sham_rct", "three_arm"])
def test_beliefs_move_alike(name: str, more: Overrides) -> None:
    """With everything on, trials are the same to the last bit, in the observed world and in potential ones."""
    plan = make_plan(scenario(name, {**MOVING, **more}))
    assert is_further(plan)
    for trial in range(4):
        assert set(twins(plan, 41, trial).events["rank"].tolist()) >= NEW
    for world in (potential(2.0, False), potential(1.0, True), World(-1.0, 1.0, 1.0)):
        twins(plan, 41, 0, world)


@pytest.mark.parametrize(
    "off", [(), ("improvement_logits_per_point", "relapse_logits")], ids=["all", "without feedback"]
)
def test_who_asks_for_less_gets_the_same(off: tuple[str, ...]) -> None:
    """Whatever is wanted, guesses or not, is what the full record holds: what moves a belief is always played."""
    belief = {key: value for key, value in dict(MOVING["belief"]).items() if key not in off}  # type: ignore[call-overload]
    given = scenario("sham_rct", MOVING | {"belief": belief})
    whole = whole_records(given, 42, range(3))
    for want in WANTS:
        alike(given, 42, range(3), OBSERVED, want, whole)


def test_what_is_off_costs_nothing() -> None:
    """A plan without moving beliefs and guesses is no further plan; guesses make it one, and are drawn if wanted."""
    off, asked = scenario("bench/j1"), scenario("bench/j1", {"belief.guess_at_end": True})
    assert not is_further(make_plan(off))
    assert is_further(make_plan(asked))
    for guesses in (False, True):
        want = Want(TRUE, (), past=False, guesses=guesses)
        assert demand(make_plan(off), want, record=False)["plain"] == 1.0
        made = demand(make_plan(asked), want, record=False)
        assert [float(made[name]) for name in ("plain", "guesses", "belief")] == [0.0, guesses, guesses]
