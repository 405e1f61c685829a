"""How a study's rows, one a trial, stand in a Parquet table and come back from it bit for bit."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from sim.study.runner import Failure

Rows = NDArray[Any]
Columns = dict[str, Any]


@dataclass(frozen=True)
class Block:
    """Trials `first`, `first` + 1, ...: a row each, in order, blank where the trial failed; and the failures."""

    first: int
    rows: Rows
    failed: tuple[Failure, ...] = ()

    @property
    def good(self) -> Rows:
        """The rows of the trials that did not fail."""
        if not self.failed:
            return self.rows
        return np.delete(self.rows, [f.trial - self.first for f in self.failed])

    def parts(self, length: int) -> list[Block]:
        """Give the same in blocks of so many trials; the last may be shorter."""
        ends = [(k, self.first + k, self.first + k + length) for k in range(0, len(self.rows), length)]
        return [
            Block(first, self.rows[k : k + length], tuple(f for f in self.failed if first <= f.trial < last))
            for k, first, last in ends
        ]


class Layout(Protocol):
    """What a series of chunks needs to know of a study's rows: a structured array with a field `trial`."""

    @property
    def dtype(self) -> np.dtype[np.void]:
        """The type of a row."""

    @property
    def lines(self) -> int:
        """Lines that a trial takes in the table."""

    def blank(self, trials: int) -> Rows:
        """Give rows without an answer."""

    def columns(self, rows: Rows) -> Columns:
        """Give the table's columns; `trial` is one of them."""

    def rows(self, table: Any) -> Rows:
        """Give back what `columns` was given, bit for bit; ValueError where the table can't come from it."""


@dataclass(frozen=True)
class Flat:
    """A line a trial and a column a field; a field of several values a list of fixed length, one of none left out."""

    dtype: np.dtype[np.void]
    lines: int = 1

    def blank(self, trials: int) -> Rows:
        """Give rows of NaN, and of 0 or False where there is no NaN."""
        rows = np.zeros(trials, self.dtype)
        for name in self.dtype.names or ():
            if self.dtype[name].base.kind == "f":
                rows[name] = math.nan
        return rows

    @property
    def _names(self) -> list[str]:
        return [name for name in self.dtype.names or () if self.dtype[name].itemsize]

    def columns(self, rows: Rows) -> Columns:
        """Give a column a field."""
        return {name: _column(rows[name]) for name in self._names}

    def rows(self, table: Any) -> Rows:
        """Give the rows back."""
        rows = np.empty(table.num_rows, self.dtype)
        for name in self._names:
            rows[name] = _values(table[name], self.dtype[name].shape, table.num_rows)
        return rows


def words(names: Sequence[str], codes: NDArray[Any]) -> Any:
    """Give a column of words, by their numbers."""
    import pyarrow as pa

    return pa.DictionaryArray.from_arrays(pa.array(codes.astype(np.int32)), pa.array(names, pa.string())).cast(
        pa.string()
    )


def numbers(column: Any) -> NDArray[Any]:
    """Give a column without nulls as an array."""
    found: NDArray[Any] = column.combine_chunks().to_numpy(zero_copy_only=False)
    return found


def table_of(layout: Layout, block: Block) -> Any:
    """Give a block as a table: the layout's columns, and `reason`, empty but where the trial failed."""
    import pyarrow as pa

    reasons = ["", *(f.message for f in block.failed)]
    code = np.zeros(len(block.rows), np.int32)
    code[[f.trial - block.first for f in block.failed]] = np.arange(1, len(reasons))
    return pa.table(layout.columns(block.rows) | {"reason": words(reasons, np.repeat(code, layout.lines))})


def block_of(layout: Layout, table: Any, first: int, seed: int) -> Block:
    """Give the block back that `table_of` was given; ValueError where the table can't come from it."""
    if table.num_rows == 0 or table.num_rows % layout.lines:
        raise ValueError(f"{table.num_rows} lines, {layout.lines} a trial")
    trial = numbers(table["trial"])[:: layout.lines]
    if not np.array_equal(trial, np.arange(first, first + len(trial))):
        raise ValueError(f"trials other than {first} to {first + len(trial) - 1}")
    reason = table["reason"].to_pylist()[:: layout.lines] if _any_reason(table) else []
    failed = tuple(Failure(seed, first + k, said) for k, said in enumerate(reason) if said)
    return Block(first, layout.rows(table), failed)


def _any_reason(table: Any) -> bool:
    return any(table["reason"].unique().to_pylist())


def _column(values: NDArray[Any]) -> Any:
    import pyarrow as pa

    if values.ndim == 1:
        return pa.array(np.ascontiguousarray(values))
    flat = pa.array(np.ascontiguousarray(values).reshape(-1))
    return pa.FixedSizeListArray.from_arrays(flat, math.prod(values.shape[1:]))


def _values(column: Any, shape: tuple[int, ...], rows: int) -> NDArray[Any]:
    if not shape:
        return numbers(column)
    found: NDArray[Any] = column.combine_chunks().flatten().to_numpy(zero_copy_only=False)
    return found.reshape((rows, *shape))
