"""Twin evidence for lives that wait for others: slots, delays, second procedures, a study that ends for all at once."""

from __future__ import annotations

import numpy as np
import pytest

from sim.core.events import Kind
from sim.engines.world import OBSERVED, World, potential, potential_arm
from sim.model.veins import ANGIOPLASTY, VENOGRAPHY
from tests.helpers import of_kind, plan, twins

CROWD: dict[str, object] = {
    "enrolment": {"target": 30, "max_days": 3000.0},
    "sites": {"count": 2, "arrivals_per_month": 12.0},
    "slots": {"enabled": True, "per_site": 1, "procedure_days": 9.0},
    "veins.wait_mean_days": 10.0,
    "dropout": {"hazard_per_year": 0.8, "disbelief_ratio": 3.0},
}
CROSSOVER: dict[str, object] = {
    "study.design": "sham_crossover",
    "arm": [
        {"name": "sham", "procedure": "sham", "then": "angioplasty", "then_months": 11.0},
        {"name": "angioplasty", "procedure": "angioplasty", "then": "sham", "then_months": 11.0, "then_open": False},
    ],
}
DELAYED: dict[str, object] = {
    "study.design": "immediate_v_delayed",
    "belief": {"patient": "open", "physician": "open", "assessor": "open"},
    "arm": [
        {"name": "immediate", "procedure": "angioplasty"},
        {"name": "delayed", "procedure": "angioplasty", "delay_months": 6.0},
    ],
}
WATCHED: dict[str, object] = {
    "enrolment.target": 30,
    "surveillance": {"enabled": True, "scheduled_months": [3.0, 6.0, 9.0, 12.0, 18.0], "on_relapse": True},
    "retreatment": {"policy": "on_detection", "most": 3},
    "veins.ijv_restenosis_18m_prob": 0.9,
}
CASES: dict[str, dict[str, object]] = {
    "a queue": CROWD,
    "several slots": CROWD | {"slots.per_site": 3, "slots.procedure_days": 25.0},
    "a queue that outlasts follow-up": CROWD | {"slots.procedure_days": 120.0},
    "crossover": CROSSOVER | {"enrolment.target": 30},
    "crossover in a queue": CROWD | CROSSOVER | {"slots.procedure_days": 20.0},
    "delay": DELAYED | {"enrolment.target": 30},
    "delay in a queue": CROWD | DELAYED,
    "a common end": {"enrolment.target": 40, "study.close_after_enrolment_days": 200.0},
    "a common end in a queue": CROWD | {"study.close_after_enrolment_days": 150.0, "enrolment.in_screening": "admit"},
    "re-treatment": WATCHED,
    "re-treatment in a queue": CROWD | WATCHED,
    "re-treatment beside a crossover in a queue": CROWD | CROSSOVER | WATCHED | {"slots.procedure_days": 20.0},
    "an effect that waits": CROSSOVER | {"enrolment.target": 30, "effect.onset_days": 90.0, "veins.patency": "any"},
}


@pytest.mark.parametrize("resolution", [0, 1], ids=["continuous", "whole days"])
@pytest.mark.parametrize("case", CASES)
def test_lives_that_wait_are_the_same_in_both_engines(case: str, resolution: int) -> None:
    """Requests, grants, second procedures, onset and a common end fall alike, bit for bit."""
    p = plan("sham_rct", CASES[case] | {"clock.resolution_days": resolution})
    for trial in range(3):
        twins(p, 5, trial)


@pytest.mark.parametrize("world", [OBSERVED, potential(2.0, True), potential(0.0, False), World(-1.0, 1.0, 1.0)])
def test_forced_worlds_are_the_same_in_both_engines(world: World) -> None:
    """A forced procedure is the only one, in a queue too."""
    p = plan("sham_rct", CASES["crossover in a queue"])
    records = twins(p, 5, 0, world)
    if world.procedure >= 0.0:
        assert set(records.procedures["number"]) <= {0}


@pytest.mark.parametrize("arm", [0, 1])
def test_everyone_treated_as_in_one_arm_has_its_strategy(arm: int) -> None:
    """In the world of an arm all have its delay, its procedures and their order, and stay to the end."""
    for case in ("crossover", "delay in a queue"):
        p = plan("sham_rct", CASES[case])
        records = twins(p, 5, 0, potential_arm(arm, True))
        first = records.procedures[records.procedures["number"] == 0]
        assert (first["kind"] == p.procedures[arm]).all()
        s = records.subjects[records.subjects["entry_number"] >= 0]
        assert not s["dropped_out"].any()
        if case == "crossover":
            second = records.procedures[records.procedures["number"] == 1]
            assert len(second) == len(s)
            assert (second["kind"] == p.later.procedures[arm]).all()


def test_slots_are_never_held_twice() -> None:
    """At no time are more procedures under way at a site than it has slots, and who asks first goes first."""
    p = plan("sham_rct", CASES["several slots"])
    records = twins(p, 5, 1)
    asked = of_kind(records, Kind.PROCEDURE_REQUESTED)
    assert len(asked) > 20
    done = records.procedures
    assert (done["time"] > done["request_time"]).any()
    for site in (0, 1):
        own = np.sort(done[done["site"] == site], order=["request_time"])
        assert (np.diff(own["time"]) >= 0.0).all()
        for start in own["time"]:
            under_way = (own["time"] <= start) & (start < own["time"] + p.slots.procedure_days)
            assert under_way.sum() <= p.slots.per_site


def test_who_is_found_narrow_again_is_treated_again_and_no_more_than_may_be() -> None:
    """Each re-treatment follows an imaging that read an opened vein as narrow by the delay; at most three a patient."""
    p = plan("sham_rct", CASES["re-treatment"])
    records = twins(p, 5, 0)
    again = records.procedures[records.procedures["number"] > 0]
    assert len(again) > 10
    assert again["number"].max() <= 3
    assert set(again["kind"].tolist()) == {ANGIOPLASTY, VENOGRAPHY}  # where the reading was wrong nothing is narrow
    veins = {(v["site"], v["arrival"], v["vein"]) for v in records.veins if v["opened"]}
    read = records.imaging[records.imaging["read"] == 1]
    found = {
        (r["site"], r["arrival"], r["time"] + p.retreatment.delay_days)
        for r in read
        if (r["site"], r["arrival"], r["vein"]) in veins
    }
    assert {(a["site"], a["arrival"], a["time"]) for a in again} <= found
