"""At how many untreated patients a before-after test finds a benefit half of the time: a fitted power curve.

Studies of several sizes are the first n patients of the same trials, so that their powers share their draws. The curve
is that of `power_curve`, probit(power) = a + b * sqrt(n) by maximum likelihood; n is where it crosses a half.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sim.scenario.schema import Scenario
from sim.study.nested import FAVOURABLE, Nested, Rows, significant
from sim.study.play import Play
from sim.study.power_curve import Point, fitted
from sim.study.runner import Pool, Watcher, Workers
from sim.study.untreated import Months, years_of
from sim.study.vary import quota_for

Floats = NDArray[np.float64]

LARGEST, SMALLEST = 3000, 4
SPREAD = (0.5, 0.7, 0.85, 1.0, 1.2, 1.5, 2.0)
GROUPS = 20
PATIENTS = 600_000
MOST_TRIALS, FEWEST_TRIALS = 2000, 200
Z_HALF, Z95, CLEAR = 1.959963984540054, 1.959963984540054, 3.0
ROUNDS = 4
MONTH_OF_LAST = 36525.0


@dataclass(frozen=True)
class HalfSize:
    """The size at which a test finds a benefit half of the time, its 95% interval, and the powers it was fitted to.

    `n` is None where no size up to LARGEST does; `why` says so in words.
    """

    test: str
    n: float | None
    interval: tuple[float, float] | None
    mcse: float | None
    trials: int
    curve: tuple[dict[str, float], ...]
    why: str = ""

    def to_dict(self) -> dict[str, Any]:
        """Give plain values."""
        return {
            "endpoint": self.test,
            "n": self.n,
            "n_mcse": self.mcse,
            "n_interval": list(self.interval) if self.interval else None,
            "trials_used": self.trials,
            "curve": list(self.curve),
            "why": self.why,
        }


def half_size(
    test: str, scenario: Scenario, windows: tuple[Months, Months], rows: Rows, seed: int, workers: Workers, engine: str,
    watch: Callable[[str], Watcher] | None = None,
) -> HalfSize:  # fmt: skip
    """Find the size for this test, from `rows` of the study as designed onwards."""
    alpha = scenario.study.alpha
    if test == "relapse_free_change" and years_of(windows[0]) != years_of(windows[1]):
        return HalfSize(test, None, None, None, 0, (), "not compared, the windows are of unequal length")
    guess, clear = first_guess(rows, test)
    if not clear:
        return HalfSize(test, None, None, None, 0, (), "no fall that could be told from none")
    for _ in range(ROUNDS):
        if guess > LARGEST:
            return HalfSize(test, None, None, None, 0, (), f"not by {LARGEST:,} patients")
        sizes = around(guess)
        played = _play(scenario, windows, sizes, seed, workers, engine, watch and watch(f"sizes for {test}"))
        hits = significant(played, test, alpha)
        found = crossing(np.array(sizes, float), hits)
        if sizes[0] <= found <= sizes[-1]:
            break
        guess = min(max(found, 0.4 * guess, SMALLEST), 2.5 * guess) if math.isfinite(found) else 2.5 * guess
    else:
        return HalfSize(test, None, None, None, len(hits), _curve(sizes, hits), "no crossing was found")
    error = _jackknife(np.array(sizes, float), hits)
    interval = (max(found - Z95 * error, 1.0), found + Z95 * error)
    return HalfSize(test, found, interval, error, len(hits), _curve(sizes, hits))


def first_guess(rows: Rows, test: str) -> tuple[float, bool]:
    """Guess the size from the mean and spread of what the test estimates; False where there is no benefit to find."""
    n = rows["patients_b"][:, 0]
    if test == "arr_change":
        rates = [rows[f"events_{k}"][:, 0] / np.maximum(rows[f"years_{k}"][:, 0], 1e-9) for k in "ab"]
        means = [float(r.mean()) for r in rates]
        if min(means) <= 0.0:
            return math.inf, False
        x = rates[1] / means[1] - rates[0] / means[0] + math.log(means[1] / means[0])
    else:
        x = (rows["free_b"][:, 0] - rows["free_a"][:, 0]) / np.maximum(n, 1.0)
    gain, sd = FAVOURABLE[test] * float(x.mean()), float(x.std(ddof=1))
    if gain <= CLEAR * sd / math.sqrt(len(x)):
        return math.inf, False
    return max(float(n.mean()) * (Z_HALF * sd / gain) ** 2, float(SMALLEST)), True


def around(guess: float) -> tuple[int, ...]:
    """Give the sizes to be played around a guess."""
    return tuple(sorted({max(SMALLEST, round(guess * s)) for s in SPREAD}))


def _play(
    scenario: Scenario, windows: tuple[Months, Months], sizes: tuple[int, ...], seed: int, workers: Workers,
    engine: str, watch: Watcher | None,
) -> Rows:  # fmt: skip
    """Play trials of the largest of these sizes, however long recruitment takes."""
    wanted = {"target": sizes[-1], "max_days": MONTH_OF_LAST}
    larger = scenario.model_copy(
        update={
            "enrolment": scenario.enrolment.model_copy(update=wanted),
            "course": scenario.course.model_copy(update={"quota": quota_for(scenario, sizes[-1])}),
        }
    )
    trials = max(FEWEST_TRIALS, min(MOST_TRIALS, PATIENTS // sizes[-1]))
    with Pool(Nested(Play(larger, seed, engine), *windows, sizes, False, scenario.study.alpha), seed, workers) as pool:
        rows, failed = pool.run_rows(range(trials), watch)
    if rows is None or failed:
        raise failed[0].error()
    return rows


def crossing(sizes: Floats, hits: NDArray[np.bool_]) -> float:
    """Give the size at which the fitted curve crosses a half; infinite where there is no curve or it does not rise."""
    counts = hits.sum(axis=0).tolist()
    curve = fitted([Point(float(x), len(hits), k) for x, k in zip(sizes, counts, strict=True)])
    return curve.reaches(0.5) if curve else math.inf


def _jackknife(sizes: Floats, hits: NDArray[np.bool_]) -> float:
    """Give the standard error of the crossing, leaving out one of twenty groups of trials at a time."""
    group = np.arange(len(hits)) % GROUPS
    left = np.array([crossing(sizes, hits[group != g]) for g in range(GROUPS)])
    return math.sqrt((GROUPS - 1.0) / GROUPS * float(((left - left.mean()) ** 2).sum()))


def _curve(sizes: tuple[int, ...], hits: NDArray[np.bool_]) -> tuple[dict[str, float], ...]:
    power, trials = hits.mean(axis=0), len(hits)
    return tuple(
        {"n": n, "power": float(p), "mcse": math.sqrt(float(p * (1.0 - p)) / trials), "trials": trials}
        for n, p in zip(sizes, power, strict=True)
    )
