"""`shamtrial runs` tells what folders hold, proves it, and gives it to other software."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import sim
from sim.core.errors import ShamtrialError
from sim.study import opened, recheck
from sim.study.chunks import CHUNK, read_chunk, write_chunk
from sim.study.lock import locked
from tests.contract.commands import done, run
from tests.resume.runs import SMALL, chunks_of, played

TRIALS = 13_000


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with two runs below it, one unfinished, and a run.json of something else."""
    parent = tmp_path_factory.mktemp("runs")
    played(parent / "whole", TRIALS)
    played(parent / "part", 40)
    told = json.loads((parent / "part" / "run.json").read_text())
    (parent / "part" / "run.json").write_text(json.dumps(told | {"result": None, "trials": 90}))
    (parent / "other").mkdir()
    (parent / "other" / "run.json").write_text("[]")
    return parent


def test_list_names_runs_and_how_far_they_are(folder: Path) -> None:
    """`runs list` has a line a run below the folder, with trials there and wanted, and passes over what is no run."""
    found = {Path(r["folder"]).name: r for r in done("runs", "list", folder, "--json").json["runs"]}
    assert {name: (r["state"], r["present"], r["trials"]) for name, r in found.items()} == {
        "part": ("unfinished", 40, 90),
        "whole": ("done", TRIALS, TRIALS),
    }
    out = done("runs", "list", folder).out
    assert "40 of 90" in out
    assert "13,000" in out
    with locked(folder / "part"):
        assert sim.open_run(folder / "part").state == "running"


def test_show_tells_a_run(folder: Path) -> None:
    """`runs show` gives command, seed, versions, trials, chunks and the result."""
    found = done("runs", "show", folder / "whole", "--json").json
    assert (found["command"], found["seed"], found["present"]) == ("power", 1, TRIALS)
    assert found["result"]["trials"] == TRIALS
    assert [(s["name"], s["chunks"], s["lines"]) for s in found["series"]] == [("estimates", 2, TRIALS)]
    assert "arr_24m: power" in done("runs", "show", folder / "whole").out
    assert "trials 40 of 90 (44%)" in done("runs", "show", folder / "part").out


@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_export_is_all_chunks_in_one_file(ending: str, folder: Path, tmp_path: Path) -> None:
    """`runs export` writes every line of every chunk, in order, numbers to the last bit."""
    done("runs", "export", folder / "whole", "--to", tmp_path / f"all.{ending}")
    path = tmp_path / f"all.{ending}"
    got = pd.read_csv(path, dtype=str) if ending == "csv" else pd.read_parquet(path)
    frame = sim.open_run(folder / "whole").to_frame()
    assert [int(trial) for trial in got["trial"]] == list(range(TRIALS))
    for name in ("value", "p", "n"):
        assert np.array_equal([float(x) for x in got[name]], frame[name], equal_nan=True)


def test_frames_of_some_trials(folder: Path) -> None:
    """A frame may be of some trials, across chunks; those of a run are those of the result."""
    stored = sim.open_run(folder / "whole")
    assert stored.to_frame(first=9_990, last=10_010)["trial"].tolist() == list(range(9_990, 10_010))
    assert stored.to_frame(first=50_000).empty
    assert [r.present for r in sim.runs(folder)] == [40, TRIALS]


def test_what_is_not_held_is_not_made_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """A run without a folder gives the estimates it holds, and says which those are when asked for more."""
    monkeypatch.setattr("sim.study.tally.KEPT", 1000)
    result = played(None, 1200)
    assert len(result.estimates_frame(0, 1000)) == 1000
    with pytest.raises(ShamtrialError, match=r"found trials up to 1200; allowed: up to 1000, .* out=DIR"):
        result.estimates_frame()


@pytest.mark.parametrize(
    ("words", "asked"),
    [((), 20), (("--trials", "0"), 0), (("--all",), TRIALS), (("--engine", "reference", "--trials", "3"), 3)],
)
def test_verify_passes_what_is_as_it_was(words: tuple[str, ...], asked: int, folder: Path) -> None:
    """`runs verify` plays a sample, or all, again, with either engine, and finds every bit as stored."""
    found = done("runs", "verify", folder / "whole", "--workers", "1", "--json", *words).json
    assert found["passed"]
    assert (len(found["replayed"]), found["present"], found["chunks"]) == (asked, TRIALS, 2)
    assert done("runs", "verify", folder / "whole", "--workers", "1", "--seed", "1").out.endswith("all as stored\n")


def test_verify_finds_the_trial_that_differs(tmp_path: Path) -> None:
    """One estimate changed in its last bit is found, with its trial, endpoint and both values; exit status 3."""
    played(tmp_path, 300)
    path = tmp_path / "estimates-000000.parquet"
    table, stamp = read_chunk(path)
    values = table["value"].to_numpy().copy()
    values[123] = np.nextafter(values[123], 1.0)
    write_chunk(path, table.set_column(table.column_names.index("value"), "value", [values]), stamp)
    ran = run("runs", "verify", tmp_path, "--all", "--workers", "1", "--json")
    (unlike,) = ran.json["unlike"]
    assert ran.status == 3
    assert (unlike["trial"], unlike["where"], unlike["stored"]) == (123, "arr_24m value", repr(float(values[123])))
    assert float(unlike["played"]) == np.nextafter(values[123], -1.0)
    assert "trial 123 of estimates, arr_24m value: stored" in run("runs", "verify", tmp_path, "--all").out


def test_verify_reads_every_chunk(tmp_path: Path) -> None:
    """A damaged chunk, and trials missing from a finished run, are told though no trial is played; nothing is moved."""
    played(tmp_path, TRIALS)
    path = tmp_path / "estimates-000000.parquet"
    path.write_bytes(path.read_bytes()[:-9])
    before = chunks_of(tmp_path)
    ran = run("runs", "verify", tmp_path, "--trials", "0", "--workers", "1", "--json")
    assert ran.status == 3
    assert [a["file"] for a in ran.json["amiss"]] == ["estimates-000000.parquet", "run.json"]
    assert f"{CHUNK} of which are not there" in ran.json["amiss"][1]["found"]
    assert chunks_of(tmp_path) == before


def test_replays_are_kept_and_verified(tmp_path: Path) -> None:
    """`replay --out` keeps the replays of both sides, goes on from them to the same figures, and is verified."""
    short = ("replay", "zamboni_2009", "--workers", "1", "--json")
    done(*short, "--trials", "6", "--out", tmp_path)
    grown = done(*short, "--trials", "12", "--out", tmp_path).out
    assert grown == done(*short, "--trials", "12").out
    assert set(chunks_of(tmp_path)) == {"claimed-000000.parquet", "null-000000.parquet"}
    found = done("runs", "verify", tmp_path, "--trials", "4", "--workers", "1", "--json").json
    assert (found["passed"], found["present"], len(found["replayed"])) == (True, 24, 8)
    ran = run(*short, "--trials", "5", "--out", tmp_path)
    assert (ran.status, "found 5; allowed: 12 or more" in ran.err) == (2, True)


def test_what_is_no_run_is_refused(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each folder, file name and number that will not do is refused with what would."""
    whole = str(folder / "whole")
    for words, said in (
        (("list", str(folder / "nowhere")), "allowed: a folder with runs in it or below"),
        (("show", str(tmp_path)), "allowed: the folder of a run"),
        (("show", str(folder / "other")), "a file of something else"),
        (("export", whole, "--to", str(tmp_path / "x.xlsx")), "ends in .csv or .parquet"),
        (("export", whole, "--to", f"{whole}/estimates-000000.parquet"), "the name of a chunk"),
        (("export", whole, "--to", str(tmp_path / "x.csv"), "--series", "nosuch"), "allowed: estimates"),
        (("export", whole, "--to", str(folder / "nowhere" / "x.csv")), "--to: found "),
        (("verify", whole, "--trials", "-1"), "--trials: found -1; allowed: 0 or more"),
    ):
        ran = run("runs", *words)
        assert (ran.status, ran.out) == (2, ""), words
        assert said in ran.err, words
    assert "found" in run("bias", "sham_rct", "--out", whole).err
    monkeypatch.setattr(recheck, "ENGINE_VERSION", 999)
    assert "allowed: 999" in run("runs", "verify", whole).err


def test_a_run_of_another_command_is_not_overwritten(folder: Path) -> None:
    """What writes a run.json of its own is refused in a folder that holds the chunks of a run, before it plays."""
    words = ("simulate", "bench/j1", *(w for k, v in SMALL.items() for w in ("--set", f"{k}={v}")))
    ran = run(*words, "--out", folder / "whole")
    assert (ran.status, "which holds the chunks of a run" in ran.err) == (2, True)


def test_trials_that_are_gone_are_not_passed_over(tmp_path: Path) -> None:
    """A chunk that is gone from a run that was done is told by list and show, and stops an export; of a run that is not
    done what there is comes out, and what is not is said."""
    played(tmp_path / "run", 2 * CHUNK + 40)
    (tmp_path / "run" / "estimates-000001.parquet").unlink()
    gap = "trials 10,000 to 19,999 of estimates are not there"
    assert done("runs", "list", tmp_path, "--json").json["runs"][0]["state"] == "incomplete"
    assert gap in done("runs", "show", tmp_path / "run").out
    words = ("runs", "export", tmp_path / "run", "--to", tmp_path / "all.csv")
    ran = run(*words)
    assert (ran.status, ran.out, (tmp_path / "all.csv").exists()) == (2, "", False)
    assert f"found a run that was done and has lost trials ({gap}); allowed: a whole one" in ran.err
    told = json.loads((tmp_path / "run" / "run.json").read_text())
    (tmp_path / "run" / "run.json").write_text(json.dumps(told | {"result": None}))
    assert done("runs", "list", tmp_path, "--json").json["runs"][0]["state"] == "unfinished"
    ran = run(*words)
    assert (ran.status, ran.err) == (0, f"{tmp_path / 'run'}: {gap}\n")
    assert list(pd.read_csv(tmp_path / "all.csv")["trial"]) == [*range(CHUNK), *range(2 * CHUNK, 2 * CHUNK + 40)]


def test_gaps_are_told_as_long_as_they_are() -> None:
    """A chunk cut short before another one leaves a gap, chunks that follow each other leave one."""
    assert list(opened._gaps("s", {0: CHUNK, 1: 40})) == []
    found = opened._gaps("s", {0: 10, 1: 40, 4: CHUNK, 6: 3})
    assert [(g.first, g.last) for g in found] == [(10, 9_999), (10_040, 39_999), (50_000, 59_999)]


def test_a_chunk_is_what_its_name_says(tmp_path: Path) -> None:
    """A chunk under another's name, one of another seed, and one of another version are refused where they are read."""
    one, two = tmp_path / "one", tmp_path / "two"
    played(one, CHUNK + 40)
    played(two, CHUNK + 40, seed=2)
    first, second = (one / f"estimates-00000{k}.parquet" for k in range(2))
    own = second.read_bytes()
    for content, said in (
        (first.read_bytes(), "found a damaged chunk (it begins with trial 0)"),
        ((two / second.name).read_bytes(), "found a chunk of another run (seed 2); allowed: chunks of this run"),
    ):
        second.write_bytes(content)
        with pytest.raises(ShamtrialError) as refused:
            sim.open_run(one).to_frame()
        assert f"{second}: {said}" in str(refused.value)
    second.write_bytes(own)
    told = json.loads((one / "run.json").read_text())
    (one / "run.json").write_text(json.dumps(told | {"format": 1}))
    with pytest.raises(ShamtrialError, match=r"run\.json: format: found 1; allowed: 2, as written now"):
        sim.open_run(one).to_frame(first=5)


SETS = [word for key, value in SMALL.items() for word in ("--set", f"{key}={value}")]


@pytest.mark.parametrize(
    ("words", "pattern"),
    [
        (("replay", "zamboni_2009", "--trials", "6"), "claimed-*"),
        (("bias", "bench/j1", *SETS, "--trials", "6"), "world-*1-000000*"),
        (("size", "bench/j1", "--precision", "0.5", "--no-parts"), "at-*"),
        (("compare", "bench/j1", "bench/j1:effect.rate_ratio=0.4", *SETS, "--trials", "6", "--truth-trials", "0"),
         "*-null-*"),
    ],
)  # fmt: skip
def test_a_series_that_is_gone_is_missed(words: tuple[str, ...], pattern: str, tmp_path: Path) -> None:
    """A run of several series is exported as one table with the series' names; one that has lost a series is
    incomplete, not exported, and does not pass `runs verify`; the same command plays it again."""
    folder = tmp_path / "run"
    command = (*words, "--workers", "1", "--out", str(folder))
    done(*command)
    assert sim.open_run(folder).state == "done"
    done("runs", "export", folder, "--to", tmp_path / "all.csv")
    counts = pd.read_csv(tmp_path / "all.csv", keep_default_na=False).groupby("series")["trial"].nunique().to_dict()
    assert counts == json.loads((folder / "run.json").read_text())["series"]
    assert len(counts) > 1
    gone = sorted(folder.glob(pattern))[0]
    kept = gone.read_bytes()
    gone.unlink()
    assert sim.open_run(folder).state == "incomplete"
    assert f"  0 of {counts[name := gone.stem[:-7]]:,} trials of {name} are there" in done("runs", "show", folder).out
    assert "are there); allowed: a whole one" in run("runs", "export", folder, "--to", tmp_path / "b.csv").err
    ran = run("runs", "verify", folder, "--trials", "1", "--workers", "1")
    assert (ran.status, "of which no trial is there" in ran.out) == (3, True)
    done(*command)
    assert gone.read_bytes() == kept
    assert sim.open_run(folder).state == "done"


def test_a_cell_is_not_taken_for_another(tmp_path: Path) -> None:
    """The chunk of one cell under the name of another, and one of another seed, are refused by an export."""
    study = {"scenario": "bench/j1", "set": SMALL, "grid": {"effect.rate_ratio": [0.4, 1.0]}}
    for seed in (1, 2):
        sim.sweep(study, trials=10, seed=seed, workers=1, out=tmp_path / str(seed))
    one, two = sorted((tmp_path / "1").glob("cell-*.parquet"))
    for other in (one, tmp_path / "2" / two.name):
        two.write_bytes(other.read_bytes())
        with pytest.raises(ShamtrialError, match=r"found a chunk of another run .*(digest|seed 2)"):
            sim.open_run(tmp_path / "1").to_frame()


@pytest.mark.parametrize(
    ("key", "value"), [("trials", "9"), ("cells", []), ("seed", "x"), ("digest", None), ("series", 3), ("settings", 1)]
)
def test_a_run_json_that_was_harmed_is_named(key: str, value: object, tmp_path: Path) -> None:
    """A value of the wrong kind is refused with its key, and ends no list of other runs."""
    for name in ("good", "harmed"):
        played(tmp_path / name, 10)
    path = tmp_path / "harmed" / "run.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {key: value}))
    for words in (("show",), ("verify",), ("export", "--to", str(tmp_path / "x.csv"))):
        ran = run("runs", words[0], tmp_path / "harmed", *words[1:])
        assert (ran.status, ran.err) == (
            2,
            f"{path}: {key}: found {json.dumps(value)}; allowed: what a run writes there\n",
        )
    assert [Path(r["folder"]).name for r in done("runs", "list", tmp_path, "--json").json["runs"]] == ["good"]


def test_a_run_without_chunks_is_not_verified(tmp_path: Path) -> None:
    """Where every chunk is gone, that is what is said."""
    played(tmp_path, 10)
    (tmp_path / "estimates-000000.parquet").unlink()
    assert "found no chunks; allowed: a run that has some" in run("runs", "verify", tmp_path).err
