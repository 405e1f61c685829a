"""Relapses: candidate points on the patient's own arm-free activity clock, thinned by what changes the rate.

Points run at unit rate on the integral of annual_rate * frailty * activity, in layers L = 0, 1, ...; a point with
mark u is an onset when L + u < factor, the product of season, decline, medication and treatment. So a treatment that
works removes some onsets and leaves the others exactly where they were.
"""

from __future__ import annotations

import math
from typing import NamedTuple

from sim.core.inverse import exponential, normal
from sim.core.params import Table, param
from sim.core.rules import rule
from sim.core.units import DAYS_PER_YEAR, years

MOST_LAYERS = 8
MOST_HISTORY_YEARS = 20.0
SPARE_DAYS = 4.0  # what rounding up to whole days can add to screening, waiting and follow-up, and one more


class RelapsePlan(NamedTuple):
    """Rates a day, times in days, severity on the log scale of EDSS points."""

    rate_per_day: float
    refractory_days: float
    history_days: float
    log_severity: float
    severity_log_sd: float
    recovery_days: float
    residual_prob: float
    residual_mean_points: float


class Relapse(Table):
    """How often relapses come, how bad they are and what they leave."""

    rate_per_year: float = param(
        0.4,
        unit="1/year",
        ge=0.0,
        le=50.0,
        meaning="annual relapse rate of the source population at screening",
        source="fitted: affirm.counts, freedoms.arr, confirm.arr, nicholas2012.trend, tremlett2008.decline",
    )
    refractory_days: float = param(
        30.0, unit="days", ge=0.0, le=365.0, meaning="an onset this soon after the last relapse's onset belongs to it"
    )
    history_years: float = param(
        3.0,
        unit="years",
        ge=0.0,
        le=MOST_HISTORY_YEARS,
        meaning="how long before screening a patient's history starts",
        source="design",
    )
    severity_median_points: float = param(
        1.0,
        unit="EDSS points",
        gt=0.0,
        le=10.0,
        meaning="median rise of EDSS at a relapse; with the log sd below 17% are of at least 2.0",
        source="relapses.severe",
    )
    severity_log_sd: float = param(
        0.726,
        unit="1",
        ge=0.0,
        le=3.0,
        meaning="standard deviation of log severity",
        source="fitted: relapses.severe",
    )
    recovery_days: float = param(
        18.0,
        unit="days",
        gt=0.0,
        le=3650.0,
        meaning="time constant of the exponential recovery from a relapse",
        source="fitted: lublin2003.half_point, lublin2003.one_point",
    )
    residual_prob: float = param(
        0.38,
        unit="1",
        ge=0.0,
        le=1.0,
        meaning="probability that a relapse leaves a lasting deficit",
        source="fitted: lublin2003.half_point, lublin2003.one_point",
    )
    residual_mean_points: float = param(
        1.5,
        unit="EDSS points",
        ge=0.0,
        le=10.0,
        meaning="mean size of that deficit (exponential)",
        source="fitted: lublin2003.half_point, lublin2003.one_point",
    )

    def plan(self) -> RelapsePlan:
        """Convert to days and logs."""
        return RelapsePlan(
            self.rate_per_year / DAYS_PER_YEAR,
            self.refractory_days,
            years(self.history_years),
            math.log(self.severity_median_points),
            self.severity_log_sd,
            self.recovery_days,
            self.residual_prob,
            self.residual_mean_points,
        )


@rule
def layers(bound: float) -> int:
    """Give how many layers of candidate points a factor up to `bound` can reach."""
    return math.ceil(bound)


@rule
def history_start(screening: float, history_days: float) -> float:
    """Give the day on which a candidate's history starts."""
    return screening - history_days


@rule
def horizon(screening: float, screening_days: float, wait: float, follow_up_days: float) -> float:
    """Give a day that no patient's follow-up outlasts: beyond it nothing is drawn."""
    return screening + (screening_days + wait + follow_up_days + SPARE_DAYS)


@rule
def clock_rate(rate_per_day: float, frailty: float, level: float) -> float:
    """Give the pace of a patient's activity clock (expected relapses a day)."""
    return rate_per_day * frailty * level


@rule
def gap(u: float) -> float:
    """Draw the distance to the next candidate point on the activity clock (expected relapses, exponential)."""
    return exponential(u)


@rule
def reach(start: float, need: float, rate: float) -> float:
    """Give the time at which `need` more has run up on a clock that runs at `rate` from `start` (inf if it stands)."""
    if rate <= 0.0:
        return math.inf
    return start + need / rate


@rule
def left_over(start: float, end: float, need: float, rate: float) -> float:
    """Give what is still needed at `end` of a clock that ran at `rate` since `start`, never below zero."""
    rest = need - rate * (end - start)
    return rest if rest > 0.0 else 0.0


@rule
def rate_factor(season: float, decline: float, medication: float, treatment: float) -> float:
    """Give the product of what changes the rate, in this order."""
    return season * decline * medication * treatment


@rule
def belongs_to_last(time: float, last_onset: float, refractory_days: float) -> bool:
    """Tell whether an onset at `time` is part of the last relapse."""
    return time - last_onset < refractory_days


@rule
def is_onset(layer: float, mark: float, factor: float) -> bool:
    """Tell whether a candidate point is a relapse onset under the present factor."""
    return layer + mark < factor


@rule
def severity(u: float, log_severity: float, severity_log_sd: float) -> float:
    """Draw a relapse's severity in EDSS points (log-normal)."""
    return math.exp(log_severity + severity_log_sd * normal(u))


@rule
def residual(u_whether: float, u_size: float, prob: float, mean_points: float) -> float:
    """Draw the lasting deficit a relapse leaves, in EDSS points (0 for most; else exponential)."""
    if u_whether >= prob:
        return 0.0
    return mean_points * exponential(u_size)


@rule
def acute(time: float, onset: float, points: float, recovery_days: float) -> float:
    """Give what is left of a relapse's acute EDSS rise at `time` (exponential recovery from its onset)."""
    if time < onset:
        return 0.0
    return points * math.exp(-(time - onset) / recovery_days)
