"""The picture of three arms: a before-after change taken apart, by hand and from records."""

import math

import numpy as np
import pytest

from sim.core.errors import ShamtrialError
from sim.core.units import months
from sim.data.cohort import cohort
from sim.engines.records import TrialRecords
from sim.report.three_arms import ArmChanges, arm_changes, arms_of, three_arms_data, three_arms_figure
from sim.study.play import Play
from tests.helpers import scenario
from tests.report.looks import axis_labels, rows, trial, words


def hand_made() -> TrialRecords:
    """Give one patient an arm: two relapses recalled each, then 2, 1 and 0 reported in the year; MSQOL +1, +3, +6."""
    subjects, relapses, visits = [], [], []
    for arm, later, gain in ((0, 2, 1.0), (1, 1, 3.0), (2, 0, 6.0)):
        who = {"site": 0, "arrival": arm}
        end = months(24.0)
        subjects.append(who | {"entry_number": arm, "arm": arm, "day_1": 0.0, "end_time": end, "planned_end": end})
        for k, month in enumerate((-3.0, -9.0)):
            relapses.append(who | {"number": k, "onset": months(month), "recalled_onset": months(month)})
        for k in range(later):
            day = months(2.0 + 3.0 * k)
            relapses.append(who | {"number": 2 + k, "onset": day, "reported_time": day + 3.0})
        visits += [who | {"visit": v, "quality": 50.0 + gain * (v == 8)} for v in (0, 8)]
    return trial(
        subjects=rows("subjects", *subjects), relapses=rows("relapses", *relapses), visits=rows("visits", *visits)
    )


def test_changes_of_one_trial() -> None:
    """Rates are reported on study less recalled before, MSQOL the last visit less the baseline, arm by arm."""
    found = arm_changes(scenario("three_arm"), cohort(hand_made()))
    assert found[0] == pytest.approx([0.0, -1.0, -2.0])
    assert found[1] == pytest.approx([1.0, 3.0, 6.0])


def test_unseen_arm() -> None:
    """An arm in which nobody was seen has no change, and its trial is left out of the means."""
    records = hand_made()
    records.subjects["arm"][2] = 1
    found = arm_changes(scenario("three_arm"), cohort(records))
    assert math.isnan(found[0, 2])
    data = three_arms_data("three_arm", [found, np.array([[0.0, -1.0, -2.0], [1.0, 3.0, 6.0]])])
    assert data.rate.whole.value == -2.0


def test_parts_add_up() -> None:
    """Regression, placebo and effect add up to the whole change, each with its Monte Carlo standard error."""
    table = np.array([[[-0.4, -0.5, -0.8], [0.0, 1.0, 1.5]], [[-0.6, -0.7, -1.2], [0.0, 3.0, 3.5]]])
    data = three_arms_data("three_arm", table)
    assert [p.value for p in data.rate.parts] == pytest.approx([-0.5, -0.1, -0.4])
    assert sum(p.value for p in data.rate.parts) == pytest.approx(data.rate.whole.value)
    assert [p.error for p in data.quality.parts] == pytest.approx([0.0, 1.0, 0.0])
    assert data.message == "50% of the fall in relapses after angioplasty happens with no treatment at all"


@pytest.mark.parametrize(
    ("none", "whole", "message"),
    [
        (-0.9, -0.8, "The whole fall in relapses after angioplasty also happens with no treatment"),
        (0.1, -0.5, "Relapses a year change by −0.50 after angioplasty, by +0.10 with no treatment"),
    ],
)
def test_message(none: float, whole: float, message: str) -> None:
    """The message follows the data, also where nothing falls without treatment."""
    assert three_arms_data("three_arm", np.array([[[none, -0.5, whole], [0.0, 0.0, 0.0]]])).message == message


def test_missing_arm() -> None:
    """A trial without one of the three arms is refused, naming the arm it lacks."""
    with pytest.raises(ShamtrialError, match="no arm has none"):
        arms_of(scenario("sham_rct"))


def test_figure_says() -> None:
    """Both panels name their axis with its unit and every bar carries its size; a single trial is drawn too."""
    one = np.array([[[-0.4, -0.5, -0.8], [-0.2, 1.0, 1.5]]])
    figure = three_arms_figure(three_arms_data("three_arm", one))
    labels = axis_labels(figure)
    assert any("relapses per year" in label for label in labels)
    assert any("points" in label for label in labels)
    said = words(figure)
    for size in ("−0.40", "−0.10", "−0.30", "−0.80", "−0.2", "+1.2", "+0.5", "+1.5"):
        assert size in said


def test_from_the_engine() -> None:
    """Changes of a real trial are numbers, and the same when asked again."""
    play = Play(scenario("three_arm", {"enrolment.target": 24}), seed=1)
    first, again = ArmChanges(play)(0), ArmChanges(play)(0)
    assert np.isfinite(first).all()
    assert (first == again).all()
