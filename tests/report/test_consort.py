"""The CONSORT diagram: each box says its counts, of one trial or in the mean, and nothing overlaps."""

from __future__ import annotations

import math
from dataclasses import replace
from itertools import combinations

import pytest
from matplotlib.figure import Figure
from matplotlib.text import Text

from sim.data.consort import ArmFlow, Flow
from sim.report.consort import Diagram, consort_figure, listed, run_diagram, said, trial_diagram
from sim.study.consort import Mean, RunFlow, mean_flow
from tests.report.looks import words

QUIET = ArmFlow("sham_arm", "sham", 52, 50, 2, 10, 42, 0, 0, 0, 0, 0, 10, 0, 0, 0, 2, 0)
LIVELY = ArmFlow("angioplasty", "angioplasty", 48, 48, 0, 9, 39, 3, 12, 4, 2, 5, 6, 30, 20, 7, 0, 0)
KEPT_OUT = {"relapses": 120, "edss": 7, "no_stenosis": 1}
FLOW = Flow(228, KEPT_OUT, 100, (QUIET, LIVELY))
SMALL = Flow(160, {"relapses": 60}, 100, (QUIET, LIVELY))


def diagrams() -> dict[str, Diagram]:
    """Give diagrams of every shape: one trial, means, three arms, one arm, nobody kept out."""
    alone = Flow(35, {}, 35, (replace(LIVELY, arm="treated"),))
    third = ArmFlow("none", "none", 50, 50, 0, 1, 49, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0)
    mean = RunFlow(2, mean_flow([FLOW, SMALL]), {"sham_arm": Mean(51.5, 0.25), "angioplasty": Mean(48.0, 0.0)})
    return {
        "one": trial_diagram("sham_rct", FLOW, 3, 1, True),
        "mean": run_diagram("sham_rct", mean, 1, True),
        "three": trial_diagram("three_arm", Flow(300, KEPT_OUT, 150, (third, QUIET, LIVELY)), 0, 1, True),
        "alone": trial_diagram("zamboni_2009", alone, 0, 1, False),
    }


def boxes(figure: Figure) -> list[Text]:
    """Give the texts that stand in boxes."""
    return [t for t in figure.axes[0].texts if t.get_bbox_patch() is not None]


@pytest.mark.parametrize("shape", diagrams())
def test_boxes_stand_apart_and_inside(shape: str) -> None:
    """No box touches another, and all lie within the picture."""
    figure = consort_figure(diagrams()[shape])
    patches = [t.get_bbox_patch() for t in boxes(figure)]
    places = [p.get_window_extent() for p in patches if p is not None]
    assert len(places) == 2 + (shape != "alone") + 3 * {"three": 3, "alone": 1}.get(shape, 2)
    for a, b in combinations(places, 2):
        assert not a.overlaps(b)
    for place in places:
        assert figure.bbox.x0 <= place.x0 < place.x1 <= figure.bbox.x1
        assert figure.bbox.y0 <= place.y0 < place.y1 <= figure.bbox.y1


def test_one_trial_says_its_counts() -> None:
    """Each arm says what was done, what came between, who was followed; events that nobody had are left out."""
    text = words(consort_figure(diagrams()["one"])).replace("\u2007", "")
    for line in (
        "Excluded: 128", "120  too few relapses", "sham arm: 52", "2 left before it", "10  left early",
        "3  … of them for lack of benefit", "12  started medication", "5  had angioplasty elsewhere",
        "20  had the second procedure", "7  were treated again", "30  missed a visit", "39 followed to the end",
    ):  # fmt: skip
        assert line in text
    assert "analysed" not in text
    calm = Flow(10, {}, 10, (replace(QUIET, arm="a"), replace(QUIET, arm="b")))
    assert "medication" not in words(consort_figure(trial_diagram("x", calm, 0, 1, True)))


def test_means_have_their_errors() -> None:
    """Over many trials each count is a mean with its standard error in brackets, the analysed stand below the rest."""
    text = words(consort_figure(diagrams()["mean"])).replace("\u2007", "")
    told = "Mean of 2 trials: 194 screened, 100 randomised; 46% were kept out for this: too few relapses"
    assert text.replace("\n", " ").startswith(told)
    assert "Assessed for eligibility (screened)\n194.0 (34.00)" in text
    assert "90.0 (30.00)  too few relapses" in text
    assert "3.5 (3.50)  EDSS out of range" in text
    assert "42.0 (0.00) followed to the end\n51.5 (0.25) analysed" in text
    assert said(Mean(4.0, math.nan)) == "4.0 (n/a)"


def test_figures_stand_in_a_column() -> None:
    """Counts below each other end in one column."""
    lines = listed([(120, "a"), (7, "b")]).split("\n")
    assert lines == ["120  a", "\u2007\u20077  b"]
