"""Scenario files on disk: which ones are shipped, which one a name means, and what is in it."""

from __future__ import annotations

import os
import re
import tomllib
from dataclasses import dataclass
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any

from sim.core.errors import Problem, ScenarioError
from sim.scenario.lines import line_map
from sim.scenario.nearest import nearest

_SUFFIX = ".toml"
_PLACE = re.compile(r" \(at (?:line (\d+), column (\d+)|end of document)\)$")


@dataclass(frozen=True)
class Document:
    """One file as it stands: its tables, and the line of each key path."""

    file: str
    tables: dict[str, Any]
    lines: dict[str, int]


def scenario_folder() -> Path:
    """Find the shipped scenarios: `sim/scenarios` in a wheel, `scenarios/` beside `sim/` in a source checkout."""
    package = Path(__file__).resolve().parents[1]
    inside = package / "scenarios"
    return inside if inside.is_dir() else package.parent / "scenarios"


def shipped() -> list[str]:
    """List the names of the shipped scenarios (path under scenarios/ without `.toml`), sorted."""
    folder = scenario_folder()
    return sorted(p.relative_to(folder).with_suffix("").as_posix() for p in folder.rglob(f"*{_SUFFIX}"))


def shown(path: Path) -> str:
    """Write a path as its reader would recognise it: as given, or from the current folder where that is shorter."""
    return min(str(path), os.path.relpath(path), key=len)


def name_of(path: Path) -> str:
    """Name a scenario file: its path under scenarios/ if it is a shipped one, else its stem."""
    full, folder = path.resolve(), scenario_folder().resolve()
    return full.relative_to(folder).with_suffix("").as_posix() if full.is_relative_to(folder) else path.stem


def locate(name_or_path: str | Path) -> Path:
    """Find the file that a name or a path means; ScenarioError, with the nearest name, if there is none.

    A shipped name goes first, then a path (ends with .toml, or is a file), then the last part of exactly one
    shipped name (`zamboni_2009` for `published/zamboni_2009`).
    """
    text = str(name_or_path)
    names = shipped()
    if text in names:
        return _shipped_path(text)
    if text.endswith(_SUFFIX) or os.path.isfile(text):
        return Path(text)
    ending = [name for name in names if name.rpartition("/")[2] == text]
    if len(ending) == 1:
        return _shipped_path(ending[0])
    if os.path.isdir(text):
        raise _refused(text, "a folder", "a scenario file (.toml)")
    beside = [text + _SUFFIX] if os.path.isfile(text + _SUFFIX) else []
    raise ScenarioError([Problem("", 0, "scenario", f"no scenario {text!r}", _instead(text, names, ending or beside))])


def locate_parent(name: object, child: Document, child_path: Path) -> Path:
    """Find the file that `extends` names: beside the child, then among the shipped; nowhere else."""
    if not isinstance(name, str) or not name:
        raise refuse_extends(child, repr(name), "the name of one scenario, as a string")
    if _leaves_folder(name):
        raise refuse_extends(child, repr(name), "a name without '..' that is not an absolute path")
    beside = child_path.parent / (name + _SUFFIX)
    for path in (beside, _shipped_path(name)):
        if os.path.isfile(path) and path.resolve() != child_path.resolve():
            return path  # a file may change the shipped scenario of its own name
    near = sorted(p.stem for p in child_path.parent.glob(f"*{_SUFFIX}") if p != child_path)
    raise refuse_extends(child, f"no scenario {name!r}", _instead(name, [*shipped(), *near], []))


def refuse_extends(child: Document, found: str, allowed: str) -> ScenarioError:
    """Make the error for the `extends` line of `child`."""
    return ScenarioError([Problem(child.file, child.lines["extends"], "extends", found, allowed)])


def read_document(path: Path) -> Document:
    """Read one TOML file; ScenarioError, with file and line, if it can't be read or isn't TOML in UTF-8."""
    file = shown(path)
    text = _decode(file, _bytes(path, file))
    try:
        return Document(file, tomllib.loads(text), line_map(text))
    except RecursionError:
        raise _refused(file, "arrays or tables nested too deeply", "a scenario file") from None
    except ValueError as error:  # TOMLDecodeError, or an integer of thousands of digits
        raise _syntax(file, text, str(error)) from None


def _bytes(path: Path, file: str) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        siblings = [str(p) for p in sorted(path.parent.glob(f"*{_SUFFIX}"))] if path.parent.is_dir() else []
        maybe = nearest(path.name, [Path(p).name for p in siblings])
        near = [shown(path.parent / maybe)] if maybe else []
        raise _refused(file, "no such file", _instead(path.stem, shipped(), near)) from None
    except IsADirectoryError:
        raise _refused(file, "a folder", "a scenario file (.toml)") from None
    except (OSError, ValueError) as error:  # ValueError: a NUL in the path
        reason = getattr(error, "strerror", None) or str(error)
        raise _refused(file, f"a file that can't be read ({reason})", "a readable scenario file") from None


def _decode(file: str, raw: bytes) -> str:
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        found = f"byte 0x{error.object[error.start]:02x}, which is not UTF-8"
        raise ScenarioError([Problem(file, line, "(file)", found, "TOML text in UTF-8")]) from None


def _syntax(file: str, text: str, message: str) -> ScenarioError:
    place = _PLACE.search(message)
    said = message[: place.start()] if place else message
    if place and place[1]:
        line, column = int(place[1]), f", column {place[2]}"
    else:
        line, column = (text.rstrip("\n").count("\n") + 1 if place else 0), ""
    return ScenarioError([Problem(file, line, "(file)", f"a syntax error ({said}{column})", "valid TOML")])


def _refused(file: str, found: str, allowed: str) -> ScenarioError:
    return ScenarioError([Problem(file, 0, "scenario", found, allowed)])


def _shipped_path(name: str) -> Path:
    return scenario_folder() / (name + _SUFFIX)


def _leaves_folder(name: str) -> bool:
    windows = PureWindowsPath(name)
    return ".." in windows.parts or bool(windows.anchor) or PurePosixPath(name).is_absolute()


def _instead(word: str, names: list[str], certain: list[str]) -> str:
    """Say what could stand there: a guess, and the list of shipped names."""
    maybe = nearest(word, names)
    guesses = certain or ([maybe] if maybe else [])
    hint = f"did you mean {' or '.join(map(repr, guesses))}? " if guesses else ""
    return f"{hint}a .toml file, or a shipped scenario ({', '.join(shipped()) or 'none found'})"
