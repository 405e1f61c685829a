"""The pictures and words of a sweep: chosen by its shape, named, and saying what its figures say."""

from __future__ import annotations

import itertools
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from matplotlib.text import Annotation

import sim
from sim.report import style, sweep_map
from sim.report.sweep import MOST_LINES, along, levels, panels, sweep_figures
from sim.report.sweep_curves import GAP, _at_least
from sim.report.sweep_words import axis_label, cell_words, cost_message, meaning, message, sentences, short
from sim.study.hits import Hits
from sim.study.sweep_result import SweepResult
from tests.report.looks import axis_labels, words

TARGET, RATIO, HAZARD = "enrolment.target", "effect.rate_ratio", "dropout.hazard_per_year"
VISITS = [[0, 24], [0, 3, 6, 9, 12, 15, 18, 21, 24]]
SMALL = {"randomisation.block_size": 4}


def _sweep(**study: Any) -> SweepResult:
    return sim.sweep({"scenario": "bench/j1", "trials": 30, "set": SMALL, **study})


@pytest.fixture(scope="module")
def grid() -> SweepResult:
    """Three sizes, four effects, compared with no effect."""
    return _sweep(
        grid={TARGET: [16, 24, 32], RATIO: [1.0, 0.7, 0.5, 0.2]},
        reference={RATIO: 1.0},
        words={TARGET: "patients"},
    )


@pytest.fixture(scope="module")
def listed() -> SweepResult:
    """Two named cells."""
    cells = [{"label": "as it is"}, {"label": "halved", RATIO: 0.2}]
    return _sweep(cell=cells, set=SMALL | {TARGET: 24}, reference={"label": "as it is"})


def test_pictures_are_chosen_by_shape(grid: SweepResult, listed: SweepResult) -> None:
    """Curves and a map for two numbers, the cost along the key compared along, a list where nothing is a number."""
    assert list(sweep_figures(grid)) == ["power", "cost", "map"]
    assert list(sweep_figures(replace(grid, reference=None))) == ["power", "map"]
    assert list(sweep_figures(listed)) == ["power"]
    assert along(grid) == RATIO
    assert levels(grid, RATIO) == [0.2, 0.5, 0.7, 1.0]


def test_curves_are_named_and_true(grid: SweepResult) -> None:
    """Axes have words and units, each line its name at its end, and the lines go through the cells' powers."""
    figure = sweep_figures(grid)["power"]
    assert axis_labels(figure) == [axis_label(grid, RATIO).replace("\n", " "), "Power (% of trials with p < alpha)"]
    for size in (16, 24, 32):
        assert f"patients {size}" in words(figure)
    (axes,) = figure.get_axes()
    drawn = [line for line in axes.get_lines() if np.size(line.get_xdata()) == 4]
    for line, size in zip(drawn, (16, 24, 32), strict=True):
        cells = {c.values[RATIO]: c for c in grid.cells if c.values[TARGET] == size}
        assert np.asarray(line.get_xdata()).tolist() == sorted(cells)
        assert np.asarray(line.get_ydata()).tolist() == [
            100.0 * cells[r].endpoints["arr_24m"].power for r in sorted(cells)
        ]


def test_costs_are_paired_differences(grid: SweepResult) -> None:
    """The cost picture shows the power of each cell taken off that of the cell compared with; 0 for that one."""
    figure = sweep_figures(grid)["cost"]
    assert "More trials significant (percentage points)" in axis_labels(figure)
    other = sweep_figures(replace(grid, reference=(RATIO, 0.2)))["cost"]
    assert "Power lost (percentage points)" in axis_labels(other)
    drawn = [line for line in figure.get_axes()[0].get_lines() if np.size(line.get_xdata()) == 4]
    for line, size in zip(drawn, (16, 24, 32), strict=True):
        powers = {c.values[RATIO]: c.endpoints["arr_24m"].power for c in grid.cells if c.values[TARGET] == size}
        gained = [100.0 * (powers[r] - powers[1.0]) for r in sorted(powers)]
        assert line.get_ydata() == pytest.approx(gained)


def test_the_map_has_its_figures_written_in(grid: SweepResult) -> None:
    """Each cell of the map has its power in percent; a line is where 80% is passed, and the footnote says so."""
    figure = sweep_figures(grid)["map"]
    axes = figure.get_axes()[0]
    written = {tuple(np.floor(t.get_position()).astype(int)): t.get_text() for t in axes.texts}
    for cell in grid.cells:
        place = (levels(grid, TARGET).index(cell.values[TARGET]), levels(grid, RATIO).index(cell.values[RATIO]))
        assert written[place] == style.percent(cell.endpoints["arr_24m"].power).rstrip("%")
    powers = [c.endpoints["arr_24m"].power for c in grid.cells]
    assert bool(axes.get_lines()) == (min(powers) < 0.8 <= max(powers))


def test_a_list_is_drawn_with_its_differences(listed: SweepResult) -> None:
    """Listed cells stand by their labels, with power and the difference from the one compared with."""
    figure = sweep_figures(listed)["power"]
    (axes,) = figure.get_axes()
    assert [t.get_text() for t in axes.get_yticklabels()] == ["as it is", "halved"]
    first, second = listed.cells
    difference = listed.difference(second, first, "arr_24m")
    assert style.number(100.0 * difference.value, 1, sign=True) in words(figure)


def test_many_lines_are_thinned_and_many_panels_cut() -> None:
    """No more lines are drawn than can be told apart, the first and the last among them."""
    sizes = [*range(16, 56, 4)]
    result = _sweep(trials=2, grid={TARGET: sizes, RATIO: [0.5, 0.7], HAZARD: [0.0, 0.1]})
    assert along(result) == TARGET
    result = replace(result, reference=(RATIO, 0.5))
    (first, second) = panels(result, RATIO)
    assert [len(p.lines) for p in (first, second)] == [MOST_LINES, MOST_LINES]
    assert (first.lines[0].words, first.lines[-1].words) == ("target 16", "target 52")
    assert first.title.endswith("hazard_per_year 0")


def test_the_sentences_follow_the_figures(grid: SweepResult, listed: SweepResult) -> None:
    """Lowest and highest power, the cost in the scenario's own cell, and the largest error are those of the table."""
    said = " ".join(sentences(grid))
    frame = grid.to_frame()
    for real, words_of_it in ((True, "Power from"), (False, "; with no effect, significant from")):
        powers = frame["power"][(frame[RATIO] < 1.0) == real]
        assert f"{words_of_it} {style.percent(powers.min())} (" in said
        assert f"to {style.percent(powers.max())} (" in said
    assert f"The largest MCSE of a power is {frame['mcse'].max():.4f}" in said
    assert "patients" in message(grid, "arr_24m")
    assert cell_words(listed, listed.cells[1]) == "halved"


def test_a_difference_within_its_error_is_not_called_one(listed: SweepResult) -> None:
    """Where the difference is no more than chance makes it, no cost is claimed; where it is more, its sign is said."""
    first, second = listed.cells

    def told(hits: list[bool], others: list[bool]) -> str:
        pair = []
        for cell, own in ((first, hits), (second, others)):
            kept = Hits()
            kept.take(0, np.array(own))
            pair.append(replace(cell, hits={"arr_24m": kept}))
        return cost_message(replace(listed, cells=tuple(pair)), "arr_24m")

    assert told([True] * 50, [True] * 49 + [False]) == (
        'No cell is seen to differ from "as it is": at most 2.0 points (MCSE 2.0), at "halved"'
    )
    assert told([True] * 50, [False] * 40 + [True] * 10) == (
        'At "halved", power is 80.0 points (MCSE 5.7) lower than at "as it is"'
    )
    assert "80.0 points (MCSE 5.7) higher" in told([False] * 40 + [True] * 10, [True] * 50)


def test_a_key_that_changes_nothing_is_told() -> None:
    """Where no trial is decided otherwise at any level of a key, that is said with what so many trials exclude."""
    visits = "visits.months"
    grid = {HAZARD: [0.0, 1.0], visits: VISITS}
    result = _sweep(trials=40, set={}, grid=grid, reference={visits: VISITS[0]})
    said = " ".join(sentences(result))
    assert "Every trial is decided alike whatever months is: a difference of more than 8.8 points is excluded" in said
    assert pytest.approx(0.025, abs=0.0005) == (1.0 - 0.088) ** 40, "such a difference leaves them alike so seldom"
    assert "No trial is decided otherwise" not in said, "once is enough"
    assert cost_message(result, "arr_24m") == "No trial is decided otherwise than at months [0, 24]"
    powers = {c.endpoints["arr_24m"].power for c in result.cells}
    assert len(powers) == 2
    assert message(replace(result, cells=result.cells[:2]), "arr_24m").endswith("in all 2 cells")
    other = result.cells[1]
    assert result.reference_of(other) is result.cells[0]
    row = result.to_frame().iloc[1]
    assert (row["power_difference"], row["difference_mcse"]) == (0.0, 0.0)
    assert -row["difference_low"] == row["difference_high"] == pytest.approx(style.Z95 * 2.0**0.5 / 42.0)
    own_row = result.to_frame().iloc[0]
    assert (own_row["difference_low"], own_row["difference_high"]) == (0.0, 0.0)


def test_what_no_key_can_change_is_told_once() -> None:
    """Where all trials reject in all cells it is said, for all keys in one sentence."""
    result = _sweep(trials=10, set={}, grid={TARGET: [400, 500], RATIO: [0.1, 0.15]})
    said = " ".join(sentences(result))
    assert "whatever target and rate_ratio are, as all reject: a difference of more than 31 points is excluded" in said


def test_names_stay_within_the_axis() -> None:
    """Names of lines that all end at the top are pushed down, apart from each other."""
    result = _sweep(trials=4, set={}, grid={TARGET: [400, 500], RATIO: [0.1, 0.11, 0.12, 0.13, 0.14]})
    (axes,) = sweep_figures(replace(result, reference=None))["power"].get_axes()
    places = sorted(t.xy[1] for t in axes.texts if isinstance(t, Annotation))
    assert len(places) > 1
    assert places[-1] <= axes.get_ylim()[1]
    assert min(b - a for a, b in itertools.pairwise(places)) > 0.99 * GAP * 102.0


def test_curves_that_coincide_are_all_seen_and_long_names_stand_beside() -> None:
    """Of lines on each other the first is widest; names too long for the panel stand once beside all panels."""
    result = _sweep(trials=20, grid={TARGET: [16, 24, 32], "visits.months": VISITS}, reference={TARGET: 16})
    for figure in sweep_figures(result).values():
        (axes,) = figure.get_axes()
        widths = [line.get_linewidth() for line in axes.get_lines() if np.size(line.get_xdata()) == 3]
        assert len(widths) == 2
        assert widths[0] > widths[1]
        (legend,) = figure.legends
        assert [t.get_text() for t in legend.get_texts()] == [
            "months [0, 24]", "months [0, 3, 6, 9, 12, 15, 18, 21,\n24]"
        ]  # fmt: skip
        figure.draw_without_rendering()
        assert axes.get_window_extent().x1 < legend.get_window_extent().x0
        assert axes.title.get_window_extent().x1 < figure.bbox.x1


def test_a_cost_of_nothing_looks_like_nothing() -> None:
    """The axis of differences spans some points, however small they are."""
    assert _at_least(-0.1, 0.1) == pytest.approx((-2.0, 2.0))
    assert _at_least(-10.0, 3.0) == (-10.0, 3.0)


def test_what_is_found_where_nothing_is_stands_apart() -> None:
    """Cells without an effect are told of by themselves, as findings and not as power, and named so in the picture."""
    leaks = {"belief.blinding_leak": [0.0, 8.0], RATIO: [0.5, 1.0]}
    own = {"scenario": "sham_rct", "set": {TARGET: 100}, "endpoints": ["edss_24m"]}
    result = sim.sweep(own | {"trials": 200, "grid": leaks, "reference": {"belief.blinding_leak": 0.0}})
    low, none, high, leaking = (c.endpoints["edss_24m"].power for c in result.cells)
    assert message(result, "edss_24m") == (
        f"Power from {style.percent(low)} (blinding_leak 0, rate_ratio 0.5) to {style.percent(high)} "
        f"(blinding_leak 8, rate_ratio 0.5); with no effect, significant from {style.percent(none)} "
        f"(blinding_leak 0, rate_ratio 1) to {style.percent(leaking)} (blinding_leak 8, rate_ratio 1)"
    )
    figures = sweep_figures(result)
    assert "rate_ratio 1 (no effect)" in words(figures["power"])
    assert "More trials significant (percentage points)" in axis_labels(figures["cost"])
    assert "with no effect, " in cost_message(result, "edss_24m")


def test_keys_are_named_by_the_schema(grid: SweepResult) -> None:
    """A key has the words of the study, else its last part; an axis has meaning and unit."""
    assert short(grid, TARGET) == "patients"
    assert short(grid, RATIO) == "rate_ratio"
    assert short(replace(grid, keys=("effect.rate_ratio", "historical.rate_ratio")), RATIO) == RATIO
    assert meaning("dropout.hazard_per_year")[1] == "1/year"
    assert meaning("arm[0].ratio")[0] == "allocation ratio"
    assert meaning("no.such") == ("", "")
    assert axis_label(grid, TARGET) == f"Patients\n{TARGET}"


def test_a_figure_near_a_line_is_on_its_side() -> None:
    """Where rounding would put a power on a line that it does not reach, a digit more is written, cut off."""
    written = [sweep_map._figure(p) for p in (0.7449, 0.796, 0.7999, 0.8, 0.8975, 0.9, 0.906, 1.0)]
    assert written == ["74", "79.6", "79.9", "80.0", "89.7", "90.0", "91", "100"]


def test_two_lines_on_one_border_stand_side_by_side() -> None:
    """Where a border passes 80% and 90% both lines are seen, the second on the side of more power."""
    axes = style.new_figure(3.0, 3.0).subplots()
    assert sweep_map._borders(axes, np.array([[0.95, 0.5], [0.85, 0.85]]))
    drawn = [(x.get_linestyle(), *(np.asarray(d).tolist() for d in x.get_data())) for x in axes.get_lines()]
    beside = sweep_map.BESIDE
    assert ("-", [1.0, 1.0], [0.0, 1.0]) in drawn
    assert ("--", [1.0 - beside] * 2, [0.0, 1.0]) in drawn
    assert ("--", [0.0, 1.0], [1.0, 1.0]) in drawn, "alone on its border"
    assert ("-", [1.0, 2.0], [1.0, 1.0]) in drawn
    assert len(drawn) == 4


def test_titles_of_panels_stay_apart() -> None:
    """The title of a panel takes as many lines as its panel's width asks for."""
    figure = style.new_figure(6.0, 3.0)
    axes = figure.subplots(1, 2)
    for own in axes:
        style.title(own, "Relapse rate, 24 months, confirmed relapses \N{MIDDLE DOT} hazard_per_year 0.5", 3.0)
    figure.draw_without_rendering()
    left, right = (own.title.get_window_extent() for own in axes)
    assert left.x1 < right.x0
