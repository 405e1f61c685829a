"""The restenosis picture: how often a restenosis is found in those who relapsed, by how it was looked for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sim.report import style
from sim.study.restenosis import RestenosisResult, SettingResult, Share

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

SOME: Final = 0.05  # a share of studies that is worth a headline
EVERYONE: Final = style.Look(style.GREY, "", "o", "")
THOSE: Final = style.Look(style.BLUE, "", "D", "")
LABELS: Final = (
    "On a schedule,\nreaders know nothing",
    "… and after relapses",
    "On a schedule,\nreaders over-read",
    "… and after relapses",
)


def message(result: RestenosisResult) -> str:
    """Say what the picture says, from the data."""
    first, last = result.settings[0], result.settings[-1]
    low, high = (style.percent(s.all_relapsed_detected.value) for s in (first, last))
    if last.detected_given_relapse.value <= first.detected_given_relapse.value:
        return f"However veins are imaged, all who relapsed are found with a restenosis in {high} of studies"
    if last.all_relapsed_detected.value < SOME:
        low, high = (style.percent(s.detected_given_relapse.value) for s in (first, last))
        return (
            f"Veins do nothing, yet a restenosis is found in {high} of those who relapsed where relapses steer imaging "
            f"and reading, not {low}"
        )
    return (
        f"Veins do nothing, yet all who relapsed are found with a restenosis in {high} of studies where relapses "
        f"steer imaging and reading, not {low}"
    )


@style.drawn
def restenosis_figure(result: RestenosisResult) -> Figure:
    """Draw both conditional shares in the four settings, each beside the share of all the treated."""
    figure = style.new_figure(12.5, 4.9)
    left, right, last = figure.subplots(1, 3, sharey=True, width_ratios=[1.0, 1.0, 0.8])
    style.headline(figure, message(result), 92)
    settings = result.settings
    _panel(
        left,
        [(s.detected, s.detected_given_relapse) for s in settings],
        "restenosis detected",
        "who relapsed",
        "left",
    )
    _panel(
        right,
        [(s.relapse, s.relapse_given_detected) for s in settings],
        "relapse reported",
        "with one detected",
        "right",
    )
    _all_panel(last, [s.all_relapsed_detected for s in settings])
    left.set_yticks(range(len(LABELS)), LABELS)
    left.set_ylim(len(LABELS) - 0.5, -0.6)
    left.set_title("Found in those who relapsed?")
    right.set_title("Did those with one found relapse?")
    last.set_title("Found in all who relapsed?")
    style.footnote(
        figure,
        f"Scenario {result.name}: veins do nothing. {result.trials:,} replays of {result.patients} patients, seed "
        f"{result.seed}, the same patients in each row, {result.months:g} months from the procedure. Bars: ±1.96 Monte "
        f"Carlo standard errors. In truth {style.percent(settings[0].narrow.value)} of the treated have a restenosis; "
        f"of those found with one, {style.percent(1.0 - settings[0].narrow_given_detected.value)} (first row) to "
        f"{style.percent(1.0 - settings[-1].narrow_given_detected.value)} (last) have none. "
        f"{style.capital(result.beliefs.words)}.",
        140,
    )
    return figure


def _panel(axes: Axes, rows: list[tuple[Share, Share]], what: str, who: str, legend: str) -> None:
    """Draw one row a setting: the share of all the treated, and of those asked about."""
    for y, (everyone, those) in enumerate(rows):
        axes.plot([everyone.value, those.value], [y, y], color=style.PALE, linewidth=5.0, zorder=1)
        axes.plot(everyone.value, y, marker=EVERYONE.marker, color=EVERYONE.colour, markerfacecolor="white", zorder=3,
                  markersize=9, linestyle="", label="all the treated" if y == 0 else None)  # fmt: skip
        axes.errorbar(those.value, y, xerr=style.Z95 * those.mcse, fmt=THOSE.marker, color=THOSE.colour, zorder=3,
                      markersize=8, capsize=3, label=f"those {who}" if y == 0 else None)  # fmt: skip
        axes.annotate(style.percent(those.value), (those.value, y), xytext=(0, 9), textcoords="offset points",
                      ha="center", color=THOSE.colour, fontweight="bold")  # fmt: skip
    axes.set_xlim(0.0, 1.04)
    axes.set_xticks([0.0, 0.25, 0.5, 0.75, 1.0], ["0%", "25%", "50%", "75%", "100%"])
    axes.set_xlabel(f"Share with a {what} (% of patients)")
    axes.axhline(1.5, color=style.PALE, linewidth=1.0, zorder=0)
    axes.legend(loc="lower left" if legend == "left" else "upper right")
    style.bare(axes, "bottom")


def _all_panel(axes: Axes, shares: list[Share]) -> None:
    """Draw in how many replays everybody who relapsed is found with a restenosis: the published sentence."""
    for y, share in enumerate(shares):
        axes.barh(y, share.value, height=0.42, color=style.BLUE, alpha=0.85)
        axes.errorbar(share.value, y, xerr=style.Z95 * share.mcse, color=style.GREY, capsize=3)
        axes.annotate(style.percent(share.value), (share.value + style.Z95 * share.mcse, y), xytext=(6, 0),
                      textcoords="offset points", va="center", color=style.BLUE, fontweight="bold")  # fmt: skip
    axes.set_xlim(0.0, 1.04)
    axes.set_xticks([0.0, 0.5, 1.0], ["0%", "50%", "100%"])
    axes.set_xlabel("Replays in which all are (% of replays)")
    axes.axhline(1.5, color=style.PALE, linewidth=1.0, zorder=0)
    style.bare(axes, "bottom")


def rows(result: RestenosisResult) -> list[tuple[str, ...]]:
    """Give the table: one row a setting, each share in percent with its Monte Carlo standard error."""
    return [_row(s) for s in result.settings]


HEADINGS: Final = (
    "imaged",
    "detected",
    "detected | relapse",
    "relapse",
    "relapse | detected",
    "all who relapsed",
    "false",
)


def _row(s: SettingResult) -> tuple[str, ...]:
    cells = (s.detected, s.detected_given_relapse, s.relapse, s.relapse_given_detected, s.all_relapsed_detected)
    false = Share(1.0 - s.narrow_given_detected.value, s.narrow_given_detected.mcse)
    return (s.name, *(f"{style.percent(c.value, 1)} ({style.number(100.0 * c.mcse, 1)})" for c in (*cells, false)))
