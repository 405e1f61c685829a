"""Relapses come and go with the seasons: a cosine over the year, of mean 1."""

from __future__ import annotations

import math
from typing import NamedTuple

from sim.core.params import Table, param
from sim.core.rules import rule
from sim.core.units import DAYS_PER_YEAR

ANGLE_PER_DAY = 2.0 * math.pi / DAYS_PER_YEAR


class SeasonPlan(NamedTuple):
    """Share by which the rate rises at its peak, and days from a peak to day 0 of the trial's clock."""

    amplitude: float
    since_peak_days: float


class Season(Table):
    """How the relapse rate follows the calendar, for everybody alike."""

    enabled: bool = param(False, unit="-", meaning="whether the relapse rate follows the seasons", source="design")
    amplitude: float = param(
        0.1,
        unit="1",
        ge=0.0,
        lt=1.0,
        meaning="share by which the rate is above its mean at the peak",
    )
    peak_day: float = param(
        75.0, unit="day of the year", ge=0.0, le=366.0, meaning="when the rate is highest; 0 is the start of 1 January"
    )
    first_site_day: float = param(
        0.0,
        unit="day of the year",
        ge=0.0,
        le=366.0,
        meaning="when the first site opens, day 0 of the trial's clock; counted as peak_day is",
        source="design",
    )

    def plan(self) -> SeasonPlan:
        """Place the peak on the trial's clock."""
        if not self.enabled:
            return SeasonPlan(0.0, 0.0)
        return SeasonPlan(self.amplitude, self.first_site_day - self.peak_day)


@rule
def season(time: float, amplitude: float, since_peak_days: float) -> float:
    """Give the factor of the relapse rate at `time`: 1 + amplitude * cos, 1 on average over a year."""
    if amplitude == 0.0:
        return 1.0
    return 1.0 + amplitude * math.cos(ANGLE_PER_DAY * (time + since_peak_days))


@rule
def highest(amplitude: float) -> float:
    """Give the largest factor of a year."""
    return 1.0 + amplitude
