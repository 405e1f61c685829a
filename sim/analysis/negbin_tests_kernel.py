"""Other standard errors and tests of the two-arm NB2 fit, compiled; loaded only where they are asked for."""

from __future__ import annotations

import math
from typing import Final

from sim.analysis.arrays import BoolArray, FloatArray, IntArray
from sim.analysis.estimate import CODES
from sim.analysis.negbin import SE_CODES, TEST_CODES
from sim.analysis.negbin_data import Room, gather, room
from sim.analysis.negbin_kernel import arm_sums, maximum, step
from sim.analysis.negbin_parts import b_and_slope, count_log_sum, count_sum
from sim.jit import kernel, part

__all__ = ["negbin_no_difference", "negbin_other_errors"]

_OK: Final = CODES["ok"]
_POISSON: Final = CODES["boundary_poisson"]
_NOT_CONVERGED: Final = CODES["not_converged"]
_EXPECTED: Final = SE_CODES["expected"]
_SCORE: Final = TEST_CODES["score"]


@part
def _likelihood(
    y: FloatArray, t: FloatArray, n0: int, n: int, more_than: FloatArray, length: int, a: FloatArray, k: float
) -> float:
    """Return the log-likelihood, without the terms that hold no parameter: log(t^y / y!)."""
    total = count_log_sum(k, more_than, length, y, 0, n)
    for i in range(n):
        log_rate = a[0] if i < n0 else a[1]
        mu = math.exp(log_rate) * t[i]
        log = math.log1p(k * mu)
        total += y[i] * (log_rate - log) - (log / k if k > 0.0 else mu)
    return total


@part
def _expected(t: FloatArray, first: int, last: int, rate: float, k: float) -> float:
    """Return one arm's expected information of its log rate."""
    total = 0.0
    for i in range(first, last):
        total += rate * t[i] / (1.0 + k * rate * t[i])
    return total


@part
def _sandwich(w: Room, n0: int, n: int, length: int, k: float) -> float:
    """Return the sandwich variance of the log rate ratio, the patients' scores between observed informations.

    At the boundary (k = 0) that of the Poisson model.
    """
    y, t, a = w.y, w.t, w.a
    _, _, _, _, v0, v1, pull, profile = step(w, n0, n, length, k)
    gain = 0.0 if k == 0.0 else pull / profile  # how the log ratio moves with the score of k
    _, _, c0, _, _ = arm_sums(y, t, 0, n0, math.exp(a[0]), k, True)
    _, _, c1, _, _ = arm_sums(y, t, n0, n, math.exp(a[1]), k, True)
    total = 0.0
    for i in range(n):
        treated = i >= n0
        mu = math.exp(a[1] if treated else a[0]) * t[i]
        w = 1.0 / (1.0 + k * mu)
        b, _ = b_and_slope(k * mu)
        own = v1 + gain * c1 * v1 if treated else gain * c0 * v0 - v0
        score_k = count_sum(y[i], k) + mu * mu * b - y[i] * mu * w
        moved = own * (y[i] - mu) * w - gain * score_k
        total += moved * moved
    return total


@kernel
def negbin_other_errors(
    counts: FloatArray,
    years: FloatArray,
    treated: BoolArray,
    first: IntArray,
    se: int,
    numbers: FloatArray,
    outcomes: IntArray,
) -> None:
    """Put the standard error asked for in the place of the observed one that `negbin_two_arms` left in `numbers`."""
    w = room(first)
    t, a, totals = w.t, w.a, w.totals
    for s in range(first.shape[0] - 1):
        if outcomes[s] != _OK and outcomes[s] != _POISSON:
            continue
        n0, n, _ = gather(counts, years, treated, first[s], first[s + 1], False, w)
        length = int(totals[4])
        a[0], a[1], a[2], a[3] = math.log(numbers[s, 2]), math.log(numbers[s, 3]), totals[2], totals[3]
        k = numbers[s, 4]
        if se == _EXPECTED:
            i0, i1 = _expected(t, 0, n0, numbers[s, 2], k), _expected(t, n0, n, numbers[s, 3], k)
            variance = 1.0 / i0 + 1.0 / i1
        else:
            variance = _sandwich(w, n0, n, length, k)
        numbers[s, 1] = math.sqrt(variance) if variance >= 0.0 else math.nan


@kernel
def negbin_no_difference(
    counts: FloatArray,
    years: FloatArray,
    treated: BoolArray,
    first: IntArray,
    test: int,
    numbers: FloatArray,
    outcomes: IntArray,
    statistics: FloatArray,
) -> None:
    """Test each fitted data set against one rate for both arms; `statistics` (T,) gets chi-squares on 1 degree.

    `numbers` and `outcomes` are what `negbin_two_arms` made. The score statistic takes the expected information at the
    fit with one rate. NaN where there is no fit.
    """
    w = room(first)
    y, t, more_than, a, totals = w.y, w.t, w.more_than, w.a, w.totals
    for s in range(first.shape[0] - 1):
        statistics[s] = math.nan
        if outcomes[s] != _OK and outcomes[s] != _POISSON:
            continue
        n0, n, _ = gather(counts, years, treated, first[s], first[s + 1], False, w)
        length = int(totals[4])
        a[2], a[3] = totals[2] + totals[3], 0.0
        a[0], a[1] = math.log(totals[0] + totals[1]) - math.log(a[2]), 0.0
        k, _, _, outcome = maximum(w, n, n, length)
        if outcome == _NOT_CONVERGED:
            continue
        rate = math.exp(a[0])
        if test == _SCORE:
            score, _, _, _, _ = arm_sums(y, t, n0, n, rate, k, True)
            i0, i1 = _expected(t, 0, n0, rate, k), _expected(t, n0, n, rate, k)
            statistics[s] = score * score * (1.0 / i0 + 1.0 / i1)
            continue
        null = _likelihood(y, t, n, n, more_than, length, a, k)
        a[0], a[1] = math.log(numbers[s, 2]), math.log(numbers[s, 3])
        full = _likelihood(y, t, n0, n, more_than, length, a, numbers[s, 4])
        statistics[s] = max(2.0 * (full - null), 0.0)
