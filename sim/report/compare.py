"""Designs side by side: the tables of a comparison, and its picture."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from sim.report import style
from sim.report.console import print_table
from sim.scenario.variants import split_changes
from sim.study.compare import Compared, Comparison
from sim.study.compare_words import called, is_sure, is_untrue, percent, points, signed
from sim.study.exclude import Limit
from sim.study.paired import Pair

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

DESIGNS: Final = ("design", "patients", "power (MCSE)", "in favour", "estimate", "truth", "bias (MCSE)", "coverage")
PAIRS: Final = ("design", "power (MCSE)", "95% interval", "bias (MCSE)", "precision")
NULLS: Final = ("design", "rejects\n(MCSE)", "leave out\nthe truth", "half\nexclude", "90%\nexclude",
                "half, if none\nis found", "90%, if none\nis found")  # fmt: skip
LETTERS: Final = 24
"""Letters in a line of a label."""


def comparison_tables(r: Comparison) -> None:
    """Print a Comparison: a row a design, the differences from the first, trials with no effect, and sentences."""
    title = f"{r.endpoint}: {r.trials:,} trials of each design, the same candidates, seed {r.seed}\n{r.beliefs}"
    print_table(title, DESIGNS, map(_design_row, r.designs), _notes(r))
    first = called(r.designs[0].label)
    print_table(f"Less {first}; power in percentage points", PAIRS, map(_pair_row, r.against_first), [ABOUT_PAIRS])
    nulls = [row for d in r.designs for row in _null_row(d)]
    if nulls:
        print_table("The same trials with no effect: the effects they would exclude", NULLS, nulls, [ABOUT_NULLS])
    for line in r.sentences:
        click.echo(line)


ABOUT_PAIRS = (
    "MCSE: paired, trial by trial; precision: the power difference's variance with candidates of their own in each\n"
    "design, over the one it has on the same candidates\n"
)
ABOUT_NULLS = (
    "below each: 95% Monte Carlo interval; the truth: no effect; if none is found: of trials that do not reject\n"
)


def _design_row(d: Compared) -> tuple[str, ...]:
    p = d.performance
    return (
        _lines(d.label),
        f"{d.patients:,}",
        f"{p.power:.3f} ({p.mcse:.3f})",
        f"{p.favourable_power:.3f}",
        _signed(p.estimate_mean),
        _signed(p.truth),
        f"{_signed(p.bias)} ({_plain(p.bias_mcse)})",
        _plain(p.coverage),
    )


def _pair_row(p: Pair) -> tuple[str, ...]:
    low, high = (points(x) for x in p.interval)
    times = "all trials agree" if p.alike else f"{p.variance_ratio:.1f} x"
    return (
        _lines(p.b),
        f"{points(p.power_difference)} ({100.0 * p.mcse:.1f})",
        f"{low} to {high}",
        f"{_signed(p.bias_difference)} ({_plain(p.bias_mcse)})",
        "-" if math.isnan(p.variance_ratio) and not p.alike else times,
    )


def _null_row(d: Compared) -> Iterator[tuple[str, ...]]:
    if d.null:
        shown = [limit for e in (d.null.every, d.null.quiet) for limit in (e.half, e.most)]
        yield (
            _lines(d.label),
            f"{d.null.rejects.value:.3f}\n({d.null.rejects.mcse:.3f})",
            style.percent(d.null.left_out.value, 1),
            *(_limit(d, limit) for limit in shown),
        )


def _limit(d: Compared, limit: Limit) -> str:
    """Write what is excluded, with its Monte Carlo interval."""
    if not math.isfinite(limit.value):
        return "-"
    side = ">" if d.meaning.favourable > 0 else "<"
    low, high = (_on_scale(d, x) for x in (limit.lower, limit.upper))
    return f"{side} {_on_scale(d, limit.value)}\n{low} to {high}"


def _on_scale(d: Compared, x: float) -> str:
    if not math.isfinite(x):
        return "?"
    return f"{math.exp(x):.2f}" if d.meaning.scale == "log_ratio" else f"{x:.2f}"


def _notes(r: Comparison) -> Iterator[str]:
    for d in r.designs:
        scale = "log ratio" if d.meaning.scale == "log_ratio" else f"difference, {d.meaning.unit}"
        odd = ", ".join(f"{name} in {n:,}" for name, n in d.performance.outcomes.items() if name != "ok")
        yield f"{d.label}: {d.endpoint.key}, {scale}; {d.performance.method}" + (f"; {odd} trials" if odd else "")
        if d.short_trials:
            yield (
                f"{d.label}: in {d.short_trials:,} of {r.trials:,} trials enrolment closed on its last day before the "
                "target"
            )


def _lines(label: str, indent: str = "  ") -> str:
    """Give a label in short lines: the scenario, then each change; a long one is broken before its value."""
    name, _, changes = label.partition(":")
    if called(label) == label:
        return "\n".join(textwrap.wrap(label, LETTERS))
    lines = [line for change in split_changes(changes) for line in _change(change)]
    return "\n".join([*textwrap.wrap(name, LETTERS), *(f"{indent}{line}" for line in lines)])


def _change(change: str) -> list[str]:
    if len(change) <= LETTERS:
        return [change]
    key, _, value = change.partition("=")
    table, dot, last = key.rpartition(".")
    parts = [key] if len(key) <= LETTERS else [f"{table}{dot}", f"  {last}"]
    return [*(line for part in parts for line in _short(part)), *_short(f"  = {value}")]


def _short(text: str) -> list[str]:
    return textwrap.wrap(text, LETTERS + 2, subsequent_indent="  ")


def _plain(x: float) -> str:
    return "-" if math.isnan(x) else f"{x:.3f}"


def _signed(x: float) -> str:
    return "-" if math.isnan(x) else signed(x)


POWER: Final = style.YES
NULL: Final = style.Look(style.VERMILLION, "", "D", ":")
BOX: Final = {"facecolor": "white", "edgecolor": "none", "pad": 0.5}


def message(r: Comparison) -> str:
    """Say what the picture says: the largest difference in power from the first design, and whether it is bought by
    finding effects that are not there."""
    first = called(r.designs[0].label)
    best = max(r.against_first, key=lambda p: abs(p.power_difference))
    own = next(d for d in r.designs if d.label == best.b)
    if not is_sure(best):
        return f"No sure difference in power between {first} and {called(best.b)}"
    powers = [style.percent(d.performance.power, 1) for d in (own, r.designs[0])]
    said = f"{called(best.b)} finds an effect in {powers[0]} of trials, {first} in {powers[1]}"
    if own.null and is_untrue(own):
        said += f"; where there is none, it finds one in {style.percent(own.null.rejects.value, 1)}"
    return said


@style.drawn
def comparison_figure(r: Comparison) -> Figure:
    """Draw powers, with the share of null trials that reject, and beside them the paired differences."""
    figure = style.new_figure(11.5, 2.5 + 0.62 * len(r.designs))
    left, right = figure.subplots(1, 2, sharey=True, width_ratios=[1.15, 1.0])
    style.headline(figure, message(r), 88)
    _draw_powers(left, r)
    _draw_differences(right, r)
    left.set_yticks(range(len(r.designs)), [_lines(d.label, "") for d in r.designs])
    left.set_ylim(len(r.designs) - 0.5, -0.6)
    style.footnote(
        figure,
        f"{r.endpoint}, {r.trials:,} trials of each design on the same candidates, seed {r.seed}; {r.beliefs}. Bars: "
        "95% Monte Carlo intervals; pale: what the interval would be with candidates of their own in each design.",
        140,
    )
    return figure


def _draw_powers(axes: Axes, r: Comparison) -> None:
    for y, d in enumerate(r.designs):
        p = d.performance
        label = "with the design's effect" if y == 0 else None
        _mark(axes, 100.0 * p.power, y - 0.09, 100.0 * p.mcse, POWER, POWER.colour, label)
        axes.annotate(percent(p.power), (100.0 * p.power, y - 0.09), xytext=(0, 7), ha="center",
                      textcoords="offset points", color=POWER.colour, fontweight="bold", zorder=4,
                      bbox=BOX)  # fmt: skip
        if d.null:
            null = d.null.rejects
            label = "with no effect" if y == 0 else None
            _mark(axes, 100.0 * null.value, y + 0.2, 100.0 * null.mcse, NULL, "white", label)
    axes.axvline(100.0 * r.designs[0].scenario.study.alpha, color=style.GREY, linewidth=1.0, linestyle=":", zorder=1)
    axes.set_xlim(0.0, 103.0)
    axes.set_xlabel("Trials that reject (%)")
    axes.legend(loc="lower left", bbox_to_anchor=(0.0, 1.0), ncols=2, borderaxespad=0.0)
    style.bare(axes, "bottom")


def _draw_differences(axes: Axes, r: Comparison) -> None:
    axes.axvline(0.0, color=style.INK, linewidth=1.2, zorder=1)
    axes.annotate("the others are compared with this one", (0.0, 0), xytext=(6, 0), textcoords="offset points",
                  va="center", color=style.GREY, fontsize=style.SMALL)  # fmt: skip
    place = {d.label: y for y, d in enumerate(r.designs)}
    for p in r.against_first:
        y, x = place[p.b], 100.0 * p.power_difference
        errors = [r.designs[k].performance.mcse for k in (0, y)]
        apart = style.Z95 * 100.0 * math.hypot(*errors)
        axes.plot([x - apart, x + apart], [y, y], color=style.PALE, linewidth=9.0, solid_capstyle="butt", zorder=2)
        low, high = (100.0 * end for end in p.interval)
        axes.errorbar(x, y, xerr=[[max(x - low, 0.0)], [max(high - x, 0.0)]], fmt=POWER.marker, color=POWER.colour,
                      ecolor=style.INK, elinewidth=1.6, capsize=3.5, markersize=7, zorder=3)  # fmt: skip
        axes.annotate(f"{style.number(x, 1, sign=True)}", (x, y), xytext=(0, 8), textcoords="offset points",
                      ha="center", color=POWER.colour, fontweight="bold", zorder=4, bbox=BOX)  # fmt: skip
    axes.margins(x=0.12)
    axes.set_xlabel("Difference in power (percentage points)")
    style.bare(axes, "bottom")


def _mark(axes: Axes, x: float, y: float, mcse: float, look: style.Look, face: str, label: str | None) -> None:
    axes.errorbar(x, y, xerr=style.Z95 * mcse, fmt=look.marker, color=look.colour, markerfacecolor=face,
                  markeredgecolor=look.colour, ecolor=style.INK, elinewidth=1.2, capsize=3, markersize=7,
                  zorder=3, label=label)  # fmt: skip


def save_comparison(r: Comparison, folder: Path) -> list[Path]:
    """Draw the picture into the run's folder."""
    return style.save(comparison_figure(r), folder, "compare")
