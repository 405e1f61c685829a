"""One scenario out of several: a child laid over its parent, overrides laid over both, each leaf's origin kept."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date, time
from typing import Any

from sim.core.errors import Problem, ScenarioError
from sim.scenario.lines import Parts, join, split

Origin = dict[str, tuple[str, int]]

OVERRIDE = ("", 0)
"""The origin of a value that no file gave."""


@dataclass(frozen=True)
class RawScenario:
    """A scenario as written, parents merged in, not yet checked against the schema.

    `tables` is the merged file without `extends`; `origin` gives for each key path (tables, array elements and
    leaves) the file and line that set it, `("", 0)` for an override; `origin[""]` is the scenario's own file;
    `files` are the files read, the scenario's own first, then its parent, and so on.
    """

    name: str
    tables: dict[str, Any]
    origin: Origin
    files: tuple[str, ...] = ()

    @property
    def intent(self) -> str:
        """The sentence that opens the scenario's own file; "" if it has none (it isn't inherited)."""
        return str(self.tables.get("intent", ""))

    def place(self, parts: Parts) -> tuple[str, int]:
        """Find the file and line of a key path, or of the nearest table above it that is written somewhere."""
        above = (self.origin.get(join(parts[:length])) for length in range(len(parts), -1, -1))
        return next((place for place in above if place is not None), OVERRIDE)


def overlay(parent: RawScenario, child: RawScenario) -> RawScenario:
    """Lay a child over its parent: tables merge key by key, all else (arrays too) is replaced whole.

    The parent's `intent` isn't inherited.
    """
    replaced: list[Parts] = [("intent",)]
    inherited = {key: value for key, value in parent.tables.items() if key != "intent"}
    tables = _merge(inherited, child.tables, (), replaced)
    origin = _without(parent.origin, replaced) | child.origin
    return replace(child, tables=tables, origin=origin, files=(*child.files, *parent.files))


def override(raw: RawScenario, overrides: Mapping[str, object]) -> RawScenario:
    """Set key paths (`effect.rate_ratio`, `arm[1].ratio`) to values, in order; ScenarioError with every one that can't.

    A table given as a value merges like a child file's; anything else is replaced.
    """
    problems: list[Problem] = []
    for path, value in overrides.items():
        try:
            raw = _override_one(raw, split(path), plain(value))
        except ValueError as error:
            problems.append(Problem("override", 0, path or "(empty)", "an override that can't be applied", str(error)))
    if problems:
        raise ScenarioError(problems)
    return raw


def plain(value: object) -> Any:
    """Turn a Python value into one that TOML could have given; ValueError if there is none."""
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if value is None or isinstance(value, bool | int | float | str | date | time):
        return value
    if hasattr(value, "item"):  # a NumPy scalar
        return plain(value.item())
    raise ValueError(f"a number, a string, true or false, a list or a table, not {type(value).__name__}")


def _override_one(raw: RawScenario, parts: Parts, value: Any) -> RawScenario:
    if not parts or parts == ("extends",):
        raise ValueError("the key path of a value, such as effect.rate_ratio")
    replaced: list[Parts] = []
    tables = _set(raw.tables, value, parts, (), replaced)
    implied = {join(parts[:length]): OVERRIDE for length in range(1, len(parts))}
    places = {join((*parts, *below)): OVERRIDE for below in _paths(value)}
    return replace(raw, tables=tables, origin=implied | _without(raw.origin, replaced) | places)


def _set(node: Any, value: Any, parts: Parts, above: Parts, replaced: list[Parts]) -> Any:
    """Copy `node` with the value at `parts` below it; tables are made on the way, array elements have to be there."""
    if not parts:
        if isinstance(node, dict) and isinstance(value, dict):
            return _merge(node, value, above, replaced)
        replaced.append(above)
        return value
    part, here = parts[0], (*above, parts[0])
    if isinstance(part, str):
        if isinstance(node, list):
            raise ValueError(f"a place in the array {join(above)}, such as {join((*above, 0, *parts))}")
        table = node if isinstance(node, dict) else {}
        return table | {part: _set(table.get(part), value, parts[1:], here, replaced)}
    if not isinstance(node, list) or part >= len(node):
        there = f"0 to {len(node) - 1}" if isinstance(node, list) and node else "none"
        raise ValueError(f"a place in the array {join(above)} (there are: {there})")
    return [*node[:part], _set(node[part], value, parts[1:], here, replaced), *node[part + 1 :]]


def _merge(under: Mapping[str, Any], over: Mapping[str, Any], above: Parts, replaced: list[Parts]) -> dict[str, Any]:
    merged = dict(under)
    for key, value in over.items():
        here = (*above, key)
        if isinstance(value, dict) and isinstance(under.get(key), dict):
            merged[key] = _merge(under[key], value, here, replaced)
            continue
        replaced.append(here)
        merged[key] = value
    return merged


def _without(origin: Origin, replaced: list[Parts]) -> Origin:
    """Drop what stood at or below the replaced key paths."""
    gone = [join(parts) for parts in replaced]
    heads = tuple(path + mark for path in gone for mark in ".[")
    return {path: place for path, place in origin.items() if path not in gone and not path.startswith(heads)}


def _paths(value: Any) -> Iterator[Parts]:
    yield ()
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for part, item in items:
        yield from ((part, *below) for below in _paths(item))
