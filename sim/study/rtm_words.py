"""What a run of the regression-to-the-mean laboratory says: three sentences composed from its figures."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING

from sim.study.around_entry import PARTS, Value
from sim.study.half_size import HalfSize

if TYPE_CHECKING:
    from sim.study.rtm import Apparent, RtmResult

Z95 = 1.959963984540054


def sentences(r: RtmResult) -> Iterator[str]:
    """Give the finding, its numbers, and the design that would have prevented it."""
    yield _finding(r)
    yield _numbers(r)
    yield _prevention(r)


def _with(value: Value, digits: int = 2) -> str:
    return f"{value.value:.{digits}f} (MCSE {value.mcse:.{digits + 1}f})"


def _share(value: Value) -> str:
    return f"{100.0 * value.value:.1f}% (MCSE {100.0 * value.mcse:.1f})"


def _finding(r: RtmResult) -> str:
    s, d = r.split, r.as_designed
    if s.fall.value <= Z95 * s.fall.mcse:
        return (
            f"Nothing is done to anybody, and the relapse rate is {_with(s.before)} a year before and {_with(s.after)} "
            "after: no fall that could be told from none."
        )
    return (
        f"Nothing is done to anybody, yet the relapse rate falls from {_with(s.before)} a year before to "
        f"{_with(s.after)} after, a rate ratio of {_ratio(d)}, and the relapse-free go from "
        f"{_share(d.free_before)} to {_share(d.free_after)}."
    )


def _numbers(r: RtmResult) -> str:
    s = r.split
    parts = ", ".join(f"{WORDS[k]} {getattr(s, k).value:+.2f} ({getattr(s, k).mcse:.3f})" for k in PARTS)
    sizes = "; ".join(_size_words(h) for h in r.half)
    return (
        f"The fall of {_with(s.fall)} is made of {parts}; the enrolled stay {_with(s.frailty)} above the population's "
        f"{s.population.value:.2f} for good (intensities: without decline, before relapses merge; counted, the "
        f"population has {_with(r.population)}); a benefit is found half of the time {sizes}."
    )


WORDS = {
    "chance": "chance in the qualifying count",
    "activity": "passing activity",
    "decline": "decline and season",
    "refractory": "relapses merged into the last",
}
TEST_WORDS = {"arr_change": "rates", "relapse_free_change": "relapse-free"}


def _size_words(h: HalfSize) -> str:
    if h.n is None or h.interval is None:
        return f"by {TEST_WORDS[h.test]}: {h.why}"
    return f"by {TEST_WORDS[h.test]} at {h.n:.0f} patients ({h.interval[0]:.0f} to {h.interval[1]:.0f})"


def _prevention(r: RtmResult) -> str:
    """Say how far the rate ratio of each remedy is from 1; those within 1.96 MCSE of it are named as such."""
    first, rest = r.designs[0], r.designs[1:]
    left = [f"{d.key.replace('_', ' ')} {_ratio(d)}" for d in rest]
    clean = [d.key.replace("_", " ") for d in rest if abs(d.log_ratio.value) <= Z95 * d.log_ratio.mcse]
    told = f"{' and '.join(clean)} cannot be told from 1, no effect" if clean else "all can be told from 1, no effect"
    return f"Rate ratio as designed {_ratio(first)}; with {', '.join(left)}: {told}."


def _ratio(d: Apparent) -> str:
    if math.isnan(d.log_ratio.value):
        return "without relapses"
    value = math.exp(d.log_ratio.value)
    return f"{value:.2f} (MCSE {value * d.log_ratio.mcse:.3f})"
