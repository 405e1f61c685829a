"""Analytic evidence: recruitment by phase and site, run-in, controls of the past: closed forms and by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from sim.core.events import Kind
from sim.core.units import DAYS_PER_YEAR
from sim.data.cohort import window
from sim.model import historical, sites
from sim.model.eligibility import FAILS_RUN_IN, TURNED_AWAY
from sim.model.sites import Phase, Sites
from sim.study.play import Play
from sim.study.truth import Twins
from tests.analytic.lives import EPS, OPEN, U
from tests.helpers import agrees, mean_agrees, of_kind, people, play, scenario, share_agrees

PHASES = [{"from_days": 60.0, "factor": 0.0}, {"from_days": 100.0, "factor": 0.5}, {"from_days": 250.0, "factor": 3.0}]
INTEGRAL = 60.0 + 0.0 + 150.0 * 0.5 + (365.25 - 250.0) * 3.0  # of the factor, over a year

# ---- phases and caps ----------------------------------------------------------------------------------------------


def test_phases_by_hand() -> None:
    """Level to day 10, a pause to day 20, then twice as fast; a site may open in any of them."""
    starts, factors = (10.0, 20.0), (0.0, 2.0)
    for time, opening, day in (
        (5.0, 0.0, 5.0),
        (10.0, 0.0, 10.0),
        (12.0, 0.0, 21.0),
        (19.0, 15.0, 22.0),
        (30.0, 25.0, 27.5),
    ):
        assert sites.phase_arrival(time, opening, starts, factors, 2.0) == day
    assert sites.phase_arrival(12.0, 0.0, starts, factors, 1.0) == math.inf  # a pause without an end
    assert sites.phase_arrival(math.inf, 0.0, starts, factors, 2.0) == math.inf


@pytest.mark.parametrize("opening", [0.0, 30.0, 75.0, 400.0])
def test_the_arrival_inverts_the_integral(opening: float) -> None:
    """Up to the day that is given the factor has summed up to the time without phases, as `open_days` sums it."""
    rule = Sites(phases=[Phase(**phase) for phase in PHASES])
    plan = rule.plan()
    for u in U[:300, 0]:
        need = 600.0 * u
        day = sites.phase_arrival(opening + need, opening, plan.phase_from, plan.phase_factor, plan.phases)
        assert rule.open_days(opening, day) == pytest.approx(need, rel=1e-12)


ARRIVALS: dict[str, object] = OPEN | {
    "enrolment": {"accrual": "poisson", "max_days": 365.25, "target": 6000},
    "sites": {"count": 300, "arrivals_per_month": 2.0, "phases": PHASES},
    "eligibility": {"enabled": True, "relapses_1y": 50, "relapses_2y": 50},  # nobody enters: recruitment stays open
    "relapse.history_years": 2.9,
}


def _as_negative_binomial(counts: np.ndarray, mean: float, variance: float, in_mean: float, in_variance: float) -> None:
    """Assert mean m and variance m + v m^2; what is found is given in shares of each."""
    spread = mean + variance * mean * mean
    law = stats.poisson(mean) if variance == 0.0 else stats.nbinom(1 / variance, 1 / (1 + variance * mean))
    excess, n = float(law.stats("k")), len(counts)
    agrees(float(counts.mean()), mean, math.sqrt(spread / n), detects=in_mean * mean)
    agrees(float(counts.var(ddof=1)), spread, spread * math.sqrt((excess + 2.0) / n), detects=in_variance * spread)


def test_recruitment_by_phases_is_poisson_gamma() -> None:
    """Candidates of a site in a year: negative binomial, the integral of the factor in place of the time.

    Finds a mean off by 30%: phases ignored would be off by 24%, and each phase is looked at below.
    """
    s = play("sham_rct", ARRIVALS | {"sites.rate_variance": 0.5}).subjects
    mean = 24.0 * INTEGRAL / 365.25
    _as_negative_binomial(np.bincount(s["site"], minlength=300), mean, 0.5, 0.3, 0.9)


def test_each_phase_has_its_share() -> None:
    """With equal sites the pause is empty and the other phases have their Poisson means (finds 15%)."""
    times = play("sham_rct", ARRIVALS | {"sites.rate_variance": 0.0}).subjects["screening_time"]
    for low, high, factor in ((0.0, 60.0, 1.0), (60.0, 100.0, 0.0), (100.0, 250.0, 0.5), (250.0, 365.25, 3.0)):
        mean = 300.0 * 24.0 * factor * (high - low) / 365.25
        found = float(((times > low) & (times <= high)).sum())
        if mean == 0.0:
            assert found == 0.0
        else:
            agrees(found, mean, math.sqrt(mean), detects=0.25 * mean)


@pytest.mark.parametrize("in_screening", ["turn_away", "admit"])
def test_a_site_at_its_cap_screens_no_more(in_screening: str) -> None:
    """After a site's 5th entry nobody is screened there; those in screening are turned away, or admitted."""
    capped = {"sites": {"count": 6, "arrivals_per_month": 20.0, "most_per_site": 5}, "self_referral.enabled": False}
    entry = {"enrolment": {"target": 30, "in_screening": in_screening}}
    records = play("sham_rct", capped | entry)
    s = records.subjects
    entered = s["entry_number"] >= 0
    counts = np.bincount(s["site"][entered], minlength=6)
    for site in range(6):
        times = np.sort(s["entry_time"][entered & (s["site"] == site)])
        if len(times) >= 5:
            assert (s["screening_time"][s["site"] == site] <= times[4]).all()
    if in_screening == "turn_away":
        assert (counts <= 5).all()
        assert (counts == 5).any()
        assert (s["reason"] == TURNED_AWAY).sum() == len(of_kind(records, Kind.TURNED_AWAY)) > 0
    else:
        assert (counts > 5).any()


# ---- sites that differ --------------------------------------------------------------------------------------------


def test_how_sites_differ_is_drawn_by_inversion() -> None:
    """Gamma, normal, and normal cut off at 3 standard deviations: quantiles are those of scipy."""
    shape = 1.0 / 0.4
    for u in U[:200, 0]:
        assert sites.relapse_factor(u, shape, math.lgamma(shape)) == pytest.approx(stats.gamma.ppf(u, shape, scale=0.4))
        assert sites.success_shift(u, 0.7) == pytest.approx(0.7 * stats.norm.ppf(u))
        assert sites.effect_shift(u, 0.3) == pytest.approx(0.3 * stats.truncnorm.ppf(u, -3.0, 3.0), abs=1e-12)
    for u in (2.0**-53, 1.0 - 2.0**-53):
        assert abs(sites.effect_shift(u, 0.3)) <= 0.9 * (1.0 + 8.0 * EPS)
    assert sites.relapse_factor(0.1, 0.0, 0.0) == 1.0
    assert sites.success_shift(0.1, 0.0) == sites.effect_shift(0.1, 0.0) == 0.0


def test_success_and_effect_at_a_site_by_hand() -> None:
    """Three times the odds make 0.75 of 0.5; certainty stays; half open, half of the deviation of the log ratio."""
    assert sites.success_at(0.5, math.log(3.0)) == pytest.approx(0.75)
    assert [sites.success_at(p, 2.0) for p in (0.0, 1.0)] == [0.0, 1.0]
    assert sites.effect_at(0.5, math.log(4.0)) == pytest.approx(2.0)
    assert [sites.effect_at(*x) for x in ((0.0, 1.0), (1.0, 0.0))] == [1.0, 1.0]


LEVEL: dict[str, object] = OPEN | {
    "frailty.enabled": False,
    "activity.kind": "none",
    "decline.enabled": False,
    "effect.enabled": False,
    "visits.months": [0.0],
    "relapse": {"rate_per_year": 1.0, "refractory_days": 0.0, "history_years": 0.0},
    "recall.enabled": False,
}


def test_relapses_of_sites_that_differ_are_negative_binomial() -> None:
    """Two years' relapses of a site's 5 patients have mean 10 and, at variance 0.5, variance 10 + 0.5 * 100."""
    sites_ = {"sites": {"count": 400, "relapse_rate_variance": 0.5}, "enrolment.target": 2000}
    own = people("sham_rct", LEVEL | sites_)
    seen = window(own, "true", 0.0, 24.0).counts
    _as_negative_binomial(np.bincount(own.subjects["site"], seen, minlength=400), 10.0, 0.5, 0.3, 0.9)


# ---- run-in -------------------------------------------------------------------------------------------------------


def test_the_run_in_keeps_out_who_relapses_in_it() -> None:
    """Without delay and with every relapse reported, exp(-rate * length) get through (finds an error of 0.1)."""
    rule = {
        "target": 2000,
        "accrual": "poisson",
        "max_days": 400.0,
        "run_in_days": 182.625,
        "run_in_relapse_free": True,
    }
    told = {"mild_report_prob": 1.0, "severe_report_prob": 1.0, "report_delay_days": 0.0}
    given = LEVEL | {"enrolment": rule, "reporting": told, "sites": {"count": 10, "arrivals_per_month": 20.0}}
    records = play("sham_rct", given)
    s = records.subjects
    assert set(s["reason"].tolist()) == {0, TURNED_AWAY, FAILS_RUN_IN}  # some end their run-in after enrolment
    share_agrees(s["reason"] == FAILS_RUN_IN, 1.0 - math.exp(-0.5), detects=0.1)
    ended = of_kind(records, Kind.RUN_IN_END)
    failed = of_kind(records, Kind.SCREEN_FAILURE)
    assert set(failed["patient"].tolist()) == set(ended["patient"][ended["value"] > 0.0].tolist())
    assert (failed["value"] == FAILS_RUN_IN).all()


def test_a_relapse_is_recalled_or_observed() -> None:
    """Up to the start of the run-in relapses are recalled, after it reported; entry is 14 + 365.25 days on."""
    own = play("base", {"enrolment": {"target": 60, "run_in_days": 365.25}, "relapse.rate_per_year": 1.0})
    s, r = own.subjects, own.relapses
    words = (s["site"] << 32) | s["arrival"]
    start = (s["screening_time"] + 14.0)[np.searchsorted(words, (r["site"] << 32) | r["arrival"])]
    true = r["pseudo"] == 0
    before = r["onset"] <= start
    assert np.isnan(r["reported_time"][true & before]).all()
    assert np.isnan(r["recalled_onset"][true & ~before]).all()
    assert (~np.isnan(r["recalled_onset"][true & before])).mean() > 0.5
    assert (~np.isnan(r["reported_time"][true & ~before])).mean() > 0.5
    entered = s["entry_number"] >= 0
    assert np.allclose(s["entry_time"][entered] - s["screening_time"][entered], 379.25, rtol=0.0, atol=1e-9)


# ---- controls of the past -----------------------------------------------------------------------------------------


def test_historical_rules_by_hand() -> None:
    """Sites below the number are of the past, each era counts its own from 0, targets follow the arms' ratio."""
    assert [historical.is_past(s, 2.0) for s in (0.0, 1.0, 2.0)] == [1.0, 1.0, 0.0]
    assert [historical.place_in_era(s, 2.0) for s in (0.0, 1.0, 2.0, 3.0)] == [0.0, 1.0, 0.0, 1.0]
    assert [historical.place_in_era(s, 0.0) for s in (0.0, 3.0)] == [0.0, 3.0]
    assert historical.Historical.targets(200, 1, 1) == (100, 100)
    assert historical.Historical.targets(90, 1, 2) == (30, 60)


HISTORICAL: dict[str, object] = {
    "eligibility": {"enabled": False},
    "historical": {"sites": 6, "rate_ratio": 2.0, "chart_report_prob": 0.7},
    "frailty.enabled": False,
    "activity.kind": "none",
    "decline.enabled": False,
    "relapse": {"rate_per_year": 0.8, "refractory_days": 0.0},
    "enrolment.target": 1000,
    "sites": {"count": 12, "arrivals_per_month": 40.0},
    "dropout.enabled": False,
}
YEARS = 1.0


def test_eras_have_their_own_rate_target_and_charts() -> None:
    """500 a side; twice the rate in the past; 70% of its relapses charted, before and on study, as confirmed ones."""
    own = people("historical_control", HISTORICAL)
    past = own.subjects["site"] < 6
    assert (past == (own.subjects["arm"] == 0)).all()
    assert past.sum() == (~past).sum() == 500
    counts = window(own, "true", 0.0, 12.0 * YEARS).counts
    mean_agrees(counts[past], 1.6 * YEARS, detects=0.5)
    mean_agrees(counts[~past], 0.8 * YEARS, detects=0.3)
    r = own.relapses[own.relapse_row >= 0]
    of_past = past[own.relapse_row[own.relapse_row >= 0]]
    day_1 = own.subjects["day_1"][own.relapse_row[own.relapse_row >= 0]]
    later = of_past & (r["onset"] > day_1)
    followed = later & (r["onset"] <= day_1 + DAYS_PER_YEAR)
    share_agrees(~np.isnan(r["reported_time"][followed]), 0.7, detects=0.12)
    assert (np.isnan(r["reported_time"][later]) == np.isnan(r["confirmed_time"][later])).mean() > 0.99
    assert not (of_past & (r["pseudo"] == 1)).any()
    earlier = of_past & (r["onset"] <= day_1 - 100.0)
    share_agrees(~np.isnan(r["recalled_onset"][earlier]), 0.7, detects=0.12)
    dated = earlier & ~np.isnan(r["recalled_onset"])
    assert (r["recalled_onset"][dated] == r["onset"][dated]).all()


def test_the_truth_is_of_todays_patients() -> None:
    """Twins are those treated today: a hundred of two hundred in a trial, in both worlds."""
    given = {"study.primary": "", "effect.rate_ratio": 0.5, "endpoint": [{"name": "relapse_free_12m"}]}
    sums, _ = Twins(Play(scenario("historical_control", given), 1))(0)
    assert sums[0, 0, 1] == sums[0, 0, 3] == 100.0
    assert sums[0, 0, 0] >= sums[0, 0, 2]
