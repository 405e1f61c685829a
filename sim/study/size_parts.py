"""What each thing that goes wrong in a trial adds to its size: the size with it, less the size without it.

All scenarios are played at the same size with the same trial numbers, so on the same candidates, and compared by mean
and spread of the test statistic, not by rejections: so few trials tell small costs apart. Where one thing gone makes
the trial much smaller, the size without it is extrapolated by the square root.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from sim.scenario.plan import make_plan
from sim.scenario.schema import Scenario
from sim.study.search import Search

Floats = NDArray[np.float64]

FIRST_TRIAL = 1_000_000_000
"""Trial numbers of the comparison begin here, whatever the search took."""
TRIALS = 2000
GROUPS = 20
LEAST_P = 1e-300
WHOLE = "with-everything-at"  # of the names of chunks


@dataclass(frozen=True)
class Part:
    """A thing that costs patients: `added` of them, with its Monte Carlo standard error; `without` is what remains."""

    name: str
    words: str
    without: float
    added: float
    mcse: float

    def to_dict(self) -> dict[str, Any]:
        """Give plain values; what does not exist (NaN) is None."""
        return {k: None if isinstance(v, float) and math.isnan(v) else v for k, v in asdict(self).items()}


def ideal_worlds(scenario: Scenario) -> Iterator[tuple[str, str, Scenario]]:
    """Give the things that can cost patients in a scenario, in words, and the scenario without each; then without all.

    What is absent from the scenario is left out.
    """
    together, found = scenario, 0
    for name, (words, changes) in _PARTS.items():
        changed = _with(scenario, changes)
        if make_plan(changed) != make_plan(scenario):
            found += 1
            together = _with(together, changes)
            yield name, words, changed
    if found > 1:
        yield "all", "all of these", together


def absent(scenario: Scenario) -> tuple[str, ...]:
    """Give the things, in words, that could cost patients and are off in a scenario."""
    plan = make_plan(scenario)
    return tuple(words for words, changes in _PARTS.values() if make_plan(_with(scenario, changes)) == plan)


_BLIND = {
    "patient": "blinded", "physician": "blinded", "assessor": "blinded", "blinding_leak": 0.0, "cue_logits": 0.0,
    "sham_cue_logits": 0.0, "side_effect_logits": 0.0, "relapse_logits": 0.0, "improvement_logits_per_point": 0.0,
    "outside_scan_prob_per_year": 0.0,
}  # fmt: skip
_PARTS: dict[str, tuple[str, dict[str, dict[str, Any]]]] = {
    "failure": ("procedures that fail", {"veins": {"success_prob": 1.0}, "sites": {"success_sd_logits": 0.0}}),
    "waiting": (
        "waiting for the procedure",
        {"veins": {"wait_days": 0.0, "wait_mean_days": 0.0}, "slots": {"enabled": False}},
    ),
    "onset": ("an effect that takes time", {"effect": {"onset_days": 0.0}}),
    "restenosis": (
        "veins that narrow again",
        {"veins": {"ijv_restenosis_18m_prob": 0.0, "azygos_restenosis_18m_prob": 0.0}},
    ),
    "dropout": ("patients who leave", {"switches": {"attrition": False}}),
    "unblinding": ("beliefs that tell the arms apart", {"belief": _BLIND}),
    "medication": ("medication after relapses", {"switches": {"medication": False}}),
    "contamination": ("angioplasty elsewhere", {"switches": {"contamination": False}}),
    "under_reporting": ("relapses that go unreported", {"switches": {"under_reporting": False}}),
    "sites": ("sites that differ", {"sites": {"relapse_rate_variance": 0.0, "effect_sd_log": 0.0}}),
}


def _with(scenario: Scenario, changes: dict[str, dict[str, Any]]) -> Scenario:
    """Give the scenario with these keys, by table."""
    return scenario.model_copy(
        update={table: getattr(scenario, table).model_copy(update=keys) for table, keys in changes.items()}
    )


def parts(search: Search, x: float, error_of_x: float) -> tuple[list[Part], int]:
    """Give what each thing adds around the size found, largest first, "all" last; and the trials played for it.

    A part is a share of the size found, so its error has that of the size in it.
    """
    size = search.dial.whole(x)
    whole = _Scores.of(search, search.dial.scenario, size, WHOLE)
    found, spent = [], TRIALS
    for name, words, ideal in ideal_worlds(search.dial.scenario):
        other = _Scores.of(search, ideal, size, f"without-{name}-at")
        spent += TRIALS
        ratio = other.relative() / whole.relative()
        left = np.array([other.relative(g) / whole.relative(g) for g in range(GROUPS)])
        error = math.sqrt((GROUPS - 1.0) / GROUPS * float(((left - left.mean()) ** 2).sum()))
        found.append(Part(name, words, x * ratio, x * (1.0 - ratio), math.hypot(x * error, (1.0 - ratio) * error_of_x)))
    found.sort(key=lambda p: (p.name == "all", -p.added))
    return found, spent


@dataclass(frozen=True)
class _Scores:
    """Each trial's test as a normal score (0 where there is no answer), and what a test needs for the power."""

    z: Floats
    needed: float
    quantile: float

    @classmethod
    def of(cls, search: Search, scenario: Scenario, size: int, kept_as: str) -> _Scores:
        """Play the same trials of the same size in a scenario."""
        own = Search(
            replace(search.dial, scenario=scenario), search.power, search.seed, search.workers, search.engine,
            search.watch, next_trial=FIRST_TRIAL, label="what adds to the size", run=search.run, kept_as=kept_as,
        )  # fmt: skip
        rows = own.rows(size, TRIALS)
        search.failed += own.failed
        estimates = rows["estimates"][:, 0]
        score = -ndtri(np.clip(estimates["p"] / 2.0, LEAST_P, 0.5)) * np.sign(estimates["value"])
        z = np.zeros(TRIALS)
        z[rows["trial"] - FIRST_TRIAL] = np.nan_to_num(score)
        return cls(z, float(ndtri(1.0 - search.alpha / 2.0)), float(ndtri(search.power)))

    def relative(self, left_out: int | None = None) -> float:
        """Give the size that reaches the power, relative to the one played: the mean score grows as the root of it."""
        kept = self.z[np.arange(len(self.z)) % GROUPS != left_out]
        mean = abs(float(kept.mean()))
        return ((self.needed + self.quantile * float(kept.std(ddof=1))) / mean) ** 2 if mean > 0.0 else math.inf
