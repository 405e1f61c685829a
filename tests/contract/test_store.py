"""A run folder keeps its contract: what is in it, in which blocks, and that only run.json knows of time and machine."""

from __future__ import annotations

import json
import os
import platform
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from sim.core.errors import ShamtrialError
from sim.scenario.load import digest
from sim.study import store
from sim.study.performance import ESTIMATE
from sim.study.power import PowerResult
from tests.contract.commands import SMALL, done
from tests.helpers import scenario

TRIALS = 2500
COLUMNS = [
    "trial", "endpoint", "value", "standard_error", "lower", "upper", "p", "converged", "n", "outcome", "method",
]  # fmt: skip
POWER = ("power", "sham_rct", *SMALL, "--trials", "3", "--truth-trials", "2", "--workers", "1", "--json")


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep the user's cache out of it."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def made_up(trials: int) -> PowerResult:
    """Give a result of so many trials, never played: five endpoints, every number known."""
    chosen = scenario("sham_rct")
    rows = np.zeros((trials, 5), ESTIMATE)
    rows["value"] = np.sin(np.arange(trials * 5)).reshape(trials, 5)
    rows["p"] = np.nan
    return PowerResult("made_up", chosen, "0" * 64, 1, trials, "none", 1.0, 1.0, {}, {}, 0, estimates=rows)


def test_blocks_of_a_thousand_trials(tmp_path: Path) -> None:
    """2,500 trials make three files of 1,000, 1,000 and 500 trials that together are the estimates, NaN and all."""
    result = made_up(TRIALS)
    written = store.write_power(tmp_path, result)
    assert [p.name for p in written] == [f"estimates-00000{block}.parquet" for block in range(3)]
    assert sorted(tmp_path.iterdir()) == written
    frames = [pd.read_parquet(p) for p in written]
    for block, frame in enumerate(frames):
        assert list(frame.columns) == COLUMNS
        assert frame["trial"].unique().tolist() == list(range(1000 * block, min(1000 * block + 1000, TRIALS)))
    together = pd.concat(frames, ignore_index=True)
    assert together["endpoint"].head(5).tolist() == [e.key for e in result.scenario.endpoint]
    assert np.array_equal(together["value"], result.estimates["value"].reshape(-1))
    assert together["p"].isna().all()


@pytest.mark.parametrize(("trials", "blocks"), [(1, 1), (999, 1), (1000, 1), (1001, 2), (2000, 2)])
def test_a_block_begins_with_its_first_trial(trials: int, blocks: int, tmp_path: Path) -> None:
    """A file is opened for the first trial of a block and not before."""
    assert len(store.write_power(tmp_path, made_up(trials))) == blocks


def test_a_shorter_run_leaves_nothing_of_a_longer_one(tmp_path: Path) -> None:
    """Blocks of an earlier, longer run are removed from the folder, and nothing else is."""
    (tmp_path / "estimates-mine.parquet").write_text("notes")
    store.write_power(tmp_path, made_up(TRIALS))
    store.write_power(tmp_path, made_up(10))
    assert {p.name for p in tmp_path.iterdir()} == {"estimates-000000.parquet", "estimates-mine.parquet"}


def test_same_run_same_bytes_and_only_run_json_knows_when_and_where(tmp_path: Path) -> None:
    """Two runs give the same files, byte for byte, but for run.json; no other file names time, machine or folder."""
    found: list[dict[str, bytes]] = []
    for name in ("one", "two"):
        done(*POWER, "--out", tmp_path / name)
        done("simulate", "sham_rct", *SMALL, "--out", tmp_path / name / "trial")
        files = [p for p in (tmp_path / name).rglob("*") if p.is_file()]
        found.append({p.relative_to(tmp_path / name).as_posix(): p.read_bytes() for p in files})
    first, second = found
    assert {"estimates-000000.parquet", "power.svg", "power.png", "run.json", "trial/run.json"} <= first.keys()
    assert {name for name in first if first[name] != second[name]} == {"run.json", "trial/run.json"}
    words = [str(tmp_path), pd.Timestamp.now("UTC").strftime("%Y-%m-%d"), platform.platform()]
    for name, content in first.items():
        if not name.endswith("run.json"):
            assert [w for w in words if w.encode() in content] == [], name


def test_run_json_tells_what_was_run_on_what(tmp_path: Path) -> None:
    """run.json holds command, scenario as resolved, its digest, seed, versions, platform, times and the result."""
    printed = done(*POWER, "--seed", "7", "--out", tmp_path).json
    text = (tmp_path / "run.json").read_text(encoding="utf-8")
    told: dict[str, Any] = json.loads(text)
    keys = {"command", "scenario", "digest", "seed", "engine_version", "versions", "platform", "times", "result"}
    assert keys <= told.keys()
    assert (told["command"], told["seed"]) == ("power", 7)
    assert told["scenario"]["enrolment"]["target"] == 12
    assert told["digest"] == printed["digest"] == digest(told["scenario"])
    assert {"python", "shamtrial", "numpy", "scipy", "pandas"} <= told["versions"].keys()
    assert told["result"] == printed
    assert text.endswith("}\n")


def test_run_json_of_a_solved_population_holds_what_was_asked(tmp_path: Path) -> None:
    """Where the population is solved for, scenario and digest in run.json are those asked for, the solution beside."""
    asked = ("--set", "population.on_study_rate_per_year=0.4", "--set", "enrolment.max_days=3000")
    command = ("power", "bench/j1", *asked, "--trials", "1", "--truth-trials", "0", "--workers", "1", "--json")
    printed = done(*command, "--out", tmp_path).json
    told = json.loads((tmp_path / "run.json").read_text(encoding="utf-8"))
    checked = done("scenarios", "check", "bench/j1", *asked, "--json").json["digest"]
    assert checked == printed["digest"] == told["digest"] == digest(told["scenario"])
    assert told["result"]["population"]["on_study_rate_per_year"] == pytest.approx(0.4, abs=0.05)


def test_a_file_is_whole_or_not_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where writing fails or is stopped half-way, what was there stays, and no temporary file does."""
    path = store.write_text(tmp_path / "run.json", "old")
    for error in (OSError(28, "No space left on device"), KeyboardInterrupt()):

        def stopped(descriptor: int, error: BaseException = error) -> None:
            raise error

        monkeypatch.setattr(os, "fsync", stopped)
        with pytest.raises((ShamtrialError, KeyboardInterrupt)):
            store.write_text(path, "new")
        with pytest.raises((ShamtrialError, KeyboardInterrupt)):
            store.write_frame(tmp_path / "adsl.csv", pd.DataFrame({"a": [1]}))
        monkeypatch.undo()
    assert [p.name for p in tmp_path.iterdir()] == ["run.json"]
    assert path.read_text(encoding="utf-8") == "old"


@pytest.mark.parametrize("below", ["", "/deep/er"])
def test_an_unwritable_folder_is_named(below: str, tmp_path: Path) -> None:
    """A folder at or below a file is refused with its name and the reason; a new folder is made, with its parents."""
    (tmp_path / "file").write_text("")
    with pytest.raises(ShamtrialError, match=r"--out: found .*file.* \(.+\); allowed: a folder that can be written"):
        store.open_folder(f"{tmp_path}/file{below}")
    made = store.open_folder(tmp_path / "a" / "b")
    assert made.is_dir()
    assert list(made.iterdir()) == []


def test_no_name_is_no_folder() -> None:
    """An empty name is refused: it would mean the current folder."""
    with pytest.raises(ShamtrialError, match="--out: found ''"):
        store.open_folder("")
