"""A smooth surface through simulated statistics: a polynomial over a box of parameters, fitted to a Sobol design."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
SPARE = 0.02
"""The design reaches this share of a side beyond the box, so that the surface is not used at its very edge."""


@dataclass(frozen=True)
class Box:
    """The coordinates that are fitted and how far each may go; `logs` names those that are logarithms."""

    low: Mapping[str, float]
    high: Mapping[str, float]
    logs: frozenset[str]

    @property
    def names(self) -> tuple[str, ...]:
        """The scenario keys, in order."""
        return tuple(self.low)

    def coordinate(self, name: str, value: float) -> float:
        """Give where a value stands on the scale that is searched."""
        return float(np.log(value)) if name in self.logs else value

    def values(self, x: Floats) -> dict[str, float]:
        """Give the scenario values at coordinates x."""
        return {n: float(np.exp(v) if n in self.logs else v) for n, v in zip(self.names, x, strict=True)}

    def sides(self) -> tuple[Floats, Floats]:
        """Give the least and the greatest coordinates."""
        low, high = ([self.coordinate(n, v) for n, v in limit.items()] for limit in (self.low, self.high))
        return np.array(low), np.array(high)

    def inside(self, x: Floats) -> NDArray[np.bool_]:
        """Tell which rows of x lie in the box."""
        low, high = self.sides()
        within: NDArray[np.bool_] = np.all((x >= low) & (x <= high), axis=-1)
        return within

    def design(self, points: int, seed: int) -> Floats:
        """Give a scrambled Sobol design of so many points (a power of 2), a little wider than the box."""
        from scipy.stats import qmc

        low, high = self.sides()
        spare = SPARE * (high - low)
        unit = qmc.Sobol(len(low), rng=seed).random(points)
        least = np.maximum(low - spare, self._floor())
        placed: Floats = least + unit * (high + spare - least)
        return placed

    def _floor(self) -> Floats:
        """Give the least coordinates a scenario allows: none below 0 but logarithms."""
        return np.array([-np.inf if n in self.logs else 0.0 for n in self.names])


@dataclass(frozen=True)
class Surface:
    """Polynomials of `degree` in all coordinates, one a statistic; `misfit` is the standard deviation of what is left.

    Statistics are on scales on which they are nearly straight (logs, log odds).
    """

    box: Box
    degree: int
    weights: Floats
    misfit: Floats

    def __call__(self, x: Floats) -> Floats:
        """Give the statistics at rows of coordinates."""
        answer: Floats = terms(self._scaled(x), self.degree) @ self.weights
        return answer

    def _scaled(self, x: Floats) -> Floats:
        low, high = self.box.sides()
        scaled: Floats = 2.0 * (x - low) / (high - low) - 1.0
        return scaled


def terms(z: Floats, degree: int) -> Floats:
    """Give all products of up to `degree` coordinates, the empty one (1) first; a column each."""
    columns = [np.ones(len(z))]
    for order in range(1, degree + 1):
        for chosen in itertools.combinations_with_replacement(range(z.shape[1]), order):
            columns.append(np.prod(z[:, chosen], axis=1))
    return np.column_stack(columns)


def through(box: Box, points: Floats, statistics: Floats, degree: int) -> Surface:
    """Fit the polynomials by least squares; rows of `statistics` belong to rows of `points`."""
    blank = Surface(box, degree, np.empty((0, 0)), np.empty(0))
    basis = terms(blank._scaled(points), degree)
    if len(basis) < 2 * basis.shape[1]:
        raise ValueError(f"surface: found {len(basis)} points; allowed: at least {2 * basis.shape[1]} for this degree")
    weights = np.linalg.lstsq(basis, statistics, rcond=None)[0]
    left = statistics - basis @ weights
    misfit = np.sqrt((left * left).sum(axis=0) / (len(basis) - basis.shape[1]))
    return Surface(box, degree, weights.astype(np.float64), misfit.astype(np.float64))


def simulated(box: Box, points: Floats, statistics: Callable[[Mapping[str, float]], Sequence[float]]) -> Floats:
    """Play the statistics at every point of a design."""
    return np.array([statistics(box.values(x)) for x in points])
