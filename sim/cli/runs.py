"""Commands on what --out wrote."""

from __future__ import annotations

import click

from sim.cli.options import (
    AS_JSON,
    ENGINE,
    SEED,
    cli,
    with_workers,
)
from sim.cli.shared import print_result, workers_of


@cli.group()
def runs() -> None:
    """List, show, verify and export what --out wrote."""


@runs.command("list")
@click.argument("folder", default="out")
@AS_JSON
def list_runs(folder: str, as_json: bool) -> None:
    """The runs in FOLDER and below it.

    Each with its command, its trials, and whether it is done.
    """
    from sim.report import runs as told
    from sim.report.console import print_table
    from sim.study.opened import found_runs

    found = found_runs(folder)
    content = {"runs": [{k: v for k, v in run.to_dict().items() if k != "result"} for run in found]}
    print_result(content, as_json, lambda: print_table(f"Runs in {folder}", told.HEADINGS, told.rows(found), ()))


@runs.command("show")
@click.argument("folder")
@AS_JSON
def show_run(folder: str, as_json: bool) -> None:
    """What run is in FOLDER, what there is of it."""
    from sim.report.runs import lines
    from sim.study.opened import open_run

    run = open_run(folder)
    print_result(run.to_dict(), as_json, lambda: click.echo("\n".join(lines(run))))


@runs.command("verify")
@click.argument("folder")
@click.option("--trials", type=int, default=20, show_default=True, help="Trials to play again; 0: only read.")
@click.option("--all", "everything", is_flag=True, help="Play all of them again.")
@SEED
@with_workers
@ENGINE
@AS_JSON
def verify_run(folder: str, trials: int, everything: bool, seed: int, workers: int | None, engine: str,
               as_json: bool) -> int:  # fmt: skip
    """Whether the run in FOLDER is what it says.

    Reads every chunk, plays a sample of trials again (chosen by --seed) and compares bit for bit; exit status 3
    where something differs.
    """
    from sim.report.console import progress
    from sim.study.opened import open_run
    from sim.study.recheck import verify

    run = open_run(folder)
    with progress() as bar:
        found = verify(
            run, None if everything else trials, seed, workers_of(workers), engine, bar.watch("trials again")
        )
    print_result(found.to_dict(), as_json, lambda: click.echo(repr(found)))
    return 0 if found.passed else 3


@runs.command("export")
@click.argument("folder")
@click.option("--to", required=True, type=click.Path(), help="File to write: its name ends in .csv or .parquet.")
@click.option("--series", help="Which series of chunks.  [default: the only one, else estimates, else all]")
def export_run(folder: str, to: str, series: str | None) -> None:
    """All chunks of FOLDER as one file, CSV or Parquet.

    Of a run that is not done, what there is of it; one that was done and has lost trials is refused.
    """
    from sim.study.opened import open_run

    run = open_run(folder)
    path = run.export(to, series)
    for gap in run.gaps:
        click.echo(f"{folder}: {gap}", err=True)
    click.echo(f"written to {path}")
