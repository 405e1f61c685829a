"""Visits: when patients are seen."""

from __future__ import annotations

from pydantic import Field

from sim.core.params import Table, param, probability
from sim.core.rules import rule
from sim.core.units import months, on_clock
from sim.model.attendance import AttendancePlan

MOST_VISITS = 200


@rule
def day_1(entry: float, procedure_time: float, randomised: float) -> float:
    """Give study day 1: the day of randomisation; without randomisation, that of the procedure."""
    return entry if randomised == 1.0 else procedure_time


@rule
def visit_time(day_1: float, days: float, resolution: float) -> float:
    """Give when a visit is due, `days` after study day 1."""
    return on_clock(day_1 + days, resolution)


@rule
def study_day(time: float, day_1: float) -> float:
    """Give the time as a study day: 1 is study day 1."""
    return time - day_1 + 1.0


@rule
def planned_end(day_1: float, follow_up_days: float, close_day: float, resolution: float) -> float:
    """Give the day on which follow-up is to end: after its length or on the closing day, not before day 1."""
    return max(on_clock(min(day_1 + follow_up_days, close_day), resolution), day_1)


class Visits(Table):
    """The schedule of examinations, counted from study day 1."""

    months: list[float] = Field(
        default=[0.0, 3.0, 6.0, 9.0, 12.0, 15.0, 18.0, 21.0, 24.0],
        min_length=1,
        max_length=MOST_VISITS,
        description="months after study day 1 at which EDSS, MSFC and MSQOL-54 are taken; 0 is the baseline",
        json_schema_extra={"unit": "months", "source": "design"},
    )
    window_days: float = param(
        0.0,
        unit="days",
        ge=0.0,
        le=365.0,
        meaning="a visit after the baseline takes place up to so many days before or after it is due (uniform)",
        source="design",
    )
    missed_prob: float = probability(
        0.0, meaning="a visit after the baseline is missed, independently of all else", source="design"
    )

    def plan(self) -> tuple[float, ...]:
        """Give the visit days after study day 1."""
        return tuple(months(m) for m in self.months)

    def attendance_plan(self) -> AttendancePlan:
        """Give how far from their days visits are, and how often they are missed."""
        return AttendancePlan(self.window_days, self.missed_prob)
