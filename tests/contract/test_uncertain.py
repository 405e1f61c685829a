"""Contract: `--uncertain` says what it drew and what it held, and refuses a cloud or a scenario it can't draw from."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

import sim
from sim.core.errors import ScenarioError, ShamtrialError
from sim.evidence import cloud
from sim.evidence.cloud import population_cloud
from sim.scenario.schema import Scenario
from sim.study.population import solved
from sim.study.uncertain import find_draws
from tests.clouds import KEYS, stand_in, use, written
from tests.contract.commands import SMALL, done, run
from tests.helpers import Overrides, scenario

PRIOR = ("--set", "effect_prior.enabled=true", "--set", "effect_prior.log_sd=0.3")
QUICK = (*SMALL, "--trials", "6", "--workers", "1", "--uncertain")


@pytest.fixture(autouse=True)
def small_cloud(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Read the stand-in, and keep the user's cache out of it."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    use(stand_in(tmp_path), monkeypatch)


def held(name: str, overrides: Overrides) -> dict[str, str]:
    """Give the keys that a scenario holds, with the reasons."""
    return dict(find_draws(scenario(name, overrides)).held)


# ---- what is drawn, what is held ------------------------------------------------------------------------------------


def test_a_scenario_that_leaves_nature_alone_draws_every_key() -> None:
    """Nothing is held where the scenario and its parents take the population of base.toml."""
    assert find_draws(scenario("published/zamboni_2009")).keys == KEYS


def test_what_the_user_sets_is_held_even_at_the_value_of_base(tmp_path: Path) -> None:
    """A key given in a file or by --set is held, with file and line; base.toml's own keys are drawn."""
    path = tmp_path / "mine.toml"
    path.write_text('extends = "base"\n[activity]\nratio = 6.0\n', encoding="utf-8")
    made = sim.load(path, {"decline.fall_per_year": 0.04}).scenario
    found = dict(find_draws(made).held)
    assert found == {"activity.ratio": f"set in {path}:3", "decline.fall_per_year": "set for this run"}


def test_a_solved_population_is_held() -> None:
    """Rate and frailty that [population] was solved for are not drawn over."""
    made, _ = solved(scenario("base", {"population.on_study_rate_per_year": 0.5, "enrolment.target": 100}))
    found = dict(find_draws(made).held)
    assert found == dict.fromkeys(KEYS[:2], "solved from [population]")


def test_what_has_no_part_in_a_scenario_is_held() -> None:
    """Keys of a process that is off change nothing; a scenario that lost its origin is compared with base.toml."""
    idle = "changes nothing in this scenario"
    assert held("base", {"activity.kind": "none"}) == dict.fromkeys(KEYS[2:5], idle)
    made: Scenario = Scenario.model_validate_json(scenario("base", {"frailty.variance": 1.5}).model_dump_json())
    assert dict(find_draws(made).held) == {"frailty.variance": f"not base.toml's {scenario('base').frailty.variance:g}"}


def test_where_nothing_is_left_to_draw_it_is_refused() -> None:
    """A scenario that sets every key is refused, each key with the reason, unless its effect is drawn."""
    fixed = {key: 2.0 if key != "decline.fall_per_year" else 0.1 for key in KEYS}
    with pytest.raises(ShamtrialError, match=r"found nothing left to draw: .*set for this run.*; allowed: "):
        find_draws(scenario("base", fixed))
    prior = {"effect_prior.enabled": True, "effect_prior.log_sd": 0.2}
    drawn = find_draws(scenario("sham_rct", fixed | prior))
    assert drawn.keys == ()
    with pytest.raises(ShamtrialError, match="nothing left to draw"):
        drawn.of_population()


# ---- what is printed ------------------------------------------------------------------------------------------------


def test_power_prints_what_was_drawn_and_what_it_is_not() -> None:
    """Without a prior the average is said to be no assurance; the JSON has the figures beside it, and no truth."""
    found = done("power", "base", "--trials", "6", "--workers", "1", "--uncertain", "--json").json
    own = found["uncertain"]
    assert own["assurance"] is False
    assert own["words"] == (
        "power averaged over the population's uncertainty; not assurance: the effect is held fixed (none)"
    )
    assert (own["drawn"], own["held"], own["prior"]) == ([*KEYS], [], None)
    assert (own["populations"], own["trials_each"], own["cloud"]["rows"]) == (80, 25, 24)
    for key, endpoint in found["endpoints"].items():
        assert endpoint["truth"] is None
        assert set(own["endpoints"][key]) >= {"fitted", "difference", "variance", "sd", "low", "high", "share"}
    text = done("power", "base", "--trials", "6", "--workers", "1", "--uncertain").out
    assert "not assurance" in text
    assert "drawn by each trial, a row of population_cloud.csv (24 populations): relapse.rate_per_year" in text


def test_power_with_a_prior_is_called_assurance(tmp_path: Path) -> None:
    """With a prior the column, the words, the JSON and the picture say assurance, and count trials in favour alone."""
    ran = done("power", "sham_rct", *QUICK, *PRIOR, "--out", tmp_path / "out")
    assert "assurance (MCSE)" in ran.out
    assert "assurance: the probability of p < 0.05 in favour" in ran.out
    assert (tmp_path / "out" / "power.png").exists()
    own = done("power", "sham_rct", *QUICK, *PRIOR, "--json").json["uncertain"]
    assert own["assurance"] is True
    assert own["prior"]["rate_ratio_median"] == pytest.approx(0.5)
    assert own["prior"]["lower"] == pytest.approx(0.5 / own["prior"]["upper"] * 0.5)
    assert set(own["drawn"]) >= set(KEYS[:2])


def test_workers_change_nothing() -> None:
    """The same JSON, times left out, comes from one worker and from two, also in the reference engine."""
    found = [
        done("power", "base", "--set", "enrolment.target=12", "--trials", "5", "--uncertain", "--json", *how).json
        for how in (("--workers", "1"), ("--workers", "2"))
    ]
    for own in found:
        del own["elapsed_s"], own["trials_per_s"]
    assert found[0] == found[1]


def test_replay_draws_populations_too() -> None:
    """Each replay has a population of its own: the medians move, the keys are in the JSON and in the notes."""
    command = ("replay", "zamboni_2009", "--trials", "40", "--workers", "1")
    plain, own = done(*command, "--json").json, done(*command, "--uncertain", "--json").json
    assert "uncertain" not in plain
    assert own["uncertain"]["drawn"] == [*KEYS]
    assert own["figures"] != plain["figures"]
    assert "each replay draws its population, a row of population_cloud.csv" in done(*command, "--uncertain").out
    ran = run(*command, "--uncertain", "--explain")
    assert (ran.status, ran.out) == (2, "")
    assert "--uncertain: found with --explain; allowed: without it" in ran.err


def test_python_has_it() -> None:
    """`sim.power(uncertain=True)` and `sim.replay(uncertain=True)` give results that say what was drawn."""
    result = sim.power(sim.load("base", {"enrolment.target": 12}), trials=3, uncertain=True)
    assert result.uncertain is not None
    assert "not assurance" in repr(result)
    replayed = sim.replay("zamboni_2009", trials=3, uncertain=True)
    assert replayed.draws is not None
    assert replayed.draws.keys == KEYS


# ---- clouds that can't be used --------------------------------------------------------------------------------------

GOOD = (0.5, 0.4, 6.0, 8.0, 24.0, 0.04)
BAD: list[tuple[str, Sequence[str], Sequence[Sequence[object]], str]] = [
    ("no rate", KEYS[1:], [GOOD[1:]] * 30, "a header without relapse.rate_per_year"),
    ("a key twice", (*KEYS, KEYS[0]), [(*GOOD, 0.5)] * 30, "a header that names a key twice"),
    ("few rows", KEYS, [GOOD] * 5, "5 rows; allowed: at least 20"),
    ("a short row", KEYS, [*([GOOD] * 30), GOOD[1:]], ":32: (row): found 5 values; allowed: 6"),
    ("a word", KEYS, [("much", *GOOD[1:])] * 30, "allowed: numbers"),
    ("not a number", KEYS, [("nan", *GOOD[1:])] * 30, "allowed: finite numbers"),
]


@pytest.mark.parametrize(("keys", "rows", "said"), [b[1:] for b in BAD], ids=[b[0] for b in BAD])
def test_a_bad_cloud_is_refused(
    keys: Sequence[str], rows: Sequence[Sequence[object]], said: str, tmp_path: Path
) -> None:
    """What is no table of populations is refused with the file, the line, what was found and what is allowed."""
    with pytest.raises(ScenarioError) as caught:
        population_cloud(written(tmp_path, keys, rows))
    assert said in str(caught.value)
    assert "population_cloud.csv:" in str(caught.value)


def test_a_cloud_that_does_not_fit_the_schema_is_refused(tmp_path: Path) -> None:
    """A column that is no key, and a row that the schema would refuse, are named; so is a file that is not there."""
    other = population_cloud(written(tmp_path, (*KEYS, "relapse.rate"), [(*GOOD, 1.0)] * 30))
    with pytest.raises(ScenarioError, match=r"population_cloud\.csv:1: \(header\): found a column 'relapse\.rate'"):
        find_draws(scenario("base"), other)
    rows = [GOOD] * 30 + [(*GOOD[:5], 1.5)]
    with pytest.raises(ScenarioError, match=r"population_cloud\.csv:32: decline\.fall_per_year: found 1\.5; allowed"):
        find_draws(scenario("base"), population_cloud(written(tmp_path, KEYS, rows)))


def test_a_missing_cloud_ends_with_2(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the file the command line says so, before a trial is played."""
    monkeypatch.setattr(cloud, "PATH", tmp_path / "none.csv")
    ran = run("power", "base", "--uncertain", "--trials", "2")
    assert (ran.status, ran.out) == (2, "")
    assert "none.csv: (file): found no file that can be read" in ran.err
