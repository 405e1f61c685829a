"""Finds each patient's first confirmed disability worsening, in compiled code: one pass over examinations in order.

Examinations lie in a grid, a row a patient and a column a visit, flattened; NaN is a visit that did not take place.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sim.data.cohort import Cohort, Counts, Floats, counted
from sim.jit import bare_part, typed_kernel
from sim.model.disability import edss_grid
from sim.model.worsening import WorseningPlan, due_days, in_relapse, may_confirm, worse_from


def first_worsening(
    people: Cohort, rule: WorseningPlan, weeks: float, kind: Counts, field: str = "edss"
) -> tuple[Floats, NDArray[np.bool_]]:
    """Give days from study day 1 to the first worsening confirmed after `weeks`, or to censoring, and which it was.

    A worsening is dated at its first examination. Who has none is censored at the last examination that a later one
    could still have confirmed, by date alone: later ones could not have begun an event. Without a baseline, or without
    such an examination after it, a patient has 0 days. `kind` are the relapses near which nothing begins or is
    confirmed; of `field` "edss_latent" the grid value is taken, as an examination without error would find it.
    """
    visits = 1 + int(people.visits["visit"].max(initial=0))
    times, scores = (_grid(people, name, visits) for name in ("time", field))
    near = np.zeros(people.size * visits, np.bool_)
    days, events = np.empty(people.size), np.empty(people.size, np.bool_)
    day_1, least = people.subjects["day_1"], due_days(weeks, rule.tolerance_days)
    relapses = people.relapse_row, people.relapses["onset"], counted(people.relapses, kind)
    steps = rule.zero_step, rule.low_step, rule.high_step, rule.high_from
    rest = least, rule.relapse_days, times, scores, near, days, events
    observe_worsening(day_1, *relapses, rule.roving, *steps, *rest)
    return days, events


def _grid(people: Cohort, field: str, visits: int) -> Floats:
    """Give a field of all visits, a row a patient and a column a visit, flattened; NaN where there was none."""
    grid = np.full(people.size * visits, np.nan)
    kept = people.visit_row >= 0
    grid[people.visit_row[kept] * visits + people.visits["visit"][kept]] = people.visits[field][kept]
    return grid


@bare_part
def is_confirmed(times: Any, scores: Any, near: Any, begun: Any, end: Any, least_score: Any, least_days: Any) -> bool:
    """Tell whether a worsening begun at an examination stands at each one up to the first that may confirm it."""
    for later in range(begun + 1, end):
        if math.isnan(scores[later]):
            continue
        if scores[later] < least_score:
            return False
        if may_confirm(times[begun], times[later], least_days) and not near[later]:
            return True
    return False


@bare_part
def is_lasting(times: Any, scores: Any, begun: Any, end: Any, least_days: Any) -> bool:
    """Tell whether each examination up to the first late enough is no higher than this one."""
    for later in range(begun + 1, end):
        if math.isnan(scores[later]):
            continue
        if scores[later] > scores[begun]:
            return False
        if may_confirm(times[begun], times[later], least_days):
            return True
    return False


@bare_part
def last_possible(times: Any, begin: Any, end: Any, least_days: Any) -> Any:
    """Give the last examination after the baseline that a later one could confirm by date; the baseline if none."""
    last = end - 1
    while last > begin and math.isnan(times[last]):
        last -= 1
    for here in range(last - 1, begin, -1):
        if not math.isnan(times[here]) and may_confirm(times[here], times[last], least_days):
            return here
    return begin


@typed_kernel(
    "strided float64, strided int64, strided float64, strided bool, float64, float64, float64, float64, float64, "
    "float64, float64, float64[], float64[], bool[], float64[], bool[]"
)
def observe_worsening(
    day_1: Any,
    row: Any,
    onset: Any,
    counts: Any,
    roving: Any,
    zero_step: Any,
    low_step: Any,
    high_step: Any,
    high_from: Any,
    least_days: Any,
    relapse_days: Any,
    times: Any,
    scores: Any,
    near: Any,
    days: Any,
    events: Any,
) -> None:
    """Write each patient's days to the first confirmed worsening or to censoring, and which it was.

    Relapse k is patient row[k]'s (-1: nobody's) and matters where counts[k]. `scores` are put on the EDSS grid, `near`
    (false as given) is set where an examination is too close to a relapse.
    """
    people = day_1.shape[0]
    visits = times.shape[0] // people if people > 0 else 1
    for k in range(row.shape[0]):
        r = row[k]
        if r >= 0 and counts[k] and onset[k] > day_1[r]:
            for place in range(r * visits, (r + 1) * visits):
                if in_relapse(times[place], onset[k], relapse_days):
                    near[place] = True
    for place in range(scores.shape[0]):
        if not math.isnan(scores[place]):
            scores[place] = edss_grid(scores[place])
    for r in range(people):
        begin, end = r * visits, (r + 1) * visits
        days[r], events[r] = 0.0, False
        reference = scores[begin]
        if math.isnan(reference):
            continue
        last = last_possible(times, begin, end, least_days)
        if last > begin:
            days[r] = times[last] - day_1[r]
        for here in range(begin + 1, last + 1):
            if math.isnan(scores[here]):
                continue
            least = worse_from(reference, zero_step, low_step, high_step, high_from)
            if scores[here] >= least:
                if not near[here] and is_confirmed(times, scores, near, here, end, least, least_days):
                    days[r], events[r] = times[here] - day_1[r], True
                    break
            elif roving != 0.0 and scores[here] < reference and is_lasting(times, scores, here, end, least_days):
                reference = scores[here]
