"""Medication beside the study's treatment: when it is considered, and from when it is taken."""

from __future__ import annotations

import math
from typing import Any

from sim.engines.compiled.clocks import drop_clock, note, set_clock
from sim.engines.compiled.hazard import draw_budget, end_hazard, settle_hazard
from sim.engines.compiled.lesions import settle_lesions
from sim.engines.compiled.ranks import ON_ESCALATION, ON_MEDICATION, ON_MEDICATION_STOP
from sim.jit import bare_part, further_part, inlined_part
from sim.model import belief, hazard, medication

STOP = hazard.MEDICATION_STOP


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


@inlined_part
def on_medication(plan: Any, t: Any, p: Any, events: Any) -> None:
    """Start medication; the time of the first start is kept."""
    settle_lesions(plan, t, p)
    p.on_medication = 1.0
    if math.isnan(p.medication_time):
        p.medication_time = p.now
    note(plan, t, events, p.now, ON_MEDICATION, p.word, 0, plan.medication.rate_ratio)
    begin_spell(plan, t, p)


@further_part
def begin_spell(plan: Any, t: Any, p: Any) -> None:
    """Let the hazard of stopping begin, with a budget of this spell's own."""
    if plan.medication.stop_per_day > 0.0:
        draw_budget(t, p, STOP, p.spells)
        p.spells += 1
        settle_hazard(plan, p, STOP, plan.medication.stop_per_day)


@bare_part
def on_stop(plan: Any, t: Any, p: Any, events: Any) -> None:
    """Stop medication, and with it a second line that was about to begin; the next relapse may start it again."""
    end_hazard(p, STOP)
    settle_lesions(plan, t, p)
    note(plan, t, events, p.now, ON_MEDICATION_STOP, p.word, p.spells - 1, p.on_medication)
    p.on_medication = 0.0
    p.medication_pending = 0.0
    p.escalation_pending = 0.0
    drop_clock(p, ON_ESCALATION, 0)
    if math.isnan(p.medication_stop_time):
        p.medication_stop_time = p.now


@bare_part
def may_escalate(plan: Any, p: Any) -> Any:
    """Tell whether a second line is a question at all."""
    return plan.medication.escalate_prob > 0.0 and p.on_medication == 1.0 and p.escalation_pending == 0.0


@bare_part
def consider_escalation(plan: Any, p: Any, u: Any) -> None:
    """Go to the second line some days from now, perhaps."""
    rule = plan.medication
    doubt = rule.log_disbelief_odds if p.believing == 1.0 else 0.0
    held = belief.believed(p.belief_physician, p.believing)
    if medication.starts(u, rule.escalate_prob, doubt, held, p.escalation_pending):
        p.escalation_pending = 1.0
        set_clock(plan, p, p.now + rule.start_delay_days, ON_ESCALATION, 0)


@bare_part
def on_escalation(plan: Any, t: Any, p: Any, events: Any) -> None:
    """Go from the first line to the second."""
    settle_lesions(plan, t, p)
    p.on_medication = 2.0
    if math.isnan(p.escalation_time):
        p.escalation_time = p.now
    note(plan, t, events, p.now, ON_ESCALATION, p.word, 0, plan.medication.second_rate_ratio)
