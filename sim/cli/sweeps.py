"""Commands for many scenarios at once."""

from __future__ import annotations

import click

from sim.cli.options import cli, study_options
from sim.cli.shared import so_far, told, workers_of


@cli.command()
@click.argument("study")
@click.option("--trials", type=int, help="Trials to run in each cell.  [default: the study's own, else 2000]")
@study_options
def sweep(study: str, trials: int | None, seed: int, workers: int | None, engine: str, out: str | None,
          sets: tuple[str, ...], as_json: bool) -> int:  # fmt: skip
    """Power over a grid of scenario keys, or a list.

    STUDY is a .toml file (docs/sweep.md) or a shipped name. All cells are played on the same trials, so that their
    differences are sure; --out keeps run.json, sweep.csv, every estimate and the pictures, and the same command goes
    on where it was stopped, also with more trials or more cells.
    """
    from sim.report.console import progress
    from sim.report.sweep_table import sweep_table
    from sim.scenario.loaded import parse_settings
    from sim.study.sweep import sweep as run_sweep

    with progress() as bar:
        result = run_sweep(
            study, parse_settings(sets), trials, seed, workers_of(workers), engine,
            watch=lambda label: bar.watch(label, said=so_far), out=out,
        )  # fmt: skip
    for note in result.notes:
        click.echo(note, err=True)
    if result.folder:
        from sim.report.sweep import save_sweep

        save_sweep(result, result.folder)
    return told(result, as_json, lambda: sweep_table(result))
