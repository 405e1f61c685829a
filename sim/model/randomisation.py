"""Allocation: simple, or permuted blocks from one central list, in any ratio."""

from __future__ import annotations

from typing import Literal, NamedTuple

from sim.core.params import Table, param
from sim.core.rules import rule


class RandomisationPlan(NamedTuple):
    """blocks = 1 for permuted blocks of `block_size`, 0 for simple allocation."""

    blocks: float
    block_size: float


class Randomisation(Table):
    """How patients are allocated to arms."""

    kind: Literal["simple", "permuted_blocks"] = param(
        "permuted_blocks",
        unit="-",
        meaning="a coin for each patient, or permuted blocks held centrally",
        source="design",
    )
    block_size: int = param(
        4, unit="patients", ge=1, le=1000, meaning="block length, a multiple of the sum of the ratios", source="design"
    )

    def plan(self) -> RandomisationPlan:
        """Give numbers for names."""
        return RandomisationPlan(1.0 if self.kind == "permuted_blocks" else 0.0, float(self.block_size))


@rule
def arm_by_weight(u: float, weight_0: float, weight_1: float, weight_2: float) -> int:
    """Draw one of up to three arms with these weights (ratios, or places left in a block; 0 = no such arm)."""
    point = u * (weight_0 + weight_1 + weight_2)
    past_0 = int(point >= weight_0)  # sums, not branches: nobody can foresee the arm, a processor neither
    past_1 = int(point >= weight_0 + weight_1) * int(weight_2 > 0.0)
    second = int(weight_1 > 0.0)
    return past_0 * (second + past_1 * (2 - second))


@rule
def places(ratio: float, size: float, total: float) -> float:
    """Give an arm's places in a block of this size, `total` being the sum of the ratios."""
    return ratio * size / total
