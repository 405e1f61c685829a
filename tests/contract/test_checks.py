"""Contract: what a scenario may not say.

Each refusal of `sim/scenario/checks.py` is made to fire, at the key it names, beside a neighbouring scenario that is
legal: a check that is always or never true fails here.
"""

from __future__ import annotations

import ast
import inspect
from dataclasses import dataclass

import pytest

from sim.core.errors import Problem, ScenarioError
from sim.core.params import Refusal
from sim.scenario import checks
from sim.scenario.load import read_tables, shipped, validate
from sim.scenario.schema import Scenario
from tests.helpers import EMPTY, Overrides

ANGIO = {"name": "active", "procedure": "angioplasty"}
SHAM = {"name": "sham", "procedure": "sham"}
NONE = {"name": "nothing", "procedure": "none"}
ARR = {"name": "arr_24m"}

SHAM_RCT = {"self_referral.enabled": False}
UNIFORM = SHAM_RCT | {
    "enrolment": {"accrual": "uniform", "accrual_days": 365.25, "max_days": 400.0},
    "eligibility.enabled": False,
}


@dataclass(frozen=True)
class Case:
    """A scenario that is refused at `key`, and a neighbour that is not."""

    id: str
    name: str
    bad: Overrides
    key: str
    good: Overrides
    allowed: str


CASES = [
    Case("sham trial without sham", "sham_rct", {"arm": [ANGIO, NONE]}, "arm", {"arm": [ANGIO, SHAM]}, "sham_parallel"),
    Case("sham trial with one arm", "sham_rct", {"arm": [ANGIO]}, "arm", {"arm": [SHAM, ANGIO]}, "sham_parallel"),
    Case(
        "three arms with two shams",
        "three_arm",
        {
            "arm": [ANGIO, SHAM, SHAM | {"name": "other"}],
            "endpoint": [ARR | {"treatment": "active", "control": "sham"}],
            "study.primary": "",
        },
        "arm",
        {"arm": [ANGIO, SHAM, NONE], "endpoint": [ARR], "study.primary": ""},
        "three_arm",
    ),
    Case(
        "open label without angioplasty",
        "open_label_rct",
        {"arm": [SHAM, NONE]},
        "arm",
        {"arm": [ANGIO, NONE]},
        "open_label_parallel",
    ),
    Case(
        "open label with three arms",
        "open_label_rct",
        {"arm": [ANGIO, SHAM, NONE], "randomisation.block_size": 6},
        "arm",
        {"arm": [ANGIO, SHAM]},
        "open_label_parallel",
    ),
    Case("before-after with two arms", "zamboni_2009", {"arm": [ANGIO, SHAM]}, "arm", {"arm": [SHAM]}, "exactly one"),
    Case("before-after without an arm", "zamboni_2009", {"arm": []}, "arm", {"arm": [NONE]}, "exactly one"),
    Case(
        "two arms of one name",
        "sham_rct",
        {"arm": [ANGIO, SHAM | {"name": "active"}]},
        "arm[1].name",
        {"arm": [ANGIO, SHAM]},
        "a name of its own",
    ),
    Case(
        "open label, but blinded",
        "open_label_rct",
        {"belief.patient": "blinded"},
        "belief.patient",
        {"belief.assessor": "blinded"},
        '"open"',
    ),
    Case(
        "sham-controlled, but open",
        "sham_rct",
        {"belief.patient": "open"},
        "belief.patient",
        {"belief.physician": "open"},
        '"blinded"',
    ),
    Case(
        "a block that is no multiple of the ratios",
        "sham_rct",
        {"randomisation.block_size": 5},
        "randomisation.block_size",
        {"randomisation": {"block_size": 5, "kind": "simple"}},
        "a multiple of the sum of the arms' ratios, 2",
    ),
    Case(
        "a block too small for the ratios",
        "sham_rct",
        {"arm": [ANGIO | {"ratio": 3}, SHAM | {"ratio": 2}], "randomisation.block_size": 4},
        "randomisation.block_size",
        {"arm": [ANGIO | {"ratio": 3}, SHAM | {"ratio": 2}], "randomisation.block_size": 10},
        "ratios, 5",
    ),
    Case(
        "no visit at baseline",
        "sham_rct",
        {"visits.months": [1.0, 24.0]},
        "visits.months",
        {"visits.months": [0.0, 24.0]},
        "month 0",
    ),
    Case(
        "visits out of order",
        "sham_rct",
        {"visits.months": [0.0, 24.0, 12.0]},
        "visits.months",
        {"visits.months": [0.0, 12.0, 24.0]},
        "rising order",
    ),
    Case(
        "one visit twice",
        "sham_rct",
        {"visits.months": [0.0, 24.0, 24.0]},
        "visits.months",
        {"visits.months": [0.0, 23.9, 24.0]},
        "rising order",
    ),
    Case(
        "a visit after the end",
        "sham_rct",
        {"visits.months": [0.0, 24.0, 25.0]},
        "visits.months",
        {"visits.months": [0.0, 24.0, 25.0], "study.follow_up_months": 25.0},
        "follow_up_months = 24",
    ),
    Case(
        "one endpoint twice",
        "sham_rct",
        {"endpoint": [ARR, ARR], "study.primary": ""},
        "endpoint[1].name",
        {"endpoint": [ARR, ARR | {"id": "again"}], "study.primary": ""},
        "an id of its own",
    ),
    Case(
        "one endpoint id twice",
        "sham_rct",
        {"endpoint": [ARR, {"name": "arr_12m", "id": "arr_24m"}]},
        "endpoint[1].id",
        {"endpoint": [ARR, {"name": "arr_12m", "id": "arr_first"}]},
        "an id of its own",
    ),
    Case(
        "an unknown endpoint",
        "sham_rct",
        {"endpoint": [ARR, {"name": "arr_24"}]},
        "endpoint[1].name",
        {"endpoint": [ARR, {"name": "arr_6m"}]},
        "arr_Nm",
    ),
    Case(
        "a reserved endpoint",
        "sham_rct",
        {"endpoint": [ARR, {"name": "cdp_12w"}]},
        "endpoint[1].name",
        {"endpoint": [ARR, {"name": "edss_12m"}]},
        "reserved",
    ),
    Case(
        "an endpoint of another design",
        "sham_rct",
        {"endpoint": [ARR, {"name": "arr_change"}]},
        "endpoint[1].name",
        {"endpoint": [ARR, {"name": "relapse_free_12m"}]},
        "an endpoint for sham_parallel",
    ),
    Case(
        "a parallel endpoint before and after",
        "zamboni_2009",
        {"endpoint": [{"name": "arr_12m"}]},
        "endpoint[0].name",
        {"endpoint": [{"name": "arr_change"}]},
        "an endpoint for uncontrolled_before_after",
    ),
    Case(
        "EDSS at a month without visit",
        "sham_rct",
        {"endpoint": [ARR, {"name": "edss_20m"}]},
        "endpoint[1].name",
        {"endpoint": [ARR, {"name": "edss_21m"}]},
        "a month at which there is a visit",
    ),
    Case(
        "MSQOL at a month without visit",
        "sham_rct",
        {"endpoint": [ARR, {"name": "msqol_physical_20m"}]},
        "endpoint[1].name",
        {"endpoint": [ARR, {"name": "msqol_physical_21m"}]},
        "a month at which there is a visit",
    ),
    Case(
        "an endpoint after the end",
        "sham_rct",
        {"endpoint": [ARR, {"name": "arr_25m"}]},
        "endpoint[1].name",
        {"endpoint": [ARR, {"name": "arr_23m"}]},
        "no later than study.follow_up_months = 24",
    ),
    Case(
        "a change without a visit at its end",
        "zamboni_2009",
        {"study.after_months": [5.0, 17.0], "endpoint": [{"name": "edss_change"}]},
        "endpoint[0].name",
        {"study.after_months": [5.0, 17.0], "endpoint": [{"name": "arr_change"}]},
        "month 17",
    ),
    Case(
        "an unknown arm asked about",
        "sham_rct",
        {"endpoint": [ARR | {"treatment": "nobody"}]},
        "endpoint[0].treatment",
        {"endpoint": [ARR | {"treatment": "angioplasty"}]},
        "the name of an arm",
    ),
    Case(
        "an unknown arm to compare with",
        "sham_rct",
        {"endpoint": [ARR | {"control": "nobody"}]},
        "endpoint[0].control",
        {"endpoint": [ARR | {"control": "sham"}]},
        "the name of an arm",
    ),
    Case(
        "an arm compared with itself",
        "sham_rct",
        {"endpoint": [ARR | {"control": "angioplasty"}]},
        "endpoint[0].control",
        {"endpoint": [ARR | {"treatment": "sham", "control": "angioplasty"}]},
        "an arm other than angioplasty",
    ),
    Case(
        "sham compared with nothing that is there",
        "sham_rct",
        {"endpoint": [ARR | {"treatment": "sham"}]},
        "endpoint[0].control",
        {"endpoint": [ARR | {"treatment": "sham", "control": "angioplasty"}]},
        "the arm that sham is compared with",
    ),
    Case(
        "no treatment compared with nothing that is there",
        "open_label_rct",
        {"arm": [ANGIO, NONE], "endpoint": [ARR | {"treatment": "nothing"}]},
        "endpoint[0].control",
        {"arm": [ANGIO, NONE], "endpoint": [ARR | {"treatment": "nothing", "control": "active"}]},
        "the arm that nothing is compared with",
    ),
    Case("no endpoint", "null", {"endpoint": [], "study.primary": ""}, "endpoint", {}, "at least one"),
    Case(
        "a primary endpoint that is none",
        "sham_rct",
        {"study.primary": "arr_12m"},
        "study.primary",
        {"study.primary": "edss_24m"},
        "the id of an endpoint",
    ),
    Case(
        "a before-window backwards",
        "zamboni_2009",
        {"study.before_months": [0.0, -12.0]},
        "study.before_months",
        {"study.before_months": [-12.0, -1.0]},
        "rising order",
    ),
    Case(
        "a before-window after the procedure",
        "zamboni_2009",
        {"study.before_months": [-12.0, 1.0]},
        "study.before_months",
        {"study.before_months": [-6.0, 0.0]},
        "no later than month 0",
    ),
    Case(
        "an after-window before the procedure",
        "zamboni_2009",
        {"study.after_months": [-1.0, 12.0]},
        "study.after_months",
        {"study.after_months": [0.0, 12.0]},
        "no earlier than month 0",
    ),
    Case(
        "an after-window after the end",
        "zamboni_2009",
        {"study.after_months": [6.0, 19.0], "endpoint": [{"name": "arr_change"}]},
        "study.after_months",
        {"study.after_months": [6.0, 18.0]},
        "follow_up_months = 18",
    ),
    Case(
        "a history shorter than two years of entry rule",
        "sham_rct",
        {"relapse.history_years": 1.9, "recall.enabled": False},
        "relapse.history_years",
        {"relapse.history_years": 2.0, "recall.enabled": False},
        "2 years",
    ),
    Case(
        "a history shorter than a soft entry rule",
        "sham_rct",
        {"relapse.history_years": 0.9, "eligibility.kind": "soft", "recall.enabled": False},
        "relapse.history_years",
        {"relapse.history_years": 1.0, "eligibility.kind": "soft", "recall.enabled": False},
        "1 years",
    ),
    Case(
        "a history shorter than the before-window",
        "zamboni_2009",
        {"study.before_months": [-40.0, 0.0], "recall.enabled": False},
        "relapse.history_years",
        {"study.before_months": [-36.0, 0.0], "recall.enabled": False},
        "3.33 years",
    ),
    Case(
        "a history shorter than self-referral looks back",
        "sham_rct",
        {"self_referral": {"enabled": True, "window_days": 1100.0}},
        "relapse.history_years",
        {"self_referral": {"enabled": True, "window_days": 1095.0}},
        "3.01 years",
    ),
    Case(
        "a history shorter than the time without relapse",
        "sham_rct",
        {
            "eligibility": {"relapses_1y": 0, "relapses_2y": 0, "relapse_free_days": 200.0},
            "relapse.history_years": 0.5,
            "self_referral.enabled": False,
            "recall.enabled": False,
        },
        "relapse.history_years",
        {
            "eligibility": {"relapses_1y": 0, "relapses_2y": 0, "relapse_free_days": 100.0},
            "relapse.history_years": 0.5,
            "self_referral.enabled": False,
            "recall.enabled": False,
        },
        "0.548",
    ),
    Case(
        "a history shorter than relapses dated into the window reach",
        "sham_rct",
        {"recall.telescoping_share": 0.4},
        "relapse.history_years",
        {"recall.telescoping_share": 0.33},
        "3.33 years",
    ),
    Case(
        "a decline with more layers than there are",
        "sham_rct",
        {"decline.fall_per_year": 0.5},
        "decline.fall_per_year",
        {"decline.fall_per_year": 0.499},
        "a factor below 8",
    ),
    Case(
        "an EDSS range upside down",
        "sham_rct",
        {"eligibility": {"edss_min": 4.0, "edss_max": 3.5}},
        "eligibility.edss_min",
        {"eligibility": {"edss_min": 3.5, "edss_max": 3.5}},
        "edss_max = 3.5",
    ),
    Case(
        "relapses asked of those who have none",
        "sham_rct",
        {"relapse.rate_per_year": 0.0},
        "relapse.rate_per_year",
        {"relapse.rate_per_year": 0.0, "switches.selection": False},
        "recruitment could never end",
    ),
    Case(
        "uniform accrual that outlasts enrolment",
        "sham_rct",
        UNIFORM | {"enrolment.max_days": 365.0},
        "enrolment.max_days",
        UNIFORM | {"enrolment.max_days": 379.25},
        "no less than 379.25",
    ),
    Case(
        "uniform accrual on whole days",
        "sham_rct",
        UNIFORM | {"enrolment.max_days": 379.25, "clock.resolution_days": 1},
        "enrolment.max_days",
        UNIFORM | {"enrolment": {"max_days": 366.0, "in_screening": "admit"}, "clock.resolution_days": 1},
        "no less than 380",
    ),
    Case(
        "uniform accrual at sites not open yet",
        "sham_rct",
        UNIFORM | {"sites": {"count": 3, "opening_interval_days": 183.0}},
        "sites.opening_interval_days",
        UNIFORM | {"sites": {"count": 3, "opening_interval_days": 180.0}},
        "all 3 sites open",
    ),
    Case(
        "uniform accrual with an entry rule",
        "sham_rct",
        UNIFORM | {"eligibility.enabled": True},
        "enrolment.accrual",
        UNIFORM,
        "poisson where eligibility or self_referral",
    ),
    Case(
        "uniform accrual with self-referral",
        "sham_rct",
        UNIFORM | {"self_referral.enabled": True},
        "enrolment.accrual",
        UNIFORM | {"self_referral.enabled": True, "switches.self_referral": False},
        "poisson where eligibility or self_referral",
    ),
    Case(
        "recruitment that can never end",
        "sham_rct",
        {"enrolment": {"target": 200, "max_days": 30.0}},
        "enrolment.target",
        {"enrolment": {"target": 10, "max_days": 365.0}},
        "recruitment could never end",
    ),
    Case(
        "recruitment at sites that never open",
        "sham_rct",
        {"sites": {"count": 10, "opening_interval_days": 3650.0}, "enrolment": {"target": 300, "max_days": 3652.5}},
        "enrolment.target",
        {"sites": {"count": 10, "opening_interval_days": 0.0}, "enrolment": {"target": 300, "max_days": 3652.5}},
        "recruitment could never end",
    ),
    Case(
        "a dispersion without a rate",
        "sham_rct",
        {"population.on_study_dispersion": 0.5},
        "population.on_study_rate_per_year",
        {"population": {"on_study_dispersion": 0.5, "on_study_rate_per_year": 0.4}},
        "a rate",
    ),
    Case(
        "a population window after the end",
        "sham_rct",
        {"population": {"on_study_rate_per_year": 0.4, "window_months": 36.0}},
        "population.window_months",
        {"population": {"on_study_rate_per_year": 0.4, "window_months": 24.0}},
        "follow_up_months = 24",
    ),
]


def problems(name: str, overrides: Overrides) -> tuple[Problem, ...]:
    """Give everything that is wrong with this scenario."""
    with pytest.raises(ScenarioError) as caught:
        validate(read_tables(name, overrides), Scenario)
    return caught.value.problems


@pytest.mark.parametrize("case", CASES, ids=[case.id for case in CASES])
def test_what_contradicts_itself_is_refused_at_its_key(case: Case) -> None:
    """The scenario is refused for this one thing: at its key, with what was found and what is allowed."""
    (problem,) = problems(case.name, case.bad)
    assert problem.key == case.key
    assert problem.found
    assert case.allowed in problem.allowed


@pytest.mark.parametrize("case", CASES, ids=[case.id for case in CASES])
def test_its_legal_neighbour_is_not_refused(case: Case) -> None:
    """The check is not always true: a scenario beside the refused one is legal."""
    validate(read_tables(case.name, case.good), Scenario)


def test_every_refusal_has_a_case(monkeypatch: pytest.MonkeyPatch) -> None:
    """No refusal in checks.py is left without a case above that makes it fire: each one's `allowed` is met by one."""
    written = [
        node
        for node in ast.walk(ast.parse(inspect.getsource(checks)))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == Refusal.__name__
    ]
    fired: set[int] = set()

    class Spy(Refusal):
        """A refusal that remembers the line of checks.py that made it."""

        def __init__(self, key: str, found: object, allowed: str) -> None:
            frame = inspect.currentframe()
            assert frame is not None
            assert frame.f_back is not None
            fired.add(frame.f_back.f_lineno)
            super().__init__(key, found, allowed)

    monkeypatch.setattr(checks, "Refusal", Spy)
    for case in CASES:
        problems(case.name, case.bad)
    silent = [node.lineno for node in written if not fired & set(range(node.lineno, (node.end_lineno or 0) + 1))]
    assert len(written) >= 25
    assert not silent, f"no case makes the refusals in lines {silent} of checks.py fire"


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
