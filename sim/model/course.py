"""The course of the disease: relapsing-remitting (RR), secondary (SP) or primary progressive (PP), for life.

The keys of [relapse] and [disability] are those of RR; here stand the share of the other courses among candidates and
what is theirs.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal, NamedTuple

from pydantic import Field

from sim.core.params import Table, param, probability
from sim.core.rules import rule
from sim.core.units import DAYS_PER_YEAR

COURSES = ("rr", "sp", "pp")
CourseName = Literal["rr", "sp", "pp"]


class CoursePlan(NamedTuple):
    """Shares, slopes in EDSS points a day, ratios of the relapse rate to that of RR, log median EDSS; on = 1 if any.

    Of RR, SP and PP in this order: `allowed` (1, 0) by the entry rule, and how many may enter (infinity: any number).
    """

    on: float
    sp_prob: float
    pp_prob: float
    sp_slope_per_day: float
    pp_slope_per_day: float
    sp_rate_ratio: float
    pp_rate_ratio: float
    sp_log_baseline: float
    pp_log_baseline: float
    allowed: tuple[float, float, float]
    quota: tuple[float, float, float]


class Course(Table):
    """Which courses of the disease candidates have, and what the progressive ones differ in."""

    sp_prob: float = probability(
        0.0, meaning="share of candidates with a secondary progressive course", source="design"
    )
    pp_prob: float = probability(0.0, meaning="share of candidates with a primary progressive course", source="design")
    sp_slope_points_per_year: float = param(
        0.25,
        unit="EDSS points/year",
        ge=0.0,
        le=5.0,
        meaning="SP: mean progression apart from relapses (exponential over patients)",
    )
    pp_slope_points_per_year: float = param(
        0.45,
        unit="EDSS points/year",
        ge=0.0,
        le=5.0,
        meaning="PP: mean progression (exponential over patients)",
        source="fitted: olympus.cdp3, ppms.edss",
    )
    sp_rate_ratio: float = param(0.4, unit="1", ge=0.0, le=1.0, meaning="SP: relapse rate over that of RR")
    pp_rate_ratio: float = param(0.05, unit="1", ge=0.0, le=1.0, meaning="PP: relapse rate over that of RR")
    sp_baseline_median_points: float = param(
        5.5, unit="EDSS points", gt=0.0, le=9.0, meaning="SP: median latent EDSS of candidates (log-normal)"
    )
    pp_baseline_median_points: float = param(
        4.5, unit="EDSS points", gt=0.0, le=9.0, meaning="PP: median latent EDSS of candidates (log-normal)"
    )
    quota: list[int] = Field(
        default=[],
        min_length=0,
        max_length=3,
        description="how many RR, SP and PP enter, such as [35, 20, 10]: a full course is closed; []: any number",
        json_schema_extra={"unit": "patients", "source": "design"},
    )

    @property
    def shares(self) -> tuple[float, float, float]:
        """The shares of RR, SP and PP among candidates."""
        return max(0.0, 1.0 - self.sp_prob - self.pp_prob), self.sp_prob, self.pp_prob

    @property
    def rate_ratios(self) -> tuple[float, float, float]:
        """The relapse rates of RR, SP and PP over that of RR."""
        return 1.0, self.sp_rate_ratio, self.pp_rate_ratio

    def plan(self, may_enter: Sequence[str]) -> CoursePlan:
        """Convert to days and logs; `may_enter` are the courses that the entry rule lets in."""
        rr, sp, pp = (float(n) for n in self.quota) if self.quota else (math.inf, math.inf, math.inf)
        return CoursePlan(
            1.0 if self.sp_prob > 0.0 or self.pp_prob > 0.0 else 0.0,
            self.sp_prob,
            self.pp_prob,
            self.sp_slope_points_per_year / DAYS_PER_YEAR,
            self.pp_slope_points_per_year / DAYS_PER_YEAR,
            self.sp_rate_ratio,
            self.pp_rate_ratio,
            math.log(self.sp_baseline_median_points),
            math.log(self.pp_baseline_median_points),
            (float("rr" in may_enter), float("sp" in may_enter), float("pp" in may_enter)),
            (rr, sp, pp),
        )


@rule
def course_of(u: float, sp_prob: float, pp_prob: float) -> int:
    """Draw a candidate's course, 0 RR, 1 SP, 2 PP: SP from the low end and PP from the high, so a share moves alone."""
    if u < sp_prob:
        return 1
    return 2 if u >= 1.0 - pp_prob else 0


@rule
def by_course(course: float, rr: float, sp: float, pp: float) -> float:
    """Give the value of a patient's course."""
    if course == 0.0:
        return rr
    return sp if course == 1.0 else pp


@rule
def own_rate(rate_per_day: float, rate_ratio: float) -> float:
    """Give the arm-free relapse rate of a course, a day, of a patient without frailty and at mean activity."""
    return rate_per_day * rate_ratio


@rule
def is_full(of_course: float, quota: float) -> bool:
    """Tell whether as many of a course have entered as may."""
    return of_course >= quota
