"""Twin evidence for courses of the disease, quotas, windows and missed visits, on together and one by one."""

from __future__ import annotations

import numpy as np
import pytest

from sim.core.events import Kind
from sim.engines.compiled.wants import is_further, is_plain
from sim.engines.want import EVERYTHING, Want
from sim.engines.world import OBSERVED, potential
from sim.model.eligibility import FAILS_COURSE, TURNED_AWAY
from sim.scenario.plan import make_plan
from sim.study.wanted import wanted
from tests.helpers import Overrides, of_kind, scenario, twins
from tests.twin.test_wants import TRUE, WANTS, alike, whole_records

MIXED: dict[str, object] = {
    "enrolment.target": 24,
    "course": {"sp_prob": 0.4, "pp_prob": 0.3, "quota": [10, 8, 6]},
    "eligibility": {"courses": ["rr", "sp", "pp"], "kind": "soft", "edss_max": 7.0},
}
LOOSE: dict[str, object] = {"visits.window_days": 14.0, "visits.missed_prob": 0.3}
BY_COURSE: dict[str, object] = {
    "endpoint": [
        {"name": "edss_24m", "course": "rr"},
        {"name": "msfc_24m", "id": "progressive", "course": "sp"},
        {"name": "cdp_12w", "course": "pp"},
    ],
    "study.primary": "",
}
WAYS: dict[str, Overrides] = {
    "all": MIXED | LOOSE | BY_COURSE,
    "all, whole days": MIXED | LOOSE | {"clock.resolution_days": 1},
    "courses alone": MIXED,
    "some courses kept out": {"enrolment.target": 24, "course": {"sp_prob": 0.3, "pp_prob": 0.2}},
    "windows alone": {"enrolment.target": 24, "visits.window_days": 40.0, "clock.resolution_days": 1},
    "missed visits alone": {"enrolment.target": 24, "visits.missed_prob": 0.5, "dropout.hazard_per_year": 0.5},
    "every visit missed": {"enrolment.target": 12, "visits.missed_prob": 1.0},
    "closed by a day within windows": {
        "enrolment.target": 24,
        "visits.window_days": 40.0,
        "study.close_days": 600.0,
        "clock.resolution_days": 1,
    },
}


@pytest.mark.parametrize("way", WAYS)
def test_both_engines_play_the_same(way: str) -> None:
    """Both engines give the same records, observed and in potential worlds; none of these plans is a usual one."""
    plan = make_plan(scenario("sham_rct", WAYS[way]))
    assert is_further(plan)
    assert not is_plain(plan)
    for trial in range(3):
        twins(plan, 41, trial)
    twins(plan, 41, 0, potential(2.0, reference_belief=True))


@pytest.mark.parametrize("way", ["all", "all, whole days", "some courses kept out", "missed visits alone"])
def test_who_asks_for_less_gets_the_same(way: str) -> None:
    """Of these scenarios each want gives, in what it asks for, the cohort of the full records: courses too."""
    given = scenario("sham_rct", WAYS[way])
    whole = whole_records(given, 42, range(2))
    brief = Want(TRUE, (), past=False)
    for want in (EVERYTHING, brief, *WANTS[5:], wanted(given)):
        alike(given, 42, range(2), OBSERVED, want, whole)


def test_quotas_are_met_exactly() -> None:
    """As many of each course enter as the quota says; of the rest some fail, some are turned away."""
    found = [twins(make_plan(scenario("sham_rct", MIXED)), 43, trial).subjects for trial in range(4)]
    for subjects in found:
        entered = subjects[subjects["entry_number"] >= 0]
        assert np.bincount(entered["course"], minlength=3).tolist() == [10, 8, 6]
    reasons = np.concatenate([s["reason"] for s in found])
    assert (reasons == FAILS_COURSE).sum() > 20
    assert (reasons == TURNED_AWAY).sum() > 0


def test_both_kinds_of_visits_happen() -> None:
    """The log has visits that took place and visits that were missed, and no baseline is among the latter."""
    records = twins(make_plan(scenario("sham_rct", WAYS["all"])), 41, 0)
    missed = of_kind(records, Kind.VISIT_MISSED)
    assert len(missed) > 20
    assert len(of_kind(records, Kind.VISIT)) > 60
    assert missed["index"].min() > 0
