"""Worlds evidence: the same patients under sham, angioplasty and nothing, and what each belief holder's belief reaches.

Comparisons are of bits, not of numbers within a tolerance: draws have addresses, so what is not touched is the same
double.
"""

from __future__ import annotations

import math

import numpy as np
import pytest

from sim.core.events import Kind
from sim.engines.records import LAYOUT, Records, TrialRecords
from sim.engines.world import World, potential
from sim.model.veins import ANGIOPLASTY, NONE, SHAM
from tests.helpers import (
    EMPTY,
    Overrides,
    changed_fields,
    changed_kinds,
    difference,
    event_rows,
    kinds,
    people,
    play,
)
from tests.worlds.cohorts import (
    COURSE,
    FIXED,
    FIXED_FOR_LIFE,
    OPEN_LABEL,
    RECRUITING,
    fields,
    of_patients,
    pair,
    words,
)

# ---- (e) counterfactual twins -------------------------------------------------------------------------------------

PROCEDURES = (NONE, SHAM, ANGIOPLASTY)


@pytest.mark.parametrize("base", [FIXED, RECRUITING], ids=["fixed", "recruiting"])
@pytest.mark.parametrize("reference", [False, True], ids=["free belief", "reference belief"])
def test_twins_are_the_same_patients(base: dict[str, object], reference: bool) -> None:
    """Whatever procedure everyone gets, the same patients enter, in the same order, arm and at the same time."""
    observed = people("sham_rct", base)
    for procedure in PROCEDURES:
        twin = people("sham_rct", base, world=potential(float(procedure), reference))
        assert (twin.subjects["procedure"] == procedure).all()
        assert (twin.subjects["dropped_out"] == 0).all()
        same = set(LAYOUT["subjects"].names or ()) - changed_fields(observed.subjects, twin.subjects)
        assert same >= {
            "site",
            "arrival",
            "entry_number",
            "arm",
            "screening_time",
            "entry_time",
            "day_1",
            "planned_end",
        }
        assert same >= {"screening_edss", "recalled_1y", "recalled_2y", "medication_time", *FIXED_FOR_LIFE}


def test_twins_have_the_same_relapses_where_angioplasty_does_nothing() -> None:
    """Under sham, angioplasty and nothing, onsets are identical without an effect; with one, angioplasty has fewer."""
    null = FIXED | {"effect.enabled": False}
    logs = [play("sham_rct", null, world=potential(float(p), True)) for p in PROCEDURES]
    onset = [{r for r in event_rows(log) if r[1] == Kind.RELAPSE} for log in logs]
    assert onset[0] == onset[1] == onset[2]
    works = [play("sham_rct", FIXED, world=potential(float(p), True)) for p in PROCEDURES]
    onset = [{r for r in event_rows(log) if r[1] == Kind.RELAPSE} for log in works]
    assert onset[0] == onset[1]
    assert onset[2] < onset[1]


def test_sham_and_nothing_differ_in_the_procedure_alone_under_reference_belief() -> None:
    """With belief held, the sham world is the untreated one and one event more a patient, the procedure."""
    none, sham = (play("sham_rct", FIXED, world=potential(float(p), True)) for p in (NONE, SHAM))
    gone, new = difference(none, sham)
    assert not gone
    assert kinds(new) == {Kind.PROCEDURE}
    assert fields(none, sham) == {"subjects": {"procedure"}, "procedures": set(LAYOUT["procedures"].names or ())}


def test_each_arm_is_seen_as_its_twin_world_shows_it() -> None:
    """The observed trial is made of its worlds: each arm's events are those of the world with that arm's procedure."""
    observed = play("sham_rct", FIXED)
    for arm, procedure in ((0, SHAM), (1, ANGIOPLASTY)):
        world = play("sham_rct", FIXED, world=World(procedure=float(procedure)))
        mine = set(words(observed.subjects)[observed.subjects["arm"] == arm].tolist())
        assert of_patients(event_rows(observed), mine) == of_patients(event_rows(world), mine)


# ---- (f) belief ---------------------------------------------------------------------------------------------------

BELIEFS = ("belief_patient", "belief_physician", "belief_assessor")


def beliefs(base: Overrides, world: World) -> Records:
    """Give the beliefs of all who entered."""
    found: Records = people("sham_rct", base, world=world).subjects[list(BELIEFS)]
    return found


def test_a_blinded_patient_believes_the_same_in_either_arm() -> None:
    """Without a leak, belief is bit-identical under sham and angioplasty, for all three holders."""
    sham, treated = (beliefs(FIXED, World(procedure=float(p))) for p in (SHAM, ANGIOPLASTY))
    assert np.array_equal(sham, treated)
    assert all(len(set(sham[f].tolist())) > 100 for f in BELIEFS)  # and is not one and the same for everybody
    assert not np.array_equal(sham["belief_patient"], sham["belief_assessor"])


def test_a_leak_shifts_belief_towards_the_truth() -> None:
    """A leak of 0.5 log odds lifts belief under angioplasty and lowers it under sham, by 0.5 each."""
    leaky = {**FIXED, "belief.blinding_leak": 0.5}
    none = beliefs(FIXED, World())
    for procedure, shift in ((SHAM, -0.5), (ANGIOPLASTY, 0.5)):
        moved = beliefs(leaky, World(procedure=float(procedure)))
        for field in BELIEFS:
            p, q = none[field], moved[field]
            assert np.allclose(np.log(q / (1.0 - q)) - np.log(p / (1.0 - p)), shift, rtol=0.0, atol=1e-9)


def test_open_label_belief_is_knowledge() -> None:
    """Unblinded, everybody knows: 1 under angioplasty, 0 under sham and under nothing."""
    for procedure, known in ((NONE, 0.0), (SHAM, 0.0), (ANGIOPLASTY, 1.0)):
        found = beliefs(FIXED | OPEN_LABEL, World(procedure=float(procedure)))
        assert all((found[f] == known).all() for f in BELIEFS)


def unblinded(holder: str, more: Overrides = EMPTY) -> tuple[TrialRecords, TrialRecords]:
    """Play one trial twice, then with this holder knowing the arms; patients always do where another is asked about."""
    base = {**FIXED, **more, "study.design": "open_label_parallel", "belief.patient": "open"}
    blinded = {**FIXED, **more} if holder == "patient" else base
    return pair(blinded, base if holder == "patient" else {**base, f"belief.{holder}": "open"})


def test_what_a_patient_believes_moves_reports_quality_and_leaving() -> None:
    """Unblinding patients alone: reports, quality of life and dropout follow; no rating and no true score does."""
    hidden, known = unblinded("patient")
    gone, new = difference(hidden, known)
    stayed = (hidden.subjects["dropped_out"] == 0) & (known.subjects["dropped_out"] == 0)
    whole = set(words(hidden.subjects)[stayed].tolist())
    moved = kinds(of_patients(gone, whole)) | kinds(of_patients(new, whole))
    assert moved == {Kind.PSEUDO_RELAPSE, Kind.RELAPSE_REPORTED, Kind.RELAPSE_CONFIRMED}
    assert Kind.DROPOUT in kinds(gone) | kinds(new)
    a, b = (r.visits[np.isin(words(r.visits), list(whole))] for r in (hidden, known))
    assert changed_fields(a, b) == {"quality", "quality_latent", "mental", "mental_latent", "belief_patient"}
    assert changed_fields(hidden.subjects[stayed], known.subjects[stayed]) == {"belief_patient"}
    # what is reported in both worlds is confirmed in both or in neither: that is the assessor's affair
    told = [{row[:4] for row in event_rows(r) if row[1] == Kind.RELAPSE_REPORTED} for r in (hidden, known)]
    both = {(row[2], row[3]) for row in told[0] & told[1] if row[2] in whole}
    sure = [{(r[2], r[3]) for r in rows if r[1] == Kind.RELAPSE_CONFIRMED} & both for rows in (gone, new)]
    assert sure == [set(), set()]


def test_what_an_assessor_believes_moves_ratings_and_confirmations() -> None:
    """Unblinding assessors alone: EDSS and MSFC as written down and confirmations follow, and nothing else."""
    hidden, known = unblinded("assessor")
    assert changed_kinds(hidden, known) == {Kind.VISIT, Kind.RELAPSE_CONFIRMED}
    assert fields(hidden, known) == {
        "subjects": {"belief_assessor"},
        "relapses": {"confirmed_time"},
        "visits": {"edss", "msfc"},
    }


def test_what_a_physician_believes_moves_medication_alone() -> None:
    """Unblinding treating physicians moves medication and the course under it, and nothing where they give none."""
    hidden, known = unblinded("physician")
    assert not changed_kinds(hidden, known)
    assert fields(hidden, known) == {"subjects": {"belief_physician"}}
    odds = {"medication": {"enabled": True, "start_prob": 0.3, "rate_ratio": 0.2, "disbelief_odds_ratio": 10.0}}
    hidden, known = unblinded("physician", odds)
    changed = changed_kinds(hidden, known)
    assert changed >= {Kind.MEDICATION_START, Kind.RELAPSE}
    assert changed <= COURSE | {Kind.MEDICATION_START}
    assert fields(hidden, known)["subjects"] == {"belief_physician", "medication_time"}


def test_without_a_procedure_only_the_assessor_can_be_blinded() -> None:
    """Patient and physician know that nothing was done; the blinded assessor believes as in the other arms."""
    none, sham = (beliefs(FIXED, World(procedure=float(p))) for p in (NONE, SHAM))
    assert (none["belief_patient"] == 0.0).all()
    assert (none["belief_physician"] == 0.0).all()
    assert np.array_equal(none["belief_assessor"], sham["belief_assessor"])


@pytest.mark.parametrize("base", [{}, {"belief.blinding_leak": 2.0}, OPEN_LABEL], ids=["blinded", "leaking", "open"])
def test_reference_belief_is_one_path_for_all_worlds(base: dict[str, object]) -> None:
    """Held belief is that of a blinded person without a leak: the same in every world, leak, and blinding."""
    path = beliefs(FIXED, World())
    for procedure in PROCEDURES:
        assert np.array_equal(beliefs({**FIXED, **base}, potential(float(procedure), True)), path)


def test_belief_starts_with_the_procedure() -> None:
    """Nobody believes anything before the procedure: the baseline visit, a week earlier, is free of it."""
    records = play("sham_rct", FIXED)
    first = records.visits["visit"] == 0
    assert (records.visits["belief_patient"][first] == 0.0).all()
    assert (records.visits["belief_patient"][~first] > 0.0).all()
    assert math.isclose(float(records.visits["patency"][first].max()), 0.0)
