"""The way in: a scenario read by name or path, `extends` followed, and for every key the file and line that set it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sim.scenario.files import (
    locate,
    locate_parent,
    name_of,
    read_document,
    refuse_extends,
    scenario_folder,
    shipped,
)
from sim.scenario.merge import RawScenario, overlay, override
from sim.scenario.verdict import validate

__all__ = ["RawScenario", "digest", "read_tables", "scenario_folder", "shipped", "validate"]

_EXACT = 2.0**53  # up to here every whole float is one integer and no other


def read_tables(name_or_path: str | Path, overrides: Mapping[str, object] | None = None) -> RawScenario:
    """Read a scenario, merge its parents in, then set the overrides (key path -> value); nothing is checked yet.

    Takes a shipped name (`sham_rct`), the last part of exactly one shipped name (`zamboni_2009`), or a path.
    Raises ScenarioError: no such file, not TOML, or an `extends` that leaves the folder, is missing or goes round.
    """
    path = locate(name_or_path)
    return override(_read(path, ()), overrides or {})


def digest(tables: Mapping[str, Any]) -> str:
    """Give the SHA-256 (hex) of the canonical JSON of `tables`: same content, same digest.

    Keys sorted, no spaces, ASCII; a whole float is written as the integer it equals (1.0 and -0.0 as 1 and 0).
    Give it `model_dump(mode="json")` of the checked scenario. Raises ValueError for NaN and infinity.
    """
    text = json.dumps(_canonical(tables), sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False)
    return hashlib.sha256(text.encode("ascii")).hexdigest()


def _read(path: Path, descendants: tuple[Path, ...]) -> RawScenario:
    """Read a file and, below it, its parents; `descendants` led here, the scenario's own file first."""
    document = read_document(path)
    tables = {key: value for key, value in document.tables.items() if key != "extends"}
    origin = {key: (document.file, line) for key, line in document.lines.items() if key != "extends"}
    raw = RawScenario(name_of(path), tables, {"": (document.file, 1), **origin}, (document.file,))
    if "extends" not in document.tables:
        return raw
    chain = (*descendants, path)
    parent = locate_parent(document.tables["extends"], document, path)
    if any(parent.resolve() == seen.resolve() for seen in chain):
        circle = " -> ".join(name_of(p) for p in (*chain, parent))
        raise refuse_extends(document, f"a circle ({circle})", "a parent that does not come back to this file")
    return overlay(_read(parent, chain), raw)


def _canonical(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _canonical(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_canonical(item) for item in value]
    if isinstance(value, float) and value.is_integer() and abs(value) < _EXACT:
        return int(value)
    return value
