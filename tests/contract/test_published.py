"""The scenarios of studies that took place hold the figures of the evidence, and their designs' numbers."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

import sim
from sim.core.errors import ShamtrialError
from sim.core.units import months
from sim.engines.records import TrialRecords
from sim.evidence import published, targets
from sim.model.veins import ANGIOPLASTY
from sim.study.play import Play
from sim.study.replay import patients_asked, replay
from tests.helpers import play, scenario, share_agrees

STUDIES = [name for name in sim.scenarios() if name.startswith("published/")]


@pytest.mark.parametrize("name", STUDIES)
def test_figures_are_those_of_the_evidence(name: str) -> None:
    """Count or value, total, arm, status and use of each figure are those that the evidence table gives its id."""
    figures = sim.load(name).scenario.published.figure
    assert figures
    for figure in figures:
        if figure.id not in targets():  # a figure in words alone: zamboni2009.arr, "unchanged"
            assert figure.id in published()
            continue
        told = targets()[figure.id]
        assert (figure.status, figure.total, figure.use) == (told.status, told.total, told.use)
        if told.count:
            assert (figure.low, figure.high) == told.count
        else:
            assert (figure.low, figure.high) == (told.value, told.value)
        if figure.arm:
            assert figure.arm == told.arm


@pytest.mark.parametrize(("name", "arms"), [("premise_2014", (10, 9)), ("brave_dreams_2018", (39, 76))])
def test_a_trial_has_the_published_sizes(name: str, arms: tuple[int, int]) -> None:
    """As many enter as were analysed, and arms differ from the published ones by less than a block."""
    entered = play(f"published/{name}").subjects
    entered = entered[entered["entry_number"] >= 0]
    assert len(entered) == sum(arms)
    block = scenario(f"published/{name}").randomisation.block_size
    assert all(abs(int((entered["arm"] == k).sum()) - n) < block for k, n in enumerate(arms))


def test_all_of_2009_are_as_many_of_each_course_as_were_treated() -> None:
    """35, 20 and 10 patients of the three courses enter (zamboni2009.n), and nothing else is changed for the 35."""
    entered = play("published/zamboni_2009_all").subjects
    entered = entered[entered["entry_number"] >= 0]
    assert np.bincount(entered["course"]).tolist() == [35, 20, 10]
    assert published()["zamboni2009.n"].value == "35 / 20 / 10"


def test_a_replay_of_all_of_2009_counts_the_35() -> None:
    """The published counts are out of the 35 RR patients: replayed among all 65, they are counted among those."""
    every, own = scenario("published/zamboni_2009_all"), scenario("published/zamboni_2009")
    assert [patients_asked(s) for s in (every, own)] == [35, 35]
    found = replay(every, trials=4, seed=1)
    assert found.patients == 35
    assert found.before.max() <= 35
    with pytest.raises(ShamtrialError, match=r"found enrolment\.target = 30"):
        replay(scenario("published/zamboni_2009_all", {"course.quota": [30, 25, 10]}), trials=4)


def test_brave_dreams_restores_flow_as_often_as_published() -> None:
    """12 months after angioplasty all treated veins are open in 38 of 71 patients, as played (finds 0.03)."""
    own = scenario("published/brave_dreams_2018")
    assert own.veins.patency == "all"
    restored = np.concatenate([_all_open(Play(own, 12).records(trial), 12.0) for trial in range(200)])
    share_agrees(restored, 38.0 / 71.0, detects=0.03)


def _all_open(records: TrialRecords, month: float) -> NDArray[np.bool_]:
    """Tell of each patient with angioplasty who stayed whether every treated vein is open at this month after it."""
    people = {(int(p["site"]), int(p["arrival"])): p for p in records.subjects if p["procedure"] == ANGIOPLASTY}
    restored = {who: True for who, p in people.items() if p["entry_number"] >= 0 and not p["dropped_out"]}
    for vein in records.veins[records.veins["treated"] == 1]:
        who = (int(vein["site"]), int(vein["arrival"]))
        if who in restored:
            narrow = vein["restenosis_time"] <= people[who]["procedure_time"] + months(month)
            restored[who] &= bool(vein["opened"] == 1 and not narrow)
    return np.array(list(restored.values()))
