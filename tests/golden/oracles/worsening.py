"""Asks msclinical for the first confirmed EDSS worsening of random courses: data and answers as CSV, a log on stdout.

Run in this folder as README.md says, with msclinical installed elsewhere: this project does not depend on it.
"""

from __future__ import annotations

import csv
import importlib
import sys
from importlib.metadata import version
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

COURSES = 400
DAY_0 = pd.Timestamp("2020-01-01")
STEPS = {5.5: ((0.0, 1.5), (5.0, 1.0), (10.0, 0.5)), 6.0: ((0.0, 1.5), (5.5, 1.0), (10.0, 0.5))}


def make_data(path: Path) -> None:
    """Write seeded courses of 1 to 10 visits some 12 weeks apart, one in eight missed, that wander over the EDSS."""
    rng = np.random.default_rng(20261122)
    rows = []
    for patient in range(COURSES):
        visits = int(rng.integers(1, 11))
        days = np.concatenate([[0], np.cumsum(rng.choice([28, 76, 77, 84, 84, 91, 98], visits - 1))])
        moves = rng.choice([-1.0, -0.5, 0.0, 0.0, 0.0, 0.5, 1.0, 1.5], visits)
        level = rng.choice([0.0, 1.0, 2.0, 3.5, 5.0, 5.5, 6.0]) + np.concatenate([[0.0], np.cumsum(moves[1:])])
        level = np.clip(level, 0.0, 9.5)
        edss = np.where(level == 0.5, 1.0, level)
        there = np.concatenate([[True], rng.random(visits - 1) < 0.875])
        rows += [(patient, int(d), float(e)) for d, e in zip(days[there], edss[there], strict=True)]
    pd.DataFrame(rows, columns=["patient", "day", "edss"]).to_csv(path, index=False)


def first_event(core: Any, visits: pd.DataFrame, rules: Any) -> tuple[object, object, object]:
    """Give day, confirmation day and reference of the first confirmed worsening, empty where there is none."""
    for event in core.component_events(visits, "edss", rules):
        if event["status"] == "confirmed":
            days = [(pd.Timestamp(event[f"{name}_date"]) - DAY_0).days for name in ("onset", "confirmation")]
            return days[0], days[1], event["reference_value"]
    return "", "", ""


def main(data: Path, answers: Path) -> None:
    """Make the data, and write msclinical's answer to each course under each rule."""
    core = importlib.import_module("msclinical.edssplus.core")
    make_data(data)
    courses = pd.read_csv(data)
    courses["date"] = DAY_0 + pd.to_timedelta(courses["day"], unit="D")
    events = 0
    with answers.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["patient", "reference", "weeks", "high_from", "tolerance", "day", "confirmed", "level"])
        for (reference, name), weeks, high in product((("baseline", "fixed"), ("roving", "roving")), (12, 24), STEPS):
            for patient, own in courses.groupby("patient"):
                tolerance = 7 * (int(patient) % 2)
                rules = core.Rules(confirm_days=7 * weeks - tolerance, reference=name, edss_steps=STEPS[high])
                found = first_event(core, own[["date", "edss"]], rules)
                events += found[0] != ""
                writer.writerow([patient, reference, weeks, high, tolerance, *found])
    print(f"msclinical {version('msclinical')} | pandas {pd.__version__} | Python {sys.version.split()[0]}")
    print(f"{COURSES} courses, {len(courses)} examinations, {8 * COURSES} answers, {events} of them events")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
