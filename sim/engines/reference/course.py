"""The course of the disease: drawn at birth, it sets level, slope and relapse rate, and who may enter."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sim.core.streams import Uniforms
from sim.model import course, disability, eligibility

if TYPE_CHECKING:
    from sim.engines.reference.patient import Patient
    from sim.engines.reference.trial import Trial


def disability_of(p: Patient, u: Uniforms) -> tuple[float, float]:
    """Draw the latent EDSS at screening and the slope, as they are in the patient's course."""
    rule, d = p.plan.course, p.plan.disability
    median = course.by_course(p.course, d.log_baseline, rule.sp_log_baseline, rule.pp_log_baseline)
    per_day = course.by_course(p.course, d.slope_per_day, rule.sp_slope_per_day, rule.pp_slope_per_day)
    return disability.baseline(u[0], median, d.baseline_log_sd), disability.slope(u[1], per_day)


def rate_of(p: Patient) -> float:
    """Give the arm-free relapse rate of the patient's site and course, a day."""
    rule = p.plan.course
    ratio = course.by_course(p.course, 1.0, rule.sp_rate_ratio, rule.pp_rate_ratio)
    return course.own_rate(p.plan.relapse.rate_per_day * p.here.relapse_factor, ratio)


def course_first(p: Patient, reason: int) -> int:
    """Give the course as the reason that keeps a candidate out, if it does; else the reason found."""
    rule = p.plan.course
    if rule.on and (not rule.allowed[p.course] or course_is_full(p.trial, p)):
        return eligibility.FAILS_COURSE
    return reason


def course_is_full(trial: Trial, p: Patient) -> bool:
    """Tell whether as many of the candidate's course have entered as may."""
    rule = trial.plan.course
    return bool(rule.on) and course.is_full(trial.of_course[p.course], rule.quota[p.course])
