"""Commands that look at one trial."""

from __future__ import annotations

import time

import click

from sim.cli.options import (
    AS_JSON,
    ENGINE,
    OUT,
    SEED,
    SET,
    cli,
)
from sim.cli.shared import load_scenario, out_folder, print_result


@cli.command()
@click.argument("scenario")
@click.option("--trial", type=int, default=0, show_default=True, help="Number of the trial, from 0.")
@click.option("--format", "ending", type=click.Choice(["parquet", "csv"]), default="parquet", show_default=True)
@SEED
@ENGINE
@OUT
@SET
@AS_JSON
def simulate(scenario: str, trial: int, ending: str, seed: int, engine: str, out: str | None, sets: tuple[str, ...],
             as_json: bool) -> None:  # fmt: skip
    """One trial of SCENARIO as tables.

    It is exactly trial K of the power run with that seed. The flow of its participants stands above the tables; --out
    keeps both, the CONSORT diagram, and a picture of treatment guesses where they are asked.
    """
    from sim.report.console import flow_table, guesses_table
    from sim.study import store
    from sim.study.simulate import simulate

    loaded, folder = load_scenario(scenario, sets), out_folder(out)
    begun = time.perf_counter()
    played = simulate(loaded.scenario, loaded.name, trial, seed, engine=engine)
    rows = {name: len(table) for name, table in played.tables.items()}
    summary = {
        "scenario": loaded.name, "digest": loaded.digest, "seed": seed, "trial": trial, "rows": rows,
        "beliefs": played.beliefs.to_dict(), "consort": played.consort.to_dict(),
        "out": str(folder) if folder else None,
    }  # fmt: skip
    if guesses := played.guesses:
        summary["guesses"] = [g.to_dict() for g in guesses]
    if folder:
        from sim.report.pictures import trial_figures
        from sim.report.style import save

        store.write_tables(folder, played, ending)
        store.write_run(folder, "simulate", loaded.scenario, seed, summary, time.perf_counter() - begun)
        for picture, figure in trial_figures(played).items():
            save(figure, folder, picture)

    def show() -> None:
        click.echo(repr(played))
        flow_table(played.consort, played.on_medication)
        if guesses:
            guesses_table(guesses, loaded.scenario.study.alpha)
        for name, count in rows.items():
            if count:
                click.echo(f"  {name:<11}{count:>8} rows")
        click.echo(f"written to {folder}" if folder else "give --out DIR to write the tables")

    print_result(summary, as_json, show)


@cli.command()
@click.argument("scenario")
@click.option("--trial", type=int, default=0, show_default=True, help="Number of the trial, from 0.")
@click.option("--patient", required=True, metavar="USUBJID", help="Site and arrival number, e.g. 003-0017.")
@SEED
@OUT
@SET
def trace(scenario: str, trial: int, patient: str, seed: int, out: str | None, sets: tuple[str, ...]) -> None:
    """One patient's life as text, and a picture with --out."""
    from sim.study import store
    from sim.study.simulate import simulate
    from sim.study.trace import full_name, trace

    usubjid = full_name(patient)
    loaded, folder = load_scenario(scenario, sets), out_folder(out)
    played = simulate(loaded.scenario, loaded.name, trial, seed)
    text = trace(played, usubjid)
    if folder:
        from sim.report.life import lifeline_data
        from sim.report.lifeline import lifeline_figure
        from sim.report.style import save

        store.write_text(folder / f"life-{usubjid}.txt", text + "\n")
        save(lifeline_figure(lifeline_data(played.tables, usubjid)), folder, f"life-{usubjid}")
    click.echo(text)
