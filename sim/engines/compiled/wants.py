"""What the compiled engine has to draw for what a caller wants to know."""

from __future__ import annotations

import math

import numpy as np

from sim.engines.compiled.layout import WANT
from sim.engines.records import Records
from sim.engines.want import Want
from sim.model import allocation
from sim.scenario.plan import Plan


def wanted_visits(plan: Plan, want: Want) -> list[int]:
    """Give the numbers of the visits that are wanted and take place.

    All of them, where what they find moves a belief; earlier scans too, where new lesions are wanted.
    """
    every = range(len(plan.visit_days))
    if plan.belief.improvement != 0.0 and believes(plan, want):
        return list(every)
    wanted = [v for v in every if want.visits is None or v in want.visits]
    if wanted and plan.lesions.on and "new_t2" in want.scores:
        wanted += [v for v in range(wanted[-1]) if plan.lesions.scan_visits[v] and v not in wanted]
    return sorted(wanted)


def images(plan: Plan, want: Want) -> bool:
    """Tell whether surveillance is asked for, and done."""
    return (want.surveillance or plan.retreatment.most > 0.0) and plan.surveillance.on == 1.0


def reports(plan: Plan, want: Want) -> bool:
    """Tell whether reports of relapses are asked for."""
    counted = not want.counts.isdisjoint(("reported", "confirmed"))
    decide = plan.enrolment.run_in_free == 1.0 or heeds_reports(plan)
    return plan.medication.start_prob > 0.0 or decide or counted or images(plan, want)


def guesses(plan: Plan, want: Want) -> bool:
    """Tell whether treatment guesses are asked for, and made."""
    return want.guesses and plan.guess.on == 1.0


def believes(plan: Plan, want: Want) -> bool:
    """Tell whether anything asked for depends on what anybody believes."""
    seen = want.visits is None or any(v < len(plan.visit_days) for v in want.visits)
    leaving = plan.dropout.log_disbelief_ratio != 0.0 or has_hazards(plan)
    return reports(plan, want) or guesses(plan, want) or seen or leaving


def demand(plan: Plan, want: Want, record: bool) -> Records:
    """Give the WANT record: for the whole record of a trial (`record`), or for what is wanted of it."""
    asked = np.zeros((), WANT)
    if record:
        for name in WANT.names or ():
            asked[name] = 1.0
        asked["brief"] = asked["plain"] = asked["first"] = 0.0
        return asked
    visits = wanted_visits(plan, want)
    e, r, a = plan.eligibility, plan.reporting, plan.allocation
    believed = believes(plan, want)
    told = reports(plan, want) or (plan.belief.relapse != 0.0 and believed)
    entry_exam = e.edss_min > 0.0 or e.edss_max < 10.0 or a.by_edss == 1.0
    mild_differs = r.mild_prob != r.severe_prob or r.unreported_by_cured > 0.0
    exams = bool(visits) or entry_exam
    asked["entry_exam"] = entry_exam
    asked["exams"] = exams
    asked["severity"] = exams or (told and mild_differs)
    looks_back = a.by_relapses == 1.0 or a.steering_prob > 0.0
    asked["recall"] = e.kind != 0.0 or e.relapse_free_days > 0.0 or "recalled" in want.counts or looks_back
    asked["past"] = want.past
    asked["first"] = want.first and not want.past and not images(plan, want)
    asked["surveillance"] = images(plan, want)
    asked["reports"] = told
    asked["guesses"] = guesses(plan, want)
    for score in want.scores if visits else ():
        asked[score] = 1.0
    steady = plan.effect.log_rate_ratio == 0.0 or all(math.isinf(s) for s in plan.veins.restenosis_scale_days)
    asked["brief"] = steady and not told and not visits and not is_further(plan)
    asked["plain"] = asked["brief"] and not asked["recall"] and not exams and is_plain(plan)
    asked["belief"] = believed
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


def has_hazards(plan: Plan) -> bool:
    """Tell whether patients leave, or go elsewhere, by a hazard that belief moves."""
    return plan.dropout.lack_per_day > 0.0 or plan.contamination.per_day > 0.0


def heeds_reports(plan: Plan) -> bool:
    """Tell whether such a hazard rises or falls with each report of a relapse."""
    d, c = plan.dropout, plan.contamination
    leaving = d.lack_per_day > 0.0 and d.log_relapse_ratio != 0.0
    return leaving or (c.per_day > 0.0 and c.log_relapse_ratio != 0.0)


def is_further(plan: Plan) -> bool:
    """Tell whether a plan has a mechanism whose parts are marked `further_part`: one line a mechanism."""
    later, m, s = plan.later, plan.medication, plan.sites
    return any(
        (
            plan.slots.on == 1.0,
            plan.study.close_after_days < math.inf,
            any(later.delay_days) or any(later.procedures),
            plan.effect.onset_days > 0.0,
            plan.season.amplitude > 0.0,
            plan.activity.monthly == 1.0,
            plan.lesions.on == 1.0,
            plan.course.on == 1.0,
            plan.screening.on == 1.0,
            plan.surveillance.on == 1.0,
            plan.attendance.window_days > 0.0 or plan.attendance.missed_prob > 0.0,
            plan.belief.moves == 1.0,
            plan.guess.on == 1.0,
            allocates_further(plan),
            has_hazards(plan),
            s.most > 0.0 or s.phases > 0.0,
            s.relapse_shape > 0.0 or s.success_sd > 0.0 or s.effect_sd > 0.0,
            plan.enrolment.run_in_days > 0.0,
            plan.historical.sites > 0.0,
            m.start_prob > 0.0 and (m.stop_per_day > 0.0 or m.escalate_prob > 0.0),
        )
    )


def allocates_further(plan: Plan) -> bool:
    """Tell whether patients are allocated by more than a coin or the central list, or steered."""
    return plan.allocation.kind > allocation.PERMUTED_BLOCKS or plan.allocation.steering_prob > 0.0


def lists_needed(plan: Plan) -> float:
    """Give how many rows the lists of strata or margins need: 4 strata a site, or a margin a site and 4 others."""
    kind, sites = plan.allocation.kind, plan.sites.number
    if kind == allocation.STRATIFIED_BLOCKS:
        return allocation.STRATA_A_SITE * sites
    return allocation.OTHER_MARGINS + sites if kind == allocation.MINIMISATION else 1.0
