"""Small runs to be stopped and resumed: how they are asked for, and what is compared."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from pathlib import Path

from sim.core.errors import ShamtrialError
from sim.study.power import PowerResult, power
from sim.study.runner import Workers
from tests.contract.commands import alive, start
from tests.helpers import EMPTY, scenario

Words = tuple[str | Path, ...]

SMALL = {"enrolment.target": 20, "randomisation.block_size": 20}
ASKED = ("bench/j1", *(word for key, value in SMALL.items() for word in ("--set", f"{key}={value}")))

COMMAND = ("power", *ASKED, "--truth-trials", "0", "--workers", "2")


def played(
    out: Path | None, trials: int, seed: int = 1, workers: Workers = 1, changes: Mapping[str, object] = EMPTY
) -> PowerResult:
    """Run a small trial so many times; without the truth."""
    own = scenario("bench/j1", {**SMALL, **changes})
    return power(own, "bench/j1", trials, seed=seed, workers=workers, truth_trials=0, out=out)


def chunks_of(folder: Path) -> dict[str, bytes]:
    """Give the chunk files by name."""
    return {p.name: p.read_bytes() for p in sorted(folder.glob("*.parquet"))}


def figures(result: PowerResult) -> list[dict[str, object]]:
    """Give what a run finds, to the last bit."""
    return [p.to_dict() for p in result.endpoints.values()]


def refused(out: Path, trials: int, seed: int = 1, changes: Mapping[str, object] = EMPTY) -> str:
    """Run what must be refused, and give the message."""
    try:
        played(out, trials, seed, changes=changes)
    except ShamtrialError as error:
        return str(error)
    raise AssertionError("nothing was refused")


def killed(command: Words, folder: Path, seconds: float, cache: Path) -> bool:
    """Start a run, kill it so long after it has made its folder; tell whether it was still going on."""
    process = start(*command, "--out", folder, cache=cache)
    deadline = time.monotonic() + 120.0
    while not (folder / "run.json").exists() and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.005)
    time.sleep(seconds)
    going = process.poll() is None
    os.kill(process.pid, 9)
    process.communicate(timeout=30)
    assert alive(process.pid) == []
    return going
