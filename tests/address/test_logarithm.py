"""Address evidence: the logarithm that turns uniforms into waiting times is the logarithm, to its last place."""

import math
from decimal import Decimal, localcontext

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from sim.core.logarithm import HALF_ROOT, natural_log, split

GRID = np.concatenate(
    [
        2.0 ** -np.arange(1.0, 54.0),
        1.0 - 2.0 ** -np.arange(2.0, 54.0),
        1.0 + 2.0 ** -np.arange(0.0, 53.0),
        HALF_ROOT + 2.0**-53 * np.arange(-3.0, 4.0),
        np.random.default_rng(3).random(500),
        [2.2250738585072014e-308, 1e-300, 1e300, 1.7976931348623157e308],
    ]
)


def units_off(x: float) -> float:
    """Give the error of natural_log(x) in units in the last place of the exact answer."""
    with localcontext() as context:
        context.prec = 60
        exact = Decimal(x).ln()
        return float(abs(Decimal(natural_log(x)) - exact) / Decimal(math.ulp(float(exact))))


def test_the_error_is_below_a_unit_in_the_last_place() -> None:
    """Over the whole range of doubles and where its formula changes the error is below one unit, as its source says."""
    assert max(units_off(x) for x in GRID.tolist() if x != 1.0) < 1.0


@given(st.floats(2.0**-53, 1.0 - 2.0**-53))
def test_the_error_of_a_draws_logarithm_is_below_a_unit(u: float) -> None:
    """For any double that a draw can be the error is below one unit in the last place."""
    assert units_off(u) < 1.0


def test_the_logarithm_of_one_is_zero() -> None:
    """No rounding is left over where the answer is 0."""
    assert natural_log(1.0) == 0.0


def test_a_number_is_its_mantissa_times_its_power_of_two() -> None:
    """The split is exact, and its mantissa lies between the roots."""
    for x in GRID.tolist():
        m, e = split(x)
        assert math.ldexp(m, int(e)) == x
        assert HALF_ROOT <= m < 2.0 * HALF_ROOT
        assert e == math.floor(e)
