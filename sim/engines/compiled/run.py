"""From a plan to records or batches: room for the kernels to work in, and more of it where it was not enough."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sim.core.errors import RunError
from sim.engines.compiled.clocks import (
    ABOVE_BOUND,
    FULL_BATCH,
    FULL_EVENTS,
    FULL_IMAGING,
    FULL_PROCEDURES,
    FULL_RELAPSES,
    FULL_STATES,
    FULL_VISITS,
)
from sim.engines.compiled.guess import QUESTIONS
from sim.engines.compiled.kernel import play_further_trials, play_plain_trials, play_trials
from sim.engines.compiled.layout import (
    BLOCK_LIST,
    FURTHER_PERSON,
    OWN_RELAPSE,
    OWN_VISIT,
    PERSON,
    SEEN_RELAPSE,
    SEEN_VISIT,
    SITE,
    STATE,
    TRIAL,
    given,
    rows_by_name,
)
from sim.engines.compiled.plain import COLUMNS
from sim.engines.compiled.wants import demand, is_further, lists_needed, wanted_visits
from sim.engines.records import EVENT, GUESSES, IMAGING, LAYOUT, PROCEDURE, SUBJECT, VEIN, Batch, Records, TrialRecords
from sim.engines.want import EVERYTHING, Want
from sim.engines.world import OBSERVED, World
from sim.model.belief import HOLDERS
from sim.model.guess import NOT_ASKED
from sim.scenario.plan import Plan

MOST_DESKS = 8
MOST_GIVENS = 512  # of 39 kB each
_mine = threading.local()  # each thread keeps the desks it used last

ROOM_FOR = {
    FULL_STATES: "states",
    FULL_RELAPSES: "relapses",
    FULL_VISITS: "visits",
    FULL_PROCEDURES: "procedures",
    FULL_EVENTS: "events",
    FULL_IMAGING: "imaging",
}


def run_trial(plan: Plan, seed: int, number: int, world: World = OBSERVED) -> TrialRecords:
    """Play one trial and hand up its records; the same arguments always give the same records."""
    desk = Desk(plan, seed, world, EVERYTHING, record=True)
    desk.play([number])
    return desk.records(number)


def run_cohorts(
    plan: Plan,
    seed: int,
    trials: Sequence[int],
    world: World = OBSERVED,
    want: Want = EVERYTHING,
    plans: Sequence[Plan] | None = None,
) -> Batch:
    """Play these trials and hand up the entered patients of all of them, with what is wanted of each.

    `plans` gives each trial a plan of its own; they differ from `plan` in numbers of nature only (a relapse rate, an
    effect), not in who is sought, where, and seen when.
    """
    desks: dict[Any, Desk] = _mine.__dict__
    further = any(map(is_further, {id(p): p for p in (plan, *(plans or ()))}.values()))
    key = f"{id(plan)} {seed} {world} {want} {further} {plans is None}"
    desk = desks.get(key)
    if desk is None or desk.plan is not plan:
        if len(desks) >= MOST_DESKS:
            desks.clear()
        desk = desks[key] = Desk(plan, seed, world, want, False, further, several=plans is not None)
    return desk.play(trials, plans)


class Tables(NamedTuple):
    """What a trial is played on."""

    sites: Records
    states: Records
    queue: NDArray[np.int64]
    relapses: Records
    visits: Records
    procedures: Records
    imaging: Records
    events: Records
    scratch: NDArray[np.float64]
    lists: Records


class Filled(NamedTuple):
    """What trials hand up, and how many rows of people, relapses and visits are filled; guesses are a row a person."""

    people: Records
    relapses: Records
    visits: Records
    filled: NDArray[np.int64]
    guesses: NDArray[np.int64] = np.empty((1, QUESTIONS), np.int64)


def _by_procedure(plan: Plan, world: World) -> World:
    """Say a forced arm as its procedure: without further mechanisms that is all an arm holds."""
    if world.arm < 0.0 or world.procedure >= 0.0:
        return world
    return world._replace(procedure=float(plan.procedures[int(world.arm)]), arm=-1.0)


def _room(count: float, layout: np.dtype[np.void]) -> Records:
    return rows_by_name(np.empty(max(int(count), 1), layout))


class Desk:
    """The tables that one thread's kernels write to; they are kept from batch to batch, and grow where needed."""

    def __init__(
        self,
        plan: Plan,
        seed: int,
        world: World,
        want: Want,
        record: bool,
        further: bool | None = None,
        several: bool = False,
    ) -> None:
        visits, further = wanted_visits(plan, want), is_further(plan) if further is None else further
        self.plan, self.seed, self.world, self.want, self.further, self.record = (
            plan,
            seed,
            world,
            want,
            further,
            record,
        )
        self.givens: dict[int, tuple[Plan, Records]] = {}
        self.given = self._given(plan)
        plain = self.given["want"]["plain"][0] == 1.0 and not several  # of several plans some may not be plain
        self.kernel = play_plain_trials if plain else play_further_trials if further else play_trials
        self.person = FURTHER_PERSON if self.kernel is play_further_trials else PERSON
        people = plan.enrolment.target
        self.visits = float(len(visits))
        self.asked = plan.guess.on == 1.0 and self.given["want"]["guesses"][0] == 1.0
        log = people if record else 0.0
        self.trial = _room(1, TRIAL)
        states = 4.0 * log + 100.0
        self.tables = Tables(
            sites=_room(plan.sites.number, SITE),
            states=_room(states, STATE),
            queue=np.zeros(int(states), np.int64),
            relapses=_room(4.0 * states, OWN_RELAPSE),
            visits=_room(log * self.visits + self.visits, OWN_VISIT),
            procedures=_room(log, PROCEDURE),
            imaging=_room(3.0 * log * plan.surveillance.scheduled, IMAGING),
            events=_room(log * 80.0, EVENT),
            scratch=np.zeros((COLUMNS, int(people) if plain else 1)),
            lists=_room(lists_needed(plan), BLOCK_LIST),
        )
        self.people = people
        self.relapses_each = 1.5

    def _given(self, plan: Plan) -> Records:
        """Give what kernels take of a plan; it is kept, since trials of one population come again."""
        known = self.givens.get(id(plan))
        if known is None:
            if len(self.givens) >= MOST_GIVENS:
                self.givens.clear()
            visits, asked = wanted_visits(plan, self.want), demand(plan, self.want, self.record)
            world = self.world if self.further else _by_procedure(plan, self.world)
            known = self.givens[id(plan)] = plan, given(plan, self.seed, world, asked, visits, self.further)
        return known[1]

    def play(self, trials: Sequence[int], plans: Sequence[Plan] | None = None) -> Batch:
        """Play these trials into a new batch, all by this desk's plan or each by its own."""
        numbers = np.asarray(trials, np.int64)
        first, batch = np.zeros(len(numbers) + 1, np.int64), self._batch(len(numbers))
        for begin, end, known in self._stretches(len(numbers), plans):
            done = begin
            while done < end:
                done += self.kernel(known, numbers[done:end], self.trial, self.tables, batch, first[done:])
                if done < end:
                    batch = self._make_room(int(numbers[done]), batch)
        people, relapses, visits = batch.filled.tolist()
        self.relapses_each = max(self.relapses_each, 1.1 * relapses / max(people, 1))
        asked = people if self.asked else 0
        return Batch(
            first,
            batch.people[:people],
            batch.relapses[:relapses],
            batch.visits[:visits],
            batch.guesses[:asked].view(GUESSES).reshape(-1),
        )

    def _stretches(self, trials: int, plans: Sequence[Plan] | None) -> Iterator[tuple[int, int, Records]]:
        """Give the stretches of trials that have one plan, with what kernels take of it."""
        if plans is None:
            yield 0, trials, self.given
            return
        ends = [k for k in range(1, trials) if plans[k] is not plans[k - 1]]
        for begin, end in pairwise([0, *ends, trials]):
            yield begin, end, self._given(plans[begin])

    def _batch(self, trials: int) -> Filled:
        """Give an empty batch for so many trials, as far as their needs can be told before."""
        people = self.people * trials
        return Filled(
            _room(people, self.person),
            _room(people * self.relapses_each + 100.0, SEEN_RELAPSE),
            _room(people * self.visits, SEEN_VISIT),
            np.zeros(3, np.int64),
            np.zeros((int(people) if self.asked else 1, QUESTIONS), np.int64),
        )

    def _make_room(self, number: int, b: Filled) -> Filled:
        """Double what was full and give the batch to go on with; a factor above its bound is an error."""
        status = int(self.trial[0]["status"])
        if status & ABOVE_BOUND:
            raise RunError(f"a relapse factor in trial {number} is above its bound")
        if status & FULL_BATCH:
            b = Filled(
                _grown(b.people, 2 * len(b.people)),
                _grown(b.relapses, 2 * len(b.relapses)),
                _grown(b.visits, 2 * len(b.visits)),
                b.filled,
                _taller(b.guesses, 2 * len(b.people)) if self.asked else b.guesses,
            )
        larger: dict[str, Any] = {}
        for bit, name in ROOM_FOR.items():
            table = getattr(self.tables, name)
            if status & bit:
                larger[name] = _room(2 * len(table), table.dtype)
        self.tables = self.tables._replace(**larger)
        self.tables = self.tables._replace(queue=np.zeros(len(self.tables.states), np.int64))
        return b

    def records(self, number: int) -> TrialRecords:
        """Give the records of the trial that was played last, in the layout and order of every engine."""
        t, r = self.trial[0], self.tables
        states, relapses = r.states[: t["states"]], r.relapses[: t["relapses"]]
        kept, row = np.ones(len(relapses), bool), int(t["free_relapse"])
        while row >= 0:  # of candidates who stayed at home
            kept[row], row = False, int(relapses[row]["next_own"])
        people = _sorted(states, ("site", "arrival"))
        if self.plan.surveillance.on == 0.0:
            people["vein_detected"] = np.nan
        entered = people[people["entry_number"] >= 0]
        counts = np.stack([people["vein_treated"].sum(axis=1), people["vein_opened"].sum(axis=1)]).astype(np.int64)
        people["treated_veins"], people["opened_veins"] = counts
        people["restenosis_time"] = np.fmin.reduce(people["vein_restenosis"], axis=1)
        people["detected_time"] = np.fmin.reduce(people["vein_detected"], axis=1)
        _tell_beliefs(people, is_further(self.plan))
        return TrialRecords(
            trial=number,
            subjects=_as(people, SUBJECT),
            relapses=_as(_sorted(relapses[kept], ("site", "arrival", "number")), LAYOUT["relapses"]),
            visits=_as(_sorted(r.visits[: t["visits"]], ("site", "arrival", "visit")), LAYOUT["visits"]),
            veins=_veins(entered),
            procedures=_as(_sorted(r.procedures[: t["procedures"]], ("site", "arrival", "number")), PROCEDURE),
            events=_as(_sorted(r.events[: t["events"]], ("time", "rank", "patient", "index")), EVENT),
            imaging=_as(_sorted(r.imaging[: t["imaging"]], ("site", "arrival", "number", "vein")), IMAGING),
        )


def _grown(table: Records, least: float) -> Records:
    """Give a table of at least so many rows that begins with the rows of this one."""
    if len(table) >= least:
        return table
    larger = _room(least, table.dtype)
    larger[: len(table)] = table
    return larger


def _taller(table: NDArray[np.int64], rows: int) -> NDArray[np.int64]:
    """Give an array of so many rows that begins with the rows of this one."""
    taller = np.zeros((rows, table.shape[1]), table.dtype)
    taller[: len(table)] = table
    return taller


def _tell_beliefs(people: Records, further: bool) -> None:
    """Write down beliefs as they were formed, and guesses; without further mechanisms none moves, none is asked."""
    for k, name in enumerate(GUESSES.names or ()):
        people[name] = people["guess"][:, k] if further else NOT_ASKED
    for k, holder in enumerate(HOLDERS if further else ()):
        people[f"belief_{holder}"] = people["belief_formed"][:, k]


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
        table["detected_time"][:, k] = people["vein_detected"][:, k]
    return table.reshape(-1)
