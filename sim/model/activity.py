"""Passing disease activity: a two-state Markov chain in continuous time, normalised to mean intensity 1."""

from __future__ import annotations

import math
from typing import Literal, NamedTuple

from sim.core.inverse import exponential
from sim.core.params import Table, param
from sim.core.rules import rule
from sim.core.units import months


class ActivityPlan(NamedTuple):
    """Levels and mean sojourns (days) of the two states, stationary share of active ones; on = 0: constant."""

    on: float
    quiescent_level: float
    active_level: float
    quiescent_days: float
    active_days: float
    active_share: float


class Activity(Table):
    """How relapse intensity waxes and wanes within a patient."""

    enabled: bool = param(True, unit="-", meaning="whether activity fluctuates within a patient", source="design")
    kind: Literal["two_state", "none"] = param(
        "two_state", unit="-", meaning="the process: a two-state chain, or constant intensity", source="design"
    )
    ratio: float = param(
        6.0, unit="1", ge=1.0, le=1000.0, meaning="intensity when active over intensity when quiescent"
    )
    active_months: float = param(8.0, unit="months", gt=0.0, le=1200.0, meaning="mean sojourn in the active state")
    quiescent_months: float = param(
        24.0, unit="months", gt=0.0, le=1200.0, meaning="mean sojourn in the quiescent state"
    )

    def plan(self) -> ActivityPlan:
        """Normalise the levels so that the stationary mean intensity is 1."""
        if not self.enabled or self.kind == "none":
            return ActivityPlan(0.0, 1.0, 1.0, math.inf, math.inf, 0.0)
        share = self.active_months / (self.active_months + self.quiescent_months)
        quiescent = 1.0 / (share * self.ratio + 1.0 - share)
        return ActivityPlan(
            1.0, quiescent, quiescent * self.ratio, months(self.quiescent_months), months(self.active_months), share
        )


@rule
def starts_active(u: float, active_share: float) -> float:
    """Draw the state at the start of history from the stationary law: 1 active, 0 quiescent."""
    return 1.0 if u < active_share else 0.0


@rule
def sojourn(u: float, active: float, quiescent_days: float, active_days: float) -> float:
    """Draw how long the chain stays in its present state (days, exponential)."""
    return exponential(u) * (active_days if active == 1.0 else quiescent_days)


@rule
def level(active: float, quiescent_level: float, active_level: float) -> float:
    """Give the intensity factor of the present state."""
    return active_level if active == 1.0 else quiescent_level
