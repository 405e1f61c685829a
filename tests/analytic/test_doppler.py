"""Analytic evidence: what Doppler, venography and IVUS find, against binomial tail, Bayes' rule and odds by hand."""

from __future__ import annotations

import math
from functools import cache

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import stats
from statsmodels.stats.contingency_tables import Table2x2

import sim
from sim.analysis.binary import odds_ratio, odds_ratio_batch
from sim.analysis.estimate import Estimate
from sim.analysis.trial import analyse
from sim.data.cohort import cohort
from sim.model import doppler
from sim.model.doppler import Screening
from sim.model.eligibility import REASONS
from sim.study.truth import find_truth, true_odds_ratio
from tests.helpers import Overrides, agrees, play, scenario, share_agrees

BLIND, ZAMBONI = "published/blind_prevalence_2013", "published/zamboni_prevalence_2009"
PEOPLE = 8_000
MANY = {"enrolment.target": PEOPLE, "enrolment.max_days": 36525.0}
UNBLINDED = {"screening": {"reader": "unblinded", "reader_lean_logits": 1.0}}
CCSVI = 1.0 - 0.85 * 0.85 * 0.99
ROUNDING = 1e-13  # some ten roundings of numbers up to 1

Flags = NDArray[np.bool_]


def found(overrides: Overrides) -> tuple[Flags, Flags, NDArray[np.void]]:
    """Give, one value a person of a large prevalence study: MS, CCSVI in truth, and the row of what was found."""
    records = play(BLIND, MANY | dict(overrides))
    stenosed: Flags = np.any(records.veins["stenosed"].reshape(-1, 3), axis=1)
    assert len(records.subjects) == len(stenosed) == PEOPLE
    return records.subjects["arm"] == 0, stenosed, records.subjects


def estimate(overrides: Overrides) -> Estimate:
    """Analyse that study."""
    changed = MANY | dict(overrides)
    return analyse(scenario(BLIND, changed), cohort(play(BLIND, changed)))[0][0]


# ---- plan ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("positive", [1e-6, 0.01, 0.1, 0.5, 0.9, 0.999])
def test_the_criterion_is_solved_from_the_binomial_tail(positive: float) -> None:
    """At least 2 of 5 criteria of the solved probability are read as often as was asked for."""
    solved = doppler.criterion_for(positive)
    assert stats.binom.sf(1, 5, solved) == pytest.approx(positive, rel=1e-9)
    assert doppler.positive_prob(solved) == pytest.approx(positive, abs=ROUNDING)


def test_certain_readings_stay_certain() -> None:
    """A sensitivity of 0 or 1 makes every criterion impossible or certain, whatever the lean."""
    assert [doppler.criterion_for(p) for p in (0.0, 1.0)] == [0.0, 1.0]
    assert [doppler.leant(p, 5.0) for p in (0.0, 1.0)] == [0.0, 1.0]


def test_an_unblinded_reader_leans_with_ms_alone() -> None:
    """The log odds of a criterion rise by the lean in MS, with and without CCSVI, and stay in controls."""
    table = Screening(enabled=True, reader="unblinded", reader_lean_logits=0.8, sensitivity_unblinded_prob=0.7)
    plan = table.plan(True, (0.1, 0.1, 0.1), (1, 1), 0)

    def logit(p: float) -> float:
        return math.log(p / (1.0 - p))

    for ms, control in ((plan.present_ms, plan.present_control), (plan.absent_ms, plan.absent_control)):
        assert logit(ms) - logit(control) == pytest.approx(0.8, abs=1e-12)
    assert plan.present_control == doppler.criterion_for(0.7)
    blinded = table.plan(False, (0.1, 0.1, 0.1), (1, 1), 0)  # the switch
    assert blinded.present_ms == blinded.present_control == doppler.criterion_for(0.9)


@pytest.mark.parametrize("wanted", [0.0, 0.02, 0.3, 0.95, 1.0])
def test_controls_have_ccsvi_as_often_as_asked(wanted: float) -> None:
    """One factor on the veins' probabilities makes `control_ccsvi_prob` come out; without it controls are as MS."""
    veins = 0.817, 0.64, 0.049
    solved = Screening(control_ccsvi_prob=wanted).control_stenosis(veins)
    assert doppler.prevalence(solved) == pytest.approx(wanted, abs=ROUNDING)
    if 0.0 < wanted < 0.5:
        assert [s / v for s, v in zip(solved, veins, strict=True)] == pytest.approx([solved[0] / veins[0]] * 3)
    assert Screening().control_stenosis(veins) == veins


def test_groups_are_as_large_as_published() -> None:
    """109 of 286 are sought among MS patients, and of the first n as many as n * 109 / 286, rounded down."""
    cases = np.cumsum([doppler.is_case(float(n), 109.0, 286.0) for n in range(286)])
    assert cases[-1] == 109
    assert cases.tolist() == [(n + 1) * 109 // 286 for n in range(286)]
    arm = play(ZAMBONI).subjects["arm"]
    assert [int((arm == k).sum()) for k in range(2)] == [109, 177]


# ---- what is found ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("reader", ["blinded", "unblinded"])
def test_sensitivity_and_specificity_are_met(reader: str) -> None:
    """Of those with CCSVI 80% are positive, of those without 15%, by either reader before any lean.

    Finds a sensitivity off by 0.07 and a specificity off by 0.035, in either group.
    """
    own = {f"sensitivity_{reader}_prob": 0.8, f"specificity_{reader}_prob": 0.85}
    ms, ccsvi, rows = found({"screening": {"reader": reader, "reader_lean_logits": 0.0} | own})
    positive = rows["doppler_criteria"] >= 2
    share_agrees(ccsvi, CCSVI, detects=0.04)
    for group in (ms, ~ms):
        share_agrees(positive[group & ccsvi], 0.8, detects=0.08)
        share_agrees(positive[group & ~ccsvi], 0.15, detects=0.045)


def test_predictive_values_follow_bayes() -> None:
    """P(CCSVI | positive) and P(no CCSVI | negative), unblinded, MS and controls apart; finds 0.1 and 0.04."""
    ms, ccsvi, rows = found(UNBLINDED)
    positive = rows["doppler_criteria"] >= 2
    lean = [doppler.positive_prob(doppler.leant(doppler.criterion_for(p), 1.0)) for p in (0.9, 0.1)]
    for group, (sensitivity, false) in ((ms, lean), (~ms, (0.9, 0.1))):
        right, wrong = CCSVI * sensitivity, (1.0 - CCSVI) * false
        share_agrees(ccsvi[group & positive], right / (right + wrong), detects=0.1)
        right, wrong = (1.0 - CCSVI) * (1.0 - false), CCSVI * (1.0 - sensitivity)
        share_agrees(~ccsvi[group & ~positive], right / (right + wrong), detects=0.05)


def test_ivus_takes_the_collapses_away() -> None:
    """Of venography's positives so many are collapses as Bayes says, and IVUS leaves a quarter of those; finds 0.06."""
    _, ccsvi, rows = found(
        {
            "screening": {
                "specificity_blinded_prob": 0.3,
                "venography": True,
                "venography_sensitivity_prob": 0.8,
                "venography_specificity_prob": 0.4,
                "ivus": True,
                "ivus_collapse_prob": 0.75,
            }
        }
    )
    done = rows["venography"] >= 0
    assert np.array_equal(done, rows["doppler_criteria"] >= 2)
    share_agrees(rows["venography"][done & ccsvi] == 1, 0.8, detects=0.07)
    share_agrees(rows["venography"][done & ~ccsvi] == 1, 0.6, detects=0.06)
    shown = rows["venography"] == 1
    real, collapse = CCSVI * 0.9 * 0.8, (1.0 - CCSVI) * 0.7 * 0.6
    share_agrees(~ccsvi[shown], collapse / (real + collapse), detects=0.06)
    assert np.array_equal(rows["ivus"] >= 0, shown)
    assert (rows["ivus"][shown & ccsvi] == 1).all()
    share_agrees(rows["ivus"][shown & ~ccsvi] == 1, 0.25, detects=0.07)


# ---- the odds ratio -----------------------------------------------------------------------------------------------


def test_blinded_readers_find_the_true_odds_ratio_of_1() -> None:
    """With the same prevalence the estimate is 0 on the log scale, within its error; finds a ratio off by a third."""
    seen = estimate({})
    agrees(seen.value, 0.0, seen.standard_error, detects=math.log(4.0 / 3.0) * 1.2)
    assert true_odds_ratio(scenario(BLIND)).value == 0.0


def test_unblinded_readers_find_an_odds_ratio_that_is_not_there() -> None:
    """The apparent odds ratio is that of the closed form, while the truth is 1; finds a ratio off by 40%."""
    shares = []
    for lean in (1.0, 0.0):
        sensitivity, false = (doppler.positive_prob(doppler.leant(doppler.criterion_for(p), lean)) for p in (0.9, 0.1))
        shares.append(CCSVI * sensitivity + (1.0 - CCSVI) * false)
    apparent = math.log(shares[0] / (1.0 - shares[0])) - math.log(shares[1] / (1.0 - shares[1]))
    assert apparent > math.log(2.0)
    seen = estimate(UNBLINDED)
    agrees(seen.value, apparent, seen.standard_error, detects=math.log(1.4))
    assert true_odds_ratio(scenario(BLIND, UNBLINDED)).value == 0.0


def test_the_truth_is_that_of_the_veins() -> None:
    """Where controls have CCSVI in 10%, the truth is the log odds ratio of 28.5% and 10%, the veins say so too."""
    rare = {"screening.control_ccsvi_prob": 0.1}
    truth = find_truth(scenario(BLIND, rare), 1)[0]
    assert truth.value == pytest.approx(math.log(CCSVI / (1.0 - CCSVI)) - math.log(0.1 / 0.9), abs=1e-12)
    assert truth.mcse == 0.0
    ms, ccsvi, _ = found(rare)
    share_agrees(ccsvi[~ms], 0.1, detects=0.04)
    share_agrees(ccsvi[ms], CCSVI, detects=0.05)
    never = scenario(BLIND, {"screening.control_ccsvi_prob": 0.0})
    assert math.isnan(true_odds_ratio(never).value)


def table(a: int, n1: int, b: int, n0: int) -> tuple[Flags, Flags]:
    """Give a of n1 and b of n0 as persons."""
    return np.r_[np.arange(n1) < a, np.arange(n0) < b], np.arange(n1 + n0) < n1


def test_the_published_table() -> None:
    """21 of 68 against 23 of 68: odds ratio 0.9 (0.4 to 1.8), as printed; value and error are those of statsmodels."""
    seen = odds_ratio(*table(21, 68, 23, 68))
    theirs = Table2x2([[21, 47], [23, 45]])
    assert seen.value == pytest.approx(theirs.log_oddsratio, rel=1e-12)
    assert seen.standard_error == pytest.approx(theirs.log_oddsratio_se, rel=1e-12)
    assert seen.p == pytest.approx(stats.fisher_exact([[21, 47], [23, 45]])[1], rel=1e-9)
    assert [round(math.exp(x), 1) for x in (seen.value, seen.lower, seen.upper)] == [0.9, 0.4, 1.8]


def test_an_empty_cell_by_hand() -> None:
    """65 of 65 against 0 of 10: 0.5 added to all four cells; where everyone is alike nothing differs."""
    seen = odds_ratio(*table(65, 65, 0, 10))
    assert seen.value == pytest.approx(math.log(65.5 / 0.5) - math.log(0.5 / 10.5), rel=1e-12)
    assert seen.standard_error == pytest.approx(math.sqrt(1 / 65.5 + 1 / 0.5 + 1 / 0.5 + 1 / 10.5), rel=1e-12)
    assert seen.converged
    alike = odds_ratio(*table(0, 5, 0, 9))
    assert (alike.value, alike.p, alike.outcome) == (0.0, 1.0, "all_alike")
    assert odds_ratio(*table(0, 0, 3, 9)).outcome == "no_follow_up"
    events, treated = table(3, 8, 2, 8)
    batch = odds_ratio_batch(np.r_[events, events], np.r_[treated, ~treated], np.array([0, 16, 32]))
    assert batch[0].value == -batch[1].value


# ---- a trial and a study ------------------------------------------------------------------------------------------


@cache
def cascade() -> dict[str, object]:
    """Give overrides under which each step of the cascade keeps somebody out of a trial."""
    return {
        "enrolment.target": 20,
        "eligibility.stenosis_required": False,
        "veins": {"left_ijv_prob": 0.4, "right_ijv_prob": 0.3, "azygos_prob": 0.0},
        "screening": {
            "enabled": True,
            "specificity_blinded_prob": 0.3,
            "venography_specificity_prob": 0.5,
            "ivus": True,
        },
    }


def test_reasons_are_those_of_the_cascade() -> None:
    """Each reason goes with what was found: who is negative at one step is not examined at the next."""
    s = play("sham_rct", cascade()).subjects
    named = {name: s[s["reason"] == code] for code, name in enumerate(REASONS)}
    assert all(len(named[n]) for n in ("doppler_negative", "venography_negative", "ivus_collapse", "relapses"))
    for name, (low, high, venography, ivus) in {
        "relapses": (-1, -1, -1, -1),
        "doppler_negative": (0, 1, -1, -1),
        "venography_negative": (2, 5, 0, -1),
        "ivus_collapse": (2, 5, 1, 0),
    }.items():
        own = named[name]
        assert ((own["doppler_criteria"] >= low) & (own["doppler_criteria"] <= high)).all()
        assert (own["venography"] == venography).all()
        assert (own["ivus"] == ivus).all()
    entered = s[s["entry_number"] >= 0]
    assert (entered["ivus"] == 1).all()
    told = sim.simulate(sim.load("sham_rct", cascade())).consort.kept_out
    assert {"doppler_negative", "venography_negative", "ivus_collapse"} <= set(told)


def test_power_shows_the_apparent_odds_ratio_beside_the_truth() -> None:
    """Of 200 studies by leaning readers nearly all find what is not there; by blinded ones, no more than 5% do."""
    results = [sim.power(sim.load(name), trials=200) for name in (BLIND, ZAMBONI)]
    blind, lean = (r.endpoints["ccsvi_odds_ratio"] for r in results)
    assert (blind.truth, blind.truth_mcse, lean.truth) == (0.0, 0.0, 0.0)
    assert blind.power <= 0.05 + 4.6 * math.sqrt(0.05 * 0.95 / 200)  # Fisher's test is conservative
    assert lean.power == 1.0
    assert lean.estimate_mean > math.log(20.0)
