"""The pictures and tables of replays: places on the standardised axis, messages, what is written."""

from __future__ import annotations

from functools import cache

import pytest

from sim.report.replay_figures import all_figure, all_message, figure_rows, study_figure, study_message
from sim.report.replay_rows import ALL_HEADINGS, headings, notes, rows, setting_rows, study_row
from sim.study.explain import Axis, Level, explain
from sim.study.replay import ReplayResult, replay
from tests.helpers import scenario
from tests.report.looks import axis_labels, words

NAMES = ("published/premise_2014", "published/zamboni_2009", "published/zamboni_prevalence_2009")


@cache
def result(name: str) -> ReplayResult:
    """Give forty replays of a study."""
    return replay(scenario(name), name, trials=40)


def test_rows_stand_on_one_axis() -> None:
    """The median with no effect is at 0 and the middle 90% is 3.29 wide; right is in the treatment's favour."""
    for judged, row in zip(result(NAMES[0]).figures, figure_rows(result(NAMES[0])), strict=True):
        low, middle, high = row.null
        assert middle == 0.0
        assert high - low == pytest.approx(3.29)
        lies_right = row.published[0] > 0.0
        assert lies_right == (judged["favours"] * (judged["published"][0] - judged["median"]) > 0.0)
        assert row.claimed is None


def test_both_assumptions_stand_side_by_side() -> None:
    """Where an effect was claimed each row has both intervals, and the picture both names."""
    assert all(row.claimed for row in figure_rows(result(NAMES[1])))
    figure = study_figure(result(NAMES[1]))
    said = words(figure)
    for text in ("9-10 of 35", "17-18 of 35", "replays: median (90%)"):
        assert text in said
    legend = figure.get_axes()[0].get_legend()
    assert legend
    names = [t.get_text() for t in legend.get_texts()]
    assert names == ["no effect: median and 90% of replays", "with the effect claimed", "published"]
    assert any("Standard deviations" in label and "for the treatment" in label for label in axis_labels(figure))


def test_messages_are_composed_from_the_ranks() -> None:
    """A study whose figures were all fitted is not called ordinary; the count of all leaves it out."""
    fitted, tested = result(NAMES[2]), result(NAMES[1])
    assert "can't be tested" in study_message(fitted)
    assert study_message(tested).startswith("Zamboni 2009: the published result is rare with no true effect")
    results = [result(name) for name in NAMES]
    assert "of 2 studies" in all_message(results)


def test_all_studies_have_a_row() -> None:
    """The picture of all names each study and its patients, the axis in percent, and who can't be tested."""
    results = [result(name) for name in NAMES]
    figure = all_figure(results)
    ticks = [t.get_text() for t in figure.get_axes()[0].get_yticklabels()]
    assert ticks == [f"{r.study} ({r.patients} patients)" for r in results]
    assert "no test" in words(figure)
    assert any("Share of replays" in label and "%" in label for label in axis_labels(figure))


@pytest.mark.parametrize("name", NAMES)
def test_tables_have_a_cell_for_each_heading(name: str) -> None:
    """Rows are as long as their headings; what was fitted is marked, what was left out is named."""
    own = result(name)
    assert {len(row) for row in rows(own)} == {len(headings(own))}
    assert len(study_row(own)) == len(ALL_HEADINGS)
    marked = [row[0].endswith(" *") for row in rows(own)]
    assert marked == [f["used_for_fit"] for f in own.figures]
    assert list(notes(own))[-3:] == list(own.sentences)


def test_settings_are_listed_the_shipped_one_first() -> None:
    """The table of settings opens with the scenario as shipped, and has each setting in words once."""
    axes = (Axis("forgetting before", (Level("as shipped"), Level("much", ("recall.omission_prob=0.7",)))),)
    found = list(setting_rows(explain(scenario(NAMES[1]), trials=20, axes=axes)))
    assert [row[0] for row in found] == ["all as shipped", "much"]
