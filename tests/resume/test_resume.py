"""A run that is stopped, however it is stopped, goes on where it was and ends as if nothing had happened."""

from __future__ import annotations

import json
import os
import random
import re
import shutil
import signal
import time
from pathlib import Path

import pandas as pd
import pytest

from sim.core.errors import ShamtrialError
from sim.study import chunks, play, runs, store, stream
from sim.study.chunks import CHUNK
from sim.study.lock import holder, locked
from sim.study.opened import open_run
from sim.study.power import power
from sim.study.recheck import verify
from tests.contract.commands import alive, start
from tests.helpers import scenario
from tests.resume.runs import COMMAND, Words, chunks_of, figures, killed, played, refused

TRIALS = 23_000
FAULT = "ValueError: the vein was not there"


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that nothing happened to."""
    folder = tmp_path_factory.mktemp("undisturbed")
    played(folder, TRIALS)
    return folder


def _fail_at(monkeypatch: pytest.MonkeyPatch, *trials: int) -> None:
    usual = play.Play.cohorts

    def cohorts(self: play.Play, asked: list[int], *more: object, **words: object) -> object:
        if set(asked) & set(trials):
            raise ValueError("the vein was not there")
        return usual(self, asked, *more, **words)  # type: ignore[arg-type]

    monkeypatch.setattr(play.Play, "cohorts", cohorts)


def test_a_folder_changes_no_figure(undisturbed: Path) -> None:
    """With a folder, without one, and read back from it, a run gives the same figures to the last bit."""
    without, again = played(None, TRIALS), played(undisturbed, TRIALS)
    assert figures(without) == figures(again)
    assert without.estimates.tobytes() == again.estimates.tobytes()
    assert (without.read, again.read) == (0, TRIALS)


@pytest.mark.parametrize("steps", [(1, TRIALS), (CHUNK - 1, CHUNK, CHUNK + 1, TRIALS), (700, 1700, 11_700, TRIALS)])
def test_a_run_grows(steps: tuple[int, ...], undisturbed: Path, tmp_path: Path) -> None:
    """More trials are added to those there, which are read and not played; figures and chunks are those of one run."""
    before = 0
    for trials in steps:
        result = played(tmp_path, trials, workers=2)
        assert (result.trials, result.read) == (trials, before)
        before = trials
    assert chunks_of(tmp_path) == chunks_of(undisturbed)
    assert figures(result) == figures(played(undisturbed, TRIALS))
    assert json.loads((tmp_path / "run.json").read_text())["trials"] == TRIALS


def test_only_what_is_missing_is_played(undisturbed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A chunk that is gone is played again, the chunks around it are not."""
    played(tmp_path, TRIALS)
    (tmp_path / "estimates-000001.parquet").unlink()
    asked: set[int] = set()
    usual = play.Play.cohorts

    def cohorts(self: play.Play, trials: list[int], *more: object, **words: object) -> object:
        asked.update(trials)
        return usual(self, trials, *more, **words)  # type: ignore[arg-type]

    monkeypatch.setattr(play.Play, "cohorts", cohorts)
    assert played(tmp_path, TRIALS).read == TRIALS - CHUNK
    assert asked - {0} == set(range(CHUNK, 2 * CHUNK)), "0 warms up"
    assert chunks_of(tmp_path) == chunks_of(undisturbed)


def test_fewer_than_are_there_is_refused(undisturbed: Path) -> None:
    """A folder does not shrink: the refusal names how many trials it holds, and nothing in it changes."""
    before = chunks_of(undisturbed)
    assert f"--trials: found 10; allowed: {TRIALS} or more" in refused(undisturbed, 10)
    assert chunks_of(undisturbed) == before


def test_another_scenario_or_seed_is_refused_by_key(undisturbed: Path) -> None:
    """Each key that differs is named with the value there and the one asked for; nothing in the folder changes."""
    before = {p.name: p.read_bytes() for p in undisturbed.iterdir()}
    said = refused(undisturbed, TRIALS, 2, {"effect.rate_ratio": 0.6})
    path = undisturbed / "run.json"
    assert said.splitlines() == [
        f"{path}: seed: found 1; allowed: 2 as asked, or another folder",
        f"{path}: effect.rate_ratio: found 0.7; allowed: 0.6 as asked, or another folder",
    ]
    assert {p.name: p.read_bytes() for p in undisturbed.iterdir()} == before


def test_a_folder_of_another_scenario_says_which(undisturbed: Path) -> None:
    """The scenario that a folder holds is named before the keys in which it differs."""
    with pytest.raises(ShamtrialError) as told:
        power(scenario("bench/j2"), "bench/j2", TRIALS, out=undisturbed)
    first, *others = str(told.value).splitlines()
    assert first.endswith("run.json: name: found bench/j1; allowed: bench/j2 as asked, or another folder")
    assert others


def test_another_engine_version_is_refused(undisturbed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Trials of two engine versions never come to lie in one folder."""
    monkeypatch.setattr(runs, "ENGINE_VERSION", 999)
    assert re.search(r"run\.json: engine_version: found \d+; allowed: 999 as asked", refused(undisturbed, TRIALS))


@pytest.mark.parametrize("length", [3_000, 50_000])
def test_the_length_of_a_chunk_changes_no_figure(
    length: int, undisturbed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However many trials a file holds, figures and lines are the same; a folder with other files is refused."""
    usual = played(undisturbed, TRIALS)
    lines = open_run(undisturbed).to_frame()
    monkeypatch.setattr(chunks, "CHUNK", length)
    other = played(tmp_path, TRIALS, workers=2)
    assert len(chunks_of(tmp_path)) == -(-TRIALS // length)
    assert figures(other) == figures(usual)
    pd.testing.assert_frame_equal(open_run(tmp_path).to_frame(), lines)
    copied = shutil.copytree(undisturbed, tmp_path / "copied")
    assert "found a chunk of another run (chunk 10000)" in refused(copied, 10 * TRIALS)
    assert chunks_of(copied) == chunks_of(undisturbed)


def test_a_folder_of_another_format_is_refused(tmp_path: Path) -> None:
    """Files of an earlier version, which hold other numbers of trials, are left as they are."""
    played(tmp_path, 20)
    told = json.loads((tmp_path / "run.json").read_text())
    (tmp_path / "run.json").write_text(json.dumps(told | {"format": 1}))
    before = chunks_of(tmp_path)
    assert "run.json: format: found 1; allowed: 2 as asked, or another folder" in refused(tmp_path, 40)
    with pytest.raises(ShamtrialError, match=r"run\.json: format: found 1; allowed: 2"):
        verify(open_run(tmp_path))
    assert chunks_of(tmp_path) == before


def test_a_failed_trial_is_a_row(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A trial that raised stands in its chunk with its reason, and is read from it, not played again."""
    with monkeypatch.context() as patch:
        _fail_at(patch, 7, 1005)
        first = played(tmp_path, 1200)
    again = played(tmp_path, 1200)
    assert [(f.trial, f.message) for f in again.failed] == [(7, FAULT), (1005, FAULT)]
    assert again.failed == first.failed
    assert figures(again) == figures(first)
    frame = open_run(tmp_path).to_frame()
    assert len(frame) == 1200
    assert frame[frame["reason"] != ""][["trial", "outcome", "reason"]].to_numpy().tolist() == [
        [7, "failed", FAULT],
        [1005, "failed", FAULT],
    ]


def _truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def _spoil(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 3] ^= 1
    path.write_bytes(content)


@pytest.mark.parametrize("harm", [_truncate, _spoil, lambda path: path.write_bytes(b"")])
def test_a_damaged_chunk_is_put_aside_and_played_again(harm: object, undisturbed: Path, tmp_path: Path) -> None:
    """A chunk cut short, emptied or with one bit turned is named, kept under another name, and its trials played."""
    played(tmp_path, TRIALS)
    path = tmp_path / "estimates-000001.parquet"
    harm(path)  # type: ignore[operator]
    harmed = path.read_bytes()
    result = played(tmp_path, TRIALS)
    assert len(result.notes) == 1
    assert result.notes[0].startswith(f"{path}: found damaged (")
    assert (tmp_path / "estimates-000001.parquet.damaged").read_bytes() == harmed
    assert chunks_of(tmp_path) == chunks_of(undisturbed)
    assert result.read == TRIALS - CHUNK


def test_run_json_may_be_lost(undisturbed: Path, tmp_path: Path) -> None:
    """Without run.json the chunks say which run they are of: that run goes on, any other is refused."""
    played(tmp_path, 1500)
    (tmp_path / "run.json").unlink()
    assert "estimates-000000.parquet: found a chunk of another run (seed 1)" in refused(tmp_path, TRIALS, 2)
    (tmp_path / "run.json").unlink()
    assert played(tmp_path, TRIALS).read == 1500
    assert chunks_of(tmp_path) == chunks_of(undisturbed)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ('{"command": "pow', "a damaged file"),
        ('{"a": 1}', "a file of something else"),
        (
            '{"command": "power", "scenario": 5, "seed": 1, "engine_version": 5, "times": {}}',
            "a file of something else",
        ),
    ],
)
def test_a_run_json_that_cannot_be_read_stops_the_run(content: str, words: str, tmp_path: Path) -> None:
    """A damaged run.json, or one of other software, is named and left as it is."""
    (tmp_path / "run.json").write_text(content)
    assert f"{tmp_path / 'run.json'}: found {words}" in refused(tmp_path, 20)
    assert [p.name for p in tmp_path.iterdir()] == ["run.json"]
    assert (tmp_path / "run.json").read_text() == content


def test_a_scenario_that_was_harmed_is_one_line(tmp_path: Path) -> None:
    """Where tables are gone from run.json, these are named, not every key in them."""
    played(tmp_path, 20)
    told = json.loads((tmp_path / "run.json").read_text())
    del told["scenario"]["dropout"], told["scenario"]["effect"]
    (tmp_path / "run.json").write_text(json.dumps(told))
    path = tmp_path / "run.json"
    assert refused(tmp_path, 20) == (
        f"{path}: scenario: found nothing of dropout, effect; allowed: a whole one, or another folder"
    )


def test_what_a_killed_writer_left_goes(tmp_path: Path) -> None:
    """Half-written files of ours are swept out, hidden files of others stay."""
    played(tmp_path, 20)
    left = tmp_path / ".estimates-000003.parquet.4711.tmp"
    mine = tmp_path / ".mine.tmp"
    left.write_text("half")
    mine.write_text("mine")
    played(tmp_path, 20)
    assert (left.exists(), mine.read_text()) == (False, "mine")
    with store.whole(tmp_path / "x.json") as scratch:
        assert store.SCRATCH.fullmatch(scratch.name)
        scratch.write_text("{}")


def test_other_files_are_left_alone(tmp_path: Path) -> None:
    """Files of other names in the folder stay as they are; chunks without a stamp are not taken for ours."""
    (tmp_path / "notes.txt").write_text("mine")
    played(tmp_path, 20)
    assert (tmp_path / "notes.txt").read_text() == "mine"
    other = tmp_path / "other"
    other.mkdir()
    pd.DataFrame({"trial": [0]}).to_parquet(other / "estimates-000000.parquet")
    assert "found a chunk of another run (without a stamp)" in refused(other, 20)


def test_a_full_disk_is_told_and_loses_nothing(
    undisturbed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the disk is full at the second chunk, the run stops and says so; the first is whole, and it can go on."""
    usual = os.fsync
    with monkeypatch.context() as patch:

        def full(descriptor: int) -> None:
            if (tmp_path / "estimates-000000.parquet").exists() and chunk_is_full(tmp_path):
                raise OSError(28, "No space left on device")
            usual(descriptor)

        patch.setattr(os, "fsync", full)
        assert "No space left on device); allowed: a file that can be written" in refused(tmp_path, TRIALS)
    assert chunks_of(tmp_path).keys() == {"estimates-000000.parquet"}
    assert [p.name for p in tmp_path.glob(".*")] == []
    assert played(tmp_path, TRIALS).read == CHUNK
    assert chunks_of(tmp_path) == chunks_of(undisturbed)


def chunk_is_full(folder: Path) -> bool:
    """Tell whether the first chunk has all its trials."""
    return open_run(folder).present >= CHUNK


def test_a_folder_is_written_by_one_process(tmp_path: Path) -> None:
    """While one process holds the folder, another is refused and told which; the lock goes with its holder."""
    with locked(tmp_path):
        assert holder(tmp_path) is not None
        said = refused(tmp_path, 20)
        assert f"--out: found {tmp_path}, written by process {os.getpid()} on " in said
    assert holder(tmp_path) is None
    assert list(tmp_path.iterdir()) == []


def test_a_lock_left_behind_is_told_apart(tmp_path: Path) -> None:
    """A lock of a dead process of this host is taken over; one of another host is refused with the way out."""
    path = tmp_path / ".lock"
    path.write_text(json.dumps({"pid": 1, "host": os.uname().nodename}))
    played(tmp_path, 20)
    assert not path.exists()
    path.write_text(json.dumps({"pid": 1, "host": "elsewhere"}))
    said = refused(tmp_path, 20)
    assert "written by process 1 on elsewhere" in said
    assert f"or {path} removed if that process is gone" in said


def test_what_was_played_is_written_now_and_then(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A part of a chunk is written while it fills, so that slow trials are not lost with a chunk of them."""
    monkeypatch.setattr(stream, "FLUSH_SECONDS", 0.0)
    seen: set[int] = set()
    usual = runs.Series.write

    def write(self: runs.Series, block: object) -> None:
        usual(self, block)  # type: ignore[arg-type]
        self.settle()
        seen.add(self.end)

    monkeypatch.setattr(runs.Series, "write", write)
    played(tmp_path, 1000)
    assert len(seen) > 3
    assert max(seen) == 1000


def _kill_and_resume(times: int, trials: int, folder: Path, cache: Path) -> int:
    """Kill a run again and again at random moments; then let it end. Give how often it was still going on."""
    rng = random.Random(20261122)
    command = (*COMMAND, "--trials", str(trials))
    hits = sum(killed(command, folder, rng.uniform(0.0, 0.25), cache) for _ in range(times))
    assert played(folder, trials).trials == trials
    return hits


def test_kill_9_three_times(tmp_path: Path) -> None:
    """A run killed with -9 at three random moments and resumed ends with the chunks of an undisturbed run."""
    played(tmp_path / "calm", 100_000)
    assert _kill_and_resume(3, 100_000, tmp_path / "killed", tmp_path) > 0
    assert chunks_of(tmp_path / "killed") == chunks_of(tmp_path / "calm")


@pytest.mark.slow
def test_kill_9_twenty_times(tmp_path: Path) -> None:
    """So does a run killed at twenty random moments."""
    played(tmp_path / "calm", 200_000)
    assert _kill_and_resume(20, 200_000, tmp_path / "killed", tmp_path) >= 15
    assert chunks_of(tmp_path / "killed") == chunks_of(tmp_path / "calm")


def test_ctrl_c_keeps_what_was_played(tmp_path: Path) -> None:
    """Ctrl-C ends a run with 130, keeps its trials, names the command that goes on, and that one ends it."""
    folder, trials = tmp_path / "out", 400_000
    command: Words = (*COMMAND, "--trials", str(trials), "--out", folder)
    process = start(*command, cache=tmp_path)
    deadline = time.monotonic() + 60.0
    while not (folder / "estimates-000001.parquet").exists() and time.monotonic() < deadline:
        time.sleep(0.01)
    os.kill(process.pid, signal.SIGINT)
    out, err = process.communicate(timeout=30)
    assert (process.returncode, out) == (130, "")
    first, second = err.splitlines()
    done = int(re.fullmatch(rf"stopped by Ctrl-C after (\d+) of {trials} trials", first)[1])  # type: ignore[index]
    assert second == f"{folder} keeps what was played; go on with: shamtrial {' '.join(map(str, command))}"
    present = open_run(folder).present
    assert CHUNK < present == done
    assert open_run(folder).state == "unfinished"
    assert alive(process.pid) == []
    assert played(folder, trials).read == present
    played(tmp_path / "calm", trials)
    assert chunks_of(folder) == chunks_of(tmp_path / "calm")


def test_a_seed_is_refused_before_a_folder_is_made(tmp_path: Path) -> None:
    """A request that can't be met leaves no folder behind."""
    with pytest.raises(ShamtrialError, match="--seed"):
        played(tmp_path / "new", 20, -1)
    assert not (tmp_path / "new").exists()
