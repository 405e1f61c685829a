"""Analytic evidence: relapses follow the seasons as the integral of the cosine says."""

from __future__ import annotations

import math

import numpy as np
import pytest
from numpy.typing import NDArray

from sim.core.units import DAYS_PER_YEAR, years
from sim.model import season
from tests.analytic.lives import EPS, OPEN
from tests.helpers import agrees, people, plan

AMPLITUDE, PEAK, OPENS = 0.6, 75.0, 244.0
PATIENTS, RATE = 3600, 3.0

# One frailty, constant activity, no decline: counts are Poisson with the integral of the rate.
SEASONAL: dict[str, object] = OPEN | {
    "enrolment.target": PATIENTS,
    "frailty.enabled": False,
    "activity": {"kind": "none"},
    "relapse": {"rate_per_year": RATE, "refractory_days": 0.0, "history_years": 3.0},
    "decline.enabled": False,
    "reporting.enabled": False,
    "season": {"enabled": True, "amplitude": AMPLITUDE, "peak_day": PEAK, "first_site_day": OPENS},
    "veins": {"left_ijv_prob": 1.0, "success_prob": 1.0, "wait_days": 0.0}
    | {"ijv_restenosis_18m_prob": 0.0, "azygos_restenosis_18m_prob": 0.0},
    "effect.rate_ratio": 1.8,  # with the season up to 2.88: three layers
}


def days_of_the_year(start: float, end: float, arm: int | None) -> tuple[NDArray[np.float64], float]:
    """Give days since the last peak of the onsets in a window of whole years from study day 1, and patient-years."""
    entered = people("sham_rct", SEASONAL)
    own = np.ones(entered.size, bool) if arm is None else entered.subjects["arm"] == arm
    since = entered.relapses["onset"] - entered.subjects["day_1"][entered.relapse_row]
    kept = own[entered.relapse_row] & (since > years(start)) & (since <= years(end))
    days: NDArray[np.float64] = (entered.relapses["onset"][kept] + OPENS - PEAK) % DAYS_PER_YEAR
    return days, float(own.sum()) * (end - start)


# the years before study day 1 end with the screening period, all of it in untreated time
WINDOWS = [(-2.0, 0.0, None, 1.0), (0.0, 2.0, 0, 1.0), (0.0, 2.0, 1, 1.8)]
NAMES = ["before", "sham", "angioplasty"]


@pytest.mark.parametrize(("start", "end", "arm", "ratio"), WINDOWS, ids=NAMES)
def test_counts_by_month_are_the_integral_of_the_cosine(
    start: float, end: float, arm: int | None, ratio: float
) -> None:
    """In each twelfth of the year the count is Poisson with the integral of rate * ratio * (1 + amplitude * cos).

    Over whole years every patient sees each season alike, whenever they came. Finds a month off by 30% of the mean.
    """
    days, lived = days_of_the_year(start, end, arm)
    month = DAYS_PER_YEAR / 12.0
    counts = np.histogram(days, np.arange(13) * month)[0]
    mean = RATE * ratio * lived / 12.0
    for k in range(12):
        a, b = (2.0 * math.pi * x / 12.0 for x in (k, k + 1))
        expected = mean * (1.0 + AMPLITUDE * (math.sin(b) - math.sin(a)) * 6.0 / math.pi)
        agrees(float(counts[k]), expected, math.sqrt(expected), detects=0.3 * mean)


@pytest.mark.parametrize(("start", "end", "arm", "ratio"), WINDOWS, ids=NAMES)
def test_amplitude_and_peak(start: float, end: float, arm: int | None, ratio: float) -> None:
    """The first Fourier term of the onsets has the amplitude and no lag: finds 0.1, and 10 days.

    Over a Poisson process with rate 1 + A cos the sum of 2 cos (of 2 sin) is A * M (0) with variance 2 M.
    """
    days, lived = days_of_the_year(start, end, arm)
    mass = RATE * ratio * lived
    angle = 2.0 * math.pi * days / DAYS_PER_YEAR
    agrees(float(2.0 * np.cos(angle).sum() / mass), AMPLITUDE, math.sqrt(2.0 / mass), detects=0.1)
    lag = AMPLITUDE * math.sin(2.0 * math.pi * 10.0 / DAYS_PER_YEAR)
    agrees(float(2.0 * np.sin(angle).sum() / mass), 0.0, math.sqrt(2.0 / mass), detects=lag)


def test_the_factor_by_hand() -> None:
    """1 + amplitude at the peak, 1 - amplitude half a year later, 1 a quarter on; the same a year on; 1 without."""
    p = season.Season(enabled=True, amplitude=0.25, peak_day=100.0, first_site_day=30.0).plan()
    peak = 70.0  # on the trial's clock
    at = [season.season(peak + DAYS_PER_YEAR * f, *p) for f in (0.0, 0.25, 0.5, 1.0, -3.0)]
    assert at == pytest.approx([1.25, 1.0, 0.75, 1.25, 1.25], abs=16.0 * EPS)
    assert season.season(12.3, 0.0, 0.0) == 1.0
    assert season.Season(amplitude=0.5).plan() == (0.0, 0.0)


def test_bounds_include_the_peak() -> None:
    """The layers that are opened reach the peak of the season, before screening and on study."""
    bounds = [
        plan("sham_rct", SEASONAL | {"decline.enabled": True, "decline.fall_per_year": 0.2} | off).study
        for off in ({}, {"season.enabled": False})
    ]
    assert bounds[0].study_bound == bounds[1].study_bound * (1.0 + AMPLITUDE)
    assert bounds[0].history_bound == bounds[1].history_bound * (1.0 + AMPLITUDE)
    assert bounds[1].study_bound == 1.8
