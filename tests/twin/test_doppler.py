"""Twin evidence: screened veins and studies of prevalence are the same in both engines, asked for whole or in part."""

from __future__ import annotations

import pytest

from sim.engines.want import Want
from sim.engines.world import OBSERVED, potential
from sim.study.play import Play
from sim.study.wanted import wanted
from tests.helpers import Overrides, plan, scenario, twins
from tests.twin.test_wants import alike, whole_records

CASCADE: dict[str, object] = {
    "enrolment.target": 12,
    "eligibility.stenosis_required": False,
    "veins": {"left_ijv_prob": 0.5, "right_ijv_prob": 0.3},
    "screening": {
        "enabled": True,
        "reader": "unblinded",
        "specificity_unblinded_prob": 0.4,
        "venography_sensitivity_prob": 0.8,
        "venography_specificity_prob": 0.4,
        "ivus": True,
        "ivus_collapse_prob": 0.6,
    },
}
PREVALENCE: dict[str, object] = {
    "enrolment.target": 40,
    "sites.count": 3,
    "screening": {"reader": "unblinded", "control_ccsvi_prob": 0.6, "venography": True, "ivus": True},
}
CASES: dict[str, tuple[str, Overrides]] = {
    "trial": ("sham_rct", CASCADE),
    "whole days": ("sham_rct", CASCADE | {"clock.resolution_days": 1, "enrolment.screening_days": 0.0}),
    "plain but for the screening": ("sham_rct", CASCADE | {"eligibility.enabled": False}),
    "before and after": ("published/zamboni_2009", CASCADE),
    "prevalence": ("published/blind_prevalence_2013", PREVALENCE),
    "prevalence on whole days": ("published/blind_prevalence_2013", PREVALENCE | {"clock.resolution_days": 1}),
    "sure veins": (
        "published/zamboni_prevalence_2009",
        {"veins": {"left_ijv_prob": 1.0, "success_prob": 1.0, "ijv_restenosis_18m_prob": 0.0}, "enrolment.target": 30},
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_both_engines_screen_alike(case: str) -> None:
    """Several trials of each, the observed world and one of the truth's, are the same in every bit."""
    for trial in range(3):
        found = twins(plan(*CASES[case]), 41, trial)
        assert (found.subjects["doppler_criteria"] >= 0).any()
    twins(plan(*CASES[case]), 41, 0, potential(2.0, True))


@pytest.mark.parametrize("case", ["trial", "prevalence", "sure veins"])
def test_what_the_doppler_found_is_handed_up(case: str) -> None:
    """Who asks for nothing but who entered still gets what was found of them at screening."""
    given = scenario(*CASES[case])
    whole = whole_records(given, 42, [0, 1])
    for want in (wanted(given), Want(frozenset(), (), past=False), Want(frozenset(["true"]), (), past=False)):
        alike(given, 42, [0, 1], OBSERVED, want, whole)


def test_a_prevalence_study_asks_for_no_relapses() -> None:
    """Its endpoint wants neither relapses nor visits, so lives are told briefly."""
    given = scenario(*CASES["prevalence"])
    want = wanted(given)
    assert (want.counts, want.visits, want.past) == (frozenset(), (), False)
    seen = Play(given, 43).cohorts([0], want=want)
    assert set(seen.subjects["arm"].tolist()) == {0, 1}
