"""Patients come when they are unwell: a candidate is likelier to present soon after a relapse."""

from __future__ import annotations

from typing import NamedTuple

from sim.core.params import Table, param
from sim.core.rules import rule


class SelfReferralPlan(NamedTuple):
    """How much likelier presenting is after a relapse, and for how many days."""

    weight: float
    window_days: float


class SelfReferral(Table):
    """Arrival at a site depends on how the patient has been."""

    enabled: bool = param(
        False, unit="-", meaning="whether a recent relapse brings patients to the site", source="design"
    )
    weight: float = param(
        3.0, unit="1", ge=1.0, le=100.0, meaning="arrival weight of a patient with a recent relapse over one without"
    )
    window_days: float = param(90.0, unit="days", gt=0.0, le=3650.0, meaning="how recent that relapse is")

    def plan(self, on: bool) -> SelfReferralPlan:
        """Give weight and window; `on` false is the switch off.

        Switched off, sites see the same possible candidates, and each comes with probability 1 / weight.
        """
        if not self.enabled:
            return SelfReferralPlan(1.0, 0.0)
        return SelfReferralPlan(self.weight, self.window_days if on else -1.0)


@rule
def presents(u: float, days_since_relapse: float, weight: float, window_days: float) -> bool:
    """Tell whether a possible candidate comes; those without a recent relapse do so with probability 1 / weight.

    Sites see possible candidates at `weight` times their nominal rate, so that patients without a recent relapse come
    at the nominal rate and the others `weight` times as often.
    """
    return days_since_relapse <= window_days or u < 1.0 / weight
