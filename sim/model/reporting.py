"""What is reported and confirmed of the relapses that happen, and of those that do not."""

from __future__ import annotations

import math
from typing import NamedTuple

from sim.core.inverse import exponential, logistic
from sim.core.params import Table, param, probability
from sim.core.rules import rule
from sim.core.units import DAYS_PER_YEAR


class ReportingPlan(NamedTuple):
    """Probabilities as they are or as log odds; rates a day."""

    mild_points: float
    mild_prob: float
    severe_prob: float
    unreported_by_cured: float
    pseudo_per_day: float
    report_delay_days: float
    confirm_delay_days: float
    confirm_logit: float
    pseudo_confirm_logit: float
    confirm_lean: float


class Reporting(Table):
    """From an onset on study to a reported and a confirmed relapse."""

    enabled: bool = param(
        True, unit="-", meaning="false: every onset is reported and confirmed, nothing else is", source="design"
    )
    mild_points: float = param(
        1.0, unit="EDSS points", ge=0.0, le=10.0, meaning="a relapse below this severity is mild"
    )
    mild_report_prob: float = probability(0.9, meaning="a mild relapse is reported by someone who does not feel cured")
    severe_report_prob: float = probability(1.0, meaning="any other relapse is reported")
    unreported_by_cured_prob: float = probability(
        0.3,
        meaning="a mild relapse is kept silent by a patient sure of angioplasty, beyond what goes unreported anyway",
    )
    pseudo_per_year: float = param(
        0.1, unit="1/year", ge=0.0, le=10.0, meaning="pseudo-relapses reported by a patient sure of no angioplasty"
    )
    report_delay_days: float = param(3.0, unit="days", ge=0.0, le=365.0, meaning="from onset to the report")
    confirm_delay_days: float = param(
        4.0, unit="days", ge=0.0, le=365.0, meaning="from report to the examination that confirms"
    )
    confirm_prob: float = param(
        0.9, unit="1", gt=0.0, lt=1.0, meaning="a reported relapse is confirmed by an assessor sure of no angioplasty"
    )
    pseudo_confirm_prob: float = param(
        0.2, unit="1", gt=0.0, lt=1.0, meaning="a pseudo-relapse is confirmed by an assessor sure of no angioplasty"
    )
    confirm_lean_logits: float = param(
        0.446,
        unit="log odds",
        ge=-10.0,
        le=10.0,
        meaning="fall of the odds to confirm when the assessor is sure of angioplasty (odds ratio 0.64)",
        source="hrobjartsson2012",
    )

    def plan(self, all_reported: bool, rater_bias: bool) -> ReportingPlan:
        """Convert; `all_reported`: each relapse is reported, no other; `rater_bias` false: no lean."""
        if not self.enabled:
            return ReportingPlan(0.0, 1.0, 1.0, 0.0, 0.0, 0.0, 0.0, math.inf, -math.inf, 0.0)
        return ReportingPlan(
            self.mild_points,
            1.0 if all_reported else self.mild_report_prob,
            1.0 if all_reported else self.severe_report_prob,
            0.0 if all_reported else self.unreported_by_cured_prob,
            0.0 if all_reported else self.pseudo_per_year / DAYS_PER_YEAR,
            self.report_delay_days,
            self.confirm_delay_days,
            math.log(self.confirm_prob / (1.0 - self.confirm_prob)),
            math.log(self.pseudo_confirm_prob / (1.0 - self.pseudo_confirm_prob)),
            self.confirm_lean_logits if rater_bias else 0.0,
        )


@rule
def is_reported(
    u: float, points: float, patient_belief: float, mild_points: float, mild: float, severe: float, silent: float
) -> bool:
    """Tell whether a relapse of `points` is reported: mild ones less often by those who feel cured."""
    if points >= mild_points:
        return u < severe
    return u < mild * (1.0 - silent * patient_belief)


@rule
def pseudo_gap(u: float, per_day: float) -> float:
    """Draw the time to the next occasion for a pseudo-relapse (days, at the rate of the fully disappointed)."""
    if per_day == 0.0:
        return math.inf
    return exponential(u) / per_day


@rule
def is_pseudo(mark: float, patient_belief: float) -> bool:
    """Tell whether a patient with this belief reports a pseudo-relapse on this occasion."""
    return mark < 1.0 - patient_belief


@rule
def is_confirmed(u: float, confirm_logit: float, lean: float, assessor_belief: float) -> bool:
    """Tell whether the assessor confirms a report: odds fall with the belief in angioplasty."""
    if confirm_logit == math.inf:
        return True
    return u < logistic(confirm_logit - lean * assessor_belief)
