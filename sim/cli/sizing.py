"""Commands for who sizes a trial."""

from __future__ import annotations

from pathlib import Path

import click

from sim.cli.options import (
    UNCERTAIN,
    cli,
    study_options,
)
from sim.cli.shared import load_scenario, told, workers_of
from sim.core.defaults import TWIN_TRIALS


@cli.command()
@click.argument("scenario")
@click.option("--trials", type=int, help="Trials to run.  [default: 500]")
@click.option(
    "--mcse", type=float, help="Trials worked out, from a pilot of 200, for this MCSE of the primary's power."
)
@click.option(
    "--truth-trials", type=int, default=TWIN_TRIALS, show_default=True, help="Twin trials for the truth; 0: no truth."
)
@click.option("--flow", is_flag=True, help="Follow participants too (CONSORT), in the first 100 trials at most.")
@UNCERTAIN
@study_options
def power(scenario: str, trials: int | None, mcse: float | None, truth_trials: int, flow: bool, uncertain: bool,
          seed: int, workers: int | None, engine: str, out: str | None, sets: tuple[str, ...],
          as_json: bool) -> int:  # fmt: skip
    """Power of each endpoint, with its Monte Carlo standard error.

    Bias and coverage stand beside it. SCENARIO is a shipped name (`shamtrial scenarios list`) or the path of a .toml
    file; --out keeps run.json, every estimate (Parquet) and the pictures. Given again, the same command goes on where
    it was stopped, and more --trials are added to those that are there.
    """
    from sim.report.console import power_table, progress
    from sim.study.power import power
    from sim.study.tally import primary, rejections

    loaded = load_scenario(scenario, sets)
    counter = rejections(primary(loaded.scenario), loaded.scenario.study.alpha)
    with progress() as bar:
        result = power(
            loaded.scenario, loaded.name, trials, mcse, seed, workers_of(workers), truth_trials, engine,
            watch=bar.watch("trials", counter), watch_truth=bar.watch("twin trials (truth)"),
            watch_population=bar.watch("solving the population"), flow=flow, watch_flow=bar.watch("participants"),
            uncertain=uncertain, watch_more=bar.watch, out=out,
        )  # fmt: skip
    for note in result.notes:
        click.echo(note, err=True)
    if result.folder:
        from sim.report.pictures import save_power

        save_power(result, result.folder)
    return told(result, as_json, lambda: power_table(result))


@cli.command()
@click.argument("scenario")
@click.option("--power", "target", type=float, default=0.9, show_default=True, help="Power to be reached.")
@click.option("--endpoint", help="Its key, or a family such as arr or relapse_free.  [default: the primary]")
@click.option("--vary", default="n", show_default=True, help="What is sized: n (patients), follow_up (months), sites.")
@click.option("--precision", type=float, default=0.03, show_default=True, help="Half-width of the answer's interval.")
@click.option(
    "--parts/--no-parts",
    default=True,
    show_default=True,
    help="What failure, waiting and so on add (not of follow_up).",
)
@click.option("--complication-rate", type=float, help="Size for safety too: to see at least one complication.")
@click.option("--see", type=float, help="... with this probability.  [default: 0.95]")
@click.option(
    "--most-trials",
    type=int,
    default=100_000,
    show_default=True,
    help="Trials the search may spend; those of verification come on top.",
)
@study_options
def size(scenario: str, target: float, endpoint: str | None, vary: str, precision: float, parts: bool,
         complication_rate: float | None, see: float | None, most_trials: int, seed: int, workers: int | None,
         engine: str, out: str | None, sets: tuple[str, ...], as_json: bool) -> int:  # fmt: skip
    """The smallest trial that reaches a power.

    Found by simulation from a closed form on, with an interval for its Monte Carlo error, and verified on fresh
    trials; and what each thing that goes wrong in a trial adds to it.
    """
    from sim.report.console import progress, size_tables
    from sim.study.size import sample_size

    loaded = load_scenario(scenario, sets)
    with progress() as bar:
        result = sample_size(
            loaded.scenario, loaded.name, target, endpoint, vary, precision, seed, workers_of(workers), engine, parts,
            complication_rate, see, most_trials, bar.watch, out,
        )  # fmt: skip
    if out is not None:
        from sim.report.size import size_figure
        from sim.report.style import save

        save(size_figure(result), Path(out), "size")
    return told(result, as_json, lambda: size_tables(result))
