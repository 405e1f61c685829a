"""What a life was bound to hold: merged relapses against renewal theory, running totals against hand-made paths."""

from __future__ import annotations

import numpy as np
import pytest

from sim.core.units import DAYS_PER_YEAR
from sim.data.cohort import cohort, window
from sim.engines.records import LAYOUT, TrialRecords
from sim.study.nature import Nature, days_to, merged, nature
from sim.study.untreated import WORLD
from tests.helpers import Z, plan, play, scenario
from tests.report.looks import rows, trial

STAY = {"enrolment.target": 400, "dropout.enabled": False}


@pytest.mark.parametrize("refractory", [0.0, 0.3, 1.0, 30.0, 45.5])
def test_merging_reaches_the_renewal_rate(refractory: float) -> None:
    """A constant intensity has the counted rate lambda / (1 + lambda r) in the long run, whatever r, to rounding."""
    lam = np.array([0.6, 6.0, 20.0])[:, None] / DAYS_PER_YEAR
    found = merged(np.repeat(lam, 4000, axis=1), refractory)
    assert found[:, -1] == pytest.approx((lam / (1.0 + lam * refractory))[:, 0], rel=1e-9)
    assert np.all(found <= lam * (1.0 + 1e-12))


def test_merging_begins_without_a_past() -> None:
    """On the first day nothing lies behind: half a day of the own rate at most is taken off."""
    assert merged(np.full((1, 3), 0.1), 30.0)[0, 0] == pytest.approx(0.1 / 1.05)


def test_totals_between_days() -> None:
    """A window that begins and ends within a day holds its share of that day."""
    total = np.array([[0.0, 1.0, 3.0, 6.0]])
    known = Nature(-1.0, total, total, total, np.ones(1), np.ones(1))
    assert known.within("counted", np.array([-0.5]), np.array([1.25])) == pytest.approx([3.75 - 0.5])


def hand_made() -> TrialRecords:
    """Give one patient, active from 10 days before screening to 20 days after it."""
    who = {"site": 0, "arrival": 3}
    subject = who | {"screening_time": 1200.0, "entry_number": 0, "frailty": 2.0, "day_1": 1214.0}
    start = 1200.0 - 3.0 * DAYS_PER_YEAR
    events = np.zeros(3, LAYOUT["events"])
    told = [(start, 20, 3, 0, 0.0), (1190.0, 20, 3, 1, 1.0), (1220.0, 20, 3, 2, 0.0)]
    for event, fields in zip(events, told, strict=True):
        for name, value in zip(LAYOUT["events"].names or (), fields, strict=True):
            event[name] = value
    return trial(subjects=rows("subjects", subject), events=events)


def test_a_path_by_hand() -> None:
    """The totals of a hand-made path are rate * frailty * level * days, and its long run rate * frailty."""
    base = plan("base", {"relapse.refractory_days": 0.0, "decline.enabled": False})
    records = hand_made()
    people = cohort(records)
    known = nature(base, 1, 0, people, records.events, 100.0)
    level = base.activity.active_level * 30.0 + base.activity.quiescent_level * 30.0
    expected = base.relapse.rate_per_day * 2.0 * level
    for total in ("constant", "intensity", "counted"):
        assert known.within(total, np.array([-25.0]), np.array([35.0])) == pytest.approx([expected])
    rate = scenario("base").relapse.rate_per_year
    assert known.long_run == pytest.approx([rate * 2.0])
    assert known.source == pytest.approx([rate])
    assert days_to(people, 12.0) == pytest.approx([14.0 + DAYS_PER_YEAR])


@pytest.mark.parametrize(
    "more",
    [
        {},
        {"activity.kind": "log_ou"},
        {"relapse": {"refractory_days": 90.0, "rate_per_year": 3.0}},
        {"season": {"enabled": True, "amplitude": 0.8}, "sites.relapse_rate_variance": 1.0},
        {"activity.enabled": False, "course": {"sp_prob": 0.5}, "eligibility.courses": ["rr", "sp"]},
    ],
    ids=["as shipped", "by the month", "long refractory time", "season and sites", "courses"],
)
def test_counts_are_as_expected(more: dict[str, object]) -> None:
    """Where nobody is selected, relapses counted in a year are those expected of frailty and path, by Z errors."""
    overrides = STAY | {"eligibility.enabled": False, "frailty.variance": 0.4} | more
    gaps = []
    for number in range(5):
        records = play("base", overrides, trial=number, world=WORLD)
        people = cohort(records)
        known = nature(plan("base", overrides), 1, number, people, records.events, 900.0)
        for low, high in ((-12.0, 0.0), (0.0, 12.0)):
            counts = window(people, "true", low, high, planned=True).counts
            gaps.append(counts - known.within("counted", days_to(people, low), days_to(people, high)))
    gap = np.concatenate(gaps)
    error = gap.std(ddof=1) / np.sqrt(len(gap))
    assert (Z + 2.0) * error < 0.25, "too few patients to find an error of 0.25 relapses a year"
    assert abs(gap.mean()) <= Z * error
