"""Designs to be laid side by side: scenarios, and scenarios with a few keys changed ("what if"), each with a label.

A design is written NAME or NAME:KEY=VALUE,KEY=VALUE. A value is TOML, or else a plain string; a comma inside brackets
or quotes belongs to the value.
"""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from sim.core.errors import Problem, ScenarioError
from sim.scenario.files import shipped
from sim.scenario.loaded import Loaded, load, parse_settings
from sim.scenario.schema import Scenario

_CHANGE = re.compile(r"\s*[A-Za-z_][\w.\[\]-]*\s*=")
_BEGINS = re.compile(r":(?=\s*[A-Za-z_][\w.\[\]-]*\s*=)")
_FORM = "NAME or NAME:KEY=VALUE,KEY=VALUE, such as sham_rct:veins.success_prob=1.0 (lists in brackets, text in quotes)"
_OPEN, _CLOSE = "[{", "]}"
MOST_NAMED = 3


@dataclass(frozen=True)
class Design:
    """A scenario under a label of its own."""

    label: str
    loaded: Loaded

    @property
    def name(self) -> str:
        """The name of the scenario, changed or not."""
        return self.loaded.name

    @property
    def scenario(self) -> Scenario:
        """The scenario as resolved."""
        return self.loaded.scenario


def load_designs(
    asked: Sequence[str | Path | Loaded], overrides: Mapping[str, object] | None = None
) -> tuple[Design, ...]:
    """Load designs, `overrides` in all of them, a design's own changes after these.

    ScenarioError where there are fewer than two, one is malformed, or two are the same.
    """
    designs = _told_apart([_load(one, overrides or {}) for one in asked], asked)
    if len(designs) < 2:
        raise _refused(f"{len(designs)} design{'s' * (len(designs) != 1)}", "two or more")
    seen: dict[str, str] = {}
    for design in designs:
        if (first := seen.setdefault(design.loaded.digest, design.label)) is not design.label:
            raise _refused(f"{first} and {design.label}, which are the same scenario", "designs that differ")
    return tuple(designs)


def split_changes(text: str) -> list[str]:
    """Split at the commas that stand in no bracket and no quote; ValueError where one of those is not closed."""
    parts, begin, depth, quote = [], 0, 0, ""
    for place, letter in enumerate(text):
        if quote:
            quote = "" if letter == quote else quote
        elif letter in "\"'":
            quote = letter
        elif letter in _OPEN:
            depth += 1
        elif letter in _CLOSE:
            depth -= 1
        elif letter == "," and depth == 0:
            parts.append(text[begin:place])
            begin = place + 1
        if depth < 0:
            raise ValueError("a bracket that was never opened")
    if depth or quote:
        raise ValueError("a bracket or a quote that is not closed")
    return [part.strip() for part in (*parts, text[begin:])]


def _load(asked: str | Path | Loaded, overrides: Mapping[str, object]) -> Design:
    if isinstance(asked, Loaded):
        own = asked.changed(overrides)
        return Design(own.name, own)
    name, changes = _read(str(asked))
    own = load(name, {**overrides, **parse_settings(changes)})
    return Design(":".join([own.name, *([",".join(changes)] if changes else [])]), own)


def _read(text: str) -> tuple[str, list[str]]:
    """Take a design apart: the scenario's name or path, and its changes."""
    found = _BEGINS.search(text)
    if text in shipped() or os.path.isfile(text) or (not found and ":" not in text):
        return text, []
    if not found:
        if text.endswith(".toml"):
            return text, []  # a path with a colon, to be told that it is not there
        raise _refused(repr(text), _FORM)
    try:
        changes = split_changes(text[found.end() :])
    except ValueError as error:
        raise _refused(f"{text!r}, with {error}", _FORM) from None
    keys = [change.partition("=")[0].strip() for change in changes]
    if not found.start() or not all(_CHANGE.match(change) for change in changes):
        raise _refused(repr(text), _FORM)
    if twice := [key for key, times in Counter(keys).items() if times > 1]:
        raise _refused(f"{text!r}, which gives {twice[0]} twice", "each key once")
    return text[: found.start()], changes


def _told_apart(designs: Sequence[Design], asked: Sequence[object]) -> list[Design]:
    """Give designs labels that differ: files of one name by their paths, what Python changed by the changed keys."""
    found: list[Design] = []
    for design, given in zip(designs, asked, strict=True):
        label, taken = design.label, {d.label for d in found}
        if label in taken:
            first = next(d for d in found if d.label == label)
            label = _by_changes(first, design) if isinstance(given, Loaded) else str(given)
        number, plain = 2, label
        while label in taken:
            label, number = f"{plain} ({number})", number + 1
        found.append(replace(design, label=label))
    return found


def _by_changes(first: Design, design: Design) -> str:
    changed = list(_changes(first.loaded, design.loaded))
    if not 1 <= len(changed) <= MOST_NAMED:
        return design.label
    return f"{design.label}:{','.join(changed)}"


def _changes(one: Loaded, other: Loaded) -> Iterator[str]:
    before = {v.key: v.value for v in one.values()}
    for v in other.values():
        if before.get(v.key) != v.value:
            yield f"{v.key}={v.value}"


def _refused(found: str, allowed: str) -> ScenarioError:
    return ScenarioError([Problem("", 0, "compare", found, allowed)])
