"""Power as a function of a design's size: a probit line in the square root of the size, and where it reaches a target.

A Wald test of a constant effect has power Phi(c * sqrt(x) - z), so near the answer the line is nearly exact; it is
fitted to sizes near the answer alone.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import log_ndtr, ndtr, ndtri

Floats = NDArray[np.float64]

Z95 = 1.959963984540054
STEPS = 50
SETTLED = 1e-9
LONGEST = 1.0
PULL = 1.0
"""Standard deviation of the intercept around its theory, -z, while a search is still far from its answer."""


class Point(NamedTuple):
    """A size that was played: how many trials, in how many of them the test rejected."""

    x: float
    trials: int
    rejected: int

    @property
    def power(self) -> float:
        """The share that rejects."""
        return self.rejected / self.trials

    @property
    def mcse(self) -> float:
        """Its Monte Carlo standard error."""
        return math.sqrt(self.power * (1.0 - self.power) / self.trials)


@dataclass(frozen=True)
class Curve:
    """probit(power) = intercept + slope * sqrt(x), with the covariance of both."""

    intercept: float
    slope: float
    covariance: Floats

    def at(self, x: float) -> float:
        """Give the power at a size."""
        return float(ndtr(self.intercept + self.slope * math.sqrt(x)))

    def mcse_at(self, x: float) -> float:
        """Give the Monte Carlo standard error of the power at a size, by the delta method."""
        row = np.array([1.0, math.sqrt(x)])
        density = math.exp(-0.5 * (self.intercept + self.slope * math.sqrt(x)) ** 2) / math.sqrt(2.0 * math.pi)
        return density * math.sqrt(max(float(row @ self.covariance @ row), 0.0))

    def reaches(self, power: float) -> float:
        """Give the size at which the curve reaches a power; infinite where it does not rise."""
        if self.slope <= 0.0:
            return math.inf
        root = (float(ndtri(power)) - self.intercept) / self.slope
        return root * root if root > 0.0 else 0.0

    def interval(self, power: float, z: float = Z95) -> tuple[float, float]:
        """Give the sizes at which the power asked for lies within z standard errors of the curve (Fieller 1954).

        The upper end is infinite where the slope is not told from none.
        """
        (va, vab), (_, vb) = self.covariance
        gap = self.intercept - float(ndtri(power))
        a = self.slope * self.slope - z * z * vb
        b = 2.0 * (gap * self.slope - z * z * vab)
        c = gap * gap - z * z * va
        inside = b * b - 4.0 * a * c
        if a <= 0.0 or inside < 0.0 or self.slope <= 0.0:
            return 0.0, math.inf
        low, high = ((-b + sign * math.sqrt(inside)) / (2.0 * a) for sign in (-1.0, 1.0))
        return float(max(low, 0.0) ** 2), float(max(high, 0.0) ** 2)


def fitted(points: Sequence[Point], level: float = 0.0) -> Curve | None:
    """Fit the curve by maximum likelihood; None where it does not exist (no rejections, or nothing but rejections).

    With a `level` of the two-sided test, the intercept is drawn towards its theory, -z, and each point has half a
    rejection more and half a trial without: the fit then exists always, to say where to go next.
    """
    x = np.sqrt([p.x for p in points])
    n, k = (np.array(column, float) for column in zip(*((p.trials, p.rejected) for p in points), strict=True))
    if not level and (not 0.0 < k.sum() < n.sum() or len(set(x)) == 1):
        return None
    if level:
        n, k = n + 1.0, k + 0.5
    theory = -float(ndtri(1.0 - level / 2.0)) if level else 0.0
    prior = 1.0 / (PULL * PULL) if level else 0.0
    share = (k.sum() + 0.5) / (n.sum() + 1.0)
    beta = np.array([theory, (float(ndtri(share)) - theory) / float(np.average(x, weights=n))])
    design = np.column_stack([np.ones_like(x), x])
    for _ in range(STEPS):
        score, information = _score(design, n, k, beta)
        score[0] -= prior * (beta[0] - theory)
        information[0, 0] += prior
        if not np.isfinite(information).all() or np.linalg.cond(information) > 1e14:
            return None
        step = np.linalg.solve(information, score)
        step *= min(1.0, LONGEST / max(float(np.abs(design @ step).max()), 1e-300))  # the likelihood is concave
        beta = beta + step
        if np.abs(step).max() < SETTLED:
            return Curve(float(beta[0]), float(beta[1]), np.asarray(np.linalg.inv(information), np.float64))
    return None


def _score(design: Floats, n: Floats, k: Floats, beta: Floats) -> tuple[Floats, Floats]:
    """Give the derivative of the binomial log likelihood and its expected information."""
    eta = np.clip(design @ beta, -8.0, 8.0)
    log_density = -0.5 * eta * eta - 0.5 * math.log(2.0 * math.pi)
    hit, miss = np.exp(log_density - log_ndtr(eta)), np.exp(log_density - log_ndtr(-eta))
    score = design.T @ (k * hit - (n - k) * miss)
    return score, design.T @ ((n * hit * miss)[:, None] * design)
