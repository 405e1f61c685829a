"""Belief: the probability that patient, treating physician and assessor give to angioplasty."""

from __future__ import annotations

import math
from typing import Literal, NamedTuple

from sim.core.inverse import exponential, logistic, normal
from sim.core.params import Table, param, probability
from sim.core.rules import rule
from sim.core.units import DAYS_PER_YEAR
from sim.model.guess import GuessPlan

Blinding = Literal["blinded", "open"]


HOLDERS = ("patient", "physician", "assessor")
"""Who believes, by number."""


class BeliefPlan(NamedTuple):
    """Prior log odds (allocation counted in), spread, leak, and who is blinded (1) or not (0); then what moves them.

    Shifts of log odds: by the procedure's cues (and who notices them), by a complication, by a reported relapse, by a
    point of quality of life, by an outside scan (and how many a day); `moves` is 1 if there is any.
    """

    prior_logit: float
    sd: float
    leak: float
    blinded: tuple[float, float, float]
    cue: float
    sham_cue: float
    noticed: tuple[float, float, float]
    side_effect: float
    relapse: float
    improvement: float
    scans_per_day: float
    scan: float
    moves: float


def _shift(meaning: str) -> float:
    """Declare a shift of log odds, none as shipped."""
    found: float = param(0.0, unit="log odds", ge=-10.0, le=10.0, meaning=meaning)
    return found


class Belief(Table):
    """Who knows or guesses the arm, how sure they are, what moves a blinded belief, and when guesses are asked."""

    setting: Literal["hrobjartsson", "sceptical"] = param(
        "hrobjartsson",
        unit="-",
        meaning="what fills the keys of belief's effects that nobody sets: sizes by Hrobjartsson, from trials with "
        "blinded and unblinded judges, or none, as by MetaBLIND (metablind2020.observers)",
        source="hrobjartsson2013",
    )
    patient: Blinding = param("blinded", unit="-", meaning="whether patients know their arm", source="design")
    physician: Blinding = param("blinded", unit="-", meaning="whether treating physicians know it", source="design")
    assessor: Blinding = param("blinded", unit="-", meaning="whether assessors know it", source="design")
    prior_prob: float = param(
        0.59,
        unit="1",
        gt=0.0,
        lt=1.0,
        meaning="typical probability a blinded person gives to angioplasty at 1:1 (mean of the two arms' guesses)",
        source="fitted: moroz2013.active, moroz2013.sham",
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

    cue_logits: float = _shift("shift at an angioplasty, in blinded holders who notice its cues")
    sham_cue_logits: float = _shift("shift at a sham procedure, in blinded holders who notice its cues")
    patient_cue_prob: float = probability(1.0, meaning="probability that the patient notices the procedure's cues")
    physician_cue_prob: float = probability(0.0, meaning="probability that the treating physician notices them")
    assessor_cue_prob: float = probability(0.0, meaning="probability that the assessor notices them")
    side_effect_logits: float = _shift("shift at a procedure with a complication, in patient and physician")
    relapse_logits: float = _shift("shift at each relapse the patient reports, in patient and physician")
    improvement_logits_per_point: float = param(
        0.0,
        unit="log odds/point",
        ge=-1.0,
        le=1.0,
        meaning="shift of the patient for each point of MSQOL-54 physical answered above baseline at the last visit",
    )
    outside_scan_prob_per_year: float = param(
        0.0,
        unit="1/year",
        ge=0.0,
        le=0.999,
        meaning="probability that a blinded patient has the veins scanned outside the study within a year",
    )
    outside_scan_logits: float = _shift(
        "shift of the patient by a scan that shows open veins; the reverse where they are not"
    )
    guess_early_days: float = param(
        0.0,
        unit="days",
        ge=0.0,
        le=3652.5,
        meaning="treatment guesses are asked so long after the procedure; 0: not asked then",
        source="design",
    )
    guess_at_end: bool = param(
        False, unit="-", meaning="whether guesses are asked at the planned end of follow-up", source="design"
    )
    guess_noise_logits: float = param(
        0.5, unit="log odds", ge=0.0, le=10.0, meaning="standard deviation of one guess around the belief held"
    )
    dont_know_halfwidth: float = param(
        0.1, unit="1", ge=0.0, lt=0.5, meaning='the answer is "don\'t know" so near to probability 1/2'
    )

    @property
    def moves(self) -> bool:
        """Whether anything moves a blinded belief after it is formed."""
        return self.plan(0.5).moves == 1.0

    @property
    def guesses(self) -> bool:
        """Whether treatment guesses are asked."""
        return self.guess_plan().on == 1.0

    def plan(self, angioplasty_share: float) -> BeliefPlan:
        """Shift the prior by the log odds of being allocated to angioplasty (0 at 1:1)."""
        share = min(max(angioplasty_share, 0.01), 0.99)
        prior = math.log(self.prior_prob / (1.0 - self.prior_prob)) + math.log(share / (1.0 - share))
        p, d, a = (1.0 if who == "blinded" else 0.0 for who in (self.patient, self.physician, self.assessor))
        noticed = (self.patient_cue_prob, self.physician_cue_prob, self.assessor_cue_prob)
        a_day = -math.log1p(-self.outside_scan_prob_per_year) / DAYS_PER_YEAR
        scan = self.outside_scan_logits if a_day > 0.0 else 0.0
        a_day = a_day if scan != 0.0 else 0.0
        shifts = (self.cue_logits, self.sham_cue_logits, self.side_effect_logits, self.relapse_logits)
        moves = 1.0 if any((*shifts, self.improvement_logits_per_point, scan)) else 0.0
        cue, sham_cue, side_effect, reported = shifts
        return BeliefPlan(
            prior, self.spread_logits, self.blinding_leak, (p, d, a),
            cue, sham_cue, noticed, side_effect, reported, self.improvement_logits_per_point, a_day, scan, moves,
        )  # fmt: skip

    def guess_plan(self) -> GuessPlan:
        """Give when guesses are asked, and the band of log odds in which nobody guesses."""
        half = self.dont_know_halfwidth
        at_end = 1.0 if self.guess_at_end else 0.0
        on = 1.0 if self.guess_early_days > 0.0 or self.guess_at_end else 0.0
        unsure = math.log((0.5 + half) / (0.5 - half))
        return GuessPlan(on, self.guess_early_days, at_end, self.guess_noise_logits, unsure)


@rule
def is_blinded(blinded: float, assessor: float, procedure: float) -> float:
    """Give 1 for a holder who does not know the arm: nobody but an assessor is blinded to having had no procedure."""
    if procedure == 0.0 and assessor == 0.0:
        return 0.0
    return blinded


@rule
def blinded_log_odds(u: float, prior_logit: float, sd: float, shift: float) -> float:
    """Draw the log odds a blinded person gives to angioplasty: normal around the prior, shifted by `shift`."""
    return prior_logit + sd * normal(u) + shift


@rule
def log_odds(
    u: float,
    prior_logit: float,
    sd: float,
    leak: float,
    blinded: float,
    assessor: float,
    procedure: float,
    reference: float,
) -> float:
    """Draw a holder's log odds as they are formed: infinite when open, else around the prior, the leak to the truth.

    `reference` = 1 holds them on the path of the truth's worlds, a blinded person's without a leak, whatever was done.
    """
    if reference == 1.0:
        return blinded_log_odds(u, prior_logit, sd, 0.0)
    if is_blinded(blinded, assessor, procedure) == 0.0:
        return math.inf if procedure == 2.0 else -math.inf
    return blinded_log_odds(u, prior_logit, sd, leak if procedure == 2.0 else -leak)


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
    """Draw a holder's belief as it is formed: the probability of `log_odds`, 0 or 1 when open."""
    return logistic(log_odds(u, prior_logit, sd, leak, blinded, assessor, procedure, reference))


@rule
def believed(belief: float, believing: float) -> float:
    """Give what a holder believes now: before the procedure there is nothing to believe."""
    return belief if believing == 1.0 else 0.0


# ---- what moves a belief ------------------------------------------------------------------------------------------


@rule
def moved(log_odds: float, logits: float, believing: float, reference: float) -> float:
    """Give a holder's log odds after a shift: none before the procedure, none on the truth's path, none when open.

    Who is open has infinite log odds, which no shift moves.
    """
    if believing == 0.0 or reference == 1.0:
        return log_odds
    return log_odds + logits


@rule
def certain(log_odds: float, angioplasty: float, reference: float) -> float:
    """Give the log odds of a holder who is told for certain (1 angioplasty, 0 not); on the truth's path none is."""
    if reference == 1.0:
        return log_odds
    return math.inf if angioplasty == 1.0 else -math.inf


@rule
def impression(
    u: float, noticed: float, cue: float, sham_cue: float, side_effect: float, procedure: float, complicated: float
) -> float:
    """Give the shift by a procedure: its cue, in who notices it, and the side effect, where there is one."""
    shift = side_effect if complicated == 1.0 else 0.0
    if u < noticed:
        shift += cue if procedure == 2.0 else sham_cue
    return shift


@rule
def improvement(scored: float, before: float, logits: float) -> float:
    """Give the shift by a visit: what the score has gained since the last, so that all add up to the gain so far."""
    return logits * (scored - before)


@rule
def scan_shift(patency: float, logits: float) -> float:
    """Give the shift by an outside scan: towards angioplasty where veins are open, away from it where they are not."""
    return logits * (2.0 * patency - 1.0)


@rule
def scan_gap(u: float, per_day: float) -> float:
    """Draw the days to the next outside scan; inf where there are none."""
    if per_day == 0.0:
        return math.inf
    return exponential(u) / per_day
