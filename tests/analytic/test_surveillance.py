"""Analytic evidence: readings, restenosis and its detection against probabilities worked out by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest

from sim.analysis.binary import share, share_batch
from sim.analysis.trial import analyse
from sim.core.units import DAYS_PER_MONTH, months
from sim.data.cohort import Cohort, restenosed
from sim.engines.want import Want
from sim.model.surveillance import Surveillance, reads_narrow
from sim.study.play import Play
from sim.study.truth import find_truth
from tests.helpers import agrees, plan, play, scenario, share_agrees

U = np.random.default_rng(20260101).random(40_000).tolist()

# One vein a patient, opened for certain; nobody leaves.
ONE_VEIN: dict[str, object] = {
    "veins": {"left_ijv_prob": 1.0, "right_ijv_prob": 0.0, "azygos_prob": 0.0, "success_prob": 1.0}
    | {"ijv_restenosis_18m_prob": 0.47},
    "eligibility.enabled": False,
    "self_referral.enabled": False,
    "surveillance": {
        "enabled": True,
        "scheduled_months": [3.0, 6.0, 12.0, 18.0],
        "on_relapse": False,
        "reader": "blinded",
        "sensitivity": 0.7,
        "specificity": 0.95,
    },
}
TRIALS = 150


def narrow_by(month: float) -> float:
    """Give the Weibull share narrow again by a month: 47% at 18 months, shape 2."""
    return 1.0 - math.exp(math.log(0.53) * (month / 18.0) ** 2.0)


def seen(overrides: dict[str, object]) -> Cohort:
    """Give the patients of many trials, with what surveillance found."""
    want = Want(frozenset(), (), past=False)
    return Play(scenario("surveillance", overrides), 41, "compiled").cohorts(range(TRIALS), want=want)


@pytest.mark.parametrize(("sensitivity", "specificity"), [(0.85, 0.9), (1.0, 1.0), (0.0, 0.0), (0.6, 0.99)])
def test_a_reader_who_knows_nothing(sensitivity: float, specificity: float) -> None:
    """Narrow veins are read as narrow with probability sensitivity, open ones with 1 - specificity (to 0.02)."""
    p = Surveillance(enabled=True, sensitivity=sensitivity, specificity=specificity).plan(True, True, True)
    for narrow, truth in ((1.0, sensitivity), (0.0, 1.0 - specificity)):
        read = [reads_narrow(u, narrow, p.narrow_logit, p.open_logit, p.over_reading, 1.0, p.lean, 1.0) for u in U]
        if truth in (0.0, 1.0):
            assert set(read) == {truth == 1.0}
        else:
            share_agrees(read, truth, detects=0.02)


def test_an_unblinded_reader() -> None:
    """Log odds rise by 2 with a recent relapse and fall by 1.5 with full belief: 0.8 becomes 0.967, or 0.472."""
    given = {"enabled": True, "reader": "unblinded", "sensitivity": 0.8, "over_reading_logits": 2.0}
    p = Surveillance.model_validate(given | {"reader_lean_logits": 1.5}).plan(True, True, True)
    for recent, belief, odds in ((0.0, 0.0, 4.0), (1.0, 0.0, 4.0 * math.exp(2.0)), (0.0, 1.0, 4.0 * math.exp(-1.5))):
        read = [reads_narrow(u, 1.0, p.narrow_logit, p.open_logit, p.over_reading, recent, p.lean, belief) for u in U]
        share_agrees(read, odds / (1.0 + odds), detects=0.02)


def test_what_readers_do_not_know() -> None:
    """Blinded readers, or the switch off, take over-reading and lean away; `rater_bias` off the lean alone."""
    known = {"enabled": True, "on_relapse": True, "over_reading_logits": 2.0, "reader_lean_logits": 1.0}
    open_, blind = (Surveillance.model_validate(known | {"reader": r}) for r in ("unblinded", "blinded"))
    assert (open_.plan(True, True, True).over_reading, open_.plan(True, True, True).lean) == (2.0, 1.0)
    assert (open_.plan(True, True, False).over_reading, open_.plan(True, True, False).lean) == (2.0, 0.0)
    for p in (open_.plan(True, False, True), blind.plan(True, True, True)):
        assert (p.over_reading, p.lean) == (0.0, 0.0)
    assert (open_.plan(True, True, True).on_relapse, open_.plan(False, True, True).on_relapse) == (1.0, 0.0)


def test_played_readings_have_their_shares() -> None:
    """In played trials narrow and open veins are read as narrow with their probabilities (to 0.08 and 0.05)."""
    read = play("sham_rct", {**ONE_VEIN, "enrolment.target": 800}).imaging
    share_agrees(read["read"][read["narrow"] == 1] == 1, 0.7, detects=0.08)
    share_agrees(read["read"][read["narrow"] == 0] == 1, 0.05, detects=0.05)


def test_time_to_restenosis() -> None:
    """Patients' true times to restenosis follow the Weibull law at 6, 12 and 18 months (to 0.05)."""
    people = seen(ONE_VEIN)
    days = people.subjects["restenosis_time"] - people.subjects["day_1"]
    for month in (6.0, 12.0, 18.0):
        share_agrees(days <= months(month), narrow_by(month), detects=0.05)


def test_detection_on_a_schedule() -> None:
    """First detection by 18 months has the share worked out for interval-censored times, misses and false alarms.

    A vein that narrows between imagings j - 1 and j of 4 escapes if the first j - 1 are read as open (0.95 each) and
    the others missed (0.3 each); one that never does, if all four are read as open. To 0.05.
    """
    at = [0.0, 3.0, 6.0, 12.0, 18.0]
    escapes = (1.0 - narrow_by(18.0)) * 0.95**4
    for j in range(1, 5):
        escapes += (narrow_by(at[j]) - narrow_by(at[j - 1])) * 0.95 ** (j - 1) * 0.3 ** (5 - j)
    found = restenosed(seen(ONE_VEIN), True, 18.0)
    share_agrees(found == 1.0, 1.0 - escapes, detects=0.05)


def test_detection_lies_on_the_schedule() -> None:
    """With imaging on a schedule alone, every detection is dated at one of its months."""
    people = seen(ONE_VEIN).subjects  # day 1 is the day of the procedure
    after = people["detected_time"] - people["day_1"]
    found = after[~np.isnan(after)] / DAYS_PER_MONTH
    assert {round(float(m), 6) for m in found} == {3.0, 6.0, 12.0, 18.0}


def test_the_endpoint_is_a_share() -> None:
    """`restenosis_18m` is the share detected, or with counts = "true" the share narrow; its truth is the latter (0.47).

    Each within its Monte Carlo error, the truth to 0.06.
    """
    ends = [{"name": "restenosis_18m", "id": kind, "counts": kind} for kind in ("true", "reported")]
    given = scenario("surveillance", {**ONE_VEIN, "endpoint": ends})
    people = seen({**ONE_VEIN, "endpoint": ends})
    true, found = analyse(given, people)
    whole = [restenosed(people, detected, 18.0) for detected in (False, True)]
    for estimates, flags in ((true, whole[0]), (found, whole[1])):
        first = flags[: people.first[1]]
        assert estimates.value[0] == pytest.approx(first.mean(), abs=1e-12)
        assert (estimates.p[estimates.converged] == 1.0).all()
    for truth in find_truth(given, 100):
        agrees(truth.value, 0.47, truth.mcse, detects=0.06)


def test_a_share_with_wilsons_interval() -> None:
    """7 of 20 is 0.35 with Wilson's 0.181 to 0.567 (worked by hand); those without a value are left out."""
    found = share(np.array([1.0] * 7 + [0.0] * 13 + [math.nan] * 3))
    z = 1.959963984540054
    centre, half = (7.0 + z * z / 2.0) / (20.0 + z * z), z * math.sqrt(7.0 * 13.0 / 20.0 + z * z / 4.0) / (20.0 + z * z)
    assert (found.value, found.n, found.p, found.outcome) == (0.35, 20, 1.0, "ok")
    assert (found.lower, found.upper) == pytest.approx((centre - half, centre + half), rel=1e-12)
    assert round(found.lower, 3) == 0.181
    assert round(found.upper, 3) == 0.567


def test_shares_of_many_trials() -> None:
    """A batch gives each trial's own share; a trial in which nobody has a value has none."""
    found = share_batch(np.array([1.0, 0.0, math.nan, 1.0]), np.array([0, 2, 3, 4]))
    assert [e.outcome for e in found] == ["ok", "no_follow_up", "ok"]
    assert (found.value[0], found.value[2], found.lower[2] < found.upper[2]) == (0.5, 1.0, True)


def test_plan_of_a_scenario_without() -> None:
    """Off, as shipped, the plan of surveillance is empty."""
    assert plan("sham_rct").surveillance == Surveillance().plan(True, True, True)
    assert plan("sham_rct").surveillance.on == 0.0
