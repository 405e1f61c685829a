"""Reads what published studies printed off simulated trials, as the study would have seen it: one value a trial.

A count printed out of so many patients is scaled to those many where an arm of the trial has others: 4 relapses in 9
patients stay 4, in an arm of 18 they count as 2. A trial without a value (no patient, no relapse before) has NaN.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import numpy as np
from numpy.typing import NDArray

from sim.analysis.trial import VISIT_FIELD, contrast, visit_number, windows
from sim.core.units import months
from sim.data.cohort import Cohort, Window, at_visit, of_course, restenosed, window
from sim.data.lesions import at_scans
from sim.engines.want import FURTHER, Want
from sim.model.course import COURSES
from sim.model.doppler import CRITERIA, NEEDED
from sim.scenario.schema import Endpoint, Figure, Scenario

Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]
Reading = Callable[[Scenario, Figure, Cohort], Floats]

NOT_COUNTED: Final = ("arr", "rate_ratio", "odds_ratio", "abnormal_doppler")

NOTHING: Final = Want(frozenset(), (), False, False, frozenset(), False, False)


def asked_endpoint(scenario: Scenario) -> Endpoint:
    """Give the scenario's first endpoint on relapses; where there is none, reported relapses of all patients."""
    relapses = (e for e in scenario.endpoint if e.name.startswith(("arr", "relapse_free")))
    return next(relapses, Endpoint(name="arr", counts="reported"))


def patients_asked(scenario: Scenario) -> int:
    """Give how many patients that endpoint is of: all, or those of its course where there is a quota."""
    course, quota = asked_endpoint(scenario).course, scenario.course.quota
    return quota[COURSES.index(course)] if course and quota else scenario.enrolment.target


# ---- patients of a batch of trials ----------------------------------------------------------------------------------


def per_trial(people: Cohort, who: Mask, weights: Floats | None = None) -> Floats:
    """Add up `weights` (1 each) of those patients, trial by trial."""
    trial = np.repeat(np.arange(people.trials), np.diff(people.first))
    chosen = None if weights is None else weights[who]
    return np.bincount(trial[who], chosen, people.trials).astype(float)


def members(scenario: Scenario, figure: Figure, people: Cohort) -> Mask:
    """Tell who is of the figure's arm; everyone, where it names none."""
    if not figure.arm:
        return np.ones(people.size, bool)
    arm: Mask = people.subjects["arm"] == [a.name for a in scenario.arm].index(figure.arm)
    return arm


def _over(part: Floats, whole: Floats) -> Floats:
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(whole > 0.0, part / whole, np.nan)


def _out_of(figure: Figure, part: Floats, whole: Floats) -> Floats:
    """Give a count as one out of the figure's total; the share itself where that has none."""
    return _over(part * patients_of(figure), whole)


def patients_of(figure: Figure) -> float:
    """Give the patients that a printed count is out of; 1 for rates, ratios, means and shares printed as decimals."""
    counted = figure.low.is_integer() and figure.high.is_integer() and figure.quantity not in NOT_COUNTED
    return float(figure.total) if figure.total and counted else 1.0


# ---- before and after -----------------------------------------------------------------------------------------------


def read_free(place: int) -> Reading:
    """Make the reading of patients without a relapse before (0) or after (1)."""

    def of(scenario: Scenario, figure: Figure, people: Cohort) -> Floats:
        own, both = _before_and_after(scenario, people)
        return per_trial(own, (both[1].years > 0.0) & (both[place].counts == 0.0))

    return of


def _before_and_after(scenario: Scenario, people: Cohort) -> tuple[Cohort, tuple[Window, Window]]:
    asked = asked_endpoint(scenario)
    own = of_course(people, asked.course)
    return own, windows(scenario, asked.counts, own)


def past_wanted(scenario: Scenario, figure: Figure) -> Want:
    """Give what both windows of a before-after design ask for."""
    return NOTHING._replace(counts=frozenset((asked_endpoint(scenario).counts, "recalled")), past=True)


def ratio(scenario: Scenario, figure: Figure, people: Cohort) -> Floats:
    """Give the rate after over the rate before, or in the treated over that in the control arm."""
    if scenario.before_after:
        own, both = _before_and_after(scenario, people)
        seen = both[1].years > 0.0
        before, after = (_over(per_trial(own, seen, w.counts), per_trial(own, seen, w.years)) for w in both)
        return _over(after, before)
    arms = contrast(scenario, scenario.endpoint[0])
    treated, control = (arr(scenario, figure.model_copy(update={"arm": scenario.arm[a].name}), people) for a in arms)
    return _over(treated, control)


def ratio_wanted(scenario: Scenario, figure: Figure) -> Want:
    """Give what a ratio of rates asks for."""
    return (past_wanted if scenario.before_after else relapses_wanted)(scenario, figure)


# ---- relapses by arm ------------------------------------------------------------------------------------------------


def _seen(scenario: Scenario, figure: Figure, people: Cohort) -> Window:
    start, end = figure.months
    return window(people, asked_endpoint(scenario).counts, start, end)


def relapses_wanted(scenario: Scenario, figure: Figure) -> Want:
    """Give what counting relapses on study asks for."""
    return NOTHING._replace(counts=frozenset((asked_endpoint(scenario).counts,)))


def relapses(scenario: Scenario, figure: Figure, people: Cohort) -> Floats:
    """Count the relapses of an arm in the window."""
    who, seen = members(scenario, figure, people), _seen(scenario, figure, people)
    return _out_of(figure, per_trial(people, who, seen.counts), per_trial(people, who))


def arr(scenario: Scenario, figure: Figure, people: Cohort) -> Floats:
    """Give the annualised relapse rate of an arm in the window."""
    who, seen = members(scenario, figure, people), _seen(scenario, figure, people)
    return _over(per_trial(people, who, seen.counts), per_trial(people, who, seen.years))


def with_relapse(any_of_them: bool) -> Reading:
    """Make the reading of patients with (or without) a relapse in the window, of those observed in it."""

    def of(scenario: Scenario, figure: Figure, people: Cohort) -> Floats:
        seen = _seen(scenario, figure, people)
        who = members(scenario, figure, people) & (seen.years > 0.0)
        some = (seen.counts > 0.0) == any_of_them
        return _out_of(figure, per_trial(people, who & some), per_trial(people, who))

    return of


# ---- scans, scores, veins, screening --------------------------------------------------------------------------------


def _scans(scenario: Scenario, figure: Figure) -> list[int]:
    low, high = figure.months
    return [visit_number(scenario, m) for m in scenario.lesions.scan_months if low < m <= high]


def lesions_wanted(scenario: Scenario, figure: Figure) -> Want:
    """Give what lesions at the scans of the window ask for."""
    field = "gd_lesions" if figure.quantity == "new_gd_lesions" else "new_t2"
    return NOTHING._replace(visits=tuple(_scans(scenario, figure)), scores=frozenset((field,)))


def gd_lesions(scenario: Scenario, figure: Figure, people: Cohort) -> Floats:
    """Count the Gd-enhancing lesions of an arm at the scans after `from`, up to `to`."""
    found, done = at_scans(people, "gd_lesions", _scans(scenario, figure))
    who = members(scenario, figure, people) & (done > 0.0)
    return _out_of(figure, per_trial(people, who, found), per_trial(people, who))


def lesion_free(scenario: Scenario, figure: Figure, people: Cohort) -> Floats:
    """Count who has no new T2 lesion at those scans, of those who had them all."""
    visits = _scans(scenario, figure)
    found, done = at_scans(people, "new_t2", visits)
    who = members(scenario, figure, people) & (done == len(visits))
    return _out_of(figure, per_trial(people, who & (found == 0.0)), per_trial(people, who))


def change(scenario: Scenario, figure: Figure, people: Cohort) -> Floats:
    """Give the mean change of a score from one visit to another, of those seen at both."""
    field = VISIT_FIELD[figure.quantity.removesuffix("_change")]
    start, end = (at_visit(people, field, visit_number(scenario, m)) for m in figure.months)
    who = members(scenario, figure, people) & ~np.isnan(start + end)
    return _over(per_trial(people, who, end - start), per_trial(people, who))


def change_wanted(scenario: Scenario, figure: Figure) -> Want:
    """Give what a change of a score asks for."""
    field = VISIT_FIELD[figure.quantity.removesuffix("_change")]
    return NOTHING._replace(visits=tuple(visit_number(scenario, m) for m in figure.months), scores=FURTHER & {field})


def flow(scenario: Scenario, figure: Figure, people: Cohort) -> Floats:
    """Count in whom a vein was opened and none is narrow again at the end of the window; all of the arm count."""
    who = members(scenario, figure, people)
    restored = restenosed(people, False, figure.months[1]) == 0.0
    return _out_of(figure, per_trial(people, who & restored), per_trial(people, who))


def restenosis(scenario: Scenario, figure: Figure, people: Cohort) -> Floats:
    """Count who was found with a restenosis in the window, of those with an opened vein."""
    early, late = (restenosed(people, True, m) for m in figure.months)
    who = members(scenario, figure, people) & ~np.isnan(late)
    return _out_of(figure, per_trial(people, who, late - early), per_trial(people, who))


def veins_wanted(scenario: Scenario, figure: Figure) -> Want:
    """Give what the state of treated veins asks for."""
    return NOTHING._replace(surveillance=True)


def completed(scenario: Scenario, figure: Figure, people: Cohort) -> Floats:
    """Count who was followed to the end of the window."""
    who = members(scenario, figure, people)
    stayed = people.subjects["end_time"] >= people.subjects["day_1"] + months(figure.months[1]) - 1e-6
    return _out_of(figure, per_trial(people, who & stayed), per_trial(people, who))


def anything(scenario: Scenario, figure: Figure) -> Want:
    """Ask for nothing: everyone who entered is always there."""
    return NOTHING


def positive(scenario: Scenario, figure: Figure, people: Cohort) -> Floats:
    """Count who was read as having CCSVI on Doppler."""
    who = members(scenario, figure, people)
    found = people.subjects["doppler_criteria"] >= NEEDED
    return _out_of(figure, per_trial(people, who & found), per_trial(people, who))


def abnormal(scenario: Scenario, figure: Figure, people: Cohort) -> Floats:
    """Give the share of Doppler criteria read as met, a measurement each."""
    who = members(scenario, figure, people)
    met = people.subjects["doppler_criteria"].astype(float)
    return _over(per_trial(people, who, met), CRITERIA * per_trial(people, who))


def odds_ratio(scenario: Scenario, figure: Figure, people: Cohort) -> Floats:
    """Give the odds of CCSVI on Doppler with MS over those without."""
    arm, found = people.subjects["arm"], people.subjects["doppler_criteria"] >= NEEDED
    odds = []
    for group in ("ms", "control"):
        who = arm == scenario.group_arm(group)
        odds.append(_over(per_trial(people, who & found), per_trial(people, who & ~found)))
    return _over(*odds)
