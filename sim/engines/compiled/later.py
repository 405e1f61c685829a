"""What an arm's strategy holds beside a first procedure: delay, a second one, slots, an effect that waits."""

from __future__ import annotations

import math
from typing import Any

from sim.engines.compiled.belief import PATIENT, PHYSICIAN, be_told
from sim.engines.compiled.clocks import drop_clock, note, set_clock
from sim.engines.compiled.dropout import await_dropout
from sim.engines.compiled.ranks import ON_DROPOUT, ON_EFFECT, ON_PROCEDURE, ON_REQUESTED
from sim.jit import bare_part, further_part, further_value
from sim.model import retreatment, veins

NONE, ANGIOPLASTY = veins.NONE, veins.ANGIOPLASTY


@further_part
def blank_strategy(plan: Any, p: Any) -> None:
    """Start with no procedure asked for."""
    p.procedures = 0
    p.queueing = math.inf
    p.waits = 0.0
    p.retreatments = 0
    p.retreating = -1
    p.second = -1


@further_value(0.0)
def settle_strategy(plan: Any, p: Any) -> Any:
    """Settle as in which arm the patient is treated, and which procedure comes first; give the days it is put off."""
    forced = plan.world.procedure
    p.treated_as = p.arm
    if plan.world.arm >= 0.0:
        p.treated_as = int(plan.world.arm)
    p.procedures = 1
    if forced >= 0.0:
        return 0.0
    p.procedure = int(plan.procedures[p.treated_as])
    return plan.later.delay_days[p.treated_as]


@further_part
def schedule_procedures(plan: Any, p: Any) -> None:
    """Have the first procedure asked for where there are slots, and set the clock of the arm's second one."""
    p.kinds[0] = p.procedure
    p.asked[0] = p.entry_time
    if plan.slots.on == 1.0 and p.procedure != NONE:
        drop_clock(p, ON_PROCEDURE, 0)
        set_clock(plan, p, p.procedure_time, ON_REQUESTED, 0)
        p.procedure_time = math.inf
    if plan.world.procedure < 0.0 and plan.later.procedures[p.treated_as] != float(NONE):
        p.second = p.procedures
        ask_for(plan, p, int(plan.later.procedures[p.treated_as]), p.day_1 + plan.later.days[p.treated_as])


@bare_part
def ask_for(plan: Any, p: Any, kind: Any, time: Any) -> None:
    """Let a further procedure be asked for at this time."""
    set_clock(plan, p, time, ON_REQUESTED if plan.slots.on == 1.0 else ON_PROCEDURE, next_number(p, kind))


@bare_part
def next_number(p: Any, kind: Any) -> Any:
    """Give a further procedure its number."""
    number = p.procedures
    p.kinds[number] = kind
    p.asked[number] = p.entry_time
    p.procedures = number + 1
    return number


@bare_part
def treat_again(plan: Any, p: Any) -> None:
    """Ask for another angioplasty, if the policy has one for this patient."""
    rule = plan.retreatment
    if retreatment.again(float(p.retreatments), rule.most, 0.0 if p.retreating < 0 else 1.0):
        p.retreatments += 1
        p.retreating = p.procedures
        ask_for(plan, p, ANGIOPLASTY, p.now + rule.delay_days)


@further_value(0.0)
def further_kind(plan: Any, p: Any, index: Any) -> Any:
    """Give what kind a procedure is."""
    return float(p.kinds[index])


@bare_part
def on_requested(plan: Any, t: Any, p: Any, events: Any, index: Any) -> None:
    """Ask for a slot, unless one is waited for; the life pauses until those who asked before have been served."""
    if p.waits == 1.0:
        if index == p.retreating:
            p.retreating = -1
        return
    note(plan, t, events, p.now, ON_REQUESTED, p.word, index, 1.0 if p.kinds[index] == ANGIOPLASTY else 0.0)
    p.asked[index] = p.now
    p.queueing = p.now
    p.queueing_for = index
    p.waits = 1.0


@further_value(0.0)
def is_paused(plan: Any, p: Any) -> Any:
    """Tell whether the patient has just asked for a slot."""
    return 1.0 if p.queueing < math.inf else 0.0


@further_part
def begin_procedure(plan: Any, p: Any, index: Any) -> None:
    """Hold the slot, and settle when the patient would leave."""
    if index == p.retreating:
        p.retreating = -1
    if plan.slots.on == 1.0 and index == 0:
        p.procedure_time = p.now
        drop_clock(p, ON_DROPOUT, 0)
        await_dropout(plan, p)
    p.waits = 0.0
    p.served = 1.0


@further_part
def learn(plan: Any, t: Any, p: Any, events: Any, kind: Any, index: Any) -> None:
    """Be told what a further procedure is, patient and physician, if it is an open one."""
    of_the_arm = 1.0 if index == p.second else 0.0
    if retreatment.is_told(of_the_arm, plan.later.is_open[p.treated_as], plan.retreatment.told):
        be_told(plan, t, p, events, PATIENT, 1.0 if kind == ANGIOPLASTY else 0.0)
        be_told(plan, t, p, events, PHYSICIAN, 1.0 if kind == ANGIOPLASTY else 0.0)


@further_part
def await_effect(plan: Any, p: Any, index: Any) -> None:
    """Set the clock of the effect's beginning, where it takes time."""
    if plan.effect.onset_days > 0.0:
        set_clock(plan, p, p.now + plan.effect.onset_days, ON_EFFECT, index)


@further_value(0.0)
def asked_at(plan: Any, p: Any, index: Any) -> Any:
    """Give when the procedure was asked for."""
    return p.asked[index]
