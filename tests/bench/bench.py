"""Measures how fast studies run, beside other software, and writes a table and out/bench/bench.json.

    make bench
    make bench ARGS="--only j1,j2 --rounds 5 --seconds 4"

What is compared runs in turn, in processes of their own with one thread of linear algebra, start-up and first call left
out; figures are medians of the rounds, ratios medians of the rounds' ratios (tests/bench/contest.py). Run it on a quiet
machine. Without R its rows are left out, with a line that says what to install.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import platform
import sys
from collections.abc import Sequence
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from tests.bench.contest import ROOT, Line
from tests.bench.rows import SECTIONS, Options, Section, said

OUT = ROOT / "out" / "bench" / "bench.json"
LEAST_ROUNDS = 3
LEAST_WIDTH = 150
PACKAGES = ("numpy", "scipy", "numba", "statsmodels")


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure what was asked for; 1 if a section failed."""
    chosen, options, out = asked(arguments)
    console, found, failed = wide(), {}, []
    for section in chosen:
        console.print(f"measuring {section.__name__}: {first_line(section)}", highlight=False)
        try:
            found[section.__name__] = section(options)
        except Exception as error:
            failed.append(section.__name__)
            found[section.__name__] = [said(f"failed: {error}")]
    console.print(table(found), highlight=False)
    write(found, options, out)
    console.print(f"written to {out}", highlight=False)
    return 1 if failed else 0


def wide() -> Console:
    """Give a console on which a line of the table is a line, in a file too."""
    return Console(width=max(Console().width, LEAST_WIDTH))


def asked(arguments: Sequence[str] | None) -> tuple[list[Section], Options, Path]:
    """Read which sections, how long and how often."""
    names = {section.__name__: section for section in SECTIONS}
    reader = argparse.ArgumentParser(prog="make bench", description="Measure how fast studies run.")
    reader.add_argument("--only", default="", help=f"sections, comma between: {','.join(names)}")
    reader.add_argument(
        "--rounds", type=int, default=LEAST_ROUNDS, help=f"at least {LEAST_ROUNDS} for a figure to keep"
    )
    reader.add_argument("--seconds", type=float, default=2.0, help="about how long each run of ours takes")
    reader.add_argument(
        "--r-trials", type=int, default=300, help="trials in a run of glm.nb; the others' in proportion"
    )
    reader.add_argument("--workers", type=int, default=os.cpu_count() or 1, help="compared with one, in `threads`")
    reader.add_argument("--out", type=Path, default=OUT)
    read = reader.parse_args(arguments)
    wanted = [name.strip() for name in read.only.split(",") if name.strip()] or list(names)
    unknown = [name for name in wanted if name not in names]
    if unknown or read.rounds < 1 or read.seconds <= 0.0:
        reader.error(f"--only: found {','.join(unknown)}; allowed: {','.join(names)}" if unknown else "nothing to run")
    options = Options(read.rounds, read.seconds, read.r_trials, read.workers)
    return [names[name] for name in wanted], options, read.out


def first_line(section: Section) -> str:
    """Give what a section promises."""
    return (section.__doc__ or "").splitlines()[0]


def table(found: dict[str, list[Line]]) -> Table:
    """Lay out every line; a section begins with a rule."""
    made = Table("what", "median", "range", "unit", "ratio", "", header_style="bold", box=None, pad_edge=False)
    for column in made.columns[1:3] + made.columns[4:5]:
        column.justify = "right"
    for name, own in found.items():
        made.add_section()
        made.add_row(f"[bold]{name}[/bold]")
        for line in own:
            made.add_row(*cells(line))
    return made


def cells(line: Line) -> list[str]:
    """Give a line's cells."""
    if math.isnan(line.value):
        return [line.what]
    spread = f"{short(line.lowest)}-{short(line.highest)}" if line.rounds > 1 else ""
    ratio = "" if line.ratio is None else f"x {short(line.ratio)}"
    told = f"of {line.ratio_of}" if line.ratio is not None else ""
    return [line.what, short(line.value), spread, line.unit, ratio, "; ".join(t for t in (told, line.note) if t)]


def short(value: float) -> str:
    """Give a number with three digits, thousands with commas."""
    return f"{value:,.0f}" if abs(value) >= 100.0 else f"{value:.3g}"


def write(found: dict[str, list[Line]], options: Options, out: Path) -> None:
    """Keep every line, with each run's own figures, and what it was measured with."""
    document: dict[str, Any] = {
        "options": asdict(options),
        "python": platform.python_version(),
        "machine": platform.machine(),
        "cores": os.cpu_count(),
        "packages": {name: version(name) for name in PACKAGES},
        "sections": {name: [asdict(line) for line in own] for name, own in found.items()},
    }
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(json.dumps(without_nan(document), indent=1, allow_nan=False) + "\n", encoding="utf-8")


def without_nan(value: Any) -> Any:
    """Put null where JSON has no number."""
    if isinstance(value, dict):
        return {key: without_nan(v) for key, v in value.items()}
    if isinstance(value, list):
        return [without_nan(v) for v in value]
    return None if isinstance(value, float) and math.isnan(value) else value


if __name__ == "__main__":
    sys.exit(main())
