"""The fitted population gives what its log says, and another start finds the same answer."""

from __future__ import annotations

import math

import numpy as np
import pytest

from sim.evidence.population import between_studies, page, values
from sim.study.calibrate import lesions, population, severity
from sim.study.calibrate.hierarchy import STUDIES, Hierarchy
from sim.study.calibrate.outcome import Row, Value
from sim.study.calibrate.posterior import effective
from sim.study.calibrate.relapses import BOX, published, statistics
from sim.study.calibrate.surface import simulated, through
from tests.helpers import Z

SEED = 77


def _holds(rows: list[Row], detects: float) -> None:
    """Assert that each figure is what the log says, both Monte Carlo errors counted, finding errors of `detects`."""
    logged = page()["figures"]
    for row in rows:
        error = math.hypot(row.mcse, logged[row.id]["mcse"])
        if error > 0.0:
            assert (Z + 2.0) * error <= detects * max(1.0, abs(row.fitted)), row
        assert abs(row.fitted - logged[row.id]["fitted"]) <= Z * error + 1e-9, row


def test_the_fitted_relapses_are_as_logged() -> None:
    """AFFIRM's counts, both two-year trials and Nicholas' ratio come out as in the log, to within 0.2."""
    own = [between_studies()[f"{study}: log rate over the typical study's"] for study in STUDIES]
    _holds(population.rows(values(), np.array(own), SEED), detects=0.2)


def test_the_fitted_severity_is_as_logged() -> None:
    """Raters, severity, what relapses leave, and worsening come out as in the log, to within 0.06."""
    _holds(severity.rows(values(), SEED), detects=0.06)


def test_the_fitted_lesions_are_as_logged() -> None:
    """Lesions at a scan and patients without new ones come out as in the log; the dispersion is a check of its own."""
    rows = [r for r in lesions.rows(values(), SEED) if r.id != "gad.dispersion"]
    _holds(rows, detects=0.25)


def _alike(found: tuple[Value, ...], within: float) -> None:
    """Assert that values are those of the file, to a part of their standard errors and the last digit printed."""
    kept = page()["values"]
    for v in found:
        digit = 10.0 ** (math.floor(math.log10(v.value)) - 1)
        assert abs(v.value - kept[v.key]["value"]) <= within * kept[v.key]["standard_error"] + digit, v


@pytest.mark.slow
def test_raters_and_recovery_fitted_from_another_start() -> None:
    """From starts twice as far, on the same random numbers, the same values come out: the fit has one answer."""
    agree = severity.raters({"disability.examination_sd_points": 0.2, "disability.tail_prob": 0.3})
    _alike(agree, within=0.2)
    known = {k: values()[k] for k in ("disability.examination_sd_points", "disability.tail_prob")}
    known["relapse.severity_log_sd"] = values()["relapse.severity_log_sd"]
    start = {"relapse.residual_prob": 0.7, "relapse.residual_mean_points": 2.0, "relapse.recovery_days": 50.0}
    _alike(severity.residuals(known, start), within=0.2)


@pytest.mark.slow
def test_the_posterior_of_relapses_from_another_start() -> None:
    """Walkers from other starts agree, each median within the two runs' errors; on a surface of a smaller design."""
    points = BOX.design(256, 2)
    laid = through(BOX, points, simulated(BOX, points, statistics), 2)
    runs = [Hierarchy(laid, published()).draws(2500, 2000, 10, seed) for seed in (11, 12)]
    for k, name in enumerate(BOX.names):
        x = [run[:, :, k] for run in runs]
        sd = float(np.std(np.concatenate(x)))
        error = 1.2533 * sd * math.sqrt(sum(1.0 / effective(run)[k] for run in runs))
        assert (Z + 2.0) * error < sd, name
        assert abs(np.median(x[0]) - np.median(x[1])) <= Z * error, name
