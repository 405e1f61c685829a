"""What open veins do, none by default; when patency goes, the effect goes."""

from __future__ import annotations

import math
from typing import NamedTuple

from sim.core.params import Table, param
from sim.core.rules import rule
from sim.core.units import on_clock


class EffectPlan(NamedTuple):
    """Logs of the ratios at full patency, the ratios themselves, the gains in MSQOL points, physical and mental, and
    days from the opening of a vein to its effect."""

    rate_ratio: float
    slope_ratio: float
    log_rate_ratio: float
    log_slope_ratio: float
    quality_points: float
    mental_points: float
    onset_days: float
    gd_ratio: float
    log_gd_ratio: float


NO_EFFECT = EffectPlan(1.0, 1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0, 0.0)


class Effect(Table):
    """The true effect of veins that are open after angioplasty."""

    enabled: bool = param(True, unit="-", meaning="whether open veins do anything", source="design")
    rate_ratio: float = param(
        1.0, unit="1", gt=0.0, le=8.0, meaning="relapse rate while patent over rate without", source="design"
    )
    slope_ratio: float = param(
        1.0, unit="1", gt=0.0, le=20.0, meaning="progression slope while patent over slope without", source="design"
    )
    msqol_points: float = param(
        0.0,
        unit="MSQOL points",
        ge=-100.0,
        le=100.0,
        meaning="gain in the physical composite of quality of life while patent",
        source="design",
    )
    msqol_mental_points: float = param(
        0.0,
        unit="MSQOL points",
        ge=-100.0,
        le=100.0,
        meaning="gain in the mental composite while patent",
        source="design",
    )
    gd_ratio: float = param(
        1.0,
        unit="1",
        gt=0.0,
        le=20.0,
        meaning="Gd and new T2 lesions while patent over those without, where there is [lesions]",
        source="design",
    )

    onset_days: float = param(
        0.0, unit="days", ge=0.0, le=3650.0, meaning="an opened vein has its effect so long after", source="design"
    )

    def plan(self, on: bool) -> EffectPlan:
        """Take logs; `on` false is the switch off."""
        if not (on and self.enabled):
            return NO_EFFECT
        return EffectPlan(
            self.rate_ratio,
            self.slope_ratio,
            math.log(self.rate_ratio),
            math.log(self.slope_ratio),
            self.msqol_points,
            self.msqol_mental_points,
            self.onset_days,
            self.gd_ratio,
            math.log(self.gd_ratio),
        )


@rule
def works(open_now: float, now: float, opened: float, onset_days: float, resolution: float) -> float:
    """Give 1 for a vein that is open and was opened long enough ago to have its effect, else 0."""
    return 1.0 if open_now == 1.0 and now >= on_clock(opened + onset_days, resolution) else 0.0


@rule
def ratio_at(patency: float, ratio: float, log_ratio: float) -> float:
    """Give a ratio at this patency: 1 at none, the full ratio at 1, geometric between."""
    if patency == 0.0 or log_ratio == 0.0:
        return 1.0
    if patency == 1.0:
        return ratio
    return math.exp(patency * log_ratio)
