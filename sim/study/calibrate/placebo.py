"""The placebo arm that published trials are compared with: nothing is done, and nobody knows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sim.scenario.loaded import load
from sim.study.play import Play

ARM: dict[str, Any] = {
    "study.design": "uncontrolled_before_after",
    "study.follow_up_months": 24.0,
    "arm": [{"name": "placebo", "procedure": "sham"}],
    "endpoint": [{"name": "arr_change", "counts": "confirmed"}],
    "effect.enabled": False,
    "dropout.enabled": False,
    "medication.enabled": False,
    "self_referral.enabled": False,
    "sites.count": 1,
    "sites.arrivals_per_month": 1000.0,
    "visits.months": [0.0],
}
"""Blinded patients on the simulator's own sham, followed to the end, without other medication.

Raters lean as by default, which `sim.study.belief_sizes` works out on the fitted population: after a fit that is run
again, and the fit after it, until neither moves."""


def placebo(seed: int, patients: int, *settings: Mapping[str, Any]) -> Play:
    """Give the play of a placebo arm with so many patients a trial, and these settings; later ones win."""
    overrides = ARM | {"enrolment.target": patients}
    for more in settings:
        overrides |= more
    return Play(load("base", overrides).scenario, seed)
