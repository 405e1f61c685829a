"""The 2009 study replayed: what the scenario predicts, with the published figures drawn over it."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from sim.report import style
from sim.scenario.beliefs import beliefs_of
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

    `before` and `after` are shares of the trials by count 0, 1, ..., `patients`; medians are counts; `ratio` are the
    ratios that exist, `no_ratio` counts the trials without one (no relapse before); a band is None where nothing was
    published.
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
    beliefs: str

    @property
    def message(self) -> str:
        """What the picture says, from the data."""
        before, after, n = round(self.before_median), round(self.after_median), self.patients
        if self.null:
            link = "yet" if after > before else "and"
            return f"No true effect, {link} {before} of {n} are relapse-free before and {after} after"
        return f"With the scenario's effect, {before} of {n} are relapse-free before and {after} after"

    def at_least(self, ratio: float) -> int:
        """How many trials have a ratio of rates of `ratio` or more."""
        return int((self.ratio >= ratio).sum())


def replay_data(result: Replayed, scenario: Scenario) -> ReplayData:
    """Compute the picture of a replay; the published figures are those of the scenario that was replayed."""
    ratio = np.asarray(result.ratio, np.float64)
    finite = ratio[np.isfinite(ratio)]
    figures = scenario.published.figure
    return ReplayData(
        study=result.study,
        trials=result.trials,
        patients=result.patients,
        null=scenario.no_effect,
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
        beliefs=beliefs_of(scenario).words,
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
    panels = figure.subplot_mosaic(
        [["before", "ratio"], ["after", "ratio"], ["verdict", "verdict"]],
        height_ratios=[1.0, 1.0, 0.085 * len(verdict) + 0.01],
        width_ratios=[1.25, 1.0],
    )
    style.headline(figure, data.message)
    _counts(panels["before"], "before", data, style.BEFORE)
    _counts(panels["after"], "after", data, style.AFTER)
    panels["before"].tick_params(labelbottom=False)
    panels["after"].set_xlabel(f"Patients without a relapse in the year (of {data.patients})")
    _ratios(panels["ratio"], data)
    words = panels["verdict"]
    words.set_axis_off()
    words.text(0.0, 1.0, "\n".join(verdict), va="top", linespacing=1.45, transform=words.transAxes)
    without = f" {data.no_ratio:,} without a relapse before have no ratio." if data.no_ratio else ""
    style.footnote(
        figure,
        f"{data.study} replayed in {data.trials:,} simulated studies of {data.patients} patients, "
        f"{data.beliefs}.{without}",
    )
    return figure


def _counts(axes: Axes, name: str, data: ReplayData, look: style.Look) -> None:
    before = name == "before"
    shares, median, band = (
        (data.before, data.before_median, data.published_before)
        if before
        else (data.after, data.after_median, data.published_after)
    )
    places = np.arange(len(shares))
    axes.bar(places, shares, 0.86, color=look.colour, hatch=look.hatch, edgecolor="white", linewidth=0.0, zorder=2)
    axes.set_ylim(0.0, 1.42 * max(float(data.before.max()), float(data.after.max())))
    axes.set_xlim(-0.7, data.patients + 0.7)
    _shares_up(axes)
    axes.set_title(f"Relapse-free in the year {name}: {median:g} of {data.patients} predicted")
    if band:
        low, high = band.low - 0.5, band.high + 0.5
        axes.axvspan(low, high, color=style.VERMILLION, alpha=0.25, linewidth=0.0, zorder=1)
        left = low > 0.6 * data.patients
        axes.axvline(high if left else low, color=style.VERMILLION, linewidth=2.0, zorder=3)
        _published(axes, low if left else high, f"published: {band}", "left" if left else "right")


def _ratios(axes: Axes, data: ReplayData) -> None:
    axes.set_title("Rate, after / before")
    axes.set_xlabel("Relapses per year after / relapses per year before (ratio)")
    _shares_up(axes)
    if not len(data.ratio):
        axes.text(0.5, 0.5, "no study has a ratio", ha="center", transform=axes.transAxes)
        return
    right = max(1.0, float(data.ratio.max()), data.published_ratio.high if data.published_ratio else 0.0)
    bins = np.linspace(0.0, right, int(np.clip(2.0 * len(data.ratio) ** (1.0 / 3.0), 12, 40)) + 1)
    shares = np.histogram(data.ratio, bins)[0] / len(data.ratio)
    axes.bar(bins[:-1], shares, np.diff(bins), align="edge", color=style.AFTER.colour, edgecolor="white", zorder=2)
    axes.set_ylim(0.0, 1.42 * float(shares.max()))
    axes.set_xlim(0.0, 1.5 * right)
    axes.set_title(f"Rate, after / before: {style.number(data.ratio_median)} predicted (dashed)")
    axes.axvline(data.ratio_median, color=style.INK, linestyle="--", zorder=3)  # named in the title: no room beside it
    band = data.published_ratio
    if band:
        axes.axvspan(band.low, band.high, color=style.VERMILLION, alpha=0.25, linewidth=0.0, zorder=1)
        if band.low < band.high:
            axes.axvline(band.low, color=style.VERMILLION, linewidth=2.0, zorder=3)
        unchanged = "unchanged,\nas published" if band.low == band.high == 1.0 else f"published:\n{band}"
        _published(axes, band.high, f"{unchanged}\n\n{_so_many(data, band.low)}", "right")


def _so_many(data: ReplayData, ratio: float) -> str:
    found, of = data.at_least(ratio), len(data.ratio)
    many = style.percent(found / of) if found else f"none of {of:,}"
    return f"{many} of studies\nat {ratio:g} or above" if found else f"{many}\nsimulated studies\nat {ratio:g} or above"


def _published(axes: Axes, x: float, words: str, side: str) -> None:
    style.upright(axes, x, 0.985, words, (style.VERMILLION, "-"), side)


def _shares_up(axes: Axes) -> None:
    axes.set_ylabel("Share of studies (%)")
    axes.yaxis.set_major_formatter(lambda y, _: style.percent(y))
    axes.locator_params(axis="y", nbins=4)
    style.bare(axes)
