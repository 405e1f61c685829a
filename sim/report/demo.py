"""The demonstration: a trial sized, the 2009 study replayed, five pictures, within a minute on two cores."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from rich.console import Console

from sim.report import life, lifeline, monthly_rate, three_arms
from sim.report.console import Bars, power_table, progress, replay_table
from sim.report.power import power_data, power_figure
from sim.report.replay import replay_data, replay_figure
from sim.report.style import save
from sim.scenario.loaded import Loaded, load
from sim.study import store
from sim.study.play import Play
from sim.study.power import power
from sim.study.replay import replay
from sim.study.runner import Failure, Pool, Workers
from sim.study.simulate import simulate
from sim.study.tally import primary, rejections

SHAM_TRIALS, TWIN_TRIALS = 1000, 200
REPLAYS = 2000
THREE_ARM_TRIALS = 400
UNTREATED_TRIALS = 100


def demo(out: Path, seed: int, workers: Workers) -> list[Failure]:
    """Run it all into `out`; give the trials that failed."""
    folder = store.open_folder(out)
    begun = time.perf_counter()
    failed = [*_sham(folder, seed, workers), *_replay(folder, seed, workers)]
    with progress() as bars:
        _three_arms(folder, seed, workers, bars)
        _untreated(folder, seed, workers, bars)
    _lifeline(folder, seed)
    _say(f"pictures (SVG and PNG), estimates and run.json are in {folder}/; {time.perf_counter() - begun:.0f} s in all")
    return failed


def _sham(folder: Path, seed: int, workers: Workers) -> tuple[Failure, ...]:
    loaded = load("sham_rct")
    _say(f"\n1. {loaded.scenario.intent}")
    counter = rejections(primary(loaded.scenario), loaded.scenario.study.alpha)
    own = store.emptied(folder / "sham_rct")  # the demonstration's own: what an older one left must not stop it
    with progress() as bars:
        result = power(
            loaded.scenario, loaded.name, SHAM_TRIALS, None, seed, workers, TWIN_TRIALS,
            watch=bars.watch("trials", counter), watch_truth=bars.watch("twin trials (truth)"), out=own,
        )  # fmt: skip
    power_table(result)
    save(power_figure(power_data(result)), folder, "power")
    return result.failed


def _replay(folder: Path, seed: int, workers: Workers) -> tuple[Failure, ...]:
    loaded = load("published/zamboni_2009")
    _say(f"\n2. {loaded.scenario.intent}")
    with progress() as bars:
        result = replay(loaded.scenario, loaded.name, REPLAYS, seed, workers, watch=bars.watch("replays"))
    replay_table(result)
    save(replay_figure(replay_data(result, loaded.scenario)), folder, "replay")
    own = store.open_folder(folder / "zamboni_2009")
    store.write_run(own, "demo", loaded.scenario, seed, result.to_dict(), result.elapsed_s)
    return result.failed


def _three_arms(folder: Path, seed: int, workers: Workers, bars: Bars) -> None:
    loaded = load("three_arm")
    _say(f"\n3. {loaded.scenario.intent}")
    changes = _many(three_arms.ArmChanges(_play(loaded, seed)), THREE_ARM_TRIALS, workers, bars, "three-arm trials")
    save(three_arms.three_arms_figure(three_arms.three_arms_data(loaded.name, changes)), folder, "three_arms")


def _untreated(folder: Path, seed: int, workers: Workers, bars: Bars) -> None:
    loaded = load("base")
    _say(f"4. {loaded.scenario.intent}")
    counts = _many(monthly_rate.Untreated(_play(loaded, seed)), UNTREATED_TRIALS, workers, bars, "untreated cohorts")
    save(monthly_rate.monthly_rate_figure(monthly_rate.monthly_rate_data(loaded.name, counts)), folder, "monthly_rate")


def _lifeline(folder: Path, seed: int) -> None:
    loaded = load("sham_rct")
    tables = simulate(loaded.scenario, loaded.name, 0, seed).tables
    patient = life.telling_patient(tables)
    _say(f"5. The life of patient {patient}, trial 0 of sham_rct")
    save(lifeline.lifeline_figure(life.lifeline_data(tables, patient)), folder, "lifeline")


def _play(loaded: Loaded, seed: int) -> Play:
    return Play(loaded.scenario, seed)


def _many(function: Any, trials: int, workers: Workers, bars: Bars, label: str) -> list[Any]:
    with Pool(function, function.play.seed, workers) as pool:
        answers = pool.run(range(trials), bars.watch(label))
    for answer in answers:
        if isinstance(answer, Failure):
            raise answer.error()
    return answers


def _say(text: str) -> None:
    Console().print(text, soft_wrap=True, highlight=False)
