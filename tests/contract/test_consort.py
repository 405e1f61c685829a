"""The flow of participants: its counts are those of the tables, add up, and are printed and drawn."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import pandas as pd
import pytest
from click.testing import CliRunner

import sim
from sim.cli import cli
from sim.data.at_entry import on_medication
from sim.data.consort import ArmFlow, flow
from sim.data.tables import adsl, events
from sim.report.consort import WORDS, message
from sim.report.style import percent
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
    "closed by the day": ("sham_rct", SMALL | {"enrolment.max_days": 200.0}),
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
    assert "Intercurrent events: patients with at least one, from entry on" in told
    assert f"On medication at entry already, so with no start to be counted: {said(already)}" in told
    quiet = CliRunner().invoke(
        cli, ["simulate", name, "--set", "enrolment.target=10", "--set", "medication.enabled=false"]
    )
    assert "Intercurrent events" not in quiet.stdout


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


def counts(arm: ArmFlow) -> tuple[int, ...]:
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
