"""A run's answer depends on scenario and seed alone: not on workers, not on how the trials were asked for."""

from __future__ import annotations

import math

import numpy as np
import pytest

from sim.study.performance import BLOCK, block_sum
from sim.study.play import Play
from sim.study.power import power, trials_for
from sim.study.runner import Failure, Pool
from sim.study.simulate import simulate
from sim.study.tally import Analyse
from sim.study.truth import find_truth, worlds
from tests.helpers import Z, agrees, scenario

SMALL = {"enrolment.target": 16, "sites.count": 2}


def test_workers_change_no_bit() -> None:
    """One worker and two give the same estimates, in every bit."""
    own = scenario("sham_rct", SMALL)
    one, two = (power(own, trials=12, workers=w, truth_trials=0) for w in (1, 2))
    assert one.estimates.tobytes() == two.estimates.tobytes()
    assert [p.to_dict() for p in one.endpoints.values()] == [p.to_dict() for p in two.endpoints.values()]


def test_a_trial_run_alone_is_the_trial_of_the_run() -> None:
    """`simulate --trial 7` plays exactly trial 7 of the power run with that seed."""
    own = scenario("sham_rct", SMALL)
    run = power(own, trials=9, seed=5, truth_trials=0).estimates
    alone = Analyse(Play(own, 5))(7)
    assert alone["estimates"][0].tobytes() == run[7].tobytes()
    assert simulate(own, trial=7, seed=5).records.subjects.tobytes() == Play(own, 5).records(7).subjects.tobytes()


def test_another_seed_is_another_run() -> None:
    """Two seeds share no estimate."""
    own = scenario("sham_rct", SMALL)
    one, two = (power(own, trials=3, seed=s, truth_trials=0).estimates for s in (1, 2))
    edss = [e.key for e in own.endpoint].index("edss_24m")
    assert not np.any(one["value"][:, edss] == two["value"][:, edss])


def test_sums_by_blocks_do_not_depend_on_chunks() -> None:
    """The sum over trials is that of its blocks of 1,000, combined in order, whatever else is asked at once."""
    rng = np.random.default_rng(1)
    values, trials = rng.normal(size=3 * BLOCK + 17), np.arange(3 * BLOCK + 17)
    whole = block_sum(values, trials)
    order = rng.permutation(len(values))
    assert whole == block_sum(values[order], trials[order])
    parts = [math.fsum(values[trials // BLOCK == b]) for b in range(4)]
    assert whole == ((parts[0] + parts[1]) + parts[2]) + parts[3]


@pytest.mark.parametrize(("rejected", "trials", "nearest"), [(100, 200, 0.5), (0, 200, 0.018845), (200, 200, 0.981155)])
def test_trials_for_a_wanted_error(rejected: int, trials: int, nearest: float) -> None:
    """The trials are p(1-p)/mcse^2 at the power in the pilot's Wilson interval that is nearest to a half."""
    assert trials_for(rejected, trials, 0.001) == pytest.approx(nearest * (1.0 - nearest) / 0.001**2, rel=1e-4)


def test_the_wilson_bound_is_that_of_statsmodels() -> None:
    """The bound planned for agrees with statsmodels' Wilson interval."""
    from statsmodels.stats.proportion import proportion_confint

    _, high = proportion_confint(11, 200, method="wilson")
    assert trials_for(11, 200, 0.001) == math.ceil(high * (1.0 - high) / 0.001**2 - 1e-9)


def test_mcse_is_reached() -> None:
    """A run asked for an MCSE has it."""
    own = scenario("bench/j1", {"enrolment.target": 20, "randomisation.block_size": 20})
    result = power(own, mcse=0.015, workers=2, truth_trials=0)
    assert result.endpoints["arr_24m"].mcse <= 0.015
    assert result.trials > 200


def test_a_failed_trial_is_a_row_with_its_address() -> None:
    """A trial that raises is kept as a Failure that names seed and trial; the others go on."""

    def answer(trial: int) -> int:
        if trial == 2:
            raise ValueError("on purpose")
        return trial

    with Pool(answer, 9, 1) as pool:
        answers = pool.run(range(4))
    assert answers == [0, 1, Failure(9, 2, "ValueError: on purpose"), 3]


def test_the_truth_of_j1_is_its_rate_ratio(monkeypatch: pytest.MonkeyPatch, tmp_path: object) -> None:
    """Where veins open at once and stay open, the truth of the rate ratio is the ratio that was put in."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    truth = find_truth(scenario("bench/j1"), 40, workers=2)[0]
    agrees(truth.value, math.log(0.7), truth.mcse, detects=0.08)


def test_the_truth_is_kept_on_disk(monkeypatch: pytest.MonkeyPatch, tmp_path: object) -> None:
    """The second time, the truth is read and not simulated; it is the same."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    own = scenario("sham_rct", SMALL)
    first = find_truth(own, 2)
    monkeypatch.setattr("sim.study.truth.Pool", None)
    assert find_truth(own, 2) == first


def test_worlds_without_an_effect_coincide() -> None:
    """Where open veins do nothing, treated and control live in one world and the truth is exactly 0."""
    own = scenario("null")
    (treated, control), _ = worlds(own, own.endpoint[0])
    assert treated == control


def test_the_effective_rate_ratio_lies_between_nominal_and_one(
    monkeypatch: pytest.MonkeyPatch, tmp_path: object
) -> None:
    """Failure, waiting and restenosis leave less of the effect than while veins are open, but some of it."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    result = power(scenario("sham_rct", {"enrolment.target": 60}), trials=2, workers=2, truth_trials=12)
    effective, error = result.effect["effective_rate_ratio"], result.effect["effective_mcse"]
    assert result.effect["nominal_rate_ratio"] + Z * error < effective < 1.0 - Z * error
