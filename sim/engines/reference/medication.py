"""Medication beside the study's treatment: when it is considered, and from when it is taken."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sim.core.events import Kind
from sim.engines.reference.lesions import settle_lesions
from sim.engines.reference.owned import PHYSICIAN
from sim.model import medication

if TYPE_CHECKING:
    from sim.engines.reference.patient import Patient


def consider_medication(p: Patient, u: float) -> None:
    """Start medication some days from now, perhaps."""
    rule = p.plan.medication
    doubt = rule.log_disbelief_odds if p.believing else 0.0
    if medication.starts(u, rule.start_prob, doubt, p.believed(PHYSICIAN), p.medication_pending):
        p.medication_pending = 1.0
        p.set_clock(p.now + rule.start_delay_days, Kind.MEDICATION_START, 0)


def on_medication_start(p: Patient, _: int, __: Any) -> None:
    """Start medication."""
    settle_lesions(p)
    p.on_medication, p.medication_time = 1.0, p.now
    p.note(Kind.MEDICATION_START, 0, p.plan.medication.rate_ratio)
