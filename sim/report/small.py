"""The picture of publication: what all studies of a size find, what is published of them, and what is true."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Final

from sim.core.endpoints import ENDPOINTS
from sim.report import style
from sim.study.small import SmallResult, SmallResults

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

ALL: Final = style.Look(style.PALE, "", "o", "-")
PUBLISHED: Final = style.Look(style.VERMILLION, "", "D", "-")
BINS: Final = 41
SMALLEST_RATIO: Final = 0.02


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
    """Draw a row a design: all studies' estimates in grey, the published ones above them, the truth as a line."""
    figure = style.new_figure(10.5, 1.5 + 1.35 * len(r.designs))
    grid: Any = figure.subplots(len(r.designs), 1, squeeze=False, sharex=len({d.scale for d in r.designs}) == 1)
    style.headline(figure, message(r), 84)
    for i, (axes, d) in enumerate(zip(grid[:, 0], r.designs, strict=True)):
        _row(axes, d, i == 0)
    last: Axes = grid[-1, 0]
    last.set_xlabel(_axis(r.designs[-1]))
    first = r.designs[0]
    style.footnote(
        figure,
        f"{first.sets:,} sets of {first.studies} studies each, seed {r.seed}; published: the smallest p in the "
        "patients' favour. Studies without an answer (no relapses in an arm) are not drawn. Each area is 1.",
        130,
    )
    return figure


def _axis(d: SmallResult) -> str:
    """Say what the estimates are: relative to one another, or in the endpoint's unit."""
    if d.scale == "log_ratio":
        return "Estimated ratio (log scale; 1: no effect)"
    free = d.base.startswith("relapse_free")
    unit = "difference in shares" if free else f"difference, {ENDPOINTS[d.base].unit}"
    return f"Estimated {unit} (0: no effect)"


def _row(axes: Axes, d: SmallResult, named: bool) -> None:
    ratios = d.scale == "log_ratio"
    edges = _edges(d)
    for values, look, label in ((d.single, ALL, "all studies"), (d.chosen, PUBLISHED, "published")):
        shown = [min(max(float(v), edges[0]), edges[-1]) for v in values]
        filled = look is ALL
        axes.hist(shown, bins=edges, density=True, histtype="stepfilled" if filled else "step", color=look.colour,
                  linewidth=2.0, label=label if named else None)  # fmt: skip
    axes.axvline(d.truth.value, color=style.INK, linewidth=1.8)
    middle = d.published.value
    axes.plot(middle, 0.0, marker=PUBLISHED.marker, color=PUBLISHED.colour, markersize=9, clip_on=False, zorder=5)
    axes.set_yticks([])
    title = f"{d.patients} patients ({d.name}): published median {_on_scale(d, middle)}, true "
    axes.set_title(f"{title}{_on_scale(d, d.truth.value)}, p < 0.05 in {style.percent(d.published_significant.value)}")
    if ratios:
        ticks = [t for t in (0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0) if edges[0] <= math.log(t) + 1e-9 <= edges[-1]]
        axes.set_xticks([math.log(t) for t in ticks], [f"{t:g}" for t in ticks])
    axes.set_xlim(edges[0], edges[-1])
    if named:
        axes.legend(loc="upper right")
    style.bare(axes, "bottom")


def _edges(d: SmallResult) -> list[float]:
    """Give the bins: of ratios the same in every row."""
    if d.scale == "log_ratio":
        low, high = math.log(SMALLEST_RATIO), math.log(6.0)
    else:
        ends = [*(float(v) for v in d.single), *(float(v) for v in d.chosen), d.truth.value]
        low, high = min(ends), max(ends)
        low, high = (low, high) if high > low else (low - 1.0, high + 1.0)
    return [low + (high - low) * k / (BINS - 1) for k in range(BINS)]


def _on_scale(d: SmallResult, value: float) -> str:
    if d.scale == "log_ratio":
        return style.number(math.exp(value)) if not math.isnan(value) else "n/a"
    return style.number(value, sign=True)


HEADINGS: Final = (
    "patients", "endpoint", "p<alpha: one", "published", "1-(1-one)^k", "mean of all", "published median (90%)", "true",
    "type S", "type M",
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
        d.endpoint,
        *(f"{style.percent(s.value, 1)} ({style.number(100.0 * s.mcse, 1)})" for s in shares),
        _on_scale(d, d.mean.value),
        f"{_on_scale(d, d.published.value)} ({low} to {high})",
        _on_scale(d, d.truth.value),
        wrong,
        size,
    )
