"""How the rows of a run's chunks are made: what plays them, and their layout, told from the run's folder alone."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from sim.core.errors import ShamtrialError
from sim.scenario.loaded import with_settings
from sim.scenario.schema import Scenario
from sim.study.acting import with_only
from sim.study.estimates import Estimates
from sim.study.layout import Flat, Layout
from sim.study.ledger import chosen, series_of, side_of
from sim.study.opened import StoredRun
from sim.study.play import Play
from sim.study.population import solved
from sim.study.replay import CLAIMED, NULL, Replayed, to_ask, to_judge
from sim.study.search import Later
from sim.study.size_parts import ideal_worlds
from sim.study.tally import Analyse
from sim.study.uncertain import find_draws, uncertain_play
from sim.study.vary import dial
from sim.study.worlds import WorldOf, only_endpoint

Maker = Callable[[StoredRun, str, str], tuple[Any, Layout]]
"""Gives, for a run, a series of it and an engine, the function that plays its rows and their layout."""


def _power(run: StoredRun, series: str, engine: str) -> tuple[Any, Layout]:
    _known(run, series, "estimates")
    ready, seed = _ready(run.scenario_of(series), engine), run.told["seed"]
    play = uncertain_play(ready, find_draws(ready), seed, engine) if _uncertain(run) else Play(ready, seed, engine)
    return Analyse(play), Estimates(ready)


def _replay(run: StoredRun, series: str, engine: str) -> tuple[Any, Layout]:
    _known(run, series, NULL, CLAIMED)
    scenario, seed = run.scenario, run.told["seed"]
    ready = _ready(scenario, engine)
    own = with_settings(ready, scenario.published.claim.settings) if series == CLAIMED else ready
    draws = find_draws(ready).of_population() if _uncertain(run) else None
    play = uncertain_play(own, draws, seed, engine) if draws else Play(own, seed, engine)
    function = Replayed(play, to_ask(own, to_judge(scenario, "")[0]))
    return function, Flat(function.row)


def _bias(run: StoredRun, series: str, engine: str) -> tuple[Any, Layout]:
    players, ready = run.told["settings"]["mechanisms"], _ready(run.scenario, engine)
    side = side_of(players, series)
    _known(run, series, series_of(players, side))
    own = only_endpoint(ready, chosen(ready, run.told["settings"]["endpoint"]))
    world = WorldOf(Play(with_only(own, players, side), run.told["seed"], engine))
    return world, Flat(world.layout)


BATCH = re.compile(r"(?P<what>at|with-everything-at|without-(?P<part>[a-z_]+)-at)-(?P<x>[0-9]+)-from-(?P<first>[0-9]+)")


def _size(run: StoredRun, series: str, engine: str) -> tuple[Any, Layout]:
    told, ready = run.told["settings"], _ready(run.scenario, engine)
    moved = dial(only_endpoint(ready, chosen(ready, told["endpoint"])), told["vary"])
    worlds = {name: world for name, _, world in ideal_worlds(moved.scenario)}
    batch = BATCH.fullmatch(series)
    if batch is None or (batch["part"] and batch["part"] not in worlds):
        raise _unknown(run, series, "at-SIZE-from-TRIAL, with-everything-at-..., without-PART-at-...")
    own = replace(moved, scenario=worlds[batch["part"]]) if batch["part"] else moved
    play = Play(own.at(int(batch["x"])), run.told["seed"], engine)
    return Later(Analyse(play), int(batch["first"])), Estimates(play.scenario)


def _compare(run: StoredRun, series: str, engine: str) -> tuple[Any, Layout]:
    _known(run, series, *run.told.get("cells", {}))
    scenario, asked = run.scenario_of(series), run.told["settings"]["endpoint"]
    own = only_endpoint(_ready(scenario, engine), chosen(scenario, asked))
    return Analyse(Play(own, run.told["seed"], engine)), Estimates(own)


def _sweep(run: StoredRun, series: str, engine: str) -> tuple[Any, Layout]:
    _known(run, series, *run.told.get("cells", {}))
    ready = _ready(run.scenario_of(series), engine)
    return Analyse(Play(ready, run.told["seed"], engine)), Estimates(ready)


MAKERS: dict[str, Maker] = {
    "bias": _bias,
    "compare": _compare,
    "power": _power,
    "replay": _replay,
    "size": _size,
    "sweep": _sweep,
}
"""By command."""


def _ready(scenario: Scenario, engine: str) -> Scenario:
    return solved(scenario, 1, None, engine)[0]


def _uncertain(run: StoredRun) -> bool:
    return "cloud" in run.told["settings"]


def _known(run: StoredRun, series: str, *allowed: str) -> None:
    if series not in allowed:
        raise _unknown(run, series, ", ".join(allowed))


def _unknown(run: StoredRun, series: str, allowed: str) -> ShamtrialError:
    return ShamtrialError(
        f"{run.folder}: found chunks of a series {series!r}; allowed in a run of `{run.told['command']}`: {allowed}"
    )
