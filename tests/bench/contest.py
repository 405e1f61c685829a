"""Runs programs in turn, round after round, and compares each with the first by the median of its rounds' ratios.

On a machine that others use too, what runs now and what ran a minute ago are not comparable; neighbours in one round
are. So every figure is the median of several rounds, and every ratio is taken within a round, then its median.
"""

from __future__ import annotations

import json
import math
import os
import shutil
import statistics
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
R_PACKAGES = {"MASS": "r-cran-mass", "survival": "r-cran-survival"}

Answer = dict[str, Any]
Command = Sequence[str]


class Skipped(Exception):  # noqa: N818 - named for what happened; it is not a fault
    """A row that cannot be run here, with the reason."""


@dataclass(frozen=True)
class Line:
    """One line of the table: a median with its range, and what it is of another line's."""

    what: str
    value: float
    unit: str
    lowest: float
    highest: float
    rounds: int
    ratio: float | None = None
    ratio_of: str = ""
    note: str = ""
    answers: list[Answer] = field(default_factory=list, repr=False)


def answer(command: Command, environment: Mapping[str, str] | None = None) -> Answer:
    """Run a program in a process of its own and give the JSON of its last line; RuntimeError with its last words."""
    own = os.environ | ONE_THREAD | dict(environment or {})
    done = subprocess.run(list(command), capture_output=True, text=True, env=own, cwd=ROOT, check=False)
    if done.returncode:
        said = done.stderr.strip().splitlines()[-1:] or ["nothing"]
        raise RuntimeError(f"status {done.returncode}: {said[0]}")
    found: Answer = json.loads(done.stdout.strip().splitlines()[-1])
    return found


def ours(scenario: str, *, seconds: float = 0.0, trials: int = 0, **options: object) -> list[str]:
    """Give the command that runs a study of ours; `set` takes a mapping of overrides."""
    command = [sys.executable, "-m", "tests.bench.ours", scenario]
    command += ["--trials", str(trials)] if trials else ["--seconds", str(seconds)]
    for name, value in options.items():
        if isinstance(value, Mapping):
            command += [part for key, v in value.items() for part in ("--set", f"{key}={json.dumps(v)}")]
        else:
            command += [f"--{name}", str(value)]
    return command


def r_program(name: str, package: str, trials: int, seed: int) -> list[str]:
    """Give the command that runs an R program of this folder; raises Skipped naming what is not installed."""
    lacking = missing_for_r(package)
    if lacking:
        raise Skipped(f"{name} left out: install {lacking}")
    return ["Rscript", "--vanilla", str(HERE / name), str(trials), str(seed)]


@cache
def missing_for_r(package: str) -> str:
    """Name the system package that R wants for this package of its own; "" if all is there."""
    if not shutil.which("Rscript"):
        return f"r-base-core and {R_PACKAGES[package]}"
    probe = f'quit(status = !requireNamespace("{package}", quietly = TRUE))'
    found = subprocess.run(["Rscript", "--vanilla", "-e", probe], capture_output=True, check=False)
    return R_PACKAGES[package] if found.returncode else ""


def in_turn(commands: Mapping[str, Command], rounds: int) -> dict[str, list[Answer]]:
    """Run every program once a round, the next round starting with the next of them."""
    names = list(commands)
    answers: dict[str, list[Answer]] = {name: [] for name in names}
    for turn in range(rounds):
        first = turn % len(names)
        for name in names[first:] + names[:first]:
            answers[name].append(answer(commands[name]))
    return answers


def lines(
    answers: Mapping[str, list[Answer]], key: str = "trials_per_s", unit: str = "trials/s", base: str = ""
) -> list[Line]:
    """Give a line a program: the median of one figure, and its ratio to that of the base (the last one if unnamed)."""
    base = base or list(answers)[-1]
    return [line(name, own, key, unit, None if name == base else answers[base], base) for name, own in answers.items()]


def line(
    what: str, answers: list[Answer], key: str, unit: str, base: list[Answer] | None = None, base_name: str = ""
) -> Line:
    """Give the line of one program."""
    values = [float(a[key]) for a in answers]
    ratio = None
    if base:
        ratio = statistics.median(v / float(b[key]) for v, b in zip(values, base, strict=True))
    return Line(
        what, statistics.median(values), unit, min(values), max(values), len(values), ratio, base_name if base else "",
        remark(answers), answers,
    )  # fmt: skip


def remark(answers: list[Answer]) -> str:
    """Tell the power in the longest round with its Monte Carlo error, so that all are seen to do the same job.

    The longest, not all of them: every round plays the same trials.
    """
    longest = max(answers, key=lambda a: float(a.get("trials", 0)))
    if longest.get("trials", 0) <= 1:
        return ""
    power = longest["power"]
    return f"power {power:.3f} ({math.sqrt(power * (1.0 - power) / longest['trials']):.3f})"
