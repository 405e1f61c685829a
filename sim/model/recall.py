"""Relapses before the study are recalled, not observed: some are forgotten, some moved nearer."""

from __future__ import annotations

from typing import NamedTuple

from sim.core.params import Table, param, probability
from sim.core.rules import rule
from sim.core.units import DAYS_PER_YEAR


class RecallPlan(NamedTuple):
    """Probabilities, and the largest share of its age by which a relapse is moved."""

    omission_prob: float
    telescoping_prob: float
    telescoping_share: float


class Recall(Table):
    """One recalled history a patient: eligibility and the reported baseline count both use it."""

    enabled: bool = param(True, unit="-", meaning="false: the past is recalled as it was", source="design")
    omission_prob: float = probability(0.1, meaning="a past relapse is forgotten")
    telescoping_prob: float = probability(0.2, meaning="a past relapse is dated too late (telescoping)")
    telescoping_share: float = param(
        0.3, unit="1", ge=0.0, le=0.9, meaning="it is moved by up to this share of its age, uniformly"
    )

    def plan(self, on: bool) -> RecallPlan:
        """Give the probabilities; `on` false is the switch off."""
        if not (on and self.enabled):
            return RecallPlan(0.0, 0.0, 0.0)
        return RecallPlan(self.omission_prob, self.telescoping_prob, self.telescoping_share)


@rule
def is_recalled(u: float, omission_prob: float) -> bool:
    """Tell whether a past relapse is remembered at all."""
    return u >= omission_prob


@rule
def recalled_onset(
    onset: float, screening: float, u_whether: float, u_shift: float, prob: float, share: float
) -> float:
    """Give the onset as the patient dates it at screening: the true one, or a later one (never after screening)."""
    if u_whether >= prob or onset >= screening:
        return onset
    return onset + (screening - onset) * share * u_shift


@rule
def is_within(recalled: float, now: float, last: float) -> bool:
    """Tell whether a relapse, as recalled, lies in the last `last` years; a forgotten one (NaN) does not."""
    return now - recalled <= last * DAYS_PER_YEAR
