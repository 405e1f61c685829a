"""`rtm` and `small` at the command line: JSON as in the contract, the same answers as the front door, files written."""

from __future__ import annotations

from pathlib import Path

import pytest

import sim
from tests.contract.commands import done, run


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep the user's cache out of it."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


RTM = ("rtm", "base", "--set", "enrolment.target=40", "--trials", "4", "--workers", "1")
SMALL = ("small", "published/premise_2014", "--studies", "3", "--trials", "5", "--workers", "1")
PARTS = {"chance", "activity", "decline", "refractory", "frailty"}


def test_rtm_prints_the_contract(tmp_path: Path) -> None:
    """`rtm --json` has the contract's keys, is what the front door gives, and --out keeps run and pictures."""
    found = done(*RTM, "--json", "--out", tmp_path / "r").json
    assert {"scenario", "months", "rate", "before", "after", "parts"} <= set(found)
    assert set(found["parts"]) == set(found["parts_mcse"]) == PARTS
    names = {"run.json", "rtm.svg", "rtm.png", "remedies.svg", "remedies.png"}
    assert {p.name for p in (tmp_path / "r").iterdir()} == names
    loaded = sim.load("base", {"enrolment.target": 40})
    assert sim.rtm(loaded, trials=4, workers=2).to_dict() == found


def test_rtm_prints_tables() -> None:
    """Without --json the parts, the designs and three sentences are printed."""
    out = done(*RTM).out
    assert "chance in the qualifying count" in out
    assert "control group" in out
    assert "Nothing is done to anybody" in out


def test_small_prints_json(tmp_path: Path) -> None:
    """`small --json` has a design a scenario, is what the front door gives, and --out keeps run and picture."""
    found = done(*SMALL, "--json", "--out", tmp_path / "s").json
    (design,) = found["designs"]
    assert (design["scenario"], design["studies"], design["sets"]) == ("published/premise_2014", 3, 5)
    assert {p.name for p in (tmp_path / "s").iterdir()} == {"run.json", "small.svg", "small.png"}
    assert sim.small("published/premise_2014", studies=3, trials=5, workers=2).to_dict() == found
    assert "Had all been published" in done(*SMALL).out


def test_small_without_a_scenario() -> None:
    """Without a scenario the four sizes that were done are played."""
    found = done("small", "--studies", "2", "--trials", "3", "--workers", "1", "--json").json
    assert [d["patients"] for d in found["designs"]] == ["8 v 7", "9 v 10", "35", "65"]


def test_bad_requests_end_with_2() -> None:
    """What can't be done ends with status 2 and a message that names found and allowed."""
    for words in ((*RTM, "--trials", "1"), (*SMALL, "--endpoint", "x"), ("rtm", "historical_control")):
        ran = run(*words)
        assert (ran.status, ran.out) == (2, "")
        assert ": found " in ran.err
        assert "; allowed: " in ran.err
