"""What a replay refuses, what it leaves out, and the JSON of one study, of all, and of the question turned round."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest

import sim
from sim.core.errors import ShamtrialError
from sim.evidence import known, published, targets
from sim.report import replays
from sim.scenario.loaded import with_settings
from sim.scenario.schema import Figure, Scenario
from sim.study.explain import AXES, Axis, Level, combinations, explain
from sim.study.quantities import LEFT_OUT, QUANTITIES, quantity
from sim.study.replay import replay, to_judge
from tests.contract.commands import done, run
from tests.helpers import scenario

STUDIES = replays.studies()
KEYS = {"study", "seed", "trials", "figures", "joint"}
FIGURE_KEYS = {"id", "status", "published", "median", "interval", "mid_pit", "share_as_favourable", "used_for_fit"}
PREMISE, ZAMBONI, BLIND = "published/premise_2014", "published/zamboni_2009", "published/blind_prevalence_2013"


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep the user's cache out of it."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def figure(name: str, **keys: Any) -> Figure:
    """Make a published figure of this quantity."""
    given = {"id": "x", "low": 1.0, "high": 1.0, "window": "", "status": "read", "source": "", "months": [0.0, 6.0]}
    return Figure(quantity=name, **(given | keys))  # type: ignore[arg-type]


def with_figure(own: Scenario, one: Figure) -> Scenario:
    """Give the scenario with this published figure alone."""
    return own.model_copy(update={"published": own.published.model_copy(update={"figure": [one]})})


MISFITS = [
    (PREMISE, figure("relapse_free_before"), "relapse_free_before: found design sham_parallel"),
    (PREMISE, figure("ccsvi_positive"), "ccsvi_positive: found design sham_parallel"),
    (ZAMBONI, figure("relapses"), "relapses: found design uncontrolled_before_after"),
    (BLIND, figure("edss_change"), "edss_change: found design prevalence_case_control"),
    (PREMISE, figure("relapses", arm="placebo"), "relapses: found arm 'placebo'"),
    (PREMISE, figure("relapses", months=[]), r"relapses: found months \[\]"),
    (PREMISE, figure("rate_ratio", months=[]), r"rate_ratio: found months \[\]"),
    (PREMISE, figure("edss_change", months=[0.0, 2.0]), "edss_change: found no visit at month 2"),
    (PREMISE, figure("new_gd_lesions", months=[0.0, 5.0]), "new_gd_lesions: found no visit at month 5"),
    (PREMISE, figure("restenosis"), "restenosis: found surveillance.enabled = false"),
    (PREMISE, figure("flow_restored"), "flow_restored: found surveillance.enabled = false"),
    ("published/traboulsee_2018", figure("new_gd_lesions"), "new_gd_lesions: found lesions.enabled = false"),
    (ZAMBONI, figure("relapse_free_after", total=30), "relapse_free_after: found enrolment.target = 35"),
]


@pytest.mark.parametrize(("name", "one", "told"), MISFITS, ids=[told[:50] for _, _, told in MISFITS])
def test_a_quantity_that_does_not_fit_is_refused_by_name(name: str, one: Figure, told: str) -> None:
    """A figure that a scenario can't give is refused before any trial: its quantity, what was found and allowed."""
    own = with_figure(scenario(name), one)
    with pytest.raises(ShamtrialError, match=rf"published\.figure\.{told} .*allowed: "):
        to_judge(own)


def test_every_quantity_is_computed_or_left_out_with_a_reason() -> None:
    """The vocabulary of the schema is that of the replay: no name is without a computation or a reason."""
    names = set(Figure.model_fields["quantity"].annotation.__args__)  # type: ignore[union-attr]
    assert names == set(QUANTITIES) | set(LEFT_OUT)
    assert not set(QUANTITIES) & set(LEFT_OUT)


def test_a_scenario_without_figures_is_refused() -> None:
    """Without published figures there is nothing to judge by."""
    with pytest.raises(ShamtrialError, match=r"found sham_rct without \[\[published\.figure\]\]; allowed: "):
        to_judge(scenario("sham_rct"), "sham_rct")


@pytest.mark.parametrize("trials", [1, 0, 10_000_001])
def test_too_few_or_too_many_replays_are_refused(trials: int) -> None:
    """Both verbs want at least two replays, and no more than the address has room for."""
    for verb in (replay, explain):
        with pytest.raises(ShamtrialError, match=rf"--trials: found {trials}; allowed: 2 to"):
            verb(scenario(ZAMBONI), "", trials)


@pytest.mark.parametrize(
    ("own", "told"),
    [
        (scenario(PREMISE), "found design sham_parallel"),
        (scenario(ZAMBONI, {"effect.enabled": True, "effect.rate_ratio": 0.5}), "found an effect"),
        (with_figure(scenario(ZAMBONI), figure("rate_ratio")), "found no published figure of relapse_free_before"),
    ],
    ids=["design", "effect", "figures"],
)
def test_explain_refuses_what_it_can_not_explain(own: Scenario, told: str) -> None:
    """The question turned round is one of a before-after study without an effect, with all three of its figures."""
    with pytest.raises(ShamtrialError, match=rf"--explain: {told}.*allowed: "):
        explain(own)


@pytest.mark.parametrize(
    ("words", "told"),
    [(("--set", "effect.enabled=true"), "--set: found with `all`"), (("--explain",), "--explain: found with `all`")],
)
def test_all_takes_no_option_of_one_study(words: tuple[str, ...], told: str) -> None:
    """`all` is the shipped studies as they are: what belongs to one is refused with status 2."""
    ran = run("replay", "all", *words)
    assert (ran.status, ran.out) == (2, "")
    assert told in ran.err
    assert "allowed: " in ran.err


@pytest.mark.parametrize("name", STUDIES)
def test_every_published_figure_fits_or_is_left_out(name: str) -> None:
    """Each shipped study's figures are computed, or named with the reason why not; none is lost."""
    own = scenario(name)
    judged, left = to_judge(own)
    assert len(judged) + len(left) == len(own.published.figure)
    assert all(entry["reason"] for entry in left)
    assert judged, "each study has a figure to replay"


@pytest.mark.parametrize("name", STUDIES)
def test_claims_are_read_from_the_evidence(name: str) -> None:
    """A claim names its evidence, its settings are legal and do something; nothing recalled is a target."""
    own = scenario(name)
    claim = own.published.claim
    assert bool(claim.words) == bool(claim.source) == bool(claim.settings)
    assert all(known(source) for source in claim.source)
    for source in (*claim.source, *(f.id for f in own.published.figure)):
        told = targets().get(source) or published()[source]
        assert not told.status.startswith("recalled")
    if claim.words:
        under = with_settings(own, claim.settings)
        assert not under.no_effect or under.screening != own.screening


def test_claimed_ratios_are_those_of_the_figures() -> None:
    """2009: ln(17.5/35) / ln(9.5/35) = 0.53, Poisson counts taken; 2012: 0.12 / 0.66 = 0.18."""
    told = targets()
    free = [sum(told[f"zamboni2009.relapse_free_{w}"].count or ()) / 2.0 / 35.0 for w in ("before", "after")]
    ratio = math.log(free[1]) / math.log(free[0])
    assert f"effect.rate_ratio={ratio:.2f}" in scenario(ZAMBONI).published.claim.settings
    early, late = (told[f"zamboni2012.arr_{arm}"].value or math.nan for arm in ("immediate", "delayed"))
    assert f"effect.rate_ratio={early / late:.2f}" in scenario("published/zamboni_2012").published.claim.settings


@pytest.mark.parametrize(("name", "told"), [(ZAMBONI, True), (PREMISE, False)])
def test_the_effect_claimed_is_replayed_where_one_was(name: str, told: bool) -> None:
    """With a claim there are two sides, without one the null alone, and the words say so."""
    found = replay(scenario(name), trials=4)
    assert (found.claimed is not None) is told
    assert found.null.no_effect
    if found.claimed:
        assert not found.claimed.no_effect
    else:
        assert "claimed no effect" in found.sentences[1]
    assert len(found.sentences) == 3


def test_an_effect_of_the_scenario_s_own_is_replayed_as_it_is() -> None:
    """Where the scenario itself has an effect nothing else is claimed, and no sentence says that there is none."""
    found = replay(scenario(ZAMBONI, {"effect.enabled": True, "effect.rate_ratio": 0.5}), trials=4)
    assert found.claimed is None
    assert "with the effect put in" in found.sentences[0]
    assert "no true effect" not in " ".join(found.sentences)


def test_all_prints_the_contract_s_list(tmp_path: Path) -> None:
    """`replay all --json` is a list with an object a study in the contract's shape; --out holds a folder a study."""
    out = done("replay", "all", "--trials", "12", "--workers", "1", "--json", "--out", tmp_path).out
    found = json.loads(out)
    assert [one["scenario"] for one in found] == STUDIES
    for one in found:
        assert set(one) >= KEYS
        assert {type(one[k]) for k in ("seed", "trials")} == {int}
        for judged in one["figures"]:
            assert set(judged) >= FIGURE_KEYS
            low, high = judged["interval"]
            assert low <= judged["median"] <= high
            assert 0.0 <= judged["mid_pit"] <= 1.0
            assert isinstance(judged["used_for_fit"], bool)
        assert len(one["joint"]["sentences"]) == 3
    assert (tmp_path / "replays.png").exists()
    for name in STUDIES:
        own = tmp_path / name.removeprefix("published/")
        assert {p.name for p in own.iterdir()} >= {"run.json", "figures.png", "figures.svg"}
    assert (tmp_path / "zamboni_2009" / "replay.png").exists()


def test_what_was_fitted_is_marked_and_not_in_the_joint_rank() -> None:
    """A figure by which a value of the scenario was chosen is no test of it."""
    found = replay(scenario(BLIND), trials=8)
    fitted = {f["id"]: f["used_for_fit"] for f in found.figures}
    assert fitted == {"prevalence.blind_ms": True, "prevalence.blind_controls": True, "prevalence.blind": False}
    assert found.joint["figures"] == ["prevalence.blind"]
    both = replay(scenario("published/zamboni_prevalence_2009"), trials=8)
    assert both.joint["rank"] is None
    assert "nothing is left to test" in both.sentences[0]


def test_the_joint_judgement_does_not_depend_on_workers() -> None:
    """One worker and two give the same figures, in every bit."""
    one, two = (replay(scenario(PREMISE), trials=30, workers=w).to_dict() for w in (1, 2))
    assert one == two


def test_explain_plays_every_combination(tmp_path: Path) -> None:
    """A grid of two axes has a setting for each pair of levels, the shipped one too; the frame has a row each."""
    axes = (
        Axis("forgetting before", (Level("as shipped"), Level("much", ("recall.omission_prob=0.7",)))),
        Axis("medication", (Level("as shipped"), Level("none", ("medication.enabled=false",)))),
    )
    found = explain(scenario(ZAMBONI), trials=20, axes=axes)
    assert len(found.settings) == 4
    assert found.shipped.settings == ()
    assert {s.settings for s in found.settings if len(s.changed) == 2} == {
        ("recall.omission_prob=0.7", "medication.enabled=false")
    }
    assert list(found.to_frame()["tail_probability"]) == sorted(
        (s.tail_probability for s in found.settings), reverse=True
    )
    assert json.loads(json.dumps(found.to_dict(), allow_nan=False))["axes"]
    assert 2 <= len(found.sentences) <= 3


def test_every_level_of_the_grid_is_legal() -> None:
    """Each strength of each mechanism makes a legal scenario unlike the shipped one; the first level is shipped."""
    own = scenario(ZAMBONI)
    assert len(combinations()) == math.prod(len(a.levels) for a in AXES)
    for axis in AXES:
        assert axis.levels[0] == Level("as shipped")
        for level in axis.levels[1:]:
            assert with_settings(own, level.settings) != own


def test_the_front_door_has_both_verbs() -> None:
    """`replay` takes any published study by its short name; `explain` is exported."""
    assert "explain" in sim.__all__
    found = sim.replay("premise_2014", trials=4)
    assert list(found.to_frame().index)[:2] == ["premise.relapses_angioplasty", "premise.relapses_sham"]
    assert "new Gd lesions" in repr(found)
    assert quantity(found.scenario, found.scenario.published.figure[0]).favours == -1
