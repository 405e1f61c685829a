"""A patient's life in one loop: clocks compete, the earliest rings; it pauses where others must be settled first.

The same life as in engines/reference/patient.py, told to Numba: formulas are the rules of model/, only who rings when
stands in this folder too, a file a mechanism, most of them named as the one in model/. A handler `on_...` is called by
the loop here and imported from below, never the other way round. In all of them `p` is the patient's record, `t` the
trial's, `plan` what the kernel was given.
"""

from __future__ import annotations

import math
from typing import Any

from sim.engines.compiled.clocks import first_clock, remove_clock
from sim.engines.compiled.dropout import dropout_time, leave
from sim.engines.compiled.entry import enter, on_enrolled
from sim.engines.compiled.further import ring_further
from sim.engines.compiled.latent import on_activity
from sim.engines.compiled.later import is_paused
from sim.engines.compiled.medication import on_medication
from sim.engines.compiled.procedure import be_treated, on_procedure
from sim.engines.compiled.ranks import (
    ON_ACTIVITY,
    ON_CONFIRMED,
    ON_DROPOUT,
    ON_END,
    ON_ENROLLED,
    ON_MEDICATION,
    ON_PROCEDURE,
    ON_PSEUDO,
    ON_RELAPSE,
    ON_REPORTED,
    ON_RESTENOSIS,
    ON_VISIT,
)
from sim.engines.compiled.relapse import on_point
from sim.engines.compiled.reporting import on_confirmed, on_pseudo, on_reported
from sim.engines.compiled.veins import on_restenosis
from sim.engines.compiled.visits import on_visit
from sim.jit import bare_part, inlined_part
from sim.model import dropout

USUAL = dropout.USUAL


@bare_part
def live(
    plan: Any,
    t: Any,
    p: Any,
    relapses: Any,
    seen: Any,
    procedures: Any,
    imaging: Any,
    events: Any,
    until: Any,
    until_rank: Any,
) -> None:
    """Let clocks ring up to (but not at) this time and rank, or to a request that others must be settled for."""
    while True:
        k = first_clock(p)
        time = math.inf
        rank = 1000
        index = 0
        if k >= 0:
            time = p.clock_time[k]
            rank = p.clock_rank[k]
            index = p.clock_index[k]
        if p.reports >= 0:
            due = relapses[p.reports].due
            if due < time or (due == time and rank > ON_REPORTED):
                time = due
                rank = ON_REPORTED
        if p.confirms >= 0:
            due = relapses[p.confirms].due
            if due < time or (due == time and rank > ON_CONFIRMED):
                time = due
                rank = ON_CONFIRMED
        if time == math.inf or time > until or (time == until and rank >= until_rank):
            return
        p.now = time
        if rank == ON_REPORTED:
            on_reported(plan, t, p, relapses, events)
            continue
        if rank == ON_CONFIRMED:
            on_confirmed(plan, t, p, relapses, events)
            continue
        remove_clock(p, k)
        if rank == ON_RELAPSE:
            on_point(plan, t, p, relapses, events, index)
        elif rank == ON_VISIT:
            on_visit(plan, t, p, relapses, seen, events, index)
        elif rank == ON_ENROLLED:
            on_enrolled(plan, t, p, events)
        elif rank == ON_PROCEDURE:
            on_procedure(plan, t, p, procedures, events, index)
        elif rank == ON_DROPOUT:
            p.dropped_out = 1
            p.dropout_reason = USUAL + index
            leave(plan, t, p, events, rank, index)
        elif rank == ON_END:
            leave(plan, t, p, events, rank, index)
        elif rank == ON_PSEUDO:
            on_pseudo(plan, t, p, relapses, events, index)
        elif rank == ON_RESTENOSIS:
            on_restenosis(plan, t, p, events, index)
        elif rank == ON_MEDICATION:
            on_medication(plan, t, p, events)
        elif rank == ON_ACTIVITY:
            on_activity(plan, t, p, events, index)
        else:
            ring_further(plan, t, p, relapses, seen, procedures, imaging, events, rank, index)
            if is_paused(plan, p) == 1.0:
                return


@inlined_part
def live_briefly(plan: Any, t: Any, p: Any, relapses: Any, events: Any) -> None:
    """Live on to the end where nothing is asked for but relapses, and nothing but the procedure moves their rate.

    The same life as `live` tells, without clocks for what is known at entry: when the procedure is, and the end.
    """
    enter(plan, t, p, p.entry_time)
    p.end_time = p.planned_end
    leaves = dropout_time(plan, p)
    if leaves < p.planned_end:
        p.dropped_out = 1
        p.end_time = leaves
    waiting = True
    while p.clocks > 0:
        k = first_clock(p)
        time = p.clock_time[k]
        if time > p.end_time:
            return
        if waiting and time > p.procedure_time:
            waiting = False
            p.now = p.procedure_time
            be_treated(plan, p)
        p.now = time
        index = p.clock_index[k]
        remove_clock(p, k)
        on_point(plan, t, p, relapses, events, index)
