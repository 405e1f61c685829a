"""The procedure, angioplasty or sham: veins opened, complications, and restenosis."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from sim.core.events import Kind
from sim.core.streams import COMPLICATION, VEIN
from sim.engines.reference.belief import be_told, notice
from sim.engines.reference.guess import await_guesses
from sim.engines.reference.hazard import begin_hazards
from sim.engines.reference.lesions import settle_lesions
from sim.engines.reference.owned import PATIENT, PHYSICIAN, OwnVein
from sim.engines.reference.reporting import await_pseudo
from sim.engines.reference.slots import take_slot
from sim.engines.reference.surveillance import begin_surveillance
from sim.model import effect, retreatment, sites, veins

if TYPE_CHECKING:
    from sim.engines.reference.patient import Patient


def on_procedure(p: Patient, index: int, _: Any) -> None:
    """Have a procedure, or learn that there is none."""
    kind = p.kinds[index]
    if index == 0:
        p.believing = True
        await_pseudo(p, 0, p.now)
        begin_hazards(p)
    if kind == veins.NONE:
        return
    done = int(veins.as_done(float(kind), narrow_veins(p)))
    p.note(Kind.PROCEDURE, index, veins.logged(float(done)))
    if index == p.retreating:
        p.retreating = -1
    if p.plan.slots.on:
        take_slot(p, index)
    mask = open_veins(p, index) if kind == veins.ANGIOPLASTY else 0
    p.procedures.append((p.site, p.arrival, index, done, p.asked.get(index, p.entry_time), p.now, mask))
    notice(p, index, mask, done)
    if index == 0:
        begin_surveillance(p)
        await_guesses(p)
    else:
        learn(p, kind, index)


def learn(p: Patient, kind: int, index: int) -> None:
    """Be told what a further procedure is, patient and physician, if it is an open one."""
    of_the_arm = 1.0 if index == p.second else 0.0
    if retreatment.is_told(of_the_arm, p.plan.later.is_open[p.treated_as], p.plan.retreatment.told):
        for holder in (PATIENT, PHYSICIAN):
            be_told(p, holder, 1.0 if kind == veins.ANGIOPLASTY else 0.0)


def narrow_veins(p: Patient) -> float:
    """Count the veins that are narrow now."""
    return float(sum(vein.narrow for vein in p.own_veins))


def open_veins(p: Patient, procedure: int) -> int:
    """Treat the narrow veins as this number of procedure (0 is the study's first); give its complications."""
    found = narrow_veins(p) > 0.0
    mask = complicated(p, procedure) if found else 0
    for number, vein in enumerate(p.own_veins):
        if vein.narrow:
            if procedure:
                vein.lanes = p.draw(VEIN, number + veins.LANES * procedure)
            treat(p, number, vein)
    refresh_patency(p)
    if found and p.plan.effect.onset_days > 0.0:
        p.set_clock(p.now + p.plan.effect.onset_days, Kind.EFFECT_BEGINS, procedure)
    return mask


def treat(p: Patient, number: int, vein: OwnVein) -> None:
    """Open one narrow vein, or fail to; an opened one gets the clock of its restenosis."""
    settle_lesions(p)
    rule = p.plan.veins
    vein.treated = True
    prob = sites.success_at(rule.success_prob, p.here.success_shift)
    vein.open_now = veins.happens(vein.lanes[1], prob)
    vein.opened = vein.opened or vein.open_now
    p.note(Kind.VEIN_TREATED, number, 1.0 if vein.open_now else 0.0)
    if vein.open_now:
        vein.opened_time = p.now
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
    settle_lesions(p)
    vein = p.own_veins[index]
    vein.open_now = False
    if math.isnan(vein.restenosis_time):
        vein.restenosis_time = p.now  # the first one, where there are several
    p.note(Kind.RESTENOSIS, index, float(index))
    refresh_patency(p)


def on_effect_begins(p: Patient, index: int, _: Any) -> None:
    """Let the veins that were opened long enough ago have their effect."""
    settle_lesions(p)
    refresh_patency(p)
    p.note(Kind.EFFECT_BEGINS, index, p.working)


def refresh_patency(p: Patient) -> None:
    """Count open veins and let the effect follow."""
    rule, onset, resolution = p.plan.veins, p.plan.effect.onset_days, p.plan.study.resolution
    treated = float(sum(v.treated for v in p.own_veins))
    patency = working = veins.patency(treated, float(sum(v.open_now for v in p.own_veins)), rule.patency)
    if onset > 0.0:
        at_work = sum(effect.works(float(v.open_now), p.now, v.opened_time, onset, resolution) for v in p.own_veins)
        working = veins.patency(treated, at_work, rule.patency)
    p.set_patency(patency, working)
