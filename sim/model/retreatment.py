"""Re-treatment: whether veins that were found narrow again are opened again."""

from __future__ import annotations

from typing import Literal, NamedTuple

from sim.core.params import Table, param
from sim.core.rules import rule


class RetreatmentPlan(NamedTuple):
    """How many times at most (0: never), days from the imaging that found it to the request; told = 1: openly."""

    most: float
    delay_days: float
    told: float


class Retreatment(Table):
    """What follows when surveillance reads a vein that was opened as narrow."""

    policy: Literal["none", "on_detection"] = param(
        "none",
        unit="-",
        meaning="on_detection: whoever has an opened vein that is read as narrow is treated again",
        source="design",
    )
    most: int = param(1, unit="procedures", ge=1, le=5, meaning="at most so many times a patient", source="design")
    delay_days: float = param(
        14.0, unit="days", gt=0.0, le=365.0, meaning="from that imaging to the request for it", source="design"
    )
    told: bool = param(
        False,
        unit="-",
        meaning="patient and physician are told of it; false: they go by what they notice, as at the first procedure",
        source="design",
    )

    def plan(self) -> RetreatmentPlan:
        """Give numbers for names."""
        most = self.most if self.policy == "on_detection" else 0
        return RetreatmentPlan(float(most), self.delay_days, float(self.told))


@rule
def is_told(of_the_arm: float, open_arm: float, told: float) -> bool:
    """Tell whether people are told what a further procedure is: the arm's own second one, or a re-treatment."""
    return open_arm == 1.0 if of_the_arm == 1.0 else told == 1.0


@rule
def again(asked: float, most: float, pending: float) -> bool:
    """Tell whether a patient for whom it was asked `asked` times is to be treated again; not while one is pending."""
    return pending == 0.0 and asked < most
