"""The population's uncertainty as data: `population_cloud.csv`, made by the fit of the default population.

The header holds scenario keys; a row is the population of one new study, what is known of it drawn once: parameters
that fit the published figures about equally well, and the difference between studies.
"""

from __future__ import annotations

import csv
import hashlib
import math
from dataclasses import dataclass
from pathlib import Path

from sim.core.errors import Problem, ScenarioError

PATH = Path(__file__).parent / "population_cloud.csv"
REQUIRED = ("relapse.rate_per_year", "frailty.variance")
FEWEST = 20
"""Rows below which a cloud says too little of a spread."""


@dataclass(frozen=True)
class Cloud:
    """Scenario keys and, row by row, their values; `file` and `digest` (SHA-256) say which cloud it is."""

    file: str
    digest: str
    keys: tuple[str, ...]
    rows: tuple[tuple[float, ...], ...]


def population_cloud(path: Path | None = None) -> Cloud:
    """Read the cloud; ScenarioError with file and line where it is missing or is no table of numbers."""
    file = path or PATH
    try:
        content = file.read_bytes()
    except OSError as error:
        told = f"no file that can be read ({error.strerror})"
        raise _refused(file, 0, "(file)", told, "a cloud of populations as this package ships it") from None
    table = list(csv.reader(content.decode("utf-8").splitlines()))
    keys = tuple(table[0]) if table else ()
    missing = [key for key in REQUIRED if key not in keys]
    if missing or len(set(keys)) < len(keys):
        told = f"a header without {', '.join(missing)}" if missing else "a header that names a key twice"
        raise _refused(file, 1, "(header)", told, f"scenario keys, each once, {' and '.join(REQUIRED)} among them")
    rows = tuple(_row(file, line, keys, row) for line, row in enumerate(table[1:], 2))
    if len(rows) < FEWEST:
        raise _refused(file, len(rows) + 1, "(file)", f"{len(rows)} rows", f"at least {FEWEST} populations")
    return Cloud(file.name, hashlib.sha256(content).hexdigest(), keys, rows)


def _row(file: Path, line: int, keys: tuple[str, ...], row: list[str]) -> tuple[float, ...]:
    try:
        values = tuple(float(text) for text in row)
    except ValueError as error:
        raise _refused(file, line, "(row)", str(error), "numbers") from None
    if not all(map(math.isfinite, values)):
        raise _refused(file, line, "(row)", ", ".join(row), "finite numbers")
    if len(values) != len(keys):
        raise _refused(file, line, "(row)", f"{len(values)} values", f"{len(keys)}, one a key of the header")
    return values


def _refused(file: Path, line: int, key: str, found: str, allowed: str) -> ScenarioError:
    return ScenarioError([Problem(str(file), line, key, found, allowed)])
