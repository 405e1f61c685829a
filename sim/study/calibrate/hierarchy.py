"""The posterior of group A: the population, each study's own deviation, and how far relapse-free shares disagree."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sim.study.calibrate.posterior import walk
from sim.study.calibrate.relapses import BOX, Published, shares
from sim.study.calibrate.surface import Surface

Floats = NDArray[np.float64]

STUDIES = ("AFFIRM", "FREEDOMS", "CONFIRM")
BETWEEN_SD, DISAGREEMENT_SD = 0.5, 0.5
"""Half-normal priors: of the between-study SD of the log rate, and of that of the log odds of being relapse-free beyond
what model and chance give (definitions and analyses differ, and one dispersion can't give both published pairs)."""

P = len(BOX.names)
RATE, FALL = 0, P - 1
BETWEEN, OWN, DISAGREEMENT, ODD = P, slice(P + 1, P + 4), P + 4, slice(P + 5, P + 7)
DIMENSIONS = P + 7
WALKERS = 64


@dataclass(frozen=True)
class Fitted:
    """What the model makes of the published figures, one row a draw."""

    affirm: Floats
    log_arr: Floats
    logit_free: Floats
    log_trend: Floats
    log_decline: Floats


@dataclass(frozen=True)
class Hierarchy:
    """The density of the parameters, given the figures; a row of coordinates is the population's, then the studies'.

    Coordinates: those of BOX; the between-study SD; three studies' deviations in units of it; the SD of disagreement;
    two studies' own, in units of it. All priors beyond BOX are normal or half-normal.
    """

    surface: Surface
    figures: Published

    def fitted(self, x: Floats) -> Fitted:
        """Give the figures that rows of coordinates stand for."""
        own = x[:, [BETWEEN]] * x[:, OWN]
        seen = [self.surface(_at(x, own[:, k])) for k in range(3)]
        odd = x[:, [DISAGREEMENT]] * x[:, ODD]
        return Fitted(
            shares(seen[0][:, :4]),
            np.column_stack([s[:, 4] for s in seen[1:]]) - np.log(2.0),
            np.column_stack([s[:, 5] for s in seen[1:]]) + odd,
            self.surface(x[:, :P])[:, 6],
            5.0 * np.log1p(-x[:, FALL]),
        )

    def density(self, x: Floats) -> Floats:
        """Give the log posterior density, -inf outside the priors' ranges."""
        own = x[:, [BETWEEN]] * x[:, OWN]
        good = (x[:, BETWEEN] >= 0.0) & (x[:, DISAGREEMENT] >= 0.0) & BOX.inside(x[:, :P])
        for k in range(3):
            good &= BOX.inside(_at(x, own[:, k]))
        level = np.full(len(x), -np.inf)
        if good.any():
            level[good] = self._likelihood(self.fitted(x[good])) + _prior(x[good])
        return level

    def _likelihood(self, f: Fitted) -> Floats:
        p = self.figures
        free = 1.0 / (1.0 + np.exp(-f.logit_free))
        level: Floats = (p.affirm * np.log(f.affirm)).sum(axis=1)
        level = level - 0.5 * (((f.log_arr - p.log_arr) / p.log_arr_error) ** 2).sum(axis=1)
        level = level + (p.patients * (p.free * np.log(free) + (1.0 - p.free) * np.log1p(-free))).sum(axis=1)
        level = level - 0.5 * ((f.log_trend - p.log_trend) / p.log_trend_error) ** 2
        return level - 0.5 * ((f.log_decline - p.log_decline) / p.log_decline_error) ** 2

    def draws(self, steps: int, burn: int, thin: int, seed: int) -> Floats:
        """Give draws of the posterior (kept steps, walkers, coordinates), from starts scattered over the priors."""
        return walk(self.density, self._starts(seed), steps, burn, thin, seed)

    def _starts(self, seed: int) -> Floats:
        """Give walkers scattered over the middle of the box, with small deviations."""
        rng = np.random.default_rng([seed, 1])
        low, high = BOX.sides()
        x = np.empty((WALKERS, DIMENSIONS))
        x[:, :P] = low + (0.3 + 0.4 * rng.random((WALKERS, P))) * (high - low)
        x[:, P:] = 0.3 * rng.random((WALKERS, DIMENSIONS - P))
        return x


def _at(x: Floats, deviation: Floats) -> Floats:
    """Give the populations' coordinates with the log rate moved by a study's deviation."""
    moved: Floats = x[:, :P].copy()
    moved[:, RATE] += deviation
    return moved


def _prior(x: Floats) -> Floats:
    units = (x[:, OWN] ** 2).sum(axis=1) + (x[:, ODD] ** 2).sum(axis=1)
    spread = (x[:, BETWEEN] / BETWEEN_SD) ** 2 + (x[:, DISAGREEMENT] / DISAGREEMENT_SD) ** 2
    prior: Floats = -0.5 * (units + spread)
    return prior
