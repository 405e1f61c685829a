"""What a replay reads off a trial: alike from both engines, asked for no more than it needs, and counted by hand."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

import sim
from sim.core.units import months
from sim.scenario.schema import Figure
from sim.study.play import Play
from sim.study.quantities import QUANTITIES, quantity
from sim.study.replay import Replayed, to_judge
from tests.helpers import people, play, scenario

STUDIES = [name for name in sim.scenarios() if name.startswith("published/")]
PREMISE, DREAMS, BLIND = "published/premise_2014", "published/brave_dreams_2018", "published/blind_prevalence_2013"


def figure(name: str, arm: str = "", **keys: Any) -> Figure:
    """Make a published figure of this quantity over six months."""
    given = {"id": "x", "low": 1.0, "high": 1.0, "window": "", "status": "read", "source": "", "months": [0.0, 6.0]}
    return Figure(quantity=name, arm=arm, **(given | keys))  # type: ignore[arg-type]


def read(name: str, one: Figure) -> float:
    """Read a figure off trial 0, both engines compared."""
    own = scenario(name)
    return float(quantity(own, one).of(own, one, people(name))[0])


def alike(name: str, figures: list[Figure]) -> None:
    """Assert that both engines give these figures alike; the compiled one is asked for them alone."""
    ours, theirs = (
        Replayed(Play(scenario(name), 1, engine), tuple(figures)).many([0, 1]) for engine in ("compiled", "reference")
    )
    assert np.array_equal(ours["values"], theirs["values"], equal_nan=True)
    assert np.isfinite(ours["values"]).any()


@pytest.mark.parametrize("name", STUDIES)
def test_published_figures_are_alike_in_both_engines(name: str) -> None:
    """The compiled engine, asked for a study's figures alone, gives what the reference engine's whole record gives."""
    alike(name, to_judge(scenario(name))[0])


def test_the_whole_vocabulary_is_alike_in_both_engines() -> None:
    """So does every other quantity of a trial with arms, where the window is one of its visits."""
    names = [n for n, q in QUANTITIES.items() if q.kind in ("parallel", "trial")]
    own = scenario(DREAMS)
    year = [figure(n, "" if n == "rate_ratio" else "angioplasty", months=[0.0, 12.0]) for n in names]
    for one in year:
        quantity(own, one)
    alike(DREAMS, year)


@pytest.mark.parametrize(("arm", "size"), [("sham", 10), ("angioplasty", 9)])
def test_relapses_are_counted_by_hand(arm: str, size: int) -> None:
    """Reported relapses within six months of an arm, how many patients have one, and the rate a year."""
    records = play(PREMISE)
    number = [a.name for a in scenario(PREMISE).arm].index(arm)
    entered = records.subjects[(records.subjects["entry_number"] >= 0) & (records.subjects["arm"] == number)]
    assert len(entered) == size
    counts, years = [], 0.0
    for one in entered:
        end = min(one["day_1"] + months(6.0), one["end_time"])
        own = [
            r for r in records.relapses
            if (r["site"], r["arrival"]) == (one["site"], one["arrival"])
            and one["day_1"] < r["onset"] <= end and not math.isnan(r["reported_time"])
        ]  # fmt: skip
        counts.append(len(own))
        years += (end - one["day_1"]) / 365.25
    assert read(PREMISE, figure("relapses", arm, total=size)) == sum(counts)
    assert read(PREMISE, figure("patients_with_relapse", arm, total=size)) == sum(c > 0 for c in counts)
    assert read(PREMISE, figure("relapse_free", arm)) == pytest.approx(sum(c == 0 for c in counts) / size)
    assert read(PREMISE, figure("arr", arm)) == pytest.approx(sum(counts) / years)


def test_a_count_is_scaled_to_its_total() -> None:
    """A count printed out of twice as many patients is twice the trial's; a rate is none."""
    once, twice = (read(PREMISE, figure("new_gd_lesions", "sham", total=n)) for n in (10, 20))
    assert once > 0.0
    assert twice == pytest.approx(2.0 * once)
    assert read(PREMISE, figure("arr", "sham", total=10)) == read(PREMISE, figure("arr", "sham"))


def test_scans_and_scores_are_read_by_hand() -> None:
    """Lesions are those at the scans of the window, changes those between its two visits, in the arm's patients."""
    cohort, own = people(PREMISE), scenario(PREMISE)
    arm = cohort.subjects["arm"] == [a.name for a in own.arm].index("angioplasty")
    table: dict[int, dict[int, Any]] = {}
    for row, visit in zip(cohort.visit_row, cohort.visits, strict=True):
        if row >= 0 and arm[row]:
            table.setdefault(int(row), {})[int(visit["visit"])] = visit
    lesions = sum(v["gd_lesions"] for seen in table.values() for k, v in seen.items() if k > 0)
    assert read(PREMISE, figure("new_gd_lesions", "angioplasty", total=9)) == pytest.approx(
        lesions * 9.0 / sum(len(seen) > 1 for seen in table.values())
    )
    changes = [seen[3]["edss"] - seen[0]["edss"] for seen in table.values() if 3 in seen]
    assert read(PREMISE, figure("edss_change", "angioplasty")) == pytest.approx(np.mean(changes))


def test_doppler_is_read_by_hand() -> None:
    """Who meets two criteria is positive, five criteria are five measurements, and odds are of positives."""
    subjects, own = people(BLIND).subjects, scenario(BLIND)
    ms = subjects["arm"] == own.group_arm("ms")
    met = subjects["doppler_criteria"]
    a, b, c, d = ((met[g] >= 2).sum() if hit else (met[g] < 2).sum() for g in (ms, ~ms) for hit in (True, False))
    assert read(BLIND, figure("ccsvi_positive", "MS", total=68)) == a
    assert read(BLIND, figure("abnormal_doppler", "controls")) == pytest.approx(met[~ms].mean() / 5.0)
    assert read(BLIND, figure("odds_ratio")) == pytest.approx((a / b) / (c / d))


def test_those_followed_to_the_end_are_counted() -> None:
    """Followed to month 12 are those who did not leave before."""
    subjects = people(DREAMS).subjects
    stayed = int((subjects["dropped_out"] == 0).sum())
    assert read(DREAMS, figure("completed", months=[0.0, 12.0], total=115)) == stayed
