"""The picture of one life: read from the tables of a trial, entered or not."""

import math

import pandas as pd
import pytest

from sim.core.errors import ShamtrialError
from sim.core.units import months
from sim.data.tables import tables
from sim.engines.records import TrialRecords
from sim.model.eligibility import REASONS
from sim.report.lifeline import KEPT_OUT, Span, lifeline_data, lifeline_figure, telling_patient
from tests.helpers import play, scenario
from tests.report.looks import axis_labels, rows, trial, words

WHO = {"site": 0, "arrival": 0}
ID = "000-0000"
DAY_1 = 1000.0


def at(month: float) -> float:
    """Give the day of this month from study day 1."""
    return DAY_1 + months(month)


def hand_made() -> TrialRecords:
    """Give one angioplasty patient's life, and one candidate who was not let in."""
    word = 0
    subjects = rows(
        "subjects",
        WHO | {"screening_time": at(-1.0), "screening_edss": 2.0, "recalled_1y": 1.0, "recalled_2y": 1.0, "arm": 1,
               "procedure": 2, "entry_time": at(0.0), "day_1": at(0.0), "procedure_time": at(0.5), "end_time": at(24.0),
               "planned_end": at(24.0), "medication_time": at(12.0), "edss_latent": 2.1, "quality_latent": 60.0},
        {"site": 0, "arrival": 1, "screening_time": at(0.0), "screening_edss": 1.5, "recalled_1y": 0.0, "reason": 2,
         "recalled_2y": 0.0, "entry_number": -1, "edss_latent": 1.4, "quality_latent": 70.0},
    )  # fmt: skip
    relapses = rows(
        "relapses",
        WHO | {"number": 0, "onset": at(-8.0), "severity": 1.5, "recalled_onset": at(-6.0)},
        WHO | {"number": 1, "onset": at(-4.0), "severity": 0.5},
        WHO | {"number": 2, "onset": at(6.0), "severity": 2.0, "recalled_onset": at(6.0), "reported_time": at(6.1),
               "confirmed_time": at(6.2)},
        WHO | {"number": 3, "onset": at(9.0), "pseudo": 1, "reported_time": at(9.1)},
    )  # fmt: skip
    visits = rows(
        "visits",
        *(WHO | {"visit": v, "time": at(3.0 * v), "edss": 2.0, "quality": 61.0, "edss_latent": 2.2,
                 "quality_latent": 60.0} for v in range(3)),
    )  # fmt: skip
    veins = rows(
        "veins",
        WHO | {"vein": 0, "stenosed": 1, "treated": 1, "opened": 1, "restenosis_time": at(10.0)},
        WHO | {"vein": 1, "stenosed": 1, "treated": 1, "opened": 0},
        WHO | {"vein": 2},
    )
    events = rows(
        "events",
        {"time": at(-37.0), "rank": 20, "patient": word, "index": 0, "value": 1.0},
        {"time": at(-30.0), "rank": 20, "patient": word, "index": 1, "value": 0.0},
        {"time": at(20.0), "rank": 20, "patient": word, "index": 2, "value": 1.0},
        {"time": at(40.0), "rank": 20, "patient": word, "index": 3, "value": 0.0},
    )
    return trial(subjects=subjects, relapses=relapses, visits=visits, veins=veins, events=events)


def hand_tables() -> dict[str, pd.DataFrame]:
    """Give the tables of that trial."""
    return tables(scenario("sham_rct"), hand_made())


def test_life() -> None:
    """Every time is in months from study day 1: activity, relapses as lived and as seen, veins, medication, visits."""
    life = lifeline_data(hand_tables(), ID)
    assert (life.arm, life.treated_as, life.status) == ("angioplasty", "ANGIOPLASTY", "completed")
    assert (life.start, life.screening, life.end) == pytest.approx((-37.0, -1.0, 24.0))
    assert (life.procedure, life.medication) == pytest.approx((0.5, 12.0))
    assert [(s.start, s.end) for s in life.medicated] == [pytest.approx((12.0, 24.0))]
    assert [(s.start, s.end) for s in life.active] == [pytest.approx((-37.0, -30.0)), pytest.approx((20.0, 24.0))]
    first, forgotten, seen, pseudo = life.relapses
    assert (first.onset, first.recalled) == pytest.approx((-8.0, -6.0))
    assert math.isnan(forgotten.recalled)
    assert (seen.reported, seen.confirmed) == pytest.approx((6.1, 6.2))
    assert pseudo.pseudo
    assert math.isnan(pseudo.confirmed)
    assert list(life.edss_months) == pytest.approx([-1.0, 0.0, 3.0, 6.0])
    assert list(life.latent_edss) == [2.1, 2.2, 2.2, 2.2]


def test_spells_of_medication_and_veins_opened_elsewhere() -> None:
    """Medication that stops and starts again is drawn as spells; a sham patient's veins open when treated elsewhere."""
    made = hand_tables()
    log = [("medication_start", 12.0), ("medication_stop", 15.0), ("medication_start", 20.0)]
    rows_ = [{"usubjid": ID, "event": event, "time": at(month), "value": 1.0} for event, month in log]
    made["events"] = pd.concat([made["events"], pd.DataFrame(rows_)], ignore_index=True)
    mine = made["adsl"]["USUBJID"] == ID
    made["adsl"].loc[mine, ["TRT01A", "OUTSDT"]] = ["SHAM", at(5.0)]
    life = lifeline_data(made, ID)
    assert [(s.start, s.end) for s in life.medicated] == [pytest.approx((12.0, 15.0)), pytest.approx((20.0, 24.0))]
    opened = next(v.opened for v in life.veins if v.opened)
    assert (opened.start, opened.end) == pytest.approx((5.0, 10.0))


def test_levels_of_activity() -> None:
    """With a level a month instead of two states, high activity is a month at or above the mean, 1."""
    levels = hand_tables()
    levels["events"] = levels["events"].assign(value=[0.99, 1.31, 0.2, 1.0])
    assert [(s.start, s.end) for s in lifeline_data(levels, ID).active] == [pytest.approx((-30.0, 20.0))]


def test_nothing_on_study_is_recalled() -> None:
    """A relapse on study is observed, so it is not drawn as recalled."""
    assert math.isnan(lifeline_data(hand_tables(), ID).relapses[2].recalled)


def test_veins() -> None:
    """Narrow veins are shown: one open until its restenosis, one that could not be opened; healthy ones are not."""
    left, right = lifeline_data(hand_tables(), ID).veins
    assert left.opened is not None
    assert (left.opened.start, left.opened.end) == pytest.approx((0.5, 10.0))
    assert right.opened is None
    assert right.treated


def test_message() -> None:
    """The message counts true relapses in the year before and on study."""
    assert lifeline_data(hand_tables(), ID).message == (
        "Patient 000-0000, angioplasty: 2 relapses in the year before, 1 in 24 months on study"
    )


def test_figure_says() -> None:
    """The picture has one clock and names its axes with units."""
    figure = lifeline_figure(lifeline_data(hand_tables(), ID))
    assert axis_labels(figure) == ["EDSS (points)", "Months from study day 1", "MSQOL-54 physical (points)"]
    assert "narrow, could not be opened" in words(figure)
    assert len({axes.get_xlim() for axes in figure.get_axes()}) == 1


def test_screen_failure() -> None:
    """A candidate who did not enter has a picture too, counted from screening, with the reason."""
    life = lifeline_data(hand_tables(), "000-0001")
    assert life.message == "Patient 000-0001: screened, did not enter (too few relapses)"
    assert "Months from screening" in axis_labels(lifeline_figure(life))


def test_reasons_have_words() -> None:
    """Each reason to be kept out has words of its own."""
    assert set(KEPT_OUT) == set(REASONS)


def test_unknown_patient() -> None:
    """A patient who is not in the trial is refused, with some who are."""
    with pytest.raises(ShamtrialError, match=r"009-0009.*000-0000"):
        lifeline_data(hand_tables(), "009-0009")


def test_telling_patient() -> None:
    """The chosen patient is one who entered; a trial without any is refused."""
    found = hand_tables()
    assert telling_patient(found) == ID
    found["adsl"]["ENRLFL"] = "N"
    with pytest.raises(ShamtrialError, match="nobody entered"):
        telling_patient(found)


def test_everyone_can_be_drawn() -> None:
    """Every screened candidate of a real trial has a life; no stretch ends before it starts."""
    few = {"enrolment.target": 12}
    found = tables(scenario("sham_rct", few), play("sham_rct", few))
    for patient in found["adsl"]["USUBJID"]:
        life = lifeline_data(found, patient)
        spans: list[Span] = [*life.active, *(v.opened for v in life.veins if v.opened)]
        assert all(span.start <= span.end for span in spans)
    lifeline_figure(lifeline_data(found, telling_patient(found)))
