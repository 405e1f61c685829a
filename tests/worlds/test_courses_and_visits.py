"""Worlds evidence: courses of the disease, windows and missed visits move what they can reach, and nothing else."""

from __future__ import annotations

import numpy as np

from sim.core.events import Kind
from sim.core.units import DAYS_PER_MONTH
from sim.engines.records import Records
from sim.model.course import Course
from sim.model.disability import Disability
from tests.helpers import changed_fields, changed_kinds, difference, event_rows, kinds, of_kind
from tests.worlds.cohorts import COURSE, FIXED, fields, of_patients, pair, without_values, words

MIXED = FIXED | {"course": {"sp_prob": 0.4, "pp_prob": 0.2}}


def test_the_relapsing_remitting_do_not_notice_the_others() -> None:
    """With shares of SP and PP on, whoever stays RR keeps every bit; SP and PP change in course and levels alone."""
    none, some = pair(FIXED, MIXED)
    s = some.subjects
    others = set(words(s)[s["course"] > 0].tolist())
    assert 100 < len(others) < 250
    gone, new = difference(none, some)
    assert {row[2] for row in gone | new} == others
    assert kinds(gone | new) == COURSE | {Kind.SCREENED}
    rr = s["course"] == 0
    assert not changed_fields(none.subjects[rr], s[rr])
    for table in ("relapses", "visits", "veins", "procedures"):
        a, b = (getattr(r, table) for r in (none, some))
        assert not changed_fields(*(rows[~np.isin(words(rows), list(others))] for rows in (a, b)))
    assert fields(none, some)["subjects"] == {
        "course",
        "screening_edss",
        "recalled_1y",
        "recalled_2y",
        "edss_latent",
        "slope_per_day",
        "quality_latent",
        "msfc_latent",
        "mental_latent",
    }


def test_one_share_moves_alone() -> None:
    """A larger share of PP takes its patients from RR and leaves every bit of the SP as it was."""
    few, more = pair(MIXED, FIXED | {"course": {"sp_prob": 0.4, "pp_prob": 0.5}})
    a, b = few.subjects["course"], more.subjects["course"]
    assert np.array_equal(a == 1, b == 1)
    assert ((b == 2) >= (a == 2)).all()
    assert (b == 2).sum() > (a == 2).sum()
    sp = set(words(few.subjects)[a == 1].tolist())
    assert of_patients(event_rows(few), sp) == of_patients(event_rows(more), sp)


def test_a_course_scales_slope_and_moves_level() -> None:
    """The same patient as SP has the slope drawn as RR times the ratio of the means, and 5.5 / 2.2 times the level."""
    none, some = pair(FIXED | {"disability.baseline_log_sd": 0.1}, MIXED | {"disability.baseline_log_sd": 0.1})
    sp = some.subjects["course"] == 1
    slopes = Course().sp_slope_points_per_year / Disability().slope_points_per_year
    assert slopes > 1.0
    for field, ratio in (("slope_per_day", slopes), ("edss_latent", 5.5 / 2.2)):
        assert np.allclose(some.subjects[field][sp] / none.subjects[field][sp], ratio, rtol=1e-12)


def test_windows_move_visits_alone() -> None:
    """With a window visits after the baseline take place on other days, with other scores; no other event moves."""
    exact, loose = pair(FIXED, FIXED | {"visits.window_days": 30.0})
    assert changed_kinds(exact, loose) == {Kind.VISIT}
    assert set(fields(exact, loose)) == {"visits"}
    first = [r.visits[r.visits["visit"] == 0] for r in (exact, loose)]
    assert not changed_fields(*first)
    shift = {(int(w), int(v)): t for w, v, t in zip(*_columns(exact.visits), strict=True)}
    moved = [t - shift[w, v] for w, v, t in zip(*_columns(loose.visits), strict=True) if v > 0 and (w, v) in shift]
    assert 0.0 < max(map(abs, moved)) < 30.0
    half = [r.visits for r in pair(FIXED | {"visits.window_days": 15.0}, FIXED | {"visits.window_days": 30.0})]
    due = half[0]["visit"] == 1, half[1]["visit"] == 1
    if np.array_equal(words(half[0][due[0]]), words(half[1][due[1]])):  # the same draw: half the window, half the way
        days = [
            h["time"][d] - _day_1(loose.subjects, h[d]) - 6.0 * DAYS_PER_MONTH for h, d in zip(half, due, strict=True)
        ]
        assert np.allclose(2.0 * days[0], days[1], atol=1e-9)


def _columns(visits: Records) -> tuple[list[int], list[int], list[float]]:
    return words(visits).tolist(), visits["visit"].tolist(), visits["time"].tolist()


def _day_1(subjects: Records, rows: Records) -> np.ndarray:
    """Give study day 1 of the patient of each row."""
    days: np.ndarray = subjects["day_1"][np.searchsorted(words(subjects), words(rows))]
    return days


def test_missed_visits_leave_the_others_alone() -> None:
    """Some visits are missed at the very times they would have been; all others stay bit for bit, but for practice."""
    quiet = FIXED | {"switches.practice": False}
    all_, some = pair(quiet, quiet | {"visits.missed_prob": 0.3})
    gone, new = difference(all_, some)
    assert kinds(gone) == {Kind.VISIT}
    assert kinds(new) == {Kind.VISIT_MISSED}
    assert {(r[0], r[2], r[3]) for r in gone} == {(r[0], r[2], r[3]) for r in new}
    assert of_kind(some, Kind.VISIT_MISSED)["index"].min() == 1
    assert without_values(gone)
    kept = np.isin(_visit_words(all_.visits), _visit_words(some.visits))
    assert not changed_fields(all_.visits[kept], some.visits)
    assert set(fields(all_, some)) == {"visits"}


def _visit_words(visits: Records) -> np.ndarray:
    found: np.ndarray = words(visits) * 256 + visits["visit"]
    return found


def test_practice_counts_the_visits_that_took_place() -> None:
    """With visits missed, practice adds 0.3 * (1 - e^-n) to the MSFC after n earlier visits that were attended."""
    missing = FIXED | {"visits.missed_prob": 0.3}
    on, without = pair(missing, missing | {"switches.practice": False})
    assert fields(on, without) == {"visits": {"msfc"}}
    v = on.visits
    starts = np.flatnonzero(v["visit"] == 0)
    attended = np.arange(len(v)) - starts[np.searchsorted(starts, np.arange(len(v)), side="right") - 1]
    assert (attended < v["visit"]).any()
    gain = v["msfc"] - without.visits["msfc"]
    assert np.allclose(gain, -0.3 * np.expm1(-attended), rtol=0.0, atol=1e-14)  # z-scores of some units: rounding
