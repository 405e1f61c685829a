"""Who gets which arm: the next allocation can be known before it is used up, so that a recruiter may steer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sim.core.streams import ALLOCATION, BLOCK, LONGEST_BLOCK, PLACES, STRATUM_BLOCK, TRIAL_WORD, uniforms
from sim.model import allocation, randomisation
from sim.scenario.plan import Plan

if TYPE_CHECKING:
    from sim.engines.reference.patient import Patient


class BlockList:
    """A list of permuted blocks, opened as it is used."""

    def __init__(self, plan: Plan, seed: int, number: int, process: int, first: int = 0) -> None:
        self.plan, self.address, self.first = plan, (seed, number, TRIAL_WORD, process), first
        self.used = 0
        self.left = [0.0, 0.0, 0.0]

    def next_arm(self) -> int:
        """Give the arm at the next place; the place is not used up."""
        size = int(self.plan.randomisation.block_size)
        block, place = divmod(self.used, size)
        if place == 0:
            total = sum(self.plan.ratios)
            self.left = [randomisation.places(ratio, float(size), total) for ratio in self.plan.ratios]
        u = uniforms(*self.address, block, self.first + place // PLACES)[place % PLACES]
        return randomisation.arm_by_weight(u, self.left[0], self.left[1], self.left[2])

    def take(self, arm: int) -> None:
        """Use the next place up."""
        self.left[arm] -= 1.0
        self.used += 1


class Allocation:
    """A trial's allocation: lists of blocks, the margins that minimisation counts, and how many have been allocated."""

    def __init__(self, plan: Plan, seed: int, number: int) -> None:
        self.plan, self.seed, self.number = plan, seed, number
        self.allocated = 0
        self.central = BlockList(plan, seed, number, BLOCK)
        self.lists: dict[int, BlockList] = {}
        self.margins: dict[int, list[float]] = {}

    def next_arm(self, p: Patient) -> int:
        """Give the arm that the patient would get now; nothing is used up."""
        ratios, kind = self.plan.ratios, self.plan.allocation.kind
        if kind == allocation.PERMUTED_BLOCKS:
            return self.central.next_arm()
        if kind == allocation.STRATIFIED_BLOCKS:
            return self.list_of(p).next_arm()
        if kind == allocation.MINIMISATION:
            return randomisation.arm_by_weight(p.u_arm, *self.minimised(p))
        if kind == allocation.ALTERNATION:
            return allocation.alternating_arm(float(self.allocated), *ratios)
        if kind == allocation.ALPHABETICAL:
            return randomisation.arm_by_weight(p.draw(ALLOCATION)[0], *ratios)
        return randomisation.arm_by_weight(p.u_arm, *ratios)

    def take(self, p: Patient, arm: int) -> None:
        """Use this allocation up."""
        kind = self.plan.allocation.kind
        self.allocated += 1
        if kind == allocation.PERMUTED_BLOCKS:
            self.central.take(arm)
        elif kind == allocation.STRATIFIED_BLOCKS:
            self.list_of(p).take(arm)
        elif kind == allocation.MINIMISATION:
            for margin in self.margins_of(p):
                self.count(margin)[arm] += 1.0

    def steers_away(self, p: Patient) -> bool:
        """Tell whether the recruiter foresees the patient's arm and turns the patient away for it."""
        rule = self.plan.allocation
        if rule.steering_prob == 0.0:
            return False
        u, procedure = p.draw(ALLOCATION), self.plan.procedures[self.next_arm(p)]
        return allocation.steered_away(
            u[1], u[2], p.recalled[0], procedure, rule.foreseen_prob, rule.steering_prob, rule.outlook_relapses
        )

    def stratum(self, p: Patient) -> int:
        """Give the patient's stratum."""
        rule = self.plan.allocation
        return allocation.stratum(
            float(p.site),
            p.screening_edss,
            p.recalled[0],
            rule.by_site,
            rule.by_edss,
            rule.by_relapses,
            rule.edss_cut,
            rule.relapses_cut,
        )

    def list_of(self, p: Patient) -> BlockList:
        """Give the list of the patient's stratum."""
        stratum = self.stratum(p)
        if stratum not in self.lists:
            first = LONGEST_BLOCK * stratum
            self.lists[stratum] = BlockList(self.plan, self.seed, self.number, STRATUM_BLOCK, first)
        return self.lists[stratum]

    def margins_of(self, p: Patient) -> list[int]:
        """Give the patient's margins, one for each factor in use."""
        rule, stratum = self.plan.allocation, float(self.stratum(p))
        uses = (
            (rule.by_edss, allocation.BY_EDSS),
            (rule.by_relapses, allocation.BY_RELAPSES),
            (rule.by_site, allocation.BY_SITE),
        )
        return [allocation.margin(stratum, factor) for used, factor in uses if used == 1.0]

    def count(self, margin: int) -> list[float]:
        """Give how many each arm has in a margin."""
        return self.margins.setdefault(margin, [0.0, 0.0, 0.0])

    def minimised(self, p: Patient) -> tuple[float, float, float]:
        """Give the arms' probabilities by minimisation: what imbalance would each arm leave, over all factors?"""
        totals = [0.0, 0.0, 0.0]
        for arm in range(3):
            for margin in self.margins_of(p):
                n = list(self.count(margin))
                n[arm] += 1.0
                totals[arm] += allocation.imbalance(n[0], n[1], n[2], *self.plan.ratios, self.plan.allocation.variance)
        best = self.plan.allocation.best_prob
        return allocation.minimised(totals[0], totals[1], totals[2], *self.plan.ratios, best)
