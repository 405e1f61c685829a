"""Veins: which are narrow, which are opened, which narrow again, and what share of them is open."""

from __future__ import annotations

import math
from typing import Any

from sim.core.streams import VEIN
from sim.engines.compiled.clocks import draw, note, set_clock
from sim.engines.compiled.effect import set_patency
from sim.engines.compiled.lesions import settle_lesions
from sim.engines.compiled.ranks import ON_EFFECT, ON_RESTENOSIS, ON_VEIN
from sim.engines.compiled.sites import success_here
from sim.jit import bare_part, further_part, further_value, inlined_part
from sim.model import effect, sites, veins

LANES = veins.LANES


@inlined_part
def look_at_veins(plan: Any, t: Any, p: Any) -> Any:
    """Draw which veins are narrow, and what treating them will come to; tell whether any is narrow."""
    rule = plan.veins
    found = False
    for k in range(3):
        u = (0.5, 0.5, 0.5, 0.5)
        certain = rule.stenosis[k] >= 1.0 and rule.success_prob >= 1.0 and rule.restenosis_scale_days[k] == math.inf
        if not certain:
            u = draw(t, p.word, VEIN, k, 0)
        p.vein_stenosed[k] = 1.0 if veins.happens(u[0], rule.stenosis[k]) else 0.0
        p.vein_u_success[k] = u[1]
        p.vein_u_restenosis[k] = u[2]
        found = found or p.vein_stenosed[k] == 1.0
    return found


@bare_part
def treat(plan: Any, t: Any, p: Any, events: Any, number: Any) -> None:
    """Open one narrow vein, or fail to; an opened one gets the clock of its restenosis."""
    if not is_narrow(p, number):
        return
    settle_lesions(plan, t, p)
    rule = plan.veins
    open_vein(plan, p, number)
    note(plan, t, events, p.now, ON_VEIN, p.word, number, p.vein_open_now[number])
    if p.vein_open_now[number] == 1.0:
        p.vein_opened_time[number] = p.now
        days = veins.restenosis_days(
            p.vein_u_restenosis[number], rule.restenosis_scale_days[number], rule.restenosis_shape, rule.weibull
        )
        set_clock(plan, p, p.now + days, ON_RESTENOSIS, number)


@bare_part
def open_vein(plan: Any, p: Any, number: Any) -> None:
    """Open a narrow vein, or fail to."""
    prob = sites.success_at(plan.veins.success_prob, success_here(plan, p))
    opened = 1.0 if veins.happens(p.vein_u_success[number], prob) else 0.0
    p.vein_treated[number] = 1.0
    p.vein_opened[number] = max(p.vein_opened[number], opened)
    p.vein_open_now[number] = opened


@inlined_part
def on_restenosis(plan: Any, t: Any, p: Any, events: Any, number: Any) -> None:
    """Have a vein narrow again."""
    settle_lesions(plan, t, p)
    p.vein_open_now[number] = 0.0
    if math.isnan(p.vein_restenosis[number]):
        p.vein_restenosis[number] = p.now  # the first one, where there are several
    note(plan, t, events, p.now, ON_RESTENOSIS, p.word, number, float(number))
    refresh_patency(plan, p)


@inlined_part
def refresh_patency(plan: Any, p: Any) -> None:
    """Count open veins and let the effect follow."""
    treated = p.vein_treated[0] + p.vein_treated[1] + p.vein_treated[2]
    open_now = p.vein_open_now[0] + p.vein_open_now[1] + p.vein_open_now[2]
    patency = veins.patency(treated, open_now, plan.veins.patency)
    set_patency(plan, p, patency, patency if plan.effect.onset_days == 0.0 else working(plan, p, treated))


@further_value(0.0)
def working(plan: Any, p: Any, treated: Any) -> Any:
    """Give the patency that has its effect by now, where the effect takes time to begin."""
    at_work = 0.0
    for k in range(3):
        at_work += effect.works(
            p.vein_open_now[k], p.now, p.vein_opened_time[k], plan.effect.onset_days, plan.study.resolution
        )
    return veins.patency(treated, at_work, plan.veins.patency)


@bare_part
def on_effect_begins(plan: Any, t: Any, p: Any, events: Any, index: Any) -> None:
    """Let the veins that were opened long enough ago have their effect."""
    settle_lesions(plan, t, p)
    refresh_patency(plan, p)
    note(plan, t, events, p.now, ON_EFFECT, p.word, index, p.working)


@bare_part
def is_narrow(p: Any, number: Any) -> Any:
    """Tell whether a vein is narrow now: born so and not open."""
    return p.vein_stenosed[number] == 1.0 and p.vein_open_now[number] == 0.0


@bare_part
def narrow_veins(p: Any) -> Any:
    """Count the veins that are narrow now."""
    narrow = 0.0
    for number in range(3):
        narrow += 1.0 if is_narrow(p, number) else 0.0
    return narrow


@further_part
def redraw_veins(plan: Any, t: Any, p: Any, procedure: Any) -> None:
    """Draw what treating the narrow veins will come to at a procedure after the first."""
    for number in range(3):
        if procedure > 0 and is_narrow(p, number):
            u = draw(t, p.word, VEIN, number + LANES * procedure, 0)
            p.vein_u_success[number] = u[1]
            p.vein_u_restenosis[number] = u[2]
