"""Where each key of a TOML text stands: tomllib gives values without lines, this gives the lines."""

from __future__ import annotations

import json
import re
import tomllib
from bisect import bisect_left

Parts = tuple[str | int, ...]
"""A key path in parts: names as str, places in an array as int counted from 0."""

_BARE = re.compile(r"[A-Za-z0-9_-]+")
_STEP = re.compile(r'(?P<dot>\.?)(?:(?P<quoted>"(?:[^"\\]|\\.)*")|(?P<name>[^.\[\]"\s]+))|\[(?P<place>[0-9]+)\]')

_BLANK = re.compile(r"(?:[ \t\n]+|#[^\n]*)*")
_NAME = re.compile(r'[A-Za-z0-9_-]+|"(?:[^"\\\n]|\\.)*"|\'[^\'\n]*\'')
_DOT = re.compile(r"[ \t]*\.[ \t]*")
_OPEN_HEAD = re.compile(r"(\[\[?)[ \t]*")
_CLOSE_HEAD = re.compile(r"[ \t]*\]\]?")
_EQUALS = re.compile(r"[ \t]*=[ \t]*")
_SCALAR = re.compile(
    r'"""(?:[^\\]|\\.)*?"""(?:"{0,2})'  # up to two quotes may stand before the closing three
    r"|'''.*?'''(?:'{0,2})"
    r'|"(?:[^"\\\n]|\\.)*"'
    r"|'[^'\n]*'"
    r"|[^,\]}\n#]+",
    re.DOTALL,
)


def join(parts: Parts) -> str:
    """Write a key path as the user reads it: `arm[1].ratio`; names that are not bare keys are quoted."""
    text = ""
    for part in parts:
        if isinstance(part, int):
            text += f"[{part}]"
        else:
            name = part if _BARE.fullmatch(part) else json.dumps(part, ensure_ascii=False)
            text += f".{name}" if text else name
    return text


def split(path: str) -> Parts:
    """Take a key path apart; the opposite of `join`. Raises ValueError for what is no key path."""
    parts: list[str | int] = []
    at = 0
    while at < len(path):
        step = _STEP.match(path, at)
        if step is None or (step["place"] is None and bool(step["dot"]) != bool(parts)):
            raise ValueError(f"a key path such as relapse.rate_per_year or arm[1].ratio, not {path!r}")
        parts.append(int(step["place"]) if step["place"] else step["name"] or json.loads(step["quoted"]))
        at = step.end()
    return tuple(parts)


def line_map(text: str) -> dict[str, int]:
    """Give every key path of a valid TOML text (tables, array elements, leaves) its line, counted from 1.

    A table that is only implied (`a` in `[a.b]`) has the line that implies it. Raises ValueError if the text
    isn't TOML; the caller is expected to have had tomllib read it first.
    """
    return {join(parts): line for parts, line in _Scanner(text).run().items()}


class _Scanner:
    """Reads TOML for its shape alone: which key stands where."""

    def __init__(self, text: str) -> None:
        self.text = text.replace("\r\n", "\n")
        self.at = 0
        self.breaks = [m.start() for m in re.finditer("\n", self.text)]
        self.lines: dict[Parts, int] = {}
        self.heads: dict[Parts, int] = {}  # array of tables -> how many heads so far

    def run(self) -> dict[Parts, int]:
        table: Parts = ()
        self.take(_BLANK)
        while self.at < len(self.text):
            if self.peek() == "[":
                table = self.head()
            else:
                self.pair(table)
            self.take(_BLANK)
        return self.lines

    def peek(self) -> str:
        return self.text[self.at : self.at + 1]

    def line(self) -> int:
        return bisect_left(self.breaks, self.at) + 1

    def take(self, what: re.Pattern[str]) -> str:
        match = what.match(self.text, self.at)
        if match is None:
            raise ValueError(f"not TOML at line {self.line()}")
        self.at = match.end()
        return match[0]

    def key(self) -> tuple[str, ...]:
        names = [_name(self.take(_NAME))]
        while _DOT.match(self.text, self.at):
            self.take(_DOT)
            names.append(_name(self.take(_NAME)))
        return tuple(names)

    def head(self) -> Parts:
        """Read `[table]` or `[[array]]`; return the path of the table it opens."""
        line = self.line()
        many = self.take(_OPEN_HEAD).startswith("[[")
        names = self.key()
        self.take(_CLOSE_HEAD)
        path: Parts = ()
        for name in names[:-1]:
            path = self.latest((*path, name))
            self.lines.setdefault(path, line)
        path = (*path, names[-1])
        if many:
            self.heads[path] = self.heads.get(path, 0) + 1
            self.lines.setdefault(path, line)
        path = self.latest(path)
        self.lines[path] = line
        return path

    def latest(self, path: Parts) -> Parts:
        """Point at the newest element if the path is an array of tables."""
        return (*path, self.heads[path] - 1) if path in self.heads else path

    def pair(self, table: Parts) -> None:
        """Read `key = value`; every table a dotted key implies gets this line too."""
        line, names = self.line(), self.key()
        for length in range(1, len(names)):
            self.lines.setdefault((*table, *names[:length]), line)
        path = (*table, *names)
        self.lines[path] = line
        self.take(_EQUALS)
        self.value(path)

    def value(self, path: Parts) -> None:
        if self.peek() == "[":
            self.array(path)
        elif self.peek() == "{":
            self.inline(path)
        else:
            self.take(_SCALAR)

    def array(self, path: Parts) -> None:
        self.at += 1
        self.take(_BLANK)
        place = 0
        while self.peek() != "]":
            self.lines[(*path, place)] = self.line()
            self.value((*path, place))
            self.comma()
            place += 1
        self.at += 1

    def inline(self, path: Parts) -> None:
        self.at += 1
        self.take(_BLANK)
        while self.peek() != "}":
            self.pair(path)
            self.comma()
        self.at += 1

    def comma(self) -> None:
        self.take(_BLANK)
        if self.peek() == ",":
            self.at += 1
            self.take(_BLANK)


def _name(raw: str) -> str:
    """Read a key as written; tomllib undoes the escapes of a quoted one."""
    return str(tomllib.loads(f"x = {raw}")["x"]) if raw[0] in "\"'" else raw
