"""Which published finding the sizes of belief's effects follow: `belief.setting`, and keys that differ from it.

`hrobjartsson`: trials in which blinded and unblinded assessors, or patients, judged the same thing (Hrobjartsson 2012,
2013, 2014): those who know are more favourable. `sceptical`: none, as MetaBLIND 2020 found no difference on average
between trials with and without blinding. The sizes of the first are the defaults of their keys; the second lays zeros
below the scenario's files, so that a key that a file or `--set` gives wins over either.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sim.scenario.schema import Scenario

SCEPTICAL = "sceptical"
NOTHING: dict[str, float] = {
    "disability.rater_lean_points": 0.0,
    "msfc.rater_lean_z": 0.0,
    "reporting.confirm_lean_logits": 0.0,
    "reporting.unreported_by_cured_prob": 0.0,
    "reporting.pseudo_per_year": 0.0,
    "quality.placebo_peak_points": 0.0,
    "quality.mental.placebo_peak_points": 0.0,
    "surveillance.reader_lean_logits": 0.0,
    "dropout.disbelief_ratio": 1.0,
    "dropout.lack_of_benefit_per_year": 0.0,
    "medication.disbelief_odds_ratio": 1.0,
}
"""Every key by which a belief about the treatment moves what is reported, rated or done, where it moves nothing.

Angioplasty elsewhere is asked for by a table of its own, and a reader who knows of a relapse or of MS, who leans too
(`surveillance.over_reading_logits`, `screening.reader_lean_logits`), believes nothing about the treatment."""


@dataclass(frozen=True)
class Beliefs:
    """A scenario's setting, and the keys whose values are not the setting's."""

    setting: str
    own: tuple[tuple[str, float], ...] = ()

    @property
    def words(self) -> str:
        """What a headline says."""
        but = ", ".join(f"{key} = {value:g}" for key, value in self.own)
        return f"beliefs: {self.setting}" + (f", but {but}" if but else "")

    def to_dict(self) -> dict[str, Any]:
        """Give plain values."""
        return {"setting": self.setting, "own": dict(self.own), "words": self.words}


def beliefs_of(scenario: Scenario) -> Beliefs:
    """Tell a scenario's setting and where it differs from it."""
    setting = scenario.belief.setting
    sizes = NOTHING if setting == SCEPTICAL else _defaults(type(scenario))
    found = ((key, _value(scenario, key)) for key in NOTHING)
    return Beliefs(setting, tuple((key, value) for key, value in found if value != sizes[key]))


def filled(tables: Mapping[str, Any]) -> Mapping[str, Any]:
    """Give the tables of a scenario with what its setting says of keys that no file and no `--set` gives."""
    belief = tables.get("belief")
    if not isinstance(belief, Mapping) or belief.get("setting") != SCEPTICAL:
        return tables
    for key, value in NOTHING.items():
        tables = _filled(tables, key.split("."), value)
    return tables


def without_setting(tables: Mapping[str, Any], scenario: Scenario) -> Mapping[str, Any]:
    """Give resolved tables without the keys that are as the setting has them, so that another setting can fill them."""
    own = {key for key, _ in beliefs_of(scenario).own}
    for key in NOTHING:
        tables = tables if key in own else _without(tables, key.split("."))
    return tables


def _defaults(schema: type[Scenario]) -> dict[str, float]:
    """Give the keys' own defaults, which are the sizes of `hrobjartsson`."""
    return {key: _default(schema, key.split(".")) for key in NOTHING}


def _default(model: Any, parts: list[str]) -> float:
    field = model.model_fields[parts[0]]
    if len(parts) > 1:
        return _default(field.annotation, parts[1:])
    value: float = field.default
    return value


def _value(table: Any, key: str) -> float:
    for part in key.split("."):
        table = getattr(table, part)
    value: float = table
    return value


def _filled(table: Mapping[str, Any], parts: list[str], value: float) -> Mapping[str, Any]:
    first, *below = parts
    inner = table.get(first, {} if below else None)
    if below:
        return {**table, first: _filled(inner, below, value)} if isinstance(inner, Mapping) else table
    return table if first in table else {**table, first: value}


def _without(table: Mapping[str, Any], parts: list[str]) -> Mapping[str, Any]:
    first, *below = parts
    if below:
        return {**table, first: _without(table[first], below)}
    return {name: value for name, value in table.items() if name != first}
