"""The picture of a power run: its numbers, with few trials and with many."""

from dataclasses import replace

import numpy as np
import pytest
from matplotlib.patches import Rectangle
from numpy.typing import NDArray

from sim.analysis.estimate import CODES
from sim.report.power import PowerData, Row, power_data, power_figure
from sim.study.performance import ESTIMATE, Truth, performance
from sim.study.power import PowerResult
from tests.helpers import scenario
from tests.report.looks import axis_labels, words


def result(name: str, values: list[float], p: list[float], truth: float) -> PowerResult:
    """Give a hand-made power run in which every endpoint has these estimates; NaN did not converge."""
    asked = scenario(name)
    rows = [
        [(v, 0.2, v - 0.4, v + 0.4, q, 200, CODES["not_converged" if np.isnan(v) else "ok"])] * len(asked.endpoint)
        for v, q in zip(values, p, strict=True)
    ]
    table: NDArray[np.void] = np.array(rows, ESTIMATE)
    done = {
        e.key: performance(table[:, i], ("NB2", "Poisson"), 0.05, "log_ratio", -1, Truth(truth, 0.01, truth, 0.01))
        for i, e in enumerate(asked.endpoint)
    }
    return PowerResult(name, asked, "digest", 1, len(p), "reference", 1.0, 1.0, done, {}, 0, estimates=table)


def many(trials: int, null: bool = False) -> PowerData:
    """Give a picture's data with this many trials."""
    z = np.random.default_rng(1).normal(0.0 if null else -0.45, 0.16, trials)
    significant = np.abs(z) > 0.31
    power = float(significant.mean())
    rows = (Row("Relapse rate", power, 0.02), Row("EDSS", 0.05, 0.01))
    return PowerData(
        "sham_rct", trials, 1, "Relapse rate (ratio)", True, np.exp(z), significant, 1.0, 1.0 if null else 0.64, power,
        0.02, 0, rows,
    )  # fmt: skip


def test_data_on_the_ratio_scale() -> None:
    """Log ratios become ratios, the null 1; what did not converge is counted and not drawn."""
    data = power_data(result("sham_rct", [-0.5, -0.1, np.nan, 0.0], [0.01, 0.6, np.nan, 1.0], np.log(0.66)))
    assert data.values == pytest.approx(np.exp([-0.5, -0.1, 0.0]))
    assert list(data.significant) == [True, False, False]
    assert (data.null, data.not_converged) == (1.0, 1)
    assert data.truth == pytest.approx(0.66)
    assert data.power == 0.25
    assert data.mcse == pytest.approx(np.sqrt(0.25 * 0.75 / 4))
    assert data.message == "1 of 4 simulated trials find a difference in the primary endpoint"


def test_labels_name_the_arms() -> None:
    """The axis says which arm is divided by which; where there are three arms, each row of the forest says so too."""
    assert power_data(result("sham_rct", [-0.5], [0.01], -0.4)).label == (
        "Relapse rate, angioplasty / sham, 24 months (ratio, log scale)"
    )
    labels = [row.label for row in power_data(result("three_arm", [-0.5], [0.01], -0.4)).rows]
    assert "Relapse rate, 24 months, confirmed relapses\nsham against no treatment" in labels
    assert len(set(labels)) == len(labels)


def test_before_after_labels() -> None:
    """A before-after study is drawn too, on its own scale."""
    data = power_data(result("zamboni_2009", [0.2, 0.3], [0.01, 0.2], 0.0))
    assert (data.label, data.null, data.ratio) == ("Share without relapse, after − before (share)", 0.0, False)
    power_figure(data)


def test_type_1_error_is_called_so() -> None:
    """Where the truth is that nothing differs, the share of significant trials is called type I error."""
    data = power_data(result("null", [-0.5, 0.1], [0.01, 0.6], 0.0))
    assert data.quantity == "Type I error"
    assert data.message == "1 of 2 simulated trials find a difference that is not there"
    assert many(20).quantity == "Power"
    assert replace(many(20), truth=np.nan).quantity == "Power"


@pytest.mark.parametrize("trials", [1, 20, 5000])
@pytest.mark.parametrize("null", [False, True])
def test_figure_says(trials: int, null: bool) -> None:
    """With one, few or many trials the picture names its axes with units and prints power, MCSE and both lines."""
    data = many(trials, null)
    figure = power_figure(data)
    assert axis_labels(figure)[:2] == ["Relapse rate (ratio)", "Number of trials"]
    assert "Share of trials that are significant (%, ± MCSE)" in axis_labels(figure)
    said = words(figure)
    assert "± 2.0 percentage\npoints (MCSE)" in said
    assert "no difference" in said
    assert ("truth 0.64" in said) is not null


def test_columns_add_up() -> None:
    """The columns hold every converged trial once."""
    axes = power_figure(many(500)).get_axes()[0]
    assert sum(p.get_height() for p in axes.patches if isinstance(p, Rectangle)) == 500


def test_no_estimate_at_all() -> None:
    """A run in which no analysis converged is drawn and says so."""
    data = power_data(result("sham_rct", [np.nan, np.nan], [np.nan, np.nan], -0.4))
    assert data.not_converged == 2
    assert "no trial has an estimate" in words(power_figure(data))


def test_a_run_of_uncertain_populations_says_so() -> None:
    """The footnote names beliefs and what was averaged, the spread of populations is drawn, and with a prior on the
    effect the share is called assurance."""
    rows = (Row("Relapse rate", 0.6, 0.02, (0.3, 0.8)), Row("EDSS", 0.05, 0.01))
    data = replace(many(50), rows=rows, beliefs="beliefs: sceptical", averaged="power averaged over much")
    figure = power_figure(data)
    said = " ".join(figure.get_supxlabel().split())
    assert "Beliefs: sceptical. Power averaged over much." in said
    assert "Pale bands: 5% to 95% of populations." in said
    assert "Pale bands" not in power_figure(many(50)).get_supxlabel()
    assert "Power" in words(figure)
    own = replace(data, assurance=True)
    assert own.quantity == "Assurance"
    assert "simulated trials, each with an effect of its own, find a benefit" in own.message
