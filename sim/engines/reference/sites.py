"""A site: what its patients share, and how many it has entered."""

from __future__ import annotations

from dataclasses import dataclass

from sim.core.streams import SITE, SITE_EFFECT, SITE_ITSELF, patient_word, uniforms
from sim.model import disability, historical, sites
from sim.scenario.plan import Plan


@dataclass(slots=True)
class Site:
    """A site's number and arrivals a day, its rater, and how it differs from the others; `entered` counts."""

    number: int
    rate: float
    rater: float
    relapse_factor: float
    success_shift: float
    effect_shift: float
    entered: int = 0


def make_site(plan: Plan, seed: int, trial: int, number: int) -> Site:
    """Draw what is fixed for a site."""
    rule, past, word = plan.sites, plan.historical, patient_word(number, SITE_ITSELF)
    u = uniforms(seed, trial, word, SITE, 0)
    v = uniforms(seed, trial, word, SITE_EFFECT, 0)[0] if rule.effect_sd else 0.5
    era = historical.either(historical.is_past(float(number), past.sites), past.rate_ratio, 1.0)
    return Site(
        number,
        sites.site_rate(u[0], rule.arrivals_per_day, rule.gamma_shape, rule.log_gamma_shape),
        disability.rater_offset(u[1], plan.disability.rater_sd),
        sites.relapse_factor(u[2], rule.relapse_shape, rule.log_gamma_relapse_shape) * era,
        sites.success_shift(u[3], rule.success_sd),
        sites.effect_shift(v, rule.effect_sd),
    )
