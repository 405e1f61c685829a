"""Procedure slots: how many procedures a site can do at once, and who goes first."""

from __future__ import annotations

from typing import NamedTuple

from sim.core.params import Table, param
from sim.core.rules import rule
from sim.core.units import on_clock

MOST_SLOTS = 16


class SlotsPlan(NamedTuple):
    """on = 1 where procedures wait for a slot; slots a site, and days that a procedure holds one."""

    on: float
    per_site: float
    procedure_days: float


class Slots(Table):
    """Room for procedures at a site, angioplasty and sham alike, first come, first served."""

    enabled: bool = param(False, unit="-", meaning="whether procedures wait for a free slot", source="design")
    per_site: int = param(
        1, unit="slots", ge=0, le=MOST_SLOTS, meaning="procedures that a site can do at once", source="design"
    )
    procedure_days: float = param(
        1.0, unit="days", gt=0.0, le=365.0, meaning="how long a procedure holds its slot", source="design"
    )

    def plan(self) -> SlotsPlan:
        """Give numbers for names."""
        return SlotsPlan(1.0 if self.enabled else 0.0, float(self.per_site), self.procedure_days)


@rule
def granted(request: float, free: float) -> float:
    """Give when a request is granted that is the first in its queue, the next slot being free from `free` on."""
    return max(request, free)


@rule
def free_again(start: float, procedure_days: float, resolution: float) -> float:
    """Give when a slot is free again that is taken at `start`."""
    return on_clock(start + procedure_days, resolution)
