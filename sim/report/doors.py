"""The same ledger of several designs side by side: where each closes a door."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence, Set
from pathlib import Path
from typing import TYPE_CHECKING, Final

from sim.report import style
from sim.report.ledger import AGAINST, COURSE, FAVOURS, SHOWN, amount, ledger_figure, points, title, unit
from sim.study.acting import OFF, SAME
from sim.study.game import Entry
from sim.study.ledger import Ledger

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

CLOSED, ABSENT = "closed", "absent"

DESIGNS: Final = {
    "uncontrolled_before_after": "no control group",
    "immediate_v_delayed": "immediate v delayed, open",
    "open_label_parallel": "randomised, open label",
    "three_arm": "three arms",
    "sham_parallel": "randomised, sham, blinded",
    "sham_crossover": "sham, then crossover",
    "historical_control": "controls of the past",
    "prevalence_case_control": "cases and controls",
}


def save_ledgers(ledgers: Sequence[Ledger], folder: Path) -> None:
    """Write a waterfall for each ledger, and where they can share an axis all of them side by side."""
    for ledger in ledgers:
        home = folder / ledger.name.replace("/", "-") if len(ledgers) > 1 else folder
        style.save(ledger_figure(ledger), home, "bias")
    if len(ledgers) > 1 and comparable(ledgers):
        style.save(doors_figure(ledgers), folder, "doors")


def comparable(ledgers: Sequence[Ledger]) -> bool:
    """Tell whether several ledgers may share an axis."""
    return len({(ledger.scale, ledger.favourable, ledger.unit) for ledger in ledgers}) == 1


def mechanisms(ledgers: Sequence[Ledger]) -> list[str]:
    """Give the mechanisms that can act in any of the designs, the largest first."""
    largest: dict[str, float] = {}
    for ledger in ledgers:
        for e in ledger.entries:
            if not e.closed:
                largest[e.mechanism] = max(largest.get(e.mechanism, 0.0), abs(e.shapley))
    return sorted(largest, key=lambda m: (-largest[m], m))


@style.drawn
def doors_figure(ledgers: Sequence[Ledger]) -> Figure:
    """Draw the same ledger of several designs on one axis: a bar a mechanism, and a cross where it has no share."""
    rows = mechanisms(ledgers)
    figure = style.new_figure(3.4 + 2.3 * len(ledgers), 2.6 + 0.42 * (len(rows) + 2))
    panels = figure.subplots(1, len(ledgers), sharey=True, squeeze=False)[0]
    style.headline(figure, doors_message(ledgers), int(28 + 20 * len(ledgers)))
    reach = max(abs(x) for ledger in ledgers for x in _ends(ledger)) or 1.0
    for axes, ledger in zip(panels, ledgers, strict=True):
        for y, (share, mcse, mark, look) in enumerate(_cells(ledger, rows)):
            _cell(axes, y, share, mcse, mark, look, reach)
        _short_scale(axes, ledger, reach)
        short = ledger.name.rpartition("/")[2]
        axes.set_title(f"{short}\n{DESIGNS[ledger.design]}\n{ledger.endpoint}", fontweight="normal")
        style.bare(axes, "bottom")
    panels[0].set_yticks(range(len(rows) + 2), [*map(title, rows), "Course of the disease", "Bias in all"])
    panels[0].get_yticklabels()[-1].set_fontweight("bold")
    panels[0].set_ylim(len(rows) + 1.6, -0.7)
    style.footnote(figure, _doors_source(ledgers), 50 + 22 * len(ledgers))
    return figure


def doors_message(ledgers: Sequence[Ledger]) -> str:
    """Say how many doors the designs with the smallest and with the largest bias close, and what comes of it.

    A door is a mechanism that acts in one of these designs; what is absent from a scenario, its design does not close.
    """
    ranked, rows = sorted(ledgers, key=lambda ledger: abs(ledger.bias)), set(mechanisms(ledgers))
    return f"{_doors(ranked[0], rows)}; {_doors(ranked[-1], rows)}"


def _doors(ledger: Ledger, rows: Set[str]) -> str:
    doors = [e for e in ledger.entries if e.mechanism in rows]
    shut, short = sum(_mark(e) == CLOSED for e in doors), ledger.name.rpartition("/")[2]
    bias = f"is biased by {amount(ledger, ledger.bias)}" if ledger.biased else "shows no bias beyond its error"
    return f"{short} closes {shut} of {len(doors)} doors and {bias}"


def _mark(entry: Entry) -> str:
    """Say why a mechanism has no share: closed by the design, or absent from the scenario; empty where it acts."""
    return ABSENT if entry.closed in (OFF, SAME) else CLOSED if entry.closed else ""


def _ends(ledger: Ledger) -> Iterator[float]:
    yield from (e.shapley for e in ledger.entries)
    yield from (ledger.none, ledger.bias)


def _cells(ledger: Ledger, rows: Sequence[str]) -> Iterator[tuple[float, float, str, style.Look]]:
    found = {e.mechanism: e for e in ledger.entries}
    for row in rows:
        e = found[row]
        yield e.shapley, e.mcse, _mark(e), FAVOURS if e.shapley * ledger.favourable > 0.0 else AGAINST
    yield ledger.none, ledger.errors["none"], "", COURSE
    yield ledger.bias, ledger.errors["bias"], "", SHOWN


def _cell(axes: Axes, y: float, share: float, mcse: float, mark: str, look: style.Look, reach: float) -> None:
    if mark:
        axes.plot(0.0, y, marker="x", color=style.GREY, markersize=7, markeredgewidth=2.0, zorder=4)
        axes.annotate(mark, (0.0, y), xytext=(8, 0), textcoords="offset points", va="center", color=style.GREY,
                      fontsize=style.SMALL)  # fmt: skip
        return
    axes.barh(y, share, height=0.62, color=look.colour, hatch=look.hatch, linewidth=0.6, zorder=2,
              edgecolor="white" if not look.hatch else style.INK)  # fmt: skip
    if abs(style.Z95 * mcse) > 0.004 * reach:
        axes.errorbar(share, y, xerr=style.Z95 * mcse, color=style.INK, capsize=2, linewidth=1.0, zorder=4)


def _short_scale(axes: Axes, ledger: Ledger, reach: float) -> None:
    """Set the common axis: as far to one side as to the other, and which way favours the procedure."""
    axes.set_xlim(-1.12 * reach, 1.12 * reach)
    axes.axvline(0.0, color=style.INK, linewidth=1.0, zorder=3)  # above the white edges of bars, which would rub it out
    arrow = "favours procedure →" if ledger.favourable > 0 else "← favours procedure"
    if ledger.scale == "log_ratio":
        most = max((t for t in style.RATIO_TICKS if 0.0 < math.log(t) <= reach), default=1.0)
        ticks = [1.0 / most, 1.0, most] if most > 1.0 else [1.0]
        axes.set_xticks([math.log(t) for t in ticks], [f"{t:.2g}" for t in ticks])
        axes.set_xlabel(f"ratio (log axis)\n{arrow}")
    else:
        axes.set_xlabel(f"{unit(ledger)}\n{arrow}")
        points(axes, ledger)


def _doors_source(ledgers: Sequence[Ledger]) -> str:
    trials = sorted({ledger.trials for ledger in ledgers})
    return (
        f"Shapley shares of apparent effect less truth, one axis for all. A cross: a share of exactly 0, since this "
        f"design closes that door, or the mechanism is absent from the scenario. "
        f"{' or '.join(f'{t:,}' for t in trials)} trials a world, seed "
        f"{ledgers[0].seed}; whiskers: ±1.96 Monte Carlo standard errors. "
        f"{style.capital('; '.join(dict.fromkeys(ledger.beliefs.words for ledger in ledgers)))}."
    )
