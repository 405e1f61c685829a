"""Attendance: a visit takes place within a window around the day it is due, or is missed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sim.core.events import Kind
from sim.core.streams import EXAMINATION, SCORE
from sim.model import attendance

if TYPE_CHECKING:
    from sim.engines.reference.patient import Patient


def appointment(p: Patient, visit: int, due: float) -> tuple[float, Kind]:
    """Give when a visit that is due then takes place, or would have, and whether it is one that is missed."""
    rule, days, time, kind = p.plan.attendance, p.plan.visit_days[visit], due, Kind.VISIT
    if visit == 0:  # the baseline is on its day, and not missed
        return time, kind
    if rule.window_days > 0.0:
        u = p.draw(SCORE, visit + 1)[2]
        time = attendance.seen_on(p.day_1, days, u, rule.window_days, p.planned_end, p.plan.study.resolution)
    if rule.missed_prob > 0.0 and attendance.is_missed(p.draw(EXAMINATION, visit + 1)[3], rule.missed_prob):
        kind = Kind.VISIT_MISSED
    return time, kind


def on_visit_missed(p: Patient, index: int, _: Any) -> None:
    """Stay away from a visit."""
    p.note(Kind.VISIT_MISSED, index, 0.0)
