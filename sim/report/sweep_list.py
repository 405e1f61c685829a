"""Power of cells that no number orders, one below the other, with what each differs by from the one compared with."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from sim.report import style
from sim.report.sweep import MOST_PANELS, endpoint_words, source
from sim.report.sweep_words import cell_words, cost, cost_message, message
from sim.study.sweep_result import CellResult, SweepResult

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MOST_DRAWN = 40


@style.drawn
def list_figure(result: SweepResult) -> Figure:
    """Draw the power of each cell, a panel an endpoint."""
    cells, endpoints = result.cells[:MOST_DRAWN], result.endpoints[:MOST_PANELS]
    width = 5.2 + 3.2 * len(endpoints)
    figure = style.new_figure(width, 2.4 + 0.34 * len(cells))
    all_axes = list(figure.subplots(1, len(endpoints), sharey=True, squeeze=False)[0])
    said = cost_message(result, endpoints[0]) if result.reference else message(result, endpoints[0])
    style.headline(figure, said, int(8.2 * width))
    for axes, endpoint in zip(all_axes, endpoints, strict=True):
        _cells(axes, result, cells, endpoint)
        axes.set_title(endpoint_words(result, endpoint), wrap=True)
    all_axes[0].set_yticks(np.arange(len(cells))[::-1], [cell_words(result, cell) for cell in cells])
    against = " Differences are paired trial by trial, ± MCSE." if result.reference else ""
    left = f" The first {MOST_DRAWN} cells are drawn." if len(result.cells) > MOST_DRAWN else ""
    note = f"{source(result)} Bars: ±1.96 MCSE.{against}{left}"
    style.footnote(figure, note, int(15.5 * width))
    return figure


def _cells(axes: Axes, result: SweepResult, cells: tuple[CellResult, ...], endpoint: str) -> None:
    for place, cell in zip(np.arange(len(cells))[::-1], cells, strict=True):
        if (p := cell.endpoints.get(endpoint)) is None:
            continue
        x, error = 100.0 * p.power, 100.0 * style.Z95 * p.mcse
        axes.errorbar(x, place, xerr=error, fmt="o", color=style.BLUE, markersize=7, capsize=3, linewidth=1.5)
        axes.annotate(_figure(result, cell, endpoint), (min(x + error, 100.0), place), xytext=(8, 0),
                      textcoords="offset points", va="center", fontsize=style.SMALL, annotation_clip=False)  # fmt: skip
    axes.set_ylim(-0.6, len(cells) - 0.4)
    axes.set_xlim(0.0, 100.0)
    axes.set_xlabel("Power (% of trials with p < alpha)")
    axes.grid(axis="x", color=style.PALE, linewidth=0.8)
    axes.set_axisbelow(True)
    style.bare(axes, "bottom")


def _figure(result: SweepResult, cell: CellResult, endpoint: str) -> str:
    power = style.percent(cell.endpoints[endpoint].power)
    found = cost(result, cell, endpoint)
    if found is None:
        return power
    if not found.apart:
        return f"{power} (all trials agree)"
    return f"{power} ({style.number(100.0 * found.value, 1, sign=True)} ± {100.0 * found.mcse:.1f})"
