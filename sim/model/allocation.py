"""Allocation by more than a coin or one list: strata, minimisation, alternation, the alphabet; and who foresees it.

Strata and minimisation share their factors. A candidate's stratum is one number, 4 * site + 2 * (EDSS at or above its
cut) + (recalled relapses at or above theirs), with 0 for what is no factor; so a stratum's list of blocks has the same
draws whichever other factors there are.
"""

from __future__ import annotations

from typing import NamedTuple

from sim.core.rules import rule
from sim.model.veins import ANGIOPLASTY

SIMPLE, PERMUTED_BLOCKS, STRATIFIED_BLOCKS, MINIMISATION, ALTERNATION, ALPHABETICAL = 0.0, 1.0, 2.0, 3.0, 4.0, 5.0
KINDS = ("simple", "permuted_blocks", "stratified_blocks", "minimisation", "alternation", "alphabetical")
WITH_FACTORS = ("stratified_blocks", "minimisation")
BY_EDSS, BY_RELAPSES, BY_SITE = 0.0, 1.0, 2.0
STRATA_A_SITE, OTHER_MARGINS = 4, 4


class AllocationPlan(NamedTuple):
    """The kind of allocation by its place in KINDS, factors (1 or 0) and their cuts, minimisation, and foresight."""

    kind: float
    by_site: float
    by_edss: float
    by_relapses: float
    edss_cut: float
    relapses_cut: float
    best_prob: float
    variance: float
    foreseen_prob: float
    steering_prob: float
    outlook_relapses: float


NOTHING_FURTHER = AllocationPlan(0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0)


@rule
def stratum(
    site: float,
    edss: float,
    relapses_1y: float,
    by_site: float,
    by_edss: float,
    by_relapses: float,
    edss_cut: float,
    relapses_cut: float,
) -> int:
    """Give a candidate's stratum by site, EDSS at screening and recalled relapses of the last year."""
    number = 4 * int(site) if by_site == 1.0 else 0
    if by_edss == 1.0 and edss >= edss_cut:
        number += 2
    if by_relapses == 1.0 and relapses_1y >= relapses_cut:
        number += 1
    return number


@rule
def margin(stratum: float, factor: float) -> int:
    """Give the margin that a stratum belongs to: 0 or 1 by EDSS (factor 0), 2 or 3 by relapses (1), 4 + site (2)."""
    number = int(stratum)
    if factor == 0.0:
        return number // 2 % 2
    if factor == 1.0:
        return 2 + number % 2
    return 4 + number // 4


@rule
def alternating_arm(number: float, ratio_0: float, ratio_1: float, ratio_2: float) -> int:
    """Give the arm of the patient who enters as this number, from 0: the arms in turn, each as often as its ratio."""
    place = int(number) % int(ratio_0 + ratio_1 + ratio_2)
    return int(place >= ratio_0) + int(place >= ratio_0 + ratio_1)


@rule
def imbalance(
    count_0: float, count_1: float, count_2: float, ratio_0: float, ratio_1: float, ratio_2: float, variance: float
) -> float:
    """Give how unequal the arms are in one margin: the range, or the variance, of patients over ratio.

    Both are in whole numbers (counts over ratios, times the product of the ratios; of the variance a multiple), so that
    equal imbalances are equal doubles. A third arm of ratio 0 is none.
    """
    third = max(ratio_2, 1.0)
    x = count_0 * ratio_1 * third
    y = count_1 * ratio_0 * third
    z = count_2 * ratio_0 * ratio_1 if ratio_2 > 0.0 else y
    if variance == 1.0:
        return (x - y) * (x - y) + (y - z) * (y - z) + (x - z) * (x - z)
    return max(x, y, z) - min(x, y, z)


@rule
def minimised(
    imbalance_0: float,
    imbalance_1: float,
    imbalance_2: float,
    ratio_0: float,
    ratio_1: float,
    ratio_2: float,
    best_prob: float,
) -> tuple[float, float, float]:
    """Give the arms' probabilities from the imbalance that each would lead to (Pocock and Simon 1975, recalled).

    The arms of least imbalance have `best_prob` between them, by their ratios, the others the rest, by theirs; where
    all are alike, the ratios themselves are given.
    """
    least = min(imbalance_0, imbalance_1)
    if ratio_2 > 0.0:
        least = min(least, imbalance_2)
    best_0 = ratio_0 if imbalance_0 == least else 0.0
    best_1 = ratio_1 if imbalance_1 == least else 0.0
    best_2 = ratio_2 if imbalance_2 == least else 0.0
    best = best_0 + best_1 + best_2
    rest = ratio_0 + ratio_1 + ratio_2 - best
    if rest == 0.0:
        return ratio_0, ratio_1, ratio_2
    others = 1.0 - best_prob
    return (
        best_prob * best_0 / best + others * (ratio_0 - best_0) / rest,
        best_prob * best_1 / best + others * (ratio_1 - best_1) / rest,
        best_prob * best_2 / best + others * (ratio_2 - best_2) / rest,
    )


@rule
def steered_away(
    u_foreseen: float,
    u_steered: float,
    relapses_1y: float,
    procedure: float,
    foreseen_prob: float,
    steering_prob: float,
    outlook_relapses: float,
) -> bool:
    """Tell whether a recruiter who wants angioplasty to look well turns this candidate away from the arm that is next.

    The outlook is good with no more than `outlook_relapses` recalled in the last year: such candidates are wanted for
    angioplasty, the others for whatever it is compared with. Who is foreseen for the right arm stays.
    """
    if (relapses_1y <= outlook_relapses) == (procedure == ANGIOPLASTY):
        return False
    return u_foreseen < foreseen_prob and u_steered < steering_prob
