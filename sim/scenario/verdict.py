"""The schema's verdict in the user's terms: every problem of a scenario at once, each with its file and line."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from sim.core.errors import Problem, ScenarioError
from sim.core.params import Placed, Refusal, Refusals
from sim.scenario.beliefs import filled
from sim.scenario.blame import blame
from sim.scenario.legal import Legal, shown
from sim.scenario.lines import Parts, join, split
from sim.scenario.merge import RawScenario

M = TypeVar("M", bound=BaseModel)

_ABSENT = object()


def validate(raw: RawScenario, schema: type[M]) -> M:
    """Check a scenario against its schema; ScenarioError with all problems (file, line, key, found, allowed).

    What `belief.setting` says of keys that nobody gives is filled in before. Arrays may be declared as list or tuple,
    dates as such. Problems stand in the order of the files read (overrides
    first), then by line. A validator of the whole schema runs only once its tables are right, as pydantic has it.
    """
    try:
        made = schema.model_validate_json(_json(raw))
    except ValidationError as error:
        problems = _problems(raw, Legal(schema), error)
        raise ScenarioError(sorted(dict.fromkeys(problems), key=lambda problem: _order(raw, problem))) from None
    if isinstance(made, Placed):
        made.written(raw.origin)
    return made


def _json(raw: RawScenario) -> str:
    try:
        return json.dumps(filled(raw.tables), default=str)
    except ValueError:
        found, allowed = "a whole number of thousands of digits", "numbers that can be computed with"
        raise ScenarioError([Problem(*raw.place(()), "(file)", found, allowed)]) from None


def _problems(raw: RawScenario, legal: Legal, error: ValidationError) -> Iterator[Problem]:
    for detail in error.errors(include_url=False):
        parts = _path(raw.tables, detail)
        for below, found, allowed in _verdicts(raw, legal, detail, parts):
            here = (*parts, *below)
            told = blame(raw, here, found, allowed) if detail["type"] == "value_error" else (here, found, allowed)
            file, line = raw.place(told[0])
            yield Problem(file or "override", line, join(told[0]) or "(file)", *told[1:])


def _verdicts(raw: RawScenario, legal: Legal, detail: ErrorDetails, parts: Parts) -> Iterator[tuple[Parts, str, str]]:
    """Put one pydantic error as (key path below `parts`, found, allowed); a validator may have refused several."""
    kind, context = detail["type"], detail.get("ctx", {})
    value = _lookup(raw.tables, parts)
    if kind == "extra_forbidden":
        yield (), *legal.unknown(parts, value, raw.tables)
    elif kind == "missing":
        yield (), "nothing", f"{legal.at(parts, raw.tables) or 'a value'} (it must be given)"
    elif kind in ("union_tag_invalid", "union_tag_not_found"):
        tag = str(context["discriminator"]).strip("'")
        found = _lookup(raw.tables, (*parts, tag))
        yield (tag,), _found(found, "nothing"), legal.at((*parts, tag), raw.tables)
    elif isinstance(context.get("error"), Refusal | Refusals):
        for refusal in _each(context["error"]):
            told = refusal.found if isinstance(refusal.found, str) else shown(refusal.found)
            yield _below(refusal.key), told, refusal.allowed
    elif "error" in context:
        yield (), _found(value, shown(detail["input"])), str(context["error"])
    else:
        finite = "a finite number: " if kind == "finite_number" else ""
        allowed = legal.at(parts, raw.tables) or detail["msg"]
        yield (), _found(value, shown(detail["input"])), finite + allowed


def _path(tables: dict[str, Any], detail: ErrorDetails) -> Parts:
    """Take out of pydantic's location what is no key of the scenario: the names of union members."""
    parts: list[str | int] = []
    node: Any = tables
    last = len(detail["loc"]) - 1
    for place, part in enumerate(detail["loc"]):
        absent = place == last and detail["type"] == "missing"
        below = _lookup(node, (part,))
        if below is not _ABSENT or absent:
            parts.append(part)
            node = below
    return tuple(parts)


def _lookup(node: Any, parts: Parts) -> Any:
    for part in parts:
        inside = isinstance(node, dict) and part in node
        inside = inside or (isinstance(node, list) and isinstance(part, int) and part < len(node))
        if not inside:
            return _ABSENT
        node = node[part]
    return node


def _found(value: object, otherwise: str) -> str:
    return otherwise if value is _ABSENT else shown(value)


def _each(error: Refusal | Refusals) -> tuple[Refusal, ...]:
    return error.refusals if isinstance(error, Refusals) else (error,)


def _below(key: str) -> Parts:
    try:
        return split(key)
    except ValueError:  # a validator's slip must not hide its message
        return (key,)


def _order(raw: RawScenario, problem: Problem) -> tuple[int, int, str]:
    return (raw.files.index(problem.file) if problem.file in raw.files else -1), problem.line, problem.key
