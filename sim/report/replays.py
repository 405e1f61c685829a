"""Replays as the command line runs them: progress on stderr, pictures and run.json in a folder, a table on stdout."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from sim.core.errors import ShamtrialError
from sim.report.console import explain_table, progress, replay_table, replays_table
from sim.report.explain import explain_figure
from sim.report.replay import replay_data, replay_figure
from sim.report.replay_figures import all_figure, study_figure
from sim.report.style import save
from sim.scenario.load import shipped
from sim.scenario.loaded import Loaded, load, parse_settings
from sim.study import store
from sim.study.explain import EXPLAIN_TRIALS, ExplainResult, explain
from sim.study.replay import BEFORE_AFTER, DEFAULT_TRIALS, ReplayResult, replay
from sim.study.runner import Workers

PUBLISHED = "published/"
SETTING = "belief.setting"


class How(NamedTuple):
    """How replays are run; `trials` None is the default number."""

    trials: int | None
    seed: int
    workers: Workers
    engine: str
    uncertain: bool = False


def studies() -> list[str]:
    """Give the names of the shipped scenarios of studies that took place."""
    return [name for name in shipped() if name.startswith(PUBLISHED)]


def _trials(how: How, default: int = DEFAULT_TRIALS) -> int:
    return default if how.trials is None else how.trials


def run_one(loaded: Loaded, how: How, folder: Path | None) -> ReplayResult:
    """Replay one study; into `folder`, if there is one, go run.json, every replay's figures, and the pictures."""
    with progress() as bar:
        result = replay(
            loaded.scenario, loaded.name, _trials(how), how.seed, how.workers, how.engine,
            watch=bar.watch("replays"), watch_population=bar.watch("solving the population"), uncertain=how.uncertain,
            out=folder,
        )  # fmt: skip
    if folder:
        save(study_figure(result), folder, "figures")
        if {f["quantity"] for f in result.figures} >= set(BEFORE_AFTER):
            save(replay_figure(replay_data(result, loaded.scenario)), folder, "replay")
    return result


def run_all(how: How, folder: Path | None, sets: Sequence[str], explains: bool) -> list[ReplayResult]:
    """Replay every published study; a folder each below `folder`, and the picture of all in it."""
    others = [one for one in sets if not one.startswith(f"{SETTING}=")]
    for option, given in (("--set", bool(others)), ("--explain", explains)):
        if given:
            raise ShamtrialError(f"{option}: found with `all`; allowed: with one study (or --set {SETTING}=NAME)")
    chosen = parse_settings(sets)
    own = {name: folder and store.open_folder(folder / name.removeprefix(PUBLISHED)) for name in studies()}
    results = [run_one(load(name, chosen), how, place) for name, place in own.items()]
    if folder:
        save(all_figure(results), folder, "replays")
    return results


def run_explain(loaded: Loaded, how: How, folder: Path | None) -> ExplainResult:
    """Search the grid of mechanisms; into `folder` go run.json and the settings as a table."""
    with progress() as bar:
        result = explain(
            loaded.scenario, loaded.name, _trials(how, EXPLAIN_TRIALS), how.seed, how.workers, how.engine,
            watch=bar.watch("settings"),
        )  # fmt: skip
    if folder:
        store.write_run(folder, "replay --explain", loaded.scenario, how.seed, result.to_dict(), result.elapsed_s)
        store.write_frame(folder / "settings.csv", result.to_frame())
        save(explain_figure(result), folder, "explain")
    return result


def show(result: ReplayResult | ExplainResult) -> None:
    """Print a result as a table with its sentences."""
    if isinstance(result, ExplainResult):
        explain_table(result)
    else:
        replay_table(result)


def show_all(results: Sequence[ReplayResult]) -> None:
    """Print all replays in one table, then the sentences of each."""
    replays_table(results)
