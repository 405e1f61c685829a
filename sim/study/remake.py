"""How the rows of a run's chunks are made: what plays them, and their layout, told from the run's folder alone."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sim.core.errors import ShamtrialError
from sim.scenario.loaded import with_settings
from sim.scenario.schema import Scenario
from sim.study.estimates import Estimates
from sim.study.layout import Flat, Layout
from sim.study.opened import StoredRun
from sim.study.play import Play
from sim.study.population import solved
from sim.study.uncertain import find_draws, uncertain_play

Maker = Callable[[StoredRun, str, str], tuple[Any, Layout]]
"""Gives, for a run, a series of it and an engine, the function that plays its rows and their layout."""


def _power(run: StoredRun, series: str, engine: str) -> tuple[Any, Layout]:
    from sim.study.power import Analyse

    _known(run, series, "estimates")
    ready, seed = _ready(run.scenario_of(series), engine), run.told["seed"]
    play = uncertain_play(ready, find_draws(ready), seed, engine) if _uncertain(run) else Play(ready, seed, engine)
    return Analyse(play), Estimates(ready)


def _replay(run: StoredRun, series: str, engine: str) -> tuple[Any, Layout]:
    from sim.study.replay import CLAIMED, NULL, Replayed, to_ask, to_judge

    _known(run, series, NULL, CLAIMED)
    scenario, seed = run.scenario, run.told["seed"]
    ready = _ready(scenario, engine)
    own = with_settings(ready, scenario.published.claim.settings) if series == CLAIMED else ready
    draws = find_draws(ready).of_population() if _uncertain(run) else None
    play = uncertain_play(own, draws, seed, engine) if draws else Play(own, seed, engine)
    function = Replayed(play, to_ask(own, to_judge(scenario, "")[0]))
    return function, Flat(function.row)


def _sweep(run: StoredRun, series: str, engine: str) -> tuple[Any, Layout]:
    from sim.study.power import Analyse

    _known(run, series, *run.told.get("cells", {}))
    ready = _ready(run.scenario_of(series), engine)
    return Analyse(Play(ready, run.told["seed"], engine)), Estimates(ready)


MAKERS: dict[str, Maker] = {"power": _power, "replay": _replay, "sweep": _sweep}
"""By command."""


def _ready(scenario: Scenario, engine: str) -> Scenario:
    return solved(scenario, 1, None, engine)[0]


def _uncertain(run: StoredRun) -> bool:
    return "cloud" in run.told["settings"]


def _known(run: StoredRun, series: str, *allowed: str) -> None:
    if series not in allowed:
        raise ShamtrialError(
            f"{run.folder}: found chunks of a series {series!r}; allowed in a run of `{run.told['command']}`: "
            f"{', '.join(allowed)}"
        )
