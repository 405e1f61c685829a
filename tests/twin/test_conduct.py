"""Twin evidence: recruitment by phase and site, run-ins and historical controls are the same in both engines."""

from __future__ import annotations

from typing import Any

import pytest

from sim.core.events import Kind
from sim.engines.compiled.wants import is_further
from sim.engines.world import OBSERVED, potential
from sim.scenario.plan import make_plan
from tests.helpers import Overrides, of_kind, plan, scenario, twins

SITES: dict[str, Any] = {
    "sites": {
        "count": 5,
        "arrivals_per_month": 8.0,
        "opening_interval_days": 40.0,
        "rate_variance": 0.5,
        "phases": [
            {"from_days": 60.0, "factor": 0.0},
            {"from_days": 100.0, "factor": 0.5},
            {"from_days": 300.0, "factor": 2.0},
        ],
        "most_per_site": 14,
        "relapse_rate_variance": 0.5,
        "success_sd_logits": 1.5,
        "effect_sd_log": 0.4,
    },
    "enrolment.target": 60,
    "veins.success_prob": 0.7,
    "effect.rate_ratio": 1.2,
    "study.close_days": 1500.0,
}
RUN_IN: dict[str, Any] = {
    "enrolment": {"target": 50, "run_in_days": 200.0, "run_in_relapse_free": True},
    "medication": {"enabled": True, "start_prob": 0.5},
    "relapse.rate_per_year": 0.8,
}
WATCHED: dict[str, Any] = RUN_IN | {
    "enrolment": {"target": 50, "run_in_days": 365.25, "screening_days": 0.0, "in_screening": "admit"}
}
CASES: dict[str, tuple[str, Overrides]] = {
    "sites": ("sham_rct", SITES),
    "sites that admit": ("sham_rct", SITES | {"enrolment.in_screening": "admit", "enrolment.target": 70}),
    "run-in": ("sham_rct", RUN_IN),
    "run-in that keeps nobody out": ("sham_rct", WATCHED),
    "run-in before and after": ("zamboni_2009", {"enrolment.run_in_days": 365.25}),
    "historical": ("historical_control", {"enrolment.target": 60}),
    "historical sham with a run-in": (
        "historical_control",
        RUN_IN
        | {
            "arm": [
                {"name": "today", "procedure": "angioplasty", "ratio": 2},
                {"name": "past", "procedure": "sham", "ratio": 1},
            ],
            "sites": {"most_per_site": 6, "relapse_rate_variance": 0.5, "opening_interval_days": 30.0},
            "reporting.pseudo_per_year": 1.0,
        },
    ),
}


@pytest.mark.parametrize("resolution", [0, 1])
@pytest.mark.parametrize("case", CASES)
def test_conduct(case: str, resolution: int) -> None:
    """Every mechanism of recruitment, on a continuous and on a whole-day clock: trials are the same, bit for bit."""
    name, overrides = CASES[case]
    made = plan(name, {**overrides, "clock.resolution_days": resolution})
    assert is_further(made)
    for trial in range(3):
        found = twins(made, 31, trial)
        assert len(of_kind(found, Kind.ENROLLED)) >= 30


@pytest.mark.parametrize("world", [OBSERVED, *(potential(p, True) for p in (0.0, 1.0, 2.0))])
@pytest.mark.parametrize("case", ["sites", "historical sham with a run-in"])
def test_conduct_in_other_worlds(case: str, world: Any) -> None:
    """The same holds in the worlds of the truth."""
    name, overrides = CASES[case]
    twins(make_plan(scenario(name, overrides)), 32, 0, world)
