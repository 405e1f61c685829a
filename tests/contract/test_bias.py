"""`shamtrial bias`: its JSON, its folder, several scenarios at once, and what it refuses."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import sim
from sim.study.acting import MECHANISMS
from tests.contract.commands import done, run

FEW = [f"switches.{m}=false" for m in MECHANISMS if m not in ("selection", "decline")]
QUICK = ("--trials", "4", "--workers", "1", *(word for key in FEW for word in ("--set", key)))


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep the user's cache out of it."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def test_json_of_one_scenario(tmp_path: Path) -> None:
    """`--json` prints the object of the contract; the front door gives the same; --out keeps run.json and pictures."""
    found = done("bias", "published/zamboni_2009", *QUICK, "--json", "--out", tmp_path).json
    assert {"scenario", "endpoint", "scale", "trials", "apparent", "truth", "none", "entries", "sum"} <= set(found)
    assert {e["mechanism"] for e in found["entries"]} == set(MECHANISMS)
    assert {"mechanism", "shapley", "mcse", "alone", "without"} <= set(found["entries"][0])
    assert found["apparent"] - found["truth"] == pytest.approx(found["none"] + found["sum"], rel=1e-12)
    assert len(found["sentences"]) == 3
    assert found["chances"]["scale"] == "probability"
    own = sim.load("published/zamboni_2009", {key.partition("=")[0]: False for key in FEW})
    assert sim.bias_ledger(own, trials=4).to_dict() == found
    kept = json.loads((tmp_path / "run.json").read_text())
    assert (kept["command"], kept["result"]) == ("bias", found)
    assert (tmp_path / "bias.png").is_file()


def test_several_scenarios(tmp_path: Path) -> None:
    """Several scenarios give a list, a folder each and one picture of all; a family finds each design's endpoint."""
    names = ("published/zamboni_2009", "published/zamboni_2012")
    ran = done("bias", *names, *QUICK, "--trials", "60", "--endpoint", "arr", "--json", "--out", tmp_path)
    found = json.loads(ran.out)
    assert [(f["scenario"], f["endpoint"]) for f in found] == list(zip(names, ("arr_change", "arr_6m"), strict=True))
    assert (tmp_path / "doors.png").is_file()
    assert (tmp_path / "published-zamboni_2012" / "run.json").is_file()


def test_the_table_in_words() -> None:
    """Without --json there is a table, the reasons for what is exactly zero, three sentences, and the chances."""
    out = done("bias", "published/zamboni_2009", *QUICK, "--interactions").out
    for words in ("course of the disease", "exactly 0:", "together: decline with selection", "Chance of p < 0.05"):
        assert words in out


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (
            ("--endpoint", "arr_24m"),
            "--endpoint: found 'arr_24m'; allowed in published/zamboni_2009: relapse_free_change",
        ),
        (("--trials", "1"), "--trials: found 1; allowed: 2 to 100,000"),
        (("--set", "publication.studies=0"), "publication.studies: found 0"),
    ],
)
def test_refusals(words: tuple[str, ...], message: str) -> None:
    """What can't be done is refused with status 2 and what is allowed."""
    ran = run("bias", "published/zamboni_2009", *words)
    assert ran.status == 2
    assert message in ran.err
