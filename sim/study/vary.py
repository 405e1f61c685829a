"""What a search for a sample size may move: patients, months of follow-up, or sites; and a scenario moved so."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal, cast, get_args

from sim.core.endpoints import AT_SCANS, parse_endpoint
from sim.core.errors import ShamtrialError
from sim.core.params import Refusals
from sim.scenario.checks import check
from sim.scenario.schema import Endpoint, Scenario

Vary = Literal["n", "follow_up", "sites"]

MOST = {"n": 20_000, "follow_up": 240, "sites": 1000}
PARALLEL = ("sham_parallel", "open_label_parallel", "three_arm")
UNITS = {"n": "patients", "follow_up": "months of follow-up", "sites": "sites"}


@dataclass(frozen=True)
class Dial:
    """A scenario with one endpoint and what is moved in it; sizes are whole numbers from `least` to `most`."""

    scenario: Scenario
    vary: Vary

    @property
    def endpoint(self) -> Endpoint:
        """The endpoint the size is for."""
        return self.scenario.endpoint[0]

    @property
    def unit(self) -> int:
        """By how much sizes go up: patients by one allocation to each arm in its ratio, months and sites by one."""
        return sum(a.ratio for a in self.scenario.arm) if self.vary == "n" and self.scenario.randomised else 1

    @property
    def start(self) -> int:
        """The size the scenario has."""
        s = self.scenario
        now = {"n": s.enrolment.target, "follow_up": round(s.study.follow_up_months), "sites": s.sites.count}
        return max(now[self.vary], self.least)

    @property
    def least(self) -> int:
        """The smallest size that is looked at: two allocations to each arm; one month, one site."""
        return 2 * self.unit if self.vary == "n" else 1

    @property
    def most(self) -> int:
        """The largest size that is looked at."""
        return MOST[self.vary]

    def whole(self, x: float) -> int:
        """Give the smallest size that is not below x."""
        return min(max(math.ceil(x / self.unit - 1e-9) * self.unit, self.least), self.most)

    def patients(self, x: int) -> int:
        """Give how many patients a size asks for."""
        s = self.scenario
        if self.vary == "sites":
            return max(1, round(x * s.enrolment.target / s.sites.count))
        return x if self.vary == "n" else s.enrolment.target

    def at(self, x: int) -> Scenario:
        """Give the scenario of this size; its other keys stay, sites keep their share of the patients."""
        if self.vary == "follow_up":
            return _followed(self.scenario, float(x))
        target = self.patients(x)
        s = self.scenario
        update: dict[str, object] = {
            "enrolment": s.enrolment.model_copy(update={"target": target}),
            "course": s.course.model_copy(update={"quota": quota_for(s, target)}),
        }
        if self.vary == "sites":
            update["sites"] = s.sites.model_copy(update={"count": x})
        return s.model_copy(update=update)


def dial(scenario: Scenario, vary: str) -> Dial:
    """Give the dial of a scenario with one endpoint; raises ShamtrialError for what can't be moved in it."""
    if vary not in get_args(Vary):
        raise ShamtrialError(f"--vary: found {vary!r}; allowed: {', '.join(get_args(Vary))}")
    if vary == "follow_up" and scenario.study.design not in PARALLEL:
        raise ShamtrialError(
            f"--vary: found follow_up with study.design = {scenario.study.design}; allowed: follow_up in parallel "
            "designs; n and sites in every design"
        )
    if vary == "follow_up" and parse_endpoint(scenario.endpoint[0].name)[0] in AT_SCANS:
        raise ShamtrialError(
            f"--vary: found follow_up with the endpoint {scenario.endpoint[0].key}, which is counted at the scans of "
            "lesions.scan_months; allowed: n, sites"
        )
    if vary == "sites" and scenario.enrolment.accrual == "uniform":
        raise ShamtrialError("--vary: found sites with enrolment.accrual = uniform; allowed: n, follow_up")
    return Dial(scenario, cast(Vary, vary))


def quota_for(scenario: Scenario, target: int) -> list[int]:
    """Give quotas of courses in the scenario's shares, for so many patients."""
    quota = scenario.course.quota
    return [math.ceil(q * target / sum(quota)) for q in quota] if quota else []


def _followed(scenario: Scenario, months: float) -> Scenario:
    """Give the scenario with this follow-up: the endpoint at its end, visits up to it, one at it."""
    endpoint = scenario.endpoint[0]
    base, asked = parse_endpoint(endpoint.name)
    name = endpoint.name if asked is None else f"{base}_{months:g}m"
    visits = [*(m for m in scenario.visits.months if m < months), months]
    scans = [m for m in scenario.lesions.scan_months if m in visits]
    images = [m for m in scenario.surveillance.scheduled_months if m <= months]
    made = scenario.model_copy(
        update={
            "study": scenario.study.model_copy(update={"follow_up_months": months}),
            "visits": scenario.visits.model_copy(update={"months": visits}),
            "lesions": scenario.lesions.model_copy(update={"scan_months": scans}),
            "surveillance": scenario.surveillance.model_copy(update={"scheduled_months": images}),
            "endpoint": [endpoint.model_copy(update={"name": name, "id": endpoint.key})],
        }
    )
    try:
        check(made)
    except Refusals as found:
        first = found.refusals[0]
        raise ShamtrialError(
            f"--vary follow_up: {months:g} months of follow-up contradict {first.key}: found {first.found}; "
            f"allowed: {first.allowed}"
        ) from None
    return made
