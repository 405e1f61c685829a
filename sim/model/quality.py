"""Quality of life as MSQOL-54, physical and mental (0-100): disability, relapses, and a response to treatment believed.

Both composites follow the same rules; they differ in their parameters and in their draws.
"""

from __future__ import annotations

import math
from typing import NamedTuple

from sim.core.inverse import normal
from sim.core.params import Table, param
from sim.core.rules import rule
from sim.core.units import months


class QualityPlan(NamedTuple):
    """One composite: MSQOL-54 points; times in days."""

    mean_points: float
    sd_points: float
    per_edss: float
    per_relapse_point: float
    noise_sd: float
    placebo_points: float
    placebo_onset_days: float
    placebo_decay_days: float


class Mental(Table):
    """MSQOL-54 mental composite; the placebo response has the switch and the times of the physical one."""

    mean_points: float = param(
        66.0, unit="MSQOL points", ge=0.0, le=100.0, meaning="mean of candidates at the median EDSS"
    )
    sd_points: float = param(
        17.0, unit="MSQOL points", ge=0.0, le=50.0, meaning="standard deviation between patients of one EDSS"
    )
    points_per_edss: float = param(
        2.0, unit="MSQOL points/EDSS point", ge=0.0, le=30.0, meaning="loss with a lasting EDSS point"
    )
    relapse_points_per_edss: float = param(
        5.0, unit="MSQOL points/EDSS point", ge=0.0, le=50.0, meaning="passing loss with an EDSS point of a relapse"
    )
    noise_sd_points: float = param(
        7.0, unit="MSQOL points", ge=0.0, le=50.0, meaning="standard deviation of one questionnaire's own noise"
    )
    placebo_peak_points: float = param(
        3.48,
        unit="MSQOL points",
        ge=-50.0,
        le=50.0,
        meaning="gain of a patient sure of angioplasty before it decays (0.17 SD of the change in 24 months)",
        source="hrobjartsson2014_other",
    )


class Quality(Table):
    """MSQOL-54 physical composite, and what the mental one shares with it; higher is better."""

    mean_points: float = param(
        62.0, unit="MSQOL points", ge=0.0, le=100.0, meaning="mean of candidates at the median EDSS"
    )
    sd_points: float = param(
        17.0, unit="MSQOL points", ge=0.0, le=50.0, meaning="standard deviation between patients of one EDSS"
    )
    points_per_edss: float = param(
        5.0, unit="MSQOL points/EDSS point", ge=0.0, le=30.0, meaning="loss with a lasting EDSS point"
    )
    relapse_points_per_edss: float = param(
        6.0, unit="MSQOL points/EDSS point", ge=0.0, le=50.0, meaning="passing loss with an EDSS point of a relapse"
    )
    noise_sd_points: float = param(
        6.0, unit="MSQOL points", ge=0.0, le=50.0, meaning="standard deviation of one questionnaire's own noise"
    )
    placebo_enabled: bool = param(True, unit="-", meaning="whether belief moves the score", source="design")
    placebo_peak_points: float = param(
        3.9,
        unit="MSQOL points",
        ge=-50.0,
        le=50.0,
        meaning="gain of a patient sure of angioplasty before it decays (0.17 SD of the change in 24 months: "
        "docs/blinding.md)",
        source="hrobjartsson2014_other",
    )
    placebo_onset_days: float = param(
        30.0, unit="days", gt=0.0, le=3650.0, meaning="time constant with which the response builds up"
    )
    placebo_decay_months: float = param(
        36.0, unit="months", gt=0.0, le=12000.0, meaning="time constant with which it wears off"
    )
    mental: Mental = Mental()

    def plan(self, placebo: bool) -> QualityPlan:
        """Give the physical composite, times in days; `placebo` false is the switch off."""
        return self._plan(self, placebo)

    def mental_plan(self, placebo: bool) -> QualityPlan:
        """Give the mental composite in the same way."""
        return self._plan(self.mental, placebo)

    def _plan(self, composite: Quality | Mental, placebo: bool) -> QualityPlan:
        return QualityPlan(
            composite.mean_points,
            composite.sd_points,
            composite.points_per_edss,
            composite.relapse_points_per_edss,
            composite.noise_sd_points,
            composite.placebo_peak_points if placebo and self.placebo_enabled else 0.0,
            self.placebo_onset_days,
            months(self.placebo_decay_months),
        )


@rule
def quality_baseline(u: float, edss: float, edss_centre: float, mean: float, sd: float, per_edss: float) -> float:
    """Draw a patient's composite at screening, free of relapse and placebo, given the latent EDSS."""
    return mean - per_edss * (edss - edss_centre) + sd * normal(u)


@rule
def placebo(since_start: float, belief: float, peak: float, onset_days: float, decay_days: float) -> float:
    """Give the placebo gain in MSQOL points, `since_start` days after the (believed) procedure."""
    if since_start <= 0.0:
        return 0.0
    return belief * peak * (1.0 - math.exp(-since_start / onset_days)) * math.exp(-since_start / decay_days)


@rule
def quality_gain(placebo_points: float, effect_points: float, patency: float) -> float:
    """Give the points gained by placebo and by open veins (linear in patency)."""
    return placebo_points + effect_points * patency


@rule
def quality_latent(
    start: float, lasting: float, acute: float, gain: float, per_edss: float, per_relapse_point: float
) -> float:
    """Give the score before questionnaire noise: start - loss by lasting and acute EDSS points + gains."""
    return start - per_edss * lasting - per_relapse_point * acute + gain


@rule
def quality_scored(latent: float, u: float, noise_sd: float) -> float:
    """Give the score on the form: latent + noise, held to 0-100."""
    return min(max(latent + noise_sd * normal(u), 0.0), 100.0)
