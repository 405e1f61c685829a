"""Analytic evidence: what moves a belief, and the guesses and blinding indices that follow, against closed forms."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import special, stats

from sim.analysis.blinding import james_index
from sim.core.events import Kind
from sim.core.inverse import logistic
from sim.core.units import DAYS_PER_MONTH, DAYS_PER_YEAR
from sim.engines.records import Records, TrialRecords
from sim.model import belief, guess
from sim.model.belief import Belief
from sim.model.guess import ANGIOPLASTY, NOT_ASKED, SHAM, UNSURE
from sim.scenario.schema import Scenario
from sim.study.blinding import bang_values, mean_indices
from sim.study.play import Play
from sim.study.tally import Analyse
from tests.helpers import Overrides, agrees, mean_agrees, of_kind, play, scenario, share_agrees

# Everyone who arrives enters, nobody leaves, and nothing but what a test sets moves a belief.
STILL: dict[str, object] = {
    "enrolment": {"target": 2000, "accrual": "uniform", "accrual_days": 365.25, "max_days": 3652.5},
    "eligibility.enabled": False,
    "self_referral.enabled": False,
    "dropout.enabled": False,
    "medication.enabled": False,
    "belief.prior_prob": 0.5,
    "belief.guess_early_days": 28.0,
    "belief.guess_at_end": True,
}
HALF, NOISE, SPREAD = 0.1, 0.5, 1.0


def entered(records: TrialRecords) -> Records:
    """Give the subjects who entered."""
    found: Records = records.subjects[records.subjects["entry_number"] >= 0]
    return found


def shares(mean: float) -> tuple[float, float, float]:
    """Give the shares of guesses angioplasty, sham and don't know where log odds are normal around `mean`."""
    edge, sd = special.logit(0.5 + HALF), math.hypot(SPREAD, NOISE)
    up, down = stats.norm.sf(edge, mean, sd), stats.norm.cdf(-edge, mean, sd)
    return float(up), float(down), float(1.0 - up - down)


def closed_bang(cue: float, sham_cue: float) -> tuple[float, float]:
    """Give the expected Bang index of the angioplasty and of the sham arm."""
    (a, b, _), (c, d, _) = shares(cue), shares(sham_cue)
    return a - b, d - c


def closed_james(cue: float, sham_cue: float) -> float:
    """Give James's index of these shares in arms of one size: (1 + d + (1 - d) K) / 2, by its definition."""
    p = 0.5 * np.array([shares(cue), shares(sham_cue)])
    unsure = float(p[:, 2].sum())
    q = p[:, :2] / (1.0 - unsure)
    wrong = q[0, 1] + q[1, 0]
    chance = q[0].sum() * q[:, 1].sum() + q[1].sum() * q[:, 0].sum()
    return float((1.0 + unsure + (1.0 - unsure) * (wrong - chance) / chance) / 2.0)


# ---- rules --------------------------------------------------------------------------------------------------------


def test_an_answer_is_by_the_band_around_a_half() -> None:
    """Without noise the answer is known: beyond the band the likelier treatment, in it (its ends too) don't know."""
    plan = Belief(guess_at_end=True, dont_know_halfwidth=HALF, guess_noise_logits=0.0).guess_plan()
    said = [
        guess.answer(0.3, float(special.logit(p)), plan.noise, plan.unsure_logits) for p in (0.39, 0.41, 0.59, 0.61)
    ]
    assert said == [SHAM, UNSURE, UNSURE, ANGIOPLASTY]
    assert math.isclose(logistic(plan.unsure_logits), 0.6, rel_tol=1e-15)
    assert [guess.answer(0.3, x, 5.0, 2.0) for x in (-math.inf, math.inf)] == [SHAM, ANGIOPLASTY]  # the open ones know


def test_what_a_procedure_leaves_behind() -> None:
    """Who notices gets the cue of the procedure, a complication adds its shift whether a cue is noticed or not."""
    for u, procedure, complicated, shift in (
        (0.1, 2.0, 0.0, 0.7),
        (0.1, 1.0, 0.0, 0.4),
        (0.9, 2.0, 0.0, 0.0),
        (0.1, 2.0, 1.0, 0.7 + 0.3),
        (0.9, 2.0, 1.0, 0.3),
    ):
        assert belief.impression(u, 0.5, 0.7, 0.4, 0.3, procedure, complicated) == pytest.approx(shift, rel=1e-15)


def test_nothing_moves_the_open_the_early_and_the_truth() -> None:
    """Infinite log odds stay; so do those before the procedure, and on the path that the truth is counted on."""
    assert belief.moved(0.5, 0.25, 1.0, 0.0) == 0.75
    assert belief.moved(0.5, 0.25, 0.0, 0.0) == 0.5
    assert belief.moved(0.5, 0.25, 1.0, 1.0) == 0.5
    assert [belief.moved(x, 9.0, 1.0, 0.0) for x in (math.inf, -math.inf)] == [math.inf, -math.inf]


def test_a_scan_speaks_for_what_it_shows() -> None:
    """Open veins shift by the whole, closed ones by minus the whole, half of them by nothing."""
    assert [belief.scan_shift(p, 0.8) for p in (0.0, 0.5, 1.0)] == [-0.8, 0.0, 0.8]


# ---- played -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("cues", [(0.0, 0.0), (0.75, 0.3)])
def test_guesses_follow_the_normal_law_of_log_odds(cues: tuple[float, float]) -> None:
    """By cues alone, early and end guesses of the patients have the shares of a normal beyond the band (finds 0.1)."""
    records = play("sham_rct", STILL | {"belief.cue_logits": cues[0], "belief.sham_cue_logits": cues[1]})
    s = entered(records)
    for occasion in ("early", "end"):
        for arm, cue in ((1, cues[0]), (0, cues[1])):
            said = s[f"guess_{occasion}_patient"][s["arm"] == arm]
            for code, share in zip((ANGIOPLASTY, SHAM, UNSURE), shares(cue), strict=True):
                share_agrees(said == code, share, detects=0.11)
    assert not np.array_equal(s["guess_early_patient"], s["guess_end_patient"])  # the noise of each is its own


def trials_of(overrides: Overrides, trials: int) -> tuple[Records, Scenario]:
    """Give the rows of so many trials of 200 patients, and the scenario."""
    made = scenario("sham_rct", STILL | {"enrolment.target": 200} | dict(overrides))
    return Analyse(Play(made, 4, "compiled")).many(range(trials)), made


def test_bang_and_james_by_closed_form() -> None:
    """Over trials, the mean of each arm's Bang index and of James's is that of the normal law (finds 0.04, 0.02).

    The cues solve for what large sham trials report, moroz2013.bang: 0.28 in the active and -0.20 in the sham arm.
    """
    cues = cue_for(0.28), cue_for(0.20)  # a sham arm that believes what an active one of 0.20 does has -0.20
    assert closed_bang(*cues) == pytest.approx((0.28, -0.20), abs=1e-9)
    rows, made = trials_of({"belief.cue_logits": cues[0], "belief.sham_cue_logits": cues[1]}, 300)
    patients = bang_values(rows["guesses"][:, 0])
    for arm, expected in enumerate((0.28, -0.20)):
        mean_agrees(patients[:, arm], expected, detects=0.04)
    found = mean_indices(made, rows["guesses"])
    assert [(b.occasion, b.holder) for b in found[:3]] == [("early", h) for h in belief.HOLDERS]
    assert found[0].bang["angioplasty"].mean == pytest.approx(float(patients[:, 0].mean()), rel=1e-12)
    # of all trials' guesses together: in one trial of 200 the index, a ratio of products of shares, has a bias of 1 / n
    pooled = james_index(rows["guesses"][:, 0].sum(axis=0)[None].astype(float))[0]
    agrees(pooled.value, closed_james(*cues), pooled.standard_error, detects=0.02)
    james = james_index(rows["guesses"][:, 0].astype(float)).value
    assert found[0].james.mean == pytest.approx(float(james.mean()), rel=1e-12)
    # assessors notice nothing: a coin's guesses, in both arms
    for index in found[2].bang.values():
        agrees(index.mean, 0.0, index.mcse, detects=0.04)


def cue_for(index: float) -> float:
    """Give the shift at which an angioplasty arm's Bang index is this, by bisection."""
    low, high = -10.0, 10.0
    for _ in range(80):
        middle = 0.5 * (low + high)
        low, high = (middle, high) if closed_bang(middle, 0.0)[0] < index else (low, middle)
    return low


def test_open_holders_always_guess_right() -> None:
    """A physician who knows names the treatment, whatever the noise: Bang's index is 1 in both arms."""
    rows, _ = trials_of({"belief.physician": "open", "belief.guess_noise_logits": 5.0}, 2)
    assert (bang_values(rows["guesses"][:, 1]) == 1.0).all()


# ---- what happened, added up --------------------------------------------------------------------------------------


def logits(values: NDArray[Any]) -> list[float]:
    """Give log odds."""
    found: list[float] = np.log(values / (1.0 - values)).tolist()
    return found


def last_log_odds(records: TrialRecords, holder: int) -> dict[int, float]:
    """Give each patient's log odds after the last change of a holder's belief, by patient word."""
    rows = of_kind(records, Kind.BELIEF_CHANGE)
    rows = rows[rows["index"] == holder]
    return dict(zip(rows["patient"].tolist(), logits(rows["value"]), strict=True))  # the last one stays


def formed(records: TrialRecords, holder: str) -> dict[int, float]:
    """Give each entered patient's log odds as formed, by patient word."""
    s = entered(records)
    words = (s["site"] << 32) | s["arrival"]
    return dict(zip(words.tolist(), logits(s[f"belief_{holder}"]), strict=True))


def test_reported_relapses_add_up() -> None:
    """A patient's and a physician's log odds fall by 0.4 for each report on study after the procedure; counted."""
    records = play("sham_rct", STILL | {"enrolment.target": 300, "belief.relapse_logits": -0.4})
    s = entered(records)
    when = {(int(r["site"]) << 32) | int(r["arrival"]): (r["procedure_time"], r["end_time"]) for r in s}
    reports = dict.fromkeys(when, 0)
    for row in of_kind(records, Kind.RELAPSE_REPORTED):
        done, end = when[int(row["patient"])]
        reports[int(row["patient"])] += bool(done < row["time"] <= end)
    assert sum(reports.values()) > 100
    for number, holder in enumerate(belief.HOLDERS):
        before, after = formed(records, holder), last_log_odds(records, number)
        assert set(after) == ({w for w, n in reports.items() if n} if holder != "assessor" else set())
        for word, now in after.items():
            assert now - before[word] == pytest.approx(-0.4 * reports[word], abs=1e-9)


def test_improvement_is_counted_from_baseline() -> None:
    """After each visit the patient's log odds are those formed + 0.02 for each point above the baseline's score."""
    records = play("sham_rct", STILL | {"enrolment.target": 200, "belief.improvement_logits_per_point": 0.02})
    before, after = formed(records, "patient"), last_log_odds(records, 0)
    v = records.visits
    words = (v["site"] << 32) | v["arrival"]
    start = dict(zip(words[v["visit"] == 0].tolist(), v["quality"][v["visit"] == 0].tolist(), strict=True))
    last = dict(zip(words.tolist(), v["quality"].tolist(), strict=True))  # by patient and visit: the last one stays
    assert len(after) == 200
    for word, now in after.items():
        assert now - before[word] == pytest.approx(0.02 * (last[word] - start[word]), abs=1e-9)


def test_outside_scans_come_at_their_rate_and_tell_patency() -> None:
    """Within two years a share 1 - 0.7^2 has a scan (finds 0.08); each shifts by 0.5 (2 patency - 1) and no more."""
    scans = {"belief.outside_scan_prob_per_year": 0.3, "belief.outside_scan_logits": 0.5, "veins.wait_days": 0.0}
    records = play("sham_rct", STILL | scans)
    rows, s = of_kind(records, Kind.OUTSIDE_SCAN), entered(records)
    years = 24.0 * DAYS_PER_MONTH / DAYS_PER_YEAR
    share_agrees(np.isin((s["site"] << 32) | s["arrival"], rows["patient"]), 1.0 - 0.7**years, detects=0.08)
    shown: dict[int, float] = {}
    for row in rows:
        shown[int(row["patient"])] = shown.get(int(row["patient"]), 0.0) + 0.5 * (2.0 * row["value"] - 1.0)
    before, after = formed(records, "patient"), last_log_odds(records, 0)
    assert set(after) <= set(shown)
    for word, shift in shown.items():  # who saw one of two veins open is not moved
        assert after.get(word, before[word]) - before[word] == pytest.approx(shift, abs=1e-9)
    assert {0.0, 1.0} <= set(rows["value"].tolist())


def test_a_complication_is_taken_for_a_sign() -> None:
    """With a dissection in 30%, just those patients and their physicians shift by 0.6, assessors never."""
    sign = {"belief.side_effect_logits": 0.6, "veins.complications.dissection_prob": 0.3}
    records = play("sham_rct", STILL | {"enrolment.target": 300} | sign)
    p = records.procedures[records.procedures["complications"] > 0]
    hurt = set(((p["site"] << 32) | p["arrival"]).tolist())
    assert len(hurt) > 20
    for number, holder in enumerate(belief.HOLDERS):
        before, after = formed(records, holder), last_log_odds(records, number)
        assert set(after) == (hurt if holder != "assessor" else set())
        assert all(now - before[word] == pytest.approx(0.6, abs=1e-9) for word, now in after.items())


def test_who_is_asked_and_when() -> None:
    """28 days after the procedure, and at the planned end, everyone still there with a procedure, and nobody else."""
    records = play(
        "three_arm",
        {"enrolment.target": 120, "belief.guess_early_days": 28.0, "belief.guess_at_end": True}
        | {"dropout.enabled": True, "dropout.hazard_per_year": 0.3},
    )
    s = entered(records)
    had = (s["procedure"] > 0) & ~(s["end_time"] < s["procedure_time"])
    early, end = had & (s["procedure_time"] + 28.0 <= s["end_time"]), had & (s["dropped_out"] == 0)
    for holder in belief.HOLDERS:
        assert np.array_equal(s[f"guess_early_{holder}"] != NOT_ASKED, early)
        assert np.array_equal(s[f"guess_end_{holder}"] != NOT_ASKED, end)
    rows = of_kind(records, Kind.GUESS)
    assert len(rows) == 3 * (early.sum() + end.sum())
    assert 0 < end.sum() < early.sum() < len(s)
