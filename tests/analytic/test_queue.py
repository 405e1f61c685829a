"""Analytic evidence: waits for procedure slots against queueing theory and against a recursion done apart."""

from __future__ import annotations

import math

import numpy as np
import pytest

from sim.core.events import Kind
from tests.helpers import mean_agrees, of_kind, play

# Candidates come as a Poisson process, ask for a procedure at once, and nothing else happens to them.
ARRIVALS = {
    "sites": {"count": 1, "arrivals_per_month": 30.4375, "rate_variance": 0.0},
    "enrolment": {"target": 300, "screening_days": 0.0},
    "study.follow_up_months": 12.0,
    "visits.months": [0.0],
    "endpoint": [{"name": "arr_12m", "counts": "true"}],
    "study.primary": "",
    "self_referral.enabled": False,
    "eligibility.enabled": False,
    "medication.enabled": False,
    "dropout.enabled": False,
    "relapse": {"rate_per_year": 0.0, "history_years": 0.0},
    "activity.kind": "none",
    "veins.wait_days": 0.0,
}
SKIPPED = 60  # the queue begins empty


def waits(slots: int, days: float, trial: int) -> tuple[np.ndarray, np.ndarray]:
    """Give when each procedure was asked for and how long it was waited for, in order of the requests."""
    overrides = ARRIVALS | {"slots": {"enabled": True, "per_site": slots, "procedure_days": days}}
    records = play("sham_rct", overrides, trial=trial, seed=7)
    done = np.sort(records.procedures, order="request_time")
    asked = of_kind(records, Kind.PROCEDURE_REQUESTED)
    assert np.array_equal(np.sort(asked["time"]), done["request_time"])
    return done["request_time"], done["time"] - done["request_time"]


def test_waits_for_one_slot_are_those_of_m_d_1() -> None:
    """One request a day in the mean, half a day each: rho / (2 (1 - rho)) of a service, a quarter of a day, is waited.

    Pollaczek and Khinchine, recalled. Finds a mean off by 0.09 days.
    """
    means = [waits(1, 0.5, trial)[1][SKIPPED:].mean() for trial in range(36)]
    mean_agrees(means, 0.25, detects=0.09)


def stationary_wait(slots: int, days: float, states: int = 150) -> float:
    """Give the mean wait in days of M/D/c with one arrival a day, by Crommelin's (1932; recalled) stationary equations.

    How many are in the system a service after k were: those beyond the `slots` being served, and whoever came. The
    equations are solved for so many states, and Little's law gives the wait from the mean number.
    """
    come = np.exp([j * math.log(days) - days - math.lgamma(j + 1.0) for j in range(states)])
    moves = np.zeros((states, states))
    for k in range(states):
        left = max(k - slots, 0)
        moves[k, left:] = come[: states - left]
    moves[:, -1] += 1.0 - moves.sum(axis=1)
    p = np.linalg.solve(np.vstack([(moves.T - np.eye(states))[:-1], np.ones(states)]), np.eye(states)[-1])
    assert p.min() > -1e-12  # a distribution,
    assert p[-1] < 1e-12  # and nothing at the end of what was kept
    return float(np.arange(states) @ p) - days


@pytest.mark.parametrize("load", [0.3, 0.5, 0.7])
def test_the_equations_give_m_d_1(load: float) -> None:
    """For one slot the equations give the closed form of Pollaczek and Khinchine, to rounding."""
    assert stationary_wait(1, load) == pytest.approx(load * load / (2.0 * (1.0 - load)), rel=1e-9)


@pytest.mark.parametrize(("slots", "days"), [(2, 1.2), (3, 1.8)])
def test_waits_for_several_slots_are_those_of_m_d_c(slots: int, days: float) -> None:
    """Two or three slots with a load of 0.6: the mean wait is that of the stationary equations.

    Waits of one trial follow each other, so the error is that between trials. Finds a mean off by 0.11 days.
    """
    means = [waits(slots, days, trial)[1][SKIPPED:].mean() for trial in range(48)]
    mean_agrees(means, stationary_wait(slots, days), detects=0.11)


def test_several_slots_serve_whoever_asked_first() -> None:
    """With three slots each wait is that of the Kiefer-Wolfowitz recursion on the same requests, to the bit."""
    for trial in range(3):
        asked, waited = waits(3, 2.9, trial)
        assert len(asked) == 300
        free = [-np.inf] * 3
        expected = []
        for time in asked.tolist():
            free.sort()
            start = max(time, free[0])
            free[0] = start + 2.9
            expected.append(start - time)
        assert np.array_equal(waited, np.array(expected))
        assert waited.max() > 2.9
