"""Contamination: open-label angioplasty elsewhere, sought by those who do not believe that they have had it."""

from __future__ import annotations

import math
from typing import NamedTuple

from sim.core.params import Table, param
from sim.core.units import DAYS_PER_YEAR


class ContaminationPlan(NamedTuple):
    """Hazard a day of a patient sure of no angioplasty, and the log ratio for each relapse reported."""

    per_day: float
    log_relapse_ratio: float


class Contamination(Table):
    """Open-label angioplasty outside the study, once at most, from the study's procedure on."""

    enabled: bool = param(False, unit="-", meaning="whether patients have angioplasty elsewhere", source="design")
    per_year: float = param(
        0.05,
        unit="1/year",
        ge=0.0,
        le=100.0,
        meaning="hazard of a patient sure of no angioplasty, times one minus what others believe",
    )
    relapse_ratio: float = param(
        1.0,
        unit="1",
        gt=0.0,
        le=20.0,
        meaning="the hazard is multiplied by this for each relapse reported on study, the first five",
    )

    def plan(self, on: bool) -> ContaminationPlan:
        """Convert to days; `on` false is the switch off."""
        if not (on and self.enabled):
            return ContaminationPlan(0.0, 0.0)
        return ContaminationPlan(self.per_year / DAYS_PER_YEAR, math.log(self.relapse_ratio))
