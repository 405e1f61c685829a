"""The truth of one endpoint with each twin trial's part in it, so that what two designs' truths share cancels."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from sim.analysis.sums import TIMED
from sim.core.endpoints import ENDPOINTS, parse_endpoint
from sim.scenario.schema import Scenario
from sim.study.keep import keep, kept_file, read
from sim.study.play import Play
from sim.study.pooled import Pooled, difference, log_hazard_ratio, log_ratio, nothing
from sim.study.runner import Failure, Pool, Watcher, Workers
from sim.study.truth import TWIN_SEED, Answer, Times, Twins, true_odds_ratio


@dataclass(frozen=True)
class _Kept:
    value: float | None
    influence: list[float]
    known: bool


def pooled_truth(
    scenario: Scenario, trials: int, workers: Workers = 1, watch: Watcher | None = None, engine: str = "compiled"
) -> Pooled:
    """Give the truth of a scenario's only endpoint, the value that `find_truth` gives, from the same twin trials.

    Kept on disk. No trials: NaN. Where the truth is a hazard ratio its error is by score residuals.
    """
    if trials == 0 or scenario.case_control:
        return nothing(trials, true_odds_ratio(scenario).value if trials else math.nan)
    kept = kept_file("paired-truth", scenario, TWIN_SEED, trials)
    if rows := read(kept, _Kept):
        row = rows[0]
        return Pooled(math.nan if row.value is None else row.value, np.array(row.influence), row.known)
    with Pool(Twins(Play(scenario, TWIN_SEED, engine)), TWIN_SEED, workers) as pool:
        answers = pool.run(range(trials), watch)
    for answer in answers:
        if isinstance(answer, Failure):
            raise answer.error()
    found = _pooled(scenario, [a for a in answers if not isinstance(a, Failure)])
    value = None if math.isnan(found.value) else found.value
    keep(kept, [{"value": value, "influence": found.influence.tolist(), "known": found.known}])
    return found


def _pooled(scenario: Scenario, answers: list[Answer]) -> Pooled:
    base, _ = parse_endpoint(scenario.endpoint[0].name)
    if base in TIMED:
        return _hazards([times.get((0, 0)) for _, times in answers])
    sums = np.array([own[0, 0] for own, _ in answers])
    return (log_ratio if ENDPOINTS[base].scale == "log_ratio" else difference)(sums)


def _hazards(pairs: list[tuple[Times, Times] | None]) -> Pooled:
    """Give the log hazard ratio of all twins; those treated stand first in a trial's places."""
    given = [p for p in pairs if p is not None]
    if not given:
        return nothing(len(pairs))
    places = max(len(treated[0]) + len(control[0]) for treated, control in given)
    days, event = np.full((len(given), places), np.nan), np.zeros((len(given), places), bool)
    active = np.zeros_like(event)
    for k, (treated, control) in enumerate(given):
        n = len(treated[0])
        end = n + len(control[0])
        active[k, :n] = True
        days[k, :n], event[k, :n] = treated
        days[k, n:end], event[k, n:end] = control
    return log_hazard_ratio(days, event, active)
