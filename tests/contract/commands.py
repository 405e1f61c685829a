"""How the tests use the command line: in this process where that will do, as a process of its own where it must be."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest import mock

from sim import cli

ROOT = Path(__file__).resolve().parents[2]
SHAMTRIAL = [sys.executable, "-m", "sim.cli"]

SMALL = ("--set", "enrolment.target=12", "--set", "randomisation.block_size=4")
"""A trial small enough to be played in a few hundredths of a second."""


@dataclass(frozen=True)
class Ran:
    """What a command left behind."""

    status: int
    out: str
    err: str

    @property
    def json(self) -> dict[str, Any]:
        """The one JSON object on stdout; a NaN is not JSON."""
        found: dict[str, Any] = json.loads(self.out, parse_constant=_no_json)
        assert isinstance(found, dict)
        return found


def run(*arguments: str | Path) -> Ran:
    """Run a command in this process; whatever happens, no traceback is shown."""
    out, err = io.StringIO(), io.StringIO()
    words = ["shamtrial", *map(str, arguments)]
    status: object = None
    with mock.patch.object(sys, "argv", words), redirect_stdout(out), redirect_stderr(err):
        try:
            cli.main()
        except SystemExit as end:
            status = end.code
    assert isinstance(status, int), "the command line ends with an exit status"
    assert "Traceback" not in err.getvalue()
    return Ran(status, out.getvalue(), err.getvalue())


def done(*arguments: str | Path) -> Ran:
    """Run a command that must end well, silent on stderr."""
    ran = run(*arguments)
    assert (ran.status, ran.err) == (0, "")
    return ran


def start(*arguments: str | Path, cache: Path, **options: Any) -> subprocess.Popen[str]:
    """Start a command as a process with a process group of its own; its cache is under `cache`."""
    return subprocess.Popen(
        [*SHAMTRIAL, *map(str, arguments)],
        **{"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True, "cwd": ROOT, **options},
        start_new_session=True,
        env={**os.environ, "XDG_CACHE_HOME": str(cache), "COLUMNS": "80"},
    )


def alive(group: int) -> list[str]:
    """Give the command lines of the processes of a process group that still run (Linux)."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            state, _, pgrp = (folder / "stat").read_text().rpartition(")")[2].split()[:3]
            if int(pgrp) == group and state != "Z":
                found.append((folder / "cmdline").read_text().replace("\0", " "))
        except (OSError, ValueError):  # it ended while we looked
            continue
    return found


def _no_json(constant: str) -> object:
    raise AssertionError(f"{constant} is not JSON")
