"""Analytic evidence: lesions by hand, against closed forms of mixed Poisson counts, and in played trials.

Statistical comparisons follow `helpers.agrees`, whose `detects` says which error would be found.
"""

from __future__ import annotations

import math
from functools import cache

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import integrate, stats

from sim.analysis.before_after import paired_rate_ratio
from sim.analysis.negbin import negbin_rate_ratio
from sim.analysis.trial import analyse
from sim.core.units import DAYS_PER_YEAR, months
from sim.data.cohort import Cohort, at_visit
from sim.data.lesions import at_scans, since_baseline
from sim.model import lesions
from sim.model.activity import Activity
from sim.model.lesions import Lesions
from sim.study.play import Play
from sim.study.truth import Twins
from sim.study.wanted import wanted
from tests.analytic.lives import U
from tests.helpers import Overrides, agrees, mean_agrees, people, scenario

Floats = NDArray[np.float64]

F, V, MEAN, T2 = 0.3, 0.2, 1.5, 4.0
MONTHLY = [float(k) for k in range(7)]
STEADY: dict[str, object] = {
    "sites": {"count": 2, "opening_interval_days": 0.0},
    "enrolment": {"target": 2000, "accrual": "uniform", "accrual_days": 365.25, "max_days": 3652.5},
    "self_referral.enabled": False,
    "eligibility.enabled": False,
    "activity.kind": "none",
    "decline.enabled": False,
    "medication.enabled": False,
    "dropout.enabled": False,
    "effect.rate_ratio": 1.0,
    "study.follow_up_months": 6.0,
    "visits.months": MONTHLY,
    "lesions": {"enabled": True, "mean_per_scan": MEAN, "new_t2_per_year": T2, "factor_variance": F, "scan_variance": V}
    | {"frailty_correlation": 0.3, "scan_months": MONTHLY},
    "endpoint": [{"name": "gd_lesions_6m"}, {"name": "new_t2_6m"}],
    "study.primary": "",
}
WAVING = STEADY | {"activity": {"kind": "two_state", "ratio": 6.0, "active_months": 8.0, "quiescent_months": 24.0}}
CALM: dict[str, object] = {"relapse.rate_per_year": 0.1}


@cache
def scanned(waving: bool) -> Cohort:
    """Give 60,000 patients scanned every month, told by the compiled engine (tests/twin holds it to the other)."""
    given = scenario("sham_rct", (WAVING if waving else STEADY) | CALM)
    return Play(given, 11).cohorts(range(30), want=wanted(given))


def gd(waving: bool) -> Floats:
    """Give Gd lesions by scan and patient, the baseline first."""
    return np.stack([at_visit(scanned(waving), "gd_lesions", v) for v in range(7)])


def factorial(counts: Floats) -> Floats:
    """Give y (y - 1), whose mean is that of the squared Poisson mean."""
    return counts * (counts - 1.0)


def spread_of_mean_activity(days: float) -> float:
    """Give the variance of the two states' mean level over so many days: an exponential autocovariance."""
    plan = Activity(ratio=6.0, active_months=8.0, quiescent_months=24.0).plan()
    share = plan.active_share
    variance = share * (1.0 - share) * (plan.active_level - plan.quiescent_level) ** 2
    x = days * (1.0 / plan.active_days + 1.0 / plan.quiescent_days)
    return variance * 2.0 / x**2 * (x - 1.0 + math.exp(-x))


# ---- by hand ------------------------------------------------------------------------------------------------------


def test_means_by_hand() -> None:
    """Half of the mean at half activity, doubled by the patient's factor, halved by a ratio; T2 by days lived."""
    assert lesions.gd_mean(1.0, 2.0, 20.0, 40.0, 0.5) == 0.5
    assert lesions.t2_mean(0.25, 2.0, 8.0) == 4.0
    assert lesions.window_start(100.0, 42.0) == 58.0
    assert lesions.present_factor(0.5, 0.5, 4.0) == 1.0


@pytest.mark.parametrize("per_day", [1e-12, 1e-8, 3e-8, 1e-4, 1e-2])
def test_decline_days_are_the_integral(per_day: float) -> None:
    """The integral of exp(-d t), by quadrature, to 1e-9: both forms of it, and where one takes over from the other."""
    for start, end in ((10.0, 10.0), (10.0, 11.0), (10.0, 40.0), (700.0, 800.0)):
        by_quadrature, _ = integrate.quad(lambda t: math.exp(-per_day * (t - 10.0)), start, end, epsabs=0.0)
        assert lesions.decline_days(start, end, 10.0, per_day) == pytest.approx(by_quadrature, rel=1e-9)
    assert lesions.decline_days(3.0, 8.0, 0.0, 0.0) == 5.0


def test_factors_have_mean_1_and_their_variance() -> None:
    """Over a grid of uniforms, by quadrature: the factor's mean 1 and variance, whatever its tie to frailty."""
    z, w = np.polynomial.hermite_e.hermegauss(16)
    w = w / w.sum()
    u = stats.norm.cdf(z)
    plan = Lesions(enabled=True, factor_variance=F, scan_variance=V, frailty_correlation=0.3).plan([0.0])
    rule = (plan.factor_log_sd, plan.frailty_correlation, plan.own_share)
    both = np.array([[lesions.lesion_factor(a, b, *rule) for b in u] for a in u])
    scan = np.array([lesions.scan_factor(a, plan.scan_log_sd) for a in u])
    for values, weights, variance in ((both, np.outer(w, w), F), (scan, w, V)):
        assert float((weights * values).sum()) == pytest.approx(1.0, rel=1e-9)
        assert float((weights * (values - 1.0) ** 2).sum()) == pytest.approx(variance, rel=1e-6)


def test_the_tie_to_frailty_has_its_correlation() -> None:
    """Log factor and the frailty's normal score have correlation 0.6 in 20,000 draws (finds 0.04); 1 is 1."""
    score = stats.norm.ppf(U[:, 0])
    logs = np.log([lesions.lesion_factor(a, b, 0.8, 0.6, 0.8) for a, b in U[:, :2]])
    agrees(float(np.corrcoef(score, logs)[0, 1]), 0.6, (1.0 - 0.36) / math.sqrt(len(logs)), detects=0.04)
    assert lesions.lesion_factor(0.8, 0.1, 1.0, 1.0, 0.0) == lesions.lesion_factor(0.8, 0.9, 1.0, 1.0, 0.0)


def test_default_dispersion_is_between_4_and_6() -> None:
    """One scan of the source population: (1 + f)(1 + v)(1 + variance of mean activity) - 1 is 4.7."""
    table = Lesions()
    more = spread_of_mean_activity(table.window_days)
    dispersion = (1.0 + table.factor_variance) * (1.0 + table.scan_variance) * (1.0 + more) - 1.0
    assert 4.0 < dispersion < 6.0
    assert dispersion == pytest.approx(4.7, abs=0.05)  # as docs/model.md says


# ---- in played trials ---------------------------------------------------------------------------------------------


def test_one_scan_without_activity() -> None:
    """Mean m (finds 0.1) and mean of y (y - 1) m^2 (1 + f)(1 + v) (finds 12%), at the first scan and at the last."""
    for counts in (gd(waving=False)[0], gd(waving=False)[6]):
        assert len(counts) == 60000
        mean_agrees(counts, MEAN, detects=0.1)
        square = MEAN * MEAN * (1.0 + F) * (1.0 + V)
        mean_agrees(factorial(counts), square, detects=0.12 * square)


def test_six_scans_without_activity() -> None:
    """Together 6 m (finds 4%); y (y - 1) has mean 36 m^2 (1 + f)(1 + v / 6): scans share the patient's factor alone."""
    total = gd(waving=False)[1:].sum(axis=0)
    mean_agrees(total, 6.0 * MEAN, detects=0.36)
    square = 36.0 * MEAN * MEAN * (1.0 + F) * (1.0 + V / 6.0)
    mean_agrees(factorial(total), square, detects=0.12 * square)


def test_activity_widens_lesions() -> None:
    """With activity of two states the mean stays (finds 0.12), and y (y - 1) grows by the variance of mean activity."""
    window = Lesions().window_days
    for counts in (gd(waving=True)[0], gd(waving=True)[6]):
        mean_agrees(counts, MEAN, detects=0.12)
        square = MEAN * MEAN * (1.0 + F) * (1.0 + V) * (1.0 + spread_of_mean_activity(window))
        mean_agrees(factorial(counts), square, detects=0.2 * square)


@pytest.mark.parametrize("waving", [False, True])
def test_new_lesions_run_at_their_rate(waving: bool) -> None:
    """Six months: mean half of the rate (finds 5%), y (y - 1) with the patients' factor and activity (finds 20%)."""
    counts, years = since_baseline(scanned(waving), "new_t2", range(7))
    assert years == pytest.approx(np.full(len(years), 0.5), rel=1e-9)
    mean_agrees(counts, 0.5 * T2, detects=0.05 * 2.0)
    more = spread_of_mean_activity(months(6.0)) if waving else 0.0
    square = 0.25 * T2 * T2 * (1.0 + F) * (1.0 + more)
    mean_agrees(factorial(counts), square, detects=0.2 * square)


def test_decline_takes_lesions_away() -> None:
    """With decline, expected Gd and T2 lesions at the last scan are those without, times its factor or its integral."""
    falling = STEADY | CALM | {"decline": {"enabled": True, "fall_per_year": 0.3}, "enrolment.target": 60}
    a, b = people("sham_rct", falling), people("sham_rct", STEADY | CALM | {"enrolment.target": 60})
    per_day = -math.log1p(-0.3) / DAYS_PER_YEAR
    since = at_visit(a, "time", 6) - a.subjects["screening_time"]
    assert at_visit(a, "gd_lesions_latent", 6) == pytest.approx(
        at_visit(b, "gd_lesions_latent", 6) * np.exp(-per_day * since), rel=1e-12
    )
    before = at_visit(a, "time", 5) - a.subjects["screening_time"]
    mean = (np.exp(-per_day * before) - np.exp(-per_day * since)) / per_day / (since - before)
    assert at_visit(a, "new_t2_latent", 6) == pytest.approx(at_visit(b, "new_t2_latent", 6) * mean, rel=1e-9)


def test_patients_with_frailty_have_lesions() -> None:
    """In a played trial log factor and the frailty's normal score have correlation 0.3 (finds 0.2)."""
    born = people("sham_rct", STEADY | CALM).subjects
    score = stats.norm.ppf(stats.gamma.cdf(born["frailty"], 1.0 / 0.7, scale=0.7))
    found = float(np.corrcoef(score, np.log(born["lesion_factor"]))[0, 1])
    agrees(found, 0.3, (1.0 - 0.09) / math.sqrt(len(born)), detects=0.2)


# ---- what a study makes of it -------------------------------------------------------------------------------------


def test_endpoints_are_sums_over_scans() -> None:
    """In a trial with dropout, both endpoints are the fits to lesions added up by hand from the visits' rows."""
    leaving = STEADY | {"enrolment.target": 60, "dropout": {"enabled": True, "hazard_per_year": 1.5}}
    found = people("sham_rct", leaving)
    counts, scans, new, years = (np.zeros(found.size) for _ in range(4))
    begun = np.full(found.size, np.nan)
    for row, v in zip(found.visit_row.tolist(), found.visits, strict=True):
        if v["visit"] == 0:
            begun[row] = v["time"]
        else:
            counts[row] += v["gd_lesions"]
            new[row] += v["new_t2"]
            scans[row] += 1.0
            years[row] = max(years[row], (v["time"] - begun[row]) / DAYS_PER_YEAR)
    assert 0 < (scans < 6).sum() < 60
    given = scenario("sham_rct", leaving)
    treated = found.subjects["arm"] == [a.procedure for a in given.arm].index("angioplasty")
    by_hand = (negbin_rate_ratio(counts, scans, treated), negbin_rate_ratio(new, years, treated))
    for ours, theirs in zip(analyse(given, found), by_hand, strict=True):
        assert float(ours.value[0]) == pytest.approx(theirs.value, rel=1e-9)
        assert theirs.converged


def test_change_is_that_of_two_scans() -> None:
    """Before and after, Gd lesions at the after-window's end against the baseline's, patient by patient."""
    base: Overrides = {
        "lesions": {"enabled": True, "scan_months": [0.0, 6.0, 18.0]},
        "endpoint": [{"name": "gd_lesions_change"}],
        "study.primary": "",
    }
    given, found = scenario("zamboni_2009", base), people("zamboni_2009", base)
    last = given.visits.months.index(18.0)
    before, after = (at_visit(found, "gd_lesions", v) for v in (0, last))
    once = np.ones(found.size)
    by_hand = paired_rate_ratio(before, once, after, np.where(np.isnan(after), np.nan, 1.0))
    assert float(analyse(given, found)[0].value[0]) == pytest.approx(by_hand.value, rel=1e-12)


def test_scans_that_did_not_take_place_add_nothing() -> None:
    """Without any scan there are no lesions, no scans and no years."""
    found = people("sham_rct", {"enrolment.target": 12})
    assert not np.concatenate(at_scans(found, "gd_lesions", [0, 1])).any()
    assert (since_baseline(found, "new_t2", [8])[1] == 0.0).all()


def test_truth_is_the_ratio_of_open_veins() -> None:
    """With every vein open from the baseline on, true ratios are the lesion ratio; with relapses alone changed, 1."""
    always: dict[str, object] = {
        "veins": {"success_prob": 1.0, "ijv_restenosis_18m_prob": 0.0, "azygos_restenosis_18m_prob": 0.0}
        | {"left_ijv_prob": 1.0, "wait_days": 0.0},
        "enrolment.target": 100,
    }
    for effect, ratio in (({"gd_ratio": 0.25, "rate_ratio": 1.0}, 0.25), ({"rate_ratio": 0.5}, 1.0)):
        given = scenario("sham_rct", WAVING | always | {"effect": effect})
        sums, _ = Twins(Play(given, 3))(0)
        for a, over, b, other in sums[:, 0]:
            assert over == other > 0.0
            assert a / b == pytest.approx(ratio, rel=1e-12)
