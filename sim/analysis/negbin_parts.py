"""Sums of the NB2 log-likelihood that keep their digits down to dispersion 0, for compiled code.

The usual score of the dispersion k divides differences of digamma by k^2, its derivative by k^3: with means around 1
the information keeps six digits at k = 1e-3 and none at 1e-5. Here the gamma functions are written out as sums over
whole counts, log Gamma(y + 1/k) - log Gamma(1/k) + y log k = sum over j < y of log(1 + kj), and the rest is a function
of x = k * mu whose series runs through x = 0, so that every digit stays, down to k = 0 itself.
"""

from __future__ import annotations

import math
from typing import Final

from sim.analysis.arrays import FloatArray
from sim.jit import bare_part

__all__ = ["LARGE", "add_up", "b_and_slope", "count_log_sum", "count_sum", "count_sums", "tabulate"]

LARGE: Final = 1000
"""Counts are summed term by term up to here, beyond by the Euler-Maclaurin formula (error below 1e-12)."""

_SERIES_BELOW: Final = 0.05  # 16 terms: the first one left out is below 0.05^16 = 2e-21


@bare_part
def b_and_slope(x: float) -> tuple[float, float]:
    """Return b(x) = (log(1 + x) - x / (1 + x)) / x^2 and b'(x), with their limits 1/2 and -2/3 at 0."""
    if x >= _SERIES_BELOW:
        log, inner = math.log1p(x), x / (1.0 + x)
        square = x * x
        return (log - inner) / square, (2.0 * inner + inner * inner - 2.0 * log) / (square * x)
    b, slope, power = 0.0, 0.0, 1.0
    for i in range(16):
        m = float(i)
        b += power * (m + 1.0) / (m + 2.0)
        slope -= power * (m + 1.0) * (m + 2.0) / (m + 3.0)
        power *= -x
    return b, slope


@bare_part
def add_up(more_than: FloatArray, length: int) -> None:
    """Turn how many patients have j events, for j up to `length`, into how many have more than j."""
    above = 0.0
    for j in range(length, -1, -1):
        here = more_than[j]
        more_than[j] = above
        above += here


@bare_part
def tabulate(y: FloatArray, first: int, last: int, more_than: FloatArray) -> int:
    """Write into `more_than` how many of y[first:last] are above j; return how much of it is in use, LARGE at most."""
    highest = 0.0
    for i in range(first, last):
        highest = max(highest, y[i])
    length = int(min(highest, float(LARGE)))
    for j in range(length + 1):
        more_than[j] = 0.0
    for i in range(first, last):
        more_than[int(min(y[i], float(LARGE)))] += 1.0
    add_up(more_than, length)
    return length


@bare_part
def _integrals(y: float, k: float) -> tuple[float, float]:
    """Return the integrals from 0 to y of j / (1 + kj) and of its square."""
    x = k * y
    if x >= _SERIES_BELOW:
        log = math.log1p(x)
        return (x - log) / (k * k), (x - 2.0 * log + x / (1.0 + x)) / (k * k * k)
    one, two, power = 0.0, 0.0, 1.0
    for i in range(16):
        m = float(i)
        one += power / (m + 2.0)
        two += power * (m + 1.0) / (m + 3.0)
        power *= -x
    return y * y * one, y * y * y * two


@bare_part
def _tail(y: float, k: float) -> tuple[float, float]:
    """Return the sums over LARGE <= j < y of j / (1 + kj) and of its square, by Euler and Maclaurin."""
    low = float(LARGE)
    high, start = _integrals(y, k), _integrals(low, k)
    u, v = 1.0 / (1.0 + k * y), 1.0 / (1.0 + k * low)
    one = high[0] - start[0] - 0.5 * (y * u - low * v) + (u * u - v * v) / 12.0
    two = high[1] - start[1] - 0.5 * (y * y * u * u - low * low * v * v)
    return one, two + (y * u * u * u - low * v * v * v) / 6.0


@bare_part
def count_sums(
    k: float, more_than: FloatArray, length: int, y: FloatArray, first: int, last: int
) -> tuple[float, float]:
    """Return the sums over patients and j < y of j / (1 + kj) and of its square; y[first:last] is read for large y."""
    one, two = 0.0, 0.0
    for j in range(1, length):
        ratio = float(j) / (1.0 + k * float(j))
        term = more_than[j] * ratio
        one += term
        two += term * ratio
    if length >= LARGE:
        for i in range(first, last):
            if y[i] > float(LARGE):
                more = _tail(y[i], k)
                one += more[0]
                two += more[1]
    return one, two


@bare_part
def count_sum(y: float, k: float) -> float:
    """Return the sum over j < y of j / (1 + kj)."""
    total = _tail(y, k)[0] if y > float(LARGE) else 0.0
    for j in range(1, int(min(y, float(LARGE)))):
        total += float(j) / (1.0 + k * float(j))
    return total


@bare_part
def _log_integral(y: float, k: float) -> float:
    """Return the integral from 0 to y of log(1 + kj)."""
    x = k * y
    if x >= _SERIES_BELOW:
        return ((1.0 + x) * math.log1p(x) - x) / k
    total, power = 0.0, x
    for i in range(16):
        m = float(i)
        total += power / ((m + 1.0) * (m + 2.0))
        power *= -x
    return y * total


@bare_part
def _log_tail(y: float, k: float) -> float:
    """Return the sum over LARGE <= j < y of log(1 + kj), by Euler and Maclaurin."""
    low = float(LARGE)
    integral = _log_integral(y, k) - _log_integral(low, k)
    ends = math.log1p(k * y) - math.log1p(k * low)
    return integral - 0.5 * ends + (k / (1.0 + k * y) - k / (1.0 + k * low)) / 12.0


@bare_part
def count_log_sum(k: float, more_than: FloatArray, length: int, y: FloatArray, first: int, last: int) -> float:
    """Return the sum over patients and j < y of log(1 + kj)."""
    total = 0.0
    if k == 0.0:
        return total
    for j in range(1, length):
        total += more_than[j] * math.log1p(k * float(j))
    if length >= LARGE:
        for i in range(first, last):
            if y[i] > float(LARGE):
                total += _log_tail(y[i], k)
    return total
