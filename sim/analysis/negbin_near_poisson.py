"""The maximum of the two-arm NB2 likelihood where it is almost Poisson and the usual formulas lose their digits.

The usual score of the dispersion k divides differences of digamma by k^2, its derivative by k^3: with means around 1
the information keeps six digits at k = 1e-3 and none at 1e-5. Here the gamma functions are written out as sums over
whole counts, log Gamma(y + 1/k) - log Gamma(1/k) + y log k = sum over j < y of log(1 + kj), and the rest is a function
of x = k * mu whose series runs through x = 0, so that every digit stays, down to k = 0 itself.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from sim.analysis.arrays import BoolArray, FloatArray

__all__ = ["Design", "design", "maximise_near_poisson", "score_and_information"]

_STEPS: Final = 30
_ARRIVED: Final = 1e-18  # Newton's step is then below 1e-9 standard errors, and is still taken
_LARGEST_COUNT: Final = 1e6  # the sums run up to the largest count
_SERIES_BELOW: Final = 0.05  # 16 terms: the first one left out is below 0.05^16 = 2e-21
_M: Final = np.arange(16.0)
_B: Final = np.where(_M % 2.0, -1.0, 1.0) * (_M + 1.0) / (_M + 2.0)
_DB: Final = (_M * _B)[1:]


@dataclass(frozen=True, slots=True)
class Design:
    """The data as the sums need them: counts, years, design matrix (1, treated), patients with more than j events."""

    y: FloatArray
    years: FloatArray
    X: FloatArray
    more_than: FloatArray


def design(counts: FloatArray, years: FloatArray, treated: BoolArray) -> Design:
    """Prepare whole counts, years above 0 and arm, each (n,), for `score_and_information`."""
    whole = counts.astype(np.int64)
    more_than = (whole.size - np.cumsum(np.bincount(whole))[:-1]).astype(np.float64)
    return Design(counts, years, np.column_stack([np.ones_like(counts), treated]), more_than)


def maximise_near_poisson(
    counts: FloatArray, years: FloatArray, treated: BoolArray, log_rate: float, log_ratio: float
) -> tuple[FloatArray, FloatArray] | None:
    """Return (parameters, their covariance) at the inner maximum to which Newton leads from k = 0, or None without one.

    Starts at the Poisson fit (log control rate, log rate ratio). Parameters are these two and the dispersion k > 0; the
    covariance (3, 3) is the inverse observed joint information. Counts whole, years above 0.
    """
    if counts.max() > _LARGEST_COUNT:
        return None
    data, params = design(counts, years, treated), np.array([log_rate, log_ratio, 0.0])
    for _ in range(_STEPS):
        score, information = score_and_information(data, params)
        try:
            np.linalg.cholesky(information)  # positive definite, or it raises
            step = np.linalg.solve(information, score)
        except np.linalg.LinAlgError:
            return None
        params = params + step
        if float(score @ step) < _ARRIVED:
            covariance: FloatArray = np.linalg.inv(information).astype(np.float64)
            return (params, covariance) if params[2] > 0.0 else None
    return None


def score_and_information(data: Design, params: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return score (3,) and observed information (3, 3) of (log rate, log ratio, k), precise from k = 0 upwards."""
    k, y = float(params[2]), data.y
    mu = np.exp(data.X @ params[:2]) * data.years
    x = k * mu
    j = np.arange(data.more_than.size, dtype=np.float64)
    ratio = j / (1.0 + k * j)
    b, db = _b_and_slope(x)
    score_k = data.more_than @ ratio + np.sum(mu * mu * b - y * mu / (1.0 + x))
    info_kk = data.more_than @ (ratio * ratio) - np.sum(mu**3 * db + y * (mu / (1.0 + x)) ** 2)
    info_bk = data.X.T @ (mu * (y - mu) / (1.0 + x) ** 2)
    info_bb = data.X.T @ ((mu * (1.0 + k * y) / (1.0 + x) ** 2)[:, None] * data.X)
    information = np.block([[info_bb, info_bk[:, None]], [info_bk, info_kk]])
    return np.append(data.X.T @ ((y - mu) / (1.0 + x)), score_k), information


def _b_and_slope(x: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return b(x) = (log(1 + x) - x / (1 + x)) / x^2 and b'(x), with their limits 1/2 and -2/3 at 0."""
    small = np.abs(x) < _SERIES_BELOW
    s, z = np.where(small, x, 0.0), np.where(small, 1.0, x)
    log, inverse = np.log1p(z), 1.0 / (1.0 + z)
    b = (log - z * inverse) / z**2
    db = (2.0 * z * inverse + (z * inverse) ** 2 - 2.0 * log) / z**3
    polynomial = np.polynomial.polynomial.polyval
    return np.where(small, polynomial(s, _B), b), np.where(small, polynomial(s, _DB), db)
