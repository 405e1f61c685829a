"""Shares between arms and before against after: exact tests, score intervals, hand-computed tables."""

from __future__ import annotations

import json
import math
from fractions import Fraction
from itertools import product
from pathlib import Path

import numpy as np
import pytest
from scipy import stats
from statsmodels.stats.contingency_tables import mcnemar
from statsmodels.stats.proportion import confint_proportions_2indep, proportion_confint

from sim.analysis.arrays import BoolArray
from sim.analysis.binary import mcnemar_exact, risk_difference
from sim.analysis.estimate import Estimate

PUBLISHED = json.loads((Path(__file__).parents[1] / "golden" / "analysis_published.json").read_text())
PRINTED = 0.5e-4 * (1 + 1e-9)  # half a unit of the fourth printed digit
RELATIVE = 1e-11  # two programs of the same closed form, a few dozen roundings apart


def arms(x1: int, n1: int, x0: int, n0: int) -> tuple[BoolArray, BoolArray]:
    """x1 of n1 treated and x0 of n0 controls, as patients."""
    events = np.r_[np.arange(n1) < x1, np.arange(n0) < x0]
    return events, np.arange(n1 + n0) < n1


def pairs(both: int, gained: int, lost: int, neither: int) -> tuple[BoolArray, BoolArray]:
    """A paired table, as patients: outcome before, outcome after."""
    n = (both, gained, lost, neither)
    return np.repeat([True, False, True, False], n), np.repeat([True, True, False, False], n)


def fisher_by_counting(x1: int, n1: int, x0: int, n0: int) -> Fraction:
    """Fisher's two-sided p in exact integers: all tables with these margins that are no more probable."""
    total = x1 + x0
    ways = [math.comb(n1, i) * math.comb(n0, total - i) for i in range(total + 1)]
    return Fraction(sum(w for w in ways if w <= ways[x1]), math.comb(n1 + n0, total))


def test_fisher_p_is_the_count_of_tables() -> None:
    """p is Fisher's, in exact integers, for every table of arms with 6 and 9 patients and some large ones."""
    tables = [(x1, 6, x0, 9) for x1, x0 in product(range(7), range(10))]
    for table in [*tables, (60, 100, 42, 100), (90, 100, 97, 100), (9, 35, 17, 35), (500, 1000, 430, 1000)]:
        # scipy sums hypergeometric probabilities from log-gamma: relative error near 1e-14 * log(1000!) < 1e-10
        assert risk_difference(*arms(*table)).p == pytest.approx(float(fisher_by_counting(*table)), rel=1e-10)


@pytest.mark.parametrize("alpha", [0.01, 0.05, 0.2])
def test_difference_and_interval_are_newcombes(alpha: float) -> None:
    """Value, Wald standard error and Newcombe interval are those of statsmodels and of the definition."""
    made = risk_difference(*arms(30, 100, 41, 90), alpha)
    lower, upper = confint_proportions_2indep(30, 100, 41, 90, compare="diff", method="newcomb", alpha=alpha)
    assert (made.lower, made.upper) == pytest.approx((lower, upper), rel=RELATIVE)
    assert made.value == 30 / 100 - 41 / 90
    assert made.standard_error == pytest.approx(math.sqrt(0.3 * 0.7 / 100 + 41 * 49 / 90**3), rel=RELATIVE)
    assert (made.converged, made.n, made.outcome) == (True, 190, "ok")


@pytest.mark.parametrize("case", PUBLISHED["risk_difference"], ids=lambda c: c["source"][:20])
def test_published_newcombe_intervals_come_back(case: dict[str, list[int]]) -> None:
    """Newcombe's published intervals for two arms come back to every printed digit."""
    made = risk_difference(*arms(*case["treated"], *case["control"]))
    assert (made.lower, made.upper) == pytest.approx((case["lower"], case["upper"]), abs=PRINTED)


@pytest.mark.parametrize("case", PUBLISHED["mcnemar_exact"], ids=lambda c: c["source"][:20])
def test_published_paired_intervals_come_back(case: dict[str, int]) -> None:
    """Newcombe's paired interval as another program prints it comes back to every printed digit."""
    made = mcnemar_exact(*pairs(case["both"], case["gained"], case["lost"], case["neither"]))
    assert (made.value, made.lower, made.upper) == pytest.approx(
        (case["value"], case["lower"], case["upper"]), abs=PRINTED
    )


def test_mcnemar_by_hand() -> None:
    """9 of 35 before and 17 after, had 12 gained and 4 lost: value 8/35, se sqrt(16 - 64/35)/35, p 5034/65536."""
    made = mcnemar_exact(*pairs(5, 12, 4, 14))
    assert made.value == 8 / 35
    assert made.standard_error == pytest.approx(math.sqrt(16 - 64 / 35) / 35, rel=RELATIVE)
    # 2 * (C(16,0) + ... + C(16,4)) / 2^16 = 2 * 2517 / 65536
    assert made.p == pytest.approx(5034 / 65536, rel=RELATIVE)


def test_mcnemar_p_is_the_binomial_test() -> None:
    """p is the exact binomial test of the discordant pairs, as scipy and statsmodels compute it."""
    for gained, lost in product(range(8), range(8)):
        if gained + lost == 0:
            continue
        made = mcnemar_exact(*pairs(3, gained, lost, 4))
        assert made.p == pytest.approx(stats.binomtest(gained, gained + lost).pvalue, rel=RELATIVE)
        assert made.p == pytest.approx(mcnemar([[3, lost], [gained, 4]], exact=True).pvalue, rel=RELATIVE)


def test_paired_interval_without_correlation_is_the_unpaired_one() -> None:
    """Where the table's correlation is shrunk to 0, Newcombe's paired interval is that of two arms of n each."""
    both, gained, lost, neither = 6, 6, 4, 4  # determinant 0
    made = mcnemar_exact(*pairs(both, gained, lost, neither))
    lower, upper = confint_proportions_2indep(12, 20, 10, 20, compare="diff", method="newcomb")
    assert (made.lower, made.upper) == pytest.approx((lower, upper), rel=RELATIVE)


def test_if_everyone_gained_the_interval_ends_at_one() -> None:
    """Where every patient gained, the upper limit is exactly 1 and the lower one adds two equal Wilson distances."""
    for n in (2, 5, 35, 400):
        all_gained = mcnemar_exact(*pairs(0, n, 0, 0))
        assert (all_gained.value, all_gained.upper) == (1.0, 1.0)
        low, _ = proportion_confint(n, n, method="wilson")
        assert all_gained.lower == pytest.approx(1.0 - math.sqrt(2) * (1.0 - low), rel=1e-10)


def mirrored(a: Estimate, b: Estimate) -> bool:
    """Whether b is a with the sign turned."""
    numbers = (-a.value, a.standard_error, -a.upper, -a.lower, a.p)
    return (b.value, b.standard_error, b.lower, b.upper, b.p) == pytest.approx(numbers, rel=RELATIVE, abs=1e-15)


def test_swapping_the_sides_turns_the_sign() -> None:
    """Swapping arms, or before and after, turns value and interval round and leaves se and p."""
    events, treated = arms(3, 17, 9, 30)
    assert mirrored(risk_difference(events, treated), risk_difference(events, ~treated))
    before, after = pairs(3, 8, 2, 9)
    assert mirrored(mcnemar_exact(before, after), mcnemar_exact(after, before))


def test_unknown_outcomes_are_left_out() -> None:
    """A NaN outcome is as if the patient, or the pair, were not there."""
    events, treated = arms(3, 17, 9, 30)
    with_unknown = risk_difference(np.r_[events.astype(float), np.nan, np.nan], np.r_[treated, True, False])
    assert with_unknown == risk_difference(events, treated)
    before, after = (v.astype(float) for v in pairs(3, 8, 2, 9))
    assert mcnemar_exact(np.r_[before, np.nan, 1.0], np.r_[after, 0.0, np.nan]) == mcnemar_exact(before, after)


@pytest.mark.parametrize("share", [0, 1])
def test_everyone_alike_is_no_difference(share: int) -> None:
    """All relapse-free, or none: value 0, p 1, an interval about 0, and the outcome says all_alike."""
    for made in (risk_difference(*arms(8 * share, 8, 6 * share, 6)), mcnemar_exact(*pairs(9 * share, 0, 0, 9))):
        assert (made.value, made.standard_error, made.p, made.outcome) == (0.0, 0.0, 1.0, "all_alike")
        assert made.converged
        assert made.lower < 0.0 < made.upper
