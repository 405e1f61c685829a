"""Writes to a run's folder: run.json (the only file with times or machine) and tables, whole files or none."""

from __future__ import annotations

import json
import os
import platform
import re
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sim.core.errors import ShamtrialError
from sim.engines.records import ENGINE_VERSION
from sim.scenario.schema import Scenario
from sim.study.play import scenario_digest

if TYPE_CHECKING:
    import pandas as pd

    from sim.study.simulate import SimulatedTrial

SCRATCH = re.compile(r"\..+\.(parquet|json|csv)\.[0-9]+\.tmp")
"""What a file is called while it is written: `whole` gives such a name."""
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
        reason = "a file" if isinstance(error, FileExistsError) else error.strerror or str(error)
        raise ShamtrialError(f"--out: found {folder} ({reason}); allowed: a folder that can be written") from None
    return folder


def emptied(out: str | Path) -> Path:
    """Give a folder without the run that was in it: run.json and chunks go, other files stay."""
    folder = open_folder(out)
    for path in (folder / "run.json", *folder.glob("estimates-[0-9][0-9][0-9][0-9][0-9][0-9].parquet")):
        path.unlink(missing_ok=True)
    return folder


def write_text(path: Path, text: str) -> Path:
    """Write a whole file or none."""
    with whole(path) as scratch:
        scratch.write_text(text, encoding="utf-8")
    return path


def write_frame(path: Path, frame: pd.DataFrame) -> Path:
    """Write a table as Parquet or CSV, by the path's ending; a whole file or none."""
    with whole(path) as scratch:
        if path.suffix == ".csv":
            frame.to_csv(scratch, index=False)
        else:
            frame.to_parquet(scratch, index=False, engine="pyarrow")
    return path


@contextmanager
def whole(path: Path, name_too: bool = True, option: str = "--out") -> Iterator[Path]:
    """Give a scratch path that becomes `path` when the block ends well, and goes when it does not.

    The file is brought to the disk before it is named, and its name after that (`name_too`), so that a power cut leaves
    the old file or the new one. ShamtrialError, which names the option, where that can't be.
    """
    scratch = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        yield scratch
        with scratch.open("rb+") as file:
            os.fsync(file.fileno())
        scratch.replace(path)
        if name_too:
            sync_folder(path.parent)
    except OSError as error:
        reason = error.strerror or str(error)
        raise ShamtrialError(f"{option}: found {path} ({reason}); allowed: a file that can be written") from None
    finally:
        with suppress(OSError):
            scratch.unlink()


def write_run(
    folder: Path, command: str, scenario: Scenario, seed: int, result: dict[str, Any], elapsed: float
) -> Path:
    """Write run.json: what was run, on what, how long it took, and what came out."""
    return write_json(
        folder / "run.json", run_content(command, scenario, seed, result, {"elapsed_s": round(elapsed, 3)})
    )


def write_json(path: Path, content: dict[str, Any]) -> Path:
    """Write one JSON object; a whole file or none."""
    return write_text(path, json.dumps(content, indent=2) + "\n")


def run_content(
    command: str, scenario: Scenario, seed: int, result: dict[str, Any] | None, times: dict[str, Any]
) -> dict[str, Any]:
    """Give what run.json says; a run that has a result has finished now."""
    finished = {"finished": now()} if result is not None else {}
    return {
        "command": command,
        "arguments": sys.argv[1:],
        "scenario": scenario.model_dump(mode="json"),
        "digest": scenario_digest(scenario),
        "seed": seed,
        "engine_version": ENGINE_VERSION,
        "versions": {"python": platform.python_version()} | {name: _version(name) for name in LIBRARIES},
        "platform": {"system": platform.system(), "machine": platform.machine(), "cores": os.cpu_count()},
        "times": finished | times,
        "result": result,
    }


def now() -> str:
    """Give the time, UTC, to the second."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())


def write_tables(folder: Path, trial: SimulatedTrial, ending: str) -> list[Path]:
    """Write every table of a trial under its own name, as parquet or csv."""
    return [write_frame(folder / f"{name}.{ending}", table) for name, table in trial.tables.items()]


def sync_folder(folder: Path) -> None:
    """Bring a folder's names to the disk, where a folder can be opened for that (not on Windows)."""
    with suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


@cache
def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "not installed"
