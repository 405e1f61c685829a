"""The register of random streams: which process, index and lane each draw has. Append-only, frozen by a test.

A draw is a pure function of (seed, trial, patient, process, block, index, lane): Philox key = (seed, process),
counter = (block, index, patient, trial), four lanes a block. A patient's word is site * 2^32 + arrival; arrival 2^32
- 1 means the site itself, the word 2^64 - 1 the trial. Neither scenario nor arm is in the address, so two scenarios
run with one seed share their draws. A stream's number, its lanes and the meaning of its index never change; new
streams get new numbers.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from sim.core.philox import philox, philox_pair_uint64, philox_uint64, unit_double
from sim.core.rules import rule

Uniforms = tuple[float, float, float, float]

SITE_ITSELF = 0xFFFFFFFF
TRIAL_WORD = 0xFFFFFFFFFFFFFFFF


class Stream(NamedTuple):
    """One registered stream: its process number, what its index counts (`counted`), and what its four lanes hold."""

    process: int
    name: str
    counted: str
    lanes: tuple[str, str, str, str]


def _register() -> dict[str, Stream]:
    rows = (
        Stream(1, "person", "0", ("arrival", "frailty", "dropout", "allocation")),
        Stream(2, "latent", "0", ("edss", "slope", "quality", "activity_start")),
        Stream(3, "belief", "0", ("patient", "physician", "assessor", "-")),
        Stream(4, "present", "0", ("self_referral", "selection", "wait", "course")),
        Stream(5, "activity", "switch // 4", ("sojourn 4i", "sojourn 4i+1", "sojourn 4i+2", "sojourn 4i+3")),
        Stream(6, "relapse", "point // 2; block = layer", ("gap 2i", "mark 2i", "gap 2i+1", "mark 2i+1")),
        Stream(7, "severity", "point; block = layer", ("severity", "residual", "residual_size", "-")),
        Stream(8, "recall", "point; block = layer", ("omission", "telescoping", "shift", "-")),
        Stream(9, "report", "point; block = layer", ("reported", "confirmed", "medication", "-")),
        Stream(10, "pseudo", "point // 2", ("gap 2i", "mark 2i", "gap 2i+1", "mark 2i+1")),
        Stream(11, "pseudo_report", "point", ("confirmed", "medication", "-", "-")),
        Stream(12, "vein", "vein + 8 * procedure", ("stenosis", "success", "restenosis", "-")),
        Stream(13, "complication", "procedure; block = kind // 4", ("kind 4b", "kind 4b+1", "kind 4b+2", "kind 4b+3")),
        Stream(14, "examination", "visit", ("edss", "edss_tail", "quality", "attendance")),
        Stream(15, "site", "0", ("arrival_rate", "rater", "relapse_rate", "success")),
        Stream(16, "block", "block; block = place // 4", ("place 4b", "place 4b+1", "place 4b+2", "place 4b+3")),
        Stream(17, "level", "0", ("msfc", "mental", "-", "-")),
        Stream(18, "score", "visit", ("msfc", "mental", "timing", "-")),
        # block 0: months from screening on, block 1: months before it, counted backwards, both from 0
        Stream(20, "activity_month", "month // 4; block", ("month 4i", "month 4i+1", "month 4i+2", "month 4i+3")),
        Stream(21, "lesion", "0", ("factor", "-", "-", "-")),
        Stream(22, "scan", "visit + 1", ("gd", "gd_variation", "t2", "-")),
        # block 0: criteria 1 to 4 of the examination; block 1: the lanes named here; examination 0 is at screening
        Stream(23, "doppler", "examination; block", ("criterion_5", "venography", "ivus", "-")),
        Stream(24, "imaging", "imaging", ("left_ijv", "right_ijv", "azygos", "-")),
        Stream(25, "cue", "procedure", ("patient", "physician", "assessor", "-")),
        Stream(26, "guess", "occasion", ("patient", "physician", "assessor", "-")),
        Stream(27, "outside_scan", "scan", ("gap", "-", "-", "-")),
        Stream(32, "hazard", "hazard * 64 + spell % 64; block = spell // 64", ("budget", "-", "-", "-")),
        Stream(
            28,
            "stratum_block",
            "block; block = 250 * stratum + place // 4",
            ("place 4b", "place 4b+1", "place 4b+2", "place 4b+3"),
        ),
        Stream(29, "allocation", "0", ("letter", "foreseen", "steered", "-")),
        Stream(31, "site_effect", "0", ("effect", "-", "-", "-")),
        # 0: what a trial draws; 1: what a group of trials shares, its number in the trial's place
        Stream(33, "uncertain", "0 trial, 1 group", ("population", "no_effect", "effect", "-")),
    )
    return {row.name: row for row in rows}


STREAMS = _register()

PERSON = STREAMS["person"].process
LATENT = STREAMS["latent"].process
BELIEF = STREAMS["belief"].process
PRESENT = STREAMS["present"].process
ACTIVITY = STREAMS["activity"].process
RELAPSE = STREAMS["relapse"].process
SEVERITY = STREAMS["severity"].process
RECALL = STREAMS["recall"].process
REPORT = STREAMS["report"].process
PSEUDO = STREAMS["pseudo"].process
PSEUDO_REPORT = STREAMS["pseudo_report"].process
VEIN = STREAMS["vein"].process
COMPLICATION = STREAMS["complication"].process
EXAMINATION = STREAMS["examination"].process
SITE = STREAMS["site"].process
BLOCK = STREAMS["block"].process
LEVEL = STREAMS["level"].process
SCORE = STREAMS["score"].process
ACTIVITY_MONTH = STREAMS["activity_month"].process
LESION = STREAMS["lesion"].process
SCAN = STREAMS["scan"].process
DOPPLER = STREAMS["doppler"].process
IMAGING = STREAMS["imaging"].process
CUE = STREAMS["cue"].process
GUESS = STREAMS["guess"].process
OUTSIDE_SCAN = STREAMS["outside_scan"].process
HAZARD = STREAMS["hazard"].process
STRATUM_BLOCK = STREAMS["stratum_block"].process
ALLOCATION = STREAMS["allocation"].process
SITE_EFFECT = STREAMS["site_effect"].process
UNCERTAIN = STREAMS["uncertain"].process

_UNIT = 2.220446049250313e-16  # 2^-52

SOJOURNS = 4  # in a block of the stream "activity"
POINTS = 2  # in a block of the streams "relapse" and "pseudo"
PLACES = 4  # in a block of the streams "block" and "stratum_block"
LONGEST_BLOCK = 250  # blocks of the stream "stratum_block" that one stratum has, for 1,000 places
MONTHS = 4  # in a block of the stream "activity_month"
SPELLS = 64  # of a hazard in a block of the stream "hazard"
FROM_SCREENING, BEFORE = 0, 1  # blocks of the stream "activity_month"


def patient_word(site: int, arrival: int) -> int:
    """Give the patient word of an address: site * 2^32 + arrival."""
    return (site << 32) | arrival


def uniforms(seed: int, trial: int, patient: int, process: int, index: int, block: int = 0) -> Uniforms:
    """Give the four doubles in (0, 1) at this address; all parts are integers from 0 to 2^64 - 1."""
    a, b, c, d = philox(seed, process, block, index, patient, trial)
    return (
        ((a >> 12) + 0.5) * _UNIT,
        ((b >> 12) + 0.5) * _UNIT,
        ((c >> 12) + 0.5) * _UNIT,
        ((d >> 12) + 0.5) * _UNIT,
    )


@rule
def uniforms_uint64(
    seed: np.uint64, trial: np.uint64, patient: np.uint64, process: np.uint64, index: np.uint64, block: np.uint64
) -> Uniforms:
    """Give the four doubles of `uniforms`, on uint64 alone: the form that Numba compiles."""
    a, b, c, d = philox_uint64(seed, process, block, index, patient, trial)
    return unit_double(a), unit_double(b), unit_double(c), unit_double(d)


@rule
def uniforms_pair_uint64(
    seed: np.uint64,
    trial: np.uint64,
    patient: np.uint64,
    other: np.uint64,
    process: np.uint64,
    index: np.uint64,
    block: np.uint64,
) -> tuple[Uniforms, Uniforms]:
    """Give the doubles of two patients at addresses that are otherwise the same, sooner than one after the other."""
    a, b, c, d, e, f, g, h = philox_pair_uint64(seed, process, block, index, patient, other, trial)
    first = unit_double(a), unit_double(b), unit_double(c), unit_double(d)
    return first, (unit_double(e), unit_double(f), unit_double(g), unit_double(h))
