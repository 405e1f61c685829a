"""The two-arm NB2 fit, compiled: many data sets in a call, a few microseconds each.

With two arms and no other covariate the information of (log control rate, log treated rate, dispersion k) is an arrow:
the arms meet only through k. So each Newton step is a handful of sums over patients and a solution in closed form.
"""

from __future__ import annotations

import math
from typing import Final

from sim.analysis.arrays import BoolArray, FloatArray, IntArray
from sim.analysis.estimate import CODES
from sim.analysis.negbin_data import Room, gather, room
from sim.analysis.negbin_parts import b_and_slope, count_sums
from sim.jit import bare_part, kernel

__all__ = ["COLUMNS", "arm_sums", "maximum", "negbin_two_arms", "step"]

COLUMNS: Final = (
    "log_rate_ratio",
    "standard_error",
    "rate_control",
    "rate_treated",
    "dispersion",
    "dispersion_standard_error",
)

_OK: Final = CODES["ok"]
_POISSON: Final = CODES["boundary_poisson"]
_NO_FOLLOW_UP: Final = CODES["no_follow_up"]
_ONE_PATIENT: Final = CODES["one_patient"]
_NO_EVENTS: Final = CODES["no_events"]
_NO_EVENTS_IN_ARM: Final = CODES["no_events_in_arm"]
_NOT_CONVERGED: Final = CODES["not_converged"]
_BAD_DATA: Final = CODES["bad_data"]


_ROUNDING: Final = 1e-9  # the boundary is 0 for all that can be told when k is closer to it than so many of its errors
_ARRIVED: Final = 1e-20  # the step is then below 1e-10 standard errors, and is still taken: it squares what is left
_ACCEPTED: Final = 1e-10  # where rounding keeps the decrement above _ARRIVED; reached in huge counts only
_STEPS: Final = 25
_LARGEST_K: Final = 1e15
_NEAR: Final = 0.05  # below this mean of k * mu each patient's terms are computed with care
_BIG_PRODUCT: Final = 1e120
_LARGEST_RATE: Final = 1e300


@bare_part
def arm_sums(
    y: FloatArray, t: FloatArray, first: int, last: int, rate: float, k: float, careful: bool
) -> tuple[float, float, float, float, float]:
    """Return one arm's score and information of its log rate, their cross term with k, and its share of k's two.

    With x = k mu and w = 1 / (1 + x), e = (y - mu) w and g = mu w: score sum(e), information sum(g (1 + k e)), cross
    sum(g e), score of k sum(mu^2 b(x) - y g), its information -sum(mu^3 b'(x) + y g^2), both without the sums over j.
    """
    score, cross, sum_g, sum_yg, rest, log_sum, product = 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0
    if careful:
        for i in range(first, last):
            mu = rate * t[i]
            x = k * mu
            w = 1.0 / (1.0 + x)
            g, e = mu * w, (y[i] - mu) * w
            b, slope = b_and_slope(x)
            score += e
            cross += g * e
            sum_g += g
            sum_yg += mu * mu * b - y[i] * g
            rest += mu * mu * mu * slope + y[i] * g * g
        return score, sum_g + k * cross, cross, sum_yg, -rest
    inverse = 1.0 / k
    for i in range(first, last):
        mu = rate * t[i]
        u = 1.0 + k * mu
        w = 1.0 / u
        g = mu * w
        e = (y[i] - mu) * w
        yg = y[i] * g
        product *= u
        score += e
        cross += g * e
        sum_g += g
        sum_yg += yg
        rest += g * (g * inverse + yg)
        if product > _BIG_PRODUCT:
            log_sum += math.log(product)
            product = 1.0
    gap = (log_sum + math.log(product) - k * sum_g) * inverse * inverse
    return score, sum_g + k * cross, cross, gap - sum_yg, 2.0 * gap * inverse - rest


@bare_part
def _alike_sums(
    many: float, events: float, years: float, rate: float, k: float, careful: bool
) -> tuple[float, float, float, float, float]:
    """Return what `arm_sums` does for so many patients with the same years and so many events together."""
    mu = rate * years
    u = 1.0 + k * mu
    w = 1.0 / u
    g, e = mu * w, (events - many * mu) * w
    cross, sum_g, sum_yg = g * e, many * g, events * g
    if careful:
        b, slope = b_and_slope(k * mu)
        square = many * mu * mu
        return e, sum_g + k * cross, cross, square * b - sum_yg, -(square * mu * slope + sum_yg * g)
    inverse = 1.0 / k
    gap = many * (math.log(u) - k * g) * inverse * inverse
    return e, sum_g + k * cross, cross, gap - sum_yg, 2.0 * gap * inverse - g * (sum_g * inverse + sum_yg)


@bare_part
def _all_sums(
    w: Room, first: int, last: int, arm: int, rate: float, k: float, careful: bool
) -> tuple[float, float, float, float, float]:
    """Return an arm's sums over all of its patients, those kept as one included."""
    s, i, c, k_1, k_2 = arm_sums(w.y, w.t, first, last, rate, k, careful)
    if w.alike[arm] == 0.0:
        return s, i, c, k_1, k_2
    more = _alike_sums(w.alike[arm], w.alike[2 + arm], w.alike[5], rate, k, careful)
    return s + more[0], i + more[1], c + more[2], k_1 + more[3], k_2 + more[4]


@bare_part
def step(
    w: Room, n0: int, n: int, length: int, k: float
) -> tuple[float, float, float, float, float, float, float, float]:
    """Return (da0, da1, dk, decrement, 1/A0, 1/A1, pull, S) of one Newton step from log rates `w.a` and dispersion k.

    Patients 0 to n0 - 1 are controls, the others up to n - 1 treated; `a` holds log rates and years of both arms, and
    no years where there is no treated arm; `alike` holds those kept as one (`gather`). S is the information of k
    once the rates are profiled out, `pull` the difference of the arms' cross terms over their information: the variance
    of the log rate ratio is 1/A0 + 1/A1 + pull^2 / S. The decrement is NaN where there is no step.
    """
    a = w.a
    r0, r1 = math.exp(a[0]), math.exp(a[1])
    careful = k * (r0 * a[2] + r1 * a[3]) < _NEAR * (float(n) + w.alike[0] + w.alike[1])
    s0, i0, c0, k0, kk0 = _all_sums(w, 0, n0, 0, r0, k, careful)
    s1, i1, c1, k1, kk1 = _all_sums(w, n0, n, 1, r1, k, careful)
    one, two = count_sums(k, w.more_than, length, w.y, 0, n)
    score, info = one + k0 + k1, two + kk0 + kk1
    v0 = 1.0 / i0 if i0 > 0.0 else math.nan
    v1 = 0.0 if a[3] == 0.0 else (1.0 / i1 if i1 > 0.0 else math.nan)
    p0, p1 = c0 * v0, c1 * v1
    profile = info - c0 * p0 - c1 * p1
    dk = (score - s0 * p0 - s1 * p1) / profile if profile != 0.0 else math.nan
    da0, da1 = s0 * v0 - p0 * dk, s1 * v1 - p1 * dk
    return da0, da1, dk, s0 * da0 + s1 * da1 + score * dk, v0, v1, p1 - p0, profile


@bare_part
def _newton(w: Room, n0: int, n: int, length: int, k: float) -> tuple[float, float, float, bool]:
    """Move `w.a` by Newton to an inner maximum. Return (k, variance of the log ratio, that of k, found)."""
    before = math.inf
    for _ in range(_STEPS):
        da0, da1, dk, decrement, v0, v1, pull, profile = step(w, n0, n, length, k)
        if not (decrement >= 0.0 and profile > 0.0 and abs(da0) < 5.0 and abs(da1) < 5.0):
            return k, 0.0, 0.0, False
        w.a[0] += da0
        w.a[1] += da1
        if decrement < _ARRIVED or (decrement < _ACCEPTED and decrement >= before):
            k += dk
            return k, v0 + v1 + pull * pull / profile, 1.0 / profile, k > 0.0
        k = min(max(k + dk, 0.2 * k), 5.0 * k) if k > 0.0 else dk
        before = decrement
    return k, 0.0, 0.0, False


@bare_part
def _settle(w: Room, first: int, last: int, arm: int, log_rate: float, k: float) -> float:
    """Return the log rate of one arm that maximises the likelihood at a given k; concave, so there is one."""
    low, high = -700.0, 700.0
    for _ in range(200):
        score, info, _, _, _ = _all_sums(w, first, last, arm, math.exp(log_rate), k, True)
        if score > 0.0:
            low = log_rate
        else:
            high = log_rate
        move = score / info if info > 0.0 else math.nan
        if abs(move) < 1e-12:
            return log_rate + move
        log_rate = log_rate + move if low < log_rate + move < high else 0.5 * (low + high)
    return log_rate


@bare_part
def _search(w: Room, n0: int, n: int, length: int, k: float) -> float:
    """Return k near an inner maximum of the profile likelihood, by bracketing it, and move `w.a` there; NaN: not found.

    The slow road, for where Newton strays: the profile rises at k = 0, so where it falls there is a maximum between.
    """
    a, low, high = w.a, 0.0, math.inf
    for _ in range(200):
        a[0] = _settle(w, 0, n0, 0, a[0], k)
        a[1] = _settle(w, n0, n, 1, a[1], k) if a[3] > 0.0 else a[1]
        _, _, dk, _, _, _, _, profile = step(w, n0, n, length, k)
        if not (-math.inf < dk < math.inf and k < _LARGEST_K):
            return math.nan
        rises = dk * profile > 0.0
        if rises:
            low = k
        else:
            high = k
        if profile > 0.0 and abs(dk) < 1e-7 * k:
            return k
        if profile > 0.0 and low < k + dk < high and abs(dk) < 2.0 * k:
            k += dk
        elif high == math.inf:
            k *= 4.0
        else:
            k = math.sqrt(low * high) if low > 0.0 else 0.1 * high
    return math.nan


@bare_part
def maximum(w: Room, n0: int, n: int, length: int) -> tuple[float, float, float, int]:
    """Move `w.a` from crude log rates to the maximum. Return (k, variance of the log ratio, that of k, outcome)."""
    y, t, a, alike = w.y, w.t, w.a, w.alike
    excess, squares, lowest = 0.0, 0.0, math.inf
    r0, r1 = math.exp(a[0]), math.exp(a[1])
    for i in range(n):
        mu = (r0 if i < n0 else r1) * t[i]
        off = y[i] - mu
        excess += off * off - y[i]
        squares += mu * mu
        lowest = min(lowest, mu)
    if alike[0] + alike[1] > 0.0:
        mu0, mu1 = r0 * alike[5], r1 * alike[5]
        excess += alike[4] - (2.0 * mu0 + 1.0) * alike[2] - (2.0 * mu1 + 1.0) * alike[3]
        excess += alike[0] * mu0 * mu0 + alike[1] * mu1 * mu1
        squares += alike[0] * mu0 * mu0 + alike[1] * mu1 * mu1
        lowest = min(lowest, mu0 if alike[0] > 0.0 else lowest, mu1 if alike[1] > 0.0 else lowest)
    if not (-math.inf < excess < math.inf and 0.0 < squares < math.inf and lowest > 0.0):
        return math.nan, 0.0, 0.0, _NOT_CONVERGED
    if 0.5 * excess <= _ROUNDING * math.sqrt(0.5 * squares):
        return 0.0, 0.0, math.nan, _POISSON
    crude0, crude1, start = a[0], a[1], excess / squares
    for attempt in range(2):  # a loop, not two calls: compiled half as long
        if attempt == 1:
            a[0], a[1] = crude0, crude1
            start = _search(w, n0, n, length, start)
        if start > 0.0:
            k, variance, variance_k, found = _newton(w, n0, n, length, start)
            if found:
                return k, variance, variance_k, _OK
    return math.nan, 0.0, 0.0, _NOT_CONVERGED


@bare_part
def _refusal(n0: float, n1: float, good: bool, totals: FloatArray) -> int:
    """Return the outcome for which no rate ratio can be fitted, or that of a fit."""
    if not good:
        return _BAD_DATA
    if n0 + n1 == 1.0:
        return _ONE_PATIENT
    if n0 == 0.0 or n1 == 0.0:
        return _NO_FOLLOW_UP
    e0, e1, t0, t1 = totals[0], totals[1], totals[2], totals[3]
    if e0 == 0.0 and e1 == 0.0:
        return _NO_EVENTS
    if e0 == 0.0 or e1 == 0.0:
        return _NO_EVENTS_IN_ARM
    if not (e0 + e1 < math.inf and t0 + t1 < math.inf):
        return _NOT_CONVERGED
    rates = max(e0 / t0, e1 / t1), min(e0 / t0, e1 / t1)
    return _OK if rates[0] < _LARGEST_RATE and rates[1] > 1.0 / _LARGEST_RATE else _NOT_CONVERGED


@kernel
def negbin_two_arms(
    counts: FloatArray,
    years: FloatArray,
    treated: BoolArray,
    first: IntArray,
    numbers: FloatArray,
    patients: IntArray,
    outcomes: IntArray,
) -> None:
    """Fit each data set; `numbers` (T, 6) gets `COLUMNS`, `patients` (T, 2) those used, `outcomes` (T,) positions."""
    w = room(first)
    a, alike, totals = w.a, w.alike, w.totals
    for s in range(first.shape[0] - 1):
        for c in range(6):
            numbers[s, c] = math.nan
        n0, n, good = gather(counts, years, treated, first[s], first[s + 1], True, w)
        patients[s, 0], patients[s, 1] = n0 + int(alike[0]), n - n0 + int(alike[1])
        for arm in range(2):
            if totals[2 + arm] != 0.0:
                numbers[s, 2 + arm] = totals[arm] / totals[2 + arm]
        outcomes[s] = _refusal(float(patients[s, 0]), float(patients[s, 1]), good, totals)
        if outcomes[s] != _OK:
            continue

        # ---- the maximum
        for arm in range(2):
            a[arm], a[2 + arm] = math.log(totals[arm]) - math.log(totals[2 + arm]), totals[2 + arm]
        length = int(totals[4])
        k, variance, variance_k, outcome = maximum(w, n0, n, length)
        outcomes[s] = outcome
        if outcome == _NOT_CONVERGED:
            continue

        # ---- what it says
        if outcome == _POISSON:
            variance = 1.0 / totals[0] + 1.0 / totals[1]
        numbers[s, 0] = a[1] - a[0]
        numbers[s, 1] = math.sqrt(variance) if variance >= 0.0 else math.nan
        numbers[s, 4] = k
        if outcome == _OK:
            numbers[s, 2], numbers[s, 3] = math.exp(a[0]), math.exp(a[1])
            numbers[s, 5] = math.sqrt(variance_k)
