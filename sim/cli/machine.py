"""Commands for a first look, and for a new machine."""

from __future__ import annotations

import click

from sim.cli.options import (
    AS_JSON,
    SEED,
    cli,
    with_workers,
)
from sim.cli.shared import failures, print_result, workers_of


@cli.command()
@click.option("--out", type=click.Path(), default="out/demo", show_default=True, help="Folder to write to.")
@SEED
@with_workers
def demo(out: str, seed: int, workers: int | None) -> int:
    """A trial sized, the 2009 study replayed, five pictures."""
    from sim.report.demo import demo
    from sim.study import store

    return failures(demo(store.open_folder(out), seed, workers_of(workers)))


@cli.command()
@AS_JSON
def selftest(as_json: bool) -> int:
    """Whether this machine answers as it should.

    Random words, log and exp, and a few trials in both engines, compared bit by bit; a digest to compare machines by.
    """
    from sim.study.selftest import selftest

    found = selftest()
    print_result(found.to_dict(), as_json, lambda: click.echo(repr(found)))
    return 0 if found.passed else 3
