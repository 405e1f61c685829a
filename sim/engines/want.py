"""What a caller wants to know of a trial: an engine may leave undrawn whatever nothing of it depends on."""

from __future__ import annotations

from typing import NamedTuple

FURTHER = frozenset(("msfc", "mental", "gd_lesions", "new_t2"))
"""Scores and lesions at visits that are left out where nobody wants them; EDSS and MSQOL-54 physical always come."""


class Want(NamedTuple):
    """Kinds of relapses to be counted, numbers of the visits to be seen (None: all), and whether the past is asked for.

    `scores` are those of `FURTHER` that are wanted at these visits, `guesses` whether treatment guesses are.
    `surveillance` asks for each patient's opened veins, first restenosis and first detected one, where there is any.
    With `first`, of a patient's relapses after study day 1 no more than the first needs to be there.

    A draw has an address, so leaving one out moves no other: who asks for less gets the same answers, sooner.
    """

    counts: frozenset[str] = frozenset(("true", "reported", "confirmed", "recalled"))
    visits: tuple[int, ...] | None = None
    past: bool = True
    first: bool = False
    scores: frozenset[str] = FURTHER
    surveillance: bool = True
    guesses: bool = True


EVERYTHING = Want()
