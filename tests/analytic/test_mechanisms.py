"""Analytic evidence: each mechanism of the disease and its treatment, against a closed form or a case by hand.

A rule is fed a register of addressed uniforms (`U`), so nothing here depends on chance from run to run; statistical
comparisons follow `helpers.agrees`, whose `detects` says which error would be found.
"""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from sim.core.events import Kind
from sim.core.streams import uniforms
from sim.core.units import months, years
from sim.evidence import targets
from sim.model import (
    activity,
    decline,
    disability,
    effect,
    frailty,
    quality,
    relapse,
    veins,
)
from tests.analytic.lives import EPS, OPEN, N, U
from tests.helpers import Z, agrees, mean_agrees, of_kind, people, plan, play, scenario, share_agrees

# ---- natural history ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("ratio", "active", "quiet"), [(6.0, 8.0, 24.0), (1.0, 3.0, 3.0), (50.0, 1.0, 60.0)])
def test_activity_has_mean_level_one(ratio: float, active: float, quiet: float) -> None:
    """The levels keep their ratio and average to 1 over the stationary law, whatever the sojourns."""
    p = activity.Activity(ratio=ratio, active_months=active, quiescent_months=quiet).plan()
    assert p.active_share == active / (active + quiet)
    assert p.active_level == p.quiescent_level * ratio
    mean = p.active_share * p.active_level + (1.0 - p.active_share) * p.quiescent_level
    assert abs(mean - 1.0) <= 8.0 * EPS  # eight roundings


@pytest.mark.parametrize("off", [{"kind": "none"}, {"enabled": False}])
def test_activity_none_is_level_one(off: dict[str, object]) -> None:
    """Without the process the level is 1 in either state, for ever."""
    p = activity.Activity.model_validate(off).plan()
    assert p.on == 0.0
    assert [activity.level(s, p.quiescent_level, p.active_level) for s in (0.0, 1.0)] == [1.0, 1.0]


def test_sojourns_have_their_means() -> None:
    """A sojourn is exponential with the mean of its state (finds 6%)."""
    for state, mean in ((0.0, 730.5), (1.0, 243.5)):
        drawn = np.array([activity.sojourn(u, state, 730.5, 243.5) for u in U[:, 0]])
        agrees(float(drawn.mean()), mean, mean / math.sqrt(N), detects=0.06 * mean)
        agrees(float((drawn > mean).mean()), math.exp(-1.0), math.sqrt(0.2325 / N), detects=0.03)


def test_activity_is_stationary_and_switches_at_its_rate() -> None:
    """In played lives a quarter is active, at the start of history as at screening, and 2 / (8 + 24) switch a month.

    Finds a share off by 0.065 and a rate of switches off by 11%.
    """
    records = play("sham_rct", OPEN)
    share = plan("sham_rct", OPEN).activity.active_share
    assert share == 0.25
    events = of_kind(records, Kind.ACTIVITY)
    share_agrees(events["value"][events["index"] == 0] == 1.0, share, detects=0.065)
    share_agrees(records.subjects["active_at_screening"] == 1.0, share, detects=0.065)
    words = (records.subjects["site"] << 32) | records.subjects["arrival"]
    screened = dict(zip(words.tolist(), records.subjects["screening_time"].tolist(), strict=True))
    switches = dict.fromkeys(words.tolist(), 0)
    for time, _, patient, index, _ in events.tolist():
        if index and time < screened[patient]:
            switches[patient] += 1
    mean_agrees(list(switches.values()), 36.0 * 2.0 / 32.0, detects=0.25)


def test_relapses_come_at_the_annual_rate_before_screening() -> None:
    """Frailty and activity of mean 1 leave the mean rate alone: rate * 3 in three years without decline (finds 13%)."""
    calm = OPEN | {"decline.enabled": False, "relapse.rate_per_year": 0.8, "enrolment.target": 4000}
    records = play("sham_rct", calm)
    entered = people("sham_rct", calm)
    day = entered.subjects["screening_time"]
    onsets, row = entered.relapses["onset"], entered.relapse_row
    before = np.bincount(row[onsets < day[row]], minlength=entered.size)
    assert len(records.subjects) == entered.size == 4000
    mean_agrees(before, 2.4, detects=0.31)


def test_relapses_decline_before_and_after_screening() -> None:
    """With 20% a year the counts follow the integral of 0.8^t: above 1 before screening, below it after (finds 25%)."""
    falling = OPEN | {"decline.fall_per_year": 0.2, "relapse.rate_per_year": 1.5, "effect.enabled": False}
    entered = people("sham_rct", falling)
    day = entered.subjects["screening_time"]
    onsets, row = entered.relapses["onset"], entered.relapse_row
    fall = -math.log(0.8)
    for start, end in ((-3.0, -1.5), (-1.5, 0.0), (0.0, 2.0)):
        inside = (onsets >= day[row] + years(start)) & (onsets < day[row] + years(end))
        expected = 1.5 * (math.exp(-fall * start) - math.exp(-fall * end)) / fall
        mean_agrees(np.bincount(row[inside], minlength=entered.size), expected, detects=0.25 * expected)


def test_decline_is_the_same_every_year_and_one_at_screening() -> None:
    """A year multiplies the rate by one factor before and after screening, where it is 1; the switch levels it."""
    left = 1.0 - decline.Decline().fall_per_year
    p = decline.Decline().plan(after=True)
    at = [decline.decline(100.0 + years(y), 100.0, p.before_per_day, p.after_per_day) for y in (-2, -1, 0, 1, 2)]
    assert at == pytest.approx([left**-2, left**-1, 1.0, left, left**2], rel=16.0 * EPS)
    assert at[2] == 1.0
    level = decline.Decline().plan(after=False)
    assert level.before_per_day == p.before_per_day
    assert decline.decline(900.0, 100.0, level.before_per_day, level.after_per_day) == 1.0
    assert decline.Decline(enabled=False).plan(after=True) == (0.0, 0.0)


@pytest.mark.parametrize("variance", [0.1, 0.4, 2.0])
def test_frailty_has_mean_one_and_its_variance(variance: float) -> None:
    """Frailty is gamma with mean 1 and the variance of its key: mean to 0.07, variance to 40%, quartiles to 0.03."""
    p = frailty.Frailty(variance=variance).plan()
    drawn = np.array([frailty.frailty(u, *p) for u in U[:, 1]])
    exact = stats.gamma(1.0 / variance, scale=variance)
    agrees(float(drawn.mean()), 1.0, math.sqrt(variance / N), detects=0.07)
    mcse = variance * math.sqrt((6.0 * variance + 2.0) / N)  # excess kurtosis of a gamma: 6 / shape
    agrees(float(drawn.var(ddof=1)), variance, mcse, detects=0.4 * variance)
    for p_below in (0.25, 0.5, 0.75):
        share_agrees(drawn <= exact.ppf(p_below), p_below, detects=0.03)


def test_frailty_without_variance_is_one() -> None:
    """No variance, or the table off: everyone has frailty 1."""
    for table in (frailty.Frailty(variance=0.0), frailty.Frailty(enabled=False)):
        assert {frailty.frailty(u, *table.plan()) for u in U[:10, 0]} == {1.0}


def test_seventeen_percent_of_relapses_are_severe() -> None:
    """17% of relapses raise the EDSS by at least 2.0, as printed (rounded to a whole percent), and the rule follows."""
    p = relapse.Relapse().plan()
    target = targets()["relapses.severe"].value
    exact = stats.norm.sf((math.log(2.0) - p.log_severity) / p.severity_log_sd)
    assert target is not None
    assert round(exact, 2) == target == 0.17
    drawn = np.array([relapse.severity(u, p.log_severity, p.severity_log_sd) for u in U[:, 0]])
    share_agrees(drawn >= 2.0, exact, detects=0.02)
    share_agrees(drawn <= 1.0, 0.5, detects=0.03)  # the median


def test_residuals_and_recovery() -> None:
    """30% of relapses leave something, 0.5 points on average (finds 8%); what is acute falls to 1/e in 30 days."""
    drawn = np.array([relapse.residual(u[0], u[1], 0.3, 0.5) for u in U])
    share_agrees(drawn > 0.0, 0.3, detects=0.03)
    mean_agrees(drawn[drawn > 0.0], 0.5, detects=0.08 * 0.6)
    assert relapse.acute(99.9, 100.0, 2.0, 30.0) == 0.0
    assert relapse.acute(100.0, 100.0, 2.0, 30.0) == 2.0
    assert relapse.acute(130.0, 100.0, 2.0, 30.0) == 2.0 * math.exp(-1.0)


@pytest.mark.parametrize("days", [30.0, 200.0])
def test_refractory_time_merges_onsets_with_the_last_relapse(days: float) -> None:
    """Onsets are exactly those without refractory time, less each that comes sooner than `days` after one kept."""
    alone = OPEN | {"effect.enabled": False, "relapse.rate_per_year": 2.0, "enrolment.target": 200}
    alone |= {"reporting.enabled": False}  # no pseudo-relapses
    every, kept = (
        people("sham_rct", alone | {"relapse.refractory_days": d}).relapses[["site", "arrival", "onset"]].tolist()
        for d in (0.0, days)
    )
    expected: list[tuple[int, int, float]] = []
    for site, arrival, onset in sorted(every):
        if expected and expected[-1][:2] == (site, arrival) and onset - expected[-1][2] < days:
            continue
        expected.append((site, arrival, onset))
    assert sorted(kept) == expected
    assert len(kept) < len(every)


def test_a_perfect_effect_leaves_no_relapse() -> None:
    """With every vein opened for good and a rate ratio near zero, nobody treated relapses after the procedure."""
    perfect = OPEN | {
        "enrolment.target": 400,
        "relapse.rate_per_year": 2.0,
        "effect.rate_ratio": 1e-12,
        "veins": {"left_ijv_prob": 1.0, "success_prob": 1.0, "ijv_restenosis_18m_prob": 0.0}
        | {"azygos_restenosis_18m_prob": 0.0},
    }
    entered = people("sham_rct", perfect)
    row, onset = entered.relapse_row, entered.relapses["onset"]
    late = onset > entered.subjects["procedure_time"][row]
    treated = entered.subjects["procedure"][row] == veins.ANGIOPLASTY
    true = entered.relapses["pseudo"] == 0
    assert (late & ~treated & true).sum() > 200
    assert not (late & treated & true).any()


def test_the_activity_clock_by_hand() -> None:
    """At 0.1 a day from day 10, 2 more take until day 30; at day 15, 1.5 are left; a standing clock never arrives."""
    assert relapse.reach(10.0, 2.0, 0.1) == 30.0
    assert relapse.left_over(10.0, 15.0, 2.0, 0.1) == 1.5
    assert relapse.left_over(10.0, 31.0, 2.0, 0.1) == 0.0
    assert relapse.reach(10.0, 2.0, 0.0) == math.inf


@given(st.floats(0.0, 8.0), st.floats(2.0**-53, 1.0 - 2.0**-53), st.integers(0, 7))
def test_thinning_keeps_the_factor(factor: float, mark: float, layer: int) -> None:
    """A point of layer L is an onset with probability min(1, max(0, factor - L)), and more factor never loses one."""
    is_onset = relapse.is_onset(float(layer), mark, factor)
    assert is_onset == (layer + mark < factor)
    if is_onset:
        assert relapse.is_onset(float(layer), mark, factor + 0.5)
    if layer >= factor:
        assert not is_onset


# ---- disability ---------------------------------------------------------------------------------------------------

GRID_BY_HAND = [
    (-3.0, 0.0),
    (0.0, 0.0),
    (0.25, 0.0),
    (0.49, 0.0),
    (0.5, 1.0),  # there is no 0.5 on the scale: halves go up, to 1
    (0.75, 1.0),
    (1.0, 1.0),
    (1.24, 1.0),
    (1.25, 1.5),
    (1.74, 1.5),
    (1.75, 2.0),
    (2.2, 2.0),
    (5.6, 5.5),
    (5.75, 6.0),
    (9.74, 9.5),
    (9.75, 10.0),
    (10.0, 10.0),
    (14.0, 10.0),
]


@pytest.mark.parametrize(("points", "step"), GRID_BY_HAND)
def test_edss_grid_by_hand(points: float, step: float) -> None:
    """A score goes to the nearest step of 0, 1, 1.5, ... 10, halves up."""
    assert disability.edss_grid(points) == step


@given(st.floats(-5.0, 15.0), st.floats(-5.0, 15.0))
def test_edss_grid_is_monotone_and_on_the_scale(a: float, b: float) -> None:
    """Scores keep their order, and every one is a step of the scale."""
    low, high = disability.edss_grid(min(a, b)), disability.edss_grid(max(a, b))
    assert low <= high
    assert {low, high} <= {0.0, *(x / 2.0 for x in range(2, 21))}


def test_raters_agree_as_published() -> None:
    """Two raters of one patient agree exactly in 69% and within one step in at least 92%.

    Measured with the scenario's defaults on 20,000 patients; the published share of 545 pairs has a sampling error of
    its own, which is allowed for: sqrt(0.69 * 0.31 / 545) = 0.020, so an agreement off by 0.14 is surely found.
    """
    p = scenario("base").disability.plan(rater_bias=True)
    steps = np.empty((N, 2))
    for i in range(N):
        latent = disability.baseline(U[i, 0], p.log_baseline, p.baseline_log_sd)
        for k in (0, 1):
            own, error = uniforms(2010, k, i, 99, 1), uniforms(2010, k, i, 99, 2)
            found = disability.examined(
                latent,
                disability.rater_offset(own[0], p.rater_sd),
                disability.examination_error(error[0], error[1], p.examination_sd, p.tail_prob, p.tail_sd),
                p.lean,
                0.0,
            )
            steps[i, k] = 2.0 * found - 1.0 if found else 0.0  # 0, 1, 1.5 ... 10 are steps 0, 1, 2 ... 19
    apart = np.abs(steps[:, 0] - steps[:, 1])
    exact, within = targets()["noseworthy1990.exact"], targets()["noseworthy1990.one_step"]
    assert (exact.value, within.value, exact.total, within.total) == (0.69, 0.92, 545, 545)
    own_error, mcse = math.sqrt(0.69 * 0.31 / 545), math.sqrt(0.69 * 0.31 / N)
    agrees(float((apart == 0.0).mean()), 0.69, math.hypot(own_error, mcse), detects=0.14)
    assert float((apart <= 1.0).mean()) >= 0.92 - Z * math.sqrt(0.92 * 0.08 / N)


def test_an_assessor_sure_of_angioplasty_rates_lower() -> None:
    """Belief 1 lowers the rating by the lean before it goes on the grid, belief 0 does not; the switch takes it off."""
    on, off = (disability.Disability().plan(rater_bias=b) for b in (True, False))
    assert (on.lean, off.lean) == (0.37, 0.0)
    assert on[:-1] == off[:-1]
    assert disability.examined(3.3, 0.0, 0.0, on.lean, 0.0) == 3.5
    assert disability.examined(3.3, 0.0, 0.0, on.lean, 1.0) == 3.0


def test_progression_is_exponential_over_patients() -> None:
    """The slopes average to their key (finds 6%), half of them below log 2 of it, and run for the time between."""
    drawn = np.array([disability.slope(u, 0.05) for u in U[:, 1]])
    agrees(float(drawn.mean()), 0.05, 0.05 / math.sqrt(N), detects=0.003)
    share_agrees(drawn < 0.05 * math.log(2.0), 0.5, detects=0.03)
    assert disability.progressed(10.0, 110.0, 0.01, 0.5) == 0.5


# ---- quality of life ----------------------------------------------------------------------------------------------


def test_placebo_curve() -> None:
    """Nothing before, (1 - 1/e) of the peak after one onset time if it never wears off, 1/e of that one decay later."""
    assert quality.placebo(0.0, 1.0, 3.0, 30.0, 900.0) == 0.0
    assert quality.placebo(-5.0, 1.0, 3.0, 30.0, 900.0) == 0.0
    lasting = quality.placebo(30.0, 1.0, 3.0, 30.0, 1e18)
    assert lasting == pytest.approx(3.0 * (1.0 - math.exp(-1.0)), rel=4.0 * EPS)
    late = quality.placebo(9000.0, 1.0, 3.0, 30.0, 9000.0)
    assert late == pytest.approx(3.0 * math.exp(-1.0), rel=4.0 * EPS)


def test_placebo_peaks_where_its_derivative_is_zero() -> None:
    """The gain is largest at onset * log(1 + decay / onset), and proportional to belief and peak."""
    onset, decay = 30.0, 1095.75
    top = onset * math.log1p(decay / onset)
    at = [quality.placebo(top * f, 1.0, 3.0, onset, decay) for f in (0.9, 0.99, 1.0, 1.01, 1.1)]
    assert at.index(max(at)) == 2
    assert sorted(at[:3]) == at[:3]
    assert sorted(at[2:], reverse=True) == at[2:]
    assert quality.placebo(top, 0.5, 6.0, onset, decay) == pytest.approx(at[2], rel=4.0 * EPS)


def test_quality_by_hand() -> None:
    """62 - 5 * 1 lasting - 6 * 2 acute + 3 gain = 48; noise is held to 0-100; a median patient has the mean."""
    assert quality.quality_latent(62.0, 1.0, 2.0, 3.0, 5.0, 6.0) == 48.0
    assert quality.quality_scored(48.0, 0.5, 6.0) == 48.0
    assert quality.quality_scored(99.0, 1.0 - 1e-9, 6.0) == 100.0
    assert quality.quality_scored(1.0, 1e-9, 6.0) == 0.0
    assert quality.quality_baseline(0.5, 3.2, 2.2, 62.0, 17.0, 5.0) == 57.0


# ---- veins --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["weibull", "log_logistic"])
@pytest.mark.parametrize("shape", [0.5, 1.0, 2.0, 6.0])
def test_restenosis_by_eighteen_months(kind: str, shape: float) -> None:
    """At 18 months 47% of opened jugular veins are narrow again, under both laws and every shape.

    The time falls in u, so the quantile at u = 0.53 is 18 months: to rounding, magnified by 1 / shape.
    """
    table = veins.Veins.model_validate({"restenosis_kind": kind, "restenosis_shape": shape})
    p = table.plan()
    scale = p.restenosis_scale_days[0]
    at = veins.restenosis_days(1.0 - 0.47, scale, p.restenosis_shape, p.weibull)
    assert at == pytest.approx(months(18.0), rel=32.0 * EPS * (1.0 + 1.0 / shape))
    later = veins.restenosis_days(0.5, scale, p.restenosis_shape, p.weibull)
    assert later > at
    drawn = np.array([veins.restenosis_days(u, scale, p.restenosis_shape, p.weibull) for u in U[:, 2]])
    law = stats.weibull_min(shape, scale=scale) if kind == "weibull" else stats.fisk(shape, scale=scale)
    for share in (0.1, 0.47, 0.9):
        share_agrees(drawn <= law.ppf(share), share, detects=0.03)


def test_restenosis_never_comes_at_probability_zero() -> None:
    """A vein that is never narrow again has time infinity, even at the smallest probabilities that can be written."""
    for prob in (0.0, 1e-300):
        p = veins.Veins(ijv_restenosis_18m_prob=prob, restenosis_shape=0.1).plan()
        assert veins.restenosis_days(0.5, p.restenosis_scale_days[0], p.restenosis_shape, p.weibull) == math.inf


PATENCY_BY_HAND = [
    # treated, open now: share, any, all
    (0.0, 0.0, (0.0, 0.0, 0.0)),
    (1.0, 0.0, (0.0, 0.0, 0.0)),
    (1.0, 1.0, (1.0, 1.0, 1.0)),
    (2.0, 0.0, (0.0, 0.0, 0.0)),
    (2.0, 1.0, (0.5, 1.0, 0.0)),
    (2.0, 2.0, (1.0, 1.0, 1.0)),
    (3.0, 1.0, (1.0 / 3.0, 1.0, 0.0)),
    (3.0, 2.0, (2.0 / 3.0, 1.0, 0.0)),
    (3.0, 3.0, (1.0, 1.0, 1.0)),
]


@pytest.mark.parametrize(("treated", "open_now", "expected"), PATENCY_BY_HAND)
def test_patency_by_hand(treated: float, open_now: float, expected: tuple[float, float, float]) -> None:
    """Patency is the share of treated veins open, or 1 if any is, or 1 if all are; nobody untreated has any."""
    assert veins.PATENCY == ("share", "any", "all")
    assert tuple(veins.patency(treated, open_now, float(k)) for k in range(3)) == expected


def test_the_effect_follows_patency() -> None:
    """A ratio of 0.25 is 1 without patency, 0.5 at half (geometric) and 0.25 in full; off, it is 1 throughout."""
    p = effect.Effect(rate_ratio=0.25).plan(True)
    at = [effect.ratio_at(x, p.rate_ratio, p.log_rate_ratio) for x in (0.0, 0.5, 1.0)]
    assert at == pytest.approx([1.0, 0.5, 0.25], rel=8.0 * EPS)
    off = effect.Effect(rate_ratio=0.25).plan(False)
    assert {effect.ratio_at(x, off.rate_ratio, off.log_rate_ratio) for x in (0.0, 0.5, 1.0)} == {1.0}


def test_played_veins_have_their_shares() -> None:
    """In played trials stenosis, technical success and restenosis by 18 months have their probabilities (to 0.07)."""
    records = play("sham_rct", OPEN | {"veins.success_prob": 0.9, "study.follow_up_months": 24.0})
    table = records.veins
    p = plan("sham_rct", OPEN).veins
    for vein in range(3):
        share_agrees(table["stenosed"][table["vein"] == vein] == 1, p.stenosis[vein], detects=0.075)
    treated = table[table["treated"] == 1]
    share_agrees(treated["opened"] == 1, 0.9, detects=0.07)
    opened = treated[treated["opened"] == 1]
    done = people("sham_rct", OPEN | {"veins.success_prob": 0.9, "study.follow_up_months": 24.0}).subjects
    when = {(s, a): t for s, a, t in zip(done["site"], done["arrival"], done["procedure_time"], strict=True)}
    days = np.array([r["restenosis_time"] - when[(r["site"], r["arrival"])] for r in opened])
    share_agrees(days <= months(18.0), 0.47, detects=0.1)


@pytest.mark.parametrize("kind", veins.PATENCY)
def test_patency_at_visits_follows_from_the_veins(kind: str) -> None:
    """At every visit patency is what the rule makes of the veins opened so far and not narrow again."""
    seen = {"veins.patency": kind, "veins.success_prob": 0.8, "visits.months": [0.0, 1.0, 6.0, 12.0, 18.0, 24.0]}
    records = play("sham_rct", OPEN | seen | {"enrolment.target": 200})
    subjects = {(r["site"], r["arrival"]): r for r in records.subjects}
    own: dict[tuple[int, int], list[np.void]] = {}
    for vein in records.veins:
        own.setdefault((vein["site"], vein["arrival"]), []).append(vein)
    code, found = float(veins.PATENCY.index(kind)), set()
    for visit in records.visits:
        who = (visit["site"], visit["arrival"])
        done = visit["time"] > subjects[who]["procedure_time"]
        treated = [v for v in own[who] if v["treated"] and done]
        still = [v for v in treated if v["opened"] and not v["restenosis_time"] <= visit["time"]]
        expected = veins.patency(float(len(treated)), float(len(still)), code)
        assert visit["patency"] == expected
        found.add(expected)
    assert {0.0, 1.0} <= found
    assert (0.5 in found) is (kind == "share")


def test_waiting_is_fixed_plus_exponential() -> None:
    """The wait is at least its fixed part, and the rest has its mean (finds 6%); no mean, no draw."""
    drawn = np.array([veins.waiting(u, 7.0, 30.0) for u in U[:, 2]])
    assert drawn.min() > 7.0
    agrees(float(drawn.mean()), 37.0, 30.0 / math.sqrt(N), detects=1.8)
    assert veins.waiting(0.1, 7.0, 0.0) == 7.0
