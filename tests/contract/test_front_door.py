"""The front door opens quickly, every name on it works, and the README says what is true."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import click
import pandas as pd
import pytest

import sim
from sim.cli import cli
from sim.core.errors import ScenarioError, ShamtrialError
from sim.scenario.study_file import read_study
from tests.contract.commands import ROOT, SMALL, run

HEAVY = {"numpy", "pandas", "pydantic", "matplotlib", "simpy", "scipy", "statsmodels", "pyarrow", "seaborn", "rich"}
SMALL_KEYS: dict[str, object] = {"enrolment.target": 12, "randomisation.block_size": 4}

README = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```(\w*)\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)
COMMANDS = [line.partition("#")[0].split() for _, text in BLOCKS for line in text.splitlines() if "shamtrial " in line]


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep the user's cache out of it."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def few_lines(thing: object) -> str:
    """Give the repr of a thing, which must be short enough to be read at a prompt."""
    text = repr(thing)
    assert 1 <= len(text.splitlines()) <= 10
    assert "object at 0x" not in text
    return text


# ---- quick to start -------------------------------------------------------------------------------------------------

HELP = "import sys; sys.argv = ['shamtrial', {words}]; from sim.cli import main\ntry: main()\nexcept SystemExit: pass"


@pytest.mark.parametrize(
    "opening",
    [
        "import sim",
        "import sim; sim.__version__; sim.__all__; dir(sim)",
        HELP.format(words="'--help'"),
        HELP.format(words="'power', '--help'"),
        HELP.format(words="'--version'"),
    ],
)
def test_opening_the_door_loads_nothing_heavy(opening: str) -> None:
    """`import sim`, `shamtrial --help` and `shamtrial power --help` leave numpy, pandas, pydantic and such alone."""
    code = f"{opening}\nimport sys; print(*(m.partition('.')[0] for m in sys.modules), file=sys.stderr)"
    ended = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    loaded = set(ended.stderr.split())
    assert "sim" in loaded
    assert loaded & HEAVY == set()


# ---- every name -----------------------------------------------------------------------------------------------------


def test_all_names_are_there_and_documented() -> None:
    """Every name of `sim.__all__` is a function whose docstring opens with a sentence."""
    assert set(sim.__all__) >= {"load", "power", "replay", "scenarios", "simulate", "trace"}
    for name in sim.__all__:
        thing = getattr(sim, name)
        assert callable(thing)
        assert re.match(r"[A-Z].+", thing.__doc__), name


def test_the_version_is_the_package_s() -> None:
    """`sim.__version__` is the version in pyproject.toml."""
    with (ROOT / "pyproject.toml").open("rb") as file:
        assert sim.__version__ == tomllib.load(file)["project"]["version"]


def test_scenarios_and_load() -> None:
    """`scenarios` names what `load` takes; what is loaded has name, digest, a short repr and a frame of its values."""
    assert {"sham_rct", "published/zamboni_2009"} <= set(sim.scenarios())
    loaded = sim.load("sham_rct", SMALL_KEYS)
    assert loaded.scenario.enrolment.target == 12
    assert loaded.digest[:12] in few_lines(loaded)
    frame = loaded.to_frame().set_index("key")
    assert frame.loc["enrolment.target", ["value", "set_in"]].tolist() == [12, "override"]
    assert sim.load(loaded) is loaded


def test_power_of_the_front_door() -> None:
    """`power` gives the same numbers as the command line, in a short repr and in a frame, one row an endpoint."""
    loaded = sim.load("sham_rct", SMALL_KEYS)
    result = sim.power(loaded, trials=3, truth_trials=2, seed=4)
    frame = result.to_frame()
    assert list(frame.index) == [e.key for e in loaded.scenario.endpoint]
    assert {"power", "favourable_power", "mcse", "truth", "bias", "coverage"} <= set(frame.columns)
    assert "arr_24m: power" in few_lines(result)
    printed = run(
        "power", "sham_rct", *SMALL, "--trials", "3", "--truth-trials", "2", "--seed", "4", "--json", "--workers", "1"
    ).json
    assert printed["endpoints"] == result.to_dict()["endpoints"]
    assert len(result.estimates_frame()) == 15


def test_simulate_and_trace_of_the_front_door() -> None:
    """`simulate` gives a trial with its tables, `trace` a life of it; an unknown table is refused with the known."""
    loaded = sim.load("sham_rct", SMALL_KEYS)
    trial = sim.simulate(loaded, trial=2, seed=4)
    few_lines(trial)
    assert set(trial.tables) == {"adsl", "adrel", "visits", "veins", "procedures", "events", "truth", "imaging"}
    pd.testing.assert_frame_equal(trial.to_frame(), trial.tables["adsl"])
    with pytest.raises(ShamtrialError, match="found 'adls'; allowed: adsl, adrel"):
        trial.to_frame("adls")
    patient = trial.to_frame().query("ENRLFL == 'Y'")["USUBJID"].iloc[0]
    assert sim.trace(loaded, patient, trial=2, seed=4).startswith(f"{patient}, trial 2 of sham_rct, seed 4")


def test_replay_of_the_front_door() -> None:
    """`replay` gives a short repr and a frame, one row a published figure."""
    result = sim.replay(trials=4)
    assert "zamboni2009.relapse_free_after" in result.to_frame().index
    assert "published 17-18" in few_lines(result)


def test_errors_of_the_front_door_are_one_kind() -> None:
    """Whatever is wrong is a ShamtrialError; a scenario's errors come with file, line, key, found and allowed."""
    with pytest.raises(ScenarioError) as caught:
        sim.load("sham_rct", {"effect.rate_ratio": -1})
    problem = caught.value.problems[0]
    assert (problem.key, problem.found) == ("effect.rate_ratio", "-1")
    for wrong in ({"trials": 0}, {"seed": -1, "trials": 1}, {"workers": 0, "trials": 1}, {"trials": 1, "mcse": 0.1}):
        with pytest.raises(ShamtrialError, match="found"):
            sim.power("sham_rct", **wrong)


# ---- README ---------------------------------------------------------------------------------------------------------


def test_readme_has_commands_and_a_scenario() -> None:
    """The README shows the command line, the Python verbs and a scenario file (so that the tests below see them)."""
    assert len(COMMANDS) >= 8
    assert {"python", "toml"} <= {kind for kind, _ in BLOCKS}


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_readme_commands_parse(words: list[str]) -> None:
    """Every `shamtrial ...` line of the README is a command with options that exist, of values that are allowed."""
    assert words[0].endswith("shamtrial")
    context = click.Context(cli, info_name="shamtrial")
    command: click.Command = cli
    rest = words[1:]
    while isinstance(command, click.Group):
        found = command.get_command(context, rest[0])
        assert found, f"no command {rest[0]!r}"
        command, rest = found, rest[1:]
    made = command.make_context(words[1], rest, parent=context)
    name = made.params.get("scenario") or made.params.get("study")
    if name not in (None, "", "all") and not name.endswith(".toml"):  # `replay all`: every published study
        if words[1] == "sweep":
            assert read_study(name, {}).axes
        else:
            sim.load(name)


def test_readme_scenario_loads(tmp_path: Path) -> None:
    """The README's scenario file is valid as it stands, and holds what its comments say."""
    (text,) = (text for kind, text in BLOCKS if kind == "toml")
    path = tmp_path / "my_trial.toml"
    path.write_text(text, encoding="utf-8")
    loaded = sim.load(path)
    assert (loaded.name, loaded.scenario.enrolment.target, loaded.scenario.sites.count) == ("my_trial", 150, 20)
    assert [a.ratio for a in loaded.scenario.arm] == [1, 2]


def test_readme_python_names_what_exists() -> None:
    """Every `sim.name(` of the README's Python is on the front door."""
    used = {name for kind, text in BLOCKS if kind == "python" for name in re.findall(r"\bsim\.(\w+)\(", text)}
    assert used
    assert used <= set(sim.__all__)


def test_readme_links_lead_somewhere() -> None:
    """Every relative link of the README is a file of the project."""
    targets = re.findall(r"\]\((?!https?:)([^)#]+)", README)
    assert targets
    assert [t for t in targets if not (ROOT / t).exists()] == []
