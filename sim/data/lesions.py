"""Lesions found at scans, added up a patient."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from sim.core.units import DAYS_PER_YEAR
from sim.data.cohort import Cohort, Floats, at_visit


def at_scans(people: Cohort, field: str, visits: Sequence[int]) -> tuple[Floats, Floats]:
    """Give what was found at these visits together, and how many of their scans took place; one value a patient."""
    found = np.stack([at_visit(people, field, visit) for visit in visits])
    done = ~np.isnan(found)
    return np.where(done, found, 0.0).sum(axis=0), done.sum(axis=0).astype(float)


def since_baseline(people: Cohort, field: str, visits: Sequence[int]) -> tuple[Floats, Floats]:
    """Give what was found after the first of these scans, and the years from the first to the last that took place."""
    counts, _ = at_scans(people, field, visits)
    times = np.stack([at_visit(people, "time", visit) for visit in visits])
    done = ~np.isnan(times)
    last, begun = np.where(done, times, -np.inf).max(axis=0), np.where(done, times, np.inf).min(axis=0)
    with np.errstate(invalid="ignore"):
        years = np.where(done.sum(axis=0) > 1, (last - begun) / DAYS_PER_YEAR, 0.0)
    return counts, years
