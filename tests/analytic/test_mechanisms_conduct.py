"""Analytic evidence: what people believe, report and recall, and how a trial is run, against closed forms and by hand.

A rule is fed a register of addressed uniforms (`U`), so nothing here depends on chance from run to run; statistical
comparisons follow `helpers.agrees`, whose `detects` says which error would be found.
"""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import special, stats

from sim.core.events import Kind
from sim.core.units import DAYS_PER_YEAR, on_clock, years
from sim.data.cohort import window
from sim.model import (
    belief,
    dropout,
    eligibility,
    enrolment,
    medication,
    randomisation,
    recall,
    reporting,
    self_referral,
    sites,
)
from tests.analytic.lives import EPS, OPEN, N, U, assert_uniform
from tests.helpers import agrees, of_kind, people, play, share_agrees

# ---- belief, reporting, recall ------------------------------------------------------------------------------------


def test_belief_is_known_when_open_and_around_the_prior_when_blinded() -> None:
    """Open: 0 or 1. Blinded at 1:1: median 0.59, alike in both arms; a leak shifts the log odds by as much each way."""
    p = belief.Belief().plan(0.5)
    assert [belief.held(0.3, p.prior_logit, p.sd, 9.0, 0.0, 0.0, done, 0.0) for done in (1.0, 2.0)] == [0.0, 1.0]
    assert belief.held(0.5, p.prior_logit, p.sd, 0.0, 1.0, 0.0, 2.0, 0.0) == pytest.approx(0.59, rel=8.0 * EPS)
    for u in U[:100, 0]:
        same = [belief.held(u, p.prior_logit, p.sd, 0.0, 1.0, 0.0, done, 0.0) for done in (1.0, 2.0)]
        assert same[0] == same[1]
        down, up = (special.logit(belief.held(u, p.prior_logit, p.sd, 0.7, 1.0, 0.0, done, 0.0)) for done in (1.0, 2.0))
        assert up - down == pytest.approx(1.4, rel=1e-9)  # logit loses digits near 1


def test_the_prior_rises_with_the_share_allocated_to_angioplasty() -> None:
    """At 2:1 the odds of the prior double; at 1:1 they are the key's."""
    even, two_to_one = (belief.Belief().plan(share).prior_logit for share in (0.5, 2.0 / 3.0))
    assert even == pytest.approx(math.log(0.59 / 0.41), rel=4.0 * EPS)
    assert math.exp(two_to_one - even) == pytest.approx(2.0, rel=16.0 * EPS)


def test_nobody_but_an_assessor_is_blinded_to_no_procedure() -> None:
    """Without a procedure patient and physician know it, whatever the design; an assessor may not."""
    assert [belief.is_blinded(1.0, assessor, 0.0) for assessor in (0.0, 1.0)] == [0.0, 1.0]
    assert [belief.is_blinded(1.0, 0.0, procedure) for procedure in (1.0, 2.0)] == [1.0, 1.0]
    assert belief.is_blinded(0.0, 1.0, 0.0) == 0.0


def test_reporting_by_hand() -> None:
    """Mild relapses are reported with 0.9 by the disappointed and 0.9 * 0.7 by the cured, others always."""
    for mark, sure, told in ((0.89, 0.0, True), (0.91, 0.0, False), (0.62, 1.0, True), (0.64, 1.0, False)):
        assert reporting.is_reported(mark, 0.9, sure, 1.0, 0.9, 1.0, 0.3) is told
    assert reporting.is_reported(1.0 - 1e-12, 1.0, 1.0, 1.0, 0.9, 1.0, 0.3)
    assert [reporting.is_pseudo(0.3, b) for b in (0.0, 0.69, 0.71, 1.0)] == [True, True, False, False]


def test_confirmation_has_the_published_odds_ratio() -> None:
    """An assessor sure of angioplasty confirms at 0.64 times the odds: 0.9 becomes 0.852 (odds ratio of 2012)."""
    p = reporting.Reporting().plan(all_reported=False, rater_bias=True)
    assert round(math.exp(-p.confirm_lean), 2) == 0.64
    odds = 9.0 * math.exp(-p.confirm_lean)
    for b, prob in ((0.0, 0.9), (1.0, odds / (1.0 + odds))):
        assert reporting.is_confirmed(prob - 1e-12, p.confirm_logit, p.confirm_lean, b)
        assert not reporting.is_confirmed(prob + 1e-12, p.confirm_logit, p.confirm_lean, b)


def test_reporting_off_reports_and_confirms_everything() -> None:
    """With the table off every onset on study is reported and confirmed at once, and nothing else is."""
    entered = people("sham_rct", OPEN | {"reporting.enabled": False})
    assert not entered.relapses["pseudo"].any()
    true, reported, confirmed = (window(entered, k, 0.0, 24.0).counts for k in ("true", "reported", "confirmed"))
    assert true.sum() > 0.0
    assert np.array_equal(true, reported)
    assert np.array_equal(true, confirmed)


def test_pseudo_relapses_come_at_their_rate() -> None:
    """Occasions come at the rate of the fully disappointed (finds 6%); at rate zero never."""
    drawn = np.array([reporting.pseudo_gap(u, 0.1 / DAYS_PER_YEAR) for u in U[:, 0]])
    agrees(float(drawn.mean()), 3652.5, 3652.5 / math.sqrt(N), detects=0.06 * 3652.5)
    assert reporting.pseudo_gap(0.5, 0.0) == math.inf


def test_recall_omits_and_telescopes() -> None:
    """A tenth is forgotten; of the rest a fifth moves by a uniform share, up to 0.3, of its age, never past screening.

    Finds shares off by 0.03 and 0.04 and a mean shift off by 0.03.
    """
    entered = people("sham_rct", OPEN | {"relapse.rate_per_year": 1.5})
    r, row = entered.relapses, entered.relapse_row
    screened = entered.subjects["screening_time"][row]
    past = (r["onset"] < screened) & (r["pseudo"] == 0)
    remembered = ~np.isnan(r["recalled_onset"])
    share_agrees(~remembered[past], 0.1, detects=0.03)
    kept = past & remembered
    moved = r["recalled_onset"][kept] > r["onset"][kept]
    share_agrees(moved, 0.2, detects=0.04)
    assert (r["recalled_onset"][kept] >= r["onset"][kept]).all()
    assert (r["recalled_onset"][kept] <= screened[kept]).all()
    shift = ((r["recalled_onset"] - r["onset"]) / (screened - r["onset"]))[kept][moved]
    assert shift.max() <= 0.3 * (1.0 + 1e-9)
    agrees(float(shift.mean()), 0.15, 0.3 / math.sqrt(12.0 * len(shift)), detects=0.03)
    on_study = remembered & (r["onset"] >= screened)
    assert np.array_equal(r["recalled_onset"][on_study], r["onset"][on_study])


def test_recall_by_hand() -> None:
    """A relapse 100 days old, moved by 0.5 of at most 0.3 of its age, is dated 15 days later; one on study stays."""
    assert recall.recalled_onset(0.0, 100.0, 0.1, 0.5, 0.2, 0.3) == 15.0
    assert recall.recalled_onset(0.0, 100.0, 0.3, 0.5, 0.2, 0.3) == 0.0
    assert recall.recalled_onset(120.0, 100.0, 0.1, 0.5, 0.2, 0.3) == 120.0
    assert [recall.is_recalled(u, 0.1) for u in (0.05, 0.15)] == [False, True]


# ---- conduct ------------------------------------------------------------------------------------------------------

ENOUGH_BY_HAND = [
    # kind, in the last year, in the last two, u: in or out (strict asks 1 in one year or 2 in two; soft weight 0.45)
    (eligibility.STRICT, 0.0, 0.0, 0.1, False),
    (eligibility.STRICT, 0.0, 1.0, 0.1, False),
    (eligibility.STRICT, 0.0, 2.0, 0.1, True),
    (eligibility.STRICT, 1.0, 1.0, 0.9, True),
    (eligibility.SOFT, 0.0, 0.0, 0.44, True),
    (eligibility.SOFT, 0.0, 2.0, 0.46, False),
    (eligibility.SOFT, 1.0, 1.0, 0.99, True),
    (eligibility.OPEN, 0.0, 0.0, 0.99, True),
]


@pytest.mark.parametrize(("kind", "last_1y", "last_2y", "u", "enters"), ENOUGH_BY_HAND)
def test_enough_relapses_by_hand(kind: float, last_1y: float, last_2y: float, u: float, enters: bool) -> None:
    """Strict entry asks for relapses, soft entry takes some without, open entry everyone."""
    assert eligibility.enough_relapses(u, last_1y, last_2y, kind, 1.0, 2.0, 0.45) is enters


def test_edss_range_includes_both_ends() -> None:
    """0 and 5.5 are in the range 0 to 5.5; 6 is not."""
    assert [eligibility.edss_in_range(e, 0.0, 5.5) for e in (0.0, 5.5, 6.0)] == [True, True, False]
    assert not eligibility.edss_in_range(1.0, 1.5, 5.5)


def test_the_entry_rule_is_applied_to_the_recalled_history() -> None:
    """Whoever entered met every criterion as recalled and found; whoever failed did not meet the one that is named."""
    rule = {
        "eligibility": {"enabled": True, "edss_max": 3.5, "relapse_free_days": 40.0, "stenosis_required": True},
        "recall.omission_prob": 0.3,
        "recall.telescoping_prob": 0.5,
    }
    records = play("sham_rct", rule)
    s = records.subjects
    enough = (s["recalled_1y"] >= 1.0) | (s["recalled_2y"] >= 2.0)
    entered = s["entry_number"] >= 0
    assert enough[entered].all()
    assert (s["screening_edss"][entered] <= 3.5).all()
    for reason, holds in ((eligibility.FAILS_EDSS, s["screening_edss"] > 3.5), (eligibility.FAILS_RELAPSES, ~enough)):
        assert (s["reason"] == reason).sum() >= 20
        assert holds[s["reason"] == reason].all()
    assert {0, 1, 2, 3, 4} <= set(s["reason"].tolist())
    # one recalled history: the counts used at entry are the counts of the table of relapses
    words, times = (s["site"] << 32) | s["arrival"], s["screening_time"]
    r = records.relapses
    place = np.searchsorted(words, (r["site"] << 32) | r["arrival"])
    age = times[place] - r["recalled_onset"]
    for field, span in (("recalled_1y", 1.0), ("recalled_2y", 2.0)):
        inside = (age >= 0.0) & (age <= years(span))
        assert np.array_equal(np.bincount(place[inside], minlength=len(s)), s[field])


def test_medication_starts_once_and_with_its_probability() -> None:
    """A report starts medication with probability 0.15 in those without it, never in those who have it."""
    starts = np.array([medication.starts(u, 0.15, 0.0, 0.0, 0.0) for u in U[:, 2]])
    share_agrees(starts, 0.15, detects=0.02)
    assert not any(medication.starts(u, 1.0, 0.0, 0.0, 1.0) for u in U[:50, 2])


def test_a_physician_who_doubts_starts_medication_at_the_odds_ratio() -> None:
    """Sure of no angioplasty the odds are `disbelief_odds_ratio` times those of a physician sure of it."""
    p = medication.Medication(enabled=True, start_prob=0.2, disbelief_odds_ratio=3.0).plan(True)
    for sure, odds in ((1.0, 0.25), (0.0, 0.75), (0.5, 0.25 * math.sqrt(3.0))):
        prob = odds / (1.0 + odds)
        assert medication.starts(prob - 1e-12, p.start_prob, p.log_disbelief_odds, sure, 0.0)
        assert not medication.starts(prob + 1e-12, p.start_prob, p.log_disbelief_odds, sure, 0.0)


def test_medication_that_stops_relapses_stops_them_all() -> None:
    """At a rate ratio of 0 nobody relapses once on medication, which starts its delay after a report, or before that.

    Before entry relapses start it by themselves; on study their report does.
    """
    drugs = OPEN | {"relapse.rate_per_year": 2.0, "enrolment.target": 400}
    drugs |= {"medication": {"enabled": True, "start_prob": 0.3, "start_delay_days": 20.0, "rate_ratio": 0.0}}
    entered = people("sham_rct", drugs)
    since = entered.subjects["medication_time"]
    r, row = entered.relapses, entered.relapse_row
    true = r["pseudo"] == 0
    assert (~np.isnan(since)).sum() > 100
    assert not ((r["onset"] > since[row]) & true).any()
    causes = {round(t + 20.0, 6) for t in np.concatenate([r["reported_time"], r["onset"]]) if not math.isnan(t)}
    assert {round(t, 6) for t in since if not math.isnan(t)} <= causes


def test_reports_and_confirmations_keep_their_delays() -> None:
    """If at all, a relapse on study is reported 3 days after its onset and confirmed 4 days after the report."""
    entered = people("sham_rct", OPEN | {"reporting.report_delay_days": 3.0, "reporting.confirm_delay_days": 4.0})
    r, row = entered.relapses, entered.relapse_row
    told = ~np.isnan(r["reported_time"])
    sure = ~np.isnan(r["confirmed_time"])
    assert told.sum() > 200
    assert np.array_equal(r["reported_time"][told], r["onset"][told] + 3.0)
    assert np.array_equal(r["confirmed_time"][sure], r["reported_time"][sure] + 4.0)
    assert told[sure].all()
    assert (r["onset"][told] > entered.subjects["entry_time"][row][told]).all()
    severe = (r["severity"] >= 1.0) & (r["onset"] > entered.subjects["entry_time"][row])
    severe &= r["onset"] < entered.subjects["end_time"][row]
    assert told[severe].all()  # severe_report_prob is 1


def test_the_recently_unwell_present_more_often() -> None:
    """With weight 3 a recent relapse always brings a candidate, none brings one in three (finds 0.03)."""
    assert all(self_referral.presents(u, 90.0, 3.0, 90.0) for u in U[:50, 0])
    share_agrees([self_referral.presents(u, 90.1, 3.0, 90.0) for u in U[:, 0]], 1.0 / 3.0, detects=0.03)
    assert all(self_referral.presents(u, math.inf, *self_referral.SelfReferral().plan(True)) for u in U[:50, 0])


@pytest.mark.parametrize("disbelief", [1.0, 3.0])
def test_dropout_has_its_hazard(disbelief: float) -> None:
    """Those sure of angioplasty leave at the hazard, those sure of none at `disbelief_ratio` times it (finds 6%)."""
    p = dropout.Dropout(hazard_per_year=0.2, disbelief_ratio=disbelief).plan(True)
    for sure, hazard in ((1.0, 0.2), (0.0, 0.2 * disbelief), (0.5, 0.2 * math.sqrt(disbelief))):
        days = np.array([dropout.dropout_days(-math.log(u), 0.0, sure, *p[:2]) for u in U[:, 2]])
        mean = DAYS_PER_YEAR / hazard
        agrees(float(days.mean()), mean, mean / math.sqrt(N), detects=0.06 * mean)
    off = dropout.Dropout().plan(False)
    assert dropout.dropout_days(0.5, 0.0, 0.5, *off[:2]) == math.inf


def test_nobody_leaves_of_disbelief_before_the_procedure() -> None:
    """Until the procedure everyone has one hazard; the spent hazard goes on at the procedure without a jump."""
    p = dropout.Dropout(hazard_per_year=0.2, disbelief_ratio=5.0).plan(True)
    for u in (0.2, 0.5, 0.95, 0.99):
        sure, unsure = (dropout.dropout_days(-math.log(u), 90.0, b, *p[:2]) for b in (1.0, 0.0))
        assert (sure == unsure) is (sure <= 90.0)
        if sure > 90.0:
            assert math.isclose(5.0 * (unsure - 90.0), sure - 90.0, rel_tol=1e-9)


def test_played_patients_leave_at_the_hazard() -> None:
    """In a played trial 1 - exp(-2 * 0.3) leave within 24 months (to 0.08), between study day 1 and the end."""
    entered = people("sham_rct", OPEN | {"dropout.enabled": True, "dropout.hazard_per_year": 0.3}).subjects
    left = entered["dropped_out"] == 1
    share_agrees(left, 1.0 - math.exp(-0.6), detects=0.08)
    assert (entered["end_time"][left] < entered["planned_end"][left]).all()
    assert (entered["end_time"][left] > entered["day_1"][left]).all()
    assert np.array_equal(entered["end_time"][~left], entered["planned_end"][~left])


THREE = [
    {"name": "a", "procedure": "none"},
    {"name": "b", "procedure": "sham"},
    {"name": "c", "procedure": "angioplasty"},
]


@pytest.mark.parametrize(
    ("ratios", "size"), [((1, 1), 4), ((1, 1), 2), ((2, 1), 6), ((1, 3), 4), ((1, 1, 1), 6), ((1, 2, 3), 12)]
)
def test_permuted_blocks_are_balanced_after_every_block(ratios: tuple[int, ...], size: int) -> None:
    """After each full block every arm has its exact share, in any ratio and with two or three arms."""
    name = "sham_rct" if len(ratios) == 2 else "three_arm"
    arms = [arm | {"ratio": ratio} for arm, ratio in zip(THREE[3 - len(ratios) :], ratios, strict=True)]
    ends = [{"name": "arr_24m", "treatment": "c", "control": "b"}]
    few = OPEN | {"enrolment.target": 240, "randomisation.block_size": size, "arm": arms}
    few |= {"endpoint": ends, "study.primary": ""}
    arm = people(name, few).subjects["arm"]
    blocks = arm.reshape(-1, size)
    expected = [ratio * size // sum(ratios) for ratio in ratios]
    for block in blocks:
        assert np.bincount(block, minlength=len(ratios)).tolist() == expected
    if size > len(ratios):
        assert len({tuple(block) for block in blocks.tolist()}) > 1  # not one and the same order


def test_every_place_of_a_block_is_as_likely_for_each_arm() -> None:
    """In blocks of 4 at 1:1 each place holds either arm with 1/2, and each of the 6 orders comes with 1/6 (to 0.15)."""
    arm = people("sham_rct", OPEN | {"randomisation.block_size": 4}).subjects["arm"]
    blocks = arm.reshape(-1, 4)
    for place in range(4):
        share_agrees(blocks[:, place] == 1, 0.5, detects=0.15)
    orders = [tuple(b) for b in blocks.tolist()]
    assert len(set(orders)) == 6
    for order in set(orders):
        share_agrees([o == order for o in orders], 1.0 / 6.0, detects=0.15)


def test_simple_allocation_keeps_the_ratio_on_average() -> None:
    """A coin at 1:3 gives a quarter to the first arm (to 0.07), without the balance of blocks."""
    arms = [THREE[1] | {"ratio": 1}, THREE[2] | {"ratio": 3}]
    arm = people("sham_rct", OPEN | {"randomisation.kind": "simple", "arm": arms}).subjects["arm"]
    share_agrees(arm == 0, 0.25, detects=0.07)
    assert len(set((arm.reshape(-1, 4) == 0).sum(axis=1).tolist())) > 1


@given(st.floats(2.0**-53, 1.0 - 2.0**-53), st.lists(st.integers(0, 5), min_size=3, max_size=3))
def test_an_arm_without_weight_is_never_drawn(u: float, weights: list[int]) -> None:
    """Whatever the draw, the arm has a weight above zero, and lies where u falls among the weights."""
    if sum(weights) == 0:
        return
    arm = randomisation.arm_by_weight(u, *map(float, weights))
    assert weights[arm] > 0
    assert sum(weights[:arm]) <= u * sum(weights) <= sum(weights[: arm + 1])


ARRIVALS = OPEN | {
    "enrolment.accrual": "poisson",
    "enrolment.max_days": 365.25,
    "enrolment.target": 6000,
    "sites.count": 300,
    "sites.arrivals_per_month": 2.0,
    "eligibility": {"enabled": True, "relapses_1y": 50, "relapses_2y": 50},  # nobody enters: recruitment stays open
}


@pytest.mark.parametrize(("variance", "in_mean", "in_variance"), [(0.0, 0.1, 0.6), (0.5, 0.3, 0.9)])
def test_arrivals_are_poisson_with_gamma_rates(variance: float, in_mean: float, in_variance: float) -> None:
    """Candidates a site in a year have mean m = 24 and variance m + v m^2: Poisson at v = 0, negative binomial above.

    Finds, at v = 0, a mean off by 10% and a variance off by 60%; at v = 0.5, 30% and 90% (v ignored is off by 92%).
    """
    s = play("sham_rct", ARRIVALS | {"sites.rate_variance": variance}).subjects
    counts = np.bincount(s["site"], minlength=300)
    mean = 24.0
    spread = mean + variance * mean * mean
    law = stats.poisson(mean) if variance == 0.0 else stats.nbinom(1 / variance, 1 / (1 + variance * mean))
    excess = float(law.stats("k"))
    agrees(float(counts.mean()), mean, math.sqrt(spread / 300), detects=in_mean * mean)
    agrees(float(counts.var(ddof=1)), spread, spread * math.sqrt((excess + 2.0) / 300), detects=in_variance * spread)


def test_self_referral_leaves_the_well_their_nominal_rate() -> None:
    """Switched off, candidates still come 24 to a site and year (finds 10%): those without a relapse, at any weight."""
    referred = {"self_referral": {"enabled": True, "weight": 3.0}, "switches.self_referral": False}
    s = play("sham_rct", ARRIVALS | {"sites.rate_variance": 0.0} | referred).subjects
    counts = np.bincount(s["site"], minlength=300)
    agrees(float(counts.mean()), 24.0, math.sqrt(24.0 / 300), detects=2.4)


def test_arrival_times_are_uniform_given_their_number() -> None:
    """Poisson arrivals of a year are spread evenly over it (Kolmogorov-Smirnov at the level of Z; finds 0.06)."""
    times = play("sham_rct", ARRIVALS | {"sites.rate_variance": 0.0}).subjects["screening_time"]
    assert len(times) > 6000
    assert_uniform(times / 365.25, detects=0.06)


@pytest.mark.parametrize("count", [1, 3])
def test_uniform_accrual_is_sorted_uniforms(count: int) -> None:
    """Exactly `target` candidates, spread evenly over the accrual time and as even as can be over sites."""
    sites_ = OPEN | {"enrolment.target": 4000, "sites.count": count, "enrolment.accrual_days": 500.0}
    s = play("sham_rct", sites_).subjects
    assert len(s) == 4000
    assert max(np.bincount(s["site"])) - min(np.bincount(s["site"])) <= 1
    assert_uniform(s["screening_time"] / 500.0, detects=0.08)
    for site in range(count):
        times = s["screening_time"][s["site"] == site]
        assert (np.diff(times) >= 0.0).all()


def test_order_statistics_of_uniform_accrual() -> None:
    """Of 5 arrivals in a time of 1 the k-th comes at k / 6 on average (to 0.01), as sorted uniforms do."""
    found = np.zeros((N // 2, 5))
    for i in range(N // 2):
        sums = np.cumsum(-np.log([*U[2 * i], *U[2 * i + 1, :2]]))
        for k in range(5):
            found[i, k] = enrolment.uniform_arrival(sums[k], sums[5], 0.0, 1.0)
    for k in range(5):
        beta = stats.beta(k + 1, 5 - k)
        agrees(float(found[:, k].mean()), (k + 1) / 6.0, float(beta.std()) / math.sqrt(N // 2), detects=0.0125)
        assert_uniform(beta.cdf(found[:, k]), detects=0.06)


@given(st.integers(1, 40), st.integers(1, 500))
def test_shares_of_the_target_add_up(count: int, target: int) -> None:
    """The sites' shares are as even as can be and add up to the target."""
    shares = [enrolment.share_of_target(float(i), float(count), float(target)) for i in range(count)]
    assert sum(shares) == target
    assert max(shares) - min(shares) <= 1.0


def test_sites_open_one_after_another() -> None:
    """Site k opens at k times the interval, and sees nobody before."""
    records = play("sham_rct", {"sites.opening_interval_days": 14.0})
    opened = of_kind(records, Kind.SITE_OPEN)
    assert opened["time"].tolist() == [14.0 * k for k in range(len(opened))]
    s = records.subjects
    assert (s["screening_time"] > 14.0 * s["site"]).all()
    assert sites.arrival_gap(0.5, 0.0) == math.inf


@given(st.floats(-2000.0, 5000.0))
def test_the_clock_rounds_up_to_whole_days(time: float) -> None:
    """At resolution 1 a time moves to the end of its day, by less than a day; at 0 it stays."""
    day = on_clock(time, 1.0)
    assert day == math.floor(day)
    assert day - 1.0 < time <= day
    assert on_clock(day, 1.0) == day
    assert on_clock(time, 0.0) == time
