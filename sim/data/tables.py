"""The tables of a trial as a trial statistician knows them (ADaM-like names), and the truth beside them."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sim.core.events import Kind
from sim.core.streams import SITE_ITSELF, TRIAL_WORD
from sim.engines.records import Records, TrialRecords
from sim.model.allocation import stratum
from sim.model.belief import HOLDERS
from sim.model.course import COURSES
from sim.model.dropout import REASONS as WHY_LEFT
from sim.model.eligibility import REASONS
from sim.model.guess import OCCASIONS
from sim.model.surveillance import TRIGGERS
from sim.model.veins import COMPLICATIONS, DONE, NONE, PROCEDURES, VEINS
from sim.scenario.schema import Scenario

TABLES = ("adsl", "adrel", "visits", "veins", "procedures", "events", "truth", "imaging")

GUESS_COLUMNS = {
    f"GU{'EAR' if occasion == 'early' else 'END'}{holder[:3].upper()}": f"guess_{occasion}_{holder}"
    for occasion in OCCASIONS
    for holder in HOLDERS
}
"""Columns of adsl with treatment guesses, and the record fields they come from."""

ANSWERS = ["SHAM", "ANGIOPLASTY", "DON'T KNOW"]


def tables(scenario: Scenario, records: TrialRecords) -> dict[str, pd.DataFrame]:
    """Give all tables of one trial by name; times are days since the first site opened, ADY counts from study day 1."""
    makers: dict[str, Callable[[Scenario, TrialRecords], pd.DataFrame]] = {
        "adsl": adsl,
        "adrel": adrel,
        "visits": visits,
        "veins": veins,
        "procedures": procedures,
        "events": events,
        "truth": truth,
        "imaging": imaging,
    }
    return {name: makers[name](scenario, records) for name in TABLES}


def usubjid(site: int, arrival: int) -> str:
    """Give SSS-AAAA: site and arrival number at that site."""
    return f"{site:03d}-{arrival:04d}"


def parse_usubjid(text: str) -> tuple[int, int]:
    """Take SSS-AAAA apart; ValueError with the form that is allowed."""
    site, dash, arrival = text.partition("-")
    if not (dash and site.isdecimal() and arrival.isdecimal()):
        raise ValueError(f"found {text!r}; allowed: SSS-AAAA, site and arrival number, e.g. 003-0017")
    return int(site), int(arrival)


def _ids(rows: Records) -> list[str]:
    return [usubjid(int(s), int(a)) for s, a in zip(rows["site"], rows["arrival"], strict=True)]


def _flag(values: NDArray[np.bool_]) -> NDArray[np.str_]:
    return np.where(values, "Y", "N")


def _names(codes: NDArray[np.int64], names: list[str]) -> list[str]:
    return [names[c] if c >= 0 else "" for c in codes]


def adsl(scenario: Scenario, records: TrialRecords) -> pd.DataFrame:
    """Give subjects: one row a screened candidate, failures included with their reason."""
    s = records.subjects
    entered = s["entry_number"] >= 0
    arms = [a.name for a in scenario.arm]
    ended = entered & ~np.isnan(s["end_time"])
    status = np.where(~ended, "", np.where(s["dropped_out"] == 1, "DISCONTINUED", "COMPLETED"))
    kinds = [name.upper() for name in PROCEDURES]
    had = entered & (s["procedure"] > NONE) & ~(s["end_time"] < s["procedure_time"])  # some leave while they wait
    return pd.DataFrame(
        {
            "TRIAL": records.trial,
            "USUBJID": _ids(s),
            "SITEID": [f"{x:03d}" for x in s["site"]],
            "SCRNDT": s["screening_time"],
            "SCRNEDSS": s["screening_edss"],
            "RELAPS1Y": s["recalled_1y"].astype(int),
            "RELAPS2Y": s["recalled_2y"].astype(int),
            "SCRFFL": _flag(~entered),
            "SCRFREAS": _names(s["reason"], list(REASONS)),
            "ENRLFL": _flag(entered),
            "ENRLSEQ": np.where(entered, s["entry_number"] + 1, 0),
            "ENRLDT": s["entry_time"],
            "TRT01P": _names(np.where(entered, s["arm"], -1), arms),
            "TRT01A": _names(np.where(entered, np.where(had, s["procedure"], NONE), -1), kinds),
            "DAY1DT": s["day_1"],
            "TRTSDT": np.where(had, s["procedure_time"], np.nan),
            "EOSDT": s["end_time"],
            "EOSPLDT": s["planned_end"],
            "EOSSTT": status,
            "VEINSTRT": s["treated_veins"],
            "VEINSOPN": s["opened_veins"],
            "MEDSTDT": s["medication_time"],
            "COURSE": [COURSES[c].upper() for c in s["course"]],
            "DOPPCRIT": s["doppler_criteria"],
            "VENOGRES": _names(s["venography"], ["NEGATIVE", "POSITIVE"]),
            "IVUSRES": _names(s["ivus"], ["COLLAPSE", "STENOSIS"]),
            **{column: _names(s[name], ANSWERS) for column, name in GUESS_COLUMNS.items()},
            "DCSREAS": _names(np.where(entered, s["dropout_reason"], 0), [r.upper() for r in WHY_LEFT]),
            "MEDENDT": s["medication_stop_time"],
            "MEDESCDT": s["escalation_time"],
            "OUTSDT": s["outside_time"],
            "STRATUM": _strata(scenario, s),
        }
    )


def _strata(scenario: Scenario, s: Records) -> list[int]:
    """Give each candidate's stratum by the factors of allocation, 0 where there are none."""
    a = scenario.randomisation.allocation(True, False)
    rule = a.by_site, a.by_edss, a.by_relapses, a.edss_cut, a.relapses_cut
    rows = zip(s["site"].tolist(), s["screening_edss"].tolist(), s["recalled_1y"].tolist(), strict=True)
    return [stratum(float(site), edss, relapses, *rule) for site, edss, relapses in rows]


def adrel(scenario: Scenario, records: TrialRecords) -> pd.DataFrame:
    """Give relapses: true ones (history included) and pseudo-relapses, when reported, when confirmed, as recalled."""
    r = records.relapses
    day_1 = _per_patient(records, r, "day_1")
    return pd.DataFrame(
        {
            "TRIAL": records.trial,
            "USUBJID": _ids(r),
            "RELSEQ": r["number"] + 1,
            "TRUEFL": _flag(r["pseudo"] == 0),
            "ASTDT": r["onset"],
            "ASTDY": _study_day(r["onset"], day_1),
            "SEVERITY": r["severity"],
            "RESIDUAL": r["residual"],
            "RCLDT": r["recalled_onset"],
            "REPDT": r["reported_time"],
            "REPFL": _flag(~np.isnan(r["reported_time"])),
            "CONFDT": r["confirmed_time"],
            "CONFFL": _flag(~np.isnan(r["confirmed_time"])),
        }
    )


def visits(scenario: Scenario, records: TrialRecords) -> pd.DataFrame:
    """Give examinations: EDSS, MSQOL-54 and MSFC as written down, lesions at scans, one row a visit that took place."""
    v = records.visits
    return pd.DataFrame(
        {
            "TRIAL": records.trial,
            "USUBJID": _ids(v),
            "AVISITN": v["visit"],
            "AVISIT": [f"Month {scenario.visits.months[k]:g}" if k else "Baseline" for k in v["visit"]],
            "ADT": v["time"],
            "ADY": _study_day(v["time"], _per_patient(records, v, "day_1")),
            "EDSS": v["edss"],
            "MSQOLPHY": v["quality"],
            "MSQOLMEN": v["mental"],
            "MSFC": v["msfc"],
            "GDLES": v["gd_lesions"],
            "NEWT2": v["new_t2"],
        }
    )


def veins(scenario: Scenario, records: TrialRecords) -> pd.DataFrame:
    """Give the veins of the entered patients: narrow or not, treated, opened, narrow again, first found so."""
    v = records.veins
    return pd.DataFrame(
        {
            "TRIAL": records.trial,
            "USUBJID": _ids(v),
            "VEIN": [VEINS[k] for k in v["vein"]],
            "STENFL": _flag(v["stenosed"] == 1),
            "TRTFL": _flag(v["treated"] == 1),
            "SUCCFL": _flag(v["opened"] == 1),
            "RESTDT": v["restenosis_time"],
            "DETDT": v["detected_time"],
        }
    )


def procedures(scenario: Scenario, records: TrialRecords) -> pd.DataFrame:
    """Give the procedures: requested, done, what kind, what went wrong."""
    p = records.procedures
    names = [";".join(c for k, c in enumerate(COMPLICATIONS) if m >> k & 1) for m in p["complications"]]
    return pd.DataFrame(
        {
            "TRIAL": records.trial,
            "USUBJID": _ids(p),
            "PRSEQ": p["number"] + 1,
            "PRTRT": [DONE[k].upper() for k in p["kind"]],
            "PRREQDT": p["request_time"],
            "PRSTDT": p["time"],
            "COMPLIC": names,
        }
    )


def imaging(scenario: Scenario, records: TrialRecords) -> pd.DataFrame:
    """Give the readings of surveillance: one row a vein read, what was read and (NARROWFL) what was so."""
    m = records.imaging
    return pd.DataFrame(
        {
            "TRIAL": records.trial,
            "USUBJID": _ids(m),
            "IMSEQ": m["number"] + 1,
            "IMDT": m["time"],
            "IMDY": _study_day(m["time"], _per_patient(records, m, "day_1")),
            "TRIGGER": [TRIGGERS[k].upper() for k in m["trigger"]],
            "VEIN": [VEINS[k] for k in m["vein"]],
            "READFL": _flag(m["read"] == 1),
            "NARROWFL": _flag(m["narrow"] == 1),
        }
    )


def events(scenario: Scenario, records: TrialRecords) -> pd.DataFrame:
    """Give the event log, sorted by the tie key (time, rank, usubjid, index)."""
    e = records.events
    labels = {int(k): k.label for k in Kind}
    return pd.DataFrame(
        {
            "trial": records.trial,
            "time": e["time"],
            "rank": e["rank"],
            "usubjid": [_event_id(int(word)) for word in e["patient"]],
            "index": e["index"],
            "event": [labels[k] for k in e["rank"]],
            "value": e["value"],
        }
    )


def _event_id(word: int) -> str:
    if word == TRIAL_WORD:
        return ""
    site, arrival = word >> 32, word & 0xFFFFFFFF
    return f"{site:03d}" if arrival == SITE_ITSELF else usubjid(site, arrival)


def truth(scenario: Scenario, records: TrialRecords) -> pd.DataFrame:
    """Give what no statistician would see: what is fixed for life at AVISITN -1, then latent scores at visits."""
    s, v = records.subjects, records.visits
    fixed = pd.DataFrame(
        {
            "trial": records.trial,
            "usubjid": _ids(s),
            "avisitn": -1,
            "time": s["screening_time"],
            "frailty": s["frailty"],
            "active": s["active_at_screening"],
            "edss_slope_per_year": s["slope_per_day"] * 365.25,
            "edss_latent": s["edss_latent"],
            "msqol_latent": s["quality_latent"],
            "patency": np.nan,
            "belief_patient": s["belief_patient"],
            "belief_physician": s["belief_physician"],
            "belief_assessor": s["belief_assessor"],
            "msqol_mental_latent": s["mental_latent"],
            "msfc_latent": s["msfc_latent"],
            "lesion_factor": s["lesion_factor"],
        }
    )
    seen = pd.DataFrame(
        {
            "trial": records.trial,
            "usubjid": _ids(v),
            "avisitn": v["visit"],
            "time": v["time"],
            "edss_latent": v["edss_latent"],
            "msqol_latent": v["quality_latent"],
            "patency": v["patency"],
            "belief_patient": v["belief_patient"],
            "msqol_mental_latent": v["mental_latent"],
            "msfc_latent": v["msfc_latent"],
            "gd_lesions_latent": v["gd_lesions_latent"],
            "new_t2_latent": v["new_t2_latent"],
        }
    )
    columns = list(dict.fromkeys([*fixed.columns, *seen.columns]))
    both = pd.concat([fixed, seen], ignore_index=True) if len(seen) else fixed.reindex(columns=columns)
    return both.sort_values(["usubjid", "avisitn"], kind="stable", ignore_index=True)


def _per_patient(records: TrialRecords, rows: Records, field: str) -> NDArray[np.float64]:
    s = records.subjects
    words = (s["site"] << 32) | s["arrival"]
    place = np.searchsorted(words, (rows["site"] << 32) | rows["arrival"])
    values: NDArray[np.float64] = s[field][place]
    return values


def _study_day(time: NDArray[np.float64], day_1: NDArray[np.float64]) -> NDArray[np.float64]:
    """Give the ADaM study day: 1 on study day 1, -1 the day before; NaN for those not entered."""
    days = np.floor(time - day_1)
    return np.where(days >= 0.0, days + 1.0, days)
