"""Allocation: its keys, and the commonest kinds, simple and permuted blocks from one central list, in any ratio."""

from __future__ import annotations

from typing import Literal, NamedTuple

from pydantic import Field

from sim.core.params import Table, param, probability
from sim.core.rules import rule
from sim.model.allocation import KINDS, NOTHING_FURTHER, AllocationPlan


class RandomisationPlan(NamedTuple):
    """blocks = 1 for permuted blocks of `block_size` from one list, 0 for any other kind (`AllocationPlan`)."""

    blocks: float
    block_size: float


class Randomisation(Table):
    """How patients are allocated to arms, and whether whoever recruits foresees it."""

    kind: Literal["simple", "permuted_blocks", "stratified_blocks", "minimisation", "alternation", "alphabetical"] = (
        param(
            "permuted_blocks",
            unit="-",
            meaning="a coin; blocks, central or by stratum; least imbalance; arms in turn; by the surname's initial",
            source="design",
        )
    )
    block_size: int = param(
        4, unit="patients", ge=1, le=1000, meaning="block length, a multiple of the sum of the ratios", source="design"
    )
    factors: list[Literal["site", "edss", "relapses"]] = Field(
        default=[],
        min_length=0,
        max_length=3,
        description="what strata or minimisation go by: site, EDSS at screening, recalled relapses of the last year",
        json_schema_extra={"unit": "-", "source": "design"},
    )
    edss_cut_points: float = param(
        3.0, unit="EDSS points", ge=0.0, le=10.0, meaning="EDSS from which on it counts as high", source="design"
    )
    relapses_cut: int = param(
        2, unit="relapses", ge=1, le=50, meaning="recalled relapses from which on they count as many", source="design"
    )
    minimisation_prob: float = probability(
        0.8, meaning="minimisation: probability of the arm that leaves least imbalance", source="design"
    )
    imbalance: Literal["range", "variance"] = param(
        "range", unit="-", meaning="minimisation: how unequal arms are measured in each margin", source="design"
    )
    foreseen_prob: float = probability(
        0.0, meaning="the recruiter knows, or guesses rightly, a candidate's arm before entry (1: nothing is concealed)"
    )
    steering_prob: float = probability(
        0.0, meaning="a candidate whose outlook does not suit the arm foreseen is turned away"
    )
    outlook_relapses: int = param(
        1,
        unit="relapses",
        ge=0,
        le=50,
        meaning="good outlook, wanted for angioplasty: no more recalled relapses in the last year; others: for control",
    )

    def plan(self) -> RandomisationPlan:
        """Give numbers for names."""
        return RandomisationPlan(1.0 if self.kind == "permuted_blocks" else 0.0, float(self.block_size))

    def allocation(self, randomised: bool, foreseen: bool) -> AllocationPlan:
        """Give the further kinds and foresight as numbers; `foreseen` false is the switch off."""
        if not randomised:
            return NOTHING_FURTHER
        steers = foreseen and self.steers
        return AllocationPlan(
            float(KINDS.index(self.kind)),
            1.0 if "site" in self.factors else 0.0,
            1.0 if "edss" in self.factors else 0.0,
            1.0 if "relapses" in self.factors else 0.0,
            self.edss_cut_points,
            float(self.relapses_cut),
            self.minimisation_prob,
            1.0 if self.imbalance == "variance" else 0.0,
            self.foreseen_prob if steers else 0.0,
            self.steering_prob if steers else 0.0,
            float(self.outlook_relapses),
        )

    @property
    def steers(self) -> bool:
        """Whether anybody may be turned away for the arm foreseen."""
        return self.foreseen_prob > 0.0 and self.steering_prob > 0.0


@rule
def arm_by_weight(u: float, weight_0: float, weight_1: float, weight_2: float) -> int:
    """Draw one of up to three arms with these weights (ratios, or places left in a block; 0 = no such arm)."""
    point = u * (weight_0 + weight_1 + weight_2)
    return int(point >= weight_0) + int(point >= weight_0 + weight_1)  # a sum: a processor can't foresee a branch


@rule
def places(ratio: float, size: float, total: float) -> float:
    """Give an arm's places in a block of this size, `total` being the sum of the ratios."""
    return ratio * size / total
