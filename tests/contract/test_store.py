"""A run folder keeps its contract: what is in it, in which blocks, and that only run.json knows of time and machine."""

from __future__ import annotations

import json
import math
import os
import platform
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from sim.analysis.estimate import OUTCOMES
from sim.core.errors import ShamtrialError
from sim.scenario.load import digest
from sim.study import store
from sim.study.chunks import CHUNK, read_chunk, write_chunk
from sim.study.estimates import Estimates
from sim.study.layout import Block, Flat, Rows, block_of, table_of
from sim.study.runner import Failure
from sim.study.runs import Address, RunFolder
from tests.contract.commands import SMALL, done
from tests.helpers import scenario

TRIALS = 25_000
COLUMNS = [
    "trial", "endpoint", "value", "standard_error", "lower", "upper", "p", "converged", "n", "outcome", "method",
    "entered", "reason",
]  # fmt: skip
POWER = ("power", "sham_rct", *SMALL, "--trials", "3", "--truth-trials", "2", "--workers", "1", "--json")


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep the user's cache out of it."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def made_up(trials: int, first: int = 0) -> Rows:
    """Give the rows of so many trials, never played: five endpoints, every number known."""
    rows = Estimates(scenario("sham_rct")).blank(trials)
    rows["trial"] = np.arange(first, first + trials)
    rows["estimates"]["value"] = np.sin(np.arange(trials * 5)).reshape(trials, 5)
    rows["estimates"]["outcome"] = np.arange(trials * 5).reshape(trials, 5) % len(OUTCOMES)
    rows["entered"] = np.arange(trials) % 7
    return rows


def written(folder: Path, trials: int) -> list[Path]:
    """Write made-up trials as a power run does."""
    with RunFolder(folder, Address("power", "made_up", scenario("sham_rct"), 1)) as run:
        series = run.series("estimates", Estimates(scenario("sham_rct")))
        rows = made_up(trials)
        for first in range(0, trials, CHUNK):
            series.write(Block(first, rows[first : first + CHUNK]))
        return [series.path(n) for n in sorted(series.there)]


def test_chunks_of_ten_thousand_trials(tmp_path: Path) -> None:
    """25,000 trials make files of 10,000, 10,000 and 5,000 trials that together are the estimates, NaN and all."""
    paths = written(tmp_path, TRIALS)
    assert [p.name for p in paths] == [f"estimates-00000{number}.parquet" for number in range(3)]
    assert sorted(tmp_path.iterdir()) == paths
    frames = [pd.read_parquet(p) for p in paths]
    for number, frame in enumerate(frames):
        assert list(frame.columns) == COLUMNS
        assert frame["trial"].unique().tolist() == list(range(CHUNK * number, min(CHUNK * number + CHUNK, TRIALS)))
    together = pd.concat(frames, ignore_index=True)
    assert together["endpoint"].head(5).tolist() == [e.key for e in scenario("sham_rct").endpoint]
    assert np.array_equal(together["value"], made_up(TRIALS)["estimates"]["value"].reshape(-1))
    assert together["p"].isna().all()


@pytest.mark.parametrize("name", ["sham_rct", "blinding", "three_arm"])
def test_a_chunk_gives_back_what_was_written(name: str, tmp_path: Path) -> None:
    """Rows, guesses and failures come back from a chunk bit for bit, NaN of either sign and infinities among them."""
    own = scenario(name)
    layout = Estimates(own)
    rows = layout.blank(40)
    rows["trial"] = np.arange(2000, 2040)
    bits = np.random.default_rng(1).integers(0, 2**64, rows["estimates"]["value"].shape, np.uint64)
    for part in ("value", "standard_error", "lower", "upper", "p"):
        rows["estimates"][part] = bits.view(np.float64)
    rows["estimates"]["value"][0, 0], rows["estimates"]["value"][1, 0] = -math.nan, math.inf
    rows["estimates"]["outcome"] = bits % len(OUTCOMES)
    if layout.guesses:
        rows["guesses"] = np.arange(rows["guesses"].size).reshape(rows["guesses"].shape)
    rows[3] = layout.blank(1)[0]
    rows["trial"][3] = 2003
    block = Block(2000, rows, (Failure(5, 2003, "ValueError: the vein was not there"),))
    write_chunk(tmp_path / "estimates-000002.parquet", table_of(layout, block), b"stamp")
    table, stamp = read_chunk(tmp_path / "estimates-000002.parquet")
    again = block_of(layout, table, 2000, 5)
    assert stamp == b"stamp"
    assert again.failed == block.failed
    assert again.rows.tobytes() == rows.tobytes()
    assert len(again.good) == 39
    assert table["reason"].to_pylist().count("ValueError: the vein was not there") == layout.lines


def test_fields_of_several_values_come_back() -> None:
    """The layout for any other study's rows keeps numbers, switches and fields of several values bit for bit."""
    layout = Flat(np.dtype([("trial", "i8"), ("days", "f8", (2, 3)), ("event", "?", (4,)), ("n", "i4")]))
    rows = layout.blank(6)
    rows["trial"], rows["n"] = np.arange(6), np.arange(6)
    rows["days"], rows["event"] = np.random.default_rng(1).normal(size=(6, 2, 3)), np.eye(6, 4, dtype=bool)
    rows["days"][2, 1, 1] = math.nan
    block = Block(0, rows, (Failure(1, 4, "gone"),))
    again = block_of(layout, table_of(layout, block), 0, 1)
    assert again.rows.tobytes() == rows.tobytes()
    assert again.failed == block.failed


@pytest.mark.parametrize(("trials", "files"), [(1, 1), (CHUNK - 1, 1), (CHUNK, 1), (CHUNK + 1, 2), (2 * CHUNK, 2)])
def test_a_chunk_begins_with_its_first_trial(trials: int, files: int, tmp_path: Path) -> None:
    """A file is opened for the first trial of a chunk and not before."""
    assert len(written(tmp_path, trials)) == files


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
    with pytest.raises(
        ShamtrialError, match=r"--out: found .*file.* \(.+\); allowed: a folder that can be written"
    ) as refused:
        store.open_folder(f"{tmp_path}/file{below}")
    assert ("(a file)" in str(refused.value)) == (not below)
    made = store.open_folder(tmp_path / "a" / "b")
    assert made.is_dir()
    assert list(made.iterdir()) == []


def test_no_name_is_no_folder() -> None:
    """An empty name is refused: it would mean the current folder."""
    with pytest.raises(ShamtrialError, match="--out: found ''"):
        store.open_folder("")
