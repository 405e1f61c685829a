"""A trial seen a thousand times: what its primary endpoint finds, and how often each endpoint finds something."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from sim.analysis.trial import contrast
from sim.core.endpoints import ENDPOINTS, parse_endpoint
from sim.report import style
from sim.scenario.schema import Endpoint, Scenario
from sim.study.power import PowerResult, primary

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Row:
    """One endpoint's power with its Monte Carlo standard error."""

    label: str
    power: float
    mcse: float


@dataclass(frozen=True)
class PowerData:
    """What the picture shows.

    `values` are the primary endpoint's converged estimates, as ratios where `ratio`, else as differences; `significant`
    goes with them; `null` is where nothing differs (1 or 0), `truth` NaN where it was not asked for. `label` names the
    axis, `rows` the endpoints in their order.
    """

    name: str
    trials: int
    seed: int
    label: str
    ratio: bool
    favourable: int
    sides: tuple[str, str]
    values: Floats
    significant: NDArray[np.bool_]
    null: float
    truth: float
    power: float
    mcse: float
    not_converged: int
    rows: tuple[Row, ...]

    @property
    def quantity(self) -> str:
        """What the share of significant trials is: power, or the type I error where the truth is that nothing differs."""
        return "Type I error" if self.truth == self.null else "Power"

    @property
    def message(self) -> str:
        """What the picture says, from the data."""
        found = round(self.power * self.trials)
        return f"{found:,} of {self.trials:,} simulated trials find a difference in the primary endpoint"


def power_data(result: PowerResult) -> PowerData:
    """Compute the picture of a power run."""
    scenario, number = result.scenario, primary(result.scenario)
    endpoint = scenario.endpoint[number]
    done = result.endpoints[endpoint.key]
    meaning = ENDPOINTS[parse_endpoint(endpoint.name)[0]]
    ratio = meaning.scale == "log_ratio"
    rows = result.estimates[(result.estimates["endpoint"] == number) & result.estimates["converged"]]
    values = np.asarray(rows["value"], np.float64)
    return PowerData(
        name=result.name,
        trials=result.trials,
        seed=result.seed,
        label=_axis(scenario, endpoint),
        ratio=ratio,
        favourable=meaning.favourable,
        sides=_sides(scenario, endpoint),
        values=np.exp(values) if ratio else values,
        significant=np.asarray(rows["p"] < scenario.study.alpha, np.bool_),
        null=1.0 if ratio else 0.0,
        truth=math.exp(done.truth) if ratio else done.truth,
        power=done.power,
        mcse=done.mcse,
        not_converged=result.trials - len(values),
        rows=tuple(
            Row(_row_label(scenario, e), result.endpoints[e.key].power, result.endpoints[e.key].mcse)
            for e in scenario.endpoint
        ),
    )


def _sides(scenario: Scenario, endpoint: Endpoint) -> tuple[str, str]:
    """Give in words who does better when the estimate is in favour of the treatment, and when it is against it."""
    if scenario.before_after:
        return "better after", "worse after"
    treatment, control = (scenario.arm[a].name.replace("_", " ") for a in contrast(scenario, endpoint))
    return f"{treatment} better", f"{control} better"


def _axis(scenario: Scenario, endpoint: Endpoint) -> str:
    """Name the axis of an endpoint's estimates with its unit."""
    base, months = parse_endpoint(endpoint.name)
    meaning = ENDPOINTS[base]
    words = meaning.label
    if not scenario.before_after:
        treatment, control = (scenario.arm[a].name.replace("_", " ") for a in contrast(scenario, endpoint))
        words = words.replace("treated", treatment).replace("control", control).replace(" - ", " − ")
    when = "" if months is None else f", {months:g} months"
    unit = "ratio, log scale" if meaning.scale == "log_ratio" else meaning.unit
    return f"{words}{when} ({unit})"


def _row_label(scenario: Scenario, endpoint: Endpoint) -> str:
    base, months = parse_endpoint(endpoint.name)
    label = ENDPOINTS[base].label.split(",")[0]
    if months is not None:
        label += f", {months:g} months"
    if base.startswith(("arr", "relapse_free")):
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
    figure = style.new_figure(9.5, 4.9 + forest)
    panels = figure.subplot_mosaic([["estimates"], ["forest"]], height_ratios=[3.5, forest])
    style.headline(figure, data.message)
    _estimates(panels["estimates"], data)
    _forest(panels["forest"], data)
    without = f" {data.not_converged:,} without an answer count as not significant." if data.not_converged else ""
    style.footnote(
        figure,
        f"Scenario {data.name}, {data.trials:,} trials, seed {data.seed}. MCSE: Monte Carlo standard error; "
        f"bars below are ±1.96 MCSE.{without}",
        130,
    )
    return figure


def _estimates(axes: Axes, data: PowerData) -> None:
    axes.set_xlabel(data.label)
    axes.set_ylabel("Number of trials")
    style.bare(axes)
    words = f"{data.quantity} {style.percent(data.power)}"
    axes.text(1.0, 1.0, words, fontsize=style.HUGE, fontweight="bold", ha="right", va="top", transform=axes.transAxes)
    error = f"± {100.0 * data.mcse:.1f} percentage points (MCSE)"
    axes.text(1.0, 0.84, error, ha="right", va="top", transform=axes.transAxes)
    if not len(data.values):
        axes.text(0.0, 0.5, "no trial has an estimate", transform=axes.transAxes)
        return
    top = _stack(axes, data)
    axes.set_ylim(0.0, 1.5 * top)
    _line(axes, data.null, 1.45 * top, "no difference", style.INK, ":", data)
    if not math.isnan(data.truth) and data.truth != data.null:
        _line(axes, data.truth, 1.45 * top, f"truth {style.number(data.truth)}", style.VERMILLION, "-", data)
    axes.legend(loc="upper right", bbox_to_anchor=(1.0, 0.74), borderaxespad=0.0, handlelength=1.6)


def _stack(axes: Axes, data: PowerData) -> float:
    """Draw the two stacked histograms; give the height of the tallest column."""
    scaled = np.log(data.values) if data.ratio else data.values
    ends = [float(scaled.min()), float(scaled.max()), 0.0]
    pad = 0.05 * (max(ends) - min(ends)) + 1e-9
    low, high = min(ends) - pad, max(ends) + pad
    bins = np.linspace(low, high, int(np.clip(2.5 * len(scaled) ** (1.0 / 3.0), 10, 45)) + 1)
    below = np.zeros(len(bins) - 1)
    edges = np.exp(bins) if data.ratio else bins
    for kept, look, words in (
        (data.significant, style.YES, "significant"),
        (~data.significant, style.NO, "not significant"),
    ):
        heights = np.histogram(scaled[kept], bins)[0].astype(np.float64)
        axes.bar(
            edges[:-1],
            heights,
            np.diff(edges),
            below,
            align="edge",
            color=look.colour,
            hatch=look.hatch,
            edgecolor="white" if not look.hatch else style.GREY,
            linewidth=0.5,
            label=f"{words} ({int(kept.sum()):,})",
        )
        below = below + heights
    if data.ratio:
        style.ratio_axis(axes, math.exp(low), math.exp(high))
    else:
        axes.set_xlim(low, high)
    return float(below.max())


def _line(axes: Axes, x: float, y: float, words: str, colour: str, line: str, data: PowerData) -> None:
    """Draw one upright line with its name on the side that is away from the other line."""
    axes.axvline(x, color=colour, linestyle=line, linewidth=2.0, zorder=3)
    other = data.truth if x == data.null else data.null
    right = x > other if not math.isnan(other) and other != x else True
    axes.annotate(
        words,
        (x, y),
        xytext=(5 if right else -5, 0),
        textcoords="offset points",
        ha="left" if right else "right",
        va="top",
        color=colour,
        fontweight="bold",
    )


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
