"""What the terminal shows of a sweep: a row a cell and endpoint."""

from __future__ import annotations

import math
from collections.abc import Iterator

from sim.report.console import print_table
from sim.report.style import number
from sim.report.sweep_words import cost, level, sentences, short
from sim.scenario.study import LABEL
from sim.study.hits import Difference
from sim.study.sweep_result import CellResult, SweepResult

MOST_ROWS = 100


def sweep_table(result: SweepResult) -> None:
    """Print the table of a sweep and what it says."""
    title = f"{result.study}: {len(result.cells):,} cells of {result.name}, {result.trials:,} trials each, "
    title += f"seed {result.seed}\n{result.beliefs}"
    rows = list(_rows(result))
    notes = [*sentences(result)]
    if len(rows) > MOST_ROWS:
        notes = [f"{len(rows) - MOST_ROWS:,} more rows: --json, or sweep.csv of --out DIR.", *notes]
    print_table(title, _headings(result), rows[:MOST_ROWS], notes)


def _headings(result: SweepResult) -> tuple[str, ...]:
    keys = ["cell" if axis == LABEL else short(result, axis) for axis in result.axes]
    several = ["endpoint"] if len(result.endpoints) > 1 else []
    against = ["difference (MCSE)"] if result.reference else []
    truth = ["bias (MCSE)", "coverage"] if _has_truth(result) else []
    return (*keys, *several, "power (MCSE)", *against, "estimate (SD)", *truth)


def _has_truth(result: SweepResult) -> bool:
    return any(not math.isnan(p.truth) for cell in result.cells for p in cell.endpoints.values())


def _rows(result: SweepResult) -> Iterator[tuple[str, ...]]:
    for cell in result.cells:
        for endpoint in cell.endpoints:
            yield _row(result, cell, endpoint)


def _row(result: SweepResult, cell: CellResult, endpoint: str) -> tuple[str, ...]:
    p = cell.endpoints[endpoint]
    found = [level(cell.level(axis)) for axis in result.axes]
    found += [endpoint] if len(result.endpoints) > 1 else []
    found.append(f"{p.power:.3f} ({p.mcse:.3f})")
    if result.reference:
        found.append(_against(cost(result, cell, endpoint)))
    found.append(f"{number(p.estimate_mean, 3, sign=True)} ({number(p.estimate_sd, 3)})")
    if _has_truth(result):
        found += [f"{number(p.bias, 3, sign=True)} ({number(p.bias_mcse, 3)})", number(p.coverage, 3)]
    return tuple(found)


def _against(found: Difference | None) -> str:
    """Write a difference; where no trial tells the cells apart it has no standard error."""
    if found is None:
        return "-"
    return f"{number(found.value, 3, sign=True)} ({found.mcse:.3f})" if found.apart else "0 (all trials agree)"
