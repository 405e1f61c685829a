"""Hazards that belief and relapses move: budgets drawn once, settled where the hazard changes."""

from __future__ import annotations

import math
from typing import Any

from sim.core.inverse import exponential
from sim.core.streams import HAZARD, SPELLS
from sim.core.units import on_clock
from sim.engines.compiled.clocks import draw, drop_clock, set_clock
from sim.engines.compiled.ranks import ON_DROPOUT, ON_MEDICATION_STOP, ON_OUTSIDE
from sim.jit import bare_part, further_part
from sim.model import belief, hazard

LACK_OF_BENEFIT, OUTSIDE, HAZARDS, RING = hazard.LACK_OF_BENEFIT, hazard.OUTSIDE, hazard.HAZARDS, hazard.RING
RANKS = (ON_DROPOUT, ON_MEDICATION_STOP, ON_OUTSIDE)  # by number of the hazard


@further_part
def blank_hazards(plan: Any, p: Any) -> None:
    """Start with no hazard at work and nothing having happened by one."""
    p.reported = 0.0
    p.spells = 0
    p.escalation_pending = 0.0
    for which in range(HAZARDS):
        p.hazard_budget[which] = math.inf
        p.hazard_spent[which] = 0.0
        p.hazard_since[which] = p.now
        p.hazard_now[which] = 0.0


@further_part
def begin_hazards(plan: Any, t: Any, p: Any) -> None:
    """Let the hazards that belief moves begin, at the procedure; in some worlds nobody leaves, or goes elsewhere."""
    if plan.dropout.lack_per_day > 0.0 and plan.world.attrition == 1.0:
        draw_budget(t, p, LACK_OF_BENEFIT, 0)
    if plan.contamination.per_day > 0.0 and plan.world.procedure < 0.0:
        draw_budget(t, p, OUTSIDE, 0)
    hazards_changed(plan, p)


@further_part
def hazards_changed(plan: Any, p: Any) -> None:
    """Settle the hazards that may have changed: call it where belief, reports or procedures do."""
    held = belief.believed(p.belief_patient, p.believing)
    d = plan.dropout
    c = plan.contamination
    leaving = hazard.of_disbelief(d.lack_per_day, held, p.reported, d.log_relapse_ratio)
    going = hazard.of_disbelief(c.per_day, held, p.reported, c.log_relapse_ratio)
    settle_hazard(plan, p, LACK_OF_BENEFIT, leaving)
    settle_hazard(plan, p, OUTSIDE, going)


@bare_part
def draw_budget(t: Any, p: Any, which: Any, spell: Any) -> None:
    """Give a hazard the budget of this spell, nothing of it spent."""
    u = draw(t, p.word, HAZARD, which * SPELLS + spell % SPELLS, spell // SPELLS)
    p.hazard_budget[which] = exponential(u[0])
    p.hazard_spent[which] = 0.0
    p.hazard_since[which] = p.now
    p.hazard_now[which] = 0.0


@bare_part
def settle_hazard(plan: Any, p: Any, which: Any, per_day: Any) -> None:
    """Let a hazard be so high from now on; one that has not changed is left alone, to the bit."""
    if per_day == p.hazard_now[which]:
        return
    p.hazard_spent[which] = hazard.spend(p.hazard_spent[which], p.hazard_since[which], p.now, p.hazard_now[which])
    p.hazard_since[which] = p.now
    p.hazard_now[which] = per_day
    drop_clock(p, RANKS[which], RING)
    time = hazard.rings_at(p.now, p.hazard_budget[which] - p.hazard_spent[which], per_day)
    if not on_clock(time, plan.study.resolution) >= p.planned_end:  # NaN before entry: set then
        set_clock(plan, p, time, RANKS[which], RING)


@bare_part
def end_hazard(p: Any, which: Any) -> None:
    """Let a hazard be at work no more."""
    p.hazard_budget[which] = math.inf
    p.hazard_now[which] = 0.0
    drop_clock(p, RANKS[which], RING)
