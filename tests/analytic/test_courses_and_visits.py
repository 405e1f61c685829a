"""Analytic evidence for courses of the disease and for visits: closed forms, hand-made cases, and whole trials."""

from __future__ import annotations

import math

import numpy as np
import pytest

from sim.analysis.ancova import ancova_change
from sim.analysis.trial import analyse
from sim.core.units import DAYS_PER_YEAR, months
from sim.data.cohort import at_visit, of_course, window
from sim.model import attendance, course
from sim.model.course import Course
from sim.model.disability import Disability
from tests.analytic.lives import OPEN, assert_uniform
from tests.helpers import agrees, mean_agrees, people, scenario, share_agrees

# Poisson counts at a level rate: what a course does is seen undisturbed.
MIXED: dict[str, object] = OPEN | {
    "course": {"sp_prob": 0.3, "pp_prob": 0.2, "pp_rate_ratio": 0.2},
    "relapse": {"rate_per_year": 3.0, "refractory_days": 0.0, "history_years": 0.1},
    "frailty.variance": 0.0,
    "activity.kind": "none",
    "decline.enabled": False,
    "effect.enabled": False,
    "disability.baseline_log_sd": 0.1,
    "recall.enabled": False,
}
LOOSE: dict[str, object] = OPEN | {
    "visits": {"months": [0.0, 3.0, 6.0, 24.0], "window_days": 20.0, "missed_prob": 0.2},
    "endpoint": [{"name": "edss_24m"}],
    "study.primary": "",
}


def test_course_by_hand() -> None:
    """With 0.3 SP and 0.2 PP a draw below 0.3 is SP, one from 0.8 on PP, RR between; with none of both, all are RR."""
    assert [course.course_of(u, 0.3, 0.2) for u in (0.29, 0.31, 0.79, 0.81)] == [1, 0, 0, 2]
    assert [course.course_of(u, 0.0, 0.0) for u in (2.0**-53, 1.0 - 2.0**-53)] == [0, 0]
    assert [course.course_of(u, 0.5, 0.5) for u in (0.49, 0.51)] == [1, 2]
    assert [course.by_course(c, 1.0, 0.4, 0.05) for c in (0.0, 1.0, 2.0)] == [1.0, 0.4, 0.05]
    assert course.own_rate(0.6, 0.4) == 0.6 * 0.4
    assert [course.is_full(n, 10.0) for n in (9.0, 10.0)] == [False, True]
    assert not course.is_full(1e6, math.inf)


def test_visit_days_by_hand() -> None:
    """Due on day 190 with a window of 20: 170 to 210, rounded up on whole days, and no later than the end."""
    assert [attendance.seen_on(100.0, 90.0, u, 20.0, 900.0, 0.0) for u in (0.0, 0.5, 0.75)] == [170.0, 190.0, 200.0]
    assert attendance.seen_on(100.0, 90.0, 0.51, 20.0, 900.0, 1.0) == 191.0
    assert attendance.seen_on(100.0, 90.0, 0.75, 20.0, 195.0, 0.0) == 195.0
    assert [attendance.is_missed(u, 0.2) for u in (0.19, 0.2)] == [True, False]
    assert not attendance.is_missed(2.0**-53, 0.0)


def test_courses_have_their_shares_slopes_levels_and_rates() -> None:
    """Shares 0.3 and 0.2 (finds 0.07); slopes, levels and relapse counts of each course have their closed-form means.

    Finds a mean slope off by 30% (SP) and 42% (PP), a median by 3% and 4.2%, a relapse rate by 20% and 35%.
    """
    found = people("sham_rct", MIXED)
    s, counts = found.subjects, window(found, "true", 0.0, 24.0).counts
    assert found.size == 2000
    cases = (  # course, share, slope a year, median, relapses in two years; what is found of slope and of rate
        (1, 0.3, Course().sp_slope_points_per_year, 5.5, 3.0 * 0.4 * 2.0, 0.3, 0.2),
        (2, 0.2, Course().pp_slope_points_per_year, 4.5, 3.0 * 0.2 * 2.0, 0.42, 0.35),
        (0, 0.5, Disability().slope_points_per_year, 2.2, 3.0 * 2.0, 0.25, 0.1),
    )
    for code, share, per_year, median, relapses, finds, finds_rate in cases:
        own = s["course"] == code
        share_agrees(own, share, detects=0.08)
        mean_agrees(s["slope_per_day"][own] * DAYS_PER_YEAR / per_year, 1.0, detects=finds)
        mean_agrees(np.log(s["edss_latent"][own] / median) / 0.1, 0.0, detects=finds)
        n = int(own.sum())
        agrees(float(counts[own].mean()) / relapses, 1.0, 1.0 / math.sqrt(relapses * n), detects=finds_rate)


def test_visits_are_uniform_in_their_windows() -> None:
    """Days from due are uniform on -20 to 20 (finds a distribution off by 0.07) and unrelated between visits (0.19).

    A visit due at the end of follow-up takes place there whenever its draw is late: in half of the cases (finds 0.09).
    """
    found = people("sham_rct", LOOSE)
    day_1, end = found.subjects["day_1"], found.subjects["planned_end"]
    off = [at_visit(found, "time", v) - day_1 - months(m) for v, m in ((1, 3.0), (2, 6.0))]
    seen = [~np.isnan(x) for x in off]
    assert_uniform(np.concatenate([(x[k] + 20.0) / 40.0 for x, k in zip(off, seen, strict=True)]), detects=0.07)
    both = seen[0] & seen[1]
    agrees(float(np.corrcoef(off[0][both], off[1][both])[0, 1]), 0.0, 1.0 / math.sqrt(both.sum()), detects=0.19)
    last = at_visit(found, "time", 3)
    kept = ~np.isnan(last)
    assert (last[kept] <= end[kept]).all()
    assert (last[kept] > end[kept] - 20.0).all()
    share_agrees(last[kept] == end[kept], 0.5, detects=0.09)
    assert (at_visit(found, "time", 0) == day_1).all()


def test_a_fifth_of_visits_is_missed() -> None:
    """Of 6,000 visits after the baseline a fifth is missed (finds 0.04), unrelated between visits (finds 0.16)."""
    found = people("sham_rct", LOOSE)
    missed = np.array([np.isnan(at_visit(found, "edss", v)) for v in (1, 2, 3)])
    share_agrees(missed.ravel(), 0.2, detects=0.04)
    for a, b in ((0, 1), (0, 2), (1, 2)):
        agrees(float(np.corrcoef(missed[a], missed[b])[0, 1]), 0.0, 1.0 / math.sqrt(found.size), detects=0.16)
    assert not np.isnan(at_visit(found, "edss", 0)).any()


@pytest.mark.parametrize("name", ["", "rr", "sp", "pp"])
def test_an_endpoint_is_of_its_course_and_of_the_visits_that_took_place(name: str) -> None:
    """The analysis is that of the patients of the course who were seen at both visits, picked out by hand."""
    changes = MIXED | LOOSE | {"course": MIXED["course"], "enrolment.target": 300}
    changes |= {"endpoint": [{"name": "edss_24m", "course": name}, {"name": "arr_24m", "counts": "true"}]}
    found = people("sham_rct", changes)
    codes = {"": {0, 1, 2}, "rr": {0}, "sp": {1}, "pp": {2}}[name]
    before, after = at_visit(found, "edss", 0), at_visit(found, "edss", 3)
    own = np.isin(found.subjects["course"], list(codes)) & ~np.isnan(after)
    active = found.subjects["arm"] == [a.procedure for a in scenario("sham_rct", changes).arm].index("angioplasty")
    by_hand = ancova_change(before[own], after[own], active[own])
    edss, rate = analyse(scenario("sham_rct", changes), found)
    assert (float(edss.value[0]), int(edss.n[0])) == (by_hand.value, int(own.sum()))
    assert int(rate.n[0]) == found.size == 300  # other endpoints are of everyone
    picked = of_course(found, name)
    assert picked.size == picked.first[-1] == np.isin(found.subjects["course"], list(codes)).sum()
    for rows, row in ((picked.relapses, picked.relapse_row), (picked.visits, picked.visit_row)):
        kept = row >= 0
        assert kept.any()
        assert np.array_equal(rows["arrival"][kept], picked.subjects["arrival"][row[kept]])
