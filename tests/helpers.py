"""The only way in which a test plays a trial, and the decision rule of every statistical test.

`play` is the one door to the engines: it plays the trial in both and compares them bit by bit, so no test can use one
of them alone. `agrees` is the one rule by which a Monte Carlo estimate is compared with the truth.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from functools import cache

import numpy as np
from numpy.typing import ArrayLike

from sim.core.events import Kind
from sim.data.cohort import Cohort, cohort
from sim.engines import compiled, reference
from sim.engines.records import LAYOUT, Records, TrialRecords, unlike
from sim.engines.world import OBSERVED, World
from sim.scenario.load import read_tables, validate
from sim.scenario.plan import Plan, make_plan
from sim.scenario.schema import Scenario

Z = 4.6
"""A comparison fails beyond so many standard errors: 4.2e-6 a comparison, two-sided, so below 1% in 2,000 of them."""

Overrides = Mapping[str, object]
EventRow = tuple[float, int, int, int, float]

EMPTY: Overrides = {}


def scenario(name: str, overrides: Overrides = EMPTY) -> Scenario:
    """Give a shipped scenario with these key paths set to these values, checked."""
    return _scenario(name, json.dumps(dict(overrides)))


def plan(name: str, overrides: Overrides = EMPTY) -> Plan:
    """Give the plan of that scenario."""
    return _plan(name, json.dumps(dict(overrides)))


def play(
    name: str, overrides: Overrides = EMPTY, *, trial: int = 0, seed: int = 1, world: World = OBSERVED
) -> TrialRecords:
    """Play one trial; the arrays are read-only, and the same call gives the same object for a while."""
    return _play(name, json.dumps(dict(overrides)), trial, seed, world)


def people(
    name: str, overrides: Overrides = EMPTY, *, trial: int = 0, seed: int = 1, world: World = OBSERVED
) -> Cohort:
    """Play one trial and give those who entered it."""
    return cohort(play(name, overrides, trial=trial, seed=seed, world=world))


def twins(plan: Plan, seed: int, trial: int, world: World = OBSERVED) -> TrialRecords:
    """Play a trial in both engines and give its records, which are the same, row for row and bit for bit."""
    ours, theirs = reference.run_trial(plan, seed, trial, world), compiled.run_trial(plan, seed, trial, world)
    assert not (found := unlike(ours, theirs)), f"reference and compiled engine differ in {', '.join(found)}"
    return ours


@cache
def _scenario(name: str, overrides: str) -> Scenario:
    return validate(read_tables(name, json.loads(overrides)), Scenario)


@cache
def _plan(name: str, overrides: str) -> Plan:
    return make_plan(_scenario(name, overrides))


_played: dict[tuple[str, str, int, int, World], TrialRecords] = {}


def _play(name: str, overrides: str, trial: int, seed: int, world: World) -> TrialRecords:
    key = (name, overrides, trial, seed, world)
    if key not in _played:
        if len(_played) >= 32:
            del _played[next(iter(_played))]
        _played[key] = twins(_plan(name, overrides), seed, trial, world)
        for table in LAYOUT:
            getattr(_played[key], table).flags.writeable = False
    return _played[key]


# ---- statistics ---------------------------------------------------------------------------------------------------


def agrees(estimate: float, truth: float, mcse: float, detects: float) -> None:
    """Assert |estimate - truth| <= Z * mcse, and that the test is able to fail.

    `detects` is the error that the test promises to find: with so small a standard error that an estimate off by
    `detects` is caught with probability of at least 97.7% (Z + 2 standard errors). A test that is too small for its
    promise fails too: raise n, don't widen.
    """
    assert 0.0 < mcse < math.inf
    assert (Z + 2.0) * mcse <= detects, f"too few draws: finds errors of {(Z + 2.0) * mcse:.3g}, not of {detects:.3g}"
    assert abs(estimate - truth) <= Z * mcse, f"{estimate!r} is {(estimate - truth) / mcse:+.2f} MCSE from {truth!r}"


def mean_agrees(values: ArrayLike, truth: float, detects: float) -> None:
    """Assert that the mean of independent values agrees with the truth, by their own standard deviation."""
    x = np.asarray(values, dtype=float)
    agrees(float(x.mean()), truth, float(x.std(ddof=1) / math.sqrt(len(x))), detects)


def share_agrees(hits: ArrayLike, truth: float, detects: float) -> None:
    """Assert that the share of True agrees with the probability, by the binomial standard error under the truth."""
    x = np.asarray(hits, dtype=bool)
    agrees(float(x.mean()), truth, math.sqrt(truth * (1.0 - truth) / len(x)), detects)


# ---- records ------------------------------------------------------------------------------------------------------


def event_rows(records: TrialRecords) -> list[EventRow]:
    """Give the event log as plain tuples (time, rank, patient, index, value)."""
    rows: list[EventRow] = [tuple(row) for row in records.events.tolist()]
    return rows


def difference(a: TrialRecords, b: TrialRecords) -> tuple[set[EventRow], set[EventRow]]:
    """Give the events only in `a` and the events only in `b`."""
    left, right = set(event_rows(a)), set(event_rows(b))
    return left - right, right - left


def kinds(rows: set[EventRow]) -> set[Kind]:
    """Give the kinds of these events."""
    return {Kind(row[1]) for row in rows}


def changed_kinds(a: TrialRecords, b: TrialRecords) -> set[Kind]:
    """Give the kinds of the events that are in one log and not in the other."""
    gone, new = difference(a, b)
    return kinds(gone) | kinds(new)


def changed_fields(a: Records, b: Records) -> set[str]:
    """Give the fields in which two tables of one length differ (two NaNs are alike); at another length, all of them."""
    fields = a.dtype.names or ()
    if len(a) != len(b):
        return set(fields)
    return {f for f in fields if not np.array_equal(a[f], b[f], equal_nan=True)}


def address(rows: Records) -> set[tuple[int, int]]:
    """Give the (site, arrival) of each row."""
    return set(zip(rows["site"].tolist(), rows["arrival"].tolist(), strict=True))


def of_kind(records: TrialRecords, kind: Kind) -> Records:
    """Give the events of one kind."""
    chosen: Records = records.events[records.events["rank"] == int(kind)]
    return chosen
