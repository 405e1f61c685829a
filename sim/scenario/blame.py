"""Whose line is blamed when two keys don't go together: the one set nearest to the user, and both are named."""

from __future__ import annotations

import re
from typing import Any

from sim.scenario.legal import shown
from sim.scenario.lines import Parts, join, split
from sim.scenario.merge import RawScenario

_NAMED = re.compile(r"\[\[?([a-z][a-z0-9_.]*)\]\]?|\b([a-z][a-z0-9_]*(?:\.[a-z][a-z0-9_]*)+)")
_DESIGN = "study.design"


def blame(raw: RawScenario, parts: Parts, found: str, allowed: str) -> tuple[Parts, str, str]:
    """Give the key to blame, what was found there and what is allowed.

    It is the key refused, unless `allowed` names one (as `table.key`, `[table]`, or a design by its value) that is set
    nearer to the user: an override is nearest, then the scenario's own file, its parent, and last a default.
    """
    key = join(parts)
    nearest = min((key, *_named(raw, allowed)), key=lambda path: _distance(raw, path))
    if nearest == key:
        return parts, found, allowed
    file, line = raw.origin.get(key, ("", 0))
    place = f"{file}:{line}" if key in raw.origin else "by default"
    blamed = split(nearest)
    return (
        blamed,
        shown(_value(raw.tables, blamed)),
        f"what goes with {key} ({place}: found {found}; allowed: {allowed})",
    )


def _named(raw: RawScenario, allowed: str) -> list[str]:
    """List the keys that a text names and that a file or an override sets; the design comes first."""
    design = _value(raw.tables, split(_DESIGN))
    by_value = [_DESIGN] if isinstance(design, str) and re.search(rf"\b{re.escape(design)}\b", allowed) else []
    named = [table or key for table, key in _NAMED.findall(allowed)]
    return [path for path in (*by_value, *named) if path in raw.origin]


def _distance(raw: RawScenario, path: str) -> int:
    """Tell how far from the user a key was set: -1 by an override, then by the files in their order, last nowhere."""
    if path not in raw.origin:
        return len(raw.files)
    file = raw.origin[path][0]
    return raw.files.index(file) if file in raw.files else -1


def _value(tables: Any, parts: Parts) -> Any:
    for part in parts:
        tables = tables.get(part) if isinstance(tables, dict) else None
    return tables
