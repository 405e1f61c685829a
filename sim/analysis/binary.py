"""Shares that are free of relapses: between two arms, and before and after in the same patients."""

from __future__ import annotations

import math
from typing import Final

import numpy as np

from sim.analysis.arrays import BoolArray, FloatArray, are_shares, columns, present, treated_column
from sim.analysis.estimate import Estimate, check_alpha, undetermined

__all__ = ["MCNEMAR_METHOD", "RISK_DIFFERENCE_METHOD", "mcnemar_exact", "risk_difference"]

RISK_DIFFERENCE_METHOD: Final = "risk difference, Newcombe hybrid score interval, Fisher exact test"
MCNEMAR_METHOD: Final = "paired risk difference, Newcombe paired score interval, McNemar exact test"


def risk_difference(events: BoolArray | FloatArray, treated: BoolArray, alpha: float = 0.05) -> Estimate:
    """Estimate the difference in shares, treated minus control, with Newcombe's interval and Fisher's exact p.

    events (n,): True (1.0) where the patient has the outcome, NaN where it is unknown (left out); treated (n,): True in
    the treated arm. The standard error is the unpooled Wald one; the interval is Newcombe's (1998a) method 10, which
    stays inside [-1, 1]; p is two-sided, summing all tables no more probable than the one seen. If everyone has the
    same outcome: "all_alike", value 0, p 1. Raises ValueError for unequal lengths or a bad alpha.
    """
    check_alpha(alpha)
    y, arm = columns(events=events, treated=treated)
    used = present(y)
    y, in_arm = y[used], treated_column(arm)[used]
    n1, n0 = int(in_arm.sum()), int((~in_arm).sum())
    if not are_shares(y):
        return undetermined(RISK_DIFFERENCE_METHOD, "bad_data", y.size)
    if y.size == 1 or min(n1, n0) == 0:
        outcome = "one_patient" if y.size == 1 else "no_follow_up"
        return undetermined(RISK_DIFFERENCE_METHOD, outcome, y.size)
    return _from_table(int(y[in_arm].sum()), n1, int(y[~in_arm].sum()), n0, alpha)


def _from_table(x1: int, n1: int, x0: int, n0: int, alpha: float) -> Estimate:
    """Return the estimate from x1 of n1 treated and x0 of n0 controls."""
    p1, p0 = x1 / n1, x0 / n0
    se = math.sqrt(p1 * (1.0 - p1) / n1 + p0 * (1.0 - p0) / n0)
    lower, upper = _square_and_add(_wilson(x1, n1, alpha), _wilson(x0, n0, alpha), p1, p0, 0.0)
    outcome = "all_alike" if x1 + x0 in (0, n1 + n0) else "ok"
    p = _fisher_p(x1, n1, x0, n0)
    return Estimate(p1 - p0, se, lower, upper, p, True, n1 + n0, RISK_DIFFERENCE_METHOD, outcome)


def _fisher_p(x1: int, n1: int, x0: int, n0: int) -> float:
    """Return Fisher's two-sided p of a 2 x 2 table."""
    from scipy.stats import fisher_exact

    return float(fisher_exact(np.array([[x1, n1 - x1], [x0, n0 - x0]])).pvalue)


def mcnemar_exact(before: BoolArray | FloatArray, after: BoolArray | FloatArray, alpha: float = 0.05) -> Estimate:
    """Estimate the change in share, after minus before, of the same patients, with McNemar's exact p.

    before, after (n,): True (1.0) where the patient has the outcome, NaN where unknown (the pair is left out). The
    standard error is the paired Wald one; the interval is Newcombe's (1998b) method 10; p is the two-sided binomial
    test of the discordant pairs at one half. If nobody changed: "all_alike", value 0, p 1. Raises ValueError for
    unequal lengths or a bad alpha.
    """
    check_alpha(alpha)
    b, a = columns(before=before, after=after)
    used = present(b, a)
    b, a = b[used], a[used]
    if not (are_shares(b) and are_shares(a)):
        return undetermined(MCNEMAR_METHOD, "bad_data", b.size)
    if b.size < 2:
        return undetermined(MCNEMAR_METHOD, "one_patient" if b.size else "no_follow_up", b.size)
    both, gained, lost = int((a * b).sum()), int((a * (1.0 - b)).sum()), int((b * (1.0 - a)).sum())
    return _from_pairs(both, gained, lost, b.size, alpha)


def _from_pairs(both: int, gained: int, lost: int, n: int, alpha: float) -> Estimate:
    """Return the estimate from the pairs with the outcome both times, only after, only before."""
    from scipy.special import bdtr

    discordant = gained + lost
    se = math.sqrt(discordant - (gained - lost) ** 2 / n) / n
    x1, x0 = both + gained, both + lost
    phi = _phi(both, gained, lost, n)
    lower, upper = _square_and_add(_wilson(x1, n, alpha), _wilson(x0, n, alpha), x1 / n, x0 / n, phi)
    p = min(1.0, 2.0 * float(bdtr(min(gained, lost), discordant, 0.5))) if discordant else 1.0
    outcome = "ok" if discordant else "all_alike"
    return Estimate((gained - lost) / n, se, lower, upper, p, True, n, MCNEMAR_METHOD, outcome)


def _phi(both: int, gained: int, lost: int, n: int) -> float:
    """Return the correlation within pairs, shrunk by n/2 towards 0 if positive (Newcombe 1998b, method 10)."""
    neither = n - both - gained - lost
    margins = (both + gained) * (lost + neither) * (both + lost) * (gained + neither)
    if margins == 0:
        return 0.0
    determinant = float(both * neither - gained * lost)
    shrunk = max(determinant - n / 2.0, 0.0) if determinant > 0.0 else determinant
    return shrunk / math.sqrt(margins)


def _wilson(x: int, n: int, alpha: float) -> tuple[float, float]:
    """Return Wilson's (1927) score interval of a share x / n."""
    from scipy.special import ndtri

    z = -float(ndtri(alpha / 2.0))
    centre = (x + z * z / 2.0) / (n + z * z)
    half = z * math.sqrt(x * (n - x) / n + z * z / 4.0) / (n + z * z)
    # At x = 0 and x = n the limits are exactly 0 and 1, which rounding would miss.
    return (0.0 if x == 0 else centre - half), (1.0 if x == n else centre + half)


def _square_and_add(
    first: tuple[float, float], second: tuple[float, float], p1: float, p2: float, phi: float
) -> tuple[float, float]:
    """Return Newcombe's limits of p1 - p2 from the Wilson limits of each share and their correlation phi."""
    down1, up1, down2, up2 = p1 - first[0], first[1] - p1, p2 - second[0], second[1] - p2
    below = math.sqrt(max(down1 * down1 - 2.0 * phi * down1 * up2 + up2 * up2, 0.0))
    above = math.sqrt(max(up1 * up1 - 2.0 * phi * up1 * down2 + down2 * down2, 0.0))
    return p1 - p2 - below, p1 - p2 + above
