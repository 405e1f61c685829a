"""Times the parts of a study's trial one by one, in a process of its own, and prints them as one JSON line.

    python -m tests.bench.shares SCENARIO TRIALS

Each part is a function of MEASURES that gives the seconds of so many trials; it runs once to warm, then is timed.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import sim
from sim.analysis.trial import analyse
from sim.data.cohort import Cohort
from sim.scenario.schema import Scenario
from sim.study.play import Play
from sim.study.wanted import wanted
from tests.bench import floor

BATCH = 100
SEED = 1
COUNTED_TRIALS = 4


@dataclass(frozen=True)
class Case:
    """A study and how many trials of it to time, in batches as a run has them."""

    name: str
    trials: int

    @cached_property
    def scenario(self) -> Scenario:
        """The scenario, checked."""
        return sim.load(self.name).scenario

    @cached_property
    def batches(self) -> list[range]:
        """The numbers of the trials, a batch at a time."""
        return [range(first, min(first + BATCH, self.trials)) for first in range(0, self.trials, BATCH)]

    @cached_property
    def cohorts(self) -> list[Cohort]:
        """What the analyses receive."""
        return self.played()

    def played(self) -> list[Cohort]:
        """Play every batch."""
        play, want = Play(self.scenario, SEED, "compiled"), wanted(self.scenario)
        return [play.cohorts(batch, want=want) for batch in self.batches]


def timed(work: Callable[[], object]) -> float:
    """Give the seconds of the second of two calls."""
    work()
    begun = time.perf_counter()
    work()
    return time.perf_counter() - begun


def playing(case: Case) -> float:
    """Drawing and living: from the plan to the patients that the analyses receive."""
    return timed(case.played)


def drawing(case: Case) -> float:
    """The floor of playing: its random blocks, logarithms and exponentials by themselves."""
    return floor.seconds(floor.counted(case.name, COUNTED_TRIALS), case.trials)


def analysing(case: Case) -> float:
    """All endpoints' analyses, from patients to estimates."""
    cohorts = case.cohorts
    return timed(lambda: [analyse(case.scenario, people) for people in cohorts])


Measure = Callable[[Case], float]

MEASURES: list[Measure] = [playing, drawing, analysing]
"""The parts, the first one being all that the engine does."""


def main(name: str, trials: int) -> None:
    """Time every part and print it in microseconds a trial."""
    case = Case(name, trials)
    told = {measure.__name__: 1e6 * measure(case) / trials for measure in MEASURES}
    print(json.dumps({"trials_timed": trials, **told}))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
