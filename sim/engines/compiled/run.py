"""From a plan to records or batches: room for the kernels to work in, and more of it where it was not enough."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sim.core.errors import RunError
from sim.engines.compiled.clocks import (
    ABOVE_BOUND,
    FULL_EVENTS,
    FULL_PROCEDURES,
    FULL_RELAPSES,
    FULL_STATES,
    FULL_VISITS,
)
from sim.engines.compiled.layout import (
    OWN_RELAPSE,
    OWN_VISIT,
    PERSON,
    SEEN_RELAPSE,
    SEEN_VISIT,
    SITE,
    STATE,
    TRIAL,
    given,
)
from sim.engines.compiled.trial import play_trials
from sim.engines.compiled.wants import EVERYTHING, Want, demand
from sim.engines.records import EVENT, LAYOUT, PROCEDURE, SUBJECT, VEIN, Batch, Records, TrialRecords
from sim.engines.world import OBSERVED, World
from sim.scenario.plan import Plan

ROOM_FOR = {
    FULL_STATES: "states",
    FULL_RELAPSES: "relapses",
    FULL_VISITS: "visits",
    FULL_PROCEDURES: "procedures",
    FULL_EVENTS: "events",
}


def run_trial(plan: Plan, seed: int, number: int, world: World = OBSERVED) -> TrialRecords:
    """Play one trial and hand up its records; the same arguments always give the same records."""
    desk = Desk(plan, seed, world, EVERYTHING, record=True, trials=1)
    desk.play([number])
    return desk.records(number)


def run_cohorts(
    plan: Plan, seed: int, trials: Sequence[int], world: World = OBSERVED, want: Want = EVERYTHING
) -> Batch:
    """Play these trials and hand up the entered patients of all of them, with what is wanted of each."""
    return Desk(plan, seed, world, want, record=False, trials=len(trials)).play(trials)


def _room(count: int, layout: np.dtype[np.void]) -> Records:
    return np.zeros(max(int(count), 1), layout).view(np.recarray)


@dataclass
class Desk:
    """The tables that one thread's kernels write to; they grow when a trial finds no room."""

    plan: Plan
    seed: int
    world: World
    want: Want
    record: bool
    trials: int

    def __post_init__(self) -> None:
        """Make tables of the size that a trial is expected to need."""
        plan = self.plan
        people = plan.enrolment.target
        self.given = given(plan, self.seed, self.world, demand(plan, self.want, self.record))
        seen = float(self.given["want"]["visit"].sum()) if not self.record else 1.0
        visits = min(seen, len(plan.visit_days)) if not self.record else len(plan.visit_days)
        log = 1.0 if self.record else 0.0
        self.trial = _room(1, TRIAL)
        self.sites = _room(plan.sites.number, SITE)
        self.room = {
            "states": _room((4.0 if self.record else 1.5) * people + 100, STATE),
            "relapses": _room(8.0 * people + 400, OWN_RELAPSE),
            "visits": _room(visits * people + 1, OWN_VISIT),
            "procedures": _room(log * people + 1, PROCEDURE),
            "events": _room(log * 80.0 * people + 1, EVENT),
        }
        self.queue = np.zeros(len(self.room["states"]), np.int64)
        self.out = _room(people * self.trials, PERSON)
        self.rel = _room(4.0 * people * self.trials, SEEN_RELAPSE)
        self.vis = _room(visits * people * self.trials, SEEN_VISIT)

    def play(self, trials: Sequence[int]) -> Batch:
        """Play these trials into the batch."""
        numbers = np.asarray(trials, np.int64)
        first, filled, done = np.zeros(len(numbers) + 1, np.int64), np.zeros(3, np.int64), 0
        while True:
            r = self.room
            done += play_trials(
                self.given,
                numbers[done:],
                self.trial,
                self.sites,
                r["states"],
                self.queue,
                r["relapses"],
                r["visits"],
                r["procedures"],
                r["events"],
                first[done:],
                filled,
                self.out,
                self.rel,
                self.vis,
            )
            if done == len(numbers):
                return Batch(first, self.out[: filled[0]], self.rel[: filled[1]], self.vis[: filled[2]])
            self._make_room(int(numbers[done]), filled)

    def _make_room(self, number: int, filled: NDArray[np.int64]) -> None:
        """Double what was full; a factor above its bound is an error."""
        status = int(self.trial[0]["status"])
        if status & ABOVE_BOUND:
            raise RunError(f"a relapse factor in trial {number} is above its bound")
        if status == 0:  # the batch was full
            t, (people, relapses, visits) = self.trial[0], filled.tolist()
            self.out = _grown(self.out, people + int(t["entered"]))
            self.rel = _grown(self.rel, relapses + int(t["relapses"]))
            self.vis = _grown(self.vis, visits + int(t["visits"]))
        for bit, name in ROOM_FOR.items():
            if status & bit:
                self.room[name] = _room(2 * len(self.room[name]), self.room[name].dtype)
        self.queue = np.zeros(len(self.room["states"]), np.int64)

    def records(self, number: int) -> TrialRecords:
        """Give the records of the trial that was played last, in the layout and order of every engine."""
        t, r = self.trial[0], self.room
        states = r["states"][: t["states"]]
        people = _sorted(states, ("site", "arrival"))
        entered = people[people["entry_number"] >= 0]
        counts = np.stack([people["vein_treated"].sum(axis=1), people["vein_opened"].sum(axis=1)]).astype(np.int64)
        people["treated_veins"], people["opened_veins"] = counts
        return TrialRecords(
            trial=number,
            subjects=_as(people, SUBJECT),
            relapses=_as(_sorted(r["relapses"][: t["relapses"]], ("site", "arrival", "number")), LAYOUT["relapses"]),
            visits=_as(_sorted(r["visits"][: t["visits"]], ("site", "arrival", "visit")), LAYOUT["visits"]),
            veins=_veins(entered),
            procedures=_as(_sorted(r["procedures"][: t["procedures"]], ("site", "arrival", "number")), PROCEDURE),
            events=_as(_sorted(r["events"][: t["events"]], ("time", "rank", "patient", "index")), EVENT),
        )


def _grown(table: Records, least: int) -> Records:
    """Give a larger table with the rows of this one, if it has fewer than `least`."""
    if len(table) >= least:
        return table
    larger = _room(2 * least, table.dtype)
    larger[: len(table)] = table
    return larger


def _sorted(rows: Records, keys: tuple[str, ...]) -> Records:
    """Give a copy in the order of these fields."""
    order = np.lexsort([rows[k] for k in reversed(keys)])
    return rows[order]


def _as(rows: Records, layout: np.dtype[np.void]) -> Records:
    """Give the fields of a layout."""
    table = np.empty(len(rows), layout)
    for name in layout.names or ():
        table[name] = rows[name]
    return table


def _veins(people: Records) -> Records:
    """Give the veins of the entered patients."""
    table = np.empty((len(people), 3), VEIN)
    for k in range(3):
        table["site"][:, k], table["arrival"][:, k], table["vein"][:, k] = people["site"], people["arrival"], k
        table["stenosed"][:, k] = people["vein_stenosed"][:, k]
        table["treated"][:, k] = people["vein_treated"][:, k]
        table["opened"][:, k] = people["vein_opened"][:, k]
        table["restenosis_time"][:, k] = people["vein_restenosis"][:, k]
    return table.reshape(-1)
