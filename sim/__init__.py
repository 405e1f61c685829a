"""shamtrial: simulates randomised sham-controlled trials. The front door; what is heavy is loaded when it is used.

>>> import sim
>>> result = sim.power("sham_rct", trials=200)
>>> result.to_frame()
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sim.core.defaults import TWIN_TRIALS

if TYPE_CHECKING:
    from sim.scenario.loaded import Loaded
    from sim.study.cluster import Cluster
    from sim.study.compare import Comparison
    from sim.study.explain import ExplainResult
    from sim.study.ledger import Ledger
    from sim.study.opened import StoredRun
    from sim.study.play import Engine
    from sim.study.power import PowerResult
    from sim.study.recheck import Verified
    from sim.study.replay import ReplayResult
    from sim.study.rtm import RtmResult
    from sim.study.runner import Workers
    from sim.study.selftest import SelfTest
    from sim.study.simulate import SimulatedTrial
    from sim.study.size import SizeResult
    from sim.study.small import SmallResults
    from sim.study.sweep_result import SweepResult

__version__ = "0.1.0"
__all__ = [
    "bias_ledger",
    "cluster",
    "compare",
    "explain",
    "load",
    "open_run",
    "power",
    "replay",
    "rtm",
    "runs",
    "sample_size",
    "scenarios",
    "selftest",
    "simulate",
    "small",
    "sweep",
    "trace",
    "verify",
]


def scenarios() -> list[str]:
    """Give the names of the shipped scenarios."""
    from sim.scenario.load import shipped

    return shipped()


def load(scenario: str | Path | Loaded, overrides: Mapping[str, object] | None = None) -> Loaded:
    """Load a scenario by name or path; ScenarioError tells all that is wrong with file, line, key, found and allowed.

    `overrides` maps key paths to values, e.g. {"effect.rate_ratio": 0.7}.
    """
    from sim.scenario.loaded import Loaded, load

    return scenario.changed(overrides or {}) if isinstance(scenario, Loaded) else load(scenario, overrides)


def power(
    scenario: str | Path | Loaded,
    *,
    trials: int | None = None,
    mcse: float | None = None,
    seed: int = 1,
    workers: Workers = 1,
    truth_trials: int = TWIN_TRIALS,
    engine: Engine = "auto",
    flow: bool = False,
    uncertain: bool = False,
    out: str | Path | None = None,
) -> PowerResult:
    """Estimate the power of each endpoint, with its Monte Carlo standard error, bias and coverage.

    Give `trials`, or `mcse` (then the trials are worked out for the primary endpoint), or neither (500 trials). The
    result does not depend on `workers`; with more than one, processes are started, so call it from under
    `if __name__ == "__main__":` in a script. `truth_trials` = 0 leaves the truth out. `flow` gives `.consort`, the flow
    of participants averaged over the first 100 trials. `uncertain` lets each trial draw its population from what the
    fit of the default one left open, and its effect where the scenario has [effect_prior]; `.uncertain` tells of both.
    `out` is a folder that keeps every estimate while the run goes on, as `--out` does: a call that was stopped, made
    again, goes on where it was; `open_run` reads the folder.
    """
    from sim.study.power import power

    loaded = load(scenario)
    asked = (loaded.scenario, loaded.name, trials, mcse, seed, workers, truth_trials, engine)
    result = power(*asked, flow=flow, uncertain=uncertain, out=out)
    if result.folder:
        from sim.report.pictures import save_power

        save_power(result, result.folder)
    return result


def open_run(folder: str | Path) -> StoredRun:
    """Read the folder of a run: `.told` (run.json), `.to_frame()`, `.export("run.csv")`, `.present`, `.state`."""
    from sim.study.opened import open_run

    return open_run(folder)


def runs(folder: str | Path = "out") -> list[StoredRun]:
    """Give the runs in a folder and below it."""
    from sim.study.opened import found_runs

    return found_runs(folder)


def verify(
    folder: str | Path, *, trials: int | None = 20, seed: int = 1, workers: Workers = 1, engine: Engine = "auto"
) -> Verified:
    """Read every chunk of a run's folder and play `trials` of its trials again (None: all); compare bit for bit."""
    from sim.study.recheck import verify

    return verify(open_run(folder), trials, seed, workers, engine)


def sample_size(
    scenario: str | Path | Loaded,
    *,
    power: float = 0.9,
    endpoint: str | None = None,
    vary: str = "n",
    precision: float = 0.03,
    seed: int = 1,
    workers: Workers = 1,
    engine: Engine = "auto",
    parts: bool = True,
    complication_rate: float | None = None,
    see: float | None = None,
    most_trials: int = 100_000,
    out: str | Path | None = None,
) -> SizeResult:
    """Find the smallest trial at which an endpoint's test reaches a power, with its interval, verified on fresh trials.

    `vary` is "n" (patients), "follow_up" (months) or "sites"; `precision` the half-width of the 95% interval as a share
    of the answer. `parts` adds what failure, waiting, restenosis, dropout and unblinding each add to it;
    `complication_rate` how many are needed to see at least one complication with probability `see` (0.95). `out` is a
    folder that keeps every trial while the search goes on, and from which it is resumed.
    """
    from sim.study.size import sample_size

    loaded = load(scenario)
    return sample_size(
        loaded.scenario, loaded.name, power, endpoint, vary, precision, seed, workers, engine, parts,
        complication_rate, see, most_trials, out=out,
    )  # fmt: skip


def compare(
    *designs: str | Path | Loaded,
    endpoint: str | None = None,
    trials: int = 1000,
    seed: int = 1,
    workers: Workers = 1,
    engine: Engine = "auto",
    null: bool = True,
    truth_trials: int = TWIN_TRIALS,
    out: str | Path | None = None,
) -> Comparison:
    """Lay designs side by side on the same candidates: differences in power and bias with paired standard errors.

    A design is a name or path, one with changes ("sham_rct:veins.success_prob=1.0,enrolment.target=300"), or what
    `load` gave. `endpoint` is a key or a family ("arr"); none: each design's primary. A pair's differences are its `b`
    less its `a`. `null` plays each design with no effect too: what half, and 90%, of such trials would exclude. `out`
    is a folder that keeps every estimate, and from which a call that was stopped goes on.
    """
    from sim.scenario.variants import load_designs
    from sim.study.compare import compare

    result = compare(load_designs(designs), endpoint, trials, seed, workers, engine, null, truth_trials, out=out)
    if result.folder:
        from sim.report.compare import save_comparison

        save_comparison(result, result.folder)
    return result


def cluster(address: str, *, tls: Sequence[str | Path] | None = None, patience: float = 60.0) -> Cluster:
    """Connect to a dask scheduler, tcp://HOST:PORT or tls://HOST:PORT; what it gives goes where `workers` is asked for.

    >>> with sim.cluster("tcp://head:8786") as crew:  # doctest: +SKIP
    ...     sim.power("sham_rct", trials=100_000, workers=crew, out="out/rct")

    `tls` are three PEM files: the authority's certificate, our certificate, its key; without them dask's own settings
    hold. A run waits `patience` seconds for workers while there is none.
    """
    from sim.study.cluster import Cluster

    return Cluster(address, tls, patience)


def simulate(
    scenario: str | Path | Loaded, *, trial: int = 0, seed: int = 1, engine: Engine = "auto"
) -> SimulatedTrial:
    """Play one trial; `.tables` holds its tables. It is exactly trial `trial` of the power run with that seed."""
    from sim.study.simulate import simulate

    loaded = load(scenario)
    return simulate(loaded.scenario, loaded.name, trial, seed, engine=engine)


def trace(scenario: str | Path | Loaded, patient: str, *, trial: int = 0, seed: int = 1) -> str:
    """Tell one patient's life as text, an event a line; `patient` is a USUBJID such as 003-0017."""
    from sim.study.trace import trace

    return trace(simulate(scenario, trial=trial, seed=seed), patient)


def replay(
    scenario: str | Path | Loaded = "published/zamboni_2009",
    *,
    trials: int = 1000,
    seed: int = 1,
    workers: Workers = 1,
    uncertain: bool = False,
    out: str | Path | None = None,
) -> ReplayResult:
    """Replay a published study, with no effect and with the effect claimed, and judge its figures jointly.

    `uncertain` lets each replay draw its population. `out` is a folder that keeps every replay while the run goes on,
    and from which it is resumed.
    """
    from sim.study.replay import replay

    loaded = load(scenario)
    return replay(loaded.scenario, loaded.name, trials, seed, workers, uncertain=uncertain, out=out)


def explain(
    scenario: str | Path | Loaded = "published/zamboni_2009", *, trials: int = 2000, seed: int = 1, workers: Workers = 1
) -> ExplainResult:
    """Search which mechanisms, and how strong, make a published before-after result ordinary with no effect."""
    from sim.study.explain import explain

    loaded = load(scenario)
    return explain(loaded.scenario, loaded.name, trials, seed, workers)


def bias_ledger(
    scenario: str | Path | Loaded,
    endpoint: str | None = None,
    *,
    trials: int = 2000,
    seed: int = 1,
    workers: Workers = 1,
    engine: Engine = "auto",
    interactions: bool = False,
    out: str | Path | None = None,
) -> Ledger:
    """Take a design's bias apart by mechanism: apparent effect - truth = course of the disease + sum of shares.

    `endpoint` is a key or a family ("arr"); none: the primary. `trials` are played in every world, each set of
    mechanisms that can act being one. `interactions` adds what each two mechanisms make together. `out` is a folder
    that keeps each world while the run goes on, and from which it is resumed.
    """
    from sim.study.ledger import bias_ledger

    loaded = load(scenario)
    return bias_ledger(loaded.scenario, loaded.name, endpoint, trials, seed, workers, engine, interactions, out=out)


def rtm(
    scenario: str | Path | Loaded, *, trials: int = 200, seed: int = 1, workers: Workers = 1, engine: Engine = "auto"
) -> RtmResult:
    """Show how far the relapse rate falls after entry with nothing done to anybody, why, and which designs help."""
    from sim.study.rtm import rtm

    loaded = load(scenario)
    return rtm(loaded.scenario, loaded.name, trials, seed, workers, engine)


def small(
    scenario: str | Path | Loaded | None = None,
    *,
    endpoint: str = "",
    studies: int = 20,
    trials: int = 500,
    seed: int = 1,
    workers: Workers = 1,
    null: bool = True,
    truth_trials: int = TWIN_TRIALS,
    engine: Engine = "auto",
) -> SmallResults:
    """Publish the most favourable of `studies` studies, `trials` times over; compare it with all and with the truth.

    Without a scenario these are the studies that were done: 8 v 7, 9 v 10, 35 and 65 patients. `null` plays veins that
    do nothing, whatever the scenario says.
    """
    from sim.study.small import SIZES, small

    asked = [(scenario, endpoint)] if scenario is not None else [(name, endpoint or key) for name, key in SIZES]
    loaded = [(load(one), key) for one, key in asked]
    designs = [(one.name, one.scenario, key) for one, key in loaded]
    return small(designs, studies, trials, seed, workers, null, truth_trials, engine)


def sweep(
    study: str | Path | Mapping[str, Any],
    *,
    fixed: Mapping[str, object] | None = None,
    trials: int | None = None,
    seed: int = 1,
    workers: Workers = 1,
    engine: Engine = "auto",
    out: str | Path | None = None,
) -> SweepResult:
    """Play many scenarios that differ in a few keys on the same trials: a grid, or a list; one table comes out.

    `study` is a shipped name, the path of a study file, or its content as a dictionary: {"scenario": "sham_rct",
    "grid": {"enrolment.target": [200, 300]}}. `fixed` maps keys to values that all cells have. `out` is a folder that
    keeps every estimate while the run goes on, and from which it is resumed; it gets table and pictures too.
    """
    from sim.study.sweep import sweep

    result = sweep(study, fixed, trials, seed, workers, engine, out=out)
    if result.folder:
        from sim.report.sweep import save_sweep

        save_sweep(result, result.folder)
    return result


def selftest() -> SelfTest:
    """Tell whether this machine answers as it should: both engines alike, bit by bit, with a digest to compare by."""
    from sim.study.selftest import selftest

    return selftest()
