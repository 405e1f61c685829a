"""The picture and the words of a sample size: they say what the figures say."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from sim.report import style
from sim.report.size import message, sentences, size_figure
from sim.study.closed_form import ClosedForm
from sim.study.size import SizeResult, sample_size
from tests.helpers import scenario
from tests.report.looks import axis_labels, words


@pytest.fixture(scope="module")
def found() -> SizeResult:
    """J1 sized roughly, for benefit and for safety."""
    return sample_size(scenario("bench/j1"), "bench/j1", power=0.8, precision=0.2, complication_rate=0.01)


def test_the_curve_is_drawn_and_named(found: SizeResult) -> None:
    """Axes carry units; the size found, the formula's and each thing that adds to it are named."""
    figure = size_figure(found)
    assert axis_labels(figure) == ["Patients (all arms)", "Power (% of trials)", "Added to the size (patients)"]
    assert f"simulated {found.value}" in words(figure)
    verified = [line for line in figure.get_axes()[0].get_lines() if line.get_marker() == "D"]
    drawn = [np.asarray(line.get_xydata()).ravel().tolist() for line in verified]
    assert drawn == [[found.value, pytest.approx(100.0 * found.power)]]
    assert f"formula {found.closed_form.whole}" in words(figure)
    ticks = [t.get_text() for t in figure.get_axes()[1].get_yticklabels()]
    assert ticks == [p.words for p in found.parts][::-1]
    assert len(size_figure(replace(found, parts=())).get_axes()) == 1


def test_the_sentences_follow_the_figures(found: SizeResult) -> None:
    """The answer, the formula, the costs and safety are said; what is wrong with a search is said too."""
    said = " ".join(sentences(found))
    assert message(found) in said
    assert f"verified on {found.verification_trials:,} fresh trials: {found.power:.3f} (MCSE {found.mcse:.3f})" in said
    assert found.closed_form.mcse is not None
    assert found.closed_form.value is not None
    assert found.ratio is not None
    low, high = found.exact_interval
    assert found.value_interval[0] - 2 < low < found.exact_value <= found.value < high + 2 < found.value_interval[1] + 4
    assert found.ratio == pytest.approx(found.exact_value / found.closed_form.value)
    errors = (high - low) / (2.0 * style.Z95 * found.exact_value), found.closed_form.mcse / found.closed_form.value
    assert found.ratio_mcse == pytest.approx(found.ratio * math.hypot(*errors))
    assert f"simulation asks for {found.ratio:.2f} times that (MCSE {found.ratio_mcse:.2f}). Its inputs:" in said
    assert "in 24 months, rate ratio 0.7" in said
    assert found.safety is not None
    assert f"{found.safety.treated:,} angioplasties must be done, so {found.safety.n:,} enrolled" in said
    assert "wider than asked for" not in said
    assert "for harm" not in said
    odd = replace(
        found,
        precise=False,
        favourable_power=0.1,
        short_trials=7,
        parts=(),
        closed_form=ClosedForm(None, None, None, "x", {}),
    )
    said = " ".join(sentences(odd))
    for words_of_it in ("wider than asked for", "most of this power is for harm", "In 7 of", "By formula none: x"):
        assert words_of_it in said
    assert "Most is added" not in said


def test_a_formula_without_a_rate_tells_its_pilot(found: SizeResult) -> None:
    """Where a pilot was scaled it is said, with its trials; where months are sized none of them is an input."""
    inputs = {"pilot_size": 200.0, "pilot_trials": 200.0, "mean_estimate": -1.5, "sd": 3.25}
    scaled = replace(found, closed_form=ClosedForm(250.0, 250, 250, "x", inputs, 31.0))
    said = " ".join(sentences(scaled))
    assert "By formula 250 (MCSE 31): x; simulation" in said
    assert "Its inputs: a pilot of 200 trials of 200 patients, mean estimate \N{MINUS SIGN}1.500, SD 3.250." in said
    months = " ".join(sentences(replace(found, vary="follow_up")))
    assert ", both of 24 months, rate ratio" in months
    assert found.closed_form.value is not None
    assert f"By formula {found.closed_form.value:.1f} (MCSE" in months, "few units are told with a decimal"
    (part, *_) = found.parts
    assert f"({part.added:+,.1f} months, MCSE" in months


def test_the_json_is_the_contracts(found: SizeResult) -> None:
    """The object has the contract's names; powers in the curve are shares of the trials beside them."""
    made = found.to_dict()
    names = {"endpoint", "target_power", "n", "n_interval", "power", "mcse", "closed_form", "trials_used", "curve"}
    assert names <= set(made)
    assert {"n", "method"} <= set(made["closed_form"])
    assert sum(c["trials"] for c in made["curve"]) + made["verification_trials"] == made["trials_used"]
    for c in made["curve"]:
        assert {"n", "power", "mcse", "trials"} <= set(c)
        assert c["power"] * c["trials"] == pytest.approx(round(c["power"] * c["trials"]))
    assert list(found.to_frame()["n"]) == sorted(c["n"] for c in made["curve"])
    assert str(found.value) in repr(found)


def test_a_scenario_without_effect_is_named(found: SizeResult) -> None:
    """Where there is no effect it is said that what rejects is bias; where nobody is treated nothing is called harm."""
    without = " ".join(sentences(replace(found, has_effect=False, favourable_power=0.1)))
    assert "There is no effect in this scenario: what rejects is bias, or chance." in without
    assert "for harm" not in without
    assert "for harm" not in " ".join(sentences(replace(found, has_effect=None, favourable_power=0.0)))
    said = " ".join(sentences(replace(found, absent=("veins that narrow again", "patients who leave"))))
    assert "Off in this scenario, so they add nothing: veins that narrow again, patients who leave." in said
