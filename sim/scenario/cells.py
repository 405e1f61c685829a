"""The cells of a study: each a whole scenario, checked; what is wrong with any of them is told at once."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sim.core.errors import Problem, ScenarioError
from sim.scenario.legal import shown
from sim.scenario.lines import split
from sim.scenario.load import digest
from sim.scenario.merge import RawScenario, override
from sim.scenario.schema import Scenario
from sim.scenario.study import Change, Listed, Study
from sim.scenario.verdict import validate

Narrow = Callable[[Scenario], Scenario]
"""Keeps of a scenario the endpoints that a study asks for; ScenarioError where they can't be had."""

MOST_TOLD = 20


@dataclass(frozen=True)
class Cell:
    """One scenario of a study: its label ("" where none is listed), the values of the swept keys, its digest."""

    label: str
    values: Mapping[str, Any]
    scenario: Scenario
    digest: str

    @property
    def series(self) -> str:
        """The name of its rows in a run's folder: the same scenario has the same name in any study."""
        return f"cell-{self.digest[:12]}"

    @property
    def words(self) -> str:
        """What it is called in messages."""
        own = [f"{key} = {shown(value)}" for key, value in self.values.items()]
        return ", ".join([self.label, *own] if self.label else own)


@dataclass(frozen=True)
class _Asked:
    """A cell as the file has it: label, and changes in the order in which they are made."""

    label: str
    changes: tuple[Change, ...]

    @property
    def words(self) -> str:
        """What it is called in a refusal."""
        moved = ", ".join(f"{c.key} = {shown(c.value)}" for c in self.changes)
        return f"{self.label}: {moved}" if self.label and moved else self.label or moved


def common_scenario(study: Study, narrow: Narrow) -> Scenario:
    """Give the scenario that all cells are told from: the base with what all cells share. Raises ScenarioError."""
    validate(study.base, Scenario)  # what is wrong with the file itself comes first
    return narrow(validate(_changed(study.base, study.fixed), Scenario))


def resolved_cells(study: Study, narrow: Narrow) -> list[Cell]:
    """Give the cells: every combination of the grid, for each cell that is listed.

    ScenarioError tells every cell that is no scenario, with the line of the study's file, the key and the value; and
    cells that are the same scenario twice.
    """
    raw = _changed(study.base, study.fixed)
    found: list[Cell] = []
    amiss: dict[Problem, list[str]] = {}
    for asked in _asked(study):
        try:
            found.append(_resolved(study, raw, asked, narrow))
        except ScenarioError as error:
            for problem in error.problems:
                amiss.setdefault(problem, []).append(asked.words)
    if amiss:
        raise ScenarioError([_named(problem, cells) for problem, cells in itertools.islice(amiss.items(), MOST_TOLD)])
    _refuse_twins(study, found)
    return found


def _asked(study: Study) -> Iterator[_Asked]:
    cells: Sequence[Listed] = study.listed or [Listed("", (), ("", 0))]
    for own in cells:
        for combination in itertools.product(*study.axes):
            changes = (*own.changes, *combination)
            by_key = {c.key: c for c in changes}
            follow = (Change(c.key, by_key[c.value].value, c.place) for c in study.follow if c.value in by_key)
            yield _Asked(own.label, (*changes, *follow))


def _resolved(study: Study, raw: RawScenario, asked: _Asked, narrow: Narrow) -> Cell:
    scenario = narrow(validate(_changed(raw, asked.changes), Scenario))
    tables = scenario.model_dump(mode="json")
    values = {key: value_at(tables, key) for key in study.swept}
    return Cell(asked.label, values, scenario, digest(tables))


def _changed(raw: RawScenario, changes: Sequence[Change]) -> RawScenario:
    """Make changes, and remember where each is written."""
    for change in changes:
        try:
            made = override(raw, {change.key: change.value})
        except ScenarioError as error:
            raise ScenarioError(
                [Problem(*change.place, change.key, p.found, p.allowed) for p in error.problems]
            ) from None
        above = (change.key + ".", change.key + "[")
        own = {path: change.place for path in made.origin if path == change.key or path.startswith(above)}
        raw = RawScenario(made.name, made.tables, made.origin | own, made.files)
    return raw


def value_at(tables: Any, key: str) -> Any:
    """Give the value of a key in resolved tables; None where this scenario does not have it."""
    for part in split(key):
        try:
            tables = tables[part]
        except (KeyError, IndexError, TypeError):
            return None
    return tables


def _named(problem: Problem, cells: list[str]) -> Problem:
    """Say in which cells a problem is."""
    more = f" and {len(cells) - 1:,} more" if len(cells) > 1 else ""
    return Problem(problem.file, problem.line, problem.key, f"{problem.found} (cell {cells[0]}{more})", problem.allowed)


def _refuse_twins(study: Study, cells: list[Cell]) -> None:
    first: dict[str, Cell] = {}
    problems = []
    for cell in cells:
        if cell.digest in first:
            found = f"cells that are the same scenario: {first[cell.digest].words}; {cell.words}"
            own = next((listed for listed in study.listed if listed.label == cell.label), None)
            place = own.place if own else study.axes[0][0].place
            problems.append(Problem(*place, "cell" if study.listed else "grid", found, "each scenario once"))
        first.setdefault(cell.digest, cell)
    if problems:
        raise ScenarioError(problems[:MOST_TOLD])
