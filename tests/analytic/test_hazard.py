"""Analytic evidence for intercurrent events: hazards that change are spent as the closed form says, rule and life."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim.core.events import Kind
from sim.core.inverse import exponential
from sim.core.streams import HAZARD, patient_word, uniforms
from sim.core.units import DAYS_PER_YEAR
from sim.engines.records import Records, TrialRecords
from sim.model import dropout, hazard, medication
from sim.model.contamination import Contamination
from sim.model.dropout import Dropout
from tests.analytic.lives import EPS, OPEN, U
from tests.helpers import of_kind, play, share_agrees

LEFT_FOR_LACK = dropout.USUAL + hazard.RING
PIECES = ((0.0, 0.01), (100.0, 0.0), (200.0, 0.002), (250.0, 0.02))  # from this day on, so high a day


def rings(budget: float, pieces: tuple[tuple[float, float], ...]) -> float:
    """Play a clock by the rules: settled and set anew at each change; give when it rings."""
    spent, time = 0.0, math.inf
    for (start, height), (end, _) in pairwise((*pieces, (math.inf, 0.0))):
        time = hazard.rings_at(start, budget - spent, height)
        if time <= end:
            return time
        spent = hazard.spend(spent, start, end, height)
    return time


def survival(day: float) -> float:
    """Give the closed form: exp of minus the pieces' areas up to this day."""
    ends = [start for start, _ in PIECES[1:]] + [math.inf]
    return math.exp(-sum(h * max(0.0, min(day, end) - start) for (start, h), end in zip(PIECES, ends, strict=True)))


def test_a_budget_worked_out_by_hand() -> None:
    """A budget of 1 at 0.1 a day for 4 days, then 0.5: 0.6 are left on day 4, and last 1.2 days."""
    assert hazard.spend(0.0, 0.0, 4.0, 0.1) == 0.4
    assert rings(1.0, ((0.0, 0.1), (4.0, 0.5))) == pytest.approx(5.2, rel=4.0 * EPS)
    assert rings(1.0, ((0.0, 0.1), (4.0, 0.0))) == math.inf
    assert rings(0.25, ((0.0, 0.1), (4.0, 0.0))) == 2.5
    assert hazard.rings_at(7.0, -1e-3, 0.0) == 7.0  # spent before: rings now, whatever holds from now on


def test_a_hazard_in_pieces_has_the_closed_form() -> None:
    """The share not yet rung at any day is the product of the pieces' exponentials (finds 0.025)."""
    times = np.array([rings(exponential(u), PIECES) for u in U[:, 0]])
    for day in (30.0, 100.0, 150.0, 200.0, 240.0, 300.0):
        share_agrees(times > day, survival(day), detects=0.025)
    assert not ((times > 100.0) & (times < 200.0)).any()  # at hazard 0 nothing happens


@given(st.floats(1e-3, 20.0), st.lists(st.floats(0.0, 300.0), max_size=20))
def test_settling_at_any_other_time_changes_nothing(budget: float, cuts: list[float]) -> None:
    """Memoryless: settling where the hazard does not change moves the time by rounding alone (relative 1e-12)."""
    heights = dict(PIECES)
    at = 0.0
    cut: list[tuple[float, float]] = []
    for start in sorted({*heights, *cuts}):
        at = heights.get(start, at)
        cut.append((start, at))
    assert rings(budget, tuple(cut)) == pytest.approx(rings(budget, PIECES), rel=1e-12)


def test_disbelief_and_reports_raise_a_hazard() -> None:
    """Nothing for the sure of angioplasty, all for the sure of none; a factor a report, five times at most."""
    assert hazard.of_disbelief(0.01, 1.0, 3.0, math.log(2.0)) == 0.0
    assert hazard.of_disbelief(0.0, 0.0, 3.0, math.log(2.0)) == 0.0
    assert hazard.of_disbelief(0.01, 0.25, 0.0, math.log(2.0)) == 0.0075
    for reported, factor in ((1.0, 2.0), (2.0, 4.0), (5.0, 32.0), (9.0, 32.0)):
        assert hazard.of_disbelief(0.01, 0.0, reported, math.log(2.0)) == pytest.approx(0.01 * factor, rel=8.0 * EPS)


def test_keys_are_converted_to_days() -> None:
    """Hazards a year become hazards a day, ratios their logs; off is 0."""
    d = Dropout(lack_of_benefit_per_year=0.365_25, relapse_ratio=2.0)
    c = Contamination(enabled=True, per_year=0.365_25, relapse_ratio=2.0)
    assert d.plan(True)[2:] == (0.365_25 / DAYS_PER_YEAR, math.log(2.0))
    assert c.plan(True) == (0.365_25 / DAYS_PER_YEAR, math.log(2.0))
    assert d.plan(False)[2:] == c.plan(False) == Contamination().plan(True) == (0.0, 0.0)


def test_a_line_of_medication_has_its_ratio() -> None:
    """Without medication 1, on the first line and on the second their own."""
    assert [medication.ratio(line, 0.7, 0.4) for line in (0.0, 1.0, 2.0)] == [1.0, 0.7, 0.4]


# ---- lives --------------------------------------------------------------------------------------------------------

PLAYED: dict[str, object] = OPEN | {
    "enrolment.target": 300,
    "dropout.enabled": True,
    "dropout.hazard_per_year": 0.0,
    "belief": {"patient": "blinded", "physician": "blinded", "spread_logits": 1.0},
    "reporting": {"enabled": True, "pseudo_per_year": 0.5},
    "relapse.rate_per_year": 1.2,
}
LEAVING = PLAYED | {"dropout": {"hazard_per_year": 0.0, "lack_of_benefit_per_year": 0.4, "relapse_ratio": 1.7}}
GOING = PLAYED | {"contamination": {"enabled": True, "per_year": 0.3, "relapse_ratio": 1.7}}


def own_word(row: Records) -> int:
    """Give a patient's word."""
    return patient_word(int(row["site"]), int(row["arrival"]))


def spent_until(records: TrialRecords, row: Records, per_year: float, belief: float, until: float) -> float:
    """Give the area under a patient's hazard from the procedure to a day, report by report, from the tables alone."""
    r = records.relapses
    mine = r[(r["site"] == row["site"]) & (r["arrival"] == row["arrival"])]
    reports = sorted(t for t in mine["reported_time"].tolist() if t < until)
    edges = [row["procedure_time"], *(t for t in reports if t > row["procedure_time"]), until]
    before = sum(t <= row["procedure_time"] for t in reports)
    heights = [per_year / DAYS_PER_YEAR * (1.0 - belief) * 1.7 ** min(before + k, 5) for k in range(len(edges) - 1)]
    return float(sum(h * (b - a) for h, (a, b) in zip(heights, pairwise(edges), strict=True)))


def budget_of(row: Records, which: int, spell: int = 0) -> float:
    """Give the budget drawn at a patient's address."""
    u = uniforms(1, 0, own_word(row), HAZARD, which * 64 + spell)[0]
    return -math.log(u)


def test_those_who_leave_for_lack_of_benefit_have_spent_their_budget() -> None:
    """In a played trial the area under each leaver's hazard is the budget drawn, and that of all others is less.

    The area is worked out anew from the tables, so a report that was not settled, or settled twice, is found.
    """
    records = play("sham_rct", LEAVING)
    s = records.subjects[records.subjects["entry_number"] >= 0]
    left = s["dropout_reason"] == LEFT_FOR_LACK
    assert 50 < left.sum() < len(s) - 50
    for row in s:
        until = min(row["end_time"], row["planned_end"])
        if until <= row["procedure_time"]:
            continue
        area = spent_until(records, row, 0.4, float(row["belief_patient"]), float(until))
        if row["dropout_reason"] == LEFT_FOR_LACK:
            assert area == pytest.approx(budget_of(row, hazard.LACK_OF_BENEFIT), rel=1e-9)
        else:
            assert area < budget_of(row, hazard.LACK_OF_BENEFIT)


def test_those_who_go_elsewhere_have_spent_their_budget() -> None:
    """The same for angioplasty elsewhere; belief is that before they went, which the trial without it shows."""
    records, without = play("sham_rct", GOING), play("sham_rct", PLAYED)
    s, before = records.subjects, without.subjects
    assert np.array_equal(s["arrival"], before["arrival"])
    went = ~np.isnan(s["outside_time"])
    assert 50 < went.sum() < len(s) - 50
    for row, belief in zip(s, before["belief_patient"].tolist(), strict=True):
        if row["entry_number"] < 0:
            continue
        until = row["end_time"] if math.isnan(row["outside_time"]) else row["outside_time"]
        if until <= row["procedure_time"]:
            continue
        area = spent_until(records, row, 0.3, belief, float(until))
        if math.isnan(row["outside_time"]):
            assert area < budget_of(row, hazard.OUTSIDE)
        else:
            assert area == pytest.approx(budget_of(row, hazard.OUTSIDE), rel=1e-9)


def test_those_who_know_leave_at_the_hazard() -> None:
    """Open label, two years from the procedure on: 1 - exp(-2 * 0.4) of the sham arm leave, nobody treated does."""
    known = LEAVING | {
        "enrolment.target": 800,
        "study.design": "open_label_parallel",
        "belief": {"patient": "open", "physician": "open"},
        "dropout": {"hazard_per_year": 0.0, "lack_of_benefit_per_year": 0.4},
        "veins.wait_days": 0.0,
        "arm": [{"name": "sham", "procedure": "sham"}, {"name": "angioplasty", "procedure": "angioplasty"}],
    }
    s = play("sham_rct", known).subjects
    s = s[s["entry_number"] >= 0]
    left = s["dropout_reason"] == LEFT_FOR_LACK
    assert not left[s["procedure"] == 2].any()
    share_agrees(left[s["procedure"] == 1], 1.0 - math.exp(-0.8), detects=0.17)


def test_medication_is_stopped_at_its_hazard() -> None:
    """Each spell that ends has lasted as long as its own budget lasts at the hazard; there are many in a life."""
    drugs = {"medication": {"enabled": True, "start_prob": 1.0, "start_delay_days": 1.0, "stop_per_year": 4.0}}
    records = play("sham_rct", PLAYED | drugs)
    starts, stops = of_kind(records, Kind.MEDICATION_START), of_kind(records, Kind.MEDICATION_STOP)
    spells: dict[tuple[int, int], float] = {}
    for word in set(starts["patient"].tolist()):
        begun = starts["time"][starts["patient"] == word].tolist()
        ended = stops[stops["patient"] == word]
        assert ended["index"].tolist() == list(range(len(ended)))
        assert len(begun) - len(ended) in (0, 1)
        for k, end in enumerate(ended["time"].tolist()):
            assert begun[k] < end < [*begun, math.inf][k + 1]
            spells[word, k] = end - begun[k]
    assert max(k for _, k in spells) >= 3
    for (word, k), days in spells.items():
        u = uniforms(1, 0, word, HAZARD, hazard.MEDICATION_STOP * 64 + k)[0]
        assert days == pytest.approx(-math.log(u) * DAYS_PER_YEAR / 4.0, rel=1e-7)


def test_a_second_line_that_stops_relapses_stops_them_all() -> None:
    """At second_rate_ratio 0 nobody relapses on the second line, which follows a report on the first by its delay."""
    drugs = {"enabled": True, "start_prob": 0.8, "start_delay_days": 20.0, "rate_ratio": 1.0}
    drugs |= {"escalate_prob": 0.5, "second_rate_ratio": 0.0}
    records = play("sham_rct", PLAYED | {"medication": drugs, "dropout.enabled": False})
    up = of_kind(records, Kind.MEDICATION_ESCALATION)
    assert len(up) > 40
    since = dict(zip(up["patient"].tolist(), up["time"].tolist(), strict=True))
    assert len(since) == len(up)  # once
    started = {int(e["patient"]): float(e["time"]) for e in of_kind(records, Kind.MEDICATION_START)}
    assert all(started[word] + 20.0 <= time for word, time in since.items())
    r = records.relapses[records.relapses["pseudo"] == 0]
    onsets = [(own_word(row), float(row["onset"])) for row in r]
    assert not [1 for word, onset in onsets if onset > since.get(word, math.inf)]
    assert [1 for word, onset in onsets if word in since and onset > started[word]]


def test_going_elsewhere_opens_veins_with_draws_of_its_own() -> None:
    """Narrow veins are treated at the technical success, drawn at vein + 8; nobody goes twice."""
    records = play("sham_rct", GOING | {"veins": {"success_prob": 0.6, "ijv_restenosis_18m_prob": 0.0}})
    gone = of_kind(records, Kind.OUTSIDE_PROCEDURE)
    assert len(gone) == len(set(gone["patient"].tolist())) > 40
    rows = records.procedures[records.procedures["kind"] == 3]
    assert set(rows["number"].tolist()) == {1}
    assert sorted(rows["time"].tolist()) == sorted(gone["time"].tolist())
    at = dict(zip(gone["patient"].tolist(), gone["time"].tolist(), strict=True))
    treated = of_kind(records, Kind.VEIN_TREATED)
    later = [e for e in treated if at.get(int(e["patient"])) == e["time"]]
    assert len(later) == int(gone["value"].sum()) > 40
    for e in later:
        u = uniforms(1, 0, int(e["patient"]), 12, int(e["index"]) + 8)[1]
        assert e["value"] == float(u < 0.6)
    assert {e["value"] for e in later} == {0.0, 1.0}
