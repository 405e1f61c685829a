"""Finds where a measured function is 0, inside a box: Newton's steps by slopes fitted to all that was measured.

The function is fixed (it is measured on the same random numbers at every point) but rough on a scale below its Monte
Carlo error, so slopes are fitted to all points tried, near ones counting most, and begin as what is told of them; a
step is kept only if it comes nearer.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from sim.core.errors import ScenarioError

Floats = NDArray[np.float64]
Box = tuple[Floats, Floats]

LONGEST = 1.2
SHARES = (1.0, 0.5, 1.5, 0.25, 2.0)  # of Newton's step, one after the other, until one comes nearer
ROUGH = 0.5  # roughness, in Monte Carlo standard errors
BEND = 0.1  # by how much a straight line misses a unit away from where it is fitted
SLOPE_SD = 0.2  # how well slopes are known to begin with


class NothingSeenError(ScenarioError):
    """A point at which there is nothing to measure."""


@dataclass(frozen=True)
class Tried:
    """A point, the misses there, their Monte Carlo standard errors, and whatever was measured."""

    x: Floats
    miss: Floats
    error: Floats
    answer: Any

    @property
    def worst(self) -> float:
        """The greatest miss, in standard errors."""
        return float(np.max(np.abs(self.miss / self.error)))


@dataclass(frozen=True)
class Sought:
    """The best point, the slopes there, and how the search ended.

    `ended`: "near" the root; at a "limit" that it would have to pass; or "lost": neither in the steps it had.
    """

    best: Tried
    slope: Floats
    ended: Literal["near", "limit", "lost"]


@dataclass(frozen=True)
class Search:
    """What is measured, inside which box, slopes to begin with (misses by coordinates), how near, how many steps."""

    look: Callable[[Floats], Tried]
    box: Box
    slope: Floats
    near: float
    steps: int


def seek(search: Search, start: Floats) -> Sought:
    """Go from `start` until every miss is below `near` standard errors, for so many steps at most.

    Coordinate k has to do with miss k above all: where k would leave the box it rests at its limit, and the search goes
    on for the other misses, so that it ends with the nearest point that can be had. A point at which nothing is seen is
    a limit too.
    """
    best = search.look(start)
    tried, slope, failed, empty = [best], search.slope, 0, False
    for _ in range(search.steps):
        if best.worst < search.near:
            break
        slope = _slopes(best, tried, search.slope)
        step, free = _step(best, slope, search.box)
        if _far(best, free) < search.near:
            return Sought(best, slope, "limit")
        try:
            now = search.look(np.clip(best.x + SHARES[failed % len(SHARES)] * step, *search.box))
        except NothingSeenError:
            failed, empty = 3 if empty else 1, True
            continue
        tried.append(now)
        if _far(now, free) < _far(best, free):
            best, failed, empty = now, 0, False
        else:
            failed += 1
    return Sought(best, slope, "near" if best.worst < search.near else "limit" if empty else "lost")


def _step(best: Tried, slope: Floats, box: Box) -> tuple[Floats, NDArray[np.bool_]]:
    """Give Newton's step, no longer than `LONGEST`, and which coordinates are free to make it."""
    low, high = box
    step = np.asarray(np.linalg.solve(slope, -best.miss), dtype=np.float64)
    free: NDArray[np.bool_] = ~(((best.x <= low) & (step < 0.0)) | ((best.x >= high) & (step > 0.0)))
    if not free.all():
        step[~free] = 0.0
        step[free] = np.linalg.solve(slope[np.ix_(free, free)], -best.miss[free])
    step /= max(1.0, float(np.max(np.abs(step))) / LONGEST)
    return step, free


def _slopes(best: Tried, tried: list[Tried], before: Floats) -> Floats:
    """Give the slopes of the misses at `best`, fitted to all points and to what was known of slopes before.

    A coordinate's own slope keeps its sign: what would turn it round is roughness.
    """
    n = len(best.x)
    away, rise = (np.array([t.x - best.x for t in tried]), np.array([t.miss - best.miss for t in tried]))
    bend = BEND * (away * away).sum(axis=1)
    slopes = np.empty((n, n))
    for j in range(n):
        weight = 1.0 / np.hypot(ROUGH * best.error[j], bend)
        rows = np.vstack([away * weight[:, None], np.eye(n) / SLOPE_SD])
        slopes[j] = np.linalg.lstsq(rows, np.concatenate([weight * rise[:, j], before[j] / SLOPE_SD]))[0]
        slopes[j, j] = max(slopes[j, j], 0.25 * before[j, j])
    return slopes


def _far(tried: Tried, free: NDArray[np.bool_]) -> float:
    """Give how far the misses that free coordinates can mend are from 0, in standard errors."""
    return float(np.linalg.norm((tried.miss / tried.error)[free]))
