"""Populations given by what is seen on study, and what the shipped trial's own population gives."""

from __future__ import annotations

import math
import re
from pathlib import Path

import numpy as np
import pytest

import sim
from sim.core.errors import ScenarioError
from sim.data.cohort import window
from sim.engines.world import potential
from sim.model.activity import Activity
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
    """sham_rct's patients, the fitted population's, untreated, have 0.60 relapses a year on study, dispersion 0.88."""
    rate, rate_error, dispersion, dispersion_error = _seen(scenario("sham_rct"), 30)
    agrees(rate, 0.598, math.hypot(rate_error, 0.0045), detects=0.08)
    agrees(dispersion, 0.878, math.hypot(dispersion_error, 0.016), detects=0.4)


def _holds(asked: Scenario, rate: float, dispersion: float, detects: tuple[float, float]) -> None:
    """Assert that the solved population has these figures on other random numbers, both errors counted."""
    ready, solution = solved(asked, workers=2)
    assert solution is not None
    found, found_error, spread, spread_error = _seen(ready, math.ceil(6000 / asked.enrolment.target))
    agrees(found, rate, math.hypot(found_error, solution.on_study_rate_mcse), detects[0])
    agrees(spread, dispersion, math.hypot(spread_error, solution.on_study_dispersion_mcse), detects[1])


def test_the_scenario_of_the_readme_runs(tmp_path: Path) -> None:
    """The scenario file printed in README.md runs through `power`, and its population has the figures asked for."""
    readme = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")
    blocks = re.findall(r"^```toml\n(.*?)^```$", readme, re.MULTILINE | re.DOTALL)
    text = next(b for b in blocks if "on_study_rate_per_year" in b)
    (tmp_path / "my_trial.toml").write_text(text, encoding="utf-8")
    mine = sim.load(tmp_path / "my_trial.toml")
    asked = mine.scenario.population
    assert (asked.on_study_rate_per_year, asked.on_study_dispersion) == (0.4, 0.5)
    result = sim.power(mine, trials=4, truth_trials=0)
    assert result.solution is not None
    assert not result.failed
    _holds(mine.scenario, 0.4, 0.5, (0.1, 0.5))


@pytest.mark.slow
def test_a_population_is_solved_back() -> None:
    """The solved population gives, on other random numbers, the on-study rate and dispersion that were asked for."""
    asked = scenario("sham_rct", {"population.on_study_rate_per_year": 0.5, "population.on_study_dispersion": 0.6})
    _holds(asked, 0.5, 0.6, (0.1, 0.5))


GRID = [
    *(("sham_rct", *pair) for pair in ((0.2, 0.2), (0.2, 0.5), (0.4, 0.3), (0.4, 0.5), (0.4, 0.9), (0.5, 0.6))),
    *(("sham_rct", *pair) for pair in ((0.6, 0.4), (0.7, 0.65), (0.9, 0.2), (0.9, 0.6))),
    *(("base", *pair) for pair in ((0.2, 0.4), (0.4, 0.5), (0.5, 0.75), (0.9, 0.4), (0.9, 0.7))),
    *(("three_arm", *pair) for pair in ((0.2, 0.3), (0.3, 0.3), (0.8, 0.6))),
    ("open_label_rct", 0.3, 0.8),
]


@pytest.mark.parametrize(("name", "rate", "dispersion"), GRID)
def test_the_search_converges(name: str, rate: float, dispersion: float) -> None:
    """For figures that patients can have, in several designs, each is met to one Monte Carlo standard error."""
    given = {"population.on_study_rate_per_year": rate, "population.on_study_dispersion": dispersion}
    _, found = solved(scenario(name, given), workers=2)
    assert found is not None
    assert (
        abs(found.on_study_rate_per_year / rate - 1.0) <= 1.05 * found.on_study_rate_mcse / rate
    )  # 1 on the log scale
    assert abs(found.on_study_dispersion - dispersion) <= found.on_study_dispersion_mcse


def test_selection_without_relapses_to_select_by() -> None:
    """Without entry rule, activity and other disturbers, the solution is the figures themselves (closed form)."""
    plain = {"eligibility.enabled": False, "self_referral.enabled": False, "activity.kind": "none"}
    plain |= {"decline.enabled": False, "relapse.refractory_days": 0.0, "medication.enabled": False}
    asked = scenario("sham_rct", {**plain, "population": {"on_study_rate_per_year": 0.6, "on_study_dispersion": 1.2}})
    _, found = solved(asked, workers=2)
    assert found is not None
    agrees(found.rate_per_year, 0.6, math.sqrt(1.25) * found.on_study_rate_mcse, detects=0.15)
    agrees(found.frailty_variance, 1.2, math.sqrt(1.25) * found.on_study_dispersion_mcse, detects=0.6)


def test_a_figure_out_of_reach_names_its_line(tmp_path: Path) -> None:
    """A dispersion above what any frailty gives is refused as unreachable, with file, line and the nearest figures."""
    path = tmp_path / "mine.toml"
    lines = ('extends = "sham_rct"', "[population]", "on_study_rate_per_year = 0.9", "on_study_dispersion = 3.0")
    path.write_text("\n".join(lines), encoding="utf-8")
    with pytest.raises(ScenarioError, match="this pair is unreachable; nearest rate") as refused:
        solved(sim.load(path).scenario, workers=2)
    assert "mine.toml:4: population.on_study_dispersion: found" in str(refused.value)


def test_a_search_that_ends_too_soon_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    """With too few steps the refusal says that the search did not converge, not that nothing gives the figures."""
    monkeypatch.setattr("sim.study.population.STEPS", 0)
    with pytest.raises(ScenarioError, match="it did not converge in 0 steps") as refused:
        solved(scenario("base", {"population.on_study_rate_per_year": 0.9}), workers=2)
    assert "override: population.on_study_rate_per_year" in str(refused.value)
    assert "this pair is unreachable" not in str(refused.value)


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


def test_activity_varies_less_where_it_disperses_more_than_asked_for() -> None:
    """A dispersion below what activity alone gives is met without frailty, by activity of less variance."""
    asked = {"population.on_study_rate_per_year": 0.4, "population.on_study_dispersion": 0.3}
    _, found = solved(scenario("base", asked))
    assert found is not None
    assert found.frailty_variance == 0.0
    assert 0.0 < found.activity_kept < 1.0
    assert abs(found.on_study_dispersion - 0.3) <= found.on_study_dispersion_mcse


@pytest.mark.parametrize("kind", ["two_state", "log_ou"])
def test_calmer_activity_keeps_its_share_of_the_variance(kind: str) -> None:
    """The stationary variance is the share asked for of what it was; at 1 nothing changes."""
    own = scenario("base", {"activity.kind": kind}).activity

    def variance(of: Activity) -> float:
        if kind == "log_ou":
            return math.expm1(of.log_sd**2)
        plan = of.plan()
        p = of.active_months / (of.active_months + of.quiescent_months)
        return p * (plan.active_level - 1.0) ** 2 + (1.0 - p) * (plan.quiescent_level - 1.0) ** 2

    for kept in (1.0, 0.6, 0.1, 0.0):
        assert variance(own.calmer(kept)) == pytest.approx(kept * variance(own), rel=1e-9, abs=1e-12)


def test_the_untreated_are_counted_to_the_planned_end() -> None:
    """The figures refer to the whole window: nobody leaves in the world in which they are measured."""
    own = scenario("sham_rct", {"enrolment.target": 16, "sites.count": 2, "dropout.hazard_per_year": 1.0})
    seen = window(Play(own, 1).people(0, potential(0.0, True)), "true", 0.0, 24.0, planned=True)
    np.testing.assert_allclose(seen.years, 2.0, rtol=1e-12)
