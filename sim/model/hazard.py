"""Hazards that are constant between changes: a budget drawn once, spent at the pace of the hazard that holds.

The budget is a unit exponential; the event happens when it is spent. So a change of the hazard asks for no new draw:
what was spent so far is settled, and the clock is set anew for what is left (inversion of the spent hazard).
"""

from __future__ import annotations

import math

from sim.core.rules import rule

LACK_OF_BENEFIT, MEDICATION_STOP, OUTSIDE = 0, 1, 2  # which hazard: part of a draw's address
HAZARDS = 3
RING = 1  # index of a hazard's clock; that of the usual dropout, which is settled at entry, has index 0
MOST_COUNTED = 5.0
"""So many reported relapses at most raise a hazard (an assumption: it keeps the hazard bounded)."""


@rule
def spend(spent: float, since: float, now: float, hazard: float) -> float:
    """Give what is spent of a budget by now, if `spent` was by `since` and the hazard (1/day) has held from then on."""
    return spent + (now - since) * hazard


@rule
def rings_at(now: float, budget_left: float, hazard: float) -> float:
    """Give when what is left of a budget will be spent at this hazard (1/day); infinity where it never will.

    A budget that is spent rings now, whatever the hazard is from now on: on a whole-day clock it was spent within the
    day that has gone.
    """
    if budget_left <= 0.0:
        return now
    if hazard == 0.0:
        return math.inf
    return now + budget_left / hazard


@rule
def of_disbelief(per_day: float, patient_belief: float, reported: float, log_relapse_ratio: float) -> float:
    """Give the hazard (1/day) that rises with disbelief and with each of the `reported` relapses, up to MOST_COUNTED.

    `per_day` is that of a patient sure of no angioplasty who has reported none; one sure of angioplasty has 0.
    """
    if per_day == 0.0:
        return 0.0
    return per_day * (1.0 - patient_belief) * math.exp(log_relapse_ratio * min(reported, MOST_COUNTED))
