"""Relapse rates fall with time since onset: an exponential decline, set to 1 at screening."""

from __future__ import annotations

import math
from typing import NamedTuple

from sim.core.params import Table, param
from sim.core.rules import rule
from sim.core.units import DAYS_PER_YEAR


class DeclinePlan(NamedTuple):
    """Log fall of the rate a day, before screening and from screening on."""

    before_per_day: float
    after_per_day: float


class Decline(Table):
    """The secular fall of an untreated patient's relapse rate."""

    enabled: bool = param(True, unit="-", meaning="whether the rate declines with time", source="design")
    fall_per_year: float = param(
        0.037,
        unit="1/year",
        ge=0.0,
        lt=1.0,
        meaning="share by which the relapse rate falls in a year",
        source="fitted: affirm.counts, freedoms.arr, confirm.arr, nicholas2012.trend, tremlett2008.decline",
    )

    def plan(self, after: bool) -> DeclinePlan:
        """Give log falls a day; `after` false is the switch `decline` off: level from screening on."""
        log_fall = -math.log1p(-self.fall_per_year) / DAYS_PER_YEAR if self.enabled else 0.0
        return DeclinePlan(log_fall, log_fall if after else 0.0)


@rule
def decline(time: float, screening: float, before_per_day: float, after_per_day: float) -> float:
    """Give the factor of the relapse rate at `time`: 1 at screening, above it before, below it after."""
    since = time - screening
    per_day = before_per_day if since < 0.0 else after_per_day
    if per_day == 0.0:
        return 1.0
    return math.exp(-per_day * since)
