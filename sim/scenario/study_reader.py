"""Takes the changes out of a study's tables, each with the line where it is written."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from sim.core.errors import Problem
from sim.scenario.lines import Parts, join, split
from sim.scenario.merge import RawScenario
from sim.scenario.study import LABEL, Change, Listed, Place


class Reader:
    """Takes the changes out of a study's tables, and gathers what is wrong with them."""

    def __init__(self, raw: RawScenario) -> None:
        self.raw = raw
        self.problems: list[Problem] = []

    def changes(self, *above: str | int) -> tuple[Change, ...]:
        """Give the changes of a table, keys as `"a.b"` or nested."""
        node: Any = self.raw.tables
        for part in above:
            node = node[part] if isinstance(part, int) else node.get(part, {})
        found = list(self._leaves(node, above, ""))
        for key in {c.key for c in found if [d.key for d in found].count(c.key) > 1}:
            self.refuse(above, f"{join(above)}.{key}", "a key given twice", "each key once")
        return tuple(found)

    def axes(self) -> tuple[tuple[Change, ...], ...]:
        """Give the axes of the grid: a change for each value of a key."""
        return tuple(axis for change in self.changes("grid") if (axis := self._axis(change)))

    def _axis(self, change: Change) -> tuple[Change, ...]:
        if not (isinstance(change.value, list) and change.value):
            found = "an empty list" if change.value == [] else "one value"
            self.refuse_at(change.place, f"grid.{change.key}", found, "a list of values, such as [0.6, 0.8, 1.0]")
            return ()
        written = self._written(("grid",), change.key)
        places = [self.raw.place((*written, k)) for k in range(len(change.value))]
        return tuple(Change(change.key, v, place) for v, place in zip(change.value, places, strict=True))

    def cells(self) -> tuple[Listed, ...]:
        """Give the cells that are listed."""
        found = []
        for k, table in enumerate(self.raw.tables.get("cell", [])):
            changes = tuple(c for c in self.changes("cell", k) if c.key != LABEL)
            label = table.get(LABEL) or ", ".join(f"{c.key} = {c.value}" for c in changes) or "as it is"
            if not isinstance(label, str):
                self.refuse(("cell", k, LABEL), f"cell[{k}].{LABEL}", repr(label), "a string")
            found.append(Listed(str(label), changes, self.raw.place(("cell", k))))
        return tuple(found)

    def follow(self) -> tuple[Change, ...]:
        """Give the keys that follow another one, whose key is the value."""
        return tuple(
            Change(c.key, self.key(c.value) if isinstance(c.value, str) else None, c.place)
            for c in self.changes("follow")
        )

    def reference(self) -> Change | None:
        """Give what cells are compared with."""
        found = self.changes("reference")
        if len(found) > 1:
            self.refuse(("reference",), "reference", f"{len(found)} keys", 'one: a key of [grid], or "label"')
        return found[0] if found else None

    def _leaves(self, node: Mapping[str, Any], parts: Parts, above: str) -> Iterator[Change]:
        """Give each value below a table with its key path."""
        for name, value in node.items():
            here, key = (*parts, name), f"{above}.{name}" if above else name
            if isinstance(value, dict) and value:
                yield from self._leaves(value, here, key)
            elif (known := self.key(key)) is not None:
                yield Change(known, value, self.raw.place(here))
            else:
                self.refuse(here, join(here), f"{key!r}", "a key path such as enrolment.target or arm[1].ratio")

    def key(self, text: str) -> str | None:
        """Give a key path in the one way in which it is written; None where it is none."""
        try:
            parts = split(text)
        except ValueError:
            return None
        return join(parts) if parts and parts != ("extends",) else None

    def _written(self, above: Parts, key: str) -> Parts:
        """Give the parts by which a key is written below a table: quoted as a whole, nested, or between the two."""
        node: Any = self.raw.tables
        for part in above:
            node = node[part]
        return next((p for p in _paths(node, above) if self.key(_dotted(p[len(above) :])) == key), above)

    def refuse(self, parts: Parts, key: str, found: str, allowed: str) -> None:
        """Remember what is wrong with a key of the study."""
        self.refuse_at(self.raw.place(parts), key, found, allowed)

    def refuse_at(self, place: Place, key: str, found: str, allowed: str) -> None:
        """Remember what is wrong at a file and line."""
        self.problems.append(Problem(*place, key, found, allowed))


def _paths(node: Mapping[str, Any], above: Parts) -> Iterator[Parts]:
    for name, value in node.items():
        if isinstance(value, dict) and value:
            yield from _paths(value, (*above, name))
        else:
            yield (*above, name)


def _dotted(parts: Parts) -> str:
    return ".".join(map(str, parts))
