"""The procedure, angioplasty or sham: veins opened, complications, and restenosis."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sim.core.events import Kind
from sim.core.streams import COMPLICATION
from sim.engines.reference.owned import OwnVein
from sim.engines.reference.reporting import await_pseudo
from sim.model import sites, veins

if TYPE_CHECKING:
    from sim.engines.reference.patient import Patient


def on_procedure(p: Patient, index: int, _: Any) -> None:
    """Have the procedure, or learn that there is none."""
    p.believing = True
    await_pseudo(p, 0, p.now)
    if p.procedure == veins.NONE:
        return
    treated = p.procedure == veins.ANGIOPLASTY
    p.note(Kind.PROCEDURE, index, 1.0 if treated else 0.0)
    mask = 0
    if treated:
        mask = complicated(p, index)
        for number, vein in enumerate(p.own_veins):
            treat(p, number, vein)
        refresh_patency(p)
    p.procedures.append((p.site, p.arrival, index, p.procedure, p.entry_time, p.now, mask))


def treat(p: Patient, number: int, vein: OwnVein) -> None:
    """Open one vein, or fail to; an opened one gets the clock of its restenosis."""
    if not vein.stenosed:
        return
    rule = p.plan.veins
    vein.treated = True
    prob = sites.success_at(rule.success_prob, p.here.success_shift)
    vein.opened = vein.open_now = veins.happens(vein.lanes[1], prob)
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
