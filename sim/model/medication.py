"""Concomitant medication, started after a relapse, that lowers the relapse rate."""

from __future__ import annotations

from typing import NamedTuple

from sim.core.params import Table, param, probability
from sim.core.rules import rule


class MedicationPlan(NamedTuple):
    """Probability to start after a reported relapse, delay in days, relapse rate ratio on it."""

    start_prob: float
    start_delay_days: float
    rate_ratio: float


class Medication(Table):
    """Disease-modifying medication outside the trial's question."""

    enabled: bool = param(False, unit="-", meaning="whether patients start medication after relapses", source="design")
    start_prob: float = probability(0.15, meaning="a patient without it starts medication after a reported relapse")
    start_delay_days: float = param(14.0, unit="days", gt=0.0, le=3650.0, meaning="from the report to the start")
    rate_ratio: float = param(0.7, unit="1", ge=0.0, le=1.0, meaning="relapse rate on medication over rate without")

    def plan(self, on: bool) -> MedicationPlan:
        """Give the parameters; `on` false is the switch off."""
        if not (on and self.enabled):
            return MedicationPlan(0.0, 0.0, 1.0)
        return MedicationPlan(self.start_prob, self.start_delay_days, self.rate_ratio)


@rule
def starts(u: float, start_prob: float, on_it: float) -> bool:
    """Tell whether a patient starts medication after this report."""
    return on_it == 0.0 and u < start_prob
