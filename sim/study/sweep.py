"""Many scenarios that differ in a few keys, played on the same trials: power over a grid or a list, in one table."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sim.core.errors import Problem, RunError, ScenarioError, ShamtrialError
from sim.scenario.beliefs import beliefs_of
from sim.scenario.cells import Cell, common_scenario, resolved_cells, value_at
from sim.scenario.load import validate
from sim.scenario.schema import Scenario
from sim.scenario.study import MOST_TRIALS, Study
from sim.scenario.study_file import read_study
from sim.study import store
from sim.study.estimates import Estimates
from sim.study.hits import Hits
from sim.study.layout import Block
from sim.study.ledger import chosen
from sim.study.performance import Rows
from sim.study.play import Play, for_many, scenario_digest
from sim.study.population import solved
from sim.study.power import FIRST_TRIALS
from sim.study.runner import Pool, Progress, Watcher, Workers
from sim.study.runs import Address, RunFolder
from sim.study.stream import Flow, Stream
from sim.study.sweep_result import CellResult, SweepResult
from sim.study.tally import Analyse, Standing, Tally, Truths
from sim.study.truth import find_truth
from sim.study.workers import make_ready

Watch = Callable[[str], Watcher]


@dataclass
class Played:
    """A cell while it is played: its scenario made ready, its sums, and which trials reject at each endpoint."""

    cell: Cell
    ready: Scenario
    tally: Tally
    hits: list[Hits] = field(default_factory=list)

    @classmethod
    def of(cls, cell: Cell, ready: Scenario, truths: Truths) -> Played:
        """Begin with nothing."""
        return cls(cell, ready, Tally(ready, truths, keep=0), [Hits() for _ in ready.endpoint])

    def take(self, block: Block) -> None:
        """Sum up a block."""
        self.tally.take(block)
        for number, hits in enumerate(self.hits):
            hits.take(block.first, block.rows["estimates"][:, number]["p"] < self.ready.study.alpha)


def sweep(
    study: str | Path | Mapping[str, Any],
    fixed: Mapping[str, object] | None = None,
    trials: int | None = None,
    seed: int = 1,
    workers: Workers = 1,
    engine: str = "auto",
    watch: Watch | None = None,
    out: str | Path | None = None,
) -> SweepResult:
    """Play every cell of a study on the same trial numbers, and sum up each endpoint in each.

    `study` is a shipped name, the path of a study file or its content as a dictionary; `fixed` are changes that all
    cells have; `trials` in each cell, else the study's own. `out` keeps every estimate while the run goes on; trials
    that are there are read, not played. Raises ScenarioError with every cell that is no scenario, RunError where every
    trial of a cell failed or nobody ever entered it.
    """
    begun, chosen_engine = time.perf_counter(), for_many(engine)
    read = read_study(study, fixed or {})
    wanted = _trials(read, trials)
    common, cells = scenarios_of(read)
    with ExitStack() as stack:
        Play(common, seed, chosen_engine)  # refuses a seed before a folder is made
        by_series = {cell.series: cell.scenario for cell in cells}
        address = Address("sweep", read.name, common, seed, cells=by_series)
        run = stack.enter_context(RunFolder(out, address)) if out is not None else None
        how = _How(seed, workers, chosen_engine, watch)
        played = [how.begun(cell, read.asked.truth_trials) for cell in cells]
        streams = [_stream(own, run, number, wanted) for number, own in enumerate(played)]
        if run:
            run.plan(wanted)
        seconds = _play(played, streams, wanted, how)
        result = SweepResult(
            study=read.name,
            intent=read.asked.intent,
            name=read.base.name,
            scenario=common,
            digest=scenario_digest(common),
            seed=seed,
            trials=wanted,
            engine=chosen_engine,
            elapsed_s=time.perf_counter() - begun,
            trials_per_s=sum(s.total - s.read for s in streams) / max(seconds, 1e-9),
            keys=tuple(read.swept),
            cells=tuple(_cell_result(own) for own in played),
            words=dict(read.asked.words),
            own=_own_values(read),
            reference=(read.reference.key, read.reference.value) if read.reference else None,
            folder=run.folder if run else None,
            read=sum(s.read for s in streams),
            notes=tuple(run.notes) if run else (),
        )
        if run:
            for ending in ("csv", "parquet"):
                store.write_frame(run.folder / f"sweep.{ending}", result.to_frame())
            run.finish(wanted, result.to_dict())
    return result


@dataclass(frozen=True)
class _How:
    """How cells are played."""

    seed: int
    workers: Workers
    engine: str
    watch: Watch | None
    watchers: dict[str, Watcher] = field(default_factory=dict)

    def begun(self, cell: Cell, truth_trials: int) -> Played:
        """Make a cell ready: its population solved for, its truth known where it is asked for."""
        ready, _ = solved(cell.scenario, self.workers, self.watching("solving populations"), self.engine)
        if not truth_trials:
            return Played.of(cell, ready, [None] * len(ready.endpoint))
        seen = self.watching("twin trials (truth)")
        return Played.of(cell, ready, find_truth(ready, truth_trials, self.workers, seen, self.engine))

    def watching(self, label: str) -> Watcher | None:
        """Give the one watcher of this label: cells come one after the other on one bar."""
        if self.watch and label not in self.watchers:
            self.watchers[label] = self.watch(label)
        return self.watchers.get(label)


def _own_values(read: Study) -> dict[str, Any]:
    """Give what the swept keys have in the scenario itself, as its file has it."""
    tables = validate(read.base, Scenario).model_dump(mode="json")
    return {key: value_at(tables, key) for key in read.swept}


def _trials(read: Study, asked: int | None) -> int:
    trials = read.asked.trials if asked is None else asked
    if not 1 <= trials <= MOST_TRIALS:
        raise ShamtrialError(f"--trials: found {trials}; allowed: 1 to {MOST_TRIALS:,}")
    return trials


def scenarios_of(read: Study) -> tuple[Scenario, list[Cell]]:
    """Give what all cells are told from, and the cells, each with the endpoints that are asked for alone."""

    def narrow(scenario: Scenario) -> Scenario:
        try:
            return with_endpoints(scenario, read.endpoints)
        except ShamtrialError as error:
            _, _, said = str(error).partition(": found ")
            found, _, allowed = said.partition("; allowed: ")
            place = read.written_at("endpoints")
            raise ScenarioError([Problem(*place, "endpoints", found, allowed)]) from None

    return common_scenario(read, narrow), resolved_cells(read, narrow)


def with_endpoints(scenario: Scenario, asked: Sequence[str]) -> Scenario:
    """Give the scenario with these endpoints alone, by key or family; none: the primary."""
    own = [chosen(scenario, key) for key in asked] or [chosen(scenario, None)]
    keys = [e.key for e in own]
    if len({*keys}) < len(keys):
        raise ShamtrialError(f"endpoints: found {', '.join(keys)}; allowed: each endpoint once")
    primary = scenario.study.primary if scenario.study.primary in keys else keys[0]
    study = scenario.study.model_copy(update={"primary": primary})
    return scenario.model_copy(update={"endpoint": own, "study": study})


def _stream(own: Played, run: RunFolder | None, number: int, trials: int) -> Stream:
    layout = Estimates(own.ready)
    series = run.series(own.cell.series, layout) if run else None
    if series:
        series.at_least(trials)
    return Stream(layout, own.take, series, number)


def _play(played: Sequence[Played], streams: Sequence[Stream], trials: int, how: _How) -> float:
    """Play all cells: the first trials of each, to see whether anybody enters, then the rest; give the seconds."""
    functions = [Analyse(Play(own.ready, how.seed, how.engine)) for own in played]
    standing, watcher = Standing([own.tally for own in played]), how.watching("trials")

    def seen(progress: Progress, _: Rows) -> None:
        assert watcher is not None
        watcher(progress, standing)

    if how.engine == "compiled" and isinstance(how.workers, int):
        for function in functions:  # cells may need parts of the engine that the first one does not
            make_ready(function)
    with Pool(functions, how.seed, how.workers) as pool:
        flow = Flow(pool, streams)
        for wanted in dict.fromkeys((min(FIRST_TRIALS, trials), trials)):
            flow.extend(wanted, seen if watcher else None, trials)
            _check_entered(played)
        seconds = pool.busy_seconds
    for own, stream in zip(played, streams, strict=True):
        failed = own.tally.failures()
        if len(failed) == stream.total:
            raise failed[0].error()
    return seconds


def _check_entered(played: Sequence[Played]) -> None:
    """Stop the run if there are cells that nobody enters."""
    empty = [own for own in played if not own.tally.entered and len(own.tally.failures()) < own.hits[0].trials]
    if empty:
        more = f" and {len(empty) - 1} more cells" if len(empty) > 1 else ""
        raise RunError(
            f"nobody entered any of {empty[0].hits[0].trials} trials of cell {empty[0].cell.words}{more} before "
            f"enrolment.max_days = {empty[0].ready.enrolment.max_days:g}: no candidate met the entry rule"
        )


def _cell_result(own: Played) -> CellResult:
    return CellResult(
        series=own.cell.series,
        label=own.cell.label,
        values=dict(own.cell.values),
        digest=own.cell.digest,
        beliefs=beliefs_of(own.cell.scenario),
        scenario=own.ready,
        short_trials=sum(own.tally.short.values()),
        failed=tuple(own.tally.failures()),
        endpoints=own.tally.performances(),
        hits=dict(zip((e.key for e in own.ready.endpoint), own.hits, strict=True)),
    )


__all__ = ["Played", "sweep", "with_endpoints"]
