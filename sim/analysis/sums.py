"""What each trial adds to the design's own statistic over all trials: sums, one row a trial of a cohort.

The patients, windows and counts are those that the analysis of one trial uses.
"""

from __future__ import annotations

import numpy as np

from sim.analysis.arrays import BoolArray, FloatArray
from sim.analysis.trial import VISIT_FIELD, analysed, contrast, lesions, visit_number, windows
from sim.core.endpoints import AT_SCANS, CONFIRMED_AFTER, ON_SCREENING, parse_endpoint
from sim.data.cohort import Cohort, at_visit, first_event, of_course, restenosed, window
from sim.data.lesions import at_scans
from sim.data.worsening import first_worsening
from sim.model.doppler import NEEDED
from sim.scenario.schema import Endpoint, Scenario

TIMED = {"first_relapse", *CONFIRMED_AFTER}
"""Endpoints that compare times to a first event: these have no sums."""


def is_adjusted(scenario: Scenario, endpoint: Endpoint) -> bool:
    """Tell whether the design adjusts this endpoint for its baseline."""
    return parse_endpoint(endpoint.name)[0] in VISIT_FIELD and not scenario.before_after


def sums(scenario: Scenario, endpoint: Endpoint, people: Cohort) -> FloatArray:
    """Give (trials, 4): sum and weight of the treated (or after), then of the controls (or before).

    Where the design adjusts for the baseline, (trials, 10): number, x, change d, x * x and x * d of each group.
    """
    people = of_course(people, endpoint.course)
    kept = analysed(scenario, people).mask
    if scenario.before_after:
        return _before_after(scenario, endpoint, people, kept)
    return _parallel(scenario, endpoint, people, kept)


def times(scenario: Scenario, endpoint: Endpoint, people: Cohort) -> tuple[FloatArray, BoolArray, BoolArray]:
    """Give each patient's days to the first event or to the end, NaN for who is not analysed; the event; the group."""
    treated, control = _groups(scenario, endpoint, people, analysed(scenario, people).mask)
    if endpoint.name == "first_relapse":
        days, event = first_event(people, endpoint.counts)
    else:
        rule, weeks = scenario.worsening, CONFIRMED_AFTER[endpoint.name]
        days, event = first_worsening(people, rule.plan(), weeks, rule.relapses)
    return np.where((treated | control) & (days > 0.0), days, np.nan), event, treated


def by_trial(people: Cohort, *columns: FloatArray) -> FloatArray:
    """Add up columns with a value a patient: a row a trial, a column each; the sums don't depend on the batch."""
    trial = np.repeat(np.arange(people.trials), np.diff(people.first))
    return np.stack([np.bincount(trial, column, minlength=people.trials) for column in columns], axis=1)


def of_groups(people: Cohort, value: FloatArray, weight: FloatArray, *groups: BoolArray) -> FloatArray:
    """Give sums of value and weight over each group in turn, a row a trial; what is not in the group counts for 0."""
    columns = [np.where(group, column, 0.0) for group in groups for column in (value, weight)]
    return by_trial(people, *columns)


def _groups(scenario: Scenario, endpoint: Endpoint, people: Cohort, kept: BoolArray) -> tuple[BoolArray, BoolArray]:
    treatment, control = contrast(scenario, endpoint)
    arm = people.subjects["arm"]
    return kept & (arm == treatment), kept & (arm == control)


def _parallel(scenario: Scenario, endpoint: Endpoint, people: Cohort, kept: BoolArray) -> FloatArray:
    base, months = parse_endpoint(endpoint.name)
    one = np.ones(people.size)
    if base in ON_SCREENING:
        positive = (people.subjects["doppler_criteria"] >= NEEDED).astype(float)
        return of_groups(people, positive, one, *_groups(scenario, endpoint, people, kept))
    assert months is not None
    if base in AT_SCANS:
        found, over = lesions(scenario, base, months, people)
        return of_groups(people, found, over, *_groups(scenario, endpoint, people, kept & (over > 0.0)))
    if base in VISIT_FIELD:
        field = VISIT_FIELD[base]
        x, end = at_visit(people, field, 0), at_visit(people, field, visit_number(scenario, months))
        return _adjusted(people, x, end - x, *_groups(scenario, endpoint, people, kept & ~np.isnan(end - x)))
    seen = window(people, endpoint.counts, 0.0, months)
    groups = _groups(scenario, endpoint, people, kept & (seen.years > 0.0))
    if base == "arr":
        return of_groups(people, seen.counts, seen.years, *groups)
    return of_groups(people, (seen.counts == 0.0).astype(float), one, *groups)


def _adjusted(people: Cohort, x: FloatArray, change: FloatArray, *groups: BoolArray) -> FloatArray:
    columns = (np.ones(people.size), x, change, x * x, x * change)
    return by_trial(people, *(np.where(group, column, 0.0) for group in groups for column in columns))


def _before_after(scenario: Scenario, endpoint: Endpoint, people: Cohort, kept: BoolArray) -> FloatArray:
    base, months = parse_endpoint(endpoint.name)
    nothing, one, month = np.zeros(people.size), np.ones(people.size), scenario.study.after_months[1]
    if base == "restenosis":
        narrow = restenosed(people, endpoint.counts != "true", months or 0.0)
        return _beside(people, kept & ~np.isnan(narrow), (narrow, one), (nothing, one))
    field = VISIT_FIELD.get(base.removesuffix("_change"))
    if field:
        change = at_visit(people, field, visit_number(scenario, month)) - at_visit(people, field, 0)
        return _beside(people, kept & ~np.isnan(change), (change, one), (nothing, one))
    if base in AT_SCANS:
        later, once = lesions(scenario, base, None, people), at_scans(people, "gd_lesions", [0])
        return _beside(people, kept & (once[1] > 0.0) & (later[1] > 0.0), later, once)
    before, after = windows(scenario, endpoint.counts, people)
    seen = kept & (after.years > 0.0)
    if base == "arr_change":
        return _beside(people, seen & (before.years > 0.0), (after.counts, after.years), (before.counts, before.years))
    free = [(w.counts == 0.0).astype(float) for w in (after, before)]
    return _beside(people, seen, (free[0], one), (free[1], one))


def _beside(
    people: Cohort, kept: BoolArray, after: tuple[FloatArray, FloatArray], before: tuple[FloatArray, FloatArray]
) -> FloatArray:
    return np.hstack([of_groups(people, *own, kept) for own in (after, before)])
