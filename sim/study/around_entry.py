"""The relapse rate around entry, and what its fall is made of, from full records of many untreated trials."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from sim.core.units import DAYS_PER_MONTH, DAYS_PER_YEAR, months
from sim.data.cohort import Cohort, cohort, counted, window
from sim.scenario.schema import Scenario
from sim.study.nature import days_to, nature
from sim.study.play import Play
from sim.study.untreated import LONG_MONTHS, MONTHS_AFTER, WORLD, Months, years_of

Floats = NDArray[np.float64]

LEVELS = ("before", "after", "expected_before", "expected_after", "intensity_before", "intensity_after",
          "constant_before", "constant_after", "long_run", "source")  # fmt: skip
"""What a trial sums over its patients, each a rate a year: counted, expected to be counted, intensities, what
their frailty gives in the long run, and the mean of the population of their course."""


PARTS = ("chance", "activity", "decline", "refractory")
"""What a fall is the sum of."""


class Value(NamedTuple):
    """A figure and its Monte Carlo standard error."""

    value: float
    mcse: float


def first_month(scenario: Scenario) -> int:
    """Give the month from screening with which the curve begins: three years before, or where the history has begun.

    The history's first month is left out: nobody relapsed before it, so the refractory time hides nothing there.
    """
    return -int(min(LONG_MONTHS, math.floor(12.0 * scenario.relapse.history_years) - 1.0))


@dataclass(frozen=True)
class Around:
    """Answers, for one trial, patients, true relapses by month from screening, and sums of LEVELS; picklable.

    Without `windows` (the population) there are no levels.
    """

    play: Play
    windows: tuple[Months, Months] | None

    def __call__(self, trial: int) -> Floats:
        """Play trial number `trial`, nothing done to anybody."""
        records = self.play.records(trial, WORLD)
        people = cohort(records)
        counts = by_month(people, first_month(self.play.scenario))
        sums = np.zeros(len(LEVELS))
        if self.windows and people.size:
            windows = self.windows
            last = float(days_to(people, max(windows[1][1], MONTHS_AFTER)).max())
            known = nature(self.play.plan, self.play.seed, trial, people, records.events, last)
            for i, w in enumerate(windows):
                low, high = (days_to(people, m) for m in w)
                sums[i] = window(people, "true", *w, planned=True).counts.sum() / years_of(w)
                for j, total in enumerate(("counted", "intensity", "constant")):
                    sums[2 + 2 * j + i] = known.within(total, low, high).sum() / years_of(w)
            sums[-2:] = known.long_run.sum(), known.source.sum()
        return np.concatenate([[float(people.size)], counts, sums])

    def warm(self) -> None:
        """Load, or compile, what the run needs."""
        self(0)


def by_month(people: Cohort, first: int) -> Floats:
    """Give true relapses of all patients in each month from screening, from `first` up to two years after."""
    kept = (people.relapse_row >= 0) & counted(people.relapses, "true")
    since = people.relapses["onset"][kept] - people.subjects["screening_time"][people.relapse_row[kept]]
    edges = np.arange(first, int(MONTHS_AFTER) + 1) * DAYS_PER_MONTH
    return np.histogram(since, edges)[0].astype(np.float64)


def ratio(part: Floats, whole: Floats) -> Value:
    """Give the ratio of sums over trials with its linearised standard error."""
    total, n = float(whole.sum()), len(whole)
    if total <= 0.0:
        return Value(math.nan, math.nan)
    value = float(part.sum()) / total
    off = (part - value * whole) / total
    return Value(value, math.sqrt(n / (n - 1.0) * float((off * off).sum())))


class Split(NamedTuple):
    """The fall taken apart; `fall` = chance + activity + decline + refractory, exactly.

    chance: counted less expected, before less after. activity: intensity without calendar, before less after. decline:
    what decline and season take. refractory: what merging takes more of the higher rate. `activity_left` and `frailty`
    are not of the fall: how far the intensity is above the long run still after, and how far that is above the mean of
    the population, `population`. The latter does not go away.
    """

    before: Value
    after: Value
    fall: Value
    chance: Value
    activity: Value
    decline: Value
    refractory: Value
    activity_left: Value
    frailty: Value
    population: Value


def split(table: Floats, levels: Floats) -> Split:
    """Take the fall apart, from patients a trial and sums of LEVELS a trial."""
    x = dict(zip(LEVELS, levels.T, strict=True))
    chance = (x["before"] - x["expected_before"]) - (x["after"] - x["expected_after"])
    activity = x["constant_before"] - x["constant_after"]
    intensity = x["intensity_before"] - x["intensity_after"]
    refractory = (x["expected_before"] - x["expected_after"]) - intensity
    parts = (
        x["before"], x["after"], x["before"] - x["after"], chance, activity, intensity - activity, refractory,
        x["constant_after"] - x["long_run"], x["long_run"] - x["source"], x["source"],
    )  # fmt: skip
    return Split(*(ratio(part, table) for part in parts))


def monthly(table: Floats, counts: Floats) -> list[Value]:
    """Give the rate a year of each month."""
    years = table * months(1.0) / DAYS_PER_YEAR
    return [ratio(column, years) for column in counts.T]
