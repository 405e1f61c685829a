"""The vocabulary of events and their total order: (time, rank, patient, index) in every engine.

An event may cause, at its own instant, only kinds of higher rank; anything else needs a lead above zero.
(A switch of activity may come at the instant of the last one, on a whole-day clock: same rank, higher index.)
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
    RELAPSE_REPORTED = 50
    RELAPSE_CONFIRMED = 52
    MEDICATION_START = 60
    SCREENED = 100
    RUN_IN_END = 108
    SCREEN_FAILURE = 110
    ENROLLED = 120
    TURNED_AWAY = 122
    RANDOMISED = 124
    ENROLMENT_CLOSED = 130
    VISIT = 140
    PROCEDURE = 150
    VEIN_TREATED = 152
    COMPLICATION = 154
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
    Kind.RELAPSE_REPORTED: "1 relapse, 0 pseudo-relapse",
    Kind.RELAPSE_CONFIRMED: "1 relapse, 0 pseudo-relapse",
    Kind.MEDICATION_START: "rate ratio while on it",
    Kind.SCREENED: "recalled relapses in the last year",
    Kind.RUN_IN_END: "relapses reported of the run-in",
    Kind.SCREEN_FAILURE: "reason code",
    Kind.ENROLLED: "number enrolled so far",
    Kind.TURNED_AWAY: "0",
    Kind.RANDOMISED: "arm number",
    Kind.ENROLMENT_CLOSED: "number enrolled",
    Kind.VISIT: "EDSS found",
    Kind.PROCEDURE: "1 angioplasty, 0 sham",
    Kind.VEIN_TREATED: "1 opened, 0 failed",
    Kind.COMPLICATION: "complication number",
    Kind.DROPOUT: "study day",
    Kind.END_OF_STUDY: "study day",
}
