"""The relapse rate of the enrolled month by month, before and after entry, with nothing done to anybody."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from sim.core.units import DAYS_PER_MONTH, years
from sim.data.cohort import Cohort, cohort, counted
from sim.engines.records import TrialRecords
from sim.engines.world import potential
from sim.model.veins import NONE
from sim.report import style
from sim.study.play import Play

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

MONTHS: Final = 24
LOOK_BACK_YEARS: Final = 2.0


@dataclass(frozen=True)
class MonthlyCounts:
    """Counts of one trial: `enrolled` (patients, 48 months) of true relapses; all the screened, and their relapses in
    the two years before screening."""

    enrolled: Ints
    screened: int
    screened_relapses: int


@dataclass(frozen=True)
class Untreated:
    """Answers one trial's monthly counts in the world in which nobody has any procedure or leaves; picklable."""

    play: Play

    def __call__(self, trial: int) -> MonthlyCounts:
        """Play trial number `trial` and count."""
        return monthly_counts(self.play.records(trial, potential(float(NONE), True)))


def monthly_counts(records: TrialRecords) -> MonthlyCounts:
    """Count true relapses by month from study day 1 (24 before, 24 after), patient by patient.

    For the source population, count them over all screened candidates in the two years before their screening.
    """
    subjects, relapses = records.subjects, records.relapses
    words = (subjects["site"] << 32) | subjects["arrival"]
    place = np.searchsorted(words, (relapses["site"] << 32) | relapses["arrival"])
    screening = subjects["screening_time"][place]
    onset = relapses["onset"]
    kept = (relapses["pseudo"] == 0) & (onset <= screening) & (onset > screening - years(LOOK_BACK_YEARS))
    return MonthlyCounts(by_month(cohort(records)), len(subjects), int(kept.sum()))


def by_month(people: Cohort) -> Ints:
    """Give true relapses as an array (patients, 48): month 24 begins on study day 1."""
    kept = (people.relapse_row >= 0) & counted(people.relapses, "true")
    rows = people.relapse_row[kept]
    since = people.relapses["onset"][kept] - people.subjects["day_1"][rows]
    month = np.floor(since / DAYS_PER_MONTH).astype(np.int64) + MONTHS
    inside = (month >= 0) & (month < 2 * MONTHS)
    table = np.zeros((people.size, 2 * MONTHS), np.int64)
    np.add.at(table, (rows[inside], month[inside]), 1)
    return table


@dataclass(frozen=True)
class MonthlyRateData:
    """What the picture shows: relapses a year, month by month (48, their middles in `months`), with standard errors.

    `year_before` and `year_after` are the two years around entry, `two_before` the year before those; `falls` and
    `rises` tell whether the rate falls after entry and rose before it by more than 1.96 standard errors.
    """

    name: str
    patients: int
    months: Floats
    rate: Floats
    error: Floats
    population: float
    two_before: float
    year_before: float
    year_after: float
    on_study: float
    falls: bool
    rises: bool
    medication: bool

    @property
    def message(self) -> str:
        """What the picture says, from the data."""
        who = "Nobody had the procedure" if self.medication else "Nobody was treated"
        if self.falls and self.rises:
            return f"{who}: the rate falls because patients enter at their worst"
        before, after = style.number(self.year_before), style.number(self.year_after)
        return f"{who}: {before} relapses a year before entry, {after} after"


def monthly_rate_data(name: str, trials: list[MonthlyCounts], medication: bool = False) -> MonthlyRateData:
    """Compute the picture from the counts of many trials; `medication` tells whether patients could start any."""
    table = np.concatenate([t.enrolled for t in trials])
    n = len(table)
    screened = sum(t.screened for t in trials)
    years_apart = [table[:, i : i + 12].sum(axis=1) for i in (0, 12, 24)]
    earlier, before, after = years_apart
    return MonthlyRateData(
        name=name,
        patients=n,
        months=np.arange(-MONTHS, MONTHS, dtype=np.float64) + 0.5,
        rate=12.0 * table.mean(axis=0),
        error=12.0 * table.std(axis=0, ddof=1) / math.sqrt(n),
        population=sum(t.screened_relapses for t in trials) / (LOOK_BACK_YEARS * screened),
        two_before=float(earlier.mean()),
        year_before=float(before.mean()),
        year_after=float(after.mean()),
        on_study=float(table[:, MONTHS:].sum(axis=1).mean()) * 12.0 / MONTHS,
        falls=_above(before - after),
        rises=_above(before - earlier),
        medication=medication,
    )


def _above(differences: Ints) -> bool:
    """Tell whether a mean difference is above zero by more than 1.96 standard errors."""
    error = float(differences.std(ddof=1)) / math.sqrt(len(differences))
    return float(differences.mean()) > style.Z95 * error


@style.drawn
def monthly_rate_figure(data: MonthlyRateData) -> Figure:
    """Draw the monthly rate with its ribbon, the moment of entry, and what the rate is in the long run."""
    figure = style.new_figure(9.5, 5.2)
    axes = figure.subplots()
    style.headline(figure, data.message, 80)
    low, high = data.rate - style.Z95 * data.error, data.rate + style.Z95 * data.error
    axes.fill_between(data.months, low, high, color=style.SKY, alpha=0.55, linewidth=0.0)
    axes.plot(data.months, data.rate, color=style.BLUE, marker="o", markersize=3.5)
    axes.axvline(0.0, color=style.INK, linewidth=1.2)
    top = 1.12 * float(high.max())
    axes.set_ylim(0.0, top)
    axes.set_xlim(-MONTHS - 0.5, MONTHS + 0.5)
    axes.text(0.4, 0.985 * top, "entry into the study", va="top", fontweight="bold")
    axes.plot([0.0, MONTHS], [data.on_study] * 2, color=style.VERMILLION, linestyle="--", linewidth=1.8)
    axes.axhline(data.population, color=style.GREY, linestyle=":", linewidth=1.8)
    style.bare(axes)
    axes.set_xticks(range(-MONTHS, MONTHS + 1, 6), [style.number(m, 0) for m in range(-MONTHS, MONTHS + 1, 6)])
    axes.set_xlabel("Months from study day 1")
    axes.set_ylabel("True relapses per patient and year")
    _name_lines(axes, data, top)
    style.footnote(
        figure,
        f"Scenario {data.name}: {data.patients:,} patients who met the entry rule. Ribbon: ±1.96 standard errors.",
        120,
    )
    return figure


def _name_lines(axes: Axes, data: MonthlyRateData, top: float) -> None:
    axes.annotate(
        f"on study: {style.number(data.on_study)} a year",
        (MONTHS, data.on_study),
        xytext=(0, 22),
        textcoords="offset points",
        ha="right",
        color=style.VERMILLION,
        fontweight="bold",
    )
    axes.annotate(
        f"all who came to screening: {style.number(data.population)} a year",
        (-MONTHS, data.population),
        xytext=(0, -6),
        textcoords="offset points",
        va="top",
        color=style.GREY,
        fontweight="bold",
    )
    for start, words in (
        (-12.0, f"year before: {style.number(data.year_before)}"),
        (0.0, f"year after: {style.number(data.year_after)}"),
    ):
        ends = (start + 0.2, 0.07 * top), (start + 11.8, 0.07 * top)
        axes.annotate("", *ends, arrowprops={"arrowstyle": "<->", "color": style.INK, "linewidth": 1.0})
        axes.text(start + 6.0, 0.085 * top, words, ha="center", va="bottom")
