"""What a ledger says in three sentences: the finding, its numbers, and the design that closes the doors it found open.

Nothing is said that the figures do not give: a figure counts from SURE Monte Carlo errors on, and a remedy is named
only for shares that favour the procedure.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sim.study.ledger import Ledger

CONTROL = "a randomised control group followed over the same months"
BLIND_PATIENTS = "patients blinded by a sham procedure"
BLIND_RATERS = "assessors and readers who do not know what was done"

REMEDIES: dict[str, tuple[str, str]] = {
    "self_referral": (CONTROL, "a run-in between coming and counting"),
    "selection": (CONTROL, "a baseline window apart from the qualifying one"),
    "decline": (CONTROL, "a control group of the same years"),
    "medication": (CONTROL, "one rule for medication in both arms, in blinded hands"),
    "practice": (CONTROL, "practice sessions before the baseline visit"),
    "recall": ("a baseline observed in a run-in, not recalled", "a baseline observed in a run-in, not recalled"),
    "placebo": (BLIND_PATIENTS, BLIND_PATIENTS),
    "under_reporting": (BLIND_PATIENTS, BLIND_PATIENTS),
    "contamination": (BLIND_PATIENTS, BLIND_PATIENTS),
    "rater_bias": (BLIND_RATERS, BLIND_RATERS),
    "unblinded_doppler": (BLIND_RATERS, BLIND_RATERS),
    "triggered_imaging": ("imaging on a schedule alone", "imaging on a schedule alone"),
    "foreseen_allocation": ("concealed allocation", "concealed allocation"),
    "attrition": ("following and analysing everyone who entered", "following and analysing everyone who entered"),
}
"""What closes the door of each mechanism: in a design without controls, and in one that has them."""

WORDS = {
    "self_referral": "self-referral after a relapse",
    "selection": "selection on recent relapses",
    "decline": "decline of the relapse rate with time",
    "medication": "other medication",
    "practice": "practice at the tests",
    "recall": "recall of the past",
    "placebo": "placebo response",
    "under_reporting": "relapses that go unreported",
    "contamination": "angioplasty elsewhere",
    "rater_bias": "raters who lean",
    "unblinded_doppler": "Doppler readers who know",
    "triggered_imaging": "imaging after relapses",
    "foreseen_allocation": "foreseen allocation",
    "attrition": "patients who leave",
    "picking_endpoints": "picking among endpoints",
    "picking_subgroups": "picking among subgroups",
    "completers_only": "analysing completers only",
    "publication": "publishing the one that succeeded",
}
"""Each mechanism in words."""


def sentences(ledger: Ledger) -> tuple[str, str, str]:
    """Compose the three sentences."""
    return _finding(ledger), _numbers(ledger), _prevention(ledger)


def _finding(ledger: Ledger) -> str:
    about = f"{ledger.name}, {ledger.endpoint}:"
    truth = "nothing" if ledger.truth == 0.0 else amount(ledger, ledger.truth, ledger.errors["truth"])
    told = f"{about} the procedure does {truth} in truth" if truth == "nothing" else f"{about} the truth is {truth}"
    seen = amount(ledger, ledger.apparent, ledger.errors["apparent"])
    if not ledger.biased:
        return f"{told}, and the design finds {seen}: no bias beyond its Monte Carlo error."
    side = "in favour of the procedure" if ledger.bias * ledger.favourable > 0.0 else "against the procedure"
    return f"{told}, and the design finds {seen}: a bias of {_signed(points(ledger) * ledger.bias)} {side}."


def _numbers(ledger: Ledger) -> str:
    sure = [e for e in ledger.entries if e.beyond_error]
    open_doors = sum(not e.closed for e in ledger.entries)
    course = f"the course of the disease alone gives {_figure(ledger, ledger.none, ledger.errors['none'])}"
    if not open_doors:
        return f"Of this {course}; none of the {len(ledger.entries)} mechanisms can act in it."
    shut = f"{len(ledger.entries) - open_doors} of {len(ledger.entries)} mechanisms cannot act in it"
    if not sure:
        return f"Of this {course}; {shut}, and none of the {open_doors} others exceeds its error."
    parts = [f"{WORDS[e.mechanism]} {_figure(ledger, e.shapley, e.mcse)}" for e in sure]
    return f"Of this {course}; {_and(parts)}; {shut}."


def _prevention(ledger: Ledger) -> str:
    """Name what closes the open doors through which most comes, until half of what favours the procedure is closed."""
    helpful = [e for e in ledger.entries if e.beyond_error and e.shapley * ledger.favourable > 0.0]
    if not helpful:
        return "No mechanism favours the procedure beyond its error, so there is nothing here for a design to close."
    column = int(ledger.design != "uncontrolled_before_after")
    closes: dict[str, float] = {}
    for e in helpful:
        remedy = REMEDIES[e.mechanism][column]
        closes[remedy] = closes.get(remedy, 0.0) + abs(e.shapley)
    whole = math.fsum(closes.values())
    named: list[str] = []
    for remedy in sorted(closes, key=lambda r: (-closes[r], r)):
        named.append(remedy)
        if math.fsum(closes[r] for r in named) >= 0.9 * whole:
            break
    of_these = [e for e in helpful if REMEDIES[e.mechanism][column] in named]
    share = math.fsum(closes[r] for r in named) / whole
    part = "all" if len(named) == len(closes) else f"{100.0 * share:.0f}% of all"
    return (
        f"{_prevented(ledger)}: {_and(named)}, against {_and([WORDS[e.mechanism] for e in of_these])}, which "
        f"make {part} that favours the procedure here."
    )


def _prevented(ledger: Ledger) -> str:
    """Say what remedies are against: the bias, or, where it is not one in favour, what favours the procedure in it."""
    if ledger.biased and ledger.bias * ledger.favourable > 0.0:
        return "What would have prevented it"
    left = "The bias is against the procedure" if ledger.biased else "There is no bias beyond its error to prevent"
    return f"{left}; what favours the procedure in it is kept out by"


def amount(ledger: Ledger, value: float, mcse: float) -> str:
    """Write a value of the ledger's scale with its error; a ratio beside its log, a share in points of 100."""
    figure = _figure(ledger, value, mcse)
    if ledger.scale == "log_ratio":
        return f"a ratio of {math.exp(value):.3f}, log {figure}"
    return f"{figure} {'points of 100 patients' if ledger.unit == 'share' else ledger.unit}"


def points(ledger: Ledger) -> float:
    """Give by what figures of the ledger are multiplied where they are written: shares are read in points of 100."""
    return 100.0 if ledger.unit == "share" else 1.0


def _figure(ledger: Ledger, value: float, mcse: float) -> str:
    told = _signed(points(ledger) * value)
    return f"{told} (MCSE {points(ledger) * mcse:.2g})" if mcse else f"{told} exactly"


def _signed(value: float) -> str:
    return f"{value:+.3g}" if value else "0"


def _and(parts: Iterable[str]) -> str:
    *most, last = parts
    return f"{', '.join(most)} and {last}" if most else last
