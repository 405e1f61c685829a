"""What the analytic tests share: addressed uniforms, a trial in which nothing feeds back, a test of uniformity."""

from __future__ import annotations

import math
import sys

import numpy as np
from numpy.typing import NDArray
from scipy import special, stats

from sim.core.streams import uniforms
from tests.helpers import Z

EPS = sys.float_info.epsilon
N = 20000
U = np.array([uniforms(2009, 0, i, 99, 0) for i in range(N)])  # process 99 is nobody's stream

Floats = NDArray[np.float64]

# Everybody enters, nothing feeds back: what one mechanism does is seen undisturbed.
OPEN = {
    "sites.count": 4,
    "sites.opening_interval_days": 0.0,
    "enrolment.target": 2000,
    "enrolment.accrual": "uniform",
    "self_referral.enabled": False,
    "eligibility.enabled": False,
    "medication.enabled": False,
    "dropout.enabled": False,
    "frailty.variance": 0.4,
    "activity": {"kind": "two_state", "ratio": 6.0, "active_months": 8.0, "quiescent_months": 24.0},
    "relapse": {"rate_per_year": 0.6, "refractory_days": 0.0, "history_years": 3.0},
    "recall": {"enabled": True, "omission_prob": 0.1, "telescoping_prob": 0.2, "telescoping_share": 0.3},
    "visits.months": [0.0],
    "endpoint": [{"name": "arr_24m", "counts": "true"}],
}


def assert_uniform(values: Floats, detects: float) -> None:
    """Assert uniformity on (0, 1) by Kolmogorov-Smirnov at the false-alarm probability of Z.

    A distribution function off by `detects` somewhere is found with at least 97.7% (two standard errors of 1/2 there).
    """
    x = np.sort(values)
    n = len(x)
    ranks = np.arange(n + 1) / n
    distance = max(float(np.max(ranks[1:] - x)), float(np.max(x - ranks[:-1])))
    limit = float(special.kolmogi(2.0 * stats.norm.sf(Z))) / math.sqrt(n)
    assert limit + 2.0 * 0.5 / math.sqrt(n) <= detects
    assert distance <= limit
