"""Surveillance for restenosis: when veins are imaged by Doppler after a procedure, and how a vein is read.

What is read is not what is: a reader misses narrow veins, takes open ones for narrow, and may be swayed by what is
known of the patient.
"""

from __future__ import annotations

import math
from typing import Literal, NamedTuple

from pydantic import Field

from sim.core.inverse import logistic
from sim.core.params import Table, param, probability
from sim.core.rules import rule
from sim.core.units import months

MOST_IMAGINGS = 60  # on a schedule
SCHEDULED, AFTER_RELAPSE = 0, 1
TRIGGERS = ("scheduled", "relapse")


class SurveillancePlan(NamedTuple):
    """Days after the procedure, how many of them, days after a report; a reader's log odds, and what shifts them."""

    on: float
    imaging_days: tuple[float, ...]
    scheduled: float
    on_relapse: float
    after_relapse_days: float
    narrow_logit: float
    open_logit: float
    over_reading: float
    known_relapse_days: float
    lean: float


class Surveillance(Table):
    """Doppler of the veins after a procedure: on a schedule, and after reported relapses."""

    enabled: bool = param(False, unit="-", meaning="whether patients are imaged after their procedure", source="design")
    scheduled_months: list[float] = Field(
        default=[1.0, 3.0, 6.0, 12.0, 18.0],
        min_length=0,
        max_length=MOST_IMAGINGS,
        description="months after the procedure at which veins are imaged; may be empty",
        json_schema_extra={"unit": "months", "source": "design"},
    )
    on_relapse: bool = param(
        False,
        unit="-",
        meaning="whether a reported relapse brings an imaging (one at a time: none more while one is due)",
        source="design",
    )
    after_relapse_days: float = param(
        7.0, unit="days", ge=0.0, le=365.0, meaning="from the report to the imaging it brings"
    )
    sensitivity: float = probability(0.85, meaning="a narrow vein is read as narrow by a reader who knows nothing")
    specificity: float = probability(0.9, meaning="an open vein is read as open by a reader who knows nothing")
    reader: Literal["blinded", "unblinded"] = param(
        "blinded",
        unit="-",
        meaning="what readers know: nothing, or recent relapses and (as assessors believe it) the treatment",
        source="design",
    )
    over_reading_logits: float = param(
        2.0,
        unit="log odds",
        ge=-10.0,
        le=10.0,
        meaning="rise of the odds to read a vein as narrow when an unblinded reader knows of a recent relapse",
    )
    known_relapse_days: float = param(
        60.0, unit="days", ge=0.0, le=3650.0, meaning="a relapse reported no longer ago than this is recent"
    )
    reader_lean_logits: float = param(
        0.0,
        unit="log odds",
        ge=-10.0,
        le=10.0,
        meaning="fall of the odds to read a vein as narrow when an unblinded reader is sure of angioplasty",
    )

    def plan(self, triggered: bool, unblinded: bool, rater_bias: bool) -> SurveillancePlan:
        """Convert to days and log odds.

        `triggered` false: no imaging after relapses; `unblinded` false: readers know nothing; `rater_bias` false: no
        lean.
        """
        if not self.enabled:
            return SurveillancePlan(0.0, (), 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0)
        knows = unblinded and self.reader == "unblinded"
        return SurveillancePlan(
            1.0,
            tuple(months(m) for m in self.scheduled_months),
            float(len(self.scheduled_months)),
            1.0 if triggered and self.on_relapse else 0.0,
            self.after_relapse_days,
            _logit(self.sensitivity),
            -_logit(self.specificity),
            self.over_reading_logits if knows else 0.0,
            self.known_relapse_days,
            self.reader_lean_logits if knows and rater_bias else 0.0,
        )


def _logit(prob: float) -> float:
    """Give log odds; infinite for 0 and 1, which no shift can move."""
    if prob in (0.0, 1.0):
        return math.inf if prob else -math.inf
    return math.log(prob / (1.0 - prob))


@rule
def is_recent(now: float, last_reported: float, known_relapse_days: float) -> float:
    """Tell (1 or 0) whether the last reported relapse, at -inf if there is none, is no older than this."""
    return 1.0 if now - last_reported <= known_relapse_days else 0.0


@rule
def reads_narrow(
    u: float,
    narrow: float,
    narrow_logit: float,
    open_logit: float,
    over_reading: float,
    recent: float,
    lean: float,
    assessor_belief: float,
) -> bool:
    """Tell whether a vein is read as narrow: odds rise with a recent relapse, fall with the belief in angioplasty."""
    logit = narrow_logit if narrow == 1.0 else open_logit
    return u < logistic(logit + over_reading * recent - lean * assessor_belief)
