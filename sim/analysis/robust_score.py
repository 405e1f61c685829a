"""The robust score test of two rates of counts: a p that needs neither a dispersion nor large arms.

The model's score for the difference is squared over the sum of the patients' squared scores, all at the fit with one
rate (Boos 1992; the test of Rotnitzky and Jewell 1990 with a patient a cluster).
"""

from __future__ import annotations

import math

import numpy as np

from sim.analysis.arrays import BoolArray, FloatArray, IntArray, batch, treated_column

__all__ = ["robust_score_p"]


def robust_score_p(counts: FloatArray, exposure: FloatArray, treated: BoolArray, first: IntArray) -> FloatArray:
    """Return the two-sided p of each of many data sets, patients first[k] to first[k + 1] - 1 being set k.

    The working model is Poisson with the log of the exposure as offset. Patients without exposure (0 or NaN) or with a
    NaN count are left out; NaN where nothing can be compared. Raises ValueError for unequal lengths.
    """
    from scipy.special import ndtr

    ends, (y, t) = batch(first, counts=counts, exposure=exposure)
    used = (t > 0.0) & ~np.isnan(y)
    y, t = np.where(used, y, 0.0), np.where(used, t, 0.0)
    arm = treated_column(treated, y.size).astype(float)
    sets = np.repeat(np.arange(ends.size - 1), np.diff(ends))

    def total(values: FloatArray) -> FloatArray:
        sums: FloatArray = np.bincount(sets, values, ends.size - 1)  # type: ignore[assignment]
        return sums

    with np.errstate(all="ignore"):
        rate, share = total(y) / total(t), total(t * arm) / total(t)
        scores = (arm - share[sets]) * (y - rate[sets] * t)
        z = total(scores) / np.sqrt(total(scores * scores))
        p: FloatArray = 2.0 * ndtr(-np.abs(np.where(np.isfinite(z), z, math.nan)))
    return p
