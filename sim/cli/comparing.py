"""The command that lays designs side by side."""

from __future__ import annotations

import click

from sim.cli.options import cli, study_options
from sim.cli.shared import so_far, told, workers_of
from sim.core.defaults import TWIN_TRIALS


@cli.command()
@click.argument("designs", nargs=-1, required=True, metavar="DESIGN...")
@click.option("--endpoint", help="Its key, or a family such as arr or relapse_free.  [default: each one's primary]")
@click.option("--trials", type=int, default=1000, show_default=True, help="Trials to run of each design.")
@click.option("--null/--no-null", default=True, show_default=True, help="Play each design with no effect too.")
@click.option(
    "--truth-trials", type=int, default=TWIN_TRIALS, show_default=True, help="Twin trials for the truth; 0: no truth."
)
@study_options
def compare(designs: tuple[str, ...], endpoint: str | None, trials: int, null: bool, truth_trials: int, seed: int,
            workers: int | None, engine: str, out: str | None, sets: tuple[str, ...],
            as_json: bool) -> int:  # fmt: skip
    """Designs side by side on the same candidates.

    Power and bias of each, and their differences with paired errors; what trials with no effect would exclude. A
    DESIGN is a scenario, or one with changes: sham_rct:veins.success_prob=1.0,enrolment.target=300. --set and --beliefs
    change all of them. With --out the same command goes on where it was stopped; a DESIGN may be added, not left out.
    """
    from sim.report.compare import comparison_tables, save_comparison
    from sim.report.console import progress
    from sim.scenario.loaded import parse_settings
    from sim.scenario.variants import load_designs
    from sim.study.compare import compare

    loaded = load_designs(designs, parse_settings(sets))
    with progress() as bar:
        result = compare(
            loaded, endpoint, trials, seed, workers_of(workers), engine, null, truth_trials,
            lambda label: bar.watch(label, said=so_far), out,
        )  # fmt: skip
    for note in result.notes:
        click.echo(note, err=True)
    if result.folder:
        save_comparison(result, result.folder)
    return told(result, as_json, lambda: comparison_tables(result))
