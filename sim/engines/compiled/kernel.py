"""The entry points of the engine that Python calls: for trials told patient by patient, without and with further
mechanisms, and for plain ones.

Several, so that a run compiles only what it plays by: `play_trials` gets plans without further mechanisms, and what is
a `further_part` is left out of it.
"""

from __future__ import annotations

from typing import Any

from sim.engines.compiled.plain import play_plainly
from sim.engines.compiled.trial import clear, recruit
from sim.jit import bare_kernel, inlined_part


@inlined_part
def play(given: Any, trials: Any, trial: Any, tables: Any, batch: Any, first: Any) -> Any:
    """Play these trials one after another; give how many were played before one needed attention.

    A trial that finds no room in a table, or a factor above its bound, stops the call: `trial[0].status` says which.
    Entered patients of trial k are rows first[k] to first[k + 1] - 1 of the batch.
    """
    plan, t, filled = given[0], trial[0], batch.filled
    for k in range(trials.shape[0]):
        people, relapses, visits = filled[0], filled[1], filled[2]
        clear(plan, t, trials[k])
        recruit(plan, t, tables, batch)
        if t.status != 0:
            filled[0], filled[1], filled[2] = people, relapses, visits
            return k
        first[k + 1] = filled[0]
    return int(trials.shape[0])


@bare_kernel
def play_trials(given: Any, trials: Any, trial: Any, tables: Any, batch: Any, first: Any) -> int:
    """Play these trials by `play`; their plan has no further mechanisms."""
    return int(play(given, trials, trial, tables, batch, first))


@bare_kernel
def play_further_trials(given: Any, trials: Any, trial: Any, tables: Any, batch: Any, first: Any) -> int:
    """Play these trials by `play`; their plan may have any mechanism."""
    return int(play(given, trials, trial, tables, batch, first))


@bare_kernel
def play_plain_trials(given: Any, trials: Any, trial: Any, tables: Any, batch: Any, first: Any) -> int:
    """Play these plain trials as `play` does; no visits are asked for."""
    plan, t, filled = given[0], trial[0], batch.filled
    for k in range(trials.shape[0]):
        people, relapses = filled[0], filled[1]
        clear(plan, t, trials[k])
        play_plainly(plan, t, tables, batch)
        if t.status != 0:
            filled[0], filled[1] = people, relapses
            return k
        first[k + 1] = filled[0]
    return int(trials.shape[0])
