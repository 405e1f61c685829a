"""Worlds evidence for procedures that find nothing narrow: a venography, and in nothing an angioplasty."""

from __future__ import annotations

import numpy as np
import pytest

from sim.core.events import Kind
from sim.engines.records import Records, TrialRecords
from sim.model.veins import ANGIOPLASTY, OUTSIDE, SHAM, VENOGRAPHY
from tests.helpers import of_kind, play
from tests.worlds.cohorts import FIXED

CUES: dict[str, object] = {
    "belief.cue_logits": 1.0,
    "belief.sham_cue_logits": -1.0,
    "belief.patient_cue_prob": 1.0,
    "belief.side_effect_logits": 2.0,
}
OFTEN: dict[str, object] = {f"veins.complications.{name}_prob": 0.5 for name in ("haematoma", "rupture", "thrombosis")}
MISREAD: dict[str, object] = {
    "surveillance": {"enabled": True, "scheduled_months": [3.0, 6.0, 9.0], "specificity": 0.6, "sensitivity": 0.8},
    "retreatment": {"policy": "on_detection", "most": 2},
    "effect.onset_days": 10.0,
}
NEVER_NARROW: dict[str, object] = {f"veins.{v}_prob": 0.3 for v in ("left_ijv", "right_ijv", "azygos")}
ELSEWHERE: dict[str, object] = {"contamination": {"enabled": True, "per_year": 3.0}}


def at(rows: Records, row: Records) -> Records:
    """Give the events of the patient of a procedure at its time."""
    word = (int(row["site"]) << 32) | int(row["arrival"])
    found: Records = rows[(rows["patient"] == word) & (rows["time"] == row["time"])]
    return found


def done(records: TrialRecords, kind: int) -> Records:
    """Give the procedures of this kind."""
    found: Records = records.procedures[records.procedures["kind"] == kind]
    return found


WORLDS = {
    "first": FIXED | CUES | OFTEN | NEVER_NARROW,
    "again": FIXED | CUES | OFTEN | MISREAD,
    "elsewhere": FIXED | CUES | OFTEN | NEVER_NARROW | ELSEWHERE,
    "slots": FIXED | CUES | OFTEN | MISREAD | {"slots": {"enabled": True}},
}


@pytest.mark.parametrize("world", WORLDS)
def test_what_is_called_angioplasty_dilated_a_vein(world: str) -> None:
    """A study procedure is an angioplasty where a vein was treated at it, and a venography where none was."""
    found = play("sham_rct", WORLDS[world])
    treated = of_kind(found, Kind.VEIN_TREATED)
    none, some = done(found, VENOGRAPHY), done(found, ANGIOPLASTY)
    assert min(len(none), len(some)) >= 5
    assert not any(len(at(treated, row)) for row in none)
    assert all(len(at(treated, row)) for row in some)
    logged = of_kind(found, Kind.PROCEDURE)
    assert [float(at(logged, row)["value"][0]) for row in none] == [2.0] * len(none)
    assert [float(at(logged, row)["value"][0]) for row in some] == [1.0] * len(some)


@pytest.mark.parametrize("world", WORLDS)
def test_nothing_dilated_nothing_follows(world: str) -> None:
    """Where nothing was dilated, in the study or elsewhere, there is no complication and no effect begins."""
    found = play("sham_rct", WORLDS[world])
    treated, begun = of_kind(found, Kind.VEIN_TREATED), of_kind(found, Kind.EFFECT_BEGINS)
    rows = found.procedures[found.procedures["kind"] != SHAM]
    idle = np.array([len(at(treated, row)) == 0 for row in rows])
    assert np.count_nonzero(idle) >= 5
    assert not rows["complications"][idle].any()
    assert np.count_nonzero(rows["complications"][~idle]) >= 5
    assert len(begun) <= np.count_nonzero(~idle)
    if world == "elsewhere":
        assert np.count_nonzero(idle & (rows["kind"] == OUTSIDE)) >= 1


@pytest.mark.parametrize("world", ["first", "again", "slots"])
def test_a_venography_gives_away_what_a_sham_does(world: str) -> None:
    """Patients who notice cues believe less in angioplasty after a venography, as after a sham procedure."""
    found = play("sham_rct", WORLDS[world])
    log = found.events[(found.events["rank"] == int(Kind.BELIEF_CHANGE)) & (found.events["index"] == 0)]
    for kind, sign in ((VENOGRAPHY, -1.0), (SHAM, -1.0), (ANGIOPLASTY, 1.0)):
        steps = [step for row in done(found, kind) for step in moves(found, log, row)]
        assert len(steps) >= 5
        assert all(step * sign > 0.0 for step in steps)


def moves(found: TrialRecords, log: Records, row: Records) -> list[float]:
    """Give by how much a procedure moved its patient's belief: from what was held, or at first from what was formed."""
    word = (int(row["site"]) << 32) | int(row["arrival"])
    own = log[log["patient"] == word]
    now, before = own[own["time"] == row["time"]], own[own["time"] < row["time"]]
    mine = (found.subjects["site"] == row["site"]) & (found.subjects["arrival"] == row["arrival"])
    held = before["value"][-1] if len(before) else found.subjects["belief_patient"][mine][0]
    return [float(now["value"][-1] - held)] if len(now) else []
