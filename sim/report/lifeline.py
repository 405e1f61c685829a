"""One patient's life on one page: what went on inside, what was seen of it, what was done."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from sim.core.errors import ShamtrialError
from sim.core.units import DAYS_PER_MONTH
from sim.report import style

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Floats = NDArray[np.float64]
Tables = Mapping[str, "pd.DataFrame"]
Clock = Callable[[Any], Floats]

HISTORY_MONTHS: Final = 36.0
ACTIVITY: Final = style.Look(style.ORANGE, "xxxx", "s", "-")
OPEN: Final = style.Look(style.GREEN, "", "s", "-")
MEDICATION: Final = style.Look(style.PURPLE, "\\\\\\\\", "s", "-")
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
VEIN_NAMES: Final = {"left_ijv": "Left jugular", "right_ijv": "Right jugular", "azygos": "Azygos"}


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
    """A vein that was found narrow: when it was open (None: never), whether it was treated."""

    name: str
    treated: bool
    opened: Span | None


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
    procedure: float
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
        procedure=one("TRTSDT"),
        medication=one("MEDSTDT"),
        medicated=_medicated(own["events"], at, one("MEDSTDT"), end),
        active=_active(own["events"], at, end),
        relapses=_relapses(own["adrel"], at),
        veins=_veins(own["veins"], at, one("TRTSDT" if subject["TRT01A"] == "ANGIOPLASTY" else "OUTSDT"), end),
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


def _veins(veins: pd.DataFrame, at: Clock, procedure: float, end: float) -> tuple[Vein, ...]:
    narrow = veins[veins["STENFL"] == "Y"]
    found = []
    for name, treated, opened, closed in zip(
        narrow["VEIN"], narrow["TRTFL"], narrow["SUCCFL"], at(narrow["RESTDT"]), strict=True
    ):
        until = end if math.isnan(closed) else min(float(closed), end)
        span = Span(procedure, until) if opened == "Y" else None
        found.append(Vein(str(name), treated == "Y", span))
    return tuple(found)


@style.drawn
def lifeline_figure(life: Lifeline) -> Figure:
    """Draw the life: lanes of what happened, then EDSS and MSQOL-54 physical, on one clock."""
    lanes = _lanes(life)
    figure = style.new_figure(11.0, 4.6 + 0.36 * len(lanes))
    heights = [0.36 * len(lanes), 1.7, 1.3]
    events, edss, quality = figure.subplots(3, 1, sharex=True, height_ratios=heights)
    style.headline(figure, life.message, 92)
    _draw_lanes(events, life, lanes)
    _draw_edss(edss, life)
    _draw_quality(quality, life)
    quality.set_xlabel("Months from study day 1" if life.entered else "Months from screening")
    quality.set_xlim(life.start - 0.5, max(life.end, life.screening) + 0.8)
    first = math.ceil(life.start / 6.0) * 6
    ticks = range(int(first), math.floor(life.end) + 1, 6)
    quality.set_xticks(list(ticks), [style.number(t, 0) for t in ticks])
    for axes in (events, edss, quality):
        _moments(axes, life)
    _name_moments(events, life)
    events.tick_params(bottom=False)
    edss.tick_params(bottom=False)
    style.footnote(
        figure,
        "Discs are sized by severity; × is a pseudo-relapse. High activity, true relapses and dashed lines are the "
        "patient's truth; recalled, reported and confirmed relapses and the solid lines are what the trial sees.",
        130,
    )
    return figure


def _lanes(life: Lifeline) -> list[str]:
    lanes = ["High activity", "True relapses", "recalled", "reported", "confirmed"]
    lanes += [VEIN_NAMES.get(vein.name, vein.name) for vein in life.veins]
    return [*lanes, "Medication"]


def _draw_lanes(axes: Axes, life: Lifeline, lanes: list[str]) -> None:
    axes.set_yticks(range(len(lanes)), lanes)
    axes.set_ylim(len(lanes) - 0.4, -1.5)
    for lane in range(len(lanes)):
        axes.axhline(lane, color=style.PALE, linewidth=0.6, zorder=0)
    for span in life.active:
        _bar(axes, 0, span, life.start, ACTIVITY)
    for relapse in life.relapses:
        _draw_relapse(axes, relapse, life.start)
    for lane, vein in enumerate(life.veins, start=5):
        _draw_vein(axes, lane, vein, life)
    for span in life.medicated:
        _bar(axes, len(lanes) - 1, span, life.start, MEDICATION)
    style.bare(axes, "")


def _bar(axes: Axes, lane: int, span: Span, first: float, look: style.Look) -> None:
    """Draw a stretch of time in a lane, as far as it lies after `first`."""
    start = max(span.start, first)
    if span.end > start:
        axes.barh(
            lane, span.end - start, 0.55, start, color=look.colour, hatch=look.hatch, edgecolor="white", linewidth=0.0
        )


def _draw_relapse(axes: Axes, relapse: Relapse, first: float) -> None:
    if relapse.onset < first:
        return
    size = 45.0 if relapse.pseudo else 40.0 + 70.0 * min(relapse.severity, 4.0)
    times = (relapse.onset, relapse.recalled, relapse.reported, relapse.confirmed)
    for lane, time in enumerate(times, start=1):
        if math.isnan(time) or (relapse.pseudo and lane == 1):
            continue
        if relapse.pseudo:
            axes.scatter(time, lane, size, marker="x", color=style.VERMILLION, linewidth=2.0, zorder=3)
        else:
            face = {1: style.INK, 4: style.BLUE}.get(lane, "white")
            axes.scatter(time, lane, size, marker="o", facecolor=face, edgecolor=style.INK, linewidth=1.3, zorder=3)
    if not math.isnan(relapse.recalled):
        axes.plot([relapse.onset, relapse.recalled], [1, 2], color=style.GREY, linewidth=1.0, zorder=2)


def _draw_vein(axes: Axes, lane: int, vein: Vein, life: Lifeline) -> None:
    axes.barh(lane, life.end - life.start, 0.16, life.start, color="#BBBBBB", linewidth=0.0)
    failed = vein.opened is None and vein.treated
    words = "narrow, could not be opened" if failed else "narrow"
    box = {"facecolor": "white", "edgecolor": "none", "pad": 1.5}
    axes.text(life.start + 1.5, lane, words, fontsize=style.SMALL, color=style.GREY, va="center", bbox=box)
    if vein.opened:
        _bar(axes, lane, vein.opened, life.start, OPEN)
        left = vein.opened.start + 0.4
        axes.text(left, lane, "open", va="center_baseline", fontsize=style.SMALL, color="white", fontweight="bold")


def _draw_edss(axes: Axes, life: Lifeline) -> None:
    axes.set_ylabel("EDSS (points)")
    _latent(axes, life.latent_months, life.latent_edss)
    axes.step(
        life.edss_months, life.edss, where="post", color=style.BLUE, marker="o", markersize=5.5, label="as examined"
    )
    highest = max([3.0, *life.edss, *life.latent_edss])
    axes.set_ylim(-0.25, math.ceil(highest) + 0.5)
    _name_lines(axes)
    style.bare(axes)


def _latent(axes: Axes, at: Floats, values: Floats) -> None:
    mark = "s" if len(at) == 1 else ""  # a single score makes no line
    axes.plot(at, values, color=style.ORANGE, linestyle="--", marker=mark, label="latent (true)")


def _draw_quality(axes: Axes, life: Lifeline) -> None:
    axes.set_ylabel("MSQOL-54\nphysical (points)")
    _latent(axes, life.latent_months, life.latent_quality)
    if len(life.quality_months):
        axes.plot(life.quality_months, life.quality, color=style.BLUE, marker="o", markersize=5.5, label="as answered")
    axes.set_ylim(0.0, 100.0)
    _name_lines(axes)
    style.bare(axes)


def _name_lines(axes: Axes) -> None:
    if axes.get_legend_handles_labels()[0]:
        axes.legend(loc="center left", bbox_to_anchor=(0.0, 0.5))


def _moments(axes: Axes, life: Lifeline) -> None:
    axes.axvline(life.screening, color=style.GREY, linewidth=1.0, linestyle=":", zorder=1)
    if life.entered:
        axes.axvline(0.0, color=style.INK, linewidth=1.2, zorder=1)
    if not math.isnan(life.procedure):
        axes.axvline(life.procedure, color=style.VERMILLION, linewidth=1.2, linestyle="--", zorder=1)


def _name_moments(axes: Axes, life: Lifeline) -> None:
    def name(x: float, words: str, colour: str, side: str, y: float = -0.95) -> None:
        axes.annotate(
            words,
            (x, y),
            xytext=(4 if side == "left" else -4, 0),
            textcoords="offset points",
            ha=side,
            va="center",
            color=colour,
            fontsize=style.SMALL,
            fontweight="bold",
        )

    name(life.screening, "screened", style.GREY, "right")
    if not math.isnan(life.procedure):
        name(life.procedure, life.treated_as.lower(), style.VERMILLION, "left")
    elif life.entered:
        name(0.0, "study day 1", style.INK, "left")
    if life.entered:
        name(life.end, life.status, style.INK, "right")
