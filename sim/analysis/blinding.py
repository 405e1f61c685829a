"""How well a blind held, from treatment guesses: Bang's index of each arm and James's index of a trial.

Both take "don't know" as an answer. Bang's index is the share that guesses right less the share that guesses wrong, of
all who were asked: 1 where everybody knows, 0 where guesses are as good as a coin's or nobody guesses, -1 where
everybody guesses the other arm. James's index rises with the share of don't-knows and with disagreement beyond chance:
0 where everybody knows, 1/2 where guesses are a coin's, 1 where nobody guesses.
Sources: Bang, Ni, Davis (2004), Controlled Clinical Trials 25:143-156; James, Bloch, Lee, Kraemer, Fuller (1996),
Statistics in Medicine 15:1421-1434.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import numpy as np

from sim.analysis.arrays import FloatArray, IntArray
from sim.analysis.estimate import CODES, Estimates, check_alpha, wald_batch

__all__ = ["BANG_METHOD", "JAMES_METHOD", "bang_index", "james_index"]

BANG_METHOD: Final = "Bang's blinding index, don't-knows in the denominator, Wald interval within -1 to 1"
JAMES_METHOD: Final = "James's blinding index, Wald interval by the delta method, within 0 to 1"

_WRONG: Final = np.array([[0.0, 1.0, 0.0], [1.0, 0.0, 0.0]])
_ANSWERED: Final = np.array([1.0, 1.0, 0.0])


def bang_index(right: FloatArray, wrong: FloatArray, unsure: FloatArray, alpha: float = 0.05) -> Estimates:
    """Estimate Bang's index of one arm in each of many trials, from counts (T,) of right, wrong and no guesses.

    The test is of no more right guesses than wrong ones. "no_follow_up" where nobody was asked, "no_variation" where
    all answered alike. Raises ValueError for unequal lengths, counts that are negative or not whole, or a bad alpha.
    """
    check_alpha(alpha)
    counts = _counted(np.stack([np.asarray(c, np.float64) for c in (right, wrong, unsure)], axis=-1))
    n = counts.sum(axis=-1)
    with np.errstate(all="ignore"):
        p_right, p_wrong = counts[:, 0] / n, counts[:, 1] / n
        value = p_right - p_wrong
        se = np.sqrt((p_right + p_wrong - value * value) / n)
    made = wald_batch(value, se, n.astype(np.int64), _outcomes(n, se), BANG_METHOD, alpha)
    return replace(made, lower=np.maximum(made.lower, -1.0), upper=np.minimum(made.upper, 1.0))


def james_index(guesses: FloatArray, alpha: float = 0.05) -> Estimates:
    """Estimate James's index of each of many trials, from counts (T, 2, 3): by arm, the guesses of the first arm, of
    the second, and don't-knows.

    Its p is two-sided against 1/2, a coin's guesses. "no_variation" where no error can be told: where nobody guesses,
    where everybody is right, or everybody wrong. Raises as `bang_index`.
    """
    check_alpha(alpha)
    cells = np.asarray(guesses, np.float64)
    if cells.ndim != 3 or cells.shape[1:] != (2, 3):
        raise ValueError(f"guesses must have shape (trials, 2, 3), found {cells.shape}")
    n = _counted(cells).sum(axis=(1, 2))
    with np.errstate(all="ignore"):
        p = cells / n[:, None, None]
        answered = p * _ANSWERED
        share, disagree = answered.sum(axis=(1, 2)), (p * _WRONG).sum(axis=(1, 2))
        arm, guess = answered.sum(axis=2), answered.sum(axis=1)[:, :2]
        chance = arm[:, 0] * guess[:, 1] + arm[:, 1] * guess[:, 0]
        # the index is (1 + d + (1 - d) K) / 2 with d the don't-knows and K = (observed - chance) / chance among the
        # others: written out, with shares of all who were asked
        value = 1.0 - share + disagree * share * share / (2.0 * chance)
        slope = np.ones_like(cells)
        slope[:, :, :2] = (
            _WRONG[:, :2] * (share * share / (2.0 * chance))[:, None, None]
            + (disagree * share / chance)[:, None, None]
            - (disagree * share * share / (2.0 * chance * chance))[:, None, None]
            * (arm[:, None, ::-1] + guess[:, ::-1, None])
        )
        mean = (p * slope).sum(axis=(1, 2))
        variance = (p * slope * slope).sum(axis=(1, 2)) - mean * mean
        se = np.sqrt(np.maximum(variance, 0.0) / n)
    made = wald_batch(value - 0.5, se, n.astype(np.int64), _outcomes(n, se), JAMES_METHOD, alpha)
    lower, upper = np.maximum(made.lower + 0.5, 0.0), np.minimum(made.upper + 0.5, 1.0)
    return replace(made, value=made.value + 0.5, lower=lower, upper=upper)


def _counted(counts: FloatArray) -> FloatArray:
    """Return the counts; ValueError unless they are whole and not negative."""
    if not np.all((counts >= 0.0) & (counts == np.floor(counts)) & np.isfinite(counts)):
        raise ValueError("guesses must be counts: whole numbers from 0 up")
    return counts


def _outcomes(n: FloatArray, se: FloatArray) -> IntArray:
    """Return each trial's outcome."""
    answered = np.where(se > 0.0, CODES["ok"], CODES["no_variation"])
    return np.where(n == 0.0, CODES["no_follow_up"], answered)
