"""What all trials together say: one statistic of their summed counts, and what each trial has to do with it.

Expected counts, never a mean of fits that may not exist. A trial's influence is the statistic's linear response to it
(infinitesimal jackknife), so that the error of any sum or difference of statistics over the same trials is that of the
same sum of influences.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sim.analysis.survival import first_relapse_estimates
from sim.study.performance import block_sum

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Pooled:
    """A statistic over all trials and each trial's influence on it, one value a trial; `known` needs no trial."""

    value: float
    influence: Floats
    known: bool = False

    def with_error(self) -> tuple[float, float]:
        """Give the statistic and its Monte Carlo standard error; NaN where the statistic does not exist."""
        if self.known and not math.isnan(self.value):
            return self.value, 0.0
        return self.value, math.nan if math.isnan(self.value) else error(self.influence)

    def minus(self, other: Pooled) -> Pooled:
        """Give the difference of two statistics over the same trials."""
        return Pooled(self.value - other.value, self.influence - other.influence, self.known and other.known)


def error(influence: Floats) -> float:
    """Give the standard error that belongs to the influences of independent trials."""
    n = len(influence)
    return math.sqrt(n / (n - 1.0) * _total(influence * influence)) if n > 1 else math.nan


def nothing(trials: int, value: float = 0.0) -> Pooled:
    """Give a value that is known without a trial."""
    return Pooled(value, np.zeros(trials), known=True)


def log_ratio(sums: Floats) -> Pooled:
    """Give the log of the ratio of pooled rates; columns: events and years of one group, then of the other."""
    a, ta, b, tb = (_total(sums[:, k]) for k in range(4))
    if not sums.any():
        return nothing(len(sums))
    if min(a, b, ta, tb) <= 0.0:
        return nothing(len(sums), math.nan)
    influence = sums[:, 0] / a - sums[:, 1] / ta - sums[:, 2] / b + sums[:, 3] / tb
    return Pooled(math.log(a / ta) - math.log(b / tb), influence)


def difference(sums: Floats) -> Pooled:
    """Give the difference of pooled means; columns: sum and number of one group, then of the other."""
    a, na, b, nb = (_total(sums[:, k]) for k in range(4))
    if not sums.any():
        return nothing(len(sums))
    if min(na, nb) <= 0.0:
        return nothing(len(sums), math.nan)
    influence = (sums[:, 0] - sums[:, 1] * a / na) / na - (sums[:, 2] - sums[:, 3] * b / nb) / nb
    return Pooled(a / na - b / nb, influence)


def log_odds_ratio(sums: Floats) -> Pooled:
    """Give the log of the ratio of pooled odds; columns: positives and number of one group, then of the other."""
    odds = sums.copy()
    odds[:, 1] -= odds[:, 0]
    odds[:, 3] -= odds[:, 2]
    return log_ratio(odds)


def adjusted_difference(sums: Floats) -> Pooled:
    """Give the difference in mean change at equal baseline, by one common slope: ANCOVA of all patients together.

    Columns, of one group and then of the other: number, and sums of baseline x, change d, x * x and x * d.
    """
    total = [_total(sums[:, k]) for k in range(10)]
    (n, x, d, xx, xd), (m, y, e, yy, ye) = total[:5], total[5:]
    if min(n, m) <= 0.0:
        return nothing(len(sums), math.nan)
    sxx, sxd = xx - x * x / n + yy - y * y / m, xd - x * d / n + ye - y * e / m
    if sxx <= 0.0:
        return nothing(len(sums), math.nan)
    slope, gap = sxd / sxx, x / n - y / m
    value = d / n - e / m - slope * gap
    mean, bend = np.zeros(10), np.zeros(10)  # gradients of the mean residual's difference and of the slope
    for first, sign, (k, p, q) in ((0, 1.0, (n, x, d)), (5, -1.0, (m, y, e))):
        mean[first : first + 3] = sign * np.array([-(q - slope * p) / (k * k), -slope / k, 1.0 / k])
        own = [p * q / (k * k) - slope * p * p / (k * k), -q / k + 2.0 * slope * p / k, -p / k, -slope, 1.0]
        bend[first : first + 5] = np.array(own) / sxx
    return Pooled(value, sums @ (mean - gap * bend))


def log_hazard_ratio(days: Floats, event: NDArray[np.bool_], treated: NDArray[np.bool_]) -> Pooled:
    """Give the Cox log hazard ratio of all patients pooled: the limit of the analysis, hazards proportional or not.

    Each (trials, places); a place with days NaN holds nobody. Influences are score residuals over the information (Lin
    and Wei 1989, the robust variance), with Breslow's ties.
    """
    trial, place = np.nonzero(days > 0.0)
    t, d, z = days[trial, place], event[trial, place], treated[trial, place]
    fit = first_relapse_estimates(t, d, z, np.array([0, len(t)]), 0.05)
    value = float(fit.value[0])
    if math.isnan(value):
        return nothing(len(days), value)
    residual, information = _score_residuals(t, d, z.astype(float), value)
    return Pooled(value, np.bincount(trial, residual, minlength=len(days)) / information)


def _score_residuals(t: Floats, d: NDArray[np.bool_], z: Floats, log_ratio: float) -> tuple[Floats, float]:
    """Give each patient's score residual at this log hazard ratio, and the information."""
    order = np.argsort(t, kind="stable")
    time, event, group = t[order], d[order], z[order]
    weight = np.exp(log_ratio * group)
    first, last = np.searchsorted(time, time, "left"), np.searchsorted(time, time, "right") - 1
    at_risk = np.cumsum(weight[::-1])[::-1][first]
    share = np.cumsum((weight * group)[::-1])[::-1][first] / at_risk
    step = event / at_risk
    base, shared = np.cumsum(step)[last], np.cumsum(step * share)[last]
    residual = np.empty(len(t))
    residual[order] = event * (group - share) - weight * (group * base - shared)
    return residual, float((event * share * (1.0 - share)).sum())


def _total(values: Floats) -> float:
    return block_sum(values, np.arange(len(values)))
