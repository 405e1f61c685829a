"""Twin evidence for lesions: both engines find the same ones, whatever else goes on and however little is asked for."""

from __future__ import annotations

import numpy as np
import pytest

from sim.data.cohort import cohort, joined
from sim.engines.compiled.wants import is_further
from sim.engines.want import Want
from sim.engines.world import OBSERVED, potential
from sim.scenario.plan import make_plan
from sim.study.wanted import wanted
from tests.helpers import plan, scenario, twins
from tests.twin.test_wants import alike

EVERYTHING_ON: dict[str, object] = {
    "enrolment.target": 16,
    "lesions": {"enabled": True, "scan_months": [0.0, 3.0, 6.0, 12.0, 21.0, 24.0], "window_days": 100.0},
    "effect": {"rate_ratio": 0.6, "gd_ratio": 0.3},
    "medication": {"enabled": True, "start_prob": 0.6, "gd_ratio": 0.2},
    "relapse.rate_per_year": 1.5,
    "veins": {"patency": "share", "wait_mean_days": 40.0},
    "dropout": {"enabled": True, "hazard_per_year": 0.3},
    "endpoint": [{"name": n} for n in ("gd_lesions_12m", "new_t2_21m", "edss_24m")],
    "study.primary": "",
}
KINDS: dict[str, dict[str, object]] = {
    "two states": {"activity": {"active_months": 2.0, "quiescent_months": 3.0}},
    "whole days": {"clock.resolution_days": 1},
    "by the month": {"activity.kind": "log_ou"},
    "by the month, whole days, a short history": {
        "activity.kind": "log_ou",
        "clock.resolution_days": 1,
        "relapse.history_years": 0.3,
        "eligibility": {"enabled": False},
        "self_referral.enabled": False,
        "enrolment.screening_days": 0.0,
    },
    "constant": {"activity.kind": "none"},
    "no decline": {"decline.enabled": False},
}


@pytest.mark.parametrize("kind", KINDS)
def test_lesions_are_the_same_in_both_engines(kind: str) -> None:
    """Trials with scans, medication, restenosis and dropout, in any kind of activity, are the same bit for bit."""
    given = plan("sham_rct", EVERYTHING_ON | KINDS[kind])
    found = 0
    for trial in range(3):
        for world in (OBSERVED, potential(2.0, reference_belief=False)):
            seen = twins(given, 5, trial, world).visits
            scanned = ~np.isnan(seen["gd_lesions"])
            assert set(seen["visit"][scanned]) == {0, 1, 2, 4, 7, 8}
            assert set(seen["visit"][~np.isnan(seen["new_t2"])]) == {1, 2, 4, 7, 8}
            found += int(seen["gd_lesions"][scanned].sum())
    assert found > 0


@pytest.mark.parametrize("kind", KINDS)
def test_lesions_asked_for_alone(kind: str) -> None:
    """Who asks for lesions only, of one kind or of a late visit, gets those of the whole record."""
    given = scenario("sham_rct", EVERYTHING_ON | KINDS[kind])
    whole = joined([cohort(twins(make_plan(given), 6, trial)) for trial in range(2)])
    none = frozenset[str]()
    for want in (
        Want(none, (8,), past=False, scores=frozenset(["new_t2"])),
        Want(none, (0, 4), past=False, scores=frozenset(["gd_lesions"])),
        Want(none, None, past=False, scores=frozenset(["gd_lesions", "new_t2"])),
        wanted(given),
    ):
        alike(given, 6, range(2), OBSERVED, want, whole)


def test_scanning_makes_a_plan_a_further_one() -> None:
    """A plan without scans is played by the kernel that knows of none, one with them by the other."""
    assert not is_further(plan("sham_rct"))
    assert is_further(plan("sham_rct", EVERYTHING_ON))
