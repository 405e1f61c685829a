"""The 2009 study replayed: what the scenario predicts, with the published figures drawn over it."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from sim.report import style
from sim.scenario.schema import Figure as Published
from sim.scenario.schema import Scenario

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Floats = NDArray[np.float64]


class Replayed(Protocol):
    """What the picture needs of a `sim.study.replay.ReplayResult`.

    `before` and `after` count the relapse-free of `patients`, `ratio` is the ratio of annualised rates after / before;
    one value a trial. `joint` holds the joint judgement, its `sentences` in words.
    """

    @property
    def study(self) -> str:
        """The study replayed."""

    @property
    def trials(self) -> int:
        """How many trials were played."""

    @property
    def patients(self) -> int:
        """Patients in a trial."""

    @property
    def before(self) -> NDArray[Any]:
        """Relapse-free before, one count a trial."""

    @property
    def after(self) -> NDArray[Any]:
        """Relapse-free after, one count a trial."""

    @property
    def ratio(self) -> NDArray[Any]:
        """Rate after over rate before, one a trial."""

    @property
    def joint(self) -> Mapping[str, Any]:
        """The joint judgement."""


@dataclass(frozen=True)
class Band:
    """A published figure: its lowest and its highest reading."""

    low: float
    high: float

    def __str__(self) -> str:
        low, high = f"{self.low:g}", f"{self.high:g}"
        return low if low == high else f"{low}–{high}"


@dataclass(frozen=True)
class ReplayData:
    """What the picture shows.

    `before` and `after` are shares of the trials by count 0, 1, ..., `patients`; medians are counts, `ratio` the finite
    ratios, `no_ratio` the number of trials without one; a band is None where nothing was published.
    """

    study: str
    trials: int
    patients: int
    null: bool
    before: Floats
    after: Floats
    before_median: float
    after_median: float
    ratio: Floats
    ratio_median: float
    no_ratio: int
    published_before: Band | None
    published_after: Band | None
    published_ratio: Band | None
    sentences: tuple[str, ...]

    @property
    def message(self) -> str:
        """What the picture says, from the data."""
        before, after, n = round(self.before_median), round(self.after_median), self.patients
        if self.null:
            link = "yet" if after > before else "and"
            return f"No true effect, {link} {before} of {n} are relapse-free before and {after} after"
        return f"With the scenario's effect, {before} of {n} are relapse-free before and {after} after"

    def share_at_least(self, ratio: float) -> float:
        """Share of the trials with a ratio of rates of `ratio` or more."""
        return float(np.mean(self.ratio >= ratio)) if len(self.ratio) else float("nan")


def replay_data(result: Replayed, scenario: Scenario) -> ReplayData:
    """Compute the picture of a replay; the published figures are those of the scenario that was replayed."""
    ratio = np.asarray(result.ratio, np.float64)
    finite = ratio[np.isfinite(ratio) & (ratio > 0.0)]
    figures = scenario.published.figure
    return ReplayData(
        study=result.study,
        trials=result.trials,
        patients=result.patients,
        null=scenario.effect.plan(scenario.switches.effect) == (0.0, 0.0, 0.0),
        before=_shares(result.before, result.patients),
        after=_shares(result.after, result.patients),
        before_median=float(np.median(result.before)),
        after_median=float(np.median(result.after)),
        ratio=finite,
        ratio_median=float(np.median(finite)) if len(finite) else float("nan"),
        no_ratio=len(ratio) - len(finite),
        published_before=_band(figures, "relapse_free_before"),
        published_after=_band(figures, "relapse_free_after"),
        published_ratio=_band(figures, "rate_ratio"),
        sentences=tuple(result.joint.get("sentences", ())),
    )


def _shares(counts: NDArray[Any], patients: int) -> Floats:
    shares: Floats = np.bincount(np.asarray(counts, np.int64), minlength=patients + 1) / max(len(counts), 1)
    return shares


def _band(figures: Sequence[Published], quantity: str) -> Band | None:
    found = [f for f in figures if f.quantity == quantity]
    return Band(min(f.low for f in found), max(f.high for f in found)) if found else None


@style.drawn
def replay_figure(data: ReplayData) -> Figure:
    """Draw the counts relapse-free before and after at the left, the ratio of rates at the right, the verdict below."""
    verdict = [line for s in data.sentences for line in textwrap.wrap(f"• {s}", 122, subsequent_indent="   ")]
    figure = style.new_figure(11.0, 5.2 + 0.21 * len(verdict))
    heights = [1.0, 1.0, 0.085 * len(verdict) + 0.01]
    panels = figure.subplot_mosaic(
        [["before", "ratio"], ["after", "ratio"], ["verdict", "verdict"]],
        height_ratios=heights,
        width_ratios=[1.25, 1.0],
    )
    style.headline(figure, data.message)
    counts = [("before", data.before, data.published_before), ("after", data.after, data.published_after)]
    for (name, shares, band), look in zip(counts, (style.BEFORE, style.AFTER), strict=True):
        _counts(panels[name], name, shares, band, look, data)
    panels["before"].tick_params(labelbottom=False)
    panels["after"].set_xlabel(f"Patients without a relapse in the year (of {data.patients})")
    _ratios(panels["ratio"], data)
    panels["verdict"].set_axis_off()
    panels["verdict"].text(
        0.0, 1.0, "\n".join(verdict), va="top", linespacing=1.45, transform=panels["verdict"].transAxes
    )
    style.footnote(figure, f"{data.study} replayed in {data.trials:,} simulated studies of {data.patients} patients.")
    return figure


def _counts(axes: Axes, name: str, shares: Floats, band: Band | None, look: style.Look, data: ReplayData) -> None:
    median = data.before_median if name == "before" else data.after_median
    axes.bar(
        np.arange(len(shares)),
        shares,
        0.86,
        color=look.colour,
        hatch=look.hatch,
        edgecolor="white",
        linewidth=0.0,
        zorder=2,
    )
    top = 1.42 * max(float(data.before.max()), float(data.after.max()))
    axes.set_ylim(0.0, top)
    axes.set_xlim(-0.7, data.patients + 0.7)
    axes.set_ylabel("Share of studies")
    axes.yaxis.set_major_formatter(lambda y, _: style.percent(y))
    axes.locator_params(axis="y", nbins=4)
    axes.set_title(f"Relapse-free in the year {name}: {median:g} of {data.patients} predicted")
    if band:
        low, high = band.low - 0.5, band.high + 0.5
        axes.axvspan(low, high, color=style.VERMILLION, alpha=0.25, linewidth=0.0, zorder=1)
        for edge in (low, high):
            axes.axvline(edge, color=style.VERMILLION, linewidth=1.2, zorder=3)
        left = high < 0.6 * data.patients
        axes.annotate(
            f"published: {band}",
            (high if left else low, 0.93 * top),
            xytext=(5 if left else -5, 0),
            textcoords="offset points",
            ha="left" if left else "right",
            va="center",
            color=style.VERMILLION,
            fontweight="bold",
        )
    style.bare(axes)


def _ratios(axes: Axes, data: ReplayData) -> None:
    axes.set_title("Relapse rate, after / before")
    axes.set_xlabel("Ratio of relapses per year, after / before (log scale)")
    axes.set_ylabel("Share of studies")
    axes.yaxis.set_major_formatter(lambda y, _: style.percent(y))
    style.bare(axes)
    if not len(data.ratio):
        axes.text(0.5, 0.5, "no study has a ratio", ha="center", transform=axes.transAxes)
        return
    band = data.published_ratio
    logs = np.log(data.ratio)
    ends = np.quantile(logs, [0.001, 0.999])
    low, high = min(float(ends[0]), -0.3) - 0.1, max(float(ends[1]), 0.3) + 0.1
    bins = np.linspace(low, high, int(np.clip(2.0 * len(logs) ** (1.0 / 3.0), 12, 45)) + 1)
    weights = np.full(len(logs), 1.0 / len(logs))
    heights, _, _ = axes.hist(
        np.exp(np.clip(logs, low, high)),
        np.exp(bins),
        weights=weights,
        color=style.AFTER.colour,
        edgecolor="white",
        zorder=2,
    )
    top = 1.42 * float(np.max(heights))
    axes.set_ylim(0.0, top)
    style.ratio_axis(axes, float(np.exp(low)), float(np.exp(high)))
    axes.axvline(data.ratio_median, color=style.INK, linestyle="--", linewidth=1.5, zorder=3)
    _beside(
        axes, data.ratio_median, 0.93 * top, f"predicted\nmedian {style.number(data.ratio_median)}", "right", style.INK
    )
    if band:
        if band.high > band.low:
            axes.axvspan(band.low, band.high, color=style.VERMILLION, alpha=0.25, linewidth=0.0, zorder=1)
        for edge in {band.low, band.high}:
            axes.axvline(edge, color=style.VERMILLION, linewidth=2.5, zorder=3)
        words = "unchanged,\nas published" if band.low <= 1.0 <= band.high else f"published:\n{band}"
        _beside(axes, band.high, 0.93 * top, words, "left", style.VERMILLION)
        share = style.percent(data.share_at_least(band.low))
        axes.text(
            0.99, 0.62, f"{share} of studies\nat {band.low:g} or above", ha="right", va="top", transform=axes.transAxes
        )


def _beside(axes: Axes, x: float, y: float, words: str, side: str, colour: str) -> None:
    axes.annotate(
        words,
        (x, y),
        xytext=(-5 if side == "right" else 5, 0),
        textcoords="offset points",
        ha="right" if side == "right" else "left",
        va="center",
        color=colour,
        fontweight="bold",
    )
