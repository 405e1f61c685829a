"""Counting of two-way tables and Fisher's exact p, compiled: many data sets in a call."""

from __future__ import annotations

import math
from typing import Final

import numpy as np

from sim.analysis.arrays import BoolArray, FloatArray, IntArray
from sim.analysis.estimate import CODES
from sim.jit import kernel, part

__all__ = ["count_arms", "count_pairs"]

_OK: Final = CODES["ok"]
_ALL_ALIKE: Final = CODES["all_alike"]
_NO_FOLLOW_UP: Final = CODES["no_follow_up"]
_ONE_PATIENT: Final = CODES["one_patient"]
_BAD_DATA: Final = CODES["bad_data"]

_ALIKE: Final = 1e-14  # tables whose probabilities differ by no more than this share are equally probable
_SPLIT: Final = 134217729.0  # 2^27 + 1 cuts a double into halves (Dekker 1971)
_NOTHING: Final = 1e-290


@part
def _two_product(a: float, b: float) -> tuple[float, float]:
    """Return a * b and what rounding took from it (Dekker 1971)."""
    product = a * b
    c, d = _SPLIT * a, _SPLIT * b
    a_high, b_high = c - (c - a), d - (d - b)
    a_low, b_low = a - a_high, b - b_high
    return product, ((a_high * b_high - product) + a_high * b_low + a_low * b_high) + a_low * b_low


@part
def _times(high: float, low: float, a: float, b: float) -> tuple[float, float]:
    """Return (high + low) * a / b to about 30 digits; whole a and b, below 2^53."""
    if high < _NOTHING:
        return 0.0, 0.0
    product, error = _two_product(high, a)
    error += low * a
    quotient = product / b
    back, lost = _two_product(quotient, b)
    rest = ((product - back) - lost + error) / b
    total = quotient + rest
    return total, rest - (total - quotient)


@part
def _fisher(x1: int, n1: int, x0: int, n0: int, high: FloatArray, low: FloatArray) -> float:
    """Return Fisher's two-sided p: the share of tables with these margins that are no more probable than the one seen.

    Weights go out from the mode by exact ratios, in double-double, so that mirrored tables are told alike.
    """
    events = x1 + x0
    least, most = max(0, events - n0), min(events, n1)
    mode = min(max(((events + 1) * (n1 + 1)) // (n1 + n0 + 2), least), most)
    high[mode - least], low[mode - least] = 1.0, 0.0
    for i in range(mode, most):
        up, down = float(n1 - i) * float(events - i), float(i + 1) * float(n0 - events + i + 1)
        high[i + 1 - least], low[i + 1 - least] = _times(high[i - least], low[i - least], up, down)
    for i in range(mode, least, -1):
        down, up = float(n1 - i + 1) * float(events - i + 1), float(i) * float(n0 - events + i)
        high[i - 1 - least], low[i - 1 - least] = _times(high[i - least], low[i - least], up, down)
    seen, seen_low = high[x1 - least], low[x1 - least]
    total, as_rare = 0.0, 0.0
    for i in range(most - least + 1):
        total += high[i]
        if (high[i] - seen) + (low[i] - seen_low) <= _ALIKE * seen:
            as_rare += high[i]
    return as_rare / total


@kernel
def count_arms(
    events: FloatArray, treated: BoolArray, first: IntArray, table: IntArray, p: FloatArray, outcomes: IntArray
) -> None:
    """Count each data set; `table` (T, 4) gets events and patients, treated then control, `p` Fisher's."""
    widest = 1
    for s in range(first.shape[0] - 1):
        widest = max(widest, first[s + 1] - first[s])
    high, low = np.empty(widest + 1), np.empty(widest + 1)
    for s in range(first.shape[0] - 1):
        x1, n1, x0, n0, good = 0, 0, 0, 0, True
        for i in range(first[s], first[s + 1]):
            y = events[i]
            if math.isnan(y):
                continue
            good = good and (y == 0.0 or y == 1.0)
            if treated[i]:
                n1 += 1
                x1 += 1 if y == 1.0 else 0
            else:
                n0 += 1
                x0 += 1 if y == 1.0 else 0
        table[s, 0], table[s, 1], table[s, 2], table[s, 3], p[s] = x1, n1, x0, n0, math.nan
        if not good:
            outcomes[s] = _BAD_DATA
        elif n1 + n0 == 1:
            outcomes[s] = _ONE_PATIENT
        elif n1 == 0 or n0 == 0:
            outcomes[s] = _NO_FOLLOW_UP
        else:
            outcomes[s] = _ALL_ALIKE if x1 + x0 == 0 or x1 + x0 == n1 + n0 else _OK
            p[s] = _fisher(x1, n1, x0, n0, high, low)


@kernel
def count_pairs(before: FloatArray, after: FloatArray, first: IntArray, table: IntArray, outcomes: IntArray) -> None:
    """Count each data set's pairs; `table` (T, 4) gets those with the outcome both times, gained, lost, all."""
    for s in range(first.shape[0] - 1):
        both, gained, lost, n, good = 0, 0, 0, 0, True
        for i in range(first[s], first[s + 1]):
            b, a = before[i], after[i]
            if math.isnan(b) or math.isnan(a):
                continue
            n += 1
            good = good and (b == 0.0 or b == 1.0) and (a == 0.0 or a == 1.0)
            if a == 1.0:
                both += 1 if b == 1.0 else 0
                gained += 1 if b == 0.0 else 0
            elif b == 1.0:
                lost += 1
        table[s, 0], table[s, 1], table[s, 2], table[s, 3] = both, gained, lost, n
        if not good:
            outcomes[s] = _BAD_DATA
        elif n < 2:
            outcomes[s] = _ONE_PATIENT if n == 1 else _NO_FOLLOW_UP
        else:
            outcomes[s] = _OK if gained + lost > 0 else _ALL_ALIKE
