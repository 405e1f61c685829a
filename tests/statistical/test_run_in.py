"""A baseline window apart from the qualifying one: what regresses to the mean then."""

from __future__ import annotations

import math

import numpy as np

from sim.data.cohort import window
from tests.helpers import Z, agrees, people

TRIALS = 3
PLAIN: dict[str, object] = {
    "enrolment": {"target": 400, "screening_days": 0.0},
    "dropout.enabled": False,
    "medication.enabled": False,
    "recall.enabled": False,
    "decline.enabled": False,
    "activity.kind": "none",
    "relapse.refractory_days": 0.0,
    "visits.months": [0.0],
    "endpoint": [{"name": "arr_change"}],
}
RUN_IN = PLAIN | {"enrolment.run_in_days": 365.25}


def _change(overrides: dict[str, object]) -> tuple[float, float, float]:
    """Give the true rate of the year before, and how it changes to the year after with its standard error."""
    both = [
        [window(people("base", overrides, trial=k), "true", low, low + 12.0).counts for low in (-12.0, 0.0)]
        for k in range(TRIALS)
    ]
    before, after = (np.concatenate([pair[i] for pair in both]) for i in (0, 1))
    fall = after - before
    return float(before.mean()), float(fall.mean()), float(fall.std(ddof=1) / math.sqrt(len(fall)))


def test_a_run_in_as_baseline_does_not_regress() -> None:
    """Chosen by their past alone, patients are watched for a year, then followed for one: the rate stays (finds 0.25).

    With nothing but chance and frailty between patients, what chose them is over when the run-in begins.
    """
    _, change, error = _change(RUN_IN)
    agrees(change, 0.0, error, detects=0.25)


def test_the_qualifying_window_as_baseline_does() -> None:
    """The same patients without a run-in: the year that chose them was worse than the next, by a quarter or more."""
    before, change, error = _change(PLAIN)
    assert change + Z * error < -before / 4.0
