"""Sites open one after another, see candidates at their own rates, and may differ in what they see and what they do."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import NamedTuple

from pydantic import Field

from sim.core.inverse import gamma, logistic, normal
from sim.core.params import Table, param
from sim.core.rules import rule
from sim.core.units import DAYS_PER_MONTH

Floats = tuple[float, ...]

MOST_PHASES = 12
MOST_DEVIATION_SD = 3.0
TAIL = 0.0013498980316300946  # of the normal distribution beyond it


class SitesPlan(NamedTuple):
    """Number of sites, their mean arrivals a day, the gamma shape between them (0 = alike), opening gaps in days.

    Then what only some plans have: how many may enter at a site (0: any number), phases of recruitment, and how sites
    differ in relapse rate (gamma shape), technical success and effect.
    """

    number: float
    arrivals_per_day: float
    gamma_shape: float
    log_gamma_shape: float
    opening_interval_days: float
    most: float
    phases: float
    phase_from: tuple[float, ...]
    phase_factor: tuple[float, ...]
    relapse_shape: float
    log_gamma_relapse_shape: float
    success_sd: float
    effect_sd: float


class Phase(Table):
    """One phase of recruitment: from a day of the study's calendar on, at every site."""

    from_days: float = param(
        unit="days",
        ge=0.0,
        le=36525.0,
        meaning="the phase begins so long after the first site opened",
        source="design",
    )
    factor: float = param(
        unit="1",
        ge=0.0,
        le=100.0,
        meaning="arrival rate in the phase over the rate without phases; 0: paused",
        source="design",
    )


class Sites(Table):
    """Multicentre recruitment: Poisson arrivals with gamma-distributed rates (Anisimov and Fedorov 2007)."""

    count: int = param(1, unit="sites", ge=1, le=1000, meaning="number of sites", source="design")
    arrivals_per_month: float = param(
        2.0,
        unit="1/month",
        gt=0.0,
        le=100000.0,
        meaning="mean number of candidates screened at a site",
        source="design",
    )
    rate_variance: float = param(
        0.0,
        unit="1",
        ge=0.0,
        le=20.0,
        meaning="variance of the sites' relative arrival rates (gamma, mean 1)",
        source="design",
    )
    opening_interval_days: float = param(
        0.0, unit="days", ge=0.0, le=3650.0, meaning="the next site opens so long after the last", source="design"
    )
    phases: list[Phase] = Field(
        default=[],
        max_length=MOST_PHASES,
        description="phases of recruitment in rising order; before the first one the factor is 1",
    )
    most_per_site: int = param(
        0,
        unit="patients",
        ge=0,
        le=100000,
        meaning="a site that has entered so many screens no more; 0: no such limit",
        source="design",
    )
    relapse_rate_variance: float = param(
        0.0,
        unit="1",
        ge=0.0,
        le=20.0,
        meaning="variance of a factor of the relapse rate that patients of a site share (gamma, mean 1)",
    )
    success_sd_logits: float = param(
        0.0, unit="log odds", ge=0.0, le=10.0, meaning="standard deviation of technical success between sites (normal)"
    )
    effect_sd_log: float = param(
        0.0,
        unit="1",
        ge=0.0,
        le=1.0,
        meaning="standard deviation of a site's log rate ratio around effect.rate_ratio (normal, none beyond 3)",
    )

    def plan(self, effect: bool = True) -> SitesPlan:
        """Convert to days; without an effect there is none to differ between sites."""
        shape, relapses = _shape(self.rate_variance), _shape(self.relapse_rate_variance)
        return SitesPlan(
            float(self.count),
            self.arrivals_per_month / DAYS_PER_MONTH,
            shape,
            math.lgamma(shape) if shape else 0.0,
            self.opening_interval_days,
            float(self.most_per_site),
            float(len(self.phases)),
            tuple(phase.from_days for phase in self.phases),
            tuple(phase.factor for phase in self.phases),
            relapses,
            math.lgamma(relapses) if relapses else 0.0,
            self.success_sd_logits,
            self.effect_sd_log if effect else 0.0,
        )

    def largest_ratio(self) -> float:
        """Give the largest factor by which a site's rate ratio exceeds the common one (a whisker above it)."""
        return math.exp(MOST_DEVIATION_SD * self.effect_sd_log) * (1.0 + 1e-12) if self.effect_sd_log else 1.0

    def open_days(self, opening: float, until: float) -> float:
        """Give how many days a site is open until this day, each weighed by the factor of its phase."""
        starts = [0.0, *(phase.from_days for phase in self.phases), math.inf]
        factors = [1.0, *(phase.factor for phase in self.phases)]
        spans = ((max(a, opening), min(b, until)) for a, b in pairwise(starts))
        return sum(factor * max(b - a, 0.0) for factor, (a, b) in zip(factors, spans, strict=True))


def _shape(variance: float) -> float:
    """Give the gamma shape of this variance at mean 1; 0 where there is next to none, as in frailty."""
    return 1.0 / variance if variance >= 1e-6 else 0.0


@rule
def site_opens(site: float, interval_days: float) -> float:
    """Give the day on which site number `site` (from 0) opens."""
    return site * interval_days


@rule
def site_rate(u: float, per_day: float, shape: float, log_gamma_shape: float) -> float:
    """Draw a site's arrivals a day (gamma between sites)."""
    if shape == 0.0:
        return per_day
    return per_day * gamma(u, shape, log_gamma_shape) / shape


@rule
def arrival_gap(spent: float, per_day: float) -> float:
    """Give the time to the next arrival at a site (days) from a unit exponential draw."""
    if per_day <= 0.0:
        return math.inf
    return spent / per_day


@rule
def possible_rate(per_day: float, weight: float) -> float:
    """Give a site's possible candidates a day, of whom self-referral lets those without a relapse come less often."""
    return per_day * weight


@rule
def phase_arrival(time: float, opening: float, phase_from: Floats, phase_factor: Floats, phases: float) -> float:
    """Give the day of an arrival that without phases would come on day `time`, at a site open since `opening`.

    The time without phases is the integral of the factor since the opening; here it is inverted, piece by piece.
    """
    need = time - opening
    start = opening
    begun = 0
    while begun < phases and phase_from[begun] <= start:
        begun += 1
    while True:
        factor = phase_factor[begun - 1] if begun > 0 else 1.0
        end = phase_from[begun] if begun < phases else math.inf
        reached = start + need / factor if factor > 0.0 else math.inf
        if reached <= end:
            return reached
        need = max(need - factor * (end - start), 0.0)
        start = end
        begun += 1


@rule
def is_full(entered: float, most: float) -> bool:
    """Tell whether a site has entered as many as it may; most = 0 is no limit."""
    return most > 0.0 and entered >= most


@rule
def relapse_factor(u: float, shape: float, log_gamma_shape: float) -> float:
    """Draw the factor of the relapse rate that patients of a site share (gamma, mean 1; shape 0: no difference)."""
    if shape == 0.0:
        return 1.0
    return gamma(u, shape, log_gamma_shape) / shape


@rule
def success_shift(u: float, success_sd: float) -> float:
    """Draw by how many log odds a site's technical success differs from the common one."""
    return success_sd * normal(u) if success_sd > 0.0 else 0.0


@rule
def success_at(prob: float, success_shift: float) -> float:
    """Give the probability of technical success at a site; certainty stays certain."""
    if success_shift == 0.0 or prob <= 0.0 or prob >= 1.0:
        return prob
    return logistic(math.log(prob / (1.0 - prob)) + success_shift)


@rule
def effect_shift(u: float, effect_sd: float) -> float:
    """Draw a site's deviation from the common log rate ratio: normal, cut off at 3 standard deviations."""
    if effect_sd == 0.0:
        return 0.0
    return effect_sd * normal(TAIL + u * (1.0 - 2.0 * TAIL))


@rule
def effect_at(patency: float, effect_shift: float) -> float:
    """Give what a site's deviation does to the rate ratio at this patency, geometric as the ratio itself."""
    if patency == 0.0 or effect_shift == 0.0:
        return 1.0
    return math.exp(patency * effect_shift)
