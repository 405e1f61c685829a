"""Attendance: a visit takes place within a window around the day it is due, or is missed."""

from __future__ import annotations

from typing import NamedTuple

from sim.core.rules import rule
from sim.core.units import on_clock


class AttendancePlan(NamedTuple):
    """Half width of the window in days, and the probability that a visit after the baseline is missed."""

    window_days: float
    missed_prob: float


@rule
def seen_on(day_1: float, days: float, u: float, window_days: float, planned_end: float, resolution: float) -> float:
    """Give when a visit takes place: uniform within the window around its day, no later than the end of follow-up."""
    return min(on_clock(day_1 + (days + window_days * (2.0 * u - 1.0)), resolution), planned_end)


@rule
def is_missed(u: float, missed_prob: float) -> bool:
    """Tell whether a visit after the baseline is missed, whatever else happens."""
    return u < missed_prob
