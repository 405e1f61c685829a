"""The arrays that kernels work on: the plan as one record of float64, and the state of trial, site and patient.

Every number of a plan is a float64 at a fixed place, whatever the scenario: an int where a float was meant would
compile everything anew. Variable lists have a fixed room and a count.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from sim.core.inverse import MIDDLE_LOW, MIDDLE_STEPS, TAIL_STEPS
from sim.core.units import years
from sim.engines.records import RELAPSE, SUBJECT, VISIT, Records
from sim.engines.world import World
from sim.jit import INTERPRETED
from sim.model.activity import months_back
from sim.model.hazard import HAZARDS
from sim.model.relapse import MOST_HISTORY_YEARS, MOST_LAYERS
from sim.model.sites import MOST_PHASES
from sim.model.slots import MOST_SLOTS
from sim.model.surveillance import MOST_IMAGINGS
from sim.model.veins import MOST_PROCEDURES
from sim.model.visits import MOST_VISITS
from sim.scenario.plan import Plan

MIDDLE_TABLE = round((1.0 - 2.0 * MIDDLE_LOW) * MIDDLE_STEPS)
LISTS = {
    "visit_days": MOST_VISITS,
    "middle": 4 * MIDDLE_TABLE,
    "tails": 4 * TAIL_STEPS,
    "scan_visits": MOST_VISITS,
    "imaging_days": MOST_IMAGINGS,
    "phase_from": MOST_PHASES,
    "phase_factor": MOST_PHASES,
}  # of a plan, their length varies
MOST_CLOCKS = 40  # one a layer, one a vein, one each of some twenty kinds, two a further procedure
WALKERS = 3  # of the activity path, beside the layers: the log, and two that lesions ask for

WANT = np.dtype(
    [
        ("everything", "f8"),
        ("exams", "f8"),
        ("entry_exam", "f8"),
        ("severity", "f8"),
        ("recall", "f8"),
        ("past", "f8"),
        ("first", "f8"),
        ("reports", "f8"),
        ("belief", "f8"),
        ("brief", "f8"),
        ("plain", "f8"),
        ("msfc", "f8"),
        ("mental", "f8"),
        ("gd_lesions", "f8"),
        ("new_t2", "f8"),
        ("surveillance", "f8"),
        ("guesses", "f8"),
    ]
)
"""What is asked of the engine (1 or 0): draws that nothing asked for depends on are not made."""


def _fields(kind: type[NamedTuple]) -> list[tuple[Any, ...]]:
    """Give the record fields of a plan's type: a float64 each, a record a nested plan, an array a tuple."""
    hints = kind.__annotations__
    fields: list[tuple[Any, ...]] = []
    for name in kind._fields:
        hint = hints[name] if isinstance(hints[name], str) else getattr(hints[name], "__forward_arg__", "")
        if name in LISTS:
            continue
        if hint.startswith("tuple["):
            fields.append((name, "f8", (hint.count("float"),)))
        elif hint == "float":
            fields.append((name, "f8"))
        else:
            fields.append((name, np.dtype(_fields(_nested(hint)))))
    return fields


def _nested(hint: str) -> Any:
    from sim.scenario import plan

    return getattr(plan, hint)


GIVEN = np.dtype(
    [
        ("seed", "u8"),
        ("world", np.dtype(_fields(World))),
        ("want", WANT),
        ("visits", "f8"),
        ("visit_wanted", "f8", (MOST_VISITS,)),
        *((name, "f8", (length,)) for name, length in LISTS.items()),
        *_fields(Plan),
    ]
)
"""What a kernel is given: seed, world, wants, visits, and the plan under its own names.

Long lists stand at the top: Numba copies a record within a record whenever one of its fields is read.
"""

FURTHER_GIVEN = np.dtype([("further", "f8"), *GIVEN.descr])
"""The same with the mark of a plan that has further mechanisms (`sim.jit.further_part`); at the front, or else Numba
would take one record for the other."""


def given(plan: Plan, seed: int, world: World, want: Records, visits: Sequence[int], further: bool) -> Records:
    """Give the record array of one entry that kernels take; `visits` are the numbers of those wanted."""
    array = np.zeros(1, FURTHER_GIVEN if further else GIVEN)
    array["seed"] = np.uint64(seed)
    array["want"] = want
    array["visits"] = float(len(plan.visit_days))
    for name, value in zip(World._fields, world, strict=True):
        array["world"][name] = value
    _fill(array[0], array[0], plan)
    array["visit_wanted"][0, list(visits)] = 1.0
    return rows_by_name(array)


def rows_by_name(table: Records) -> Records:
    """Give a table whose rows have their fields as attributes, as kernels write them; compiled, every table's have."""
    return table.view(np.recarray) if INTERPRETED else table


def _fill(top: Any, record: Any, plan: Any) -> None:
    for name, value in zip(plan._fields, plan, strict=True):
        if hasattr(value, "_fields"):
            _fill(top, record[name], value)
        elif name in LISTS:
            top[name][: len(value)] = value
        else:
            record[name] = value


TRIAL = np.dtype(
    [
        ("seed", "u8"),
        ("number", "u8"),
        ("status", "i8"),
        ("states", "i8"),
        ("relapses", "i8"),
        ("visits", "i8"),
        ("procedures", "i8"),
        ("events", "i8"),
        ("entered", "i8"),
        ("free_state", "i8"),
        ("free_relapse", "i8"),
        ("queued", "i8"),
        ("settled", "i8"),
        ("closed", "f8"),
        ("end_day", "f8"),
        ("closed_time", "f8"),
        ("block", "i8"),
        ("place", "i8"),
        ("left", "f8", (3,)),
        ("lane", "f8", (4,)),
        ("of_course", "f8", (3,)),
        ("past_level", "f8", (months_back(years(MOST_HISTORY_YEARS)) + 1,)),
        ("imaging", "i8"),
        ("of_past", "i8"),
    ]
)
"""One trial in play: its address, how many rows of each table it has filled, what enrolment has come to, and the
monthly activity of the candidate whose history is being lived (one at a time, from the first month to month 0)."""

BLOCK_LIST = np.dtype([("used", "i8"), ("left", "f8", (3,)), ("lane", "f8", (4,)), ("count", "f8", (3,))])
"""A stratum's list of blocks (places used, left in the block by arm, draws), or a margin's count by arm."""

SITE = np.dtype(
    [
        ("word", "u8"),
        ("rate", "f8"),
        ("rater", "f8"),
        ("clock", "f8"),
        ("opening", "f8"),
        ("time", "f8"),
        ("share", "f8"),
        ("spent", "f8"),
        ("total", "f8"),
        ("arrival", "i8"),
        ("u", "f8", (4,)),
        ("first_patient", "i8"),
        ("slot_free", "f8", (MOST_SLOTS,)),
        ("relapse_factor", "f8"),
        ("success_shift", "f8"),
        ("effect_shift", "f8"),
        ("entered", "i8"),
    ]
)
"""A site: its rate and rater, and the next candidate's arrival (before and after rounding to the clock); the first of
its patients whose lives wait for each other, and from when each procedure slot is free."""

STATE = np.dtype(
    [
        *SUBJECT.descr,
        ("word", "u8"),
        ("now", "f8"),
        ("rater", "f8"),
        ("ability", "f8"),
        ("u_dropout", "f8"),
        ("u_arm", "f8"),
        ("u_refer", "f8"),
        ("u_select", "f8"),
        ("wait", "f8"),
        ("horizon", "f8"),
        ("pause", "f8"),
        ("starts_active", "f8"),
        ("sojourn", "f8", (4,)),
        ("months_back", "i8"),
        ("score", "f8"),
        ("innovation", "f8", (4,)),
        ("innovation_at", "i8"),
        ("lasting", "f8"),
        ("lasting_until", "f8"),
        ("patency", "f8"),
        ("working", "f8"),
        ("rate_factor", "f8"),
        ("slope_factor", "f8"),
        ("last_onset", "f8"),
        ("on_medication", "f8"),
        ("medication_pending", "f8"),
        ("believing", "f8"),
        ("entered", "f8"),
        ("ended", "f8"),
        ("next_free", "i8"),
        ("next_at_site", "i8"),
        ("treated_as", "i8"),
        ("kinds", "i8", (MOST_PROCEDURES,)),
        ("asked", "f8", (MOST_PROCEDURES,)),
        ("procedures", "i8"),
        ("queueing", "f8"),
        ("queueing_for", "i8"),
        ("waits", "f8"),
        ("retreatments", "i8"),
        ("retreating", "i8"),
        ("second", "i8"),
        ("served", "f8"),
        ("own", "i8"),
        ("first_own", "i8"),
        ("last_own", "i8"),
        ("reports", "i8"),
        ("confirms", "i8"),
        ("clocks", "i8"),
        ("clock_time", "f8", (MOST_CLOCKS,)),
        ("clock_rank", "i8", (MOST_CLOCKS,)),
        ("clock_index", "i8", (MOST_CLOCKS,)),
        ("layer_time", "f8", (MOST_LAYERS,)),
        ("layer_need", "f8", (MOST_LAYERS,)),
        ("layer_paused", "f8", (MOST_LAYERS,)),
        ("layer_mark", "f8", (MOST_LAYERS,)),
        ("layer_gap_2", "f8", (MOST_LAYERS,)),
        ("layer_mark_2", "f8", (MOST_LAYERS,)),
        ("layer_points", "i8", (MOST_LAYERS,)),
        ("stretch", "i8", (MOST_LAYERS + WALKERS,)),
        ("stretch_end", "f8", (MOST_LAYERS + WALKERS,)),
        ("stretch_active", "f8", (MOST_LAYERS + WALKERS,)),
        ("stretch_score", "f8", (MOST_LAYERS + WALKERS,)),
        ("vein_stenosed", "f8", (3,)),
        ("vein_u_success", "f8", (3,)),
        ("vein_u_restenosis", "f8", (3,)),
        ("vein_treated", "f8", (3,)),
        ("vein_opened", "f8", (3,)),
        ("vein_open_now", "f8", (3,)),
        ("vein_opened_time", "f8", (3,)),
        ("vein_restenosis", "f8", (3,)),
        ("lesion_since", "f8"),
        ("lesion_days", "f8"),
        ("group", "i8"),
        ("vein_detected", "f8", (3,)),
        ("under_surveillance", "f8"),
        ("imagings", "i8"),
        ("relapse_imaging_due", "f8"),
        ("last_reported", "f8"),
        ("log_odds", "f8", (3,)),
        ("belief_formed", "f8", (3,)),
        ("quality_seen", "f8"),
        ("guess", "i8", (6,)),
        ("reported", "f8"),
        ("spells", "i8"),
        ("escalation_pending", "f8"),
        ("hazard_budget", "f8", (HAZARDS,)),
        ("hazard_spent", "f8", (HAZARDS,)),
        ("hazard_since", "f8", (HAZARDS,)),
        ("hazard_now", "f8", (HAZARDS,)),
        ("relapse_factor", "f8"),
        ("success_shift", "f8"),
        ("effect_shift", "f8"),
    ]
)
"""A candidate: the row of `records.SUBJECT`, and what the life needs to go on from where it paused.

`belief_patient` and the like hold what is believed now; where beliefs move, `belief_formed` is what the record shows.
"""

OWN_RELAPSE = np.dtype(
    [
        *RELAPSE.descr,
        ("layer", "i8"),
        ("index", "i8"),
        ("next_own", "i8"),
        ("next_due", "i8"),
        ("due", "f8"),
    ]
)
"""A relapse: the row of `records.RELAPSE`, the patient's next one, and the next in its queue."""

OWN_VISIT = np.dtype([*VISIT.descr, ("person", "i8")])
"""A visit: the row of `records.VISIT`, and the patient's number of entry."""

PERSON = np.dtype(
    [
        ("arm", "i8"),
        ("day_1", "f8"),
        ("planned_end", "f8"),
        ("end_time", "f8"),
        ("dropped_out", "i8"),
        ("course", "i8"),
        ("doppler_criteria", "i8"),
    ]
)
FURTHER_PERSON = np.dtype([*PERSON.descr, ("opened_veins", "i8"), ("restenosis_time", "f8"), ("detected_time", "f8")])
"""What a plan with further mechanisms tells of a patient beyond that, as far as it is asked for."""

SEEN_RELAPSE = np.dtype(
    [
        ("row", "i8"),
        ("pseudo", "i8"),
        ("onset", "f8"),
        ("recalled_onset", "f8"),
        ("reported_time", "f8"),
        ("confirmed_time", "f8"),
    ]
)
SEEN_VISIT = np.dtype(
    [
        ("row", "i8"),
        ("visit", "i8"),
        ("edss", "f8"),
        ("quality", "f8"),
        ("edss_latent", "f8"),
        ("quality_latent", "f8"),
        ("msfc", "f8"),
        ("mental", "f8"),
        ("msfc_latent", "f8"),
        ("mental_latent", "f8"),
        ("time", "f8"),
        ("gd_lesions", "f8"),
        ("new_t2", "f8"),
        ("gd_lesions_latent", "f8"),
        ("new_t2_latent", "f8"),
    ]
)

__all__ = [
    "BLOCK_LIST",
    "FURTHER_PERSON",
    "GIVEN",
    "OWN_RELAPSE",
    "OWN_VISIT",
    "PERSON",
    "SEEN_RELAPSE",
    "SEEN_VISIT",
    "SITE",
    "STATE",
    "TRIAL",
    "WANT",
    "given",
    "rows_by_name",
]
