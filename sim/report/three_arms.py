"""Where a before-after change comes from: regression and natural course, placebo, effect, told apart by three arms."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from sim.analysis.trial import baseline
from sim.core.errors import ShamtrialError
from sim.data.cohort import Cohort, at_visit, window
from sim.report import style
from sim.scenario.schema import Scenario
from sim.study.play import Play

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Floats = NDArray[np.float64]

KINDS: Final = ("none", "sham", "angioplasty")
YEAR_MONTHS: Final = 12.0


@dataclass(frozen=True)
class ArmChanges:
    """Answers, for one trial, the mean before-after change of each arm; picklable."""

    play: Play

    def __call__(self, trial: int) -> Floats:
        """Give an array (2 quantities, 3 arms), see `arm_changes`."""
        return arm_changes(self.play.scenario, self.play.people(trial))


def arms_of(scenario: Scenario) -> tuple[int, int, int]:
    """Give the numbers of the arms with no treatment, sham and angioplasty; ShamtrialError where one is missing."""
    kinds = [arm.procedure for arm in scenario.arm]
    missing = [kind for kind in KINDS if kind not in kinds]
    if missing:
        raise ShamtrialError(
            f"arm: found {', '.join(kinds) or 'none at all'}; allowed: arms with procedures {', '.join(KINDS)} "
            f"(no arm has {' or '.join(missing)})"
        )
    none, sham, angioplasty = (kinds.index(kind) for kind in KINDS)
    return none, sham, angioplasty


def arm_changes(scenario: Scenario, people: Cohort) -> Floats:
    """Give an array (2 quantities, 3 arms: none, sham, angioplasty); NaN for an arm in which nobody was seen.

    Quantities: relapses a year, as reported in the first year on study less as recalled of the year before; MSQOL-54
    physical, at the last visit less at baseline, of those seen at both.
    """
    recalled = baseline(scenario, "reported", people, -YEAR_MONTHS, 0.0)
    reported = window(people, "reported", 0.0, YEAR_MONTHS)
    visits = scenario.visits.months
    gain = at_visit(people, "quality", len(visits) - 1) - at_visit(people, "quality", visits.index(0.0))
    found = np.full((2, 3), math.nan)
    for column, arm in enumerate(arms_of(scenario)):
        own = people.subjects["arm"] == arm
        years, seen = float(reported.years[own].sum()), own & ~np.isnan(gain)
        if years > 0.0:
            rate = float(reported.counts[own].sum()) / years
            found[0, column] = rate - float(recalled.counts[own].sum()) / float(recalled.years[own].sum())
        if seen.any():
            found[1, column] = float(gain[seen].mean())
    return found


@dataclass(frozen=True)
class Part:
    """One part of a change: its size and Monte Carlo standard error (NaN with a single trial)."""

    name: str
    how: str
    value: float
    error: float


@dataclass(frozen=True)
class Change:
    """The change of one quantity in the angioplasty arm, taken apart: `parts` add up to `whole`."""

    label: str
    unit: str
    favourable: int
    digits: int
    parts: tuple[Part, Part, Part]
    whole: Part


@dataclass(frozen=True)
class ThreeArmsData:
    """What the picture shows: relapses a year, then MSQOL-54 physical."""

    name: str
    trials: int
    rate: Change
    quality: Change

    @property
    def message(self) -> str:
        """What the picture says, from the data."""
        none, whole = self.rate.parts[0].value, self.rate.whole.value
        if not (whole < 0.0 and none < 0.0):
            with_it, without = style.number(whole, 2, sign=True), style.number(none, 2, sign=True)
            return f"Relapses a year change by {with_it} after angioplasty, by {without} with no treatment"
        if none <= whole:
            return "The whole fall in relapses after angioplasty also happens with no treatment"
        share = style.percent(none / whole)
        return f"{share} of the fall in relapses after angioplasty happens with no treatment at all"


def three_arms_data(name: str, changes: list[Floats] | Floats) -> ThreeArmsData:
    """Compute the picture from `arm_changes` of many trials; trials in which an arm was not seen are left out."""
    table = np.asarray(changes, np.float64).reshape(-1, 2, 3)
    return ThreeArmsData(
        name=name,
        trials=len(table),
        rate=_change("Relapse rate", "relapses per year", -1, 2, table[:, 0]),
        quality=_change("Quality of life (MSQOL-54 physical)", "points", 1, 1, table[:, 1]),
    )


def _change(label: str, unit: str, favourable: int, digits: int, table: Floats) -> Change:
    none, sham, angioplasty = table[~np.isnan(table).any(axis=1)].T
    return Change(
        label,
        unit,
        favourable,
        digits,
        (
            _part("No treatment at all", "regression, natural course, recall", none),
            _part("Placebo, reporting", "sham − no treatment", sham - none),
            _part("Effect of angioplasty", "angioplasty − sham", angioplasty - sham),
        ),
        _part("Whole change", "angioplasty arm", angioplasty),
    )


def _part(name: str, how: str, values: Floats) -> Part:
    n = len(values)
    mean = float(values.mean()) if n else math.nan
    return Part(name, how, mean, float(values.std(ddof=1)) / math.sqrt(n) if n > 1 else math.nan)


LOOKS: Final = (
    style.Look(style.SKY, "////", "s", "-"),
    style.Look(style.ORANGE, "xxxx", "o", "-"),
    style.Look(style.BLUE, "", "D", "-"),
)
WHOLE: Final = style.Look(style.GREY, "", "o", "-")


@style.drawn
def three_arms_figure(data: ThreeArmsData) -> Figure:
    """Draw a waterfall for each quantity: from no change at all to the whole change after angioplasty."""
    figure = style.new_figure(11.0, 4.7)
    left, right = figure.subplots(1, 2, sharey=True)
    style.headline(figure, data.message, 92)
    _waterfall(left, data.rate, "first year on study − recalled year before")
    _waterfall(right, data.quality, "last visit − baseline")
    left.set_yticks(range(4), [f"{p.name}\n({p.how})" for p in (*data.rate.parts, data.rate.whole)])
    left.tick_params(axis="y", labelsize=style.BODY)
    left.set_ylim(3.55, -0.55)
    style.footnote(
        figure,
        f"Scenario {data.name}, {data.trials:,} trials. Relapses as a trial sees them: recalled, then reported. "
        "Thin lines: ±1.96 MCSE (Monte Carlo).",
        130,
    )
    return figure


def _waterfall(axes: Axes, change: Change, how: str) -> None:
    start, reach = 0.0, [0.0]
    for place, (part, look) in enumerate(zip((*change.parts, change.whole), (*LOOKS, WHOLE), strict=True)):
        if place == 3:
            start = 0.0
        end = start + part.value
        axes.barh(place, part.value, 0.62, start, color=look.colour, hatch=look.hatch, edgecolor="white", linewidth=0.0)
        axes.errorbar(end, place, xerr=style.Z95 * part.error, color=style.INK, capsize=3, linewidth=1.2, fmt="none")
        if place < 3:
            axes.plot([end, end], [place - 0.31, place + 1.31], color=style.GREY, linewidth=0.8, linestyle=":")
        reach += [end - style.Z95 * part.error, end + style.Z95 * part.error]
        _size(axes, place, start, part, change)
        start = end
    known = [x for x in reach if not math.isnan(x)]
    room = 0.28 * (max(known) - min(known)) + 1e-9
    axes.set_xlim(min(known) - room, max(known) + room)
    axes.axvline(0.0, color=style.INK, linewidth=1.0)
    better = "← better" if change.favourable < 0 else "better →"
    axes.set_title(change.label)
    axes.set_xlabel(f"Change in {change.unit}, {better}\n({how})")
    style.bare(axes, "bottom")


def _size(axes: Axes, place: int, start: float, part: Part, change: Change) -> None:
    """Write the size of a part beyond the end of its bar."""
    end = start + part.value
    forward = 1.0 if part.value >= 0.0 else -1.0
    error = 0.0 if math.isnan(part.error) else style.Z95 * part.error
    axes.annotate(
        style.number(part.value, change.digits, sign=True),
        (end + forward * error, place),
        xytext=(6.0 * forward, 0),
        textcoords="offset points",
        ha="left" if forward > 0.0 else "right",
        va="center",
        fontsize=style.LARGE,
        fontweight="bold",
    )
