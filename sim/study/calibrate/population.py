"""Group A's answer: the population, verified by simulation, and the cloud of populations of a new study."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sim.data.cohort import window
from sim.study.calibrate.hierarchy import BETWEEN, DISAGREEMENT, ODD, OWN, STUDIES, Hierarchy, P
from sim.study.calibrate.outcome import Group, Row, Value, rounded
from sim.study.calibrate.relapses import (
    AFFIRM,
    BOX,
    FREEDOMS,
    SEED,
    STATISTICS,
    people,
    published,
    statistics,
)
from sim.study.calibrate.surface import Surface, simulated, through

Floats = NDArray[np.float64]

POINTS, DEGREE, DESIGN_SEED = 512, 3, 1
STEPS, BURN, THIN, WALK_SEED = 4000, 2500, 10, 1
CLOUD, CLOUD_SEED = 400, 20180318
CHECKED = 60
"""Rows of the posterior that are simulated, to see how well figures are predicted."""

FIGURES = (
    *(f"affirm.relapses_{k}" for k in range(5)),
    *("freedoms.arr", "freedoms.relapse_free", "confirm.arr", "confirm.relapse_free"),
    *("nicholas2012.year1_over_year2", "tremlett2008.decline"),
)


@dataclass(frozen=True)
class Relapsing:
    """The fitted population of group A; `cloud` has a row of scenario values for each population of a new study.

    `between` are the SDs between studies and each study's own deviation; `misfit` is what the surface leaves of each
    statistic, the simulation's own noise included.
    """

    group: Group
    between: tuple[Value, ...]
    misfit: dict[str, float]
    cloud: Floats
    coverage: tuple[Coverage, ...]


@dataclass(frozen=True)
class Coverage:
    """A published figure within the predictions of simulated draws of the posterior, the study's sampling included."""

    id: str
    published: float
    low: float
    high: float
    draws: int

    @property
    def inside(self) -> bool:
        """Tell whether the figure lies in the middle 90% of its predictions."""
        return self.low <= self.published <= self.high

    def __str__(self) -> str:
        told = "inside" if self.inside else "OUTSIDE"
        return (
            f"  {self.id:34s} {self.published:8.3f}  90% of predictions from {self.low:.3f} to {self.high:.3f}  {told}"
        )


def surface() -> Surface:
    """Simulate the design and lay the surface through it."""
    points = BOX.design(POINTS, DESIGN_SEED)
    return through(BOX, points, simulated(BOX, points, statistics), DEGREE)


def relapsing(laid: Surface, seed: int = WALK_SEED) -> Relapsing:
    """Fit group A on a surface, verify it by simulation, and draw the cloud."""
    kept = Hierarchy(laid, published()).draws(STEPS, BURN, THIN, seed)
    x = kept.reshape(-1, kept.shape[2])
    values = fitted_values(x)
    own = np.median(x[:, [BETWEEN]] * x[:, OWN], axis=0)
    between = (
        _spread("between-study SD of the log rate", x[:, BETWEEN]),
        _spread("SD of disagreement on log odds of being relapse-free", x[:, DISAGREEMENT]),
        *(_spread(f"{study}: log rate over the typical study's", x[:, BETWEEN] * x[:, P + 1 + k])
          for k, study in enumerate(STUDIES)),
    )  # fmt: skip
    settings = {v.key: v.value for v in values}
    group = Group("A. Relapses", values, tuple(rows(settings, own)), ASSUMED)
    misfit = dict(zip(STATISTICS, map(float, laid.misfit), strict=True))
    return Relapsing(group, between, misfit, cloud(x), coverage(x))


ASSUMED = (
    "confirmed relapses of blinded patients count; reporting, recall and the 30 refractory days are as by default",
    "CONFIRM's and Nicholas' trials' entry rules are not in the evidence: FREEDOMS' is taken for both",
    "rates have the error of negative binomial counts with affirm.fit's dispersion 0.81; Nicholas' ratio that which "
    "its p = 0.0005 gives; Tremlett's an assumed 2 points; counts and shares are multinomial and binomial",
    "relapse-free shares of FREEDOMS and CONFIRM may each be off by a study's own deviation of the log odds "
    "(definitions and analyses differ); the rows above leave that deviation out and show what the population explains",
    "no published rate before entry is among the figures: how far the rate falls at entry rests on the model and the "
    "priors (even over the ranges of relapses.BOX)",
)


def fitted_values(x: Floats) -> tuple[Value, ...]:
    """Give each parameter's posterior median, rounded, with SD and middle 90%."""
    return tuple(_value(name, x[:, k]) for k, name in enumerate(BOX.names))


def _value(name: str, v: Floats) -> Value:
    natural = np.exp(v) if name in BOX.logs else v
    low, middle, high = np.quantile(natural, [0.05, 0.5, 0.95])
    return Value(name, rounded(float(middle)), float(natural.std(ddof=1)), float(low), float(high), FIGURES)


def _spread(name: str, v: Floats) -> Value:
    low, middle, high = np.quantile(v, [0.05, 0.5, 0.95])
    return Value(name, rounded(float(middle)), float(v.std(ddof=1)), float(low), float(high), ())


def cloud(x: Floats, size: int = CLOUD, seed: int = CLOUD_SEED) -> Floats:
    """Give populations of new studies, as scenario values: draws of the posterior, each with a study's own rate.

    Draws whose rate would leave the range that was simulated are passed over.
    """
    rng = np.random.default_rng(seed)
    drawn = x[rng.permutation(len(x))]
    populations = drawn[:, :P].copy()
    populations[:, 0] += drawn[:, BETWEEN] * rng.standard_normal(len(drawn))
    inside = populations[BOX.inside(populations)][:size]
    return np.array([list(BOX.values(row).values()) for row in inside])


# ---- what the fit gives, by simulation -----------------------------------------------------------------------------


def study(settings: dict[str, float], deviation: float, rule: dict[str, object], seed: int) -> tuple[Floats, Floats]:
    """Give confirmed relapses in years 1 and 2 of a study whose log rate deviates by so much."""
    moved = {**settings, BOX.names[0]: settings[BOX.names[0]] * math.exp(deviation)}
    seen = people(moved, rule, seed=seed)
    year_1, year_2 = (window(seen, "confirmed", a, a + 12.0, planned=True).counts for a in (0.0, 12.0))
    return year_1, year_2


def simulated_figures(settings: dict[str, float], own: Floats, seed: int) -> dict[str, tuple[float, float]]:
    """Give FIGURES as simulated, each with its Monte Carlo standard error; `own` are the studies' deviations."""
    first, _ = study(settings, own[0], AFFIRM, seed)
    found = {f"affirm.relapses_{k}": mean_of(_at(first, k)) for k in range(5)}
    for name, deviation in zip(("freedoms", "confirm"), own[1:], strict=True):
        counts = np.add(*study(settings, deviation, FREEDOMS, seed))
        found[f"{name}.arr"] = mean_of(counts / 2.0)
        found[f"{name}.relapse_free"] = mean_of((counts == 0).astype(float))
    found["nicholas2012.year1_over_year2"] = ratio_of(*study(settings, 0.0, FREEDOMS, seed))
    found["tremlett2008.decline"] = (1.0 - settings["decline.fall_per_year"]) ** 5, 0.0
    return found


def _at(counts: Floats, k: int) -> Floats:
    return ((counts == k) if k < 4 else (counts >= 4)).astype(float)


def mean_of(x: Floats) -> tuple[float, float]:
    """Give a mean and its Monte Carlo standard error."""
    return float(x.mean()), float(x.std(ddof=1) / math.sqrt(len(x)))


def ratio_of(a: Floats, b: Floats) -> tuple[float, float]:
    """Give the ratio of two means over the same patients, and its Monte Carlo standard error."""
    ratio = a.mean() / b.mean()
    return float(ratio), float((a - ratio * b).std(ddof=1) / math.sqrt(len(a)) / b.mean())


def wanted() -> dict[str, tuple[float, float]]:
    """Give FIGURES as published, each with the standard error the likelihood gives it."""
    p = published()
    n = p.affirm.sum()
    found = {f"affirm.relapses_{k}": (v / n, math.sqrt(v / n * (1.0 - v / n) / n)) for k, v in enumerate(p.affirm)}
    for k, name in enumerate(("freedoms", "confirm")):
        arr, free = math.exp(p.log_arr[k]), float(p.free[k])
        found[f"{name}.arr"] = arr, arr * float(p.log_arr_error[k])
        found[f"{name}.relapse_free"] = free, math.sqrt(free * (1.0 - free) / p.patients[k])
    for name, log, error in (
        ("nicholas2012.year1_over_year2", p.log_trend, p.log_trend_error),
        ("tremlett2008.decline", p.log_decline, p.log_decline_error),
    ):
        found[name] = math.exp(log), math.exp(log) * error
    return {name: (float(v), float(e)) for name, (v, e) in found.items()}


def rows(settings: dict[str, float], own: Floats, seed: int = SEED + 1000) -> list[Row]:
    """Give each figure beside the simulated one, with random numbers that no fit has seen."""
    found = simulated_figures(settings, own, seed)
    return [Row(name, *wanted()[name], *found[name]) for name in FIGURES]


def coverage(x: Floats, draws: int = CHECKED, seed: int = SEED + 2000) -> tuple[Coverage, ...]:
    """Simulate draws of the posterior and say where each figure lies among its predictions.

    A prediction is a study's deviation, its disagreement and its sampling error on top of the simulated figure.
    """
    rng = np.random.default_rng(seed)
    figures, seen = wanted(), []
    for row in x[rng.permutation(len(x))[:draws]]:
        found = simulated_figures(BOX.values(row[:P]), row[BETWEEN] * row[OWN], seed)
        found |= _disagreeing(found, row[DISAGREEMENT] * row[ODD])
        seen.append([found[name][0] + figures[name][1] * rng.standard_normal() for name in FIGURES])
    low, high = np.quantile(np.array(seen), [0.05, 0.95], axis=0)
    return tuple(
        Coverage(n, figures[n][0], float(a), float(b), draws) for n, a, b in zip(FIGURES, low, high, strict=True)
    )


def _disagreeing(found: dict[str, tuple[float, float]], odd: Floats) -> dict[str, tuple[float, float]]:
    moved = {}
    for name, shift in zip(("freedoms.relapse_free", "confirm.relapse_free"), odd, strict=True):
        share, error = found[name]
        odds = share / (1.0 - share) * math.exp(shift)
        moved[name] = odds / (1.0 + odds), error
    return moved
