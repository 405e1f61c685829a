"""Power along a key, and what is lost along it, each with its Monte Carlo error as a ribbon."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Collection, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from sim.report import style
from sim.report.sweep import Panel, panels, source
from sim.report.sweep_words import axis_label, cost, cost_message, level, message
from sim.study.sweep_result import CellResult, SweepResult

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Floats = NDArray[np.float64]
Figures = Callable[[CellResult, str], tuple[float, float, float]]
"""Gives a cell's figure at an endpoint and the ends of its 95% interval, in percentage points."""

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
LEAST_RANGE = 4.0
SAME, WIDER, MOST_BELOW = 0.5, 1.6, 3
"""Lines that differ by less (in points) lie on each other; each that lies below is so much wider, up to three."""
SHORT, WRAPPED, BESIDE = 24, 36, 2.7
"""Letters of names that are written at the lines' ends, and of a line of longer ones; the inches that these take."""
GAP = 0.055
"""Names of lines stand at least so far apart, as a share of the axis."""


@style.drawn
def power_curves(result: SweepResult, x: str) -> Figure:
    """Draw power along a key, a line a level of the other keys."""
    shown = panels(result, x)
    figure, axes = _page(shown, message(result, shown[0].endpoint))
    looks = _looks(shown)
    null = any(cell.scenario.no_effect for cell in result.cells)
    for own, panel in zip(axes, shown, strict=True):
        for target in TARGETS:
            own.axhline(target, color=style.PALE, linewidth=1.0, zorder=0)
        if null:
            own.axhline(100.0 * result.scenario.study.alpha, color=style.GREY, linewidth=1.0, linestyle=":", zorder=0)
        _lines(own, panel, x, _power, looks)
        own.set_ylim(0.0, 102.0)
        own.set_ylabel("Power (% of trials with p < alpha)" if own is axes[0] else "")
    _name(figure, axes, shown, _power, looks)
    level_line = " Dotted: alpha, what a true test finds with no effect." if null else ""
    _finish(figure, axes, result, x, f"Ribbons: ±1.96 MCSE. Pale lines: 80% and 90%.{level_line}")
    return figure


@style.drawn
def cost_figure(result: SweepResult, x: str) -> Figure:
    """Draw the power lost, or gained, along a key, against the level compared with, paired trial by trial."""
    shown = panels(result, x)
    figure, axes = _page(shown, cost_message(result, shown[0].endpoint))

    sign, label = _sign(result, shown)
    looks = _looks(shown)

    def moved(cell: CellResult, endpoint: str) -> tuple[float, float, float]:
        found = cost(result, cell, endpoint)
        if found is None:
            return 0.0, 0.0, 0.0
        low, high = sorted(sign * 100.0 * end for end in found.interval)
        return sign * 100.0 * found.value, low, high

    for own, panel in zip(axes, shown, strict=True):
        own.axhline(0.0, color=style.INK, linewidth=0.8, zorder=0)
        _lines(own, panel, x, moved, looks)
        own.set_ylabel(label if own is axes[0] else "")
    axes[0].set_ylim(*_at_least(*axes[0].get_ylim()))  # of all panels
    _name(figure, axes, shown, moved, looks)
    assert result.reference is not None
    against = f"Compared with {x} = {level(result.reference[1])} trial by trial; ribbons: 95% Monte Carlo intervals."
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
    figure = style.new_figure(width + BESIDE * (not _short(_looks(shown))), 5.2)
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


def _power(cell: CellResult, endpoint: str) -> tuple[float, float, float]:
    p = cell.endpoints[endpoint]
    half = style.Z95 * p.mcse
    return 100.0 * p.power, 100.0 * (p.power - half), 100.0 * (p.power + half)


def _at_least(low: float, high: float) -> tuple[float, float]:
    """Widen an axis of differences that are next to nothing, so that they look it."""
    more = max(0.0, 0.5 * (LEAST_RANGE - (high - low)))
    return low - more, high + more


def _looks(shown: Sequence[Panel]) -> dict[str, style.Look]:
    """Give each line its look, the same in all panels, by its name."""
    names = dict.fromkeys(line.words for panel in shown for line in panel.lines)
    return {name: LOOKS[k % len(LOOKS)] for k, name in enumerate(names)}


def _short(names: Collection[str]) -> bool:
    """Tell whether names have room at the lines' ends; a single line needs none."""
    return len(names) < 2 or max(map(len, names)) <= SHORT


def _lines(axes: Axes, panel: Panel, x: str, figures: Figures, looks: dict[str, style.Look]) -> None:
    """Draw a panel's lines; of those that coincide the first is drawn widest, so that each is seen."""
    drawn = [np.array([figures(cell, panel.endpoint) for cell in line.cells]).T for line in panel.lines]
    for k, (line, (y, low, high)) in enumerate(zip(panel.lines, drawn, strict=True)):
        look, at = looks[line.words], [float(cell.level(x)) for cell in line.cells]
        over = [other for other in drawn[k + 1 :] if other.shape == drawn[k].shape and _same(other[0], y)]
        below = min(len(over), MOST_BELOW)
        if not any(_same(other, drawn[k]) for other in over):
            axes.fill_between(at, low, high, color=look.colour, alpha=0.2, linewidth=0.0)
        width, dot = 1.5 + WIDER * below, 5.5 + 1.8 * WIDER * below
        axes.plot(at, y, color=look.colour, linestyle="-" if over else look.line, marker=look.marker, linewidth=width,
                  markersize=dot, zorder=3, label=line.words)  # fmt: skip
    _ticks(axes, panel, x)


def _same(a: Floats, b: Floats) -> bool:
    """Tell whether figures lie on each other."""
    return bool(np.abs(a - b).max() < SAME)


def _ticks(axes: Axes, panel: Panel, x: str) -> None:
    """Mark the levels themselves, as far as there is room for them."""
    at = sorted({float(cell.level(x)) for line in panel.lines for cell in line.cells})
    room = (at[-1] - at[0]) / 14.0
    kept = [at[0]]
    for value in at[1:]:
        if value - kept[-1] >= room:
            kept.append(value)
    axes.set_xticks(kept, [f"{value:g}" for value in kept])


def _name(
    figure: Figure, axes: Sequence[Axes], shown: Sequence[Panel], figures: Figures, looks: dict[str, style.Look]
) -> None:
    """Name the lines: at their right ends where names are short, else once at the right of the picture."""
    if len(looks) < 2:
        return
    if _short(looks):
        for own, panel in zip(axes, shown, strict=True):
            _at_ends(own, panel, figures, looks)
        return
    found = {str(line.get_label()): line for own in axes for line in own.get_lines() if line.get_label() in looks}
    names = ["\n".join(textwrap.wrap(name, WRAPPED)) for name in found]
    figure.legend(list(found.values()), names, loc="outside right center", fontsize=style.SMALL)


def _at_ends(axes: Axes, panel: Panel, figures: Figures, looks: dict[str, style.Look]) -> None:
    """Write each line's name at its right end, far enough from the next one."""
    low, high = axes.get_ylim()
    room = GAP * (high - low)
    ends = sorted(((figures(line.cells[-1], panel.endpoint)[0], line) for line in panel.lines), key=lambda end: end[0])
    places: list[float] = []
    for y, _ in ends:
        places.append(max(y, places[-1] + room) if places else y)
    most = high
    for k in reversed(range(len(places))):  # what is above the axis is pushed down
        places[k] = min(places[k], most)
        most = places[k] - room
    right = axes.get_xlim()[1]
    for (_, line), place in zip(ends, places, strict=True):
        axes.annotate(
            line.words, (right, place), xytext=(4, 0), textcoords="offset points", annotation_clip=False,
            color=looks[line.words].colour, fontsize=style.SMALL, fontweight="bold", va="center",
        )  # fmt: skip
