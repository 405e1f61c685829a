"""References made from the code, so that they can't differ from it: scenario keys, and the kinds of events."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from sim.core.events import VALUES, Kind
from sim.scenario.schema import Scenario

HEAD = """# Scenario keys

Every table and key, with unit, range, default, meaning and source. Source: an id of `sim/evidence` (a published figure,
with its status there), `fitted:` and the figures a value was fitted to ([calibration.md](calibration.md)), `design` (a
choice of whoever designs the study), or `assumption` (nobody measured it).
Tables that can be turned off have `enabled`; [relapse], [disability], [msfc], [quality], [veins] and [belief] describe
what is always there (their effects are turned off by key, or by [switches]). Made by `shamtrial scenarios keys`; a test
keeps it true.
"""


def keys() -> str:
    """Give the reference of all scenario keys as Markdown."""
    parts = [HEAD, *_table("", Scenario, top=True)]
    for name, field in Scenario.model_fields.items():
        inner = _model(field)
        if inner:
            parts += _table(f"[[{name}]]" if get_origin(field.annotation) is list else f"[{name}]", inner)
    return "\n".join(parts)


def event_kinds() -> str:
    """Give the kinds of events as a Markdown table, in the order in which they come at one instant."""
    rows = (f"| {int(kind)} | `{kind.label}` | {VALUES[kind]} |" for kind in sorted(Kind))
    return "\n".join(["| rank | event | value |", "|---|---|---|", *rows])


def _table(title: str, model: type[BaseModel], top: bool = False) -> Iterator[str]:
    rows = [(name, field) for name, field in model.model_fields.items() if not _model(field)]
    if not top:
        yield f"\n## {title}\n\n{(model.__doc__ or '').strip().splitlines()[0]}\n"
    yield "| key | unit | allowed | default | meaning | source |\n|---|---|---|---|---|---|"
    for name, field in rows:
        extra: dict[str, Any] = field.json_schema_extra if isinstance(field.json_schema_extra, dict) else {}
        default = (
            "must be given" if field.is_required() else f"`{_default(field.get_default(call_default_factory=True))}`"
        )
        cells = (
            f"`{name}`",
            str(extra.get("unit", "-")),
            _allowed(field),
            default,
            field.description or "",
            str(extra.get("source", "design")),
        )
        yield "| " + " | ".join(cells) + " |"
    for name, field in model.model_fields.items():
        inner = _model(field)
        if inner and not top:
            yield from _table(f"{title[:-1]}.{name}]", inner)


def _model(field: FieldInfo) -> type[BaseModel] | None:
    kind = field.annotation
    if get_origin(kind) is list:
        kind = get_args(kind)[0]
    return kind if isinstance(kind, type) and issubclass(kind, BaseModel) else None


def _allowed(field: FieldInfo) -> str:
    inner = field.annotation
    several = get_origin(inner) is list and get_origin(get_args(inner)[0]) is Literal
    kinds = get_args(inner)
    choices = [a for kind in (kinds, *map(get_args, kinds)) for a in kind if isinstance(a, str | int)]
    if choices:
        return ("any of " if several else "") + ", ".join(f"`{c}`" for c in choices)
    signs = {"ge": ">=", "gt": ">", "le": "<=", "lt": "<"}
    limits = [f"{signs[n]} {getattr(m, n):g}" for m in field.metadata for n in signs if getattr(m, n, None) is not None]
    return ", ".join(limits) or {bool: "true, false", str: "text", list[str]: "texts"}.get(field.annotation, "numbers")  # type: ignore[arg-type]


def _default(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return f"{value:.6g}" if isinstance(value, float) else str(value)
