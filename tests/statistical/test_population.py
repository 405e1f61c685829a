"""Populations given by what is seen on study, and what the shipped trial's own population gives."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest

from sim.core.errors import ShamtrialError
from sim.data.cohort import window
from sim.engines.world import potential
from sim.scenario.schema import Scenario
from sim.study.play import Play
from sim.study.population import OnStudy, Solution, solved
from sim.study.runner import Failure, Pool
from tests.helpers import agrees, scenario


@pytest.fixture(autouse=True)
def _own_cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))


def _seen(own: Scenario, trials: int) -> tuple[float, float, float, float]:
    """Give on-study rate and dispersion of the untreated with their standard errors, on seed 77."""
    with Pool(OnStudy(Play(own, 77)), 77, 2) as pool:
        answers = [a for a in pool.run(range(trials)) if not isinstance(a, Failure)]
    counts, years = np.concatenate(answers).T
    n, mean = len(counts), counts.mean()
    off = counts - mean
    dispersion = (off.var() - mean) / mean**2
    influence = (off**2 - off.var() - off) / mean**2 - 2.0 * dispersion * off / mean
    return (
        counts.sum() / years.sum(),
        counts.std() / math.sqrt(n) / years.mean(),
        dispersion,
        influence.std() / math.sqrt(n),
    )


def test_the_shipped_trial_has_the_on_study_figures_its_file_states() -> None:
    """sham_rct's patients, untreated, have 0.40 relapses a year on study with dispersion 0.48."""
    rate, rate_error, dispersion, dispersion_error = _seen(scenario("sham_rct"), 30)
    agrees(rate, 0.40, rate_error, detects=0.05)
    agrees(dispersion, 0.48, dispersion_error, detects=0.3)


@pytest.mark.slow
def test_a_population_is_solved_back() -> None:
    """The solved population gives, on other random numbers, the on-study rate and dispersion that were asked for."""
    asked = scenario("sham_rct", {"population.on_study_rate_per_year": 0.5, "population.on_study_dispersion": 0.6})
    ready, solution = solved(asked, workers=2)
    assert solution is not None
    print(f"\n{solution}")
    rate, rate_error, dispersion, dispersion_error = _seen(ready, 30)
    agrees(rate, 0.5, math.hypot(rate_error, solution.on_study_rate_mcse), detects=0.1)
    agrees(dispersion, 0.6, math.hypot(dispersion_error, solution.on_study_dispersion_mcse), detects=0.5)


def test_a_scenario_without_a_population_is_left_as_it_is() -> None:
    """Nothing is solved where nothing was asked for."""
    own = scenario("sham_rct")
    assert solved(own) == (own, None)


def test_a_solution_is_kept_on_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    """The second time, the solution is read and not simulated; it is the same."""
    monkeypatch.setattr("sim.study.population.PATIENTS", 400)
    asked = scenario("base", {"population.on_study_rate_per_year": 0.7})
    _, first = solved(asked, workers=2)
    assert isinstance(first, Solution)
    monkeypatch.setattr("sim.study.population.Pool", None)
    assert solved(asked)[1] == first


def test_an_impossible_population_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """A dispersion below what fluctuating activity alone gives is refused with the nearest figures tried."""
    monkeypatch.setattr("sim.study.population.PATIENTS", 800)
    asked = scenario("base", {"population.on_study_rate_per_year": 0.8, "population.on_study_dispersion": 0.0001})
    with pytest.raises(ShamtrialError, match="on_study_dispersion"):
        solved(asked, workers=2)


def test_the_untreated_are_counted_to_the_planned_end() -> None:
    """The figures refer to the whole window: nobody leaves in the world in which they are measured."""
    own = scenario("sham_rct", {"enrolment.target": 16, "sites.count": 2, "dropout.hazard_per_year": 1.0})
    seen = window(Play(own, 1).people(0, potential(0.0, True)), "true", 0.0, 24.0, planned=True)
    np.testing.assert_allclose(seen.years, 2.0, rtol=1e-12)
