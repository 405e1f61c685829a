"""Twin evidence for surveillance: both engines image and read alike, and who asks for less gets the same answers."""

from __future__ import annotations

import numpy as np
import pytest

from sim.core.events import Kind
from sim.data.cohort import cohort, joined, restenosed, window
from sim.engines.want import Want
from sim.engines.world import OBSERVED, World, potential
from sim.model.surveillance import AFTER_RELAPSE, SCHEDULED
from sim.study.play import Play
from tests.helpers import Overrides, of_kind, scenario, twins

FULLY_ON: dict[str, object] = {
    "enrolment.target": 24,
    "relapse.rate_per_year": 3.0,
    "reporting.pseudo_per_year": 2.0,
    "dropout": {"enabled": True, "hazard_per_year": 0.3},
    "surveillance": {
        "enabled": True,
        "on_relapse": True,
        "after_relapse_days": 40.0,
        "reader": "unblinded",
        "scheduled_months": [0.01, 0.02, 1.0, 6.0, 12.0, 18.0],
        "reader_lean_logits": 1.5,
    },
}
CLOCKS = {"continuous": {"clock.resolution_days": 0}, "whole days": {"clock.resolution_days": 1}}
AT_ONCE = {"reporting.report_delay_days": 0.0, "veins.wait_days": 0.0, "surveillance.after_relapse_days": 0.0}


@pytest.mark.parametrize("clock", list(CLOCKS))
@pytest.mark.parametrize("more", [{}, AT_ONCE], ids=["delays", "at once"])
@pytest.mark.parametrize("name", ["sham_rct", "published/zamboni_2009", "three_arm"])
def test_fully_on(name: str, more: Overrides, clock: str) -> None:
    """Scheduled and triggered imagings of several trials are the same in both engines, row for row."""
    given = Play(scenario(name, {**FULLY_ON, **CLOCKS[clock], **more}), 71)
    for trial in range(3):
        found = twins(given.plan, 71, trial)
        assert set(found.imaging["trigger"].tolist()) == {SCHEDULED, AFTER_RELAPSE}
        assert len(of_kind(found, Kind.IMAGING)) > 50
        assert (~np.isnan(found.veins["detected_time"])).sum() > 5


@pytest.mark.parametrize("world", [OBSERVED, potential(2.0, True), potential(1.0, False)])
def test_asked_for_less(world: World) -> None:
    """A batch that asks for surveillance alone, or beside relapses, holds what the full records hold."""
    given = Play(scenario("published/zamboni_2009", FULLY_ON), 72, "compiled")
    whole = joined([cohort(twins(given.plan, 72, trial, world)) for trial in range(3)])
    for counts in (frozenset[str](), frozenset(("true",)), frozenset(("reported", "recalled"))):
        ours = given.cohorts(range(3), world, Want(counts, (), False))
        assert np.array_equal(ours.first, whole.first)
        for detected in (True, False):
            a, b = (restenosed(people, detected, 18.0) for people in (ours, whole))
            assert np.array_equal(a, b, equal_nan=True)
        for field in ("opened_veins", "restenosis_time", "detected_time"):
            assert ours.subjects[field].tobytes() == whole.subjects[field].tobytes()


def test_not_asked_for() -> None:
    """Where nobody asks for surveillance, relapses and their reports are those of the full records all the same."""
    given = Play(scenario("published/zamboni_2009", FULLY_ON), 73, "compiled")
    whole = joined([cohort(twins(given.plan, 73, trial)) for trial in range(2)])
    for kinds in (frozenset(("true",)), frozenset(("reported", "recalled"))):
        ours = given.cohorts(range(2), OBSERVED, Want(kinds, (), True, surveillance=False))
        assert set(ours.subjects.dtype.names or ()) >= {"arm", "day_1"}
        for kind, start in (("true", 0.0), ("reported", 0.0), ("recalled", -12.0)):
            if kind in kinds:
                a, b = (window(people, kind, start, start + 12.0).counts for people in (ours, whole))  # type: ignore[arg-type]
                assert np.array_equal(a, b)
