"""The run-in: candidates are watched between screening and entry, and may be kept out by what is reported."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from sim.core.events import Kind
from sim.model import eligibility, enrolment

if TYPE_CHECKING:
    from sim.engines.reference.patient import Patient


def await_run_in_end(p: Patient) -> None:
    """Set the clock of the end of the run-in, if there is one."""
    if p.plan.enrolment.run_in_days > 0.0:
        p.set_clock(p.screening_time + p.plan.enrolment.entry_days, Kind.RUN_IN_END, 0)


def is_watched(p: Patient, onset: float) -> bool:
    """Tell whether a relapse with this onset is observed from its start: in a run-in, or later."""
    rule = p.plan.enrolment
    return enrolment.is_watched(onset, p.screening_time, rule.screening_days, rule.run_in_days)


def on_run_in_end(p: Patient, _: int, __: Any) -> None:
    """Come to the end of the run-in; who is not to have relapsed in it, and did, is out."""
    reported = sum(is_watched(p, r.onset) and not math.isnan(r.reported_time) for r in p.relapses)
    p.note(Kind.RUN_IN_END, 0, float(reported))
    if reported and p.plan.enrolment.run_in_free:
        p.reason = eligibility.FAILS_RUN_IN
        p.note(Kind.SCREEN_FAILURE, 0, float(p.reason))
        p.diary.clear()
