"""Pictures and words of regression to the mean and of publication: they say what the figures say, and no more."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from sim.report import rtm as picture
from sim.report import small as small_picture
from sim.study.rtm import RtmResult, rtm
from sim.study.small import SmallResults, small
from tests.helpers import scenario
from tests.report.looks import axis_labels, words


@pytest.fixture(scope="module")
def found() -> RtmResult:
    """A short run of scenario base."""
    return rtm(scenario("base", {"enrolment.target": 60}), "base", trials=6)


@pytest.fixture(scope="module")
def published() -> SmallResults:
    """Short runs of two designs."""
    names = ("published/zamboni_2012", "published/zamboni_2009")
    keys = ("relapse_free_6m", "relapse_free_change")
    designs = [(n.partition("/")[2], scenario(n), key) for n, key in zip(names, keys, strict=True)]
    return small(designs, studies=5, sets=20)


def test_the_curve_is_drawn_and_named(found: RtmResult) -> None:
    """Axes carry units, the qualifying window and the population are named, and each part stands with its figure."""
    figure = picture.rtm_figure(found)
    assert "Months from screening" in axis_labels(figure)
    assert axis_labels(figure).count("True relapses per patient and year") == 2
    said = words(figure)
    assert "counted at screening" in said
    counted, intensity = found.population.value, found.split.population.value
    assert f"with {counted:.2f} a year, counted" in said
    below = " ".join(" ".join(t.get_text() for t in figure.texts).split())
    assert f"Counted {counted:.2f} is an intensity of {intensity:.2f}" in below
    ticks = [t.get_text() for t in figure.get_axes()[1].get_yticklabels()]
    assert ticks == ["before", *picture.LABELS.values(), "after", "of it frailty,\nwhich stays"]


def test_the_message_follows_the_figures(found: RtmResult) -> None:
    """The headline states the fall and what chance makes of it; without a fall it says that there is none."""
    assert "falls from" in picture.message(found)
    assert "of the fall is chance" in picture.message(found)
    s = found.split
    level = replace(found, split=s._replace(fall=s.fall._replace(value=0.0)))
    assert "does not fall" in picture.message(level)
    assert "no fall that could be told from none" in level.sentences[0]
    other = replace(found, split=s._replace(activity=s.activity._replace(value=9.0)))
    assert "of the fall is chance" not in picture.message(other)


def test_three_sentences(found: RtmResult) -> None:
    """The finding, its numbers with errors, and the designs; a design within its error of 1 is named, others not."""
    finding, numbers, prevention = found.sentences
    assert f"{found.split.before.value:.2f} (MCSE" in finding
    assert "passing activity" in numbers
    assert f"{found.split.population.value:.2f} for good (intensities: without decline" in numbers
    assert f"counted, the population has {found.population.value:.2f} (MCSE" in numbers
    assert "by relapse-free at" in numbers
    assert prevention.startswith("Rate ratio as designed")
    far = replace(found, designs=tuple(replace(d, log_ratio=d.log_ratio._replace(value=-9.0)) for d in found.designs))
    assert "none of them cannot" not in far.sentences[2]
    assert "all can be told from 1" in far.sentences[2]


def test_the_remedies_are_drawn(found: RtmResult) -> None:
    """Each design has its row, its ratio written, and the share of its studies that find a benefit."""
    figure = picture.remedies_figure(found)
    names = [t.get_text() for t in figure.get_axes()[0].get_yticklabels()]
    assert names == [d.name for d in found.designs]
    said = words(figure)
    assert f"{math.exp(found.as_designed.log_ratio.value):.2f}" in said
    assert any("Studies of 60 patients (%)" in label for label in axis_labels(figure))
    assert picture.remedies_message(found).startswith("Nothing was done, yet")
    nothing = replace(found, designs=(replace(found.designs[0], log_ratio=found.designs[0].log_ratio._replace(
        value=math.nan)),))  # fmt: skip
    assert picture.remedies_message(nothing).startswith("Rate ratios of designs")


def test_tables(found: RtmResult, published: SmallResults) -> None:
    """Tables have a cell a heading, and a row a design or part."""
    assert {len(row) for row in picture.rows(found)} == {len(picture.HEADINGS)}
    assert next(row[0] for row in picture.part_rows(found)) == "before"
    assert {len(row) for row in small_picture.rows(published)} == {len(small_picture.HEADINGS)}


def test_results_are_short_to_read(found: RtmResult, published: SmallResults) -> None:
    """Their repr is a heading and three sentences; frames have a row a month and a row a design."""
    assert [len(repr(r).splitlines()) for r in (found, published)] == [4, 4]
    assert len(found.to_frame()) == len(found.months)
    assert list(published.to_frame().index) == ["zamboni_2012", "zamboni_2009"]


def test_publication_is_drawn(published: SmallResults) -> None:
    """A row a design, its title with published and true figures; the axis says what is no effect."""
    figure = small_picture.small_figure(published)
    legend = figure.get_axes()[0].get_legend()
    assert legend is not None
    assert [t.get_text() for t in legend.get_texts()][1:] == [
        f"{which}: median, middle 90%" for which in ("all studies", "published")
    ]
    source = " ".join(figure.get_supxlabel().split())
    assert f"means of all studies, which the table gives: {published.designs[0].mean.value:+.2f}" in source
    labels = [t.get_text() for t in figure.get_axes()[0].get_yticklabels()]
    assert [t.partition(" patients")[0] for t in labels] == ["8 v 7", "35"]
    assert "published p < 0.05: " in labels[0]
    assert f"{published.designs[1].published.value:+.2f}" in words(figure)
    assert "Estimated difference in the share without a relapse (0: no effect)" in axis_labels(figure)
    assert "Nothing works" in small_picture.message(published)
    d = replace(published.designs[0], truth=replace(published.designs[0].truth, value=0.2))
    assert "Nothing works" not in small_picture.message(replace(published, designs=(d,)))


def test_ratios_are_drawn_on_a_log_scale() -> None:
    """Where estimates are ratios the ticks are ratios, and 1 is no effect."""
    found = small([("rct", scenario("sham_rct", {"enrolment.target": 20}), "arr_24m")], studies=4, sets=10)
    figure = small_picture.small_figure(found)
    assert {"0.5", "1"} <= {t.get_text() for t in figure.get_axes()[0].get_xticklabels()}
    assert "Estimated ratio (log scale; 1: no effect)" in axis_labels(figure)


def test_windows_of_unequal_length_are_not_compared(found: RtmResult) -> None:
    """The relapse-free of three years and of one are no comparison: no figure, and the picture says why."""
    longer = next(d for d in found.designs if d.key == "longer_look_back")
    assert math.isnan(longer.free_change.value)
    assert math.isnan(longer.significant["relapse_free_change"].value)
    assert not math.isnan(longer.log_ratio.value)
    assert "not compared: unequal windows" in words(picture.remedies_figure(found))
