"""Counts relapses patient by patient, in compiled code: one pass over the patients and relapses of a whole batch.

Columns may be fields of records, any number of bytes apart: every layout of records shares one compiled form.
"""

from __future__ import annotations

import math
from typing import Any

from sim.core.units import DAYS_PER_YEAR
from sim.jit import typed_kernel

PEOPLE, RELAPSES = "strided float64, strided float64", "strided int64, strided int64, strided float64, strided float64"


@typed_kernel(f"{PEOPLE}, {RELAPSES}, bool, float64, float64, bool, float64[], float64[]")
def observe_window(
    day_1: Any,
    end: Any,
    row: Any,
    pseudo: Any,
    time: Any,
    seen: Any,
    with_pseudo: Any,
    low: Any,
    high: Any,
    on_study: Any,
    counts: Any,
    years: Any,
) -> None:
    """Write each patient's relapses after day_1 + low and up to day_1 + high, and the years between.

    A window `on_study` ends for a patient at `end` if not before. Relapse k is patient row[k]'s (-1: nobody's), counts
    if it was seen (seen[k] is not NaN), and pseudo-relapses count where `with_pseudo`.
    """
    for r in range(day_1.shape[0]):
        until = min(day_1[r] + high, end[r]) if on_study else day_1[r] + high
        years[r] = max(until - (day_1[r] + low), 0.0) / DAYS_PER_YEAR
        counts[r] = 0.0
    for k in range(row.shape[0]):
        r = row[k]
        if r < 0 or math.isnan(seen[k]) or (pseudo[k] != 0 and not with_pseudo):
            continue
        until = min(day_1[r] + high, end[r]) if on_study else day_1[r] + high
        counts[r] += 1.0 if (time[k] > day_1[r] + low) & (time[k] <= until) else 0.0


@typed_kernel(f"{PEOPLE}, {RELAPSES}, bool, float64[], bool[]")
def observe_first(
    day_1: Any,
    end: Any,
    row: Any,
    pseudo: Any,
    time: Any,
    seen: Any,
    with_pseudo: Any,
    days: Any,
    events: Any,
) -> None:
    """Write days from day 1 to the first relapse after it, or to the end, and which it was; the rest as above."""
    for r in range(day_1.shape[0]):
        days[r] = math.inf
    for k in range(row.shape[0]):
        r = row[k]
        if r < 0 or math.isnan(seen[k]) or (pseudo[k] != 0 and not with_pseudo):
            continue
        if (time[k] > day_1[r]) & (time[k] < days[r]):
            days[r] = time[k]
    for r in range(day_1.shape[0]):
        events[r] = days[r] <= end[r]
        days[r] = min(days[r], end[r]) - day_1[r]
