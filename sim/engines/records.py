"""The record layout: what every engine hands up, one flat array a table. Frozen by a test; fields are only appended."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sim.model.belief import HOLDERS
from sim.model.guess import OCCASIONS

Records = NDArray[np.void]

_KEY = [("site", "i8"), ("arrival", "i8")]

GUESSES = np.dtype([(f"guess_{occasion}_{holder}", "i8") for occasion in OCCASIONS for holder in HOLDERS])
"""Treatment guesses by occasion and holder: 0 sham, 1 angioplasty, 2 don't know, -1 not asked."""

SUBJECT = np.dtype(
    [
        *_KEY,
        ("screening_time", "f8"),
        ("screening_edss", "f8"),
        ("recalled_1y", "f8"),
        ("recalled_2y", "f8"),
        ("reason", "i8"),
        ("entry_number", "i8"),
        ("arm", "i8"),
        ("procedure", "i8"),
        ("entry_time", "f8"),
        ("day_1", "f8"),
        ("procedure_time", "f8"),
        ("planned_end", "f8"),
        ("end_time", "f8"),
        ("dropped_out", "i8"),
        ("treated_veins", "i8"),
        ("opened_veins", "i8"),
        ("medication_time", "f8"),
        ("frailty", "f8"),
        ("active_at_screening", "f8"),
        ("edss_latent", "f8"),
        ("slope_per_day", "f8"),
        ("quality_latent", "f8"),
        ("belief_patient", "f8"),
        ("belief_physician", "f8"),
        ("belief_assessor", "f8"),
        ("msfc_latent", "f8"),
        ("mental_latent", "f8"),
        ("lesion_factor", "f8"),
        ("course", "i8"),
        ("doppler_criteria", "i8"),
        ("venography", "i8"),
        ("ivus", "i8"),
        ("restenosis_time", "f8"),
        ("detected_time", "f8"),
        *GUESSES.descr,
        ("dropout_reason", "i8"),
        ("medication_stop_time", "f8"),
        ("escalation_time", "f8"),
        ("outside_time", "f8"),
    ]
)
RELAPSE = np.dtype(
    [
        *_KEY,
        ("number", "i8"),
        ("point", "i8"),
        ("pseudo", "i8"),
        ("onset", "f8"),
        ("severity", "f8"),
        ("residual", "f8"),
        ("recalled_onset", "f8"),
        ("reported_time", "f8"),
        ("confirmed_time", "f8"),
    ]
)
VISIT = np.dtype(
    [
        *_KEY,
        ("visit", "i8"),
        ("time", "f8"),
        ("edss", "f8"),
        ("quality", "f8"),
        ("edss_latent", "f8"),
        ("quality_latent", "f8"),
        ("patency", "f8"),
        ("belief_patient", "f8"),
        ("msfc", "f8"),
        ("mental", "f8"),
        ("msfc_latent", "f8"),
        ("mental_latent", "f8"),
        ("gd_lesions", "f8"),
        ("new_t2", "f8"),
        ("gd_lesions_latent", "f8"),
        ("new_t2_latent", "f8"),
    ]
)
VEIN = np.dtype(
    [
        *_KEY,
        ("vein", "i8"),
        ("stenosed", "i8"),
        ("treated", "i8"),
        ("opened", "i8"),
        ("restenosis_time", "f8"),
        ("detected_time", "f8"),
    ]
)
PROCEDURE = np.dtype(
    [
        *_KEY,
        ("number", "i8"),
        ("kind", "i8"),
        ("request_time", "f8"),
        ("time", "f8"),
        ("complications", "i8"),
    ]
)
EVENT = np.dtype(
    [
        ("time", "f8"),
        ("rank", "i8"),
        ("patient", "u8"),
        ("index", "i8"),
        ("value", "f8"),
    ]
)
IMAGING = np.dtype(
    [
        *_KEY,
        ("number", "i8"),
        ("time", "f8"),
        ("trigger", "i8"),
        ("vein", "i8"),
        ("narrow", "i8"),
        ("read", "i8"),
    ]
)
ENGINE_VERSION = 5  # one number for all engines, raised whenever an answer changes

LAYOUT = {
    "subjects": SUBJECT,
    "relapses": RELAPSE,
    "visits": VISIT,
    "veins": VEIN,
    "procedures": PROCEDURE,
    "events": EVENT,
    "imaging": IMAGING,
}


@dataclass(frozen=True, slots=True)
class TrialRecords:
    """One trial as flat arrays in the layouts above; rows by (site, arrival), events by the tie key.

    `subjects` has a row for each screened candidate, the failures included. Times are in days since the first site
    opened, NaN where something never happened.
    """

    trial: int
    subjects: Records
    relapses: Records
    visits: Records
    veins: Records
    procedures: Records
    events: Records
    imaging: Records


@dataclass(frozen=True, slots=True)
class Batch:
    """The entered patients of several trials in order of entry, and what was asked for of each.

    Patients first[k] to first[k + 1] - 1 are those of the k-th trial; fields are named as in the layouts above, `row`
    being the patient's place in `people`. `guesses` has a row a patient where they are asked, else none.
    """

    first: NDArray[np.int64]
    people: Records
    relapses: Records
    visits: Records
    guesses: Records


def pack(trial: int, rows: dict[str, list[tuple[Any, ...]]]) -> TrialRecords:
    """Turn lists of tuples into the flat arrays, sorted (subjects first by site and arrival, events by the tie key)."""
    arrays = {}
    for name, layout in LAYOUT.items():
        table = rows[name]
        table.sort(key=(lambda r: r[:4]) if name == "events" else (lambda r: r[:3]))
        arrays[name] = np.array(table, dtype=layout)
    return TrialRecords(trial, **arrays)


def unlike(a: TrialRecords, b: TrialRecords) -> list[str]:
    """Tell in which tables and fields two trials differ, bit for bit, in words; nothing where they are the same."""
    found = [] if a.trial == b.trial else [f"trial: {a.trial} and {b.trial}"]
    for name, layout in LAYOUT.items():
        x, y = getattr(a, name), getattr(b, name)
        if not x.dtype == y.dtype == layout:
            found.append(f"{name}: not in the layout")
        elif len(x) != len(y):
            found.append(f"{name}: {len(x)} and {len(y)} rows")
        else:
            found += [f"{name}.{field}" for field in layout.names or () if x[field].tobytes() != y[field].tobytes()]
    return found
