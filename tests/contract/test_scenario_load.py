"""Scenario files: what is read, what is merged, and what each kind of bad input is told.

The toy schema stands for the real one, so that these tests say what the loader does, not what a scenario holds.
"""

import datetime
import math
from pathlib import Path
from typing import Annotated, Literal, Self

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import Field, model_validator

from sim.core.errors import Problem, ScenarioError
from sim.core.params import Refusal, Refusals, Table, param, probability
from sim.scenario import files
from sim.scenario.load import RawScenario, digest, read_tables, scenario_folder, shipped, validate
from sim.scenario.nearest import nearest


class Relapse(Table):
    """Toy table with ranges."""

    rate_per_year: float = param(0.6, unit="1/year", meaning="rate", gt=0.0, le=20.0)
    leak: float = probability(0.0, meaning="leak")
    kind: Literal["strict", "soft"] = param("strict", unit="-", meaning="kind")
    seats: int = param(3, unit="1", meaning="seats", ge=1)


class Visits(Table):
    """Toy table with arrays and a validator of its own."""

    months: list[float] = param([0.0, 12.0], unit="months", meaning="visits")
    weights: tuple[float, float] = param((0.5, 0.5), unit="1", meaning="weights")
    opens: datetime.date = param(datetime.date(2009, 1, 1), unit="-", meaning="first day")

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.months != sorted(self.months):
            raise Refusal("months", self.months, "months in rising order")
        return self


class Arm(Table):
    """Toy element of an array of tables."""

    name: str = param(unit="-", meaning="name")
    ratio: int = param(1, unit="1", meaning="share", ge=1)


class Fixed(Table):
    """One of two alternatives told apart by `kind`."""

    kind: Literal["fixed"]
    days: float = param(unit="days", meaning="length", gt=0.0)


class Drawn(Table):
    """The other alternative."""

    kind: Literal["drawn"]
    mean_days: float = param(unit="days", meaning="mean length", gt=0.0)


class Toy(Table):
    """Toy schema."""

    intent: str = ""
    relapse: Relapse = Relapse()
    visits: Visits = Visits()
    arm: tuple[Arm, ...] = ()
    wait: Annotated[Fixed | Drawn, Field(discriminator="kind")] = Fixed(kind="fixed", days=1.0)

    @model_validator(mode="after")
    def _together(self) -> Self:
        names = [arm.name for arm in self.arm]
        twice = [Refusal(f"arm[{i}].name", n, "a name once") for i, n in enumerate(names) if n in names[:i]]
        if twice:
            raise Refusals([*twice, Refusal("visits.weights", "weights for one arm", "weights for each arm")])
        return self


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each test stands in an empty folder, with two shipped scenarios made for it."""
    shelf = tmp_path / "shelf"
    (shelf / "published").mkdir(parents=True)
    (shelf / "base.toml").write_text('intent = "Base."\n[relapse]\nrate_per_year = 0.5\nleak = 0.1\n')
    (shelf / "published" / "zamboni_2009.toml").write_text('extends = "base"\nintent = "Z."\n[relapse]\nleak = 0.2\n')
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    monkeypatch.setattr(files, "scenario_folder", lambda: shelf)


def write(text: str, name: str = "my.toml") -> str:
    """Put a scenario into the current folder."""
    Path(name).write_text(text, encoding="utf-8")
    return name


def problems(text: str, overrides: dict[str, object] | None = None) -> tuple[Problem, ...]:
    """Read and check a scenario that must be refused."""
    name = write(text)
    with pytest.raises(ScenarioError) as caught:
        validate(read_tables(name, overrides), Toy)
    return caught.value.problems


def refused(name: str | Path) -> Problem:
    """Read a scenario that must be refused for one reason."""
    with pytest.raises(ScenarioError) as caught:
        read_tables(name)
    (problem,) = caught.value.problems
    return problem


# --- what is read


def test_shipped_scenarios_are_named_by_their_path() -> None:
    """Names are paths under scenarios/ without .toml, sorted, with '/' between."""
    assert shipped() == ["base", "published/zamboni_2009"]


def test_the_scenario_folder_of_a_checkout_is_beside_the_package() -> None:
    """In a source checkout the shipped scenarios are those of the repository."""
    assert scenario_folder() == Path(__file__).resolve().parents[2] / "scenarios"


def test_the_scenario_folder_of_a_wheel_is_inside_the_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Once installed, the shipped scenarios are those within the package, whatever stands beside it."""
    (tmp_path / "sim" / "scenarios").mkdir(parents=True)
    (tmp_path / "scenarios").mkdir()
    monkeypatch.setattr(files, "__file__", str(tmp_path / "sim" / "scenario" / "files.py"))
    assert scenario_folder() == (tmp_path / "sim" / "scenarios").resolve()


@pytest.mark.parametrize("name", ["published/zamboni_2009", "zamboni_2009", "../shelf/published/zamboni_2009.toml"])
def test_a_scenario_is_found_by_name_last_part_or_path(name: str) -> None:
    """All ways to say which scenario lead to the same one, under the same name."""
    raw = read_tables(name)
    assert raw.name == "published/zamboni_2009"
    assert raw.tables == {"intent": "Z.", "relapse": {"rate_per_year": 0.5, "leak": 0.2}}
    assert raw.origin["relapse.rate_per_year"] == ("../shelf/base.toml", 3)


def test_tables_merge_and_arrays_are_replaced_whole() -> None:
    """A child changes single keys of a table, but an array of the child stands alone."""
    write('[relapse]\nleak = 0.1\nseats = 2\n[[arm]]\nname = "a"\n[[arm]]\nname = "b"\nratio = 2\n', "parent.toml")
    raw = read_tables(write('extends = "parent"\n[relapse]\nleak = 0.3\n[[arm]]\nname = "c"\n'))
    assert raw.tables == {"relapse": {"leak": 0.3, "seats": 2}, "arm": [{"name": "c"}]}
    assert raw.origin["relapse.seats"] == ("parent.toml", 3)
    assert raw.origin["relapse.leak"] == ("my.toml", 3)
    assert raw.origin["arm[0].name"] == ("my.toml", 5)
    assert not [path for path in raw.origin if path.startswith("arm[1]")]
    assert raw.files == ("my.toml", "parent.toml")


def test_intent_is_not_inherited() -> None:
    """A child without a sentence of intent has none; its parent's is not passed off as its own."""
    assert read_tables("base").intent == "Base."
    raw = read_tables(write('extends = "base"\n'))
    assert raw.intent == ""
    assert "intent" not in raw.origin


def test_extends_looks_beside_the_file_first() -> None:
    """A file of the user's own named like a shipped one is the nearer parent."""
    write("[relapse]\nleak = 0.9\n", "base.toml")
    assert read_tables(write('extends = "base"\n')).tables == {"relapse": {"leak": 0.9}}


def test_overrides_reach_tables_and_array_elements() -> None:
    """An override sets one key, makes the table it needs, and changes one element of an array."""
    name = write('[[arm]]\nname = "a"\n[[arm]]\nname = "b"\n')
    toy = validate(read_tables(name, {"arm[1].ratio": 2, "relapse.leak": 1, "visits.weights": (0.25, 0.75)}), Toy)
    assert [arm.ratio for arm in toy.arm] == [1, 2]
    assert toy.relapse.leak == 1.0
    assert toy.visits.weights == (0.25, 0.75)


def test_an_override_drops_what_it_replaces() -> None:
    """After an array is overridden no line of the old one is left."""
    raw = read_tables(write("[visits]\nmonths = [0, 6, 12]\n"), {"visits.months": [0]})
    assert raw.origin["visits.months[0]"] == ("", 0)
    assert "visits.months[1]" not in raw.origin


def test_dates_tuples_and_alternatives_are_read() -> None:
    """TOML dates reach date keys, arrays reach tuples, and a key tells which alternative is meant."""
    text = '[visits]\nopens = 2010-02-03\nweights = [1, 0]\n[wait]\nkind = "drawn"\nmean_days = 3\n'
    toy = validate(read_tables(write(text)), Toy)
    assert toy.visits.opens == datetime.date(2010, 2, 3)
    assert toy.visits.weights == (1.0, 0.0)
    assert isinstance(toy.wait, Drawn)


@given(st.floats(min_value=1e-300, max_value=20.0, allow_subnormal=False))
def test_no_bit_of_a_number_is_lost(number: float) -> None:
    """A float comes out of the check exactly as it went in."""
    raw = RawScenario("toy", {"relapse": {"rate_per_year": number}}, {})
    assert validate(raw, Toy).relapse.rate_per_year == number


# --- bad input: what the schema refuses


def test_unknown_key_is_told_its_nearest() -> None:
    """A misspelt key is refused with the legal key next to it and the keys of its table."""
    (problem,) = problems("[relapse]\nrate_per_yaer = 1\n")
    assert (problem.file, problem.line, problem.key) == ("my.toml", 2, "relapse.rate_per_yaer")
    assert problem.found == "unknown key 'rate_per_yaer'"
    assert problem.allowed == "did you mean 'rate_per_year'? (keys here: rate_per_year, leak, kind, seats)"


def test_unknown_key_of_another_table_is_told_its_home() -> None:
    """A key in the wrong table is refused with the table it belongs to."""
    (problem,) = problems("[visits]\nleak = 0.1\n")
    assert (problem.line, problem.key, problem.found) == (2, "visits.leak", "unknown key 'leak'")
    assert problem.allowed.startswith("'leak' belongs to [relapse] (keys here: months,")


@pytest.mark.parametrize(
    ("text", "allowed"),
    [
        pytest.param("[relapse]\nrato = 2\n", "did you mean 'ratio' of [[arm]]? ", id="misspelt, of another table"),
        pytest.param('[visits]\nextends = "base"\n', "'extends' belongs to the top of the file", id="extends too low"),
        pytest.param('[[arm]]\nname = "a"\nratios = 2\n', "did you mean 'ratio'? (keys here: name, ratio)", id="array"),
        pytest.param(
            '[wait]\nkind = "fixed"\ndays = 1\nmean = 2\n',
            "did you mean 'mean_days' of [wait] of another kind? (keys here: kind, days)",
            id="alternative",
        ),
    ],
)
def test_unknown_key_hints(text: str, allowed: str) -> None:
    """Whatever the slip, the refusal names the key that was probably meant."""
    (problem,) = problems(text)
    assert problem.line == len(text.splitlines())
    assert problem.found.startswith("unknown key ")
    assert allowed in problem.allowed


def test_unknown_table_is_told_its_nearest() -> None:
    """A misspelt table is refused at its heading."""
    (problem,) = problems("# a comment\n\n[relapses]\nleak = 0.1\n")
    assert (problem.file, problem.line, problem.key) == ("my.toml", 3, "relapses")
    assert problem.found == "unknown table 'relapses'"
    assert problem.allowed == "did you mean 'relapse'? (keys here: extends, intent, relapse, visits, arm, wait)"


@pytest.mark.parametrize(
    ("line", "found", "allowed"),
    [
        pytest.param("rate_per_year = -0.5", "-0.5", "a number, 0 < x <= 20, in 1/year", id="negative rate"),
        pytest.param("leak = 1.2", "1.2", "a number, 0 <= x <= 1", id="probability above 1"),
        pytest.param("leak = nan", "nan", "a finite number: a number, 0 <= x <= 1", id="NaN"),
        pytest.param("leak = inf", "inf", "a finite number: a number, 0 <= x <= 1", id="infinity"),
        pytest.param('leak = "0.5"', '"0.5"', "a number, 0 <= x <= 1", id="string for number"),
        pytest.param("leak = true", "true", "a number, 0 <= x <= 1", id="bool for number"),
        pytest.param("seats = true", "true", "a whole number, 1 <= x", id="bool for whole number"),
        pytest.param("seats = 1.5", "1.5", "a whole number, 1 <= x", id="part of a seat"),
        pytest.param("leak = [0.5]", "[0.5]", "a number, 0 <= x <= 1", id="array for number"),
        pytest.param('kind = "harsh"', '"harsh"', 'one of "strict", "soft"', id="literal"),
    ],
)
def test_bad_values(line: str, found: str, allowed: str) -> None:
    """A value of the wrong type or out of range is refused with its line, itself and the range."""
    (problem,) = problems(f"[relapse]\n\n{line}\n")
    assert problem == Problem("my.toml", 3, f"relapse.{line.split(maxsplit=1)[0]}", found, allowed)


def test_a_bad_array_element_has_its_own_line() -> None:
    """In an array over several lines it is the element that is pointed at."""
    (problem,) = problems('[visits]\nmonths = [\n  0,\n  "six",  # here\n]\n')
    assert problem == Problem("my.toml", 4, "visits.months[1]", '"six"', "a number")


def test_a_wrong_number_of_elements_says_how_many() -> None:
    """A pair with three elements is refused with the size that is allowed."""
    (problem,) = problems("[visits]\nweights = [1, 2, 3]\n")
    assert (problem.line, problem.key, problem.found) == (2, "visits.weights", "[1, 2, 3]")
    assert problem.allowed == "an array of 2, each a number"


def test_a_value_where_a_table_belongs() -> None:
    """`relapse = 3` is refused as no table, and a table where a value belongs likewise."""
    assert problems("relapse = 3\n") == (Problem("my.toml", 1, "relapse", "3", "a table"),)
    assert problems("[relapse.leak]\nx = 1\n") == (
        Problem("my.toml", 1, "relapse.leak", "a table", "a number, 0 <= x <= 1"),
    )


def test_a_missing_key_points_at_its_table() -> None:
    """What isn't written has no line, so the heading of its table is given."""
    (problem,) = problems('[[arm]]\nname = "a"\n\n[[arm]]\nratio = 2\n')
    assert problem == Problem("my.toml", 4, "arm[1].name", "nothing", "a string (it must be given)")


def test_an_unknown_alternative_lists_the_alternatives() -> None:
    """The key that tells alternatives apart is refused with all of them."""
    (problem,) = problems('[wait]\nkind = "guessed"\n')
    assert problem == Problem("my.toml", 2, "wait.kind", '"guessed"', '"fixed" or "drawn"')


def test_problems_within_an_alternative_keep_their_key_path() -> None:
    """The name of the alternative is no part of the key path."""
    (problem,) = problems('[wait]\nkind = "drawn"\nmean_days = 0\n')
    assert problem == Problem("my.toml", 3, "wait.mean_days", "0", "a number, 0 < x, in days")


def test_a_refusal_of_a_table_is_placed() -> None:
    """A validator's key counts from its table; the loader adds the way there, file and line."""
    (problem,) = problems("[visits]\nmonths = [12, 0]\n")
    assert problem == Problem("my.toml", 2, "visits.months", "[12.0, 0.0]", "months in rising order")


def test_several_refusals_are_told_at_once() -> None:
    """One validator may refuse several things; a key nobody wrote is placed at what stands nearest above it."""
    first, second = problems('[[arm]]\nname = "a"\n[[arm]]\nname = "a"\n')
    assert first == Problem("my.toml", 1, "visits.weights", "weights for one arm", "weights for each arm")
    assert second == Problem("my.toml", 4, "arm[1].name", "a", "a name once")


def test_all_problems_at_once_each_in_its_own_file() -> None:
    """Child and parent are both wrong: every problem comes, the child's first, each with the file that holds it."""
    write('[relapse]\nleak = 2\nkind = "soft"\nrates = 1\n', "parent.toml")
    found = problems('extends = "parent"\n[relapse]\nseats = 0\n[visit]\n', {"relapse.rate_per_year": -1})
    assert [(p.file, p.line, p.key) for p in found] == [
        ("override", 0, "relapse.rate_per_year"),
        ("my.toml", 3, "relapse.seats"),
        ("my.toml", 4, "visit"),
        ("parent.toml", 2, "relapse.leak"),
        ("parent.toml", 4, "relapse.rates"),
    ]
    text = str(ScenarioError(found))
    assert "override: relapse.rate_per_year: found -1; allowed: a number, 0 < x <= 20, in 1/year" in text
    assert "parent.toml:2: relapse.leak: found 2; allowed: a number, 0 <= x <= 1" in text


@pytest.mark.parametrize(
    ("path", "found", "allowed"),
    [
        ("relapse.lek", "unknown key 'lek'", "did you mean 'leak'? (keys here: rate_per_year, leak, kind, seats)"),
        ("relaps.leak", "unknown table 'relaps'", "did you mean 'relapse'? (keys here: extends, intent,"),
        ("arm[4].ratio", "an override that can't be applied", "a place in the array arm (there are: 0 to 0)"),
        ("arm.ratio", "an override that can't be applied", "a place in the array arm, such as arm[0].ratio"),
        ("relapse..leak", "an override that can't be applied", "a key path such as"),
        ("", "an override that can't be applied", "the key path of a value"),
        ("extends", "an override that can't be applied", "the key path of a value"),
    ],
)
def test_override_of_an_unknown_key(path: str, found: str, allowed: str) -> None:
    """An override that sets nothing legal is refused as an override, with the nearest legal key."""
    (problem,) = problems('[[arm]]\nname = "a"\n', {path: 0.1})
    assert (problem.file, problem.line, problem.found) == ("override", 0, found)
    assert allowed in problem.allowed


def test_override_with_a_value_toml_lacks() -> None:
    """A Python object that no TOML file could hold is refused by its type."""
    (problem,) = problems("", {"relapse.leak": object()})
    assert (problem.file, problem.key) == ("override", "relapse.leak")
    assert problem.allowed.endswith("not object")


# --- bad input: what can't be read


def test_missing_scenario_suggests_the_nearest() -> None:
    """A scenario nobody ships is refused with the nearest name and the list."""
    problem = refused("zambony_2009")
    assert (problem.file, problem.line, problem.key) == ("", 0, "scenario")
    assert problem.found == "no scenario 'zambony_2009'"
    assert problem.allowed == (
        "did you mean 'published/zamboni_2009'? a .toml file, or a shipped scenario (base, published/zamboni_2009)"
    )


def test_missing_file_suggests_a_neighbour() -> None:
    """A path to no file is refused with the like-named file beside it."""
    write("", "trial.toml")
    problem = refused("trail.toml")
    assert (problem.file, problem.found) == ("trail.toml", "no such file")
    assert problem.allowed.startswith("did you mean 'trial.toml'? ")


def test_missing_parent_suggests_the_nearest() -> None:
    """A parent that doesn't exist is refused at the `extends` line, with the nearest name."""
    problem = refused(write('# mine\nextends = "bass"\n'))
    assert (problem.file, problem.line, problem.key) == ("my.toml", 2, "extends")
    assert problem.found == "no scenario 'bass'"
    assert "did you mean 'base'?" in problem.allowed
    assert "(base, published/zamboni_2009)" in problem.allowed


@pytest.mark.parametrize("name", ["../shelf/base", "a/../base", "..", "..\\\\base"])
def test_extends_may_not_climb(name: str) -> None:
    """A parent path with `..` is refused, even if it leads to a file."""
    problem = refused(write(f'extends = "{name}"\n'))
    assert (problem.file, problem.line, problem.key) == ("my.toml", 1, "extends")
    assert problem.found == repr(name.replace("\\\\", "\\"))
    assert problem.allowed == "a name without '..' that is not an absolute path"


@pytest.mark.parametrize("name", ["/etc/hosts", "C:/base", "C:base", "\\\\\\\\host\\\\share\\\\base"])
def test_extends_may_not_be_absolute(name: str) -> None:
    """An absolute parent path, of any system, is refused."""
    problem = refused(write(f'extends = "{name}"\n'))
    assert (problem.file, problem.line, problem.key) == ("my.toml", 1, "extends")
    assert problem.allowed == "a name without '..' that is not an absolute path"


@pytest.mark.parametrize("value", ["3", '["base"]', '""', "{ name = 1 }"])
def test_extends_takes_one_name(value: str) -> None:
    """Anything but one name after `extends` is refused."""
    problem = refused(write(f"extends = {value}\n"))
    assert (problem.line, problem.key, problem.allowed) == (1, "extends", "the name of one scenario, as a string")


def test_a_circle_is_refused_with_its_chain() -> None:
    """Files that extend each other in a circle are refused, and the circle is spelt out."""
    write('extends = "two"\n', "one.toml")
    write('\nextends = "three"\n', "two.toml")
    write('\n\nextends = "one"\n', "three.toml")
    problem = refused("one.toml")
    assert (problem.file, problem.line, problem.key) == ("three.toml", 3, "extends")
    assert problem.found == "a circle (one -> two -> three -> one)"
    assert problem.allowed == "a parent that does not come back to this file"


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        ("a = 1\nb = = 2\n", 2, "Invalid value, column 5"),
        ("[a]\nx = 1\nx = 2\n", 3, "Cannot overwrite a value"),
        ("a = 1\nb = [1,\n\n", 2, "Invalid value"),
        ("a = " + "9" * 5000, 0, "digit"),
    ],
)
def test_a_syntax_error_has_its_line(text: str, line: int, said: str) -> None:
    """What isn't TOML is refused with file, line and the parser's own words."""
    problem = refused(write(text))
    assert (problem.file, problem.line, problem.key, problem.allowed) == ("my.toml", line, "(file)", "valid TOML")
    assert problem.found.startswith("a syntax error (")
    assert said in problem.found


def test_nesting_without_end_is_refused() -> None:
    """A file nested more deeply than the parser can follow is refused, not a crash."""
    assert refused(write("a = " + "[" * 5000 + "]" * 5000)).found == "arrays or tables nested too deeply"


def test_a_number_too_long_to_write_is_refused() -> None:
    """A hexadecimal number of thousands of digits is refused, not a crash."""
    (problem,) = problems("[relapse]\nseats = 0x" + "f" * 5000)
    assert problem.found == "a whole number of thousands of digits"


def test_what_is_not_utf8_is_refused_with_its_line() -> None:
    """A byte that isn't UTF-8 is refused where it stands."""
    Path("my.toml").write_bytes(b'# fine\nintent = "caf\xe9"\n')
    problem = refused("my.toml")
    assert problem == Problem("my.toml", 2, "(file)", "byte 0xe9, which is not UTF-8", "TOML text in UTF-8")


def test_windows_files_are_read() -> None:
    """A byte order mark and CRLF line ends change neither values nor lines."""
    Path("my.toml").write_bytes(b"\xef\xbb\xbf[relapse]\r\nleak = 0.5\r\n")
    raw = read_tables("my.toml")
    assert raw.tables == {"relapse": {"leak": 0.5}}
    assert raw.origin["relapse.leak"] == ("my.toml", 2)


def test_a_folder_is_refused() -> None:
    """A folder is no scenario, whether its name ends with .toml or not."""
    Path("plain").mkdir()
    Path("odd.toml").mkdir()
    assert refused("plain").found == "a folder"
    assert refused("odd.toml").found == "a folder"


def test_an_unreadable_file_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """A file that may not be read is refused with the system's reason."""
    name = write("")
    monkeypatch.setattr(Path, "read_bytes", _forbidden)
    problem = refused(name)
    assert (problem.file, problem.found) == ("my.toml", "a file that can't be read (Permission denied)")


def _forbidden(path: Path) -> bytes:
    raise PermissionError(13, "Permission denied", str(path))


# --- names and digests


def test_the_nearest_name_is_like_the_word() -> None:
    """Slips and parts of names find their name; what is like nothing finds nothing."""
    names = ["rate_per_year", "leak", "refractory_days"]
    assert [nearest(word, names) for word in ("rate_per_yr", "rate", "year_rate", "lek")] == [*names[:1] * 3, "leak"]
    assert nearest("zzz", names) is None
    assert nearest("x", []) is None


def test_digest_is_of_the_content_alone() -> None:
    """Order of keys, 1 or 1.0, and the sign of zero don't change the digest; a value, a bool or a bit does."""
    one = digest({"a": 1, "b": [0.0, {"c": "é"}]})
    assert one == digest({"b": [-0.0, {"c": "é"}], "a": 1.0})
    assert len({one, digest({"a": True}), digest({"a": 1}), digest({"a": math.nextafter(1.0, 2.0)})}) == 4
    with pytest.raises(ValueError, match="JSON compliant"):
        digest({"a": math.nan})


def test_digest_is_the_sha256_of_canonical_json() -> None:
    """The digest can be computed by anybody: SHA-256 of JSON with sorted keys and no spaces."""
    # printf '{"a":[0.1,1],"b":"\\u00e9"}' | sha256sum
    expected = "4c992aeb7789dd59bfc2026184e091f95ec287a239654d357cbae69c44efe157"
    assert digest({"b": "é", "a": [0.1, 1.0]}) == expected
