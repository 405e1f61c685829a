"""The entered patients of one trial, and what was seen of them in a window."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from sim.core.units import DAYS_PER_YEAR, months
from sim.engines.records import Records, TrialRecords

Counts = Literal["true", "reported", "confirmed", "recalled"]
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Cohort:
    """One row an entered patient, in order of entry; relapses and visits point to their patient's row.

    `relapse_row` and `visit_row` are -1 for rows of candidates who did not enter.
    """

    subjects: Records
    relapses: Records
    relapse_row: NDArray[np.int64]
    visits: Records
    visit_row: NDArray[np.int64]

    @property
    def size(self) -> int:
        """How many patients entered."""
        return len(self.subjects)


def cohort(records: TrialRecords) -> Cohort:
    """Give the entered patients of a trial, in order of entry."""
    entered = records.subjects[records.subjects["entry_number"] >= 0]
    entered = entered[np.argsort(entered["entry_number"], kind="stable")]
    return Cohort(
        entered,
        records.relapses,
        _rows(entered, records.relapses),
        records.visits,
        _rows(entered, records.visits),
    )


def _word(rows: Records) -> NDArray[np.int64]:
    word: NDArray[np.int64] = (rows["site"] << 32) | rows["arrival"]
    return word


def _rows(entered: Records, rows: Records) -> NDArray[np.int64]:
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
    day_1 = people.subjects["day_1"]
    low, high = day_1 + months(start_months), day_1 + months(end_months)
    if end_months > 0.0:
        high = np.minimum(high, people.subjects["planned_end" if planned else "end_time"])
    years = np.maximum(high - low, 0.0) / DAYS_PER_YEAR
    kept = (people.relapse_row >= 0) & counted(people.relapses, kind)
    rows = people.relapse_row[kept]
    time = people.relapses["recalled_onset" if kind == "recalled" else "onset"][kept]
    inside = (time > low[rows]) & (time <= high[rows])
    return Window(np.bincount(rows[inside], minlength=people.size).astype(np.float64), years)


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


def stayed(people: Cohort) -> NDArray[np.bool_]:
    """Tell who was followed to the planned end."""
    complete: NDArray[np.bool_] = people.subjects["dropped_out"] == 0
    return complete
