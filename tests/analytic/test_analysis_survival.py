"""Time to the first event: log-rank and Cox against other software, worked examples, and a scenario's endpoint."""

from __future__ import annotations

import math
import warnings
from dataclasses import replace
from typing import NamedTuple

import numpy as np
import pytest
from scipy import optimize, stats
from statsmodels.duration.hazard_regression import PHReg
from statsmodels.duration.survfunc import survdiff

from sim.analysis import survival_kernel
from sim.analysis.arrays import BoolArray, FloatArray, IntArray
from sim.analysis.cox_regression import cox_regression, cox_regression_batch
from sim.analysis.survival import cox, cox_batch, first_relapse_estimates, log_rank, log_rank_batch
from sim.analysis.trial import analyse
from sim.data.cohort import Cohort, Counts, cohort, first_event
from sim.engines.records import RELAPSE, SUBJECT, Records, TrialRecords
from sim.jit import kernel
from sim.scenario.load import read_tables, validate
from sim.scenario.schema import Scenario


class Trial(NamedTuple):
    """Times, events and arm of one trial."""

    times: FloatArray
    events: BoolArray
    treated: BoolArray


def draw(seed: int, n: int = 120, grid: float = 0.0, effect: float = -0.4) -> Trial:
    """An exponential two-arm trial with censoring, times rounded up to a grid (ties) where one is given."""
    rng = np.random.default_rng(seed)
    treated = np.arange(n) % 3 == 0
    event, end = rng.exponential(np.exp(-effect * treated)), rng.uniform(0.2, 2.5, n)
    times = np.minimum(event, end)
    return Trial(np.ceil(times / grid) * grid if grid else times, event <= end, treated)


def polished(trial: Trial, X: FloatArray) -> tuple[FloatArray, FloatArray, float]:
    """Statsmodels' Efron fit, Newton's last steps taken: coefficients, errors, log-likelihood."""
    model = PHReg(trial.times, X, status=trial.events.astype(int), ties="efron")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # its own optimiser may stop short; the steps below go on, and are checked
        params = model.fit(disp=0).params
    for _ in range(8):
        score, step = model.score(params), np.linalg.solve(-model.hessian(params), model.score(params))
        params = params + step
    assert 0.0 <= score @ step < 1e-20
    return params, np.sqrt(np.diag(np.linalg.inv(-model.hessian(params)))), float(model.loglike(params))


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize("grid", [0.0, 0.02, 0.4])
def test_hazard_ratio_is_statsmodels(seed: int, grid: float) -> None:
    """Without ties, with some and with many, estimate and error are those of statsmodels' Efron fit."""
    trial = draw(seed, 40 + 20 * seed, grid)
    params, errors, _ = polished(trial, trial.treated[:, None].astype(float))
    made = cox(*trial)
    # two Newton iterations at their end: rounding, magnified by the condition of the sums
    assert (made.value, made.standard_error) == pytest.approx((params[0], errors[0]), rel=1e-10)
    assert made.p == pytest.approx(2 * stats.norm.sf(abs(params[0] / errors[0])), rel=1e-9)
    assert (made.n, made.outcome) == (trial.times.size, "ok")


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("grid", [0.0, 0.1])
def test_covariates_are_adjusted_for_as_in_statsmodels(seed: int, grid: float) -> None:
    """With a stratum and a baseline value beside the arm, all coefficients, errors and the likelihood agree."""
    trial, rng = draw(seed, 150, grid), np.random.default_rng(seed)
    more = np.column_stack([rng.integers(0, 2, 150), rng.normal(50.0, 10.0, 150)]).astype(float)
    X = np.column_stack([trial.treated, more])
    params, errors, top = polished(trial, X)
    made = cox_regression(trial.times, trial.events, X)
    assert made.coefficients == pytest.approx(params, rel=1e-9)
    assert made.standard_errors == pytest.approx(errors, rel=1e-9)
    assert made.log_likelihood == pytest.approx(top, rel=1e-12)
    model = PHReg(trial.times, X, status=trial.events.astype(int), ties="efron")
    assert made.null_log_likelihood == pytest.approx(model.loglike(np.zeros(3)), rel=1e-12)
    assert cox(*trial, more) == made.estimate


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize("grid", [0.0, 0.02, 0.4])
def test_log_rank_p_is_scipys_and_statsmodels(seed: int, grid: float) -> None:
    """The log-rank p is that of scipy and of statsmodels, ties or not."""
    times, events, treated = trial = draw(seed, 40 + 20 * seed, grid)
    arms = [stats.CensoredData.right_censored(times[a], ~events[a]) for a in (treated, ~treated)]
    made = log_rank(*trial)
    assert made.p == pytest.approx(stats.logrank(*arms).pvalue, rel=1e-9)
    assert made.p == pytest.approx(survdiff(times, events.astype(int), treated.astype(int))[1], rel=1e-9)


def test_log_rank_by_hand() -> None:
    """Five patients worked out on paper: O - E is 1/30, V is 1/4 + 6/25 + 2/9, and Peto's ratio is their quotient."""
    # at risk (control, treated) 2, 3 with a treated event; 2, 2 control; 1, 2 treated; then censored
    made = log_rank(
        np.array([1.0, 2.0, 3.0, 4.0, 5.0]), np.array([True, True, True, False, False]), np.array([1, 0, 1, 0, 1]) == 1
    )
    gap, variance = 2 - (3 / 5 + 2 / 4 + 2 / 3), 6 / 25 + 1 / 4 + 2 / 9
    assert (made.value, made.standard_error) == pytest.approx((gap / variance, 1 / math.sqrt(variance)), rel=1e-13)
    assert made.p == pytest.approx(stats.chi2.sf(gap * gap / variance, 1), rel=1e-12)


def test_efrons_ties_by_hand() -> None:
    """Two tied events among three patients: with r the ratio, the likelihood is r / ((2 + r)(2 + r - (1 + r) / 2))."""
    times, events, treated = np.array([1.0, 1.0, 2.0, 2.0]), np.array([1, 1, 0, 1]) == 1, np.array([1, 0, 0, 1]) == 1

    def minus_log(b: float) -> float:
        r = math.exp(b)
        # the last event has both of the others' times behind it: r / (1 + r)
        return -(2 * b - math.log(2 + 2 * r) - math.log(2 + 2 * r - (1 + r) / 2) - math.log(1 + r))

    best = optimize.minimize_scalar(minus_log, bracket=(-3.0, 3.0), tol=1e-12)
    assert cox(times, events, treated).value == pytest.approx(best.x, abs=1e-6)  # scipy's minimum is flat to 1e-8


def test_the_score_of_the_hazard_ratio_at_0_is_the_log_rank_test() -> None:
    """Without ties, O - E is the derivative of statsmodels' log partial likelihood at ratio 1, by differences."""
    trial = draw(3)
    model = PHReg(trial.times, trial.treated[:, None].astype(float), status=trial.events.astype(int), ties="efron")
    h = 1e-5
    slope = (model.loglike(np.array([h])) - model.loglike(np.array([-h]))) / (2 * h)
    made = log_rank(*trial)
    # central difference: h^2 / 6 times a third derivative near 10, and 1e-13 / h of rounding
    assert made.value / made.standard_error**2 == pytest.approx(slope, abs=2e-7)


def test_swapping_arms_and_stretching_time() -> None:
    """Swapping arms turns the sign; any increasing change of the time scale changes no bit."""
    times, events, treated = trial = draw(4, grid=0.05)
    for analysis in (cox, log_rank):
        made, swapped = analysis(*trial), analysis(times, events, ~treated)
        assert (swapped.value, swapped.standard_error) == pytest.approx((-made.value, made.standard_error), rel=1e-10)
        assert analysis(np.exp(times), events, treated) == made


def test_patients_may_come_in_any_order() -> None:
    """Shuffling the patients changes no bit of the two-arm analyses."""
    trial, order = draw(5, grid=0.05), np.random.default_rng(1).permutation(120)
    shuffled = Trial(trial.times[order], trial.events[order], trial.treated[order])
    assert cox(*shuffled) == cox(*trial)
    assert log_rank(*shuffled) == log_rank(*trial)


@kernel
def sort(keys: FloatArray, codes: IntArray) -> None:
    """What tests may call of a part that Python cannot."""
    spare_keys, spare_codes, place = survival_kernel.sorting_room(keys.shape[0])
    survival_kernel.sort_times(keys, codes, spare_keys, spare_codes, place, keys.shape[0])


@pytest.mark.parametrize("spread", ["even", "tied", "clustered", "huge", "one", "two", "reversed"])
def test_times_are_sorted_whatever_their_spread(spread: str) -> None:
    """Sorting is stable and right for even, tied, clustered and extreme times, whichever road it takes."""
    rng = np.random.default_rng(4)
    keys = {
        "even": rng.random(300),
        "tied": rng.integers(0, 5, 300).astype(float),
        "clustered": np.r_[1e9, rng.random(300)],
        "huge": np.r_[1.7e308, -1.7e308, rng.normal(size=300), 5e-324, 0.0],
        "one": np.full(50, 3.0),
        "two": np.array([2.0, 1.0]),
        "reversed": np.exp(np.arange(200.0, 0.0, -1.0)),
    }[spread]
    n = keys.size
    order = np.argsort(keys, kind="stable")
    made, codes = keys.copy(), np.arange(n)
    sort(made, codes)
    assert np.array_equal(codes, order)
    assert np.array_equal(made, keys[order])


def test_unknown_times_are_left_out() -> None:
    """A NaN time or event is as if the patient were not there."""
    times, events, treated = draw(6)
    more = np.r_[times, np.nan, 1.0], np.r_[events.astype(float), 1.0, np.nan], np.r_[treated, True, False]
    assert cox(*more) == cox(times, events, treated)
    assert log_rank(*more) == log_rank(times, events, treated)


def test_strong_effects_and_large_trials_are_found() -> None:
    """Hazard ratios from 1/33 to 33 and trials of 5,000 agree with statsmodels."""
    for effect, n in ((3.5, 400), (-3.5, 400), (0.1, 5000)):
        trial = draw(8, n, 0.01, effect)
        params, errors, _ = polished(trial, trial.treated[:, None].astype(float))
        made = cox(*trial)
        assert (made.value, made.standard_error) == pytest.approx((params[0], errors[0]), rel=1e-8)


def many(sets: int) -> tuple[FloatArray, BoolArray, BoolArray, IntArray]:
    """The columns of several trials, and where each begins."""
    trials = [draw(seed, 30 + seed, 0.05) for seed in range(sets)]
    first = np.concatenate([[0], np.cumsum([t.times.size for t in trials])])
    times, events, treated = (np.concatenate([t[i] for t in trials]) for i in range(3))
    return times, events, treated, first


def test_first_relapse_is_the_hazard_ratio_with_the_log_rank_p() -> None:
    """The endpoint has Cox's estimate and interval and the log-rank p, or Wald's where that is asked for."""
    columns = many(20)
    made, hazards, ranks = first_relapse_estimates(*columns), cox_batch(*columns), log_rank_batch(*columns)
    for field in ("value", "standard_error", "lower", "upper"):
        assert np.array_equal(getattr(made, field), getattr(hazards, field), equal_nan=True)
    there = made.converged
    assert made.p[there] == pytest.approx(ranks.p[there], rel=1e-12)
    assert np.any(made.p != hazards.p)
    assert made.method == "log-rank test; Cox hazard ratio (Efron), Wald interval"
    assert list(first_relapse_estimates(*columns, test="wald")) == list(hazards)
    with pytest.raises(ValueError, match="test must be one of log_rank, wald, found 'score'"):
        first_relapse_estimates(*columns, test="score")  # type: ignore[arg-type]


def test_the_general_regression_on_the_arm_is_the_two_arm_one() -> None:
    """Cox regression with the arm as its only column gives what the two-arm loop gives."""
    times, events, treated, first = many(20)
    made, general = (
        cox_batch(times, events, treated, first),
        cox_regression_batch(times, events, treated[:, None].astype(float), first),
    )
    assert list(made.outcome) == list(general.estimates.outcome)
    assert made.value == pytest.approx(general.estimates.value, rel=1e-9)
    assert made.standard_error == pytest.approx(general.estimates.standard_error, rel=1e-9)


def test_infinite_and_dependent_covariates_are_named() -> None:
    """Dependent columns, events in one group only and a covariate that tells the order have no estimate."""
    times, events, treated = draw(7)
    arm = treated.astype(float)
    outcomes = {
        "no_variation": np.column_stack([arm, 2.0 * arm + 1.0]),
        "no_events_in_arm": (events & (np.cumsum(events) < 4)).astype(float)[:, None] * 0.0 + (~events)[:, None],
        "not_converged": np.column_stack([-times]),
    }
    for outcome, X in outcomes.items():
        assert cox_regression(times, events, X.astype(float)).estimate.outcome == outcome
    with pytest.raises(ValueError, match="120 rows and a column 1"):
        cox_regression(times, events, arm[:, None], coefficient=1)


# ---- the endpoint of a scenario ------------------------------------------------------------------------------------


def lives() -> Cohort:
    """Five patients by hand: a relapse before day 1 and one after; one reported late; one after leaving; none; none."""
    subjects: Records = np.zeros(5, SUBJECT)
    subjects["arrival"] = subjects["entry_number"] = np.arange(5)
    subjects["arm"] = [0, 1, 0, 1, 1]
    subjects["day_1"], subjects["end_time"], subjects["planned_end"] = 100.0, [200.0, 300.0, 150.0, 90.0, 390.0], 400.0
    relapses: Records = np.zeros(5, RELAPSE)
    relapses["arrival"] = [0, 0, 1, 1, 2]
    relapses["onset"] = [50.0, 160.0, 180.0, 120.0, 155.0]
    relapses["reported_time"] = [math.nan, math.nan, 185.0, math.nan, 156.0]
    relapses["confirmed_time"] = [math.nan, math.nan, 186.0, math.nan, math.nan]
    empty = TrialRecords(0, *(np.zeros(0, SUBJECT) for _ in range(7)))
    return cohort(replace(empty, subjects=subjects, relapses=relapses))


@pytest.mark.parametrize(
    ("kind", "days", "events"),
    [
        ("true", [60.0, 20.0, 50.0, -10.0, 290.0], [1, 1, 0, 0, 0]),
        ("reported", [100.0, 80.0, 50.0, -10.0, 290.0], [0, 1, 0, 0, 0]),
        ("confirmed", [100.0, 80.0, 50.0, -10.0, 290.0], [0, 1, 0, 0, 0]),
    ],
)
def test_the_first_event_is_the_first_seen_on_study(kind: Counts, days: list[float], events: list[int]) -> None:
    """Days run from study day 1 to the first relapse of the kind, or to the end; what lies outside does not count."""
    made = first_event(lives(), kind)
    assert (list(made[0]), list(made[1])) == (days, [bool(e) for e in events])


def test_a_planned_end_observes_those_who_left() -> None:
    """Counted to the planned end, the relapse after leaving is seen and the others are censored at 300 days."""
    days, events = first_event(lives(), "true", planned=True)
    assert (list(days), list(events)) == ([60.0, 20.0, 55.0, 300.0, 300.0], [True, True, True, False, False])


def test_the_endpoint_is_analysed_as_observed() -> None:
    """A scenario's first_relapse leaves out who has no follow-up and answers with Cox and log-rank of the others."""
    wanted = {"study.primary": "first_relapse", "endpoint": [{"name": "first_relapse", "counts": "true"}]}
    scenario = validate(read_tables("sham_rct", wanted), Scenario)
    people = lives()
    (found,) = analyse(scenario, people)
    days, events = first_event(people, "true")
    treated = people.subjects["arm"] == [a.procedure for a in scenario.arm].index("angioplasty")
    kept = days > 0.0
    assert found[0] == first_relapse_estimates(days[kept], events[kept], treated[kept], np.array([0, 4]))[0]
    assert (found[0].n, found[0].outcome, len(found)) == (4, "ok", 1)
