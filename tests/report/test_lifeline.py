"""The picture of one life: read from the tables of a trial, entered or not."""

import math

import numpy as np
import pandas as pd
import pytest

from sim.core.errors import ShamtrialError
from sim.core.units import DAYS_PER_MONTH, months
from sim.data.tables import tables
from sim.engines.records import TrialRecords
from sim.model.eligibility import REASONS
from sim.report.life import KEPT_OUT, Lifeline, Span, lifeline_data, telling_patient
from sim.report.lifeline import lifeline_figure
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
        {"time": at(0.5), "rank": 152, "patient": word, "index": 0, "value": 1.0},
        {"time": at(0.5), "rank": 152, "patient": word, "index": 1, "value": 0.0},
        {"time": at(10.0), "rank": 40, "patient": word, "index": 0, "value": 0.0},
        {"time": at(15.0), "rank": 152, "patient": word, "index": 0, "value": 1.0},
        {"time": at(15.0), "rank": 152, "patient": word, "index": 1, "value": 1.0},
        {"time": at(21.0), "rank": 40, "patient": word, "index": 1, "value": 1.0},
    )
    events = events[np.argsort(events["time"], kind="stable")]
    procedures = rows(
        "procedures",
        *(WHO | {"number": k, "kind": kind, "request_time": at(m), "time": at(m)}
          for k, (kind, m) in enumerate([(2, 0.5), (2, 15.0), (4, 18.0), (3, 23.0)])),
    )  # fmt: skip
    return trial(subjects=subjects, relapses=relapses, visits=visits, veins=veins, events=events, procedures=procedures)


def hand_tables() -> dict[str, pd.DataFrame]:
    """Give the tables of that trial."""
    return tables(scenario("sham_rct"), hand_made())


def test_life() -> None:
    """Every time is in months from study day 1: activity, relapses as lived and as seen, veins, medication, visits."""
    life = lifeline_data(hand_tables(), ID)
    assert (life.arm, life.treated_as, life.status) == ("angioplasty", "ANGIOPLASTY", "completed")
    assert (life.start, life.screening, life.end) == pytest.approx((-37.0, -1.0, 24.0))
    assert life.medication == pytest.approx(12.0)
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


def test_spells_of_medication() -> None:
    """Medication that stops and starts again is drawn as spells."""
    made = hand_tables()
    log = [("medication_start", 12.0), ("medication_stop", 15.0), ("medication_start", 20.0)]
    rows_ = [{"usubjid": ID, "event": event, "time": at(month), "value": 1.0} for event, month in log]
    made["events"] = pd.concat([made["events"], pd.DataFrame(rows_)], ignore_index=True)
    life = lifeline_data(made, ID)
    assert [(s.start, s.end) for s in life.medicated] == [pytest.approx((12.0, 15.0)), pytest.approx((20.0, 24.0))]


def test_levels_of_activity() -> None:
    """With a level a month instead of two states, high activity is a month at or above the mean, 1."""
    levels = hand_tables()
    levels["events"].loc[levels["events"]["event"] == "activity", "value"] = [0.99, 1.31, 0.2, 1.0]
    assert [(s.start, s.end) for s in lifeline_data(levels, ID).active] == [pytest.approx((-30.0, 20.0))]


def test_nothing_on_study_is_recalled() -> None:
    """A relapse on study is observed, so it is not drawn as recalled."""
    assert math.isnan(lifeline_data(hand_tables(), ID).relapses[2].recalled)


def test_veins() -> None:
    """A narrow vein is open from each treatment that opened it to its next restenosis; healthy ones are not shown."""
    left, right = lifeline_data(hand_tables(), ID).veins
    assert (left.name, right.name) == ("left_ijv", "right_ijv")
    assert [(s.start, s.end) for s in left.opened] == [pytest.approx((0.5, 10.0)), pytest.approx((15.0, 24.0))]
    assert left.failed == ()
    assert [(s.start, s.end) for s in right.opened] == [pytest.approx((15.0, 21.0))]
    assert right.failed == pytest.approx((0.5,))


def test_every_procedure_is_named() -> None:
    """Each procedure has its own line and words; further ones of a kind are numbered."""
    life = lifeline_data(hand_tables(), ID)
    assert [done.time for done in life.procedures] == pytest.approx([0.5, 15.0, 18.0, 23.0])
    names = ["angioplasty", "second angioplasty", "venography", "treated elsewhere"]
    assert [done.words for done in life.procedures] == names
    figure = lifeline_figure(life)
    assert all(name in words(figure) for name in names)
    dashed = [line for line in figure.get_axes()[0].get_lines() if line.get_linestyle() == "--"]
    assert [float(np.asarray(line.get_xdata())[0]) for line in dashed] == pytest.approx([0.5, 15.0, 18.0, 23.0])


def _overlaps(life: Lifeline) -> list[tuple[str, str]]:
    """Give the pairs of names above the lanes that cover each other in the drawn picture."""
    figure = lifeline_figure(life)
    figure.canvas.draw()
    names = [
        text for text in figure.get_axes()[0].texts if text.get_fontweight() == "bold" and text.get_text() != "open"
    ]
    boxes = [(text.get_text(), text.get_window_extent()) for text in names]
    return [(a, b) for k, (a, one) in enumerate(boxes) for b, two in boxes[:k] if one.overlaps(two)]


def test_names_do_not_cover_each_other() -> None:
    """The names of procedures that follow closely stand one above the other."""
    assert not _overlaps(lifeline_data(hand_tables(), ID))


FOLLOWED: dict[str, object] = {
    "enrolment.target": 24,
    "surveillance": {"enabled": True, "scheduled_months": [3.0, 9.0, 15.0], "specificity": 0.8},
    "retreatment": {"policy": "on_detection", "most": 2},
    "veins.success_prob": 0.6,
    "contamination": {"enabled": True, "per_year": 0.5},
}


@pytest.mark.parametrize(
    ("name", "overrides"), [("sham_rct", FOLLOWED), ("published/traboulsee_2018", {"enrolment.target": 24})]
)
def test_the_lanes_are_what_the_veins_did(name: str, overrides: dict[str, object]) -> None:
    """With re-treatment, failures, angioplasty elsewhere or a crossover the lanes agree with what was recorded.

    At a visit the share of the treated veins that lie in an open spell is the patency recorded there.
    """
    records = play(name, overrides)
    found = tables(scenario(name, overrides), records)
    several = checked = 0
    for patient in found["adsl"].loc[found["adsl"]["ENRLFL"] == "Y", "USUBJID"]:
        life = lifeline_data(found, patient)
        several += len(life.procedures) > 1
        seen = found["truth"][(found["truth"]["usubjid"] == patient) & (found["truth"]["avisitn"] >= 0)]
        origin = float(found["adsl"].set_index("USUBJID").loc[patient, "DAY1DT"])
        for day, patency in zip(seen["time"], seen["patency"], strict=True):
            month = (day - origin) / DAYS_PER_MONTH
            starts = [min([s.start for s in v.opened] + list(v.failed), default=math.inf) for v in life.veins]
            treated = [v for v, start in zip(life.veins, starts, strict=True) if start < month]
            if not treated:
                continue
            open_now = sum(any(s.start < month <= s.end for s in v.opened) for v in treated)
            assert open_now / len(treated) == pytest.approx(patency)
            checked += 1
    assert several >= 5
    assert checked >= 40


def test_message() -> None:
    """The message counts true relapses in the year before and on study."""
    assert lifeline_data(hand_tables(), ID).message == (
        "Patient 000-0000, angioplasty: 2 relapses in the year before, 1 in 24 months on study"
    )


def test_figure_says() -> None:
    """The picture has one clock and names its axes with units."""
    figure = lifeline_figure(lifeline_data(hand_tables(), ID))
    assert axis_labels(figure) == ["EDSS (points)", "Months from study day 1", "MSQOL-54 physical (points)"]
    assert "could not be opened" not in words(figure)  # the right vein was opened the second time
    assert len({axes.get_xlim() for axes in figure.get_axes()}) == 1


def test_a_vein_that_was_never_opened() -> None:
    """A vein that was treated and never opened is said to be one."""
    made = hand_tables()
    log = made["events"]
    made["events"] = log[(log["index"] != 1) | (log["time"] < at(1.0))]
    assert "narrow, could not be opened" in words(lifeline_figure(lifeline_data(made, ID)))


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
        spans: list[Span] = [*life.active, *(span for v in life.veins for span in v.opened)]
        assert all(span.start <= span.end for span in spans)
    lifeline_figure(lifeline_data(found, telling_patient(found)))
