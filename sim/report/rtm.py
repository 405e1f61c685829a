"""Pictures of regression to the mean: the rate around entry with its fall taken apart, and the remedies."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

from sim.report import style
from sim.study.around_entry import PARTS
from sim.study.rtm import Apparent, RtmResult

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

LABELS: Final = {
    "chance": "chance in the\nqualifying count",
    "activity": "passing activity",
    "decline": "decline, season",
    "refractory": "merged relapses",
}
RATE: Final = "True relapses per patient and year"
CLEAR: Final = style.Z95


def message(r: RtmResult) -> str:
    """Say what the picture says, from the data."""
    s = r.split
    before, after = style.number(s.before.value), style.number(s.after.value)
    if s.fall.value <= CLEAR * s.fall.mcse:
        return f"Nobody was treated, and the rate does not fall: {before} a year before, {after} after"
    share = style.percent(s.chance.value / s.fall.value)
    largest = max(PARTS, key=lambda k: getattr(s, k).value)
    why = f"; {share} of the fall is chance in the count that let them in" if largest == "chance" else ""
    return f"Nobody was treated, yet the relapse rate falls from {before} to {after} a year{why}"


@style.drawn
def rtm_figure(r: RtmResult) -> Figure:
    """Draw the rate by month from screening, the qualifying window shaded, and beside it what the fall is made of."""
    figure = style.new_figure(12.0, 5.4)
    left, right = figure.subplots(1, 2, width_ratios=[2.1, 1.0])
    style.headline(figure, message(r), 92)
    _curve(left, r)
    _waterfall(right, r)
    style.footnote(
        figure,
        f"Scenario {r.name}: {r.patients:,} patients who met the entry rule, in {r.trials:,} trials, seed {r.seed}. No "
        f"procedure, no medication, nobody leaves. Before: months {_window(r.before_months)}, after: "
        f"{_window(r.after_months)} from study day 1. Ribbon and bars: ±1.96 Monte Carlo standard errors. "
        f"Counted {style.number(r.population.value)} is an intensity of {style.number(r.split.population.value)}, less "
        f"decline and relapses that merge. {r.beliefs.words.capitalize()}.",
        155,
    )
    return figure


def _window(months: tuple[float, float]) -> str:
    return " to ".join(style.number(m, 0) for m in months)


def _curve(axes: Axes, r: RtmResult) -> None:
    rate, error = [v.value for v in r.rate], [style.Z95 * v.mcse for v in r.rate]
    low, high = ([x + sign * e for x, e in zip(rate, error, strict=True)] for sign in (-1, 1))
    top = 1.16 * max(*high, r.population.value)
    if r.qualifying_months:
        axes.axvspan(-r.qualifying_months, 0.0, color=style.PALE, alpha=0.6, linewidth=0.0)
        axes.text(-r.qualifying_months / 2.0, 0.985 * top, "counted at screening", ha="center", va="top",
                  fontweight="bold")  # fmt: skip
    axes.fill_between(r.months, low, high, color=style.SKY, alpha=0.55, linewidth=0.0)
    axes.plot(r.months, rate, color=style.BLUE, marker="o", markersize=3.5)
    axes.axvline(0.0, color=style.INK, linewidth=1.2)
    axes.axhline(r.population.value, color=style.INK, linestyle=":", linewidth=1.8)
    axes.annotate(
        f"they come from a population\nwith {style.number(r.population.value)} a year, counted",
        (r.months[-1], r.population.value), xytext=(0, -6), textcoords="offset points", ha="right", va="top",
    )  # fmt: skip
    axes.set_ylim(0.0, top)
    axes.set_xlim(r.months[0] - 0.5, r.months[-1] + 0.5)
    ticks = [m for m in range(-36, 25, 6) if r.months[0] - 1 <= m <= r.months[-1] + 1]
    axes.set_xticks(ticks, [style.number(m, 0) for m in ticks])
    axes.set_xlabel("Months from screening")
    axes.set_ylabel(RATE)
    axes.set_title("Relapse rate of those who entered")
    style.bare(axes)


def _waterfall(axes: Axes, r: RtmResult) -> None:
    """Draw steps from the rate before to the rate after, each part from where the last one ended, and what stays."""
    s = r.split
    names, level, room = ["before"], s.before.value, 0.02 * s.before.value
    axes.barh(0, level, color=style.SKY, hatch="////", edgecolor="white")
    for y, key in enumerate(PARTS, 1):
        part = getattr(s, key)
        axes.barh(y, -part.value, left=level, color=style.ORANGE if part.value > 0.0 else style.PALE,
                  edgecolor=style.INK, linewidth=0.6)  # fmt: skip
        right, level = max(level, level - part.value), level - part.value
        axes.plot([level, level], [y - 0.4, y + 1.4], color=style.GREY, linewidth=0.8)
        axes.errorbar(level, y, xerr=style.Z95 * part.mcse, color=style.INK, capsize=2, linewidth=1.0)
        axes.text(right + room, y, style.number(-part.value, sign=True), va="center", fontweight="bold")
        names.append(LABELS[key])
    last = len(PARTS) + 1
    axes.barh(last, s.after.value, color=style.BLUE)
    axes.barh(last + 1, s.frailty.value, left=s.after.value - s.frailty.value, color=style.GREEN, hatch="\\\\",
              edgecolor="white")  # fmt: skip
    for y, value in ((0, s.before), (last, s.after), (last + 1, s.frailty)):
        end = s.before.value if y == 0 else s.after.value
        axes.text(end + room, y, style.number(value.value), va="center", fontweight="bold")
    axes.set_yticks(range(last + 2), [*names, "after", "of it frailty,\nwhich stays"])
    axes.set_ylim(last + 1.6, -0.6)
    axes.set_xlim(0.0, 1.2 * max(s.before.value, s.after.value))
    axes.set_xlabel(RATE)
    axes.set_title("Where the fall goes")
    style.bare(axes, "bottom")


def remedies_message(r: RtmResult) -> str:
    """Say which designs are left with an apparent effect, from the data."""
    first, rest = r.designs[0], [d for d in r.designs[1:] if not math.isnan(d.log_ratio.value)]
    if math.isnan(first.log_ratio.value) or not rest:
        return "Rate ratios of designs in which nothing is done to anybody"
    best = min(rest, key=lambda d: abs(d.log_ratio.value))
    ratio = style.number(math.exp(first.log_ratio.value))
    name = best.name.partition(":")[0].replace("control group", "a control group")
    return (
        f"Nothing was done, yet the study as designed finds a rate ratio of {ratio}; "
        f"{name} comes nearest to 1, with {style.number(math.exp(best.log_ratio.value))}"
    )


@style.drawn
def remedies_figure(r: RtmResult) -> Figure:
    """Draw the rate ratio that each design makes of nothing, and how many of its studies find a benefit."""
    figure = style.new_figure(11.5, 4.8)
    left, right = figure.subplots(1, 2, sharey=True, width_ratios=[1.5, 1.0])
    style.headline(figure, remedies_message(r), 92)
    drawn = [d for d in r.designs if not math.isnan(d.log_ratio.value)]
    for y, d in enumerate(drawn):
        _ratio_row(left, y, d)
        _share_row(right, y, d)
    ratios = [math.exp(d.log_ratio.value) for d in drawn] or [1.0]
    style.ratio_axis(left, 0.85 * min(*ratios, 0.9), 1.15 * max(*ratios, 1.05))
    left.axvline(1.0, color=style.INK, linewidth=1.2)
    left.set_yticks(range(len(drawn)), [d.name for d in drawn])
    left.set_ylim(len(drawn) - 0.4, -0.7)
    left.set_xlabel("Rate ratio, after / before or treated / control (log scale)")
    left.set_title("What is seen where nothing was done (1: no effect)")
    right.set_xlim(0.0, 1.12)
    right.set_xticks([0.0, 0.25, 0.5, 0.75, 1.0], ["0%", "25%", "50%", "75%", "100%"])
    right.set_xlabel(f"Studies of {r.target} patients (%)")
    right.set_title(f"... and taken for a benefit, p < {r.alpha:g}")
    right.legend(loc="lower right")
    style.bare(left, "bottom")
    style.bare(right, "bottom")
    style.footnote(
        figure,
        f"Scenario {r.name}, {r.trials:,} trials of {r.target} patients each, seed {r.seed}, true relapses. Bars: "
        "±1.96 Monte Carlo standard errors. The control group is allocated at random 1:1 and compared after entry. "
        f"{r.beliefs.words.capitalize()}.",
        145,
    )
    return figure


def _ratio_row(axes: Axes, y: int, d: Apparent) -> None:
    ratio, half = math.exp(d.log_ratio.value), style.Z95 * d.log_ratio.mcse
    ends = ratio - ratio * math.exp(-half), ratio * math.exp(half) - ratio
    axes.plot([1.0, ratio], [y, y], color=style.PALE, linewidth=6.0, zorder=1)
    axes.errorbar(ratio, y, xerr=[[ends[0]], [ends[1]]], fmt="D", color=style.BLUE, capsize=3, zorder=3)
    axes.annotate(style.number(ratio), (ratio, y), xytext=(0, 9), textcoords="offset points", ha="center",
                  fontweight="bold", color=style.BLUE,
                  bbox={"facecolor": "white", "edgecolor": "none", "pad": 0.5})  # fmt: skip


def _share_row(axes: Axes, y: int, d: Apparent) -> None:
    looks = (("arr_change", style.BLUE, "", "by rates", -0.18), ("relapse_free_change", style.SKY, "////",
             "by relapse-free", 0.18))  # fmt: skip
    for test, colour, hatch, label, shift in looks:
        share = d.significant[test]
        if math.isnan(share.value):
            axes.text(0.015, y + shift, "not compared: unequal windows", va="center", fontsize=style.SMALL)
            continue
        axes.barh(y + shift, share.value, 0.32, color=colour, hatch=hatch, edgecolor="white",
                  label=label if y == 0 else None)  # fmt: skip
        axes.text(share.value + 0.015, y + shift, style.percent(share.value), va="center", fontsize=style.SMALL)


HEADINGS: Final = ("design", "before", "after", "ratio", "free before", "free after", "p<a: rates", "p<a: free")


def rows(r: RtmResult) -> list[tuple[str, ...]]:
    """Give the table: one row a design, each figure with its Monte Carlo standard error."""
    return [_row(d) for d in r.designs]


def _row(d: Apparent) -> tuple[str, ...]:
    rates = (f"{style.number(v.value)} ({style.number(v.mcse, 3)})" for v in (d.before, d.after))
    ratio = math.exp(d.log_ratio.value)
    shares = (d.free_before, d.free_after, *d.significant.values())
    return (
        d.key.replace("_", " "),
        *rates,
        f"{style.number(ratio)} ({style.number(ratio * d.log_ratio.mcse, 3)})",
        *(f"{style.percent(v.value, 1)} ({style.number(100.0 * v.mcse, 1)})" for v in shares),
    )


PART_HEADINGS: Final = ("part", "relapses a year (MCSE)")


def part_rows(r: RtmResult) -> list[tuple[str, ...]]:
    """Give the parts of the fall, and what stays."""
    s = r.split
    named = [("before", s.before), *((LABELS[k].replace("\n", " "), getattr(s, k)) for k in PARTS), ("after", s.after)]
    named += [("still active after", s.activity_left), ("stays as frailty", s.frailty)]
    return [(name, f"{style.number(v.value, 3)} ({style.number(v.mcse, 3)})") for name, v in named]
