"""The procedure, angioplasty or sham, and its complications."""

from __future__ import annotations

from typing import Any

from sim.core.streams import COMPLICATION
from sim.engines.compiled.belief import notice
from sim.engines.compiled.clocks import FULL_PROCEDURES, draw, note
from sim.engines.compiled.guess import await_guesses
from sim.engines.compiled.hazard import begin_hazards
from sim.engines.compiled.later import asked_at, await_effect, begin_procedure, further_kind, learn
from sim.engines.compiled.ranks import ON_COMPLICATION, ON_PROCEDURE
from sim.engines.compiled.reporting import await_pseudo
from sim.engines.compiled.surveillance import begin_surveillance
from sim.engines.compiled.veins import narrow_veins, open_vein, redraw_veins, refresh_patency, treat
from sim.jit import bare_part, inlined_part
from sim.model import veins

NONE, ANGIOPLASTY = veins.NONE, veins.ANGIOPLASTY
COMPLICATIONS = len(veins.COMPLICATIONS)


@inlined_part
def on_procedure(plan: Any, t: Any, p: Any, procedures: Any, events: Any, index: Any) -> None:
    """Have a procedure, or learn that there is none."""
    kind = p.procedure
    if index == 0:
        p.believing = 1.0
        await_pseudo(plan, t, p, 0)
        begin_hazards(plan, t, p)
    else:
        kind = int(further_kind(plan, p, index))
    if kind == NONE:
        return
    done = int(veins.as_done(float(kind), narrow_veins(p)))
    note(plan, t, events, p.now, ON_PROCEDURE, p.word, index, veins.logged(float(done)))
    begin_procedure(plan, p, index)
    mask = open_veins(plan, t, p, events, index) if kind == ANGIOPLASTY else 0
    notice(plan, t, p, events, index, mask, done)
    if index == 0:
        begin_surveillance(plan, p)
        await_guesses(plan, p)
    else:
        learn(plan, t, p, events, kind, index)
    record_procedure(plan, t, p, procedures, index, done, max(p.entry_time, asked_at(plan, p, index)), mask)


@bare_part
def open_veins(plan: Any, t: Any, p: Any, events: Any, procedure: Any) -> Any:
    """Treat the narrow veins as this number of procedure (0 is the study's first); give its complications."""
    found = narrow_veins(p) > 0.0
    mask = complicated(plan, t, p, events, procedure) if found else 0
    redraw_veins(plan, t, p, procedure)
    for number in range(3):
        treat(plan, t, p, events, number)
    refresh_patency(plan, p)
    if found:
        await_effect(plan, p, procedure)
    return mask


@bare_part
def record_procedure(
    plan: Any, t: Any, p: Any, procedures: Any, number: Any, kind: Any, requested: Any, mask: Any
) -> None:
    """Fill the row of a procedure that is done now, if a record is asked for."""
    if plan.want.everything == 0.0:
        return
    row = t.procedures
    if row >= procedures.shape[0]:
        t.status |= FULL_PROCEDURES
        return
    done = procedures[row]
    done.site = p.site
    done.arrival = p.arrival
    done.number = number
    done.kind = kind
    done.request_time = requested
    done.time = p.now
    done.complications = mask
    t.procedures = row + 1


@bare_part
def complicated(plan: Any, t: Any, p: Any, events: Any, procedure: Any) -> Any:
    """Draw the complications of an angioplasty as a bit mask: for the record, or for who takes them for a sign."""
    mask = 0
    if plan.want.everything == 0.0 and plan.belief.side_effect == 0.0:
        return mask
    for kind in range(COMPLICATIONS):
        u = draw(t, p.word, COMPLICATION, procedure, kind // 4)[kind % 4]
        if veins.happens(u, plan.veins.complications[kind]):
            mask |= 1 << kind
            note(plan, t, events, p.now, ON_COMPLICATION, p.word, kind, float(kind))
    return mask


@inlined_part
def be_treated(plan: Any, p: Any) -> None:
    """Have the veins opened that are narrow, if the procedure is angioplasty; for a life without other clocks."""
    if p.procedure != ANGIOPLASTY:
        return
    for k in range(3):
        if p.vein_stenosed[k] == 1.0:
            open_vein(plan, p, k)
    refresh_patency(plan, p)
