"""A population given by what is seen on study, solved back to the parameters of nature.

Given `[population] on_study_rate_per_year` (and `on_study_dispersion`), the source population's relapse rate (and
frailty variance) are found that give the enrolled these figures, untreated, under the scenario's own entry rule. The
solving runs on simulated patients with fixed random numbers, so the same scenario always has the same solution; the
Monte Carlo error of the figures reached is part of it.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sim.analysis.trial import of_today
from sim.core.errors import ShamtrialError
from sim.data.cohort import window
from sim.engines.want import Want
from sim.engines.world import potential
from sim.scenario.schema import Scenario
from sim.study.keep import keep, kept_file, read
from sim.study.play import Play
from sim.study.runner import Failure, Pool, Watcher

SOLVER_SEED = 20090202
PATIENTS = 4000
STEPS = 16
TRUE_RELAPSES = Want(frozenset(("true",)), (), False, surveillance=False, guesses=False)


@dataclass(frozen=True, slots=True)
class Solution:
    """Parameters found, and the on-study figures they give, each with its Monte Carlo standard error."""

    rate_per_year: float
    frailty_variance: float
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
    scenario: Scenario, workers: int = 1, watch: Watcher | None = None, engine: str = "compiled"
) -> tuple[Scenario, Solution | None]:
    """Give the scenario with its population solved for, and the solution; unchanged where none is asked for.

    Raises ShamtrialError where no population gives the figures asked for.
    """
    if scenario.population.on_study_rate_per_year is None:
        return scenario, None
    kept = kept_file("population", scenario, SOLVER_SEED, PATIENTS)
    known = read(kept, Solution)
    if known:
        found = known[0]
    else:
        found = _solve(scenario, workers, watch, engine)
        keep(kept, [found.to_dict()])
    return _with(scenario, found.rate_per_year, found.frailty_variance), found


def _solve(scenario: Scenario, workers: int, watch: Watcher | None, engine: str) -> Solution:
    """Step towards what was asked for: first on a quarter of the patients, then on all of them."""
    rate, variance = scenario.relapse.rate_per_year or 0.6, scenario.frailty.variance
    patients = PATIENTS // 4
    for _ in range(STEPS):
        found = _measure(_with(scenario, rate, variance), patients, workers, watch, engine)
        factor, shift = _misses(scenario, found)
        near = abs(math.log(factor)) < 0.5 * found.on_study_rate_mcse / found.on_study_rate_per_year
        if near and abs(shift) < 0.5 * found.on_study_dispersion_mcse:
            if patients == PATIENTS:
                return found
            patients = PATIENTS
            continue
        rate, variance = _inside(scenario, rate * factor, variance + shift, found)
    raise _unreachable(scenario, found)


def _with(scenario: Scenario, rate: float, variance: float) -> Scenario:
    return scenario.model_copy(
        update={
            "relapse": scenario.relapse.model_copy(update={"rate_per_year": rate}),
            "frailty": scenario.frailty.model_copy(update={"variance": variance}),
        }
    )


def _measure(scenario: Scenario, patients: int, workers: int, watch: Watcher | None, engine: str) -> Solution:
    trials = math.ceil(patients / scenario.enrolment.target)
    with Pool(OnStudy(Play(scenario, SOLVER_SEED, engine)), SOLVER_SEED, workers) as pool:
        answers = pool.run(range(trials), watch)
    failed = [a for a in answers if isinstance(a, Failure)]
    if failed:
        raise failed[0].error()
    seen = np.concatenate([a for a in answers if not isinstance(a, Failure)])
    return _summary(scenario, seen[seen[:, 1] > 0.0])


def _summary(scenario: Scenario, seen: NDArray[np.float64]) -> Solution:
    counts, n = seen[:, 0], len(seen)
    if n < 50 or counts.sum() == 0.0:
        raise ShamtrialError(
            f"population: found {n} patients with {int(counts.sum())} relapses who met the entry rule; "
            "allowed: an entry rule under which patients with relapses enter"
        )
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
        float(rate),
        float(residual.std(ddof=1) / math.sqrt(n) / seen[:, 1].mean()),
        float(dispersion),
        float(influence.std(ddof=1) / math.sqrt(n)),
        n,
    )


def _misses(scenario: Scenario, found: Solution) -> tuple[float, float]:
    """Give the factor by which the rate, and the amount by which the dispersion, miss what was asked for."""
    wanted = scenario.population
    assert wanted.on_study_rate_per_year is not None
    factor = wanted.on_study_rate_per_year / found.on_study_rate_per_year
    if wanted.on_study_dispersion is None:
        return factor, 0.0
    return factor, wanted.on_study_dispersion - found.on_study_dispersion


def _inside(scenario: Scenario, rate: float, variance: float, found: Solution) -> tuple[float, float]:
    if variance < 0.0:
        if found.frailty_variance == 0.0:
            raise _unreachable(scenario, found)
        variance = 0.0
    if rate > 50.0 or variance > 20.0:
        raise _unreachable(scenario, found)
    return rate, variance


def _unreachable(scenario: Scenario, found: Solution) -> ShamtrialError:
    wanted = scenario.population
    return ShamtrialError(
        f"population: found on_study_rate_per_year = {wanted.on_study_rate_per_year}, on_study_dispersion = "
        f"{wanted.on_study_dispersion}; allowed: figures that some population gives under this entry rule and activity "
        f"(nearest tried: rate {found.on_study_rate_per_year:.3f}, dispersion {found.on_study_dispersion:.2f})"
    )
