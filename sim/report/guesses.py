"""Treatment guesses: what patients, physicians and assessors guess by arm, early and at the end, and Bang's index."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Final

from sim.data.guesses import ANSWERS
from sim.report import style
from sim.study.blinding import Blinding, Index, MeanIndex, TrialGuesses

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

SAID: Final = {
    "angioplasty": (style.BLUE, "", "guess angioplasty", "white"),
    "dont_know": (style.PALE, "////", "don't know", style.INK),
    "sham": (style.ORANGE, "", "guess sham", style.INK),
}
"""How each answer is drawn, from left to right: colour, hatch, name, colour of its figure."""

WHEN: Final = {"early": "Early", "end": "At the end"}
ARM_LOOKS: Final = (style.Look(style.BLUE, "", "o", "-"), style.Look(style.VERMILLION, "", "D", "-"))
ROW, HOLDERS_APART, OCCASIONS_APART, LEAST_SHOWN = 1.0, 0.5, 1.3, 0.08
BELOW_INCHES: Final = 0.72


@dataclass(frozen=True)
class GuessRow:
    """One question in one arm: shares of the answers (NaN: nobody was asked), Bang's index and its interval."""

    occasion: str
    holder: str
    arm: str
    number: int
    shares: dict[str, float]
    bang: float
    lower: float
    upper: float


@dataclass(frozen=True)
class GuessesData:
    """What the picture shows, an arm after the other within a question, and in words where it comes from."""

    rows: tuple[GuessRow, ...]
    source: str

    @property
    def message(self) -> str:
        """What the picture says, from the data: the patients' last guesses."""
        last = [r for r in self.rows if r.holder == "patient"][-2:]
        treated, sham = (style.percent(r.shares["angioplasty"]) for r in last)
        return (
            f"{WHEN[last[0].occasion]}, {treated} of patients given angioplasty and {sham} given sham guess angioplasty"
        )


def trial_data(name: str, guesses: Sequence[TrialGuesses], trial: int, seed: int, alpha: float) -> GuessesData:
    """Take the picture's numbers from one trial."""
    rows = []
    for g in guesses:
        for number, (arm, said) in enumerate(g.answers.items()):
            asked = sum(said.values())
            shares = {answer: n / asked if asked else math.nan for answer, n in said.items()}
            rows.append(_row(g.occasion, g.holder, arm, number, shares, g.bang[arm]))
    level = f"{100.0 * (1.0 - alpha):g}% confidence intervals (Wald)"
    return GuessesData(tuple(rows), f"{name}, trial {trial} of seed {seed}. Bars at Bang's index: {level}.")


def run_data(name: str, blinding: Sequence[Blinding], trials: int, seed: int) -> GuessesData:
    """Take the picture's numbers from a run of many trials."""
    rows = []
    for b in blinding:
        for number, (arm, said) in enumerate(b.answers.items()):
            shares = {answer: share.mean for answer, share in said.items()}
            rows.append(_row(b.occasion, b.holder, arm, number, shares, b.bang[arm]))
    source = (
        f"{name}: means over {trials:,} trials, seed {seed}. Bars at Bang's index: 95% of single trials lie within."
    )
    return GuessesData(tuple(rows), source + _errors(blinding))


def _errors(blinding: Sequence[Blinding]) -> str:
    """Say how large the Monte Carlo standard errors are at most; nothing where one trial gives none."""
    share = _largest(s for b in blinding for said in b.answers.values() for s in said.values())
    index = _largest(i for b in blinding for i in b.bang.values())
    if math.isnan(share) or math.isnan(index):
        return ""
    return f" Monte Carlo standard errors: of a share at most {100.0 * share:.2f}%, of an index {index:.3f}."


def _largest(means: Iterable[MeanIndex]) -> float:
    return max((m.mcse for m in means if not math.isnan(m.mcse)), default=math.nan)


def _row(
    occasion: str, holder: str, arm: str, number: int, shares: dict[str, float], index: Index | MeanIndex
) -> GuessRow:
    value = index.value if isinstance(index, Index) else index.mean
    return GuessRow(occasion, holder, arm, number, shares, value, index.lower, index.upper)


@style.drawn
def guesses_figure(data: GuessesData) -> Figure:
    """Draw a row an arm and question: the answers at the left, Bang's index at the right."""
    places = _places(data.rows)
    figure = style.new_figure(11.0, 2.3 + 0.3 * places[-1])
    left, right = figure.subplots(1, 2, sharey=True, width_ratios=(1.25, 1.0))
    style.headline(figure, data.message, 92)
    for y, row in zip(places, data.rows, strict=True):
        _answers(left, y, row)
        _index(right, y, row)
    left.set_yticks(places, [f"{r.holder}, {r.arm.replace('_', ' ')}" for r in data.rows])
    left.set_ylim(places[-1] + 0.8, -OCCASIONS_APART)
    for y, row, before in zip(places, data.rows, (None, *data.rows), strict=False):
        if before is None or before.occasion != row.occasion:
            left.text(0.0, y - 0.62, WHEN[row.occasion], fontweight="bold", va="bottom")
    _finish_answers(left)
    _finish_index(right)
    style.footnote(figure, data.source, 140)
    return figure


def _places(rows: Sequence[GuessRow]) -> list[float]:
    """Give each row's height: arms close together, holders apart, occasions further."""
    places = [0.0]
    for above, row in pairwise(rows):
        gap = OCCASIONS_APART if above.occasion != row.occasion else 0.0
        gap += HOLDERS_APART if above.holder != row.holder else 0.0
        places.append(places[-1] + ROW + gap)
    return places


def _answers(axes: Axes, y: float, row: GuessRow) -> None:
    """Draw the shares of the answers as one bar."""
    start = 0.0
    for answer in SAID:
        colour, hatch, _, ink = SAID[answer]
        share = row.shares[answer]
        if share > 0.0:
            axes.barh(y, share, left=start, height=0.86, color=colour, hatch=hatch, edgecolor="white", linewidth=1.0)
            start += share
        if share >= LEAST_SHOWN:
            box = {"facecolor": colour, "edgecolor": "none", "pad": 1.5}  # a hatch must not run behind a figure
            words = style.percent(share)
            axes.text(start - share / 2.0, y, words, ha="center", va="center", color=ink, fontsize=9.0, bbox=box)


def _index(axes: Axes, y: float, row: GuessRow) -> None:
    """Draw Bang's index with its interval, if it has one."""
    look = ARM_LOOKS[row.number]
    if row.lower <= row.upper:
        axes.plot([row.lower, row.upper], [y, y], color=look.colour, linewidth=1.6, zorder=2)
    face = look.colour if row.number == 0 else "white"
    axes.plot(row.bang, y, marker=look.marker, color=look.colour, markerfacecolor=face, markersize=7, zorder=3)


def _finish_answers(axes: Axes) -> None:
    """Name the answers and the axis."""
    from matplotlib.patches import Patch

    marks = [Patch(facecolor=c, hatch=h, edgecolor="white", label=name) for c, h, name, _ in SAID.values()]
    _legend(axes, marks, len(ANSWERS))
    axes.set_xlim(0.0, 1.0)
    axes.set_xticks([0.0, 0.25, 0.5, 0.75, 1.0], ["0%", "25%", "50%", "75%", "100%"])
    axes.set_xlabel("Share of those asked (%)")
    axes.set_title("Who guessed what")
    style.bare(axes, "bottom")


def _legend(axes: Axes, marks: Sequence[Artist], columns: int) -> None:
    """Name the marks below the axis: so many inches below, whatever the number of rows, clear of two lines of ticks."""
    from matplotlib.transforms import ScaledTranslation

    below = axes.transAxes + ScaledTranslation(0.0, -BELOW_INCHES, axes.figure.dpi_scale_trans)
    axes.legend(handles=marks, loc="upper center", bbox_to_anchor=(0.5, 0.0), bbox_transform=below, ncols=columns)


def _finish_index(axes: Axes) -> None:
    """Name the arms and say what the index's values mean."""
    from matplotlib.lines import Line2D

    axes.axvline(0.0, color=style.GREY, linestyle="--", linewidth=1.0, zorder=0)
    names = ("arm given angioplasty", "arm given sham")
    marks = [
        Line2D([], [], color=k.colour, marker=k.marker, label=name, markerfacecolor=k.colour if i == 0 else "white")
        for i, (k, name) in enumerate(zip(ARM_LOOKS, names, strict=True))
    ]
    _legend(axes, marks, 2)
    axes.set_xlim(-1.05, 1.05)
    axes.set_xticks([-1.0, -0.5, 0.0, 0.5, 1.0], ["−1\nall wrong", "−0.5", "0\na coin", "0.5", "1\nall right"])
    axes.set_xlabel("Bang's index (share right less share wrong)")
    axes.set_title("Did they guess right?")
    style.bare(axes, "bottom")
