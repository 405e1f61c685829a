"""What the two-arm NB2 fit works on: the patients of one data set taken up, those who are alike kept as one."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from sim.analysis.arrays import BoolArray, FloatArray, IntArray
from sim.analysis.negbin_parts import LARGE, add_up
from sim.jit import bare_part, part

__all__ = ["Room", "gather", "room"]


class Room(NamedTuple):
    """What fits work on: patients' counts y and years t, controls first; see `gather` for the rest."""

    y: FloatArray
    t: FloatArray
    alike: FloatArray
    more_than: FloatArray
    a: FloatArray
    totals: FloatArray
    spare_y: FloatArray
    spare_t: FloatArray
    spare_arm: BoolArray


@part
def room(first: IntArray) -> Room:
    """Return what a fit of any of these data sets works on."""
    widest = 1
    for s in range(first.shape[0] - 1):
        widest = max(widest, first[s + 1] - first[s])
    return Room(
        np.empty(2 * widest),
        np.empty(2 * widest),
        np.empty(6),
        np.zeros(LARGE + 1),
        np.empty(4),
        np.zeros(5),
        np.empty(widest),
        np.empty(widest),
        np.empty(widest, np.bool_),
    )


@bare_part
def _total(
    counts: FloatArray, years: FloatArray, treated: BoolArray, first: int, last: int
) -> tuple[float, float, float, float, int]:
    """Return events of control and treated, their years, and how many patients are not usable as they are."""
    events, years_all, events_1, years_1, bad = 0.0, 0.0, 0.0, 0.0, 0
    for i in range(first, last):
        count, year = counts[i], years[i]
        is_count = (count >= 0.0) & (count < math.inf) & (np.floor(count) == count)
        bad += 0 if is_count & (year > 0.0) & (year < math.inf) else 1
        arm = 1.0 if treated[i] else 0.0
        events += count
        years_all += year
        events_1 += arm * count
        years_1 += arm * year
    return events - events_1, events_1, years_all - years_1, years_1, bad


@bare_part
def _keep_usable(counts: FloatArray, years: FloatArray, treated: BoolArray, first: int, last: int, w: Room) -> int:
    """Copy those with exposure and a known count, usable or not; return how many there are."""
    n = 0
    for i in range(first, last):
        if not (math.isnan(counts[i]) or math.isnan(years[i]) or years[i] == 0.0):
            w.spare_y[n], w.spare_t[n], w.spare_arm[n] = counts[i], years[i], treated[i]
            n += 1
    return n


@bare_part
def _longest(years: FloatArray, first: int, last: int) -> float:
    """Return the longest exposure, by four searches side by side."""
    l0, l1, l2, l3, i = 0.0, 0.0, 0.0, 0.0, first
    while i + 3 < last:
        l0 = years[i] if years[i] > l0 else l0
        l1 = years[i + 1] if years[i + 1] > l1 else l1
        l2 = years[i + 2] if years[i + 2] > l2 else l2
        l3 = years[i + 3] if years[i + 3] > l3 else l3
        i += 4
    while i < last:
        l0 = years[i] if years[i] > l0 else l0
        i += 1
    return max(l0, l1, l2, l3)


@bare_part
def _deal(
    counts: FloatArray, years: FloatArray, treated: BoolArray, first: int, last: int, merge: bool, w: Room
) -> tuple[int, int]:
    """Write patients to y and t, controls first, and what `alike` and `more_than` hold; return (controls, all) in y."""
    y, t, more_than = w.y, w.t, w.more_than
    for j in range(int(w.totals[4]) + 1):
        more_than[j] = 0.0
    longest = _longest(years, first, last) if merge else -1.0
    half = y.shape[0] // 2
    n0, n1, n_alike, alike_1 = 0, half, 0, 0
    events, events_1, squares, highest = 0.0, 0.0, 0.0, 0.0
    for i in range(first, last):
        count, year = counts[i], years[i]
        arm = 1 if treated[i] else 0
        same = 1 if (year == longest) & (count <= float(LARGE)) else 0
        place = n1 if treated[i] else n0
        y[place], t[place] = count, year
        n0 += (1 - arm) & (1 - same)
        n1 += arm & (1 - same)
        n_alike += same
        alike_1 += same & arm
        kept = count * float(same)
        events += kept
        events_1 += kept * float(arm)
        squares += kept * kept
        capped = count if count < float(LARGE) else float(LARGE)
        highest = capped if capped > highest else highest
        more_than[int(capped)] += 1.0
    for i in range(half, n1):
        y[n0 + i - half], t[n0 + i - half] = y[i], t[i]
    add_up(more_than, int(highest))
    w.totals[4] = highest
    w.alike[0], w.alike[1] = float(n_alike - alike_1), float(alike_1)
    w.alike[2], w.alike[3], w.alike[4], w.alike[5] = events - events_1, events_1, squares, longest
    return n0, n0 + n1 - half


@bare_part
def gather(
    counts: FloatArray, years: FloatArray, treated: BoolArray, first: int, last: int, merge: bool, w: Room
) -> tuple[int, int, bool]:
    """Take up the patients who have exposure and a known count, controls first; return (controls, all, all possible).

    With `merge`, patients who share the longest exposure (with full follow-up, most of them) are not written to y and
    t but kept as one an arm: the likelihood asks of them only how many they are and how many events they had. `alike`
    becomes (how many in control and treated, their events in control and treated, squares of their counts, exposure),
    `totals` (events of control and treated, their years, how much of `more_than` is in use), and `more_than` what
    `tabulate` makes it. Where not all is possible nothing is written but totals.
    """
    e0, e1, t0, t1, bad = _total(counts, years, treated, first, last)
    usable = 0
    if bad > 0:
        usable = _keep_usable(counts, years, treated, first, last, w)
        e0, e1, t0, t1, left = _total(w.spare_y, w.spare_t, w.spare_arm, 0, usable)
        w.totals[0], w.totals[1], w.totals[2], w.totals[3] = e0, e1, t0, t1
        if left > 0:
            w.alike[:] = 0.0
            return 0, usable, False
        n0, n = _deal(w.spare_y, w.spare_t, w.spare_arm, 0, usable, merge, w)
        return n0, n, True
    w.totals[0], w.totals[1], w.totals[2], w.totals[3] = e0, e1, t0, t1
    n0, n = _deal(counts, years, treated, first, last, merge, w)
    return n0, n, True
