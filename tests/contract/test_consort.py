"""The flow of participants: its counts are those of the tables, add up, and are printed and drawn."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner

import sim
from sim.analysis.trial import analyse, contrast
from sim.cli import cli
from sim.core.units import DAYS_PER_MONTH
from sim.data.at_entry import on_medication
from sim.data.cohort import cohort
from sim.data.consort import LOGGED, ArmFlow, flow
from sim.data.tables import adsl, events, procedures
from sim.report.consort import HAD, WORDS, message
from sim.report.style import percent
from sim.study.consort import COUNTS, analysed, mean_of
from tests.contract.commands import SMALL as TINY
from tests.contract.commands import done
from tests.helpers import play, scenario

SMALL: dict[str, object] = {"enrolment.target": 40, "dropout.hazard_per_year": 0.5, "veins.wait_days": 90.0}
CASES: dict[str, tuple[str, Mapping[str, object]]] = {
    "sham_rct": ("sham_rct", SMALL),
    "three arms": ("three_arm", SMALL | {"enrolment.target": 60}),
    "before and after": ("published/zamboni_2009", {}),
    "nobody kept out": ("bench/j1", {"enrolment.target": 20, "randomisation.block_size": 20}),
    "intercurrent events": (
        "sham_rct",
        SMALL
        | {
            "contamination": {"enabled": True, "per_year": 0.5},
            "dropout.lack_of_benefit_per_year": 0.5,
            "medication": {"enabled": True, "start_prob": 0.5, "stop_per_year": 1.0, "escalate_prob": 0.5},
        },
    ),
    "further procedures": (
        "published/traboulsee_2018",
        {
            "visits.missed_prob": 0.2,
            "surveillance": {"enabled": True, "scheduled_months": [3.0, 6.0], "on_relapse": False},
            "retreatment": {"policy": "on_detection", "most": 2},
            "contamination": {"enabled": True, "per_year": 0.2},
        },
    ),
    "closed by the day": ("sham_rct", SMALL | {"enrolment.max_days": 200.0}),
    "few slots": ("sham_rct", SMALL | {"sites.count": 1, "slots": {"enabled": True, "procedure_days": 300.0}}),
}


@pytest.mark.parametrize("case", CASES)
def test_the_flow_is_that_of_the_subjects_table(case: str) -> None:
    """Screened, reasons, arms and ends are the counts of adsl's rows, and every sum comes out."""
    name, changes = CASES[case]
    given, records = scenario(name, changes), play(name, changes)
    found, table = flow(given, records), adsl(given, records)
    assert found.screened == len(table) == found.entered + sum(found.kept_out.values())
    out = table[table["ENRLFL"] == "N"]
    assert found.kept_out == {k or "in_screening": n for k, n in out["SCRFREAS"].value_counts().items()}
    for arm in found.arms:
        own = table[table["TRT01P"] == arm.arm]
        assert arm.allocated == len(own) == arm.received + arm.not_received == arm.discontinued + arm.completed
        assert arm.completed == (own["EOSSTT"] == "COMPLETED").sum()
        assert arm.withdrawn == (own["DCSREAS"] == "WITHDRAWAL BY SUBJECT").sum()
        assert arm.not_received == arm.left_waiting + arm.still_waiting
        assert (arm.still_waiting > 0) == (case == "few slots")
        assert arm.withdrawn + arm.lack_of_benefit == arm.discontinued
        if arm.procedure != "none":
            assert arm.received == own["TRTSDT"].notna().sum()
    assert sum(a.allocated for a in found.arms) == found.entered
    assert set(found.kept_out) <= set(WORDS)


def test_intercurrent_events_are_counted_by_arm() -> None:
    """Each arm's counts are those of its patients in adsl and the event log, and are printed where there are any."""
    name, changes = CASES["intercurrent events"]
    records = play(name, changes)
    given = scenario(name, changes)
    table, log = adsl(given, records), events(given, records)
    arms = flow(given, records).arms
    for arm in arms:
        own = table[table["TRT01P"] == arm.arm]
        assert arm.outside == own["OUTSDT"].notna().sum()
        assert arm.lack_of_benefit == (own["DCSREAS"] == "LACK OF EFFICACY").sum() <= arm.discontinued
        entry = own.set_index("USUBJID")["ENRLDT"]
        for count, kind in (
            (arm.medication_started, "medication_start"),
            (arm.medication_stopped, "medication_stop"),
            (arm.medication_escalated, "medication_escalation"),
        ):
            happened = log[(log["event"] == kind) & log["usubjid"].isin(entry.index)]
            assert count == happened[happened["time"] > happened["usubjid"].map(entry)]["usubjid"].nunique()
    assert all(sum(own) > 0 for own in zip(*(counts(a) for a in arms), strict=True))
    already = on_medication(given, records)
    for arm in arms:
        own = table[table["TRT01P"] == arm.arm]
        assert already[arm.arm] == sum(
            is_on_it(log, who, entry) for who, entry in own[["USUBJID", "ENRLDT"]].to_numpy()
        )
        assert arm.medication_stopped <= arm.medication_started + already[arm.arm]
    assert sum(already.values()) > 0
    sets = [f"{key}={json.dumps(value)}" for key, value in flat(changes).items()]
    told = CliRunner().invoke(cli, ["simulate", name, *(w for s in sets for w in ("--set", s))]).stdout
    assert "Patients with an intercurrent event" in told
    assert f"On medication at entry already, so with no start to be counted: {said(already)}" in told
    quiet = CliRunner().invoke(
        cli, ["simulate", name, "--set", "enrolment.target=10", "--set", "medication.enabled=false"]
    )
    assert "intercurrent event" not in quiet.stdout


def test_further_procedures_and_missed_visits_are_counted_by_arm() -> None:
    """Second procedures are those that the arms have, what else the policy did is re-treatment; visits as in the log.

    Angioplasty elsewhere is neither, and a procedure beyond the arm's that found nothing narrow is no re-treatment.
    """
    name, changes = CASES["further procedures"]
    records, given = play(name, changes), scenario(name, changes)
    table, log = adsl(given, records), events(given, records)
    made = procedures(given, records)
    made = made[made["PRTRT"] != "OUTSIDE"].merge(table[["USUBJID", "TRT01P", "DAY1DT", "TRTSDT"]], on="USUBJID")
    made = made[made["PRSTDT"] > made["TRTSDT"]]  # beyond the first
    for arm, meant in zip(flow(given, records).arms, given.arm, strict=True):
        own = set(table[table["TRT01P"] == arm.arm]["USUBJID"])
        visits = log[(log["event"] == "visit_missed") & log["usubjid"].isin(own)]
        assert arm.missed_visit == visits["usubjid"].nunique() > 0
        further = made[made["TRT01P"] == arm.arm]
        due = np.isclose(further["PRSTDT"] - further["DAY1DT"], meant.then_months * DAYS_PER_MONTH)
        assert arm.second_procedure == further[due]["USUBJID"].nunique()
        dilated = further["PRTRT"] != "VENOGRAPHY"
        assert arm.retreated == further[~due & dilated]["USUBJID"].nunique()
    arms = flow(given, records).arms
    assert sum(a.second_procedure for a in arms) > 0 < sum(a.retreated for a in arms)
    assert sum(a.outside for a in arms) > 0


def test_every_intercurrent_event_has_its_words() -> None:
    """What `ArmFlow` counts of intercurrent events is what the diagram and the table can name."""
    way = {"allocated", "received", "not_received", "discontinued", "completed", "withdrawn", "left_waiting"}
    assert set(COUNTS) == {f.name for f in fields(ArmFlow)} - {"arm", "procedure"} == way | {"still_waiting"} | set(HAD)
    assert set(LOGGED) < set(HAD)


def is_on_it(log: pd.DataFrame, who: str, entry: float) -> bool:
    """Tell whether a patient had started medication more often than stopped it by entry."""
    before = log[(log["usubjid"] == who) & (log["time"] <= entry)]["event"].value_counts()
    return bool(before.get("medication_start", 0) > before.get("medication_stop", 0))


def said(numbers: Mapping[str, int]) -> str:
    """Write counts by arm as `simulate` does."""
    return ", ".join(f"{arm} {n:,}" for arm, n in numbers.items())


def test_relapses_are_told_of_those_who_entered_on_study_and_before() -> None:
    """The line of `simulate` counts adrel's true relapses of those who entered, on study and before it apart."""
    played = sim.simulate(sim.load("sham_rct", SMALL), engine="reference")
    relapses, people = played.tables["adrel"], played.tables["adsl"].set_index("USUBJID")
    own = relapses[(relapses["TRUEFL"] == "Y") & (people.loc[relapses["USUBJID"], "ENRLFL"] == "Y").to_numpy()]
    on_study = int((own["ASTDY"] >= 1).sum())
    assert 0 < on_study < len(own) < len(relapses)
    assert f"these had {on_study:,} relapses on study and {len(own) - on_study:,} before it;" in repr(played)


def test_empty_tables_are_not_listed() -> None:
    """Without surveillance `simulate` says nothing of imaging, with it how many rows there are; the JSON has both."""
    small = ("simulate", "sham_rct", "--engine", "reference", "--set", "enrolment.target=10")
    assert "imaging" not in CliRunner().invoke(cli, [*small]).stdout
    assert json.loads(CliRunner().invoke(cli, [*small, "--json"]).stdout)["rows"]["imaging"] == 0
    watched = ("--set", "surveillance.enabled=true", "--set", "surveillance.scheduled_months=[6.0]")
    assert "  imaging" in CliRunner().invoke(cli, [*small, *watched]).stdout


def counts(arm: ArmFlow[int]) -> tuple[int, ...]:
    """Give an arm's intercurrent events."""
    drugs = (arm.medication_started, arm.medication_stopped, arm.medication_escalated)
    return (*drugs, arm.outside, arm.lack_of_benefit)


def flat(changes: Mapping[str, object]) -> dict[str, object]:
    """Give key paths down to the values."""
    found: dict[str, object] = {}
    for key, value in changes.items():
        found |= {f"{key}.{k}": v for k, v in value.items()} if isinstance(value, dict) else {key: value}
    return found


def test_some_leave_before_their_procedure() -> None:
    """With three months to wait and a high hazard the diagram has those who were never treated."""
    found = flow(scenario("sham_rct", SMALL), play("sham_rct", SMALL))
    assert sum(a.not_received for a in found.arms) > 0
    assert sum(a.discontinued for a in found.arms) > 0


def test_the_message_is_made_of_the_numbers() -> None:
    """The headline names how many were screened and entered, and the most frequent reason with its share."""
    found = flow(scenario("sham_rct", SMALL), play("sham_rct", SMALL))
    reason = max(found.kept_out, key=lambda name: found.kept_out[name])
    said = message(found, randomised=True)
    assert f"{found.screened:,} screened, {found.entered:,} randomised" in said
    assert f"{percent(found.kept_out[reason] / found.screened)} were kept out for this: {WORDS[reason]}" in said
    everyone = flow(scenario("bench/j1", CASES["nobody kept out"][1]), play("bench/j1", CASES["nobody kept out"][1]))
    assert message(everyone, randomised=True) == "20 screened, all of them randomised"


def test_simulate_gives_the_flow(tmp_path: Path) -> None:
    """`simulate` prints the flow, has it in its JSON, and draws it with --out; the verb in Python has it too."""
    small = ("simulate", "sham_rct", "--set", "enrolment.target=20")
    told = CliRunner().invoke(cli, [*small, "--json", "--out", str(tmp_path)])
    found = json.loads(told.stdout)["consort"]
    assert found == sim.simulate(sim.load("sham_rct", {"enrolment.target": 20})).consort.to_dict()
    assert {p.name for p in tmp_path.glob("consort.*")} == {"consort.svg", "consort.png"}
    printed = CliRunner().invoke(cli, [*small]).stdout
    assert f"Screened {found['screened']:,}, entered 20" in printed
    assert "Flow of participants" in printed


# ---- many trials ----------------------------------------------------------------------------------------------------

LIVELY = (*TINY, *(w for s in ("dropout.hazard_per_year=0.5", "medication.start_prob=0.5") for w in ("--set", s)))
RUN = ("power", "sham_rct", *LIVELY, "--trials", "6", "--truth-trials", "0", "--seed", "5", "--workers", "1", "--json")


def test_power_gives_the_mean_flow(tmp_path: Path) -> None:
    """`power --flow` has in its JSON the mean of each count over the run's own trials, and its standard error."""
    found = done(*RUN, "--flow", "--out", tmp_path).json["consort"]
    assert {p.name for p in tmp_path.glob("consort.*")} == {"consort.svg", "consort.png"}
    assert found["trials"] == 6
    keys = {"enrolment.target": 12, "randomisation.block_size": 4, "dropout.hazard_per_year": 0.5}
    loaded = sim.load("sham_rct", keys | {"medication.start_prob": 0.5})
    flows = [sim.simulate(loaded, trial=k, seed=5).consort for k in range(6)]
    told = [f.screened for f in flows]
    error = np.std(told, ddof=1) / math.sqrt(6.0)
    assert found["screened"] == {"mean": pytest.approx(np.mean(told)), "mcse": pytest.approx(error)}
    reasons = {r for f in flows for r in f.kept_out}
    assert set(found["kept_out"]) == reasons
    for reason in reasons:
        mean = np.mean([f.kept_out.get(reason, 0) for f in flows])
        assert found["kept_out"][reason]["mean"] == pytest.approx(mean)
    for number, arm in enumerate(found["arms"]):
        for name in COUNTS:
            own = [getattr(f.arms[number], name) for f in flows]
            assert arm[name]["mean"] == pytest.approx(np.mean(own))
    assert sum(a["discontinued"]["mean"] for a in found["arms"]) > 0.0


def test_the_flow_is_asked_for() -> None:
    """Without --flow a power run has no flow; with it everything else is the same, and the table is printed."""
    plain, followed = done(*RUN).json, done(*RUN, "--flow").json
    assert "consort" not in plain
    assert plain["endpoints"] == followed["endpoints"]
    told = done(*RUN[:-1], "--flow").out
    assert "Flow of participants: means (MCSE) over the first 6 trials, recorded whole for this" in told
    assert "Screened " in told
    single = ("power", "sham_rct", *TINY, "--trials", "1", "--truth-trials", "0", "--workers", "1")
    one = done(*single, "--json", "--flow").json["consort"]
    assert one["screened"]["mcse"] is None


@pytest.mark.parametrize("case", ["sham_rct", "three arms", "before and after", "further procedures"])
@pytest.mark.parametrize("analyse_whom", ["all", "completers"])
def test_who_is_analysed_is_whom_the_analysis_used(case: str, analyse_whom: str) -> None:
    """The counts of the arms that the primary compares add up to the number that its estimate used."""
    name, changes = CASES[case]
    changes = {**changes, "study.analyse": analyse_whom}
    given, people = scenario(name, changes), cohort(play(name, changes))
    by_arm = analysed(given, people)
    keys = [e.key for e in given.endpoint]
    number = keys.index(given.study.primary) if given.study.primary else 0
    compared = range(1) if given.before_after else contrast(given, given.endpoint[number])
    assert sum(by_arm[k] for k in compared) == analyse(given, people)[number].n[0]
    assert all(0 < n <= (people.subjects["arm"] == k).sum() for k, n in enumerate(by_arm))


def test_means_by_hand() -> None:
    """The mean of 1, 2 and 6 is 3, its standard error sqrt(7/3); one trial has no error."""
    found = mean_of([1, 2, 6])
    assert found.mean == 3.0
    assert found.mcse == pytest.approx(math.sqrt(7.0 / 3.0))
    assert math.isnan(mean_of([4]).mcse)
