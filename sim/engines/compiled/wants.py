"""What a caller wants to know of a trial, and what the engine has to draw for it.

A draw has an address, so leaving one out moves no other: an engine that is asked for less gives the same answers to
what it is asked, sooner.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from sim.engines.compiled.layout import MOST_VISITS, WANT
from sim.engines.records import Records
from sim.scenario.plan import Plan


class Want(NamedTuple):
    """Kinds of relapses to be counted, numbers of the visits to be seen, and whether the past is asked for too."""

    counts: frozenset[str] = frozenset(("true", "reported", "confirmed", "recalled"))
    visits: Sequence[int] = tuple(range(MOST_VISITS))
    past: bool = True


EVERYTHING = Want()


def wanted_visits(plan: Plan, want: Want) -> list[int]:
    """Give the numbers of the visits that are wanted and take place."""
    return [v for v in want.visits if v < len(plan.visit_days)]


def demand(plan: Plan, want: Want, record: bool) -> Records:
    """Give the WANT record: for the whole record of a trial (`record`), or for what is wanted of it."""
    asked = np.zeros((), WANT)
    if record:
        for name in WANT.names or ():
            asked[name] = 1.0
        return asked
    visits = wanted_visits(plan, want)
    e, r, m = plan.eligibility, plan.reporting, plan.medication
    reports = m.start_prob > 0.0 or not want.counts.isdisjoint(("reported", "confirmed"))
    entry_exam = e.edss_min > 0.0 or e.edss_max < 10.0
    mild_differs = r.mild_points > 0.0 and (r.mild_prob != r.severe_prob or r.unreported_by_cured > 0.0)
    exams = bool(visits) or entry_exam
    asked["entry_exam"] = entry_exam
    asked["exams"] = exams
    asked["severity"] = exams or (reports and mild_differs)
    asked["recall"] = e.kind != 0.0 or e.relapse_free_days > 0.0 or "recalled" in want.counts
    asked["past"] = want.past
    asked["reports"] = reports
    asked["belief"] = reports or bool(visits) or plan.dropout.log_disbelief_ratio != 0.0
    return asked
