"""What an arm's strategy holds beside a first procedure: delay, a second one, re-treatment; and slots to wait for."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from sim.core.events import Kind
from sim.model import retreatment, veins

if TYPE_CHECKING:
    from sim.engines.reference.patient import Patient


def schedule_procedures(p: Patient) -> None:
    """Set the clocks of the procedures that the arm has; the first comes also where there is none, to be learned."""
    p.kinds = [p.procedure]
    if p.plan.slots.on and p.procedure != veins.NONE:
        p.set_clock(p.procedure_time, Kind.PROCEDURE_REQUESTED, 0)
        p.procedure_time = math.inf
    else:
        p.set_clock(p.procedure_time, Kind.PROCEDURE, 0)
    later = p.plan.later
    if p.world.procedure < 0.0 and (second := int(later.procedures[p.treated_as])) != veins.NONE:
        p.second = len(p.kinds)
        ask_for(p, second, p.day_1 + later.days[p.treated_as])


def ask_for(p: Patient, kind: int, time: float) -> None:
    """Let a further procedure be asked for at this time."""
    p.kinds.append(kind)
    p.set_clock(time, Kind.PROCEDURE_REQUESTED if p.plan.slots.on else Kind.PROCEDURE, len(p.kinds) - 1)


def treat_again(p: Patient) -> None:
    """Ask for another angioplasty, if the policy has one for this patient."""
    rule = p.plan.retreatment
    if retreatment.again(float(p.retreatments), rule.most, 0.0 if p.retreating < 0 else 1.0):
        p.retreatments += 1
        p.retreating = len(p.kinds)
        ask_for(p, veins.ANGIOPLASTY, p.now + rule.delay_days)
