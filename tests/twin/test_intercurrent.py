"""Twin evidence for intercurrent events: hazards at work, settled and set anew, are the same in both engines."""

from __future__ import annotations

import pytest

from sim.core.events import Kind
from sim.engines.compiled.wants import demand, is_further
from sim.engines.want import Want
from sim.engines.world import OBSERVED, World, potential
from sim.scenario.plan import make_plan
from tests.helpers import Overrides, of_kind, plan, scenario, twins
from tests.twin.test_wants import WANTS, alike, whole_records

OFTEN: dict[str, object] = {
    "enrolment.target": 30,
    "relapse.rate_per_year": 3.0,
    "reporting.pseudo_per_year": 2.0,
    "veins.wait_days": 40.0,
    "dropout": {"hazard_per_year": 0.05, "lack_of_benefit_per_year": 0.3, "relapse_ratio": 1.5},
    "contamination": {"enabled": True, "per_year": 0.6, "relapse_ratio": 1.3},
    "medication": {
        "enabled": True,
        "start_prob": 0.5,
        "stop_per_year": 2.0,
        "escalate_prob": 0.5,
        "second_rate_ratio": 0.3,
        "disbelief_odds_ratio": 3.0,
    },
}
ALL = {Kind.MEDICATION_STOP, Kind.MEDICATION_ESCALATION, Kind.OUTSIDE_PROCEDURE, Kind.DROPOUT}

CASES: dict[str, Overrides] = {
    "continuous": OFTEN,
    "whole days": OFTEN | {"clock.resolution_days": 1},
    "in a hurry": OFTEN
    | {
        "clock.resolution_days": 1,
        "dropout": {"lack_of_benefit_per_year": 20.0, "relapse_ratio": 20.0},
        "contamination": {"enabled": True, "per_year": 100.0, "relapse_ratio": 0.1},
        "medication": OFTEN["medication"] | {"stop_per_year": 100.0, "start_delay_days": 0.01},  # type: ignore[operator]
        "reporting.report_delay_days": 0.0,
        "relapse": {"rate_per_year": 20.0, "refractory_days": 0.0},
    },
    "stopping alone": {
        "enrolment.target": 30,
        "medication": {"enabled": True, "start_prob": 0.5, "stop_per_year": 2.0},
    },
    "leaving alone": {"enrolment.target": 30, "dropout.lack_of_benefit_per_year": 0.5},
    "elsewhere alone": {"enrolment.target": 30, "contamination": {"enabled": True, "per_year": 1.0}},
}


@pytest.mark.parametrize("case", CASES)
def test_intercurrent_events_are_the_same_in_both_engines(case: str) -> None:
    """Each trial is the same bit for bit, alone and together, on a continuous and on a whole-day clock."""
    seen: set[Kind] = set()
    for trial in range(3):
        found = twins(plan("sham_rct", CASES[case]), 41, trial)
        seen |= {kind for kind in ALL if len(of_kind(found, kind))}
    assert seen >= ALL or "alone" in case


@pytest.mark.parametrize(
    "world", [*(potential(p, path) for p in (0.0, 1.0, 2.0) for path in (False, True)), World(-1.0, 1.0, 1.0)]
)
def test_worlds_with_intercurrent_events(world: World) -> None:
    """The same holds in every world: nobody leaves, and nobody goes elsewhere, where the procedure is forced."""
    found = twins(plan("three_arm", OFTEN), 42, 0, world)
    assert bool(len(of_kind(found, Kind.OUTSIDE_PROCEDURE))) is (world.procedure < 0.0)
    assert bool(found.subjects["dropout_reason"].any()) is bool(world.attrition)
    assert len(of_kind(found, Kind.MEDICATION_STOP))


@pytest.mark.parametrize("case", ["continuous", "leaving alone", "elsewhere alone"])
def test_who_asks_for_less_sees_the_same_lives(case: str) -> None:
    """Hazards shape the life, so they are played whatever is asked for: each want gives what the whole record holds."""
    given = scenario("sham_rct", CASES[case])
    whole = whole_records(given, 43, range(2))
    for want in WANTS:
        alike(given, 43, range(2), OBSERVED, want, whole)


@pytest.mark.parametrize(
    ("changes", "further"),
    [
        ({}, False),
        ({"medication": {"enabled": True, "start_prob": 0.5}}, False),
        ({"medication": {"enabled": True, "stop_per_year": 1.0}}, True),
        ({"medication": {"enabled": True, "escalate_prob": 0.1}}, True),
        ({"medication": {"enabled": True, "start_prob": 0.0, "stop_per_year": 1.0}}, False),
        ({"dropout.lack_of_benefit_per_year": 0.1}, True),
        ({"dropout.relapse_ratio": 2.0}, False),
        ({"contamination.enabled": True}, True),
        ({"contamination": {"enabled": True, "per_year": 0.0}}, False),
        ({"contamination.enabled": True, "switches.contamination": False}, False),
        ({"dropout.lack_of_benefit_per_year": 0.1, "switches.attrition": False}, False),
    ],
)
def test_a_plan_is_further_where_it_has_such_an_event(changes: Overrides, further: bool) -> None:
    """The kernel without these events plays the plans without them, and no other."""
    assert is_further(plan("sham_rct", changes)) is further


def test_a_hazard_rules_the_brief_life_out() -> None:
    """Where patients leave or go elsewhere by hazards, a life is told with its clocks, and with belief."""
    want = Want(frozenset(["true"]), (), past=False)
    base: dict[str, object] = {"medication.enabled": False, "reporting.enabled": False}
    cases: list[tuple[dict[str, object], float, float]] = [
        ({}, 1.0, 0.0),
        ({"dropout.lack_of_benefit_per_year": 0.1}, 0.0, 0.0),
        ({"contamination.enabled": True}, 0.0, 0.0),
        ({"contamination": {"enabled": True, "relapse_ratio": 2.0}}, 0.0, 1.0),
        ({"dropout": {"lack_of_benefit_per_year": 0.1, "relapse_ratio": 2.0}}, 0.0, 1.0),
    ]
    for changes, brief, reports in cases:
        asked = demand(make_plan(scenario("bench/j1", base | changes)), want, record=False)
        assert [float(asked[name]) for name in ("brief", "reports", "belief")] == [brief, reports, 1.0 - brief]
