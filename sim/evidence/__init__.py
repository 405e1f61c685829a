"""Published figures as data: what the literature reports, each figure with where it comes from.

`targets.csv` holds figures that a simulation is compared with or fitted to (column `use`: replay, calibrate, check);
`published.csv` holds the wider list, as printed, with its reference in column `source`. Column `status` says how a
figure got here: `read` (in the paper, its abstract or its label), `review` (in a review that quotes the paper),
`secondary` (in a copy or a press report), `derived` (computed from read figures), `recalled - check before use`.
The two files are kept as they were received; parameters name their ids as `source`.
"""

from __future__ import annotations

import csv
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TypeVar

__all__ = ["Published", "Target", "known", "published", "targets"]

_FOLDER = Path(__file__).parent


@dataclass(frozen=True)
class Target:
    """A figure to compare a simulation with: a value, or `count` of `total`.

    `count` is (low, high): both alike for a plain count, apart where the paper leaves it open ("9-10");
    `value`, `lower` and `upper` are in the units of `quantity`; None where the source gives none.
    """

    id: str
    study: str
    arm: str
    quantity: str
    value: float | None
    count: tuple[int, int] | None
    total: int | None
    lower: float | None
    upper: float | None
    window: str
    use: str
    status: str


@dataclass(frozen=True)
class Published:
    """A figure as printed: `value` and `spread` are text; `n` is None where the source gives none."""

    id: str
    study: str
    year: int
    quantity: str
    arm: str
    value: str
    spread: str
    n: int | None
    unit: str
    status: str
    source: str


def targets() -> dict[str, Target]:
    """Give the figures of targets.csv by id, in the file's order; the dict is the caller's own."""
    return dict(_targets())


def published() -> dict[str, Published]:
    """Give the figures of published.csv by id, in the file's order; the dict is the caller's own."""
    return dict(_published())


def known(source_id: str) -> bool:
    """Tell whether a parameter's `source` is the id of a figure in either file."""
    return source_id in _targets() or source_id in _published()


Row = dict[str, str]
R = TypeVar("R", Target, Published)


@cache
def _targets() -> dict[str, Target]:
    return read(_FOLDER / "targets.csv", _target)


@cache
def _published() -> dict[str, Published]:
    return read(_FOLDER / "published.csv", _as_printed)


def read(path: Path, make: Callable[[Row], R]) -> dict[str, R]:
    """Read a file of figures by id; ValueError with file and line for a bad row or an id that comes twice."""
    figures: dict[str, R] = {}
    with path.open(encoding="utf-8", newline="") as lines:
        rows = csv.DictReader(lines)
        for row in rows:
            try:
                figure = make(row)
                if None in row or None in row.values() or figure.id in figures:
                    raise ValueError("too many or too few columns, or an id that stands above already")
            except (ValueError, TypeError, KeyError, AttributeError) as error:
                raise ValueError(f"{path}:{rows.line_num}: {error}") from error
            figures[figure.id] = figure
    return figures


def _target(row: Row) -> Target:
    return Target(
        id=row["id"],
        study=row["study"],
        arm=row["arm"],
        quantity=row["quantity"],
        value=_number(row["value"]),
        count=_count(row["count"]),
        total=_whole(row["total"]),
        lower=_number(row["lower"]),
        upper=_number(row["upper"]),
        window=row["window"],
        use=row["use"],
        status=row["status"],
    )


def _as_printed(row: Row) -> Published:
    return Published(
        id=row["id"],
        study=row["study"],
        year=int(row["year"]),
        quantity=row["quantity"],
        arm=row["arm"],
        value=row["value"],
        spread=row["spread"],
        n=_whole(row["n"]),
        unit=row["unit"],
        status=row["status"],
        source=row["source"],
    )


def _number(text: str) -> float | None:
    return float(text) if text else None


def _whole(text: str) -> int | None:
    return int(text) if text else None


def _count(text: str) -> tuple[int, int] | None:
    if not text:
        return None
    low, _, high = text.partition("-")
    return int(low), int(high or low)
