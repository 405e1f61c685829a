"""The tabulated gamma quantile against mathematics: other software's quantile, its order, its first two moments."""

from __future__ import annotations

import math

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.special import gammaincinv, ndtr

from sim.core.inverse import MIDDLE_LOW, gamma_tables, gamma_tabulated

SHAPES = (0.05, 0.1, 0.3, 1.0 / 1.4, 1.0, 1.5, 2.5, 10.0, 33.3, 100.0, 1e3)
SMALLEST, LARGEST = 2.0**-53, 1.0 - 2.0**-53
CLAIMED = 1e-7  # of the quantile or of 1, whichever is larger: the docstring of `gamma_tabulated`

Floats = NDArray[np.float64]


def quantile(u: Floats, shape: float) -> Floats:
    """Give the gamma quantile of mean 1 at each u, from the table, as the engines do."""
    middle, tails = gamma_tables(shape)
    return np.array([gamma_tabulated(x, middle, tails) for x in u.tolist()])


def draws() -> Floats:
    """Give u over its whole range: both ends at every scale, and the middle densely (all in the set of draws)."""
    small = np.exp(np.linspace(math.log(SMALLEST), math.log(0.01), 1500))
    u = np.concatenate([small, np.linspace(0.01, 0.99, 1500), 1.0 - small])
    return np.unique(np.clip(u, SMALLEST, LARGEST))


def middles() -> Floats:
    """Give u in the middle of the tables' steps, where a cubic errs most: of u itself, and of normal scores below 0."""
    z = (np.arange(-260, -59) + 0.5) / 32.0
    low = np.array([0.5 * math.erfc(-x / math.sqrt(2.0)) for x in z.tolist()])
    return np.concatenate([low, 1.0 - low, (np.arange(16, 496) + 0.5) / 512.0])


@pytest.mark.parametrize("shape", SHAPES)
def test_within_1e_7_of_the_quantile(shape: float) -> None:
    """The tables give the gamma quantile to 1e-7, of it or of 1, from the smallest draw to the largest."""
    u = np.concatenate([draws(), middles()])
    u = u[(u >= SMALLEST) & (u <= LARGEST)]
    truth = gammaincinv(shape, u) / shape
    error = np.abs(quantile(u, shape) - truth)
    assert (error / np.maximum(truth, 1.0)).max() < CLAIMED
    outer = ((u < MIDDLE_LOW) | (u >= 1.0 - MIDDLE_LOW)) & (truth > 1e-290)  # below, 0 or not all digits
    assert outer.sum() > 500
    assert (error[outer] / truth[outer]).max() < CLAIMED  # in the tails, of the quantile itself


@pytest.mark.parametrize("shape", [0.05, 0.1, 0.3])
def test_lowest_tail_follows_the_leading_term(shape: float) -> None:
    """Where the quantile is tiny, x^shape / Gamma(shape + 1) = u gives its logarithm to 1e-7."""
    u = np.exp(np.linspace(math.log(SMALLEST), math.log(1e-3), 2000))
    log_x = (np.log(u) + math.lgamma(shape + 1.0)) / shape  # of scale 1; the next term is x * shape / (shape + 1)
    tiny = (log_x < math.log(1e-8)) & (log_x > -690.0)  # where x is a double with all its digits
    assert tiny.sum() > 50
    assert np.abs(np.log(quantile(u[tiny], shape)) - (log_x[tiny] - math.log(shape))).max() < CLAIMED


@pytest.mark.parametrize("shape", [*SHAPES, 1e6])
def test_rises_with_u(shape: float) -> None:
    """A larger u never gives a smaller frailty; where two tables meet, never one smaller by more than 1e-11 of it."""
    joints = (MIDDLE_LOW, 1.0 - MIDDLE_LOW)
    near = [j + k * step for j in (*joints, 0.5) for step in (2.0**-52, 1e-9) for k in range(-2000, 2000)]
    u = np.unique(np.concatenate([draws(), np.linspace(0.001, 0.999, 40_000), near]))
    x = quantile(u, shape)
    rise = np.diff(x)
    meets = np.isin(u[1:], joints)
    assert meets.sum() == 2
    assert (rise[~meets] >= 0.0).all()
    assert (rise[meets] >= -1e-11 * x[1:][meets]).all()


@pytest.mark.parametrize("shape", SHAPES)
def test_mean_1_and_variance_one_over_the_shape(shape: float) -> None:
    """Integrated over all normal scores, the tabulated frailty has mean 1 and variance 1 / shape, to 1e-6."""
    knots = np.linspace(-8.1, 8.1, 3241)  # steps of 0.005, five Gauss-Legendre points in each
    at, weight = np.polynomial.legendre.leggauss(5)
    half = 0.5 * (knots[1] - knots[0])
    z = ((knots[:-1] + half)[:, None] + half * at).ravel()
    density = np.exp(-0.5 * z * z) / math.sqrt(2.0 * math.pi) * np.tile(half * weight, len(knots) - 1)
    x = quantile(np.clip(ndtr(z), SMALLEST, LARGEST), shape)
    assert density.sum() == pytest.approx(1.0, abs=1e-12)
    assert (x * density).sum() == pytest.approx(1.0, abs=1e-6)
    assert ((x - 1.0) ** 2 * density).sum() * shape == pytest.approx(1.0, abs=1e-6)


def test_a_table_of_another_shape_is_found_out() -> None:
    """The comparison can fail: a shape off by a millionth is told from the right one."""
    u = draws()
    other = quantile(u, 2.5 * (1.0 + 1e-6))
    truth = gammaincinv(2.5, u) / 2.5
    assert (np.abs(other - truth) / np.maximum(truth, 1.0)).max() > CLAIMED
