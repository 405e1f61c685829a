"""Concomitant medication that lowers the relapse rate: started and escalated after a relapse, and stopped."""

from __future__ import annotations

import math
from typing import NamedTuple

from sim.core.inverse import logistic
from sim.core.params import Table, param, probability
from sim.core.rules import rule
from sim.core.units import DAYS_PER_YEAR


class MedicationPlan(NamedTuple):
    """Probability to start after a reported relapse, delay in days, relapse rate ratio on it; the lesion ratio on it;
    stopping, escalating."""

    start_prob: float
    start_delay_days: float
    rate_ratio: float
    log_disbelief_odds: float
    gd_ratio: float
    stop_per_day: float
    escalate_prob: float
    second_rate_ratio: float


class Medication(Table):
    """Disease-modifying medication outside the trial's question."""

    enabled: bool = param(False, unit="-", meaning="whether patients start medication after relapses", source="design")
    start_prob: float = probability(0.15, meaning="a patient without it starts medication after a reported relapse")
    start_delay_days: float = param(14.0, unit="days", gt=0.0, le=3650.0, meaning="from the report to the start")
    rate_ratio: float = param(0.7, unit="1", ge=0.0, le=1.0, meaning="relapse rate on medication over rate without")
    disbelief_odds_ratio: float = param(
        1.0,
        unit="1",
        gt=0.0,
        le=100.0,
        meaning="odds to start, or to escalate, under a physician sure of no angioplasty over those under one sure of "
        "it",
    )
    stop_per_year: float = param(0.0, unit="1/year", ge=0.0, le=100.0, meaning="hazard of stopping, while on it")
    escalate_prob: float = probability(
        0.0, meaning="a patient on it goes to the second line after a reported relapse, start_delay_days later"
    )
    second_rate_ratio: float = param(
        0.5, unit="1", ge=0.0, le=1.0, meaning="relapse rate on the second line over rate without medication"
    )
    gd_ratio: float = param(
        0.4,
        unit="1",
        ge=0.0,
        le=1.0,
        meaning="Gd and new T2 lesions on medication over those without, where there is [lesions]",
    )

    def plan(self, on: bool) -> MedicationPlan:
        """Give the parameters; `on` false is the switch off."""
        if not (on and self.enabled):
            return MedicationPlan(0.0, 0.0, 1.0, 0.0, 1.0, 0.0, 0.0, 1.0)
        return MedicationPlan(
            self.start_prob,
            self.start_delay_days,
            self.rate_ratio,
            math.log(self.disbelief_odds_ratio),
            self.gd_ratio,
            self.stop_per_year / DAYS_PER_YEAR,
            self.escalate_prob,
            self.second_rate_ratio,
        )


@rule
def starts(u: float, start_prob: float, log_disbelief_odds: float, physician_belief: float, on_it: float) -> bool:
    """Tell whether a patient without medication is given it now; odds rise with the physician's disbelief."""
    if on_it != 0.0:
        return False
    if log_disbelief_odds == 0.0 or start_prob == 0.0 or start_prob == 1.0:
        return u < start_prob
    odds = math.log(start_prob / (1.0 - start_prob)) + log_disbelief_odds * (1.0 - physician_belief)
    return u < logistic(odds)


@rule
def ratio(line: float, rate_ratio: float, second_rate_ratio: float) -> float:
    """Give the factor of the relapse rate without medication (line 0), on the first line and on the second."""
    if line == 0.0:
        return 1.0
    return rate_ratio if line == 1.0 else second_rate_ratio
