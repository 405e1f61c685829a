"""Disability on the EDSS: a latent course, and examinations of it by raters who err and may lean."""

from __future__ import annotations

import math
from typing import NamedTuple

from sim.core.inverse import exponential, normal
from sim.core.params import Table, param
from sim.core.rules import rule
from sim.core.units import DAYS_PER_YEAR, EDSS_TOP


class DisabilityPlan(NamedTuple):
    """EDSS points; slope in points a day."""

    median_points: float
    log_baseline: float
    baseline_log_sd: float
    slope_per_day: float
    rater_sd: float
    examination_sd: float
    tail_prob: float
    tail_sd: float
    lean: float


class Disability(Table):
    """Where patients stand on the EDSS, how they worsen, and how well raters agree."""

    baseline_median_points: float = param(
        2.2, unit="EDSS points", gt=0.0, le=9.0, meaning="median latent EDSS of candidates (log-normal)"
    )
    baseline_log_sd: float = param(0.5, unit="1", ge=0.0, le=2.0, meaning="standard deviation of its logarithm")
    slope_points_per_year: float = param(
        0.17,
        unit="EDSS points/year",
        ge=0.0,
        le=5.0,
        meaning="mean progression apart from relapses (exponential over patients)",
        source="fitted: freedoms.cdp3",
    )
    rater_sd_points: float = param(
        0.05,
        unit="EDSS points",
        ge=0.0,
        le=3.0,
        meaning="standard deviation of a rater's own offset; serial examinations share a rater",
        source="noseworthy1990.exact",
    )
    examination_sd_points: float = param(
        0.075,
        unit="EDSS points",
        ge=0.0,
        le=3.0,
        meaning="standard deviation of most examinations' own error",
        source="fitted: noseworthy1990.exact, noseworthy1990.one_step",
    )
    tail_prob: float = param(
        0.11,
        unit="1",
        ge=0.0,
        le=1.0,
        meaning="share of examinations with the wide error below (one normal can't give 69% exact, 92% within a step)",
        source="fitted: noseworthy1990.exact, noseworthy1990.one_step",
    )
    tail_sd_points: float = param(
        0.8,
        unit="EDSS points",
        ge=0.0,
        le=5.0,
        meaning="standard deviation of the wide errors",
        source="noseworthy1990.one_step",
    )
    rater_lean_points: float = param(
        0.37,
        unit="EDSS points",
        ge=-3.0,
        le=3.0,
        meaning="how much lower an assessor sure of angioplasty rates than one sure of none (0.23 SD of the change in "
        "24 months: docs/blinding.md)",
        source="hrobjartsson2013",
    )

    def plan(self, rater_bias: bool) -> DisabilityPlan:
        """Convert to days and logs; `rater_bias` false takes the lean away."""
        return DisabilityPlan(
            self.baseline_median_points,
            math.log(self.baseline_median_points),
            self.baseline_log_sd,
            self.slope_points_per_year / DAYS_PER_YEAR,
            self.rater_sd_points,
            self.examination_sd_points,
            self.tail_prob,
            self.tail_sd_points,
            self.rater_lean_points if rater_bias else 0.0,
        )


@rule
def baseline(u: float, log_baseline: float, log_sd: float) -> float:
    """Draw a candidate's latent EDSS at screening, relapses then active left out (log-normal, at most 9.5)."""
    return min(math.exp(log_baseline + log_sd * normal(u)), 9.5)


@rule
def slope(u: float, slope_per_day: float) -> float:
    """Draw a patient's progression in EDSS points a day (exponential)."""
    return slope_per_day * exponential(u)


@rule
def progressed(since: float, now: float, slope_per_day: float, slope_factor: float) -> float:
    """Give the EDSS points added between two times at a slope whose factor is constant between them."""
    return slope_per_day * slope_factor * (now - since)


@rule
def settled(lasting: float, since: float, now: float, slope_per_day: float, slope_factor: float) -> float:
    """Give the lasting points at `now`: those up to `since` and what progression has added in between."""
    if since < now:
        return lasting + progressed(since, now, slope_per_day, slope_factor)
    return lasting


@rule
def lasting_part(latent: float, baseline: float, acute: float) -> float:
    """Give the lasting points gained since screening, of a latent EDSS."""
    return latent - baseline - acute


@rule
def latent_edss(baseline: float, lasting: float, grown: float, acute: float) -> float:
    """Give the latent EDSS: baseline + lasting points so far + progression since + acute points, in this order."""
    return baseline + (lasting + grown) + acute


@rule
def rater_offset(u: float, rater_sd: float) -> float:
    """Draw a rater's own offset in EDSS points."""
    return rater_sd * normal(u)


@rule
def examination_error(u: float, u_tail: float, sd: float, tail_prob: float, tail_sd: float) -> float:
    """Draw one examination's error in EDSS points: a narrow normal, or now and then a wide one."""
    return normal(u) * (tail_sd if u_tail < tail_prob else sd)


@rule
def edss_grid(points: float) -> float:
    """Put a disability on the EDSS grid 0, 1, 1.5, ... 10 (there is no 0.5), nearest step, halves up."""
    if points < 0.5:
        return 0.0
    step = math.floor(2.0 * points + 0.5) / 2.0
    return min(max(step, 1.0), EDSS_TOP)


@rule
def examined(latent: float, rater: float, error: float, lean: float, assessor_belief: float) -> float:
    """Give the EDSS an assessor writes down: latent + rater + error - lean * belief, on the grid."""
    return edss_grid(latent + rater + error - lean * assessor_belief)
