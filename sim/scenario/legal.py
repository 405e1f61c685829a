"""What a schema allows at a key path, in words: range, type, literals, and where an unknown key belongs."""

from __future__ import annotations

import json
import warnings
from collections.abc import Iterator
from datetime import date, time
from typing import Any

from pydantic import BaseModel

from sim.scenario.lines import Parts, join
from sim.scenario.nearest import nearest

Node = dict[str, Any]
"""A piece of JSON Schema."""

_WIDEST = 60  # characters of a value shown in a message
_DEEPEST = 6  # tables within tables looked through for a key's home; stops schemas that contain themselves
_SWITCHES: Parts = ("switches",)
_TOP = "the top of the file, above the first [table]"
_TYPES = {"boolean": "true or false", "object": "a table", "string": "a string", "null": ""}


def shown(value: object) -> str:
    """Write a value as TOML would, shortened; tables by name only."""
    if isinstance(value, dict):
        return "a table"
    if isinstance(value, list | tuple):
        tables = bool(value) and all(isinstance(item, dict) for item in value)
        return "an array of tables" if tables else _short("[" + ", ".join(map(shown, value)) + "]")
    if isinstance(value, date | time):
        return value.isoformat()
    if isinstance(value, bool | str):
        return _short(json.dumps(value, ensure_ascii=False))
    return "nothing" if value is None else _short(repr(value))


class Legal:
    """A schema, to be asked what may stand where."""

    def __init__(self, schema: type[BaseModel]) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # defaults that JSON can't hold don't matter here
            self.root: Node = schema.model_json_schema()
        self.definitions: Node = self.root.get("$defs", {})
        self.top = ["extends"] if getattr(schema, "may_extend", True) else []

    def at(self, parts: Parts, tables: object) -> str:
        """Describe what may stand at a key path; "" if the schema has nothing to say."""
        return " or ".join(dict.fromkeys(filter(None, map(self._describe, self._nodes(parts, tables)))))

    def unknown(self, parts: Parts, value: object, tables: object) -> tuple[str, str]:
        """Say of an unknown key what was found and what is allowed: the nearest key, its home, the keys here."""
        key, above = str(parts[-1]), parts[:-1]
        keys = self._keys(above, tables)
        kind = "table" if isinstance(value, dict) else "key"
        here = f"{'switches' if above == _SWITCHES else 'keys here'}: {', '.join(keys) or 'none'}"
        own = "" if kind == "table" else self._own_table(key)
        return f"unknown {kind} '{key}'", f"{own or self._hint(key, keys, _header(above))}({here})"

    def _own_table(self, key: str) -> str:
        """Say, of a key that is the name of a table at the top, that it is one, and how that is turned off."""
        below = self._keys((key,), {})
        off = f"; [{key}] enabled = false turns it off" if "enabled" in below else ""
        return f"'{key}' is a table, [{key}]{off} " if below else ""

    def _hint(self, key: str, keys: list[str], here: str) -> str:
        guess = nearest(key, keys)
        other = {here: f"{here} of another kind"}
        homes = [(name, other.get(table, table)) for name, table in self._homes() if table != here or name not in keys]
        elsewhere = [table for name, table in homes if name == key]
        if not guess and not elsewhere:
            guess = nearest(key, [name for name, _ in homes])
            tables = [table for name, table in homes if name == guess]
            return f"did you mean '{guess}' of {_few(tables)}? " if guess else ""
        mean = f"did you mean '{guess}'? " if guess else ""
        return mean + (f"'{key}' belongs to {_few(elsewhere)} " if elsewhere else "")

    def _homes(self) -> list[tuple[str, str]]:
        """List each key of the schema with the header of its table, top first."""
        return [*((key, _TOP) for key in self.top), *self._below(self.root, ())]

    def _below(self, node: Node, parts: Parts) -> Iterator[tuple[str, str]]:
        for option in self._options(node, None):
            for key, inner in option.get("properties", {}).items():
                yield key, _header(parts)
                if len(parts) < _DEEPEST:
                    yield from self._below(inner, (*parts, key))
            if "items" in option and option["items"] is not False and len(parts) < _DEEPEST:
                yield from self._below(option["items"], (*parts, 0))

    def _keys(self, parts: Parts, tables: object) -> list[str]:
        value = _value(tables, parts)
        options = [option for node in self._nodes(parts, tables) for option in self._options(node, value)]
        keys = dict.fromkeys(key for option in options for key in option.get("properties", {}))
        return [*([] if parts else self.top), *keys]

    def _nodes(self, parts: Parts, tables: object) -> list[Node]:
        """Follow a key path down the schema; of alternatives, all that the values at hand leave open."""
        nodes = [self.root]
        for depth, part in enumerate(parts):
            value = _value(tables, parts[:depth])
            options = [option for node in nodes for option in self._options(node, value)]
            nodes = [below for option in options for below in _step(option, part)]
        return nodes

    def _options(self, node: Node, value: object) -> Iterator[Node]:
        """Resolve references and unions; a union told apart by a key is narrowed by that key's value."""
        tagged = node.get("discriminator", {})
        tag = value.get(tagged.get("propertyName")) if isinstance(value, dict) else None
        if "$ref" in node:
            yield from self._options(self.definitions[node["$ref"].rpartition("/")[2]], value)
        elif isinstance(tag, str) and tag in tagged.get("mapping", {}):
            yield from self._options({"$ref": tagged["mapping"][tag]}, value)
        elif alternatives := node.get("anyOf") or node.get("oneOf") or node.get("allOf"):
            for alternative in alternatives:
                yield from self._options(alternative, value)
        else:
            yield node

    def _describe(self, node: Node) -> str:
        text = " or ".join(dict.fromkeys(filter(None, map(self._describe_one, self._options(node, None)))))
        unit = node.get("unit", "-")
        return text if unit in ("1", "-") or not text else f"{text}, in {unit}"

    def _describe_one(self, node: Node) -> str:
        if "enum" in node or "const" in node:
            literals = [shown(literal) for literal in node.get("enum", [node.get("const")])]
            return literals[0] if len(literals) == 1 else f"one of {', '.join(literals)}"
        kind = node.get("type", "")
        if kind in ("number", "integer"):
            return _number(node)
        if kind == "array":
            return self._array(node)
        if "format" in node or "pattern" in node:
            return f"a {node['format']}" if "format" in node else f"a string that matches {node['pattern']}"
        return _TYPES.get(kind, "") + (" that is not empty" if node.get("minLength") == 1 else "")

    def _array(self, node: Node) -> str:
        low, high = node.get("minItems"), node.get("maxItems")
        size = f" of {low}" if low is not None and low == high else f" of at least {low}" if low else ""
        size += f" of at most {high}" if high is not None and low != high else ""
        items = node.get("prefixItems") or ([node["items"]] if node.get("items") else [])
        each = " or ".join(dict.fromkeys(filter(None, map(self._describe, items))))
        return f"an array{size}" + (f", each {each}" if each else "")


def _step(option: Node, part: str | int) -> list[Node]:
    if isinstance(part, str):
        below = option.get("properties", {}).get(part, option.get("additionalProperties"))
    else:
        before = option.get("prefixItems", [])
        below = before[part] if part < len(before) else option.get("items")
    return [below] if isinstance(below, dict) else []


def _value(node: Any, parts: Parts) -> Any:
    for part in parts:
        try:
            node = node[part]
        except (KeyError, IndexError, TypeError):
            return None
    return node


def _number(node: Node) -> str:
    low, above = node.get("minimum"), node.get("exclusiveMinimum")
    high, under = node.get("maximum"), node.get("exclusiveMaximum")
    left = f"{_plain(above)} < " if above is not None else f"{_plain(low)} <= " if low is not None else ""
    right = f" < {_plain(under)}" if under is not None else f" <= {_plain(high)}" if high is not None else ""
    kind = "a whole number" if node["type"] == "integer" else "a number"
    kind += f", a multiple of {_plain(node['multipleOf'])}" if "multipleOf" in node else ""
    return f"{kind}, {left}x{right}" if left or right else kind


def _plain(number: float) -> str:
    return str(int(number)) if float(number).is_integer() and abs(number) < 1e15 else repr(number)


def _header(parts: Parts) -> str:
    if not parts:
        return _TOP
    names = join(tuple(part for part in parts if isinstance(part, str)))
    return f"[[{names}]]" if isinstance(parts[-1], int) else f"[{names}]"


def _few(tables: list[str]) -> str:
    names = list(dict.fromkeys(tables))
    return " or ".join(names[:3]) + (" and others" if len(names) > 3 else "")


def _short(text: str) -> str:
    return text if len(text) <= _WIDEST else text[: _WIDEST - 3] + "..."
