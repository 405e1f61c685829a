"""Screening of the veins: a group where there are two, the Doppler, and what follows if it is positive."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sim.core.events import Kind
from sim.core.streams import DOPPLER, VEIN
from sim.engines.reference.owned import OwnVein
from sim.model import doppler, veins

if TYPE_CHECKING:
    from sim.engines.reference.patient import Patient


def examine_veins(p: Patient) -> None:
    """Screen the veins of a candidate whom the entry rule lets in; in a trial negatives are kept out."""
    rule = p.plan.screening
    if not rule.on or p.reason:
        return
    case = choose_group(p) if rule.case_control else 1.0
    ccsvi = 1.0 if any(v.stenosed for v in p.own_veins) else 0.0
    u, v = p.draw(DOPPLER), p.draw(DOPPLER, 0, 1)
    by_group = rule.present_ms, rule.absent_ms, rule.present_control, rule.absent_control
    prob = doppler.criterion_prob(ccsvi, case, *by_group)
    p.doppler_criteria = doppler.criteria_met(*u, v[0], prob)
    p.note(Kind.DOPPLER, 0, float(p.doppler_criteria))
    positive = doppler.is_positive(float(p.doppler_criteria))
    if positive and rule.venography:
        look_inside(p, ccsvi, v)
    if not rule.case_control:
        p.reason = doppler.kept_out(float(positive), float(p.venography), float(p.ivus))


def choose_group(p: Patient) -> float:
    """Give 1 for an MS patient; a control gets the other arm, and veins as a control's are."""
    rule = p.plan.screening
    if doppler.is_case(float(p.arrival), rule.ms_places, rule.places):
        p.group = int(rule.ms_arm)
        return 1.0
    p.group = 1 - int(rule.ms_arm)
    own = rule.control_stenosis
    p.own_veins = [OwnVein(veins.happens((u := p.draw(VEIN, i))[0], own[i]), u) for i in range(3)]
    return 0.0


def look_inside(p: Patient, ccsvi: float, u: tuple[float, float, float, float]) -> None:
    """Do venography, and IVUS where it is positive."""
    rule = p.plan.screening
    shown = doppler.shows_narrowing(u[1], ccsvi, rule.venography_sensitivity, rule.venography_specificity)
    p.venography = int(shown)
    p.note(Kind.VENOGRAPHY, 0, float(shown))
    if shown and rule.ivus:
        p.ivus = int(doppler.shows_stenosis(u[2], ccsvi, rule.ivus_collapse_prob))
        p.note(Kind.IVUS, 0, float(p.ivus))
