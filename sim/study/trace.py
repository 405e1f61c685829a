"""One patient's life as text, from the event log."""

from __future__ import annotations

from sim.core.errors import ShamtrialError
from sim.core.events import Kind
from sim.core.streams import patient_word
from sim.data.tables import ANSWERS, parse_usubjid, usubjid
from sim.engines.records import Records
from sim.model.belief import HOLDERS
from sim.model.eligibility import REASONS
from sim.model.veins import COMPLICATIONS, VEINS
from sim.study.simulate import SimulatedTrial

UNKNOWN_SHOWN = 8


def trace(trial: SimulatedTrial, patient: str) -> str:
    """Tell the life of a screened candidate (USUBJID), one line an event; ShamtrialError if there is none."""
    site, arrival = _parts(patient)
    subjects = trial.records.subjects
    own = subjects[(subjects["site"] == site) & (subjects["arrival"] == arrival)]
    if not len(own):
        raise ShamtrialError(
            f"--patient: found {patient!r}; allowed: one of the {len(subjects)} candidates screened in trial "
            f"{trial.records.trial}{_some_entered(subjects)}"
        )
    events = trial.records.events
    lines = [_line(trial, own[0], e) for e in events[events["patient"] == patient_word(site, arrival)]]
    return "\n".join([*_head(trial, own[0]), *lines])


def full_name(patient: str) -> str:
    """Write a USUBJID in full: 3-17 is 003-0017; ShamtrialError if it is none."""
    return usubjid(*_parts(patient))


def _parts(patient: str) -> tuple[int, int]:
    try:
        return parse_usubjid(patient)
    except ValueError as error:
        raise ShamtrialError(f"--patient: {error}") from None


def _some_entered(subjects: Records) -> str:
    entered = subjects[subjects["entry_number"] >= 0][:UNKNOWN_SHOWN]
    some = ", ".join(usubjid(int(r["site"]), int(r["arrival"])) for r in entered)
    return f"; entered: {some}, ..." if some else ""


def _head(trial: SimulatedTrial, s: Records) -> list[str]:
    entered = s["entry_number"] >= 0
    arm = trial.scenario.arm[s["arm"]].name if entered else f"not entered ({REASONS[s['reason']]})"
    patient = usubjid(int(s["site"]), int(s["arrival"]))
    return [
        f"{patient}, trial {trial.records.trial} of {trial.name}, seed {trial.seed}: {arm}",
        f"frailty {s['frailty']:.2f}, latent EDSS {s['edss_latent']:.2f}, progression "
        f"{s['slope_per_day'] * 365.25:.3f} points a year; months and days count from "
        + ("study day 1" if entered else "screening"),
    ]


def _line(trial: SimulatedTrial, s: Records, event: Records) -> str:
    day_1 = s["day_1"] if s["entry_number"] >= 0 else s["screening_time"]
    days = event["time"] - day_1
    return f"{days / 30.4375:8.2f} months {days:9.1f} d  {_words(trial, event)}"


def _activity(trial: SimulatedTrial, value: float) -> str:
    if trial.scenario.activity.kind == "log_ou":
        return f"activity: {value:.2f} times the mean"
    return "activity: active" if value else "activity: quiescent"


def _words(trial: SimulatedTrial, event: Records) -> str:
    kind, value = Kind(int(event["rank"])), float(event["value"])
    number = int(value) if value == value else 0
    holder = int(event["index"]) % len(HOLDERS)
    words = {
        Kind.ACTIVITY: _activity(trial, value),
        Kind.RELAPSE: f"relapse, {value:.1f} EDSS points",
        Kind.PSEUDO_RELAPSE: "pseudo-relapse",
        Kind.RESTENOSIS: f"restenosis, {VEINS[number % len(VEINS)]}",
        Kind.RELAPSE_REPORTED: "reported" if value else "pseudo-relapse reported",
        Kind.RELAPSE_CONFIRMED: "confirmed" if value else "pseudo-relapse confirmed",
        Kind.MEDICATION_START: f"medication started (relapse rate x {value:g})",
        Kind.OUTSIDE_SCAN: f"veins scanned outside the study: {100.0 * value:.0f}% of those treated open",
        Kind.BELIEF_CHANGE: f"{HOLDERS[holder]} believes in angioplasty with {100.0 * value:.0f}% now",
        Kind.MEDICATION_STOP: "medication stopped",
        Kind.MEDICATION_ESCALATION: f"medication escalated (relapse rate x {value:g})",
        Kind.SCREENED: f"screened, recalls {number} relapses in the last year",
        Kind.DOPPLER: f"Doppler: {number} of 5 criteria",
        Kind.VENOGRAPHY: f"venography: {'narrow' if value else 'not narrow'}",
        Kind.IVUS: f"IVUS: {'stenosis' if value else 'collapse'}",
        Kind.RUN_IN_END: f"end of the run-in, {number} relapses reported in it",
        Kind.SCREEN_FAILURE: f"screen failure: {REASONS[number % len(REASONS)]}",
        Kind.ENROLLED: f"entered the study as number {number}",
        Kind.TURNED_AWAY: "turned away: enrolment has closed",
        Kind.STEERED_AWAY: "turned away: does not suit the arm foreseen",
        Kind.VISIT: f"visit {event['index']}: EDSS {value:g}",
        Kind.VISIT_MISSED: f"visit {event['index']} missed",
        Kind.IMAGING: f"imaging {int(event['index']) + 1}: {number} veins read as narrow",
        Kind.GUESS: f"{HOLDERS[holder]} guesses {ANSWERS[number % len(ANSWERS)].lower()}",
        Kind.PROCEDURE: ("sham procedure", "angioplasty", "venography: no vein is narrow")[number % 3],
        Kind.VEIN_TREATED: f"{VEINS[int(event['index']) % len(VEINS)]} {'opened' if value else 'not opened'}",
        Kind.COMPLICATION: f"complication: {COMPLICATIONS[number % len(COMPLICATIONS)]}",
        Kind.OUTSIDE_PROCEDURE: f"angioplasty elsewhere, {number} narrow veins treated",
        Kind.DROPOUT: "left the study, seeing no benefit" if event["index"] else "left the study",
        Kind.END_OF_STUDY: "end of study",
    }
    if kind == Kind.RANDOMISED:
        return f"randomised to {trial.scenario.arm[number].name}"
    return words[kind]
