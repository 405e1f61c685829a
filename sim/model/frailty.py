"""Stable differences between patients in how often they relapse; they persist."""

from __future__ import annotations

from typing import NamedTuple

from sim.core.inverse import Floats, gamma_tables, gamma_tabulated
from sim.core.params import Table, param
from sim.core.rules import rule


class FrailtyPlan(NamedTuple):
    """What an engine sees: the gamma shape (0 = everyone alike) and the tables of its quantile."""

    gamma_shape: float
    middle: Floats
    tails: Floats


class Frailty(Table):
    """A factor of each patient's relapse rate, gamma with mean 1."""

    enabled: bool = param(True, unit="-", meaning="whether patients differ in their relapse rate", source="design")
    variance: float = param(
        0.92,
        unit="1",
        ge=0.0,
        le=20.0,
        meaning="variance of the frailty; with activity none it is the negative-binomial dispersion",
        source="fitted: affirm.counts, freedoms.arr, confirm.arr, nicholas2012.trend, tremlett2008.decline",
    )

    def plan(self) -> FrailtyPlan:
        """Give the gamma shape, worked out once."""
        if not self.enabled or self.variance < 1e-6:  # a shape above 1e6: alike for every purpose
            return FrailtyPlan(0.0, (), ())
        shape = 1.0 / self.variance
        return FrailtyPlan(shape, *gamma_tables(shape))


@rule
def frailty(u: float, shape: float, middle: Floats, tails: Floats) -> float:
    """Give the relapse-rate factor of a patient: Gamma(mean 1, variance 1/shape), 1 when shape is 0."""
    if shape == 0.0:
        return 1.0
    return gamma_tabulated(u, middle, tails)
