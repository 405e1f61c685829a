"""Sizing for safety: how many patients it takes to see at least one complication of a given rate.

Patients are treated independently of each other, so with n enrolled, a share s of them treated and a complication in a
share p of procedures, none is seen with probability (1 - s p)^n (Hanley and Lippman-Hand 1983 for s = 1).
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from sim.core.errors import ShamtrialError
from sim.data.cohort import cohort
from sim.model.veins import ANGIOPLASTY
from sim.scenario.schema import Scenario
from sim.study.play import Play

PATIENTS, USUAL_PROBABILITY = 4000, 0.95


@dataclass(frozen=True)
class Safety:
    """How many must be treated, and enrolled, to see at least one complication with this probability.

    `treated_share` of the enrolled have the study's first procedure, angioplasty, before they leave, with its Monte
    Carlo standard error; `seen_prob` is the probability with as many enrolled as the size found.
    """

    rate: float
    probability: float
    treated: int
    n: int
    treated_share: float
    treated_share_mcse: float
    seen_prob: float

    def to_dict(self) -> dict[str, Any]:
        """Give plain values."""
        return asdict(self)


def checked(rate: float | None, probability: float | None) -> float:
    """Give the probability to see one; raises ShamtrialError for a rate or a probability that can't be."""
    if rate is None and probability is not None:
        raise ShamtrialError("--see: found without --complication-rate; allowed: with it")
    if rate is not None and not 0.0 < rate < 1.0:
        raise ShamtrialError(f"--complication-rate: found {rate:g}; allowed: above 0 and below 1")
    probability = USUAL_PROBABILITY if probability is None else probability
    if not 0.0 < probability < 1.0:
        raise ShamtrialError(f"--see: found {probability:g}; allowed: above 0 and below 1")
    return probability


def needed(rate: float, probability: float) -> int:
    """Give the fewest chances, each of this rate, that show at least one with this probability."""
    return math.ceil(math.log1p(-probability) / math.log1p(-rate) - 1e-12)


def safety(scenario: Scenario, n: int, rate: float, probability: float, seed: int, engine: str) -> Safety:
    """Size a scenario for safety; raises ShamtrialError where nobody has an angioplasty in it."""
    trials = math.ceil(PATIENTS / scenario.enrolment.target)
    play = Play(scenario, seed, engine)
    people = np.concatenate([cohort(play.records(t)).subjects for t in range(trials)])
    had = (people["procedure"] == ANGIOPLASTY) & ~(people["end_time"] < people["procedure_time"])
    share, count = float(had.mean()) if len(had) else 0.0, len(had)
    if share == 0.0:
        raise ShamtrialError("--complication-rate: found a scenario in which nobody has an angioplasty; allowed: one "
                             "with an arm that has")  # fmt: skip
    return Safety(
        rate=rate,
        probability=probability,
        treated=needed(rate, probability),
        n=needed(rate * share, probability),
        treated_share=share,
        treated_share_mcse=math.sqrt(share * (1.0 - share) / count),
        seen_prob=-math.expm1(n * math.log1p(-rate * share)),
    )
