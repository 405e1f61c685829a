"""Group A: how often patients relapse, how much they differ, how activity comes and goes; from placebo arms of trials.

Each published study is played under its own entry rule and window, on confirmed relapses of blinded, untreated
patients. Studies differ in their rate by a random effect on its logarithm: one rate can't give AFFIRM's 0.72 a year and
FREEDOMS' 0.40.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sim import evidence
from sim.data.cohort import Cohort, window
from sim.engines.want import Want
from sim.study.calibrate.placebo import placebo
from sim.study.calibrate.surface import Box

Floats = NDArray[np.float64]

BOX = Box(
    low={
        "relapse.rate_per_year": 0.12,
        "frailty.variance": 0.0,
        "activity.ratio": 1.5,
        "activity.active_months": 2.0,
        "activity.quiescent_months": 6.0,
        "decline.fall_per_year": 0.0,
    },
    high={
        "relapse.rate_per_year": 1.6,
        "frailty.variance": 1.5,
        "activity.ratio": 30.0,
        "activity.active_months": 24.0,
        "activity.quiescent_months": 96.0,
        "decline.fall_per_year": 0.08,
    },
    logs=frozenset(("relapse.rate_per_year", "activity.ratio", "activity.active_months", "activity.quiescent_months")),
)
"""The priors: even over these ranges, of the logarithm where it is named."""

AFFIRM: dict[str, Any] = {"eligibility.edss_max": 5.0, "eligibility.relapses_1y": 1, "eligibility.relapses_2y": 50}
FREEDOMS: dict[str, Any] = {"eligibility.edss_max": 5.5, "eligibility.relapses_1y": 1, "eligibility.relapses_2y": 2}
"""Entry as published (affirm.counts, freedoms.arr); 50 relapses in 2 years stand for no second way in."""

CONFIRMED = Want(frozenset(("confirmed",)), (0,), False, surveillance=False, guesses=False)
STATISTICS = ("affirm_1", "affirm_2", "affirm_3", "affirm_4", "log_mean_24m", "logit_free_24m", "log_year1_year2")
SEED, PATIENTS, TRIALS = 20110219, 5_000, 4


def people(values: Mapping[str, float], rule: Mapping[str, Any], trials: int = TRIALS, seed: int = SEED) -> Cohort:
    """Play the placebo arm of a study with this entry rule in this population."""
    return placebo(seed, PATIENTS, rule, values).cohorts(range(trials), want=CONFIRMED)


def statistics(values: Mapping[str, float], trials: int = TRIALS, seed: int = SEED) -> list[float]:
    """Give STATISTICS of a population: continuation log odds of AFFIRM's counts, then those of a two-year study."""
    first = window(people(values, AFFIRM, trials, seed), "confirmed", 0.0, 12.0, planned=True).counts
    both = people(values, FREEDOMS, trials, seed)
    year_1, year_2 = (window(both, "confirmed", a, a + 12.0, planned=True).counts for a in (0.0, 12.0))
    counts = year_1 + year_2
    return [
        *continuation(first),
        math.log((counts.sum() + 0.5) / len(counts)),
        log_odds(float((counts == 0).sum()), len(counts)),
        math.log((year_1.sum() + 0.5) / (year_2.sum() + 0.5)),
    ]


def continuation(counts: Floats) -> list[float]:
    """Give the log odds of at least k relapses in those with at least k - 1, for k = 1 to 4."""
    at_least = [float((counts >= k).sum()) for k in range(5)]
    return [log_odds(at_least[k], at_least[k - 1]) for k in range(1, 5)]


def log_odds(part: float, whole: float) -> float:
    """Give the log odds of a share, half a patient added to each side so that it is finite."""
    return math.log((part + 0.5) / (whole - part + 0.5))


def shares(continued: Floats) -> Floats:
    """Give the shares of patients with 0, 1, 2, 3 and 4 or more relapses, from continuation log odds in columns."""
    go_on = 1.0 / (1.0 + np.exp(-continued))
    reached = np.concatenate([np.ones((len(go_on), 1)), np.cumprod(go_on, axis=1)], axis=1)
    return np.concatenate([reached[:, :-1] - reached[:, 1:], reached[:, -1:]], axis=1)


@dataclass(frozen=True)
class Published:
    """The figures group A is fitted to, with the errors that the likelihood gives them."""

    affirm: Floats
    log_arr: Floats
    log_arr_error: Floats
    free: Floats
    patients: Floats
    log_trend: float
    log_trend_error: float
    log_decline: float
    log_decline_error: float


NEGBIN_DISPERSION = 0.81
TREND_Z = 3.481
"""The dispersion of affirm.fit, by which rates of counts are overdispersed; and the normal quantile of nicholas2012's
p = 0.0005, two-sided, from which its standard error follows."""
DECLINE_ERROR = 0.02
"""Standard error of tremlett2008's ratio 0.83: none is in the evidence. Assumption: 17% is known to some 2 points."""


def published() -> Published:
    """Read the figures from sim/evidence."""
    t = evidence.targets()
    pair = [t[f"{study}.arr"] for study in ("freedoms", "confirm")]
    free = [t[f"{study}.relapse_free"] for study in ("freedoms", "confirm")]
    arr, n = np.array([p.value for p in pair], float), np.array([p.total for p in pair], float)
    mean = 2.0 * arr
    trend, fall = t["nicholas2012.year1_over_year2"].value, t["tremlett2008.decline"].value
    assert trend is not None
    assert fall is not None
    return Published(
        affirm=np.array([(t[f"affirm.relapses_{k}"].count or (0, 0))[0] for k in range(5)], float),
        log_arr=np.log(arr),
        log_arr_error=np.sqrt((1.0 / mean + NEGBIN_DISPERSION) / n),
        free=np.array([f.value for f in free], float),
        patients=n,
        log_trend=math.log(trend),
        log_trend_error=math.log(trend) / TREND_Z,
        log_decline=math.log(fall),
        log_decline_error=DECLINE_ERROR / fall,
    )
