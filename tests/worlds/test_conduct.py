"""Worlds evidence for recruitment by site, run-ins and controls of the past: what each may change, and nothing else."""

from __future__ import annotations

import numpy as np

from sim.core.events import Kind
from tests.helpers import changed_kinds, difference, play
from tests.worlds.cohorts import COURSE, FIXED, RECRUITING, fields, off, pair, same_people


def test_success_by_site_moves_veins_alone() -> None:
    """Where open veins do nothing, technical success by site changes what becomes of veins and nothing else."""
    base = FIXED | {"effect.enabled": False}
    a, b = pair(base, base | {"sites.success_sd_logits": 2.0})
    assert changed_kinds(a, b) == {Kind.VEIN_TREATED, Kind.RESTENOSIS}
    moved = fields(a, b)
    # progression is settled whenever patency moves: what rests on it moves in the last bit
    summed = {"edss_latent", "quality_latent", "mental_latent", "msfc_latent", "quality", "mental", "msfc"}
    assert "patency" in moved["visits"] <= summed | {"patency"}
    assert np.allclose(a.visits["edss_latent"], b.visits["edss_latent"], rtol=0.0, atol=1e-12)
    assert {name: moved[name] for name in ("subjects", "veins")} == {
        "subjects": {"opened_veins", "restenosis_time"},
        "veins": {"opened", "restenosis_time"},
    }


def test_effect_by_site_moves_the_course_of_the_treated() -> None:
    """Sites that differ in effect change relapses of those who had angioplasty, and nothing once the switch is off."""
    a, b = pair(FIXED, FIXED | {"sites.effect_sd_log": 0.2})
    assert Kind.RELAPSE in changed_kinds(a, b) <= COURSE
    treated = a.subjects[a.subjects["procedure"] == 2]
    words = set(((treated["site"] << 32) | treated["arrival"]).tolist())
    assert {row[2] for part in difference(a, b) for row in part} <= words
    c, d = pair(off("effect", FIXED), off("effect", FIXED | {"sites.effect_sd_log": 0.2}))
    assert not changed_kinds(c, d)
    assert not fields(c, d)


def test_relapse_rates_by_site_leave_everybody_born_the_same() -> None:
    """Sites that differ in relapse rate change relapses, before and on study, and what follows from them."""
    a, b = pair(FIXED, FIXED | {"sites.relapse_rate_variance": 0.5})
    same_people(a, b)
    assert Kind.RELAPSE in changed_kinds(a, b) <= COURSE | {Kind.SCREENED}


def test_phases_move_arrivals_and_nobody_s_birth() -> None:
    """Candidates of a trial with phases are those of the trial without, on other days."""
    base = RECRUITING | {"enrolment.target": 200}
    a, b = pair(base, base | {"sites.phases": [{"from_days": 50.0, "factor": 0.5}]})
    same_people(a, b)
    assert len(b.subjects) < len(a.subjects)


CHARTS: dict[str, object] = {
    "eligibility.enabled": False,
    "medication.enabled": False,
    "enrolment.target": 100,
}


def test_charts_move_what_is_known_of_the_past() -> None:
    """How complete charts are changes what is counted of relapses of patients of the past, not one event of today's."""
    a, b = (play("historical_control", CHARTS | {"historical.chart_report_prob": prob}) for prob in (0.5, 0.9))
    assert changed_kinds(a, b) == {Kind.RELAPSE_REPORTED, Kind.RELAPSE_CONFIRMED, Kind.SCREENED}
    assert all(row[2] >> 32 < 6 for part in difference(a, b) for row in part)
