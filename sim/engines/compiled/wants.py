"""What the compiled engine has to draw for what a caller wants to know."""

from __future__ import annotations

import math

import numpy as np

from sim.engines.compiled.layout import WANT
from sim.engines.records import Records
from sim.engines.want import Want
from sim.scenario.plan import Plan


def wanted_visits(plan: Plan, want: Want) -> list[int]:
    """Give the numbers of the visits that are wanted and take place."""
    every = range(len(plan.visit_days))
    return [v for v in every if want.visits is None or v in want.visits]


def demand(plan: Plan, want: Want, record: bool) -> Records:
    """Give the WANT record: for the whole record of a trial (`record`), or for what is wanted of it."""
    asked = np.zeros((), WANT)
    if record:
        for name in WANT.names or ():
            asked[name] = 1.0
        asked["brief"] = asked["plain"] = asked["first"] = 0.0
        return asked
    visits = wanted_visits(plan, want)
    e, r, m = plan.eligibility, plan.reporting, plan.medication
    decides = plan.enrolment.run_in_free == 1.0
    reports = decides or m.start_prob > 0.0 or not want.counts.isdisjoint(("reported", "confirmed"))
    entry_exam = e.edss_min > 0.0 or e.edss_max < 10.0
    mild_differs = r.mild_prob != r.severe_prob or r.unreported_by_cured > 0.0
    exams = bool(visits) or entry_exam
    asked["entry_exam"] = entry_exam
    asked["exams"] = exams
    asked["severity"] = exams or (reports and mild_differs)
    asked["recall"] = e.kind != 0.0 or e.relapse_free_days > 0.0 or "recalled" in want.counts
    asked["past"] = want.past
    asked["first"] = want.first and not want.past
    asked["reports"] = reports
    for score in want.scores if visits else ():
        asked[score] = 1.0
    no_effect = plan.effect.log_rate_ratio == 0.0 and plan.sites.effect_sd == 0.0
    steady = no_effect or all(math.isinf(s) for s in plan.veins.restenosis_scale_days)
    asked["brief"] = steady and not reports and not visits
    asked["plain"] = asked["brief"] and not asked["recall"] and not exams and is_plain(plan) and not is_further(plan)
    asked["belief"] = reports or bool(visits) or plan.dropout.log_disbelief_ratio != 0.0
    return asked


def is_plain(plan: Plan) -> bool:
    """Tell whether everyone who arrives enters at once, in order of arrival, with nothing behind them but one clock."""
    e, d = plan.eligibility, plan.dropout
    alone = plan.sites.number == 1.0 and plan.enrolment.screening_days == 0.0
    no_history = plan.relapse.history_days == 0.0 and plan.activity.on == 0.0
    one_layer = plan.study.study_bound == 1.0 and plan.season.amplitude == 0.0  # nor does the calendar count
    nobody_fails = e.kind == 0.0 and e.relapse_free_days == 0.0 and e.stenosis_required == 0.0
    nobody_waits = plan.veins.wait_mean_days == 0.0 and plan.self_referral.weight == 1.0
    return alone and no_history and one_layer and nobody_fails and nobody_waits and d.log_disbelief_ratio == 0.0


def is_further(plan: Plan) -> bool:
    """Tell whether a plan has a mechanism whose parts are marked `further_part`: one line a mechanism."""
    s, e = plan.sites, plan.enrolment
    return any(
        (
            s.most > 0.0 or s.phases > 0.0,
            s.relapse_shape > 0.0 or s.success_sd > 0.0 or s.effect_sd > 0.0,
            e.run_in_days > 0.0,
            plan.historical.sites > 0.0,
        )
    )
