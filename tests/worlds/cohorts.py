"""The worlds that are compared: a fixed cohort and a recruiting trial, every mechanism pinned; and how."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from sim.core.events import Kind
from sim.engines.records import LAYOUT, Records, TrialRecords
from tests.helpers import (
    EventRow,
    Overrides,
    changed_fields,
    play,
)

ARMS = [{"name": "sham", "procedure": "sham"}, {"name": "angioplasty", "procedure": "angioplasty"}]
COURSE = {Kind.RELAPSE, Kind.RELAPSE_REPORTED, Kind.RELAPSE_CONFIRMED, Kind.VISIT}
"""What follows when the true relapses of enrolled patients change, and nothing feeds back."""

# Every mechanism is on, pinned here so that no test leans on a shipped default. The cohort is fixed: everybody who
# arrives enters, so who is in the study can't change.
FIXED: dict[str, object] = {
    "sites.count": 3,
    "sites.opening_interval_days": 0.0,
    "enrolment": {"target": 300, "accrual": "uniform", "accrual_days": 365.25, "max_days": 3652.5},
    "self_referral.enabled": False,
    "eligibility.enabled": False,
    "randomisation": {"kind": "permuted_blocks", "block_size": 4},
    "frailty.variance": 0.5,
    "activity": {"kind": "two_state", "ratio": 6.0, "active_months": 8.0, "quiescent_months": 24.0},
    "relapse": {"rate_per_year": 1.0, "refractory_days": 0.0, "history_years": 3.0},
    "decline": {"enabled": True, "fall_per_year": 0.1},
    "disability.rater_lean_points": 0.5,
    "msfc": {"practice_z": 0.3, "practice_sessions": 1.0, "rater_lean_z": 0.2},
    "quality": {"placebo_peak_points": 5.0, "placebo_onset_days": 30.0, "placebo_decay_months": 36.0},
    "veins": {"wait_days": 7.0, "success_prob": 0.95},
    "effect": {"enabled": True, "rate_ratio": 0.4, "slope_ratio": 1.0, "msqol_points": 0.0},
    "belief": {"patient": "blinded", "physician": "blinded", "assessor": "blinded", "blinding_leak": 0.0},
    "reporting": {"enabled": True, "pseudo_per_year": 0.5},
    "recall": {"enabled": True, "omission_prob": 0.2, "telescoping_prob": 0.3},
    "medication.enabled": False,
    "dropout": {"enabled": True, "hazard_per_year": 0.1, "disbelief_ratio": 3.0},
    "visits.months": [0.0, 6.0, 12.0, 18.0, 24.0],
    "arm": ARMS,
    "endpoint": [{"name": "arr_24m"}],
    "study.primary": "",
}

# The same patients in a trial with an entry rule that closes on a day, not on a number: how many come in can't move the
# closing day. Simple allocation: a patient's arm depends on the patient's own draw alone.
RECRUITING = FIXED | {
    "enrolment": {"target": 480, "accrual": "poisson", "max_days": 500.0, "screening_days": 14.0},
    "sites": {"count": 12, "arrivals_per_month": 2.5, "rate_variance": 0.0, "opening_interval_days": 0.0},
    "eligibility": {"enabled": True, "kind": "strict", "relapses_1y": 1, "relapses_2y": 2, "relapse_free_days": 30.0}
    | {"stenosis_required": True, "edss_max": 5.5},
    "randomisation": {"kind": "simple", "block_size": 4},
    "relapse.rate_per_year": 0.6,
}


OPEN_LABEL: dict[str, object] = {
    "belief": {"patient": "open", "physician": "open", "assessor": "open"},
    "study.design": "open_label_parallel",
}


def off(switch: str, base: Overrides) -> Overrides:
    """Give the world without this mechanism."""
    return {**base, f"switches.{switch}": False}


def pair(base: Overrides, other: Overrides) -> tuple[TrialRecords, TrialRecords]:
    """Play both worlds with one seed."""
    return play("sham_rct", base), play("sham_rct", other)


def of_patients(rows: Iterable[EventRow], words: set[int]) -> set[EventRow]:
    """Give the events of these patients."""
    return {row for row in rows if row[2] in words}


def words(subjects: Records) -> NDArray[np.int64]:
    """Give the patient words of these rows."""
    found: NDArray[np.int64] = (subjects["site"] << 32) | subjects["arrival"]
    return found


def without_values(rows: set[EventRow]) -> set[tuple[float, int, int, int]]:
    """Give times and places alone."""
    return {row[:4] for row in rows}


def fields(a: TrialRecords, b: TrialRecords) -> dict[str, set[str]]:
    """Give the fields that differ, by table, of the tables that differ; the event log left out."""
    every = {name: changed_fields(getattr(a, name), getattr(b, name)) for name in LAYOUT if name != "events"}
    return {name: changed for name, changed in every.items() if changed}


FIXED_FOR_LIFE = ("frailty", "edss_latent", "slope_per_day", "quality_latent", "msfc_latent", "mental_latent")
"""What a patient is born with: drawn at the patient's address, never moved by any world."""


def same_people(a: TrialRecords, b: TrialRecords) -> None:
    """Assert that whoever is screened in both worlds was born the same."""
    left, right = a.subjects, b.subjects
    _, i, j = np.intersect1d(words(left), words(right), return_indices=True)
    assert len(i) >= 50
    for field in FIXED_FOR_LIFE:
        assert np.array_equal(left[field][i], right[field][j])
