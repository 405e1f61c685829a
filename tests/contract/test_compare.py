"""`compare` keeps its contract: how designs are written, what comes out as JSON and tables, what is refused."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest

import sim
from sim.core.errors import ShamtrialError
from sim.scenario.load import shipped
from sim.scenario.schema import Scenario
from sim.scenario.variants import load_designs, split_changes
from sim.study.compare import compare
from sim.study.side_by_side import without_effect
from sim.study.tally import Standing
from tests.contract.commands import done, run
from tests.helpers import scenario

SETS = ("--set", "enrolment.target=20", "--set", "randomisation.block_size=20")
CHANGED = "bench/j1:effect.rate_ratio=0.4"
COMPARE = ("compare", "bench/j1", CHANGED, *SETS, "--trials", "40", "--truth-trials", "20", "--workers", "1")
PAIR = {"a", "b", "power_difference", "mcse", "bias_difference", "bias_mcse", "variance_ratio"}


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep the user's cache out of it."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def _small(design: str) -> str:
    return f"{design}{',' if ':' in design else ':'}enrolment.target=20,randomisation.block_size=20"


# ---- what comes out -------------------------------------------------------------------------------------------------


def test_compare_prints_the_contract(tmp_path: Path) -> None:
    """`compare --json` has the contract's names, differences are b less a, and --out keeps chunks, run and picture."""
    found = done(*COMPARE, "--json", "--out", tmp_path / "c").json
    assert found["scenarios"] == ["bench/j1", CHANGED]
    assert found["endpoint"] == "arr_24m"
    (one,) = found["pairs"]
    assert set(one) >= PAIR
    assert (one["a"], one["b"]) == ("bench/j1", CHANGED)
    a, b = found["designs"]
    assert one["power_difference"] == pytest.approx(b["power"] - a["power"])
    assert one["bias_difference"] == pytest.approx(b["bias"] - a["bias"])
    assert one["truth_difference"] == pytest.approx(b["truth"] - a["truth"])
    unpaired = a["mcse"] ** 2 + b["mcse"] ** 2
    assert one["variance_ratio"] == pytest.approx(unpaired / one["mcse"] ** 2)
    assert one["interval"][0] < one["power_difference"] < one["interval"][1]
    assert [d["beliefs"] for d in found["designs"]] == found["beliefs"]
    names = sorted(p.name for p in (tmp_path / "c").iterdir())
    assert [n for n in names if not n.endswith("parquet")] == ["compare.png", "compare.svg", "run.json"]
    assert len(names) == 3 + 4, "two designs, each with its effect and without"


def test_the_front_door_gives_the_same(tmp_path: Path) -> None:
    """`sim.compare` with changed scenarios, and with loaded ones, is what the command gives, on any workers."""
    told = done(*COMPARE, "--json").json
    overrides = {"enrolment.target": 20, "randomisation.block_size": 20}
    loaded = [sim.load("bench/j1", overrides), sim.load("bench/j1", {**overrides, "effect.rate_ratio": 0.4})]
    made = sim.compare(*loaded, trials=40, truth_trials=20, workers=2)
    assert made.to_dict() == told
    assert list(made.to_frame().index) == ["bench/j1", CHANGED]
    texts = sim.compare(_small("bench/j1"), _small(CHANGED), trials=40, truth_trials=20)
    for name in PAIR - {"a", "b"}:
        assert getattr(texts.pairs[0], name) == getattr(made.pairs[0], name)


def test_a_design_is_that_of_the_power_run() -> None:
    """Power, mean, truth, bias and coverage of each design are those of `power` with the same seed and trials."""
    designs = done(*COMPARE, "--json").json["designs"]
    for ratio, own in zip((0.7, 0.4), designs, strict=True):
        words = ("power", "bench/j1", *SETS, "--set", f"effect.rate_ratio={ratio}", "--trials", "40")
        alone = done(*words, "--truth-trials", "20", "--workers", "1", "--json").json["endpoints"]["arr_24m"]
        same = [k for k in alone if not k.startswith("total_effect")]
        assert {k: own[k] for k in same} == {k: alone[k] for k in same}


def test_a_null_design_is_that_of_the_power_run() -> None:
    """The share of null trials that reject is the power of the scenario with its effect switched off."""
    found = done(*COMPARE, "--json").json["designs"][0]["null"]
    off = ("power", "bench/j1", *SETS, "--set", "switches.effect=false", "--trials", "40", "--truth-trials", "0")
    alone = done(*off, "--workers", "1", "--json").json["endpoints"]["arr_24m"]
    assert (found["rejects"]["value"], found["favourable"]["value"]) == (alone["power"], alone["favourable_power"])
    assert found["replayed"]


def test_engine_and_workers_change_nothing() -> None:
    """Both engines, one worker or two processes, give the same comparison."""
    words = ("compare", "bench/j1", CHANGED, *SETS, "--trials", "6", "--truth-trials", "2", "--json")
    compiled = done(*words, "--workers", "1").json
    assert compiled.pop("engine") == "compiled"
    for workers in ("1", "2"):
        found = done(*words, "--engine", "reference", "--workers", workers).json
        assert found.pop("engine") == "reference"
        assert found == compiled


def test_three_designs_have_three_pairs_and_tables() -> None:
    """All pairs are in the JSON, the first design against each other one in the table; three things are said."""
    words = ("compare", "bench/j1", CHANGED, "bench/j1:enrolment.target=40", "--trials", "30", "--workers", "1")
    found = done(*words, "--truth-trials", "2", "--set", "randomisation.block_size=20", "--json").json
    labels = ["bench/j1", CHANGED, "bench/j1:enrolment.target=40"]
    assert [(p["a"], p["b"]) for p in found["pairs"]] == [
        (labels[0], labels[1]), (labels[0], labels[2]), (labels[1], labels[2])
    ]  # fmt: skip
    assert [d["patients"] for d in found["designs"]] == [200, 200, 40]
    out = done(*words, "--truth-trials", "2", "--set", "randomisation.block_size=20").out
    assert "Less bench/j1; power in percentage points" in out
    assert "The same trials with no effect: the effects they would exclude" in out
    assert all(sentence in out for sentence in found["sentences"])
    assert len(found["sentences"]) == 3


def test_progress_tells_the_largest_error() -> None:
    """While it runs a comparison tells the largest MCSE of a power over its designs and worlds."""
    seen: list[float] = []

    def watch(label: str) -> Any:
        return lambda _, answers: seen.append(answers.largest_mcse) if isinstance(answers, Standing) else None

    designs = load_designs([_small("bench/j1"), _small(CHANGED)])
    found = compare(designs, trials=1040, null=False, truth_trials=0, watch=watch)
    assert seen[-1] == max(d.performance.mcse for d in found.designs)
    assert math.isnan(seen[0]), "no block is there yet"


def test_without_null_and_truth() -> None:
    """--no-null leaves out trials with no effect, --truth-trials 0 truth and bias; what is not known is null."""
    found = done(*COMPARE, "--no-null", "--truth-trials", "0", "--json").json
    assert [d["null"] for d in found["designs"]] == [None, None]
    assert [d["bias"] for d in found["designs"]] == [None, None]
    assert found["pairs"][0]["bias_difference"] is found["pairs"][0]["bias_mcse"] is None
    assert found["sentences"][1] == "No truth is known here, so nothing is said of bias."
    assert "with no effect" not in done(*COMPARE, "--no-null", "--truth-trials", "0").out


def test_a_family_is_each_designs_own() -> None:
    """`--endpoint arr` is arr_24m in a parallel trial and arr_change before and after, whose bias is told."""
    words = ("compare", "sham_rct", "zamboni_2009", "--endpoint", "arr", "--trials", "40", "--truth-trials", "10")
    found = done(*words, "--workers", "1", "--json").json
    assert [d["endpoint"] for d in found["designs"]] == ["arr_24m", "arr_change"]
    assert found["endpoint"] == "arr"
    sham, before_after = found["designs"]
    assert before_after["null"]["replayed"] is False, "the study as designed has no effect: its own trials serve"
    assert before_after["null"]["left_out"]["value"] > 0.3 > sham["null"]["left_out"]["value"]
    assert "The truth, that there is no effect, is excluded by the intervals of" in found["sentences"][2]


def test_a_prevalence_study_has_no_null_trials() -> None:
    """Where nobody is treated there is no effect to be switched off: no null trials, no excluded effects."""
    words = ("compare", "blind_prevalence_2013", "blind_prevalence_2013:screening.reader_lean_logits=0.0")
    found = done(*words, "--trials", "20", "--workers", "1", "--json").json
    assert [d["null"] for d in found["designs"]] == [None, None]
    assert len(found["sentences"]) == 2


@pytest.mark.parametrize("name", shipped())
def test_every_scenario_without_its_effect_is_valid(name: str) -> None:
    """What is played with no effect passes the same checks, so that a run's folder can tell it again."""
    off = without_effect(scenario(name))
    assert Scenario.model_validate(off.model_dump(mode="json")).model_dump() == off.model_dump()
    assert off.no_effect


# ---- how designs are written ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("a=1", ["a=1"]),
        ("a=1, b=2", ["a=1", "b=2"]),
        ("a=[0.0, 6.0],b=2", ["a=[0.0, 6.0]", "b=2"]),
        ("a={x = [1, 2], y = 3},b='p,q'", ["a={x = [1, 2], y = 3}", "b='p,q'"]),
        ('a="]",b=1', ['a="]"', "b=1"]),
        ("a=1,", ["a=1", ""]),
    ],
)
def test_changes_are_split_at_their_commas(text: str, parts: list[str]) -> None:
    """A comma in brackets or quotes belongs to its value."""
    assert split_changes(text) == parts


def test_changes_are_made_in_order() -> None:
    """--set changes all designs, a design's own changes come after it; lists, words and tables are values too."""
    own = "sham_rct:visits.months=[0.0,24.0],enrolment.target=60,randomisation.kind=simple"
    plain, changed = load_designs(["sham_rct", own], {"enrolment.target": 80, "sites.count": 5})
    assert (plain.scenario.enrolment.target, changed.scenario.enrolment.target) == (80, 60)
    assert (plain.scenario.sites.count, changed.scenario.sites.count) == (5, 5)
    assert changed.scenario.visits.months == [0.0, 24.0]
    assert changed.scenario.randomisation.kind == "simple"
    assert (plain.label, changed.label) == ("sham_rct", own)


def test_labels_tell_designs_apart(tmp_path: Path) -> None:
    """Files of one name are told by their paths, loaded scenarios by the keys that differ, or by a number."""
    for place, target in (("a", 40), ("b=c:d", 60)):
        (tmp_path / place).mkdir()
        text = f'extends = "sham_rct"\n[enrolment]\ntarget = {target}\n'
        (tmp_path / place / "mine.toml").write_text(text, encoding="utf-8")
    paths = [str(tmp_path / place / "mine.toml") for place in ("a", "b=c:d")]
    assert [d.label for d in load_designs(paths)] == ["mine", paths[1]]
    changed = load_designs([paths[1], f"{paths[1]}:enrolment.target=80"])
    assert [d.scenario.enrolment.target for d in changed] == [60, 80]
    many = {"enrolment.target": 20, "sites.count": 2, "veins.success_prob": 0.5, "effect.rate_ratio": 0.9}
    loaded = [sim.load("sham_rct", own) for own in ({}, {"sites.count": 2}, many)]
    assert [d.label for d in load_designs(loaded)] == ["sham_rct", "sham_rct:sites.count=2", "sham_rct (2)"]


BAD: list[tuple[tuple[str, ...], tuple[str, ...]]] = [
    (("sham_rct",), ("found 1 design;", "two or more")),
    (("sham_rct", "sham_rct"), ("sham_rct and sham_rct (2), which are the same scenario", "designs that differ")),
    (("sham_rct", "sham_rct:effect.rate_ratio=0.5"), ("which are the same scenario", "designs that differ")),
    (("sham_rct", "sham_rct:"), ("'sham_rct:'", "NAME:KEY=VALUE")),
    (("sham_rct", "sham_rct:effect.rate_ratio"), ("'sham_rct:effect.rate_ratio'", "NAME:KEY=VALUE")),
    (("sham_rct", "sham_rct:=0.5"), ("'sham_rct:=0.5'", "NAME:KEY=VALUE")),
    (("sham_rct", ":effect.rate_ratio=0.5"), ("':effect.rate_ratio=0.5'", "NAME:KEY=VALUE")),
    (("sham_rct", "sham_rct:sites.count=3,"), ("'sham_rct:sites.count=3,'", "NAME:KEY=VALUE")),
    (("sham_rct", "sham_rct:sites.count=3,4"), ("'sham_rct:sites.count=3,4'", "lists in brackets")),
    (("sham_rct", "sham_rct:visits.months=[0,12"), ("a quote that is not closed", "NAME:KEY=VALUE")),
    (("sham_rct", "sham_rct:sites.count=3]"), ("a bracket that was never opened", "NAME:KEY=VALUE")),
    (("sham_rct", "sham_rct:sites.count=3,sites.count=4"), ("gives sites.count twice", "each key once")),
    (("sham_rct", "sham_rct:sites.conut=3"), ("sites.conut", "'count'")),
    (("sham_rct", "sham_rtc:sites.count=3"), ("'sham_rtc'", "did you mean 'sham_rct'")),
    (("sham_rct", "no:where.toml"), ("no:where.toml", "no such file")),
    (("sham_rct", "null", "--trials", "1"), ("--trials", "found 1", "2 to")),
    (("sham_rct", "null", "--truth-trials", "1"), ("--truth-trials", "found 1", "0 (no truth), or 2 to")),
    (("sham_rct", "null", "--seed", "-1"), ("--seed", "found -1")),
    (("sham_rct", "null", "--out", ""), ("--out", "found ''")),
    (("sham_rct", "zamboni_2009", "--endpoint", "edss_24m"), ("'edss_24m'", "in published/zamboni_2009")),
    (
        ("sham_rct", "zamboni_2009"),
        ("arr_24m of sham_rct (log ratio, less is better)", "relapse_free_change of published/zamboni_2009",
         "(difference, share, more is better)", "--endpoint arr"),
    ),
    (("surveillance", "zamboni_2009", "--endpoint", "restenosis"), ("restenosis_18m of surveillance", "not tested")),
]  # fmt: skip


@pytest.mark.parametrize(("command", "fragments"), BAD, ids=lambda v: " ".join(v)[:60] if isinstance(v, tuple) else "")
def test_what_cannot_be_compared_is_refused(command: tuple[str, ...], fragments: tuple[str, ...]) -> None:
    """Each ends with status 2, nothing on stdout, what was found and what is allowed; no folder is made."""
    ran = run("compare", *command)
    assert (ran.status, ran.out) == (2, "")
    for fragment in (*fragments, "found ", "; allowed"):
        assert fragment in ran.err


def test_units_have_to_agree() -> None:
    """Points of a quality of life and shares are both differences, more being better, and still not comparable."""
    changed = {"study.primary": "relapse_free_24m"}
    one, other = sim.load("sham_rct", {"study.primary": "msqol_physical_24m"}), sim.load("sham_rct", changed)
    with pytest.raises(ShamtrialError, match=r"\(difference, points, more is better\) and relapse_free_24m of"):
        sim.compare(one, other, trials=2)


def test_nobody_enters_and_every_trial_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    """A design that nobody enters is named; where every trial of a design fails there is no result."""
    rule = "eligibility.relapses_1y=50,eligibility.relapses_2y=50,enrolment.max_days=400"
    ran = run("compare", "sham_rct", f"sham_rct:{rule}", *SETS, "--trials", "3", "--workers", "1")
    assert (ran.status, ran.out) == (3, "")
    assert f"sham_rct:{rule}: nobody entered any of 3 trials" in ran.err
    from sim.study import play

    def cohorts(*_: Any, **__: Any) -> None:
        raise ValueError("the vein was not there")

    monkeypatch.setattr(play.Play, "cohorts", cohorts)
    ran = run(*COMPARE, "--truth-trials", "0")
    assert (ran.status, ran.out) == (3, "")
    assert "trial 0 of seed 1 failed: ValueError: the vein was not there" in ran.err


def test_failed_trials_reject_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """A trial that raises counts as no rejection in every design, is named once, and the status is 3."""
    from sim.study import play

    usual = play.Play.cohorts

    def cohorts(self: play.Play, asked: Any, *rest: Any, **options: Any) -> Any:
        if 7 in asked and self.seed == 1:
            raise ValueError("the vein was not there")
        return usual(self, asked, *rest, **options)

    whole = done(*COMPARE, "--json").json
    monkeypatch.setattr(play.Play, "cohorts", cohorts)
    ran = run(*COMPARE, "--json")
    assert ran.status == 3
    assert ran.json["failed"] == [{"seed": 1, "trial": 7, "message": "ValueError: the vein was not there"}]
    for own, before in zip(ran.json["designs"], whole["designs"], strict=True):
        assert own["outcomes"]["failed"] == 1
        assert own["power"] <= before["power"]
        assert math.isclose(own["not_converged"], before["not_converged"] + 1 / 40)


def test_designs_told_by_different_endpoints_say_so() -> None:
    """Where endpoints are of different kinds it is said that biases are of different quantities, else not."""
    alike, unlike = (
        sim.compare(_small("bench/j1"), _small(other), trials=20, truth_trials=0, null=False, workers=1).sentences
        for other in (CHANGED, "bench/j2")
    )
    said = "The designs' endpoints differ (rate ratio of arr_24m, hazard ratio of first_relapse): powers can be"
    assert any(s.startswith(said) for s in unlike)
    assert not any("endpoints differ" in s for s in alike)
