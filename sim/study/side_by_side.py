"""The cells of a comparison: which designs, with their effect and without; what is kept of each trial; what a run's
folder calls them."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from sim.core.endpoints import ENDPOINTS, parse_endpoint
from sim.core.endpoints import Endpoint as Meaning
from sim.core.errors import RunError
from sim.scenario.schema import Endpoint, Scenario
from sim.scenario.variants import Design
from sim.study import chunks, tally
from sim.study.estimates import Estimates
from sim.study.exclude import Nulls
from sim.study.hits import Hits
from sim.study.layout import Block
from sim.study.opened import open_run
from sim.study.paired import Found, Pair, pair
from sim.study.paired_truth import pooled_truth
from sim.study.performance import Truth
from sim.study.play import Play, scenario_digest
from sim.study.pooled import Pooled
from sim.study.population import Solution, solved
from sim.study.power import FIRST_TRIALS
from sim.study.runner import Pool, Watcher, Workers
from sim.study.runs import Address, RunFolder
from sim.study.stream import Flow, Stream
from sim.study.tally import Analyse, Standing, Tally
from sim.study.together import Mean, Together
from sim.study.worlds import only_endpoint

Watch = Callable[[str], Watcher] | None

COMMAND = "compare"
NULL = "-null"
LONGEST, DIGITS = 40, 8


@dataclass
class Cell:
    """One design in one world, of one endpoint, summed up while it is played; `series` names its chunks.

    `number` is its place among the designs as they are, None in a world with no effect.
    """

    series: str
    label: str
    scenario: Scenario
    number: int | None
    together: Together
    hits: Hits = field(default_factory=Hits)

    @cached_property
    def tally(self) -> Tally:
        """Sums up all blocks; holds the rows of the first chunk, which may be read before the truth is known."""
        return Tally(self.scenario, [None], keep=chunks.CHUNK)

    @cached_property
    def nulls(self) -> Nulls | None:
        """Sums up what trials with no effect exclude; None where there is one."""
        if self.number is not None and not self.scenario.no_effect:
            return None
        return Nulls(self.scenario.study.alpha, self.meaning.favourable, tally.KEPT)

    @property
    def meaning(self) -> Meaning:
        """What the endpoint is called and how it is read."""
        return ENDPOINTS[parse_endpoint(self.scenario.endpoint[0].name)[0]]

    def stream(self, run: RunFolder | None, number: int) -> Stream:
        """Give the stream that hands this cell its blocks."""
        layout = Estimates(self.scenario)
        return Stream(layout, self.take, run.series(self.series, layout) if run else None, number)

    def take(self, block: Block) -> None:
        """Sum up a block; a trial that failed rejects nothing."""
        self.tally.take(block)
        found = block.rows["estimates"][:, 0]
        self.hits.take(block.first, found["p"] < self.scenario.study.alpha)
        if self.number is not None:
            self.together.take(self.number, block.first, found["value"])
        if self.nulls:
            self.nulls.take(block.first, found)

    def found(self, truth: Pooled) -> Found:
        """Give what pairs are made of."""
        n = sum(own[0].answers for own in self.tally.sums.values())
        (about,) = self.tally.performances().values()
        return Found(self.label, self.hits, Mean(about.estimate_mean, n), about.estimate_sd, truth)

    def check_entered(self) -> None:
        """Stop the run if nobody entered any of the trials so far (those that failed are told of later)."""
        played = sum(len(block.good) for block in self.tally.kept.values())
        if played and not self.tally.entered:
            days = self.scenario.enrolment.max_days
            raise RunError(f"{self.label}: nobody entered any of {played} trials before enrolment.max_days = {days:g}")

    def check_played(self, trials: int) -> None:
        """Stop the run if every trial failed, or nobody entered any."""
        failed = self.tally.failures()
        if len(failed) == trials:
            raise failed[0].error()
        self.check_entered()


class Board:
    """The cells of a comparison: each design as it is, and with no effect."""

    def __init__(
        self, designs: Sequence[Design], asked: Sequence[Endpoint], null: bool, seed: int, engine: str,
        workers: Workers, watch: Watch,
    ) -> None:  # fmt: skip
        self.designs, self.asked, self.seed, self.engine = designs, asked, seed, engine
        self.workers, self.watch = workers, watch
        self.together = Together(len(designs))
        self.solutions: list[Solution | None] = []
        self.truths: list[Pooled] = []
        self.own: list[Cell] = []
        self.null: list[Cell | None] = []
        for design, endpoint in zip(designs, asked, strict=True):
            ready, solution = solved(design.scenario, workers, watch and watch("solving the population"), engine)
            alone, number = only_endpoint(ready, endpoint), len(self.own)
            own = Cell(series_of(design, False), design.label, alone, number, self.together)
            self.solutions.append(solution)
            self.own.append(own)
            self.null.append(_null_of(design, own) if null else None)

    @property
    def cells(self) -> list[Cell]:
        """All that is played."""
        return [*self.own, *(n for n, own in zip(self.null, self.own, strict=True) if n and n is not own)]

    def play(self, trials: int, truth_trials: int, run: RunFolder | None) -> int:
        """Play the first trials, to see whether anybody enters; then the truths; then the rest. Give how many of the
        trials were read."""
        functions = [Analyse(Play(cell.scenario, self.seed, self.engine)) for cell in self.cells]
        watch = self._watch()
        streams = [cell.stream(run, k) for k, cell in enumerate(self.cells)]
        for stream in streams:
            if stream.series:
                stream.series.at_least(trials)
        if run:
            run.plan(trials)
        with Pool(functions, self.seed, self.workers) as pool:
            flow = Flow(pool, streams)
            flow.extend(min(FIRST_TRIALS, trials), watch, trials)
            for cell in self.cells:
                cell.check_entered()
            self._know(truth_trials)
            flow.extend(trials, watch)
        for cell in self.cells:
            cell.check_played(trials)
        return sum(stream.read for stream in streams)

    def _watch(self) -> Watcher | None:
        """Let a progress bar see how far the designs are."""
        if self.watch is None:
            return None
        watcher, standing = self.watch("trials, all designs"), Standing([cell.tally for cell in self.cells])
        return lambda progress, _: watcher(progress, standing)

    def _know(self, truth_trials: int) -> None:
        """Find each design's truth."""
        watch = self.watch and self.watch("twin trials (truth)")
        for cell in self.own:
            found = pooled_truth(cell.scenario, truth_trials, self.workers, watch, self.engine)
            self.truths.append(found)
            value, mcse = found.with_error()
            cell.tally.know([Truth(value, mcse, math.nan, math.nan) if truth_trials else None])

    def pairs(self) -> list[Pair]:
        """Compare each design with those behind it."""
        found = [cell.found(truth) for cell, truth in zip(self.own, self.truths, strict=True)]
        squares = self.together.squares([own.mean for own in found])
        return [pair(found[a], found[b], own) for (a, b), own in zip(self.together.pairs, squares, strict=True)]


def _null_of(design: Design, own: Cell) -> Cell | None:
    """Give a design with no effect: itself where it has none; None where it is no study of an effect."""
    if own.scenario.case_control:
        return None
    if own.scenario.no_effect:
        return own
    label = f"{own.label} with no effect"
    return Cell(series_of(design, True), label, without_effect(own.scenario), None, own.together)


def without_effect(scenario: Scenario) -> Scenario:
    """Give a scenario in which open veins do nothing, all else and all candidates as they were."""
    return scenario.model_copy(
        update={
            "switches": scenario.switches.model_copy(update={"effect": False}),
            "effect_prior": scenario.effect_prior.model_copy(update={"enabled": False}),
        }
    )


def series_of(design: Design, null: bool) -> str:
    """Name a design's chunks by its scenario's name and digest, so that other designs beside it change nothing."""
    slug = re.sub(r"[^a-z0-9_]+", "-", design.name.lower()).strip("-")[:LONGEST] or "scenario"
    slug = slug if slug[0].isalpha() else f"s-{slug}"
    return f"{slug}-{scenario_digest(design.scenario)[:DIGITS]}{NULL * null}"


def cells_of(designs: Sequence[Design], null: bool) -> dict[str, Scenario]:
    """Give the scenario of each series, as it was resolved."""
    found = {series_of(d, False): d.scenario for d in designs}
    if null:
        own = (d for d in designs if not (d.scenario.case_control or d.scenario.no_effect))
        found |= {series_of(d, True): without_effect(d.scenario) for d in own}
    return found


def address_of(designs: Sequence[Design], endpoint: str | None, seed: int, null: bool, out: str | Path) -> Address:
    """Give what the run's rows depend on; told from the design that the folder's run is told from, if there is one."""
    common = designs[0].scenario
    if (Path(out) / "run.json").exists():
        there = open_run(out).told["scenario"]
        common = next((d.scenario for d in designs if d.scenario.model_dump(mode="json") == there), common)
    labels = [d.label for d in designs]
    name = " v ".join(labels) if len(labels) == 2 else f"{labels[0]} and {len(labels) - 1} more"
    return Address(COMMAND, name, common, seed, {"endpoint": endpoint}, cells_of(designs, null))
