"""Draws from a posterior by an ensemble of walkers (Goodman and Weare 2010): no derivative and no scale is needed."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
LogDensity = Callable[[Floats], Floats]
STRETCH = 2.0


def walk(density: LogDensity, start: Floats, steps: int, burn: int, thin: int, seed: int) -> Floats:
    """Give draws (kept steps, walkers, dimensions); `density` takes rows of coordinates, -inf where not allowed.

    Each half of the walkers moves along lines to partners of the other half. The same seed gives the same draws.
    """
    rng = np.random.default_rng(seed)
    here, level = start.copy(), density(start)
    if not np.all(np.isfinite(level)):
        raise ValueError("walk: every walker must start where the density is above zero")
    halves = np.arange(len(start) // 2), np.arange(len(start) // 2, len(start))
    kept = []
    for step in range(burn + steps):
        for mine, others in (halves, halves[::-1]):
            _move(density, here, level, mine, others, rng)
        if step >= burn and (step - burn) % thin == 0:
            kept.append(here.copy())
    return np.array(kept)


def _move(
    density: LogDensity,
    here: Floats,
    level: Floats,
    mine: NDArray[np.int64],
    others: NDArray[np.int64],
    rng: np.random.Generator,
) -> None:
    """Move one half of the walkers, in place."""
    partner = here[rng.choice(others, len(mine))]
    stretch = ((STRETCH - 1.0) * rng.random(len(mine)) + 1.0) ** 2 / STRETCH
    proposed = partner + stretch[:, None] * (here[mine] - partner)
    found = density(proposed)
    ratio = (here.shape[1] - 1) * np.log(stretch) + found - level[mine]
    taken = np.log(rng.random(len(mine))) < ratio
    here[mine[taken]], level[mine[taken]] = proposed[taken], found[taken]


def effective(draws: Floats) -> Floats:
    """Give how many independent draws these are worth, a coordinate: from the spread of the walkers' own means.

    `draws` is as `walk` gives them. The walkers are not quite independent of each other; the number is a guide.
    """
    own = draws.mean(axis=0)
    between = own.var(axis=0, ddof=1)
    whole = draws.reshape(-1, draws.shape[2]).var(axis=0, ddof=1)
    worth: Floats = len(own) * whole / between
    return worth
