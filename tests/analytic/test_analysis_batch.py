"""Many data sets in a call: each is answered as if it were alone, in every bit, compiled or interpreted."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import warnings
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import fields
from typing import Any

import numpy as np
import pytest

from sim.analysis.ancova import ancova_change, ancova_change_batch
from sim.analysis.before_after import paired_rate_ratio, paired_rate_ratio_batch, paired_t, paired_t_batch
from sim.analysis.binary import mcnemar_exact, mcnemar_exact_batch, risk_difference, risk_difference_batch
from sim.analysis.cox_regression import cox_regression_batch
from sim.analysis.estimate import CODES, OUTCOMES, Estimate, Estimates
from sim.analysis.negbin import negbin_rate_ratio, negbin_rate_ratio_batch
from sim.analysis.negbin_regression import negbin_regression_batch
from sim.analysis.survival import cox, cox_batch, log_rank, log_rank_batch
from sim.analysis.trial import analyse
from sim.data.cohort import Cohort
from sim.engines.records import RELAPSE, SUBJECT, VISIT, Records
from sim.scenario.load import read_tables, validate
from sim.scenario.schema import Scenario

Columns = dict[str, Any]
SETS = 60


def columns(sets: int = SETS) -> tuple[Columns, Any]:
    """Every kind of column over data sets of 0 to 120 patients, some of them degenerate, and where each begins."""
    rng = np.random.default_rng(8)
    sizes = rng.integers(0, 120, sets) // rng.choice([1, 1, 1, 20], sets)
    first = np.concatenate([[0], np.cumsum(sizes)])
    n = int(first[-1])
    frailty = rng.gamma(1 / 0.6, 0.6, n)
    rate = np.repeat(rng.choice([0.0, 0.05, 0.6, 3.0], sets, p=[0.05, 0.15, 0.6, 0.2]), sizes)
    years, after = rng.uniform(0.2, 2.0, n), rng.uniform(0.2, 2.0, n)
    score = rng.normal(50.0, 10.0, n)
    return {
        "counts": rng.poisson(rate * years * frailty).astype(float),
        "years": np.where(rng.random(n) < 0.03, np.nan, years),
        "counts_after": rng.poisson(0.7 * rate * after * frailty).astype(float),
        "years_after": np.where(rng.random(n) < 0.03, 0.0, after),
        "treated": rng.random(n) < 0.5,
        "flag": np.where(rng.random(n) < 0.03, np.nan, rng.random(n) < 0.6),
        "flag_after": (rng.random(n) < 0.5).astype(float),
        "score": score,
        "score_after": np.where(rng.random(n) < 0.1, np.nan, 0.7 * score + rng.normal(10.0, 5.0, n)),
        "times": np.ceil(rng.exponential(1.0, n) * 50.0) / 50.0,
        "event": (rng.random(n) < 0.6).astype(float),
        "stratum": rng.integers(0, 2, n).astype(float),
    }, first


ANALYSES: dict[str, tuple[Callable[..., Estimate], Callable[..., Estimates], tuple[str, ...]]] = {
    "negbin": (negbin_rate_ratio, negbin_rate_ratio_batch, ("counts", "years", "treated")),
    "risk": (risk_difference, risk_difference_batch, ("flag", "treated")),
    "mcnemar": (mcnemar_exact, mcnemar_exact_batch, ("flag", "flag_after")),
    "ancova": (ancova_change, ancova_change_batch, ("score", "score_after", "treated")),
    "paired_t": (paired_t, paired_t_batch, ("score", "score_after")),
    "paired_rate": (paired_rate_ratio, paired_rate_ratio_batch, ("counts", "years", "counts_after", "years_after")),
    "log_rank": (log_rank, log_rank_batch, ("times", "event", "treated")),
    "cox": (cox, cox_batch, ("times", "event", "treated")),
}


def bits(estimates: Estimates, rows: Any = slice(None)) -> list[bytes]:
    """Every array of a batch as bytes."""
    arrays = [getattr(estimates, f.name) for f in fields(estimates)]
    return [a[rows].tobytes() for a in arrays if isinstance(a, np.ndarray)]


def run(name: str, given: Columns, first: Any) -> Estimates:
    """One analysis of a batch."""
    _, many, wanted = ANALYSES[name]
    return many(*(given[c] for c in wanted), first)


@pytest.mark.parametrize("name", ANALYSES)
def test_many_at_once_are_as_one_at_a_time(name: str) -> None:
    """Each data set of a batch has the numbers, outcome and method that it has alone, in every bit."""
    given, first = columns()
    made = run(name, given, first)
    single = ANALYSES[name][0]
    assert len(made) == SETS
    for k in range(SETS):
        alone = single(*(given[c][first[k] : first[k + 1]] for c in ANALYSES[name][2]))
        assert repr(made[k]) == repr(alone)  # repr of a float is exact, and NaN is like NaN
        assert made.method_of(k) == alone.method
        assert bool(made.converged[k]) is alone.converged
    assert [repr(e) for e in made] == [repr(made[k]) for k in range(SETS)]
    assert np.unique(made.outcome).size >= 2  # degenerate data sets are among them


@pytest.mark.parametrize("name", ANALYSES)
def test_any_order_of_data_sets_gives_the_same(name: str) -> None:
    """Data sets in another order give the same rows in that order, in every bit."""
    given, first = columns()
    order = np.random.default_rng(2).permutation(SETS)
    rows = np.concatenate([np.arange(first[k], first[k + 1]) for k in order])
    again = np.concatenate([[0], np.cumsum(np.diff(first)[order])])
    shuffled = run(name, {c: v[rows] for c, v in given.items()}, again)
    assert bits(shuffled) == bits(run(name, given, first), order)


def test_threads_do_not_meet() -> None:
    """Batches analysed by several threads at once are those analysed in turn, in every bit."""
    given, first = columns()
    names = [*ANALYSES] * 6
    in_turn = [bits(run(name, given, first)) for name in names]
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(lambda name: bits(run(name, given, first)), names)) == in_turn


def test_an_empty_batch_has_no_rows() -> None:
    """No data sets, no rows; no patients, a row that says so."""
    given = {c: v[:0] for c, v in columns()[0].items()}
    for name in ANALYSES:
        assert len(run(name, given, [0])) == 0
        assert run(name, given, [0, 0])[0].outcome == "no_follow_up"


@pytest.mark.parametrize("first", [[], [1, 3], [0, 2], [0, 4], [0, 2, 1, 3], [[0, 3]]])
def test_offsets_that_do_not_fit_are_refused(first: Any) -> None:
    """`first` has to rise from 0 to the number of patients."""
    with pytest.raises(ValueError, match="first must rise from 0 to the columns' length 3"):
        paired_t_batch(np.ones(3), np.zeros(3), first)


def test_outcomes_keep_their_positions() -> None:
    """Outcomes travel as positions in the registry, which only ever grows at its end."""
    assert list(CODES) == list(OUTCOMES)
    assert list(OUTCOMES)[:4] == ["ok", "boundary_poisson", "all_alike", "no_follow_up"]
    assert list(OUTCOMES)[-2:] == ["bad_data", "monotone"]
    assert [CODES[name] for name in OUTCOMES] == list(range(len(OUTCOMES)))


# ---- compiled and interpreted --------------------------------------------------------------------------------------


def digests() -> dict[str, str]:
    """A digest of every analysis of some data sets, regressions and every kind of error and test included."""
    given, first = columns(24)
    made = {name: bits(run(name, given, first)) for name in ANALYSES}
    negbin = given["counts"], given["years"], given["treated"], first
    for se, test in (("expected", "likelihood_ratio"), ("sandwich", "score")):
        made[se] = bits(negbin_rate_ratio_batch(*negbin, 0.05, se, test))  # type: ignore[arg-type]
    X = np.column_stack([np.ones(first[-1]), given["treated"], given["stratum"], given["score"]])
    for se, test in (("observed", "wald"), ("expected", "score"), ("sandwich", "likelihood_ratio")):
        fits = negbin_regression_batch(given["counts"], given["years"], X, first, 0.05, 1, se, test)  # type: ignore[arg-type]
        made[f"regression {se}"] = [*bits(fits.estimates), fits.covariance.tobytes(), fits.log_likelihood.tobytes()]
    hazards = cox_regression_batch(given["times"], given["event"], X[:, 1:], first)
    made["cox regression"] = [*bits(hazards.estimates), hazards.covariance.tobytes()]
    huge = np.array([2.0, 50_000.0, 1200.0, 0.0, 70_000.0, 900.0]), np.ones(6), np.arange(6) % 2 == 1
    made["huge counts"] = bits(negbin_rate_ratio_batch(*huge, np.array([0, 6]), 0.05, "sandwich", "likelihood_ratio"))
    return {name: hashlib.sha256(b"".join(arrays)).hexdigest() for name, arrays in made.items()}


def test_interpreted_code_gives_the_same_bits() -> None:
    """With the compiler off, the same source run by Python gives every analysis in the same bits, without a warning."""
    code = (
        "import importlib.util, json, sys, warnings; warnings.simplefilter('error'); sys.path.insert(0, '.');"
        f"spec = importlib.util.spec_from_file_location('here', {__file__!r});"
        "here = importlib.util.module_from_spec(spec); sys.modules['here'] = here; spec.loader.exec_module(here);"
        "from sim.jit import INTERPRETED; assert INTERPRETED; print(json.dumps(here.digests()))"
    )
    environment = os.environ | {"NUMBA_DISABLE_JIT": "1"}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment, check=False)
    assert done.returncode == 0, done.stderr
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert json.loads(done.stdout) == digests()


# ---- a scenario's endpoints over many trials -----------------------------------------------------------------------


def made_up(trial: int) -> tuple[Records, Records, Records]:
    """Patients, relapses and visits of a trial that no engine played: 40 to 49 patients, some gone early."""
    rng = np.random.default_rng(trial)
    n = int(rng.integers(40, 50))
    subjects: Records = np.zeros(n, SUBJECT)
    subjects["arrival"], subjects["arm"] = np.arange(n), rng.integers(0, 2, n)
    subjects["day_1"] = rng.uniform(0.0, 300.0, n)
    subjects["planned_end"] = subjects["day_1"] + 730.5
    subjects["dropped_out"] = rng.random(n) < 0.3
    stay = np.where(subjects["dropped_out"] == 1, rng.uniform(-0.1, 1.0, n), 1.0)
    subjects["end_time"] = subjects["day_1"] + 730.5 * stay
    relapses: Records = np.zeros(3 * n, RELAPSE)
    relapses["arrival"] = np.repeat(np.arange(n), 3)
    relapses["onset"] = rng.uniform(-300.0, 1400.0, 3 * n)
    for field in ("reported_time", "confirmed_time", "recalled_onset"):
        relapses[field] = np.where(rng.random(3 * n) < 0.3, np.nan, relapses["onset"])
    visits: Records = np.zeros(2 * n, VISIT)
    visits["arrival"], visits["visit"] = np.tile(np.arange(n), 2), np.repeat([0, 1], n)
    visits["edss"], visits["quality"] = rng.integers(0, 12, 2 * n) / 2.0, rng.normal(50.0, 10.0, 2 * n)
    return subjects, relapses, visits[rng.random(2 * n) < 0.9]


def joined(trials: list[int]) -> Cohort:
    """Some made-up trials as one cohort."""
    parts = [made_up(trial) for trial in trials]
    first = np.concatenate([[0], np.cumsum([len(p[0]) for p in parts])]).astype(np.int64)
    tables = [np.concatenate([p[i] for p in parts]) for i in range(3)]
    rows = [np.concatenate([p[i]["arrival"] + first[k] for k, p in enumerate(parts)]) for i in (1, 2)]
    return Cohort(first, tables[0], tables[1], rows[0], tables[2], rows[1])


PARALLEL = ["arr_24m", "relapse_free_24m", "edss_24m", "msqol_physical_24m", "first_relapse"]
CHANGES = ["relapse_free_change", "arr_change", "edss_change", "msqol_physical_change"]


def scenario(before_after: bool, who: str) -> Scenario:
    """A scenario with every endpoint of its design."""
    names = CHANGES if before_after else PARALLEL
    wanted: dict[str, object] = {
        "study.primary": "",
        "study.analyse": who,
        "visits.months": [0.0, 24.0],
        "endpoint": [{"name": name, "counts": "reported"} for name in names],
    }
    if before_after:
        wanted |= {"study.after_months": [12.0, 24.0], "study.follow_up_months": 24.0}
    return validate(read_tables("published/zamboni_2009" if before_after else "sham_rct", wanted), Scenario)


@pytest.mark.parametrize("who", ["all", "completers"])
@pytest.mark.parametrize("before_after", [False, True])
def test_a_cohort_of_many_trials_is_analysed_trial_by_trial(before_after: bool, who: str) -> None:
    """Each endpoint of a scenario has one row a trial, the one that the trial has alone, in every bit."""
    asked, trials = scenario(before_after, who), list(range(9))
    together = analyse(asked, joined(trials))
    assert [len(found) for found in together] == [9] * len(asked.endpoint)
    for trial in trials:
        for found, alone in zip(together, analyse(asked, joined([trial])), strict=True):
            assert repr(found[trial]) == repr(alone[0])
            assert found[trial].converged
    sizes = {int(found.n.sum()) for found in together}
    assert len(sizes) > 1  # some lack a visit, some have no follow-up
