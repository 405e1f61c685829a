"""A study file read: found by name or path, and checked as scenario files are.

Unknown keys are refused with file, line, key, found and allowed.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sim.core.errors import Problem, ScenarioError
from sim.scenario.files import Document, read_document, shown
from sim.scenario.lines import join
from sim.scenario.load import RawScenario, read_tables, scenario_folder, validate
from sim.scenario.merge import Origin, plain
from sim.scenario.study import Change, Study, StudyFile
from sim.scenario.study_checks import check
from sim.scenario.study_reader import Reader


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
    reader = Reader(raw)
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
    check(reader, found)
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
