"""Power over two keys as a map with its figures written in, and where it passes 80% and 90%."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from sim.report import style
from sim.report.sweep import MOST_PANELS, endpoint_words, groups, levels, source
from sim.report.sweep_words import axis_label, level, message
from sim.study.sweep_result import CellResult, SweepResult

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Floats = NDArray[np.float64]

MARKS = ((0.8, "-"), (0.9, "--"))
BESIDE = 0.06  # of a cell
DARK = 0.5
"""From this power on the map is light, and figures are written in ink."""


@style.drawn
def map_figure(result: SweepResult, x: str, y: str) -> Figure:
    """Draw power over two keys, a panel for each endpoint and for cells alike in these two."""
    across, up = levels(result, x), levels(result, y)
    others = groups(result, [a for a in result.axes if a not in (x, y)])
    shown = [(e, words, cells) for words, cells in others.items() for e in result.endpoints][:MOST_PANELS]
    width, height = 2.4 + 0.75 * len(across), 2.9 + 0.5 * len(up)
    figure = style.new_figure(max(7.0, width * len(shown)), height)
    all_axes = list(figure.subplots(1, len(shown), squeeze=False)[0])
    inches = figure.get_size_inches()[0]
    style.headline(figure, message(result, shown[0][0]), int(8.2 * inches))
    passed = False
    for axes, (endpoint, words, cells) in zip(all_axes, shown, strict=True):
        table = _table([c for c in cells if endpoint in c.endpoints], endpoint, (x, across), (y, up))
        axes.pcolormesh(table, cmap="cividis", vmin=0.0, vmax=1.0, edgecolors="white", linewidth=0.5)
        _write(axes, table)
        passed = _borders(axes, table) or passed
        style.title(axes, " · ".join(filter(None, (endpoint_words(result, endpoint), words))), inches / len(shown))
        axes.set_xticks(np.arange(len(across)) + 0.5, [level(v) for v in across])
        axes.set_yticks(np.arange(len(up)) + 0.5, [level(v) for v in up])
        axes.tick_params(length=0.0)
        axes.set_xlabel(axis_label(result, x))
        axes.set_ylabel(axis_label(result, y, int(11.0 * (0.5 * len(up) + 0.9))) if axes is all_axes[0] else "")
        style.bare(axes, "")
    marks = " Thick line: 80% is passed; broken line: 90%." if passed else ""
    worst = max(p.mcse for cell in result.cells for p in cell.endpoints.values())
    note = f"{source(result)} Figures: power in % of trials, MCSE at most {100.0 * worst:.1f} points.{marks}"
    style.footnote(figure, note, int(15.5 * inches))
    return figure


def _table(cells: list[CellResult], endpoint: str, x: tuple[str, list[float]], y: tuple[str, list[float]]) -> Floats:
    """Give power by level of y (rows) and x (columns), NaN where there is no cell."""
    table = np.full((len(y[1]), len(x[1])), np.nan)
    for cell in cells:
        table[y[1].index(cell.level(y[0])), x[1].index(cell.level(x[0]))] = cell.endpoints[endpoint].power
    return table


def _write(axes: Axes, table: Floats) -> None:
    for (row, column), power in np.ndenumerate(table):
        if not np.isnan(power):
            colour = style.INK if power > DARK else "white"
            axes.text(column + 0.5, row + 0.5, _figure(float(power)), ha="center", va="center",
                      color=colour, fontsize=style.BODY)  # fmt: skip


def _figure(power: float) -> str:
    """Write a power in percent, with a digit more, cut off, where rounding would hide on which side of a line it is."""
    near = any(abs(power - mark) < 0.005 for mark, _ in MARKS)
    return f"{math.floor(1000.0 * power + 1e-9) / 10.0:.1f}" if near else style.percent(power).rstrip("%")


def _borders(axes: Axes, table: Floats) -> bool:
    """Draw the borders between cells that reach a power and neighbours that do not; tell whether there is one.

    Where a line stands already the next one is drawn beside it, on the side of more power.
    """
    drawn: set[tuple[float, ...]] = set()
    for mark, line in MARKS:
        above = np.where(np.isnan(table), False, table >= mark)
        for row, column in np.ndindex(*table.shape):
            for down, right in ((0, 1), (1, 0)):
                if row + down < len(table) and column + right < len(table.T):
                    beyond = bool(above[row + down, column + right])
                    if bool(above[row, column]) != beyond:
                        _border(axes, (row, column, down, right), line, beyond, drawn)
    return bool(drawn)


def _border(
    axes: Axes, edge: tuple[int, int, int, int], line: str, beyond: bool, drawn: set[tuple[float, ...]]
) -> None:
    """Draw the edge of a cell to the one below or to the right of it, `beyond` which there is more power, or before."""
    row, column, down, right = edge
    shift = (BESIDE if beyond else -BESIDE) * (edge in drawn)
    x = [column + 1.0 + shift] * 2 if right else [column, column + 1.0]
    y = [row + 1.0 + shift] * 2 if down else [row, row + 1.0]
    axes.plot(x, y, color=style.INK, linestyle=line, linewidth=2.6)
    drawn.add(edge)
