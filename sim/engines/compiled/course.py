"""The course of the disease: drawn at birth, it sets level, slope and relapse rate, and who may enter."""

from __future__ import annotations

from typing import Any

from sim.core.streams import PRESENT
from sim.engines.compiled.clocks import draw
from sim.jit import further_part, further_value
from sim.model import course, disability, eligibility

FAILS_COURSE = eligibility.FAILS_COURSE


@further_part
def be_of_course(plan: Any, t: Any, p: Any) -> None:
    """Draw a candidate's course."""
    rule = plan.course
    if rule.on == 1.0:
        p.course = course.course_of(draw(t, p.word, PRESENT, 0, 0)[3], rule.sp_prob, rule.pp_prob)


@further_value(1.0)
def rate_ratio(plan: Any, p: Any) -> Any:
    """Give the relapse rate of the patient's course over that of RR."""
    rule = plan.course
    return course.by_course(float(p.course), 1.0, rule.sp_rate_ratio, rule.pp_rate_ratio)


@further_part
def worsen_by_course(plan: Any, p: Any, u: Any) -> None:
    """Set level and slope of a patient who is not RR; `u` are the lanes of stream "latent"."""
    rule = plan.course
    d = plan.disability
    if p.course != 0:
        own = float(p.course)
        median = course.by_course(own, d.log_baseline, rule.sp_log_baseline, rule.pp_log_baseline)
        per_day = course.by_course(own, d.slope_per_day, rule.sp_slope_per_day, rule.pp_slope_per_day)
        p.edss_latent = disability.baseline(u[0], median, d.baseline_log_sd)
        p.slope_per_day = disability.slope(u[1], per_day)


@further_part
def look_at_course(plan: Any, t: Any, p: Any) -> None:
    """Keep a candidate out whose course may not enter or is full: the first thing that is looked at."""
    if plan.course.on == 1.0 and (plan.course.allowed[p.course] == 0.0 or course_is_full(plan, t, p) == 1.0):
        p.reason = FAILS_COURSE


@further_value(0.0)
def course_is_full(plan: Any, t: Any, p: Any) -> Any:
    """Tell (1 or 0) whether as many of the candidate's course have entered as may."""
    if plan.course.on == 0.0:
        return 0.0
    return 1.0 if course.is_full(t.of_course[p.course], plan.course.quota[p.course]) else 0.0


@further_part
def clear_courses(plan: Any, t: Any) -> None:
    """Begin a trial with nobody of any course."""
    for k in range(3):
        t.of_course[k] = 0.0


@further_part
def count_course(plan: Any, t: Any, p: Any) -> None:
    """Count an entry."""
    t.of_course[p.course] += 1.0
