"""A sweep that is stopped goes on where it was, grows by trials and by cells, and is told and proved by `runs`."""

from __future__ import annotations

import random
import time
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import sim
from sim.core.errors import ShamtrialError
from sim.study.chunks import CHUNK
from sim.study.opened import open_run
from sim.study.sweep_result import SweepResult
from tests.contract.commands import alive, done, run, start
from tests.resume.runs import chunks_of, killed

TRIALS = 12_000
SET = {"enrolment.target": 20, "randomisation.block_size": 20}
RATIOS = (0.4, 0.7, 1.0)
STUDY = """
scenario = "bench/j1"
[set]
enrolment.target = 20
randomisation.block_size = 20
[grid]
effect.rate_ratio = [0.4, 0.7, 1.0]
"""


def _study(*ratios: float, **more: Any) -> dict[str, Any]:
    return {"scenario": "bench/j1", "set": SET, "grid": {"effect.rate_ratio": [*ratios]}, **more}


def _swept(out: Path | None, trials: int, *ratios: float, workers: int = 1, seed: int = 1, **more: Any) -> SweepResult:
    return sim.sweep(_study(*(ratios or RATIOS), **more), trials=trials, seed=seed, workers=workers, out=out)


def _figures(result: SweepResult) -> str:
    return repr([(c.series, c.endpoints, c.short_trials) for c in result.cells])


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A sweep that nothing happened to."""
    folder = tmp_path_factory.mktemp("undisturbed")
    _swept(folder, TRIALS)
    return folder


def test_a_folder_changes_no_figure(undisturbed: Path) -> None:
    """With a folder, without one, and read back from it, a sweep gives the same figures to the last bit."""
    without, again = _swept(None, TRIALS), _swept(undisturbed, TRIALS)
    assert _figures(without) == _figures(again)
    assert (without.read, again.read) == (0, 3 * TRIALS)


def test_a_sweep_grows_by_trials_and_by_cells(undisturbed: Path, tmp_path: Path) -> None:
    """More trials and more values are added to what is there, which is read; chunks are those of one run."""
    _swept(tmp_path, 300, 0.4, 1.0)
    _swept(tmp_path, TRIALS, 0.4, 1.0, workers=2)
    result = _swept(tmp_path, TRIALS)
    assert result.read == 2 * TRIALS
    assert chunks_of(tmp_path) == chunks_of(undisturbed) | {
        name: content for name, content in chunks_of(tmp_path).items() if name == "sweep.parquet"
    }
    assert _figures(result) == _figures(_swept(undisturbed, TRIALS))


def test_another_sweep_is_refused(undisturbed: Path) -> None:
    """A lost cell, a changed base, another seed and fewer trials are each refused by name; nothing changes."""
    before = {p.name: p.read_bytes() for p in undisturbed.iterdir()}
    lost = open_run(undisturbed).told["cells"]
    for asked, said in (
        (
            partial(_swept, undisturbed, TRIALS, 0.4, 0.7),
            "found the cell of effect.rate_ratio = 1.0; allowed: kept",
        ),
        (partial(_swept, undisturbed, TRIALS, set=SET | {"dropout.hazard_per_year": 0.5}), "dropout.hazard_per_year"),
        (partial(_swept, undisturbed, TRIALS, seed=2), "seed: found 1; allowed: 2 as asked"),
        (partial(_swept, undisturbed, 10), f"--trials: found 10; allowed: {TRIALS} or more"),
    ):
        with pytest.raises(ShamtrialError) as refused:
            asked()
        assert said in str(refused.value)
        assert len(str(refused.value).splitlines()) == 1
    assert len(lost) == 3
    assert {p.name: p.read_bytes() for p in undisturbed.iterdir()} == before


def test_a_changed_base_is_told_once(undisturbed: Path) -> None:
    """What all cells are told from is not told again in each, though their own tables hold it too."""
    asked = _study(*RATIOS, set=SET | {"effect.onset_days": 30.0}) | {"grid": {"effect.rate_ratio": [0.4, 0.7, 1.0]}}
    with pytest.raises(ShamtrialError) as refused:
        sim.sweep(asked, trials=TRIALS, out=undisturbed)
    (said,) = str(refused.value).splitlines()
    assert said.endswith("run.json: effect.onset_days: found 0.0; allowed: 30.0 as asked, or another folder")


def test_runs_tells_and_proves_a_sweep(undisturbed: Path) -> None:
    """`runs list`, `show` and `verify` know a sweep's cells: trials in each of them, figures, bits."""
    (listed,) = done("runs", "list", undisturbed, "--json").json["runs"]
    assert (listed["present"], listed["trials"], listed["state"]) == (TRIALS, TRIALS, "done")
    shown = done("runs", "show", undisturbed).out
    assert shown.count("arr_24m power") == 3
    assert "(effect.rate_ratio = 0.4)" in shown
    found = done("runs", "verify", undisturbed, "--trials", "4", "--workers", "1", "--json").json
    assert (found["passed"], found["present"], len(found["replayed"])) == (True, 3 * TRIALS, 12)


def test_a_cell_that_is_behind_is_seen(tmp_path: Path) -> None:
    """The trials of a sweep that `runs` tells are those that every cell has."""
    _swept(tmp_path, 40)
    next(tmp_path.glob("cell-*.parquet")).unlink()
    assert open_run(tmp_path).present == 0
    ran = run("runs", "verify", tmp_path, "--trials", "2", "--workers", "1")
    assert (ran.status, "80 of 120 trials there" in ran.out) == (3, True)
    assert "of which no trial is there" in ran.out
    assert _swept(tmp_path, 40).read == 80


@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_a_sweep_is_exported_as_one_file(ending: str, undisturbed: Path, tmp_path: Path) -> None:
    """`runs export` writes all cells as one file, the cell's name and the keys they differ in as columns."""
    done("runs", "export", undisturbed, "--to", tmp_path / f"all.{ending}")
    path = tmp_path / f"all.{ending}"
    got = pd.read_csv(path) if ending == "csv" else pd.read_parquet(path)
    assert len(got) == 3 * TRIALS
    assert list(got.columns[:2]) == ["cell", "effect.rate_ratio"]
    result = _swept(undisturbed, TRIALS)
    for cell in result.cells:
        rows = got[got["cell"] == cell.series]
        assert set(rows["effect.rate_ratio"]) == {cell.values["effect.rate_ratio"]}
        assert list(rows["trial"]) == list(range(TRIALS))
        assert (rows["p"] < 0.05).sum() == round(cell.endpoints["arr_24m"].power * TRIALS)
    one = open_run(undisturbed).to_frame(result.cells[0].series)
    assert np.array_equal(one["p"], got[got["cell"] == result.cells[0].series]["p"], equal_nan=True)


def _kill_and_resume(times: int, trials: int, tmp_path: Path, longest: float) -> int:
    """Kill a sweep again and again at random moments, then let it end; its chunks must be those of one at peace."""
    study, calm, folder = tmp_path / "study.toml", tmp_path / "calm", tmp_path / "killed"
    study.write_text(STUDY, encoding="utf-8")
    sim.sweep(study, trials=trials, workers=2, out=calm)
    rng = random.Random(20261123)
    command = ("sweep", study, "--trials", str(trials), "--workers", "2")
    hits = sum(killed(command, folder, rng.uniform(0.0, longest), tmp_path) for _ in range(times))
    resumed = sim.sweep(study, trials=trials, workers=2, out=folder)
    assert _cells(folder) == _cells(calm)
    assert len(_cells(calm)) == 3 * -(-trials // CHUNK)
    assert _figures(resumed) == _figures(sim.sweep(study, trials=trials, out=calm))
    return hits


def _cells(folder: Path) -> dict[str, bytes]:
    return {name: content for name, content in chunks_of(folder).items() if name.startswith("cell-")}


def test_kill_9_three_times(tmp_path: Path) -> None:
    """A sweep killed with -9 at three random moments and resumed ends with the chunks of an undisturbed one."""
    assert _kill_and_resume(3, 100_300, tmp_path, 1.5) > 0


@pytest.mark.slow
def test_kill_9_twenty_times(tmp_path: Path) -> None:
    """So does one killed at twenty random moments."""
    assert _kill_and_resume(20, 300_300, tmp_path, 1.5) >= 15


def test_ctrl_c_keeps_what_was_played(tmp_path: Path) -> None:
    """Ctrl-C ends a sweep with 130, keeps its trials, and names the command that goes on."""
    study, folder = tmp_path / "study.toml", tmp_path / "out"
    study.write_text(STUDY, encoding="utf-8")
    words = ("sweep", str(study), "--trials", "500000", "--workers", "1", "--out", str(folder))
    process = start(*words, cache=tmp_path)
    deadline = time.monotonic() + 120.0
    while not list(folder.glob("cell-*-000001.parquet")) and time.monotonic() < deadline:
        time.sleep(0.01)
    process.send_signal(2)
    out, err = process.communicate(timeout=30)
    assert (process.returncode, out) == (130, "")
    first, second = err.splitlines()[-2:]
    assert first.startswith("stopped by Ctrl-C after ")
    assert first.endswith(" of 1500000 trials")
    assert second == f"{folder} keeps what was played; go on with: shamtrial {' '.join(words)}"
    assert open_run(folder).present >= 1000
    assert open_run(folder).state == "unfinished"
    assert alive(process.pid) == []
