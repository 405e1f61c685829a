"""Worlds evidence for every switch in one place: what turning it off may change, and that it does change some of it.

A row a switch of sim/model/switches.py; what each does beyond that is told in the files beside this one.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pytest

from sim.core.events import Kind
from sim.engines.records import LAYOUT, Records, TrialRecords
from sim.model.switches import Switches
from tests.helpers import Overrides, changed_fields, event_rows, kinds, play
from tests.worlds.cohorts import COURSE, FIXED, RECRUITING, of_patients, off, same_people, words

COHORT = FIXED | {"enrolment": {"target": 120, "accrual": "uniform", "accrual_days": 365.25, "max_days": 3652.5}}
DRUGS = {"medication": {"enabled": True, "start_prob": 0.5, "rate_ratio": 0.2}}
SURVEYED = {
    "surveillance": {"enabled": True, "scheduled_months": [1.0, 6.0, 12.0], "on_relapse": True, "reader": "unblinded"}
    | {"over_reading_logits": 2.0, "known_relapse_days": 60.0}
}
REFERRED = {"self_referral": {"enabled": True, "weight": 3.0, "window_days": 90.0}}
STEERED = {"randomisation": {"kind": "simple", "foreseen_prob": 0.9, "steering_prob": 0.8, "outlook_relapses": 1}}
GOING = {"contamination": {"enabled": True, "per_year": 0.5}}

EVERY = {name: set(layout.names or ()) for name, layout in LAYOUT.items()}
SEEN = {"relapses": EVERY["relapses"], "visits": EVERY["visits"]}  # the course, and what examinations find of it
SCORES = {"quality", "quality_latent", "mental", "mental_latent"}
VEINS = {"treated", "opened", "restenosis_time"}
OF_VEINS = {"treated_veins", "opened_veins", "restenosis_time"}
FOUND = {"veins": {"detected_time"}, "subjects": {"detected_time"}}
NUMBERED = {"entry_number"}  # how many entered before


@dataclass(frozen=True)
class Row:
    """A world in which a mechanism is on, and what may change without it: kinds of events, and fields by table.

    `entry` marks a mechanism that changes who enters: then only those who enter both worlds are compared, and the
    kinds and fields are theirs.
    """

    base: Overrides
    kinds: set[Kind] = field(default_factory=set)
    fields: dict[str, set[str]] = field(default_factory=dict)
    entry: bool = False


WHO_ENTERS = {Kind.ENROLLED}  # its value is how many entered so far
ROWS: dict[str, Row] = {
    "self_referral": Row(RECRUITING | REFERRED, WHO_ENTERS, {"subjects": NUMBERED}, entry=True),
    "selection": Row(RECRUITING, WHO_ENTERS, {"subjects": NUMBERED}, entry=True),
    "decline": Row(COHORT, COURSE, SEEN),
    "placebo": Row(COHORT, set(), {"visits": SCORES}),
    "rater_bias": Row(
        COHORT,
        {Kind.VISIT, Kind.RELAPSE_CONFIRMED},
        {"visits": {"edss", "msfc"}, "relapses": {"confirmed_time"}},
    ),
    "under_reporting": Row(
        COHORT,
        {Kind.PSEUDO_RELAPSE, Kind.RELAPSE_REPORTED, Kind.RELAPSE_CONFIRMED},
        {"relapses": EVERY["relapses"]},
    ),
    "recall": Row(
        COHORT, {Kind.SCREENED}, {"subjects": {"recalled_1y", "recalled_2y"}, "relapses": {"recalled_onset"}}
    ),
    "medication": Row(
        COHORT | DRUGS,
        COURSE | {Kind.MEDICATION_START, Kind.SCREENED},
        SEEN | {"subjects": {"medication_time", "recalled_1y", "recalled_2y", "screening_edss"}},
    ),
    "practice": Row(COHORT, set(), {"visits": {"msfc"}}),
    "contamination": Row(
        COHORT | GOING,
        COURSE
        | {Kind.PSEUDO_RELAPSE, Kind.OUTSIDE_PROCEDURE, Kind.VEIN_TREATED, Kind.COMPLICATION, Kind.RESTENOSIS}
        | {Kind.BELIEF_CHANGE},
        SEEN | {"subjects": {"outside_time", *OF_VEINS}} | {"veins": VEINS, "procedures": EVERY["procedures"]},
    ),
    "attrition": Row(
        COHORT,
        COURSE
        | {Kind.PSEUDO_RELAPSE, Kind.DROPOUT, Kind.END_OF_STUDY, Kind.PROCEDURE, Kind.VEIN_TREATED}
        | {Kind.COMPLICATION, Kind.RESTENOSIS, Kind.ACTIVITY},
        SEEN
        | {"subjects": {"end_time", "dropped_out", "dropout_reason", *OF_VEINS}}
        | {"veins": VEINS, "procedures": EVERY["procedures"]},
    ),
    "unblinded_doppler": Row(COHORT | SURVEYED, {Kind.IMAGING}, FOUND | {"imaging": {"read"}}),
    "effect": Row(COHORT, COURSE, SEEN),
    "triggered_imaging": Row(COHORT | SURVEYED, {Kind.IMAGING}, FOUND | {"imaging": EVERY["imaging"]}),
    "foreseen_allocation": Row(RECRUITING | STEERED, WHO_ENTERS, {"subjects": NUMBERED}, entry=True),
    "picking": Row(COHORT),  # what is made of the trials, not the trials
    "publication": Row(COHORT),
}


def entered(records: TrialRecords) -> set[int]:
    """Give the words of those who entered."""
    s = records.subjects
    return set(words(s)[s["entry_number"] >= 0].tolist())


def of(rows: Records, whom: set[int]) -> Records:
    """Give the rows of these patients."""
    found: Records = rows[np.isin(words(rows), list(whom))]
    return found


def changes(a: TrialRecords, b: TrialRecords, whom: set[int] | None) -> tuple[set[Kind], dict[str, set[str]]]:
    """Give the kinds of events, and the fields by table, that differ between two worlds, of all or of these."""
    left, right = (set(event_rows(r)) for r in (a, b))
    if whom is not None:
        left, right = of_patients(left, whom), of_patients(right, whom)
    differ: dict[str, set[str]] = {}
    for name in set(LAYOUT) - {"events"}:
        x, y = getattr(a, name), getattr(b, name)
        differ[name] = changed_fields(x, y) if whom is None else changed_fields(of(x, whom), of(y, whom))
    return kinds(left ^ right), {name: found for name, found in differ.items() if found}


@pytest.mark.parametrize("switch", Switches.model_fields)
def test_each_switch_changes_what_it_may_and_nothing_else(switch: str) -> None:
    """Off, a switch changes some of what its row names (nothing, where it names nothing) and nothing besides."""
    assert switch in ROWS, f"switch {switch} has no row: say in which world it is on and what it may change"
    row = ROWS[switch]
    on, without = play("sham_rct", row.base), play("sham_rct", off(switch, row.base))
    same_people(on, without)
    both = entered(on) & entered(without)
    found, differ = changes(on, without, both if row.entry else None)
    assert found <= row.kinds
    assert set(differ) <= set(row.fields)
    for table, names in differ.items():
        assert names <= row.fields[table], table
    if row.entry:
        assert len(both) >= 50
        assert entered(on) != entered(without)
    else:
        assert bool(differ) == bool(row.fields)


def test_no_row_is_left_over() -> None:
    """A row belongs to a switch that there is."""
    assert list(ROWS) == list(Switches.model_fields)
