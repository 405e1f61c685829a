"""Writes a run to a folder: run.json (the only file with times or machine) and Parquet, whole files or none."""

from __future__ import annotations

import json
import os
import platform
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sim.core.errors import ShamtrialError
from sim.engines.records import ENGINE_VERSION
from sim.scenario.schema import Scenario
from sim.study.performance import BLOCK
from sim.study.play import scenario_digest

if TYPE_CHECKING:
    import pandas as pd

    from sim.study.power import PowerResult
    from sim.study.simulate import SimulatedTrial

LIBRARIES = ("shamtrial", "numpy", "scipy", "simpy", "numba", "pandas", "pydantic", "pyarrow", "matplotlib")


def open_folder(out: str | Path) -> Path:
    """Make the folder if need be and make sure that it can be written, before any work is done for it."""
    if not str(out):
        raise ShamtrialError("--out: found ''; allowed: a folder that can be written")
    folder = Path(out)
    probe = folder / f".probe-{os.getpid()}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        probe.write_text("")
        probe.unlink()
    except OSError as error:
        reason = error.strerror or str(error)
        raise ShamtrialError(f"--out: found {folder} ({reason}); allowed: a folder that can be written") from None
    return folder


def write_text(path: Path, text: str) -> Path:
    """Write a whole file or none."""
    with _whole(path) as scratch:
        scratch.write_text(text, encoding="utf-8")
    return path


def write_frame(path: Path, frame: pd.DataFrame) -> Path:
    """Write a table as Parquet or CSV, by the path's ending; a whole file or none."""
    with _whole(path) as scratch:
        if path.suffix == ".csv":
            frame.to_csv(scratch, index=False)
        else:
            frame.to_parquet(scratch, index=False, engine="pyarrow")
    return path


@contextmanager
def _whole(path: Path) -> Iterator[Path]:
    """Give a scratch path that becomes `path` when the block ends well (fsync, rename), and goes when it does not."""
    scratch = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        yield scratch
        with scratch.open("rb+") as file:
            os.fsync(file.fileno())
        scratch.replace(path)
    except OSError as error:
        reason = error.strerror or str(error)
        raise ShamtrialError(f"--out: found {path} ({reason}); allowed: a file that can be written") from None
    finally:
        with suppress(OSError):
            scratch.unlink()


def write_run(
    folder: Path, command: str, scenario: Scenario, seed: int, result: dict[str, Any], elapsed: float
) -> Path:
    """Write run.json: what was run, on what, how long it took, and what came out."""
    content = {
        "command": command,
        "arguments": sys.argv[1:],
        "scenario": scenario.model_dump(mode="json"),
        "digest": scenario_digest(scenario),
        "seed": seed,
        "engine_version": ENGINE_VERSION,
        "versions": {"python": platform.python_version()} | {name: _version(name) for name in LIBRARIES},
        "platform": {"system": platform.system(), "machine": platform.machine(), "cores": os.cpu_count()},
        "times": {"finished": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()), "elapsed_s": round(elapsed, 3)},
        "result": result,
    }
    return write_text(folder / "run.json", json.dumps(content, indent=2) + "\n")


def write_power(folder: Path, result: PowerResult) -> list[Path]:
    """Write the estimates, one row a trial and endpoint, a block of 1,000 trials a file.

    Blocks that a longer run left in the folder are removed: what is there belongs to one run.
    """
    written = []
    for block in range((result.trials - 1) // BLOCK + 1):
        rows = result.estimates_frame(block * BLOCK, (block + 1) * BLOCK)
        written.append(write_frame(folder / f"estimates-{block:06d}.parquet", rows))
    for old in set(folder.glob("estimates-[0-9][0-9][0-9][0-9][0-9][0-9].parquet")) - set(written):
        old.unlink()
    return written


def write_tables(folder: Path, trial: SimulatedTrial, ending: str) -> list[Path]:
    """Write every table of a trial under its own name, as parquet or csv."""
    return [write_frame(folder / f"{name}.{ending}", table) for name, table in trial.tables.items()]


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "not installed"
