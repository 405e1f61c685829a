"""Worlds evidence: what moves a belief reaches what beliefs reach and nothing else, and never the truth's path."""

from __future__ import annotations

import numpy as np
import pytest

from sim.core.events import Kind
from sim.engines.records import TrialRecords
from sim.engines.world import potential
from sim.model.veins import ANGIOPLASTY, SHAM
from sim.scenario.schema import Endpoint
from sim.study.truth import worlds
from tests.helpers import changed_kinds, of_kind, play, scenario
from tests.worlds.cohorts import FIXED, fields, pair

# No channel takes a belief further: no placebo, no lean, no silence, no pseudo-relapses, no doubt.
DEAF = FIXED | {
    "enrolment.target": 150,
    "quality.placebo_enabled": False,
    "disability.rater_lean_points": 0.0,
    "msfc.rater_lean_z": 0.0,
    "reporting": {"pseudo_per_year": 0.0, "unreported_by_cured_prob": 0.0, "confirm_lean_logits": 0.0},
    "dropout.disbelief_ratio": 1.0,
    "veins.complications.dissection_prob": 0.3,
}
MOVERS: dict[str, dict[str, object]] = {
    "cue": {"belief.cue_logits": 0.7},
    "sham cue": {"belief.sham_cue_logits": 0.7},
    "side effect": {"belief.side_effect_logits": 0.7},
    "relapse": {"belief.relapse_logits": -0.7},
    "improvement": {"belief.improvement_logits_per_point": 0.05},
    "scan": {"belief.outside_scan_prob_per_year": 0.5, "belief.outside_scan_logits": 1.0},
}
ALL_MOVERS: dict[str, object] = {key: value for keys in MOVERS.values() for key, value in keys.items()}
GUESSES: dict[str, object] = {"belief.guess_early_days": 28.0, "belief.guess_at_end": True}
ASKED = {
    f"guess_{occasion}_{holder}" for occasion in ("early", "end") for holder in ("patient", "physician", "assessor")
}


@pytest.mark.parametrize("what", MOVERS)
def test_a_mover_moves_beliefs_and_nothing_else(what: str) -> None:
    """Where no channel takes a belief further, each mover adds its changes of belief, and shows in visits' beliefs."""
    still, moved = pair(DEAF, DEAF | MOVERS[what])
    assert changed_kinds(still, moved) == {Kind.BELIEF_CHANGE} | ({Kind.OUTSIDE_SCAN} if what == "scan" else set())
    assert fields(still, moved) == {"visits": {"belief_patient"}}


def test_cues_are_of_one_arm() -> None:
    """The cue of angioplasty changes nobody's belief in the sham arm, that of sham nobody's under angioplasty."""
    for keys, arm in ((MOVERS["cue"], 1), (MOVERS["sham cue"], 0)):
        records = play("sham_rct", DEAF | keys | {"veins.left_ijv_prob": 1.0})  # a vein to dilate in everyone
        s = records.subjects
        done = (s["arm"] == arm) & (s["procedure_time"] <= s["end_time"])  # some leave before it
        words = ((s["site"] << 32) | s["arrival"])[done]
        assert set(of_kind(records, Kind.BELIEF_CHANGE)["patient"].tolist()) == set(words.tolist())


def test_guesses_change_nothing() -> None:
    """Asking for guesses adds guesses, and moves nothing."""
    off, on = pair(FIXED, FIXED | GUESSES)
    assert changed_kinds(off, on) == {Kind.GUESS}
    assert fields(off, on) == {"subjects": ASKED}


def test_half_of_a_scan_is_none() -> None:
    """Scans without a meaning, or a meaning without scans, are no scans: not an event differs."""
    scan = MOVERS["scan"]
    for key in scan:
        assert not changed_kinds(*pair(DEAF, DEAF | {key: scan[key]}))


def test_beliefs_that_move_reach_their_channels() -> None:
    """Relapses that lower belief let more pseudo-relapses be reported, with unchanged true relapses."""
    base = FIXED | {"dropout.enabled": False}
    still, moved = pair(base, base | {"belief.relapse_logits": -1.5})
    counts = [len(of_kind(r, Kind.PSEUDO_RELAPSE)) for r in (still, moved)]
    assert counts[1] > counts[0]
    assert Kind.RELAPSE not in changed_kinds(still, moved)


# ---- the path of the truth ----------------------------------------------------------------------------------------


def path(records: TrialRecords) -> tuple[object, ...]:
    """Give the patients' beliefs at visits, with the times, and all guesses."""
    v, s = records.visits, records.subjects
    return v["time"].tobytes(), v["belief_patient"].tobytes(), *(s[name].tobytes() for name in sorted(ASKED))


def test_on_the_reference_path_nothing_moves_a_belief() -> None:
    """With belief held, cues, side effects, relapses, scores and scans move nothing: one path in every world."""
    base = FIXED | GUESSES | {"dropout.enabled": False}
    still = play("sham_rct", base, world=potential(float(SHAM), True))
    for procedure in (SHAM, ANGIOPLASTY):
        world = potential(float(procedure), True)
        moved = play("sham_rct", base | ALL_MOVERS, world=world)
        assert not len(of_kind(moved, Kind.BELIEF_CHANGE))
        assert not len(of_kind(moved, Kind.OUTSIDE_SCAN))
        assert path(moved) == path(still)
    free = play("sham_rct", base | ALL_MOVERS, world=potential(float(ANGIOPLASTY), False))
    assert path(free) != path(still)
    assert np.array_equal(
        free.subjects["belief_patient"], still.subjects["belief_patient"], equal_nan=True
    )  # as formed


@pytest.mark.parametrize("what", MOVERS)
def test_the_total_effect_has_worlds_of_its_own_where_beliefs_move(what: str) -> None:
    """Blinded without a leak, truth and total effect share their worlds only as long as nothing moves a belief."""
    arr = Endpoint(name="arr_24m")
    truth, total = worlds(scenario("sham_rct", FIXED), arr)
    assert truth == total
    truth, total = worlds(scenario("sham_rct", FIXED | MOVERS[what]), arr)
    assert [w.reference_belief for w in (*truth, *total)] == [1.0, 1.0, 0.0, 0.0]
