"""Golden evidence: what comes out of a trial has the names, types and order that others build on.

Literal layouts are frozen here (fields, columns and kinds are only ever added), and beside each freeze stands an
assertion that does not come from the program: an invariant of the log, or a count made another way.
"""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim.core.events import VALUES, Kind
from sim.core.streams import SITE_ITSELF, TRIAL_WORD, patient_word
from sim.core.units import DAYS_PER_YEAR
from sim.data.tables import TABLES, parse_usubjid, tables, usubjid
from sim.engines.records import LAYOUT, TrialRecords
from tests.helpers import EventRow, Overrides, event_rows, of_kind, play, scenario

WHOLE, F, WORD = "<i8", "<f8", "<u8"
KEY = [("site", WHOLE), ("arrival", WHOLE)]

LAYOUTS = {
    "subjects": [
        *KEY,
        ("screening_time", F),
        ("screening_edss", F),
        ("recalled_1y", F),
        ("recalled_2y", F),
        ("reason", WHOLE),
        ("entry_number", WHOLE),
        ("arm", WHOLE),
        ("procedure", WHOLE),
        ("entry_time", F),
        ("day_1", F),
        ("procedure_time", F),
        ("planned_end", F),
        ("end_time", F),
        ("dropped_out", WHOLE),
        ("treated_veins", WHOLE),
        ("opened_veins", WHOLE),
        ("medication_time", F),
        ("frailty", F),
        ("active_at_screening", F),
        ("edss_latent", F),
        ("slope_per_day", F),
        ("quality_latent", F),
        ("belief_patient", F),
        ("belief_physician", F),
        ("belief_assessor", F),
        ("msfc_latent", F),
        ("mental_latent", F),
        ("lesion_factor", F),
        ("course", WHOLE),
        ("doppler_criteria", WHOLE),
        ("venography", WHOLE),
        ("ivus", WHOLE),
        ("restenosis_time", F),
        ("detected_time", F),
        ("guess_early_patient", WHOLE),
        ("guess_early_physician", WHOLE),
        ("guess_early_assessor", WHOLE),
        ("guess_end_patient", WHOLE),
        ("guess_end_physician", WHOLE),
        ("guess_end_assessor", WHOLE),
        ("dropout_reason", WHOLE),
        ("medication_stop_time", F),
        ("escalation_time", F),
        ("outside_time", F),
    ],
    "relapses": [
        *KEY,
        ("number", WHOLE),
        ("point", WHOLE),
        ("pseudo", WHOLE),
        ("onset", F),
        ("severity", F),
        ("residual", F),
        ("recalled_onset", F),
        ("reported_time", F),
        ("confirmed_time", F),
    ],
    "visits": [
        *KEY,
        ("visit", WHOLE),
        ("time", F),
        ("edss", F),
        ("quality", F),
        ("edss_latent", F),
        ("quality_latent", F),
        ("patency", F),
        ("belief_patient", F),
        ("msfc", F),
        ("mental", F),
        ("msfc_latent", F),
        ("mental_latent", F),
        ("gd_lesions", F),
        ("new_t2", F),
        ("gd_lesions_latent", F),
        ("new_t2_latent", F),
    ],
    "veins": [
        *KEY,
        ("vein", WHOLE),
        ("stenosed", WHOLE),
        ("treated", WHOLE),
        ("opened", WHOLE),
        ("restenosis_time", F),
        ("detected_time", F),
    ],
    "procedures": [
        *KEY,
        ("number", WHOLE),
        ("kind", WHOLE),
        ("request_time", F),
        ("time", F),
        ("complications", WHOLE),
    ],
    "events": [("time", F), ("rank", WHOLE), ("patient", WORD), ("index", WHOLE), ("value", F)],
    "imaging": [
        *KEY,
        ("number", WHOLE),
        ("time", F),
        ("trigger", WHOLE),
        ("vein", WHOLE),
        ("narrow", WHOLE),
        ("read", WHOLE),
    ],
}

COLUMNS = {
    "adsl": "TRIAL USUBJID SITEID SCRNDT SCRNEDSS RELAPS1Y RELAPS2Y SCRFFL SCRFREAS ENRLFL ENRLSEQ ENRLDT TRT01P TRT01A"
    " DAY1DT TRTSDT EOSDT EOSPLDT EOSSTT VEINSTRT VEINSOPN MEDSTDT COURSE"
    " DOPPCRIT VENOGRES IVUSRES GUEARPAT GUEARPHY GUEARASS GUENDPAT GUENDPHY GUENDASS"
    " DCSREAS MEDENDT MEDESCDT OUTSDT STRATUM",
    "adrel": "TRIAL USUBJID RELSEQ TRUEFL ASTDT ASTDY SEVERITY RESIDUAL RCLDT REPDT REPFL CONFDT CONFFL",
    "visits": "TRIAL USUBJID AVISITN AVISIT ADT ADY EDSS MSQOLPHY MSQOLMEN MSFC GDLES NEWT2",
    "veins": "TRIAL USUBJID VEIN STENFL TRTFL SUCCFL RESTDT DETDT",
    "procedures": "TRIAL USUBJID PRSEQ PRTRT PRREQDT PRSTDT COMPLIC",
    "events": "trial time rank usubjid index event value",
    "truth": "trial usubjid avisitn time frailty active edss_slope_per_year edss_latent msqol_latent patency"
    " belief_patient belief_physician belief_assessor msqol_mental_latent msfc_latent lesion_factor"
    " gd_lesions_latent new_t2_latent",
    "imaging": "TRIAL USUBJID IMSEQ IMDT IMDY TRIGGER VEIN READFL NARROWFL",
}

EVENTS = {
    "site_open": 10,
    "activity": 20,
    "relapse": 30,
    "pseudo_relapse": 32,
    "restenosis": 40,
    "effect_begins": 42,
    "relapse_reported": 50,
    "relapse_confirmed": 52,
    "medication_start": 60,
    "outside_scan": 66,
    "belief_change": 70,
    "medication_stop": 62,
    "medication_escalation": 64,
    "screened": 100,
    "doppler": 102,
    "venography": 104,
    "ivus": 106,
    "run_in_end": 108,
    "screen_failure": 110,
    "enrolled": 120,
    "turned_away": 122,
    "steered_away": 123,
    "randomised": 124,
    "enrolment_closed": 130,
    "visit": 140,
    "visit_missed": 142,
    "imaging": 144,
    "guess": 145,
    "procedure_requested": 146,
    "slot_free": 148,
    "procedure": 150,
    "vein_treated": 152,
    "complication": 154,
    "outside_procedure": 158,
    "dropout": 160,
    "end_of_study": 170,
}

# Everything at once, and often: dropout, pseudo-relapses, restenosis, medication, failures, several arms.
BUSY: dict[str, object] = {
    "sites": {"count": 8, "arrivals_per_month": 3.0, "opening_interval_days": 20.0},
    "enrolment.target": 90,
    "relapse.rate_per_year": 1.2,
    "reporting.pseudo_per_year": 1.0,
    "reporting.report_delay_days": 3.0,
    "reporting.confirm_delay_days": 4.0,
    "medication": {"enabled": True, "start_prob": 0.3, "stop_per_year": 1.0, "escalate_prob": 0.5},
    "contamination": {"enabled": True, "per_year": 0.5, "relapse_ratio": 1.5},
    "dropout": {"enabled": True, "hazard_per_year": 0.3, "lack_of_benefit_per_year": 0.2},
    "veins.success_prob": 0.8,
    "veins.complications": {"dissection_prob": 0.3, "thrombosis_prob": 0.2},
    "surveillance": {"enabled": True, "on_relapse": True, "after_relapse_days": 2.0},
}
# The same with no time between cause and effect wherever a scenario may say so.
AT_ONCE: dict[str, object] = BUSY | {
    "enrolment.screening_days": 0.0,
    "reporting.report_delay_days": 0.0,
    "reporting.confirm_delay_days": 0.0,
    "veins.wait_days": 0.0,
    "surveillance": {"enabled": True, "on_relapse": True, "after_relapse_days": 0.0},
}
WHOLE_DAYS: dict[str, object] = AT_ONCE | {"clock.resolution_days": 1, "study.close_days": 1000.5}
# Doppler, venography and IVUS, each with errors.
CASCADE: dict[str, object] = BUSY | {
    "eligibility.stenosis_required": False,
    "screening": {
        "enabled": True,
        "reader": "unblinded",
        "specificity_unblinded_prob": 0.3,
        "venography_sensitivity_prob": 0.9,
        "venography_specificity_prob": 0.4,
        "ivus": True,
        "ivus_collapse_prob": 0.6,
    },
    "veins.left_ijv_prob": 0.4,
    "veins.right_ijv_prob": 0.3,
}
ALL = pytest.mark.parametrize(
    ("name", "overrides"),
    [
        pytest.param("sham_rct", BUSY, id="busy"),
        pytest.param("sham_rct", AT_ONCE, id="at once"),
        pytest.param("sham_rct", WHOLE_DAYS, id="whole days"),
        pytest.param("three_arm", {"enrolment.target": 60}, id="three arms"),
        pytest.param("zamboni_2009", {}, id="before-after"),
        pytest.param("bench/j1", {}, id="uniform accrual"),
        pytest.param("sham_rct", CASCADE, id="screened veins"),
        pytest.param("foreseen", {"enrolment.target": 60}, id="steered"),
    ],
)


# ---- the vocabulary and the layouts -------------------------------------------------------------------------------


def test_record_layouts_are_frozen() -> None:
    """Every record field is where it was, with its type; fields may only be added, at the end."""
    assert set(LAYOUTS) == set(LAYOUT)
    for name, fields in LAYOUTS.items():
        now = [(field, LAYOUT[name][field].str) for field in LAYOUT[name].names or ()]
        assert now[: len(fields)] == fields, name
        assert len(now) == len(fields), f"{name}: freeze the new fields here in the change that adds them"


def test_event_kinds_are_frozen() -> None:
    """Every kind of event keeps its name and its rank; new kinds take free ranks between."""
    now = {kind.label: int(kind) for kind in Kind}
    assert {name: now.get(name) for name in EVENTS} == EVENTS
    assert set(now) == set(EVENTS), "freeze the new kinds here in the change that adds them"
    assert set(VALUES) == set(Kind)  # and each says what its value is


def test_cause_ranks_below_effect() -> None:
    """An event may cause, at its own instant, only kinds of higher rank: each cause is ranked before what it causes."""
    rank = EVENTS
    for cause, effect in (
        ("relapse", "relapse_reported"),
        ("pseudo_relapse", "relapse_reported"),
        ("relapse_reported", "relapse_confirmed"),
        ("relapse_reported", "medication_start"),
        ("screened", "doppler"),
        ("doppler", "venography"),
        ("venography", "ivus"),
        ("ivus", "screen_failure"),
        ("relapse_reported", "imaging"),
        ("restenosis", "imaging"),
        ("imaging", "dropout"),
        ("relapse_reported", "belief_change"),
        ("outside_scan", "belief_change"),
        ("visit", "guess"),
        ("guess", "end_of_study"),
        ("medication_start", "medication_stop"),
        ("relapse_reported", "medication_escalation"),
        ("procedure", "outside_procedure"),
        ("outside_procedure", "dropout"),
        ("screened", "screen_failure"),
        ("screened", "enrolled"),
        ("enrolled", "randomised"),
        ("enrolled", "steered_away"),
        ("enrolled", "enrolment_closed"),
        ("randomised", "visit"),
        ("visit", "procedure"),
        ("procedure", "vein_treated"),
        ("vein_treated", "dropout"),
        ("dropout", "end_of_study"),
    ):
        assert rank[cause] < rank[effect]


@pytest.mark.parametrize("name", list(COLUMNS))
def test_table_columns_are_frozen(name: str) -> None:
    """Every table of a trial has its columns, in order, whatever the design."""
    assert tuple(COLUMNS) == TABLES
    for scenario_name, overrides in (("sham_rct", BUSY), ("surveillance", {})):
        table = tables(scenario(scenario_name, overrides), play(scenario_name, overrides))[name]
        assert list(table.columns) == COLUMNS[name].split()
        assert len(table) > 0


def test_tables_of_a_trial_without_patients() -> None:
    """A trial in which nobody was ever screened still has all tables with all columns, and no row but its sites'."""
    rare = {"sites.arrivals_per_month": 0.001, "sites.count": 1, "enrolment.target": 1, "enrolment.max_days": 36525.0}
    trials = (play("base", rare, trial=number) for number in range(40))
    empty = next(trial for trial in trials if not len(trial.subjects))  # 1.2 candidates are expected: 30% of trials
    made = tables(scenario("base", rare), empty)
    for name, columns in COLUMNS.items():
        assert list(made[name].columns) == columns.split()
        assert len(made[name]) == (2 if name == "events" else 0)  # the site opened, enrolment closed


# ---- the log ------------------------------------------------------------------------------------------------------


@ALL
def test_the_log_is_sorted_by_the_tie_key(name: str, overrides: Overrides) -> None:
    """Events stand in the order (time, rank, patient, index), and no two share a place in it."""
    places = [row[:4] for row in event_rows(play(name, overrides))]
    assert places == sorted(places)
    assert len(set(places)) == len(places)


@ALL
def test_tables_are_sorted_by_patient(name: str, overrides: Overrides) -> None:
    """Rows stand by (site, arrival) and then by their own number, each place once."""
    records = play(name, overrides)
    for table, number in (("subjects", None), ("relapses", "number"), ("visits", "visit"), ("veins", "vein")):
        rows = getattr(records, table)
        places = list(zip(rows["site"], rows["arrival"], rows[number] if number else rows["site"], strict=True))
        assert places == sorted(set(places)), table


@ALL
def test_every_event_lies_between_history_and_end(name: str, overrides: Overrides) -> None:
    """A patient's events lie from `history_years` before screening to the end of the patient's study.

    Only a report that was under way when the study ended, and its confirmation, may come later, by their delays; for
    who failed screening or was turned away nothing comes after that.
    """
    records, s = play(name, overrides), scenario(name, overrides)
    late = s.reporting.report_delay_days + s.reporting.confirm_delay_days + 2.0 * s.clock.resolution_days
    after = {int(Kind.RELAPSE_REPORTED), int(Kind.RELAPSE_CONFIRMED)} if s.reporting.enabled else set()
    spans: dict[int, tuple[float, float]] = {}
    for row in records.subjects:
        last = row["end_time"]
        if row["entry_number"] < 0:
            last = row["screening_time"] + s.enrolment.screening_days + s.clock.resolution_days
        first = row["screening_time"] - s.relapse.history_years * DAYS_PER_YEAR
        spans[patient_word(int(row["site"]), int(row["arrival"]))] = (first, float(last))
    own = [row for row in event_rows(records) if row[2] in spans]
    assert len(own) > 100
    for time, rank, patient, _, _ in own:
        first, last = spans[patient]
        assert first <= time <= last + (late if rank in after else 0.0)
    rest = [row for row in event_rows(records) if row[2] not in spans]
    assert {row[1] for row in rest} == {int(Kind.SITE_OPEN), int(Kind.ENROLMENT_CLOSED)}
    assert all(row[2] == TRIAL_WORD or row[2] & SITE_ITSELF == SITE_ITSELF for row in rest)


def position(rows: list[EventRow], kind: Kind, index: int | None = None) -> int | None:
    """Give the place of a patient's first event of this kind (and index) in the log."""
    places = (i for i, row in enumerate(rows) if row[1] == kind and index in (None, row[3]))
    return next(places, None)


@ALL
def test_effects_follow_their_causes(name: str, overrides: Overrides) -> None:
    """In each life every event stands after what caused it, at one instant too, and nothing follows the end.

    Also where all delays are zero and where all times are whole days, so that many events share an instant.
    """
    records = play(name, overrides)
    lives: dict[int, list[EventRow]] = {}
    for row in event_rows(records):
        lives.setdefault(row[2], []).append(row)
    checked = 0
    for rows in lives.values():
        for i, (_, rank, _, index, _) in enumerate(rows):
            causes: tuple[tuple[Kind, int | None], ...] = ()
            if rank == Kind.RELAPSE_REPORTED:
                causes = ((Kind.RELAPSE, index),) if index >= 0 else ((Kind.PSEUDO_RELAPSE, ~index),)
                causes += ((Kind.ENROLLED, None),)
            elif rank == Kind.RELAPSE_CONFIRMED:
                causes = ((Kind.RELAPSE_REPORTED, index),)
            elif rank in (Kind.SCREEN_FAILURE, Kind.ENROLLED, Kind.TURNED_AWAY, Kind.STEERED_AWAY):
                causes = ((Kind.SCREENED, None),)
            elif rank in (Kind.DOPPLER, Kind.VENOGRAPHY, Kind.IVUS):
                before_it = {Kind.DOPPLER: Kind.SCREENED, Kind.VENOGRAPHY: Kind.DOPPLER, Kind.IVUS: Kind.VENOGRAPHY}
                causes = ((before_it[Kind(rank)], None),)
            elif rank in (Kind.RANDOMISED, Kind.VISIT, Kind.PROCEDURE, Kind.DROPOUT, Kind.END_OF_STUDY):
                causes = ((Kind.ENROLLED, None),)
            elif rank in (Kind.VEIN_TREATED, Kind.COMPLICATION):
                causes = ((Kind.PROCEDURE, None),)
            elif rank == Kind.IMAGING:
                causes = ((Kind.PROCEDURE, None),)
                causes += ((Kind.IMAGING, index - 1),) if index else ()
            elif rank == Kind.RESTENOSIS:
                causes = ((Kind.VEIN_TREATED, index),)
            elif rank == Kind.MEDICATION_START:
                causes = ((Kind.RELAPSE, None),) if position(rows, Kind.RELAPSE) is not None else ()
            for kind, number in causes:
                before = position(rows, kind, number)
                assert before is not None
                assert before < i
                checked += 1
        ended = [i for i, row in enumerate(rows) if row[1] in (Kind.DROPOUT, Kind.END_OF_STUDY, Kind.SCREEN_FAILURE)]
        assert len(ended) <= 1
        if ended:
            assert {row[1] for row in rows[ended[0] + 1 :]} <= {Kind.RELAPSE_REPORTED, Kind.RELAPSE_CONFIRMED}
    assert checked > 200


def test_instants_are_shared_where_the_clock_is_coarse() -> None:
    """The worlds above do test ties: on whole days hundreds of events of one patient share an instant with another."""

    def shared(records: TrialRecords) -> int:
        instants = [(row[0], row[2]) for row in event_rows(records)]
        return len(instants) - len(set(instants))

    assert shared(play("sham_rct", WHOLE_DAYS)) > 300


@pytest.mark.parametrize("name", ["sham_rct", "zamboni_2009", "bench/j1"])
def test_on_whole_days_every_time_is_whole(name: str) -> None:
    """With resolution_days = 1 all times, of all events and in all tables, are whole days; without, few are."""
    clock = {"clock.resolution_days": 1, "study.close_days": 1000.5, "enrolment.max_days": 1500.5}
    times = {
        "subjects": ("screening_time", "entry_time", "day_1", "procedure_time", "planned_end", "end_time"),
        "relapses": ("onset", "reported_time", "confirmed_time"),
        "visits": ("time",),
        "veins": ("restenosis_time", "detected_time"),
        "imaging": ("time",),
        "procedures": ("request_time", "time"),
        "events": ("time",),
    }

    def fractions(overrides: Overrides) -> list[float]:
        records = play(name, overrides)
        values = np.concatenate([getattr(records, table)[field] for table, fields in times.items() for field in fields])
        kept = values[~np.isnan(values)]
        return [float(x) for x in kept % 1.0]

    whole = fractions(clock)
    assert len(whole) > 500
    assert set(whole) == {0.0}
    continuous = fractions({k: v for k, v in clock.items() if not k.startswith("clock")})
    assert np.mean(np.array(continuous) == 0.0) < 0.1


# ---- the tables say what the records say --------------------------------------------------------------------------


@given(st.integers(0, 2**20), st.integers(0, 2**31))
def test_usubjid_goes_there_and_back(site: int, arrival: int) -> None:
    """SSS-AAAA names one site and arrival, and is read back as such, beyond three and four digits too."""
    text = usubjid(site, arrival)
    assert parse_usubjid(text) == (site, arrival)
    assert len(text) >= 8


@pytest.mark.parametrize(
    "text", ["", "7", "007", "-", "007-", "-0001", "007_0001", "7-x", "a-1", "1-2-3", "+1-2", " 1-2"]
)
def test_a_bad_usubjid_is_refused(text: str) -> None:
    """Anything but two whole numbers with a dash between is refused, with the form that is allowed."""
    with pytest.raises(ValueError, match="allowed: SSS-AAAA"):
        parse_usubjid(text)


def test_usubjid_by_hand() -> None:
    """Site 3, arrival 17 is 003-0017."""
    assert usubjid(3, 17) == "003-0017"


def made(name: str, overrides: Overrides) -> tuple[TrialRecords, dict[str, pd.DataFrame]]:
    """Play a trial and give its records and tables."""
    records = play(name, overrides)
    return records, tables(scenario(name, overrides), records)


@ALL
def test_tables_agree_with_the_log(name: str, overrides: Overrides) -> None:
    """Counted in the tables or in the event log, the trial is the same: each kind of row is a kind of event."""
    records, table = made(name, overrides)

    def events(kind: Kind) -> int:
        return len(of_kind(records, kind))

    adsl, adrel = table["adsl"], table["adrel"]
    assert len(adsl) == events(Kind.SCREENED)
    assert (adsl.ENRLFL == "Y").sum() == events(Kind.ENROLLED)
    turned_away = events(Kind.TURNED_AWAY) + events(Kind.STEERED_AWAY)
    assert (adsl.SCRFFL == "Y").sum() == events(Kind.SCREEN_FAILURE) + turned_away
    assert (adsl.SCRFREAS != "").sum() == (adsl.SCRFFL == "Y").sum()
    assert (adsl.EOSSTT == "DISCONTINUED").sum() == events(Kind.DROPOUT)
    assert (adsl.EOSSTT == "COMPLETED").sum() == events(Kind.END_OF_STUDY)
    assert adsl.TRTSDT.notna().sum() == events(Kind.PROCEDURE)
    assert adsl.OUTSDT.notna().sum() == events(Kind.OUTSIDE_PROCEDURE)
    assert len(table["procedures"]) == events(Kind.PROCEDURE) + events(Kind.OUTSIDE_PROCEDURE)
    assert (adsl.DCSREAS != "").sum() == events(Kind.DROPOUT)
    for column, kind in (
        ("MEDSTDT", Kind.MEDICATION_START),
        ("MEDENDT", Kind.MEDICATION_STOP),
        ("MEDESCDT", Kind.MEDICATION_ESCALATION),
    ):
        assert adsl[column].notna().sum() == len(set(of_kind(records, kind)["patient"].tolist()))
    assert (adrel.TRUEFL == "Y").sum() == events(Kind.RELAPSE)
    assert (adrel.TRUEFL == "N").sum() == events(Kind.PSEUDO_RELAPSE)
    assert (adrel.REPFL == "Y").sum() == events(Kind.RELAPSE_REPORTED)
    assert (adrel.CONFFL == "Y").sum() == events(Kind.RELAPSE_CONFIRMED)
    assert len(table["visits"]) == events(Kind.VISIT)
    treated = {(int(e["patient"]), int(e["index"])) for e in of_kind(records, Kind.VEIN_TREATED)}
    assert (table["veins"].TRTFL == "Y").sum() == adsl.VEINSTRT.sum() == len(treated)
    assert table["procedures"].COMPLIC.str.split(";").explode().ne("").sum() == events(Kind.COMPLICATION)
    assert len(table["events"]) == len(records.events)
    assert len(table["truth"]) == len(adsl) + len(table["visits"])


@ALL
def test_every_row_belongs_to_a_subject(name: str, overrides: Overrides) -> None:
    """USUBJID is unique in adsl and every other table's rows join to it; enrolled ones are numbered from 1."""
    _, table = made(name, overrides)
    known = set(table["adsl"].USUBJID)
    assert len(known) == len(table["adsl"])
    for other in ("adrel", "visits", "veins", "procedures"):
        assert set(table[other].USUBJID) <= known
    assert set(table["truth"].usubjid) == known
    entered = table["adsl"][table["adsl"].ENRLFL == "Y"]
    assert sorted(entered.ENRLSEQ) == list(range(1, len(entered) + 1))
    in_order = entered.sort_values("ENRLSEQ")
    assert in_order.ENRLDT.is_monotonic_increasing
    assert {len(x.split("-")) for x in known} == {2}


def test_who_left_while_waiting_was_not_treated() -> None:
    """Actual treatment and its date are those of a procedure that took place; a patient who left before has none."""
    waiting = BUSY | {"veins.wait_days": 200.0, "dropout.hazard_per_year": 0.8}
    records, table = made("sham_rct", waiting)
    adsl = table["adsl"].set_index("USUBJID")
    every = table["procedures"].set_index("USUBJID")
    done = every[every.PRTRT != "OUTSIDE"]
    early = records.subjects[records.subjects["end_time"] < records.subjects["procedure_time"]]
    assert len(early) >= 10
    left = [usubjid(int(r["site"]), int(r["arrival"])) for r in early]
    assert (adsl.TRT01A[left] == "NONE").all()
    assert adsl.TRTSDT[left].isna().all()
    assert (adsl.TRT01P[left] != "").all()
    assert (adsl.TRT01A[done.index] == done.PRTRT).all()
    assert (adsl.TRTSDT[done.index] == done.PRSTDT).all()


def test_study_days_count_from_one_without_zero() -> None:
    """Study day 1 is the day of randomisation, the day before it is -1: no zero, and 24 months end on day 731."""
    _, table = made("sham_rct", WHOLE_DAYS | {"study.close_days": 0.0})
    visits, adrel = table["visits"], table["adrel"]
    assert (visits.ADY[visits.AVISIT == "Baseline"] == 1.0).all()
    assert (visits.ADY[visits.AVISIT == "Month 24"] == 1.0 + math.ceil(730.5)).all()
    assert not (adrel.ASTDY == 0.0).any()
    day_1 = adrel.USUBJID.map(table["adsl"].set_index("USUBJID").DAY1DT)
    entered = day_1.notna()
    since = adrel.ASTDT - day_1
    assert ((adrel.ASTDY > 0.0) == (since >= 0.0))[entered].all()
    gap = since[entered]
    assert (adrel.ASTDY[entered] == gap + (gap >= 0.0)).all()
    assert adrel.ASTDY[~entered].isna().all()


def test_before_after_counts_from_the_procedure() -> None:
    """Without randomisation study day 1 is the day of the procedure, so the baseline visit is before it, that day."""
    records, table = made("zamboni_2009", {})
    adsl = table["adsl"][table["adsl"].ENRLFL == "Y"]
    assert (adsl.DAY1DT == adsl.TRTSDT).all()
    assert len(of_kind(records, Kind.RANDOMISED)) == 0
    first = table["visits"][table["visits"].AVISITN == 0].set_index("USUBJID")
    day_1 = adsl.set_index("USUBJID").DAY1DT[first.index]
    assert (day_1 == first.ADT).all()
