"""Study files: what they may say, and that each mistake is told with its line, key, value and what is allowed."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from sim.core.errors import ScenarioError
from sim.scenario.cells import Cell
from sim.scenario.files import shown
from sim.scenario.study_file import read_study, shipped_studies
from sim.study.sweep import scenarios_of
from tests.contract.studies import BAD, GRID, HEAD, Bad
from tests.helpers import EMPTY


def _cells(study: str | Path | Mapping[str, Any], fixed: Mapping[str, object] = EMPTY) -> list[Cell]:
    return scenarios_of(read_study(study, fixed))[1]


def _problems(study: str | Path | Mapping[str, Any], fixed: Mapping[str, object] = EMPTY) -> ScenarioError:
    with pytest.raises(ScenarioError) as refused:
        _cells(study, fixed)
    return refused.value


@pytest.mark.parametrize("bad", BAD, ids=lambda bad: bad.id)
def test_each_mistake_is_told_where_it_stands(bad: Bad, tmp_path: Path) -> None:
    """A study that can't be is refused with the study file's line, the key, what was found and what is allowed."""
    path = tmp_path / "mine.toml"
    path.write_text(bad.text, encoding="utf-8")
    problem = _problems(path).problems[0]
    assert (problem.file, problem.line, problem.key) == (shown(path), bad.line, bad.key)
    assert problem.found.startswith(bad.found)
    assert bad.allowed in problem.allowed


def test_all_bad_cells_are_told_at_once() -> None:
    """Every value that makes no scenario is named once, with the first of its cells and how many more there are."""
    error = _problems(
        {"scenario": "bench/j1", "grid": {"effect.rate_ratio": [0.5, -1.0, -2.0], "enrolment.target": [40, 80, 0]}}
    )
    assert [(p.key, p.found.partition(" (")[0]) for p in error.problems] == [
        ("enrolment.target", "0"),
        ("effect.rate_ratio", "-1.0"),
        ("effect.rate_ratio", "-2.0"),
    ]
    assert "(cell effect.rate_ratio = -1.0, enrolment.target = 40 and 2 more)" in str(error)
    assert "study: effect.rate_ratio: found -1.0" in str(error)


def test_keys_may_be_quoted_or_nested(tmp_path: Path) -> None:
    """`"a.b"`, `a.b` and `[grid.a] b` say the same."""
    texts = ('[grid]\n"effect.rate_ratio" = [0.6, 0.8]\n', "[grid.effect]\nrate_ratio = [0.6, 0.8]\n", GRID)
    found = []
    for number, text in enumerate(texts):
        path = tmp_path / f"s{number}.toml"
        path.write_text(HEAD + text, encoding="utf-8")
        found.append([(dict(c.values), c.digest) for c in _cells(path)])
    assert found[0] == found[1] == found[2]
    assert [values for values, _ in found[0]] == [{"effect.rate_ratio": 0.6}, {"effect.rate_ratio": 0.8}]


def test_a_grid_is_played_in_every_listed_cell() -> None:
    """Cells are every combination of the grid for each cell of the list, the last key of the grid moving fastest."""
    cells = _cells(
        {
            "scenario": "bench/j1",
            "cell": [{"label": "as it is"}, {"label": "half", "effect.rate_ratio": 0.5}],
            "grid": {"enrolment.target": [40, 80], "dropout.hazard_per_year": [0.0, 0.1]},
        }
    )
    assert [(c.label, *c.values.values()) for c in cells] == [
        (label, ratio, target, hazard)
        for label, ratio in (("as it is", 0.7), ("half", 0.5))
        for target in (40, 80)
        for hazard in (0.0, 0.1)
    ]
    assert {c.series for c in cells} == {f"cell-{c.digest[:12]}" for c in cells}
    assert len({c.series for c in cells}) == 8


def test_keys_may_follow_another() -> None:
    """A key under [follow] has in each cell the value of the key it follows."""
    key, other = "veins.ijv_restenosis_18m_prob", "veins.azygos_restenosis_18m_prob"
    cells = _cells({"scenario": "sham_rct", "grid": {key: [0.0, 0.3]}, "follow": {other: key}})
    assert [c.scenario.veins.azygos_restenosis_18m_prob for c in cells] == [0.0, 0.3]


def test_what_all_cells_have() -> None:
    """[set], then --set, then the cell's own changes are laid over the scenario, the last one wins."""
    study = {
        "scenario": "bench/j1",
        "set": {"enrolment.target": 40, "dropout.hazard_per_year": 0.2},
        "cell": [{"label": "a"}, {"label": "b", "enrolment.target": 60}],
    }
    cells = _cells(study, {"dropout.hazard_per_year": 0.3})
    assert [(c.scenario.enrolment.target, c.scenario.dropout.hazard_per_year) for c in cells] == [(40, 0.3), (60, 0.3)]
    told = _problems({"scenario": "bench/j1", "grid": {"enrolment.target": [40]}}, {"enrolment.target": 50})
    assert str(told).startswith("--set: enrolment.target: found a key that [grid] moves; allowed: ")


def test_endpoints_are_those_asked_for() -> None:
    """None asked for is the primary; keys, families and whole tables may be asked for, and the engine is asked for
    no more."""
    grid = {"enrolment.target": [100]}
    (cell,) = _cells({"scenario": "sham_rct", "grid": grid})
    assert [e.key for e in cell.scenario.endpoint] == ["arr_24m"]
    added = {"name": "arr_12m", "id": "early", "counts": "true"}
    (cell,) = _cells({"scenario": "sham_rct", "grid": grid, "endpoints": ["relapse_free", added]})
    assert [(e.key, e.name, e.counts) for e in cell.scenario.endpoint] == [
        ("relapse_free_24m", "relapse_free_24m", "confirmed"),
        ("early", "arr_12m", "true"),
    ]
    assert cell.scenario.study.primary == "relapse_free_24m"


def test_a_scenario_is_looked_for_beside_the_study_first(tmp_path: Path) -> None:
    """The name of a file beside the study's own goes before a shipped one; without such a file it is the shipped."""
    study = tmp_path / "mine.toml"
    study.write_text('scenario = "sham_rct"\n[grid]\nenrolment.target = [100]\n', encoding="utf-8")
    shipped = read_study(study, {}).base
    (tmp_path / "sham_rct.toml").write_text('extends = "sham_rct"\n[sites]\ncount = 3\n', encoding="utf-8")
    beside = read_study(study, {}).base
    assert (shipped.tables["sites"]["count"], beside.tables["sites"]["count"]) == (12, 3)


def test_a_bad_scenario_is_told_by_its_own_lines(tmp_path: Path) -> None:
    """What is wrong with the scenario itself is told with the scenario's file and line, before any cell is made."""
    (tmp_path / "base.toml").write_text('extends = "sham_rct"\n[sites]\ncont = 3\n', encoding="utf-8")
    (tmp_path / "mine.toml").write_text('scenario = "base"\n[grid]\nenrolment.target = [0]\n', encoding="utf-8")
    (problem,) = _problems(tmp_path / "mine.toml").problems
    assert (problem.line, problem.key) == (3, "sites.cont")
    assert problem.file.endswith("base.toml")


def test_what_is_no_study_is_refused(tmp_path: Path) -> None:
    """A name that is not shipped, a folder and a value that TOML does not have are refused; shipped names are told."""
    assert "study: found no study 'nowhere'; allowed: a .toml file, or a shipped study (cost_of_" in str(
        _problems("nowhere")
    )
    assert "study: found a folder" in str(_problems(tmp_path))
    assert "found a value that TOML does not have" in str(_problems({"scenario": "bench/j1", "grid": {"x": {1, 2}}}))


@pytest.mark.parametrize("name", shipped_studies())
def test_shipped_studies_are_whole(name: str) -> None:
    """Every shipped study says what it asks, and each of its cells is a scenario."""
    study = read_study(name, {})
    assert study.asked.intent.endswith(("?", "."))
    assert len(_cells(name)) >= 6


def test_there_is_a_study_for_each_cost() -> None:
    """The costs of restenosis, dropout and unblinding are shipped, each compared with a trial without it."""
    assert {"cost_of_restenosis", "cost_of_dropout", "cost_of_unblinding"} <= set(shipped_studies())
    for name in shipped_studies():
        reference = read_study(name, {}).reference
        assert reference is not None
        assert reference.value == 0.0
