"""Pictures of replays: a study's figures on one standardised axis, and all studies by how far out their results lie."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from sim.report import style
from sim.study.judge import RARE
from sim.study.replay import ReplayResult, Side
from sim.study.replay_words import label, predicted_words, published_words, verdict_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

NULL: Final = style.Look(style.BLUE, "", "o", "-")
CLAIMED: Final = style.Look(style.ORANGE, "", "s", "--")
NORMAL_90: Final = 3.29  # standard deviations from the 5% to the 95% point of a normal distribution
WIDEST: Final = 6.0


@dataclass(frozen=True)
class Row:
    """A figure on the standardised axis: low, middle, high of the replays with no effect and as claimed; published."""

    label: str
    published_words: str
    null_words: str
    claimed_words: str
    null: tuple[float, float, float]
    claimed: tuple[float, float, float] | None
    published: tuple[float, float]
    fitted: bool


def figure_rows(result: ReplayResult) -> list[Row]:
    """Put each figure on the axis: 0 is the median with no effect, 1 a standard deviation in the treatment's favour."""
    other = result.claimed.figures if result.claimed else [None] * len(result.figures)
    return [_row(judged, claimed) for judged, claimed in zip(result.figures, other, strict=True)]


def _row(judged: dict[str, Any], claimed: dict[str, Any] | None) -> Row:
    middle, (low, high) = judged["median"], judged["interval"]
    unit = judged["favours"] * ((high - low) / NORMAL_90 or abs(middle) or 1.0)

    def placed(one: dict[str, Any]) -> tuple[float, float, float]:
        ends = sorted((x - middle) / unit for x in one["interval"])
        return ends[0], (one["median"] - middle) / unit, ends[1]

    ends = sorted((x - middle) / unit for x in judged["published"])
    return Row(
        label(judged),
        published_words(judged),
        predicted_words(judged),
        predicted_words(claimed) if claimed else "",
        placed(judged),
        placed(claimed) if claimed else None,
        (ends[0], ends[1]),
        judged["used_for_fit"],
    )


def study_message(result: ReplayResult) -> str:
    """Say what a study's picture says, from its joint ranks."""
    words = {
        "ordinary": "is ordinary",
        "rare": "is rare",
        "at the edge": "is at the edge of the rare",
        "": "can't be tested",
    }
    with_none = "with no true effect" if result.null.no_effect else "with the effect put in"
    said = f"{result.study}: the published result {words[verdict_of(result.null)]} {with_none}"
    if result.claimed and verdict_of(result.null):
        claimed = verdict_of(result.claimed)
        if claimed == verdict_of(result.null):
            return f"{said}, and with the effect claimed too"
        return f"{said}, and {words[claimed]} with the effect claimed"
    return f"{said}: its figures were used to choose the scenario" if not verdict_of(result.null) else said


@style.drawn
def study_figure(result: ReplayResult) -> Figure:
    """Draw a row a figure: the middle 90% of the replays with no effect and as claimed, and what was published."""
    rows = figure_rows(result)
    figure = style.new_figure(11.0, 1.9 + 0.85 * max(len(rows), 1))
    axes = figure.subplots()
    style.headline(figure, study_message(result), 90)
    for y, row in enumerate(rows):
        _draw_row(axes, y, row, first=y == 0)
    limit = _limit(rows)
    axes.set_xlim(-limit, limit)
    axes.axvline(0.0, color=style.PALE, linewidth=1.0, zorder=0)
    axes.set_ylim(len(rows) - 0.45, -0.6)
    axes.set_yticks(range(len(rows)), [f"{r.label}{' *' if r.fitted else ''}" for r in rows])
    axes.set_xlabel("Standard deviations from the median with no effect; to the right: speaks more for the treatment")
    axes.annotate("replays: median (90%)", (1.005, -0.5), xycoords=axes.get_yaxis_transform(), va="center",
                  color=style.GREY, fontsize=style.SMALL)  # fmt: skip
    if rows:
        axes.legend(loc="lower left", bbox_to_anchor=(0.0, 1.0), ncols=3, borderaxespad=0.2)
    style.bare(axes, "bottom")
    style.footnote(figure, _note(result, rows), 150)
    return figure


def _limit(rows: Sequence[Row]) -> float:
    """Give how far the axis reaches: to all there is, but no farther than WIDEST."""
    reach: list[float] = [abs(x) for r in rows for x in (*r.null, *(r.claimed or ()), *r.published)]
    return min(max([2.5, *reach]) * 1.12, WIDEST)


def _draw_row(axes: Axes, y: int, row: Row, first: bool) -> None:
    sides = [(row.null, row.null_words, NULL, "no effect: median and 90% of replays")]
    if row.claimed:
        sides.append((row.claimed, row.claimed_words, CLAIMED, "with the effect claimed"))
    for k, ((low, middle, high), words, look, name) in enumerate(sides):
        place = y + (0.0 if len(sides) == 1 else -0.15 + 0.3 * k)
        axes.plot([low, high], [place, place], color=look.colour, linestyle=look.line, linewidth=3.0, zorder=2)
        axes.plot(middle, place, marker=look.marker, color=look.colour, markersize=7, linestyle="", zorder=3,
                  label=name if first else None)  # fmt: skip
        axes.annotate(words, (1.005, place), xycoords=axes.get_yaxis_transform(), va="center", color=style.INK,
                      fontsize=style.SMALL)  # fmt: skip
    low, high = (float(np.clip(x, -0.98 * WIDEST, 0.98 * WIDEST)) for x in row.published)
    axes.plot([low, high], [y, y], color=style.VERMILLION, linewidth=9.0, alpha=0.35, zorder=1)
    axes.plot(0.5 * (low + high), y, marker="D", color=style.VERMILLION, markeredgecolor="white", markersize=9,
              linestyle="", zorder=4, label="published" if first else None)  # fmt: skip
    axes.annotate(row.published_words, (0.5 * (low + high), y), xytext=(0, 12), textcoords="offset points",
                  ha="center", color=style.VERMILLION, fontweight="bold", fontsize=style.SMALL)  # fmt: skip


def _note(result: ReplayResult, rows: Sequence[Row]) -> str:
    joint = result.joint
    said = f"{result.trials:,} replays of {result.name}, {result.patients} patients each, seed {result.seed}. "
    if joint["tail_probability"] is not None:
        said += f"Jointly, {_percent(result.null)} of the replays with no effect lie as far out"
        said += f", {_percent(result.claimed)} with the effect claimed ({result.claim.words})" if result.claimed else ""
        said += ". "
    if not result.claim.words:
        said += "No effect is known to have been claimed. "
    said += f"{style.capital(result.beliefs.words)}. "
    return said + ("* used to choose the scenario: no test of it." if any(r.fitted for r in rows) else "")


def _percent(side: Side) -> str:
    joint = side.joint
    return f"{style.percent(joint['tail_probability'], 1)} (MCSE {100.0 * joint['mcse']:.1f})"


def all_message(results: Sequence[ReplayResult]) -> str:
    """Say of how many studies the result is ordinary with no effect, of those that can be tested."""
    found = [verdict_of(r.null) for r in results]
    tested, ordinary = len([f for f in found if f]), found.count("ordinary")
    return f"With no true effect the results of {ordinary} of {tested} studies are ordinary"


@style.drawn
def all_figure(results: Sequence[ReplayResult]) -> Figure:
    """Draw a row a study: the share of replays as far out as its result, with no effect and as claimed."""
    figure = style.new_figure(11.0, 1.9 + 0.5 * len(results))
    axes = figure.subplots()
    style.headline(figure, all_message(results), 90)
    least = 0.5 / max(r.trials for r in results)
    axes.set_xscale("log")
    axes.set_xlim(0.6 * least, 1.5)
    axes.axvspan(0.6 * least, RARE, color=style.PALE, alpha=0.6, linewidth=0.0, zorder=0)
    named: set[str] = set()
    for y, result in enumerate(results):
        sides = [(result.null, NULL, "no effect", -0.12), (result.claimed, CLAIMED, "with the effect claimed", 0.12)]
        if not verdict_of(result.null):
            words = "no test: all its figures were used to choose the scenario" if result.figures else "none to replay"
            axes.annotate(words, (0.8 * least, y), va="center", color=style.GREY)
            continue
        for side, look, name, shift in sides:
            if side:
                _mark(axes, y + shift, side, (look, least), "" if name in named else name)
                named.add(name)
    axes.set_yticks(range(len(results)), [f"{r.study} ({r.patients} patients)" for r in results])
    axes.set_ylim(len(results) - 0.4, -0.6)
    ticks = [t for t in (0.0001, 0.001, 0.01, 0.05, 0.2, 0.5, 1.0) if t >= 0.6 * least]
    axes.set_xticks(ticks, [f"{100.0 * t:g}%" for t in ticks])
    axes.minorticks_off()
    axes.set_xlabel("Share of replays at least as far out as the published figures, jointly (%, log scale; grey: rare)")
    axes.legend(loc="lower left", bbox_to_anchor=(0.0, 1.0), ncols=2, borderaxespad=0.2)
    style.bare(axes, "bottom")
    trials = max(r.trials for r in results)
    style.footnote(
        figure,
        f"{trials:,} replays of each study, seed {results[0].seed}. Bars: ±1.96 Monte Carlo standard errors; an arrow: "
        "none of the replays. An open or small study is ordinary more easily: it says less. "
        f"{style.capital('; '.join(dict.fromkeys(r.beliefs.words for r in results)))}.",
        150,
    )
    return figure


def _mark(axes: Axes, y: float, side: Side, drawn: tuple[style.Look, float], name: str) -> None:
    look, least = drawn
    tail, error = side.joint["tail_probability"], side.joint["mcse"]
    low, high = max(tail - style.Z95 * error, 0.6 * least), min(tail + style.Z95 * error, 1.0)
    place = max(tail, least)
    axes.plot([min(low, place), max(high, place)], [y, y], color=look.colour, linestyle=look.line, zorder=2)
    axes.plot(place, y, marker=look.marker if tail > 0.0 else "<", color=look.colour, markersize=8, linestyle="",
              zorder=3, label=name or None)  # fmt: skip
