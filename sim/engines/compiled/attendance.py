"""Attendance: a visit's clock moved within its window, or made that of a visit that is missed."""

from __future__ import annotations

import math
from typing import Any

from sim.core.streams import EXAMINATION, SCORE
from sim.engines.compiled.clocks import draw
from sim.engines.compiled.ranks import ON_MISSED
from sim.jit import bare_part, further_part, further_value
from sim.model import attendance, visits


@further_part
def keep_appointment(plan: Any, t: Any, p: Any, visit: Any) -> None:
    """Let the clock that was set last, this visit's, ring when the visit takes place, or as one that is missed."""
    rule = plan.attendance
    if visit == 0:  # the baseline is on its day, and not missed
        return
    k = p.clocks - 1
    if rule.window_days > 0.0:
        u = draw(t, p.word, SCORE, visit + 1, 0)[2]
        days = plan.visit_days[visit]
        p.clock_time[k] = attendance.seen_on(p.day_1, days, u, rule.window_days, p.planned_end, plan.study.resolution)
    if misses(plan, t, p, visit):
        p.clock_rank[k] = ON_MISSED


@further_value(0.0)
def seen_before_closing(plan: Any, t: Any, p: Any, visit: Any) -> Any:
    """Give 1 where a visit takes place early in its window, before enrolment closed and with it the study's end was
    known, else 0."""
    rule, study, days = plan.attendance, plan.study, plan.visit_days[visit]
    if visit == 0 or rule.window_days == 0.0 or study.close_after_days == math.inf:
        return 0.0
    end = visits.planned_end(p.day_1, study.follow_up_days, study.close_day, study.resolution)
    if visits.visit_time(p.day_1, days, study.resolution) > end:
        return 0.0
    u = draw(t, p.word, SCORE, visit + 1, 0)[2]
    time = attendance.seen_on(p.day_1, days, u, rule.window_days, end, study.resolution)
    return 1.0 if time < t.closed_time else 0.0


@bare_part
def misses(plan: Any, t: Any, p: Any, visit: Any) -> Any:
    """Tell whether the patient misses this visit, which is not the baseline."""
    prob = plan.attendance.missed_prob
    return prob > 0.0 and attendance.is_missed(draw(t, p.word, EXAMINATION, visit + 1, 0)[3], prob)


@further_value(0.0)
def missed_before(plan: Any, t: Any, p: Any, visit: Any) -> Any:
    """Give how many visits before this one were missed."""
    missed = 0.0
    if plan.attendance.missed_prob > 0.0:
        for earlier in range(1, visit):
            missed += 1.0 if misses(plan, t, p, earlier) else 0.0
    return missed
