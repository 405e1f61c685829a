"""The size of the sham trial's tests when nothing works, and the gap to asymptotic formulas, with its error."""

from __future__ import annotations

import csv
import json
import math
from pathlib import Path
from statistics import NormalDist

import pytest

from sim.study.power import power
from tests.helpers import Z, agrees, scenario

ORACLES = Path(__file__).parent.parent / "golden" / "oracles" / "fixed_exposure.csv"
GLM_NB_SIZE, GLM_NB_TRIALS = 0.0538, 5000  # J1 at rate ratio 1, tests/golden/oracles/j1_glmnb.csv


@pytest.mark.slow
def test_the_sham_trial_has_the_size_of_the_wald_test() -> None:
    """With leak and cues at zero the blinded trial rejects as often as the NB Wald test does at 2 x 100."""
    result = power(scenario("null"), "null", trials=1500, workers=2, truth_trials=1)
    p = result.endpoints["arr_24m"]
    print(f"\ntype I error of null, arr_24m: {p.power:.4f} (MCSE {p.mcse:.4f}), {result.trials} trials")
    both = math.hypot(p.mcse, math.sqrt(GLM_NB_SIZE * (1.0 - GLM_NB_SIZE) / GLM_NB_TRIALS))
    agrees(p.power, GLM_NB_SIZE, both, detects=0.05)


def _asymptotic(n: int, rate: float, ratio: float, k: float, years: float) -> float:
    """Power of the two-sided Wald test by its asymptotic formula (Zhu and Lakkis 2014, method 3)."""
    means = rate * years, rate * ratio * years
    error = math.sqrt(sum(1.0 / m + k for m in means) / (n / 2.0))
    z, q = abs(math.log(ratio)) / error, NormalDist().inv_cdf(0.975)
    return NormalDist().cdf(z - q) + NormalDist().cdf(-z - q)


def _fixed_exposure(n: int, rate: float, ratio: float, k: float, years: float) -> dict[str, object]:
    return {
        "enrolment.target": n,
        "randomisation.block_size": n,
        "study.close_days": 0.0,
        "study.follow_up_months": 12.0 * years,
        "dropout.enabled": False,
        "relapse.rate_per_year": rate,
        "frailty.variance": k,
        "effect.rate_ratio": ratio,
        "endpoint": [{"name": f"arr_{round(12 * years)}m", "counts": "true"}],
    }


def _cases() -> list[dict[str, float]]:
    with ORACLES.open(encoding="utf-8") as file:
        rows = [r for r in csv.DictReader(file) if r["system"] == "rpact"]
    return [json.loads(r["inputs"]) | {"rpact": json.loads(r["outputs"])["power"]} for r in rows]


def test_the_asymptotic_formula_is_that_of_rpact() -> None:
    """The formula the gap is measured from gives rpact's figures (their rejection in the other direction left out)."""
    for case in _cases():
        n, rate, ratio = int(case["n_total"]), case["rate_control"], case["ratio"]
        k, years = case["dispersion_k"], case["followup"]
        other_side = NormalDist().cdf(
            -abs(math.log(ratio))
            / math.sqrt(sum(1.0 / m + k for m in (rate * years, rate * ratio * years)) / (n / 2.0))
            - NormalDist().inv_cdf(0.975)
        )
        ours = _asymptotic(n, rate, ratio, k, years) - other_side
        assert math.isclose(ours, case["rpact"], rel_tol=1e-9)


def _gap(n: int, trials: int, rate: float, ratio: float, k: float, years: float) -> tuple[float, float]:
    """Give simulated less asymptotic rejection probability, and its MCSE; printed."""
    own = scenario("bench/j1", _fixed_exposure(n, rate, ratio, k, years))
    result = power(own, "fixed exposure", trials=trials, workers=2, truth_trials=0)
    p = next(iter(result.endpoints.values()))
    gap = p.power - _asymptotic(n, rate, ratio, k, years)
    print(f"\nrate {rate}, ratio {ratio}, k {k}, {years} y, n {n}: gap {gap:+.4f} (MCSE {p.mcse:.4f})")
    return gap, p.mcse


@pytest.mark.slow
def test_the_gap_to_the_asymptotic_formula_shrinks_as_n_grows() -> None:
    """With no effect and dispersion 1.5 the excess over 5% is larger at 2 x 8 patients than at 2 x 100."""
    small, small_error = _gap(16, 6_000, 1.2, 1.0, 1.5, 1.5)
    large, large_error = _gap(200, 3_000, 1.2, 1.0, 1.5, 1.5)
    assert small - large > Z * math.hypot(small_error, large_error)


@pytest.mark.slow
@pytest.mark.parametrize("case", _cases(), ids=lambda case: f"k{case['dispersion_k']}")
def test_the_gap_at_2_x_100_is_small(case: dict[str, float]) -> None:
    """At rpact's fixed-exposure settings the simulated power is the formula's, but for a gap too small to see here."""
    gap, error = _gap(200, 1_000, case["rate_control"], case["ratio"], case["dispersion_k"], case["followup"])
    agrees(gap, 0.0, error, detects=0.11)
