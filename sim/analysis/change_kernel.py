"""Sums behind the analyses of change, compiled: ANCOVA between arms, t and clustered rate ratio within patients."""

from __future__ import annotations

import math
from typing import Final

import numpy as np

from sim.analysis.arrays import BoolArray, FloatArray, IntArray
from sim.analysis.estimate import CODES
from sim.jit import kernel, part

__all__ = ["ancova_sets", "paired_rate_sets", "paired_t_sets"]

_OK: Final = CODES["ok"]
_NO_FOLLOW_UP: Final = CODES["no_follow_up"]
_ONE_PATIENT: Final = CODES["one_patient"]
_TOO_FEW: Final = CODES["too_few"]
_NO_EVENTS: Final = CODES["no_events"]
_NO_EVENTS_IN_WINDOW: Final = CODES["no_events_in_window"]
_NO_VARIATION: Final = CODES["no_variation"]
_NOT_CONVERGED: Final = CODES["not_converged"]
_BAD_DATA: Final = CODES["bad_data"]

_ROUNDINGS: Final = 8.0 * 2.220446049250313e-16  # what a difference of two values and its centring can gather


@part
def _is_rounding(sum_of_squares: float, n: int, scale: float) -> bool:
    """Return whether a sum of n squares is no more than rounding of values of size `scale` can make."""
    bound = math.sqrt(float(n)) * _ROUNDINGS * scale
    return bound < math.inf and math.sqrt(sum_of_squares) <= bound


@part
def _widest(first: IntArray) -> int:
    """Return how many patients the largest data set has, at least 1."""
    widest = 1
    for s in range(first.shape[0] - 1):
        widest = max(widest, first[s + 1] - first[s])
    return widest


@part
def _fit_ancova(x: FloatArray, y: FloatArray, arm: BoolArray, n: int, scale: float) -> tuple[float, float, int]:
    """Return (difference, standard error, outcome) from sums of squares and products pooled within arms."""
    n1, x1, x0, y1, y0 = 0.0, 0.0, 0.0, 0.0, 0.0
    for i in range(n):
        if arm[i]:
            n1 += 1.0
            x1 += x[i]
            y1 += y[i]
        else:
            x0 += x[i]
            y0 += y[i]
    n0 = float(n) - n1
    x1, x0, y1, y0 = x1 / n1, x0 / n0, y1 / n1, y0 / n0
    sxx, sxy = 0.0, 0.0
    for i in range(n):
        dx, dy = x[i] - (x1 if arm[i] else x0), y[i] - (y1 if arm[i] else y0)
        sxx += dx * dx
        sxy += dx * dy
    if _is_rounding(sxx, n, scale) or sxx == 0.0:
        return math.nan, math.nan, _NO_VARIATION
    slope, rss = sxy / sxx, 0.0
    for i in range(n):
        off = y[i] - (y1 if arm[i] else y0) - slope * (x[i] - (x1 if arm[i] else x0))
        rss += off * off
    if _is_rounding(rss, n, scale * (1.0 + abs(slope))):
        return math.nan, math.nan, _NO_VARIATION
    gap = x1 - x0
    variance = rss / float(n - 3) * (1.0 / n1 + 1.0 / n0 + gap * gap / sxx)
    return y1 - y0 - slope * gap, math.sqrt(variance) if variance >= 0.0 else math.nan, _OK


@kernel
def ancova_sets(
    baseline: FloatArray,
    final: FloatArray,
    treated: BoolArray,
    first: IntArray,
    numbers: FloatArray,
    patients: IntArray,
    outcomes: IntArray,
) -> None:
    """Fit each data set; `numbers` (T, 2) gets difference and standard error, `patients` (T,) those used."""
    widest = _widest(first)
    x, y, arm = np.empty(widest), np.empty(widest), np.empty(widest, np.bool_)
    for s in range(first.shape[0] - 1):
        n, n1, scale, good = 0, 0, 0.0, True
        for i in range(first[s], first[s + 1]):
            b, f = baseline[i], final[i]
            if math.isnan(b) or math.isnan(f):
                continue
            good = good and abs(b) < math.inf and abs(f) < math.inf
            scale = max(scale, abs(b), abs(f))
            x[n], y[n], arm[n] = b, f - b, treated[i]
            n1 += 1 if treated[i] else 0
            n += 1
        numbers[s, 0], numbers[s, 1], patients[s] = math.nan, math.nan, n
        if not good:
            outcomes[s] = _BAD_DATA
        elif n == 1:
            outcomes[s] = _ONE_PATIENT
        elif n1 == 0 or n1 == n:
            outcomes[s] = _NO_FOLLOW_UP
        elif n <= 3:
            outcomes[s] = _TOO_FEW
        else:
            numbers[s, 0], numbers[s, 1], outcomes[s] = _fit_ancova(x, y, arm, n, scale)


@kernel
def paired_t_sets(
    before: FloatArray,
    after: FloatArray,
    first: IntArray,
    numbers: FloatArray,
    patients: IntArray,
    outcomes: IntArray,
) -> None:
    """Average each data set's changes; `numbers` (T, 2) gets mean and standard error, `patients` (T,) the pairs."""
    change = np.empty(_widest(first))
    for s in range(first.shape[0] - 1):
        n, total, scale, good = 0, 0.0, 0.0, True
        for i in range(first[s], first[s + 1]):
            b, a = before[i], after[i]
            if math.isnan(b) or math.isnan(a):
                continue
            good = good and abs(b) < math.inf and abs(a) < math.inf
            scale = max(scale, abs(b), abs(a))
            change[n] = a - b
            total += change[n]
            n += 1
        numbers[s, 0], numbers[s, 1], patients[s] = math.nan, math.nan, n
        if not good:
            outcomes[s] = _BAD_DATA
            continue
        if n < 2:
            outcomes[s] = _ONE_PATIENT if n == 1 else _NO_FOLLOW_UP
            continue
        mean, squares = total / float(n), 0.0
        for i in range(n):
            squares += (change[i] - mean) * (change[i] - mean)
        if _is_rounding(squares, n, scale):
            outcomes[s] = _NO_VARIATION
            continue
        numbers[s, 0], outcomes[s] = mean, _OK
        numbers[s, 1] = math.sqrt(squares / float(n - 1) / float(n)) if squares >= 0.0 else math.nan


@part
def _is_count(y: float) -> bool:
    """Return whether a number is a finite whole number of at least 0."""
    return 0.0 <= y < math.inf and (y > 1e17 or math.floor(y) == y)


@part
def _fit_rates(windows: FloatArray, n: int) -> tuple[float, float, int]:
    """Return (log ratio, standard error, outcome) from events and years before and after, windows (4, n)."""
    totals, largest = np.zeros(4), 0.0
    for c in range(4):
        for i in range(n):
            totals[c] += windows[c, i]
    eb, yb, ea, ya = totals[0], totals[1], totals[2], totals[3]
    if eb == 0.0 or ea == 0.0:
        return math.nan, math.nan, _NO_EVENTS if eb == ea else _NO_EVENTS_IN_WINDOW
    if not max(eb, ea, yb, ya) < math.inf:
        return math.nan, math.nan, _NOT_CONVERGED
    value, squares = math.log(ea) - math.log(ya) - math.log(eb) + math.log(yb), 0.0
    for i in range(n):
        events, years = windows[2, i] / ea, windows[3, i] / ya
        events_before, years_before = windows[0, i] / eb, windows[1, i] / yb
        influence = events - years - events_before + years_before
        squares += influence * influence
        largest = max(largest, events, years, events_before, years_before)
    if _is_rounding(squares, n, largest):
        return math.nan, math.nan, _NO_VARIATION
    return value, math.sqrt(squares * float(n) / float(n - 1)), _OK


@kernel
def paired_rate_sets(
    events_before: FloatArray,
    years_before: FloatArray,
    events_after: FloatArray,
    years_after: FloatArray,
    first: IntArray,
    numbers: FloatArray,
    patients: IntArray,
    outcomes: IntArray,
) -> None:
    """Compare each set's windows; `numbers` (T, 2) gets log ratio and standard error, `patients` (T,) the pairs."""
    windows = np.empty((4, _widest(first)))
    for s in range(first.shape[0] - 1):
        n, good = 0, True
        for i in range(first[s], first[s + 1]):
            eb, yb, ea, ya = events_before[i], years_before[i], events_after[i], years_after[i]
            if math.isnan(eb) or math.isnan(yb) or math.isnan(ea) or math.isnan(ya) or yb == 0.0 or ya == 0.0:
                continue
            good = good and _is_count(eb) and _is_count(ea) and 0.0 < yb < math.inf and 0.0 < ya < math.inf
            windows[0, n], windows[1, n], windows[2, n], windows[3, n] = eb, yb, ea, ya
            n += 1
        numbers[s, 0], numbers[s, 1], patients[s] = math.nan, math.nan, n
        if not good:
            outcomes[s] = _BAD_DATA
        elif n < 2:
            outcomes[s] = _ONE_PATIENT if n == 1 else _NO_FOLLOW_UP
        else:
            numbers[s, 0], numbers[s, 1], outcomes[s] = _fit_rates(windows, n)
