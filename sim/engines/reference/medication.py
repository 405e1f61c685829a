"""Medication beside the study's treatment: when it is considered, and from when it is taken."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from sim.core.events import Kind
from sim.engines.reference.hazard import draw_budget, end_hazard, settle_hazard
from sim.engines.reference.lesions import settle_lesions
from sim.engines.reference.owned import PHYSICIAN
from sim.model import hazard, medication

if TYPE_CHECKING:
    from sim.engines.reference.patient import Patient


def consider_medication(p: Patient, u: float) -> None:
    """Start medication some days from now, perhaps."""
    rule = p.plan.medication
    doubt = rule.log_disbelief_odds if p.believing else 0.0
    if medication.starts(u, rule.start_prob, doubt, p.believed(PHYSICIAN), p.medication_pending):
        p.medication_pending = 1.0
        p.set_clock(p.now + rule.start_delay_days, Kind.MEDICATION_START, 0)


def consider_escalation(p: Patient, u: float) -> None:
    """Go to the second line some days from now, perhaps, from the first."""
    rule = p.plan.medication
    if rule.escalate_prob == 0.0 or p.on_medication != 1.0:
        return
    doubt = rule.log_disbelief_odds if p.believing else 0.0
    if medication.starts(u, rule.escalate_prob, doubt, p.believed(PHYSICIAN), p.escalation_pending):
        p.escalation_pending = 1.0
        p.set_clock(p.now + rule.start_delay_days, Kind.MEDICATION_ESCALATION, 0)


def on_medication_start(p: Patient, _: int, __: Any) -> None:
    """Start medication, with a hazard of stopping; the time of the first start is kept."""
    settle_lesions(p)
    rule, p.on_medication = p.plan.medication, 1.0
    p.medication_time = p.now if math.isnan(p.medication_time) else p.medication_time
    p.note(Kind.MEDICATION_START, 0, rule.rate_ratio)
    if rule.stop_per_day > 0.0:
        draw_budget(p, hazard.MEDICATION_STOP, p.spells)
        p.spells += 1
        settle_hazard(p, hazard.MEDICATION_STOP, rule.stop_per_day)


def on_medication_stop(p: Patient, _: int, __: Any) -> None:
    """Stop medication, and with it a second line that was about to begin; the next relapse may start it again."""
    end_hazard(p, hazard.MEDICATION_STOP)
    settle_lesions(p)
    p.note(Kind.MEDICATION_STOP, p.spells - 1, p.on_medication)
    p.on_medication = p.medication_pending = p.escalation_pending = 0.0
    p.drop_clock(Kind.MEDICATION_ESCALATION, 0)
    p.medication_stop_time = p.now if math.isnan(p.medication_stop_time) else p.medication_stop_time


def on_medication_escalation(p: Patient, _: int, __: Any) -> None:
    """Go from the first line to the second."""
    settle_lesions(p)
    p.on_medication = 2.0
    p.escalation_time = p.now if math.isnan(p.escalation_time) else p.escalation_time
    p.note(Kind.MEDICATION_ESCALATION, 0, p.plan.medication.second_rate_ratio)
