"""The picture of the 2009 replay: its numbers, its message, its words."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from sim.report.replay import Band, replay_data, replay_figure
from sim.scenario.schema import Scenario
from tests.helpers import scenario
from tests.report.looks import axis_labels, words


@dataclass(frozen=True)
class Played:
    """Hand-made results of six replays."""

    before: NDArray[np.int64] = field(default_factory=lambda: np.array([8, 9, 10, 10, 11, 12]))
    after: NDArray[np.int64] = field(default_factory=lambda: np.array([17, 18, 20, 20, 21, 22]))
    ratio: NDArray[np.float64] = field(default_factory=lambda: np.array([0.0, 0.5, 0.6, 0.7, 1.0, np.nan]))
    study: str = "Zamboni 2009"
    trials: int = 6
    patients: int = 35
    joint: dict[str, Any] = field(default_factory=lambda: {"sentences": ["Not explained: an unchanged rate."]})


def zamboni(**overrides: object) -> Scenario:
    """Give the scenario of the 2009 study."""
    return scenario("zamboni_2009", {k.replace("__", "."): v for k, v in overrides.items()})


def test_data() -> None:
    """Shares by count add up to 1; a rate of 0 after is a ratio, one over no relapse before is not."""
    data = replay_data(Played(), zamboni())
    assert data.before.sum() == pytest.approx(1.0)
    assert len(data.before) == 36
    assert data.before[10] == pytest.approx(2.0 / 6.0)
    assert (data.before_median, data.after_median) == (10.0, 20.0)
    assert list(data.ratio) == [0.0, 0.5, 0.6, 0.7, 1.0]
    assert (data.ratio_median, data.no_ratio, data.at_least(1.0)) == (0.6, 1, 1)


def test_published_bands() -> None:
    """The published figures are those of the scenario: 9-10 and 17-18 of 35, and a ratio of 1."""
    data = replay_data(Played(), zamboni())
    assert (data.published_before, data.published_after) == (Band(9, 10), Band(17, 18))
    assert str(data.published_before) == "9–10"
    assert str(data.published_ratio) == "1"


def test_message() -> None:
    """The message is computed: "yet" only for a rise, "no true effect" only where open veins do nothing."""
    assert (
        replay_data(Played(), zamboni()).message == "No true effect, yet 10 of 35 are relapse-free before and 20 after"
    )
    fallen = Played(after=np.array([5, 5, 5, 5, 5, 5]))
    assert replay_data(fallen, zamboni()).message.startswith("No true effect, and 10 of 35")
    helped = zamboni(effect__enabled=True, effect__rate_ratio=0.5)
    assert "No true effect" not in replay_data(Played(), helped).message


def test_figure_says() -> None:
    """The picture names its axes with units, marks what was published and prints the joint judgement."""
    figure = replay_figure(replay_data(Played(), zamboni()))
    labels = axis_labels(figure)
    assert "Patients without a relapse in the year (of 35)" in labels
    assert "Share of studies (%)" in labels
    assert any("(ratio)" in label for label in labels)
    said = words(figure)
    for text in (
        "published: 9–10",
        "published: 17–18",
        "unchanged,\nas published",
        "Not explained: an unchanged rate.",
    ):
        assert text in said


def test_figure_without_ratio() -> None:
    """A replay without a single ratio, and without sentences, is still drawn and says so."""
    figure = replay_figure(replay_data(Played(ratio=np.full(6, np.nan), joint={}), zamboni()))
    assert "no study has a ratio" in words(figure)


def test_the_middle_of_the_ratios_is_named_in_the_title() -> None:
    """Beside the dashed line there is no room that is sure to be free of ticks, so the title names it."""
    figure = replay_figure(replay_data(Played(), zamboni()))
    assert "Rate, after / before: 0.60 predicted (dashed)" in [a.get_title(loc="left") for a in figure.get_axes()]
