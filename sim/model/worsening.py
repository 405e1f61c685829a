"""Confirmed disability worsening on the EDSS: when an examination is worse, and when another confirms it.

A rule for the statistician, who sees examinations and relapses; no engine knows of it. `sim/data/worsening.py` takes it
over the examinations of a patient.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

from sim.core.params import Table, param
from sim.core.rules import rule
from sim.core.units import EDSS_TOP

DAYS_PER_WEEK = 7.0
WHISKER_DAYS = 1e-6  # so that rounding in study day 1 + days can't take a confirmation away that comes on its very day


class WorseningPlan(NamedTuple):
    """EDSS points and days; `roving` 1: the reference may go down; `relapse_days` 0: relapses do not matter."""

    roving: float
    zero_step: float
    low_step: float
    high_step: float
    high_from: float
    tolerance_days: float
    relapse_days: float


class Worsening(Table):
    """Confirmed disability worsening (cdp_12w, cdp_24w): what counts as worse, and what confirms it."""

    reference: Literal["baseline", "roving"] = param(
        "baseline",
        unit="-",
        meaning="what examinations are compared with: the baseline, or the lowest EDSS confirmed since (Kappos 2018)",
        source="design",
    )
    zero_step_points: float = param(
        1.5, unit="EDSS points", ge=0.5, le=5.0, meaning="rise that is a worsening from EDSS 0", source="design"
    )
    low_step_points: float = param(
        1.0,
        unit="EDSS points",
        ge=0.5,
        le=5.0,
        meaning="rise that is a worsening from EDSS 1.0 up to high_from_points",
        source="design",
    )
    high_step_points: float = param(
        0.5,
        unit="EDSS points",
        ge=0.5,
        le=5.0,
        meaning="rise that is a worsening from high_from_points on",
        source="design",
    )
    high_from_points: float = param(
        5.5,
        unit="EDSS points",
        ge=1.0,
        le=EDSS_TOP,
        meaning="reference EDSS from which high_step_points is enough (trials use 5.5 or 6.0)",
        source="design",
    )
    tolerance_days: float = param(
        7.0,
        unit="days",
        ge=0.0,
        le=42.0,
        meaning="how many days short of the 12 or 24 weeks an examination may confirm (the visit window)",
        source="design",
    )
    relapse_days: float = param(
        30.0,
        unit="days",
        ge=0.0,
        le=365.0,
        meaning="no worsening begins, or is confirmed, from a relapse's onset to so many days after it; 0: anywhere",
        source="design",
    )
    relapses: Literal["true", "reported", "confirmed"] = param(
        "confirmed", unit="-", meaning="which relapses these are (of those after study day 1)", source="design"
    )

    def plan(self) -> WorseningPlan:
        """Give the numbers of the rule."""
        return WorseningPlan(
            1.0 if self.reference == "roving" else 0.0,
            self.zero_step_points,
            self.low_step_points,
            self.high_step_points,
            self.high_from_points,
            self.tolerance_days,
            self.relapse_days,
        )


@rule
def worse_from(reference: float, zero_step: float, low_step: float, high_step: float, high_from: float) -> float:
    """Give the EDSS from which on an examination is worse than the reference."""
    if reference == 0.0:
        return zero_step
    return reference + (high_step if reference >= high_from else low_step)


@rule
def due_days(weeks: float, tolerance_days: float) -> float:
    """Give the days after which an examination may confirm another: the weeks, short of the tolerance."""
    return DAYS_PER_WEEK * weeks - tolerance_days


@rule
def may_confirm(since: float, now: float, least_days: float) -> bool:
    """Tell whether an examination comes late enough after another to confirm it."""
    return now - since >= least_days - WHISKER_DAYS


@rule
def in_relapse(now: float, onset: float, relapse_days: float) -> bool:
    """Tell whether an examination is too close to a relapse's onset: on that day or up to `relapse_days` after it."""
    return relapse_days > 0.0 and onset <= now <= onset + relapse_days
