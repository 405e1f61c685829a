"""The procedure, angioplasty or sham: veins opened, complications, and restenosis."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sim.core.events import Kind
from sim.core.streams import COMPLICATION, VEIN
from sim.engines.reference.hazard import begin_hazards
from sim.engines.reference.owned import OwnVein
from sim.engines.reference.reporting import await_pseudo
from sim.model import veins

if TYPE_CHECKING:
    from sim.engines.reference.patient import Patient


def on_procedure(p: Patient, index: int, _: Any) -> None:
    """Have the procedure, or learn that there is none."""
    p.believing = True
    await_pseudo(p, 0, p.now)
    begin_hazards(p)
    if p.procedure == veins.NONE:
        return
    treated = p.procedure == veins.ANGIOPLASTY
    p.note(Kind.PROCEDURE, index, 1.0 if treated else 0.0)
    mask = open_veins(p, index) if treated else 0
    p.procedures.append((p.site, p.arrival, index, p.procedure, p.entry_time, p.now, mask))


def open_veins(p: Patient, procedure: int) -> int:
    """Treat the narrow veins as this number of procedure (0 is the study's first); give its complications."""
    mask = complicated(p, procedure)
    for number, vein in enumerate(p.own_veins):
        if vein.narrow:
            if procedure:
                vein.lanes = p.draw(VEIN, number + veins.LANES * procedure)
            treat(p, number, vein)
    refresh_patency(p)
    return mask


def treat(p: Patient, number: int, vein: OwnVein) -> None:
    """Open one narrow vein, or fail to; an opened one gets the clock of its restenosis."""
    rule = p.plan.veins
    vein.treated = True
    vein.opened = vein.open_now = veins.happens(vein.lanes[1], rule.success_prob)
    p.note(Kind.VEIN_TREATED, number, 1.0 if vein.opened else 0.0)
    if vein.opened:
        days = veins.restenosis_days(
            vein.lanes[2], rule.restenosis_scale_days[number], rule.restenosis_shape, rule.weibull
        )
        p.set_clock(p.now + days, Kind.RESTENOSIS, number)


def complicated(p: Patient, procedure: int) -> int:
    """Draw the complications of an angioplasty; give them as a bit mask."""
    mask = 0
    for kind, prob in enumerate(p.plan.veins.complications):
        if veins.happens(p.draw(COMPLICATION, procedure, kind // 4)[kind % 4], prob):
            mask |= 1 << kind
            p.note(Kind.COMPLICATION, kind, float(kind))
    return mask


def on_restenosis(p: Patient, index: int, _: Any) -> None:
    """Have a vein narrow again."""
    p.own_veins[index].open_now = False
    p.own_veins[index].restenosis_time = p.now
    p.note(Kind.RESTENOSIS, index, float(index))
    refresh_patency(p)


def refresh_patency(p: Patient) -> None:
    """Count open veins and let the effect follow."""
    treated = float(sum(v.treated for v in p.own_veins))
    open_now = float(sum(v.open_now for v in p.own_veins))
    p.set_patency(veins.patency(treated, open_now, p.plan.veins.patency))
