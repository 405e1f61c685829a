"""Contract: `belief.setting` fills what nobody gives, gives way to what somebody does, and every headline names it."""

from __future__ import annotations

from pathlib import Path

import pytest

import sim
from sim.core.errors import ScenarioError
from sim.scenario.beliefs import NOTHING, SCEPTICAL, beliefs_of
from sim.scenario.loaded import load, with_settings
from sim.scenario.schema import Scenario
from tests.contract.commands import SMALL, done, run

CHOSEN = {"belief.setting": SCEPTICAL}


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep the user's cache out of it."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def sizes(scenario: Scenario) -> dict[str, float]:
    """Give the values of all keys that a setting may fill."""
    flat = {}
    for key in NOTHING:
        table: object = scenario
        for part in key.split("."):
            table = getattr(table, part)
        assert isinstance(table, float)
        flat[key] = table
    return flat


def test_sceptical_moves_nothing_and_the_default_has_its_sizes() -> None:
    """Under `sceptical` every key is where belief does nothing; `hrobjartsson` is the default and differs."""
    assert sizes(load("open_label_rct", CHOSEN).scenario) == NOTHING
    shipped = load("open_label_rct").scenario
    assert (shipped.belief.setting, beliefs_of(shipped).own) == ("hrobjartsson", ())
    assert beliefs_of(shipped).words == "beliefs: hrobjartsson"
    changed = {key for key, value in sizes(shipped).items() if value != NOTHING[key]}
    assert changed == {
        "disability.rater_lean_points",
        "reporting.confirm_lean_logits",
        "reporting.unreported_by_cured_prob",
        "reporting.pseudo_per_year",
        "quality.placebo_peak_points",
        "quality.mental.placebo_peak_points",
    }


def test_a_key_that_a_file_or_an_option_gives_wins_and_is_named(tmp_path: Path) -> None:
    """Own values stand under either setting, from a file, its parent or --set, and the headline says which they are."""
    parent, child = tmp_path / "parent.toml", tmp_path / "child.toml"
    parent.write_text('extends = "sham_rct"\n[reporting]\npseudo_per_year = 0.3\n', encoding="utf-8")
    child.write_text(f'extends = "parent"\n[belief]\nsetting = "{SCEPTICAL}"\n', encoding="utf-8")
    made = load(child, {"quality.mental.placebo_peak_points": 1.5})
    own = {"reporting.pseudo_per_year": 0.3, "quality.mental.placebo_peak_points": 1.5}
    assert sizes(made.scenario) == NOTHING | own
    assert beliefs_of(made.scenario).words == (
        "beliefs: sceptical, but reporting.pseudo_per_year = 0.3, quality.mental.placebo_peak_points = 1.5"
    )
    assert beliefs_of(made.changed({"belief.setting": "hrobjartsson"}).scenario).own == tuple(own.items())


def test_a_setting_changed_later_fills_anew() -> None:
    """Changing the setting of a loaded or resolved scenario fills its keys anew; other settings leave it alone."""
    there = load("sham_rct", CHOSEN)
    back = there.changed({"belief.setting": "hrobjartsson"})
    assert back.digest == load("sham_rct").digest
    assert sizes(with_settings(back.scenario, [f"belief.setting={SCEPTICAL}"])) == NOTHING
    assert sizes(with_settings(there.scenario, ["belief.setting=hrobjartsson"])) == sizes(back.scenario)
    assert sizes(with_settings(there.scenario, ["effect.rate_ratio=0.6"])) == NOTHING


def test_check_says_what_the_setting_filled() -> None:
    """`scenarios check` shows belief.setting as the origin of what it filled, and only of that."""
    given = ("--set", f"belief.setting={SCEPTICAL}", "--set", "reporting.pseudo_per_year=0.0")
    values = done("scenarios", "check", "sham_rct", *given, "--json").json["values"]
    filled = {v["key"] for v in values if v["set_in"] == f"belief.setting = {SCEPTICAL}"}
    assert filled == set(NOTHING) - {"reporting.pseudo_per_year"}


def test_an_unknown_setting_is_refused() -> None:
    """Another name is refused at its key, with the two that there are; as an option it is wrong usage."""
    with pytest.raises(
        ScenarioError, match=r'belief\.setting: found "own"; allowed: one of "hrobjartsson", "sceptical"'
    ):
        load("sham_rct", {"belief.setting": "own"})
    assert run("bias", "sham_rct", "--beliefs", "own").status == 2


QUICK = ("--workers", "1", "--beliefs", SCEPTICAL)
COMMANDS = {
    "power": ("power", "sham_rct", *SMALL, "--trials", "2", "--truth-trials", "0", *QUICK),
    "replay": ("replay", "premise_2014", "--trials", "2", *QUICK),
    "bias": ("bias", "sham_rct", *SMALL, "--trials", "2", "--set", "effect.enabled=false", *QUICK),
    "rtm": ("rtm", "base", "--trials", "2", *QUICK),
    "small": ("small", "published/premise_2014", "--studies", "2", "--trials", "2", "--truth-trials", "2", *QUICK),
    "restenosis": ("restenosis", "surveillance", "--trials", "2", *QUICK),
    "simulate": ("simulate", "sham_rct", *SMALL, "--set", f"belief.setting={SCEPTICAL}"),
}


@pytest.mark.parametrize("verb", COMMANDS)
def test_every_headline_and_every_json_names_it(verb: str) -> None:
    """Each verb's text names the setting in its first lines, its JSON in `beliefs`."""
    assert "beliefs: sceptical" in "\n".join(done(*COMMANDS[verb]).out.splitlines()[:3])
    found = done(*COMMANDS[verb], "--json").json
    found = found["designs"][0] if verb == "small" else found
    assert found["beliefs"] == {"setting": SCEPTICAL, "own": {}, "words": "beliefs: sceptical"}


def test_all_replays_take_a_setting_and_nothing_else() -> None:
    """`replay all` refuses other settings of scenarios by name, and says what it does take."""
    ran = run("replay", "all", "--trials", "2", "--set", "effect.enabled=false", *QUICK)
    assert (ran.status, ran.out) == (2, "")
    assert "--set: found with `all`; allowed: with one study (or --set belief.setting=NAME)" in ran.err


def test_python_says_it_too() -> None:
    """A result's repr and its `beliefs` name the setting."""
    result = sim.power(sim.load("sham_rct", CHOSEN | {"enrolment.target": 12}), trials=2, truth_trials=0)
    assert result.beliefs.setting == SCEPTICAL
    assert "beliefs: sceptical" in repr(result)
