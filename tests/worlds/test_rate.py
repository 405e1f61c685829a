"""Worlds evidence: seasons and monthly activity move relapses where they may, and nothing else."""

from __future__ import annotations

import math

import pytest

from sim.core.events import Kind
from sim.core.units import years
from sim.engines.records import TrialRecords
from tests.helpers import (
    EventRow,
    Overrides,
    changed_kinds,
    difference,
    event_rows,
    kinds,
    of_kind,
    play,
)
from tests.worlds.cohorts import COURSE, FIXED, fields, pair, same_people, words

SEASON: Overrides = {"enabled": True, "amplitude": 0.7, "peak_day": 60.0, "first_site_day": 200.0}
MONTHLY: Overrides = {"kind": "log_ou", "log_sd": 0.8, "month_correlation": 0.9}
LIVES = COURSE | {Kind.SCREENED}
"""What follows where history changes too: how many relapses are recalled at screening."""

COUNTED = {"recalled_1y", "recalled_2y", "screening_edss"}


def relapses(rows: set[EventRow]) -> list[EventRow]:
    """Give the relapses among these events."""
    return [row for row in rows if row[1] == Kind.RELAPSE]


# ---- seasons ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("off", [{"season.enabled": False}, {"season.enabled": True, "season.amplitude": 0.0}])
def test_no_season_is_no_season(off: Overrides) -> None:
    """Turned off, or of amplitude 0, whatever its other keys: every bit is that of a scenario that knows no season."""
    plain, other = pair(FIXED, FIXED | {"season.peak_day": 10.0, "season.first_site_day": 99.0} | dict(off))
    assert not changed_kinds(plain, other)
    assert not fields(plain, other)


def test_a_season_adds_in_its_half_of_the_year_and_takes_away_in_the_other() -> None:
    """Relapses are added only where the cosine is above 0, taken away only below, and none is moved; nothing else."""
    plain, seasonal = pair(FIXED, FIXED | {"season": dict(SEASON)})
    gone, new = difference(plain, seasonal)
    lost, added = relapses(gone), relapses(new)
    assert min(len(lost), len(added)) > 50
    for sign, rows in ((-1.0, lost), (1.0, added)):
        assert all(sign * math.cos(2.0 * math.pi * (row[0] + 200.0 - 60.0) / 365.25) > 0.0 for row in rows)
    assert kinds(gone) | kinds(new) == LIVES
    changed = fields(plain, seasonal)
    assert changed["subjects"] == COUNTED
    assert set(changed) == {"subjects", "relapses", "visits"}


def test_the_calendar_begins_on_the_day_the_first_site_opens() -> None:
    """Opening a quarter later with a peak a quarter later is the same trial; with the same peak it is another one."""
    here, same = (
        play("sham_rct", FIXED | {"season": dict(SEASON) | {"peak_day": 60.0 + d, "first_site_day": 200.0 + d}})
        for d in (0.0, 64.0)
    )
    assert not changed_kinds(here, same)
    other = play("sham_rct", FIXED | {"season": dict(SEASON) | {"first_site_day": 264.0}})
    assert Kind.RELAPSE in changed_kinds(here, other)


# ---- activity by the month ----------------------------------------------------------------------------------------


def test_another_kind_of_activity_leaves_the_people_alone() -> None:
    """`log_ou` instead of two states changes activity, relapses and what follows; people, veins and entry stay."""
    states, monthly = pair(FIXED, FIXED | {"activity": dict(MONTHLY)})
    assert changed_kinds(states, monthly) == LIVES | {Kind.ACTIVITY}
    same_people(states, monthly)
    changed = fields(states, monthly)
    assert changed["subjects"] == COUNTED | {"active_at_screening"}
    assert set(changed) == {"subjects", "relapses", "visits"}


def test_keys_of_the_other_kind_do_nothing() -> None:
    """Two states do not look at the keys of `log_ou`, nor `log_ou` at those of two states."""
    states, same = pair(FIXED, FIXED | {"activity.log_sd": 1.5, "activity.month_correlation": 0.1})
    assert not changed_kinds(states, same)
    monthly = FIXED | {"activity": dict(MONTHLY)}
    one, other = pair(monthly, monthly | {"activity.ratio": 50.0, "activity.active_months": 1.0})
    assert not changed_kinds(one, other)
    assert not fields(one, other)


def path(records: TrialRecords, since: float) -> set[tuple[int, float, float]]:
    """Give patient, time and level of each month that begins later than this many years before screening."""
    s = records.subjects
    first = dict(zip(words(s).tolist(), (s["screening_time"] - years(since) + 1.0).tolist(), strict=True))
    rows = of_kind(records, Kind.ACTIVITY).tolist()
    return {(word, time, value) for time, _, word, _, value in rows if time > first[word]}


@pytest.mark.parametrize("longer", [3.05, 5.0, 20.0])
def test_the_path_does_not_know_how_long_the_history_is(longer: float) -> None:
    """In a longer history each month of the last three years, and after screening, keeps its level in every bit."""
    short, long = pair(
        *(
            FIXED | {"activity": dict(MONTHLY), "relapse.history_years": y, "decline.enabled": False}
            for y in (3.0, longer)
        )
    )
    assert path(short, 3.0) == path(long, 3.0)
    assert len(path(short, 3.0)) > 300 * (35 + 18)
    assert short.subjects["active_at_screening"].tobytes() == long.subjects["active_at_screening"].tobytes()
    assert len(of_kind(long, Kind.ACTIVITY)) > len(of_kind(short, Kind.ACTIVITY))


def test_the_path_does_not_know_the_effect() -> None:
    """What is done to patients, and how often they relapse, leaves every month's level as it was."""
    monthly = FIXED | {"activity": dict(MONTHLY), "dropout.enabled": False}
    one, other = pair(monthly, monthly | {"effect.rate_ratio": 3.0, "relapse.rate_per_year": 0.2})
    assert path(one, 3.0) == path(other, 3.0)


def test_the_level_at_screening_is_that_of_the_month_that_begins_there() -> None:
    """`active_at_screening` is the level of month 0, which the log notes at the day of screening."""
    records = play("sham_rct", FIXED | {"activity": dict(MONTHLY)})
    noted = {(row[2], row[0]): row[4] for row in event_rows(records) if row[1] == Kind.ACTIVITY}
    s = records.subjects
    at = zip(words(s).tolist(), s["screening_time"].tolist(), strict=True)
    assert [noted[place] for place in at] == s["active_at_screening"].tolist()
