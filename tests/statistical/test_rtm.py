"""The laboratory of regression to the mean: its parts add up, its closed form is met, its remedies do what they say."""

from __future__ import annotations

import math

import numpy as np
import pytest

from sim.core.errors import RunError, ShamtrialError
from sim.study.around_entry import PARTS, Value
from sim.study.gamma_poisson import closed_form
from sim.study.half_size import crossing, half_size
from sim.study.nested import Nested, prefix, significant
from sim.study.play import Play
from sim.study.rtm import RtmResult, rtm
from sim.study.untreated import is_gamma_poisson, qualifying_months, remedies, two_arms, untreated, windows_of
from tests.helpers import Overrides, Z, agrees, mean_agrees, scenario

PURE: dict[str, object] = {
    "activity.enabled": False,
    "decline.enabled": False,
    "relapse.refractory_days": 0.0,
    "recall.enabled": False,
    "enrolment.screening_days": 0.0,
    "veins.wait_days": 0.0,
    "eligibility": {"edss_max": 10.0, "relapses_2y": 50},
}


@pytest.fixture(scope="module")
def base() -> RtmResult:
    """Scenario base in the laboratory, 8,000 patients."""
    return rtm(scenario("base"), "base", trials=40, seed=3)


def within(found: Value, truth: float, detects: float) -> None:
    """Assert that a figure agrees with the truth by its own Monte Carlo error."""
    agrees(found.value, truth, found.mcse, detects)


# ---- parts ----------------------------------------------------------------------------------------------------------


def test_the_parts_add_up(base: RtmResult) -> None:
    """The parts sum to before minus after, to rounding; the JSON has the contract's names, each with its MCSE."""
    s = base.split
    assert sum(getattr(s, k).value for k in PARTS) == pytest.approx(s.fall.value, abs=1e-12)
    assert s.before.value - s.after.value == pytest.approx(s.fall.value, abs=1e-12)
    found = base.to_dict()
    assert {"chance", "activity", "frailty"} <= set(found["parts"])
    assert set(found["parts"]) == set(found["parts_mcse"])
    assert len(found["months"]) == len(found["rate"]) == len(found["rate_mcse"]) == 60
    assert (found["months"][0], found["months"][-1]) == (-35.5, 23.5)


def test_every_part_is_there(base: RtmResult) -> None:
    """Under a strict rule chance is the largest part; activity, decline and frailty are above zero, merging below."""
    s = base.split
    for part in (s.chance, s.activity, s.decline, s.frailty):
        assert part.value > Z * part.mcse
    assert s.refractory.value < -Z * s.refractory.mcse
    assert s.chance.value == max(getattr(s, k).value for k in PARTS)


def test_nobody_selected_nothing_falls() -> None:
    """With everybody let in and no decline, fall, chance, activity and frailty are zero by their own errors."""
    off = {"eligibility.enabled": False, "decline.enabled": False}
    s = rtm(scenario("base", off), trials=40, seed=4).split
    for part in (s.fall, s.chance, s.activity, s.activity_left, s.frailty, s.refractory):
        within(part, 0.0, detects=0.2)
    assert s.decline.value == pytest.approx(0.0, abs=1e-12)


def test_a_mechanism_that_is_off_has_no_part() -> None:
    """Without activity, decline and refractory time their parts are zero, and the fall is chance alone."""
    s = rtm(scenario("base", PURE), trials=4).split
    for part in (s.activity, s.decline, s.refractory, s.activity_left):
        assert part.value == pytest.approx(0.0, abs=1e-9)
    assert s.chance.value == pytest.approx(s.fall.value, abs=1e-9)


# ---- closed form ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "rule",
    [
        {"eligibility.relapses_1y": 1},
        {"eligibility.relapses_1y": 2},
        {"eligibility.relapses_2y": 2},
        {"eligibility.kind": "soft"},
        {"eligibility.relapses_1y": 1, "frailty.variance": 1.5},
    ],
    ids=["one in a year", "two in a year", "one in a year or two in two", "soft", "very unequal patients"],
)
def test_the_closed_form_is_met(rule: Overrides) -> None:
    """With frailty alone, rates, relapse-free and what stays are those of the gamma-Poisson, by their own errors."""
    pure = scenario("base", PURE | dict(rule))
    found = rtm(pure, trials=60, seed=5)
    c, d = found.closed_form, found.as_designed
    assert c.applies
    within(found.split.before, c.before, detects=0.15)
    within(found.split.after, c.after, detects=0.15)
    within(found.split.frailty, c.frailty, detects=0.1)
    within(found.split.chance, c.before - c.after, detects=0.15)
    if c.relapse_free_before > 1e-9:
        within(d.free_before, c.relapse_free_before, detects=0.05)
    else:
        assert d.free_before.value == 0.0
    within(d.free_after, c.relapse_free_after, detects=0.05)


def test_the_closed_form_by_textbook() -> None:
    """For N >= 1 in a year it is E[N] / P(N >= 1) before, and after m less the share of those without a relapse."""
    pure = untreated(scenario("base", PURE | {"eligibility.relapses_1y": 1}))
    m, v = pure.relapse.rate_per_year, pure.frailty.variance
    nobody = (1.0 + v * m) ** (-1.0 / v)
    c = closed_form(pure, True)
    assert c.before == pytest.approx(m / (1.0 - nobody), rel=1e-10)
    posterior = m / (1.0 + v * m)  # of those without a relapse in the year
    assert c.after == pytest.approx((m - nobody * posterior) / (1.0 - nobody), rel=1e-10)
    equal = untreated(scenario("base", PURE | {"frailty.enabled": False}))
    assert closed_form(equal, True).after == pytest.approx(m, rel=1e-10)


def test_where_the_closed_form_applies() -> None:
    """It is said to apply only where nothing but frailty and the rule is at work."""
    assert is_gamma_poisson(untreated(scenario("base", PURE)))
    for key, value in (("decline.enabled", True), ("relapse.refractory_days", 5.0), ("eligibility.edss_max", 5.0),
                       ("enrolment.screening_days", 7.0), ("recall.enabled", True), ("activity.enabled", True),
                       ("study.before_months", [-6.0, 0.0])):  # fmt: skip
        assert not is_gamma_poisson(untreated(scenario("base", PURE | {key: value})))


# ---- remedies -------------------------------------------------------------------------------------------------------


def test_remedies_work_in_their_order(base: RtmResult) -> None:
    """Each remedy leaves less than the design without it, and a control group leaves nothing, by its own error."""
    found = {d.key: d.log_ratio for d in base.designs}
    for key in ("longer_look_back", "run_in", "separate_baseline"):
        assert found["as_designed"].value + Z * found["as_designed"].mcse < found[key].value - Z * found[key].mcse
    within(found["control_group"], 0.0, detects=0.25)
    assert base.as_designed.before.value == pytest.approx(base.split.before.value)
    assert base.as_designed.after.value == pytest.approx(base.split.after.value)


def test_a_control_group_keeps_its_level() -> None:
    """Small controlled studies of nothing find a benefit in 2.5% or fewer, up to the liberal Wald test's few points."""
    ready = two_arms(untreated(scenario("base", {"enrolment.target": 60})))
    rows = Nested(Play(ready, 1), *windows_of(ready), (0,), True).many(range(400))
    for test in ("arr_change", "relapse_free_change"):
        share = significant(rows, test, 0.05).mean()
        assert share <= 0.05 + Z * math.sqrt(0.05 * 0.95 / 400)


def test_windows_and_rules() -> None:
    """Remedies move windows only as named: the separate baseline ends where the qualifying window begins."""
    ready = untreated(scenario("base"))
    found = {r.key: r for r in remedies(ready)}
    assert qualifying_months(ready) == 24.0
    assert found["separate_baseline"].before == (-37.0, -25.0)
    assert found["longer_look_back"].before == (-36.0, 0.0)
    assert found["run_in"].scenario.enrolment.run_in_days == 366.0
    assert [a.procedure for a in found["control_group"].scenario.arm] == ["none", "angioplasty"]
    assert windows_of(scenario("sham_rct")) == ((-12.0, 0.0), (0.0, 12.0))
    assert qualifying_months(untreated(scenario("base", {"eligibility.kind": "soft"}))) == 12.0
    assert qualifying_months(untreated(scenario("published/premise_2014"))) == 0.0


# ---- sizes ----------------------------------------------------------------------------------------------------------


def test_prefixes() -> None:
    """The first n patients of each trial are taken, all of a trial that has fewer."""
    rows, first = prefix(np.array([0, 3, 4, 9]), 2)
    assert rows.tolist() == [0, 1, 3, 4, 5]
    assert first.tolist() == [0, 2, 3, 5]
    assert prefix(np.array([0, 3, 4]), 0)[0].tolist() == [0, 1, 2, 3]


def test_the_crossing_of_a_known_curve() -> None:
    """Trials whose power is probit -1.96 + 0.4 sqrt(n) cross a half at (1.96 / 0.4)^2 on average (finds 0.1)."""
    from scipy.special import ndtr

    sizes = np.array([12.0, 17.0, 20.0, 24.0, 29.0, 36.0, 48.0])
    draws = np.random.default_rng(5).random((400, 2_000, len(sizes)))
    found = [crossing(sizes, own < ndtr(-1.96 + 0.4 * np.sqrt(sizes))) for own in draws]
    mean_agrees(found, (1.96 / 0.4) ** 2, detects=0.1)
    assert crossing(sizes, np.ones((50, 7), bool)) == math.inf


def test_the_size_found_has_half_the_power(base: RtmResult) -> None:
    """Fresh trials of the size found have a power of one half, by the errors of both."""
    (h, _) = base.half
    assert h.n is not None
    assert h.mcse is not None
    assert h.interval is not None
    assert h.interval[0] < h.n < h.interval[1]
    ready = untreated(scenario("base", {"enrolment.target": round(h.n)}))
    trials = 2000
    power = significant(Nested(Play(ready, 77), *windows_of(ready)).many(range(trials)), h.test, 0.05).mean()
    first, last = h.curve[0], h.curve[-1]
    slope = (last["power"] - first["power"]) / (last["n"] - first["n"])
    error = math.hypot(math.sqrt(0.25 / trials), slope * math.hypot(h.mcse, 0.5))
    agrees(float(power), 0.5, error, detects=0.25)


def test_no_size_where_nothing_falls() -> None:
    """Where there is no fall, no size is given, and the words say why."""
    off = {"eligibility.enabled": False, "decline.enabled": False}
    ready = untreated(scenario("base", off))
    rows = Nested(Play(ready, 1), *windows_of(ready)).many(range(20))
    found = half_size("arr_change", ready, windows_of(ready), rows, 1, 1, "compiled")
    assert (found.n, found.interval) == (None, None)
    assert "no fall" in found.why
    unequal = half_size("relapse_free_change", ready, ((-24.0, 0.0), (0.0, 12.0)), rows, 1, 1, "compiled")
    assert "unequal length" in unequal.why


# ---- refusals -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["published/blind_prevalence_2013", "historical_control"])
def test_designs_refused(name: str) -> None:
    """Patients who are not followed, or are of two eras, have no course around entry."""
    with pytest.raises(ShamtrialError, match=r"rtm: study\.design: found .+; allowed: "):
        rtm(scenario(name), trials=2)


def test_refused_trials() -> None:
    """A single trial has no Monte Carlo error."""
    with pytest.raises(ShamtrialError, match="--trials: found 1; allowed: 2 to"):
        rtm(scenario("base"), trials=1)


def test_nobody_enters() -> None:
    """A rule that nobody meets before the last day is said to be one."""
    rule = {"eligibility": {"relapses_1y": 50, "relapses_2y": 50}, "enrolment.max_days": 200.0}
    with pytest.raises(RunError, match="nobody entered"):
        rtm(scenario("base", rule), trials=2)
