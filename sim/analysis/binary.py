"""Shares that are free of relapses: between two arms, and before and after in the same patients."""

from __future__ import annotations

from typing import Final

import numpy as np

from sim.analysis.arrays import BoolArray, FloatArray, IntArray, alone, batch, treated_column
from sim.analysis.estimate import CODES, Estimate, Estimates, check_alpha, masked

__all__ = [
    "MCNEMAR_METHOD",
    "ODDS_RATIO_METHOD",
    "RISK_DIFFERENCE_METHOD",
    "SHARE_METHOD",
    "mcnemar_exact",
    "mcnemar_exact_batch",
    "odds_ratio",
    "odds_ratio_batch",
    "risk_difference",
    "risk_difference_batch",
    "share",
    "share_batch",
]

RISK_DIFFERENCE_METHOD: Final = "risk difference, Newcombe hybrid score interval, Fisher exact test"
SHARE_METHOD: Final = "share, Wilson score interval; no hypothesis is tested, p is 1"
MCNEMAR_METHOD: Final = "paired risk difference, Newcombe paired score interval, McNemar exact test"

ODDS_RATIO_METHOD: Final = (
    "log odds ratio, Woolf interval (0.5 added to each cell where one is empty), Fisher exact test"
)


def risk_difference(events: BoolArray | FloatArray, treated: BoolArray, alpha: float = 0.05) -> Estimate:
    """Estimate the difference in shares, treated minus control, with Newcombe's interval and Fisher's exact p.

    events (n,): True (1.0) where the patient has the outcome, NaN where it is unknown (left out); treated (n,): True in
    the treated arm. The standard error is the unpooled Wald one; the interval is Newcombe's (1998a) method 10, which
    stays inside [-1, 1]; p is two-sided, summing all tables no more probable than the one seen. If everyone has the
    same outcome: "all_alike", value 0, p 1. Raises ValueError for unequal lengths or a bad alpha.
    """
    return risk_difference_batch(events, treated, alone(events), alpha)[0]


def risk_difference_batch(
    events: BoolArray | FloatArray, treated: BoolArray, first: IntArray, alpha: float = 0.05
) -> Estimates:
    """Estimate the difference of each of many data sets, patients first[k] to first[k + 1] - 1 being set k."""
    from sim.analysis.binary_kernel import count_arms

    check_alpha(alpha)
    ends, (y,) = batch(first, events=events)
    sets = ends.size - 1
    table, p, outcomes = np.empty((sets, 4), np.int64), np.empty(sets), np.empty(sets, np.int64)
    with np.errstate(all="ignore"):
        count_arms(y, treated_column(treated, y.size), ends, table, p, outcomes)
        x1, n1, x0, n0 = table.astype(np.float64).T
        p1, p0 = x1 / n1, x0 / n0
        se = np.sqrt(p1 * (1.0 - p1) / n1 + p0 * (1.0 - p0) / n0)
        lower, upper = _square_and_add(_wilson(x1, n1, alpha), _wilson(x0, n0, alpha), p1, p0, np.zeros(sets))
    n = table[:, 1] + table[:, 3]
    return masked(p1 - p0, se, lower, upper, p, n, outcomes.astype(np.int8), RISK_DIFFERENCE_METHOD)


def odds_ratio(events: BoolArray | FloatArray, treated: BoolArray, alpha: float = 0.05) -> Estimate:
    """Estimate the log odds ratio, treated over control, with Woolf's (1955) interval and Fisher's exact p.

    events (n,): True (1.0) where the person has the outcome, NaN where it is unknown (left out); treated (n,): True in
    the group asked about. Where one of the four cells is empty, 0.5 is added to all of them (Haldane 1956, Anscombe
    1956), for value, standard error and interval; p is of the counts as they are, so it may disagree with the interval.
    If everyone has the same outcome: "all_alike", value 0, p 1. Raises ValueError for unequal lengths or a bad alpha.
    """
    return odds_ratio_batch(events, treated, alone(events), alpha)[0]


def odds_ratio_batch(
    events: BoolArray | FloatArray, treated: BoolArray, first: IntArray, alpha: float = 0.05
) -> Estimates:
    """Estimate the log odds ratio of each of many data sets, persons first[k] to first[k + 1] - 1 being set k."""
    from scipy.special import ndtri

    from sim.analysis.binary_kernel import count_arms

    check_alpha(alpha)
    ends, (y,) = batch(first, events=events)
    sets = ends.size - 1
    table, p, outcomes = np.empty((sets, 4), np.int64), np.empty(sets), np.empty(sets, np.int64)
    with np.errstate(all="ignore"):
        count_arms(y, treated_column(treated, y.size), ends, table, p, outcomes)
        x1, n1, x0, n0 = table.astype(np.float64).T
        cells = np.stack([x1, n1 - x1, x0, n0 - x0])
        cells = cells + 0.5 * (cells == 0.0).any(axis=0)
        value = np.log(cells[0] / cells[1]) - np.log(cells[2] / cells[3])
        value = np.where(outcomes == CODES["all_alike"], 0.0, value)
        se = np.sqrt((1.0 / cells).sum(axis=0))
    half = -float(ndtri(alpha / 2.0)) * se
    code, n = outcomes.astype(np.int8), table[:, 1] + table[:, 3]
    return masked(value, se, value - half, value + half, p, n, code, ODDS_RATIO_METHOD)


def mcnemar_exact(before: BoolArray | FloatArray, after: BoolArray | FloatArray, alpha: float = 0.05) -> Estimate:
    """Estimate the change in share, after minus before, of the same patients, with McNemar's exact p.

    before, after (n,): True (1.0) where the patient has the outcome, NaN where unknown (the pair is left out). The
    standard error is the paired Wald one; the interval is Newcombe's (1998b) method 10; p is the two-sided binomial
    test of the discordant pairs at one half. If nobody changed: "all_alike", value 0, p 1. Raises ValueError for
    unequal lengths or a bad alpha.
    """
    return mcnemar_exact_batch(before, after, alone(before), alpha)[0]


def mcnemar_exact_batch(
    before: BoolArray | FloatArray, after: BoolArray | FloatArray, first: IntArray, alpha: float = 0.05
) -> Estimates:
    """Estimate the change in share of each of many data sets, patients first[k] to first[k + 1] - 1 being set k."""
    from sim.analysis.binary_kernel import count_pairs

    check_alpha(alpha)
    ends, (b, a) = batch(first, before=before, after=after)
    table, outcomes = np.empty((ends.size - 1, 4), np.int64), np.empty(ends.size - 1, np.int64)
    with np.errstate(all="ignore"):
        count_pairs(b, a, ends, table, outcomes)
        return _from_pairs(table, outcomes, alpha)


def share(events: BoolArray | FloatArray, alpha: float = 0.05) -> Estimate:
    """Estimate the share of patients with the outcome, with Wilson's interval; nothing is tested, so p is 1.

    events (n,): True (1.0) where the patient has the outcome, NaN where there is none to have (left out). The standard
    error is Wald's, 0 where everyone has the same outcome. Raises ValueError for a bad alpha.
    """
    return share_batch(events, alone(events), alpha)[0]


def share_batch(events: BoolArray | FloatArray, first: IntArray, alpha: float = 0.05) -> Estimates:
    """Estimate the share in each of many data sets, patients first[k] to first[k + 1] - 1 being set k."""
    check_alpha(alpha)
    ends, (y,) = batch(first, events=events)
    seen = ~np.isnan(y)
    x, n = (
        np.diff(np.concatenate([[0.0], np.cumsum(column)])[ends]) for column in (np.where(seen, y, 0.0), seen * 1.0)
    )
    with np.errstate(all="ignore"):
        value = x / n
        se = np.sqrt(value * (1.0 - value) / n)
        lower, upper = _wilson(x, n, alpha)
    outcomes = np.where(n > 0.0, CODES["ok"], CODES["no_follow_up"]).astype(np.int8)
    return masked(value, se, lower, upper, np.ones(len(n)), n.astype(np.int64), outcomes, SHARE_METHOD)


def _from_pairs(table: IntArray, outcomes: IntArray, alpha: float) -> Estimates:
    """Return the estimates from the pairs with the outcome both times, only after, only before, and all."""
    from scipy.special import bdtr

    both, gained, lost, n = table.astype(np.float64).T
    discordant = gained + lost
    se = np.sqrt(discordant - (gained - lost) * (gained - lost) / n) / n
    x1, x0 = both + gained, both + lost
    phi = _phi(both, gained, lost, n)
    lower, upper = _square_and_add(_wilson(x1, n, alpha), _wilson(x0, n, alpha), x1 / n, x0 / n, phi)
    p = np.minimum(1.0, 2.0 * bdtr(np.minimum(gained, lost), table[:, 1] + table[:, 2], 0.5))
    p[outcomes == CODES["all_alike"]] = 1.0
    value = (gained - lost) / n
    return masked(value, se, lower, upper, p, table[:, 3], outcomes.astype(np.int8), MCNEMAR_METHOD)


def _phi(both: FloatArray, gained: FloatArray, lost: FloatArray, n: FloatArray) -> FloatArray:
    """Return the correlation within pairs, shrunk by n/2 towards 0 if positive (Newcombe 1998b, method 10)."""
    neither = n - both - gained - lost
    margins = (both + gained) * (lost + neither) * (both + lost) * (gained + neither)
    determinant = both * neither - gained * lost
    shrunk = np.where(determinant > 0.0, np.maximum(determinant - n / 2.0, 0.0), determinant)
    phi: FloatArray = np.where(margins > 0.0, shrunk / np.sqrt(margins), 0.0)
    return phi


def _wilson(x: FloatArray, n: FloatArray, alpha: float) -> tuple[FloatArray, FloatArray]:
    """Return Wilson's (1927) score interval of shares x / n."""
    from scipy.special import ndtri

    z = -float(ndtri(alpha / 2.0))
    centre = (x + z * z / 2.0) / (n + z * z)
    half = z * np.sqrt(x * (n - x) / n + z * z / 4.0) / (n + z * z)
    # At x = 0 and x = n the limits are exactly 0 and 1, which rounding would miss.
    return np.where(x == 0.0, 0.0, centre - half), np.where(x == n, 1.0, centre + half)


def _square_and_add(
    first: tuple[FloatArray, FloatArray],
    second: tuple[FloatArray, FloatArray],
    p1: FloatArray,
    p2: FloatArray,
    phi: FloatArray,
) -> tuple[FloatArray, FloatArray]:
    """Return Newcombe's limits of p1 - p2 from the Wilson limits of each share and their correlation phi."""
    down1, up1, down2, up2 = p1 - first[0], first[1] - p1, p2 - second[0], second[1] - p2
    below = np.sqrt(np.maximum(down1 * down1 - 2.0 * phi * down1 * up2 + up2 * up2, 0.0))
    above = np.sqrt(np.maximum(up1 * up1 - 2.0 * phi * up1 * down2 + down2 * down2, 0.0))
    return p1 - p2 - below, p1 - p2 + above
