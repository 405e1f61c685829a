"""The picture of the question turned round: at which strengths of which mechanism a result becomes ordinary."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from sim.report import style
from sim.study.explain import ExplainResult

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

SHIPPED: Final = "as shipped"
SHUT: Final = 0.75  # the gap between mechanisms, in rows


@dataclass(frozen=True)
class Strength:
    """A mechanism at one strength: of how many settings that have it the result is ordinary in how many."""

    mechanism: str
    words: str
    ordinary: int
    settings: int

    @property
    def name(self) -> str:
        """The strength in words that stand alone."""
        return f"{self.mechanism} {self.words}" if self.words == SHIPPED else self.words

    @property
    def share(self) -> float:
        """The share of the settings in which the result is ordinary."""
        return self.ordinary / self.settings


def strengths(result: ExplainResult) -> list[list[Strength]]:
    """Give each mechanism's strengths in the grid's order, those first whose strength matters most."""
    found = [list(_of(result, name)) for name in result.settings[0].levels]
    return sorted(found, key=lambda own: min(s.share for s in own) - max(s.share for s in own))


def _of(result: ExplainResult, name: str) -> Iterator[Strength]:
    """Give one mechanism's strengths, as shipped first."""
    levels = sorted({s.levels[name] for s in result.settings}, key=lambda words: (words != SHIPPED, words))
    for words in levels:
        own = [s for s in result.settings if s.levels[name] == words]
        yield Strength(name, words, sum(s.verdict == "ordinary" for s in own), len(own))


def message(result: ExplainResult) -> str:
    """Say in how many settings the result is ordinary, and which strengths all of these have."""
    n, of = len(result.ordinary), len(result.settings)
    if not n:
        return f"{result.study}: with no effect none of {of} settings makes the result ordinary"
    only = [own for own in strengths(result) if sum(s.ordinary > 0 for s in own) == 1 < len(own)]
    needed = [s.name for own in only for s in own if s.ordinary]
    tail = f", all with {' and '.join(needed)}" if needed else ""
    return f"{result.study}: with no effect {n} of {of} settings make the result ordinary{tail}"


@style.drawn
def explain_figure(result: ExplainResult) -> Figure:
    """Draw a bar a strength, grouped by mechanism: in what share of its settings the result is ordinary."""
    groups = strengths(result)
    lines = sum(map(len, groups)) + SHUT * len(groups)
    figure = style.new_figure(10.5, 2.0 + 0.27 * lines)
    axes = figure.subplots()
    style.headline(figure, message(result), 84)
    places, names = _draw(axes, groups)
    axes.set_yticks(places, names)
    axes.set_ylim(places[-1] + 0.9, -0.9)
    axes.set_xlim(0.0, 1.12 * max([0.05, *(s.share for own in groups for s in own)]))
    axes.locator_params(axis="x", steps=[1, 2, 5, 10])
    axes.xaxis.set_major_formatter(lambda x, _: style.percent(x))
    axes.set_xlabel("Share of the settings with this strength in which the published result is ordinary (%)")
    style.bare(axes, "bottom")
    style.footnote(
        figure,
        f"{len(result.settings)} settings, every combination of these strengths, veins that do nothing; "
        f"{result.trials} replays each, seed {result.seed}. Ordinary: 5% of the replays or more lie as far out, beyond "
        "1.96 Monte Carlo standard errors. What the grid can't say: which setting was that of the study.",
        130,
    )
    return figure


def _draw(axes: Axes, groups: list[list[Strength]]) -> tuple[list[float], list[str]]:
    """Draw the bars; give where each stands and its name."""
    places: list[float] = []
    names: list[str] = []
    y = 0.0
    for own in groups:
        for s in own:
            shipped = s.words == SHIPPED
            look = style.Look(style.GREY, "", "s", "-") if shipped else style.Look(style.BLUE, "////", "s", "-")
            axes.barh(y, s.share, 0.8, color=look.colour, hatch=look.hatch, edgecolor="white", linewidth=0.0)
            words = f"{s.ordinary} of {s.settings}" if s.ordinary else f"none of {s.settings}"
            axes.annotate(words, (s.share, y), (4, 0), textcoords="offset points", va="center", fontsize=style.SMALL)
            places.append(y)
            names.append(f"{s.mechanism}: {s.words}" if shipped else s.words)
            y += 1.0
        y += SHUT
    return places, names
