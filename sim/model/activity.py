"""Passing disease activity of mean intensity 1: a two-state Markov chain in continuous time, or a level a month.

`log_ou` holds the intensity constant over each month: its logarithm is a stationary Gaussian AR(1) sequence, an
Ornstein-Uhlenbeck process looked at month by month. Month 0 begins at screening and its score is drawn first. From
there the sequence is drawn forwards, and backwards for the past: run backwards, a stationary Gaussian AR(1) is the same
process. So the path is one and the same function of time however long the history is; a recursion that began with the
history, its months counted from there or on the trial's clock, would give every later level another value.
"""

from __future__ import annotations

import math
from typing import Literal, NamedTuple

from sim.core.inverse import exponential, normal
from sim.core.params import Table, param
from sim.core.rules import rule
from sim.core.units import DAYS_PER_MONTH, months


class ActivityPlan(NamedTuple):
    """Levels and mean sojourns (days) of the two states, stationary share of active ones; on = 0: constant.

    monthly = 1: a level a month instead, with the standard deviation and monthly correlation of its logarithm, and the
    standard deviation of a standardised month's innovation.
    """

    on: float
    quiescent_level: float
    active_level: float
    quiescent_days: float
    active_days: float
    active_share: float
    monthly: float = 0.0
    log_sd: float = 0.0
    correlation: float = 0.0
    innovation_sd: float = 0.0


class Activity(Table):
    """How relapse intensity waxes and wanes within a patient."""

    enabled: bool = param(True, unit="-", meaning="whether activity fluctuates within a patient", source="design")
    kind: Literal["two_state", "log_ou", "none"] = param(
        "two_state",
        unit="-",
        meaning="the process: a two-state chain, a log-Gaussian level held over each month, or constant intensity",
        source="design",
    )
    ratio: float = param(
        15.0,
        unit="1",
        ge=1.0,
        le=1000.0,
        meaning="intensity when active over intensity when quiescent",
        source="fitted: affirm.counts, freedoms.arr, confirm.arr, nicholas2012.trend, tremlett2008.decline",
    )
    active_months: float = param(
        12.0,
        unit="months",
        gt=0.0,
        le=1200.0,
        meaning="mean sojourn in the active state",
        source="fitted: affirm.counts, freedoms.arr, confirm.arr, nicholas2012.trend, tremlett2008.decline",
    )
    quiescent_months: float = param(
        38.0,
        unit="months",
        gt=0.0,
        le=1200.0,
        meaning="mean sojourn in the quiescent state",
        source="fitted: affirm.counts, freedoms.arr, confirm.arr, nicholas2012.trend, tremlett2008.decline",
    )
    log_sd: float = param(
        1.03,
        unit="1",
        ge=0.0,
        le=2.0,
        meaning="log_ou: standard deviation of the log intensity (1.03: as variable as the two states above)",
    )
    month_correlation: float = param(
        0.9,
        unit="1",
        ge=0.0,
        le=1.0,
        meaning="log_ou: correlation of the log intensity from month to month (0.9: the two states' pace; 1: life)",
    )

    def calmer(self, kept: float) -> Activity:
        """Give activity with this share (0 to 1) of its variance, at the same pace."""
        if self.kind == "log_ou":
            return self.model_copy(
                update={"log_sd": math.sqrt(math.log1p(kept * math.expm1(self.log_sd * self.log_sd)))}
            )
        share = self.active_months / (self.active_months + self.quiescent_months)
        above = self.ratio - 1.0
        deviation = math.sqrt(kept) * above / (1.0 + share * above)
        return self.model_copy(update={"ratio": 1.0 + deviation / (1.0 - share * deviation)})

    def plan(self) -> ActivityPlan:
        """Normalise the levels so that the stationary mean intensity is 1."""
        if not self.enabled or self.kind == "none":
            return ActivityPlan(0.0, 1.0, 1.0, math.inf, math.inf, 0.0)
        if self.kind == "log_ou":
            rho = self.month_correlation
            innovation_sd = math.sqrt((1.0 - rho) * (1.0 + rho))
            return ActivityPlan(1.0, 1.0, 1.0, math.inf, math.inf, 0.0, 1.0, self.log_sd, rho, innovation_sd)
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


@rule
def months_back(history_days: float) -> int:
    """Give how many months before screening a history reaches into."""
    return math.ceil(history_days / DAYS_PER_MONTH)


@rule
def month_end(screening: float, month: float) -> float:
    """Give the day on which a month ends; month 0 begins at screening, those before it have numbers below 0."""
    return screening + (month + 1.0) * DAYS_PER_MONTH


@rule
def first_score(u: float) -> float:
    """Draw the standardised log intensity of month 0 from the stationary law."""
    return normal(u)


@rule
def next_score(score: float, u: float, correlation: float, innovation_sd: float) -> float:
    """Draw the standardised log intensity of the month next to one with this score, later or earlier."""
    return correlation * score + innovation_sd * normal(u)


@rule
def month_level(score: float, log_sd: float) -> float:
    """Give a month's intensity factor, of mean 1 and variance exp(log_sd^2) - 1."""
    return math.exp(log_sd * score - 0.5 * log_sd * log_sd)
