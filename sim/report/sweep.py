"""The pictures of a sweep, chosen by its shape: curves, a heat map, a list of cells, and what a mechanism costs."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sim.report import style
from sim.report.power import endpoint_label
from sim.report.sweep_words import level_words
from sim.scenario.study import LABEL
from sim.study.sweep_result import CellResult, SweepResult

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MOST_PANELS = 4
MOST_LINES = 7
FEWEST_IN_MAP = 3


@dataclass(frozen=True)
class Line:
    """Cells along a key, in order of its levels, alike in all else; `words` tells them from other lines."""

    words: str
    cells: tuple[CellResult, ...]


@dataclass(frozen=True)
class Panel:
    """What one pair of axes shows: an endpoint, and the lines of cells alike in what is not drawn."""

    endpoint: str
    title: str
    lines: tuple[Line, ...]


def save_sweep(result: SweepResult, folder: Path) -> list[Path]:
    """Draw a sweep's pictures into its folder."""
    return [path for name, figure in sweep_figures(result).items() for path in style.save(figure, folder, name)]


def sweep_figures(result: SweepResult) -> dict[str, Figure]:
    """Draw what the shape of a sweep allows: curves over a numeric key, else the cells in a list; a map of two keys of
    three levels or more; the cost along a numeric key that cells are compared along, else along the list."""
    from sim.report.sweep_curves import cost_figure, power_curves
    from sim.report.sweep_list import list_figure
    from sim.report.sweep_map import map_figure

    drawings: dict[str, Callable[[], Figure]] = {}
    x = along(result)
    if x is None or len(result.cells) == 1:
        drawings["power"] = lambda: list_figure(result)
    else:
        drawings["power"] = lambda: power_curves(result, x)
        if result.reference and result.reference[0] == x:
            drawings["cost"] = lambda: cost_figure(result, x)
    if (two := _map_keys(result)) is not None:
        drawings["map"] = lambda: map_figure(result, *two)
    return {name: draw() for name, draw in drawings.items()}


def along(result: SweepResult) -> str | None:
    """Give the numeric key that curves are drawn along: that of the reference, else the one of most levels."""
    numeric = numeric_axes(result)
    if result.reference and result.reference[0] in numeric:
        return result.reference[0]
    return max(numeric, key=lambda key: len(levels(result, key)), default=None)


def numeric_axes(result: SweepResult) -> list[str]:
    """Give the keys of the grid that have two numbers or more."""
    return [
        a for a in result.axes if a != LABEL and all(map(_is_number, levels(result, a))) and len(levels(result, a)) > 1
    ]


def levels(result: SweepResult, axis: str) -> list[Any]:
    """Give the levels of an axis: numbers in order, others as they come."""
    found: list[Any] = []
    for cell in result.cells:
        if (value := cell.level(axis)) not in found:
            found.append(value)
    return sorted(found) if all(map(_is_number, found)) else found


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _map_keys(result: SweepResult) -> tuple[str, str] | None:
    long = [key for key in numeric_axes(result) if len(levels(result, key)) >= FEWEST_IN_MAP]
    return (long[0], long[1]) if len(long) > 1 else None


def groups(result: SweepResult, axes: Sequence[str]) -> dict[str, list[CellResult]]:
    """Put cells together that are alike on these axes; by what they are called there ("" where there is none)."""
    found: dict[str, list[CellResult]] = {}
    for cell in result.cells:
        words = ", ".join(level_words(result, cell, axis) for axis in axes)
        found.setdefault(words, []).append(cell)
    return found


def panels(result: SweepResult, x: str) -> list[Panel]:
    """Give the panels of curves along `x`: a line a level of the next axis, or of all others where they are few."""
    others = [a for a in result.axes if a != x]
    if len(groups(result, others)) <= MOST_LINES:
        whole = [_panel(result, endpoint, "", result.cells, x, others) for endpoint in result.endpoints]
        return whole[:MOST_PANELS]
    line, *rest = others
    return list(_panels(result, x, line, rest))[:MOST_PANELS]


def _panels(result: SweepResult, x: str, line: str, rest: Sequence[str]) -> Iterator[Panel]:
    for words, cells in groups(result, rest).items():
        for endpoint in result.endpoints:
            yield _panel(result, endpoint, words, cells, x, [line])


def _panel(
    result: SweepResult, endpoint: str, words: str, cells: Sequence[CellResult], x: str, axes: Sequence[str]
) -> Panel:
    lines, inside = [], {id(cell) for cell in cells}
    for name, own in groups(result, axes).items():
        here = sorted((c for c in own if id(c) in inside and endpoint in c.endpoints), key=lambda c: c.level(x))
        if here:
            null = name and all(cell.scenario.no_effect for cell in here)
            lines.append(Line(f"{name} (no effect)" if null else name, tuple(here)))
    return Panel(endpoint, " · ".join(filter(None, (endpoint_words(result, endpoint), words))), tuple(_few(lines)))


def _few(lines: list[Line]) -> list[Line]:
    """Keep as many lines as can be told apart, the first and the last among them."""
    if len(lines) <= MOST_LINES:
        return lines
    step = (len(lines) - 1) / (MOST_LINES - 1)
    return [lines[round(k * step)] for k in range(MOST_LINES)]


def endpoint_words(result: SweepResult, key: str) -> str:
    """Name an endpoint in words."""
    cell = next(c for c in result.cells if key in c.endpoints)
    endpoint = next(e for e in cell.scenario.endpoint if e.key == key)
    return endpoint_label(cell.scenario, endpoint).replace("\n", ", ")


def source(result: SweepResult) -> str:
    """Say where a picture's numbers come from."""
    return (
        f"Study {result.study}: {len(result.cells):,} cells of scenario {result.name}, {result.trials:,} trials each, "
        f"the same trial numbers in all, seed {result.seed}. {style.capital(result.beliefs)}."
    )
