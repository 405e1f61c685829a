"""Enrolment: how many enter, until when, and what happens to those in screening when it closes."""

from __future__ import annotations

import math
from typing import Literal, NamedTuple

from sim.core.params import Table, param
from sim.core.rules import rule


class EnrolmentPlan(NamedTuple):
    """Target and times in days; uniform = 1 for a fixed number of arrivals spread over accrual_days.

    run_in_free = 1 keeps out those who relapse in the run-in; entry_days is screening and run-in together.
    """

    target: float
    max_days: float
    screening_days: float
    admit: float
    uniform: float
    accrual_days: float
    run_in_days: float
    run_in_free: float
    entry_days: float


class Enrolment(Table):
    """When recruitment ends."""

    target: int = param(
        200, unit="patients", ge=1, le=100000, meaning="enrolment closes when so many have entered", source="design"
    )
    max_days: float = param(
        3652.5, unit="days", gt=0.0, le=36525.0, meaning="enrolment closes on this day at the latest", source="design"
    )
    screening_days: float = param(
        14.0, unit="days", ge=0.0, le=365.0, meaning="from screening to entering the study", source="design"
    )
    in_screening: Literal["turn_away", "admit"] = param(
        "turn_away", unit="-", meaning="what happens to those in screening when enrolment closes", source="design"
    )
    accrual: Literal["poisson", "uniform"] = param(
        "poisson",
        unit="-",
        meaning="poisson: sites recruit until the target; uniform: `target` candidates arrive over accrual_days",
        source="design",
    )
    accrual_days: float = param(
        365.25,
        unit="days",
        gt=0.0,
        le=36525.0,
        meaning="with uniform accrual: the time over which they arrive",
        source="design",
    )

    run_in_days: float = param(
        0.0,
        unit="days",
        ge=0.0,
        le=3652.5,
        meaning="after screening_days, before entry: so long are candidates watched; 0: no run-in",
        source="design",
    )
    run_in_relapse_free: bool = param(
        False, unit="-", meaning="true: who reports a relapse in the run-in does not enter", source="design"
    )

    @property
    def entry_days(self) -> float:
        """How long a candidate is on the way from screening to entry."""
        return self.screening_days + self.run_in_days

    def plan(self) -> EnrolmentPlan:
        """Give numbers for names."""
        return EnrolmentPlan(
            float(self.target),
            self.max_days,
            self.screening_days,
            1.0 if self.in_screening == "admit" else 0.0,
            1.0 if self.accrual == "uniform" else 0.0,
            self.accrual_days,
            self.run_in_days,
            1.0 if self.run_in_relapse_free else 0.0,
            self.entry_days,
        )


@rule
def uniform_arrival(spent: float, total: float, opening: float, accrual_days: float) -> float:
    """Give the time of an arrival at a site with a fixed number of them, spread uniformly until accrual_days.

    `spent` is the sum of the unit exponential draws up to this arrival's own, `total` that up to the one after the last
    arrival's: shares of exponential sums are sorted uniforms (Devroye 1986, chapter V, theorem 2.2).
    """
    return opening + (accrual_days - opening) * (spent / total)


@rule
def share_of_target(site: float, sites: float, target: float) -> float:
    """Give how many of `target` arrivals belong to a site: as even as can be, the first ones take the rest."""
    each = math.floor(target / sites)
    return each + (1.0 if site < target - each * sites else 0.0)


@rule
def is_watched(onset: float, screening: float, screening_days: float, run_in_days: float) -> bool:
    """Tell whether an onset lies in a run-in or after it, and so is observed and not recalled."""
    return run_in_days > 0.0 and onset > screening + screening_days
