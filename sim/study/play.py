"""A scenario made ready to be played many times: its plan, its digest, one trial at a time."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

from sim.core.errors import ShamtrialError
from sim.data.cohort import Cohort, cohort
from sim.engines.records import TrialRecords
from sim.engines.reference import run_trial
from sim.engines.world import OBSERVED, World
from sim.scenario.load import digest
from sim.scenario.plan import Plan, make_plan
from sim.scenario.schema import Scenario

ENGINE = "reference"
ENGINES = {"reference": run_trial}
LARGEST_SEED = 2**64 - 1


@dataclass(frozen=True)
class Play:
    """One scenario under one seed; picklable, so that workers can hold it."""

    scenario: Scenario
    seed: int

    def __post_init__(self) -> None:
        """Refuse a seed that is not a 64-bit word."""
        if not 0 <= self.seed <= LARGEST_SEED:
            raise ShamtrialError(f"--seed: found {self.seed}; allowed: a whole number from 0 to 2^64 - 1")

    @cached_property
    def plan(self) -> Plan:
        """The plan the engine sees."""
        return make_plan(self.scenario)

    def records(self, trial: int, world: World = OBSERVED) -> TrialRecords:
        """Play trial number `trial` (from 0) in this world."""
        return ENGINES[ENGINE](self.plan, self.seed, trial, world)

    def people(self, trial: int, world: World = OBSERVED) -> Cohort:
        """Give the entered patients of a trial."""
        return cohort(self.records(trial, world))


def scenario_digest(scenario: Scenario) -> str:
    """Give the SHA-256 of the resolved scenario; seed, trials, workers and engine are not in it."""
    tables: dict[str, Any] = scenario.model_dump(mode="json")
    return digest(tables)
