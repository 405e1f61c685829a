"""What commands share: a scenario loaded, a folder opened, a result told."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from sim.scenario.loaded import Loaded
    from sim.study.runner import Crew, Workers

CREW = "shamtrial.crew"


def load_scenario(scenario: str, sets: tuple[str, ...]) -> Loaded:
    """Load a scenario with what --set changes in it."""
    from sim.scenario.loaded import load, parse_settings

    return load(scenario, parse_settings(sets))


def out_folder(out: str | None) -> Path | None:
    """Open the folder of --out for a command that writes no chunks."""
    from sim.study.runs import other_folder

    return None if out is None else other_folder(out)


def keep_run(folder: Path, command: str, loaded: Loaded, seed: int, result: Any, figures: Mapping[str, Figure]) -> None:
    """Write run.json and the pictures, by name."""
    from sim.report.style import save
    from sim.study import store

    store.write_run(folder, command, loaded.scenario, seed, result.to_dict(), result.elapsed_s)
    for name, figure in figures.items():
        save(figure, folder, name)


def told(result: Any, as_json: bool, show: Callable[[], None]) -> int:
    """Say which trials failed, print the result, and give the exit status."""
    status = failures(result.failed)
    print_result(result.to_dict(), as_json, show)
    return status


@contextmanager
def connected(address: str | None, tls: tuple[str, str, str] | None, workers: int | None) -> Iterator[None]:
    """Let `workers_of` give the cluster at an address, if there is one."""
    from sim.core.errors import ShamtrialError

    if address is None:
        if tls:
            raise ShamtrialError("--cluster-tls: found without --cluster; allowed: with it")
        yield
        return
    if workers is not None:
        raise ShamtrialError("--workers: found with --cluster; allowed: without it, whose workers are counted there")
    from sim.study.cluster import Cluster

    with Cluster(address, tls) as crew:
        click.get_current_context().meta[CREW] = crew
        yield


def so_far(standing: Any) -> str:
    """Say the largest Monte Carlo standard error so far of a run of several scenarios, nothing of other answers."""
    largest = getattr(standing, "largest_mcse", math.nan)
    return "" if math.isnan(largest) else f", largest MCSE {largest:.4f}"


def workers_of(asked: int | None) -> Workers:
    """Give who plays: the cluster that is connected, else so many workers as asked for, else one a core."""
    from sim.study.runner import available_workers

    crew: Crew | None = click.get_current_context().meta.get(CREW)
    return crew or (available_workers() if asked is None else asked)


def print_result(content: Any, as_json: bool, show: Callable[[], None]) -> None:
    """Print one JSON object, or what `show` prints."""
    if as_json:
        click.echo(json.dumps(content))
    else:
        show()


def failures(failed: Any) -> int:
    """Say which trials failed, and give the exit status."""
    for f in failed[:5]:
        click.echo(f"failed: trial {f.trial} of seed {f.seed}: {f.message}", err=True)
    if len(failed) > 5:
        click.echo(f"... and {len(failed) - 5} more failed trials", err=True)
    return 3 if failed else 0
