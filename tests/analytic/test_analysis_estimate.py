"""The form of an answer: intervals, p-values and the registry of outcomes."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from sim.analysis.arrays import columns, treated_column
from sim.analysis.estimate import OUTCOMES, Estimate, undetermined, wald

# The distribution functions of scipy.special and scipy.stats are different programs; both promise about 1e-13.
RELATIVE = 1e-11


@pytest.mark.parametrize("alpha", [0.001, 0.05, 0.32])
@pytest.mark.parametrize("df", [None, 1, 2, 5, 32, 197])
def test_wald_is_the_textbook_interval(alpha: float, df: int | None) -> None:
    """A Wald estimate has the interval and p that scipy's normal or t distribution gives."""
    law = stats.norm() if df is None else stats.t(df)
    made = wald(-0.36, 0.19, "m", 35, alpha, df)
    half = law.isf(alpha / 2) * 0.19
    assert made.lower == pytest.approx(-0.36 - half, rel=RELATIVE)
    assert made.upper == pytest.approx(-0.36 + half, rel=RELATIVE)
    assert made.p == pytest.approx(2 * law.sf(0.36 / 0.19), rel=RELATIVE)
    assert (made.converged, made.n, made.method, made.outcome) == (True, 35, "m", "ok")


def test_the_test_and_the_interval_agree() -> None:
    """The interval leaves out 0 exactly when p is below alpha, on both sides of the critical value."""
    critical = float(stats.norm.isf(0.025))
    for z in (critical * (1 - 1e-9), critical * (1 + 1e-9)):
        made = wald(z, 1.0, "m", 10)
        assert (made.lower > 0.0) is (made.p < 0.05)


@pytest.mark.parametrize(
    ("value", "se"), [(math.nan, 1.0), (math.inf, 1.0), (1.0, 0.0), (1.0, math.nan), (1e308, 1e308)]
)
def test_numbers_that_are_none_are_named(value: float, se: float) -> None:
    """A value or error that is not a usable number gives NaN throughout and the outcome not_converged."""
    made = wald(value, se, "m", 3)
    assert made.outcome == "not_converged"
    assert not made.converged
    assert all(math.isnan(v) for v in (made.value, made.standard_error, made.lower, made.upper, made.p))


def test_an_unregistered_outcome_is_refused() -> None:
    """No Estimate can be made with an outcome that the registry does not explain, and every outcome is explained."""
    with pytest.raises(ValueError, match="unknown outcome 'fine'; allowed: ok, boundary_poisson"):
        undetermined("m", "fine", 0)
    assert all(len(meaning) > 20 for meaning in OUTCOMES.values())


@pytest.mark.parametrize("alpha", [0.0, 1.0, -0.05, 5.0, math.nan])
def test_a_level_that_is_no_probability_is_refused(alpha: float) -> None:
    """alpha outside (0, 1) raises ValueError."""
    with pytest.raises(ValueError, match="alpha must lie strictly between 0 and 1"):
        wald(0.0, 1.0, "m", 3, alpha)


def test_columns_that_do_not_match_are_refused() -> None:
    """Columns of unequal length or of two dimensions raise ValueError and are named with their shapes."""
    with pytest.raises(ValueError, match=r"before \(2,\), after \(3,\)"):
        columns(before=np.zeros(2), after=np.zeros(3))
    with pytest.raises(ValueError, match=r"before \(2, 2\)"):
        columns(before=np.zeros((2, 2)))
    with pytest.raises(ValueError, match="only True/False or 1/0"):
        treated_column(np.array([0.0, 2.0]), 2)
    with pytest.raises(ValueError, match=r"equally long, found treated \(3,\) beside \(2,\)"):
        treated_column(np.zeros(3, bool), 2)


def test_an_estimate_cannot_be_changed() -> None:
    """An Estimate is frozen: what was stored is what was estimated."""
    made = Estimate(0.0, 1.0, -2.0, 2.0, 1.0, True, 3, "m")
    with pytest.raises(AttributeError):
        made.value = 1.0  # type: ignore[misc]
