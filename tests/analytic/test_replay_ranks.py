"""Mid-PITs, joint ranks and comparisons of arms: by hand, and against closed forms."""

from __future__ import annotations

import math

import numpy as np
import pytest

from sim.scenario.schema import Figure
from sim.study.judge import contrasts, distances_of, judge, judge_jointly, mid_pit, rise, verdict
from sim.study.replay import play_side
from tests.helpers import scenario, share_agrees


def figure(quantity: str = "relapses", arm: str = "", published: float = 1.0, **keys: object) -> Figure:
    """Make a published figure."""
    given = {"low": published, "high": published, "window": "", "status": "read", "source": "", "months": [0.0, 6.0]}
    return Figure(id=f"{quantity}.{arm}", quantity=quantity, arm=arm, **(given | keys))  # type: ignore[arg-type]


def test_ties_count_half() -> None:
    """Of 0, 1, 1, 2, 2, 2 the mid-PIT of 1 is 1/6 + (2/6)/2, that of the range 1 to 2 is 1/6 + (5/6)/2."""
    values = np.array([0.0, 1.0, 1.0, 2.0, 2.0, 2.0])
    assert mid_pit(1.0, 1.0, values) == pytest.approx(1.0 / 3.0)
    assert mid_pit(1.0, 2.0, values) == pytest.approx(7.0 / 12.0)
    assert (mid_pit(-1.0, -1.0, values), mid_pit(3.0, 3.0, values)) == (0.0, 1.0)


def test_joint_rank_of_one_discrete_figure_by_hand() -> None:
    """Of -1, 0, 0, 1 a published 0 is in the middle (rank 1/4, tail 1), a published 1 as far out as half of them."""
    values = [np.array([-1.0, 0.0, 0.0, 1.0])]
    middle, end = (judge_jointly([figure(published=x)], values) for x in (0.0, 1.0))
    assert (middle["rank"], middle["tail_probability"]) == (0.25, 1.0)
    assert (end["rank"], end["tail_probability"]) == (0.75, 0.5)


def test_a_figure_given_twice_counts_once() -> None:
    """Two perfectly correlated figures rank a study as one of them does; breaking their rule is farther than any."""
    values = np.arange(200.0)
    once = judge_jointly([figure(published=150.0)], [values])["tail_probability"]
    twice = judge_jointly([figure(published=150.0)] * 2, [values, values])["tail_probability"]
    broken = judge_jointly([figure(published=150.0), figure(published=50.0)], [values, values])["tail_probability"]
    assert twice == pytest.approx(once)
    assert broken == 0.0


def test_a_constant_figure_that_was_missed_is_out_of_reach() -> None:
    """Where all replays agree, a study that agrees is as near as they, one that does not has a tail of 0."""
    values = [np.full(50, 3.0)]
    assert judge_jointly([figure(published=3.0)], values)["tail_probability"] == 1.0
    assert judge_jointly([figure(published=4.0)], values)["tail_probability"] == 0.0


def test_distances_do_not_depend_on_scale() -> None:
    """The joint rank goes by ranks: logs of the figures, published ones too, give the same distances."""
    cloud = np.exp(np.random.default_rng(3).normal(size=(80, 2)))
    plain = distances_of([(1.0, 1.0), (2.0, 2.0)], cloud)
    logs = distances_of([(0.0, 0.0), (math.log(2.0), math.log(2.0))], np.log(cloud))
    assert np.allclose(plain[0], logs[0])
    assert plain[1] == pytest.approx(logs[1])


def test_trials_without_a_value_are_left_out() -> None:
    """A NaN counts in no share, in no median and in no distance, and is counted as such."""
    values = np.array([1.0, np.nan, 2.0, 3.0])
    own = figure("arr", "angioplasty", 2.0)
    judged = judge(scenario("published/premise_2014"), own, values)
    assert (judged["median"], judged["mid_pit"], judged["without"]) == (2.0, 0.5, 1)
    assert judge_jointly([own], [values])["replays"] == 3


def test_rounding_widens_a_figure() -> None:
    """0.12 printed with two digits is 0.115 to 0.125, ends included; without rounding it is 0.12 alone."""
    values = np.array([0.0, 0.125, 0.25])
    printed, exact = (figure("arr", published=0.12, rounding=r) for r in (0.005, 0.0))
    own = scenario("published/premise_2014")
    assert judge(own, printed, values)["mid_pit"] == pytest.approx(0.5)
    assert judge(own, exact, values)["mid_pit"] == pytest.approx(1.0 / 3.0)


@pytest.mark.parametrize(("arm", "share"), [("angioplasty", 0.25), ("sham", 1.0)])
def test_the_control_arm_favours_the_other_way(arm: str, share: float) -> None:
    """Few relapses speak for the treatment in its own arm, many in the control arm: of 1, 2, 3, 4 beside 1."""
    judged = judge(scenario("published/premise_2014"), figure(arm=arm), np.array([1.0, 2.0, 3.0, 4.0]))
    assert judged["share_as_favourable"] == share


def test_arms_are_compared_per_patient() -> None:
    """4 in 9 against 1 in 10 is 0.344 a patient: by hand, of four replays one has just that, two at least as much."""
    pair = [figure(arm="angioplasty", published=4.0, total=9), figure(arm="sham", published=1.0, total=10)]
    values = [np.array([4.0, 5.0, 0.0, 1.0]), np.array([1.0, 0.0, 4.0, 1.0])]
    (found,) = contrasts(pair, values)
    assert found["difference"] == pytest.approx(4.0 / 9.0 - 0.1)
    assert (found["share_exactly"], found["share_in_direction"], found["share_either"]) == (0.25, 0.5, 0.75)
    assert found["mcse"]["share_exactly"] == pytest.approx(math.sqrt(0.25 * 0.75 / 4.0))


def test_rates_are_compared_as_they_are() -> None:
    """A rate is not divided by the patients it is of: 0.12 less 0.66 is -0.54."""
    pair = [figure("arr", "immediate", 0.12, total=8), figure("arr", "delayed", 0.66, total=7)]
    (found,) = contrasts(pair, [np.array([0.0, 0.5]), np.array([1.0, 0.5])])
    assert found["difference"] == pytest.approx(-0.54)
    assert found["share_in_direction"] == 0.5
    assert found["total"] == [0, 0]


def test_the_rise_is_that_which_the_ranges_allow() -> None:
    """9-10 to 17-18 is a rise of 7 to 9; of rises of 6, 7 and 12 two are at least 7."""
    before, after = (figure(f"relapse_free_{w}") for w in ("before", "after"))
    before, after = (
        before.model_copy(update={"low": 9.0, "high": 10.0}),
        after.model_copy(update={"low": 17.0, "high": 18.0}),
    )
    simulated = {"relapse_free_before": np.array([10.0, 10.0, 8.0]), "relapse_free_after": np.array([16.0, 17.0, 20.0])}
    found = rise({f.quantity: f for f in (before, after)}, simulated)
    assert found
    assert (found["published"], found["share"]) == ([7.0, 9.0], pytest.approx(2.0 / 3.0))
    assert rise({"relapse_free_before": before}, simulated) is None


@pytest.mark.parametrize(
    ("share", "error", "said"),
    [(0.06, 0.001, "ordinary"), (0.06, 0.01, "at the edge"), (0.04, 0.001, "rare"), (0.05, 0.0, "ordinary")],
)
def test_verdicts_wait_for_their_error(share: float, error: float, said: str) -> None:
    """A result is ordinary, or rare, only where 1.96 standard errors leave no doubt of the side of 5%."""
    assert verdict(share, error) == said


def test_premise_s_chance_is_the_closed_form_s() -> None:
    """With everyone alike, relapses in 9 and 10 patients are Poisson: 4 v 1 comes as often as their product says."""
    alike = {
        "frailty.enabled": False, "activity.kind": "none", "decline.enabled": False, "reporting.enabled": False,
        "recall.enabled": False, "medication.enabled": False, "dropout.enabled": False, "self_referral.enabled": False,
        "relapse.refractory_days": 0.0,
    }  # fmt: skip
    own = scenario("published/premise_2014", alike)
    figures = [f for f in own.published.figure if f.quantity == "relapses"]
    side = play_side(own, figures, (6000, 1, 1, "compiled"))
    a, b = side.values
    mean = own.relapse.rate_per_year * 0.5
    expected = _poisson(4, 9.0 * mean) * _poisson(1, 10.0 * mean)
    (found,) = side.joint["contrasts"]
    assert found["share_exactly"] == pytest.approx(float(((a == 4.0) & (b == 1.0)).mean()))
    share_agrees((a == 4.0) & (b == 1.0), expected, detects=0.7 * expected)


def _poisson(count: int, mean: float) -> float:
    return math.exp(-mean) * mean**count / math.factorial(count)
