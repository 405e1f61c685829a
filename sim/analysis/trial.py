"""One trial's cohort in, one Estimate an endpoint out, as the scenario asks."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from sim.analysis.ancova import ancova_change
from sim.analysis.before_after import paired_rate_ratio, paired_t
from sim.analysis.binary import mcnemar_exact, risk_difference
from sim.analysis.estimate import Estimate
from sim.analysis.negbin import negbin_rate_ratio
from sim.core.endpoints import parse_endpoint
from sim.data.cohort import Cohort, Counts, Window, at_visit, stayed, window
from sim.scenario.schema import Endpoint, Scenario

VISIT_FIELD = {"edss": "edss", "msqol_physical": "quality"}

Mask = NDArray[np.bool_]


def analyse(scenario: Scenario, people: Cohort) -> list[Estimate]:
    """Give one Estimate for each `[[endpoint]]` of the scenario, in their order."""
    everyone = scenario.study.analyse == "all" or not scenario.switches.attrition
    kept = np.ones(people.size, bool) if everyone else stayed(people)
    one = _before_after if scenario.before_after else _parallel
    return [one(scenario, endpoint, people, kept) for endpoint in scenario.endpoint]


def contrast(scenario: Scenario, endpoint: Endpoint) -> tuple[int, int]:
    """Give the numbers of the arm asked about and of the arm it is compared with."""
    names = [a.name for a in scenario.arm]
    kinds = [a.procedure for a in scenario.arm]
    treatment = names.index(endpoint.treatment) if endpoint.treatment else kinds.index("angioplasty")
    if endpoint.control:
        return treatment, names.index(endpoint.control)
    return treatment, kinds.index("sham" if "sham" in kinds and kinds[treatment] != "sham" else "none")


def visit_number(scenario: Scenario, months: float) -> int:
    """Give the number of the visit at this month."""
    return scenario.visits.months.index(months)


def _parallel(scenario: Scenario, endpoint: Endpoint, people: Cohort, kept: Mask) -> Estimate:
    treatment, control = contrast(scenario, endpoint)
    arm = people.subjects["arm"]
    kept = kept & ((arm == treatment) | (arm == control))
    treated = (arm == treatment)[kept]
    base, months = parse_endpoint(endpoint.name)
    alpha = scenario.study.alpha
    assert months is not None
    if base in VISIT_FIELD:
        field, visit = VISIT_FIELD[base], visit_number(scenario, months)
        return ancova_change(at_visit(people, field, 0)[kept], at_visit(people, field, visit)[kept], treated, alpha)
    seen = window(people, endpoint.counts, 0.0, months)
    counts, years = seen.counts[kept], seen.years[kept]
    if base == "arr":
        return negbin_rate_ratio(counts, years, treated, alpha)
    followed = years > 0.0
    found = risk_difference(counts[followed] == 0.0, treated[followed], alpha)
    return replace(found, method=f"{found.method}, as observed until leaving")


def windows(scenario: Scenario, counts: Counts, people: Cohort) -> tuple[Window, Window]:
    """Give what is counted before (recalled, or the truth where the endpoint counts true relapses) and after."""
    study = scenario.study
    before: Counts = "true" if counts == "true" else "recalled"
    return (
        window(people, before, study.before_months[0], study.before_months[1]),
        window(people, counts, study.after_months[0], study.after_months[1]),
    )


def _before_after(scenario: Scenario, endpoint: Endpoint, people: Cohort, kept: Mask) -> Estimate:
    base, _ = parse_endpoint(endpoint.name)
    alpha = scenario.study.alpha
    field = VISIT_FIELD.get(base.removesuffix("_change"))
    if field:
        visit = visit_number(scenario, scenario.study.after_months[1])
        return paired_t(at_visit(people, field, 0)[kept], at_visit(people, field, visit)[kept], alpha)
    before, after = windows(scenario, endpoint.counts, people)
    kept = kept & (after.years > 0.0)
    if base == "arr_change":
        return paired_rate_ratio(before.counts[kept], before.years[kept], after.counts[kept], after.years[kept], alpha)
    found = mcnemar_exact(before.counts[kept] == 0.0, after.counts[kept] == 0.0, alpha)
    return replace(found, method=f"{found.method}, as observed until leaving")
