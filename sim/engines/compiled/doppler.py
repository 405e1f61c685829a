"""Screening of the veins: a group where there are two, the Doppler, and what follows if it is positive."""

from __future__ import annotations

from typing import Any

from sim.core.streams import DOPPLER, VEIN
from sim.engines.compiled.clocks import draw, note
from sim.engines.compiled.ranks import ON_DOPPLER, ON_IVUS, ON_VENOGRAPHY
from sim.jit import bare_part, further_part
from sim.model import doppler, veins


@further_part
def examine_veins(plan: Any, t: Any, p: Any, events: Any) -> None:
    """Screen the veins of a candidate whom the entry rule lets in; in a trial negatives are kept out."""
    rule = plan.screening
    if rule.on == 0.0 or p.reason != 0:
        return
    p.venography = -1
    p.ivus = -1
    case = choose_group(plan, t, p) if rule.case_control == 1.0 else 1.0
    stenosed = p.vein_stenosed[0] + p.vein_stenosed[1] + p.vein_stenosed[2]
    ccsvi = 1.0 if stenosed > 0.0 else 0.0
    u = draw(t, p.word, DOPPLER, 0, 0)
    v = draw(t, p.word, DOPPLER, 0, 1)
    prob = doppler.criterion_prob(
        ccsvi, case, rule.present_ms, rule.absent_ms, rule.present_control, rule.absent_control
    )
    p.doppler_criteria = doppler.criteria_met(u[0], u[1], u[2], u[3], v[0], prob)
    note(plan, t, events, p.now, ON_DOPPLER, p.word, 0, float(p.doppler_criteria))
    positive = doppler.is_positive(float(p.doppler_criteria))
    if positive and rule.venography == 1.0:
        look_inside(plan, t, p, events, ccsvi, v[1], v[2])
    if rule.case_control == 0.0:
        p.reason = doppler.kept_out(1.0 if positive else 0.0, float(p.venography), float(p.ivus))


@bare_part
def choose_group(plan: Any, t: Any, p: Any) -> Any:
    """Give 1 for an MS patient; a control gets the other arm, and veins as a control's are."""
    rule = plan.screening
    if doppler.is_case(float(p.arrival), rule.ms_places, rule.places):
        p.group = int(rule.ms_arm)
        return 1.0
    p.group = 1 - int(rule.ms_arm)
    for k in range(3):
        u = draw(t, p.word, VEIN, k, 0)
        p.vein_stenosed[k] = 1.0 if veins.happens(u[0], rule.control_stenosis[k]) else 0.0
    return 0.0


@bare_part
def look_inside(plan: Any, t: Any, p: Any, events: Any, ccsvi: Any, u_venography: Any, u_ivus: Any) -> None:
    """Do venography, and IVUS where it is positive."""
    rule = plan.screening
    shown = doppler.shows_narrowing(u_venography, ccsvi, rule.venography_sensitivity, rule.venography_specificity)
    p.venography = 1 if shown else 0
    note(plan, t, events, p.now, ON_VENOGRAPHY, p.word, 0, float(p.venography))
    if shown and rule.ivus == 1.0:
        p.ivus = 1 if doppler.shows_stenosis(u_ivus, ccsvi, rule.ivus_collapse_prob) else 0
        note(plan, t, events, p.now, ON_IVUS, p.word, 0, float(p.ivus))


@further_part
def join_group(plan: Any, p: Any) -> None:
    """Put a person of a prevalence study into the arm of the group found at screening."""
    if plan.screening.case_control == 1.0:
        p.arm = p.group


@further_part
def hand_up_doppler(plan: Any, p: Any, one: Any) -> None:
    """Copy what the Doppler found, where it was done."""
    if plan.screening.on == 1.0:
        one.doppler_criteria = p.doppler_criteria
