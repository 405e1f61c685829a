"""Log-rank test and Cox hazard ratio of two arms, compiled: many data sets in a call.

With two arms both need no more than how many of each arm are at risk and have events at each event time.
"""

from __future__ import annotations

import math
from typing import Final

import numpy as np

from sim.analysis.arrays import BoolArray, FloatArray, IntArray
from sim.analysis.estimate import CODES
from sim.jit import bare_part, kernel, part

__all__ = ["COLUMNS", "sort_times", "sorting_room", "survival_two_arms"]

COLUMNS: Final = ("observed_minus_expected", "variance", "log_hazard_ratio", "standard_error")

_OK: Final = CODES["ok"]
_NO_FOLLOW_UP: Final = CODES["no_follow_up"]
_ONE_PATIENT: Final = CODES["one_patient"]
_NO_EVENTS: Final = CODES["no_events"]
_NO_EVENTS_IN_ARM: Final = CODES["no_events_in_arm"]
_NOT_CONVERGED: Final = CODES["not_converged"]
_BAD_DATA: Final = CODES["bad_data"]
_MONOTONE: Final = CODES["monotone"]

_ARRIVED: Final = 1e-11  # a Newton step of so many standard errors is still taken, and is the last
_STEPS: Final = 100
_PATIENCE: Final = 16  # moves a patient that insertion may take


@part
def sorting_room(n: int) -> tuple[FloatArray, IntArray, IntArray]:
    """Return what `sort_times` works on for up to n keys."""
    return np.empty(n), np.empty(n, np.int64), np.empty(3 * n + 1, np.int64)


@bare_part
def _deal_out(
    keys: FloatArray, codes: IntArray, spare_keys: FloatArray, spare_codes: IntArray, place: IntArray, n: int
) -> None:
    """Bring keys[:n] nearly in order: deal them out to 2n buckets of equal width, and take those up one by one."""
    low, high = keys[0], keys[0]
    for i in range(n):
        key = keys[i]
        low = key if key < low else low
        high = key if key > high else high
    span = high - low
    buckets = 2 * n
    scale = float(buckets) / span if span > 0.0 else math.inf
    if not (span < math.inf and scale < math.inf):
        return
    for i in range(buckets + 1):
        place[i] = 0
    for i in range(n):
        bucket = min(int((keys[i] - low) * scale), buckets - 1)
        place[buckets + 1 + i] = bucket
        place[bucket + 1] += 1
    for i in range(buckets):
        place[i + 1] += place[i]
    for i in range(n):
        bucket = place[buckets + 1 + i]
        to = place[bucket]
        place[bucket] = to + 1
        spare_keys[to], spare_codes[to] = keys[i], codes[i]
    for i in range(n):
        keys[i], codes[i] = spare_keys[i], spare_codes[i]


@bare_part
def _insert(keys: FloatArray, codes: IntArray, n: int) -> bool:
    """Sort keys[:n] by insertion; tell whether it came to an end before it became slow."""
    moves = 0
    for i in range(1, n):
        key, code, j = keys[i], codes[i], i
        while j > 0 and keys[j - 1] > key:
            keys[j], codes[j] = keys[j - 1], codes[j - 1]
            j -= 1
        keys[j], codes[j] = key, code
        moves += i - j
        if moves > _PATIENCE * n:
            return False
    return True


@bare_part
def sort_times(
    keys: FloatArray, codes: IntArray, spare_keys: FloatArray, spare_codes: IntArray, place: IntArray, n: int
) -> None:
    """Sort keys[:n] upwards and carry `codes` along, equal keys in the order in which they came.

    By buckets and insertion; should many different times lie close together, by merging. The rest is `sorting_room`.
    """
    if n < 2:
        return
    _deal_out(keys, codes, spare_keys, spare_codes, place, n)
    if _insert(keys, codes, n):
        return
    width = 1
    while width < n:
        for start in range(0, n, 2 * width):
            middle, end = min(start + width, n), min(start + 2 * width, n)
            i, j = start, middle
            for m in range(start, end):
                if j >= end or (i < middle and keys[i] <= keys[j]):
                    spare_keys[m], spare_codes[m] = keys[i], codes[i]
                    i += 1
                else:
                    spare_keys[m], spare_codes[m] = keys[j], codes[j]
                    j += 1
        for m in range(n):
            keys[m], codes[m] = spare_keys[m], spare_codes[m]
        width *= 2


@bare_part
def _take_up(
    times: FloatArray,
    events: FloatArray,
    treated: BoolArray,
    first: int,
    last: int,
    keys: FloatArray,
    codes: IntArray,
) -> tuple[int, int, int]:
    """Write times and codes (2 * event + treated) of those known; return how many, how many treated, how many bad."""
    usable, n1 = 0, 0
    for i in range(first, last):
        time, event = times[i], events[i]
        fits = (time >= 0.0) & (time < math.inf) & ((event == 0.0) | (event == 1.0))
        usable += 1 if fits else 0
    if usable == last - first:
        for i in range(first, last):
            arm = 1 if treated[i] else 0
            n1 += arm
            keys[i - first] = times[i]
            codes[i - first] = (2 if events[i] == 1.0 else 0) + arm
        return usable, n1, 0
    n = 0
    for i in range(first, last):
        if not (math.isnan(times[i]) or math.isnan(events[i])):
            arm = 1 if treated[i] else 0
            n1 += arm
            keys[n], codes[n] = times[i], (2 if events[i] == 1.0 else 0) + arm
            n += 1
    return n, n1, n - usable


@bare_part
def _at_risk(keys: FloatArray, codes: IntArray, n: int, n0: int, n1: int, sets: FloatArray) -> tuple[int, bool]:
    """Write control at risk, treated at risk, events of control, of treated at each event time, a column each.

    Return how many there are, and whether any holds more than one event. A code is 2 * event + treated. Those censored
    at a time of events are still at risk there.
    """
    found, i, r0, r1, tied, same = 0, 0, float(n0), float(n1), False, 0
    for k in range(1, n):
        same += 1 if keys[k] == keys[k - 1] else 0
    if same == 0:
        for k in range(n):
            treated, event = float(codes[k] & 1), float(codes[k] >> 1)
            sets[0, found], sets[1, found] = r0, r1
            sets[2, found], sets[3, found] = event * (1.0 - treated), event * treated
            found += codes[k] >> 1
            r0 -= 1.0 - treated
            r1 -= treated
        return found, False
    while i < n:
        time, d0, d1, gone0, gone1 = keys[i], 0.0, 0.0, 0.0, 0.0
        while i < n and keys[i] == time:
            code = codes[i]
            treated = float(code & 1)
            event = float(code >> 1)
            gone1 += treated
            gone0 += 1.0 - treated
            d1 += event * treated
            d0 += event * (1.0 - treated)
            i += 1
        sets[0, found], sets[1, found], sets[2, found], sets[3, found] = r0, r1, d0, d1
        found += int(min(d0 + d1, 1.0))
        tied = tied | (d0 + d1 > 1.0)
        r0 -= gone0
        r1 -= gone1
    return found, tied


@bare_part
def _log_rank(sets: FloatArray, m: int) -> tuple[float, float]:
    """Return observed minus expected events of the treated, and its hypergeometric variance (Mantel 1966)."""
    gap, variance = 0.0, 0.0
    for i in range(m):
        r0, r1, d = sets[0, i], sets[1, i], sets[2, i] + sets[3, i]
        r = r0 + r1
        share = r1 / r
        own = d * share * (1.0 - share)
        gap += sets[3, i] - d * share
        variance += own if d == 1.0 else own * (r - d) / (r - 1.0)
    return gap, variance


@bare_part
def _slopes(sets: FloatArray, m: int, ratio: float) -> tuple[float, float]:
    """Return score and information of the log hazard ratio where no event times are tied."""
    score, information = 0.0, 0.0
    for i in range(m):
        weight = sets[1, i] * ratio
        share = weight / (sets[0, i] + weight)
        score += sets[3, i] - share
        information += share * (1.0 - share)
    return score, information


@bare_part
def _slopes_tied(sets: FloatArray, m: int, ratio: float) -> tuple[float, float]:
    """Return score and information of the log hazard ratio, ties after Efron (1977)."""
    score, information = 0.0, 0.0
    for i in range(m):
        r0, r1, d0, d1 = sets[0, i], sets[1, i], sets[2, i], sets[3, i]
        score += d1
        for tied in range(int(d0 + d1)):
            part_of = float(tied) / (d0 + d1) if tied > 0 else 0.0
            weight = (r1 - part_of * d1) * ratio
            share = weight / (r0 - part_of * d0 + weight)
            score -= share
            information += share * (1.0 - share)
    return score, information


@bare_part
def _cox(sets: FloatArray, m: int, tied: bool, start: float) -> tuple[float, float, int]:
    """Return (log hazard ratio, standard error, outcome); the likelihood is concave, so a bracket closes on its top."""
    beta, low, high = start, -700.0, 700.0
    for _ in range(_STEPS):
        score, information = _slopes_tied(sets, m, math.exp(beta)) if tied else _slopes(sets, m, math.exp(beta))
        if not information > 0.0:
            return math.nan, math.nan, _NOT_CONVERGED
        step = score / information
        if abs(step) * math.sqrt(information) < _ARRIVED:
            return beta + step, 1.0 / math.sqrt(information), _OK
        if score > 0.0:
            low = beta
        else:
            high = beta
        step = min(max(step, -2.0), 2.0)
        beta = beta + step if low < beta + step < high else 0.5 * (low + high)
    return math.nan, math.nan, _NOT_CONVERGED


@bare_part
def _shape(sets: FloatArray, m: int) -> int:
    """Return the outcome for which the log hazard ratio is infinite or missing, or that of a fit."""
    d0, d1, against0, against1 = 0.0, 0.0, 0.0, 0.0
    for i in range(m):
        d0 += sets[2, i]
        d1 += sets[3, i]
        against0 += sets[2, i] if sets[1, i] > 0.0 else 0.0
        against1 += sets[3, i] if sets[0, i] > 0.0 else 0.0
    if m == 0:
        return _NO_EVENTS
    if d0 == 0.0 or d1 == 0.0:
        return _NO_EVENTS_IN_ARM
    return _MONOTONE if against0 == 0.0 or against1 == 0.0 else _OK


@kernel
def survival_two_arms(
    times: FloatArray,
    events: FloatArray,
    treated: BoolArray,
    first: IntArray,
    hazards: bool,
    numbers: FloatArray,
    patients: IntArray,
    outcomes: IntArray,
) -> None:
    """Analyse each data set; `numbers` (T, 4) gets `COLUMNS`, `patients` (T,) those used, `outcomes` (T,) positions.

    Without `hazards` only the log-rank sums are made, and events in one arm alone are no obstacle.
    """
    widest = 1
    for s in range(first.shape[0] - 1):
        widest = max(widest, first[s + 1] - first[s])
    keys, codes, sets = np.empty(widest), np.empty(widest, np.int64), np.empty((4, widest))
    spare_keys, spare_codes, place = sorting_room(widest)
    for s in range(first.shape[0] - 1):
        n, n1, bad = _take_up(times, events, treated, first[s], first[s + 1], keys, codes)
        patients[s] = n
        for c in range(4):
            numbers[s, c] = math.nan
        if bad > 0:
            outcomes[s] = _BAD_DATA
        elif n == 1:
            outcomes[s] = _ONE_PATIENT
        elif n1 == 0 or n1 == n:
            outcomes[s] = _NO_FOLLOW_UP
        else:
            sort_times(keys, codes, spare_keys, spare_codes, place, n)
            m, tied = _at_risk(keys, codes, n, n - n1, n1, sets)
            gap, variance = _log_rank(sets, m)
            numbers[s, 0], numbers[s, 1], outcomes[s] = gap, variance, _OK if m > 0 else _NO_EVENTS
            if hazards:
                outcomes[s] = _shape(sets, m)
            if hazards and outcomes[s] == _OK:
                start = min(max(gap / variance, -2.0), 2.0) if variance > 0.0 else 0.0
                numbers[s, 2], numbers[s, 3], outcomes[s] = _cox(sets, m, tied, start)
