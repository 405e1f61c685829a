"""Hazards that belief and relapses move: budgets drawn once, settled where the hazard changes."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sim.core.events import Kind
from sim.core.inverse import exponential
from sim.core.streams import HAZARD, SPELLS
from sim.core.units import on_clock
from sim.engines.reference.owned import PATIENT
from sim.model import hazard

if TYPE_CHECKING:
    from sim.engines.reference.patient import Patient

KINDS = (Kind.DROPOUT, Kind.MEDICATION_STOP, Kind.OUTSIDE_PROCEDURE)  # by number of the hazard


@dataclass(slots=True)
class Spell:
    """A hazard at work: its budget, what was spent of it by `since`, and how high (1/day) it has been from then on."""

    budget: float = math.inf
    spent: float = 0.0
    since: float = 0.0
    per_day: float = 0.0


def no_hazards() -> list[Spell]:
    """Give the hazards of a patient, none of them at work."""
    return [Spell() for _ in range(hazard.HAZARDS)]


def begin_hazards(p: Patient) -> None:
    """Let the hazards that belief moves begin, at the procedure; in some worlds nobody leaves, or goes elsewhere."""
    if p.plan.dropout.lack_per_day > 0.0 and p.world.attrition:
        draw_budget(p, hazard.LACK_OF_BENEFIT, 0)
    if p.plan.contamination.per_day > 0.0 and p.world.procedure < 0.0:
        draw_budget(p, hazard.OUTSIDE, 0)
    hazards_changed(p)


def hazards_changed(p: Patient) -> None:
    """Settle the hazards that may have changed: call it where belief, reports or procedures do."""
    d, c = p.plan.dropout, p.plan.contamination
    for which, per_day, log_ratio in (
        (hazard.LACK_OF_BENEFIT, d.lack_per_day, d.log_relapse_ratio),
        (hazard.OUTSIDE, c.per_day, c.log_relapse_ratio),
    ):
        settle_hazard(p, which, hazard.of_disbelief(per_day, p.believed(PATIENT), p.reported, log_ratio))


def draw_budget(p: Patient, which: int, spell: int) -> None:
    """Give a hazard the budget of this spell, nothing of it spent."""
    u = p.draw(HAZARD, which * SPELLS + spell % SPELLS, spell // SPELLS)
    p.hazards[which] = Spell(exponential(u[0]), 0.0, p.now)


def settle_hazard(p: Patient, which: int, per_day: float) -> None:
    """Let a hazard be so high from now on; one that has not changed is left alone, to the bit."""
    own = p.hazards[which]
    if per_day == own.per_day:
        return
    own.spent = hazard.spend(own.spent, own.since, p.now, own.per_day)
    own.since, own.per_day = p.now, per_day
    p.drop_clock(KINDS[which], hazard.RING)
    time = hazard.rings_at(p.now, own.budget - own.spent, per_day)
    if not on_clock(time, p.plan.study.resolution) >= p.planned_end:  # NaN before entry: set then
        p.set_clock(time, KINDS[which], hazard.RING)


def end_hazard(p: Patient, which: int) -> None:
    """Let a hazard be at work no more."""
    p.hazards[which] = Spell()
    p.drop_clock(KINDS[which], hazard.RING)
