"""Figures that docs/model.md states of the defaults, in closed form or by the rules themselves."""

from __future__ import annotations

import math

import numpy as np
import pytest

from sim.core.units import months
from sim.model import relapse
from sim.model.veins import Veins
from tests.helpers import Z


def _first_restenosis_in(veins: Veins, start: float, end: float) -> float:
    """Share of patients whose first restenosis falls between two months (closed form, veins independent)."""
    plan = veins.plan()

    def none_by(month: float) -> float:
        kept = 1.0
        for stenosed, scale in zip(plan.stenosis, plan.restenosis_scale_days, strict=True):
            narrowed = 1.0 - math.exp(-((months(month) / scale) ** plan.restenosis_shape))
            kept *= 1.0 - stenosed * plan.success_prob * narrowed
        return kept

    return none_by(start) - none_by(end)


@pytest.mark.parametrize("shape", [1.0, 1.5, 2.0, 3.0, 4.0])
def test_months_8_to_14_hold_a_quarter_at_most(shape: float) -> None:
    """The Weibull law with 47% of jugular veins at 18 months can't put half of the patients into months 8 to 14."""
    share = _first_restenosis_in(Veins(restenosis_shape=shape), 8.0, 14.0)
    assert 0.16 < share < 0.27


def test_the_default_gives_a_quarter() -> None:
    """The documented figure at the default shape is 25%, to the percent."""
    assert round(_first_restenosis_in(Veins(), 8.0, 14.0), 2) == 0.25


@pytest.mark.parametrize(("points", "share"), [(0.5, 0.28), (1.0, 0.20)])
def test_what_a_relapse_leaves_after_64_days(points: float, share: float) -> None:
    """What is left of a relapse 64 days after its onset is as documented, to the percent and its Monte Carlo error."""
    plan, rng, n = relapse.Relapse().plan(), np.random.default_rng(1), 40_000
    left = np.empty(n)
    for i, (a, b, c) in enumerate(rng.random((n, 3))):
        severity = relapse.severity(a, plan.log_severity, plan.severity_log_sd)
        residual = relapse.residual(b, c, plan.residual_prob, plan.residual_mean_points)
        left[i] = relapse.acute(64.0, 0.0, severity, plan.recovery_days) + residual
    found = float((left >= points).mean())
    assert abs(found - share) <= 0.005 + Z * math.sqrt(share * (1.0 - share) / n)
