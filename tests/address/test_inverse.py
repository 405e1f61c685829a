"""Address evidence: one uniform becomes one variate by inversion, close to the exact quantile and monotone.

The tolerances are derived, not chosen. EPS is the spacing of doubles at 1. Each bound counts the roundings of the
algorithm, times how much the quantity magnifies them (its condition number).
"""

import itertools
import math
import statistics
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import special, stats

from sim.core.inverse import exponential, gamma, gamma_lower, logistic, normal, poisson

EPS = sys.float_info.epsilon
SMALLEST = 2.0**-53
"""The smallest and, from above, the largest double that `uniforms` gives."""

GRID = np.concatenate(
    [
        2.0 ** -np.arange(1.0, 54.0),
        1.0 - 2.0 ** -np.arange(2.0, 54.0),
        np.linspace(0.0005, 0.9995, 1000),
        0.075 + np.linspace(-1e-9, 1e-9, 21),  # AS 241 changes its formula at |u - 0.5| = 0.425 ...
        0.925 + np.linspace(-1e-9, 1e-9, 21),
        math.exp(-25.0) + np.linspace(-1e-20, 1e-20, 21),  # ... and at sqrt(-log u) = 5
    ]
)

SHAPES = (0.05, 0.1, 0.4, 0.999, 1.0, 1.0001, 2.5, 10.0, 1e2, 1e3, 1e4, 1e5)

unit = st.floats(SMALLEST, 1.0 - SMALLEST)


def test_normal_is_the_normal_quantile() -> None:
    """The normal quantile puts probability u below it, and 1 - u above it, to rounding.

    AS 241 divides two polynomials of degree 7: 28 roundings of EPS / 2 in all, one more in sqrt(-log) and a few in
    SciPy's own tail: 32 EPS relative in x. The tail p moves by |x| * density(x) / p as much, relatively.
    """
    for u in GRID.tolist():
        x = normal(u)
        tail, p = (special.ndtr(x), u) if u <= 0.5 else (special.ndtr(-x), 1.0 - u)
        magnified = abs(x) * stats.norm.pdf(x) / p
        assert abs(tail - p) <= 32.0 * EPS * (1.0 + magnified) * p


def test_normal_is_the_normal_quantile_of_the_standard_library() -> None:
    """The normal quantile equals that of `statistics`, an independent writing of AS 241, in every bit."""
    reference = statistics.NormalDist()
    assert [normal(u) for u in GRID.tolist()] == [reference.inv_cdf(u) for u in GRID.tolist()]


@given(unit)
def test_normal_is_odd(u: float) -> None:
    """Upper and lower half mirror each other exactly where 1 - u is exact."""
    v = 1.0 - u
    if 1.0 - v == u:
        assert normal(v) == -normal(u)


@given(unit)
def test_exponential_is_the_exponential_quantile(u: float) -> None:
    """-log(u) is the value with upper tail u: half a unit in the last place from each of two logarithms."""
    assert abs(exponential(u) - float(stats.expon.isf(u))) <= EPS * exponential(u)


@given(st.floats(-1e300, 1e300))
def test_logistic_is_the_logistic_function(x: float) -> None:
    """1 / (1 + exp(-x)) at any finite x, without overflow: one exp, one sum, one quotient, here and in SciPy."""
    expected = float(special.expit(x))
    assert abs(logistic(x) - expected) <= 4.0 * EPS * expected
    assert 0.0 <= logistic(x) <= 1.0


@given(st.floats(-700.0, 700.0))
def test_logistic_is_symmetric(x: float) -> None:
    """What is added to one side is taken from the other."""
    assert abs(logistic(x) + logistic(-x) - 1.0) <= 2.0 * EPS


def probability_error(x: float, shape: float) -> float:
    """Bound the rounding error of P(shape, x), relative.

    Its front factor is exp(-x + shape log x - log Gamma(shape)): an exponent whose terms cancel, so that their
    roundings (EPS / 2 each, three terms and two sums) come out absolute in it, and relative in the factor; here, in
    SciPy's own answer, and 16 more EPS for the series or fraction, whose terms are of one sign.
    """
    return EPS * (16.0 + 3.0 * (x + abs(shape * math.log(x)) + abs(math.lgamma(shape))))


@pytest.mark.parametrize("shape", SHAPES)
def test_gamma_lower_is_the_incomplete_gamma_function(shape: float) -> None:
    """P(shape, x) agrees with SciPy's at points from far below to far above the mean."""
    for x in shape * np.array([1e-6, 1e-3, 0.1, 0.5, 0.9, 0.99, 1.0, 1.01, 1.1, 2.0]) + np.sqrt(shape) * 1e-3:
        ours, scipys = gamma_lower(float(x), shape, math.lgamma(shape)), float(special.gammainc(shape, x))
        assert abs(ours - scipys) <= probability_error(float(x), shape) * max(scipys, sys.float_info.min)


@pytest.mark.parametrize("shape", SHAPES)
def test_gamma_is_the_gamma_quantile(shape: float) -> None:
    """The gamma quantile has probability u, to the rounding of P and to what the last Halley step leaves.

    The last step is at most 1e-6 of x and the error after it is of third order, magnified by no more than
    (z^2 + 2) / 12 < 8 per squared standard deviation of log x (1 / shape or more): relative in x,
    1e-18 * 8 * (shape + 1). What is left of P - u near u = 1 is no better than the spacing of doubles there, EPS.
    """
    for u in (1e-15, 1e-9, 1e-3, 0.05, 0.25, 0.4, 0.6, 0.75, 0.95, 0.999, 1.0 - 1e-9, 1.0 - 1e-13, 1.0 - SMALLEST):
        x = gamma(u, shape, math.lgamma(shape))
        if x < 1e-290:
            assert special.gammaincinv(shape, u) < 1e-289  # underflow is allowed where it is due
            continue
        density = math.exp(-x + (shape - 1.0) * math.log(x) - math.lgamma(shape))
        left_over = 8e-18 * (shape + 1.0) * x * density
        assert abs(float(special.gammainc(shape, x)) - u) <= 2.0 * probability_error(x, shape) * u + left_over + EPS


def test_gamma_serves_the_largest_shape() -> None:
    """At shape 1e6, the largest that is planned, the loops still converge (with 2,000 steps P was off by 0.02).

    Within 4.5 standard deviations, where SciPy has an expansion of its own for large shapes; bounds as above.
    """
    shape = 1e6
    for u in (1e-4, 0.05, 0.4, 0.6, 0.95, 1.0 - 1e-4):
        x = gamma(u, shape, math.lgamma(shape))
        density = math.exp(-x + (shape - 1.0) * math.log(x) - math.lgamma(shape))
        left_over = 8e-18 * (shape + 1.0) * x * density
        assert abs(float(special.gammainc(shape, x)) - u) <= 2.0 * probability_error(x, shape) * u + left_over + EPS


@pytest.mark.parametrize("shape", SHAPES)
def test_gamma_reaches_the_extreme_tail(shape: float) -> None:
    """The largest u's give quantiles in order and within a unit of u: the search does not run away (it once did).

    At u = 1 - k * 2^-53 the upper tail that the answer leaves is k * 2^-53, one spacing of P (EPS) more or less.
    """
    for k in (1, 2, 5, 10, 100, 1000, 10**6):
        x = gamma(1.0 - k * SMALLEST, shape, math.lgamma(shape))
        tail = float(special.gammaincc(shape, x))
        assert abs(tail - k * SMALLEST) <= EPS + 2.0 * probability_error(x, shape) * k * SMALLEST


@pytest.mark.parametrize("shape", SHAPES)
def test_gamma_rises_with_u(shape: float) -> None:
    """More u, more x, over the whole grid: draws stay in order when they are compared."""
    grid = sorted({*np.linspace(1e-4, 1.0 - 1e-4, 300).tolist(), 1e-15, 1e-12, 1e-9, 1e-6, 1.0 - 1e-6, 1.0 - 1e-9})
    x = [gamma(u, shape, math.lgamma(shape)) for u in grid]
    assert all(a < b or b < 1e-290 for a, b in itertools.pairwise(x))


@given(unit, unit)
def test_normal_rises_and_exponential_falls(u: float, v: float) -> None:
    """More u, more of the normal, less of the exponential; equal u's, equal values."""
    low, high = min(u, v), max(u, v)
    if low == high:
        assert normal(low) == normal(high)
        return
    assert exponential(low) >= exponential(high)
    # Neighbouring doubles may fall together, and their order may suffer from rounding: by no more than that.
    assert normal(low) <= normal(high) + 32.0 * EPS * abs(normal(high))


@pytest.mark.parametrize(("u", "shape"), [(0.3, 0.5), (0.5, 1.0), (0.9, 2.5), (0.5, 1e4)])
def test_gamma_moves_little_when_its_parameter_does(u: float, shape: float) -> None:
    """A draw follows its parameter smoothly: at shape + 1e-6 relative, the quantile moves by about as much, not more.

    The bound is the exact slope by SciPy, doubled; rejection sampling would jump.
    """
    change = 1e-6 * shape
    moved = gamma(u, shape + change, math.lgamma(shape + change)) - gamma(u, shape, math.lgamma(shape))
    exact = float(special.gammaincinv(shape + change, u) - special.gammaincinv(shape, u))
    assert moved > 0.0
    assert moved <= 2.0 * exact


MEANS = (1e-300, 1e-9, 0.01, 0.5, 1.0, 3.7, 20.0, 137.0, 499.9, 500.0)


@pytest.mark.parametrize("mean", MEANS)
def test_poisson_is_the_poisson_quantile(mean: float) -> None:
    """The smallest count whose lower tail reaches u, as scipy's; within rounding of a tail, its neighbour too.

    A tail adds up at most 1,000 terms, each of a product of as many ratios: 2,000 roundings of EPS relative to 1.
    """
    for u in GRID.tolist():
        count = poisson(u, mean)
        assert stats.poisson.cdf(count, mean) >= u - 2000.0 * EPS
        assert count == 0.0 or stats.poisson.cdf(count - 1.0, mean) <= u + 2000.0 * EPS
    assert poisson(0.5, 0.0) == 0.0


@pytest.mark.parametrize("mean", [500.5, 1e3, 1e5, 1e9])
def test_poisson_of_a_large_mean_is_within_one_count(mean: float) -> None:
    """Above 500 the count is scipy's or one beside it, for every u that is not at the very ends (1e-9)."""
    for u in GRID[(GRID > 1e-9) & (GRID < 1.0 - 1e-9)].tolist():
        assert abs(poisson(u, mean) - stats.poisson.ppf(u, mean)) <= 1.0
    assert math.isfinite(poisson(1.0 - SMALLEST, 1e300))


@given(unit, unit, st.floats(0.0, 2000.0), st.floats(0.0, 2000.0))
def test_poisson_rises_with_u_and_with_the_mean(u: float, v: float, a: float, b: float) -> None:
    """A larger u never gives fewer, nor does a larger mean."""
    assert poisson(min(u, v), a) <= poisson(max(u, v), a)
    assert poisson(u, min(a, b)) <= poisson(u, max(a, b))
