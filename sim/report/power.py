"""A trial seen a thousand times: what its primary endpoint finds, and how often each endpoint finds something."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from sim.analysis.trial import contrast
from sim.core.endpoints import ENDPOINTS, UNTESTED, parse_endpoint
from sim.report import style
from sim.scenario.schema import Endpoint, Scenario
from sim.study.performance import converged
from sim.study.power import PowerResult
from sim.study.tally import primary

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.patches import Patch

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Row:
    """One endpoint's power with its Monte Carlo standard error, and where 90% of populations lie, if that is told."""

    label: str
    power: float
    mcse: float
    populations: tuple[float, float] | None = None


@dataclass(frozen=True)
class PowerData:
    """What the picture shows.

    `values` are the primary endpoint's converged estimates, as ratios where `ratio`, else as differences; `significant`
    goes with them; `null` is where nothing differs (1 or 0), `truth` NaN where it was not asked for. `label` names the
    axis, `rows` the endpoints in their order; `beliefs` names their setting, `averaged` is not "" where populations are
    uncertain, and says over what was averaged; `drawn` is how many of a long run's trials the columns show.
    """

    name: str
    trials: int
    seed: int
    label: str
    ratio: bool
    values: Floats
    significant: NDArray[np.bool_]
    null: float
    truth: float
    power: float
    mcse: float
    not_converged: int
    rows: tuple[Row, ...]
    beliefs: str = ""
    averaged: str = ""
    assurance: bool = False
    drawn: int = 0

    @property
    def quantity(self) -> str:
        """What the share of significant trials is: power, or type I error where the truth is that nothing differs.

        Assurance where the effect was drawn too; then only trials that favour the procedure count.
        """
        if self.assurance:
            return "Assurance"
        return "Type I error" if self.truth == self.null else "Power"

    @property
    def message(self) -> str:
        """What the picture says, from the data."""
        found = round(self.power * self.trials)
        if self.assurance:
            return f"{found:,} of {self.trials:,} simulated trials, each with an effect of its own, find a benefit"
        which = "in the primary endpoint" if self.quantity == "Power" else "that is not there"
        return f"{found:,} of {self.trials:,} simulated trials find a difference {which}"


def power_data(result: PowerResult) -> PowerData:
    """Compute the picture of a power run."""
    scenario, number = result.scenario, primary(result.scenario)
    endpoint = scenario.endpoint[number]
    done = result.endpoints[endpoint.key]
    meaning = ENDPOINTS[parse_endpoint(endpoint.name)[0]]
    ratio = meaning.scale == "log_ratio"
    rows = result.estimates[:, number]
    rows = rows[converged(rows)]
    values = np.asarray(rows["value"], np.float64)
    assurance, toward = result.assurance, np.sign(values) == meaning.favourable
    power, mcse = result.share(endpoint.key)
    return PowerData(
        name=result.name,
        trials=result.trials,
        seed=result.seed,
        label=_axis(scenario, endpoint),
        ratio=ratio,
        values=np.exp(values) if ratio else values,
        significant=np.asarray((rows["p"] < scenario.study.alpha) & (toward | (not assurance)), np.bool_),
        null=1.0 if ratio else 0.0,
        truth=math.exp(done.truth) if ratio else done.truth,
        power=power,
        mcse=mcse,
        not_converged=round(done.not_converged * result.trials),
        drawn=len(result.estimates),
        rows=tuple(
            Row(endpoint_label(scenario, e), *result.share(e.key), _populations(result, e.key))
            for e in scenario.endpoint
            if parse_endpoint(e.name)[0] not in UNTESTED or e is endpoint
        ),
        beliefs=result.beliefs.words,
        averaged=result.uncertain.words if result.uncertain else "",
        assurance=assurance,
    )


def _populations(result: PowerResult, key: str) -> tuple[float, float] | None:
    spread = result.uncertain.endpoints[key].spread if result.uncertain else None
    return (spread.low.value, spread.high.value) if spread and spread.told else None


def _axis(scenario: Scenario, endpoint: Endpoint) -> str:
    """Name the axis of an endpoint's estimates with its unit."""
    base, months = parse_endpoint(endpoint.name)
    meaning = ENDPOINTS[base]
    words = meaning.label.replace(" - ", " − ")
    if not scenario.before_after:
        treatment, control = (scenario.arm[a].name.replace("_", " ") for a in contrast(scenario, endpoint))
        words = words.replace("treated", treatment).replace("control", control)
    when = "" if months is None else f", {months:g} months"
    unit = "ratio, log scale" if meaning.scale == "log_ratio" else meaning.unit
    return f"{words}{when} ({unit})"


def endpoint_label(scenario: Scenario, endpoint: Endpoint) -> str:
    """Name an endpoint in words: what it counts, when, and which arms where there are more than two."""
    base, months = parse_endpoint(endpoint.name)
    label = ENDPOINTS[base].label.split(",")[0]
    if months is not None:
        label += f", {months:g} months"
    if base.startswith(("arr", "relapse_free", "first_relapse")):
        label += f", {endpoint.counts} relapses"
    if len(scenario.arm) > 2:
        treatment, control = (scenario.arm[a].name.replace("_", " ") for a in contrast(scenario, endpoint))
        label += f"\n{treatment} against {control}"
    return label


@style.drawn
def power_figure(data: PowerData) -> Figure:
    """Draw the estimates across trials, significant ones apart, and below them the power of every endpoint."""
    lines = sum(1 + row.label.count("\n") for row in data.rows)
    forest = 0.75 + 0.30 * lines
    figure = style.new_figure(10.0, 4.6 + forest)
    style.headline(figure, data.message)
    grid = figure.add_gridspec(2, 1, height_ratios=[3.6, forest])
    upper, lower = (figure.add_subfigure(grid[row]) for row in range(2))
    left, right = upper.subplots(1, 2, width_ratios=[2.9, 1.0])
    _estimates(left, data)
    _verdict(right, data)
    _forest(lower.subplots(), data)
    without = f" {data.not_converged:,} without an answer count as not significant." if data.not_converged else ""
    band = " Pale bands: 5% to 95% of populations." if any(row.populations for row in data.rows) else ""
    said = " ".join(f"{style.capital(words)}." for words in (data.beliefs, data.averaged) if words)
    style.footnote(
        figure,
        f"Scenario {data.name}, {data.trials:,} trials, seed {data.seed}. MCSE: Monte Carlo standard error; "
        f"the thin lines are ±1.96 MCSE.{without}{_drawn(data)}{band} {said}",
        130,
    )
    return figure


def _drawn(data: PowerData) -> str:
    return f" The columns show the first {data.drawn:,} trials." if 0 < data.drawn < data.trials else ""


def _verdict(axes: Axes, data: PowerData) -> None:
    """Write the power, big, and the key to the columns below it."""
    axes.set_axis_off()
    axes.text(0.0, 1.0, data.quantity, fontsize=style.LARGE, va="top", transform=axes.transAxes)
    share = style.percent(data.power)
    axes.text(0.0, 0.90, share, fontsize=style.HUGE, fontweight="bold", va="top", transform=axes.transAxes)
    error = f"± {100.0 * data.mcse:.1f} percentage\npoints (MCSE)"
    axes.text(0.0, 0.71, error, va="top", linespacing=1.4, transform=axes.transAxes)
    handles = [_patch(style.YES), _patch(style.NO)]
    found = int(data.significant.sum())
    words = [f"significant ({found:,})", f"not significant ({len(data.values) - found:,})"]
    axes.legend(handles, words, loc="upper left", bbox_to_anchor=(0.0, 0.46), borderaxespad=0.0, handlelength=1.6)


def _patch(look: style.Look) -> Patch:
    from matplotlib.patches import Patch

    return Patch(facecolor=look.colour, hatch=look.hatch, edgecolor=style.GREY if look.hatch else look.colour)


def _estimates(axes: Axes, data: PowerData) -> None:
    axes.set_xlabel(data.label)
    axes.set_ylabel("Number of trials")
    style.bare(axes)
    if not len(data.values):
        axes.text(0.0, 0.5, "no trial has an estimate", transform=axes.transAxes)
        return
    _stack(axes, data)
    middle = float(np.median(data.values))
    sides = ("left", "right") if data.null > middle else ("right", "left")
    style.upright(axes, data.null, 0.99, "no difference", (style.INK, ":"), sides[0])
    if not math.isnan(data.truth) and data.truth != data.null:
        style.upright(axes, data.truth, 0.88, f"truth {style.number(data.truth)}", (style.VERMILLION, "-"), sides[0])


def _stack(axes: Axes, data: PowerData) -> None:
    """Draw the two stacked histograms, with room above for the names of the lines."""
    from matplotlib.ticker import MaxNLocator

    scaled = np.log(data.values) if data.ratio else data.values
    ends = [float(scaled.min()), float(scaled.max()), 0.0]
    pad = 0.05 * (max(ends) - min(ends)) + 1e-9
    low, high = min(ends) - pad, max(ends) + pad
    bins = np.linspace(low, high, int(np.clip(2.5 * len(scaled) ** (1.0 / 3.0), 10, 45)) + 1)
    below = np.zeros(len(bins) - 1)
    edges = np.exp(bins) if data.ratio else bins
    for kept, look in ((data.significant, style.YES), (~data.significant, style.NO)):
        heights = np.histogram(scaled[kept], bins)[0].astype(np.float64)
        axes.bar(
            edges[:-1],
            heights,
            np.diff(edges),
            below,
            align="edge",
            color=look.colour,
            hatch=look.hatch,
            edgecolor=style.GREY if look.hatch else "white",
            linewidth=0.5,
        )
        below = below + heights
    axes.set_ylim(0.0, 1.32 * float(below.max()))
    axes.yaxis.set_major_locator(MaxNLocator(nbins=5, integer=True))
    if data.ratio:
        style.ratio_axis(axes, math.exp(low), math.exp(high))
    else:
        axes.set_xlim(low, high)


def _forest(axes: Axes, data: PowerData) -> None:
    places = np.arange(len(data.rows))[::-1]
    for place, row in zip(places, data.rows, strict=True):
        axes.errorbar(
            row.power,
            place,
            xerr=style.Z95 * row.mcse,
            fmt="o",
            color=style.BLUE,
            markersize=7,
            capsize=3,
            linewidth=1.5,
        )
        end = min(row.power + style.Z95 * row.mcse, 1.0)
        if row.populations:
            axes.plot(
                row.populations, [place, place], color=style.PALE, linewidth=11, solid_capstyle="butt", zorder=1.5
            )
            end = max(end, row.populations[1])
        axes.annotate(
            f"{style.percent(row.power)} ± {100.0 * row.mcse:.1f}",
            (end, place),
            xytext=(8, 0),
            textcoords="offset points",
            va="center",
            fontsize=style.SMALL,
        )
    axes.set_yticks(places, [row.label for row in data.rows])
    axes.set_ylim(-0.6, len(data.rows) - 0.4)
    axes.set_xlim(0.0, 1.0)
    axes.xaxis.set_major_formatter(lambda x, _: style.percent(x))
    axes.set_xlabel("Share of trials that are significant (%, ± MCSE)")
    axes.grid(axis="x", color=style.PALE, linewidth=0.8)
    axes.set_axisbelow(True)
    style.bare(axes, "bottom")
