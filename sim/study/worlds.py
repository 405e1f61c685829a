"""One world of a ledger: the same trials with some mechanisms on, reduced at once to sums a trial; and who enters it.

Its value is the bias: what the design's own statistic over all trials says, less the truth, which is that statistic on
the twins of the same enrolled patients in the same world.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sim.analysis.sums import TIMED, is_adjusted, of_groups, sums, times
from sim.analysis.trial import of_today
from sim.core.endpoints import ENDPOINTS, parse_endpoint
from sim.core.errors import RunError
from sim.data.cohort import Cohort, of_course
from sim.engines.want import Want
from sim.engines.world import World, potential
from sim.model.veins import ANGIOPLASTY
from sim.scenario.schema import Endpoint, Scenario
from sim.study.layout import Flat
from sim.study.performance import Rows
from sim.study.play import Play
from sim.study.pooled import (
    Pooled,
    adjusted_difference,
    difference,
    log_hazard_ratio,
    log_odds_ratio,
    log_ratio,
    nothing,
)
from sim.study.runner import Failure, Pool, Watcher, Workers
from sim.study.runs import RunFolder
from sim.study.stream import gather
from sim.study.truth import true_odds_ratio, true_times, true_values, worlds
from sim.study.wanted import wanted

OVERLAP_TRIALS = 50
"""Trials from which it is told who is enrolled in one world and in another."""


@dataclass(frozen=True)
class WorldOf:
    """Answers trials' sums for one endpoint, observed and true, and who was enrolled; picklable."""

    play: Play

    @property
    def endpoint(self) -> Endpoint:
        """The one endpoint of the scenario."""
        return self.play.scenario.endpoint[0]

    @cached_property
    def want(self) -> Want:
        """What the endpoint asks of an engine, and of the twins."""
        return wanted(self.play.scenario)._replace(guesses=False)

    @cached_property
    def twins(self) -> tuple[World, ...]:
        """The worlds whose comparison is the truth; none where the truth is known without a trial."""
        scenario = self.play.scenario
        if scenario.case_control:
            return ()
        if parse_endpoint(self.endpoint.name)[0] == "restenosis":
            return (potential(float(ANGIOPLASTY), True),)
        treated, control = worlds(scenario, self.endpoint)[0]
        return () if treated == control else (treated, control)

    @cached_property
    def layout(self) -> np.dtype[np.void]:
        """A trial's row: sums, or the times of as many patients as can enter."""
        scenario, places = self.play.scenario, self.play.scenario.enrolment.target
        fields: list[Any] = [("trial", "i8"), ("entered", "i8")]
        if self.endpoint.name in TIMED:
            for side, n in (("observed", places), ("true", len(self.twins) * places)):
                fields += [(f"{side}_days", "f8", (n,)), (f"{side}_event", "?", (n,)), (f"{side}_treated", "?", (n,))]
            return np.dtype(fields)
        columns = 10 if is_adjusted(scenario, self.endpoint) else 4
        return np.dtype([*fields, ("observed", "f8", (columns,)), ("true", "f8", (4 * bool(self.twins),))])

    def many(self, trials: Sequence[int]) -> Rows:
        """Play these trials: one row a trial."""
        scenario, endpoint = self.play.scenario, self.endpoint
        people = self.play.cohorts(trials, want=self.want)
        rows = np.zeros(len(trials), self.layout)
        rows["trial"], rows["entered"] = trials, np.diff(people.first)
        if endpoint.name in TIMED:
            own = of_course(people, endpoint.course)
            _put(rows, "observed", own, *times(scenario, endpoint, own))
        else:
            rows["observed"] = sums(scenario, endpoint, people)
        self._truth(rows, trials)
        return rows

    def _truth(self, rows: Rows, trials: Sequence[int]) -> None:
        scenario, endpoint = self.play.scenario, self.endpoint
        want = self.want._replace(counts=frozenset(("true",)), past=False)
        for side, world in enumerate(self.twins):
            lived = of_course(of_today(scenario, self.play.cohorts(trials, world, want)), endpoint.course)
            if endpoint.name in TIMED:
                _put(rows, "true", lived, *true_times(scenario, endpoint, lived), np.full(lived.size, side == 0), side)
            else:
                values, weights, known = true_values(scenario, endpoint, lived)
                rows["true"][:, 2 * side : 2 * side + 2] = of_groups(lived, values, weights, known)
        if len(self.twins) == 1:  # a share: nothing is taken off
            rows["true"][:, 3] = 1.0

    def __call__(self, trial: int) -> Rows:
        """Play trial number `trial`."""
        return self.many([trial])

    def warm(self) -> None:
        """Load, or compile, what the run needs."""
        self.many([0])


def _placed(people: Cohort, column: NDArray[Any], places: int, empty: object) -> NDArray[Any]:
    """Give a row a trial with its patients' values, and `empty` in the places left."""
    entered = np.diff(people.first)
    table = np.full((people.trials, places), empty, column.dtype)
    trial = np.repeat(np.arange(people.trials), entered)
    table[trial, np.arange(people.size) - people.first[trial]] = column
    return table


def _put(rows: Rows, name: str, people: Cohort, days: Any, event: Any, treated: Any, side: int = 0) -> None:
    places = rows["observed_days"].shape[1]
    here = slice(side * places, (side + 1) * places)
    for part, column, empty in (("days", days, np.nan), ("event", event, False), ("treated", treated, False)):
        rows[f"{name}_{part}"][:, here] = _placed(people, column, places, empty)


@dataclass(frozen=True)
class Lived:
    """A world played: apparent effect, truth, and how many entered each trial."""

    apparent: Pooled
    truth: Pooled
    entered: NDArray[np.int64]


def live(
    play: Play,
    trials: int,
    workers: Workers,
    watch: Watcher | None = None,
    run: RunFolder | None = None,
    name: str = "",
) -> Lived:
    """Play a world and give its apparent effect and its truth; RunError where a trial raises or nothing is counted.

    `run` keeps its sums under `name`, and gives those that it has.
    """
    world = WorldOf(play)
    with Pool(world, play.seed, workers) as pool:
        if run:
            rows, failed = gather(pool, trials, run.series(name, Flat(world.layout)), watch)
        else:
            rows, failed = pool.run_rows(range(trials), watch)
    if failed:
        raise failed[0].error()
    assert rows is not None
    apparent, truth = _statistic(world, rows, "observed"), _true(world, rows)
    if np.isnan(apparent.value) or np.isnan(truth.value):
        raise RunError(
            f"bias: {world.endpoint.key}: found no value over {trials} trials (nobody observed, or no event in a "
            "group); allowed: more trials, or an endpoint that has events"
        )
    return Lived(apparent, truth, rows["entered"])


def _true(world: WorldOf, rows: Rows) -> Pooled:
    if world.play.scenario.case_control:
        return nothing(len(rows), true_odds_ratio(world.play.scenario).value)
    return _statistic(world, rows, "true") if world.twins else nothing(len(rows))


def _statistic(world: WorldOf, rows: Rows, side: str) -> Pooled:
    """Give the design's own statistic of one side, observed or true."""
    if world.endpoint.name in TIMED:
        return log_hazard_ratio(*(rows[f"{side}_{part}"] for part in ("days", "event", "treated")))
    base, _ = parse_endpoint(world.endpoint.name)
    table = rows[side]
    if table.shape[1] == 10:
        return adjusted_difference(table)
    if world.play.scenario.case_control:
        return log_odds_ratio(table)
    return log_ratio(table) if ENDPOINTS[base].scale == "log_ratio" else difference(table)


def only_endpoint(scenario: Scenario, endpoint: Endpoint) -> Scenario:
    """Give the scenario with this endpoint alone: engines are asked for no more than it needs."""
    study = scenario.study.model_copy(update={"primary": endpoint.key})
    return scenario.model_copy(update={"endpoint": [endpoint], "study": study})


@dataclass(frozen=True)
class Enrolled:
    """Answers who entered a trial, as words of site and arrival; picklable."""

    play: Play

    def __call__(self, trial: int) -> NDArray[np.int64]:
        """Play trial number `trial`, whole: a batch does not say who its patients are."""
        entered = self.play.records(trial).subjects
        entered = entered[entered["entry_number"] >= 0]
        found: NDArray[np.int64] = (entered["site"] << 32) | entered["arrival"]
        return found

    def warm(self) -> None:
        """Load, or compile, what the run needs."""
        self(0)


def enrolled(play: Play, trials: int, workers: Workers) -> list[NDArray[np.int64]]:
    """Give who entered each of the first OVERLAP_TRIALS trials."""
    with Pool(Enrolled(play), play.seed, workers) as pool:
        answers = pool.run(range(min(trials, OVERLAP_TRIALS)))
    for answer in answers:
        if isinstance(answer, Failure):
            raise answer.error()
    return [a for a in answers if not isinstance(a, Failure)]


def overlap(one: Sequence[NDArray[np.int64]], other: Sequence[NDArray[np.int64]]) -> tuple[float, float]:
    """Give the share of those enrolled in one world who are enrolled in the same trial of the other, and its error."""
    same = [(float(np.isin(a, b).sum()), float(len(a)), 0.0, 1.0) for a, b in zip(one, other, strict=True)]
    return difference(np.array(same)).with_error()
