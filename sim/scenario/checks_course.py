"""What contradicts itself in courses of the disease, in their quotas, and in the windows of visits."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import TYPE_CHECKING

from sim.core.params import Refusal
from sim.model.course import COURSES

if TYPE_CHECKING:
    from sim.scenario.schema import Scenario


def entering(s: Scenario) -> list[str]:
    """Give the courses that candidates have and that may enter."""
    return [
        c for c, share in zip(COURSES, s.course.shares, strict=True) if share > 0.0 and c in s.eligibility.may_enter
    ]


def courses(s: Scenario) -> Iterator[Refusal]:
    """Refuse shares beyond one, an entry rule that lets nobody in, and endpoints of patients who can't be there."""
    c, rule, own = s.course, s.eligibility, entering(s)
    if c.sp_prob + c.pp_prob > 1.0:
        yield Refusal("course.sp_prob", c.sp_prob, f"so little that course.pp_prob = {c.pp_prob:g} and it add up to 1")
    ratios = dict(zip(COURSES, c.rate_ratios, strict=True))
    must = rule.enabled and rule.kind == "strict" and rule.relapses_1y > 0 and rule.relapses_2y > 0
    if not own:
        yield Refusal(
            "eligibility.courses",
            rule.courses,
            "a course that candidates have by [course]; recruitment could never end",
        )
    elif must and s.switches.selection and not any(ratios[name] > 0.0 for name in own):
        yield Refusal(
            "eligibility.courses",
            rule.courses,
            "a course that by [course] has relapses, where the entry rule asks for them; recruitment could never end",
        )
    for i, endpoint in enumerate(s.endpoint):
        if endpoint.course and endpoint.course not in own:
            yield Refusal(
                f"endpoint[{i}].course",
                endpoint.course,
                f"a course that enters by [course] and eligibility.courses: {own}",
            )


def quotas(s: Scenario) -> Iterator[Refusal]:
    """Refuse quotas that are no three numbers, that can't be reached, or that can't be kept to."""
    quota, own = s.course.quota, entering(s)
    if not quota:
        return
    if len(quota) != len(COURSES) or min(quota) < 0 or sum(quota) != s.enrolment.target:
        yield Refusal(
            "course.quota",
            quota,
            f"three numbers from 0 on, of RR, SP and PP, that add up to enrolment.target = {s.enrolment.target}",
        )
        return
    if any(n and name not in own for n, name in zip(quota, COURSES, strict=True)):
        yield Refusal(
            "course.quota", quota, f"0 for a course that does not enter by eligibility.courses; these do: {own}"
        )
    if s.enrolment.in_screening == "admit":
        yield Refusal("enrolment.in_screening", "admit", '"turn_away" where course.quota says how many may enter')
    if s.enrolment.accrual == "uniform":
        yield Refusal("enrolment.accrual", "uniform", '"poisson" where course.quota may turn candidates away')


def attendance(s: Scenario) -> Iterator[Refusal]:
    """Refuse windows in which two visits could change places; the baseline visit is on its day."""
    days, width = s.visits.plan(), s.visits.window_days
    rooms = [(b - a) / (2.0 if a > 0.0 else 1.0) for a, b in pairwise(days)]
    if width > 0.0 and rooms and width >= min(rooms):
        yield Refusal(
            "visits.window_days", width, f"less than {min(rooms):g}, so that no windows of visits.months overlap"
        )
