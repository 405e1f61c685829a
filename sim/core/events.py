"""The vocabulary of events and their total order: (time, rank, patient, index) in every engine.

An event may cause, at its own instant, only kinds of higher rank; anything else needs a lead above zero.
(A switch of activity may come at the instant of the last one, on a whole-day clock: same rank, higher index.)
A change of belief is a line in the log, not a clock: it is written where it happens, by the procedure or a visit too,
and stands before them; several of one holder may stand in one place, in the order in which they happened.
Ranks are append-only: a new kind takes a free number between.
"""

from __future__ import annotations

from enum import IntEnum


class Kind(IntEnum):
    """An event kind; the number is its rank among events at one instant."""

    SITE_OPEN = 10
    ACTIVITY = 20
    RELAPSE = 30
    PSEUDO_RELAPSE = 32
    RESTENOSIS = 40
    EFFECT_BEGINS = 42
    RELAPSE_REPORTED = 50
    RELAPSE_CONFIRMED = 52
    MEDICATION_START = 60
    OUTSIDE_SCAN = 66
    BELIEF_CHANGE = 70
    MEDICATION_STOP = 62
    MEDICATION_ESCALATION = 64
    SCREENED = 100
    DOPPLER = 102
    VENOGRAPHY = 104
    IVUS = 106
    RUN_IN_END = 108
    SCREEN_FAILURE = 110
    ENROLLED = 120
    TURNED_AWAY = 122
    STEERED_AWAY = 123
    RANDOMISED = 124
    ENROLMENT_CLOSED = 130
    VISIT = 140
    PROCEDURE_REQUESTED = 146
    SLOT_FREE = 148
    VISIT_MISSED = 142
    IMAGING = 144
    GUESS = 145
    PROCEDURE = 150
    VEIN_TREATED = 152
    COMPLICATION = 154
    OUTSIDE_PROCEDURE = 158
    DROPOUT = 160
    END_OF_STUDY = 170

    @property
    def label(self) -> str:
        """The name written to the event log, in lower case."""
        return self.name.lower()


VALUES: dict[Kind, str] = {
    Kind.SITE_OPEN: "arrivals a day",
    Kind.ACTIVITY: "1 active, 0 quiescent; with log_ou the level",
    Kind.RELAPSE: "severity (EDSS points)",
    Kind.PSEUDO_RELAPSE: "0",
    Kind.RESTENOSIS: "vein",
    Kind.EFFECT_BEGINS: "effective patency from now on",
    Kind.RELAPSE_REPORTED: "1 relapse, 0 pseudo-relapse",
    Kind.RELAPSE_CONFIRMED: "1 relapse, 0 pseudo-relapse",
    Kind.MEDICATION_START: "rate ratio while on it",
    Kind.OUTSIDE_SCAN: "patency",
    Kind.BELIEF_CHANGE: "belief from now on",
    Kind.MEDICATION_STOP: "1 first line, 2 second line",
    Kind.MEDICATION_ESCALATION: "rate ratio while on it",
    Kind.SCREENED: "recalled relapses in the last year",
    Kind.DOPPLER: "criteria read, of 5",
    Kind.VENOGRAPHY: "1 narrow, 0 not",
    Kind.IVUS: "1 stenosis, 0 collapse",
    Kind.RUN_IN_END: "relapses reported of the run-in",
    Kind.SCREEN_FAILURE: "reason code",
    Kind.ENROLLED: "number enrolled so far",
    Kind.TURNED_AWAY: "0",
    Kind.STEERED_AWAY: "recalled relapses in the last year",
    Kind.RANDOMISED: "arm number",
    Kind.ENROLMENT_CLOSED: "number enrolled",
    Kind.VISIT: "EDSS found",
    Kind.PROCEDURE_REQUESTED: "1 angioplasty, 0 sham",
    Kind.SLOT_FREE: "never in the log: a slot is free again",
    Kind.VISIT_MISSED: "0",
    Kind.IMAGING: "veins read as narrow",
    Kind.GUESS: "1 angioplasty, 0 sham, 2 don't know",
    Kind.PROCEDURE: "1 angioplasty, 0 sham, 2 venography: no vein was narrow",
    Kind.VEIN_TREATED: "1 opened, 0 failed",
    Kind.COMPLICATION: "complication number",
    Kind.OUTSIDE_PROCEDURE: "narrow veins treated",
    Kind.DROPOUT: "study day",
    Kind.END_OF_STUDY: "study day",
}
