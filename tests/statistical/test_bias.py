"""Where bias must be and where it must not be, at zero effect: blinded, open, before-after."""

from __future__ import annotations

import math
from functools import cache

import pytest

from sim.study.performance import Performance
from sim.study.power import power
from tests.helpers import Z, agrees, scenario

TRIALS = 60


@cache
def _run(name: str, placebo: bool = True) -> dict[str, Performance]:
    own = scenario(name, {"effect.enabled": False, "switches.placebo": placebo})
    return power(own, name, trials=TRIALS, workers=2, truth_trials=1).endpoints


@pytest.mark.parametrize(
    ("endpoint", "detects"), [("arr_24m", 0.25), ("arr_24m_reported", 0.2), ("msqol_physical_24m", 1.5)]
)
def test_the_blinded_trial_is_unbiased_at_zero_effect(endpoint: str, detects: float) -> None:
    """Blinded, without a leak, the mean estimate is the truth, which is exactly 0."""
    p = _run("null")[endpoint]
    assert p.truth == 0.0
    agrees(p.estimate_mean, 0.0, p.bias_mcse, detects)


def test_the_open_label_trial_is_biased_on_quality_of_life() -> None:
    """Unblinded, patients who know that they were treated report more quality of life, with no effect at all."""
    p = _run("open_label_rct")["msqol_physical_24m"]
    assert p.truth == 0.0
    assert p.bias > Z * p.bias_mcse


def test_the_open_label_trial_is_biased_on_reported_relapses() -> None:
    """Unblinded, the treated keep mild relapses silent and the untreated report some that are none."""
    p = _run("open_label_rct")["arr_24m_reported"]
    assert p.bias < -Z * p.bias_mcse


def test_the_open_label_trial_is_biased_on_edss() -> None:
    """Unblinded, assessors rate the treated lower."""
    p = _run("open_label_rct")["edss_24m"]
    assert p.bias < -Z * p.bias_mcse


@pytest.mark.parametrize(("endpoint", "sign"), [("relapse_free_change", 1), ("arr_change", -1)])
def test_the_before_after_study_is_biased_on_everything_that_regresses(endpoint: str, sign: int) -> None:
    """Without a control group, relapses fall and the relapse-free rise although nothing was done."""
    p = _run("published/zamboni_2009")[endpoint]
    assert p.truth == 0.0
    assert sign * p.bias > Z * p.bias_mcse


def test_the_before_after_study_is_biased_on_quality_of_life() -> None:
    """Without a blind, quality of life ends higher than in the same patients without a placebo response."""
    p, without = (_run("published/zamboni_2009", on)["msqol_physical_change"] for on in (True, False))
    assert p.bias - without.bias > Z * math.hypot(p.bias_mcse, without.bias_mcse)
