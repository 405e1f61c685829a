"""Options that commands share, and the group they belong to."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import click

SEED = click.option("--seed", type=int, default=1, show_default=True, help="Seed of every draw (0 to 2^64 - 1).")
WORKERS = click.option(
    "--workers",
    type=int,
    help="Threads (with --engine reference: processes); the result does not depend on it.  [default: all cores]",
)
CLUSTER = click.option(
    "--cluster", metavar="ADDRESS",
    help="Play on the workers of a dask scheduler, tcp://HOST:PORT or tls://HOST:PORT (docs/cluster.md).",
)  # fmt: skip
CLUSTER_TLS = click.option(
    "--cluster-tls", nargs=3, metavar="CA CERT KEY", help="PEM files for tls://.  [default: dask's own settings]"
)
ENGINE = click.option(
    "--engine", type=click.Choice(["auto", "compiled", "reference"]), default="auto", show_default=True,
    help="Same answers, other speed; auto: compiled for many trials, reference for one.",
)  # fmt: skip
OUT = click.option("--out", type=click.Path(), help="Folder to write to.")
AS_JSON = click.option("--json", "as_json", is_flag=True, help="Print one JSON object on stdout.")
SET = click.option(
    "--set", "sets", multiple=True, metavar="KEY=VALUE", help="Override a value, e.g. effect.rate_ratio=0.7."
)
BELIEFS = click.option(
    "--beliefs", type=click.Choice(["hrobjartsson", "sceptical"]),
    help="Sizes of belief's effects, as --set belief.setting=NAME (docs/blinding.md).",
)  # fmt: skip
UNCERTAIN = click.option(
    "--uncertain", is_flag=True, help="Each trial draws its population (docs/uncertainty.md), power its effect too."
)


def study_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the options that all studies of many trials have."""

    @functools.wraps(command)
    def run(*, sets: tuple[str, ...], beliefs: str | None, **given: Any) -> Any:
        chosen = (*sets, f"belief.setting={beliefs}") if beliefs else sets
        return command(sets=chosen, **given)

    return with_options(with_workers(run), AS_JSON, BELIEFS, SET, OUT, ENGINE, SEED)


def with_workers(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the options that say who plays its trials; `workers_of` tells it who that is."""

    @functools.wraps(command)
    def run(*, cluster: str | None, cluster_tls: tuple[str, str, str] | None, **given: Any) -> Any:
        from sim.cli.shared import connected

        with connected(cluster, cluster_tls, given["workers"]):
            return command(**given)

    return with_options(run, CLUSTER_TLS, CLUSTER, WORKERS)


def with_options(command: Callable[..., Any], *options: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command these options; the last one put on stands first in the help."""
    for option in options:
        command = option(command)
    return command


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="shamtrial")
def cli() -> None:
    """Simulate sham-controlled trials: power with its error, and benefits that are not there.

    SCENARIO is the name of a shipped scenario (`shamtrial scenarios list`) or the path of a .toml file.
    """
