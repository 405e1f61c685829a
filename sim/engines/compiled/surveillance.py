"""Surveillance: veins are imaged on a schedule and after reported relapses; what is read as narrow is detected.

But for re-treatment it moves nothing in a life, so it is played where somebody asks for it.
"""

from __future__ import annotations

import math
from typing import Any

from sim.core.streams import IMAGING
from sim.engines.compiled.clocks import FULL_IMAGING, draw, note, set_clock
from sim.engines.compiled.later import treat_again
from sim.engines.compiled.ranks import ON_IMAGING
from sim.jit import bare_part, further_part
from sim.model import belief, surveillance

NAN = math.nan
MOST_IMAGINGS = surveillance.MOST_IMAGINGS
SCHEDULED, AFTER_RELAPSE = surveillance.SCHEDULED, surveillance.AFTER_RELAPSE


@further_part
def blank_surveillance(plan: Any, p: Any) -> None:
    """Start without an imaging and without a report."""
    p.imagings = 0
    p.under_surveillance = 0.0
    p.relapse_imaging_due = 0.0
    p.last_reported = -math.inf
    for k in range(3):
        p.vein_restenosis[k] = NAN
        p.vein_detected[k] = NAN


@further_part
def begin_surveillance(plan: Any, p: Any) -> None:
    """Be under surveillance from the procedure on, sham or angioplasty."""
    if plan.surveillance.on == 1.0 and plan.want.surveillance == 1.0:
        p.under_surveillance = 1.0
        await_scheduled(plan, p, 0)


@bare_part
def await_scheduled(plan: Any, p: Any, number: Any) -> None:
    """Set the clock of a scheduled imaging."""
    if number < plan.surveillance.scheduled:
        set_clock(plan, p, p.procedure_time + plan.imaging_days[number], ON_IMAGING, number)


@further_part
def hear_of_report(plan: Any, p: Any) -> None:
    """Have a relapse that was just reported be known, and bring an imaging if none is due for a relapse."""
    rule = plan.surveillance
    if rule.on == 0.0:
        return
    p.last_reported = p.now
    if rule.on_relapse == 1.0 and p.under_surveillance == 1.0 and p.relapse_imaging_due == 0.0 and p.ended == 0.0:
        p.relapse_imaging_due = 1.0
        set_clock(plan, p, p.now + rule.after_relapse_days, ON_IMAGING, MOST_IMAGINGS)


@bare_part
def on_imaging(plan: Any, t: Any, p: Any, imaging: Any, events: Any, index: Any) -> None:
    """Have the veins that were narrow at first read, one by one."""
    trigger = SCHEDULED
    if index == MOST_IMAGINGS:
        trigger = AFTER_RELAPSE
        p.relapse_imaging_due = 0.0
    else:
        await_scheduled(plan, p, index + 1)
    rule = plan.surveillance
    u = draw(t, p.word, IMAGING, p.imagings, 0)
    recent = surveillance.is_recent(p.now, p.last_reported, rule.known_relapse_days)
    held = belief.believed(p.belief_assessor, p.believing)
    found = 0.0
    narrowed = False
    for k in range(3):
        if p.vein_stenosed[k] == 1.0:
            narrow = 1.0 - p.vein_open_now[k]
            read = surveillance.reads_narrow(
                u[k], narrow, rule.narrow_logit, rule.open_logit, rule.over_reading, recent, rule.lean, held
            )
            take_down(plan, t, p, imaging, trigger, k, narrow, read)
            if read:
                found += 1.0
                narrowed = narrowed or (p.vein_treated[k] == 1.0 and p.vein_opened[k] == 1.0)
                detect(p, k)
    note(plan, t, events, p.now, ON_IMAGING, p.word, p.imagings, found)
    p.imagings += 1
    if narrowed:
        treat_again(plan, p)


@bare_part
def detect(p: Any, vein: Any) -> None:
    """Have the restenosis of an opened vein detected, true or not, the first time it is read as narrow."""
    opened = p.vein_treated[vein] == 1.0 and p.vein_opened[vein] == 1.0
    if opened and math.isnan(p.vein_detected[vein]):
        p.vein_detected[vein] = p.now


@bare_part
def take_down(plan: Any, t: Any, p: Any, imaging: Any, trigger: Any, vein: Any, narrow: Any, read: Any) -> None:
    """Write a reading into the record, if one is asked for."""
    if plan.want.everything == 0.0:
        return
    row = t.imaging
    if row >= imaging.shape[0]:
        t.status |= FULL_IMAGING
        return
    r = imaging[row]
    r.site = p.site
    r.arrival = p.arrival
    r.number = p.imagings
    r.time = p.now
    r.trigger = trigger
    r.vein = vein
    r.narrow = int(narrow)
    r.read = 1 if read else 0
    t.imaging = row + 1


@further_part
def hand_up_veins(plan: Any, p: Any, one: Any) -> None:
    """Copy how many veins were opened, and when the first narrowed again and was first found to have done so."""
    if plan.surveillance.on == 0.0 or plan.want.surveillance == 0.0:
        return
    opened = 0
    narrowed = detected = math.inf
    for k in range(3):
        if p.vein_treated[k] == 1.0 and p.vein_opened[k] == 1.0:
            opened += 1
            if p.vein_restenosis[k] < narrowed:
                narrowed = p.vein_restenosis[k]
            if p.vein_detected[k] < detected:
                detected = p.vein_detected[k]
    one.opened_veins = opened
    one.restenosis_time = narrowed if narrowed < math.inf else NAN
    one.detected_time = detected if detected < math.inf else NAN
