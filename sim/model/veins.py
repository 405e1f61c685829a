"""Veins: where they are narrow, whether angioplasty opens them, when they narrow again, what goes wrong."""

from __future__ import annotations

import math
from typing import Literal, NamedTuple

from sim.core.inverse import exponential
from sim.core.params import Table, param, probability
from sim.core.rules import rule
from sim.core.units import months, on_clock

VEINS = ("left_ijv", "right_ijv", "azygos")
COMPLICATIONS = ("haematoma", "arrhythmia", "rupture", "dissection", "thrombosis")
PROCEDURES = ("none", "sham", "angioplasty")
NONE, SHAM, ANGIOPLASTY = 0, 1, 2
MOST_PROCEDURES = 8  # of a patient, the first one counted
DONE = (*PROCEDURES, "outside", "venography")
OUTSIDE = 3  # angioplasty elsewhere: no arm has it
VENOGRAPHY = 4  # an angioplasty that found nothing narrow: no arm has it
LANES = 8  # numbers of the stream "vein" that a procedure has
PATENCY = ("share", "any", "all")


class VeinsPlan(NamedTuple):
    """Probabilities by vein (left IJV, right IJV, azygos), times in days, the patency rule as its number in PATENCY."""

    stenosis: tuple[float, float, float]
    success_prob: float
    restenosis_scale_days: tuple[float, float, float]
    restenosis_shape: float
    weibull: float
    patency: float
    wait_days: float
    wait_mean_days: float
    complications: tuple[float, float, float, float, float]


class Complications(Table):
    """Probability of each complication at one angioplasty."""

    haematoma_prob: float = probability(5 / 495, meaning="haematoma at the access site", source="petrov.complications")
    arrhythmia_prob: float = probability(6 / 495, meaning="arrhythmia", source="petrov.complications")
    rupture_prob: float = probability(2 / 495, meaning="rupture of a vein", source="petrov.complications")
    dissection_prob: float = probability(15 / 495, meaning="dissection of a vein", source="petrov.complications")
    thrombosis_prob: float = probability(8 / 495, meaning="thrombosis (of a stent)", source="petrov.complications")


class Veins(Table):
    """Stenosis, angioplasty and restenosis, vein by vein."""

    left_ijv_prob: float = probability(0.817, meaning="left internal jugular vein stenosed", source="simka.left_ijv")
    right_ijv_prob: float = probability(0.64, meaning="right internal jugular vein stenosed", source="simka.right_ijv")
    azygos_prob: float = probability(0.049, meaning="azygos vein stenosed", source="simka.azygos")
    success_prob: float = probability(
        0.974, meaning="a treated vein is opened (technical success)", source="ferral.technical"
    )
    restenosis_kind: Literal["weibull", "log_logistic"] = param(
        "weibull", unit="-", meaning="law of the time to restenosis of an opened vein"
    )
    ijv_restenosis_18m_prob: float = param(
        0.47,
        unit="1",
        ge=0.0,
        lt=1.0,
        meaning="an opened internal jugular vein is narrow again by 18 months",
        source="zamboni2009.ijv_restenosis",
    )
    azygos_restenosis_18m_prob: float = param(
        0.47, unit="1", ge=0.0, lt=1.0, meaning="an opened azygos vein is narrow again by 18 months"
    )
    restenosis_shape: float = param(
        2.0, unit="1", ge=0.1, le=20.0, meaning="shape of that law (above 1: few in the first months)"
    )
    patency: Literal["share", "any", "all"] = param(
        "share",
        unit="-",
        meaning="a patient's patency: the share of treated veins open, or 1 if any is, or 1 if all are",
    )
    wait_days: float = param(
        0.0, unit="days", ge=0.0, le=3650.0, meaning="time from entering the study to the procedure", source="design"
    )
    wait_mean_days: float = param(
        0.0, unit="days", ge=0.0, le=3650.0, meaning="mean of a further exponential wait", source="design"
    )
    complications: Complications = Complications()

    def plan(self) -> VeinsPlan:
        """Solve the scales of restenosis from the share narrow again by 18 months."""
        ijv, azygos = (self._scale(p) for p in (self.ijv_restenosis_18m_prob, self.azygos_restenosis_18m_prob))
        c = self.complications
        return VeinsPlan(
            (self.left_ijv_prob, self.right_ijv_prob, self.azygos_prob),
            self.success_prob,
            (ijv, ijv, azygos),
            self.restenosis_shape,
            1.0 if self.restenosis_kind == "weibull" else 0.0,
            float(PATENCY.index(self.patency)),
            self.wait_days,
            self.wait_mean_days,
            (c.haematoma_prob, c.arrhythmia_prob, c.rupture_prob, c.dissection_prob, c.thrombosis_prob),
        )

    def _scale(self, prob_18m: float) -> float:
        if prob_18m == 0.0:
            return math.inf
        odds = -math.log1p(-prob_18m) if self.restenosis_kind == "weibull" else prob_18m / (1.0 - prob_18m)
        log_ratio = math.log(odds) / self.restenosis_shape
        return months(18.0) / math.exp(log_ratio) if log_ratio > -600.0 else math.inf


@rule
def happens(u: float, prob: float) -> bool:
    """Tell whether an event of this probability happens."""
    return u < prob


@rule
def as_done(kind: float, narrow: float) -> float:
    """Give what a procedure turns out to be: an angioplasty that finds no narrow vein is a venography."""
    return 4.0 if kind == 2.0 and narrow == 0.0 else kind


@rule
def logged(done: float) -> float:
    """Give a procedure's value in the event log: 1 angioplasty, 0 sham, 2 a venography that found nothing narrow."""
    if done == 4.0:
        return 2.0
    return 1.0 if done == 2.0 else 0.0


@rule
def restenosis_days(u: float, scale_days: float, shape: float, weibull: float) -> float:
    """Draw the time from opening to restenosis of one vein (days; inf where it never narrows); falls in u.

    At least a millionth of a day, so that it never falls on the procedure itself.
    """
    if scale_days == math.inf:
        return math.inf
    hazard = -math.log(u) if weibull == 1.0 else (1.0 - u) / u
    return max(scale_days * math.exp(math.log(hazard) / shape), 1e-6)


@rule
def patency(treated: float, open_now: float, kind: float) -> float:
    """Give a patient's patency from 0 to 1: share of treated veins open (0), any open (1) or all open (2)."""
    if treated == 0.0 or open_now == 0.0:
        return 0.0
    if kind == 0.0:
        return open_now / treated
    if kind == 1.0:
        return 1.0
    return 1.0 if open_now == treated else 0.0


@rule
def waiting(u: float, wait_days: float, wait_mean_days: float) -> float:
    """Draw the time from entering the study to the procedure (days): fixed, plus an exponential part."""
    if wait_mean_days == 0.0:
        return wait_days
    return wait_days + wait_mean_days * exponential(u)


@rule
def procedure_time(entry: float, wait: float, resolution: float) -> float:
    """Give when the procedure is done."""
    return on_clock(entry + wait, resolution)
