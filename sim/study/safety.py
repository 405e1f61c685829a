"""Sizing for safety: how many patients it takes to see at least one complication of a given rate.

Patients are treated independently of each other, so with n enrolled, each with m angioplasties and a complication in a
share p of them, none is seen with probability E[(1 - p)^m]^n (Hanley and Lippman-Hand 1983 for m = 1).
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sim.core.errors import ShamtrialError
from sim.data.cohort import cohort, rows_of
from sim.engines.records import TrialRecords
from sim.model.veins import ANGIOPLASTY
from sim.scenario.schema import Scenario
from sim.study.play import Play

PATIENTS, USUAL_PROBABILITY = 4000, 0.95


@dataclass(frozen=True)
class Safety:
    """How many angioplasties, and how many enrolled, show at least one complication with this probability.

    The rate is that of one angioplasty; a patient may have several, or one late (second procedures of an arm,
    re-treatment; not those elsewhere). `treated_share` of the enrolled have one or more before they leave, with its
    Monte Carlo standard error, `procedures` each on average; `seen_prob` is the probability with as many enrolled as
    the size found.
    """

    rate: float
    probability: float
    treated: int
    n: int
    treated_share: float
    treated_share_mcse: float
    procedures: float
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
    had = np.concatenate([angioplasties(play.records(t)) for t in range(trials)])
    share, count = float((had > 0).mean()) if len(had) else 0.0, len(had)
    if share == 0.0:
        raise ShamtrialError("--complication-rate: found a scenario in which nobody has an angioplasty; allowed: one "
                             "with an arm that has")  # fmt: skip
    none = float(((1.0 - rate) ** had).mean())  # the chance that a patient shows none
    return Safety(
        rate=rate,
        probability=probability,
        treated=needed(rate, probability),
        n=needed(1.0 - none, probability),
        treated_share=share,
        treated_share_mcse=math.sqrt(share * (1.0 - share) / count),
        procedures=float(had.mean()),
        seen_prob=-math.expm1(n * math.log(none)),
    )


def angioplasties(records: TrialRecords) -> NDArray[np.int64]:
    """Count the angioplasties that each of the enrolled has in the study before leaving it."""
    people, done = cohort(records).subjects, records.procedures
    row = rows_of(people, done)
    kept = (done["kind"] == ANGIOPLASTY) & (row >= 0)
    kept[kept] = ~(people["end_time"][row[kept]] < done["time"][kept])
    return np.bincount(row[kept], minlength=len(people))
