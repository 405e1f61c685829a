"""NB2 regression on any covariates, compiled: many data sets in a call."""

from __future__ import annotations

import math
from typing import Final

import numpy as np

from sim.analysis.arrays import FloatArray, IntArray
from sim.analysis.estimate import CODES
from sim.analysis.linear import cholesky, dot_row, invert, solve
from sim.analysis.negbin import SE_CODES, TEST_CODES
from sim.analysis.negbin_parts import LARGE, b_and_slope, count_log_sum, count_sum, count_sums, tabulate
from sim.jit import kernel, part

__all__ = ["COLUMNS", "negbin_sets"]

COLUMNS: Final = ("dispersion", "dispersion_standard_error", "log_likelihood", "statistic")

_OK: Final = CODES["ok"]
_POISSON: Final = CODES["boundary_poisson"]
_NO_FOLLOW_UP: Final = CODES["no_follow_up"]
_ONE_PATIENT: Final = CODES["one_patient"]
_TOO_FEW: Final = CODES["too_few"]
_NO_EVENTS: Final = CODES["no_events"]
_NO_EVENTS_IN_ARM: Final = CODES["no_events_in_arm"]
_NO_VARIATION: Final = CODES["no_variation"]
_NOT_CONVERGED: Final = CODES["not_converged"]
_BAD_DATA: Final = CODES["bad_data"]

_OBSERVED: Final = SE_CODES["observed"]
_EXPECTED: Final = SE_CODES["expected"]
_WALD: Final = TEST_CODES["wald"]
_SCORE: Final = TEST_CODES["score"]

_ROUNDING: Final = 1e-9  # the boundary is 0 for all that can be told when k is closer to it than so many of its errors
_ARRIVED: Final = 1e-22  # the step is then below 1e-11 standard errors, and is still taken
_ACCEPTED: Final = 1e-10  # where rounding keeps the decrement above _ARRIVED
_STEADY: Final = 1e-4  # a step that moves some patient's log mean by more is no arrival: a coefficient may be infinite
_STEPS: Final = 60
_LARGEST_K: Final = 1e15
_LARGEST_ETA: Final = 600.0


@part
def _derivatives(
    y: FloatArray,
    offset: FloatArray,
    X: FloatArray,
    n: int,
    p: int,
    more_than: FloatArray,
    length: int,
    b: FloatArray,
    k: float,
    score: FloatArray,
    info: FloatArray,
) -> bool:
    """Write score (p + 1) and observed information of (b, k); tell whether all means are usable numbers."""
    for j in range(p + 1):
        score[j] = 0.0
        for c in range(p + 1):
            info[j, c] = 0.0
    for i in range(n):
        eta = dot_row(X, i, b, p) + offset[i]
        if not abs(eta) < _LARGEST_ETA:
            return False
        mu = math.exp(eta)
        w = 1.0 / (1.0 + k * mu)
        g, e = mu * w, (y[i] - mu) * w
        weight, cross = g * (1.0 + k * e), g * e
        terms, slope = b_and_slope(k * mu)
        for j in range(p):
            score[j] += X[i, j] * e
            info[p, j] += X[i, j] * cross
            for c in range(j + 1):
                info[j, c] += X[i, j] * X[i, c] * weight
        score[p] += mu * mu * terms - y[i] * g
        info[p, p] -= mu * mu * mu * slope + y[i] * g * g
    one, two = count_sums(k, more_than, length, y, 0, n)
    score[p] += one
    info[p, p] += two
    for j in range(p + 1):
        for c in range(j + 1, p + 1):
            info[j, c] = info[c, j]
    return True


@part
def _likelihood(
    y: FloatArray,
    offset: FloatArray,
    X: FloatArray,
    n: int,
    p: int,
    more_than: FloatArray,
    length: int,
    b: FloatArray,
    k: float,
) -> float:
    """Return the log-likelihood in full."""
    total = count_log_sum(k, more_than, length, y, 0, n) - count_log_sum(1.0, more_than, length, y, 0, n)
    for i in range(n):
        eta = dot_row(X, i, b, p) + offset[i]
        if not abs(eta) < _LARGEST_ETA:
            return -math.inf
        mu = math.exp(eta)
        log = math.log1p(k * mu)
        total += y[i] * (eta - log) - (log / k if k > 0.0 else mu)
    return total


@part
def _reach(X: FloatArray, n: int, p: int, step: FloatArray) -> float:
    """Return by how much a step moves some patient's log mean at most."""
    most = 0.0
    for i in range(n):
        most = max(most, abs(dot_row(X, i, step, p)))
    return most


@part
def _start(y: FloatArray, offset: FloatArray, X: FloatArray, n: int, p: int, b: FloatArray, room: FloatArray) -> bool:
    """Write coefficients of a weighted least-squares fit to roughly smoothed log counts; room (p + 3, p + 1)."""
    events, time = 0.0, 0.0
    for i in range(n):
        events += y[i]
        time += math.exp(offset[i])
    right, matrix, factor = np.zeros(p), np.zeros((p, p)), np.zeros((p, p))
    for i in range(n):
        mu = 0.5 * (y[i] + events / time * math.exp(offset[i]))
        z = math.log(mu) - offset[i] + (y[i] - mu) / mu
        for j in range(p):
            right[j] += X[i, j] * mu * z
            for c in range(p):
                matrix[j, c] += X[i, j] * X[i, c] * mu
    if not cholesky(matrix, p, factor):
        return False
    solve(factor, right, p, b)
    return True


@part
def _settle(
    y: FloatArray,
    offset: FloatArray,
    X: FloatArray,
    n: int,
    p: int,
    more_than: FloatArray,
    length: int,
    b: FloatArray,
    k: float,
    score: FloatArray,
    info: FloatArray,
    factor: FloatArray,
    step: FloatArray,
) -> bool:
    """Move `b` to the maximum at a given k: the likelihood is concave in b, Newton with halved steps finds its top."""
    top = _likelihood(y, offset, X, n, p, more_than, length, b, k)
    trial = np.empty(p)
    for _ in range(_STEPS):
        if not (_derivatives(y, offset, X, n, p, more_than, length, b, k, score, info) and cholesky(info, p, factor)):
            return False
        solve(factor, score, p, step)
        decrement = 0.0
        for j in range(p):
            decrement += score[j] * step[j]
        if decrement < _ARRIVED and _reach(X, n, p, step) < _STEADY:
            return True
        share = 1.0
        for _half in range(40):
            for j in range(p):
                trial[j] = b[j] + share * step[j]
            reached = _likelihood(y, offset, X, n, p, more_than, length, trial, k)
            if reached >= top or (decrement < 1e-6 and reached > -math.inf):
                break
            share *= 0.5
        top = reached
        for j in range(p):
            b[j] = trial[j]
    return decrement < _ACCEPTED and _reach(X, n, p, step) < _STEADY


@part
def _newton(
    y: FloatArray,
    offset: FloatArray,
    X: FloatArray,
    n: int,
    p: int,
    more_than: FloatArray,
    length: int,
    b: FloatArray,
    k: float,
    score: FloatArray,
    info: FloatArray,
    factor: FloatArray,
    step: FloatArray,
) -> float:
    """Move `b` by joint Newton steps to an inner maximum and return its k; NaN if it strays. `factor` belongs to it."""
    before = math.inf
    for _ in range(_STEPS):
        good = _derivatives(y, offset, X, n, p, more_than, length, b, k, score, info)
        if not (good and cholesky(info, p + 1, factor)):
            return math.nan
        solve(factor, score, p + 1, step)
        decrement = 0.0
        for j in range(p + 1):
            decrement += score[j] * step[j]
        reach = _reach(X, n, p, step)
        if not (decrement >= 0.0 and reach < 5.0):
            return math.nan
        for j in range(p):
            b[j] += step[j]
        if reach < _STEADY and (decrement < _ARRIVED or (decrement < _ACCEPTED and decrement >= before)):
            return k + step[p] if k + step[p] > 0.0 else math.nan
        k = min(max(k + step[p], 0.2 * k), 5.0 * k)
        before = decrement
    return math.nan


@part
def _search(
    y: FloatArray,
    offset: FloatArray,
    X: FloatArray,
    n: int,
    p: int,
    more_than: FloatArray,
    length: int,
    b: FloatArray,
    k: float,
    score: FloatArray,
    info: FloatArray,
    factor: FloatArray,
    step: FloatArray,
) -> float:
    """Return k near an inner maximum of the profile likelihood, by bracketing it; `b` is moved there; NaN if not found.

    The slow road, for where Newton strays: the profile rises at k = 0, so where it falls there is a maximum between.
    """
    low, high = 0.0, math.inf
    for _ in range(200):
        settled = _settle(y, offset, X, n, p, more_than, length, b, k, score, info, factor, step)
        if not (settled and k < _LARGEST_K):
            return math.nan
        if score[p] > 0.0:
            low = k
        else:
            high = k
        profile = info[p, p]
        for j in range(p):
            step[j] = info[p, j]
        solve(factor, info[p], p, step)
        for j in range(p):
            profile -= info[p, j] * step[j]
        move = score[p] / profile if profile != 0.0 else math.nan
        if profile > 0.0 and abs(move) < 1e-7 * k:
            return k
        if profile > 0.0 and low < k + move < high and abs(move) < 2.0 * k:
            k += move
        elif high == math.inf:
            k *= 4.0
        else:
            k = math.sqrt(low * high) if low > 0.0 else 0.1 * high
    return math.nan


@part
def _maximum(
    y: FloatArray,
    offset: FloatArray,
    X: FloatArray,
    n: int,
    p: int,
    more_than: FloatArray,
    length: int,
    b: FloatArray,
    score: FloatArray,
    info: FloatArray,
    factor: FloatArray,
    step: FloatArray,
) -> tuple[float, int]:
    """Write the coefficients of the maximum to `b`; return (k, outcome). `factor` and `info` belong to it."""
    if not _start(y, offset, X, n, p, b, info):
        return math.nan, _NO_VARIATION
    if not _settle(y, offset, X, n, p, more_than, length, b, 0.0, score, info, factor, step):
        return math.nan, _NOT_CONVERGED
    excess, squares, crude = 0.0, 0.0, np.empty(p)
    for i in range(n):
        mu = math.exp(dot_row(X, i, b, p) + offset[i])
        excess += (y[i] - mu) * (y[i] - mu) - y[i]
        squares += mu * mu
    for j in range(p):
        crude[j] = b[j]
    if not (-math.inf < excess < math.inf and 0.0 < squares < math.inf):
        return math.nan, _NOT_CONVERGED
    if 0.5 * excess <= _ROUNDING * math.sqrt(0.5 * squares):
        return 0.0, _POISSON
    start = excess / squares
    for attempt in range(2):
        if attempt == 1:
            for j in range(p):
                b[j] = crude[j]
            start = _search(y, offset, X, n, p, more_than, length, b, start, score, info, factor, step)
        if start > 0.0:
            k = _newton(y, offset, X, n, p, more_than, length, b, start, score, info, factor, step)
            if k > 0.0:
                return k, _OK
    return math.nan, _NOT_CONVERGED


@part
def _expected(
    offset: FloatArray, X: FloatArray, n: int, p: int, b: FloatArray, k: float, info: FloatArray, factor: FloatArray
) -> bool:
    """Factor the expected information of the coefficients."""
    for j in range(p):
        for c in range(p):
            info[j, c] = 0.0
    for i in range(n):
        mu = math.exp(dot_row(X, i, b, p) + offset[i])
        for j in range(p):
            for c in range(p):
                info[j, c] += X[i, j] * X[i, c] * mu / (1.0 + k * mu)
    return cholesky(info, p, factor)


@part
def _sandwich(
    y: FloatArray, offset: FloatArray, X: FloatArray, n: int, p: int, b: FloatArray, k: float, inverse: FloatArray
) -> FloatArray:
    """Return the covariance of (coefficients, k) with the patients' scores between the inverse informations."""
    m = inverse.shape[0]
    moved, own, total = np.empty(m), np.empty(m), np.zeros((m, m))
    for i in range(n):
        mu = math.exp(dot_row(X, i, b, p) + offset[i])
        w = 1.0 / (1.0 + k * mu)
        for j in range(p):
            own[j] = X[i, j] * (y[i] - mu) * w
        if m > p:
            own[p] = count_sum(y[i], k) + mu * mu * b_and_slope(k * mu)[0] - y[i] * mu * w
        for j in range(m):
            moved[j] = dot_row(inverse, j, own, m)
        for j in range(m):
            for c in range(m):
                total[j, c] += moved[j] * moved[c]
    return total


@part
def _gather(
    counts: FloatArray,
    years: FloatArray,
    X: FloatArray,
    first: int,
    last: int,
    y: FloatArray,
    offset: FloatArray,
    used: FloatArray,
) -> tuple[int, bool]:
    """Collect the patients with exposure and known values; return (how many, whether all values are possible)."""
    n, good = 0, True
    for i in range(first, last):
        known = not (math.isnan(counts[i]) or math.isnan(years[i]) or years[i] == 0.0)
        for j in range(X.shape[1]):
            known = known and not math.isnan(X[i, j])
        if not known:
            continue
        good = good and 0.0 <= counts[i] < math.inf and (counts[i] > 1e17 or math.floor(counts[i]) == counts[i])
        good = good and 0.0 < years[i] < math.inf
        y[n], offset[n] = counts[i], math.log(years[i]) if years[i] > 0.0 else math.nan
        for j in range(X.shape[1]):
            good = good and abs(X[i, j]) < math.inf
            used[n, j] = X[i, j]
        n += 1
    return n, good


@part
def _refusal(y: FloatArray, X: FloatArray, n: int, p: int, coefficient: int, good: bool) -> int:
    """Return the outcome for which nothing can be fitted, or that of a fit."""
    if not good:
        return _BAD_DATA
    if n < 2:
        return _ONE_PATIENT if n == 1 else _NO_FOLLOW_UP
    if n <= p:
        return _TOO_FEW
    events, with_one, ones, shares = 0.0, 0.0, 0, True
    for i in range(n):
        value = X[i, coefficient]
        shares = shares and (value == 0.0 or value == 1.0)
        events += y[i]
        with_one += y[i] if value == 1.0 else 0.0
        ones += 1 if value == 1.0 else 0
    if events == 0.0:
        return _NO_EVENTS
    if not events < math.inf:
        return _NOT_CONVERGED
    if shares and 0 < ones < n and (with_one == 0.0 or with_one == events):
        return _NO_EVENTS_IN_ARM
    return _OK


@kernel
def negbin_sets(
    counts: FloatArray,
    years: FloatArray,
    X: FloatArray,
    first: IntArray,
    coefficient: int,
    se: int,
    test: int,
    coefficients: FloatArray,
    covariances: FloatArray,
    numbers: FloatArray,
    patients: IntArray,
    outcomes: IntArray,
) -> None:
    """Fit each data set: coefficients (T, p), covariances (T, p, p), numbers (T, 4) by `COLUMNS`, patients, outcomes.

    The statistic (chi-square, 1) is that of the likelihood-ratio or score test of no effect of one coefficient.
    """
    p, widest = X.shape[1], 1
    for s in range(first.shape[0] - 1):
        widest = max(widest, first[s + 1] - first[s])
    y, offset, used, reduced = np.empty(widest), np.empty(widest), np.empty((widest, p)), np.empty((widest, p))
    more_than, b, null = np.empty(LARGE + 1), np.empty(p), np.empty(p + 1)
    score, step, unit, column = np.empty(p + 1), np.empty(p + 1), np.empty(p + 1), np.empty(p + 1)
    info, factor = np.empty((p + 1, p + 1)), np.zeros((p + 1, p + 1))
    for s in range(first.shape[0] - 1):
        for j in range(p):
            coefficients[s, j] = math.nan
            for c in range(p):
                covariances[s, j, c] = math.nan
        for j in range(4):
            numbers[s, j] = math.nan
        n, good = _gather(counts, years, X, first[s], first[s + 1], y, offset, used)
        patients[s], outcomes[s] = n, _refusal(y, used, n, p, coefficient, good)
        if outcomes[s] != _OK:
            continue
        length = tabulate(y, 0, n, more_than)
        for attempt in range(1 if test == _WALD else 2):  # with all columns, then without the one tested
            # ---- the maximum
            columns = p - attempt
            for i in range(n):
                for j in range(columns):
                    reduced[i, j] = used[i, j + 1 if attempt == 1 and j >= coefficient else j]
            k, outcome = _maximum(y, offset, reduced, n, columns, more_than, length, b, score, info, factor, step)
            if outcome != _OK and outcome != _POISSON:
                if attempt == 0:
                    outcomes[s] = outcome
                break
            top = _likelihood(y, offset, reduced, n, columns, more_than, length, b, k)

            # ---- the test against the fit without the column
            if attempt == 1 and test != _SCORE:
                numbers[s, 3] = max(2.0 * (numbers[s, 2] - top), 0.0)
            elif attempt == 1:
                for j in range(p):
                    null[j] = 0.0 if j == coefficient else b[j - 1 if j > coefficient else j]
                pull = 0.0
                for i in range(n):
                    mu = math.exp(dot_row(used, i, null, p) + offset[i])
                    pull += used[i, coefficient] * (y[i] - mu) / (1.0 + k * mu)
                if _expected(offset, used, n, p, null, k, info, factor):
                    for j in range(p):
                        unit[j] = pull if j == coefficient else 0.0
                    solve(factor, unit, p, column)
                    numbers[s, 3] = pull * column[coefficient]

            # ---- coefficients and covariance
            else:
                outcomes[s], numbers[s, 0], numbers[s, 2] = outcome, k, top
                m = p + 1 if outcome == _OK else p
                inverse = np.empty((m, m))
                invert(factor, m, unit, column, inverse)
                if outcome == _OK:
                    numbers[s, 1] = math.sqrt(inverse[p, p])
                if se == _EXPECTED:
                    if _expected(offset, used, n, p, b, k, info, factor):
                        invert(factor, p, unit, column, inverse)
                elif se != _OBSERVED:
                    inverse = _sandwich(y, offset, used, n, p, b, k, inverse)
                for j in range(p):
                    coefficients[s, j] = b[j]
                    for c in range(p):
                        covariances[s, j, c] = inverse[j, c]
