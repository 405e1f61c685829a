"""The picture of a bias ledger, a waterfall from the truth to what a study shows, and its table."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from sim.report import style
from sim.study.ledger import Ledger
from sim.study.remedies import WORDS

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

FAVOURS: Final = style.Look(style.VERMILLION, "", "s", "")
AGAINST: Final = style.Look(style.SKY, "////", "s", "")
TRUTH: Final = style.Look(style.GREEN, "", "D", "")
COURSE: Final = style.Look(style.PALE, "....", "s", "")
SHOWN: Final = style.Look(style.INK, "", "s", "")


@dataclass(frozen=True)
class Step:
    """One bar of the waterfall: where it starts and ends, the error of its length, how it looks, its name and label."""

    name: str
    start: float
    end: float
    mcse: float
    look: style.Look
    label: str


def steps(ledger: Ledger) -> list[Step]:
    """Give the bars from the truth to what the study shows; each begins where the one before it ends."""
    exact = ledger.truth == 0.0 and ledger.errors["truth"] == 0.0
    label = "0 exactly" if exact else _short(ledger, ledger.truth)
    bars = [Step("True effect", 0.0, ledger.truth, ledger.errors["truth"], TRUTH, label)]
    shares = [("Course of the disease", ledger.none, ledger.errors["none"])]
    shares += [(title(e.mechanism), e.shapley, e.mcse) for e in ledger.entries if not e.closed]
    for name, share, mcse in shares:
        look = COURSE if name == shares[0][0] else FAVOURS if share * ledger.favourable > 0.0 else AGAINST
        bars.append(Step(name, bars[-1].end, bars[-1].end + share, mcse, look, _short(ledger, share)))
    shown = _short(ledger, ledger.apparent)
    return [*bars, Step("What the study shows", 0.0, ledger.apparent, ledger.errors["apparent"], SHOWN, shown)]


def message(ledger: Ledger) -> str:
    """Say what the picture says, from the data."""
    truth = "does nothing" if ledger.truth == 0.0 else f"does {amount(ledger, ledger.truth)}"
    told = f"The procedure {truth}, the study shows {amount(ledger, ledger.apparent)}"
    way = math.copysign(1.0, ledger.bias)
    largest = [e for e in ledger.entries if e.beyond_error and e.shapley * way > 0.0][:2]
    if not ledger.biased:
        return f"{told}: no bias beyond its error"
    if not largest:
        return f"{told}: a bias that no mechanism accounts for beyond its error"
    most = sum(abs(e.shapley) for e in largest) > 0.5 * abs(ledger.bias)
    return f"{told}: {'most' if most else 'some'} of it by {' and '.join(WORDS[e.mechanism] for e in largest)}"


@style.drawn
def ledger_figure(ledger: Ledger) -> Figure:
    """Draw the waterfall: truth, course of the disease, each mechanism's share by size, and their end."""
    bars = steps(ledger)
    figure = style.new_figure(10.5, 2.1 + 0.42 * len(bars))
    axes = figure.subplots()
    style.headline(figure, message(ledger), 84)
    for y, bar in enumerate(bars):
        _bar(axes, y, bar)
        if y < len(bars) - 2:
            axes.plot([bar.end, bar.end], [y + 0.34, y + 0.66], color=style.GREY, linewidth=1.0, zorder=1)
    axes.set_yticks(range(len(bars)), [bar.name for bar in bars])
    for tick in (axes.get_yticklabels()[0], axes.get_yticklabels()[-1]):
        tick.set_fontweight("bold")
    axes.set_ylim(len(bars) - 0.4, -1.1)
    ends = [x for bar in bars for x in (bar.start, bar.end)]
    _scale(axes, ledger, min(0.0, *ends), max(0.0, *ends))
    _direction(axes, ledger)
    style.bare(axes, "bottom")
    style.footnote(figure, _source(ledger), 130)
    return figure


def _bar(axes: Axes, y: float, bar: Step) -> None:
    """Draw a bar with its 95% Monte Carlo interval at its end and its label beyond."""
    low, high = sorted((bar.start, bar.end))
    axes.barh(y, high - low, left=low, height=0.62, color=bar.look.colour, hatch=bar.look.hatch,
              edgecolor="white" if not bar.look.hatch else style.INK, linewidth=0.6, zorder=2)  # fmt: skip
    reach = style.Z95 * bar.mcse
    if reach:
        axes.errorbar(bar.end, y, xerr=reach, color=style.INK, capsize=3, linewidth=1.2, zorder=4)
    else:
        axes.plot(bar.end, y, marker="|", color=style.INK, markersize=11, zorder=4)
    side = 1 if bar.end >= bar.start else -1
    axes.annotate(bar.label, (bar.end + side * reach, y), xytext=(6 * side, 0), textcoords="offset points",
                  ha="left" if side > 0 else "right", va="center", fontweight="bold")  # fmt: skip


def _scale(axes: Axes, ledger: Ledger, low: float, high: float) -> None:
    """Set the axis, with room for labels; a log ratio is read as a ratio, where halving is as far as doubling."""
    room = 0.22 * max(high - low, 1e-3)
    low, high = low - (room if low < 0.0 else 0.35 * room), high + (room if high > 0.0 else 0.35 * room)
    axes.set_xlim(low, high)
    axes.axvline(0.0, color=style.INK, linewidth=1.0, zorder=1)
    if ledger.scale == "log_ratio":
        ticks = _ratios(low, high)
        axes.set_xticks([math.log(t) for t in ticks], [f"{t:g}" for t in ticks])
        axes.set_xlabel(f"{ledger.label} (ratio, logarithmic axis)")
    else:
        axes.set_xlabel(f"{ledger.label} ({unit(ledger)})")
        points(axes, ledger)


def _ratios(low: float, high: float) -> list[float]:
    """Give ticks for ratios that don't touch, 1 first."""
    ticks = [1.0]
    for tick in sorted(style.RATIO_TICKS, key=lambda t: abs(math.log(t))):
        if low <= math.log(tick) <= high and all(abs(math.log(tick / t)) > (high - low) / 12.0 for t in ticks):
            ticks.append(tick)
    return sorted(ticks)


def points(axes: Axes, ledger: Ledger) -> None:
    """Write a share in points of 100."""
    times = 100.0 if ledger.unit == "share" else 1.0
    axes.xaxis.set_major_formatter(lambda x, _: f"{times * x:g}".replace("-", "−"))


def unit(ledger: Ledger) -> str:
    """Give the unit as an axis names it."""
    return "points of 100 patients" if ledger.unit == "share" else ledger.unit


def _direction(axes: Axes, ledger: Ledger) -> None:
    """Say above the bars which way the procedure looks good."""
    right = ledger.favourable > 0
    axes.annotate(
        "favours the procedure →" if right else "← favours the procedure",
        (1.0 if right else 0.0, 1.0),
        xycoords="axes fraction",
        xytext=(-4 if right else 4, -4),
        textcoords="offset points",
        ha="right" if right else "left",
        va="top",
        color=style.VERMILLION,
        fontweight="bold",
    )


def _source(ledger: Ledger) -> str:
    shut = [WORDS[e.mechanism] for e in ledger.entries if e.closed]
    closed = f" Cannot act here, exactly 0: {', '.join(shut)}." if shut else ""
    how = "" if ledger.exact else " Shares from sampled orders."
    return (
        f"Scenario {ledger.name}, {ledger.endpoint}: {ledger.trials:,} trials a world, {ledger.worlds} worlds, seed "
        f"{ledger.seed}. Shares are Shapley values of apparent effect less truth; whiskers: ±1.96 Monte Carlo standard "
        f"errors.{how}{closed} {style.capital(ledger.beliefs.words)}."
    )


# ---- the table ------------------------------------------------------------------------------------------------------

HEADINGS: Final = ("mechanism", "share of bias (MCSE)", "alone", "without", "same patients")


def rows(ledger: Ledger) -> Iterator[tuple[str, ...]]:
    """Give the table: truth, course, and of each mechanism its share, what it makes alone and what goes without it."""
    e = ledger.errors
    yield "true effect", _figure(ledger.truth, e["truth"]), "", "", ""
    yield "course of the disease", _figure(ledger.none, e["none"]), "", "", style.percent(ledger.overlap)
    for own in ledger.entries:
        if not own.closed:
            pairs = ((own.shapley, own.mcse), (own.alone, own.alone_mcse), (own.without, own.without_mcse))
            yield own.mechanism, *(_figure(*pair) for pair in pairs), style.percent(own.overlap)
    yield "what the study shows", _figure(ledger.apparent, e["apparent"]), "", "", ""


def notes(ledger: Ledger) -> Iterator[str]:
    """Give what stands below the table: what can't act, interactions, the chance of a success, three sentences."""
    shut: dict[str, list[str]] = {}
    for entry in ledger.entries:
        if entry.closed:
            shut.setdefault(entry.closed, []).append(entry.mechanism)
    for reason, names in shut.items():
        yield f"exactly 0: {', '.join(names)}: {reason}"
    for i in (ledger.interactions or ())[:6]:
        yield f"together: {i.first} with {i.second} {_figure(i.value, i.mcse)}"
    yield ""
    yield from ledger.sentences


def chance_rows(ledger: Ledger) -> Iterator[tuple[str, ...]]:
    """Give the ledger of chances, in percent points."""
    c = ledger.chances
    yield "one study, primary endpoint, everyone", _percent(c.none, c.errors["none"])
    for own in c.entries:
        yield WORDS[own.mechanism], own.closed or _percent(own.shapley, own.mcse)
    yield "with all of these", _percent(c.apparent, c.errors["apparent"])


def _percent(share: float, mcse: float) -> str:
    return f"{style.number(100.0 * share, 1)} ({style.number(100.0 * mcse, 1)})"


def _figure(value: float, mcse: float) -> str:
    return f"{style.number(value, 4, sign=True)} ({style.number(mcse, 4)})" if mcse else style.number(value, 4)


def amount(ledger: Ledger, value: float) -> str:
    """Write a value as it is read on the axis: a ratio as times, a share in points of a hundred."""
    if ledger.scale == "log_ratio":
        return f"×{math.exp(value):.2f}"
    if ledger.unit == "share":
        return f"{style.number(100.0 * value, 1, sign=True)} points of 100"
    return f"{style.number(value, 2, sign=True)} {ledger.unit}"


def _short(ledger: Ledger, value: float) -> str:
    """Write a value without its unit, as a bar's label."""
    return amount(ledger, value).partition(" ")[0]


def title(mechanism: str) -> str:
    """Write a mechanism's name as a picture has it."""
    words = WORDS[mechanism]
    return words[0].upper() + words[1:]
