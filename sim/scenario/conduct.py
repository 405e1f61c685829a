"""What recruitment by phase and site, a run-in and a historical control may not contradict."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import TYPE_CHECKING

from sim.core.params import Refusal
from sim.core.units import DAYS_PER_MONTH

if TYPE_CHECKING:
    from sim.scenario.schema import Scenario


def _phases(s: Scenario) -> Iterator[Refusal]:
    starts = [phase.from_days for phase in s.sites.phases]
    if any(b <= a for a, b in pairwise(starts)):
        yield Refusal("sites.phases", starts, "phases whose from_days rise")
    if starts and s.enrolment.accrual == "uniform":
        yield Refusal(
            "sites.phases",
            f"{len(starts)} phases",
            "none with uniform accrual (enrolment.accrual), whose rate is its own",
        )


def _caps(s: Scenario) -> Iterator[Refusal]:
    most, sites, e = s.sites.most_per_site, s.sites.count, s.enrolment
    if not most:
        return
    if e.accrual == "uniform":
        yield Refusal("sites.most_per_site", most, "0 with uniform accrual (enrolment.accrual): a share for each site")
    elif most * sites < e.target:
        yield Refusal(
            "sites.most_per_site",
            most,
            f"so many that sites.count = {sites} sites can enter enrolment.target = {e.target}",
        )


def _run_in(s: Scenario) -> Iterator[Refusal]:
    e = s.enrolment
    if e.run_in_relapse_free and not e.run_in_days:
        yield Refusal("enrolment.run_in_relapse_free", True, "false without a run-in (enrolment.run_in_days = 0)")
    if e.run_in_relapse_free and e.accrual == "uniform":
        yield Refusal(
            "enrolment.run_in_relapse_free",
            True,
            "false with uniform accrual (enrolment.accrual; target never reached)",
        )


def _historical(s: Scenario) -> Iterator[Refusal]:
    own = s.historical
    if not s.historical_control:
        if own.sites:
            yield Refusal("historical.sites", own.sites, f"0 in {s.study.design}, which has no controls of the past")
        return
    kinds = sorted(arm.procedure for arm in s.arm)
    if len(kinds) != 2 or kinds.count("angioplasty") != 1:
        yield Refusal(
            "arm", f"procedures {kinds}", "historical_control has angioplasty (of today) and one arm of sham or none"
        )
        return
    if not 0 < own.sites < s.sites.count:
        yield Refusal("historical.sites", own.sites, f"at least 1, and fewer than sites.count = {s.sites.count}")
        return
    if s.enrolment.accrual == "uniform":
        yield Refusal("enrolment.accrual", "uniform", "poisson in historical_control, whose eras recruit by themselves")
    if own.relapses_1y is not None and s.eligibility.enabled and s.eligibility.kind != "strict":
        yield Refusal("historical.relapses_1y", own.relapses_1y, "none where eligibility.kind is soft")
    if own.relapses_1y and s.eligibility.enabled and s.relapse.history_years < 1.0:
        yield Refusal("relapse.history_years", s.relapse.history_years, "at least 1, as historical.relapses_1y asks")
    yield from _eras(s)


def _eras(s: Scenario) -> Iterator[Refusal]:
    """Each era has patients to enter, and sites that can be expected to see as many and may enter them."""
    ratio = {arm.procedure == "angioplasty": arm.ratio for arm in s.arm}
    wanted, past = s.historical.targets(s.enrolment.target, ratio[False], ratio[True]), s.historical.sites
    for era, target, count in (("the past", wanted[0], past), ("today", wanted[1], s.sites.count - past)):
        opens = (k * s.sites.opening_interval_days for k in range(count))
        days = sum(s.sites.open_days(opening, s.enrolment.max_days) for opening in opens)
        seen = days * s.sites.arrivals_per_month / DAYS_PER_MONTH
        if s.sites.most_per_site:
            seen = min(seen, float(s.sites.most_per_site * count))
        if target == 0 or seen < target:
            yield Refusal(
                "enrolment.target",
                s.enrolment.target,
                "a target of which each era, by [historical] and [sites], enters some and can find them; "
                f"{era} is to enter {target}, and its sites are expected to see {seen:.0f}",
            )


PARTS = (_phases, _caps, _run_in, _historical)
