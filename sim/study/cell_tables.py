"""The rows of several series as one table: which series a line is of, and, of a sweep's cells, the keys in which they
differ, as columns."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from sim.study.runs import flat


def cell_tables(told: Mapping[str, Any], names: Iterable[str], tables: Callable[[str], Iterator[Any]]) -> Iterator[Any]:
    """Give the tables of all cells, one after the other, with the columns that all have in common."""
    values, kept = cell_values(told), None
    for name in names:
        for table in tables(name):
            made = _with_values(table, name, {key: own[name] for key, own in values.items()})
            kept = made.schema if kept is None else kept
            yield made.select(kept.names).cast(kept)


def series_tables(
    names: Iterable[str], schemas: Iterable[Any], tables: Callable[[str], Iterator[Any]]
) -> Iterator[Any]:
    """Give the tables of several series, one after the other: the series' name, and the columns that all have."""
    import pyarrow as pa

    first, *rest = schemas
    kept = [field.name for field in first if all(field.name in s.names and s.field(field.name) == field for s in rest)]
    for name in names:
        for table in tables(name):
            columns = {"series": pa.repeat(pa.scalar(name), table.num_rows)}
            yield pa.table(columns | {key: table[key] for key in kept})


def cell_values(told: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Give, for each key in which cells of a run differ, its value in each of them; values of one key are of one kind.

    `told` is what run.json says. Endpoints are the rows' own, and their keys are left out.
    """
    cells = told.get("cells", {})
    moved = {table: None for changes in cells.values() for table in changes if table != "endpoint"}
    whole = {
        name: dict(flat({table: changes.get(table, told["scenario"][table]) for table in moved}, ""))
        for name, changes in cells.items()
    }
    keys = dict.fromkeys(key for own in whole.values() for key in own)
    found = {key: {name: own.get(key) for name, own in whole.items()} for key in keys}
    return {key: _of_one_kind(own) for key, own in found.items() if len(set(map(repr, own.values()))) > 1}


def _of_one_kind(values: dict[str, Any]) -> dict[str, Any]:
    """Give numbers as floats where one is, truth values and strings as they are, anything else as JSON."""
    kinds = {type(value) for value in values.values()}
    if kinds in ({int, float}, {float}):
        return {name: float(value) for name, value in values.items()}
    if len(kinds) == 1 and kinds <= {int, bool, str}:
        return values
    return {name: json.dumps(value) for name, value in values.items()}


def _with_values(table: Any, name: str, values: Mapping[str, Any]) -> Any:
    """Put the cell's name and its values before the columns of a table.

    Counts of guesses, which not all cells need have, are left out.
    """
    import pyarrow as pa

    told = {"cell": name} | dict(values)
    columns = {key: pa.repeat(pa.scalar(value), table.num_rows) for key, value in told.items()}
    kept = {key: table[key] for key in table.column_names if not key.startswith("guess_")}
    return pa.table(columns | kept)
