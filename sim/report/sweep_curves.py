"""Power along a key, and what is lost along it, each with its Monte Carlo error as a ribbon."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from sim.report import style
from sim.report.sweep import Line, Panel, panels, source
from sim.report.sweep_words import axis_label, cost, cost_message, level, message
from sim.study.sweep_result import CellResult, SweepResult

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Floats = NDArray[np.float64]
Figures = Callable[[CellResult, str], tuple[float, float]]
"""Gives a cell's figure at an endpoint and its error, in percentage points."""

LOOKS = (
    style.Look(style.BLUE, "", "o", "-"),
    style.Look(style.VERMILLION, "", "s", "--"),
    style.Look(style.GREEN, "", "^", "-."),
    style.Look(style.PURPLE, "", "D", ":"),
    style.Look(style.ORANGE, "", "v", "-"),
    style.Look(style.SKY, "", "P", "--"),
    style.Look(style.INK, "", "X", "-."),
)
TARGETS = (80.0, 90.0)
GAP = 0.055
"""Names of lines stand at least so far apart, as a share of the axis."""


@style.drawn
def power_curves(result: SweepResult, x: str) -> Figure:
    """Draw power along a key, a line a level of the other keys."""
    shown = panels(result, x)
    figure, axes = _page(shown, message(result, shown[0].endpoint))
    null = any(cell.scenario.no_effect for cell in result.cells)
    for own, panel in zip(axes, shown, strict=True):
        for target in TARGETS:
            own.axhline(target, color=style.PALE, linewidth=1.0, zorder=0)
        if null:
            own.axhline(100.0 * result.scenario.study.alpha, color=style.GREY, linewidth=1.0, linestyle=":", zorder=0)
        _lines(own, panel, x, _power)
        own.set_ylim(0.0, 102.0)
        own.set_ylabel("Power (% of trials with p < alpha)" if own is axes[0] else "")
    level_line = " Dotted: alpha, what a true test finds with no effect." if null else ""
    _finish(figure, axes, result, x, f"Ribbons: ±1.96 MCSE. Pale lines: 80% and 90%.{level_line}")
    return figure


@style.drawn
def cost_figure(result: SweepResult, x: str) -> Figure:
    """Draw the power lost, or gained, along a key, against the level compared with, paired trial by trial."""
    shown = panels(result, x)
    figure, axes = _page(shown, cost_message(result, shown[0].endpoint))

    sign, label = _sign(result, shown)

    def moved(cell: CellResult, endpoint: str) -> tuple[float, float]:
        found = cost(result, cell, endpoint)
        return (sign * 100.0 * found.value, 100.0 * found.mcse) if found else (0.0, 0.0)

    for own, panel in zip(axes, shown, strict=True):
        own.axhline(0.0, color=style.INK, linewidth=0.8, zorder=0)
        _lines(own, panel, x, moved)
        own.set_ylabel(label if own is axes[0] else "")
    assert result.reference is not None
    against = f"Compared with {x} = {level(result.reference[1])} trial by trial; ribbons: ±1.96 MCSE of the difference."
    _finish(figure, axes, result, x, against)
    return figure


def _sign(result: SweepResult, shown: Sequence[Panel]) -> tuple[float, str]:
    """Tell whether what is drawn is lost or gained, by what most cells do, and name the axis for it."""
    cells = [(c, p.endpoint) for p in shown for line in p.lines for c in line.cells]
    found = [d.value for c, e in cells if (d := cost(result, c, e)) is not None]
    if sum(found) > 0.0:
        return 1.0, "More trials significant (percentage points)"
    return -1.0, "Power lost (percentage points)"


def _page(shown: Sequence[Panel], said: str) -> tuple[Figure, list[Axes]]:
    width = 8.2 if len(shown) == 1 else 4.8 * len(shown) + 0.6
    figure = style.new_figure(width, 5.2)
    axes = list(figure.subplots(1, len(shown), sharey=True, squeeze=False)[0])
    style.headline(figure, said, int(8.2 * width))
    for own, panel in zip(axes, shown, strict=True):
        style.title(own, panel.title, width / len(shown))
    return figure, axes


def _finish(figure: Figure, axes: Sequence[Axes], result: SweepResult, x: str, note: str) -> None:
    width = figure.get_size_inches()[0]
    for own in axes:
        own.set_xlabel(axis_label(result, x, int(6.5 * width / len(axes))))
        style.bare(own)
    style.footnote(figure, f"{source(result)} {note}", int(15.5 * width))


def _power(cell: CellResult, endpoint: str) -> tuple[float, float]:
    p = cell.endpoints[endpoint]
    return 100.0 * p.power, 100.0 * p.mcse


def _lines(axes: Axes, panel: Panel, x: str, figures: Figures) -> None:
    ends = []
    for line, look in zip(panel.lines, LOOKS, strict=False):
        at = np.array([float(cell.level(x)) for cell in line.cells])
        y, error = np.array([figures(cell, panel.endpoint) for cell in line.cells]).T
        axes.fill_between(at, y - style.Z95 * error, y + style.Z95 * error, color=look.colour, alpha=0.2, linewidth=0.0)
        axes.plot(at, y, color=look.colour, linestyle=look.line, marker=look.marker, markersize=5.5, zorder=3)
        ends.append((float(at[-1]), float(y[-1]), line, look))
    _ticks(axes, panel, x)
    if len(panel.lines) > 1:
        _name(axes, ends)


def _ticks(axes: Axes, panel: Panel, x: str) -> None:
    """Mark the levels themselves, as far as there is room for them."""
    at = sorted({float(cell.level(x)) for line in panel.lines for cell in line.cells})
    room = (at[-1] - at[0]) / 14.0
    kept = [at[0]]
    for value in at[1:]:
        if value - kept[-1] >= room:
            kept.append(value)
    axes.set_xticks(kept, [f"{value:g}" for value in kept])


def _name(axes: Axes, ends: Sequence[tuple[float, float, Line, style.Look]]) -> None:
    """Write each line's name at its right end, far enough from the next one."""
    low, high = axes.get_ylim()
    room = GAP * (high - low)
    places: list[float] = []
    for _, y, _, _ in sorted(ends, key=lambda end: end[1]):
        places.append(max(y, places[-1] + room) if places else y)
    right = max(end[0] for end in ends)
    for (_, _, line, look), place in zip(sorted(ends, key=lambda end: end[1]), places, strict=True):
        axes.annotate(
            line.words, (right, place), xytext=(9, 0), textcoords="offset points", annotation_clip=False,
            color=look.colour, fontsize=style.SMALL, fontweight="bold", va="center",
        )  # fmt: skip
