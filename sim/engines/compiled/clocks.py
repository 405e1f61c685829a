"""A patient's competing clocks: few, in no order; the earliest by (time, rank, index) rings."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from sim.core.streams import uniforms_uint64
from sim.core.units import on_clock
from sim.jit import bare_part, inlined_part

FULL_STATES, FULL_RELAPSES, FULL_VISITS, FULL_PROCEDURES, FULL_EVENTS, FULL_BATCH, ABOVE_BOUND = 1, 2, 4, 8, 16, 32, 64
FULL_IMAGING = 128


@inlined_part
def draw(t: Any, word: Any, process: Any, index: Any, block: Any) -> Any:
    """Give the four lanes of one of a patient's draws."""
    return uniforms_uint64(t.seed, t.number, word, np.uint64(process), np.uint64(index), np.uint64(block))


@inlined_part
def note(plan: Any, t: Any, events: Any, time: Any, rank: Any, word: Any, index: Any, value: Any) -> None:
    """Write a line into the event log, if one is asked for."""
    if plan.want.everything != 0.0:
        write_down(t, events, time, rank, word, index, value)


@bare_part
def write_down(t: Any, events: Any, time: Any, rank: Any, word: Any, index: Any, value: Any) -> None:
    """Write a line into the event log."""
    row = t.events
    if row >= events.shape[0]:
        t.status |= FULL_EVENTS
        return
    e = events[row]
    e.time = time
    e.rank = rank
    e.patient = word
    e.index = index
    e.value = value
    t.events = row + 1


@inlined_part
def set_clock(plan: Any, p: Any, time: Any, rank: Any, index: Any) -> None:
    """Set a clock, on the trial's clock resolution; one that never rings is not kept."""
    if time < math.inf:
        k = p.clocks
        p.clock_time[k] = on_clock(time, plan.study.resolution)
        p.clock_rank[k] = rank
        p.clock_index[k] = index
        p.clocks = k + 1


@inlined_part
def first_clock(p: Any) -> Any:
    """Give the place of the clock that rings first, -1 if there is none."""
    best = -1
    earliest = math.inf
    ties = 0
    for k in range(p.clocks):
        time = p.clock_time[k]
        ties = 0 if time < earliest else ties + (1 if time == earliest else 0)
        best = k if time < earliest else best
        earliest = min(time, earliest)
    if ties > 0:
        for k in range(p.clocks):
            if p.clock_time[k] == earliest and goes_first(p, k, best):
                best = k
    return best


@inlined_part
def goes_first(p: Any, k: Any, other: Any) -> Any:
    """Tell which of two clocks of one time rings first."""
    if p.clock_rank[k] == p.clock_rank[other]:
        return p.clock_index[k] < p.clock_index[other]
    return p.clock_rank[k] < p.clock_rank[other]


@inlined_part
def remove_clock(p: Any, k: Any) -> None:
    """Take a clock away."""
    last = p.clocks - 1
    p.clock_time[k] = p.clock_time[last]
    p.clock_rank[k] = p.clock_rank[last]
    p.clock_index[k] = p.clock_index[last]
    p.clocks = last


@bare_part
def drop_clock(p: Any, rank: Any, index: Any) -> None:
    """Take the clock of this kind and index away, if it is set."""
    for k in range(p.clocks):
        if p.clock_rank[k] == rank and p.clock_index[k] == index:
            remove_clock(p, k)
            return


@inlined_part
def join_queue(relapses: Any, head: Any, row: Any) -> Any:
    """Put a relapse into a queue ordered by (due, index); give the queue's new head."""
    new = relapses[row]
    before = -1
    at = head
    while at >= 0 and (relapses[at].due < new.due or (relapses[at].due == new.due and relapses[at].index < new.index)):
        before = at
        at = relapses[at].next_due
    new.next_due = at
    if before < 0:
        return row
    relapses[before].next_due = row
    return head
