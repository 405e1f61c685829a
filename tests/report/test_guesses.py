"""The picture of treatment guesses: its numbers are those of the trial or run, and it says who guessed what."""

from __future__ import annotations

import math

import numpy as np
import pytest
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from sim.data.cohort import cohort
from sim.data.guesses import guess_counts, questions
from sim.report.guesses import GuessesData, guesses_figure, run_data, trial_data
from sim.study.blinding import mean_indices, trial_guesses
from tests.helpers import play, scenario
from tests.report.looks import axis_labels, words

FEW = {"enrolment.target": 24, "randomisation.block_size": 4}


def of_trial(**more: object) -> GuessesData:
    """Give the picture's numbers of one small trial."""
    keys = FEW | {f"belief.{key}": value for key, value in more.items()}
    given = scenario("blinding", keys)
    return trial_data("blinding", trial_guesses(given, play("blinding", keys)), 0, 1, 0.05)


def of_run() -> tuple[GuessesData, np.ndarray]:
    """Give the picture's numbers of two small trials, and their counts."""
    given = scenario("blinding", FEW)
    people = [cohort(play("blinding", FEW, trial=k)) for k in range(2)]
    counts = np.concatenate([guess_counts(given, p) for p in people])
    return run_data("blinding", mean_indices(given, counts), 2, 1), counts


def bars(figure: Figure) -> list[float]:
    """Give the widths of the bars of answers."""
    return [p.get_width() for p in figure.axes[0].patches if isinstance(p, Rectangle)]


def test_a_row_a_question_and_arm() -> None:
    """There is a row for each occasion, holder and arm; its bars add up to all who were asked."""
    data = of_trial()
    assert [(r.occasion, r.holder) for r in data.rows[::2]] == questions(scenario("blinding", FEW))
    assert [r.arm for r in data.rows] == ["angioplasty", "sham"] * 6
    assert sum(bars(guesses_figure(data))) == pytest.approx(12.0)
    assert all(sum(r.shares.values()) == pytest.approx(1.0) for r in data.rows)
    assert all(r.lower <= r.bang <= r.upper for r in data.rows)


def test_a_run_is_the_mean_of_its_trials() -> None:
    """Over two trials shares are the mean of the trials' shares, and the interval holds what single trials gave."""
    data, counts = of_run()
    for k, row in enumerate(data.rows):
        own = counts[:, k // 2, k % 2]
        assert [row.shares[a] for a in ("angioplasty", "sham", "dont_know")] == pytest.approx(
            (own / own.sum(axis=1, keepdims=True)).mean(axis=0)
        )
        right, wrong = own[:, k % 2], own[:, 1 - k % 2]
        single = (right - wrong) / own.sum(axis=1)
        assert row.bang == pytest.approx(single.mean())
        assert min(single) <= row.lower <= row.upper <= max(single)
    assert "means over 2 trials" in data.source
    shares = counts / counts.sum(axis=3, keepdims=True)
    worst = (shares.std(axis=0, ddof=1) / math.sqrt(2.0)).max()
    assert f"standard errors: of a share at most {100.0 * worst:.2f}%" in data.source


def test_the_message_is_made_of_the_last_guesses_of_patients() -> None:
    """The headline has the patients' shares at the last occasion that was asked, of either arm."""
    data = of_trial()
    treated, sham = (round(100.0 * r.shares["angioplasty"]) for r in data.rows[6:8])
    assert (
        data.message == f"At the end, {treated}% of patients given angioplasty and {sham}% given sham guess angioplasty"
    )
    assert of_trial(guess_at_end=False).message.startswith("Early, ")


def test_figure_says() -> None:
    """The picture names its axes with units, both occasions, and what the ends of the index mean."""
    figure = guesses_figure(of_trial())
    assert axis_labels(figure) == ["Share of those asked (%)", "Bang's index (share right less share wrong)"]
    said = words(figure)
    assert "Early" in said
    assert "At the end" in said
    ticks = [t.get_text() for axes in figure.axes for t in axes.get_xticklabels()]
    assert {"−1\nall wrong", "0\na coin", "1\nall right"} <= set(ticks)


def test_legends_stand_clear_of_the_axes_below_which_they_are() -> None:
    """However few or many rows there are, no legend touches its axis title."""
    for data in (of_trial(), of_trial(guess_at_end=False)):
        for axes in (figure := guesses_figure(data)).axes:
            legend = axes.get_legend()
            assert legend is not None
            top = legend.get_window_extent(figure.canvas.get_renderer()).y1  # type: ignore[attr-defined]
            assert top < axes.xaxis.label.get_window_extent().y0


def test_nobody_asked_is_drawn_as_nothing() -> None:
    """Where everybody left before the question there is no bar and no index, and the picture is drawn all the same."""
    given = scenario("blinding", FEW)
    empty = np.zeros((1, len(questions(given)), 2, 3), np.int64)
    data = run_data("blinding", mean_indices(given, empty), 1, 1)
    assert all(math.isnan(r.bang) for r in data.rows)
    assert bars(guesses_figure(data)) == []
    assert "n/a of patients" in data.message
