"""Regression to the mean comes out of entry rules applied to a fluctuating count; nothing puts it in."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from sim.core.events import Kind
from sim.data.cohort import Counts, cohort, window
from sim.study.play import Play
from tests.helpers import Z, agrees, of_kind, people, play, scenario

TRIALS = 10
LARGE: dict[str, object] = {"enrolment.target": 400}


def _rates(overrides: dict[str, object], kind: Counts, start: float, end: float) -> tuple[float, float]:
    """Give the mean relapses a year of the enrolled in a window, and its standard error over patients."""
    counts = [
        window(people("base", LARGE | overrides, trial=k), kind, start, end).counts / ((end - start) / 12.0)
        for k in range(TRIALS)
    ]
    x = np.concatenate(counts)
    return float(x.mean()), float(x.std(ddof=1) / math.sqrt(len(x)))


STAY: dict[str, object] = {"dropout.enabled": False}


def test_the_rate_falls_although_nobody_is_treated() -> None:
    """Under the strict entry rule the true rate falls by a third or more from the year before to the year after."""
    before, before_error = _rates(STAY, "true", -12.0, 0.0)
    after, after_error = _rates(STAY, "true", 0.0, 12.0)
    assert after + Z * after_error < 0.67 * (before - Z * before_error)


PROTOTYPE: dict[str, object] = STAY | {
    "recall.enabled": False,
    "relapse.refractory_days": 0.0,
    "enrolment.screening_days": 0.0,
}


NATURE: dict[str, object] = PROTOTYPE | {
    "relapse.rate_per_year": 0.6,
    "frailty.variance": 0.4,
    "activity.ratio": 6.0,
    "activity.active_months": 8.0,
    "activity.quiescent_months": 24.0,
    "decline.fall_per_year": 0.04,
}
"""The population the prototype had; the shipped one is fitted."""


def _within_digits(estimate: float, printed: float, digit: float, error: float) -> None:
    """Assert that the estimate is what was printed: half of its last digit, and our own Monte Carlo error."""
    assert Z * error < 0.1, "too few patients to tell"
    assert abs(estimate - printed) <= digit / 2.0 + Z * error


def test_figures_of_the_prototype() -> None:
    """An independent prototype, without refractory time, had 1.4 a year before a strict entry, 0.78, then 0.74."""
    for (start, end), printed, digit in (
        ((-12.0, 0.0), 1.4, 0.1),
        ((0.0, 12.0), 0.78, 0.01),
        ((12.0, 24.0), 0.74, 0.01),
    ):
        rate, error = _rates(NATURE, "true", start, end)
        _within_digits(rate, printed, digit, error)


SHIPPED = (((-12.0, 0.0), 1.2930), ((0.0, 12.0), 0.6608), ((12.0, 24.0), 0.5405))
"""Relapses a year around entry in `base`, as this test last printed them (500 trials of 400 patients, seed 1)."""


def test_figures_of_the_shipped_population() -> None:
    """As shipped, the rates of the year before entry and of the two years after are those written here (finds 0.02)."""
    entered = Play(scenario("base", LARGE | STAY), 2).cohorts(range(500))
    for (start, end), stated in SHIPPED:
        rates = window(entered, "true", start, end).counts * 12.0 / (end - start)
        error = float(rates.std(ddof=1)) / math.sqrt(len(rates))
        print(f"\nbase, months {start:g} to {end:g}: {rates.mean():.4f} (MCSE {error:.4f})")
        agrees(float(rates.mean()), stated, math.sqrt(2.0) * error, detects=0.025)


def test_without_an_entry_rule_nothing_regresses() -> None:
    """Without selection, and with decline off, the rate before entry is the rate after it."""
    off = STAY | {"eligibility.enabled": False, "decline.enabled": False}
    before, before_error = _rates(off, "true", -12.0, 0.0)
    after, after_error = _rates(off, "true", 0.0, 12.0)
    agrees(before, after, math.hypot(before_error, after_error), detects=0.25)


def test_the_switch_of_selection_takes_the_regression_away() -> None:
    """The switch `selection` off lets everyone in and leaves the rate level but for the decline."""
    off = STAY | {"switches.selection": False, "switches.decline": False, "decline.enabled": False}
    before, before_error = _rates(off, "true", -12.0, 0.0)
    after, after_error = _rates(off, "true", 0.0, 12.0)
    agrees(before, after, math.hypot(before_error, after_error), detects=0.25)


def test_the_enrolled_are_truly_more_active_than_the_population() -> None:
    """What does not regress is stable: the enrolled have a mean frailty above 1."""
    x = np.concatenate([people("base", LARGE, trial=k).subjects["frailty"] for k in range(TRIALS)])
    assert x.mean() - Z * x.std(ddof=1) / math.sqrt(len(x)) > 1.0


def test_a_soft_entry_raises_the_relapse_free() -> None:
    """With a soft entry the prototype had 42% relapse-free before and 60% after, with no treatment at all."""
    soft = LARGE | NATURE | {"eligibility.kind": "soft"}
    for start, end, printed in ((-12.0, 0.0, 0.42), (0.0, 12.0, 0.60)):
        free = np.concatenate(
            [window(people("base", soft, trial=k), "true", start, end).counts == 0 for k in range(TRIALS)]
        )
        _within_digits(float(free.mean()), printed, 0.01, math.sqrt(printed * (1.0 - printed) / len(free)))


RATE = 0.6
MONTHLY: dict[str, object] = (
    LARGE
    | PROTOTYPE
    | {
        "activity": {"kind": "log_ou", "log_sd": 0.8, "month_correlation": 0.7},
        "relapse.rate_per_year": RATE,
        "frailty.variance": 0.4,
        "decline.enabled": False,
        "medication.enabled": False,
        "veins.wait_days": 0.0,
    }
)
"""Months begin at entry, and after a year hardly anything is left of the activity at entry (0.7^12 = 0.014)."""


def _parts(trial: int) -> NDArray[np.float64]:
    """Give, for each of the enrolled, what they expect of frailty alone, and counted and expected in two windows.

    Columns: rate * frailty; relapses in the year before entry, and expected there given frailty and the levels of
    those months; the same for the second year after entry.
    """
    records = play("base", MONTHLY, trial=trial)
    own = cohort(records)
    log = of_kind(records, Kind.ACTIVITY)
    words = (own.subjects["site"] << 32) | own.subjects["arrival"]
    columns = [RATE * own.subjects["frailty"]]
    for start, end in ((-12, 0), (12, 24)):
        kept = log[(log["index"] >= 36 + start) & (log["index"] < 36 + end)]  # three years of history are 36 months
        row = np.searchsorted(np.sort(words), kept["patient"].astype(np.int64))
        row = np.minimum(row, len(words) - 1)
        mine = np.sort(words)[row] == kept["patient"].astype(np.int64)
        level = np.zeros(len(words))
        np.add.at(level, np.argsort(words)[row[mine]], kept["value"][mine] / 12.0)
        columns += [window(own, "true", float(start), float(end)).counts, columns[0] * level]
    return np.column_stack(columns)


def _above_zero(values: NDArray[np.float64]) -> bool:
    return bool(values.mean() - Z * values.std(ddof=1) / math.sqrt(len(values)) > 0.0)


def test_the_three_parts_with_activity_by_the_month() -> None:
    """Of the excess before entry chance is the largest part, then activity and frailty; of these only frailty stays."""
    x = np.concatenate([_parts(trial) for trial in range(TRIALS)])
    frailty, before, expected_before, after, expected_after = x.T
    chance, activity, stable = before - expected_before, expected_before - frailty, frailty - RATE
    assert _above_zero(chance)
    assert _above_zero(activity)
    assert _above_zero(stable)
    assert chance.mean() > max(activity.mean(), stable.mean())
    for gone in (after - expected_after, expected_after - frailty):
        agrees(float(gone.mean()), 0.0, float(gone.std(ddof=1)) / math.sqrt(len(gone)), detects=0.1)
    error = float((after - frailty).std(ddof=1)) / math.sqrt(len(after))
    agrees(float(after.mean()), float(frailty.mean()), error, detects=0.15)
