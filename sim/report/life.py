"""One patient's life as a picture shows it: read from the tables of a trial, in months from study day 1."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from sim.core.errors import ShamtrialError
from sim.core.units import DAYS_PER_MONTH
from sim.model.veins import VEINS

if TYPE_CHECKING:
    import pandas as pd

Floats = NDArray[np.float64]
Tables = Mapping[str, "pd.DataFrame"]
Clock = Callable[[Any], Floats]

HISTORY_MONTHS: Final = 36.0
KEPT_OUT: Final = {
    "": "still in screening",
    "edss": "EDSS out of range",
    "relapses": "too few relapses",
    "recent_relapse": "a relapse too recently",
    "no_stenosis": "no narrow vein",
    "enrolment_closed": "enrolment had closed",
    "course": "another course of the disease",
    "doppler_negative": "no CCSVI on Doppler",
    "venography_negative": "no narrow vein on venography",
    "ivus_collapse": "collapse, not stenosis, on IVUS",
    "steered": "did not suit the arm foreseen",
    "run_in": "a relapse in the run-in",
}
NTH: Final = {2: "second", 3: "third"}


@dataclass(frozen=True)
class Span:
    """A stretch of time in months from study day 1."""

    start: float
    end: float


@dataclass(frozen=True)
class Relapse:
    """A relapse or pseudo-relapse: when it began, was reported, was confirmed (months; NaN: never).

    `recalled` is when a relapse before study day 1 is said to have been, NaN where it is forgotten.
    """

    onset: float
    severity: float
    pseudo: bool
    recalled: float
    reported: float
    confirmed: float


@dataclass(frozen=True)
class Vein:
    """A vein that was found narrow: when it was open, and when it was treated in vain (months)."""

    name: str
    opened: tuple[Span, ...]
    failed: tuple[float, ...]


@dataclass(frozen=True)
class Procedure:
    """A procedure that was done: when (months), and what it was, in words."""

    time: float
    words: str


@dataclass(frozen=True)
class Lifeline:
    """What the picture shows; times in months from study day 1 (from screening, for who never entered).

    `active` are the stretches of high disease activity; `edss` was found at `edss_months` (screening, then the visits
    that took place), `quality` (MSQOL-54 physical) at `quality_months`; the latent scores stand behind them.
    """

    usubjid: str
    arm: str
    treated_as: str
    status: str
    entered: bool
    start: float
    screening: float
    end: float
    procedures: tuple[Procedure, ...]
    medication: float
    medicated: tuple[Span, ...]
    active: tuple[Span, ...]
    relapses: tuple[Relapse, ...]
    veins: tuple[Vein, ...]
    edss_months: Floats
    edss: Floats
    quality_months: Floats
    quality: Floats
    latent_months: Floats
    latent_edss: Floats
    latent_quality: Floats

    @property
    def message(self) -> str:
        """What the picture says, from the data."""
        if not self.entered:
            return f"Patient {self.usubjid}: screened, did not enter ({self.status})"
        before = sum(not r.pseudo and -12.0 < r.onset <= 0.0 for r in self.relapses)
        after = sum(not r.pseudo and r.onset > 0.0 for r in self.relapses)
        plural = "" if before == 1 else "s"
        return (
            f"Patient {self.usubjid}, {self.arm.replace('_', ' ')}: {before} relapse{plural} in the year before, "
            f"{after} in {self.end:.0f} months on study"
        )


def lifeline_data(tables: Tables, usubjid: str) -> Lifeline:
    """Compute one patient's picture from the tables of a trial (`sim.data.tables.tables`).

    Raises ShamtrialError for a patient who was not screened in this trial.
    """
    subject = _subject(tables["adsl"], usubjid)
    entered = bool(subject["ENRLFL"] == "Y")
    origin = float(subject["DAY1DT"]) if entered else float(subject["SCRNDT"])

    def at(times: Any) -> Floats:
        since: Floats = (np.asarray(times, np.float64) - origin) / DAYS_PER_MONTH
        return since

    def one(key: str) -> float:
        return float(at(subject[key]))

    screening = one("SCRNDT")
    end = one("EOSDT") if entered and not math.isnan(float(subject["EOSDT"])) else max(screening, 0.0)
    own = {name: table[table[_key(table)] == usubjid] for name, table in tables.items()}
    latent = own["truth"].dropna(subset=["edss_latent"])
    return Lifeline(
        usubjid=usubjid,
        arm=str(subject["TRT01P"]),
        treated_as=str(subject["TRT01A"]),
        status=str(subject["EOSSTT"]).lower() if entered else KEPT_OUT[str(subject["SCRFREAS"])],
        entered=entered,
        start=screening - HISTORY_MONTHS,
        screening=screening,
        end=end,
        procedures=_procedures(own["procedures"], at),
        medication=one("MEDSTDT"),
        medicated=_medicated(own["events"], at, one("MEDSTDT"), end),
        active=_active(own["events"], at, end),
        relapses=_relapses(own["adrel"], at),
        veins=_veins(own["veins"], own["events"], at, end),
        edss_months=np.append(screening, at(own["visits"]["ADT"])),
        edss=np.append(float(subject["SCRNEDSS"]), own["visits"]["EDSS"].to_numpy(np.float64)),
        quality_months=at(own["visits"]["ADT"]),
        quality=own["visits"]["MSQOLPHY"].to_numpy(np.float64),
        latent_months=at(latent["time"]),
        latent_edss=latent["edss_latent"].to_numpy(np.float64),
        latent_quality=latent["msqol_latent"].to_numpy(np.float64),
    )


def telling_patient(tables: Tables) -> str:
    """Choose the patient of a trial in whose life most kinds of things happen; the first of equals.

    Raises ShamtrialError where nobody entered.
    """
    entered = tables["adsl"][tables["adsl"]["ENRLFL"] == "Y"]
    if not len(entered):
        raise ShamtrialError("USUBJID: found a trial that nobody entered; allowed: a trial with patients")
    seen = tables["events"].groupby("usubjid")["event"].agg(["nunique", "size"])
    richness = entered["USUBJID"].map(seen["nunique"] * 1000 + seen["size"].clip(upper=60))
    return str(entered["USUBJID"].loc[richness.idxmax()])


def _key(table: pd.DataFrame) -> str:
    return "USUBJID" if "USUBJID" in table.columns else "usubjid"


def _subject(adsl: pd.DataFrame, usubjid: str) -> pd.Series:
    rows = adsl[adsl["USUBJID"] == usubjid]
    if not len(rows):
        some = ", ".join(adsl.loc[adsl["ENRLFL"] == "Y", "USUBJID"].head(5))
        raise ShamtrialError(f"USUBJID: found {usubjid!r}; allowed: one screened in this trial, e.g. {some or 'none'}")
    return rows.iloc[0]


def _active(events: pd.DataFrame, at: Clock, end: float) -> tuple[Span, ...]:
    """Give the stretches of high activity (active, or months at or above the mean, 1) up to the end of follow-up."""
    path = events[events["event"] == "activity"]
    starts = at(path["time"])
    ends = np.append(starts, np.inf)[1:]
    spans = zip(starts, ends, path["value"], strict=True)
    return tuple(Span(float(a), min(float(b), end)) for a, b, on in spans if on >= 1.0 and a < end)


def _medicated(events: pd.DataFrame, at: Clock, first: float, end: float) -> tuple[Span, ...]:
    """Give the spells on medication up to the end of follow-up, the first of them from `first` on."""
    if math.isnan(first):
        return ()
    later = at(events["time"][events["event"] == "medication_start"])
    stops = np.append(at(events["time"][events["event"] == "medication_stop"]), np.inf)
    starts = [first, *later[later > first]]
    return tuple(Span(float(a), min(float(b), end)) for a, b in zip(starts, stops, strict=False))


def _relapses(adrel: pd.DataFrame, at: Clock) -> tuple[Relapse, ...]:
    columns = [at(adrel[key]) for key in ("ASTDT", "RCLDT", "REPDT", "CONFDT")]
    rows = zip(*columns, adrel["SEVERITY"], adrel["TRUEFL"], strict=True)
    return tuple(
        Relapse(
            float(onset),
            float(points),
            true != "Y",
            float(recalled) if onset <= 0.0 else math.nan,
            float(reported),
            float(confirmed),
        )
        for onset, recalled, reported, confirmed, points, true in rows
    )


def _procedures(procedures: pd.DataFrame, at: Clock) -> tuple[Procedure, ...]:
    """Give the procedures in order, the second and later ones of a kind numbered."""
    seen: dict[str, int] = {}
    found = []
    for kind, time in zip(procedures["PRTRT"], at(procedures["PRSTDT"]), strict=True):
        words = "treated elsewhere" if kind == "OUTSIDE" else str(kind).lower()
        seen[words] = seen.get(words, 0) + 1
        nth = seen[words]
        found.append(Procedure(float(time), words if nth == 1 else f"{NTH.get(nth, f'{nth}th')} {words}"))
    return tuple(sorted(found, key=lambda done: done.time))


def _veins(veins: pd.DataFrame, events: pd.DataFrame, at: Clock, end: float) -> tuple[Vein, ...]:
    """Give the narrow veins with the spells in which each was open, up to the end of follow-up."""
    return tuple(_vein(str(name), events, at, end) for name in veins.loc[veins["STENFL"] == "Y", "VEIN"])


def _vein(name: str, events: pd.DataFrame, at: Clock, end: float) -> Vein:
    """Follow one vein through the log: treated, opened or not, narrow again."""
    own = events[events["event"].isin(["vein_treated", "restenosis"]) & (events["index"] == VEINS.index(name))]
    opened: list[Span] = []
    failed: list[float] = []
    for time, event, value in zip(at(own["time"]), own["event"], own["value"], strict=True):
        if event == "restenosis":
            opened[-1] = Span(opened[-1].start, min(float(time), end))
        elif value == 1.0:
            opened.append(Span(float(time), end))
        else:
            failed.append(float(time))
    return Vein(name, tuple(opened), tuple(failed))
