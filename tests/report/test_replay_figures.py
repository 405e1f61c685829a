"""The pictures and tables of replays: places on the standardised axis, messages, what is written."""

from __future__ import annotations

from functools import cache

import pytest

from sim.report.console import explain_table, replay_table
from sim.report.explain import explain_figure, message, strengths
from sim.report.replay_figures import all_figure, all_message, figure_rows, study_figure, study_message
from sim.report.replay_rows import ALL_HEADINGS, HEADINGS, SETTING_HEADINGS, notes, rows, setting_rows, study_row
from sim.scenario.beliefs import Beliefs
from sim.study.explain import Axis, ExplainResult, Level, Setting, explain
from sim.study.replay import BEFORE_AFTER, ReplayResult, replay
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
    found = list(rows(own))
    assert {len(row) for row in found} == {len(HEADINGS)}
    assert len(study_row(own)) == len(ALL_HEADINGS)
    named = [row for row in found if row[0]]
    assert [row[0].endswith(" *") for row in named] == [f["used_for_fit"] for f in own.figures]
    assert len(found) == len(named) * (2 if own.claimed else 1)
    assert list(notes(own))[-3:] == list(own.sentences)


def table_of(printed: str) -> list[str]:
    """Give the lines of the table, without the sentences below it."""
    return printed.partition("\n\n")[0].splitlines()


@pytest.mark.parametrize("name", NAMES)
def test_tables_of_figures_fit_100_columns(
    name: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """At 100 columns every figure has its own line, and one more with the effect claimed: nothing wraps."""
    monkeypatch.setenv("COLUMNS", "100")
    own = result(name)
    replay_table(own)
    title, *lines = [line.rstrip() for line in table_of(capsys.readouterr().out) if line.strip()]
    assert title.startswith(own.study)
    lines = lines[[line.lstrip().startswith("figure") for line in lines].index(True) :]  # a long title takes two lines
    assert max(map(len, lines)) <= 100
    assert len(lines) == 2 + len(list(rows(own)))


def made(shares: dict[tuple[str, str], float]) -> ExplainResult:
    """Give a grid of two mechanisms of two strengths with these joint tails."""
    medians, pits = dict(zip(BEFORE_AFTER, (9.0, 17.0, 1.0), strict=True)), dict.fromkeys(BEFORE_AFTER, 0.4)
    found = [
        Setting(
            {"selection": a, "a mechanism of many words": b}, (), medians, pits,
            tail, 0.01, "ordinary" if tail > 0.1 else "rare",
        )
        for (a, b), tail in shares.items()
    ]  # fmt: skip
    return ExplainResult("A study", "name", "", 1, 300, {}, tuple(found), Beliefs("hrobjartsson"), 0.0)


SHIPPED, LONG = "as shipped", "a strength of so many words that with another it takes two lines"
GRID = {(SHIPPED, SHIPPED): 0.01, ("strong", SHIPPED): 0.2, (SHIPPED, LONG): 0.0, ("strong", LONG): 0.3}


def test_the_picture_of_the_grid_counts_settings_by_strength() -> None:
    """A bar a strength: of its settings those that are ordinary; first the mechanism whose strength matters most."""
    counted = [[(s.words, s.ordinary, s.settings) for s in own] for own in strengths(made(GRID))]
    assert counted == [[(SHIPPED, 0, 2), ("strong", 2, 2)], [(SHIPPED, 1, 2), (LONG, 1, 2)]]
    figure = explain_figure(made(GRID))
    assert "none of 2" in words(figure)
    assert "2 of 2" in words(figure)
    assert any("%" in label for label in axis_labels(figure))


def test_the_message_of_the_grid_names_what_all_have() -> None:
    """The message counts the ordinary settings and names the strength that all of them share, if there is one."""
    assert message(made(GRID)) == ("A study: with no effect 2 of 4 settings make the result ordinary, all with strong")
    assert message(made(dict.fromkeys(GRID, 0.0))).endswith("none of 4 settings makes the result ordinary")
    assert message(made(dict.fromkeys(GRID, 0.5))).endswith("4 of 4 settings make the result ordinary")


def test_lines_of_settings_break_between_mechanisms() -> None:
    """A setting of several mechanisms takes several lines, none broken within a mechanism's words."""
    several = ("strong selection of these", "no self-referral", "much forgetting")
    grid = {(", ".join(several), SHIPPED): 0.2, (SHIPPED, SHIPPED): 0.01}
    row = list(setting_rows(made(grid)))[-1]
    assert row[0] == "strong selection of these, no self-referral,\nmuch forgetting"
    assert len(row) == len(SETTING_HEADINGS)


def test_the_table_of_settings_fits_100_columns(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """At 100 columns no line of the settings' table is longer, and figures stand in one line."""
    monkeypatch.setenv("COLUMNS", "100")
    words_of_two = ", ".join(["strong selection of these", "no self-referral", "much forgetting"] * 2)
    grid = {(words_of_two, SHIPPED): 0.2, (SHIPPED, SHIPPED): 0.01}
    lines = [line.rstrip() for line in setting_lines(grid, capsys)]
    assert max(map(len, lines)) <= 100
    assert sum("20.0 (1.0)" in line for line in lines) == 1


def setting_lines(grid: dict[tuple[str, str], float], capsys: pytest.CaptureFixture[str]) -> list[str]:
    """Print the table of settings of a grid with figures of the three quantities; give its lines."""
    explain_table(made(grid))
    return table_of(capsys.readouterr().out)


def test_settings_are_listed_the_shipped_one_first() -> None:
    """The table of settings opens with the scenario as shipped, and has each setting in words once."""
    axes = (Axis("forgetting before", (Level("as shipped"), Level("much", ("recall.omission_prob=0.7",)))),)
    found = list(setting_rows(explain(scenario(NAMES[1]), trials=20, axes=axes)))
    assert [row[0] for row in found] == ["all as shipped", "much"]
