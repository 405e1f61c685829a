"""What the terminal shows of run folders."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from sim.report.style import percent
from sim.study.opened import SeriesFound, StoredRun
from sim.study.vary import UNITS

MOST_SERIES, MOST_CELLS = 6, 30
HEADINGS = ("folder", "command", "scenario", "seed", "trials", "state", "engine", "MB")


def rows(runs: Sequence[StoredRun]) -> Iterator[tuple[str, ...]]:
    """Give a row a run."""
    for run in runs:
        told = run.told
        size = sum(s.bytes for s in run.series) / 1e6
        yield (
            str(run.folder),
            told["command"],
            str(told.get("name", "-")),
            str(told["seed"]),
            trials(run),
            run.state,
            str(told["engine_version"]),
            f"{size:.1f}",
        )


def trials(run: StoredRun) -> str:
    """Say how many trials are there, and of how many."""
    wanted = run.told.get("trials")
    if wanted is None:
        return f"{run.present:,}"
    return f"{run.present:,}" if run.present == wanted else f"{run.present:,} of {wanted:,}"


def lines(run: StoredRun) -> Iterator[str]:
    """Tell a run, a line a fact."""
    told = run.told
    yield f"{run.folder}: {told['command']} of {told.get('name', '-')}, {run.state}"
    yield f"  seed {told['seed']}, engine version {told['engine_version']}, digest {told['digest'][:12]}"
    yield f"  trials {trials(run)}" + _share(run)
    yield from _series(run)
    yield from (f"  {what}" for what in run.missing)
    times = told["times"]
    yield f"  started {times.get('started', '-')}, finished {times.get('finished', 'not yet')}"
    yield from (f"  put aside: {name}" for name in run.to_dict()["damaged"])
    yield from _results(told.get("result"))


def _series(run: StoredRun) -> Iterator[str]:
    """Tell a line a series, or the sum of them where they are many."""
    found = run.series
    if len(found) > MOST_SERIES:
        parts, lines, size = (sum(getattr(s, name) for s in found) for name in ("chunks", "lines", "bytes"))
        found = (SeriesFound(f"{len(found):,} series", parts, lines, size),)
    for series in found:
        yield (
            f"  {series.name}: {series.chunks:,} chunks, {series.lines:,} lines, {series.bytes / 1e6:.1f} MB "
            f"({series.bytes / max(series.lines, 1):.0f} bytes a line)"
        )


def _share(run: StoredRun) -> str:
    wanted = run.told.get("trials")
    return f" ({percent(run.present / wanted)})" if wanted and run.present < wanted else ""


def _results(result: Any) -> Iterable[str]:
    if isinstance(result, dict) and isinstance(result.get("sentences"), list):
        yield from (f"  {sentence}" for sentence in result["sentences"])
    if isinstance(result, dict) and "target_power" in result:
        yield _size(result)
    endpoints = result.get("endpoints") if isinstance(result, dict) else None
    if isinstance(endpoints, dict):
        for key, found in endpoints.items():
            yield f"  {key}: power {found['power']:.3f} (MCSE {found['mcse']:.3f})"
    cells = result.get("cells") if isinstance(result, dict) else None
    if isinstance(cells, list):
        yield from map(_cell, cells[:MOST_CELLS])
        if len(cells) > MOST_CELLS:
            yield f"  and {len(cells) - MOST_CELLS:,} more cells (sweep.csv)"


def _size(found: dict[str, Any]) -> str:
    """Tell the answer of a search for a size."""
    low, high = found["value_interval"]
    return (
        f"  {found['endpoint']}: {found['value']:,} {UNITS[found['vary']]} (95% interval {low:,} to {high:,}) reach "
        f"power {found['target_power']:g}; verified {found['power']:.3f} (MCSE {found['mcse']:.3f})"
    )


def _cell(cell: dict[str, Any]) -> str:
    """Tell a cell of a sweep: its name, what it has, and its powers."""
    own = cell["label"] or ", ".join(f"{key} = {value}" for key, value in cell["values"].items())
    powers = (f"{key} power {p['power']:.3f} (MCSE {p['mcse']:.3f})" for key, p in cell["endpoints"].items())
    return f"  {cell['cell']} ({own}): {', '.join(powers)}"
