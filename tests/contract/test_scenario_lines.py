"""The line map: every key of a TOML text has its line."""

import json
import tomllib
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sim.scenario.lines import Parts, join, line_map, split
from sim.scenario.load import read_tables


def paths(value: Any, above: Parts = ()) -> Iterator[Parts]:
    """Walk every key path of parsed TOML."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for part, item in items:
        yield (*above, part)
        yield from paths(item, (*above, part))


TRICKY = '''title = "[not] # a table"  # [nor this]
"quoted.key" = 1
a.b . "c d" = """
[inside] = 1
x = "" \\""""""  # two quotes, the first escaped, then three to close
[ table . 'x.y' ]
list = [ # note ]
  1, "]",
  [2, 3], # pair
  { p = 1, q = { r = '}' } },
]
when = 1979-05-27 07:32:00
[[arm]]
name = "one"
[arm.dose]
mg = 1
[[arm]]
name = "two"
[[arm.visit]]
day = 1
[[arm.visit]]
day = 2
'''


def test_lines_of_a_tricky_file() -> None:
    """Brackets, hashes and equals signs within strings, and headings within arrays, lead nobody astray."""
    lines = line_map(TRICKY)
    expected = {
        "title": 1, '"quoted.key"': 2, "a.b": 3, 'a.b."c d"': 3, 'table."x.y"': 6, 'table."x.y".list': 7,
        'table."x.y".list[0]': 8, 'table."x.y".list[1]': 8, 'table."x.y".list[2][1]': 9,
        'table."x.y".list[3].q.r': 10, 'table."x.y".when': 12, "arm": 13, "arm[0].dose.mg": 16, "arm[1]": 17,
        "arm[1].name": 18, "arm[1].visit[0].day": 20, "arm[1].visit[1]": 21, "arm[1].visit[1].day": 22,
    }  # fmt: skip
    assert {path: lines.get(path) for path in expected} == expected
    assert set(map(join, paths(tomllib.loads(TRICKY)))) == set(lines)


@pytest.mark.parametrize("quotes", ['"' * 3, "'" * 3])
@pytest.mark.parametrize("more", [0, 1, 2])
def test_quotes_before_the_closing_ones_belong_to_the_string(quotes: str, more: int) -> None:
    """A string in three quotes may end in one or two of its own; the keys below it keep their lines."""
    text = f"a = [{quotes}\nx{quotes[:more]}{quotes},\n{{ b = 1 }}]\nc = 2\n"
    assert tomllib.loads(text)["a"][0] == "x" + quotes[:more]
    assert line_map(text) == {"a": 1, "a[0]": 1, "a[1]": 3, "a[1].b": 3, "c": 4}


def test_an_explicit_heading_is_the_line_of_its_table() -> None:
    """A table first implied and later opened stands where it is opened."""
    assert line_map("[a.b]\nx = 1\n[a]\ny = 2\n")["a"] == 3


@given(st.lists(st.one_of(st.text(min_size=1), st.integers(0, 9)), min_size=1).filter(lambda p: isinstance(p[0], str)))
def test_key_paths_come_apart_as_they_were_joined(parts: list[str | int]) -> None:
    """Splitting undoes joining, whatever the names hold."""
    assert split(join(tuple(parts))) == tuple(parts)


# Strings full of what could mislead a scanner.
_TEXT = st.text(st.sampled_from("ab #[]{}=,.\"'\\\n\té"), max_size=8)
_SCALARS = st.one_of(
    st.integers(-5, 5), st.booleans(), st.floats(allow_nan=False, allow_infinity=False), st.dates(), _TEXT
)
_VALUES = st.recursive(
    _SCALARS,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(_TEXT, inner, max_size=3)),
    max_leaves=8,
)
_DOCUMENTS = st.dictionaries(
    _TEXT,
    st.one_of(
        _VALUES,
        st.dictionaries(_TEXT, _VALUES, max_size=3),
        st.lists(st.dictionaries(_TEXT, _VALUES, max_size=3), max_size=3),
    ),
    max_size=4,
)


class Writer:
    """Writes tables as TOML in the many ways TOML allows, each key under a name of its own."""

    def __init__(self, draw: Any) -> None:
        self.draw = draw
        self.names = 0
        self.lines: list[str] = []

    def pick(self, *options: str) -> str:
        """Choose one way to write it."""
        return str(self.draw(st.sampled_from(options)))

    def key(self, text: str) -> str:
        """Write a key that occurs once in the document: bare, or in quotes with the drawn text in it."""
        self.names += 1
        name = f"k{self.names}z"
        literal = "'" + name + "".join(c for c in text if c not in "'\n") + "'"
        return self.pick(name, _quoted(name + text), literal)

    def value(self, value: Any) -> str:
        """Write a value; arrays over one line or several, strings in any of TOML's forms."""
        if isinstance(value, dict):
            return "{" + ", ".join(f"{self.key(k)} = {self.value(v)}" for k, v in value.items()) + "}"
        if isinstance(value, list):
            gap = self.pick("", " ", "\n", " # ] [x] k = 1\n")
            return f"[{gap}" + "".join(f"{self.value(item)}{gap},{gap}" for item in value) + "]"
        return self.string(value) if isinstance(value, str) else _scalar(value)

    def string(self, text: str) -> str:
        """Write a string, over several lines if it can be."""
        ways = [
            _quoted(text),
            '"""' + _quoted(text)[1:-1].replace("\\n", "\n") + '"""',
            f'"""\n{_quoted(text)[1:-1]}"""',
        ]
        if '"""' not in text and "\\" not in text:  # may end in one or two quotes, before the three that close
            ways.append(f'"""{text}"""')
        if "'''" not in text:
            ways.append(f"'''{text}'''")
        return self.pick(*ways)

    def document(self, tables: dict[str, Any]) -> str:
        """Write a document: plain keys first, then tables and arrays of tables under headings."""
        self.pairs({key: value for key, value in tables.items() if not _headed(value)})
        for key, value in tables.items():
            if _headed(value):
                self.headed(self.key(key), value)
        return "\n".join(self.lines) + self.pick("", "\n", "\n# the end")

    def headed(self, name: str, value: Any) -> None:
        """Write a table, or each of an array of tables, under its heading."""
        for table in value if isinstance(value, list) else [value]:
            heading = f"[[{name}]]" if isinstance(value, list) else f"[ {name} ]"
            self.lines += [self.pick("", "# [x]"), heading + self.pick("", " # y = 1")]
            self.pairs(table)

    def pairs(self, table: dict[str, Any]) -> None:
        """Write the keys of a table, some of them dotted."""
        for key, value in table.items():
            dotted = self.pick("", "", f"{self.key('')}.", f"{self.key('')} . ")
            self.lines += f"{dotted}{self.key(key)} = {self.value(value)}{self.pick('', '  # z')}".split("\n")


def _headed(value: Any) -> bool:
    return isinstance(value, dict) or (isinstance(value, list) and bool(value) and all(map(_headed_item, value)))


def _headed_item(value: Any) -> bool:
    return isinstance(value, dict)


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def _scalar(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


@settings(deadline=None, max_examples=300)
@given(st.data(), _DOCUMENTS)
def test_every_key_path_has_the_line_that_mentions_it(data: st.DataObject, tables: dict[str, Any]) -> None:
    """Whatever TOML is written, tomllib's key paths, and no others, have lines, and each key stands on its own."""
    text = Writer(data.draw).document(tables)
    parsed, lines = tomllib.loads(text), line_map(text)
    assert set(map(join, paths(parsed))) == set(lines)
    for parts in paths(parsed):
        name = parts[-1]
        if isinstance(name, str):  # keys of the document occur once, so this is the line and no other
            assert name.split("z")[0] + "z" in text.split("\n")[lines[join(parts)] - 1]


def test_every_leaf_has_an_origin() -> None:
    """Whatever is in the merged tables, its file and line are known."""
    raw = read_tables("zamboni_2009", {"arm": [{"name": "a"}], "visits.months": [0, 6]})
    assert set(map(join, paths(raw.tables))) <= set(raw.origin)
    assert raw.origin["arm[0].name"] == ("", 0)
