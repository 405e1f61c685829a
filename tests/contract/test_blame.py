"""Contract: of two keys that don't go together, the one in the user's own file is blamed, and both are named."""

from __future__ import annotations

from pathlib import Path

import pytest

from sim.core.errors import Problem, ScenarioError
from sim.scenario.loaded import load


def refused(path: Path, text: str, changes: dict[str, object] | None = None) -> Problem:
    """Write a scenario that is refused for one thing; give that problem."""
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ScenarioError) as caught:
        load(path, changes)
    (problem,) = caught.value.problems
    return problem


def test_a_design_that_the_parent_does_not_serve_is_blamed(tmp_path: Path) -> None:
    """A file that only sets the design is told its own line; the parent's, which lacks something, is named."""
    path = tmp_path / "mine.toml"
    problem = refused(path, 'extends = "sham_rct"\n[study]\ndesign = "sham_crossover"\n')
    assert (problem.file, problem.line, problem.key) == (str(path), 3, "study.design")
    assert problem.found == '"sham_crossover"'
    assert problem.allowed.startswith("what goes with arm (")
    assert "sham_rct.toml:" in problem.allowed
    assert problem.allowed.endswith(": found no second procedure; allowed: sham_crossover has an arm with then and "
                                    "then_months)")  # fmt: skip


def test_what_both_files_could_mend_is_blamed_in_the_users(tmp_path: Path) -> None:
    """A follow-up too short for a visit of the parent is blamed at the follow-up, which the user has set."""
    (tmp_path / "parent.toml").write_text('extends = "sham_rct"\n[population]\non_study_rate_per_year = 0.4\n'
                                          'window_months = 24.0\n', encoding="utf-8")  # fmt: skip
    text = (
        'extends = "parent"\n[study]\nfollow_up_months = 12.0\nprimary = ""\n[visits]\nmonths = [0.0, 12.0]\n'
        '[[endpoint]]\nname = "arr_12m"\n'
    )
    problem = refused(tmp_path / "mine.toml", text)
    assert (problem.line, problem.key, problem.found) == (3, "study.follow_up_months", "12.0")
    assert "parent.toml:4: found 24.0" in problem.allowed


def test_where_the_user_has_set_both_the_key_refused_is_blamed(tmp_path: Path) -> None:
    """Of two keys in one file the one that the check looks at is told, with the other one named beside it."""
    text = 'extends = "sham_rct"\n[study]\nfollow_up_months = 23.0\n[visits]\nmonths = [0.0, 12.0, 24.0]\n'
    path = tmp_path / "mine.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ScenarioError) as caught:
        load(path)
    (problem,) = [p for p in caught.value.problems if p.key == "visits.months"]
    assert problem.line == 5
    assert "study.follow_up_months = 23" in problem.allowed


def test_an_override_is_nearer_than_any_file(tmp_path: Path) -> None:
    """What was set in Python or by --set is blamed before a line of the user's file."""
    problem = refused(
        tmp_path / "mine.toml",
        'extends = "sham_rct"\n[slots]\nenabled = true\nper_site = 1\n[retreatment]\npolicy = "on_detection"\n'
        "[surveillance]\nenabled = true\nscheduled_months = [6.0]\n",
        {"surveillance.enabled": False},
    )
    assert (problem.file, problem.key, problem.found) == ("override", "surveillance.enabled", "false")
    assert "what goes with retreatment.policy (" in problem.allowed
    assert "mine.toml:6: found on_detection" in problem.allowed


def test_a_table_named_among_the_switches_is_told_how_to_be_turned_off(tmp_path: Path) -> None:
    """`[switches] season` is told that it is a table, how that is turned off, and which switches there are."""
    problem = refused(tmp_path / "mine.toml", 'extends = "sham_rct"\n[switches]\nseason = false\n')
    assert (problem.line, problem.key) == (3, "switches.season")
    assert problem.allowed.startswith(
        "'season' is a table, [season]; [season] enabled = false turns it off (switches: "
    )
    assert "rater_bias" in problem.allowed
    assert "top of the file" not in problem.allowed


def test_a_misspelt_switch_is_told_the_nearest(tmp_path: Path) -> None:
    """A name that is near to a switch is told which, and the others."""
    problem = refused(tmp_path / "mine.toml", 'extends = "sham_rct"\n[switches]\nraters_bias = false\n')
    assert problem.allowed.startswith("did you mean 'rater_bias'? (switches: self_referral, ")


@pytest.mark.parametrize(
    ("name", "hint"),
    [("foo_12m", ""), ("x_24m", ""), ("mfsc_12m", "'msfc_Nm'"), ("relapse_fre_24m", "'relapse_free_Nm'"),
     ("edss", "'edss_Nm'"), ("cdp_48w", "'cdp_24w'")],
)  # fmt: skip
def test_an_unknown_endpoint_is_told_the_nearest_if_there_is_one(name: str, hint: str) -> None:
    """A suggestion is made by the words of the name, and none where no words are near."""
    changes = {"endpoint": [{"name": name}], "study.primary": ""}
    with pytest.raises(ScenarioError) as caught:
        load("sham_rct", changes)
    (problem,) = caught.value.problems
    assert ("did you mean" in problem.allowed) == bool(hint)
    assert hint in problem.allowed
