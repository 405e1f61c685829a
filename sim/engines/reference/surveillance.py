"""Surveillance: veins are imaged on a schedule and after reported relapses; what is read as narrow is detected."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from sim.core.events import Kind
from sim.core.streams import IMAGING
from sim.engines.reference.later import treat_again
from sim.engines.reference.owned import ASSESSOR, OwnVein
from sim.model import surveillance
from sim.model.surveillance import AFTER_RELAPSE, MOST_IMAGINGS, SCHEDULED

if TYPE_CHECKING:
    from sim.engines.reference.patient import Patient


@dataclass(slots=True)
class OwnSurveillance:
    """What surveillance knows of a patient: whether it has begun, imagings so far, readings, the last report."""

    begun: bool = False
    imagings: int = 0
    due_for_relapse: bool = False
    last_reported: float = -math.inf
    readings: list[tuple[Any, ...]] = field(default_factory=list)


def begin_surveillance(p: Patient) -> None:
    """Be under surveillance from the procedure on, sham or angioplasty."""
    if p.plan.surveillance.on:
        p.surveillance.begun = True
        await_scheduled(p, 0)


def await_scheduled(p: Patient, number: int) -> None:
    """Set the clock of a scheduled imaging."""
    days = p.plan.surveillance.imaging_days
    if number < len(days):
        p.set_clock(p.procedure_time + days[number], Kind.IMAGING, number)


def hear_of_report(p: Patient) -> None:
    """Have a relapse that was just reported be known, and bring an imaging if none is due for a relapse."""
    rule, own = p.plan.surveillance, p.surveillance
    if not rule.on:
        return
    own.last_reported = p.now
    if rule.on_relapse and own.begun and not own.due_for_relapse and not p.ended:
        own.due_for_relapse = True
        p.set_clock(p.now + rule.after_relapse_days, Kind.IMAGING, MOST_IMAGINGS)


def on_imaging(p: Patient, index: int, _: Any) -> None:
    """Have the veins that were narrow at first read, one by one."""
    own = p.surveillance
    trigger = AFTER_RELAPSE if index == MOST_IMAGINGS else SCHEDULED
    if trigger == SCHEDULED:
        await_scheduled(p, index + 1)
    else:
        own.due_for_relapse = False
    rule, u = p.plan.surveillance, p.draw(IMAGING, own.imagings)
    recent = surveillance.is_recent(p.now, own.last_reported, rule.known_relapse_days)
    found, narrowed = 0, False
    for number, vein in enumerate(p.own_veins):
        if not vein.stenosed:
            continue
        narrow = 0.0 if vein.open_now else 1.0
        read = surveillance.reads_narrow(
            u[number],
            narrow,
            rule.narrow_logit,
            rule.open_logit,
            rule.over_reading,
            recent,
            rule.lean,
            p.believed(ASSESSOR),
        )
        own.readings.append((p.site, p.arrival, own.imagings, p.now, trigger, number, int(narrow), int(read)))
        if read:
            found += 1
            narrowed = narrowed or vein.opened
            detect(p, vein)
    p.note(Kind.IMAGING, own.imagings, float(found))
    own.imagings += 1
    if narrowed:
        treat_again(p)


def detect(p: Patient, vein: OwnVein) -> None:
    """Have the restenosis of an opened vein detected, true or not, the first time it is read as narrow."""
    if vein.opened and math.isnan(vein.detected_time):
        vein.detected_time = p.now
