"""Small studies and publication: who is published, by hand; the law of the smallest p; type S and M in closed form."""

from __future__ import annotations

import math

import numpy as np
import pytest

from sim.core.errors import ShamtrialError
from sim.scenario.beliefs import Beliefs
from sim.study.nested import Nested
from sim.study.picked import Answers, Figure, exaggeration, most_favourable, wrong_sign
from sim.study.play import Play
from sim.study.small import SIZES, SmallResults, patients, small, summary
from sim.study.untreated import untreated, windows_of
from tests.helpers import Z, agrees, scenario

NAN = math.nan


@pytest.fixture(scope="module")
def trials() -> SmallResults:
    """Null studies of 9 v 10 patients by their relapse-free, in 300 sets of 20."""
    return small([("premise", scenario("published/premise_2014"), "relapse_free_6m")], sets=300, seed=2)


# ---- who is published ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("values", "ps", "favourable", "published"),
    [
        ([-0.5, -0.2, 0.4, NAN], [0.2, 0.04, 0.001, NAN], -1, 1),
        ([-0.5, -0.2, 0.4, NAN], [0.2, 0.04, 0.001, NAN], 1, 2),
        ([0.3, 0.1, 0.2, NAN], [0.01, 0.9, 0.5, NAN], -1, 1),
        ([0.1, 0.3, 0.3, 0.2], [1.0, 1.0, 1.0, 1.0], 1, 1),
        ([NAN, NAN, NAN, NAN], [NAN, NAN, NAN, NAN], 1, -1),
        ([0.0, 0.0, -0.1, NAN], [1.0, 1.0, 1.0, NAN], 1, 0),
    ],
    ids=["favours treatment", "the other way", "none favours", "equal p", "no answers", "no difference"],
)
def test_the_most_favourable_by_hand(values: list[float], ps: list[float], favourable: int, published: int) -> None:
    """The smallest p in the patient's favour; else the least unfavourable; equal p by size, then the first."""
    answers = Answers(np.array(values), np.array(ps), favourable, 0.05)
    assert most_favourable(answers, 4).tolist() == [published]


def test_each_set_has_its_own() -> None:
    """Sets are consecutive trials; the number given is that of the trial."""
    answers = Answers(np.array([1.0, 2.0, 3.0, 4.0]), np.array([0.1, 0.2, 0.4, 0.3]), 1, 0.05)
    assert most_favourable(answers, 2).tolist() == [0, 3]


# ---- the law of the smallest p ---------------------------------------------------------------------------------------


def test_the_best_of_twenty(trials: SmallResults) -> None:
    """P(published p < a) = 1 - (1 - P(p < a))^20: the figures agree by the errors of both."""
    (d,) = trials.designs
    error = math.hypot(d.published_significant.mcse, d.expected.mcse)
    agrees(d.published_significant.value, d.expected.value, error, detects=0.5)


@pytest.mark.parametrize("alpha", [0.01, 0.1, 0.5])
def test_the_law_at_other_levels(alpha: float) -> None:
    """The law of the smallest p holds at any level, in 400 sets of 20 studies of 35 before and after."""
    level = scenario("published/zamboni_2009", {"study.alpha": alpha, "switches.selection": False})
    (d,) = small([("level", level, "relapse_free_change")], sets=400, seed=4).designs
    error = math.hypot(d.published_significant.mcse, d.expected.mcse)
    assert abs(d.published_significant.value - d.expected.value) <= Z * max(error, 1.0 / 400)


def test_exact_tests_are_conservative() -> None:
    """Where nothing falls and nobody is selected, McNemar's exact p is below a in a share of a or less, not uniform."""
    off = {"eligibility.enabled": False, "decline.enabled": False, "enrolment.target": 35}
    ready = untreated(scenario("base", off))
    rows = Nested(Play(ready, 1), *windows_of(ready)).many(range(2000))
    p = rows["relapse_free_change_p"][:, 0]
    for a in (0.01, 0.05, 0.2):
        error = math.sqrt(a * (1.0 - a) / len(p))
        assert float((p <= a).mean()) <= a + Z * error
    assert float((p <= 0.2).mean()) < 0.2 - Z * math.sqrt(0.2 * 0.8 / len(p))


def density(x: float) -> float:
    """Give the standard normal density."""
    return math.exp(-0.5 * x * x) / math.sqrt(2.0 * math.pi)


# ---- type S and type M ----------------------------------------------------------------------------------------------


def test_type_s_and_m_in_closed_form() -> None:
    """For estimates normal around 1 with standard error 1 they are the textbook integrals, by their own errors.

    Of p < 0.05: P(sign wrong) = F(-z - 1) / (F(-z - 1) + 1 - F(z - 1)); the mean size from normal tails.
    """
    from scipy.special import ndtr, ndtri

    values = ndtri(np.random.default_rng(1).random(200_000)) + 1.0
    found = values[np.abs(values) > 1.959963984540054]
    z = 1.959963984540054
    low, high = float(ndtr(-z - 1.0)), float(1.0 - ndtr(z - 1.0))
    size = (high + density(z - 1.0) - low + density(-z - 1.0)) / (high + low)
    wrong, larger = wrong_sign(found, Figure(1.0, 0.0)), exaggeration(found, Figure(1.0, 0.0))
    agrees(wrong.value, low / (low + high), wrong.mcse, detects=0.01)
    agrees(larger.value, size, larger.mcse, detects=0.05)


def test_without_an_effect_they_are_undefined(trials: SmallResults) -> None:
    """Under the null there is nothing to exaggerate: NaN in the result, null in JSON, and the sentence says so."""
    (d,) = trials.designs
    assert math.isnan(d.type_s.value)
    assert d.to_dict()["type_m"] == {"value": None, "mcse": None}
    assert d.truth.value == 0.0
    assert "exaggeration is undefined" in trials.sentences[1]


def test_the_truth_counts_in_the_error_of_exaggeration() -> None:
    """The Monte Carlo error of the truth enters that of the exaggeration."""
    sure, unsure = (exaggeration(np.array([1.0, 3.0]), Figure(1.0, e)) for e in (0.0, 0.5))
    assert sure.value == unsure.value == 2.0
    assert unsure.mcse == pytest.approx(math.hypot(sure.mcse, 2.0 * 0.5))


def test_an_effect_is_exaggerated() -> None:
    """In studies too small for their effect, what is significant is larger than the truth, by more than its error."""
    few = scenario("sham_rct", {"enrolment.target": 24})
    found = small([("few", few, "arr_24m")], sets=20, seed=3, null=False, truth_trials=40)
    (d,) = found.designs
    assert not d.null
    assert d.truth.value < 0.0
    assert d.type_m.value - Z * d.type_m.mcse > 1.0
    assert d.published_m.value > 1.0
    assert "times the truth" in found.sentences[1]


# ---- results ---------------------------------------------------------------------------------------------------------


def test_summary_counts_studies_without_an_answer() -> None:
    """Studies without an answer are counted, enter no mean, and are never published."""
    answers = Answers(np.array([NAN, 1.0, NAN, 2.0]), np.array([NAN, 0.3, NAN, 0.01]), 1, 0.05)
    about = {
        "name": "",
        "digest": "",
        "endpoint": "",
        "base": "arr",
        "scale": "difference",
        "patients": "4",
        "beliefs": Beliefs("hrobjartsson"),
        "null": False,
    }
    found = summary(answers, 2, Figure(1.0, 0.0), **about)
    assert (found.unanswered.value, found.mean.value) == (0.5, 1.5)
    assert found.published_significant.value == 0.5
    assert found.single_significant.value == 0.25
    assert found.chosen.tolist() == [1.0, 2.0]


def test_the_sizes_are_those_of_the_studies() -> None:
    """The default designs are 8 v 7, 9 v 10, 35 and 65 patients, and have the endpoints named."""
    told = [patients(scenario(name)) for name, _ in SIZES]
    assert told == ["8 v 7", "9 v 10", "35", "65"]
    assert all(key in [e.key for e in scenario(name).endpoint] for name, key in SIZES)


@pytest.mark.parametrize(
    ("request_", "message"),
    [
        ({"studies": 0}, "--studies: found 0; allowed: 1 to"),
        ({"sets": 1}, "--trials: found 1; allowed: 2 to 500,000 sets of 20"),
        ({"studies": 1000, "sets": 20_000}, "--trials: found 20000; allowed: 2 to 10,000 sets of 1000"),
        ({"truth_trials": 1}, "--truth-trials: found 1; allowed: 2 or more"),
    ],
)
def test_refused(request_: dict[str, int], message: str) -> None:
    """Impossible numbers are refused by their option."""
    with pytest.raises(ShamtrialError, match=message):
        small([("", scenario("sham_rct"), "")], **request_)  # type: ignore[arg-type]


def test_refused_endpoints() -> None:
    """An endpoint that is not there, or is not tested, is refused with those that are."""
    with pytest.raises(ShamtrialError, match="--endpoint: found 'arr_1m'; allowed: arr_24m, "):
        small([("", scenario("sham_rct"), "arr_1m")])
    shared = [("", scenario("surveillance"), "restenosis_18m")]
    with pytest.raises(ShamtrialError, match="a share; allowed: an endpoint that is tested"):
        small(shared)
