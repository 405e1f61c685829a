"""Paired errors are those of brute force: comparisons repeated on candidates of their own scatter as they say."""

from __future__ import annotations

import csv
import json
import math
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import binom

from sim.scenario.schema import Scenario
from sim.scenario.variants import load_designs
from sim.study import paired_truth
from sim.study.compare import Comparison, compare
from sim.study.exclude import excluded
from sim.study.hits import Hits, interval_of
from sim.study.paired import Found, mcnemar_p, pair
from sim.study.paired_truth import pooled_truth
from sim.study.pooled import nothing
from sim.study.together import Mean, Together
from sim.study.truth import find_truth
from tests.helpers import agrees, scenario, share_agrees

GOLDEN = Path(__file__).parents[1] / "golden" / "oracles"
TIMES, TRIALS = 400, 120
SURE = math.sqrt(2.0 / (TIMES - 1))
"""The relative error of a variance from TIMES repetitions."""

ALIKE = ("bench/j1", "bench/j1:effect.rate_ratio=0.6")


@pytest.fixture(autouse=True)
def own_cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep the user's cache out of it."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))


@pytest.fixture(scope="module")
def repeated() -> list[Comparison]:
    """J1 and J1 with a larger effect, compared again and again on other candidates."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", "/dev/null")
        designs = load_designs(ALIKE)
        return [compare(designs, trials=TRIALS, seed=s, null=False, truth_trials=0) for s in range(TIMES)]


def test_the_paired_error_of_a_power_difference(repeated: list[Comparison]) -> None:
    """The variance over repetitions is the mean of the squared MCSE (a wrong one by half would be found)."""
    found = float(np.var([r.pairs[0].power_difference for r in repeated], ddof=1))
    said = float(np.mean([r.pairs[0].mcse ** 2 for r in repeated]))
    agrees(found / said, 1.0, SURE, 0.5)


def test_the_variance_ratio(repeated: list[Comparison]) -> None:
    """So is the ratio of variances: separate powers' over that of their difference; without pairing it would be 1."""
    powers = [[d.performance.power for d in r.designs] for r in repeated]
    unpaired = np.var(powers, axis=0, ddof=1).sum()
    found = unpaired / np.var([b - a for a, b in powers], ddof=1)
    said = float(np.median([r.pairs[0].variance_ratio for r in repeated]))
    assert said > 2.0
    agrees(math.log(found), math.log(said), math.sqrt(2.0) * SURE, 0.7)


def test_the_interval_of_a_power_difference(repeated: list[Comparison]) -> None:
    """The 95% interval holds the difference, as all repetitions together give it, 95 times in 100."""
    truth = float(np.mean([r.pairs[0].power_difference for r in repeated]))
    held = [r.pairs[0].interval[0] <= truth <= r.pairs[0].interval[1] for r in repeated]
    share_agrees(held, 0.95, 0.08)


def test_the_paired_error_of_a_difference_of_estimates() -> None:
    """The mean estimates' difference scatters as its paired MCSE says, which is far less than the unpaired one."""
    designs = load_designs(ALIKE)
    found = [compare(designs, trials=50, seed=s, null=False, truth_trials=20).pairs[0] for s in range(TIMES)]
    own = float(np.var([p.bias_difference for p in found], ddof=1))
    said = float(np.mean([p.bias_mcse**2 - p.truth_difference_mcse**2 for p in found]))
    agrees(own / said, 1.0, SURE, 0.5)
    assert np.median([p.bias_variance_ratio for p in found]) > 3.0


@pytest.mark.parametrize("name", ["arr_24m", "first_relapse"])
def test_the_paired_error_of_a_difference_of_truths(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Truths of two scenarios from the same twins scatter, in their difference, as its paired MCSE says."""
    one, other = (_with(ratio, name) for ratio in (0.7, 0.5))
    differences = []
    for seed in range(TIMES):
        monkeypatch.setattr(paired_truth, "TWIN_SEED", seed)
        differences.append(pooled_truth(other, 10).minus(pooled_truth(one, 10)).with_error())
    values, errors = np.array(differences).T
    agrees(float(np.var(values, ddof=1) / np.mean(errors**2)), 1.0, SURE, 0.5)


@pytest.mark.parametrize("name", ["arr_24m", "relapse_free_24m", "first_relapse"])
def test_the_paired_truth_is_the_truth(name: str) -> None:
    """The value is that of `find_truth`, to the last bit, and read back from disk; so is the error of sums."""
    own = _with(0.5, name)
    (truth,) = find_truth(own, 40)
    found, again = pooled_truth(own, 40), pooled_truth(own, 40)
    assert found.value == truth.value == again.value
    assert np.array_equal(found.influence, again.influence)
    if name != "first_relapse":
        assert found.with_error()[1] == truth.mcse


def _with(ratio: float, endpoint: str) -> Scenario:
    small = {"enrolment.target": 40, "randomisation.block_size": 40, "effect.rate_ratio": ratio}
    return scenario("bench/j1", {**small, "endpoint": [{"name": endpoint, "counts": "true"}]})


def test_truths_alike_by_construction_have_no_error() -> None:
    """Designs that differ in who is blinded have one truth: its error cancels, whatever the number of twins."""
    designs = load_designs(["sham_rct", "open_label_rct"], {"enrolment.target": 20, "randomisation.block_size": 4})
    found = compare(designs, trials=4, null=False, truth_trials=4)
    assert (found.pairs[0].truth_difference, found.pairs[0].truth_difference_mcse) == (0.0, 0.0)
    assert found.designs[0].performance.truth_mcse > 0.0


def test_equal_designs_do_not_differ() -> None:
    """Two names of one design: every difference is exactly 0, there is no ratio, and it is said in words."""
    designs = load_designs(
        ["bench/j1", "bench/j1:intent=The same."], {"enrolment.target": 20, "randomisation.block_size": 20}
    )
    found = compare(designs, trials=300, truth_trials=4)
    (own,) = found.pairs
    assert (own.power_difference, own.mcse, own.bias_difference, own.bias_mcse) == (0.0, 0.0, 0.0, 0.0)
    assert math.isnan(own.variance_ratio)
    assert found.to_dict()["pairs"][0]["variance_ratio"] is None
    assert own.interval[0] < 0.0 < own.interval[1], "300 trials do not prove that none would differ"
    assert "in the very same ones" in found.sentences[0]


def test_pairs_by_hand() -> None:
    """Five trials worked out by hand: differences, their errors, the exact p, and estimates that are missing."""
    rejects = [np.array(x, bool) for x in ([1, 1, 0, 0, 0], [1, 0, 1, 1, 0])]
    values = [np.array(x) for x in ([1.0, 2.0, 3.0, math.nan, 0.0], [2.0, 3.0, 4.0, 5.0, math.nan])]
    hits, means = [Hits() for _ in rejects], [Mean(float(np.nanmean(v)), 4) for v in values]
    together = Together(2)
    for number, (own, value) in enumerate(zip(rejects, values, strict=True)):
        hits[number].take(0, own)
        together.take(number, 0, value)
    a, b = (Found(k, h, m, float(np.nanstd(v, ddof=1)), nothing(3, 1.0))
            for k, h, m, v in zip("ab", hits, means, values, strict=True))  # fmt: skip
    found = pair(a, b, together.squares(means)[0])
    assert (found.only_a, found.only_b) == (1, 2)
    assert found.power_difference == pytest.approx(0.2)
    assert found.mcse == pytest.approx(math.sqrt((0.6 - 0.04) / 5))
    assert found.variance_ratio == pytest.approx((0.24 + 0.24) / (0.6 - 0.04))
    assert found.mcnemar_p == pytest.approx(1.0)
    assert found.bias_difference == pytest.approx(3.5 - 1.5)
    parts = np.array([-1.5 + 0.5, -0.5 - 0.5, 0.5 - 1.5, 1.5, 1.5]) / 4.0
    assert found.bias_mcse == pytest.approx(math.sqrt(5 / 4 * (parts**2).sum()))
    alone = [5 / 4 * np.nansum((v - np.nanmean(v)) ** 2) / 16 for v in values]
    assert found.bias_variance_ratio == pytest.approx(sum(alone) / found.bias_mcse**2)
    assert mcnemar_p(0, 5) == pytest.approx(2 * 0.5**5)
    assert mcnemar_p(0, 0) == 1.0
    low, high = interval_of(0, 0, 100)
    assert (low, high) == pytest.approx((-(1.96 * math.sqrt(2 / 102) / math.sqrt(102)), -low), rel=1e-3)


def test_sums_of_blocks_are_those_of_all_trials() -> None:
    """Blocks in any order, of designs in any order, growing, with estimates missing: the squares are those of all
    trials' influences at once; a design beside itself gives exactly 0."""
    rng = np.random.default_rng(1)
    columns = rng.normal(0.3, 1.0, 3500) + rng.normal(0.0, 0.05, (3, 3500))
    columns[rng.random(columns.shape) < 0.1] = math.nan
    columns = np.vstack([columns, columns[:1]])
    together, orders = Together(4), [(0, 1, 2, 3), (3, 1, 0, 2), (2, 0, 3, 1), (1, 2, 3, 0)]
    for first in (0, 3000):
        for design, own in enumerate(columns):
            together.take(design, first, own[first : first + 50])
    for first, order in zip((2000, 0, 3000, 1000), orders, strict=True):
        for design in order:
            together.take(design, first, columns[design, first : first + 1000])
    means = [Mean(float(np.nanmean(own)), int((~np.isnan(own)).sum())) for own in columns]
    influence = np.where(np.isnan(columns), 0.0, columns - np.array([[m.value] for m in means]))
    influence /= np.array([[m.n] for m in means])
    found = dict(zip(together.pairs, together.squares(means), strict=True))
    for (a, b), squares in found.items():
        assert squares == pytest.approx(((influence[b] - influence[a]) ** 2).sum(), rel=1e-9)
    assert found[0, 3] == 0.0


# ---- what null trials exclude ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("favourable", [-1, 1])
def test_the_share_that_excludes(favourable: int) -> None:
    """At least half, and 90%, of trials have their favourable end at the limit or short of it, and no fewer would do;
    a trial without an interval excludes nothing."""
    rng = np.random.default_rng(1)
    limits = favourable * rng.normal(0.4, 0.2, 501)
    limits[::100] = math.nan
    found = excluded(limits, favourable)
    by_share = dict(found.by_share)
    assert (by_share[0.5], by_share[0.9]) == (found.half, found.most)
    for q, limit in by_share.items():
        share = np.mean(favourable * limits <= favourable * limit.value)
        assert q <= share < q + 1.5 / 501
        assert limit.lower < limit.value < limit.upper
    none = excluded(np.full(50, math.nan), favourable)
    assert math.isinf(none.half.value)
    assert none.to_dict()["half"] == {"value": None, "lower": None, "upper": None}
    assert math.isnan(excluded(np.empty(0), favourable).half.value)


def test_the_interval_of_a_limit() -> None:
    """Its interval holds the true quantile as often as its two order statistics do, by the binomial; about 95%."""
    rng, n, times = np.random.default_rng(2), 400, 4000
    found = [excluded(rng.random(n), 1) for _ in range(times)]
    for q, own in ((0.5, [f.half for f in found]), (0.9, [f.most for f in found])):
        half = 1.959963984540054 * math.sqrt(n * q * (1.0 - q))
        low, high = math.floor(n * q - half), math.ceil(n * q + half) + 1
        exact = float(binom.cdf(high - 1, n, q) - binom.cdf(low - 1, n, q))
        assert 0.95 < exact < 0.98
        share_agrees([limit.lower <= q <= limit.upper for limit in own], exact, 0.03)


def test_a_blinded_trial_keeps_its_level() -> None:
    """J1's null trials reject as often as R's glm.nb does on its own null trials of this design; half and 90% of them
    exclude ratios below 1, 90% the smaller ones alone."""
    with (GOLDEN / "j1_glmnb.csv").open(encoding="utf-8") as file:
        glm = json.loads([row["outputs"] for row in csv.DictReader(file)][1])
    found = compare(load_designs(["bench/j1", "bench/j1:effect.rate_ratio=1.0"]), trials=4000, truth_trials=2)
    first, second = (d.null for d in found.designs)
    assert first is not None
    assert second is not None
    assert first.replayed
    assert not second.replayed
    assert first.every == second.every, "the same candidates with no effect are the same trials"
    agrees(first.rejects.value, float(glm["power"]), math.hypot(first.rejects.mcse, float(glm["mcse"])), 0.033)
    assert first.every.most.value < first.every.half.value < 0.0
