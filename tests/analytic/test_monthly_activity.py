"""Analytic evidence: activity by the month is the stationary log-Gaussian AR(1) sequence that it is said to be.

With s the standard deviation and r the monthly correlation of the logarithm, levels have mean 1, variance exp(s^2) - 1
and covariance exp(s^2 r^h) - 1 at h months; their mixed moments E a^i b^j are exp(s^2 (i(i-1) + j(j-1)) / 2 + i j s^2
r^h). Standard errors come from those, exactly.
"""

from __future__ import annotations

import math
from functools import cache

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import stats

from sim.core.events import Kind
from sim.data.cohort import cohort, window
from sim.engines.records import TrialRecords
from sim.model import activity
from tests.analytic.lives import OPEN, assert_uniform
from tests.helpers import agrees, mean_agrees, of_kind, people, play, share_agrees

Floats = NDArray[np.float64]

SD, RHO = 0.5, 0.8
HISTORY = 36  # months, so that month 0 is column 36
MONTHS = HISTORY + 24
TRIALS = 2

MONTHLY: dict[str, object] = OPEN | {
    "enrolment.target": 3000,
    "enrolment.screening_days": 0.0,
    "activity": {"kind": "log_ou", "log_sd": SD, "month_correlation": RHO},
    "decline.enabled": False,
    "reporting.enabled": False,
    "effect.enabled": False,
}


@cache
def levels() -> Floats:
    """Give the level of every patient (rows) in every month of history and study (columns), as the log tells it."""
    return np.concatenate([_levels(play("sham_rct", MONTHLY, trial=trial)) for trial in range(TRIALS)])


def _levels(records: TrialRecords) -> Floats:
    events = of_kind(records, Kind.ACTIVITY)
    patients = np.unique(events["patient"])
    table = np.full((len(patients), MONTHS), np.nan)
    kept = events[events["index"] < MONTHS]
    table[np.searchsorted(patients, kept["patient"]), kept["index"]] = kept["value"]
    assert not np.isnan(table).any()
    return table


def moment(i: int, j: int, lag: int) -> float:
    """Give E a^i b^j of two months' levels."""
    s = SD * SD
    return math.exp(s * (i * (i - 1) + j * (j - 1)) / 2.0 + i * j * s * RHO**lag)


def covariance(lag: int) -> tuple[float, float]:
    """Give the mean and the standard deviation of (a - 1)(b - 1)."""
    signs = {0: 1.0, 1: -2.0, 2: 1.0}
    square = sum(x * y * moment(i, j, lag) for i, x in signs.items() for j, y in signs.items())
    mean = math.exp(SD * SD * RHO**lag) - 1.0
    return mean, math.sqrt(square - mean * mean)


@pytest.mark.parametrize("month", [0, 10, HISTORY - 1, HISTORY, HISTORY + 1, MONTHS - 1])
def test_levels_are_stationary(month: int) -> None:
    """In every month, far back, at screening and on study, levels are log-normal, of mean 1, variance exp(s^2) - 1.

    Finds a mean off by 0.05, a variance off by 25%, and a distribution off by 0.05 anywhere.
    """
    x = levels()[:, month]
    variance, spread = covariance(0)
    assert variance == pytest.approx(math.expm1(SD * SD))
    agrees(float(x.mean()), 1.0, math.sqrt(variance / len(x)), detects=0.05)
    agrees(float(((x - 1.0) ** 2).mean()), variance, spread / math.sqrt(len(x)), detects=0.25 * variance)
    assert_uniform(stats.norm.cdf((np.log(x) + 0.5 * SD * SD) / SD), detects=0.05)


@pytest.mark.parametrize("lag", [1, 3, 12, 30])
@pytest.mark.parametrize("place", [-1.0, -0.5, 0.0], ids=["before", "across", "after"])
def test_levels_have_their_autocovariance(lag: int, place: float) -> None:
    """Levels h months apart covary by exp(s^2 r^h) - 1: before screening, across it, after it (finds 0.06)."""
    first = HISTORY + math.floor(place * lag)
    if first + lag >= MONTHS:
        first = MONTHS - 1 - lag
    x = levels()
    mean, spread = covariance(lag)
    products = (x[:, first] - 1.0) * (x[:, first + lag] - 1.0)
    agrees(float(products.mean()), mean, spread / math.sqrt(len(x)), detects=0.06)


@pytest.mark.parametrize("month", [5, HISTORY - 1, HISTORY, HISTORY + 1, 50])
def test_what_is_new_in_a_month_is_new(month: int) -> None:
    """What is new against the month before knows nothing of earlier ones, in months drawn backwards or forwards."""
    z = (np.log(levels()) + 0.5 * SD * SD) / SD
    new = (z[:, month] - RHO * z[:, month - 1]) / math.sqrt(1.0 - RHO * RHO)
    for other in (month - 1, month - 2, month - 4):
        agrees(float((new * z[:, other]).mean()), 0.0, 1.0 / math.sqrt(len(z)), detects=0.09)
    agrees(float((new * new).mean()), 1.0, math.sqrt(2.0 / len(z)), detects=0.13)


def test_patients_have_paths_of_their_own() -> None:
    """Neighbours' levels in one month are uncorrelated (to 0.03)."""
    x = levels()[:, HISTORY] - 1.0
    variance, _ = covariance(0)
    agrees(float((x[::2] * x[1::2]).mean()), 0.0, variance / math.sqrt(len(x) / 2.0), detects=0.04)


def test_the_plan() -> None:
    """Keys go over as they are; r = 1 leaves no innovation, r = 0 nothing else; off is off."""
    for rho, new in ((1.0, 0.0), (0.0, 1.0), (0.6, 0.8)):
        p = activity.Activity(kind="log_ou", log_sd=0.7, month_correlation=rho).plan()
        assert (p.on, p.monthly, p.log_sd, p.correlation) == (1.0, 1.0, 0.7, rho)
        assert p.innovation_sd == pytest.approx(new, rel=1e-15)
    assert activity.Activity(kind="log_ou", enabled=False).plan() == activity.Activity(kind="none").plan()
    assert activity.Activity().plan().monthly == 0.0


def test_months_by_hand() -> None:
    """Three years are 36 months and a day more is another; month -1 ends at screening, month 0 30.4375 days later."""
    assert [activity.months_back(d) for d in (0.0, 1.0, 1095.75, 1096.75, 7305.0)] == [0, 1, 36, 37, 240]
    assert activity.month_end(100.0, -1.0) == 100.0
    assert activity.month_end(100.0, 0.0) == 130.4375
    assert activity.month_end(100.0, -36.0) == 100.0 - 35.0 * 30.4375
    assert activity.month_level(1.0, 0.0) == 1.0
    assert activity.month_level(0.5, 1.0) == 1.0


# ---- what it does to counts ---------------------------------------------------------------------------------------

FOR_LIFE: dict[str, object] = MONTHLY | {
    "frailty.enabled": False,
    "activity": {"kind": "log_ou", "log_sd": 0.8, "month_correlation": 1.0},
    "relapse": {"rate_per_year": 0.9, "refractory_days": 0.0, "history_years": 3.0},
}


def poisson_lognormal(mean: float, sd: float, most: int) -> Floats:
    """Give the probabilities of counts up to `most`, by Gauss-Hermite quadrature."""
    z, weight = np.polynomial.hermite_e.hermegauss(120)
    rates = mean * np.exp(sd * z - 0.5 * sd * sd)
    chances: Floats = (weight / weight.sum()) @ stats.poisson.pmf(np.arange(most + 1), rates[:, None])
    return chances


@pytest.mark.parametrize(("start", "end"), [(0.0, 24.0), (-24.0, 0.0)], ids=["study", "before"])
def test_with_activity_for_life_counts_are_poisson_lognormal(start: float, end: float) -> None:
    """Without frailty and with correlation 1 counts are Poisson-log-normal: mean, variance and every likely count.

    Finds a mean off by 12%, a variance off by 50% (of which the log-normal part is 60%), a share off by 0.05.
    """
    seen = np.concatenate(
        [window(people("sham_rct", FOR_LIFE, trial=trial), "true", start, end).counts for trial in range(TRIALS)]
    )
    chances = poisson_lognormal(1.8, 0.8, 2000)
    k = np.arange(2001)
    mean = float(chances @ k)
    variance, fourth = (float(chances @ (k - mean) ** p) for p in (2.0, 4.0))
    assert float(chances.sum()) == pytest.approx(1.0, abs=1e-9)
    assert mean == pytest.approx(1.8, rel=1e-7)
    assert variance == pytest.approx(1.8 + 1.8 * 1.8 * math.expm1(0.64), rel=1e-5)
    agrees(float(seen.mean()), mean, math.sqrt(variance / len(seen)), detects=0.12 * mean)
    mcse = math.sqrt((fourth - variance * variance) / len(seen))
    agrees(float(((seen - mean) ** 2).mean()), variance, mcse, detects=0.5 * variance)
    likely = np.flatnonzero(chances * len(seen) >= 100.0)
    assert len(likely) >= 7
    for count in likely:
        share_agrees(seen == count, float(chances[count]), detects=0.05)


@pytest.mark.parametrize("months", [6, 24])
def test_dispersion_falls_as_the_window_grows(months: int) -> None:
    """Counts over m months have the variance of a Poisson count plus that of the sum of the levels.

    Entry is at screening, so the window is months 0 to m - 1: mean^2 / m^2 times the sum of all covariances. Finds
    a part of the activity off by six tenths.
    """
    own = MONTHLY | {"frailty.enabled": False, "relapse.rate_per_year": 6.0, "relapse.history_years": 0.0}
    seen = np.concatenate(
        [window(cohort(play("sham_rct", own, trial=t)), "true", 0.0, float(months)).counts for t in range(TRIALS)]
    )
    mean = 6.0 * months / 12.0
    covariances = [covariance(abs(i - j))[0] for i in range(months) for j in range(months)]
    extra = mean * mean * sum(covariances) / (months * months)
    mean_agrees((seen - mean) ** 2, mean + extra, detects=0.6 * extra)
