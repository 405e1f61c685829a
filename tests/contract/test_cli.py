"""The command line keeps its contract: names, exit statuses, messages, what goes to stdout and what to stderr."""

from __future__ import annotations

import math
import re
import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from sim.analysis.negbin import negbin_rate_ratio
from sim.core.units import DAYS_PER_YEAR
from sim.data.cohort import Cohort
from sim.engines.records import TrialRecords
from sim.scenario.schema import Scenario
from sim.study import play, power
from tests.contract.commands import ROOT, SMALL, Ran, done, run

LINUX = pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="looks at /proc for processes left behind")
MESSAGE = re.compile(r"^(\S+:\d+: |\S+: )?(\S+|--trials and --mcse): found .+; allowed: .+", re.DOTALL)

NUMBER = (int, float)
MAYBE = (int, float, type(None))
POWER_KEYS: dict[str, Any] = {
    "scenario": str, "digest": str, "seed": int, "trials": int, "engine": str, "elapsed_s": NUMBER,
    "trials_per_s": NUMBER, "endpoints": dict,
}  # fmt: skip
ENDPOINT_KEYS: dict[str, Any] = {
    "method": str, "scale": str, "favourable": int, "power": NUMBER, "favourable_power": NUMBER, "mcse": NUMBER,
    "estimate_mean": MAYBE, "estimate_sd": MAYBE, "se_mean": MAYBE, "truth": MAYBE, "truth_mcse": MAYBE,
    "bias": MAYBE, "coverage": MAYBE, "not_converged": NUMBER,
}  # fmt: skip
REPLAY_KEYS: dict[str, Any] = {"study": str, "seed": int, "trials": int, "figures": list, "joint": dict}
FIGURE_KEYS: dict[str, Any] = {
    "id": str, "status": str, "published": list, "median": NUMBER, "interval": list, "mid_pit": NUMBER,
    "share_as_favourable": NUMBER, "used_for_fit": bool,
}  # fmt: skip
TABLES = ("adsl", "adrel", "visits", "veins", "procedures", "events", "truth", "imaging")


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep the user's cache out of it."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


@dataclass(frozen=True)
class PowerRun:
    """One power run that many tests look at."""

    ran: Ran
    folder: Path

    @property
    def estimates(self) -> pd.DataFrame:
        """Its rows."""
        return pd.read_parquet(self.folder / "estimates-000000.parquet")


RUN = ("power", "sham_rct", *SMALL, "--trials", "6", "--truth-trials", "2", "--seed", "5", "--json")


@pytest.fixture(scope="module")
def power_run(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PowerRun]:
    """The run on one worker."""
    folder = tmp_path_factory.mktemp("power")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(folder / "cache"))
        yield PowerRun(done(*RUN, "--workers", "1", "--out", folder / "one"), folder / "one")


def _has(found: dict[str, Any], keys: dict[str, Any]) -> None:
    for key, kind in keys.items():
        assert key in found, f"{key} is missing"
        assert isinstance(found[key], kind), f"{key} is {found[key]!r}"
        assert kind is bool or not isinstance(found[key], bool), f"{key} is {found[key]!r}"


# ---- JSON -----------------------------------------------------------------------------------------------------------


def test_power_prints_the_contract(power_run: PowerRun) -> None:
    """`power --json` prints one object with the contract's keys and types for the run and for each endpoint."""
    found = power_run.ran.json
    _has(found, POWER_KEYS)
    assert (found["scenario"], found["seed"], found["trials"], found["engine"]) == ("sham_rct", 5, 6, "compiled")
    assert re.fullmatch("[0-9a-f]{64}", found["digest"])
    keys = [*found["endpoints"]]
    assert keys == ["arr_24m", "arr_24m_reported", "relapse_free_24m", "edss_24m", "msqol_physical_24m"]
    for endpoint in found["endpoints"].values():
        _has(endpoint, ENDPOINT_KEYS)
        assert endpoint["scale"] in ("log_ratio", "difference")
        assert endpoint["favourable"] in (-1, 1)
        assert endpoint["mcse"] == pytest.approx(math.sqrt(endpoint["power"] * (1.0 - endpoint["power"]) / 6))


def test_json_without_truth_is_json() -> None:
    """What cannot be known (the truth not asked for, an error from one trial) is null, never NaN."""
    found = done("power", "sham_rct", *SMALL, "--trials", "1", "--truth-trials", "0", "--workers", "1", "--json").json
    assert found["endpoints"]["edss_24m"]["truth"] is None
    assert found["endpoints"]["edss_24m"]["estimate_sd"] is None
    found = done("power", "sham_rct", *SMALL, "--trials", "1", "--truth-trials", "1", "--workers", "1", "--json").json
    assert found["effect"]["effective_mcse"] is None


def test_power_counts_what_the_estimates_say(power_run: PowerRun) -> None:
    """Power is the share of all trials whose stored p is below alpha, and the mean estimate that of the stored ones."""
    for key, rows in power_run.estimates.groupby("endpoint"):
        endpoint = power_run.ran.json["endpoints"][key]
        assert len(rows) == 6
        assert endpoint["power"] == (rows["p"] < 0.05).sum() / 6
        assert endpoint["not_converged"] == pytest.approx(1.0 - rows["converged"].mean())
        assert endpoint["estimate_mean"] == pytest.approx(rows["value"].mean(), rel=1e-12)


def test_simulate_prints_and_writes_every_table(tmp_path: Path) -> None:
    """`simulate --json` names scenario, digest, seed, trial and rows; the folder holds the tables with these rows."""
    for ending, read in (("parquet", pd.read_parquet), ("csv", pd.read_csv)):
        folder = tmp_path / ending
        found = done("simulate", "sham_rct", *SMALL, "--trial", "3", "--format", ending, "--out", folder, "--json").json
        _has(found, {"scenario": str, "digest": str, "seed": int, "trial": int, "rows": dict, "out": str})
        assert tuple(found["rows"]) == TABLES
        written = {f"{t}.{ending}" for t in TABLES} | {"run.json", "consort.svg", "consort.png"}
        assert {p.name for p in folder.iterdir()} == written
        assert {t: len(read(folder / f"{t}.{ending}")) for t in TABLES} == found["rows"]


def test_replay_prints_the_contract(tmp_path: Path) -> None:
    """`replay --json` prints the contract's keys and types, a figure for each published one, on any workers."""
    ran = done("replay", "zamboni_2009", "--trials", "12", "--workers", "1", "--json", "--out", tmp_path)
    found = ran.json
    _has(found, REPLAY_KEYS)
    for figure in found["figures"]:
        _has(figure, FIGURE_KEYS)
        assert 0.0 <= figure["mid_pit"] <= 1.0
    assert {f["id"] for f in found["figures"]} >= {"zamboni2009.relapse_free_before", "zamboni2009.relapse_free_after"}
    assert found["failed"] == []
    assert (tmp_path / "run.json").exists()
    assert done("replay", "zamboni_2009", "--trials", "12", "--workers", "2", "--json").out == ran.out


def test_json_is_one_object_and_nothing_else() -> None:
    """With --json every verb that has it prints one JSON object on stdout, and nothing on stderr."""
    small = ("sham_rct", *SMALL)
    for command in (
        ("power", *small, "--trials", "1", "--truth-trials", "0", "--workers", "1"),
        ("simulate", *small),
        ("scenarios", "list"),
        ("scenarios", "check", "null"),
    ):
        assert done(*command, "--json").json


# ---- one answer -----------------------------------------------------------------------------------------------------


def test_workers_change_nothing(power_run: PowerRun, tmp_path: Path) -> None:
    """One worker and two give the same JSON (but for the times) and the same estimates, byte for byte."""
    two = done(*RUN, "--workers", "2", "--out", tmp_path).json
    one = power_run.ran.json
    for timed in ("elapsed_s", "trials_per_s"):
        del one[timed], two[timed]
    assert one == two
    name = "estimates-000000.parquet"
    assert (tmp_path / name).read_bytes() == (power_run.folder / name).read_bytes()


@pytest.mark.parametrize("trial", [0, 3, 5])
def test_simulate_gives_the_trial_of_the_power_run(power_run: PowerRun, trial: int, tmp_path: Path) -> None:
    """Analysing the tables of `simulate --trial K` gives the estimate stored for trial K, to the last digits."""
    done("simulate", "sham_rct", *SMALL, "--trial", str(trial), "--seed", "5", "--out", tmp_path)
    adsl = pd.read_parquet(tmp_path / "adsl.parquet").query("ENRLFL == 'Y'").set_index("USUBJID")
    adrel = pd.read_parquet(tmp_path / "adrel.parquet").query("CONFFL == 'Y'")
    end = np.minimum(adsl["EOSDT"], adsl["DAY1DT"] + 2.0 * DAYS_PER_YEAR)
    own = adsl.join(end.rename("END")).loc[adrel["USUBJID"], ["DAY1DT", "END"]].to_numpy()
    seen = adrel[(adrel["ASTDT"] > own[:, 0]) & (adrel["ASTDT"] <= own[:, 1])]
    counts = seen.groupby("USUBJID").size().reindex(adsl.index, fill_value=0)
    years = np.maximum(end - adsl["DAY1DT"], 0.0) / DAYS_PER_YEAR
    made = negbin_rate_ratio(counts.to_numpy(float), years.to_numpy(), (adsl["TRT01P"] == "angioplasty").to_numpy())
    rows = power_run.estimates
    stored = rows[(rows["trial"] == trial) & (rows["endpoint"] == "arr_24m")].iloc[0]
    assert (made.outcome, made.n) == (stored["outcome"], stored["n"])
    assert [made.value, made.standard_error] == pytest.approx([stored["value"], stored["standard_error"]], nan_ok=True)


def test_mcse_asks_for_as_many_trials_as_it_needs(monkeypatch: pytest.MonkeyPatch) -> None:
    """`--mcse X` goes on until the primary's standard error is about X; where the pilot is enough, it ends there."""
    monkeypatch.setattr(power, "PILOT_TRIALS", 8)
    command = ("power", "sham_rct", *SMALL, "--truth-trials", "0", "--workers", "1", "--json", "--mcse")
    assert done(*command, "0.4").json["trials"] == 8
    found = done(*command, "0.09").json
    assert found["trials"] > 8
    assert found["endpoints"]["arr_24m"]["mcse"] <= 0.09


# ---- bad input ------------------------------------------------------------------------------------------------------

BAD: list[tuple[tuple[str, ...], tuple[str, ...]]] = [
    (("power", "sham_rtc"), ("'sham_rtc'", "did you mean 'sham_rct'")),
    (("power", "nowhere.toml"), ("nowhere.toml", "no such file")),
    (("power", "sham_rct", "--trials", "0"), ("--trials", "found 0", "1 to")),
    (("power", "sham_rct", "--trials", "-5"), ("--trials", "found -5", "1 to")),
    (("power", "sham_rct", "--trials", "9", "--mcse", "0.1"), ("--trials and --mcse", "both")),
    (("power", "sham_rct", "--mcse", "0"), ("--mcse", "found 0.0", "0.0001 to 0.5")),
    (("power", "sham_rct", "--mcse", "nan"), ("--mcse", "found nan", "0.0001 to 0.5")),
    (("power", "sham_rct", "--truth-trials", "-1"), ("--truth-trials", "found -1", "0 (no truth)")),
    (("power", "sham_rct", "--seed", "-1"), ("--seed", "found -1", "0 to 2^64 - 1")),
    (("power", "sham_rct", "--seed", "99999999999999999999"), ("--seed", "found 99999999999999999999", "2^64 - 1")),
    (("power", "sham_rct", "--workers", "0"), ("--workers", "found 0", "1 to 256")),
    (("power", "sham_rct", "--workers", "100000"), ("--workers", "found 100000", "1 to 256")),
    (("power", "sham_rct", "--out", ""), ("--out", "found ''", "folder that can be written")),
    (("power", "sham_rct", "--set", "nonsense"), ("--set", "'nonsense'", "KEY=VALUE")),
    (("power", "sham_rct", "--set", "=3"), ("--set", "'=3'", "KEY=VALUE")),
    (("power", "sham_rct", "--set", "effect.rate_rati=1"), ("effect.rate_rati", "unknown key", "'rate_ratio'")),
    (("power", "sham_rct", "--set", "effect.rate_ratio="), ("effect.rate_ratio", 'found ""', "a number")),
    (("power", "sham_rct", "--set", "effect.rate_ratio=0"), ("effect.rate_ratio", "found 0", "0 < x")),
    (("power", "sham_rct", "--set", "effect.rate_ratio=0.5\nx=3"), ("effect.rate_ratio", "found", "a number")),
    (("power", "sham_rct", "--set", f"effect.rate_ratio={'9' * 5000}"), ("effect.rate_ratio", "found", "a number")),
    (("power", "sham_rct", "--set", f"effect.rate_ratio={'[' * 5000}"), ("effect.rate_ratio", "found", "a number")),
    (("power", "sham_rct", "--set", "relapse.rate_per_year=-1"), ("relapse.rate_per_year", "found -1", "0 <= x")),
    (("power", "sham_rct", "--set", "veins.success_prob=1.5"), ("veins.success_prob", "found 1.5", "x <= 1")),
    (("power", "sham_rct", "--set", "arm[0].ratio=0"), ("arm[0].ratio", "found 0", "1 <= x")),
    (("power", "sham_rct", "--set", "sites.arrivals_per_month=0.01"), ("enrolment.target", "could never end")),
    (("power", "sham_rct", "--set", "relapse.rate_per_year=0"), ("relapse.rate_per_year", "could never end")),
    (("simulate", "sham_rct", "--trial", "-1"), ("--trial", "found -1", "from 0")),
    (("simulate", "sham_rct", "--seed", "-1"), ("--seed", "found -1", "0 to 2^64 - 1")),
    (("trace", "sham_rct", *SMALL, "--patient", "x"), ("--patient", "'x'", "SSS-AAAA")),
    (("trace", "sham_rct", *SMALL, "--patient", "999-0001"), ("--patient", "'999-0001'", "screened in trial 0")),
    (("replay", "sham_rct"), ("replay", "found sham_rct", "published/zamboni_2009")),
    (("replay", "zamboni_2009", "--trials", "1"), ("--trials", "found 1", "2 to")),
    (("scenarios", "show", "nowhere"), ("'nowhere'", "a shipped scenario")),
    (("scenarios", "check", "."), ("found a folder", "a scenario file")),
]


@pytest.mark.parametrize(("command", "fragments"), BAD, ids=lambda v: " ".join(v)[:60] if isinstance(v, tuple) else "")
def test_bad_input_is_told_and_ends_with_2(command: tuple[str, ...], fragments: tuple[str, ...]) -> None:
    """Each bad input ends with status 2, nothing on stdout, and a message: which option or key, found, allowed."""
    ran = run(*command)
    assert (ran.status, ran.out) == (2, "")
    assert MESSAGE.match(ran.err)
    for fragment in fragments:
        assert fragment in ran.err


@pytest.mark.parametrize(
    "command", [(), ("nosuch",), ("power",), ("power", "null", "--trials", "x"), ("trace", "null")]
)
def test_wrong_usage_ends_with_2(command: tuple[str, ...]) -> None:
    """A missing or unknown command, argument or option ends with status 2 and says how the command is used."""
    ran = run(*command)
    assert (ran.status, ran.out) == (2, "")
    assert "Usage: shamtrial" in ran.err


def test_all_errors_of_a_file_come_at_once(tmp_path: Path) -> None:
    """A scenario file with two mistakes gets two lines, each with file and line."""
    path = tmp_path / "mine.toml"
    path.write_text('extends = "sham_rct"\n[relapse]\nrate = 1\n[veins]\nsuccess_prob = 3\n', encoding="utf-8")
    ran = run("power", path)
    assert ran.status == 2
    first, second = ran.err.splitlines()
    assert ":3: relapse.rate: found unknown key 'rate'; allowed: did you mean 'rate_per_year'?" in first
    assert ":5: veins.success_prob: found 3; allowed: a number, 0 <= x <= 1" in second


@pytest.mark.parametrize("verb", ["power", "simulate", "trace", "replay", "demo"])
def test_unwritable_folder_is_refused_before_any_trial(
    verb: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A folder that can't be made is refused with status 2 before a single trial is played."""

    def never(*_: object, **__: object) -> TrialRecords:
        raise AssertionError("a trial was played")

    monkeypatch.setattr(play.Play, "records", never)
    monkeypatch.setattr(play.Play, "cohorts", never)
    (tmp_path / "file").write_text("")
    words = {"replay": ["zamboni_2009"], "demo": [], "trace": ["sham_rct", "--patient", "0-0"]}.get(verb, ["sham_rct"])
    for out in (tmp_path / "file", tmp_path / "file" / "below"):
        ran = run(verb, *words, "--out", out)
        assert (ran.status, ran.out) == (2, "")
        assert f"--out: found {out} (" in ran.err
        assert "allowed: a folder that can be written" in ran.err


# ---- trials that fail -----------------------------------------------------------------------------------------------


played = play.Play.cohorts


def _fail_at(monkeypatch: pytest.MonkeyPatch, *trials: int) -> None:
    def cohorts(self: play.Play, asked: Any, *rest: Any, **options: Any) -> Cohort:
        if set(asked) & set(trials):
            raise ValueError("the vein was not there")
        return played(self, asked, *rest, **options)

    monkeypatch.setattr(play.Play, "cohorts", cohorts)


def test_failed_trials_are_reported_by_address_and_end_with_3(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A trial that raises is named by seed and number, keeps its row, counts as no rejection; the status is 3."""
    _fail_at(monkeypatch, 2)
    command = ("power", "sham_rct", *SMALL, "--trials", "4", "--truth-trials", "0", "--workers", "1", "--seed", "9")
    ran = run(*command, "--out", tmp_path, "--json")
    assert ran.status == 3
    assert ran.err == "failed: trial 2 of seed 9: ValueError: the vein was not there\n"
    assert ran.json["failed"] == [{"seed": 9, "trial": 2, "message": "ValueError: the vein was not there"}]
    assert ran.json["trials"] == 4
    assert ran.json["endpoints"]["edss_24m"]["not_converged"] == 0.25
    rows = pd.read_parquet(tmp_path / "estimates-000000.parquet").query("trial == 2")
    assert len(rows) == 5
    assert set(rows["outcome"]) == {"failed"}
    assert not rows["converged"].any()
    assert "failed in 1 of 4 trials" in run(*command).out


def test_replay_reports_failed_trials(monkeypatch: pytest.MonkeyPatch) -> None:
    """A replay with a failed trial judges by the others, names it and ends with 3."""
    _fail_at(monkeypatch, 1)
    ran = run("replay", "zamboni_2009", "--trials", "4", "--workers", "1", "--json")
    assert ran.status == 3
    assert ran.json["failed"] == [{"seed": 1, "trial": 1, "message": "ValueError: the vein was not there"}]


def test_many_failed_trials_are_counted_and_all_failed_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """Five failures are named and the rest counted; where every trial failed there is no result at all."""
    command = ("power", "sham_rct", *SMALL, "--trials", "8", "--truth-trials", "0", "--workers", "1", "--json")
    _fail_at(monkeypatch, *range(7))
    ran = run(*command)
    assert (ran.status, ran.err.count("failed: trial")) == (3, 5)
    assert "... and 2 more failed trials" in ran.err
    _fail_at(monkeypatch, *range(8))
    ran = run(*command)
    assert (ran.status, ran.out) == (3, "")
    assert ran.err == "trial 0 of seed 1 failed: ValueError: the vein was not there\n"


def test_an_entry_rule_that_nobody_meets_ends_with_3() -> None:
    """Where nobody ever enters, the run ends with 3 and points to the reasons, instead of a table of nothing."""
    ran = run(
        "power", "sham_rct", *SMALL, "--trials", "2", "--truth-trials", "0", "--workers", "1",
        "--set", "eligibility.relapses_1y=50", "--set", "eligibility.relapses_2y=50", "--set", "enrolment.max_days=400",
    )  # fmt: skip
    assert (ran.status, ran.out) == (3, "")
    assert "nobody entered any of 2 trials" in ran.err
    assert "SCRFREAS" in ran.err


# ---- where things are -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("home", ["file", "none"])
def test_a_cache_that_cannot_be_written_costs_time_only(
    home: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the truth can't be kept (no home, or a home that is a file) the run gives the same answer."""
    command = ("power", "sham_rct", *SMALL, "--trials", "1", "--truth-trials", "2", "--workers", "1", "--json")
    kept = done(*command).json["endpoints"]
    assert list((tmp_path / "cache" / "shamtrial" / "truth").glob("*.json"))
    if home == "file":
        (tmp_path / "file").write_text("")
        monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    else:
        monkeypatch.delenv("XDG_CACHE_HOME")
        monkeypatch.setattr(Path, "home", _no_home)
    assert done(*command).json["endpoints"] == kept


def _no_home() -> Path:
    raise RuntimeError("Could not determine home directory.")


def test_a_local_file_may_extend_and_bear_the_name_of_a_shipped_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From any folder: a file extends a shipped scenario, even of its own name; the bare name is the shipped one."""
    monkeypatch.chdir(tmp_path)
    Path("sham_rct.toml").write_text('extends = "sham_rct"\n[enrolment]\ntarget = 40\n', encoding="utf-8")
    local = {v["key"]: v for v in done("scenarios", "check", "sham_rct.toml", "--json").json["values"]}
    assert (local["enrolment.target"]["value"], local["enrolment.target"]["set_in"]) == (40, "sham_rct.toml:3")
    assert local["effect.rate_ratio"]["set_in"].endswith("scenarios/sham_rct.toml:34")
    shipped = {v["key"]: v for v in done("scenarios", "check", "sham_rct", "--json").json["values"]}
    assert shipped["enrolment.target"]["value"] == 200
    assert done("simulate", "sham_rct.toml", "--json").json["scenario"] == "sham_rct"


# ---- scenarios ------------------------------------------------------------------------------------------------------


def test_scenarios_are_listed_with_their_intent() -> None:
    """`scenarios list` gives each shipped scenario and its sentence of intent."""
    out = done("scenarios", "list").out
    listed = done("scenarios", "list", "--json").json["scenarios"]
    names = {row["scenario"] for row in listed}
    wanted = {"base", "sham_rct", "null", "open_label_rct", "three_arm", "published/zamboni_2009", "bench/j1"}
    assert names >= wanted
    for row in listed:
        assert row["intent"].endswith(".")
        assert f"{row['scenario']}\n    {row['intent']}\n" in out


def test_show_prints_the_file_as_written() -> None:
    """`scenarios show` prints the scenario's own file, byte for byte, by name and by last part of the name."""
    own = (ROOT / "scenarios" / "published" / "zamboni_2009.toml").read_text(encoding="utf-8")
    assert done("scenarios", "show", "zamboni_2009").out == own


def test_check_prints_every_value_and_which_file_set_it() -> None:
    """`scenarios check` gives for every key its value, unit and the file and line, default or override it is from."""
    out = done("scenarios", "check", "null", "--set", "sites.count=3").out
    lines = {line.split()[0]: line for line in out.splitlines() if line[:1].isalpha()}
    for key, unit in {
        "effect.rate_ratio": r"1\.0",
        "relapse.rate_per_year": "1/year",
        "study.follow_up_months": "months",
    }.items():
        place = re.search(rf" {unit} +(scenarios/\w+\.toml):(\d+)$", lines[key])
        assert place, lines[key]
        written = (ROOT / place[1]).read_text(encoding="utf-8").splitlines()[int(place[2]) - 1]
        assert written.startswith(key.rpartition(".")[2])
    assert re.search(r" 0\.05 +default \(design\)$", lines["study.alpha"])
    assert re.search(r" 3 sites +override$", lines["sites.count"])
    schema = Scenario.model_json_schema()
    keys = {re.sub(r"\[\d+\]", "", key) for key in lines}
    elsewhere = ("published.figure.", "sites.phases.")  # lists that this scenario leaves empty
    assert {key for key in _leaves(schema, schema) if not key.startswith(elsewhere)} <= keys


def _leaves(schema: dict[str, Any], table: dict[str, Any]) -> set[str]:
    """Give the key paths of a table of the schema, those in an array of tables without their number."""
    found = set()
    for name, field in table["properties"].items():
        reference = field.get("$ref") or field.get("items", {}).get("$ref", "")
        inner = schema["$defs"].get(reference.rpartition("/")[2], {})
        below = _leaves(schema, inner) if "properties" in inner else set()
        found |= {f"{name}.{key}" for key in below} or {name}
    return found


def test_check_of_what_is_printed_is_what_runs() -> None:
    """The digest that `check` prints is the digest of the run."""
    small = ("sham_rct", *SMALL)
    assert (
        done("scenarios", "check", *small, "--json").json["digest"] == done("simulate", *small, "--json").json["digest"]
    )


def test_schema_describes_every_table() -> None:
    """`scenarios schema` is JSON Schema that knows `extends` and every table of the scenarios, and refuses others."""
    schema = done("scenarios", "schema").json
    assert {"extends", *Scenario.model_fields} == set(schema["properties"])
    assert schema["additionalProperties"] is False


def test_the_reference_of_keys_is_the_one_in_the_docs() -> None:
    """docs/scenario.md is what `scenarios keys` prints."""
    assert done("scenarios", "keys").out == (ROOT / "docs" / "scenario.md").read_text(encoding="utf-8")


# ---- trace ----------------------------------------------------------------------------------------------------------


def test_trace_tells_a_life_in_order(tmp_path: Path) -> None:
    """`trace` tells who it is, then every event of the patient's log in order of time; a short USUBJID will do."""
    done("simulate", "sham_rct", *SMALL, "--out", tmp_path)
    adsl = pd.read_parquet(tmp_path / "adsl.parquet")
    events = pd.read_parquet(tmp_path / "events.parquet")
    patient = adsl.query("ENRLFL == 'Y'")["USUBJID"].iloc[0]
    out = done("trace", "sham_rct", *SMALL, "--patient", patient).out
    head, about, *lines = out.splitlines()
    arm = adsl.set_index("USUBJID").loc[patient, "TRT01P"]
    assert head == f"{patient}, trial 0 of sham_rct, seed 1: {arm}"
    assert "count from study day 1" in about
    assert len(lines) == (events["usubjid"] == patient).sum()
    times = [float(line.split()[0]) for line in lines]
    assert times == sorted(times)
    for words in ("screened, recalls", "entered the study", f"randomised to {arm}", "visit 0: EDSS"):
        assert words in out
    site, _, arrival = patient.partition("-")
    assert done("trace", "sham_rct", *SMALL, "--patient", f"{int(site)}-{int(arrival)}").out == out


def test_trace_tells_levels_of_activity(tmp_path: Path) -> None:
    """With a level a month, `trace` tells each month's, one line a month from three years before screening on."""
    monthly = ("sham_rct", *SMALL, "--set", "activity.kind=log_ou")
    done("simulate", *monthly, "--out", tmp_path)
    patient = pd.read_parquet(tmp_path / "adsl.parquet").query("ENRLFL == 'Y'")["USUBJID"].iloc[0]
    events = pd.read_parquet(tmp_path / "events.parquet").query("usubjid == @patient and event == 'activity'")
    told = [line for line in done("trace", *monthly, "--patient", patient).out.splitlines() if "activity: " in line]
    assert [line.split("activity: ")[1] for line in told] == [f"{v:.2f} times the mean" for v in events["value"]]
    assert len(told) > 36


def test_trace_knows_those_who_did_not_enter(tmp_path: Path) -> None:
    """A screen failure's life is told up to the reason, counted from screening, and drawn."""
    done("simulate", "sham_rct", *SMALL, "--out", tmp_path / "t")
    failure = pd.read_parquet(tmp_path / "t" / "adsl.parquet").query("SCRFFL == 'Y'")["USUBJID"].iloc[0]
    out = done("trace", "sham_rct", *SMALL, "--patient", failure, "--out", tmp_path / "life").out
    assert "not entered (" in out.splitlines()[0]
    assert "count from screening" in out
    assert "screen failure: " in out.splitlines()[-1]
    assert {p.name for p in (tmp_path / "life").iterdir()} == {f"life-{failure}.{e}" for e in ("txt", "svg", "png")}
    assert (tmp_path / "life" / f"life-{failure}.txt").read_text(encoding="utf-8") == out


def test_help_says_what_each_verb_is_for() -> None:
    """`--help` gives each verb a whole sentence, none cut off, and the version is the package's."""
    out = done("--help").out
    verbs = re.findall(r"^  (\w+)  +(.+)$", out.partition("Commands:")[2], re.MULTILINE)
    assert [v for v, _ in verbs] == [
        "bias",
        "compare",
        "demo",
        "power",
        "replay",
        "restenosis",
        "rtm",
        "runs",
        "scenarios",
        "selftest",
        "simulate",
        "size",
        "small",
        "sweep",
        "trace",
    ]
    assert all(text.endswith(".") and not text.endswith("...") for _, text in verbs)
    assert re.fullmatch(r"shamtrial, version \d+\.\d+\.\d+\S*\n", done("--version").out)


def test_the_command_is_installed() -> None:
    """`shamtrial` is on the path of the environment that runs the tests."""
    assert shutil.which("shamtrial", path=str(Path(sys.executable).parent))
