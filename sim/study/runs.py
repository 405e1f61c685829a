"""A run's folder while it is written: one writer, one run, and what is there is never played again.

A run is told by its address: command, resolved scenario, seed, engine version, and the settings that its rows depend
on. A folder takes no other run. Rows come in series (one may do), each in chunks of 10,000 trials by trial number; a
chunk holds its trials from the first one on, without a gap, so that a part of a chunk may grow.
"""

from __future__ import annotations

import json
import time
from collections import deque
from collections.abc import Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any

from sim.core.errors import Problem, RunError, ShamtrialError
from sim.engines.records import ENGINE_VERSION
from sim.scenario.schema import Scenario
from sim.study import chunks, store
from sim.study.ctrl_c import ctrl_c_blocked
from sim.study.layout import Block, Layout, block_of, table_of
from sim.study.lock import locked
from sim.study.play import scenario_digest
from sim.study.runner import Deserted, Interrupted

MOST_TOLD = 20
MOST_WAITING = 4  # chunks that wait for a slow disk before the run does
COMPARED = ("format", "command", "engine_version", "seed", "settings", "scenario")
NEEDED = {"command": str, "scenario": dict, "seed": int, "engine_version": int, "digest": str, "times": dict}
MORE = {"settings": dict, "cells": dict, "series": dict, "name": str, "format": int, "trials": int | None}
"""What run.json holds, and of which kind it is."""
FORMAT = 2  # of a folder: its chunks' names and lengths


@dataclass(frozen=True)
class Address:
    """What a run's rows depend on; `settings` are the command's own options that change a row, `name` is for people.

    A run of several scenarios has one that all are told from, and `cells`: the scenario of each series that has
    another. A run may gain cells, and not lose them.
    """

    command: str
    name: str
    scenario: Scenario
    seed: int
    settings: Mapping[str, Any] = field(default_factory=dict)
    cells: Mapping[str, Scenario] = field(default_factory=dict)

    def values(self) -> dict[str, Any]:
        """Give every value by its key path, as it stands in run.json; those of cells are left out."""
        told = {"format": FORMAT, "command": self.command, "engine_version": ENGINE_VERSION, "seed": self.seed}
        whole = told | {"settings": dict(self.settings), "scenario": self.scenario.model_dump(mode="json")}
        return dict(flat(json.loads(json.dumps(whole)), ""))

    def changes(self) -> dict[str, dict[str, Any]]:
        """Give the tables in which each cell is not the scenario that all are told from, as they stand in run.json."""
        common = self.scenario.model_dump(mode="json")
        found = {}
        for series, scenario in self.cells.items():
            own = scenario.model_dump(mode="json")
            found[series] = {table: value for table, value in own.items() if value != common[table]}
        return found

    def stamp(self, series: str) -> bytes:
        """Give what a chunk of a series carries."""
        told = {
            "chunk": chunks.CHUNK,
            "command": self.command,
            "digest": scenario_digest(self.cells.get(series, self.scenario)),
            "engine_version": ENGINE_VERSION,
            "seed": self.seed,
            "series": series,
            "settings": dict(self.settings),
        }
        return json.dumps(told, sort_keys=True).encode()


class RunFolder:
    """A folder that a run is written to and resumed from; use as a context manager, which holds the folder's lock.

    Raises ShamtrialError where the folder can't be written, another process writes to it, or it holds another run.
    """

    def __init__(self, out: str | Path, address: Address) -> None:
        self.out, self.address = out, address
        self.folder = Path(out)
        self.notes: list[str] = []
        self.listing: dict[str, list[int]] = {}
        self.started = store.now()
        self.held = ExitStack()
        self.begun = time.perf_counter()
        self.writer = ThreadPoolExecutor(1)
        self.writing: deque[Future[None]] = deque()

    def __enter__(self) -> RunFolder:
        self.folder = store.open_folder(self.out)
        self.held.enter_context(locked(self.folder))
        self.held.enter_context(self.writer)  # ends, with what it is writing, before the lock goes
        try:
            self._take_over()
            self.listing = chunks.listing(self.folder)
        except BaseException:
            self.held.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self._close()
        except KeyboardInterrupt:
            self._close()  # where Ctrl-C came just before it was held back
            error = error or KeyboardInterrupt()
        if isinstance(error, Interrupted | Deserted):
            error.folder = str(self.out)
        elif isinstance(error, KeyboardInterrupt):
            raise Interrupted("stopped by Ctrl-C", str(self.out)) from None

    def _close(self) -> None:
        """Let the folder go, which is not free before what is being written has ended."""
        with ctrl_c_blocked():
            self.held.close()

    def series(self, name: str, layout: Layout) -> Series:
        """Give a series of chunks, by its name and its rows' layout."""
        return Series(self, name, layout)

    def write(self, path: Path, layout: Layout, block: Block, stamp: bytes) -> None:
        """Have trials written while others are played on; raises what went wrong with one before."""
        self.writing.append(self.writer.submit(_write, path, layout, block, stamp))
        while self.writing and (self.writing[0].done() or len(self.writing) > MOST_WAITING):
            self._written()

    def settle(self) -> None:
        """Wait for what is being written, names and all; raises what went wrong with it."""
        if self.writing:
            while self.writing:
                self._written()
            store.sync_folder(self.folder)

    def _written(self) -> None:
        """Wait for the first of what is being written; it is forgotten only after it was seen to go well."""
        self.writing[0].result()
        self.writing.popleft()

    def plan(self, trials: int | None) -> None:
        """Write down how many trials are wanted (None: that will be seen), before the first is played."""
        self._write(trials, None)

    def finish(self, trials: int | None, result: dict[str, Any]) -> None:
        """Write down what came out, and how many trials of each series it is made of."""
        there = {
            name: sum(chunks.chunk_trials(chunks.chunk_path(self.folder, name, n)) for n in numbers)
            for name, numbers in chunks.listing(self.folder).items()
        }
        self._write(trials, result, there)

    def _write(self, trials: int | None, result: dict[str, Any] | None, series: dict[str, int] | None = None) -> None:
        own = self.address
        times = {"started": self.started, "elapsed_s": round(time.perf_counter() - self.begun, 3)}
        content = store.run_content(own.command, own.scenario, own.seed, result, times)
        first = {"format": FORMAT, "name": own.name, "trials": trials, "settings": dict(own.settings)}
        more = {"cells": own.changes() if own.cells else None, "series": series}
        told = {key: value for key, value in more.items() if value is not None}
        store.write_json(self.folder / "run.json", first | told | content)

    def _take_over(self) -> None:
        """Sweep out what a killed writer left half-written, and refuse to go on with another run."""
        for path in self.folder.glob(".*.tmp"):
            if store.SCRATCH.fullmatch(path.name):
                path.unlink(missing_ok=True)
        if (path := self.folder / "run.json").exists():
            told = read_run(self.folder)
            if problems := _changed(str(path), told, self.address):
                raise ShamtrialError("\n".join(map(str, problems)))
            self.started = told["times"].get("started", self.started)


class Series:
    """The chunks of one series of rows in a folder that is held."""

    def __init__(self, run: RunFolder, name: str, layout: Layout) -> None:
        self.run, self.name, self.layout = run, name, layout
        self.stamp = run.address.stamp(name)
        self.there = set(run.listing.get(name, ()))

    @property
    def end(self) -> int:
        """The number after the last trial there, told by the last chunk's end alone."""
        if not self.there:
            return 0
        last = max(self.there)
        return last * chunks.CHUNK + chunks.chunk_lines(self.path(last)) // self.layout.lines

    def at_least(self, trials: int) -> None:
        """Refuse to make the run shorter than it is."""
        if self.end > trials:
            raise ShamtrialError(
                f"--trials: found {trials}; allowed: {self.end} or more, since {self.run.folder} holds {self.end} (a "
                "run can grow, not shrink), or another folder"
            )

    def path(self, number: int) -> Path:
        """Give where a chunk stands."""
        return chunks.chunk_path(self.run.folder, self.name, number)

    def read(self, number: int) -> Block | None:
        """Give a chunk that is there, None where there is none; one that is damaged is put aside, and said."""
        if number not in self.there:
            return None
        path = self.path(number)
        try:
            return checked(path, self.layout, self.stamp, self.run.address.seed)
        except chunks.Damaged as damage:
            aside = chunks.put_aside(path)
            self.there.discard(number)
            self.run.notes.append(f"{path}: found damaged ({damage}); kept as {aside.name}, its trials played again")
            return None

    def read_again(self, number: int, trials: int) -> Block:
        """Give a chunk that was read or written before; RunError where it no longer has its trials."""
        path = self.path(number)
        try:
            block = checked(path, self.layout, self.stamp, self.run.address.seed)
        except chunks.Damaged as damage:
            raise _changed_meanwhile(path, str(damage)) from None
        if len(block.rows) != trials:
            raise _changed_meanwhile(path, f"{len(block.rows)} trials, not {trials}")
        return block

    def write(self, chunk: Block) -> None:
        """Have a chunk written, or a longer part of it than is there, while trials are played on."""
        number = chunk.first // chunks.CHUNK
        self.there.add(number)
        self.run.write(self.path(number), self.layout, chunk, self.stamp)

    def settle(self) -> None:
        """Wait for what is being written; raises what went wrong with it."""
        self.run.settle()


def _write(path: Path, layout: Layout, block: Block, stamp: bytes) -> None:
    chunks.write_chunk(path, table_of(layout, block), stamp)


def _changed_meanwhile(path: Path, found: str) -> RunError:
    return RunError(
        f"{path}: found {found}, which another program changed while the run went on; the same command goes on with "
        "what is whole"
    )


def other_folder(out: str | Path) -> Path:
    """Open a folder for what is no run of chunks; one that holds such a run is refused, since run.json is its key."""
    folder = store.open_folder(out)
    if chunks.listing(folder):
        raise ShamtrialError(f"--out: found {folder}, which holds the chunks of a run; allowed: another folder")
    return folder


def checked(path: Path, layout: Layout, stamp: bytes, seed: int) -> Block:
    """Give the trials in a chunk file. Raises Damaged; ShamtrialError where it is of another run."""
    table, found = chunks.read_chunk(path)
    refuse_other(path, found, json.loads(stamp))
    number = int(path.stem.rpartition("-")[2])
    try:
        block = block_of(layout, table, number * chunks.CHUNK, seed)
    except (KeyError, ValueError) as error:
        raise chunks.Damaged(str(error)) from None
    if len(block.rows) > chunks.CHUNK:
        raise chunks.Damaged(f"{len(block.rows)} trials in a chunk of {chunks.CHUNK}")
    return block


def read_run(folder: Path) -> dict[str, Any]:
    """Give what a folder's run.json says; ShamtrialError where it is missing, damaged, or not of shamtrial."""
    path = folder / "run.json"
    try:
        told = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ShamtrialError(f"{path}: found {error.strerror or error}; allowed: the folder of a run") from None
    except ValueError:
        raise ShamtrialError(
            f"{path}: found a damaged file; allowed: the run.json of a run (without one, the same command writes it "
            "anew: each chunk says which run it is of)"
        ) from None
    if not isinstance(told, dict) or not NEEDED.keys() <= told.keys():
        raise ShamtrialError(f"{path}: found a file of something else; allowed: the run.json of a run") from None
    for key, kind in (NEEDED | MORE).items():
        if key in told and not isinstance(told[key], kind):
            raise ShamtrialError(
                f"{path}: {key}: found {json.dumps(told[key])[:60]}; allowed: what a run writes there"
            ) from None
    return told


def _changed(path: str, told: dict[str, Any], asked: Address) -> list[Problem]:
    """Tell each value in which the run there is not the one asked for."""
    parts = {key: told.get(key, {}) for key in COMPARED}
    if gone := sorted(asked.scenario.model_dump().keys() - told["scenario"].keys()):
        return [Problem(path, 0, "scenario", f"nothing of {', '.join(gone)}", "a whole one, or another folder")]
    there, wanted = dict(flat(parts, "")), asked.values()
    if there["command"] != wanted["command"]:
        return [Problem(path, 0, "command", str(there["command"]), f"{asked.command}, or another folder")]
    cells, own = told.get("cells", {}), asked.changes()
    gains = "kept: a run gains cells and loses none; or another folder"
    lost = [
        Problem(path, 0, f"cells.{k}", _called(c, told["scenario"]), gains) for k, c in cells.items() if k not in own
    ]
    for k in () if _apart(there, wanted) else cells.keys() & own.keys():  # what all are told from is told once
        there |= flat(cells[k], f"cells.{k}")
        wanted |= flat(json.loads(json.dumps(own[k])), f"cells.{k}")
    keys = _apart(there, wanted)
    found = [Problem(path, 0, k, _shown(there, k), f"{_shown(wanted, k)} as asked, or another folder") for k in keys]
    found = found or lost
    if found and told.get("name", asked.name) != asked.name:
        found = [Problem(path, 0, "name", str(told["name"]), f"{asked.name} as asked, or another folder"), *found]
    return found[:MOST_TOLD]


def _apart(there: Mapping[str, Any], wanted: Mapping[str, Any]) -> list[str]:
    """Name the keys that do not have the same value, or are not in both."""
    nothing = object()
    return [k for k in {**there, **wanted} if there.get(k, nothing) != wanted.get(k, nothing)]


def _called(changes: Mapping[str, Any], common: Mapping[str, Any]) -> str:
    """Name a cell by the values in which it is not the scenario that all are told from."""
    usual = dict(flat({table: common.get(table) for table in changes}, ""))
    own = {k: v for k, v in flat(dict(changes), "") if k not in usual or usual[k] != v}
    return f"the cell of {', '.join(f'{k} = {json.dumps(v)}' for k, v in own.items()) or 'no changes'}"


def _shown(values: Mapping[str, Any], key: str) -> str:
    return json.dumps(values[key]) if key in values else "nothing"


def flat(value: Any, key: str) -> Iterator[tuple[str, Any]]:
    """Give plain values by key path, those of the scenario without its name."""
    if isinstance(value, dict) and value:
        for name, inner in value.items():
            yield from flat(inner, f"{key}.{name}" if key and key != "scenario" else name)
    elif isinstance(value, list) and value:
        for number, inner in enumerate(value):
            yield from flat(inner, f"{key}[{number}]")
    else:
        yield key, value


def refuse_other(path: Path, found: bytes, wanted: Mapping[str, Any]) -> None:
    """Refuse a chunk whose stamp does not say what this run's say."""
    try:
        there = json.loads(found)
    except ValueError:
        there = None
    if there is None:
        unlike = "without a stamp"
    else:
        unlike = ", ".join(f"{key} {there.get(key)}" for key in wanted if there.get(key) != wanted[key])
    if unlike:
        raise ShamtrialError(
            f"{path}: found a chunk of another run ({unlike}); allowed: chunks of this run, or another folder"
        )
