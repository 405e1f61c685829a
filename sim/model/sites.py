"""Sites open one after another and see candidates at their own rates."""

from __future__ import annotations

import math
from typing import NamedTuple

from sim.core.inverse import gamma
from sim.core.params import Table, param
from sim.core.rules import rule
from sim.core.units import DAYS_PER_MONTH


class SitesPlan(NamedTuple):
    """Number of sites, their mean arrivals a day, the gamma shape between them (0 = alike), opening gaps in days."""

    number: float
    arrivals_per_day: float
    gamma_shape: float
    log_gamma_shape: float
    opening_interval_days: float


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

    def plan(self) -> SitesPlan:
        """Convert to days."""
        shape = 1.0 / self.rate_variance if self.rate_variance >= 1e-6 else 0.0  # as in frailty
        return SitesPlan(
            float(self.count),
            self.arrivals_per_month / DAYS_PER_MONTH,
            shape,
            math.lgamma(shape) if shape else 0.0,
            self.opening_interval_days,
        )


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
