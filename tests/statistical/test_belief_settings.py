"""Statistical evidence: the two settings of belief do what they are named for.

`hrobjartsson`: those who know the arm are more favourable by the published sizes. `sceptical`: not at all, exactly.
"""

from __future__ import annotations

import math

import numpy as np
import pytest

from sim.data.cohort import Cohort
from sim.engines.records import LAYOUT
from sim.engines.want import Want
from sim.evidence import targets
from sim.scenario.beliefs import SCEPTICAL
from sim.study.belief_sizes import OPEN, REFERENCE, SCALES, Difference, Scale, published_size, standardised
from sim.study.play import Play
from tests.helpers import Overrides, Z, agrees, play, scenario

TRIALS = 2000
KNOWING: Overrides = {"belief.assessor": "open", "effect.enabled": False, "veins.wait_days": 0.0}
"""Assessors who know the arm in a trial whose patients do not: what differs between arms is the assessors' doing."""


@pytest.fixture(scope="module")
def found() -> dict[str, Difference]:
    """Give each score's standardised difference in the open trial without an effect."""
    return standardised(scenario(REFERENCE, OPEN), TRIALS, 77)


@pytest.mark.parametrize("scale", SCALES, ids=[scale.field for scale in SCALES])
def test_those_who_know_are_more_favourable_by_the_published_size(found: dict[str, Difference], scale: Scale) -> None:
    """EDSS rated by assessors who know: SMD -0.23; MSQOL-54 of patients who know: 0.17 better (finds 0.03).

    The sizes were worked out from as many trials, so the error is counted twice.
    """
    own = found[scale.field]
    agrees(own.value, published_size(scale), math.sqrt(2.0) * own.mcse, detects=0.03)


def test_an_assessor_who_knows_confirms_by_the_published_odds_ratio() -> None:
    """Of relapses reported after the procedure those under angioplasty are confirmed with odds 0.64 times the others'
    (finds 8%); whether a patient has any confirmed relapse differs less."""
    made = scenario("sham_rct", KNOWING)
    people = Play(made, 78).cohorts(range(TRIALS), want=Want(frozenset(("reported", "confirmed")), (), past=False))
    treated = people.subjects["arm"] == 1
    published = targets()["hrobjartsson2012"].value
    assert published is not None
    log_odds, error = _log_odds_ratio(*_confirmed(people, treated))
    agrees(log_odds, math.log(published), error, detects=0.08)
    any_confirmed, its_error = _log_odds_ratio(_has_any(people, treated), _has_any(people, ~treated))
    assert any_confirmed > math.log(published) + Z * its_error
    assert any_confirmed < -Z * its_error


def _confirmed(people: Cohort, treated: np.ndarray[tuple[int], np.dtype[np.bool_]]) -> tuple[tuple[int, int], ...]:
    """Count confirmed and unconfirmed reports of true relapses after study day 1, of treated patients and of others."""
    r, row = people.relapses, people.relapse_row
    on_study = (row >= 0) & (r["pseudo"] == 0) & (r["reported_time"] > people.subjects["day_1"][row])
    there = on_study & (r["reported_time"] + 10.0 < people.subjects["end_time"][row])
    counts = []
    for arm in (True, False):
        own = there & (treated[row] == arm)
        yes = int((~np.isnan(r["confirmed_time"][own])).sum())
        counts.append((yes, int(own.sum()) - yes))
    return tuple(counts)


def _has_any(people: Cohort, mask: np.ndarray[tuple[int], np.dtype[np.bool_]]) -> tuple[int, int]:
    r, row = people.relapses, people.relapse_row
    confirmed = (row >= 0) & ~np.isnan(r["confirmed_time"])
    has = np.zeros(people.size, bool)
    has[row[confirmed]] = True
    yes = int(has[mask].sum())
    return yes, int(mask.sum()) - yes


def _log_odds_ratio(a: tuple[int, int], b: tuple[int, int]) -> tuple[float, float]:
    """Give the log odds ratio of (yes, no) counts and Woolf's error."""
    cells = (*a, *b)
    return math.log(a[0] * b[1] / (a[1] * b[0])), math.sqrt(sum(1.0 / n for n in cells))


@pytest.mark.parametrize("effect", [True, False])
def test_under_the_sceptical_setting_knowing_changes_nothing(effect: bool) -> None:
    """An open trial and a blinded one have the same relapses, reports, ratings and scores, to the last bit."""
    given = {"effect.enabled": effect, "enrolment.target": 40, "belief.setting": SCEPTICAL}
    for table in LAYOUT:
        opened, blinded = (getattr(play(name, given), table) for name in ("open_label_rct", "sham_rct"))
        for field in opened.dtype.names or ():
            if not field.startswith("belief") and table != "events":
                assert np.array_equal(opened[field], blinded[field], equal_nan=True), f"{table}.{field}"


def test_under_the_other_setting_it_does() -> None:
    """The same comparison finds differences in reports, ratings and scores under `hrobjartsson`: it is able to."""
    given = {"effect.enabled": False, "enrolment.target": 40}
    opened, blinded = (play(name, given) for name in ("open_label_rct", "sham_rct"))
    assert not np.array_equal(opened.relapses["reported_time"], blinded.relapses["reported_time"], equal_nan=True)
    assert not np.array_equal(opened.visits["edss"], blinded.visits["edss"], equal_nan=True)
    assert not np.array_equal(opened.visits["quality"], blinded.visits["quality"], equal_nan=True)
