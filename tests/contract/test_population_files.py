"""The fitted population's files: made from the evidence as it stands, and such as a scenario takes them."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest

from sim.core.errors import ScenarioError
from sim.evidence import known
from sim.evidence.population import CLOUD, between_studies, cloud, page, values
from sim.scenario.load import read_tables, validate
from sim.scenario.schema import Scenario
from sim.study.calibrate.files import COMMAND, evidence_digest
from sim.study.calibrate.relapses import BOX

LOG = Path(__file__).parents[2] / "docs" / "calibration.log"


def test_the_fit_is_of_the_evidence_as_it_stands() -> None:
    """The file names the digest of targets.csv: when a figure changes, this asks for a new fit."""
    assert page()["evidence_sha256"] == evidence_digest()
    assert page()["command"] == COMMAND


def test_each_fitted_value_is_a_key_with_an_error_and_figures() -> None:
    """Every fitted value is taken by the scenario, lies in its own interval, and names figures that are known."""
    validate(read_tables("base", values()), Scenario)
    for key, entry in page()["values"].items():
        low, high = entry["interval_90"]
        assert low <= entry["value"] <= high, key
        assert entry["standard_error"] > 0.0, key
        assert entry["fitted_to"], key
        assert all(map(known, entry["fitted_to"])), key


def test_a_key_that_no_scenario_has_would_be_noticed() -> None:
    """The check above can fail: a misspelt key is refused."""
    with pytest.raises(ScenarioError, match="rate_a_year"):
        validate(read_tables("base", {"relapse.rate_a_year": 0.4}), Scenario)


def test_the_log_holds_what_the_file_holds() -> None:
    """Each fitted value, and each miss that is not explained, can be read in docs/calibration.log."""
    log = LOG.read_text(encoding="utf-8")
    assert evidence_digest() in log
    for key, value in values().items():
        assert any(line.split()[:2] == [key, f"{value:g}"] for line in log.splitlines()), key


def test_the_cloud_is_of_populations_that_a_scenario_takes() -> None:
    """At least 200 rows under the keys that move together, each within the ranges of the fit and of the schema."""
    rows = cloud()
    assert len(rows) >= 200
    assert tuple(rows[0]) == BOX.names
    for row in rows:
        assert all(0.99 * BOX.low[k] <= v <= 1.01 * BOX.high[k] for k, v in row.items()), row
    validate(read_tables("base", rows[0]), Scenario)


def test_the_cloud_lies_around_the_fit() -> None:
    """The median of each column is near the fitted value, and rates spread by more than studies do within."""
    rows = cloud()
    for key in BOX.names:
        column = np.array([row[key] for row in rows])
        low, high = page()["values"][key]["interval_90"]
        assert low < np.median(column) < high, key
    rates = np.log([row["relapse.rate_per_year"] for row in rows])
    assert rates.std() > between_studies()["between-study SD of the log rate"]


def test_the_cloud_has_no_row_short() -> None:
    """Each row of the file has as many columns as its heading."""
    with CLOUD.open(encoding="utf-8", newline="") as lines:
        lengths = {len(row) for row in csv.reader(lines)}
    assert lengths == {len(BOX.names)}
