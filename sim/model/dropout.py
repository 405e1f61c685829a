"""Leaving the study before its end, more readily when one believes to be untreated."""

from __future__ import annotations

import math
from typing import NamedTuple

from sim.core.params import Table, param
from sim.core.rules import rule
from sim.core.units import DAYS_PER_YEAR, on_clock

REASONS = ("", "withdrawal by subject", "lack of efficacy")
USUAL = 1  # reason of a dropout whose clock has index 0; index 1: lack of benefit
LAST_DAY = 1e9  # beyond any study: whole days are exact up to here


class DropoutPlan(NamedTuple):
    """Hazard a day of a patient sure of angioplasty, and the log ratio for one sure of none.

    Apart from it the hazard a day of withdrawal for lack of benefit of one sure of none, and its log ratio a relapse.
    """

    hazard_per_day: float
    log_disbelief_ratio: float
    lack_per_day: float
    log_relapse_ratio: float


class Dropout(Table):
    """Withdrawal from follow-up."""

    enabled: bool = param(True, unit="-", meaning="whether patients leave early", source="design")
    hazard_per_year: float = param(
        0.05, unit="1/year", ge=0.0, le=100.0, meaning="hazard of leaving, for a patient sure of angioplasty"
    )
    disbelief_ratio: float = param(
        1.0, unit="1", gt=0.0, le=20.0, meaning="hazard of a patient sure of no angioplasty over that one's"
    )

    lack_of_benefit_per_year: float = param(
        0.0,
        unit="1/year",
        ge=0.0,
        le=100.0,
        meaning="from the procedure on, a further hazard of leaving for lack of benefit, for a patient sure of no "
        "angioplasty; times one minus what others believe",
    )
    relapse_ratio: float = param(
        1.0,
        unit="1",
        gt=0.0,
        le=20.0,
        meaning="that further hazard is multiplied by this for each relapse reported on study, the first five",
    )

    def plan(self, on: bool) -> DropoutPlan:
        """Convert to days; `on` false is the switch off."""
        if not (on and self.enabled):
            return DropoutPlan(0.0, 0.0, 0.0, 0.0)
        return DropoutPlan(
            self.hazard_per_year / DAYS_PER_YEAR,
            math.log(self.disbelief_ratio),
            self.lack_of_benefit_per_year / DAYS_PER_YEAR,
            math.log(self.relapse_ratio),
        )


@rule
def dropout_days(
    spent: float, until_procedure: float, patient_belief: float, hazard_per_day: float, log_disbelief_ratio: float
) -> float:
    """Give the time from study day 1 to leaving (days, by inversion of the spent hazard, a unit exponential draw).

    Until the procedure, `until_procedure` days from study day 1, nobody has anything to believe and all have the
    hazard of a patient sure of angioplasty; from then on it rises with disbelief.
    """
    if hazard_per_day == 0.0:
        return math.inf
    waiting = hazard_per_day * until_procedure
    if spent <= waiting:
        return spent / hazard_per_day
    if log_disbelief_ratio == 0.0:
        return until_procedure + (spent - waiting) / hazard_per_day
    hazard = hazard_per_day * math.exp(log_disbelief_ratio * (1.0 - patient_belief))
    return until_procedure + (spent - waiting) / hazard


@rule
def dropout_time(day_1: float, days: float, resolution: float) -> float:
    """Give when a patient leaves who does so `days` after study day 1."""
    return on_clock(min(day_1 + days, LAST_DAY), resolution)
