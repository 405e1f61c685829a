"""Twin evidence: both engines give the same records, bit for bit, for shipped scenarios and for drawn ones."""

from __future__ import annotations

from typing import Any, get_args

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from pydantic import BaseModel

import sim
from sim.core.events import Kind
from sim.engines import compiled, reference
from sim.engines.records import LAYOUT, TrialRecords, unlike
from sim.engines.world import OBSERVED, World, potential, potential_arm
from sim.scenario.plan import Plan, make_plan
from sim.scenario.schema import Arm, Endpoint, Scenario
from tests.helpers import Overrides, plan, twins
from tests.twin.drawn import BUILT, PLAIN, UNSEEN, Tables, checked, seeds, tables, worlds

FEW, MANY = 700, 6_000
QUIET = [HealthCheck.too_slow, HealthCheck.data_too_large]  # a scenario has some 120 keys
DRAWN = settings(deadline=None, suppress_health_check=QUIET, phases=(Phase.explicit, Phase.generate, Phase.shrink))


# ---- shipped ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("trial", [0, 1])
@pytest.mark.parametrize("name", sim.scenarios())
def test_shipped_scenarios(name: str, trial: int) -> None:
    """A trial of each shipped scenario, of the size it is shipped with, is the same in both engines."""
    found = twins(plan(name), 20, trial)
    assert len(found.events) > 200


@pytest.mark.parametrize("world", [potential(p, path) for p in (0.0, 1.0, 2.0) for path in (False, True)])
@pytest.mark.parametrize("name", ["three_arm", "published/zamboni_2009"])
def test_potential_worlds(name: str, world: World) -> None:
    """The same holds in the worlds from which the truth is worked out."""
    twins(plan(name, {"enrolment.target": 30}), 21, 0, world)


@pytest.mark.parametrize("name", ["three_arm", "bench/j1"])
def test_a_forced_arm(name: str) -> None:
    """The same holds where everyone is treated as in one arm, though no arm holds more than a procedure."""
    made = plan(name, {"enrolment.target": 30})
    for arm, procedure in enumerate(made.procedures):
        found = twins(made, 21, 0, potential_arm(arm, True))
        entered = found.subjects["entry_number"] >= 0
        assert set(found.subjects["procedure"][entered]) == {int(procedure)}


# ---- drawn --------------------------------------------------------------------------------------------------------


class Told:
    """What drawn scenarios came to, so that a test can say that they reached what they were drawn for."""

    def __init__(self) -> None:
        self.drawn = self.refused = 0
        self.kinds: set[int] = set()
        self.crowds: set[str] = set()

    def add(self, scenario: Scenario, found: TrialRecords) -> None:
        """Count a trial."""
        self.kinds |= set(found.events["rank"].tolist())
        entered = int((found.subjects["entry_number"] >= 0).sum())
        self.crowds.add("nobody" if not entered else "one" if entered == 1 else "some")
        self.crowds.add("one site" if scenario.sites.count == 1 else "many sites")
        if entered > scenario.enrolment.target:
            self.crowds.add("admitted beyond the target")
        if entered > 1 and found.subjects["dropped_out"].sum() == entered:
            self.crowds.add("everyone left")
        if (found.relapses["point"][found.relapses["pseudo"] == 0] % 8).max(initial=0) > 1:
            self.crowds.add("three layers")
        if len(np.unique(found.events["time"])) < len(found.events) // 2:
            self.crowds.add("ties")


CROWDS = {"nobody", "one", "some", "one site", "many sites", "admitted beyond the target", "everyone left"}


def compare_drawn(examples: int) -> Told:
    """Play so many drawn scenarios in both engines."""
    told = Told()

    @settings(DRAWN, max_examples=examples)
    @given(made=tables(), seed=seeds, world=worlds)
    def same(made: Tables, seed: int, world: World) -> None:
        told.drawn += 1
        if (scenario := checked(made)) is None:
            told.refused += 1
            return
        told.add(scenario, twins(make_plan(scenario), seed, 0, world))

    same()
    return told


def reached(told: Told) -> None:
    """Assert that nearly all drawn scenarios were legal, and that together they met every event and every crowd."""
    assert told.refused <= 0.05 * told.drawn
    assert told.kinds == set(map(int, Kind)) - {int(Kind.SLOT_FREE)}  # which is in no log
    assert told.crowds >= CROWDS | {"three layers", "ties"}


def test_drawn_scenarios() -> None:
    """Scenarios drawn over the whole schema, in any world: every trial is the same in both engines."""
    reached(compare_drawn(FEW))


@pytest.mark.slow
def test_many_drawn_scenarios() -> None:
    """The same for many more of them."""
    reached(compare_drawn(MANY))


def test_every_key_is_drawn() -> None:
    """Each key of the schema that an engine can see is drawn: a new one must be given values in tests/twin/drawn.py."""
    drawn = {(table, key) for part in (PLAIN, BUILT, UNSEEN) for table, keys in part.items() for key in keys}
    known = set()
    for table, field in Scenario.model_fields.items():
        kind = field.annotation
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            known |= {(table, key) for key in kind.model_fields}
    assert drawn == known
    assert {f for f, x in Scenario.model_fields.items() if get_args(x.annotation)} == {"arm", "endpoint"}
    assert set(Endpoint.model_fields) == {"name", "id", "counts", "treatment", "control", "course"}
    later = {"delay_months", "then", "then_months", "then_open"}
    assert set(Arm.model_fields) == {"name", "procedure", "ratio", "group"} | later


# ---- corners, one by one ------------------------------------------------------------------------------------------

CORNERS: dict[str, tuple[str, Overrides]] = {
    "one patient": ("published/zamboni_2009", {"enrolment.target": 1}),
    "everyone leaves": ("sham_rct", {"enrolment.target": 12, "dropout.hazard_per_year": 100.0}),
    "whole days": ("sham_rct", {"enrolment.target": 24, "clock.resolution_days": 1}),
    "no delays": (
        "sham_rct",
        {
            "enrolment.target": 12,
            "clock.resolution_days": 1,
            "enrolment.screening_days": 0.0,
            "veins.wait_days": 0.0,
            "reporting.report_delay_days": 0.0,
            "reporting.confirm_delay_days": 0.0,
        },
    ),
    "no relapses": ("bench/j1", {"enrolment.target": 12, "randomisation.block_size": 12, "relapse.rate_per_year": 0.0}),
    "fifty a year": (
        "base",
        {"enrolment.target": 6, "relapse.rate_per_year": 50.0, "relapse.refractory_days": 0.0, "frailty.variance": 2.0},
    ),
    "eight layers": (
        "sham_rct",
        {"enrolment.target": 12, "effect.rate_ratio": 8.0, "relapse.rate_per_year": 3.0, "decline.fall_per_year": 0.4},
    ),
    "late reports": (
        "sham_rct",
        {
            "enrolment.target": 12,
            "reporting.report_delay_days": 365.0,
            "reporting.confirm_delay_days": 365.0,
            "reporting.pseudo_per_year": 10.0,
        },
    ),
    "closed on a day of arrivals": (
        "sham_rct",
        {"clock.resolution_days": 1, "enrolment.max_days": 300.0, "sites.arrivals_per_month": 30.0},
    ),
    "admitted when closed": (
        "sham_rct",
        {"enrolment.target": 24, "enrolment.in_screening": "admit", "sites.arrivals_per_month": 30.0},
    ),
    "many in screening": (
        "sham_rct",
        {"enrolment.target": 12, "enrolment.screening_days": 365.0, "sites.arrivals_per_month": 10.0},
    ),
    "three hundred sites": (
        "sham_rct",
        {"enrolment.target": 12, "sites.count": 300, "sites.opening_interval_days": 0.0},
    ),
    "a long wait": ("sham_rct", {"enrolment.target": 12, "veins.wait_mean_days": 365.0}),
    "the longest history by the month": (
        "sham_rct",
        {"enrolment.target": 12, "activity.kind": "log_ou", "relapse.history_years": 20.0, "clock.resolution_days": 1},
    ),
    "no history, activity for life": (
        "bench/j1",
        {
            "enrolment.target": 12,
            "randomisation.block_size": 12,
            "activity": {"kind": "log_ou", "month_correlation": 1.0},
            "relapse.rate_per_year": 3.0,
        },
    ),
    "a history of a month and a bit": (
        "bench/j1",
        {
            "enrolment.target": 12,
            "randomisation.block_size": 12,
            "activity": {"kind": "log_ou", "month_correlation": 0.0, "log_sd": 2.0},
            "relapse": {"rate_per_year": 3.0, "history_years": 0.1},
        },
    ),
    "eight layers at the peak of a season": (
        "sham_rct",
        {
            "enrolment.target": 12,
            "effect.rate_ratio": 5.0,
            "relapse.rate_per_year": 3.0,
            "season": {"enabled": True, "amplitude": 0.6},
        },
    ),
    "closed before it began": ("sham_rct", {"enrolment.target": 12, "study.close_days": 1.0}),
}


@pytest.mark.parametrize("corner", CORNERS)
def test_corners(corner: str) -> None:
    """Each corner that has its own way through the engines is the same in both, in three trials."""
    name, overrides = CORNERS[corner]
    for trial in range(3):
        twins(plan(name, overrides), 22, trial)


def test_visits_seen_before_the_end_was_known() -> None:
    """A visit that takes place early, before enrolment closes and with it the study, is made in both engines, though
    its day lies after the end that the study then has."""
    made = plan(
        "sham_rct",
        {
            "enrolment.target": 24,
            "study.close_after_enrolment_days": 1.0,
            "visits.months": [0.0, 12.0, 24.0],
            "visits.window_days": 170.0,
            "sites.count": 2,
            "sites.arrivals_per_month": 1.0,
        },
    )
    early = 0
    for trial in range(3):
        found = twins(made, 22, trial)
        people, visits = found.subjects, found.visits
        person = {(p["site"], p["arrival"]): p for p in people}
        early += sum(
            person[v["site"], v["arrival"]]["day_1"] + made.visit_days[v["visit"]]
            > person[v["site"], v["arrival"]]["planned_end"]
            for v in visits
        )
    assert early > 0


# ---- the comparison can fail --------------------------------------------------------------------------------------


SEEN = {"enrolment.target": 12, "surveillance": {"enabled": True, "scheduled_months": [3.0]}}  # no table is empty


def altered(records: TrialRecords, table: str, field: str) -> TrialRecords:
    """Give a copy of a trial in which the last bit of one value of one field is another."""
    copies: dict[str, Any] = {name: getattr(records, name).copy() for name in LAYOUT}
    copies[table][field].view("u8")[-1] ^= np.uint64(1)
    return TrialRecords(records.trial, **copies)


@pytest.mark.parametrize(("table", "field"), [(t, f) for t, layout in LAYOUT.items() for f in layout.names or ()])
def test_one_bit_of_one_field_is_noticed(table: str, field: str) -> None:
    """The last bit of one value, in any field of any table, is noticed and named."""
    records = twins(plan("sham_rct", SEEN), 23, 0)
    assert unlike(records, altered(records, table, field)) == [f"{table}.{field}"]


@pytest.mark.parametrize(
    ("mechanism", "field"),
    [
        ("relapse", "rate_per_day"),
        ("quality", "noise_sd"),
        ("mental", "per_edss"),
        ("msfc", "practice_z"),
        ("veins", "wait_days"),
        ("sites", "arrivals_per_day"),
        ("disability", "slope_per_day"),
        ("reporting", "report_delay_days"),
    ],
)
def test_a_plan_with_one_changed_number_is_noticed(mechanism: str, field: str) -> None:
    """An engine that is given one number of the plan a millionth larger gives other records, and that is noticed."""
    ours = plan("sham_rct", {"enrolment.target": 12})
    part: Any = getattr(ours, mechanism)
    other: Plan = ours._replace(**{mechanism: part._replace(**{field: getattr(part, field) * (1.0 + 1e-6)})})
    a = reference.run_trial(ours, 23, 0)
    assert unlike(a, compiled.run_trial(other, 23, 0))
    assert not unlike(a, compiled.run_trial(ours, 23, 0))


def test_a_missing_row_is_noticed() -> None:
    """A table with a row too few is noticed, and so is another trial's number."""
    a = reference.run_trial(plan("sham_rct", SEEN), 23, 0)
    tables = {name: getattr(a, name) for name in LAYOUT}
    for name in LAYOUT:
        (found,) = unlike(a, TrialRecords(0, **(tables | {name: tables[name][:-1]})))
        assert found.startswith(f"{name}: ")
    assert unlike(a, TrialRecords(1, **tables)) == ["trial: 0 and 1"]


def test_twins_refuses_engines_that_differ(monkeypatch: pytest.MonkeyPatch) -> None:
    """The helper through which every test plays a trial raises where the engines differ."""
    real = compiled.run_trial

    def wrong(plan: Plan, seed: int, number: int, world: World = OBSERVED) -> TrialRecords:
        return altered(real(plan, seed, number, world), "visits", "quality")

    monkeypatch.setattr(compiled, "run_trial", wrong)
    with pytest.raises(AssertionError, match=r"visits\.quality"):
        twins(plan("sham_rct", {"enrolment.target": 12}), 23, 0)
