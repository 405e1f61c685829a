"""What small studies and their publication say: three sentences composed from the figures."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING

from sim.study.picked import Figure

if TYPE_CHECKING:
    from sim.study.small import SmallResult, SmallResults


def sentences(r: SmallResults) -> Iterator[str]:
    """Give the finding, its numbers, and what would have prevented it."""
    worst = max(r.designs, key=lambda d: d.published_significant.value)
    least = min(r.designs, key=lambda d: d.published_significant.value)
    yield _finding(r, worst, least)
    yield "; ".join(_numbers(d, r.alpha) for d in r.designs) + "."
    yield _prevention(r)


def _finding(r: SmallResults, worst: SmallResult, least: SmallResult) -> str:
    what = "veins do nothing" if all(d.null for d in r.designs) else "the effect is as the scenario has it"
    said = (
        f"Where {what} and the most favourable of {worst.studies} studies is published, it has p < {r.alpha:g} in the "
        f"patients' favour in {_percent(worst.published_significant)} of sets of {worst.patients}"
    )
    if worst is not least:
        said += f" and in {_percent(least.published_significant)} of {least.patients}"
    return f"{said}; a single study in {_percent(worst.single_significant)}{_alike(worst, least)}."


def _alike(worst: SmallResult, least: SmallResult) -> str:
    return "" if worst is least else f" and {_percent(least.single_significant)}"


def _numbers(d: SmallResult, alpha: float) -> str:
    low, high = (_on_scale(d, x) for x in d.published_interval)
    said = (
        f"{d.patients} ({d.name}, {d.endpoint}): published {_word(d)} {_on_scale(d, d.published.value)} "
        f"({low} to {high}), true {_on_scale(d, d.truth.value)}"
    )
    if d.unanswered.value >= 0.0005:
        said += f", {_percent(d.unanswered)} of all without an answer and never published"
    if math.isnan(d.type_m.value):
        return said if d.truth.value else f"{said}, so exaggeration is undefined"
    return (
        f"{said}; of all with p < {alpha:g} the sign is wrong in {_percent(d.type_s)} and the size "
        f"{d.type_m.value:.2f} times the truth (MCSE {d.type_m.mcse:.2f})"
    )


def _prevention(r: SmallResults) -> str:
    """Say what publishing every study would have shown, design by design, and where the design itself is biased."""
    told = [f"{_on_scale(d, d.mean.value)} at {d.patients}" for d in r.designs]
    clean = [d.patients for d in r.designs if abs(d.mean.value - d.truth.value) <= 1.96 * _gap_error(d)]
    left = [d.patients for d in r.designs if d.patients not in clean]
    ends = []
    if clean:
        ends.append(f"at {' and '.join(clean)} that is the truth, within 1.96 Monte Carlo standard errors")
    if left:
        ends.append(f"at {' and '.join(left)} it is not: what is left is the design's own bias, not publication's")
    return f"Had all been published, their mean would be {', '.join(told)}: {'; '.join(ends)}."


def _gap_error(d: SmallResult) -> float:
    return math.hypot(d.mean.mcse, d.truth.mcse)


def _word(d: SmallResult) -> str:
    return "ratio" if d.scale == "log_ratio" else "difference"


def _on_scale(d: SmallResult, value: float) -> str:
    if math.isnan(value):
        return "none"
    return f"{math.exp(value):.2f}" if d.scale == "log_ratio" else f"{round(value, 2) + 0.0:+.2f}"


def _percent(f: Figure) -> str:
    return f"{100.0 * f.value:.1f}% (MCSE {100.0 * f.mcse:.1f})"
