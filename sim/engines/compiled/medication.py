"""Medication beside the study's treatment: when it is considered, and from when it is taken."""

from __future__ import annotations

from typing import Any

from sim.engines.compiled.clocks import note, set_clock
from sim.engines.compiled.lesions import settle_lesions
from sim.engines.compiled.ranks import ON_MEDICATION
from sim.jit import bare_part
from sim.model import belief, medication


@bare_part
def may_start(plan: Any, p: Any) -> Any:
    """Tell whether medication is a question at all."""
    return plan.medication.start_prob > 0.0 and p.medication_pending == 0.0


@bare_part
def consider_medication(plan: Any, p: Any, u: Any) -> None:
    """Start medication some days from now, perhaps."""
    rule = plan.medication
    doubt = rule.log_disbelief_odds if p.believing == 1.0 else 0.0
    held = belief.believed(p.belief_physician, p.believing)
    if medication.starts(u, rule.start_prob, doubt, held, p.medication_pending):
        p.medication_pending = 1.0
        set_clock(plan, p, p.now + rule.start_delay_days, ON_MEDICATION, 0)


@bare_part
def on_medication(plan: Any, t: Any, p: Any, events: Any) -> None:
    """Start medication."""
    settle_lesions(plan, t, p)
    p.on_medication = 1.0
    p.medication_time = p.now
    note(plan, t, events, p.now, ON_MEDICATION, p.word, 0, plan.medication.rate_ratio)
