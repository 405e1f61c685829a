"""Re-treatment: whether veins that were found narrow again are opened again."""

from __future__ import annotations

from typing import Literal, NamedTuple

from sim.core.params import Table, param
from sim.core.rules import rule


class RetreatmentPlan(NamedTuple):
    """How many times at most (0: never), and days from the imaging that found it to the request."""

    most: float
    delay_days: float


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

    def plan(self) -> RetreatmentPlan:
        """Give numbers for names."""
        return RetreatmentPlan(float(self.most) if self.policy == "on_detection" else 0.0, self.delay_days)


@rule
def again(asked: float, most: float, pending: float) -> bool:
    """Tell whether a patient for whom it was asked `asked` times is to be treated again; not while one is pending."""
    return pending == 0.0 and asked < most
