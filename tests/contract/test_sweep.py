"""`sweep` at the command line and in Python: JSON, table, files, one answer however it is run."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest

import sim
from sim.core.errors import RunError, ShamtrialError
from sim.study import play
from sim.study.hits import Hits
from sim.study.power import power
from tests.contract.commands import done, run
from tests.helpers import scenario

STUDY = """
scenario = "bench/j1"
trials = 60
[set]
randomisation.block_size = 10
[grid]
enrolment.target = [20, 40]
effect.rate_ratio = [0.3, 0.6, 1.0]
[reference]
effect.rate_ratio = 1.0
"""
KEYS = {"study", "scenario", "digest", "seed", "trials", "keys", "cells", "beliefs", "endpoints", "reference", "failed"}
CELL = {"cell", "label", "values", "digest", "trials", "short_trials", "failed", "endpoints", "beliefs"}
TIMED = ("elapsed_s", "trials_per_s", "read")


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep the user's cache out of it."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


@pytest.fixture
def study(tmp_path: Path) -> Path:
    """A small study."""
    path = tmp_path / "mine.toml"
    path.write_text(STUDY, encoding="utf-8")
    return path


def _untimed(found: dict[str, object]) -> dict[str, object]:
    return {key: value for key, value in found.items() if key not in TIMED}


def test_sweep_prints_the_contract(study: Path) -> None:
    """`sweep --json` prints one object: study, scenario, seed, trials, the swept keys, and each cell's endpoints."""
    found = done("sweep", study, "--json", "--workers", "1").json
    assert set(found) >= KEYS
    assert (found["study"], found["scenario"], found["trials"]) == ("mine", "bench/j1", 60)
    assert found["keys"] == ["enrolment.target", "effect.rate_ratio"]
    assert [tuple(c["values"].values()) for c in found["cells"]] == [(n, r) for n in (20, 40) for r in (0.3, 0.6, 1.0)]
    for cell in found["cells"]:
        assert set(cell) == CELL
        (p,) = cell["endpoints"].values()
        assert p["power"] * 60 == pytest.approx(round(p["power"] * 60))
        alone = cell["values"]["effect.rate_ratio"] == 1.0
        assert ("power_difference" in p) is not alone or p["power_difference"] == 0.0


def test_a_cell_is_the_power_run_of_its_scenario(study: Path) -> None:
    """Every figure of a cell is that of `power` for the same scenario, to the last bit; differences are theirs."""
    result = sim.sweep(study)
    small = {"randomisation.block_size": 10}
    powers = {}
    for cell in result.cells:
        own = scenario("bench/j1", small | cell.values)
        alone = power(own, trials=60, truth_trials=0)
        assert repr(cell.endpoints) == repr(alone.endpoints), cell.words
        assert cell.short_trials == alone.short_trials
        powers[cell.series] = alone.estimates[:, 0]["p"] < 0.05
    for cell in result.cells:
        other = result.reference_of(cell)
        assert other is not None
        assert other.values == cell.values | {"effect.rate_ratio": 1.0}
        off = powers[cell.series].astype(float) - powers[other.series]
        found = result.difference(cell, other, "arr_24m")
        assert found.value == pytest.approx(off.mean())
        assert found.mcse == pytest.approx(off.std() / 60**0.5)


def test_workers_and_engine_change_nothing(study: Path) -> None:
    """One worker, two, and the reference engine give the same figures."""
    one = done("sweep", study, "--trials", "6", "--json", "--workers", "1").json
    two = done("sweep", study, "--trials", "6", "--json", "--workers", "2").json
    reference = done("sweep", study, "--trials", "6", "--json", "--workers", "1", "--engine", "reference").json
    assert _untimed(one) == _untimed(two)
    assert _untimed(one) | {"engine": "reference"} == _untimed(reference)


def test_the_table_is_tidy(study: Path, tmp_path: Path) -> None:
    """A row a cell and endpoint, the swept keys as columns of numbers; sweep.csv and sweep.parquet are that table."""
    words = ("sweep", study, "--set", "endpoint[0].counts=reported", "--workers", "1", "--out", tmp_path / "out")
    out = done(*words).out
    result = sim.sweep(study, fixed={"endpoint[0].counts": "reported"})
    frame = result.to_frame()
    assert list(frame["enrolment.target"]) == [20, 20, 20, 40, 40, 40]
    assert frame["effect.rate_ratio"].dtype == float
    assert {"cell", "endpoint", "power", "mcse", "favourable_power", "estimate_mean", "bias", "power_difference",
            "difference_mcse", "difference_low", "difference_high", "trials", "short_trials",
            "failed"} <= set(frame.columns)  # fmt: skip
    parquet = pd.read_parquet(tmp_path / "out" / "sweep.parquet")
    pd.testing.assert_frame_equal(parquet, frame)
    csv = pd.read_csv(tmp_path / "out" / "sweep.csv")
    assert list(csv["power"]) == list(frame["power"])
    names = {p.name.partition("-")[0] for p in (tmp_path / "out").iterdir()}
    assert names == {"cell", "run.json", "sweep.csv", "sweep.parquet", "power.svg", "power.png", "cost.svg", "cost.png"}
    for part in (
        "beliefs: hrobjartsson",
        "difference (MCSE)",
        "The largest MCSE of a power is",
        f"{frame['power'][0]:.3f}",
    ):
        assert part in out
    assert "6 cells of bench/j1" in repr(result)


def test_truth_is_given_where_it_is_asked_for() -> None:
    """`truth_trials` gives bias and coverage in each cell; `beliefs` are each cell's own."""
    study = {"scenario": "sham_rct", "trials": 4, "truth_trials": 2, "set": {"enrolment.target": 12},
             "grid": {"belief.setting": ["hrobjartsson", "sceptical"]}}  # fmt: skip
    result = sim.sweep(study)
    assert [c.beliefs.setting for c in result.cells] == ["hrobjartsson", "sceptical"]
    assert result.beliefs == "beliefs: hrobjartsson; cells differ in them"
    assert not result.to_frame()[["truth", "bias"]].isna().any().any()
    json.dumps(result.to_dict(), allow_nan=False)


def test_listed_cells_keep_their_labels() -> None:
    """A list of cells has a column of labels, and is compared with the label that the study names."""
    study = {
        "scenario": "bench/j1",
        "trials": 20,
        "set": {"enrolment.target": 20, "randomisation.block_size": 20},
        "cell": [{"label": "as it is"}, {"label": "no effect", "effect.rate_ratio": 1.0}],
        "reference": {"label": "as it is"},
    }
    frame = sim.sweep(study).to_frame()
    assert list(frame["label"]) == ["as it is", "no effect"]
    assert list(frame["effect.rate_ratio"]) == [0.7, 1.0]
    assert frame["power_difference"][1] == pytest.approx(frame["power"][1] - frame["power"][0])


def test_what_cannot_be_run_is_refused(study: Path, tmp_path: Path) -> None:
    """Bad options end with status 2 and a message; no folder is left."""
    for words, said in (
        (("--trials", "0"), "--trials: found 0; allowed: 1 to"),
        (("--seed", "-1"), "--seed: found -1"),
        (("--workers", "0"), "--workers: found 0"),
        (("--set", "effect.rate_ratio=0.5"), "--set: effect.rate_ratio: found a key that [grid] moves"),
        (("--set", "effect.rate_rati=0.5"), "effect.rate_rati: found unknown key"),
    ):
        ran = run("sweep", study, *words)
        assert (ran.status, ran.out) == (2, ""), words
        assert said in ran.err
    assert run("sweep", study, "--seed", "-1", "--out", tmp_path / "new").status == 2
    assert not (tmp_path / "new").exists()


def test_a_cell_that_nobody_enters_ends_the_run() -> None:
    """A cell whose entry rule nobody meets is named before the other trials are played."""
    keys = {"eligibility.relapses_1y": [1, 50], "eligibility.relapses_2y": [50]}
    study = {"scenario": "sham_rct", "trials": 40, "set": {"enrolment.target": 12, "enrolment.max_days": 400.0}}
    with pytest.raises(RunError, match=r"nobody entered any of 20 trials of cell eligibility\.relapses_1y = 50, "):
        sim.sweep(study | {"grid": keys})


def test_failed_trials_are_told(study: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A trial that raises counts as no rejection and ends the command with 3; where all raise there is no result."""
    usual = play.Play.cohorts

    def cohorts(self: play.Play, trials: list[int], *more: object, **words: object) -> object:
        if 3 in trials and self.scenario.enrolment.target == 20:
            raise ValueError("the vein was not there")
        return usual(self, trials, *more, **words)  # type: ignore[arg-type]

    monkeypatch.setattr(play.Play, "cohorts", cohorts)
    ran = run("sweep", study, "--trials", "30", "--workers", "1", "--json")
    assert (ran.status, ran.err.count("failed: trial 3 of seed 1: ValueError: the vein was not there (cell-")) == (3, 3)
    assert ": enrolment.target = 20, effect.rate_ratio = 0.6)" in ran.err
    assert [c["failed"] for c in ran.json["cells"]] == [1, 1, 1, 0, 0, 0]
    assert "3 trials failed; they count as no rejection." in run("sweep", study, "--trials", "30").out
    monkeypatch.setattr(play.Play, "cohorts", lambda *_, **__: 1 / 0)
    with pytest.raises(ShamtrialError, match="ZeroDivisionError"):
        sim.sweep(study, trials=3)


def test_progress_tells_the_largest_error(study: Path) -> None:
    """While it runs a sweep tells the largest MCSE of a power over its cells."""
    from sim.study.sweep import sweep
    from sim.study.tally import Standing

    seen: list[float] = []

    def watch(label: str) -> object:
        return lambda progress, standing: seen.append(standing.largest_mcse) if isinstance(standing, Standing) else None

    result = sweep(study, watch=watch)  # type: ignore[arg-type]
    assert seen[-1] == max(p.mcse for cell in result.cells for p in cell.endpoints.values())
    assert all(isinstance(h, Hits) for cell in result.cells for h in cell.hits.values())
