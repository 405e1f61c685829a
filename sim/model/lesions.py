"""Lesions on MRI: those that take up gadolinium at a scan, and new ones on T2 since the scan before.

Both follow the activity that relapses follow, so a patient with many lesions at a scan is often about to relapse.
"""

from __future__ import annotations

import math
from typing import Literal, NamedTuple

from pydantic import Field

from sim.core.inverse import normal
from sim.core.params import Table, param
from sim.core.rules import rule
from sim.core.units import DAYS_PER_YEAR
from sim.model.visits import MOST_VISITS

STEEP = 1e-6  # below, an exponential's integral is taken by its first terms: the difference of two would lose digits


class LesionsPlan(NamedTuple):
    """What an engine sees: on = 0 is nobody scanned; `scan_visits` has 1 for each visit with a scan, 0 for the others.

    `own_share` is what the lesion factor has besides its tie to frailty, so that both together have variance 1.
    """

    on: float
    mean_per_scan: float
    factor_log_sd: float
    frailty_correlation: float
    own_share: float
    scan_log_sd: float
    window_days: float
    t2_per_day: float
    scan_visits: tuple[float, ...]


NO_LESIONS = LesionsPlan(0.0, 0.0, 0.0, 0.0, 1.0, 0.0, 1.0, 0.0, ())


class Lesions(Table):
    """MRI: Gd-enhancing lesions at a scan, new T2 lesions between scans."""

    enabled: bool = param(False, unit="-", meaning="whether patients are scanned", source="design")
    mean_per_scan: float = param(
        0.81,
        unit="1/scan",
        ge=0.0,
        le=1000.0,
        meaning="mean Gd lesions at a scan in the source population at screening (of placebo arms at month 6: 1.2)",
        source="fitted: stellmann2015.gad_6m, stellmann2015.no_new_t2_6m, stellmann2015.no_new_t2_24m",
    )
    new_t2_per_year: float = param(
        3.3,
        unit="1/year",
        ge=0.0,
        le=10000.0,
        meaning="mean new T2 lesions a year in the source population at screening",
        source="fitted: stellmann2015.gad_6m, stellmann2015.no_new_t2_6m, stellmann2015.no_new_t2_24m",
    )
    factor_variance: float = param(
        1.2,
        unit="1",
        ge=0.0,
        le=50.0,
        meaning="variance of the patients' lesion factor (log-normal, mean 1)",
        source="fitted: stellmann2015.gad_6m, stellmann2015.no_new_t2_6m, stellmann2015.no_new_t2_24m",
    )
    frailty_correlation: float = param(
        0.3,
        unit="1",
        ge=0.0,
        le=1.0,
        meaning="correlation of the lesion factor with the frailty, as normal scores",
    )
    scan_variance: float = param(
        0.4,
        unit="1",
        ge=0.0,
        le=50.0,
        meaning="variance of a scan's own factor on Gd lesions (log-normal, mean 1)",
    )
    window_days: float = param(
        42.0,
        unit="days",
        gt=0.0,
        le=730.5,
        meaning="Gd lesions at a scan follow the mean activity of so many days before it",
    )
    scan_months: list[float] = Field(
        default=[0.0, 6.0, 12.0, 24.0],
        min_length=1,
        max_length=MOST_VISITS,
        description="months after study day 1 with a scan, among visits.months; 0 is the baseline",
        json_schema_extra={"unit": "months", "source": "design"},
    )

    test: Literal["wald", "robust_score"] = param(
        "wald",
        unit="-",
        meaning="p of gd_lesions_Nm and new_t2_Nm where arms are compared: Wald by the sandwich standard error, which "
        "rejects too often in small arms, or the robust score test, which keeps its size; the interval is Wald's",
        source="design",
    )

    def plan(self, visit_months: list[float]) -> LesionsPlan:
        """Take logs, and tell which visits have a scan."""
        if not self.enabled:
            return NO_LESIONS
        return LesionsPlan(
            1.0,
            self.mean_per_scan,
            math.sqrt(math.log1p(self.factor_variance)),
            self.frailty_correlation,
            math.sqrt((1.0 - self.frailty_correlation) * (1.0 + self.frailty_correlation)),
            math.sqrt(math.log1p(self.scan_variance)),
            self.window_days,
            self.new_t2_per_year / DAYS_PER_YEAR,
            tuple(1.0 if month in self.scan_months else 0.0 for month in visit_months),
        )


@rule
def lesion_factor(u_frailty: float, u: float, log_sd: float, correlation: float, own_share: float) -> float:
    """Draw a patient's lesion factor (log-normal, mean 1), tied to the frailty drawn at `u_frailty`."""
    return math.exp(log_sd * (correlation * normal(u_frailty) + own_share * normal(u)) - 0.5 * log_sd * log_sd)


@rule
def scan_factor(u: float, log_sd: float) -> float:
    """Draw a scan's own factor (log-normal, mean 1)."""
    return math.exp(log_sd * normal(u) - 0.5 * log_sd * log_sd)


@rule
def window_start(time: float, window_days: float) -> float:
    """Give the day from which on activity counts for a scan at `time`."""
    return time - window_days


@rule
def decline_days(start: float, end: float, screening: float, per_day: float) -> float:
    """Give the integral of the decline factor over these days, 1 at screening; the days themselves without decline."""
    if per_day == 0.0:
        return end - start
    fall = per_day * (end - start)
    at_start = math.exp(-per_day * (start - screening))
    if fall < STEEP:
        return at_start * (end - start) * (1.0 - 0.5 * fall)
    return (at_start - math.exp(-per_day * (end - screening))) / per_day


@rule
def present_factor(decline: float, medication: float, treatment: float) -> float:
    """Give what time, medication and open veins make of lesions now, in this order."""
    return decline * medication * treatment


@rule
def gd_mean(mean_per_scan: float, factor: float, activity_days: float, window_days: float, present: float) -> float:
    """Give the expected Gd lesions of a patient at a scan; `activity_days`: the integral of activity in the window."""
    return mean_per_scan * factor * (activity_days / window_days) * present


@rule
def t2_mean(t2_per_day: float, factor: float, lived_days: float) -> float:
    """Give the expected new T2 lesions; `lived_days`: the integral of activity and all factors since the last scan."""
    return t2_per_day * factor * lived_days
