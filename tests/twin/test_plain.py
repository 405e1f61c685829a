"""Twin evidence: a plain trial, told in passes over all patients, is the trial that both engines tell one by one."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pytest

from sim.data.cohort import Cohort, cohort, first_event, window
from sim.engines.compiled.wants import demand
from sim.engines.want import Want
from sim.engines.world import OBSERVED, World, potential
from sim.study.play import Play
from tests.helpers import play, scenario

ONSETS = Want(frozenset(("true",)), (), False)
FIRST = ONSETS._replace(first=True)
PEOPLE = ("arm", "day_1", "planned_end", "end_time", "dropped_out")
WHOLE_DAYS: dict[str, object] = {"clock.resolution_days": 1}
SIMPLE: dict[str, object] = {"randomisation.kind": "simple"}
FEW: dict[str, object] = {"enrolment.target": 24, "randomisation.block_size": 24}
FEW_VEINS: dict[str, object] = {"veins.left_ijv_prob": 0.5, "veins.right_ijv_prob": 0.3, "veins.success_prob": 0.6}

PLAIN: dict[str, Mapping[str, object]] = {
    "as it is": {},
    "whole days": WHOLE_DAYS,
    "simple allocation": SIMPLE,
    "small blocks": {"randomisation.block_size": 4},
    "some veins, some opened": FEW_VEINS,
    "any vein": FEW_VEINS | {"veins.patency": "any"} | WHOLE_DAYS,
    "all veins": FEW_VEINS | {"veins.patency": "all"},
    "the procedure waits": {"veins.wait_days": 45.5} | WHOLE_DAYS,
    "refractory": {"relapse.refractory_days": 30.0, "relapse.rate_per_year": 5.0},
    "decline": {"decline.enabled": True, "decline.fall_per_year": 0.3},
    "many relapses": {"relapse.rate_per_year": 50.0} | WHOLE_DAYS,
    "no relapses": {"relapse.rate_per_year": 0.0},
    "everyone leaves": {"dropout.hazard_per_year": 100.0},
    "nobody leaves": {"dropout.enabled": False},
    "no effect": {"effect.rate_ratio": 1.0},
    "restenosis without effect": {"effect.rate_ratio": 1.0, "veins.ijv_restenosis_18m_prob": 0.5},
    "poisson arrivals": {"enrolment.accrual": "poisson"},
    "the last day comes first": {
        "enrolment.accrual": "poisson",
        "enrolment.max_days": 75.0,
        "sites.arrivals_per_month": 10.0,
    },
    "no closing day": {"study.close_days": 0.0} | WHOLE_DAYS,
    "seasons of no amplitude": {"season": {"enabled": True, "amplitude": 0.0}},
}
WORLDS = (OBSERVED, potential(0.0, True), potential(2.0, False))


@pytest.mark.parametrize("name", ["bench/j1", "bench/j2"])
@pytest.mark.parametrize("which", PLAIN)
def test_a_plain_trial_is_the_same_trial(name: str, which: str) -> None:
    """People, onsets and first relapses of the batch are those of the records of both engines, in every bit."""
    changes = FEW | dict(PLAIN[which])
    study = Play(scenario(name, changes), 5)
    assert demand(study.plan, ONSETS, record=False)["plain"] == 1.0
    for world in WORLDS:
        batch = study.cohorts([0, 1, 2], world, ONSETS)
        assert batch.trials == 3
        for trial in range(3):
            _same(name, changes, trial, world, study)
            alone = study.cohorts([trial], world, ONSETS)
            rows = slice(batch.first[trial], batch.first[trial + 1])
            assert all(batch.subjects[f][rows].tobytes() == alone.subjects[f].tobytes() for f in PEOPLE)


def _same(name: str, changes: Mapping[str, object], trial: int, world: World, study: Play) -> None:
    whole, plain = cohort(play(name, changes, trial=trial, seed=5, world=world)), study.cohorts([trial], world, ONSETS)
    assert plain.size == whole.size > 0
    for field in PEOPLE:
        assert plain.subjects[field].tobytes() == whole.subjects[field].tobytes(), field
    after = whole.relapses["onset"] > whole.subjects["day_1"][whole.relapse_row]
    assert np.array_equal(np.sort(plain.relapses["onset"]), np.sort(whole.relapses["onset"][after]))
    for start, end in ((0.0, 24.0), (3.0, 7.5)):
        assert window(plain, "true", start, end).counts.tobytes() == window(whole, "true", start, end).counts.tobytes()
    for a, b in zip(first_event(plain, "true"), first_event(whole, "true"), strict=True):
        assert a.tobytes() == b.tobytes()
    _same_first(plain, study.cohorts([trial], world, FIRST))


def _same_first(plain: Cohort, first: Cohort) -> None:
    """Assert that a cohort asked for first relapses alone has each patient's first, and nothing else."""
    assert len(np.unique(first.relapse_row)) == len(first.relapse_row) == len(np.unique(plain.relapse_row))
    for a, b in zip(first_event(first, "true"), first_event(plain, "true"), strict=True):
        assert a.tobytes() == b.tobytes()


@pytest.mark.parametrize(
    "changes",
    [
        {"sites.count": 2},
        {"enrolment.screening_days": 7.0},
        {"relapse.history_years": 1.0},
        {"activity.kind": "two_state"},
        {"activity.kind": "log_ou"},
        {"season.enabled": True},
        {"effect.rate_ratio": 1.5},
        {"veins.ijv_restenosis_18m_prob": 0.3},
        {"veins.wait_mean_days": 20.0},
        {"dropout.disbelief_ratio": 2.0},
        {"medication.enabled": True},
    ],
)
def test_a_trial_that_is_not_plain_is_told_one_by_one(changes: Mapping[str, object]) -> None:
    """Each thing that the passes do not know keeps a plan from being plain."""
    plan = Play(scenario("bench/j1", changes), 5).plan
    assert demand(plan, ONSETS, record=False)["plain"] == 0.0


def test_other_questions_are_not_plain() -> None:
    """Reports, visits and the recalled past keep a plan from being plain."""
    plan = Play(scenario("bench/j1"), 5).plan
    for want in (Want(frozenset(("reported",)), (), False), Want(frozenset(), (0,), False), Want()):
        assert demand(plan, want, record=False)["plain"] == 0.0
