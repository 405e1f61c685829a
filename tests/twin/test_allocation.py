"""Twin evidence: every kind of allocation, steered, is the same in both engines, and for whoever asks for less."""

from __future__ import annotations

from typing import Any

import pytest

from sim.engines.compiled.wants import demand, is_further
from sim.engines.want import Want
from sim.engines.world import OBSERVED, potential
from sim.model.allocation import KINDS, WITH_FACTORS
from sim.model.eligibility import STEERED
from sim.study.wanted import wanted
from tests.helpers import Overrides, plan, scenario, twins
from tests.twin.test_wants import WANTS, alike, whole_records

FULLY: dict[str, Any] = {
    "enrolment.target": 40,
    "sites": {"count": 30, "arrivals_per_month": 3.0, "opening_interval_days": 5.0},
    "arm": [
        {"name": "sham", "procedure": "sham", "ratio": 1},
        {"name": "angioplasty", "procedure": "angioplasty", "ratio": 2},
    ],
}
STEERED_BY = {"foreseen_prob": 0.7, "steering_prob": 0.8, "block_size": 12}


def kind_of(kind: str, **more: object) -> Overrides:
    """Give a trial with this kind of allocation and everything on."""
    factors = ["relapses", "site", "edss"] if kind in WITH_FACTORS else []
    return FULLY | {"randomisation": STEERED_BY | {"kind": kind, "factors": factors} | more}


@pytest.mark.parametrize("resolution", [0, 1])
@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_steered(kind: str, resolution: int) -> None:
    """Each kind, with steering, at 1:2 and at thirty sites, continuous and by whole days, in three trials."""
    for trial in range(3):
        found = twins(plan("sham_rct", {**kind_of(kind), "clock.resolution_days": resolution}), 51, trial)
        assert (found.subjects["reason"] == STEERED).any()
        assert set(found.subjects["arm"].tolist()) == {-1, 0, 1}


MORE: dict[str, tuple[str, Overrides]] = {
    "three arms by variance": (
        "three_arm",
        {
            "enrolment.target": 60,
            "randomisation": {"kind": "minimisation", "factors": ["edss"], "imbalance": "variance"},
        },
    ),
    "long blocks in strata": (
        "sham_rct",
        {
            "enrolment.target": 60,
            "randomisation": {"kind": "stratified_blocks", "factors": ["relapses"], "block_size": 20},
        },
    ),
    "admitted when closed": ("sham_rct", {**kind_of("alternation"), "enrolment.in_screening": "admit"}),
    "nobody suits": (
        "sham_rct",
        {
            "enrolment": {"target": 10, "max_days": 700.0},
            "randomisation": {"foreseen_prob": 1.0, "steering_prob": 1.0, "outlook_relapses": 50},
        },
    ),
}


@pytest.mark.parametrize("corner", MORE)
def test_corners(corner: str) -> None:
    """Corners of allocation are the same in both engines, in two trials."""
    name, overrides = MORE[corner]
    for trial in range(2):
        twins(plan(name, overrides), 52, trial)


def test_a_thousand_sites() -> None:
    """A stratum for each of the most sites there can be, in one trial."""
    sites = {"count": 1000, "arrivals_per_month": 0.1, "opening_interval_days": 0.0}
    twins(plan("sham_rct", {**kind_of("stratified_blocks"), "sites": sites}), 53, 0)


@pytest.mark.parametrize("kind", ["stratified_blocks", "minimisation", "alphabetical"])
def test_asked_for_less(kind: str) -> None:
    """Whoever asks for less than the record gets the same patients in the same arms, in any world."""
    name, overrides = "sham_rct", {**kind_of(kind), "enrolment.target": 20}
    small = scenario(name, overrides)
    for world in (OBSERVED, potential(0.0, True)):
        whole = whole_records(small, 54, [0, 1], world)
        for want in (*WANTS, wanted(small)):
            alike(small, 54, [0, 1], world, want, whole)


TRUE = Want(frozenset(["true"]), (), past=False)


def test_a_plain_trial_by_other_kinds_is_not_plain() -> None:
    """With everyone entering at once, each further kind still is played by its own rules."""
    plain = plan("bench/j1", {"randomisation.kind": "simple"})
    assert demand(plain, TRUE, False)["plain"] == 1.0
    assert not is_further(plain)
    for kind in KINDS[2:]:
        factors = ["edss", "site"] if kind in WITH_FACTORS else []
        few = {"enrolment.target": 20, "randomisation": {"kind": kind, "factors": factors, "block_size": 4}}
        ours = scenario("bench/j1", few)
        assert demand(plan("bench/j1", few), TRUE, False)["plain"] == 0.0
        assert is_further(plan("bench/j1", few))
        alike(ours, 55, [0, 1, 2], OBSERVED, TRUE, whole_records(ours, 55, [0, 1, 2]))


def test_what_makes_a_plan_further() -> None:
    """Foresight alone, steering alone, or the switch off leave a plan as it was; both make it further."""
    for rule in ({"foreseen_prob": 1.0}, {"steering_prob": 1.0}):
        assert not is_further(plan("sham_rct", {"randomisation": rule}))
        assert plan("sham_rct", {"randomisation": rule}) == plan("sham_rct")
    both = {"randomisation": {"foreseen_prob": 1.0, "steering_prob": 1.0}}
    assert is_further(plan("sham_rct", both))
    assert not is_further(plan("sham_rct", {**both, "switches.foreseen_allocation": False}))
