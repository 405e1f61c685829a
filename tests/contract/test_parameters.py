"""Contract: what every parameter of a scenario has to say of itself, and that its range is kept."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, get_args, get_origin

import pytest
from annotated_types import Ge, Gt, Le, Lt, MaxLen, MinLen
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from sim.core.errors import Problem, ScenarioError
from sim.evidence import known
from sim.evidence.population import values
from sim.scenario.load import read_tables, validate
from sim.scenario.loaded import load
from sim.scenario.schema import Scenario
from tests.helpers import Overrides

# Names and texts have no unit and no source; a claim is texts alone. The numbers of `Figure` are published ones, with a
# source of their own.
NOT_PARAMETERS = {
    "intent",
    "arm[].name",
    "arm[].procedure",
    "endpoint[].name",
    "endpoint[].id",
    "endpoint[].treatment",
    "endpoint[].control",
    "published.study",
}


def problems(name: str, overrides: Overrides) -> tuple[Problem, ...]:
    """Give everything that is wrong with this scenario."""
    with pytest.raises(ScenarioError) as caught:
        validate(read_tables(name, overrides), Scenario)
    return caught.value.problems


def parameters(model: type[BaseModel], above: str = "") -> Iterator[tuple[str, FieldInfo]]:
    """Give every key of the schema that is no table, with its key path."""
    for name, field in model.model_fields.items():
        inner = field.annotation
        if (
            get_origin(inner) is list
            and isinstance(get_args(inner)[0], type)
            and issubclass(get_args(inner)[0], BaseModel)
        ):
            yield from parameters(get_args(inner)[0], f"{above}{name}[].")
        elif isinstance(inner, type) and issubclass(inner, BaseModel):
            yield from parameters(inner, f"{above}{name}.")
        else:
            yield f"{above}{name}", field


PARAMETERS = {
    key: field
    for key, field in parameters(Scenario)
    if key not in NOT_PARAMETERS and not key.startswith(("published.figure", "published.claim"))
}


def extra(field: FieldInfo) -> dict[str, Any]:
    """Give unit and source."""
    found = field.json_schema_extra
    return dict(found) if isinstance(found, dict) else {}


def numeric(field: FieldInfo) -> bool:
    """Tell whether a parameter is a number (or none)."""
    inner = field.annotation
    return get_origin(inner) is not list and bool({inner, *get_args(inner)} & {int, float})


def test_the_walk_finds_the_parameters() -> None:
    """The tests below look at the whole schema: more than a hundred parameters, numbers, names and switches."""
    assert len(PARAMETERS) > 100
    assert {"relapse.rate_per_year", "veins.complications.rupture_prob", "arm[].ratio", "switches.effect"} <= set(
        PARAMETERS
    )
    assert sum(numeric(field) for field in PARAMETERS.values()) > 60
    assert {key for key, _ in parameters(Scenario)} >= NOT_PARAMETERS


def test_every_parameter_says_what_it_is() -> None:
    """Each has a unit, a meaning and a source (`assumption`, `design`, or known ids); each number has a range."""
    for key, field in PARAMETERS.items():
        assert field.description, key
        assert extra(field).get("unit"), key
        source = str(extra(field).get("source"))
        ids = source.removeprefix("fitted: ").split(", ")
        assert source in ("assumption", "design") or all(map(known, ids)), f"{key}: no such source: {source}"
        assert source.startswith("fitted: ") or len(ids) == 1, f"{key}: read in one place: {source}"
        kinds = {type(m) for m in field.metadata}
        if numeric(field):
            assert kinds & {Ge, Gt}, f"{key} has no lower bound"
            assert kinds & {Le, Lt}, f"{key} has no upper bound"
        if get_origin(field.annotation) is list:
            assert kinds >= {MinLen, MaxLen}, f"{key} may have any length"


def test_fitted_defaults_are_those_of_the_fit() -> None:
    """Every `fitted` default has the fit's value to the printed digits, and the fit has no value but these."""
    fitted = {key for key, field in PARAMETERS.items() if str(extra(field).get("source")).startswith("fitted: ")}
    assert fitted == set(values())
    for key, value in values().items():
        assert PARAMETERS[key].default == value, key


def test_the_base_population_is_the_fitted_one() -> None:
    """scenarios/base.toml, with which the other scenarios begin, has each fitted value."""
    resolved = {v.key: v.value for v in load("base").values()}
    assert {key: resolved[key] for key in values()} == values()


def test_units_are_in_the_keys() -> None:
    """A key that ends in a unit has that unit: `_days` days, `_months` months, `_prob` a pure number, and so on."""
    units = {
        "_days": "days",
        "_months": "months",
        "_years": "years",
        "_prob": "1",
        "_per_year": "1/year",
        "_per_month": "1/month",
        "_logits": "log odds",
    }
    checked = 0
    for key, field in PARAMETERS.items():
        for ending, unit in units.items():
            if key.endswith(ending) and not key.endswith("points_per_year"):
                assert extra(field)["unit"] == unit, key
                checked += 1
    assert checked > 40


def test_a_number_out_of_range_is_refused() -> None:
    """Each numeric key refuses a value far below its range and one far above it, at that key, with the range."""
    for key, field in PARAMETERS.items():
        if not numeric(field) or "[]" in key:
            continue
        for value in (-(10**9), 10**9):
            typed = value if field.annotation is int else float(value)
            found = {p.key: p for p in problems("sham_rct", {key: typed})}
            assert key in found, f"{key} takes {value}"
            assert "x" in found[key].allowed, found[key]
