"""A scenario as it was read: its name, its values, and which file set each of them."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel

from sim.core.errors import Problem, ScenarioError
from sim.scenario.beliefs import NOTHING, SCEPTICAL, without_setting
from sim.scenario.load import RawScenario, digest, read_tables, validate
from sim.scenario.merge import override
from sim.scenario.schema import Scenario

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Value:
    """One resolved value: key path, value, unit, meaning, source, and where it was set ("default" if nowhere)."""

    key: str
    value: Any
    unit: str
    meaning: str
    source: str
    set_in: str


@dataclass(frozen=True, repr=False)
class Loaded:
    """A valid scenario with its origin; `scenario` holds the values."""

    name: str
    scenario: Scenario
    raw: RawScenario

    @property
    def digest(self) -> str:
        """SHA-256 of the resolved scenario."""
        return digest(self.scenario.model_dump(mode="json"))

    def changed(self, overrides: Mapping[str, object]) -> Loaded:
        """Give the scenario with these key paths set to these values, checked anew."""
        if not overrides:
            return self
        raw = override(self.raw, overrides)
        return Loaded(self.name, validate(raw, Scenario), raw)

    def values(self) -> list[Value]:
        """Give every value of the resolved scenario, in the order of the schema."""
        by_setting = NOTHING if self.scenario.belief.setting == SCEPTICAL else {}
        found = _values(self.scenario, "", self.raw)
        return [replace(v, set_in=f"belief.setting = {SCEPTICAL}") if _by_setting(v, by_setting) else v for v in found]

    def to_frame(self) -> pd.DataFrame:
        """Give one row a value."""
        import pandas as pd

        return pd.DataFrame([vars(v) for v in self.values()])

    def __repr__(self) -> str:
        s = self.scenario
        arms = " v ".join(f"{a.name} ({a.ratio})" for a in s.arm)
        ends = ", ".join(e.key for e in s.endpoint)
        return (
            f"{self.name}: {s.intent}\n"
            f"  {s.study.design}, {s.enrolment.target} patients at {s.sites.count} sites, {arms}\n"
            f"  endpoints: {ends}\n  digest {self.digest[:12]}"
        )


def load(name_or_path: str | Path, overrides: Mapping[str, object] | None = None) -> Loaded:
    """Load a scenario by shipped name or path; ScenarioError tells every problem with file, line, key, found, allowed.

    `overrides` maps key paths to values, e.g. {"effect.rate_ratio": 0.7}.
    """
    raw = read_tables(name_or_path, overrides)
    return Loaded(raw.name, validate(raw, Scenario), raw)


def with_settings(scenario: Scenario, settings: Iterable[str]) -> Scenario:
    """Give a scenario with settings such as "effect.rate_ratio=0.7", checked anew; ScenarioError as in `load`."""
    return changed_keys(scenario, parse_settings(settings))


def changed_keys(scenario: Scenario, values: Mapping[str, object]) -> Scenario:
    """Give a scenario with these key paths set to these values, checked anew; ScenarioError as in `load`."""
    tables = dict(without_setting(scenario.model_dump(mode="json"), scenario))
    return validate(override(RawScenario("", tables, {"": ("", 0)}, ()), values), Scenario)


def parse_settings(sets: Iterable[str]) -> dict[str, object]:
    """Turn settings such as "effect.rate_ratio=0.7" into overrides; a value is TOML, or else a plain string."""
    found: dict[str, object] = {}
    for setting in sets:
        key, equals, text = setting.partition("=")
        if not (equals and key.strip()):
            raise ScenarioError([Problem("", 0, "--set", repr(setting), "KEY=VALUE, such as effect.rate_ratio=0.7")])
        found[key.strip()] = _value(text)
    return found


def _by_setting(value: Value, keys: Mapping[str, float]) -> bool:
    return value.set_in == "default" and value.key in keys


def _value(text: str) -> object:
    try:
        tables = tomllib.loads(f"value = {text}")
    except (ValueError, RecursionError):  # not TOML, a number of thousands of digits, arrays nested too deeply
        return text.strip()
    return tables["value"] if len(tables) == 1 else text.strip()


def _values(model: BaseModel, above: str, raw: RawScenario) -> Iterator[Value]:
    for name, field in type(model).model_fields.items():
        path, value = f"{above}{name}", getattr(model, name)
        if isinstance(value, BaseModel):
            yield from _values(value, f"{path}.", raw)
        elif isinstance(value, list) and value and isinstance(value[0], BaseModel):
            for i, item in enumerate(value):
                yield from _values(item, f"{path}[{i}].", raw)
        else:
            extra = field.json_schema_extra if isinstance(field.json_schema_extra, dict) else {}
            place = raw.origin.get(path)
            where = "default" if place is None else f"{place[0]}:{place[1]}" if place[0] else "override"
            unit, source = str(extra.get("unit", "-")), str(extra.get("source", "design"))
            yield Value(path, value, unit, field.description or "", source, where)
