"""A historical control: the control arm's patients are of the past, from sites and an era of their own."""

from __future__ import annotations

import math
from typing import NamedTuple

from sim.core.params import Table, param, probability
from sim.core.rules import rule
from sim.model.eligibility import EligibilityPlan


class HistoricalPlan(NamedTuple):
    """Sites of the past (numbers below `sites`; 0: none), their era, what they ask at entry, what their charts hold.

    Then the two arms by number, and how many are to enter of the past and of today.
    """

    sites: float
    rate_ratio: float
    relapses_1y: float
    relapses_2y: float
    report_prob: float
    omission_prob: float
    control_arm: float
    treated_arm: float
    past_target: float
    today_target: float


NOBODY = HistoricalPlan(0.0, 1.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0, 0.0)


class Historical(Table):
    """Design `historical_control`: where the controls of the past come from and how they are known, from charts."""

    sites: int = param(
        0,
        unit="sites",
        ge=0,
        le=999,
        meaning="so many sites, the first ones, are of the past; the others are of today",
        source="design",
    )
    rate_ratio: float = param(
        1.0, unit="1", gt=0.0, le=20.0, meaning="relapse rate of that era over today's, everything else alike"
    )
    relapses_1y: int | None = param(
        None,
        unit="relapses",
        ge=0,
        le=50,
        meaning="entry in the past: at least so many relapses in the last year; not given: today's rule",
        source="design",
    )
    chart_report_prob: float = probability(
        0.8, meaning="a relapse of a patient of the past, before or on study, is in the chart"
    )

    @staticmethod
    def targets(total: int, control_ratio: int, treated_ratio: int) -> tuple[int, int]:
        """Give how many of the target are to be of the past and of today, by the arms' ratios."""
        past = round(total * control_ratio / (control_ratio + treated_ratio))
        return past, total - past

    def plan(
        self,
        arms: tuple[int, int],
        targets: tuple[int, int],
        rule: EligibilityPlan,
        all_reported: bool,
        recall: bool,
    ) -> HistoricalPlan:
        """Give the numbers; pairs are those of the past (control), then of today (treated).

        The switches of under-reporting and of recall, off, make charts complete for their part.
        """
        own = self.relapses_1y is not None
        return HistoricalPlan(
            float(self.sites),
            self.rate_ratio,
            float(self.relapses_1y or 0) if own else rule.relapses_1y,
            math.inf if own else rule.relapses_2y,
            1.0 if all_reported else self.chart_report_prob,
            1.0 - self.chart_report_prob if recall else 0.0,
            float(arms[0]),
            float(arms[1]),
            float(targets[0]),
            float(targets[1]),
        )


@rule
def is_past(site: float, past_sites: float) -> float:
    """Give 1 for a patient of the past, by the number of the site, else 0."""
    return 1.0 if site < past_sites else 0.0


@rule
def either(past: float, theirs: float, ours: float) -> float:
    """Give the value for a patient of the past, or for one of today."""
    return theirs if past == 1.0 else ours


@rule
def place_in_era(site: float, past_sites: float) -> float:
    """Give a site's number among those of its own era, from 0: each era opens its sites one after another."""
    return site - past_sites if site >= past_sites else site


@rule
def is_charted(u: float, report_prob: float) -> bool:
    """Tell whether a relapse of a patient of the past is in the chart."""
    return u < report_prob
