"""Who gets which arm: the next allocation can be known before it is used up, so that a recruiter may steer.

A coin and the central list stand here for every plan; the rest is compiled for plans that have it. `lists` holds a row
a stratum (its list of blocks), or a row a margin (what minimisation counts).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from sim.core.streams import ALLOCATION, BLOCK, LONGEST_BLOCK, PLACES, STRATUM_BLOCK, TRIAL_WORD
from sim.engines.compiled.clocks import draw, note
from sim.engines.compiled.historical import arm_by_era
from sim.engines.compiled.ranks import ON_STEERED_AWAY
from sim.jit import bare_part, further_part, further_value, inlined_part
from sim.model import allocation, randomisation
from sim.model.eligibility import STEERED

TRIAL = np.uint64(TRIAL_WORD)
STRATIFIED_BLOCKS, MINIMISATION = allocation.STRATIFIED_BLOCKS, allocation.MINIMISATION
ALTERNATION, ALPHABETICAL = allocation.ALTERNATION, allocation.ALPHABETICAL
BY_EDSS, BY_RELAPSES, BY_SITE = allocation.BY_EDSS, allocation.BY_RELAPSES, allocation.BY_SITE


@inlined_part
def allocate(plan: Any, t: Any, p: Any) -> Any:
    """Give the patient's arm: the only one, the era's, a coin, or the next place of the central list of blocks."""
    if plan.study.randomised == 0.0:
        return int(arm_by_era(plan, p))
    if plan.randomisation.blocks == 0.0:
        return randomisation.arm_by_weight(p.u_arm, plan.ratios[0], plan.ratios[1], plan.ratios[2])
    place = t.place
    if float(place) == plan.randomisation.block_size:
        place = 0
        t.block += 1
    if place == 0:
        total = plan.ratios[0] + plan.ratios[1] + plan.ratios[2]
        for k in range(3):
            t.left[k] = randomisation.places(plan.ratios[k], plan.randomisation.block_size, total)
    if place % PLACES == 0:
        u = draw(t, TRIAL, BLOCK, t.block, place // PLACES)
        for k in range(PLACES):
            t.lane[k] = u[k]
    arm = randomisation.arm_by_weight(t.lane[place % PLACES], t.left[0], t.left[1], t.left[2])
    t.left[arm] -= 1.0
    t.place = place + 1
    return arm


@inlined_part
def arm_of(plan: Any, t: Any, lists: Any, p: Any) -> Any:
    """Give the arm of the patient who enters as number `t.entered`, and use this allocation up."""
    arm = further_arm(plan, t, lists, p)
    return int(arm) if arm >= 0.0 else allocate(plan, t, p)


@further_part
def begin_lists(plan: Any, lists: Any) -> None:
    """Begin a trial with nothing used of any list, and nobody in any margin."""
    for row in range(lists.shape[0]):
        own = lists[row]
        own.used = 0
        for k in range(3):
            own.count[k] = 0.0


@further_value(-1.0)
def further_arm(plan: Any, t: Any, lists: Any, p: Any) -> float:
    """Give the arm by a further kind of allocation, and use it up; -1 for the others."""
    kind = plan.allocation.kind
    if kind < STRATIFIED_BLOCKS:
        return -1.0
    arm = next_arm(plan, t, lists, p)
    if kind == STRATIFIED_BLOCKS:
        own = lists[stratum_of(plan, p)]
        own.left[arm] -= 1.0
        own.used += 1
    if kind == MINIMISATION:
        count_in(plan, lists, p, BY_EDSS, plan.allocation.by_edss, arm)
        count_in(plan, lists, p, BY_RELAPSES, plan.allocation.by_relapses, arm)
        count_in(plan, lists, p, BY_SITE, plan.allocation.by_site, arm)
    return float(arm)


@further_value(0.0)
def steers_away(plan: Any, t: Any, lists: Any, p: Any) -> float:
    """Tell whether the recruiter foresees the patient's arm and turns the patient away for it (1 or 0)."""
    rule = plan.allocation
    if rule.steering_prob == 0.0:
        return 0.0
    procedure = plan.procedures[next_arm(plan, t, lists, p)]
    u = draw(t, p.word, ALLOCATION, 0, 0)
    if not allocation.steered_away(
        u[1], u[2], p.recalled_1y, procedure, rule.foreseen_prob, rule.steering_prob, rule.outlook_relapses
    ):
        return 0.0
    p.reason = STEERED
    return 1.0


@further_value(0.0)
def tell_steered(plan: Any, t: Any, p: Any, events: Any) -> float:
    """Write into the log that the patient was steered away, if so (1 or 0)."""
    if p.reason != STEERED:
        return 0.0
    note(plan, t, events, p.now, ON_STEERED_AWAY, p.word, 0, p.recalled_1y)
    return 1.0


@bare_part
def next_arm(plan: Any, t: Any, lists: Any, p: Any) -> Any:
    """Give the arm that the patient would get now; nothing is used up."""
    kind = plan.allocation.kind
    if kind == STRATIFIED_BLOCKS:
        return next_place(plan, t, lists, stratum_of(plan, p))
    if kind == MINIMISATION:
        return minimised_arm(plan, lists, p)
    if kind == ALTERNATION:
        return allocation.alternating_arm(float(t.entered), plan.ratios[0], plan.ratios[1], plan.ratios[2])
    if kind == ALPHABETICAL:
        letter = draw(t, p.word, ALLOCATION, 0, 0)[0]
        return randomisation.arm_by_weight(letter, plan.ratios[0], plan.ratios[1], plan.ratios[2])
    arm = allocate(plan, t, p)
    if plan.randomisation.blocks == 1.0:
        t.left[arm] += 1.0
        t.place -= 1
    return arm


@bare_part
def stratum_of(plan: Any, p: Any) -> Any:
    """Give the patient's stratum."""
    rule = plan.allocation
    return allocation.stratum(
        float(p.site),
        p.screening_edss,
        p.recalled_1y,
        rule.by_site,
        rule.by_edss,
        rule.by_relapses,
        rule.edss_cut,
        rule.relapses_cut,
    )


@bare_part
def next_place(plan: Any, t: Any, lists: Any, stratum: Any) -> Any:
    """Give the arm at the next place of a stratum's list."""
    own, size = lists[stratum], int(plan.randomisation.block_size)
    block = own.used // size
    place = own.used - block * size
    if place == 0:
        total = plan.ratios[0] + plan.ratios[1] + plan.ratios[2]
        for k in range(3):
            own.left[k] = randomisation.places(plan.ratios[k], plan.randomisation.block_size, total)
    if place % PLACES == 0:
        u = draw(t, TRIAL, STRATUM_BLOCK, block, LONGEST_BLOCK * stratum + place // PLACES)
        for k in range(PLACES):
            own.lane[k] = u[k]
    return randomisation.arm_by_weight(own.lane[place % PLACES], own.left[0], own.left[1], own.left[2])


@bare_part
def count_in(plan: Any, lists: Any, p: Any, factor: Any, used: Any, arm: Any) -> None:
    """Count the patient in the margin by this factor, where it is used."""
    if used == 1.0:
        lists[allocation.margin(float(stratum_of(plan, p)), factor)].count[arm] += 1.0


@bare_part
def minimised_arm(plan: Any, lists: Any, p: Any) -> Any:
    """Draw the arm by minimisation: what imbalance would each arm leave, over all factors?"""
    rule = plan.allocation
    a = left_by(plan, lists, p, 1.0, 0.0, 0.0)
    b = left_by(plan, lists, p, 0.0, 1.0, 0.0)
    c = left_by(plan, lists, p, 0.0, 0.0, 1.0)
    w = allocation.minimised(a, b, c, plan.ratios[0], plan.ratios[1], plan.ratios[2], rule.best_prob)
    return randomisation.arm_by_weight(p.u_arm, w[0], w[1], w[2])


@bare_part
def left_by(plan: Any, lists: Any, p: Any, new_0: Any, new_1: Any, new_2: Any) -> Any:
    """Give the imbalance over all factors once the patient is in this arm."""
    rule = plan.allocation
    total = 0.0
    total += left_in(plan, lists, p, BY_EDSS, rule.by_edss, new_0, new_1, new_2)
    total += left_in(plan, lists, p, BY_RELAPSES, rule.by_relapses, new_0, new_1, new_2)
    total += left_in(plan, lists, p, BY_SITE, rule.by_site, new_0, new_1, new_2)
    return total


@bare_part
def left_in(plan: Any, lists: Any, p: Any, factor: Any, used: Any, new_0: Any, new_1: Any, new_2: Any) -> Any:
    """Give the imbalance in the margin by this factor, 0 where it is not used."""
    if used == 0.0:
        return 0.0
    own = lists[allocation.margin(float(stratum_of(plan, p)), factor)]
    return allocation.imbalance(
        own.count[0] + new_0,
        own.count[1] + new_1,
        own.count[2] + new_2,
        plan.ratios[0],
        plan.ratios[1],
        plan.ratios[2],
        plan.allocation.variance,
    )
