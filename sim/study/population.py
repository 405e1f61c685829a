"""A population given by what is seen on study, solved back to the parameters of nature.

Given `[population] on_study_rate_per_year` (and `on_study_dispersion`), the source population's relapse rate (and
frailty variance) are found that give the enrolled these figures, untreated, under the scenario's own entry rule. Where
activity alone disperses counts more than asked for, there is no frailty and activity varies less. The solving runs on
simulated patients with fixed random numbers, so the same scenario always has the same solution; the Monte Carlo error
of the figures reached is part of it.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sim.analysis.trial import of_today
from sim.core.errors import Problem, ScenarioError
from sim.data.cohort import window
from sim.engines.want import Want
from sim.engines.world import potential
from sim.scenario.schema import Scenario
from sim.study.keep import keep, kept_file, read
from sim.study.play import Play
from sim.study.runner import Failure, Pool, Watcher, Workers
from sim.study.seek import NothingSeenError, Search, Sought, Tried, seek

SOLVER_SEED = 20090202
PATIENTS = 4000
STEPS = 14
NEAR = 0.5
"""The search ends where every miss is below so many Monte Carlo standard errors."""
METHOD = 3
"""Raised when the search changes, so that solutions kept on disk are those of this one."""
RATES = (1e-4, 50.0)
MOST_VARIANCE = 20.0
VARIANCE_SCALE = 0.1
CALMEST = -6.0
"""The coordinate of dispersion at which activity is constant; at 0 it is as shipped and there is no frailty."""
SLOPES = np.array([[0.75, 0.3], [-0.1, 0.22]])
"""How on-study log rate and dispersion rise with the coordinates, about, in `base` and `sham_rct`: to begin with."""
Floats = NDArray[np.float64]
TRUE_RELAPSES = Want(frozenset(("true",)), (), False, surveillance=False, guesses=False)


@dataclass(frozen=True, slots=True)
class Solution:
    """Parameters found, and the on-study figures they give, each with its Monte Carlo standard error.

    `activity_kept` is the share of activity's variance that the population keeps, 1 unless frailty had to be 0.
    """

    rate_per_year: float
    frailty_variance: float
    activity_kept: float
    on_study_rate_per_year: float
    on_study_rate_mcse: float
    on_study_dispersion: float
    on_study_dispersion_mcse: float
    patients: int

    def to_dict(self) -> dict[str, Any]:
        """Give plain values."""
        return asdict(self)


@dataclass(frozen=True)
class OnStudy:
    """Answers the counts and years of one trial's untreated patients; picklable."""

    play: Play

    def __call__(self, trial: int) -> NDArray[np.float64]:
        """Give an array (patients, 2): true relapses and years in the window."""
        people = of_today(self.play.scenario, self.play.people(trial, potential(0.0, True), TRUE_RELAPSES))
        seen = window(people, "true", 0.0, self.play.scenario.population.window_months, planned=True)
        return np.column_stack([seen.counts, seen.years])


def solved(
    scenario: Scenario, workers: Workers = 1, watch: Watcher | None = None, engine: str = "compiled"
) -> tuple[Scenario, Solution | None]:
    """Give the scenario with its population solved for, and the solution; unchanged where none is asked for.

    Raises ScenarioError, with file and line, where no population gives the figures asked for, or none was found.
    """
    if scenario.population.on_study_rate_per_year is None:
        return scenario, None
    kept = kept_file("population", scenario, SOLVER_SEED, PATIENTS, METHOD)
    known = read(kept, Solution)
    if known:
        found = known[0]
    else:
        found = _solve(scenario, workers, watch, engine)
        keep(kept, [found.to_dict()])
    return _with(scenario, found.rate_per_year, found.frailty_variance, found.activity_kept), found


def _solve(scenario: Scenario, workers: Workers, watch: Watcher | None, engine: str) -> Solution:
    """Seek what was asked for: first on a quarter of the patients, then, from there, on all of them.

    The same patients throughout, so what is sought is a root of one fixed function. A solution misses by less than half
    a Monte Carlo standard error; where the search ends before that, by no more than one.
    """

    def look(patients: int) -> Callable[[Floats], Tried]:
        def tried(x: Floats) -> Tried:
            own = _parameters(scenario, x)
            found = _measure(_with(scenario, *own), own[2], patients, workers, watch, engine)
            return Tried(x, *_misses(scenario, found), found)

        return tried

    box, n = _box(scenario), len(_box(scenario)[0])
    rough = seek(Search(look(PATIENTS // 4), box, SLOPES[:n, :n], 2.0 * NEAR, STEPS), _coordinates(scenario))
    sought = seek(Search(look(PATIENTS), box, rough.slope, NEAR, STEPS), rough.best.x)
    found: Solution = sought.best.answer
    if sought.best.worst > 1.0:
        raise _refused(scenario, sought)
    return found


def _coordinates(scenario: Scenario) -> Floats:
    """Give where the search begins: log rate and, where a dispersion is asked for, log(1 + variance / VARIANCE_SCALE).

    On these scales what is seen on study is nearly straight, and a variance of 0 is a place like others.
    """
    rate, variance = scenario.relapse.rate_per_year or 0.6, scenario.frailty.variance
    given = [math.log(rate), math.log1p(variance / VARIANCE_SCALE)]
    low, high = _box(scenario)
    inside: Floats = np.clip(np.array(given[: len(low)]), low, high)
    return inside


def _box(scenario: Scenario) -> tuple[Floats, Floats]:
    """Give the least and the greatest coordinates."""
    low = [math.log(RATES[0]), CALMEST if scenario.activity.plan().on else 0.0]
    high = [math.log(RATES[1]), math.log1p(MOST_VARIANCE / VARIANCE_SCALE)]
    n = 1 if scenario.population.on_study_dispersion is None else 2
    return np.array(low[:n]), np.array(high[:n])


def _parameters(scenario: Scenario, x: Floats) -> tuple[float, float, float]:
    """Give rate, frailty variance and the share of activity's variance at these coordinates."""
    if len(x) == 1:
        return math.exp(x[0]), scenario.frailty.variance, 1.0
    return math.exp(x[0]), max(0.0, VARIANCE_SCALE * math.expm1(x[1])), 1.0 - max(0.0, -x[1]) / -CALMEST


def _with(scenario: Scenario, rate: float, variance: float, kept: float) -> Scenario:
    update = {
        "relapse": scenario.relapse.model_copy(update={"rate_per_year": rate}),
        "frailty": scenario.frailty.model_copy(update={"variance": variance}),
    }
    if kept == 1.0:
        return scenario.model_copy(update=update)
    return scenario.model_copy(update={**update, "activity": scenario.activity.calmer(kept)})


def _measure(
    scenario: Scenario, kept: float, patients: int, workers: Workers, watch: Watcher | None, engine: str
) -> Solution:
    trials = math.ceil(patients / scenario.enrolment.target)
    with Pool(OnStudy(Play(scenario, SOLVER_SEED, engine)), SOLVER_SEED, workers) as pool:
        answers = pool.run(range(trials), watch)
    failed = [a for a in answers if isinstance(a, Failure)]
    if failed:
        raise failed[0].error()
    seen = np.concatenate([a for a in answers if not isinstance(a, Failure)])
    return _summary(scenario, kept, seen[seen[:, 1] > 0.0])


def _summary(scenario: Scenario, kept: float, seen: NDArray[np.float64]) -> Solution:
    counts, n = seen[:, 0], len(seen)
    if n < 50 or counts.sum() == 0.0:
        key = "population.on_study_rate_per_year"
        told = f"{n} patients with {int(counts.sum())} relapses who met the entry rule, of the first population tried"
        allowed = "an entry rule, and a relapse.rate_per_year to begin with, under which patients with relapses enter"
        raise NothingSeenError([Problem(*scenario.place(key), key, told, allowed)])
    mean = counts.mean()
    off = counts - mean
    variance = (off * off).sum() / (n - 1)
    dispersion = (variance - mean) / (mean * mean)
    influence = (off * off - variance - off) / (mean * mean) - 2.0 * dispersion * off / mean
    rate = counts.sum() / seen[:, 1].sum()
    residual = counts - rate * seen[:, 1]
    return Solution(
        scenario.relapse.rate_per_year,
        scenario.frailty.variance,
        kept,
        float(rate),
        float(residual.std(ddof=1) / math.sqrt(n) / seen[:, 1].mean()),
        float(dispersion),
        float(influence.std(ddof=1) / math.sqrt(n)),
        n,
    )


def _misses(scenario: Scenario, found: Solution) -> tuple[Floats, Floats]:
    """Give by how much log rate and dispersion exceed what was asked for, and their Monte Carlo standard errors."""
    wanted = scenario.population
    assert wanted.on_study_rate_per_year is not None
    misses = [math.log(found.on_study_rate_per_year / wanted.on_study_rate_per_year)]
    errors = [found.on_study_rate_mcse / found.on_study_rate_per_year]
    if wanted.on_study_dispersion is not None:
        misses.append(found.on_study_dispersion - wanted.on_study_dispersion)
        errors.append(found.on_study_dispersion_mcse)
    return np.array(misses), np.array(errors)


def _refused(scenario: Scenario, sought: Sought) -> ScenarioError:
    """Tell that the figures are out of reach, where the search ended at a limit, or else that it did not converge."""
    wanted, found = scenario.population, sought.best.answer
    off = np.abs(sought.best.miss / sought.best.error)
    name = ("on_study_rate_per_year", "on_study_dispersion")[int(np.argmax(off))]
    reached = (
        f"rate {found.on_study_rate_per_year:.3f} (MCSE {found.on_study_rate_mcse:.3f}), "
        f"dispersion {found.on_study_dispersion:.2f} (MCSE {found.on_study_dispersion_mcse:.2f})"
    )
    if sought.ended == "limit":
        allowed = (
            f"figures within reach under this entry rule and activity: this pair is unreachable; nearest {reached}"
        )
    else:
        allowed = (
            f"a pair that the search finds; it did not converge in {2 * STEPS} steps, nearest {reached}, which does "
            "not show the pair unreachable; or relapse.rate_per_year and frailty.variance themselves"
        )
    key = f"population.{name}"
    pair = f"on_study_rate_per_year = {wanted.on_study_rate_per_year:g}"
    if wanted.on_study_dispersion is not None:
        pair += f" with on_study_dispersion = {wanted.on_study_dispersion:g}"
    return ScenarioError([Problem(*scenario.place(key), key, pair, allowed)])
