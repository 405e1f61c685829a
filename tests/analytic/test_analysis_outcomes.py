"""Degenerate trials: every named outcome fires, and no finite data make an analysis crash, warn or lie."""

from __future__ import annotations

import math
import subprocess
import sys
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sim.analysis.ancova import ancova_change
from sim.analysis.before_after import paired_rate_ratio, paired_t
from sim.analysis.binary import mcnemar_exact, risk_difference
from sim.analysis.estimate import OUTCOMES, Estimate
from sim.analysis.negbin import fit_negbin, negbin_rate_ratio
from sim.analysis.survival import cox, log_rank
from sim.core.endpoints import AT_VISITS, CONFIRMED_AFTER, ENDPOINTS, parse_endpoint

NAN = math.nan
T, F = True, False
ROOMS = ("negbin", "binary", "ancova", "before_after", "survival", "negbin_regression", "cox_regression")
DETERMINED = {"ok", "boundary_poisson", "all_alike"}


def call(analysis: Callable[..., Estimate], *columns: list[float]) -> Estimate:
    """The analysis of plain lists."""
    return analysis(*(np.array(c, dtype=float) for c in columns))


def rates(counts: list[float], years: list[float], treated: list[float]) -> Estimate:
    """The NB rate ratio of plain lists."""
    return call(negbin_rate_ratio, counts, years, treated)


FIRING: list[tuple[str, Callable[..., Estimate], tuple[list[float], ...]]] = [
    ("ok", negbin_rate_ratio, ([0, 5, 1, 0, 0, 3], [1] * 6, [T, T, T, F, F, F])),
    ("boundary_poisson", negbin_rate_ratio, ([1, 1, 2, 2], [1] * 4, [T, T, F, F])),
    ("no_events", negbin_rate_ratio, ([0, 0, 0, 0], [1] * 4, [T, T, F, F])),
    ("no_events_in_arm", negbin_rate_ratio, ([0, 0, 3, 1], [1] * 4, [T, T, F, F])),
    ("no_events_in_arm", negbin_rate_ratio, ([2, 1, 0, 0], [1] * 4, [T, T, F, F])),
    ("no_follow_up", negbin_rate_ratio, ([], [], [])),
    ("no_follow_up", negbin_rate_ratio, ([2, 1, 0, 0], [1, 1, 0, 0], [T, T, F, F])),
    ("no_follow_up", negbin_rate_ratio, ([2, 1, 0, 0], [0, 0, 0, 0], [T, T, F, F])),
    ("no_follow_up", negbin_rate_ratio, ([2, 1, 0, 0], [1, 1, 1, 1], [T, T, T, T])),
    ("one_patient", negbin_rate_ratio, ([2, 1], [1, 0], [T, F])),
    ("bad_data", negbin_rate_ratio, ([-1, 1], [1, 1], [T, F])),
    ("bad_data", negbin_rate_ratio, ([0.5, 1], [1, 1], [T, F])),
    ("bad_data", negbin_rate_ratio, ([1, 1], [-1, 1], [T, F])),
    ("bad_data", negbin_rate_ratio, ([1, 1], [math.inf, 1], [T, F])),
    ("not_converged", negbin_rate_ratio, ([1e308, 1e308, 1, 2], [1] * 4, [T, T, F, F])),
    ("ok", risk_difference, ([1, 0, 0, 0], [T, T, F, F])),
    ("all_alike", risk_difference, ([1, 1, 1], [T, T, F])),
    ("no_follow_up", risk_difference, ([1, 0, NAN], [T, T, F])),
    ("no_follow_up", risk_difference, ([], [])),
    ("one_patient", risk_difference, ([1, NAN], [T, F])),
    ("bad_data", risk_difference, ([2, 0], [T, F])),
    ("ok", mcnemar_exact, ([0, 0, 1], [1, 0, 1])),
    ("all_alike", mcnemar_exact, ([0, 1], [0, 1])),
    ("no_follow_up", mcnemar_exact, ([NAN, 1], [0, NAN])),
    ("one_patient", mcnemar_exact, ([0, 1], [1, NAN])),
    ("bad_data", mcnemar_exact, ([0, 1], [3, 0])),
    ("ok", ancova_change, ([1, 2, 3, 5], [1, 3, 3, 4], [T, T, F, F])),
    ("no_follow_up", ancova_change, ([1, 2, 3], [NAN, 3, 3], [T, F, F])),
    ("one_patient", ancova_change, ([1, 2, 3], [NAN, 3, NAN], [T, F, F])),
    ("too_few", ancova_change, ([1, 2, 3], [2, 3, 3], [T, F, F])),
    ("no_variation", ancova_change, ([2, 2, 3.1, 3.1], [1, 3, 3, 4], [T, T, F, F])),
    ("no_variation", ancova_change, ([5.1, 5.3, 4.1, 4.3], [5.4, 5.6, 4.2, 4.4], [T, T, F, F])),
    ("bad_data", ancova_change, ([1, 2], [math.inf, 3], [T, F])),
    ("not_converged", ancova_change, ([1e200, 2, 3, 5], [1, 3, 3, 4], [T, T, F, F])),
    ("ok", paired_t, ([1, 2], [2, 5])),
    ("no_follow_up", paired_t, ([], [])),
    ("one_patient", paired_t, ([1, NAN], [2, 5])),
    ("no_variation", paired_t, ([1.1, 2.3, 0.7], [1.4, 2.6, 1.0])),
    ("bad_data", paired_t, ([1, -math.inf], [2, 5])),
    ("not_converged", paired_t, ([1e308, 2], [-1e308, 5])),
    ("ok", paired_rate_ratio, ([2, 1, 3], [1, 1, 1], [0, 1, 1], [1, 1, 1])),
    ("no_events", paired_rate_ratio, ([0, 0], [1, 1], [0, 0], [1, 1])),
    ("no_events_in_window", paired_rate_ratio, ([2, 1], [1, 1], [0, 0], [1, 1])),
    ("no_variation", paired_rate_ratio, ([2, 2], [1, 1], [1, 1], [1, 1])),
    ("no_follow_up", paired_rate_ratio, ([2, 2], [1, 0], [1, 1], [0, 1])),
    ("one_patient", paired_rate_ratio, ([2, 2], [1, 1], [1, 1], [0, 1])),
    ("bad_data", paired_rate_ratio, ([2, 2], [1, 1], [1, -1], [1, 1])),
    ("not_converged", paired_rate_ratio, ([1e308, 1e308], [1, 1], [1, 2], [1, 1])),
    ("ok", log_rank, ([1, 2, 3, 4], [1, 1, 1, 0], [T, F, T, F])),
    ("ok", log_rank, ([1, 2, 3, 4], [1, 0, 1, 0], [T, F, T, F])),
    ("no_events", log_rank, ([1, 2, 3, 4], [0, 0, 0, 0], [T, F, T, F])),
    ("no_variation", log_rank, ([2, 2, 2], [1, 1, 1], [T, F, T])),
    ("no_follow_up", log_rank, ([1, 2, NAN, 4], [1, 1, 1, NAN], [T, T, F, F])),
    ("one_patient", log_rank, ([1, NAN], [1, 1], [T, F])),
    ("bad_data", log_rank, ([1, -2], [1, 1], [T, F])),
    ("ok", cox, ([1, 2, 3, 4], [1, 1, 1, 0], [T, F, T, F])),
    ("no_events", cox, ([1, 2, 3, 4], [0, 0, 0, 0], [T, F, T, F])),
    ("no_events_in_arm", cox, ([1, 2, 3, 4], [1, 0, 1, 0], [T, F, T, F])),
    ("monotone", cox, ([1, 2, 3, 4], [1, 1, 1, 1], [T, T, F, F])),
    ("monotone", cox, ([3, 4, 1, 2], [1, 1, 1, 0], [T, T, F, F])),
    ("no_follow_up", cox, ([], [], [])),
    ("one_patient", cox, ([1, NAN], [1, 1], [T, F])),
    ("bad_data", cox, ([1, math.inf], [1, 1], [T, F])),
    ("bad_data", cox, ([1, 2], [1, 0.5], [T, F])),
]


def assert_honest(made: Estimate) -> None:
    """Fail unless numbers, `converged` and outcome say the same thing."""
    numbers = (made.value, made.standard_error, made.lower, made.upper, made.p)
    assert made.outcome in OUTCOMES
    assert made.converged is (made.outcome in DETERMINED)
    if not made.converged:
        assert all(math.isnan(v) for v in numbers)
        return
    assert all(math.isfinite(v) for v in numbers)
    assert made.lower <= made.value <= made.upper
    assert made.standard_error >= 0.0
    assert 0.0 <= made.p <= 1.0


@pytest.mark.parametrize(("outcome", "analysis", "columns"), FIRING)
def test_outcomes_fire(outcome: str, analysis: Callable[..., Estimate], columns: tuple[list[float], ...]) -> None:
    """Each degenerate trial is answered by its named outcome, with numbers only where there are any."""
    made = call(analysis, *columns)
    assert made.outcome == outcome
    assert_honest(made)


def test_every_registered_outcome_has_fired() -> None:
    """The table above makes every outcome of the registry happen: none is promised in vain."""
    assert {outcome for outcome, _, _ in FIRING} == set(OUTCOMES)


def test_no_analysis_takes_columns_that_do_not_match() -> None:
    """Unequal lengths raise ValueError in every analysis."""
    widths: dict[Callable[..., Estimate], int] = {
        negbin_rate_ratio: 3,
        risk_difference: 2,
        mcnemar_exact: 2,
        ancova_change: 3,
        paired_t: 2,
        paired_rate_ratio: 4,
        log_rank: 3,
    }
    for analysis, width in widths.items():
        with pytest.raises(ValueError, match="equally long"):
            call(analysis, [1.0, 0.0, 1.0], *[[1.0, 0.0]] * (width - 1))
        with pytest.raises(ValueError, match="alpha"):
            analysis(*[np.array([1.0, 0.0])] * width, 1.5)


counts = st.integers(0, 3) | st.integers(0, 60) | st.integers(0, 10**9)
years = st.just(1.0) | st.floats(0.0, 3.0) | st.floats(0.0, 1e12)
anything = st.floats(allow_nan=True, allow_infinity=True)
scores = st.floats(0.0, 100.0) | st.sampled_from([4.0, 4.5]) | anything
shares = st.sampled_from([0.0, 1.0]) | st.sampled_from([0.0, 1.0, NAN])
arms = st.booleans()


def rows(*columns: st.SearchStrategy[float]) -> st.SearchStrategy[list[tuple[float, ...]]]:
    """Up to 30 patients, a tuple each."""
    return st.lists(st.tuples(*columns), max_size=30)


def columns_of(patients: list[tuple[float, ...]], width: int) -> list[list[float]]:
    """The patients as columns."""
    return [[row[i] for row in patients] for i in range(width)]


@settings(max_examples=150, deadline=None)
@given(rows(counts, years, arms))
def test_any_counts_get_an_honest_rate_ratio(patients: list[tuple[float, ...]]) -> None:
    """Whatever counts and exposures, the NB rate ratio neither raises nor warns, and its outcome fits its numbers."""
    made = rates(*columns_of(patients, 3))
    assert_honest(made)
    assert made.n == sum(1 for _, t, _ in patients if t > 0.0)


@settings(max_examples=300, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 6), st.floats(0.05, 2.5), arms), min_size=4, max_size=60))
def test_any_plausible_trial_with_events_is_estimated(patients: list[tuple[float, ...]]) -> None:
    """Counts and follow-up as trials have them always give an estimate once both arms have events."""
    made = rates(*columns_of(patients, 3))
    with_events = {bool(arm) for y, _, arm in patients if y > 0}
    assert made.converged is (len(with_events) == 2)


@settings(max_examples=300, deadline=None)
@given(rows(anything | counts, anything | years, arms))
def test_any_numbers_at_all_get_an_honest_rate_ratio(patients: list[tuple[float, ...]]) -> None:
    """Negative, fractional, huge, infinite or missing counts and years are answered by name too."""
    assert_honest(rates(*columns_of(patients, 3)))


@settings(max_examples=300, deadline=None)
@given(rows(shares, shares, arms))
def test_any_shares_get_honest_estimates(patients: list[tuple[float, ...]]) -> None:
    """Shares of any arms and any pairs give honest estimates inside [-1, 1]."""
    before, after, treated = columns_of(patients, 3)
    for made in (call(risk_difference, after, treated), call(mcnemar_exact, before, after)):
        assert_honest(made)
        # the limits may pass 1 by the rounding of a difference of two shares
        assert not made.converged or -1.0 - 1e-15 <= made.lower <= made.upper <= 1.0 + 1e-15


@settings(max_examples=400, deadline=None)
@given(rows(scores, scores, arms))
def test_any_scores_get_honest_estimates(patients: list[tuple[float, ...]]) -> None:
    """Scores of any size, missing and infinite ones included, give honest estimates without a warning."""
    before, after, treated = columns_of(patients, 3)
    assert_honest(call(ancova_change, before, after, treated))
    assert_honest(call(paired_t, before, after))


@settings(max_examples=300, deadline=None)
@given(rows(counts | anything, years | anything, counts, years))
def test_any_windows_get_an_honest_rate_ratio(patients: list[tuple[float, ...]]) -> None:
    """Counts and windows of any size give an honest before-after rate ratio."""
    assert_honest(call(paired_rate_ratio, *columns_of(patients, 4)))


@settings(max_examples=300, deadline=None)
@given(rows(years | anything, shares, arms))
def test_any_times_get_honest_estimates(patients: list[tuple[float, ...]]) -> None:
    """Times of any size, censored or not, give honest log-rank and Cox estimates."""
    times, events, treated = columns_of(patients, 3)
    assert_honest(call(log_rank, times, events, treated))
    assert_honest(call(cox, times, events, treated))


def test_the_statsmodels_trap_is_closed() -> None:
    """An arm without events, where statsmodels reports convergence and an error of 24,431, gives no number at all."""
    made = rates([0.0] * 50 + [0.0, 1.0, 3.0] * 17, [2.0] * 101, [1.0] * 50 + [0.0] * 51)
    assert (made.outcome, made.converged) == ("no_events_in_arm", False)
    fit = fit_negbin(np.array([0.0, 0.0, 2.0]), np.ones(3), np.array([True, True, False]))
    assert (fit.rate_treated, fit.rate_control) == (0.0, 2.0)


def test_endpoint_names_are_parsed() -> None:
    """The names of the contract parse into base and months."""
    assert parse_endpoint("arr_24m") == ("arr", 24.0)
    assert parse_endpoint("msqol_physical_12m") == ("msqol_physical", 12.0)
    assert parse_endpoint("relapse_free_change") == ("relapse_free_change", None)
    favourable = {base: e.favourable for base, e in ENDPOINTS.items()}
    assert {base for base, sign in favourable.items() if sign == 1} == {
        "relapse_free",
        "msqol_physical",
        "msqol_mental",
        "msfc",
        "relapse_free_change",
        "msqol_physical_change",
        "msqol_mental_change",
        "msfc_change",
    }
    assert {base for base, e in ENDPOINTS.items() if e.scale == "log_ratio"} == {
        "arr",
        "arr_change",
        "first_relapse",
        "cdp_12w",
        "cdp_24w",
        "gd_lesions",
        "new_t2",
        "gd_lesions_change",
        "ccsvi_odds_ratio",
    }
    assert parse_endpoint("first_relapse") == ("first_relapse", None)
    assert [parse_endpoint(name) for name in CONFIRMED_AFTER] == [("cdp_12w", None), ("cdp_24w", None)]
    assert CONFIRMED_AFTER.keys() <= ENDPOINTS.keys()
    at_visits = {"edss", "msfc", "msqol_physical", "msqol_mental"}
    assert {base for base, e in ENDPOINTS.items() if e.months} == (
        {"arr", "relapse_free", "gd_lesions", "new_t2", "restenosis"} | at_visits
    )
    assert {f"{base}_change" for base in AT_VISITS} <= set(ENDPOINTS)
    assert set(AT_VISITS) == at_visits
    dated = {base for base, e in ENDPOINTS.items() if e.months and e.design != "parallel"}
    assert dated == {"restenosis"}


@pytest.mark.parametrize(
    "name",
    [
        "arr",
        "arr_24w",
        "arr_0m",
        "arr_change_12m",
        "first_relapse_24m",
        "cdp_48w",
        "cdp_24m",
        "ARR_24m",
        "relapse_fre_24m",
        "",
        "arr_24m ",
        "edss_1.5m",
    ],
)
def test_unknown_endpoint_names_are_refused_with_help(name: str) -> None:
    """A name that is not served raises ValueError that lists what is."""
    with pytest.raises(ValueError, match=r"unknown endpoint .*allowed: arr_Nm, relapse_free_Nm"):
        parse_endpoint(name)


def test_importing_the_analyses_is_light() -> None:
    """Importing every analysis loads neither compiler nor scipy nor pandas: what is needed comes with the first fit."""
    rooms = ", ".join(f"sim.analysis.{room}" for room in ROOMS)
    code = f"import sys, {rooms}; print(*{{'statsmodels', 'pandas', 'scipy', 'numba'}} & sys.modules.keys())"
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout.strip() == ""
