"""Analytic evidence: strata, minimisation, alternation and steering, against counts by hand and closed forms."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator
from fractions import Fraction

import numpy as np
import pytest
from scipy import stats

from sim.core.events import Kind
from sim.core.streams import patient_word, uniforms
from sim.engines.records import Records
from sim.model import allocation, randomisation
from sim.model.eligibility import STEERED
from tests.analytic.lives import OPEN
from tests.helpers import Overrides, Z, mean_agrees, of_kind, people, play, share_agrees

ARMS = [
    {"name": "sham", "procedure": "sham"},
    {"name": "angioplasty", "procedure": "angioplasty"},
    {"name": "nothing", "procedure": "none"},
]
CUTS = {"edss_cut_points": 2.5, "relapses_cut": 1}
FACTORS = ("site", "edss", "relapses")


def world(ratios: tuple[int, ...], patients: int, rule: Overrides, base: Overrides = OPEN) -> tuple[str, Overrides]:
    """Give a trial with these ratios and this allocation."""
    arms = [arm | {"ratio": ratio} for arm, ratio in zip(ARMS, ratios, strict=False)]
    asked = [{"name": "arr_24m", "treatment": "angioplasty", "control": "sham"}]
    name = "sham_rct" if len(ratios) == 2 else "three_arm"
    sized = {"enrolment.target": patients, "arm": arms, "endpoint": asked, "study.primary": ""}
    return name, dict(base) | sized | {"randomisation": CUTS | dict(rule)}


def in_order(rows: Records) -> Records:
    """Give those who entered, in order of entry."""
    entered: Records = rows[rows["entry_number"] >= 0]
    return entered[np.argsort(entered["entry_number"])]


def levels(s: Records) -> list[tuple[int, int, int]]:
    """Give each patient's level of each factor, worked out from what screening found."""
    high, many = s["screening_edss"] >= 2.5, s["recalled_1y"] >= 1.0
    return list(zip(s["site"].tolist(), high.astype(int).tolist(), many.astype(int).tolist(), strict=True))


# ---- alternation, alphabet, strata --------------------------------------------------------------------------------


@pytest.mark.parametrize(("ratios", "turn"), [((1, 1), [0, 1]), ((1, 2), [0, 1, 1]), ((2, 1, 3), [0, 0, 1, 2, 2, 2])])
def test_alternation_takes_turns(ratios: tuple[int, ...], turn: list[int]) -> None:
    """The arms follow one another in order of entry, each as often as its ratio: at 1:2 A B B A B B."""
    name, overrides = world(ratios, 60, {"kind": "alternation"})
    arm = in_order(people(name, overrides).subjects)["arm"]
    assert arm.tolist() == turn * (60 // len(turn))


def test_the_alphabet_decides_by_a_patients_own_letter() -> None:
    """At 1:3 the first quarter of the alphabet has the first arm, whatever the order of entry."""
    name, overrides = world((1, 3), 2000, {"kind": "alphabetical"})
    s = people(name, overrides).subjects
    letters = [uniforms(1, 0, patient_word(int(p["site"]), int(p["arrival"])), 29, 0)[0] for p in s]
    assert s["arm"].tolist() == [0 if u < 0.25 else 1 for u in letters]
    share_agrees(s["arm"] == 0, 0.25, detects=0.07)


@pytest.mark.parametrize(("ratios", "size"), [((1, 1), 4), ((1, 2), 6), ((1, 1, 1), 6)])
@pytest.mark.parametrize("factors", [FACTORS, ("edss", "relapses"), ("site",)])
def test_every_stratum_has_blocks_of_its_own(ratios: tuple[int, ...], size: int, factors: tuple[str, ...]) -> None:
    """Within each stratum every full block is balanced exactly, and the strata have not one and the same list."""
    rule = {"kind": "stratified_blocks", "block_size": size, "factors": list(factors)}
    name, overrides = world(ratios, 400, rule)
    s = in_order(people(name, overrides).subjects)
    used = [f in factors for f in FACTORS]
    lists: dict[tuple[int, ...], list[int]] = {}
    for level, arm in zip(levels(s), s["arm"].tolist(), strict=True):
        lists.setdefault(tuple(x for x, u in zip(level, used, strict=True) if u), []).append(arm)
    expected = Counter({arm: ratio * size // sum(ratios) for arm, ratio in enumerate(ratios)})
    assert len(lists) == (4 if "site" in factors else 1) * (4 if "edss" in factors else 1)
    blocks = [arms[k : k + size] for arms in lists.values() for k in range(0, len(arms) - size + 1, size)]
    assert len(blocks) >= 40
    assert all(Counter(block) == expected for block in blocks)
    assert len({tuple(arms[: 2 * size]) for arms in lists.values()}) > 1


def test_a_stratum_keeps_its_list_whoever_is_in_the_others() -> None:
    """Patients of site 0 are allocated as if there were no other site: each stratum's draws have own addresses."""
    rule = {"kind": "stratified_blocks", "block_size": 8, "factors": ["site"]}
    name, overrides = world((1, 1), 200, rule)
    alone = people(name, dict(overrides) | {"sites.count": 1}).subjects
    mine = in_order(alone)["arm"][:40].tolist()
    s = in_order(people(name, overrides).subjects)
    assert s["arm"][s["site"] == 0][:40].tolist() == mine
    assert s["arm"][s["site"] == 1][:40].tolist() != mine


# ---- minimisation -------------------------------------------------------------------------------------------------


def test_imbalance_by_hand() -> None:
    """Three arms have 9, 8, 10 patients of one level: with one more in the first, 10, 8, 10 and a range of 2."""
    one = (1.0, 1.0, 1.0)
    assert allocation.imbalance(10.0, 8.0, 10.0, *one, 0.0) == 2.0
    # three times the sum of squares about the mean, 28/3: 3 * (4/9 + 16/9 + 4/9) = 8
    assert allocation.imbalance(10.0, 8.0, 10.0, *one, 1.0) == 8.0
    # at 1:2 with 4 and 7, one more in the first: |5/1 - 7/2| = 1.5, told as 3; in the second: |4 - 8/2| = 0
    assert allocation.imbalance(5.0, 7.0, 0.0, 1.0, 2.0, 0.0, 0.0) == 3.0
    assert allocation.imbalance(4.0, 8.0, 0.0, 1.0, 2.0, 0.0, 0.0) == 0.0


def test_probabilities_by_hand() -> None:
    """Two arms of least imbalance share 0.8 by their ratios, the third has the rest; all alike: the ratios."""
    assert allocation.minimised(3.0, 3.0, 6.0, 1.0, 1.0, 1.0, 0.8) == pytest.approx((0.4, 0.4, 0.2), rel=1e-15)
    assert allocation.minimised(3.0, 3.0, 6.0, 1.0, 3.0, 2.0, 0.8) == pytest.approx((0.2, 0.6, 0.2), rel=1e-15)
    assert allocation.minimised(3.0, 0.0, 0.0, 1.0, 2.0, 0.0, 0.8) == pytest.approx((0.2, 0.8, 0.0), rel=1e-15)
    assert allocation.minimised(1.0, 1.0, 9.0, 1.0, 2.0, 0.0, 0.8) == (1.0, 2.0, 0.0)


def test_a_sequence_by_hand() -> None:
    """Six patients, two factors, 1:1, the best arm always: worked out by hand, with a coin of 0.3 for the ties.

    Levels, then imbalance with the patient in A / in B:
    (x, p) nobody yet: 1+1 / 1+1, a tie, A. (x, q) x has A: 2+1 / 0+1, B. (y, p) p has A: 1+2 / 1+0, B.
    (y, q) y has B, q has B: 0+0 / 2+2, A. (x, p) x has A B, p has A B: 1+1 / 1+1, a tie, A.
    (y, p) y has B A, p has A B A: 1+2 / 1+0, B.
    """
    counts: dict[str, list[float]] = {level: [0.0, 0.0] for level in "xypq"}
    told = []
    for patient in ("xp", "xq", "yp", "yq", "xp", "yp"):
        left = [
            sum(allocation.imbalance(*hypothetical(counts[level], arm), 0.0, 1.0, 1.0, 0.0, 0.0) for level in patient)
            for arm in (0, 1)
        ]
        arm = randomisation.arm_by_weight(0.3, *allocation.minimised(left[0], left[1], 2.0, 1.0, 1.0, 0.0, 1.0))
        told.append(((left[0], left[1]), "AB"[arm]))
        for level in patient:
            counts[level][arm] += 1.0
    assert told == [
        ((2.0, 2.0), "A"),
        ((3.0, 1.0), "B"),
        ((3.0, 1.0), "B"),
        ((0.0, 4.0), "A"),
        ((2.0, 2.0), "A"),
        ((3.0, 1.0), "B"),
    ]


def hypothetical(count: list[float], arm: int) -> tuple[float, float]:
    """Give the counts with one more in this arm."""
    return count[0] + (arm == 0), count[1] + (arm == 1)


def unequal(count: list[int], ratios: tuple[int, ...], variance: bool) -> Fraction:
    """Give the range, or the variance, of the arms' patients over their ratios, exactly."""
    n = [Fraction(c, r) for c, r in zip(count, ratios, strict=False)]
    mean = sum(n, Fraction(0)) / len(n)
    return sum(((x - mean) ** 2 for x in n), Fraction(0)) if variance else max(n) - min(n)


def choices(s: Records, ratios: tuple[int, ...], variance: bool) -> Iterator[tuple[set[int], int]]:
    """Give for each patient in order the arms of least imbalance, in exact fractions, and the arm that was given."""
    counts: dict[tuple[int, int], list[int]] = {}
    for level, given in zip(levels(s), s["arm"].tolist(), strict=True):
        left = [Fraction(0)] * len(ratios)
        for arm in range(len(ratios)):
            for margin in enumerate(level):
                then = [c + (k == arm) for k, c in enumerate(counts.get(margin, [0, 0, 0]))]
                left[arm] += unequal(then, ratios, variance)
        yield {arm for arm, total in enumerate(left) if total == min(left)}, given
        for margin in enumerate(level):
            counts.setdefault(margin, [0, 0, 0])[given] += 1


@pytest.mark.parametrize("ratios", [(1, 1), (1, 2), (3, 2, 1)])
@pytest.mark.parametrize("imbalance", ["range", "variance"])
def test_minimisation_with_certainty_gives_an_arm_of_least_imbalance(ratios: tuple[int, ...], imbalance: str) -> None:
    """With probability 1 every patient of a trial has an arm of least imbalance, as exact fractions find it."""
    rule = {"kind": "minimisation", "factors": list(FACTORS), "minimisation_prob": 1.0, "imbalance": imbalance}
    name, overrides = world(ratios, 120, rule)
    s = in_order(people(name, overrides).subjects)
    told = list(choices(s, ratios, imbalance == "variance"))
    assert all(given in best for best, given in told)
    assert sum(len(best) == 1 for best, _ in told) > 60
    assert set(s["arm"].tolist()) == set(range(len(ratios)))


def test_minimisation_gives_the_best_arm_as_often_as_it_says() -> None:
    """At 0.8 the only arm of least imbalance is given in 80% (to 8%), at 1:2 too, and the ratio is kept (to 8%).

    At 1:1 there are ties, and a tie over both is a fair coin (to 20%).
    """
    rule = {"kind": "minimisation", "factors": list(FACTORS), "minimisation_prob": 0.8}
    for ratios in ((1, 2), (1, 1)):
        name, overrides = world(ratios, 2000, rule)
        told = list(choices(in_order(people(name, overrides).subjects), ratios, False))
        share_agrees([given in best for best, given in told if len(best) == 1], 0.8, detects=0.08)
        share_agrees([given == 0 for _, given in told], 1.0 / sum(ratios), detects=0.08)
    share_agrees([given == 0 for best, given in told if len(best) == 2], 0.5, detects=0.2)


def far_apart(s: Records) -> tuple[float, float]:
    """Give |patients in one arm - in the other| summed over margins, and what a fair coin would have on average."""
    found = expected = 0.0
    rows = levels(s)
    for factor in range(3):
        for level in {row[factor] for row in rows}:
            arm = s["arm"][[row[factor] == level for row in rows]]
            n = len(arm)
            found += abs(2.0 * arm.sum() - n)
            k = np.arange(n + 1)
            expected += float((np.abs(2.0 * k - n) * stats.binom.pmf(k, n, 0.5)).sum())
    return found, expected


def test_minimisation_balances_forty_patients_far_better_than_a_coin() -> None:
    """Margins of 40 patients are as far apart as the closed form has it by a coin, less than half so by minimisation.

    The mean of |2B - n|, B binomial, is that closed form, given the sizes of the margins; found to a quarter of it.
    """
    apart = {}
    for kind, rule in (("simple", {}), ("minimisation", {"factors": list(FACTORS), "minimisation_prob": 0.9})):
        name, overrides = world((1, 1), 40, {"kind": kind} | rule)
        apart[kind] = np.array([far_apart(in_order(people(name, overrides, trial=k).subjects)) for k in range(100)])
    coin, ours = apart["simple"], apart["minimisation"]
    mean_agrees(coin[:, 0] - coin[:, 1], 0.0, detects=0.25 * float(coin[:, 1].mean()))
    gain = 0.5 * ours[:, 1] - ours[:, 0]
    assert gain.mean() > Z * gain.std(ddof=1) / math.sqrt(len(gain))


# ---- foresight ----------------------------------------------------------------------------------------------------

RECRUITING = dict(OPEN) | {
    "enrolment": {"accrual": "poisson", "max_days": 2000.0, "screening_days": 14.0},
    "sites": {"count": 4, "arrivals_per_month": 20.0},
}


def steered(rule: Overrides, patients: int = 2000) -> Records:
    """Give the candidates of a trial with these rules who came to entry before it closed: steered away, or in."""
    name, overrides = world((1, 1), patients, rule, RECRUITING)
    records = play(name, overrides)
    s = records.subjects
    told = of_kind(records, Kind.STEERED_AWAY)["patient"]
    away = s[s["reason"] == STEERED]
    assert sorted(told.tolist()) == sorted(((away["site"] << 32) | away["arrival"]).tolist())
    assert (away["entry_number"] == -1).all()
    kept: Records = s[(s["entry_number"] >= 0) | (s["reason"] == STEERED)]
    return kept


def test_full_foresight_parts_the_arms() -> None:
    """Alternation, all foreseen, all steered: angioplasty has good outlooks alone, sham bad ones; turns are kept."""
    rule = {"kind": "alternation", "foreseen_prob": 1.0, "steering_prob": 1.0, "outlook_relapses": 0}
    s = in_order(steered(rule, 400))
    assert s["arm"].tolist() == [0, 1] * 200
    assert (s["recalled_1y"][s["arm"] == 1] == 0.0).all()
    assert (s["recalled_1y"][s["arm"] == 0] > 0.0).all()


@pytest.mark.parametrize("kind", ["permuted_blocks", "stratified_blocks"])
def test_whoever_is_steered_away_uses_no_place_up(kind: str) -> None:
    """With blocks the lists stay balanced whoever is turned away: the place is the next candidate's."""
    factors = {"factors": ["site"]} if kind == "stratified_blocks" else {}
    s = steered({"kind": kind, "foreseen_prob": 0.7, "steering_prob": 0.9} | factors, 400)
    assert (s["reason"] == STEERED).sum() > 50
    s = in_order(s)
    lists = [s["arm"][s["site"] == site] for site in range(4)] if factors else [s["arm"]]
    for arm in lists:
        full = arm[: len(arm) // 4 * 4].reshape(-1, 4)
        assert (full.sum(axis=1) == 2).all()


def test_steering_by_a_coin_against_its_closed_form() -> None:
    """A coin foreseen with 0.8 and steered with 0.75, so 0.6 of the unsuited go: shares in closed form, to 0.1.

    Half of all candidates do not suit, so 0.3 are turned away; of the good outlooks that enter 1 / 1.4 are in the
    angioplasty arm, of the others 0.4 / 1.4. So the arms' mean recalled relapses differ; without steering they do not.
    """
    rule = {"kind": "simple", "foreseen_prob": 0.8, "steering_prob": 0.75, "outlook_relapses": 0}
    s = steered(rule)
    share_agrees(s["reason"] == STEERED, 0.3, detects=0.1)
    inside = in_order(s)
    good = inside["recalled_1y"] == 0.0
    share_agrees(inside["arm"][good] == 1, 1.0 / 1.4, detects=0.12)
    share_agrees(inside["arm"][~good] == 1, 0.4 / 1.4, detects=0.12)
    apart, error = difference(inside)
    assert apart < -Z * error
    apart, error = difference(in_order(steered(rule | {"steering_prob": 0.0})))
    assert abs(apart) < Z * error


def difference(s: Records) -> tuple[float, float]:
    """Give the difference of the arms' mean recalled relapses in the last year, angioplasty - sham, and its error."""
    a, b = (s["recalled_1y"][s["arm"] == arm] for arm in (1, 0))
    return float(a.mean() - b.mean()), math.sqrt(a.var(ddof=1) / len(a) + b.var(ddof=1) / len(b))
