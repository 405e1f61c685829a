"""Lives that wait for others: for a procedure slot of their site, or for the day on which the study ends.

They are lived once enrolment is settled, site by site. A life pauses where it asks for a slot; of those who wait, the
one who asked first goes on, for nobody can still ask before. So who comes when is an order of requests a site, and no
queue of all events is needed.
"""

from __future__ import annotations

import math
from typing import Any

from sim.engines.compiled.clocks import set_clock
from sim.engines.compiled.hand_up import hand_up_person, hand_up_visits
from sim.engines.compiled.life import live
from sim.engines.compiled.ranks import ON_PROCEDURE
from sim.jit import bare_part, further_part, further_value
from sim.model import slots


@further_value(0.0)
def are_together(plan: Any) -> Any:
    """Give 1 where lives can't be lived one after another as patients enter, else 0."""
    return 1.0 if plan.slots.on == 1.0 or plan.study.close_after_days < math.inf else 0.0


@further_part
def live_together(plan: Any, t: Any, tables: Any, batch: Any) -> None:
    """Live the lives of all who were to enter, and hand up those who did."""
    if are_together(plan) == 0.0:
        return
    line_up(t, tables)
    for number in range(tables.sites.shape[0]):
        live_at_site(plan, t, tables, tables.sites[number])
    if plan.want.everything == 1.0 or t.status != 0:
        return
    before = batch.filled[0]
    hand_up_visits(t, tables, batch, before)
    for k in range(t.settled):
        p = tables.states[tables.queue[k]]
        if p.entry_number >= 0:
            hand_up_person(plan, t, p, tables, batch)


@bare_part
def line_up(t: Any, tables: Any) -> None:
    """List each site's patients in order of entry."""
    for number in range(tables.sites.shape[0]):
        tables.sites[number].first_patient = -1
        for k in range(tables.sites[number].slot_free.shape[0]):
            tables.sites[number].slot_free[k] = -math.inf
    for k in range(t.settled - 1, -1, -1):
        row = tables.queue[k]
        s = tables.sites[tables.states[row].site]
        tables.states[row].next_at_site = s.first_patient
        s.first_patient = row


@bare_part
def live_at_site(plan: Any, t: Any, tables: Any, s: Any) -> None:
    """Live the lives of a site's patients; slots go to those who wait, in the order in which they asked."""
    states = tables.states
    row = s.first_patient
    while row >= 0:
        p = states[row]
        p.queueing = math.inf
        if p.entry_number >= 0 or plan.want.everything == 1.0:
            go_on(plan, t, tables, p)
        row = p.next_at_site
    while t.status == 0:
        best = -1
        row = s.first_patient
        while row >= 0:
            p = states[row]
            if p.queueing < math.inf and (best < 0 or asks_before(p, states[best])):
                best = row
            row = p.next_at_site
        if best < 0:
            return
        serve(plan, t, tables, s, states[best])


@bare_part
def asks_before(p: Any, other: Any) -> Any:
    """Tell who of two patients asked first."""
    return p.queueing < other.queueing or (p.queueing == other.queueing and p.word < other.word)


@bare_part
def serve(plan: Any, t: Any, tables: Any, s: Any, p: Any) -> None:
    """Give the patient who is next the first slot that is free; it is not taken if the patient leaves before."""
    slot = 0
    for k in range(1, int(plan.slots.per_site)):
        if s.slot_free[k] < s.slot_free[slot]:
            slot = k
    start = slots.granted(p.queueing, s.slot_free[slot])
    index = p.queueing_for
    set_clock(plan, p, start, ON_PROCEDURE, index)
    p.queueing = math.inf
    p.served = 0.0
    go_on(plan, t, tables, p)
    if p.served == 1.0:
        s.slot_free[slot] = slots.free_again(start, plan.slots.procedure_days, plan.study.resolution)


@bare_part
def go_on(plan: Any, t: Any, tables: Any, p: Any) -> None:
    """Live on to the end, or to where the patient asks for a slot."""
    live(plan, t, p, tables.relapses, tables.visits, tables.procedures, tables.imaging, tables.events, math.inf, 0)
