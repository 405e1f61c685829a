"""Who may enter: disability in range, relapses as recalled, a vein to treat; strict or soft."""

from __future__ import annotations

from typing import Literal, NamedTuple

from pydantic import Field

from sim.core.params import Table, param, probability
from sim.core.rules import rule
from sim.core.units import DAYS_PER_YEAR
from sim.model.course import COURSES, CourseName

ELIGIBLE, FAILS_EDSS, FAILS_RELAPSES, FAILS_RECENT, FAILS_STENOSIS, TURNED_AWAY, FAILS_COURSE = 0, 1, 2, 3, 4, 5, 6
REASONS = (
    "",
    "edss",
    "relapses",
    "recent_relapse",
    "no_stenosis",
    "enrolment_closed",
    "course",
    "doppler_negative",
    "venography_negative",
    "ivus_collapse",
    "steered",
    "run_in",
)
STEERED, FAILS_RUN_IN = 10, 11
STRICT, SOFT, OPEN = 1.0, 2.0, 0.0


class EligibilityPlan(NamedTuple):
    """The entry rule as numbers; kind 0 open, 1 strict, 2 soft."""

    kind: float
    edss_min: float
    edss_max: float
    relapses_1y: float
    relapses_2y: float
    relapse_free_days: float
    selection_weight: float
    stenosis_required: float


class Eligibility(Table):
    """The entry criteria, applied at screening to the history as it is recalled."""

    enabled: bool = param(True, unit="-", meaning="false: every candidate enters", source="design")
    kind: Literal["strict", "soft"] = param(
        "strict",
        unit="-",
        meaning="strict: enough relapses or out; soft: without one in the last year, in with selection_weight",
        source="design",
    )
    edss_min: float = param(
        0.0, unit="EDSS points", ge=0.0, le=10.0, meaning="lowest EDSS at screening", source="freedoms.arr"
    )
    edss_max: float = param(
        5.5, unit="EDSS points", ge=0.0, le=10.0, meaning="highest EDSS at screening", source="freedoms.arr"
    )
    relapses_1y: int = param(
        1,
        unit="relapses",
        ge=0,
        le=50,
        meaning="strict: at least so many in the last year, or ...",
        source="freedoms.arr",
    )
    relapses_2y: int = param(
        2,
        unit="relapses",
        ge=0,
        le=50,
        meaning="strict: ... at least so many in the last two years",
        source="freedoms.arr",
    )
    relapse_free_days: float = param(
        0.0, unit="days", ge=0.0, le=365.0, meaning="no relapse so recently before screening", source="design"
    )
    selection_weight: float = probability(
        0.45, meaning="soft: probability that a candidate without a relapse in the last year is taken"
    )
    stenosis_required: bool = param(
        False, unit="-", meaning="only candidates with at least one stenosed vein on venography enter", source="design"
    )
    courses: list[CourseName] = Field(
        default=["rr"],
        min_length=1,
        max_length=3,
        description="the courses of the disease that may enter (see [course])",
        json_schema_extra={"unit": "-", "source": "design"},
    )

    def plan(self, by_relapses: bool) -> EligibilityPlan:
        """Give the rule; `by_relapses` false is the switch `selection` off: relapse criteria not applied."""
        if not self.enabled:
            return EligibilityPlan(OPEN, -1.0, 99.0, 0.0, 0.0, 0.0, 1.0, 0.0)
        kind = (STRICT if self.kind == "strict" else SOFT) if by_relapses else OPEN
        return EligibilityPlan(
            kind,
            self.edss_min,
            self.edss_max,
            float(self.relapses_1y),
            float(self.relapses_2y),
            self.relapse_free_days if by_relapses else 0.0,
            self.selection_weight,
            1.0 if self.stenosis_required else 0.0,
        )

    @property
    def may_enter(self) -> tuple[str, ...]:
        """The courses that may enter: all, where there is no entry rule."""
        return tuple(self.courses) if self.enabled else COURSES

    @property
    def look_back_years(self) -> float:
        """How far back the relapse criteria look: one year, two, or relapse_free_days where that is longer."""
        if not self.enabled:
            return 0.0
        years = 1.0 if self.kind == "soft" or self.relapses_1y else 0.0
        years = 2.0 if self.kind == "strict" and self.relapses_2y else years
        return max(years, self.relapse_free_days / DAYS_PER_YEAR)


@rule
def enough_relapses(
    u: float, last_1y: float, last_2y: float, kind: float, need_1y: float, need_2y: float, weight: float
) -> bool:
    """Tell whether the recalled relapses let a candidate in (soft: those without one, with probability `weight`)."""
    if kind == 1.0:
        return last_1y >= need_1y or last_2y >= need_2y
    if kind == 2.0:
        return last_1y >= 1.0 or u < weight
    return True


@rule
def reason(edss_fits: float, relapses_suffice: float, recent_relapse: float, no_stenosis: float) -> int:
    """Give the number of the first criterion that keeps a candidate out, in the order of REASONS; 0 lets in.

    Each argument is 1 or 0.
    """
    if edss_fits == 0.0:
        return 1
    if relapses_suffice == 0.0:
        return 2
    if recent_relapse == 1.0:
        return 3
    return 4 if no_stenosis == 1.0 else 0


@rule
def edss_in_range(edss: float, low: float, high: float) -> bool:
    """Tell whether the EDSS found at screening is in range (both ends allowed)."""
    return low <= edss <= high


@rule
def too_recent(recalled: float, now: float, relapse_free_days: float) -> bool:
    """Tell whether a relapse, as recalled, is too recent to enter; a forgotten one (NaN) is not."""
    return now - recalled < relapse_free_days
