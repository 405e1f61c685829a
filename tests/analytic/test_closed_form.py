"""Sample sizes by formula: against other software, by hand, and as each other's inverse."""

from __future__ import annotations

import csv
import json
import math
from pathlib import Path

import numpy as np
import pytest
from scipy.special import ndtri

from sim.study.closed_form import (
    GROUPS,
    Seen,
    events_patients,
    none_prob,
    shares_patients,
    wald_patients,
    wald_years,
    z_sum,
)
from sim.study.safety import needed
from tests.helpers import agrees

ORACLES = Path(__file__).parent.parent / "golden" / "oracles" / "sample_size.csv"


def oracles() -> list[tuple[dict[str, float], int]]:
    """Give rpact's inputs and patients for fixed exposure, 1:1."""
    with ORACLES.open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    return [(json.loads(r["inputs"]), json.loads(r["outputs"])["n_total"]) for r in rows]


@pytest.mark.parametrize(("given", "n"), oracles())
def test_patients_are_those_of_rpact(given: dict[str, float], n: int) -> None:
    """Rounded up to whole pairs, the negative binomial size is rpact's."""
    found = wald_patients(
        given["rate_control"], given["ratio"], given["dispersion_k"], given["followup"], 0.5,
        2.0 * given["alpha_one_sided"], given["power"],
    )  # fmt: skip
    assert 2 * math.ceil(found / 2.0) == n


def test_there_are_oracles() -> None:
    """Several settings are compared."""
    assert len(oracles()) >= 5


def test_years_are_the_inverse_of_patients() -> None:
    """The follow-up that so many patients need is the one at which so many are needed; too few never have enough."""
    for share in (0.5, 2 / 3):
        n = wald_patients(0.6, 0.7, 0.5, 2.0, share, 0.05, 0.9)
        assert wald_years(0.6, 0.7, 0.5, n, share, 0.05, 0.9) == pytest.approx(2.0, rel=1e-12)
        assert wald_years(0.6, 0.7, 0.5, 0.2 * n, share, 0.05, 0.9) == math.inf


def test_shares_and_events_by_hand() -> None:
    """Two proportions and Schoenfeld's events give what their formulas give by hand."""
    z = float(ndtri(0.975) + ndtri(0.8))
    assert z_sum(0.05, 0.8) == pytest.approx(z)
    by_hand = 2.0 * z * z * (0.6 * 0.4 + 0.4 * 0.6) / 0.2**2
    assert shares_patients((0.6, 0.4), 0.5, 0.05, 0.8) == pytest.approx(by_hand)
    events = 4.0 * z * z / math.log(0.5) ** 2
    assert events_patients((0.5, 0.25), 0.5, 0.5, 0.05, 0.8) == pytest.approx(events / (1.0 - 0.375))


def test_the_formula_carries_the_error_of_its_rate() -> None:
    """Figures of counts are those of the counts; over 400 draws the jackknife's error of a size is its spread."""
    rng = np.random.default_rng(4)
    sizes, errors = [], []

    def size(mean: float, dispersion: float) -> float:
        return wald_patients(mean / 2.0, 0.5, dispersion, 2.0, 0.5, 0.05, 0.9)

    for _ in range(400):
        counts = rng.poisson(rng.gamma(2.0, 0.5, (GROUPS, 100)))
        seen = Seen(np.array([[len(g), g.sum(), (g * g).sum()] for g in counts], float))
        mean, dispersion = seen.figures()
        assert mean == pytest.approx(counts.mean())
        assert dispersion == pytest.approx((counts.var(ddof=1) - mean) / mean**2)
        sizes.append(size(mean, dispersion))
        error = seen.mcse(size)
        assert error is not None
        errors.append(error)
    spread, said = float(np.std(sizes, ddof=1)), float(np.sqrt(np.mean(np.square(errors))))
    agrees(said / spread, 1.0, 1.0 / math.sqrt(2.0 * 399.0), detects=0.25)  # the jackknife's own spread averages out
    nothing = Seen(np.array([[100.0, 0.0, 0.0]] * GROUPS))
    assert nothing.figures() == (0.0, 0.0)
    assert Seen(np.array([[100.0, 30.0, 40.0]] * GROUPS)).mcse(lambda mean, dispersion: math.inf) is None
    rare = Seen(np.array([[100.0, 1.0, 1.0], *[[100.0, 0.0, 0.0]] * (GROUPS - 1)]))
    assert rare.figures()[0] > 0.0
    assert rare.mcse(size) is None, "without one group nothing was seen"


def test_none_prob_goes_over_into_poisson() -> None:
    """Without dispersion the share without events is Poisson's, and the negative binomial one tends to it."""
    assert none_prob(0.7, 0.0) == math.exp(-0.7)
    assert none_prob(0.7, 1e-9) == pytest.approx(math.exp(-0.7), rel=1e-8)
    assert none_prob(2.0, 1.0) == pytest.approx(1.0 / 3.0)


def test_the_rule_of_three() -> None:
    """299 patients show a complication of 1% with probability 0.95, 298 do not (Hanley and Lippman-Hand 1983)."""
    assert needed(0.01, 0.95) == 299
    assert 1.0 - 0.99**299 >= 0.95 > 1.0 - 0.99**298
    assert needed(0.5, 0.75) == 2
