"""How often the lesion endpoints find a difference where there is none, as docs/model.md says it."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.stats import t as student

from sim.analysis.negbin import negbin_rate_ratio_batch
from sim.analysis.trial import lesions
from sim.study.play import Play
from sim.study.power import power
from tests.helpers import Z, agrees, scenario

TRIALS = 10_000
DOCUMENTED = {  # of as many trials of another seed
    ("wald", "gd_lesions_12m"): 0.071,
    ("wald", "new_t2_24m"): 0.065,
    ("robust_score", "gd_lesions_12m"): 0.044,
    ("robust_score", "new_t2_24m"): 0.046,
}
NOMINAL_ERROR = math.sqrt(0.05 * 0.95 / TRIALS)
ENDPOINTS = ("gd_lesions_12m", "new_t2_24m")


def scanned(test: str, endpoint: str) -> dict[str, object]:
    """Give the sham trial with scans, analysed by one endpoint."""
    return {"lesions.enabled": True, "lesions.test": test, "study.primary": endpoint, "endpoint": [{"name": endpoint}]}


@pytest.mark.slow
@pytest.mark.parametrize(("test", "endpoint"), DOCUMENTED)
def test_lesions_are_found_different_as_often_as_documented(test: str, endpoint: str) -> None:
    """At 2 x 100 p is below 0.05 where nothing works as often as docs/model.md says (finds 0.03).

    Wald's by the sandwich error is so too often; the robust score test is so in no more than 5%.
    """
    p = power(scenario("null", scanned(test, endpoint)), "null", TRIALS, seed=2, truth_trials=0).endpoints[endpoint]
    print(f"\ntype I error of {endpoint}, {test}: {p.power:.4f} (MCSE {p.mcse:.4f}), {TRIALS} trials")
    said = DOCUMENTED[test, endpoint]
    agrees(p.power, said, math.sqrt(2.0 * said * (1.0 - said) / TRIALS), detects=0.03)
    if test == "wald":
        assert p.power - 0.05 > Z * NOMINAL_ERROR
    else:
        assert p.power - 0.05 < Z * NOMINAL_ERROR


@pytest.mark.slow
@pytest.mark.parametrize(
    ("endpoint", "base", "months"), [(ENDPOINTS[0], "gd_lesions", 12.0), (ENDPOINTS[1], "new_t2", 24.0)]
)
def test_degrees_of_freedom_do_not_cure_it(endpoint: str, base: str, months: float) -> None:
    """With a factor n / (n - 2) and Student's t the sandwich's Wald test rejects in more than 5% (finds 0.015)."""
    own = scenario("null", scanned("wald", endpoint))
    hits = 0
    for first in range(0, TRIALS, 1000):
        people = Play(own, 2).cohorts(range(first, first + 1000))
        treated = people.subjects["arm"] == [arm.procedure for arm in own.arm].index("angioplasty")
        found = negbin_rate_ratio_batch(*lesions(own, base, months, people), treated, people.first, se="sandwich")
        df = found.n - 2.0
        p = 2.0 * student.sf(np.abs(found.value / found.standard_error) * np.sqrt(df / found.n), df)
        hits += int((p < 0.05).sum())
    print(f"\ntype I error of {endpoint}, n / (n - 2) and t: {hits / TRIALS:.4f}, {TRIALS} trials")
    assert 2.0 * NOMINAL_ERROR + Z * NOMINAL_ERROR < 0.015
    assert hits / TRIALS - 0.05 > Z * NOMINAL_ERROR
