"""EDSS courses by hand: what was found at which visit, when relapses began, and what the statistician makes of it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from sim.data.cohort import Cohort, cohort
from sim.data.worsening import first_worsening
from sim.engines.records import LAYOUT, RELAPSE, SUBJECT, VISIT, Records, TrialRecords
from sim.model.worsening import Worsening

DAY_1 = 100.25
TWELVE_WEEKLY = (0.0, 84.0, 168.0, 252.0, 336.0, 420.0, 504.0)
MISSED = math.nan

Answer = tuple[float, bool]


@dataclass(frozen=True)
class Course:
    """One patient: days of visits from study day 1, EDSS found (MISSED: none), onsets of confirmed relapses."""

    sentence: str
    edss: Sequence[float]
    answer: Answer
    relapses: Sequence[float] = ()
    days: Sequence[float] = TWELVE_WEEKLY
    weeks: float = 12.0
    rule: dict[str, Any] = field(default_factory=dict)


def lived(courses: Sequence[Course]) -> Cohort:
    """Give the cohort of these patients; examinations fill `edss` and, as latent scores, `edss_latent`."""
    subjects: Records = np.zeros(len(courses), SUBJECT)
    subjects["arrival"] = subjects["entry_number"] = np.arange(len(courses))
    subjects["day_1"] = DAY_1
    visits: list[tuple[int, int, float, float]] = []
    onsets: list[tuple[int, float]] = []
    for patient, course in enumerate(courses):
        found = enumerate(zip(course.days, course.edss, strict=False))
        visits += [(patient, k, DAY_1 + day, edss) for k, (day, edss) in found if not math.isnan(edss)]
        onsets += [(patient, DAY_1 + onset) for onset in course.relapses]
    return records(subjects, visits, onsets)


def records(subjects: Records, visits: list[tuple[int, int, float, float]], onsets: list[tuple[int, float]]) -> Cohort:
    """Give the cohort of subjects, visits (patient, number, time, EDSS) and confirmed relapses (patient, onset)."""
    seen: Records = np.zeros(len(visits), VISIT)
    for row, visit in zip(seen, visits, strict=True):
        row["arrival"], row["visit"], row["time"], row["edss"] = visit
        row["edss_latent"] = visit[3]
    had: Records = np.zeros(len(onsets), RELAPSE)
    for row, onset in zip(had, onsets, strict=True):
        row["arrival"], row["onset"] = onset
    had["reported_time"], had["confirmed_time"] = had["onset"] + 3.0, had["onset"] + 7.0
    tables = {name: np.zeros(0, layout) for name, layout in LAYOUT.items()}
    return cohort(TrialRecords(0, **(tables | {"subjects": subjects, "relapses": had, "visits": seen})))


def found(course: Course) -> Answer:
    """Give days and event of a course under its own rule."""
    days, events = first_worsening(lived([course]), Worsening(**course.rule).plan(), course.weeks, "confirmed")
    return float(days[0]), bool(events[0])


ROVING = {"reference": "roving"}
FROM_6 = {"high_from_points": 6.0}

COURSES = [
    Course("A rise of a point that stands 12 weeks later is dated at its start.", [2, 2, 3, 3, 3, 3, 3], (168, True)),
    Course("A rise that is gone 12 weeks later is none.", [2, 2, 3, 2, 2, 2, 2], (420, False)),
    Course("Half a point is none below EDSS 5.5.", [2, 2, 2.5, 2.5, 2.5, 2.5, 2.5], (420, False)),
    Course("What has gone by 12 weeks may come again and stay.", [2, 3, 2, 3, 3, 3, 3], (252, True)),
    Course("A rise may grow while it stands.", [2, 3, 4, 4, 4, 4, 4], (84, True)),
    Course("A rise may shrink while it stays a worsening.", [2, 4, 3, 3, 3, 3, 3], (84, True)),
    Course("One that shrinks below it is none.", [2, 4, 2.5, 2.5, 2.5, 2.5, 2.5], (420, False)),
    Course("24 weeks: it stands at both examinations.", [2, 3, 3, 3, 3, 3, 3], (84, True), weeks=24.0),
    Course("24 weeks: a dip in between undoes the first start.", [2, 3, 2.5, 3, 3, 3, 3], (252, True), weeks=24.0),
    Course("24 weeks: what stood for 12 only is none.", [2, 3, 3, 2, 2, 2, 2], (336, False), weeks=24.0),
    Course("12 weeks: the same course is a worsening.", [2, 3, 3, 2, 2, 2, 2], (84, True)),
    # relapses
    Course("None begins in a relapse; the next examination may.", [2, 3, 3, 3, 3, 3, 3], (168, True), [60]),
    Course("Day 30 after the onset is still within it.", [2, 3, 3, 3, 3, 3, 3], (168, True), [54]),
    Course("Day 31 is not.", [2, 3, 3, 3, 3, 3, 3], (84, True), [53]),
    Course("The day of the onset is within it.", [2, 3, 3, 3, 3, 3, 3], (168, True), [84]),
    Course("A relapse the day after an examination does not touch it.", [2, 3, 3, 3, 3, 3, 3], (84, True), [85]),
    Course("None is confirmed in a relapse; a later one may.", [2, 3, 3, 3, 2, 2, 2], (84, True), [160]),
    Course("Where no later one does, it is none.", [2, 3, 3, 2, 2, 2, 2], (420, False), [160]),
    Course("A dip counts although it is seen in a relapse.", [2, 3, 2.5, 3, 3, 3, 3], (252, True), [160]),
    Course("A rise that comes and goes with a relapse is none.", [2, 2, 4, 2, 2, 2, 2], (420, False), [160]),
    Course(
        "A relapse before study day 1 is not one of the study's.", [2, 3, 3], (15, True), [-10], days=(0.0, 15.0, 99.0)
    ),
    Course("Several relapses: each keeps its own days.", [2, 3, 3, 3, 3, 3, 3], (252, True), [80, 150]),
    Course(
        "With relapse_days = 0 relapses do not matter.",
        [2, 3, 3, 2, 2, 2, 2],
        (84, True),
        [84, 168],
        rule={"relapse_days": 0.0},
    ),
    # the reference
    Course("Baseline: better, then as before, is no worsening.", [3, 2, 2, 3, 3, 3, 3], (420, False)),
    Course("Roving: better for 12 weeks, then worse by a point.", [3, 2, 2, 3, 3, 3, 3], (252, True), rule=ROVING),
    Course("Roving: better once only moves nothing.", [3, 2, 3, 3, 3, 3, 3], (420, False), rule=ROVING),
    Course("Roving: better in two steps.", [4, 3, 2, 2, 3, 3, 3], (336, True), rule=ROVING),
    Course("Roving: better at the end moves nothing.", [3, 3, 3, 3, 3, 3, 2], (420, False), rule=ROVING),
    Course("Roving: the step is that of the new reference.", [6, 5, 5, 5.5, 5.5, 5.5, 5.5], (420, False), rule=ROVING),
    Course("Roving: half a point from a reference of 5.5.", [6, 5.5, 5.5, 6, 6, 6, 6], (252, True), rule=ROVING),
    Course("Roving: down to 0 the step is 1.5.", [1, 0, 0, 1, 1, 1, 1], (420, False), rule=ROVING),
    # thresholds
    Course("From 0, one point is not enough.", [0, 1, 1, 1, 1, 1, 1], (420, False)),
    Course("From 0, 1.5 is.", [0, 1.5, 1.5, 1.5, 1.5, 1.5, 1.5], (84, True)),
    Course("From 0, one point where the key says so.", [0, 1, 1, 1], (84, True), rule={"zero_step_points": 1.0}),
    Course("From 1.0, half a point is not enough.", [1, 1.5, 1.5, 1.5, 1.5, 1.5, 1.5], (420, False)),
    Course("From 1.0, a point is.", [1, 2, 2, 2, 2, 2, 2], (84, True)),
    Course("From 5.0, half a point is not enough.", [5, 5.5, 5.5, 5.5, 5.5, 5.5, 5.5], (420, False)),
    Course("From 5.0, a point is.", [5, 6, 6, 6, 6, 6, 6], (84, True)),
    Course("From 5.5, half a point is.", [5.5, 6, 6, 6, 6, 6, 6], (84, True)),
    Course("From 5.5, not where 6.0 is asked for.", [5.5, 6, 6, 6, 6, 6, 6], (420, False), rule=FROM_6),
    Course("From 5.5, a point then.", [5.5, 6.5, 6.5, 6.5, 6.5, 6.5, 6.5], (84, True), rule=FROM_6),
    Course("From 6.0, half a point either way.", [6, 6.5, 6.5, 6.5, 6.5, 6.5, 6.5], (84, True), rule=FROM_6),
    # visit windows, missing visits, the end
    Course("77 days after may confirm, with 7 days' tolerance.", [2, 3, 3], (84, True), days=(0.0, 84.0, 161.0)),
    Course("76 days after may not.", [2, 3, 3], (0, False), days=(0.0, 84.0, 160.0)),
    Course("No tolerance: 84.", [2, 3, 3], (84, True), days=(0.0, 84.0, 168.0), rule={"tolerance_days": 0.0}),
    Course("No tolerance: not 83.", [2, 3, 3], (0, False), days=(0.0, 84.0, 167.0), rule={"tolerance_days": 0.0}),
    Course("161 days after may confirm at 24 weeks.", [2, 3, 3], (84, True), days=(0.0, 84.0, 245.0), weeks=24.0),
    Course(
        "An examination too early to confirm must hold too.", [2, 3, 2, 3], (84, False), days=(0.0, 84.0, 120.0, 161.0)
    ),
    Course("A visit missed, the next one confirms.", [2, 3, MISSED, 3, 2, 2, 2], (84, True)),
    Course("A visit missed, the next one shows it first.", [2, MISSED, 3, 3, 2, 2, 2], (168, True)),
    Course(
        "Visits missed up to the end leave nothing to confirm with.",
        [2, 2, 3, MISSED, MISSED, MISSED, MISSED],
        (84, False),
    ),
    Course("Worse at the last visit: censored at the one before.", [2, 2, 2, 2, 2, 2, 3], (420, False)),
    Course("Worse at the last but one, and at the last.", [2, 2, 2, 2, 2, 3, 3], (420, True)),
    Course("Worse at the last two, at 24 weeks: censored two before.", [2, 2, 2, 2, 2, 3, 3], (336, False), weeks=24.0),
    Course("Seen twice after the baseline: censored at the first.", [2, 2, 2], (84, False)),
    Course("Seen once after the baseline: no time at risk.", [2, 3], (0, False)),
    Course("Seen at the baseline alone: no time at risk.", [2], (0, False)),
    Course("Never seen.", [], (0, False)),
    Course("No baseline: nothing to compare with.", [MISSED, 3, 3, 3, 3, 3, 3], (0, False)),
]
