"""Run folders as they are found: what they hold, as tables and as files for other software. Nothing is written here but
an export."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from sim.core.errors import ShamtrialError
from sim.engines.records import ENGINE_VERSION
from sim.scenario.schema import Scenario
from sim.study import chunks, store
from sim.study.cell_tables import cell_tables, series_tables
from sim.study.lock import holder
from sim.study.play import scenario_digest
from sim.study.runs import FORMAT, read_run, refuse_other

if TYPE_CHECKING:
    import pandas as pd

ENDINGS = ("parquet", "csv")
STAMPED = ("command", "digest", "engine_version", "seed", "settings")
MOST_GAPS = 5


@dataclass(frozen=True)
class SeriesFound:
    """A series of chunks in a folder: its files, their lines and bytes."""

    name: str
    chunks: int
    lines: int
    bytes: int


@dataclass(frozen=True)
class Gap:
    """Trials of a series, from `first` to `last`, that are not there."""

    series: str
    first: int
    last: int

    def __repr__(self) -> str:
        return f"trials {self.first:,} to {self.last:,} of {self.series} are not there"


@dataclass(frozen=True, repr=False)
class StoredRun:
    """A run's folder, read: `told` is what run.json says."""

    folder: Path
    told: dict[str, Any]

    @property
    def scenario(self) -> Scenario:
        """The scenario as it was resolved; ShamtrialError where this version can't read it."""
        try:
            return Scenario.model_validate(self.told["scenario"])
        except ValueError as error:
            raise ShamtrialError(
                f"{self.folder / 'run.json'}: found a scenario of another version ({str(error).splitlines()[0]}); "
                f"allowed: one of engine version {ENGINE_VERSION}"
            ) from None

    def scenario_of(self, series: str) -> Scenario:
        """Give the scenario of a series: the run's own, or that with the tables that its cell changes."""
        changes = self.told.get("cells", {}).get(series)
        if changes is None:
            return self.scenario
        return replace(self, told=self.told | {"scenario": self.told["scenario"] | changes}).scenario

    @cached_property
    def listing(self) -> dict[str, list[int]]:
        """The series that have a chunk, with the numbers of their chunks, as they were when first asked for."""
        return chunks.listing(self.folder)

    @property
    def series(self) -> tuple[SeriesFound, ...]:
        """What chunks there are, told by their ends alone."""
        return tuple(self._found(name) for name in self.listing)

    @property
    def state(self) -> str:
        """Done, running (a process that lives writes it), unfinished, or incomplete: done, and trials are gone."""
        if holder(self.folder):
            return "running"
        if self.told.get("result") is None:
            return "unfinished"
        return "incomplete" if self.gaps or self.lost else "done"

    @cached_property
    def held(self) -> dict[str, dict[int, int]]:
        """How many trials there are, by series and number of chunk; told by the chunks' ends alone."""
        return {name: {int(p.stem[-6:]): chunks.chunk_trials(p) for p in self.paths(name)} for name in self.listing}

    @cached_property
    def gaps(self) -> tuple[Gap, ...]:
        """The trials that are not there though later ones of the series are."""
        return tuple(gap for name, held in self.held.items() for gap in _gaps(name, held))

    def paths(self, series: str | None = None) -> list[Path]:
        """Give the chunk files of a series (none named: the only one, else `estimates`), in order."""
        names = list(self.listing)
        name = series or (names[0] if len(names) == 1 else "estimates")
        if name not in names:
            allowed = ", ".join(names) or "none: the folder holds no chunks"
            raise ShamtrialError(f"series: found {name!r} in {self.folder}; allowed: {allowed}")
        return [chunks.chunk_path(self.folder, name, n) for n in self.listing[name]]

    @property
    def lost(self) -> dict[str, tuple[int, int]]:
        """The series that have fewer trials than when the run was done: how many are there, and how many were."""
        there = {name: self._trials(name) if name in self.listing else 0 for name in self.told.get("series", {})}
        return {name: (there[name], were) for name, were in self.told.get("series", {}).items() if there[name] < were}

    def tables(self, series: str | None = None, first: int = 0, last: int | None = None) -> Iterator[Any]:
        """Give the chunks' tables one by one, of the trials from `first` up to, not including, `last`.

        Without a series those of the only one, else of `estimates`, else of all, their names a column before the others
        (of a sweep: of all cells, with their names and the keys they differ in).
        `gaps` are passed over. ShamtrialError at a chunk that is damaged, or not of this run.
        """
        self.refuse_other_format()
        if series is None and self.told["command"] == "sweep":
            yield from cell_tables(self.told, self.listing, lambda name: self.tables(name, first, last))
            return
        if series is None and len(self.listing) > 1 and "estimates" not in self.listing:
            schemas = [chunks.chunk_schema(self.paths(name)[0]) for name in self.listing]
            yield from series_tables(self.listing, schemas, lambda name: self.tables(name, first, last))
            return
        for path in self.paths(series):
            begins = int(path.stem[-6:]) * chunks.CHUNK
            if begins + chunks.CHUNK <= first or (last is not None and begins >= last):
                continue
            table = self._table(path)
            trial = table["trial"].to_numpy()
            inside = (trial >= first) & (trial < (np.inf if last is None else last))
            yield table if inside.all() else table.filter(inside)

    def refuse_other_format(self) -> None:
        """Refuse chunks of another version, which hold other numbers of trials."""
        if self.listing and self.told.get("format") != FORMAT:
            found = self.told.get("format")
            raise ShamtrialError(
                f"{self.folder / 'run.json'}: format: found {found}; allowed: {FORMAT}, as written now"
            )

    def to_frame(self, series: str | None = None, first: int = 0, last: int | None = None) -> pd.DataFrame:
        """Give the lines of the trials from `first` up to, not including, `last`, as they stand in the chunks."""
        import pyarrow as pa

        tables = list(self.tables(series, first, last))
        if not tables:
            tables = [next(self.tables(series)).slice(0, 0)]
        return pa.concat_tables(tables).to_pandas()

    def export(self, path: str | Path, series: str | None = None) -> Path:
        """Write a series as one file, .csv or .parquet by its name's ending, a chunk at a time; whole or not at all.

        Of a run that is not done, what there is of it; ShamtrialError where one that was done has lost trials.
        """
        target = Path(path)
        if target.suffix.removeprefix(".") not in ENDINGS:
            raise ShamtrialError(f"--to: found {str(path)!r}; allowed: a name that ends in .csv or .parquet")
        if chunks.NAME.fullmatch(target.name) and target.parent.resolve() == self.folder.resolve():
            raise ShamtrialError(f"--to: found {path}, the name of a chunk; allowed: another name")
        if self.state == "incomplete":
            raise ShamtrialError(
                f"{self.folder}: found a run that was done and has lost trials ({', '.join(self.missing)}); allowed: "
                "a whole one (the command that wrote it, given again, plays them anew)"
            )
        tables = self.tables(series)
        with store.whole(target, option="--to") as scratch:
            (_to_csv if target.suffix == ".csv" else _to_parquet)(tables, scratch)
        return target

    def to_dict(self) -> dict[str, Any]:
        """Give the JSON object of `runs show`."""
        keys = ("command", "name", "digest", "seed", "engine_version", "trials", "settings", "times", "result")
        return {
            "folder": str(self.folder),
            "state": self.state,
            **{key: self.told.get(key) for key in keys},
            "writer": holder(self.folder),
            "series": [vars(s) for s in self.series],
            "present": self.present,
            "gaps": [vars(gap) for gap in self.gaps],
            "lost": {name: {"present": k, "trials": n} for name, (k, n) in self.lost.items()},
            "damaged": sorted(p.name for p in self.folder.glob("*.damaged*")),
        }

    @property
    def present(self) -> int:
        """How many trials are there: of several scenarios in each, else of the series that has most, or in all where it
        is not known how many are wanted.

        Told by the chunks' ends alone.
        """
        if cells := self.told.get("cells"):
            return min(self._trials(name) if name in self.listing else 0 for name in cells)
        found = [self._trials(name) for name in self.listing]
        return sum(found) if self.told.get("trials") is None else max(found, default=0)

    def __repr__(self) -> str:
        told = self.told
        return (
            f"{self.folder}: {told['command']} {told.get('name', '')}, seed {told['seed']}, "
            f"{self.present} of {told.get('trials') or self.present} trials, {self.state}"
        )

    def _found(self, name: str) -> SeriesFound:
        paths = self.paths(name)
        return SeriesFound(name, len(paths), sum(map(chunks.chunk_lines, paths)), sum(p.stat().st_size for p in paths))

    def _trials(self, name: str) -> int:
        return sum(self.held[name].values())

    @property
    def missing(self) -> list[str]:
        """What is not there, in words: gaps, and series of a run that was done which have fewer trials."""
        others = self.lost.keys() - {gap.series for gap in self.gaps}
        ends = [f"{k:,} of {n:,} trials of {name} are there" for name, (k, n) in self.lost.items() if name in others]
        told = [*map(repr, self.gaps), *ends]
        return told[:MOST_GAPS] + ([f"and {len(told) - MOST_GAPS:,} more"] if len(told) > MOST_GAPS else [])

    def _table(self, path: Path) -> Any:
        """Read a chunk and make sure that it is what its name says."""
        try:
            table, stamp = chunks.read_chunk(path)
            if table["trial"][0].as_py() != int(path.stem[-6:]) * chunks.CHUNK:
                raise chunks.Damaged(f"it begins with trial {table['trial'][0]}")
        except chunks.Damaged as damage:
            raise ShamtrialError(
                f"{path}: found a damaged chunk ({damage}); allowed: a whole one (the command that wrote it, given "
                "again, puts it aside and plays its trials anew)"
            ) from None
        refuse_other(path, stamp, self._stamp(path.stem.rpartition("-")[0]))
        return table

    def _stamp(self, series: str) -> dict[str, Any]:
        """Give what the stamps of a series' chunks say; of a cell, with its scenario if this version can read that."""
        wanted = {key: self.told[key] for key in STAMPED if key in self.told} | {"series": series}
        if series in self.told.get("cells", {}):
            del wanted["digest"]
            with suppress(ShamtrialError):
                wanted["digest"] = scenario_digest(self.scenario_of(series))
        return wanted


def open_run(folder: str | Path) -> StoredRun:
    """Read what a folder says of its run; ShamtrialError where it is not the folder of a run."""
    return StoredRun(Path(folder), read_run(Path(folder)))


def found_runs(parent: str | Path) -> list[StoredRun]:
    """Give the runs in a folder and below it, by name; folders with a run.json of something else are passed over."""
    if not Path(parent).is_dir():
        raise ShamtrialError(f"{parent}: found no folder; allowed: a folder with runs in it or below")
    found = []
    for path in sorted(Path(parent).rglob("run.json")):
        try:
            found.append(open_run(path.parent))
        except ShamtrialError:
            continue
    return found


def _gaps(name: str, held: dict[int, int]) -> Iterator[Gap]:
    """Give what is missing of a series before its last chunk, a gap for all chunks that follow each other."""
    begin = None
    for number in range(max(held) + 1):
        there = held.get(number, 0)
        first = number * chunks.CHUNK
        if there and begin is not None:
            yield Gap(name, begin, first - 1)
            begin = None
        if there < chunks.CHUNK and number < max(held) and begin is None:
            begin = first + there


def _to_csv(tables: Iterator[Any], target: Path) -> None:
    with target.open("w", encoding="utf-8", newline="") as file:
        for number, table in enumerate(tables):
            _spread(table).to_csv(file, index=False, header=not number, lineterminator="\n")


def _to_parquet(tables: Iterator[Any], target: Path) -> None:
    import pyarrow.parquet as pq

    first = next(tables)
    with pq.ParquetWriter(target, first.schema, compression="zstd") as writer:
        writer.write_table(first)
        for table in tables:
            writer.write_table(table)


def _spread(table: Any) -> pd.DataFrame:
    """Give a frame in which a list of fixed length is a column a value."""
    import pandas as pd

    parts: dict[str, Any] = {}
    for name in table.column_names:
        column = table[name].combine_chunks()
        size = getattr(column.type, "list_size", 0)
        flat = column.flatten().to_numpy(zero_copy_only=False).reshape(-1, size) if size else None
        own = {name: column.to_pandas()} if flat is None else {f"{name}_{k}": flat[:, k] for k in range(size)}
        parts |= own
    return pd.DataFrame(parts)
