"""How well a scenario's blind holds: treatment guesses of one trial, and blinding indices over many."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sim.analysis.blinding import bang_index, james_index
from sim.analysis.estimate import Estimate
from sim.data.cohort import cohort
from sim.data.guesses import ANSWERS, arm_names, guess_counts, questions
from sim.engines.records import TrialRecords
from sim.scenario.schema import Scenario

Counts = NDArray[np.int64]
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Index:
    """A blinding index of one trial and its interval; NaN where nobody was asked or no error can be told."""

    value: float
    lower: float
    upper: float


@dataclass(frozen=True)
class TrialGuesses:
    """The answers to one question in one trial: counts by arm, Bang's index by arm, James's index."""

    occasion: str
    holder: str
    answers: dict[str, dict[str, int]]
    bang: dict[str, Index]
    james: Index

    def to_dict(self) -> dict[str, Any]:
        """Give plain values for JSON; what does not exist (NaN) is None."""
        made: dict[str, Any] = _plain(asdict(self))
        return made


@dataclass(frozen=True)
class MeanIndex:
    """A blinding index, or a share of answers, averaged over the trials that have one.

    `mcse` is the mean's Monte Carlo standard error; 95% of these trials lie from `lower` to `upper`.
    """

    mean: float
    mcse: float
    trials: int
    lower: float
    upper: float


@dataclass(frozen=True)
class Blinding:
    """One question over many trials: Bang's index by arm, James's, and the shares of the answers by arm.

    `both` is the sum of the two arms' Bang indices of a trial: how much more often one arm guesses angioplasty.
    `drift` is by how much it has risen since the same people's early guess, in the same trial (None: nothing earlier).
    """

    occasion: str
    holder: str
    bang: dict[str, MeanIndex]
    james: MeanIndex
    answers: dict[str, dict[str, MeanIndex]]
    both: MeanIndex
    drift: MeanIndex | None

    def to_dict(self) -> dict[str, Any]:
        """Give plain values for JSON; what does not exist (NaN) is None."""
        made: dict[str, Any] = _plain(asdict(self))
        return made


def trial_guesses(scenario: Scenario, records: TrialRecords) -> list[TrialGuesses]:
    """Give the answers to each question asked in a trial; none where guesses are not asked."""
    asked = questions(scenario)
    if not asked:
        return []
    counts, alpha, arms = guess_counts(scenario, cohort(records)), scenario.study.alpha, arm_names(scenario)
    found = []
    for k, (occasion, holder) in enumerate(asked):
        table = counts[:, k]
        bang = [bang_index(*_right_and_wrong(table, arm), alpha=alpha)[0] for arm in range(2)]
        values = bang_values(table)[0]
        answers = [dict(zip(ANSWERS, row, strict=True)) for row in table[0].tolist()]
        told = [_index(b, float(v)) for b, v in zip(bang, values, strict=True)]
        james = james_index(table.astype(np.float64), alpha)[0]
        by_arm = dict(zip(arms, answers, strict=True)), dict(zip(arms, told, strict=True))
        found.append(TrialGuesses(occasion, holder, *by_arm, _index(james, james.value)))
    return found


def mean_indices(scenario: Scenario, counts: Counts) -> tuple[Blinding, ...]:
    """Average the indices over trials, from counts (trials, questions, arms, answers)."""
    found, arms = [], arm_names(scenario) if scenario.belief.guesses else []
    early: dict[str, Floats] = {}
    for k, (occasion, holder) in enumerate(questions(scenario)):
        table = counts[:, k]
        values = bang_values(table)
        bang, both = [_mean(column) for column in values.T], values.sum(axis=1)
        drift = _mean(both - early[holder]) if holder in early else None
        early.setdefault(holder, both)
        james = _mean(james_index(table.astype(np.float64)).value)
        shares = [dict(zip(ANSWERS, map(_mean, arm.T), strict=True)) for arm in _shares(table)]
        by_arm = dict(zip(arms, bang, strict=True)), dict(zip(arms, shares, strict=True))
        found.append(Blinding(occasion, holder, by_arm[0], james, by_arm[1], _mean(both), drift))
    return tuple(found)


def _shares(table: Counts) -> Floats:
    """Give the share of each answer (arms, trials, answers) among those asked; NaN: nobody asked."""
    asked = table.sum(axis=2, keepdims=True)
    shares: Floats = np.where(asked > 0, table / np.maximum(asked, 1), math.nan)
    return shares.swapaxes(0, 1)


def bang_values(table: Counts) -> Floats:
    """Give Bang's index (trials, arms), also where all answered alike and no error can be told; NaN: nobody asked."""
    asked = table.sum(axis=2)
    more = table[:, :, 0] - table[:, :, 1]  # said angioplasty, less said sham
    right_less_wrong = np.stack([more[:, 0], -more[:, 1]], axis=1)
    return np.where(asked > 0, right_less_wrong / np.maximum(asked, 1), math.nan)


def _right_and_wrong(table: Counts, arm: int) -> tuple[Floats, Floats, Floats]:
    """Give one arm's counts of right, wrong and no guesses."""
    own = table[:, arm].astype(np.float64)
    return own[:, arm], own[:, 1 - arm], own[:, 2]


def _index(found: Estimate, value: float) -> Index:
    return Index(value, found.lower, found.upper)


def _mean(values: Floats) -> MeanIndex:
    got = values[~np.isnan(values)]
    n = len(got)
    mean = math.fsum(got) / n if n else math.nan
    spread = math.sqrt(math.fsum((got - mean) ** 2) / (n - 1)) if n > 1 else math.nan
    lower, upper = np.quantile(got, (0.025, 0.975)).tolist() if n else (math.nan, math.nan)
    return MeanIndex(mean, spread / math.sqrt(n) if n else math.nan, n, lower, upper)


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(inner) for key, inner in value.items()}
    return None if isinstance(value, float) and math.isnan(value) else value
