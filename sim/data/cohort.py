"""The entered patients of one trial or of several, and what was seen of them in a window."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from sim.core.units import months
from sim.data.counting import observe_first, observe_window
from sim.engines.records import GUESSES, RELAPSE, SUBJECT, VISIT, Batch, Records, TrialRecords
from sim.model.course import COURSES

Counts = Literal["true", "reported", "confirmed", "recalled"]
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Cohort:
    """One row an entered patient, by trial and order of entry; relapses and visits point to their patient's row.

    Patients first[k] to first[k + 1] - 1 are those of trial k. `relapse_row` and `visit_row` are -1 for rows of
    candidates who did not enter. `guesses` has a row a patient, or none where they were not wanted.
    """

    first: NDArray[np.int64]
    subjects: Records
    relapses: Records
    relapse_row: NDArray[np.int64]
    visits: Records
    visit_row: NDArray[np.int64]
    guesses: Records = field(default_factory=lambda: np.empty(0, GUESSES))

    @property
    def size(self) -> int:
        """How many patients entered, all trials together."""
        return len(self.subjects)

    @property
    def trials(self) -> int:
        """How many trials there are."""
        return len(self.first) - 1


def cohort(records: TrialRecords) -> Cohort:
    """Give the entered patients of a trial, in order of entry."""
    entered = records.subjects[records.subjects["entry_number"] >= 0]
    entered = entered[np.argsort(entered["entry_number"], kind="stable")]
    return Cohort(
        np.array([0, len(entered)]),
        entered,
        records.relapses,
        rows_of(entered, records.relapses),
        records.visits,
        rows_of(entered, records.visits),
        _guesses(entered),
    )


def cohort_of(batch: Batch) -> Cohort:
    """Give the entered patients of a batch of trials."""
    rows = batch.relapses["row"], batch.visits["row"]
    return Cohort(batch.first, batch.people, batch.relapses, rows[0], batch.visits, rows[1], batch.guesses)


def nobody() -> Cohort:
    """Give the cohort of no trial."""
    none = np.empty(0, np.int64)
    return Cohort(np.zeros(1, np.int64), np.empty(0, SUBJECT), np.empty(0, RELAPSE), none, np.empty(0, VISIT), none)


def of_course(people: Cohort, course: str) -> Cohort:
    """Give the patients of a course ("rr", "sp" or "pp"; "" all); rows of the others belong to nobody then."""
    if not course:
        return people
    mask = people.subjects["course"] == COURSES.index(course)
    place = np.append(np.where(mask, np.cumsum(mask) - 1, -1), -1)  # the last one for rows of nobody, -1
    first = np.concatenate([[0], np.cumsum(mask)])[people.first]
    rows = place[people.relapse_row], place[people.visit_row]
    return Cohort(first, people.subjects[mask], people.relapses, rows[0], people.visits, rows[1])


def joined(parts: Sequence[Cohort]) -> Cohort:
    """Give the cohorts of one trial each as one cohort of all of them."""
    if len(parts) == 1:
        return parts[0]
    first = np.concatenate([[0], np.cumsum([p.size for p in parts])])
    return Cohort(
        first,
        np.concatenate([p.subjects for p in parts]),
        np.concatenate([p.relapses for p in parts]),
        _moved([p.relapse_row for p in parts], first),
        np.concatenate([p.visits for p in parts]),
        _moved([p.visit_row for p in parts], first),
        np.concatenate([p.guesses for p in parts]),
    )


def _guesses(entered: Records) -> Records:
    """Give the guesses among the fields of subjects."""
    found = np.empty(len(entered), GUESSES)
    for name in GUESSES.names or ():
        found[name] = entered[name]
    return found


def only(people: Cohort, mask: NDArray[np.bool_]) -> Cohort:
    """Give the cohort of those patients for whom `mask`, one value a patient, holds."""
    place = np.concatenate([[0], np.cumsum(mask)])
    new = np.where(mask, place[:-1], -1)
    visits, relapses = (
        np.where(rows >= 0, np.concatenate([new, [-1]])[rows], -1) for rows in (people.visit_row, people.relapse_row)
    )
    return Cohort(place[people.first], people.subjects[mask], people.relapses, relapses, people.visits, visits)


def _moved(rows: list[NDArray[np.int64]], first: NDArray[np.int64]) -> NDArray[np.int64]:
    return np.concatenate([np.where(r >= 0, r + begin, -1) for r, begin in zip(rows, first[:-1], strict=True)])


def _word(rows: Records) -> NDArray[np.int64]:
    word: NDArray[np.int64] = (rows["site"] << 32) | rows["arrival"]
    return word


def rows_of(entered: Records, rows: Records) -> NDArray[np.int64]:
    """Give for each row of another table the row of its patient among those who entered, -1 where none is."""
    words, wanted = _word(entered), _word(rows)
    if not len(words):
        return np.full(len(wanted), -1)
    order = np.argsort(words)
    place = np.minimum(np.searchsorted(words, wanted, sorter=order), len(words) - 1)
    row = order[place]
    return np.where(words[row] == wanted, row, -1)


@dataclass(frozen=True)
class Window:
    """Relapses counted and years observed, one value a patient, in a window counted from study day 1."""

    counts: Floats
    years: Floats


def window(people: Cohort, kind: Counts, start_months: float, end_months: float, planned: bool = False) -> Window:
    """Count relapses after `start_months` and up to `end_months` from study day 1, as far as patients were observed.

    `planned` counts to the planned end of follow-up, whoever left before (for worlds in which nobody leaves). A window
    before study day 1 is observed in full.
    """
    counts, years = np.empty(people.size), np.empty(people.size)
    ends = _ends(people, planned)
    observe_window(
        *ends, *_columns(people, kind), months(start_months), months(end_months), end_months > 0.0, counts, years
    )
    return Window(counts, years)


def _ends(people: Cohort, planned: bool) -> tuple[Any, Any]:
    """Give study day 1 and the end of observation."""
    return people.subjects["day_1"], people.subjects["planned_end" if planned else "end_time"]


def _columns(people: Cohort, kind: Counts) -> tuple[Any, ...]:
    """Give what the counting kernels take: whose, pseudo or not, when, seen when, and whether pseudo ones count."""
    time = "recalled_onset" if kind == "recalled" else "onset"
    seen = f"{kind}_time" if kind in ("reported", "confirmed") else time
    return people.relapse_row, *(people.relapses[n] for n in ("pseudo", time, seen)), kind in ("reported", "confirmed")


def first_event(people: Cohort, kind: Counts, planned: bool = False) -> tuple[Floats, NDArray[np.bool_]]:
    """Give days from study day 1 to the first relapse of this kind, or to the end of observation, and which it was.

    `planned` observes everyone to the planned end of follow-up. Who left before study day 1 has no days above 0.
    """
    days, events = np.empty(people.size), np.empty(people.size, np.bool_)
    observe_first(*_ends(people, planned), *_columns(people, kind), days, events)
    return days, events


def counted(relapses: Records, kind: Counts) -> NDArray[np.bool_]:
    """Tell which rows are relapses of this kind: true, reported or confirmed on study, or recalled of the past."""
    kept: NDArray[np.bool_] = relapses["pseudo"] == 0
    if kind in ("reported", "confirmed"):
        kept = ~np.isnan(relapses[f"{kind}_time"])
    elif kind == "recalled":
        kept &= ~np.isnan(relapses["recalled_onset"])
    return kept


def at_visit(people: Cohort, field: str, visit: int) -> Floats:
    """Give one value a patient from visit number `visit`; NaN where it did not take place."""
    values = np.full(people.size, np.nan)
    kept = (people.visits["visit"] == visit) & (people.visit_row >= 0)
    values[people.visit_row[kept]] = people.visits[field][kept]
    return values


def restenosed(people: Cohort, detected: bool, end_months: float) -> Floats:
    """Tell (1 or 0) in whom an opened vein was narrow again by `end_months` from study day 1.

    NaN where no vein was opened. `detected`: was first read as narrow by then, true or not.
    """
    time = people.subjects["detected_time" if detected else "restenosis_time"]
    narrow = time <= people.subjects["day_1"] + months(end_months)
    return np.where(people.subjects["opened_veins"] > 0, narrow.astype(float), np.nan)


def stayed(people: Cohort) -> NDArray[np.bool_]:
    """Tell who was followed to the planned end."""
    complete: NDArray[np.bool_] = people.subjects["dropped_out"] == 0
    return complete
