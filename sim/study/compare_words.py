"""What a comparison says: which design has the power, which is biased, what its null trials exclude. Composed from the
figures: a bias counts from SURE Monte Carlo errors on, a difference in power where its 95% interval leaves out 0."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING

from sim.study.exclude import Limit
from sim.study.game import SURE
from sim.study.ledger import family
from sim.study.paired import Pair
from sim.study.picked import Figure

if TYPE_CHECKING:
    from sim.study.compare import Compared, Comparison

LEAST_WRONG = 0.01
"""A design is called untrue where its null trials leave out no effect so much more often than they should; one whose
test is a little liberal is not."""
TIMES = ("first_relapse", "cdp_12w", "cdp_24w")


def sentences(r: Comparison) -> Iterator[str]:
    """Give what is said of power, of bias, and of trials with no effect."""
    yield _power(r)
    if _of_several_kinds(r):
        told = ", ".join(dict.fromkeys(f"{noun(d)} of {d.endpoint.key}" for d in r.designs))
        yield f"The designs' endpoints differ ({told}): powers can be compared, biases are of different quantities."
    yield _bias(r)
    if any(d.null for d in r.designs):
        yield " ".join(_excluded(r))


def _of_several_kinds(r: Comparison) -> bool:
    """Tell whether designs are told by endpoints of different families."""
    return len({family(d.endpoint) for d in r.designs}) > 1


def called(label: str) -> str:
    """Write a label as one says it: a scenario, with what."""
    name, _, changes = label.partition(":")
    return f"{name} with {changes}" if changes and "=" in changes else label


def _power(r: Comparison) -> str:
    first = r.designs[0]
    share = _share(Figure(first.performance.power, first.performance.mcse))
    told = "; ".join(_one_power(r, p) for p in r.against_first)
    return f"{called(first.label)} rejects in {share} of {r.trials:,} trials; {told}."


def _one_power(r: Comparison, p: Pair) -> str:
    name = called(p.b)
    if p.alike:
        return f"{name} in the very same ones, so there is no error to compare"
    low, high = (points(x) for x in p.interval)
    size = f"{points(p.power_difference)} points (paired MCSE {100.0 * p.mcse:.1f}, 95% {low} to {high})"
    found = f"{name} differs by {size}" if is_sure(p) else f"{name} shows no sure difference, {size}"
    return found + gain(p.variance_ratio)


def is_sure(p: Pair) -> bool:
    """Tell whether the powers differ by more than chance gives."""
    return not p.interval[0] <= 0.0 <= p.interval[1]


def gain(ratio: float) -> str:
    """Say what pairing is worth."""
    if math.isnan(ratio):
        return ""
    if ratio < 1.0:
        return f", no surer than on candidates of its own (variance {1.0 / ratio:.2f} times that)"
    return f", its variance {ratio:.1f} times smaller than on candidates of its own"


def _bias(r: Comparison) -> str:
    known = [d for d in r.designs if not math.isnan(d.performance.bias)]
    if not known:
        return "No truth is known here, so nothing is said of bias."
    off = [d for d in known if _is_off(d)]
    right = [called(d.label) for d in known if d not in off]
    parts = [f"The mean estimate is off the truth by {'; by '.join(map(_one_bias, off))}"] if off else []
    if right:
        within = f"within {SURE:g} Monte Carlo standard errors of the truth"
        parts.append(f"in {_and(right)} it is {within}" if off else f"The mean estimate of {_and(right)} is {within}")
    pairs = [f"{signed(p.bias_difference)} (paired MCSE {p.bias_mcse:.3f}) in {called(p.b)}" for p in r.against_first
             if not (math.isnan(p.bias_difference) or _of_several_kinds(r))]  # fmt: skip
    if pairs:
        parts.append(f"against {called(r.designs[0].label)} the bias differs by {_and(pairs)}")
    return "; ".join(parts) + "."


def _is_off(d: Compared) -> bool:
    return abs(d.performance.bias) > SURE * d.performance.bias_mcse


def _one_bias(d: Compared) -> str:
    p = d.performance
    found, true = effect(d, p.estimate_mean), effect(d, p.truth, short=True)
    return f"{signed(p.bias)} (MCSE {p.bias_mcse:.3f}) in {called(d.label)} ({found}, true {true})"


def _excluded(r: Comparison) -> Iterator[str]:
    """Say what half of the null trials, and 90%, would exclude in each design; and whether they exclude the truth."""
    played = [d for d in r.designs if d.null]
    told: dict[str, list[str]] = {}
    for d in played:
        if d.null:
            half, most = beyond(d, d.null.every.half), beyond(d, d.null.every.most, short=True)
            told.setdefault(f"half would exclude {half}, 90% {most}", []).append(called(d.label))
    yield f"Of trials with no effect, {'; '.join(f'in {_and(names)} {words}' for words, names in told.items())}."
    if worse := [d for d in played if is_untrue(d)]:
        found = [f"{_share(d.null.left_out)} of those of {called(d.label)}" for d in worse if d.null]
        level = _and(list(dict.fromkeys(f"{100.0 * d.scenario.study.alpha:g}%" for d in worse)))
        yield (
            f"The truth, that there is no effect, is excluded by the intervals of {_and(found)}, where {level} is "
            f"meant: what {'it excludes' if len(worse) == 1 else 'they exclude'} is no evidence."
        )


def is_untrue(d: Compared) -> bool:
    """Tell whether a design's null trials leave out the truth, no effect, much more often than their level says."""
    if not d.null:
        return False
    out, alpha = d.null.left_out, d.scenario.study.alpha
    return out.value - alpha > max(LEAST_WRONG, SURE * out.mcse)


def beyond(d: Compared, limit: Limit, short: bool = False) -> str:
    """Say which effects a limit excludes, in the designer's terms."""
    better = d.meaning.favourable
    side = "above" if better > 0 else "below"
    what = "" if short else f"a {noun(d)} "
    if not math.isfinite(limit.value):
        return f"no {noun(d)} at all"
    if d.meaning.scale == "log_ratio":
        ratio = math.exp(limit.value)
        change = "a reduction" if ratio < 1.0 else "a rise"
        return f"{what}{side} {ratio:.2f} ({change} of {100.0 * abs(1.0 - ratio):.0f}%)"
    return f"{what}{side} {value(d, limit.value)}"


def noun(d: Compared) -> str:
    """Name the endpoint's effect."""
    if d.meaning.scale != "log_ratio":
        return "difference"
    base = d.meaning.base
    return "hazard ratio" if base in TIMES else "rate ratio" if base.startswith("arr") else "ratio"


def value(d: Compared, x: float) -> str:
    """Write a difference with its unit; of shares in percentage points."""
    if d.meaning.unit == "share":
        return f"{points(x)} percentage points"
    return f"{signed(x, 2)} {d.meaning.unit}"


def effect(d: Compared, x: float, short: bool = False) -> str:
    """Write an effect as its reader would: ratios as ratios."""
    if d.meaning.scale != "log_ratio":
        return value(d, x)
    return f"{math.exp(x):.2f}" if short else f"{noun(d)} {math.exp(x):.2f}"


def points(x: float) -> str:
    """Write a difference of shares in percentage points, with its sign."""
    return signed(100.0 * x, 1)


def signed(x: float, digits: int = 3) -> str:
    """Write a number with its sign; what rounds to zero is never negative."""
    return f"{round(x, digits) + 0.0:+.{digits}f}"


def _share(f: Figure) -> str:
    return f"{percent(f.value)}% (MCSE {100.0 * f.mcse:.1f})"


def percent(share: float) -> str:
    """Write a share in percent with the digits that a table of shares has, rounded as there."""
    return f"{100.0 * float(f'{share:.3f}'):.1f}"


def _and(words: list[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"
