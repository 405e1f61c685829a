"""The command line under Ctrl-C, a killed parent, a closed pipe, a narrow terminal."""

from __future__ import annotations

import json
import os
import pty
import re
import signal
import time
from pathlib import Path

import pytest

from sim.report import console
from tests.contract.commands import SMALL, alive, done, start

LINUX = pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="looks at /proc for processes left behind")


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep the user's cache out of it."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


LONG = ("power", "sham_rct", *SMALL, "--trials", "1000000", "--truth-trials", "0")


@LINUX
@pytest.mark.parametrize("engine", ["compiled", "reference"])
@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize("whole_group", [True, False])
def test_ctrl_c_ends_at_once_with_130(engine: str, workers: int, whole_group: bool, tmp_path: Path) -> None:
    """SIGINT to the group (as the terminal sends it) or to the process ends a run within seconds; it says how to go on,
    and leaves whole chunks."""
    process = start(*LONG, "--engine", engine, "--workers", str(workers), "--out", tmp_path / "out", cache=tmp_path)
    _wait_for_work(process.pid, workers if engine == "reference" else 1, tmp_path / "out")
    (os.killpg if whole_group else os.kill)(process.pid, signal.SIGINT)
    out, err = process.communicate(timeout=10)
    assert (process.returncode, out) == (130, "")
    first, second = err.splitlines()
    assert re.fullmatch(r"stopped by Ctrl-C( after \d+ of 1000000 trials)?", first)
    assert second.startswith(f"{tmp_path / 'out'} keeps what was played; go on with: shamtrial power sham_rct ")
    _ends(process.pid)
    left = {p.name for p in (tmp_path / "out").iterdir()}
    assert "run.json" in left
    assert all(name.startswith("estimates-") for name in left - {"run.json"}), left


@LINUX
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_workers_do_not_outlive_a_killed_run(number: signal.Signals, tmp_path: Path) -> None:
    """However the parent goes, its workers go with it."""
    process = start(*LONG, "--engine", "reference", "--workers", "2", cache=tmp_path)
    _wait_for_work(process.pid, 2)
    os.kill(process.pid, number)
    process.communicate(timeout=10)
    _ends(process.pid)


def _wait_for_work(group: int, workers: int, out: Path | None = None) -> None:
    """Wait until the run has made its folder and started all its processes (fork server and tracker beside workers)."""
    deadline = time.monotonic() + 60.0
    while out and not out.exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    while len(alive(group)) < (workers + 3 if workers > 1 else 1) and time.monotonic() < deadline:
        time.sleep(0.05)
    time.sleep(3.0)


def _ends(group: int) -> None:
    deadline = time.monotonic() + 5.0
    while alive(group) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert alive(group) == []


def test_a_reader_that_leaves_costs_nothing(tmp_path: Path) -> None:
    """With stdout closed early (`| head -1`) a run still ends with 0, writes everything and complains of nothing."""
    folder = tmp_path / "out"
    process = start(
        "power", "sham_rct", *SMALL, "--trials", "2", "--truth-trials", "0", "--workers", "1", "--out", folder,
        cache=tmp_path,
    )  # fmt: skip
    assert process.stdout
    process.stdout.close()
    assert process.stderr
    assert (process.stderr.read(), process.wait(30)) == ("", 0)
    process.stderr.close()
    assert {p.name for p in folder.iterdir()} == {"estimates-000000.parquet", "run.json", "power.svg", "power.png"}


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
def test_a_full_disk_is_told(tmp_path: Path) -> None:
    """Output that can't be written ends with 2 and the reason, without a traceback."""
    with Path("/dev/full").open("w") as full:
        process = start("scenarios", "list", cache=tmp_path, stdout=full)
        _, err = process.communicate(timeout=30)
    assert (process.returncode, err) == (2, "standard output: No space left on device\n")


def test_the_table_fits_a_terminal_of_80_columns(tmp_path: Path) -> None:
    """At 80 columns each endpoint has one line with its whole name; the progress bar is on stderr alone."""
    ours, theirs = pty.openpty()
    process = start(
        "power", "sham_rct", *SMALL, "--trials", "3", "--truth-trials", "0", "--workers", "1",
        cache=tmp_path, stdout=theirs,
    )  # fmt: skip
    os.close(theirs)
    text = ""
    while True:
        try:
            text += os.read(ours, 65536).decode()
        except OSError:  # Linux' way to say that the other side is closed
            break
    os.close(ours)
    _, err = process.communicate(timeout=30)
    lines = re.sub(r"\x1b\[[0-9;]*m", "", text).replace("\r", "").splitlines()
    table = lines[: lines.index("")]
    assert max(map(len, table)) <= 80
    names = [line.split()[0] for line in table]
    assert names[4:] == ["arr_24m", "arr_24m_reported", "relapse_free_24m", "edss_24m", "msqol_physical_24m"]
    assert err == "", "a stderr that is no terminal gets no progress bar"


def test_progress_goes_to_stderr_only(tmp_path: Path) -> None:
    """With a terminal on stderr the bar with trials, rate, power and its MCSE is there; stdout stays JSON."""
    ours, theirs = pty.openpty()
    process = start(
        "power", "sham_rct", *SMALL, "--trials", "3", "--truth-trials", "0", "--workers", "1", "--json",
        cache=tmp_path, stderr=theirs,
    )  # fmt: skip
    os.close(theirs)
    out, _ = process.communicate(timeout=30)
    shown = os.read(ours, 65536).decode()
    os.close(ours)
    assert json.loads(out)["trials"] == 3
    for part in ("trials", "3/3", "/s", "power", "MCSE"):
        assert part in shown


def test_an_error_is_told_when_there_is_one() -> None:
    """While all trials so far reject, or none does, nothing is known of the error, and it is not said to be 0."""
    assert console._so_far(3, 3) == ", power 1.000 (MCSE -)"
    assert console._so_far(0, 3) == ", power 0.000 (MCSE -)"
    assert console._so_far(1, 4) == ", power 0.250 (MCSE 0.217)"


def test_square_brackets_are_text(tmp_path: Path) -> None:
    """Names that look like a terminal style are printed as they stand."""
    path = tmp_path / "m[red]y.toml"
    path.write_text(
        'extends = "bench/j1"\n[enrolment]\ntarget = 12\n[randomisation]\nblock_size = 4\n'
        '[[endpoint]]\nname = "arr_24m"\nid = "[/x] :smile:"\n',
        encoding="utf-8",
    )
    out = done("power", path, "--trials", "2", "--truth-trials", "0", "--workers", "1").out
    assert "m[red]y: 2 trials, seed 1" in out
    assert "[/x] :smile:" in out
