"""Screening of the veins: five Doppler criteria, then venography, then IVUS; and who is read in a prevalence study."""

from __future__ import annotations

import math
from typing import Literal, NamedTuple

from sim.core.inverse import logistic
from sim.core.params import Table, param, probability
from sim.core.rules import rule

CRITERIA = 5
NEEDED = 2
GROUPS = ("ms", "control")

Three = tuple[float, float, float]


class ScreeningPlan(NamedTuple):
    """Whether veins are screened, and whether for prevalence; group sizes; probability of a criterion by CCSVI (present
    or absent) and group; probabilities that a control's veins are stenosed; venography and IVUS."""

    on: float
    case_control: float
    ms_places: float
    places: float
    ms_arm: float
    present_ms: float
    absent_ms: float
    present_control: float
    absent_control: float
    control_stenosis: tuple[float, float, float]
    venography: float
    venography_sensitivity: float
    venography_specificity: float
    ivus: float
    ivus_collapse_prob: float


class Screening(Table):
    """Screening for CCSVI (at least one stenosed vein): Doppler, venography in its positives, IVUS in theirs."""

    enabled: bool = param(False, unit="-", meaning="veins are screened, negatives are kept out", source="design")
    reader: Literal["blinded", "unblinded"] = param(
        "blinded", unit="-", meaning="whether the Doppler's reader knows who has MS (unblinded)", source="design"
    )
    sensitivity_blinded_prob: float = probability(
        0.9, meaning="blinded: two or more criteria are read in someone with CCSVI"
    )
    specificity_blinded_prob: float = probability(
        0.9, meaning="blinded: fewer than two criteria are read in someone without CCSVI"
    )
    sensitivity_unblinded_prob: float = probability(
        0.9, meaning="unblinded, before any lean: two or more criteria are read in someone with CCSVI"
    )
    specificity_unblinded_prob: float = probability(
        0.9, meaning="unblinded, before any lean: fewer than two criteria are read in someone without CCSVI"
    )
    reader_lean_logits: float = param(
        1.0,
        unit="log odds",
        ge=-10.0,
        le=10.0,
        meaning="unblinded: added to the log odds of each criterion where the reader knows of MS",
    )
    venography: bool = param(True, unit="-", meaning="venography follows a positive Doppler", source="design")
    venography_sensitivity_prob: float = probability(1.0, meaning="venography is positive in someone with CCSVI")
    venography_specificity_prob: float = probability(
        1.0, meaning="venography is negative in someone without CCSVI; else a collapsed vein is taken for a stenosis"
    )
    ivus: bool = param(False, unit="-", meaning="IVUS follows a positive venography", source="design")
    ivus_collapse_prob: float = probability(
        1.0, meaning="IVUS tells a collapse that venography took for a stenosis; a stenosis it always sees as one"
    )
    control_ccsvi_prob: float | None = probability(
        None, meaning="prevalence_case_control: probability that a control has CCSVI; without it, as in MS"
    )

    def plan(self, unblinded: bool, stenosis: Three, places: tuple[int, int] | None, ms_arm: int) -> ScreeningPlan:
        """Solve the probability of a criterion; `unblinded` false is the switch `unblinded_doppler` off.

        `places` are the ratios of MS patients and controls in a prevalence study, None in a trial.
        """
        knows = unblinded and self.reader == "unblinded"
        present = criterion_for(self.sensitivity_unblinded_prob if knows else self.sensitivity_blinded_prob)
        absent = criterion_for(1.0 - (self.specificity_unblinded_prob if knows else self.specificity_blinded_prob))
        lean = self.reader_lean_logits if knows else 0.0
        ms, controls = places or (1, 0)
        return ScreeningPlan(
            on=float(self.enabled),
            case_control=float(places is not None),
            ms_places=float(ms),
            places=float(ms + controls),
            ms_arm=float(ms_arm),
            present_ms=leant(present, lean),
            absent_ms=leant(absent, lean),
            present_control=present,
            absent_control=absent,
            control_stenosis=self.control_stenosis(stenosis),
            venography=float(self.venography),
            venography_sensitivity=self.venography_sensitivity_prob,
            venography_specificity=self.venography_specificity_prob,
            ivus=float(self.ivus),
            ivus_collapse_prob=self.ivus_collapse_prob,
        )

    def control_stenosis(self, stenosis: Three) -> Three:
        """Give the probability of stenosis of each vein in controls: those of MS times one factor (at most 1 each),
        solved for `control_ccsvi_prob`."""
        wanted = self.control_ccsvi_prob
        if wanted is None or not any(stenosis):
            return stenosis
        low, high = 0.0, 1.0 / min(p for p in stenosis if p > 0.0)
        for _ in range(200):
            middle = 0.5 * (low + high)
            low, high = (middle, high) if prevalence(_times(stenosis, middle)) < wanted else (low, middle)
        return _times(stenosis, high)


def _times(stenosis: Three, factor: float) -> Three:
    left, right, azygos = (min(1.0, factor * p) for p in stenosis)
    return left, right, azygos


def prevalence(stenosis: Three) -> float:
    """Give the probability that at least one vein is stenosed: veins are independent."""
    left, right, azygos = stenosis
    return 1.0 - (1.0 - left) * (1.0 - right) * (1.0 - azygos)


def log_odds_ratio(ms: float, control: float) -> float:
    """Give the log odds ratio of two shares; NaN where it is infinite."""
    if ms == control:
        return 0.0
    if min(ms, control) <= 0.0 or max(ms, control) >= 1.0:
        return math.nan
    return math.log(ms / (1.0 - ms)) - math.log(control / (1.0 - control))


def positive_prob(criterion: float) -> float:
    """Give the probability that at least 2 of 5 independent criteria of this probability are read."""
    none, one = (1.0 - criterion) ** CRITERIA, CRITERIA * criterion * (1.0 - criterion) ** (CRITERIA - 1)
    return 1.0 - none - one


def criterion_for(positive: float) -> float:
    """Solve the probability of one criterion with which at least 2 of 5 are read with probability `positive`."""
    if positive in (0.0, 1.0):
        return positive
    low, high = 0.0, 1.0
    for _ in range(200):  # to neighbouring doubles, the same on every machine
        middle = 0.5 * (low + high)
        low, high = (middle, high) if positive_prob(middle) < positive else (low, middle)
    return high


def leant(criterion: float, lean: float) -> float:
    """Add `lean` to the log odds of a criterion; what is impossible or certain stays so."""
    if lean == 0.0 or criterion in (0.0, 1.0):
        return criterion
    return logistic(math.log(criterion / (1.0 - criterion)) + lean)


@rule
def is_case(number: float, ms_places: float, places: float) -> bool:
    """Tell whether the person with this number at the site (from 0) is sought among MS patients, else among controls.

    MS patients are spread evenly: of the first n persons there are as many as n * ms_places / places, rounded down.
    """
    return math.floor((number + 1.0) * ms_places / places) > math.floor(number * ms_places / places)


@rule
def criterion_prob(
    ccsvi: float, case: float, present_ms: float, absent_ms: float, present_control: float, absent_control: float
) -> float:
    """Give the probability that a criterion is read in this person."""
    if case == 1.0:
        return present_ms if ccsvi == 1.0 else absent_ms
    return present_control if ccsvi == 1.0 else absent_control


@rule
def criteria_met(u_1: float, u_2: float, u_3: float, u_4: float, u_5: float, prob: float) -> int:
    """Count the criteria that are read, each with this probability, independently."""
    return int(u_1 < prob) + int(u_2 < prob) + int(u_3 < prob) + int(u_4 < prob) + int(u_5 < prob)


@rule
def is_positive(criteria: float) -> bool:
    """Tell whether a Doppler examination with so many criteria says CCSVI."""
    return criteria >= 2.0


@rule
def shows_narrowing(u: float, ccsvi: float, sensitivity: float, specificity: float) -> bool:
    """Tell whether venography is positive."""
    return u < (sensitivity if ccsvi == 1.0 else 1.0 - specificity)


@rule
def shows_stenosis(u: float, ccsvi: float, collapse_prob: float) -> bool:
    """Tell whether IVUS takes what venography has shown for a stenosis, and not for a collapse."""
    return ccsvi == 1.0 or u >= collapse_prob


@rule
def kept_out(doppler: float, venography: float, ivus: float) -> int:
    """Give the number of the reason that keeps a candidate out, in the order of REASONS; 0 lets in.

    `doppler` is 1 where positive, else 0; the others 1 or 0, or -1 where not done.
    """
    if doppler == 0.0:
        return 7
    if venography == 0.0:
        return 8
    return 9 if ivus == 0.0 else 0
