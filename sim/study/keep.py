"""Keeps what is slow to find and always the same (truths, solved populations) on disk, under its full address.

A file that is missing or damaged is worked out again; a folder that can't be written costs time, never an answer.
"""

from __future__ import annotations

import json
import os
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeVar

from sim.engines.records import ENGINE_VERSION
from sim.scenario.schema import Scenario
from sim.study.play import scenario_digest

T = TypeVar("T")


def kept_file(kind: str, scenario: Scenario, *parts: int) -> Path:
    """Give where an answer is kept: by kind, scenario, engine version and whatever else it depends on."""
    name = "-".join([scenario_digest(scenario), *map(str, (ENGINE_VERSION, *parts))])
    return _cache_folder() / "shamtrial" / kind / f"{name}.json"


def read(path: Path, row: type[T]) -> list[T]:
    """Give the rows kept there, or none: also where they were kept by a version with other fields."""
    try:
        return [row(**kept) for kept in json.loads(path.read_text(encoding="utf-8"))]
    except (OSError, ValueError, TypeError):
        return []


def keep(path: Path, rows: list[dict[str, Any]]) -> None:
    """Keep rows there: a whole file or none."""
    scratch = path.with_suffix(f".{os.getpid()}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        scratch.write_text(json.dumps(rows), encoding="utf-8")
        scratch.replace(path)
    except OSError:
        with suppress(OSError):
            scratch.unlink()


def _cache_folder() -> Path:
    asked = os.environ.get("XDG_CACHE_HOME")
    try:
        return Path(asked) if asked else Path.home() / ".cache"
    except RuntimeError:  # a user without a home: a place where nothing can be kept
        return Path(os.devnull)
