"""Worlds evidence for intercurrent events: each switched off, or at hazard 0, changes what it can reach and no more."""

from __future__ import annotations

import numpy as np
import pytest

from sim.core.events import Kind
from sim.engines.records import TrialRecords
from sim.engines.world import potential
from tests.helpers import changed_kinds, difference, kinds, of_kind, play
from tests.worlds.cohorts import FIXED, fields, off, pair, words

GOING = FIXED | {"contamination": {"enabled": True, "per_year": 0.5, "relapse_ratio": 1.5}}
LEAVING = FIXED | {"dropout": {"hazard_per_year": 0.1, "disbelief_ratio": 3.0, "lack_of_benefit_per_year": 0.4}}
DRUGS = {"enabled": True, "start_prob": 0.5, "rate_ratio": 0.2}


def until(records: TrialRecords, times: dict[int, float]) -> set[tuple[float, int, int, int, float]]:
    """Give the events before these times of these patients, and all of the others."""
    return {tuple(e) for e in records.events.tolist() if e[0] < times.get(e[2], np.inf)}


@pytest.mark.parametrize(
    "keys",
    [
        {"contamination": {"enabled": True, "per_year": 0.0, "relapse_ratio": 3.0}},
        {"dropout": {"hazard_per_year": 0.1, "disbelief_ratio": 3.0, "relapse_ratio": 3.0}},
        {"medication": {"enabled": False, "stop_per_year": 3.0, "escalate_prob": 1.0}},
    ],
)
def test_at_hazard_0_nothing_changes(keys: dict[str, object]) -> None:
    """With a hazard of 0, whatever its other keys, every bit is as it was."""
    base, other = pair(FIXED, FIXED | keys)
    assert not changed_kinds(base, other)
    assert not fields(base, other)


def test_switch_contamination() -> None:
    """`contamination` off: nobody goes elsewhere, others and everything before are identical, and no draw moves."""
    on, without = pair(GOING, off("contamination", GOING))
    gone = of_kind(on, Kind.OUTSIDE_PROCEDURE)
    assert len(gone) >= 50
    times = dict(zip(gone["patient"].tolist(), gone["time"].tolist(), strict=True))
    assert until(on, times) == until(without, times)
    assert Kind.OUTSIDE_PROCEDURE not in kinds(difference(on, without)[1])
    stayed = ~np.isin(words(on.subjects), gone["patient"].astype(np.int64))
    changed = fields(on, without)
    assert changed["subjects"] <= {"outside_time", "treated_veins", "opened_veins", "restenosis_time"}
    assert "outside_time" in changed["subjects"]
    for field in changed["subjects"]:
        assert np.array_equal(on.subjects[field][stayed], without.subjects[field][stayed], equal_nan=True)
    assert not changed_kinds(without, play("sham_rct", FIXED))  # the same as the mechanism not being there
    assert not fields(without, play("sham_rct", FIXED))


def test_nobody_goes_elsewhere_where_the_procedure_is_forced() -> None:
    """In the worlds of the truth contamination does not happen (a hypothetical strategy): they are those without it."""
    for procedure in (0.0, 1.0, 2.0):
        world = potential(procedure, reference_belief=True)
        on, without = (play("sham_rct", base, world=world) for base in (GOING, FIXED))
        assert not changed_kinds(on, without)
        assert not fields(on, without)


def test_who_goes_elsewhere_knows_it() -> None:
    """Patient and physician are sure of angioplasty afterwards, the assessor believes as before."""
    on, without = pair(GOING, FIXED)
    went = {(e["time"], e["patient"]) for e in of_kind(on, Kind.OUTSIDE_PROCEDURE)}
    told = of_kind(on, Kind.BELIEF_CHANGE)
    assert len(went) >= 50
    for holder in (0, 1):
        own = told[told["index"] == holder]
        assert {(e["time"], e["patient"]) for e in own} == went
        assert (own["value"] == 1.0).all()
    assert set(told["index"]) == {0, 1}
    assert not len(of_kind(without, Kind.BELIEF_CHANGE))


def test_leaving_for_lack_of_benefit_only_ends_lives() -> None:
    """With it, those who leave for it live as before until then, everybody else as before; off with `attrition`."""
    on, without = pair(LEAVING, FIXED)
    left = on.subjects[on.subjects["dropout_reason"] == 2]
    assert len(left) >= 30
    times = dict(zip(words(left).tolist(), left["end_time"].tolist(), strict=True))
    assert until(on, times) == until(without, times)
    gone, new = difference(on, without)
    assert {row[1] for row in gone} == {Kind.DROPOUT}
    assert {row[2] for row in gone | new} == set(times)
    others = on.subjects["dropout_reason"] != 2
    assert np.array_equal(on.subjects["end_time"][others], without.subjects["end_time"][others])
    switched = play("sham_rct", off("attrition", LEAVING))
    assert not len(of_kind(switched, Kind.DROPOUT))
    assert not changed_kinds(switched, play("sham_rct", off("attrition", FIXED)))


def test_reports_that_raise_no_hazard_move_nothing() -> None:
    """At a relapse ratio of 1 a report leaves the clocks alone, to the bit: pseudo-relapses or none, all go alike."""
    base = LEAVING | {"contamination": {"enabled": True, "per_year": 0.5}}
    many, none = pair(base, base | {"reporting": {"enabled": True, "pseudo_per_year": 0.0}})
    assert len(of_kind(many, Kind.PSEUDO_RELAPSE)) > 50
    for field in ("outside_time", "end_time", "dropout_reason"):
        assert np.array_equal(many.subjects[field], none.subjects[field], equal_nan=True)


def test_stopping_and_escalating_change_lives_after_it_alone() -> None:
    """Until a patient's first stop, or escalation, nothing changes; with `medication` off nothing of it happens."""
    plain = FIXED | {"medication": DRUGS}
    for extra, kind in (
        ({"stop_per_year": 1.0}, Kind.MEDICATION_STOP),
        ({"escalate_prob": 0.5, "second_rate_ratio": 0.0}, Kind.MEDICATION_ESCALATION),
    ):
        more = FIXED | {"medication": DRUGS | extra}
        on, without = pair(more, plain)
        happened = of_kind(on, kind)
        assert len(happened) >= 30
        times: dict[int, float] = {}
        for word, time in zip(happened["patient"].tolist(), happened["time"].tolist(), strict=True):
            times[word] = min(time, times.get(word, np.inf))
        assert until(on, times) == until(without, times)
        assert Kind.RELAPSE in changed_kinds(on, without)
        assert not changed_kinds(play("sham_rct", off("medication", more)), play("sham_rct", FIXED))
