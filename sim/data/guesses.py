"""Treatment guesses, counted: by trial, question, arm and answer."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from sim.data.cohort import Cohort
from sim.model.belief import HOLDERS
from sim.model.guess import ANGIOPLASTY, OCCASIONS, SHAM
from sim.scenario.schema import Scenario

ARMS: Final = ("angioplasty", "sham")
"""Procedures of the arms that are counted, in order; patients without a procedure are not asked."""

ANSWERS: Final = ("angioplasty", "sham", "dont_know")
"""Answers in the order in which they are counted."""


def questions(scenario: Scenario) -> list[tuple[str, str]]:
    """Give (occasion, holder) of each question that is asked: none where guesses are not."""
    asked = (scenario.belief.guess_early_days > 0.0, scenario.belief.guess_at_end)
    return [(occasion, holder) for occasion, on in zip(OCCASIONS, asked, strict=True) for holder in HOLDERS if on]


def arm_names(scenario: Scenario) -> list[str]:
    """Give the names of the arms that are counted, in the order of `ARMS`."""
    return [next(a.name for a in scenario.arm if a.procedure == kind) for kind in ARMS]


def guess_counts(scenario: Scenario, people: Cohort) -> NDArray[np.int64]:
    """Count answers: an array (trials, questions, arms, answers) in the orders above."""
    asked = questions(scenario)
    counts = np.zeros((people.trials, len(asked), len(ARMS), len(ANSWERS)), np.int64)
    kinds = np.array([ARMS.index(a.procedure) if a.procedure in ARMS else -1 for a in scenario.arm])
    trial = np.repeat(np.arange(people.trials), np.diff(people.first))
    for k, (occasion, holder) in enumerate(asked):
        said = people.guesses[f"guess_{occasion}_{holder}"]
        there = said >= 0
        arm, answer = kinds[people.subjects["arm"][there]], said[there]
        place = np.where(answer == ANGIOPLASTY, 0, np.where(answer == SHAM, 1, 2))
        cell = (trial[there] * len(ARMS) + arm) * len(ANSWERS) + place
        counts[:, k] = np.bincount(cell, minlength=counts[:, k].size).reshape(counts[:, k].shape)
    return counts
