"""Regression to the mean in closed form: relapses Poisson, rates gamma between patients, an entry rule on the counts.

With shape a = 1 / variance and mean rate m a year, a patient who had n relapses in two years has a posterior rate
gamma(a + n, a / m + 2): the counts are negative binomial, and everything below is a sum over the two years' counts.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass

from sim.model.eligibility import SOFT, EligibilityPlan, enough_relapses
from sim.scenario.plan import make_plan
from sim.scenario.schema import Scenario

MOST_COUNT = 400
NEGLIGIBLE = 1e-14


@dataclass(frozen=True)
class ClosedForm:
    """Rates a year and shares relapse-free, before and after entry; `frailty` is the excess of the enrolled's rate.

    `applies` tells whether the scenario is such a world; otherwise this is what frailty alone would give.
    """

    applies: bool
    before: float
    after: float
    relapse_free_before: float
    relapse_free_after: float
    frailty: float

    def to_dict(self) -> dict[str, float | bool]:
        """Give plain values."""
        return asdict(self)


def closed_form(scenario: Scenario, applies: bool) -> ClosedForm:
    """Sum over the counts of the year before screening (i) and of the year before that (j)."""
    plan, m = make_plan(scenario), scenario.relapse.rate_per_year
    variance = scenario.frailty.variance if scenario.frailty.enabled else 0.0
    total = before = after = free_before = free_after = 0.0
    for n in range(MOST_COUNT):
        chance = _count(n, 2.0 * m, variance)
        rate = m * (1.0 + variance * n) / (1.0 + 2.0 * variance * m)
        free = _free(n, m, variance)
        for i in range(n + 1):
            weight = chance * math.comb(n, i) * 0.5**n * _taken(plan.eligibility, i, n)
            total += weight
            before += weight * i
            free_before += weight * (i == 0)
            after += weight * rate
            free_after += weight * free
        if n > 2.0 * m and chance < NEGLIGIBLE:
            break
    if total == 0.0:
        return ClosedForm(applies, *(math.nan,) * 5)
    after /= total
    return ClosedForm(applies, before / total, after, free_before / total, free_after / total, after - m)


def _taken(rule: EligibilityPlan, last_1y: int, last_2y: int) -> float:
    """Give the probability that candidates with these counts are let in by their relapses."""
    if rule.kind == SOFT:
        return 1.0 if last_1y else rule.selection_weight
    needs = rule.relapses_1y, rule.relapses_2y
    return float(enough_relapses(0.5, float(last_1y), float(last_2y), rule.kind, *needs, rule.selection_weight))


def _count(n: int, mean: float, variance: float) -> float:
    """Give the probability of n relapses: negative binomial, or Poisson where nobody differs."""
    if mean == 0.0:
        return float(n == 0)
    if variance == 0.0:
        return math.exp(n * math.log(mean) - mean - math.lgamma(n + 1.0))
    a = 1.0 / variance
    log = math.lgamma(a + n) - math.lgamma(a) - math.lgamma(n + 1.0)
    return math.exp(log + n * math.log(mean / (a + mean)) - a * math.log1p(mean / a))


def _free(n: int, m: float, variance: float) -> float:
    """Give the probability of no relapse in a further year after n in two."""
    if variance == 0.0:
        return math.exp(-m)
    a = 1.0 / variance
    return math.exp(-(a + n) * math.log1p(m / (a + 2.0 * m)))
