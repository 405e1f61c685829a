"""Entry: what is settled by it, and the clocks that are set for the time on study."""

from __future__ import annotations

import math
from typing import Any

from sim.engines.compiled.allocation import tell_steered
from sim.engines.compiled.belief import form_beliefs
from sim.engines.compiled.clocks import note, set_clock
from sim.engines.compiled.doppler import join_group
from sim.engines.compiled.dropout import await_dropout
from sim.engines.compiled.later import schedule_procedures, settle_strategy
from sim.engines.compiled.ranks import ON_END, ON_ENROLLED, ON_PROCEDURE, ON_RANDOMISED, ON_TURNED_AWAY
from sim.engines.compiled.run_in import forget_reports
from sim.engines.compiled.visits import await_visit
from sim.jit import bare_part, inlined_part
from sim.model import eligibility, veins, visits

TURNED_AWAY = eligibility.TURNED_AWAY
NAN = math.nan


@inlined_part
def on_enrolled(plan: Any, t: Any, p: Any, events: Any) -> None:
    """Enter the study, as the trial has settled it: the clocks of procedure, visits, leaving and end."""
    if p.entry_number < 0:
        p.entry_time = NAN
        p.clocks = 0
        if tell_steered(plan, t, p, events) == 0.0:
            p.reason = TURNED_AWAY
            note(plan, t, events, p.now, ON_TURNED_AWAY, p.word, 0, 0.0)
        forget_reports(plan, p)
        return
    note(plan, t, events, p.now, ON_ENROLLED, p.word, 0, float(p.entry_number + 1))
    if plan.study.randomised == 1.0:
        note(plan, t, events, p.now, ON_RANDOMISED, p.word, 0, float(p.arm))
    enter(plan, t, p, p.now)
    set_clock(plan, p, p.procedure_time, ON_PROCEDURE, 0)
    schedule_procedures(plan, p)
    await_visit(plan, t, p, 0)
    await_dropout(plan, p)
    set_clock(plan, p, p.planned_end, ON_END, 0)


@bare_part
def enter(plan: Any, t: Any, p: Any, time: Any) -> None:
    """Settle at entry what is known of the study from then on."""
    p.entered = 1.0
    p.entry_time = time
    join_group(plan, p)
    forced = plan.world.procedure
    p.procedure = int(forced) if forced >= 0.0 else int(plan.procedures[p.arm])
    delay = settle_strategy(plan, p)
    if plan.want.belief == 1.0:
        form_beliefs(plan, t, p)
    resolution = plan.study.resolution
    p.procedure_time = veins.procedure_time(time, p.wait + delay, resolution)
    p.day_1 = visits.day_1(time, p.procedure_time, plan.study.randomised)
    p.planned_end = visits.planned_end(
        p.day_1, plan.study.follow_up_days, min(plan.study.close_day, t.end_day), resolution
    )
