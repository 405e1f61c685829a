"""The sample size on one page: the power curve with what was played, and what each thing adds to the size."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from sim.report import style
from sim.study.power_curve import Curve
from sim.study.search import NEAR
from sim.study.size import SizeResult

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

CLOSED, FOUND = (style.VERMILLION, ":"), (style.BLUE, "-")
VERIFIED = style.INK
FEWEST_BARS = 4
ROOM = 8.0  # around the powers that are drawn, in percent
FEWEST = 100
"""Sizes played in fewer trials are not drawn: they only showed the way."""


def message(result: SizeResult) -> str:
    """Say the answer in a sentence."""
    low, high = result.value_interval
    more = "" if result.vary == "n" else f", {result.n:,} patients"
    return (
        f"{result.value:,} {result.unit}{more} reach a power of {100.0 * result.target_power:g}% "
        f"(95% interval {low:,} to {high:,})"
    )


def sentences(result: SizeResult) -> Iterator[str]:
    """Say what the size rests on, what the formula leaves out, and what costs most."""
    yield (
        f"{message(result)}; verified on {result.verification_trials:,} fresh trials: {result.power:.3f} "
        f"(MCSE {result.mcse:.3f})."
    )
    cf = result.closed_form
    if cf.whole is not None and result.ratio is not None:
        error = "" if cf.mcse is None else f" (MCSE {_small(cf.mcse)})"
        ratio_error = "" if result.ratio_mcse is None else f" (MCSE {result.ratio_mcse:.2f})"
        yield (
            f"By formula {_by_formula(result)}{error}: {cf.method}; simulation asks for {result.ratio:.2f} times "
            f"that{ratio_error}. {_inputs(result)}."
        )
    else:
        yield f"By formula none: {cf.method}."
    costs = [p for p in result.parts if p.name != "all" and p.added > 2.0 * p.mcse]
    if costs:
        yield (
            "Most is added by "
            + ", then ".join(
                f"{p.words} ({p.added:+,.{digits(result)}f} {result.unit.split()[0]}, MCSE {_small(p.mcse)})"
                for p in costs[:2]
            )
            + "."
        )
    if result.absent:
        yield f"Off in this scenario, so they add nothing: {', '.join(result.absent)}."
    if result.has_effect is False:
        yield "There is no effect in this scenario: what rejects is bias, or chance."
    elif result.has_effect and result.favourable_power < result.power - 0.5 * (1.0 - result.target_power):
        yield (
            f"Only {100.0 * result.favourable_power:.1f}% of trials find a difference in the patient's favour: most of "
            "this power is for harm."
        )
    if result.short_trials:
        yield (
            f"In {result.short_trials:,} of {result.verification_trials:,} trials enrolment closed on "
            "enrolment.max_days before the target."
        )
    parts = f", and {result.parts_trials:,} on what adds to it" if result.parts_trials else ""
    yield f"{result.trials_used:,} trials were spent on the size, those of the verification among them{parts}."
    if not result.verified:
        yield (
            "The verified power is more than two standard errors from what the search expects there: ask for a smaller "
            "--precision."
        )
    if not result.precise:
        yield "The interval is wider than asked for: the trials allowed were spent (--most-trials)."
    if s := result.safety:
        yield (
            f"To see at least one complication of rate {s.rate:g} an angioplasty with probability {s.probability:g}, "
            f"{s.treated:,} angioplasties must be done, so {s.n:,} enrolled ({100.0 * s.treated_share:.1f}% of them "
            f"have {_each(s.procedures / s.treated_share)}); {result.n:,} enrolled show one with probability "
            f"{s.seen_prob:.3f}."
        )


def _each(mean: float) -> str:
    """Say how many angioplasties those have who have any."""
    return "one" if mean < 1.005 else f"{mean:.2f} on average"


def _formula(result: SizeResult) -> str:
    """Name the formula that is drawn."""
    return f" Formula: {result.closed_form.method}." if result.closed_form.whole is not None else ""


def digits(result: SizeResult) -> int:
    """Give the decimals of a size: months and sites are few."""
    return 0 if result.vary == "n" else 1


def _by_formula(result: SizeResult) -> str:
    """Write the formula's size: patients in whole allocations."""
    cf = result.closed_form
    return f"{cf.whole if result.vary == 'n' else cf.value:,.{digits(result)}f}"


def _small(error: float) -> str:
    """Write the error of a size."""
    return f"{error:,.0f}" if error >= 2.0 else f"{error:.1g}"


def _inputs(result: SizeResult) -> str:
    """Name what went into a formula: the rate and the dispersion, or the pilot; not what is solved for."""
    inputs = result.closed_form.inputs
    if "pilot_size" in inputs:
        return (
            f"Its inputs: a pilot of {inputs['pilot_trials']:,.0f} trials of {inputs['pilot_size']:,.0f} "
            f"{result.unit}, mean estimate {style.number(inputs['mean_estimate'], 3)}, "
            f"SD {style.number(inputs['sd'], 3)}"
        )
    over = f"{12.0 * inputs['years']:g} months"
    over = f", both of {over}" if result.vary == "follow_up" else f" in {over}"
    return (
        f"Its inputs: {inputs['rate_per_year']:.3f} relapses a year untreated, dispersion "
        f"{inputs['dispersion']:.2f}{over}, rate ratio {inputs['rate_ratio']:g}"
    )


@style.drawn
def size_figure(result: SizeResult) -> Figure:
    """Draw the power curve and, beside it, what each thing adds."""
    bars = [p for p in result.parts if not math.isnan(p.added)]
    figure = style.new_figure(11.5 if bars else 7.5, 4.8)
    axes = figure.subplots(1, 2 if bars else 1, width_ratios=[1.25, 1.0] if bars else None, squeeze=False)[0]
    style.headline(figure, message(result), 84 if bars else 60)
    _draw_curve(axes[0], result)
    if bars:
        _draw_parts(axes[1], result)
    style.footnote(
        figure,
        f"{result.name}, {result.endpoint}, two-sided level {result.alpha:g}, {result.beliefs.words}. "
        f"{result.trials_used:,} trials, {result.verification_trials:,} of them fresh ones at the answer "
        f"(white diamond); bars on points: 95% Monte Carlo intervals.{_formula(result)}",
        135 if bars else 90,
    )
    return figure


def _draw_curve(axes: Axes, result: SizeResult) -> None:
    shown = [c for c in result.curve if c["trials"] >= FEWEST]
    x = np.array([c["value"] for c in shown], float)
    power = np.array([c["power"] for c in shown])
    error = style.Z95 * np.array([c["mcse"] for c in shown])
    low, high = 0.92 * min(x.min(), result.value), 1.06 * max(x.max(), result.value)
    curve = Curve(result.intercept, result.slope, np.zeros((2, 2)))
    line = np.linspace(max(low, result.value / NEAR), min(high, result.value * NEAR), 200)
    axes.plot(line, [100.0 * curve.at(v) for v in line], color=style.INK, linewidth=1.5, zorder=2)
    axes.errorbar(x, 100.0 * power, 100.0 * error, fmt="o", color=style.SKY, ecolor=style.GREY, markersize=5,
                  markeredgecolor=style.INK, markeredgewidth=0.6, elinewidth=1.0, zorder=3)  # fmt: skip
    axes.errorbar(result.value, 100.0 * result.power, 100.0 * style.Z95 * result.mcse, fmt="D", color=VERIFIED,
                  markersize=7, markerfacecolor="white", markeredgewidth=1.6, capsize=4, zorder=5)  # fmt: skip
    axes.axhline(100.0 * result.target_power, color=style.GREY, linewidth=1.0, linestyle="--", zorder=1)
    axes.axvspan(*result.value_interval, color=style.BLUE, alpha=0.15, linewidth=0.0, zorder=0)
    style.upright(axes, result.value, 0.10, f"simulated {result.value:,}", FOUND, "right")
    closed = result.closed_form.whole
    if closed is not None and low <= closed <= high:
        before, outward = closed < result.value, (closed - low if closed < result.value else high - closed)
        between = abs(closed - result.value) > 0.3 * (high - low) or outward < 0.2 * (high - low)
        side = "right" if between == before else "left"
        style.upright(axes, closed, 0.22, f"formula {_by_formula(result)}", CLOSED, side)
    axes.set_xlim(low, high)
    least, most = 100.0 * min(power.min(), result.power), 100.0 * max(power.max(), result.power, result.target_power)
    axes.set_ylim(max(0.0, least - ROOM), min(102.0, most + ROOM))
    axes.set_xlabel(result.unit.capitalize() + (" (all arms)" if result.vary == "n" else ""))
    axes.set_ylabel("Power (% of trials)")
    style.bare(axes)


def _draw_parts(axes: Axes, result: SizeResult) -> None:
    bars = [p for p in result.parts if not math.isnan(p.added)][::-1]
    y = np.arange(len(bars))
    for k, p in enumerate(bars):
        look = style.YES if p.name == "all" else style.BEFORE
        axes.barh(k, p.added, 0.62, color=look.colour, hatch=look.hatch, edgecolor="white", linewidth=0.0, zorder=2)
        axes.errorbar(p.added, k, xerr=style.Z95 * p.mcse, color=style.INK, elinewidth=1.2, capsize=3, zorder=3)
        edge = max(p.added, 0.0) + style.Z95 * p.mcse
        axes.annotate(style.number(p.added, digits(result), sign=True), (edge, k), xytext=(4, 0), va="center",
                      textcoords="offset points", fontsize=style.SMALL)  # fmt: skip
    middle, half = 0.5 * (len(bars) - 1.0), 0.5 * max(len(bars), FEWEST_BARS)
    axes.set_ylim(middle - half, middle + half)  # a single bar is no block
    axes.set_yticks(y, [p.words for p in bars])
    axes.axvline(0.0, color=style.INK, linewidth=0.8)
    right = max(*(p.added + style.Z95 * p.mcse for p in bars), 1.0)
    left = min(*(p.added - style.Z95 * p.mcse for p in bars), 0.0)
    axes.set_xlim(left, right + 0.18 * (right - left))
    axes.set_xlabel(f"Added to the size ({result.unit})")
    style.bare(axes, "bottom")
