"""Cohorts of one or many trials in, one batch of Estimates an endpoint out, as the scenario asks."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from sim.analysis.ancova import ancova_change_batch
from sim.analysis.arrays import BoolArray, FloatArray, IntArray
from sim.analysis.before_after import paired_rate_ratio_batch, paired_t_batch
from sim.analysis.binary import mcnemar_exact_batch, odds_ratio_batch, risk_difference_batch, share_batch
from sim.analysis.estimate import Estimates
from sim.analysis.negbin import negbin_rate_ratio_batch
from sim.analysis.robust_score import robust_score_p
from sim.analysis.survival import first_relapse_estimates
from sim.core.endpoints import AT_SCANS, CONFIRMED_AFTER, parse_endpoint
from sim.data.cohort import Cohort, Counts, Window, at_visit, first_event, of_course, only, restenosed, stayed, window
from sim.data.lesions import at_scans, since_baseline
from sim.data.worsening import first_worsening
from sim.model.doppler import NEEDED
from sim.scenario.schema import Endpoint, Scenario

VISIT_FIELD = {"edss": "edss", "msfc": "msfc", "msqol_physical": "quality", "msqol_mental": "mental"}

Mask = NDArray[np.bool_]
Column = TypeVar("Column", FloatArray, Mask)


@dataclass(frozen=True, slots=True)
class Kept:
    """Which patients of a cohort an analysis uses, and where each trial begins among them."""

    mask: BoolArray
    first: IntArray

    def among(self, more: BoolArray) -> Kept:
        """Keep only those for whom `more`, one value a patient kept so far, holds."""
        if more.all():
            return self
        mask = self.mask.copy()
        mask[mask] = more
        return Kept(mask, _begins(more, self.first))

    def of(self, column: Column) -> Column:
        """Give the values of the patients kept."""
        return column if self.first[-1] == len(column) else column[self.mask]


def _begins(mask: BoolArray, first: IntArray) -> IntArray:
    """Give where each trial begins when only those under the mask are kept."""
    if mask.all():
        return first
    begins: IntArray = np.concatenate([[0], np.cumsum(mask)])[first]
    return begins


def analyse(scenario: Scenario, people: Cohort) -> list[Estimates]:
    """Give the Estimates of each `[[endpoint]]` of the scenario, in their order; one row a trial of the cohort."""
    one = _before_after if scenario.before_after else _case_control if scenario.case_control else _parallel
    asked = {e.course: of_course(people, e.course) for e in scenario.endpoint}
    kept = {course: analysed(scenario, own) for course, own in asked.items()}
    return [one(scenario, e, asked[e.course], kept[e.course]) for e in scenario.endpoint]


def analysed(scenario: Scenario, people: Cohort) -> Kept:
    """Keep everyone, or those who stayed to the end, as the scenario says."""
    everyone = scenario.study.analyse == "all" or not scenario.switches.attrition
    mask = np.ones(people.size, bool) if everyone else stayed(people)
    return Kept(mask, _begins(mask, people.first))


def contrast(scenario: Scenario, endpoint: Endpoint) -> tuple[int, int]:
    """Give the numbers of the arm asked about and of the arm it is compared with."""
    if scenario.case_control:
        return scenario.group_arm("ms"), scenario.group_arm("control")
    names = [a.name for a in scenario.arm]
    kinds = [a.procedure for a in scenario.arm]
    if scenario.study.design == "immediate_v_delayed":
        soonest = min(scenario.arm, key=lambda a: a.delay_months)
        treatment = names.index(endpoint.treatment or soonest.name)
        return treatment, names.index(endpoint.control) if endpoint.control else 1 - treatment
    treatment = names.index(endpoint.treatment) if endpoint.treatment else kinds.index("angioplasty")
    if endpoint.control:
        return treatment, names.index(endpoint.control)
    return treatment, kinds.index("sham" if "sham" in kinds and kinds[treatment] != "sham" else "none")


def visit_number(scenario: Scenario, months: float) -> int:
    """Give the number of the visit at this month."""
    return scenario.visits.months.index(months)


def scans(scenario: Scenario, months: float | None) -> list[int]:
    """Give the numbers of the visits with a scan up to this month; without one, at both ends of before and after."""
    chosen = [0.0, scenario.study.after_months[1]]
    if months is not None:
        chosen = [m for m in scenario.lesions.scan_months if m <= months]
    return [visit_number(scenario, m) for m in chosen]


def lesions(
    scenario: Scenario, base: str, months: float | None, people: Cohort, suffix: str = ""
) -> tuple[FloatArray, FloatArray]:
    """Give a patient's lesions after the baseline scan (as expected, with the suffix "_latent"), and scans or years."""
    visits, field = scans(scenario, months), base.removesuffix("_change") + suffix
    if base == "new_t2":
        return since_baseline(people, field, visits)
    return at_scans(people, field, [v for v in visits if v > 0])


def _parallel(scenario: Scenario, endpoint: Endpoint, people: Cohort, kept: Kept) -> Estimates:
    treatment, control = contrast(scenario, endpoint)
    arm = people.subjects["arm"]
    active = arm == treatment
    if len(scenario.arm) > 2:
        kept = kept.among(kept.of(active | (arm == control)))
    base, months = parse_endpoint(endpoint.name)
    alpha = scenario.study.alpha
    if base == "first_relapse":
        return _first_relapse(endpoint, people, kept, active, alpha)
    if base in CONFIRMED_AFTER:
        times = first_worsening(people, scenario.worsening.plan(), CONFIRMED_AFTER[base], scenario.worsening.relapses)
        return _times_compared(times, kept, active, alpha)
    assert months is not None
    treated = kept.of(active)
    if base in AT_SCANS:
        found, over = lesions(scenario, base, months, people)
        return _lesions_compared(kept.of(found), kept.of(over), treated, kept.first, scenario)
    if base in VISIT_FIELD:
        field, visit = VISIT_FIELD[base], visit_number(scenario, months)
        scores = kept.of(at_visit(people, field, 0)), kept.of(at_visit(people, field, visit))
        return ancova_change_batch(*scores, treated, kept.first, alpha)
    seen = window(people, endpoint.counts, 0.0, months)
    if base == "arr":
        return negbin_rate_ratio_batch(kept.of(seen.counts), kept.of(seen.years), treated, kept.first, alpha)
    kept = kept.among(kept.of(seen.years) > 0.0)
    free = kept.of(seen.counts) == 0.0
    return _as_observed(risk_difference_batch(free, kept.of(active), kept.first, alpha))


def _lesions_compared(
    found: FloatArray, over: FloatArray, treated: Mask, first: IntArray, scenario: Scenario
) -> Estimates:
    """Compare lesions: their counts are no negative binomial ones, so the error is the sandwich, p as the key says."""
    wald = negbin_rate_ratio_batch(found, over, treated, first, scenario.study.alpha, se="sandwich")
    if scenario.lesions.test == "wald":
        return wald
    p = np.where(wald.converged, robust_score_p(found, over, treated, first), math.nan)
    words = ", p by the robust score test"
    return replace(wald, p=p, method=wald.method + words, boundary_method=wald.boundary_method + words)


def _case_control(scenario: Scenario, endpoint: Endpoint, people: Cohort, kept: Kept) -> Estimates:
    ms, _ = contrast(scenario, endpoint)
    positive = people.subjects["doppler_criteria"] >= NEEDED
    case = people.subjects["arm"] == ms
    return odds_ratio_batch(kept.of(positive), kept.of(case), kept.first, scenario.study.alpha)


def _first_relapse(endpoint: Endpoint, people: Cohort, kept: Kept, treated: Mask, alpha: float) -> Estimates:
    """Compare times from study day 1 to the first relapse, as observed until leaving."""
    return _times_compared(first_event(people, endpoint.counts), kept, treated, alpha)


def _times_compared(times: tuple[FloatArray, Mask], kept: Kept, treated: Mask, alpha: float) -> Estimates:
    """Compare times to a first event; who was not observed after study day 1 is left out."""
    days, event = times
    kept = kept.among(kept.of(days) > 0.0)
    return first_relapse_estimates(kept.of(days), kept.of(event), kept.of(treated), kept.first, alpha)


def _as_observed(found: Estimates) -> Estimates:
    """Say in the method's words that a patient who left counts as last seen."""
    words = f"{found.method}, as observed until leaving"
    return replace(found, method=words, boundary_method=words)


def of_today(scenario: Scenario, people: Cohort) -> Cohort:
    """Give the patients whom a truth is about: all, or with controls of the past those of today."""
    if not scenario.historical_control:
        return people
    treated = [arm.procedure for arm in scenario.arm].index("angioplasty")
    return only(people, people.subjects["arm"] == treated)


def baseline(scenario: Scenario, counts: Counts, people: Cohort, start_months: float, end_months: float) -> Window:
    """Give what is counted in a window before study day 1: as recalled, and from a run-in on as observed.

    A relapse is one or the other, so the counts add up. True relapses are counted as they were.
    """
    if counts == "true":
        return window(people, "true", start_months, end_months)
    recalled = window(people, "recalled", start_months, end_months)
    if scenario.enrolment.run_in_days == 0.0:
        return recalled
    return Window(recalled.counts + window(people, counts, start_months, end_months).counts, recalled.years)


def windows(scenario: Scenario, counts: Counts, people: Cohort) -> tuple[Window, Window]:
    """Give what is counted before study day 1 (`baseline`) and after."""
    study = scenario.study
    return (
        baseline(scenario, counts, people, study.before_months[0], study.before_months[1]),
        window(people, counts, study.after_months[0], study.after_months[1]),
    )


def _before_after(scenario: Scenario, endpoint: Endpoint, people: Cohort, kept: Kept) -> Estimates:
    base, months = parse_endpoint(endpoint.name)
    alpha = scenario.study.alpha
    if base == "restenosis":
        assert months is not None
        narrow = restenosed(people, endpoint.counts != "true", months)
        return _as_observed(share_batch(kept.of(narrow), kept.first, alpha))
    field = VISIT_FIELD.get(base.removesuffix("_change"))
    if field:
        visit = visit_number(scenario, scenario.study.after_months[1])
        scores = kept.of(at_visit(people, field, 0)), kept.of(at_visit(people, field, visit))
        return paired_t_batch(*scores, kept.first, alpha)
    if base in AT_SCANS:
        scanned = at_scans(people, "gd_lesions", [0]), lesions(scenario, base, None, people)
        (found, once), (later, again) = ((kept.of(n), kept.of(done)) for n, done in scanned)
        return paired_rate_ratio_batch(found, once, later, again, kept.first, alpha)
    before, after = windows(scenario, endpoint.counts, people)
    kept = kept.among(kept.of(after.years) > 0.0)
    if base == "arr_change":
        events, years = (kept.of(before.counts), kept.of(after.counts)), (kept.of(before.years), kept.of(after.years))
        return paired_rate_ratio_batch(events[0], years[0], events[1], years[1], kept.first, alpha)
    free = kept.of(before.counts) == 0.0, kept.of(after.counts) == 0.0
    return _as_observed(mcnemar_exact_batch(*free, kept.first, alpha))
