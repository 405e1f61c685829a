"""One patient's life on one page: what went on inside, what was seen of it, what was done."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from sim.report import style
from sim.report.life import Floats, Lifeline, Relapse, Span, Vein

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

ACTIVITY: Final = style.Look(style.ORANGE, "xxxx", "s", "-")
OPEN: Final = style.Look(style.GREEN, "", "s", "-")
MEDICATION: Final = style.Look(style.PURPLE, "\\\\\\\\", "s", "-")
LETTER_INCHES: Final = 0.078  # of small bold type
LANES_INCHES: Final = 9.3
VEIN_NAMES: Final = {"left_ijv": "Left jugular", "right_ijv": "Right jugular", "azygos": "Azygos"}


@style.drawn
def lifeline_figure(life: Lifeline) -> Figure:
    """Draw the life: lanes of what happened, then EDSS and MSQOL-54 physical, on one clock."""
    lanes = _lanes(life)
    names = max(row for _, row in _stacked(life))
    tall = 0.36 * len(lanes) + 0.22 * names
    figure = style.new_figure(11.0, 4.6 + tall)
    heights = [tall, 1.7, 1.3]
    events, edss, quality = figure.subplots(3, 1, sharex=True, height_ratios=heights)
    style.headline(figure, life.message, 92)
    _draw_lanes(events, life, lanes)
    _draw_edss(edss, life)
    _draw_quality(quality, life)
    quality.set_xlabel("Months from study day 1" if life.entered else "Months from screening")
    quality.set_xlim(life.start - 0.5, max(life.end, life.screening) + 0.8)
    first = math.ceil(life.start / 6.0) * 6
    ticks = range(int(first), math.floor(life.end) + 1, 6)
    quality.set_xticks(list(ticks), [style.number(t, 0) for t in ticks])
    for axes in (events, edss, quality):
        _moments(axes, life)
    _name_moments(events, life)
    events.tick_params(bottom=False)
    edss.tick_params(bottom=False)
    style.footnote(
        figure,
        "Discs are sized by severity; × is a pseudo-relapse or, at a vein, a failure to open it. High activity, true "
        "relapses and dashed curves are the patient's truth; recalled, reported and confirmed relapses and solid "
        "curves are what the trial sees.",
        130,
    )
    return figure


def _lanes(life: Lifeline) -> list[str]:
    lanes = ["High activity", "True relapses", "recalled", "reported", "confirmed"]
    lanes += [VEIN_NAMES.get(vein.name, vein.name) for vein in life.veins]
    return [*lanes, "Medication"]


def _draw_lanes(axes: Axes, life: Lifeline, lanes: list[str]) -> None:
    axes.set_yticks(range(len(lanes)), lanes)
    names = max(row for _, row in _stacked(life))
    axes.set_ylim(len(lanes) - 0.4, -1.5 - 0.62 * names)
    for lane in range(len(lanes)):
        axes.axhline(lane, color=style.PALE, linewidth=0.6, zorder=0)
    for span in life.active:
        _bar(axes, 0, span, life.start, ACTIVITY)
    for relapse in life.relapses:
        _draw_relapse(axes, relapse, life.start)
    for lane, vein in enumerate(life.veins, start=5):
        _draw_vein(axes, lane, vein, life)
    for span in life.medicated:
        _bar(axes, len(lanes) - 1, span, life.start, MEDICATION)
    style.bare(axes, "")


def _bar(axes: Axes, lane: int, span: Span, first: float, look: style.Look) -> None:
    """Draw a stretch of time in a lane, as far as it lies after `first`."""
    start = max(span.start, first)
    if span.end > start:
        axes.barh(
            lane, span.end - start, 0.55, start, color=look.colour, hatch=look.hatch, edgecolor="white", linewidth=0.0
        )


def _draw_relapse(axes: Axes, relapse: Relapse, first: float) -> None:
    if relapse.onset < first:
        return
    size = 45.0 if relapse.pseudo else 40.0 + 70.0 * min(relapse.severity, 4.0)
    times = (relapse.onset, relapse.recalled, relapse.reported, relapse.confirmed)
    for lane, time in enumerate(times, start=1):
        if math.isnan(time) or (relapse.pseudo and lane == 1):
            continue
        if relapse.pseudo:
            axes.scatter(time, lane, size, marker="x", color=style.VERMILLION, linewidth=2.0, zorder=3)
        else:
            face = {1: style.INK, 4: style.BLUE}.get(lane, "white")
            axes.scatter(time, lane, size, marker="o", facecolor=face, edgecolor=style.INK, linewidth=1.3, zorder=3)
    if not math.isnan(relapse.recalled):
        axes.plot([relapse.onset, relapse.recalled], [1, 2], color=style.GREY, linewidth=1.0, zorder=2)


def _draw_vein(axes: Axes, lane: int, vein: Vein, life: Lifeline) -> None:
    axes.barh(lane, life.end - life.start, 0.16, life.start, color="#BBBBBB", linewidth=0.0)
    words = "narrow" if vein.opened or not vein.failed else "narrow, could not be opened"
    box = {"facecolor": "white", "edgecolor": "none", "pad": 1.5}
    axes.text(life.start + 1.5, lane, words, fontsize=style.SMALL, color=style.GREY, va="center", bbox=box)
    for span in vein.opened:
        _bar(axes, lane, span, life.start, OPEN)
        if span.end - span.start > 3.0:
            at = (span.start + 0.4, lane)
            axes.text(*at, "open", va="center_baseline", fontsize=style.SMALL, color="white", fontweight="bold")
    if vein.failed:
        axes.scatter(vein.failed, [lane] * len(vein.failed), 34.0, marker="X", color=style.INK, zorder=3)


def _draw_edss(axes: Axes, life: Lifeline) -> None:
    axes.set_ylabel("EDSS (points)")
    _latent(axes, life.latent_months, life.latent_edss)
    axes.step(
        life.edss_months, life.edss, where="post", color=style.BLUE, marker="o", markersize=5.5, label="as examined"
    )
    highest = max([3.0, *life.edss, *life.latent_edss])
    axes.set_ylim(-0.25, math.ceil(highest) + 0.5)
    _name_lines(axes)
    style.bare(axes)


def _latent(axes: Axes, at: Floats, values: Floats) -> None:
    mark = "s" if len(at) == 1 else ""  # a single score makes no line
    axes.plot(at, values, color=style.ORANGE, linestyle="--", marker=mark, label="latent (true)")


def _draw_quality(axes: Axes, life: Lifeline) -> None:
    axes.set_ylabel("MSQOL-54\nphysical (points)")
    _latent(axes, life.latent_months, life.latent_quality)
    if len(life.quality_months):
        axes.plot(life.quality_months, life.quality, color=style.BLUE, marker="o", markersize=5.5, label="as answered")
    axes.set_ylim(0.0, 100.0)
    _name_lines(axes)
    style.bare(axes)


def _name_lines(axes: Axes) -> None:
    if axes.get_legend_handles_labels()[0]:
        axes.legend(loc="center left", bbox_to_anchor=(0.0, 0.5))


def _moments(axes: Axes, life: Lifeline) -> None:
    axes.axvline(life.screening, color=style.GREY, linewidth=1.0, linestyle=":", zorder=1)
    if life.entered:
        axes.axvline(0.0, color=style.INK, linewidth=1.2, zorder=1)
    for done in life.procedures:
        axes.axvline(done.time, color=style.VERMILLION, linewidth=1.2, linestyle="--", zorder=1)


@dataclass(frozen=True)
class _Name:
    """Words beside a line: where (months), what, in which colour, on which side of the line."""

    x: float
    words: str
    colour: str
    side: str = "left"


def _names(life: Lifeline) -> list[_Name]:
    """Give what stands above the lanes, in order of time."""
    names = [_Name(done.time, done.words, style.VERMILLION) for done in life.procedures]
    if life.entered and not names:
        names = [_Name(0.0, "study day 1", style.INK)]
    names.insert(0, _Name(life.screening, "screened", style.GREY, "right"))
    return [*names, _Name(life.end, life.status, style.INK, "right")] if life.entered else names


def _stacked(life: Lifeline) -> list[tuple[_Name, int]]:
    """Give each name its row, the lowest (0) in which it covers no other."""
    a_letter = LETTER_INCHES * (max(life.end, life.screening) - life.start) / LANES_INCHES
    taken: list[list[tuple[float, float]]] = []
    placed = []
    for name in _names(life):
        width = a_letter * (len(name.words) + 2)
        left = name.x - width if name.side == "right" else name.x
        free = (k for k, row in enumerate(taken) if all(left >= b or left + width <= a for a, b in row))
        row = next(free, len(taken))
        if row == len(taken):
            taken.append([])
        taken[row].append((left, left + width))
        placed.append((name, row))
    return placed


def _name_moments(axes: Axes, life: Lifeline) -> None:
    for name, row in _stacked(life):
        axes.annotate(
            name.words,
            (name.x, -0.95 - 0.62 * row),
            xytext=(4 if name.side == "left" else -4, 0),
            textcoords="offset points",
            ha=name.side,
            va="center",
            color=name.colour,
            bbox={"facecolor": "white", "edgecolor": "none", "pad": 0.5},  # later lines do not strike it through
            fontsize=style.SMALL,
            fontweight="bold",
        )
