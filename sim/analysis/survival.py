"""Time to the first event in two arms: log-rank test, and hazard ratio by Cox regression with ties after Efron.

Sources: Mantel (1966) for the test, Cox (1972) for the regression, Efron (1977) for its ties. All numbers are on the
log scale, treated over control.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

import numpy as np

from sim.analysis.arrays import BoolArray, FloatArray, IntArray, alone, batch, treated_column
from sim.analysis.estimate import CODES, Estimate, Estimates, check_alpha, wald_batch

__all__ = [
    "COX_METHOD",
    "FIRST_RELAPSE_METHOD",
    "LOG_RANK_METHOD",
    "cox",
    "cox_batch",
    "first_relapse_estimates",
    "log_rank",
    "log_rank_batch",
]

LOG_RANK_METHOD: Final = "log-rank test; Peto one-step hazard ratio"
COX_METHOD: Final = "Cox regression (Efron), Wald, observed information"
FIRST_RELAPSE_METHOD: Final = "log-rank test; Cox hazard ratio (Efron), Wald interval"


@dataclass(frozen=True, slots=True)
class _Sums:
    """What the compiled analysis answers: numbers (T, 4) by its columns, patients and outcome positions (T,)."""

    numbers: FloatArray
    patients: IntArray
    outcomes: IntArray


def log_rank(times: FloatArray, events: BoolArray | FloatArray, treated: BoolArray, alpha: float = 0.05) -> Estimate:
    """Compare two arms' times to the first event by the log-rank test, with Peto's one-step log hazard ratio.

    times (n,): time to the event, or to the end of observation, in any unit; events (n,): True (1.0) where the event
    came; treated (n,): True in the treated arm. NaN leaves a patient out. With O - E the treated arm's events beyond
    expectation and V their hypergeometric variance, value is (O - E) / V, its standard error 1 / sqrt(V). Raises
    ValueError for unequal lengths or a bad alpha.
    """
    return log_rank_batch(times, events, treated, alone(times), alpha)[0]


def log_rank_batch(
    times: FloatArray, events: BoolArray | FloatArray, treated: BoolArray, first: IntArray, alpha: float = 0.05
) -> Estimates:
    """Run the log-rank test on each of many data sets, patients first[k] to first[k + 1] - 1 being set k."""
    check_alpha(alpha)
    sums = _sums(times, events, treated, first, hazards=False)
    with np.errstate(all="ignore"):
        value, se = sums.numbers[:, 0] / sums.numbers[:, 1], 1.0 / np.sqrt(sums.numbers[:, 1])
    still = (sums.outcomes == CODES["ok"]) & (sums.numbers[:, 1] == 0.0)
    outcomes = np.where(still, CODES["no_variation"], sums.outcomes)
    return wald_batch(value, se, sums.patients, outcomes, LOG_RANK_METHOD, alpha)


def cox(
    times: FloatArray,
    events: BoolArray | FloatArray,
    treated: BoolArray,
    X: FloatArray | None = None,
    alpha: float = 0.05,
) -> Estimate:
    """Estimate the log hazard ratio, treated over control, by Cox regression (ties after Efron) with a Wald test.

    Columns as for `log_rank`; X (n, p): further covariates to adjust for. Without events in one arm, or where one arm's
    come only when nobody of the other is at risk, the ratio is 0 or infinite: "no_events_in_arm", "monotone".
    """
    return cox_batch(times, events, treated, alone(times), X, alpha)[0]


def cox_batch(
    times: FloatArray,
    events: BoolArray | FloatArray,
    treated: BoolArray,
    first: IntArray,
    X: FloatArray | None = None,
    alpha: float = 0.05,
) -> Estimates:
    """Estimate the log hazard ratio of each of many data sets, patients first[k] to first[k + 1] - 1 being set k."""
    check_alpha(alpha)
    if X is not None:
        from sim.analysis.cox_regression import cox_regression_batch

        columns = np.column_stack([np.asarray(treated, np.float64), np.asarray(X, np.float64)])
        return cox_regression_batch(times, events, columns, first, alpha).estimates
    sums = _sums(times, events, treated, first, hazards=True)
    return wald_batch(sums.numbers[:, 2], sums.numbers[:, 3], sums.patients, sums.outcomes, COX_METHOD, alpha)


def first_relapse_estimates(
    times: FloatArray,
    events: BoolArray | FloatArray,
    treated: BoolArray,
    first: IntArray,
    alpha: float = 0.05,
    test: Literal["log_rank", "wald"] = "log_rank",
) -> Estimates:
    """Estimate the log hazard ratio of each data set as `cox_batch` does, with the p of the log-rank test beside it."""
    if test not in ("log_rank", "wald"):
        raise ValueError(f"test must be one of log_rank, wald, found {test!r}")
    if test == "wald":
        return cox_batch(times, events, treated, first, None, alpha)
    from scipy.special import ndtr

    check_alpha(alpha)
    sums = _sums(times, events, treated, first, hazards=True)
    with np.errstate(all="ignore"):
        p = 2.0 * ndtr(-np.abs(sums.numbers[:, 0]) / np.sqrt(sums.numbers[:, 1]))
    return wald_batch(
        sums.numbers[:, 2], sums.numbers[:, 3], sums.patients, sums.outcomes, FIRST_RELAPSE_METHOD, alpha, p=p
    )


def _sums(
    times: FloatArray, events: BoolArray | FloatArray, treated: BoolArray, first: IntArray, hazards: bool
) -> _Sums:
    """Run the compiled analysis."""
    from sim.analysis.survival_kernel import survival_two_arms

    ends, (t, e) = batch(first, times=times, events=events)
    sets = ends.size - 1
    arm = treated_column(treated, t.size)
    sums = _Sums(np.empty((sets, 4)), np.empty(sets, np.int64), np.empty(sets, np.int64))
    with np.errstate(all="ignore"):
        survival_two_arms(t, e, arm, ends, hazards, sums.numbers, sums.patients, sums.outcomes)
    return sums
