"""Worlds evidence for surveillance: it changes what is found, and nothing else; each switch takes its own part away."""

from __future__ import annotations

import math

import numpy as np

from sim.core.events import Kind
from sim.engines.records import LAYOUT, Records, TrialRecords
from sim.model.surveillance import AFTER_RELAPSE, SCHEDULED
from tests.helpers import changed_kinds, play, share_agrees
from tests.worlds.cohorts import FIXED, fields, off, pair, words

SURVEYED = FIXED | {
    "surveillance": {
        "enabled": True,
        "scheduled_months": [1.0, 6.0, 12.0],
        "on_relapse": True,
        "reader": "unblinded",
        "sensitivity": 0.85,
        "specificity": 0.9,
        "over_reading_logits": 2.0,
        "known_relapse_days": 60.0,
        "reader_lean_logits": 0.0,
    },
}
FOUND = {"veins": {"detected_time"}, "subjects": {"detected_time"}}
EVERY_FIELD = {"imaging": set(LAYOUT["imaging"].names or ())}


def places(rows: Records, *fields: str) -> set[tuple[float, ...]]:
    """Give these fields of each row."""
    return set(zip(*(rows[f].tolist() for f in ("site", "arrival", *fields)), strict=True))


def test_surveillance_changes_only_what_is_found() -> None:
    """With surveillance on there are imagings and detections; every other event, draw and record stays."""
    without, on = pair(FIXED, SURVEYED)
    assert changed_kinds(without, on) == {Kind.IMAGING}
    assert fields(without, on) == FOUND | EVERY_FIELD
    assert len(without.imaging) == 0


def test_switch_triggered_imaging() -> None:
    """`triggered_imaging` off: no imaging after a relapse; those on schedule at the same times, of the same veins."""
    on, without = pair(SURVEYED, off("triggered_imaging", SURVEYED))
    assert changed_kinds(on, without) == {Kind.IMAGING}
    assert fields(on, without) == FOUND | EVERY_FIELD
    assert set(on.imaging["trigger"].tolist()) == {SCHEDULED, AFTER_RELAPSE}
    assert set(without.imaging["trigger"].tolist()) == {SCHEDULED}
    scheduled = on.imaging[on.imaging["trigger"] == SCHEDULED]
    assert places(scheduled, "time", "vein", "narrow") == places(without.imaging, "time", "vein", "narrow")


def test_switch_unblinded_doppler() -> None:
    """`unblinded_doppler` off: the same imagings; fewer veins read as narrow, and only after a recent relapse.

    A reading moves where its draw lies between the two probabilities of "narrow": closed form, by whether the vein is
    open or narrow (finds 0.15 each, over four trials).
    """
    on, without = pair(SURVEYED, off("unblinded_doppler", SURVEYED))
    assert changed_kinds(on, without) == {Kind.IMAGING}
    assert fields(on, without) == FOUND | {"imaging": {"read"}}
    moved = on.imaging["read"] != without.imaging["read"]
    assert (on.imaging["read"] >= without.imaging["read"]).all()
    recent = reported_within(on, 60.0)
    assert recent[moved].all()
    worlds = SURVEYED, off("unblinded_doppler", SURVEYED)
    played = [tuple(play("sham_rct", world, trial=k) for world in worlds) for k in range(4)]
    known = np.concatenate([reported_within(a, 60.0) for a, _ in played])
    moved = np.concatenate([a.imaging["read"] != b.imaging["read"] for a, b in played])
    state = np.concatenate([a.imaging["narrow"] for a, _ in played])
    for narrow, knowing_nothing in ((0, 0.1), (1, 0.85)):
        odds = knowing_nothing / (1.0 - knowing_nothing) * math.exp(2.0)
        share_agrees(moved[known & (state == narrow)], odds / (1.0 + odds) - knowing_nothing, detects=0.15)


def reported_within(records: TrialRecords, days: float) -> np.ndarray:
    """Tell of each reading whether its patient had reported a relapse no more than these days before."""
    reports: dict[int, list[float]] = {}
    for word, time in zip(words(records.relapses).tolist(), records.relapses["reported_time"].tolist(), strict=True):
        reports.setdefault(word, []).append(time)
    read = zip(words(records.imaging).tolist(), records.imaging["time"].tolist(), strict=True)
    return np.array([any(0.0 <= time - r <= days for r in reports.get(word, [])) for word, time in read])


def test_rater_bias_takes_the_lean_away() -> None:
    """With a lean, `rater_bias` off reads more veins as narrow; imagings stay where they were."""
    leaning = SURVEYED | {"surveillance": {**SURVEYED["surveillance"], "reader_lean_logits": 2.0}}  # type: ignore[dict-item]
    on, without = pair(leaning, off("rater_bias", leaning))
    assert fields(on, without)["imaging"] == {"read"}
    assert (on.imaging["read"] <= without.imaging["read"]).all()


def test_nobody_is_imaged_before_the_procedure_or_after_leaving() -> None:
    """Every imaging lies between the patient's procedure and the end of follow-up, dropouts included."""
    on, _ = pair(SURVEYED, FIXED)
    s = on.subjects
    row = np.searchsorted(words(s), words(on.imaging))
    assert (on.imaging["time"] > s["procedure_time"][row]).all()
    assert (on.imaging["time"] <= s["end_time"][row]).all()
    assert s["dropped_out"].sum() > 20
    assert set(s["procedure"][row].tolist()) == {1, 2}  # sham patients are imaged too
