"""Contract: what a scenario may not say.

Each refusal of `sim/scenario/checks.py` and the files beside it is made to fire, at the key it names, beside a legal
scenario near to it: a check that is always or never true fails here.
"""

from __future__ import annotations

import ast
import inspect

import pytest

from sim.core.errors import Problem, ScenarioError
from sim.core.params import Refusal
from sim.scenario import checks, checks_course, conduct, prevalence, prior
from sim.scenario.load import read_tables, shipped, validate
from sim.scenario.schema import Scenario
from tests.contract.refusals import ANGIO, CASES, NONE, Case
from tests.helpers import EMPTY, Overrides


def problems(name: str, overrides: Overrides) -> tuple[Problem, ...]:
    """Give everything that is wrong with this scenario."""
    with pytest.raises(ScenarioError) as caught:
        validate(read_tables(name, overrides), Scenario)
    return caught.value.problems


@pytest.mark.parametrize("case", CASES, ids=[case.id for case in CASES])
def test_what_contradicts_itself_is_refused_at_its_key(case: Case) -> None:
    """The scenario is refused for this one thing: at a key that it sets, with what was found and what is allowed."""
    (problem,) = problems(case.name, case.bad)
    assert problem.key == (case.blamed or case.key)
    assert not case.blamed or f"goes with {case.key} (" in problem.allowed
    assert problem.found
    assert case.allowed in problem.allowed
    assert case.blamed or "allowed:" not in problem.allowed  # the line that shows it says so


@pytest.mark.parametrize("case", CASES, ids=[case.id for case in CASES])
def test_its_legal_neighbour_is_not_refused(case: Case) -> None:
    """The check is not always true: a scenario beside the refused one is legal."""
    validate(read_tables(case.name, case.good), Scenario)


def test_each_era_recruits_on_its_own_calendar() -> None:
    """Sites of today open from their own era's first day, so that eras which find their patients are not refused.

    Counted over one calendar the last two of these four sites would open after recruitment had ended.
    """
    eras = {"sites.count": 4, "historical.sites": 2, "sites.opening_interval_days": 300.0, "enrolment.max_days": 500.0}
    found = {"enrolment.target": 60, "sites.arrivals_per_month": 2.5, "sites.rate_variance": 0.0}
    validate(read_tables("historical_control", eras | found), Scenario)
    past, today = problems("historical_control", eras | found | {"enrolment.target": 160})
    assert "; the past is to enter 80, and its sites are expected to see 57" in past.allowed
    assert "; today is to enter 80, and its sites are expected to see 57" in today.allowed


CHECKS = (checks, checks_course, conduct, prevalence, prior)


def test_every_refusal_has_a_case(monkeypatch: pytest.MonkeyPatch) -> None:
    """No refusal in the checks is left without a case above that makes it fire: each one's `allowed` is met by one."""
    written = [
        (module.__file__, node)
        for module in CHECKS
        for node in ast.walk(ast.parse(inspect.getsource(module)))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == Refusal.__name__
    ]
    fired: set[tuple[str, int]] = set()

    class Spy(Refusal):
        """A refusal that remembers the line of the file that made it."""

        def __init__(self, key: str, found: object, allowed: str) -> None:
            frame = inspect.currentframe()
            assert frame is not None
            assert frame.f_back is not None
            fired.add((frame.f_back.f_code.co_filename, frame.f_back.f_lineno))
            super().__init__(key, found, allowed)

    for module in CHECKS:
        monkeypatch.setattr(module, "Refusal", Spy)
    for case in CASES:
        problems(case.name, case.bad)
    silent = [
        (file, node.lineno)
        for file, node in written
        if not fired & {(file, line) for line in range(node.lineno, (node.end_lineno or 0) + 1)}
    ]
    assert len(written) >= 25
    assert not silent, f"no case makes the refusals in lines {silent} fire"


def test_all_contradictions_are_told_at_once() -> None:
    """Several contradictions are several problems, not the first alone."""
    bad = {"arm": [ANGIO, NONE], "visits.months": [1.0, 30.0], "relapse.history_years": 0.5, "study.primary": "none"}
    keys = {problem.key for problem in problems("sham_rct", bad)}
    assert keys >= {"arm", "visits.months", "relapse.history_years", "study.primary"}


@pytest.mark.parametrize("name", shipped())
def test_shipped_scenarios_are_legal(name: str) -> None:
    """Every shipped scenario loads, opens with a sentence of intent and has an endpoint."""
    raw = read_tables(name, EMPTY)
    loaded = validate(raw, Scenario)
    assert raw.intent.endswith(".")
    assert raw.intent[0].isupper()
    assert loaded.endpoint
