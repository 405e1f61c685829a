"""Chunk files: 10,000 of a run's trials in a Parquet file, whole or not there, the same bytes whenever written.

A chunk carries a stamp: what its numbers depend on. It holds no time, no machine, no folder.
"""

from __future__ import annotations

import io
import os
import re
from pathlib import Path
from typing import Any

from sim.core.errors import ShamtrialError
from sim.study.performance import BLOCK
from sim.study.store import whole

CHUNK = 10 * BLOCK
"""Trials of a chunk: so many that the lightest, of which a core plays 34,000 a second, hardly feel a file's cost."""
STAMP = b"shamtrial"
NAME = re.compile(r"(?P<series>[a-z][a-z0-9_-]*)-(?P<number>[0-9]{6})\.parquet")
WRITTEN = {"compression": "lz4", "version": "2.6", "write_page_checksum": True, "write_statistics": ["trial"]}
"""lz4 takes a tenth more room than zstd and a third of its time."""


class Damaged(Exception):  # noqa: N818 - named for what the file is
    """A chunk that can't be read, or does not hold what it should."""


def chunk_path(folder: Path, series: str, number: int) -> Path:
    """Give where a chunk of a series stands."""
    return folder / f"{series}-{number:06d}.parquet"


def listing(folder: Path) -> dict[str, list[int]]:
    """Give the series that have a file in a folder, by name, each with the numbers of its chunks in order."""
    found: dict[str, list[int]] = {}
    for name in os.listdir(folder):
        if m := NAME.fullmatch(name):
            found.setdefault(m["series"], []).append(int(m["number"]))
    return {series: sorted(found[series]) for series in sorted(found)}


def write_chunk(path: Path, table: Any, stamp: bytes) -> None:
    """Write a chunk: made whole in memory, written under another name, brought to the disk, then named.

    The name itself is brought to the disk with `store.sync_folder`: a chunk whose name is lost is played again.
    """
    import pyarrow.parquet as pq

    made = io.BytesIO()
    text = [field.name for field in table.schema if str(field.type) == "string"]
    pq.write_table(table.replace_schema_metadata({STAMP: stamp}), made, use_dictionary=text, **WRITTEN)
    with whole(path, name_too=False) as scratch:
        scratch.write_bytes(made.getbuffer())


def read_chunk(path: Path) -> tuple[Any, bytes]:
    """Give a chunk's table and its stamp (empty: none); every page's checksum is verified. Raises Damaged."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        data = path.read_bytes()
    except OSError as error:
        raise ShamtrialError(f"{path}: found {error.strerror or error}; allowed: a file that can be read") from None
    try:
        table = pq.ParquetFile(pa.BufferReader(data), page_checksum_verification=True).read()
        table.validate(full=True)
    except (pa.ArrowException, OSError, ValueError) as error:
        raise Damaged(_said(error)) from None
    return table, (table.schema.metadata or {}).get(STAMP, b"")


def chunk_schema(path: Path) -> Any:
    """Give a chunk's columns from its end alone, without its stamp. Raises ShamtrialError where that can't be read."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        return pq.read_schema(path).remove_metadata()
    except (pa.ArrowException, OSError, ValueError) as error:
        raise ShamtrialError(f"{path}: found a damaged chunk ({_said(error)}); allowed: a whole one") from None


def chunk_lines(path: Path) -> int:
    """Give the number of a chunk's lines from its end alone, 0 where that can't be read."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        return int(pq.read_metadata(path).num_rows)
    except (pa.ArrowException, OSError, ValueError):
        return 0


def chunk_trials(path: Path) -> int:
    """Give the number of a chunk's trials from its end alone (a column's statistics), 0 where that can't be read."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        told = pq.read_metadata(path)
        column = told.schema.names.index("trial")
        groups = [told.row_group(g).column(column).statistics for g in range(told.num_row_groups)]
        return int(max(g.max for g in groups) - min(g.min for g in groups)) + 1
    except (pa.ArrowException, OSError, ValueError, AttributeError):
        return 0


def put_aside(path: Path) -> Path:
    """Rename a damaged chunk so that it is out of the way and not lost; give its new name."""
    number = 0
    while (aside := path.with_name(f"{path.name}.damaged{f'-{number}' if number else ''}")).exists():
        number += 1
    path.rename(aside)
    return aside


def _said(error: Exception) -> str:
    """Give the first line of what was raised."""
    return (str(error).splitlines() or [type(error).__name__])[0].rstrip(".")
