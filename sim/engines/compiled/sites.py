"""What sites differ in, when they are full, and phases of recruitment."""

from __future__ import annotations

from typing import Any

from sim.core.streams import SITE, SITE_EFFECT
from sim.core.units import on_clock
from sim.engines.compiled.clocks import draw
from sim.engines.compiled.historical import era_is_full, of_past
from sim.jit import further_part, further_value
from sim.model import historical, sites


@further_part
def differ(plan: Any, t: Any, s: Any, number: Any) -> None:
    """Draw how a site that opens differs from the others; it has entered nobody yet."""
    rule = plan.sites
    u = draw(t, s.word, SITE, 0, 0)
    v = draw(t, s.word, SITE_EFFECT, 0, 0)
    era = historical.either(historical.is_past(float(number), plan.historical.sites), plan.historical.rate_ratio, 1.0)
    s.relapse_factor = sites.relapse_factor(u[2], rule.relapse_shape, rule.log_gamma_relapse_shape) * era
    s.success_shift = sites.success_shift(u[3], rule.success_sd)
    s.effect_shift = sites.effect_shift(v[0], rule.effect_sd)
    s.entered = 0


@further_part
def by_phases(plan: Any, s: Any) -> None:
    """Let a site's next candidate come when the phases of recruitment have it so."""
    if plan.sites.phases > 0.0:
        day = sites.phase_arrival(s.time, s.opening, plan.phase_from, plan.phase_factor, plan.sites.phases)
        s.clock = on_clock(day, plan.study.resolution)


@further_part
def belong(plan: Any, p: Any, s: Any) -> None:
    """Give a candidate what the patients of a site share."""
    p.relapse_factor = s.relapse_factor
    p.success_shift = s.success_shift
    p.effect_shift = s.effect_shift


@further_value(1.0)
def relapses_here(plan: Any, p: Any) -> Any:
    """Give the factor of the relapse rate at the patient's site."""
    return p.relapse_factor


@further_value(0.0)
def success_here(plan: Any, p: Any) -> Any:
    """Give the log odds by which technical success differs at the patient's site."""
    return p.success_shift


@further_value(1.0)
def effect_here(plan: Any, p: Any, patency: Any) -> Any:
    """Give what the patient's site does to the rate ratio at this patency."""
    return sites.effect_at(patency, p.effect_shift)


@further_value(0.0)
def is_full(plan: Any, t: Any, s: Any, number: Any) -> Any:
    """Give 1 where nobody more is to be screened at a site, while enrolment is open."""
    if sites.is_full(float(s.entered), plan.sites.most) or era_is_full(plan, t, float(number)):
        return 1.0
    return 0.0


@further_value(1.0)
def takes(plan: Any, t: Any, open_: Any, p: Any) -> Any:
    """Give 1 where the site, and the era, may enter one more; else 0."""
    s = open_[p.site]
    if plan.enrolment.admit == 0.0 and sites.is_full(float(s.entered), plan.sites.most):
        return 0.0
    return 0.0 if era_is_full(plan, t, float(p.site)) else 1.0


@further_part
def count_entry(plan: Any, t: Any, open_: Any, p: Any) -> None:
    """Count a patient who enters, at the site and in the era."""
    open_[p.site].entered += 1
    if of_past(plan, p) == 1.0:
        t.of_past += 1
