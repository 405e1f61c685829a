"""Solves simulated statistics for published ones: least squares with the same random numbers at every step."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from sim.study.calibrate.outcome import Value, rounded

Floats = NDArray[np.float64]
Statistics = Callable[[Mapping[str, float]], Sequence[float]]
STEP = 0.05
"""Derivatives are taken over so much to each side of a logarithm, wide enough for the steps of simulated shares."""
Z_90 = 1.645
PRIOR_LOG_SD = math.log(2.0)
"""The width of a prior, where the figures alone would let a value run away: times or divided by 2 is one SD."""


@dataclass(frozen=True)
class Problem:
    """Values above zero (searched by their logarithms, from `start`, within `low` and `high`) and what to meet.

    `priors` gives the middle of a log-normal prior to some of them, PRIOR_LOG_SD wide.
    """

    start: Mapping[str, float]
    low: Mapping[str, float]
    high: Mapping[str, float]
    statistics: Statistics
    wanted: Floats
    errors: Floats
    figures: tuple[str, ...]
    priors: Mapping[str, float] = field(default_factory=dict)

    def misses(self, x: Floats) -> Floats:
        """Give by how many standard errors the statistics at x exceed what is wanted, and the values their priors."""
        values = self.values(x)
        found = np.array(self.statistics(values), float)
        beyond = [math.log(values[n] / middle) / PRIOR_LOG_SD for n, middle in self.priors.items()]
        return np.concatenate([(found - self.wanted) / self.errors, beyond])

    def slopes(self, x: Floats) -> Floats:
        """Give the derivatives of the misses, a column a coordinate."""
        steps = STEP * np.eye(len(x))
        return np.column_stack([(self.misses(x + h) - self.misses(x - h)) / (2.0 * STEP) for h in steps])

    def values(self, x: Floats) -> dict[str, float]:
        """Give the scenario values at these logarithms."""
        return {name: math.exp(v) for name, v in zip(self.start, x, strict=True)}


def solve(problem: Problem, digits: int = 2) -> tuple[Value, ...]:
    """Give the values that miss least, with standard errors from those of the figures (delta method)."""
    from scipy.optimize import least_squares

    low, high = (np.log([side[n] for n in problem.start]) for side in (problem.low, problem.high))
    start = np.log(list(problem.start.values()))
    found = least_squares(problem.misses, start, jac=problem.slopes, bounds=(low, high), xtol=1e-3, ftol=1e-4)
    spread = np.sqrt(np.diag(np.linalg.inv(found.jac.T @ found.jac)))
    return tuple(
        _value(name, v, s, problem.figures, digits) for name, v, s in zip(problem.start, found.x, spread, strict=True)
    )


def _value(name: str, log: float, spread: float, figures: tuple[str, ...], digits: int) -> Value:
    low, high = (math.exp(log + side * Z_90 * spread) for side in (-1.0, 1.0))
    return Value(name, rounded(math.exp(log), digits), math.exp(log) * spread, low, high, figures)
