"""A comparison that is stopped goes on where it was; it takes another design in, and loses none."""

from __future__ import annotations

import json
import math
import os
import time
from pathlib import Path
from typing import Any

import pytest

from sim.core.errors import ShamtrialError
from sim.scenario.variants import load_designs
from sim.study import play
from sim.study.compare import Comparison, compare
from sim.study.opened import open_run
from sim.study.recheck import verify
from sim.study.runner import Interrupted
from tests.contract.commands import alive, done, start
from tests.resume.runs import SMALL, Words, chunks_of

TRIALS = 23_000
ONE, TWO, THREE = "bench/j1", "bench/j1:effect.rate_ratio=0.4", "bench/j1:dropout.hazard_per_year=0.5"
SERIES = 4


def compared(
    out: Path | None, trials: int = TRIALS, designs: tuple[str, ...] = (ONE, TWO), **options: Any
) -> Comparison:
    """Compare small trials, by as many twin trials as will do."""
    return compare(load_designs(designs, SMALL), trials=trials, out=out, truth_trials=20, **options)


def result_of(folder: Path) -> dict[str, Any]:
    """Give what run.json says came out, but for what was read."""
    found: dict[str, Any] = json.loads((folder / "run.json").read_text())["result"]
    return {k: v for k, v in found.items() if k != "read"}


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A comparison that nothing happened to."""
    folder = tmp_path_factory.mktemp("undisturbed")
    compared(folder)
    return folder


def test_a_folder_changes_no_figure(undisturbed: Path) -> None:
    """With a folder, without one, and read back from it, a comparison gives the same to the last bit."""
    without, again = compared(None).to_dict(), compared(undisturbed)
    assert again.read == SERIES * TRIALS
    assert {k: v for k, v in again.to_dict().items() if k != "read"} == without == result_of(undisturbed)
    assert len(chunks_of(undisturbed)) == SERIES * 3


@pytest.mark.parametrize("after", [0, 15_000, 50_000])
def test_ctrl_c_loses_nothing(after: int, undisturbed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Stopped after so many trials, whatever design was being played, it resumes to the same bytes."""
    usual, done = play.Play.cohorts, {"trials": 0}

    def cohorts(self: play.Play, asked: Any, *rest: Any, **options: Any) -> Any:
        done["trials"] += len(asked)
        if done["trials"] > after:
            raise KeyboardInterrupt
        return usual(self, asked, *rest, **options)

    with monkeypatch.context() as patch:
        patch.setattr(play.Play, "cohorts", cohorts)
        with pytest.raises(Interrupted):
            compared(tmp_path)
    assert open_run(tmp_path).state == "unfinished"
    assert chunks_of(tmp_path) != chunks_of(undisturbed)
    assert compared(tmp_path).read > (0 if after else -1)
    assert chunks_of(tmp_path) == chunks_of(undisturbed)
    assert result_of(tmp_path) == result_of(undisturbed)


def test_limits_are_of_the_trials_that_are_held(monkeypatch: pytest.MonkeyPatch) -> None:
    """What null trials exclude is told of the first 100,000, which are held; shares are of all."""
    few = compared(None, 1000)
    monkeypatch.setattr("sim.study.tally.KEPT", 1000)
    many = compared(None, 3000)
    for own, short in zip(many.designs, few.designs, strict=True):
        assert own.null is not None
        assert short.null is not None
        assert own.null.every == short.null.every
        assert own.null.every.trials == 1000
        assert own.null.quiet == short.null.quiet
        assert own.null.rejects.mcse == pytest.approx(binomial_error(own.null.rejects.value, 3000))


def binomial_error(share: float, trials: int) -> float:
    """Give the standard error of a share of so many trials."""
    return math.sqrt(share * (1.0 - share) / trials)


def test_kill_9(tmp_path: Path) -> None:
    """Killed with -9 in the middle and given again, a comparison ends with the chunks of an undisturbed one."""
    trials, folder = 100_000, tmp_path / "killed"
    sets = tuple(word for key, value in SMALL.items() for word in ("--set", f"{key}={value}"))
    words: Words = ("compare", ONE, TWO, *sets, "--trials", str(trials), "--truth-trials", "20", "--out", folder)
    process = start(*words, cache=tmp_path)
    deadline = time.monotonic() + 60.0
    while len(list(folder.glob("*-000002.parquet"))) < 2 and time.monotonic() < deadline:
        time.sleep(0.01)
    assert process.poll() is None
    os.kill(process.pid, 9)
    process.communicate(timeout=30)
    assert alive(process.pid) == []
    assert 0 < compared(folder, trials).read < SERIES * trials
    compared(tmp_path / "calm", trials)
    assert chunks_of(folder) == chunks_of(tmp_path / "calm")


def test_it_grows_by_trials_and_by_designs(undisturbed: Path, tmp_path: Path) -> None:
    """More trials, and designs put in front or behind, are added to what is there, which is read."""
    compared(tmp_path, 700)
    assert compared(tmp_path, TRIALS, workers=2).read == SERIES * 700
    assert chunks_of(tmp_path) == chunks_of(undisturbed)
    more = compared(tmp_path, TRIALS, (THREE, TWO, ONE))
    assert more.read == SERIES * TRIALS
    assert more.to_dict()["pairs"] == compared(None, TRIALS, (THREE, TWO, ONE)).to_dict()["pairs"]
    assert chunks_of(undisturbed).items() <= chunks_of(tmp_path).items()


def test_null_trials_may_come_later(undisturbed: Path, tmp_path: Path) -> None:
    """A comparison without null trials takes them in afterwards; one that has them keeps them."""
    compared(tmp_path, null=False)
    assert compared(tmp_path).read == SERIES // 2 * TRIALS
    assert chunks_of(tmp_path) == chunks_of(undisturbed)
    with pytest.raises(ShamtrialError, match=r"cells\.bench-j1-[0-9a-f]{8}-null: found the cell of .*; allowed: kept"):
        compared(tmp_path, null=False)


def test_a_design_is_not_lost(undisturbed: Path) -> None:
    """A comparison asked for without one of its designs is refused by the design's series, and nothing changes."""
    before = {p.name: p.read_bytes() for p in undisturbed.iterdir()}
    with pytest.raises(ShamtrialError, match=r"run\.json: cells\.bench-j1-[0-9a-f]{8}: found the cell of .*; all"):
        compared(undisturbed, TRIALS, (ONE, THREE))
    assert {p.name: p.read_bytes() for p in undisturbed.iterdir()} == before


def test_another_seed_endpoint_or_fewer_trials_are_refused(undisturbed: Path) -> None:
    """Seed and endpoint are told key by key; a folder does not shrink."""
    for options, said in (
        ({"seed": 2}, "seed: found 1; allowed: 2 as asked"),
        ({"endpoint": "arr"}, 'settings.endpoint: found null; allowed: "arr" as asked'),
        ({"trials": 10}, f"--trials: found 10; allowed: {TRIALS} or more"),
    ):
        with pytest.raises(ShamtrialError) as refused:
            compared(undisturbed, **options)
        assert said in str(refused.value)


def test_show_tells_what_came_out(undisturbed: Path) -> None:
    """`runs show` has the series of each design and the three sentences; `runs list` names the first designs."""
    result = result_of(undisturbed)
    out = done("runs", "show", undisturbed).out
    assert all(f"  {d['series']}: 3 chunks" in out for d in result["designs"])
    assert all(sentence in out for sentence in result["sentences"])
    assert open_run(undisturbed).told["name"] == f"{ONE} v {TWO}"


def test_verify_plays_every_series_again(undisturbed: Path) -> None:
    """`runs verify` finds every design, with its effect and without, as it was played."""
    found = verify(open_run(undisturbed), 5)
    assert found.passed
    assert (found.chunks, len(found.replayed)) == (SERIES * 3, SERIES * 5)
