"""Cox regression on any covariates, ties after Efron, compiled: many data sets in a call."""

from __future__ import annotations

import math
from typing import Final

import numpy as np

from sim.analysis.arrays import FloatArray, IntArray
from sim.analysis.estimate import CODES
from sim.analysis.linear import cholesky, dot_row, invert, solve
from sim.analysis.survival_kernel import sort_times, sorting_room
from sim.jit import kernel, part

__all__ = ["cox_sets"]

_OK: Final = CODES["ok"]
_NO_FOLLOW_UP: Final = CODES["no_follow_up"]
_ONE_PATIENT: Final = CODES["one_patient"]
_NO_EVENTS: Final = CODES["no_events"]
_NO_EVENTS_IN_ARM: Final = CODES["no_events_in_arm"]
_NO_VARIATION: Final = CODES["no_variation"]
_NOT_CONVERGED: Final = CODES["not_converged"]
_BAD_DATA: Final = CODES["bad_data"]

_ARRIVED: Final = 1e-22  # the step is then below 1e-11 standard errors, and is still taken
_STEADY: Final = (
    1e-4  # a step that moves some patient's log hazard by more is no arrival: a coefficient may be infinite
)
_STEPS: Final = 60
_LARGEST_ETA: Final = 600.0


@part
def _efron(
    time: FloatArray,
    event: FloatArray,
    X: FloatArray,
    n: int,
    p: int,
    b: FloatArray,
    score: FloatArray,
    info: FloatArray,
    sums: FloatArray,
    squares: FloatArray,
) -> float:
    """Write score and information at b and return the log partial likelihood; patients in order of time.

    Goes from the last time to the first. `sums` (3, p): weighted X of those at risk, of those with events now, and the
    mean; `squares` (2, p, p) their weighted products. Minus infinity where a hazard is no usable number.
    """
    for j in range(p):
        score[j], sums[0, j] = 0.0, 0.0
        for c in range(p):
            info[j, c], squares[0, j, c] = 0.0, 0.0
    total, weight, i = 0.0, 0.0, n - 1
    while i >= 0:
        now, tied, tied_weight = time[i], 0, 0.0
        for j in range(p):
            sums[1, j] = 0.0
            for c in range(p):
                squares[1, j, c] = 0.0
        while i >= 0 and time[i] == now:
            eta = dot_row(X, i, b, p)
            if not abs(eta) < _LARGEST_ETA:
                return -math.inf
            hazard = math.exp(eta)
            has_event = event[i] == 1.0
            weight += hazard
            if has_event:
                tied += 1
                tied_weight += hazard
                total += eta
            for j in range(p):
                own = hazard * X[i, j]
                sums[0, j] += own
                if has_event:
                    score[j] += X[i, j]
                    sums[1, j] += own
                for c in range(j + 1):
                    squares[0, j, c] += own * X[i, c]
                    if has_event:
                        squares[1, j, c] += own * X[i, c]
            i -= 1
        for m in range(tied):
            share = float(m) / float(tied)
            rest = weight - share * tied_weight
            total -= math.log(rest)
            for j in range(p):
                sums[2, j] = (sums[0, j] - share * sums[1, j]) / rest
                score[j] -= sums[2, j]
                for c in range(j + 1):
                    own = (squares[0, j, c] - share * squares[1, j, c]) / rest
                    info[j, c] += own - sums[2, j] * sums[2, c]
    for j in range(p):
        for c in range(j + 1, p):
            info[j, c] = info[c, j]
    return total


@part
def _centre(X: FloatArray, n: int, p: int) -> None:
    """Take each column's mean off: no coefficient changes, and hazards stay near 1."""
    for j in range(p):
        mean = 0.0
        for i in range(n):
            mean += X[i, j]
        mean /= float(n)
        for i in range(n):
            X[i, j] -= mean


@part
def _refusal(event: FloatArray, X: FloatArray, n: int, coefficient: int, good: bool) -> int:
    """Return the outcome for which nothing can be fitted, or that of a fit."""
    if not good:
        return _BAD_DATA
    if n < 2:
        return _ONE_PATIENT if n == 1 else _NO_FOLLOW_UP
    events, with_one, ones, shares = 0.0, 0.0, 0, True
    for i in range(n):
        value = X[i, coefficient]
        shares = shares and (value == 0.0 or value == 1.0)
        events += event[i]
        with_one += event[i] if value == 1.0 else 0.0
        ones += 1 if value == 1.0 else 0
    if shares and (ones == 0 or ones == n):
        return _NO_FOLLOW_UP
    if events == 0.0:
        return _NO_EVENTS
    return _NO_EVENTS_IN_ARM if shares and (with_one == 0.0 or with_one == events) else _OK


@kernel
def cox_sets(
    times: FloatArray,
    events: FloatArray,
    X: FloatArray,
    first: IntArray,
    coefficient: int,
    coefficients: FloatArray,
    covariances: FloatArray,
    likelihoods: FloatArray,
    patients: IntArray,
    outcomes: IntArray,
) -> None:
    """Fit each data set: coefficients (T, p), covariances (T, p, p), log partial likelihoods (T, 2) at 0 and there."""
    p, widest = X.shape[1], 1
    for s in range(first.shape[0] - 1):
        widest = max(widest, first[s + 1] - first[s])
    keys, event, Z, rows = np.empty(widest), np.empty(widest), np.empty((widest, p)), np.empty(widest, np.int64)
    spare, spare_rows, place = sorting_room(widest)
    b, before, score, step, unit = np.empty(p), np.empty(p), np.empty(p), np.empty(p), np.empty(p)
    info, factor, inverse = np.empty((p, p)), np.zeros((p, p)), np.empty((p, p))
    sums, squares = np.empty((3, p)), np.empty((2, p, p))
    for s in range(first.shape[0] - 1):
        # ---- patients in order of time
        n, good = 0, True
        for i in range(first[s], first[s + 1]):
            known = not (math.isnan(times[i]) or math.isnan(events[i]))
            for j in range(p):
                known = known and not math.isnan(X[i, j])
                good = good and not (known and abs(X[i, j]) == math.inf)
            if known:
                good = good and 0.0 <= times[i] < math.inf and (events[i] == 0.0 or events[i] == 1.0)
                keys[n], rows[n] = times[i], i
                n += 1
        sort_times(keys, rows, spare, spare_rows, place, n)
        for i in range(n):
            event[i] = events[rows[i]]
            for j in range(p):
                Z[i, j] = X[rows[i], j]
        patients[s], outcomes[s] = n, _refusal(event, Z, n, coefficient, good)
        for j in range(p):
            coefficients[s, j], b[j], step[j] = math.nan, 0.0, 0.0
            for c in range(p):
                covariances[s, j, c] = math.nan
        likelihoods[s, 0], likelihoods[s, 1] = math.nan, math.nan
        if outcomes[s] != _OK:
            continue

        # ---- Newton, steps halved where the likelihood falls
        _centre(Z, n, p)
        top, decrement, outcomes[s] = -math.inf, math.inf, _NOT_CONVERGED
        for attempt in range(_STEPS):
            reached = _efron(keys, event, Z, n, p, b, score, info, sums, squares)
            if attempt == 0:
                likelihoods[s, 0] = reached
            if reached < top and not (decrement < 1e-6 and reached > -math.inf):
                for j in range(p):
                    step[j] *= 0.5
                    b[j] = before[j] + step[j]
                continue
            if not cholesky(info, p, factor):
                outcomes[s] = _NO_VARIATION if attempt == 0 else _NOT_CONVERGED
                break
            solve(factor, score, p, step)
            top, decrement, reach = reached, 0.0, 0.0
            for j in range(p):
                decrement += score[j] * step[j]
                before[j] = b[j]
                b[j] += step[j]
            for i in range(n):
                reach = max(reach, abs(dot_row(Z, i, step, p)))
            if decrement < _ARRIVED and reach < _STEADY:
                invert(factor, p, unit, step, inverse)
                likelihoods[s, 1], outcomes[s] = reached, _OK
                for j in range(p):
                    coefficients[s, j] = b[j]
                    for c in range(p):
                        covariances[s, j, c] = inverse[j, c]
                break
