"""What a scenario's endpoints ask of an engine."""

from __future__ import annotations

from sim.analysis.trial import VISIT_FIELD, scans, visit_number
from sim.core.endpoints import AT_SCANS, CONFIRMED_AFTER, ON_SCREENING, parse_endpoint
from sim.engines.want import FURTHER, Want
from sim.scenario.schema import Scenario

FIRST_SUFFICES = {"first_relapse", "relapse_free"}


def wanted(scenario: Scenario) -> Want:
    """Give the relapses, visits, scores and surveillance that any endpoint counts or looks at."""
    visits: set[int] = set()
    first = not scenario.before_after
    counts: set[str] = set()
    scores: set[str] = set()
    surveillance = False
    for endpoint in scenario.endpoint:
        base, month = parse_endpoint(endpoint.name)
        first = first and base in FIRST_SUFFICES
        if base == "restenosis":
            surveillance = True
        elif field := VISIT_FIELD.get(base.removesuffix("_change")):
            scores.add(field)
            last = scenario.study.after_months[1] if month is None else month
            visits |= {0, visit_number(scenario, last)}
        elif base in AT_SCANS:
            scores.add(base.removesuffix("_change"))
            visits |= set(scans(scenario, month))
        elif base in ON_SCREENING:
            continue
        elif base in CONFIRMED_AFTER:
            visits |= set(range(len(scenario.visits.months)))
            if scenario.worsening.relapse_days > 0.0:
                counts.add(scenario.worsening.relapses)
        else:
            counts.add(endpoint.counts)
            if scenario.before_after:
                counts.add("recalled")
    past = scenario.before_after
    shown = FURTHER & scores
    return Want(frozenset(counts), tuple(sorted(visits)), past, first, shown, surveillance, scenario.belief.guesses)
