"""The run-in: candidates are watched between screening and entry, and may be kept out by what is reported."""

from __future__ import annotations

import math
from typing import Any

from sim.engines.compiled.clocks import note, set_clock
from sim.engines.compiled.ranks import ON_FAILURE, ON_RUN_IN_END
from sim.jit import bare_part, further_part, further_value
from sim.model import eligibility, enrolment

FAILS_RUN_IN = eligibility.FAILS_RUN_IN
NAN = math.nan


@further_part
def await_run_in_end(plan: Any, p: Any) -> None:
    """Set the clock of the end of the run-in, if there is one."""
    if plan.enrolment.run_in_days > 0.0:
        set_clock(plan, p, p.screening_time + plan.enrolment.entry_days, ON_RUN_IN_END, 0)


@further_value(0.0)
def watched(plan: Any, p: Any, onset: Any) -> Any:
    """Give 1 for a relapse that is observed from its start: in a run-in, or later."""
    rule = plan.enrolment
    return 1.0 if enrolment.is_watched(onset, p.screening_time, rule.screening_days, rule.run_in_days) else 0.0


@further_value(0.0)
def run_in_decides(plan: Any) -> Any:
    """Give 1 where the run-in has to be lived before it is known who enters."""
    return plan.enrolment.run_in_free


@bare_part
def on_run_in_end(plan: Any, t: Any, p: Any, relapses: Any, events: Any) -> None:
    """Come to the end of the run-in; who is not to have relapsed in it, and did, is out."""
    reported = 0.0
    row = p.first_own
    while row >= 0:
        own = relapses[row]
        if watched(plan, p, own.onset) == 1.0 and not math.isnan(own.reported_time):
            reported += 1.0
        row = own.next_own
    note(plan, t, events, p.now, ON_RUN_IN_END, p.word, 0, reported)
    if reported > 0.0 and plan.enrolment.run_in_free == 1.0:
        p.reason = FAILS_RUN_IN
        p.entry_time = NAN
        note(plan, t, events, p.now, ON_FAILURE, p.word, 0, float(p.reason))
        p.clocks = 0
        forget_reports(plan, p)


@further_part
def forget_reports(plan: Any, p: Any) -> None:
    """Take no report any more of relapses in the run-in of who does not enter."""
    p.reports = -1
    p.confirms = -1
