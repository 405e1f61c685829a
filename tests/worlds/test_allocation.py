"""Worlds evidence: how patients are allocated, and who foresees it, changes who enters and what they get, no life.

Comparisons are of bits, as in test_worlds.
"""

from __future__ import annotations

import numpy as np
import pytest

from sim.core.events import Kind
from sim.engines.world import World
from sim.model.allocation import KINDS, WITH_FACTORS
from sim.model.eligibility import STEERED
from sim.model.veins import SHAM
from tests.helpers import changed_kinds, event_rows, kinds, play
from tests.worlds.cohorts import FIXED, RECRUITING, fields, of_patients, off, pair, same_people, without_values, words

FORESEEN = {"kind": "simple", "foreseen_prob": 0.9, "steering_prob": 0.8, "outlook_relapses": 1}
STEERED_WORLD = RECRUITING | {"randomisation": FORESEEN}


def test_switch_foreseen_allocation_is_the_world_without_steering() -> None:
    """`foreseen_allocation` off is bit for bit the trial in which nobody steers, and that in which nobody foresees."""
    for key in ("steering_prob", "foreseen_prob"):
        unsteered = RECRUITING | {"randomisation": FORESEEN | {key: 0.0}}
        without, other = pair(off("foreseen_allocation", STEERED_WORLD), unsteered)
        assert not changed_kinds(without, other)
        assert not fields(without, other)


def test_switch_foreseen_allocation_changes_only_who_enters() -> None:
    """By a coin: the same are screened, those who are steered away would have entered, the others live the same."""
    on, without = pair(STEERED_WORLD, off("foreseen_allocation", STEERED_WORLD))
    assert np.array_equal(words(on.subjects), words(without.subjects))
    same_people(on, without)
    inside, then = (set(words(r.subjects)[r.subjects["entry_number"] >= 0].tolist()) for r in (on, without))
    away = set(words(on.subjects)[on.subjects["reason"] == STEERED].tolist())
    assert len(away) >= 30
    assert inside | away == then
    left, right = (of_patients(event_rows(r), inside) for r in (on, without))
    assert kinds(left ^ right) == {Kind.ENROLLED}  # the number enrolled so far
    assert without_values(left) == without_values(right)
    last = {row[1] for row in of_patients(event_rows(on), away) if row[1] >= Kind.SCREENED}
    assert last == {Kind.SCREENED, Kind.STEERED_AWAY}


@pytest.mark.parametrize("kind", KINDS[2:])
def test_the_kind_of_allocation_changes_arms_alone(kind: str) -> None:
    """Where everyone has sham whatever the arm, another kind of allocation changes arms and nothing else."""
    factors = ["site", "edss", "relapses"] if kind in WITH_FACTORS else []
    other = FIXED | {"randomisation": {"kind": kind, "factors": factors, "block_size": 4}}
    blocks, ours = (play("sham_rct", base, world=World(procedure=float(SHAM))) for base in (FIXED, other))
    assert changed_kinds(blocks, ours) == {Kind.RANDOMISED}
    assert fields(blocks, ours) == {"subjects": {"arm"}}
