"""The picture of publication: what all studies of a size find, what is published of them, and what is true."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

from sim.core.endpoints import ENDPOINTS
from sim.report import style
from sim.study.picked import Floats
from sim.study.small import QUANTILES, SmallResult, SmallResults

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

ALL: Final = style.Look(style.GREY, "", "o", "-")
PUBLISHED: Final = style.Look(style.VERMILLION, "", "D", "-")


def message(r: SmallResults) -> str:
    """Say what the picture says, from the data."""
    low, high = (f(d.published_significant.value for d in r.designs) for f in (min, max))
    share = style.percent(low) if style.percent(low) == style.percent(high) else f"{style.percent(low)} to "
    share += "" if share == style.percent(low) else style.percent(high)
    studies = r.designs[0].studies
    if all(d.truth.value == 0.0 for d in r.designs):
        return f"Nothing works, yet the best of {studies} small studies shows a significant benefit in {share} of cases"
    return f"The best of {studies} studies shows a significant benefit in {share} of cases; what is true is the line"


@style.drawn
def small_figure(r: SmallResults) -> Figure:
    """Draw a row a design: where 90% of all studies lie, where 90% of the published ones, and the truth."""
    figure = style.new_figure(10.5, 2.3 + 0.95 * len(r.designs))
    axes = figure.subplots()
    style.headline(figure, message(r), 84)
    for y, d in enumerate(r.designs):
        _row(axes, d, y)
    axes.set_yticks(range(len(r.designs)), [_label(d, r.alpha) for d in r.designs])
    axes.set_ylim(len(r.designs) - 0.35, -0.75)
    if r.designs[0].scale == "log_ratio":
        low, high = axes.get_xlim()
        ticks = [t for t in style.RATIO_TICKS if low <= math.log(t) <= high and t in WRITTEN]
        axes.set_xticks([math.log(t) for t in ticks], [f"{t:g}" for t in ticks])
    axes.set_xlabel(_axis(r.designs[0]))
    axes.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=3)
    style.bare(axes, "bottom")
    first, means = r.designs[0], ", ".join(_on_scale(d, d.mean.value) for d in r.designs)
    style.footnote(
        figure,
        f"{first.sets:,} sets of {first.studies} studies each, seed {r.seed}; published: the smallest p in the "
        "patients' favour. Bars: from the 5% to the 95% quantile; marks and their figures: medians. The means of all "
        f"studies, which the table gives: {means}. Studies without an answer are not drawn. "
        f"{style.capital('; '.join(dict.fromkeys(d.beliefs.words for d in r.designs)))}.",
        130,
    )
    return figure


WRITTEN: Final = (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0)


def _label(d: SmallResult, alpha: float) -> str:
    share = style.percent(d.published_significant.value)
    design = "" if " v " in d.patients else ", before v after"  # who are compared with themselves, not between arms
    return f"{d.patients} patients{design}\n{d.name.rpartition('/')[2]}\npublished p < {alpha:g}: {share}"


def _axis(d: SmallResult) -> str:
    """Say what the estimates are: relative to one another, or in the endpoint's unit."""
    if d.scale == "log_ratio":
        return "Estimated ratio (log scale; 1: no effect)"
    free = d.base.startswith("relapse_free")
    unit = "difference in the share without a relapse" if free else f"difference, {ENDPOINTS[d.base].unit}"
    return f"Estimated {unit} (0: no effect)"


def _row(axes: Axes, d: SmallResult, y: int) -> None:
    first = y == 0
    axes.plot([d.truth.value] * 2, [y - 0.42, y + 0.42], color=style.INK, linewidth=2.4, zorder=4,
              label="true effect" if first else None)  # fmt: skip
    for shift, look, three, label in (
        (-0.16, ALL, _three(d.single), "all studies"),
        (0.16, PUBLISHED, (d.published_interval[0], d.published.value, d.published_interval[1]), "published"),
    ):
        low, middle, high = three
        bar = style.PALE if look is ALL else look.colour
        axes.plot([low, high], [y + shift] * 2, color=bar, linewidth=7.0, solid_capstyle="butt", zorder=2)
        axes.plot(middle, y + shift, marker=look.marker, color=look.colour, markeredgecolor="white", markersize=10,
                  linestyle="", zorder=5, label=f"{label}: median, middle 90%" if first else None)  # fmt: skip
        axes.annotate(_on_scale(d, middle), (middle, y + shift), xytext=(0, 8 if shift < 0.0 else -8),
                      textcoords="offset points", ha="center", va="bottom" if shift < 0.0 else "top",
                      color=look.colour, fontweight="bold", zorder=6,
                      bbox={"facecolor": "white", "edgecolor": "none", "pad": 0.5})  # fmt: skip


def _three(values: Floats) -> tuple[float, float, float]:
    if not len(values):
        return math.nan, math.nan, math.nan
    ordered = sorted(float(v) for v in values)
    return tuple(ordered[round(q * (len(ordered) - 1))] for q in QUANTILES)  # type: ignore[return-value]


def _on_scale(d: SmallResult, value: float) -> str:
    if d.scale == "log_ratio":
        return style.number(math.exp(value)) if not math.isnan(value) else "n/a"
    return style.number(round(value, 2) + 0.0, sign=True)


HEADINGS: Final = (
    "patients", "p<a: one", "published", "1-(1-one)^k", "all: mean", "published: median (90%)", "true", "type S",
    "type M",
)  # fmt: skip


def rows(r: SmallResults) -> list[tuple[str, ...]]:
    """Give the table: one row a design, shares in percent, each figure with its Monte Carlo standard error."""
    return [_cells(d) for d in r.designs]


def _cells(d: SmallResult) -> tuple[str, ...]:
    shares = (d.single_significant, d.published_significant, d.expected)
    low, high = (_on_scale(d, x) for x in d.published_interval)
    wrong = "-" if math.isnan(d.type_s.value) else style.percent(d.type_s.value, 1)
    size = "-" if math.isnan(d.type_m.value) else f"{d.type_m.value:.2f} ({d.type_m.mcse:.2f})"
    return (
        d.patients,
        *(f"{style.percent(s.value, 1)} ({style.number(100.0 * s.mcse, 1)})" for s in shares),
        _on_scale(d, d.mean.value),
        f"{_on_scale(d, d.published.value)} ({low} to {high})",
        _on_scale(d, d.truth.value),
        wrong,
        size,
    )
