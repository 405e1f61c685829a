"""Treatment guesses: angioplasty, sham or don't know, from the belief held on the occasion."""

from __future__ import annotations

from typing import NamedTuple

from sim.core.inverse import normal
from sim.core.rules import rule

OCCASIONS = ("early", "end")
"""When guesses are asked, by number: some days after the procedure, and at the planned end."""

SHAM, ANGIOPLASTY, UNSURE, NOT_ASKED = 0, 1, 2, -1
"""Answers."""


class GuessPlan(NamedTuple):
    """Whether guesses are asked at all, how long after the procedure (0: not then), whether at the end; the noise of
    one guess, and the log odds within which the answer is "don't know"."""

    on: float
    early_days: float
    at_end: float
    noise: float
    unsure_logits: float


@rule
def answer(u: float, log_odds: float, noise: float, unsure_logits: float) -> float:
    """Draw an answer: 1 angioplasty, 0 sham, 2 don't know; who knows the arm (infinite log odds) names it."""
    on_the_day = log_odds + noise * normal(u)
    if on_the_day > unsure_logits:
        return 1.0
    if on_the_day < -unsure_logits:
        return 0.0
    return 2.0
