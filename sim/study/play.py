"""A scenario made ready to be played many times: its plan, its digest, its engine, one trial or many at a time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from functools import cached_property
from typing import Any, Literal, get_args

from sim.core.errors import ShamtrialError
from sim.data.cohort import Cohort, cohort, cohort_of, joined
from sim.engines import reference
from sim.engines.records import TrialRecords
from sim.engines.want import EVERYTHING, Want
from sim.engines.world import OBSERVED, World
from sim.scenario.load import digest
from sim.scenario.plan import Plan, make_plan
from sim.scenario.schema import Scenario

Engine = Literal["auto", "compiled", "reference"]
LARGEST_SEED = 2**64 - 1


def for_many(engine: str) -> str:
    """Give the engine for a run of many trials: auto is the compiled one."""
    return "compiled" if _known(engine) == "auto" else engine


def for_one(engine: str) -> str:
    """Give the engine for a single trial: auto is the reference one, which needs no compiling."""
    return "reference" if _known(engine) == "auto" else engine


def _known(engine: str) -> str:
    if engine not in get_args(Engine):
        raise ShamtrialError(f"--engine: found {engine!r}; allowed: {', '.join(get_args(Engine))}")
    return engine


@dataclass(frozen=True)
class Play:
    """One scenario under one seed; picklable, so that workers can hold it. The answers don't depend on `engine`."""

    scenario: Scenario
    seed: int
    engine: str = "compiled"

    def __post_init__(self) -> None:
        """Refuse a seed that is not a 64-bit word."""
        if not 0 <= self.seed <= LARGEST_SEED:
            raise ShamtrialError(f"--seed: found {self.seed}; allowed: a whole number from 0 to 2^64 - 1")

    def __getstate__(self) -> dict[str, Any]:
        """Leave the plan out of a pickle: it is eight times as large as what it is made from."""
        return {field.name: getattr(self, field.name) for field in fields(self)}

    @cached_property
    def plan(self) -> Plan:
        """The plan the engine sees."""
        return make_plan(self.scenario)

    def plan_of(self, trial: int) -> Plan:
        """Give the plan of a trial: here the same for all."""
        return self.plan

    def plans_of(self, trials: Sequence[int]) -> Sequence[Plan] | None:
        """Give the plans of these trials, None where they have one and the same."""
        return None

    def records(self, trial: int, world: World = OBSERVED) -> TrialRecords:
        """Play trial number `trial` (from 0) in this world."""
        if self.engine == "compiled":
            from sim.engines import compiled

            return compiled.run_trial(self.plan_of(trial), self.seed, trial, world)
        return reference.run_trial(self.plan_of(trial), self.seed, trial, world)

    def people(self, trial: int, world: World = OBSERVED, want: Want = EVERYTHING) -> Cohort:
        """Give the entered patients of a trial, with at least what is wanted of them."""
        return self.cohorts([trial], world, want)

    def cohorts(self, trials: Sequence[int], world: World = OBSERVED, want: Want = EVERYTHING) -> Cohort:
        """Give the entered patients of these trials, with at least what is wanted of them."""
        if self.engine == "compiled":
            from sim.engines import compiled

            return cohort_of(compiled.run_cohorts(self.plan, self.seed, trials, world, want, self.plans_of(trials)))
        return joined([cohort(self.records(trial, world)) for trial in trials])


def scenario_digest(scenario: Scenario) -> str:
    """Give the SHA-256 of the resolved scenario; seed, trials, workers and engine are not in it."""
    tables: dict[str, Any] = scenario.model_dump(mode="json")
    return digest(tables)
