"""Statistical evidence: uncertain populations and effects are drawn as said and averaged rightly; their spread is told.

Assurance is compared with a closed form worked out here by hand.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from sim.core.streams import TRIAL_WORD, UNCERTAIN, uniforms
from sim.engines.records import unlike
from sim.evidence.cloud import population_cloud
from sim.model.effect_prior import Prior, drawn_ratio
from sim.study.between import EACH, Spread, spread
from sim.study.play import Play
from sim.study.power import power
from sim.study.tally import Analyse
from sim.study.uncertain import Draws, find_draws, uncertain_play, with_values
from tests.clouds import stand_in, use, varying
from tests.helpers import Overrides, agrees, mean_agrees, scenario, share_agrees

SMALL: Overrides = {"enrolment.target": 12, "sites.count": 2}
PUBLISHED = "published/zamboni_2009"


@pytest.fixture
def draws(tmp_path: Path) -> Callable[[str], Draws]:
    """Give a function that finds what a scenario's trials draw from the stand-in."""
    cloud = population_cloud(stand_in(tmp_path))
    return lambda name: find_draws(scenario(name, SMALL if name == "base" else {}), cloud)


# ---- addresses ------------------------------------------------------------------------------------------------------


def test_a_trial_is_the_trial_of_its_own_population(draws: Callable[[str], Draws]) -> None:
    """Trial k is, bit for bit and in both engines, trial k of the scenario with its row's values written into it."""
    made, drawn = scenario("base", SMALL), draws("base")
    assert len(drawn.keys) == 6
    seen = set()
    for trial in range(4):
        row = drawn.row(3, trial)
        seen.add(row)
        own = Play(with_values(made, dict(zip(drawn.keys, drawn.rows[row], strict=True))), 3).records(trial)
        for engine in ("compiled", "reference"):
            assert not unlike(uncertain_play(made, drawn, 3, engine).records(trial), own)
    assert len(seen) > 1


def test_neither_chunks_nor_engine_change_an_answer(draws: Callable[[str], Draws]) -> None:
    """Trials all at once, one by one, backwards, and in the other engine have the same rows of estimates."""
    made, drawn = scenario("base", SMALL), draws("base")
    rows = Analyse(uncertain_play(made, drawn, 3, "compiled")).many(range(8))
    other = Analyse(uncertain_play(made, drawn, 3, "compiled"))
    for trial in reversed(range(8)):
        assert other.many([trial]).tobytes() == rows[trial : trial + 1].tobytes()
    assert Analyse(uncertain_play(made, drawn, 3, "reference")).many(range(3)).tobytes() == rows[:3].tobytes()


def test_rows_are_drawn_evenly_and_effects_apart_from_them(draws: Callable[[str], Draws]) -> None:
    """Each third of the cloud has its share of trials (finds 3 points); the effect's draw does not go with the row."""
    drawn = draws("base")
    rows = np.array([drawn.row(11, trial) for trial in range(20_000)])
    assert (rows.min(), rows.max()) == (0, 23)
    for third in range(3):
        share_agrees(rows // 8 == third, 1.0 / 3.0, detects=0.03)
    effects = np.array([uniforms(11, trial, TRIAL_WORD, UNCERTAIN, 0)[2] for trial in range(20_000)])
    mean_agrees((rows - rows.mean()) / rows.std() * (effects - 0.5) * math.sqrt(12.0), 0.0, detects=0.06)


def test_a_group_shares_its_population_and_not_its_patients(draws: Callable[[str], Draws]) -> None:
    """With groups, trials of one group have one row; their rows are other draws than the trials' own."""
    drawn = replace(draws("base"), group=5)
    rows = [drawn.row(11, trial) for trial in range(200)]
    assert all(len(set(rows[k : k + 5])) == 1 for k in range(0, 200, 5))
    assert len(set(rows)) > 12


# ---- averages and spreads -------------------------------------------------------------------------------------------


def test_the_average_is_that_of_the_populations_powers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Over two populations the averaged power is the mean of their two powers (finds 7 points).

    Beside it stands the power of the scenario as it is, equal to that of a plain run, and the spread of the two.
    """
    rates = (0.15, 1.2)
    use(varying(tmp_path, {"relapse.rate_per_year": rates}, 40), monkeypatch)
    found = power(scenario(PUBLISHED), trials=4000, uncertain=True)
    others = [scenario(PUBLISHED, _like_the_cloud(rate)) for rate in rates]
    each = [power(own, trials=4000, seed=9, truth_trials=0).endpoints for own in others]
    key = "relapse_free_change"
    powers = [own[key].power for own in each]
    assert abs(powers[0] - powers[1]) > 0.2
    error = math.hypot(found.endpoints[key].mcse, *(0.5 * own[key].mcse for own in each))
    agrees(found.endpoints[key].power, 0.5 * sum(powers), error, detects=0.07)
    assert found.uncertain is not None
    beside = found.uncertain.endpoints[key]
    plain = power(scenario(PUBLISHED), trials=4000, truth_trials=0).endpoints[key]
    assert (beside.fitted.value, beside.fitted.mcse) == (plain.power, plain.mcse)
    assert beside.spread is not None
    truth = (0.5 * (powers[0] - powers[1])) ** 2
    agrees(beside.spread.variance.value, truth, math.hypot(beside.spread.variance.mcse, 0.02 * truth), detects=0.04)


def _like_the_cloud(rate: float) -> Overrides:
    """Give the fixed values of `varying` with this rate."""
    return {
        "relapse.rate_per_year": rate,
        "frailty.variance": 0.3,
        "activity.ratio": 5.0,
        "activity.active_months": 8.0,
        "activity.quiescent_months": 20.0,
        "decline.fall_per_year": 0.05,
    }


def _grouped(powers: NDArray[np.float64], seed: int) -> Spread:
    rng = np.random.Generator(np.random.PCG64(seed))
    table = np.empty(len(powers) * EACH, [("trial", "i8"), ("found", "?")])
    table["trial"] = np.arange(len(table))
    table["found"] = rng.random(len(table)) < np.repeat(powers, EACH)
    found = spread(table, float(table["found"].mean()), len(table))
    assert found is not None
    return found


def test_the_spread_is_that_of_the_powers_and_not_of_the_dice() -> None:
    """From verdicts of beta-distributed powers (mean 0.6, SD 0.1) the spread comes back: variance, SD and 5% and 95%
    points; its errors are those seen over 300 repeats. Raw shares of 25 trials would have twice this variance."""
    rng = np.random.Generator(np.random.PCG64(1))
    mean, sd = 0.6, 0.1
    size = mean * (1.0 - mean) / sd**2 - 1.0
    found = [_grouped(rng.beta(mean * size, (1.0 - mean) * size, 200), k) for k in range(300)]
    variances = np.array([s.variance.value for s in found])
    mean_agrees(variances, sd**2, detects=0.001)
    told = float(np.mean([s.variance.mcse for s in found]))
    seen = float(variances.std(ddof=1))
    agrees(told, seen, seen / math.sqrt(2.0 * 299.0), detects=0.3 * seen)
    low, high = (np.quantile(rng.beta(mean * size, (1.0 - mean) * size, 400_000), q) for q in (0.05, 0.95))
    mean_agrees([s.low.value for s in found], low, detects=0.02)
    mean_agrees([s.high.value for s in found], high, detects=0.02)
    mean_agrees([s.share.value for s in found], sd**2 / (mean * (1.0 - mean)), detects=0.005)


def test_no_spread_is_not_told_for_one() -> None:
    """Where all populations have one power the variance is 0 on average, and hardly ever told from it."""
    found = [_grouped(np.full(200, 0.6), k) for k in range(400)]
    mean_agrees([s.variance.value for s in found], 0.0, detects=0.001)
    share_agrees([s.told for s in found], 0.025, detects=0.06)
    assert all(s.most_sd < 0.1 for s in found)


# ---- assurance ------------------------------------------------------------------------------------------------------


def test_the_prior_is_the_one_given() -> None:
    """Effects drawn have the prior's median and spread, the share without an effect, and its tail cut off."""
    prior = Prior(math.log(0.7), 0.3, 1.0, 0.2)
    u = np.random.Generator(np.random.PCG64(2)).random((40_000, 2))
    drawn = [drawn_ratio(a, b, prior) for a, b in u]
    share_agrees([ratio is None for ratio in drawn], 0.2, detects=0.02)
    logs = np.array([math.log(ratio) for ratio in drawn if ratio is not None])
    mean_agrees(logs, math.log(0.7), detects=0.02)
    mean_agrees((logs - math.log(0.7)) ** 2, 0.09, detects=0.01)
    cut = prior._replace(kept=0.5)
    assert max(ratio for a, b in u[:1000] if (ratio := drawn_ratio(a, b, cut)) is not None) <= 0.7


COUNTS: Overrides = {
    "frailty.variance": 0.0,
    "dropout.enabled": False,
    "study.close_days": 0.0,
    "relapse.rate_per_year": 1.0,
    "effect.rate_ratio": 0.72,
    "effect_prior.enabled": True,
    "effect_prior.log_sd": 0.25,
    "effect_prior.no_effect_prob": 0.2,
}


def assurance_by_hand(no_effect: float, median: float, log_sd: float) -> float:
    """Work out the assurance of 2 x 100 patients with Poisson counts over 2 years at 1 a year, on the normal scale.

    The log rate ratio has variance 1 / (200) + 1 / (200 r), and is significant in favour below -1.96 standard errors;
    the average over the prior is taken at 2,000 equally likely effects.
    """
    from statistics import NormalDist

    z, found = NormalDist(), []
    for k in range(2000):
        r = median * math.exp(log_sd * z.inv_cdf((k + 0.5) / 2000.0))
        error = math.sqrt((1.0 + 1.0 / r) / 200.0)
        found.append(z.cdf(-math.log(r) / error - 1.959963984540054))
    return no_effect * 0.025 + (1.0 - no_effect) * math.fsum(found) / 2000.0


def test_assurance_is_that_worked_out_by_hand(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where nature is a plain Poisson process, assurance agrees with the closed form (finds 5 points).

    It is far from the power at the median effect, so the averaging is what makes it.
    """
    use(stand_in(tmp_path), monkeypatch)
    made = scenario("bench/j1", COUNTS)
    found = power(made, trials=8000, uncertain=True)
    own = found.endpoints["arr_24m"].favourable_power
    truth = assurance_by_hand(0.2, 0.72, 0.25)
    agrees(own, truth, math.sqrt(own * (1.0 - own) / 8000.0), detects=0.05)
    assert found.uncertain is not None
    assert found.uncertain.assurance
    assert found.uncertain.words.startswith("assurance: ")
    assert found.uncertain.endpoints["arr_24m"].spread is None
    fitted = found.uncertain.endpoints["arr_24m"].fitted
    agrees(fitted.value, assurance_by_hand(0.0, 0.72, 1e-9), fitted.mcse, detects=0.05)
    assert fitted.value - truth > 0.1
