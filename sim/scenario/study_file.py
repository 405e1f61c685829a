"""A study file: a scenario, and the keys of it that are moved over a grid or a list of cells.

It is read and checked as scenario files are: unknown keys are refused with file, line, key, found and allowed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from pydantic import Field

from sim.core.errors import Problem, ScenarioError
from sim.core.params import Table
from sim.scenario.files import Document, read_document, shown
from sim.scenario.lines import Parts, join, split
from sim.scenario.load import RawScenario, read_tables, scenario_folder, validate
from sim.scenario.merge import Origin, plain
from sim.scenario.schema import Endpoint

MOST_CELLS = 10_000
MOST_TRIALS = 10_000_000
DEFAULT_TRIALS = 2000
LABEL = "label"

Place = tuple[str, int]


class StudyFile(Table):
    """What may stand in a study file."""

    may_extend: ClassVar[bool] = False

    intent: str = Field("", description="one sentence: what the study asks")
    scenario: str = Field(min_length=1, description="the scenario that is changed: a name, or a path")
    trials: int = Field(DEFAULT_TRIALS, ge=1, le=MOST_TRIALS, description="trials of each cell")
    truth_trials: int = Field(0, ge=0, le=MOST_TRIALS, description="twin trials for the truth of each cell; 0: none")
    endpoints: list[str | Endpoint] = Field([], description="keys or families; a table adds one; none: the primary")
    set: dict[str, Any] = Field({}, description="changes that all cells have")
    grid: dict[str, Any] = Field({}, description="a list of values for each key: all combinations are played")
    cell: list[dict[str, Any]] = Field([], description="changes of one cell, with a label")
    follow: dict[str, Any] = Field({}, description="keys that take the value another key has in the cell")
    reference: dict[str, Any] = Field({}, description="the level, or label, that cells are compared with")
    words: dict[str, str] = Field({}, description="what swept keys are called in tables and pictures")


@dataclass(frozen=True)
class Change:
    """A key set to a value, and where that is written."""

    key: str
    value: Any
    place: Place


@dataclass(frozen=True)
class Listed:
    """A cell that is written out: its label and its changes."""

    label: str
    changes: tuple[Change, ...]
    place: Place


@dataclass(frozen=True)
class Study:
    """A study file, read: what all cells share, what the grid moves, what the list has."""

    name: str
    asked: StudyFile
    base: RawScenario
    fixed: tuple[Change, ...]
    axes: tuple[tuple[Change, ...], ...]
    listed: tuple[Listed, ...]
    follow: tuple[Change, ...]
    reference: Change | None
    raw: RawScenario

    @property
    def endpoints(self) -> list[str]:
        """The endpoints asked for, by key or family."""
        return [own if isinstance(own, str) else own.key for own in self.asked.endpoints]

    @property
    def swept(self) -> list[str]:
        """The keys that differ between cells, those of the list first."""
        keys = [c.key for own in self.listed for c in own.changes] + [axis[0].key for axis in self.axes]
        return list(dict.fromkeys(keys))

    def written_at(self, key: str) -> Place:
        """Give the file and line of a key of the study."""
        return self.raw.place((key,))


def study_folder() -> Path:
    """Find the shipped studies: `sim/studies` in a wheel, `docs/studies` beside `sim/` in a source checkout."""
    inside = scenario_folder().parent / "studies"
    return inside if inside.is_dir() else scenario_folder().parent / "docs" / "studies"


def shipped_studies() -> list[str]:
    """List the names of the shipped studies, sorted."""
    return sorted(path.stem for path in study_folder().glob("*.toml"))


def read_study(study: str | Path | Mapping[str, Any], fixed: Mapping[str, object]) -> Study:
    """Read a study by shipped name, path or as a dictionary; `fixed` maps keys to values that all cells have.

    Raises ScenarioError with every problem of the file found: unknown keys, keys given twice, lists that are empty.
    """
    raw, home = _written(study)
    asked = validate(raw, StudyFile)
    reader = _Reader(raw)
    given = tuple(Change(key, value, ("--set", 0)) for key, value in fixed.items())
    found = Study(
        raw.name,
        asked,
        _with_endpoints(_base(raw, home), raw),
        (*reader.changes("set"), *given),
        reader.axes(),
        reader.cells(),
        reader.follow(),
        reader.reference(),
        raw,
    )
    reader.check(found)
    return found


def _written(study: str | Path | Mapping[str, Any]) -> tuple[RawScenario, Path | None]:
    """Give the tables as written, and the folder of the file."""
    if isinstance(study, Mapping):
        try:
            return RawScenario("study", plain(study), {"": ("study", 0)}, ("study",)), None
        except ValueError as error:
            raise ScenarioError(
                [Problem("study", 0, "(file)", "a value that TOML does not have", str(error))]
            ) from None
    path = _located(str(study))
    document = read_document(path)
    return RawScenario(path.stem, document.tables, _origin(document), (document.file,)), path.parent


def _origin(document: Document) -> Origin:
    return {"": (document.file, 1)} | {key: (document.file, line) for key, line in document.lines.items()}


def _located(text: str) -> Path:
    """Find the file of a study: a shipped name, or a path."""
    names = shipped_studies()
    if text in names:
        return study_folder() / f"{text}.toml"
    if (path := Path(text)).is_file():
        return path
    found = "a folder" if path.is_dir() else f"no study {text!r}"
    raise ScenarioError([Problem("", 0, "study", found, f"a .toml file, or a shipped study ({', '.join(names)})")])


def _base(raw: RawScenario, home: Path | None) -> RawScenario:
    """Read the scenario that is changed: beside the study's file first, then as commands take it."""
    name = raw.tables["scenario"]
    beside = home / (name if name.endswith(".toml") else f"{name}.toml") if home else None
    try:
        return read_tables(shown(beside) if beside and beside.is_file() else name)
    except ScenarioError as error:
        own = [Problem(*raw.place(("scenario",)), "scenario", p.found, p.allowed) for p in error.problems if not p.line]
        raise ScenarioError([*own, *(p for p in error.problems if p.line)]) from None


def _with_endpoints(base: RawScenario, raw: RawScenario) -> RawScenario:
    """Give the scenario's tables with the endpoints that the study adds."""
    added = [(k, own) for k, own in enumerate(raw.tables.get("endpoints", ())) if isinstance(own, dict)]
    there = base.tables.get("endpoint", [])
    if not added or not isinstance(there, list):
        return base
    places = {join(("endpoint", len(there) + n)): raw.place(("endpoints", k)) for n, (k, _) in enumerate(added)}
    tables = base.tables | {"endpoint": [*there, *(own for _, own in added)]}
    return RawScenario(base.name, tables, base.origin | places, base.files)


class _Reader:
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
            self._refuse(above, f"{join(above)}.{key}", "a key given twice", "each key once")
        return tuple(found)

    def axes(self) -> tuple[tuple[Change, ...], ...]:
        """Give the axes of the grid: a change for each value of a key."""
        return tuple(axis for change in self.changes("grid") if (axis := self._axis(change)))

    def _axis(self, change: Change) -> tuple[Change, ...]:
        if not (isinstance(change.value, list) and change.value):
            found = "an empty list" if change.value == [] else "one value"
            self._refuse_at(change.place, f"grid.{change.key}", found, "a list of values, such as [0.6, 0.8, 1.0]")
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
                self._refuse(("cell", k, LABEL), f"cell[{k}].{LABEL}", repr(label), "a string")
            found.append(Listed(str(label), changes, self.raw.place(("cell", k))))
        return tuple(found)

    def follow(self) -> tuple[Change, ...]:
        """Give the keys that follow another one, whose key is the value."""
        return tuple(
            Change(c.key, self._key(c.value) if isinstance(c.value, str) else None, c.place)
            for c in self.changes("follow")
        )

    def reference(self) -> Change | None:
        """Give what cells are compared with."""
        found = self.changes("reference")
        if len(found) > 1:
            self._refuse(("reference",), "reference", f"{len(found)} keys", 'one: a key of [grid], or "label"')
        return found[0] if found else None

    def check(self, study: Study) -> None:
        """Refuse what the file's own parts contradict; ScenarioError with all that was found."""
        self._check_size(study)
        self._check_keys(study)
        self._check_reference(study)
        self._check_words(study)
        if self.problems:
            raise ScenarioError(sorted(dict.fromkeys(self.problems), key=lambda p: (p.line, p.key)))

    def _check_size(self, study: Study) -> None:
        cells = max(1, len(study.listed))
        for axis in study.axes:
            cells *= len(axis)
        if not (study.axes or study.listed or self.problems):
            allowed = "a key with a list of values under [grid], or cells under [[cell]]"
            self._refuse((), "grid", "no cell to play", allowed)
        if cells > MOST_CELLS:
            self._refuse(("grid",), "grid", f"{cells:,} cells", f"at most {MOST_CELLS:,}")

    def _check_keys(self, study: Study) -> None:
        moved = {axis[0].key for axis in study.axes}
        for change in (*study.fixed, *(c for own in study.listed for c in own.changes)):
            if change.key in moved:
                self._refuse_at(change.place, change.key, "a key that [grid] moves", "a key in one place")
        written = moved | {c.key for c in study.fixed} | {c.key for own in study.listed for c in own.changes}
        for change in study.follow:
            if change.value not in study.swept:
                said = "a key that [grid] or a cell moves: " + ", ".join(study.swept)
                self._refuse_at(change.place, f"follow.{change.key}", repr(change.value), said)
            elif change.key in written:
                self._refuse_at(change.place, f"follow.{change.key}", "a key that is set too", "a key in one place")
        labels = [own.label for own in study.listed]
        for own in study.listed:
            if labels.count(own.label) > 1:
                self._refuse_at(own.place, "cell.label", f"{own.label!r} more than once", "a label for each cell")

    def _check_words(self, study: Study) -> None:
        for key in study.asked.words:
            if self._key(key) not in study.swept:
                said = "a key that [grid] or a cell moves: " + ", ".join(study.swept)
                self._refuse(("words", key), f"words.{key}", "a key that is not moved", said)

    def _check_reference(self, study: Study) -> None:
        if (own := study.reference) is None:
            return
        levels = {axis[0].key: [c.value for c in axis] for axis in study.axes}
        if study.listed:
            levels[LABEL] = [cell.label for cell in study.listed]
        if own.key not in levels:
            self._refuse_at(own.place, f"reference.{own.key}", "a key that is not moved", ", ".join(levels) or "none")
        elif own.value not in levels[own.key]:
            said = ", ".join(map(str, levels[own.key]))
            self._refuse_at(own.place, f"reference.{own.key}", str(own.value), f"one of {said}")

    def _leaves(self, node: Mapping[str, Any], parts: Parts, above: str) -> Iterator[Change]:
        """Give each value below a table with its key path."""
        for name, value in node.items():
            here, key = (*parts, name), f"{above}.{name}" if above else name
            if isinstance(value, dict) and value:
                yield from self._leaves(value, here, key)
            elif (known := self._key(key)) is not None:
                yield Change(known, value, self.raw.place(here))
            else:
                self._refuse(here, join(here), f"{key!r}", "a key path such as enrolment.target or arm[1].ratio")

    def _key(self, text: str) -> str | None:
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
        return next((p for p in _paths(node, above) if self._key(_dotted(p[len(above) :])) == key), above)

    def _refuse(self, parts: Parts, key: str, found: str, allowed: str) -> None:
        self._refuse_at(self.raw.place(parts), key, found, allowed)

    def _refuse_at(self, place: Place, key: str, found: str, allowed: str) -> None:
        self.problems.append(Problem(*place, key, found, allowed))


def _paths(node: Mapping[str, Any], above: Parts) -> Iterator[Parts]:
    for name, value in node.items():
        if isinstance(value, dict) and value:
            yield from _paths(value, (*above, name))
        else:
            yield (*above, name)


def _dotted(parts: Parts) -> str:
    return ".".join(map(str, parts))
