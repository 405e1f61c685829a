"""Belief: the probability that patient, treating physician and assessor give to angioplasty."""

from __future__ import annotations

import math
from typing import Literal, NamedTuple

from sim.core.inverse import logistic, normal
from sim.core.params import Table, param
from sim.core.rules import rule

Blinding = Literal["blinded", "open"]


class BeliefPlan(NamedTuple):
    """Prior log odds (allocation counted in), spread, leak, and who is blinded (1) or not (0)."""

    prior_logit: float
    sd: float
    leak: float
    blinded: tuple[float, float, float]


class Belief(Table):
    """Who knows or guesses the arm, and how sure they are."""

    patient: Blinding = param("blinded", unit="-", meaning="whether patients know their arm", source="design")
    physician: Blinding = param("blinded", unit="-", meaning="whether treating physicians know it", source="design")
    assessor: Blinding = param("blinded", unit="-", meaning="whether assessors know it", source="design")
    prior_prob: float = param(
        0.62,
        unit="1",
        gt=0.0,
        lt=1.0,
        meaning="typical probability a blinded person gives to angioplasty at 1:1 (mean of the two arms' guesses)",
        source="moroz2013.sham",
    )
    spread_logits: float = param(1.0, unit="log odds", ge=0.0, le=10.0, meaning="standard deviation between people")
    blinding_leak: float = param(
        0.0,
        unit="log odds",
        ge=-10.0,
        le=10.0,
        meaning="shift of a blinded person's log odds towards the truth: up under angioplasty, down otherwise",
        source="design",
    )

    def plan(self, angioplasty_share: float) -> BeliefPlan:
        """Shift the prior by the log odds of being allocated to angioplasty (0 at 1:1)."""
        share = min(max(angioplasty_share, 0.01), 0.99)
        prior = math.log(self.prior_prob / (1.0 - self.prior_prob)) + math.log(share / (1.0 - share))
        p, d, a = (1.0 if who == "blinded" else 0.0 for who in (self.patient, self.physician, self.assessor))
        return BeliefPlan(prior, self.spread_logits, self.blinding_leak, (p, d, a))


@rule
def is_blinded(blinded: float, assessor: float, procedure: float) -> float:
    """Give 1 for a holder who does not know the arm: nobody but an assessor is blinded to having had no procedure."""
    if procedure == 0.0 and assessor == 0.0:
        return 0.0
    return blinded


@rule
def blinded_belief(u: float, prior_logit: float, sd: float, shift: float) -> float:
    """Draw what a blinded person believes: logit-normal around the prior, shifted by `shift` log odds."""
    return logistic(prior_logit + sd * normal(u) + shift)


@rule
def belief(u: float, prior_logit: float, sd: float, leak: float, blinded: float, angioplasty: float) -> float:
    """Draw a holder's belief: 0 or 1 when open, else around the prior with the leak towards the truth."""
    if blinded == 0.0:
        return angioplasty
    return blinded_belief(u, prior_logit, sd, leak if angioplasty == 1.0 else -leak)


@rule
def held(
    u: float,
    prior_logit: float,
    sd: float,
    leak: float,
    blinded: float,
    assessor: float,
    procedure: float,
    reference: float,
) -> float:
    """Draw a holder's belief once the procedure is done; `reference` = 1 holds it on the path of the truth's worlds.

    That path is a blinded person's without a leak, whatever was done.
    """
    if reference == 1.0:
        return blinded_belief(u, prior_logit, sd, 0.0)
    hidden = is_blinded(blinded, assessor, procedure)
    return belief(u, prior_logit, sd, leak, hidden, 1.0 if procedure == 2.0 else 0.0)


@rule
def believed(belief: float, believing: float) -> float:
    """Give what a holder believes now: before the procedure there is nothing to believe."""
    return belief if believing == 1.0 else 0.0


@rule
def told(belief: float, angioplasty: float, reference: float) -> float:
    """Give what a holder believes who is told the truth (1 angioplasty, 0 not); `reference` = 1 keeps its path."""
    return belief if reference == 1.0 else angioplasty
