"""J1: the same design simulated by other software, 5,000 trials fitted by R's MASS::glm.nb (tests/golden/oracles)."""

from __future__ import annotations

import csv
import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sim.study.power import PowerResult, power
from tests.helpers import agrees, scenario

ORACLE = Path(__file__).parent.parent / "golden" / "oracles" / "j1_glmnb.csv"


def _oracle(rate_active: float) -> dict[str, Any]:
    with ORACLE.open(encoding="utf-8") as file:
        for row in csv.DictReader(file):
            if json.loads(row["inputs"])["rate_active"] == rate_active:
                return dict(json.loads(row["outputs"]))
    raise AssertionError("no such oracle")


def _run(trials: int, rate_ratio: float) -> PowerResult:
    own = scenario("bench/j1", {"effect.rate_ratio": rate_ratio})
    return power(own, "bench/j1", trials=trials, workers=2, truth_trials=0)


def _compare(result: PowerResult, oracle: dict[str, Any], detects: float) -> None:
    """Compare power, mean and spread of the estimate and its mean standard error, both sides' Monte Carlo error in."""
    ours, n = result.endpoints["arr_24m"], result.trials
    both = math.hypot(ours.mcse, oracle["mcse"])
    agrees(ours.power, oracle["power"], both, detects=detects)
    sd = oracle["sd_logrr"]
    per_trial = math.sqrt(1.0 / n + 1.0 / oracle["n"])
    agrees(ours.estimate_mean, oracle["mean_logrr"], sd * per_trial, detects=detects)
    # a standard deviation from n normal values has the standard error sd / sqrt(2 n)
    agrees(ours.estimate_sd, sd, sd * per_trial / math.sqrt(2.0), detects=detects)


@pytest.mark.parametrize(("rate_ratio", "rate_active"), [(0.7, 0.42), (1.0, 0.6)])
def test_j1_agrees_with_glm_nb(rate_ratio: float, rate_active: float) -> None:
    """Power, mean and spread of the log rate ratio are those of glm.nb's trials; an error of 0.15 would show."""
    _compare(_run(500, rate_ratio), _oracle(rate_active), detects=0.16)


@pytest.mark.slow
@pytest.mark.parametrize(("rate_ratio", "rate_active"), [(0.7, 0.42), (1.0, 0.6)])
def test_j1_agrees_closely_with_glm_nb(rate_ratio: float, rate_active: float) -> None:
    """With 4,000 trials an error of 0.07 in power, or of 0.04 in the mean, would show."""
    result = _run(4000, rate_ratio)
    ours = result.endpoints["arr_24m"]
    print(f"\nJ1 at rate ratio {rate_ratio}: power {ours.power:.4f} (MCSE {ours.mcse:.4f})")
    _compare(result, _oracle(rate_active), detects=0.072)


def test_j1_has_the_exposure_and_relapses_of_the_oracle() -> None:
    """Mean follow-up and mean number of relapses are those of glm.nb's trials."""
    from sim.data.cohort import cohort, window
    from sim.study.play import Play

    oracle, play = _oracle(0.42), Play(scenario("bench/j1", {"effect.rate_ratio": 0.7}), 1)
    seen = [window(cohort(play.records(k)), "true", 0.0, 24.0) for k in range(60)]
    years = np.array([w.years.mean() for w in seen])
    events = np.array([w.counts.sum() for w in seen])
    agrees(years.mean(), oracle["mean_exposure"], years.std(ddof=1) / math.sqrt(60), detects=0.05)
    agrees(events.mean(), oracle["mean_events"], events.std(ddof=1) / math.sqrt(60), detects=20.0)
