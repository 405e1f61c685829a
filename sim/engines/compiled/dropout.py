"""Leaving the study, early or at its end."""

from __future__ import annotations

import math
from typing import Any

from sim.core.inverse import exponential
from sim.engines.compiled.clocks import note, set_clock
from sim.engines.compiled.ranks import ON_DROPOUT
from sim.jit import bare_part
from sim.model import dropout, visits


@bare_part
def dropout_time(plan: Any, p: Any) -> Any:
    """Give when the patient would leave early; inf in a world where nobody does."""
    if plan.world.attrition == 0.0:
        return math.inf
    rule = plan.dropout
    held = p.belief_patient if rule.log_disbelief_ratio != 0.0 else 1.0
    spent = exponential(p.u_dropout)
    days = dropout.dropout_days(spent, p.procedure_time - p.day_1, held, rule.hazard_per_day, rule.log_disbelief_ratio)
    return dropout.dropout_time(p.day_1, days, plan.study.resolution)


@bare_part
def await_dropout(plan: Any, p: Any) -> None:
    """Set the clock of leaving early, by what is known of the procedure's time."""
    leaves = dropout_time(plan, p)
    if leaves < p.planned_end:
        set_clock(plan, p, leaves, ON_DROPOUT, 0)


@bare_part
def leave(plan: Any, t: Any, p: Any, events: Any, rank: Any, index: Any) -> None:
    """End follow-up; reports of relapses that have begun are still taken."""
    p.end_time = p.now
    note(plan, t, events, p.now, rank, p.word, index, visits.study_day(p.now, p.day_1))
    p.ended = 1.0
    p.clocks = 0
