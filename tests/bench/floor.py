"""The drawing floor: what a trial's random blocks, logarithms and exponentials cost by themselves, in a plain loop.

    NUMBA_DISABLE_JIT=1 python -m tests.bench.floor SCENARIO TRIALS

counts them in the compiled engine's own code, run interpreted, and prints one JSON line; `seconds` times a loop that
makes as many, one after another, with nothing of a life between them.
"""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from sim.core import inverse
from sim.core.logarithm import natural_log
from sim.core.streams import uniforms_uint64
from sim.jit import bare_kernel
from tests.bench.contest import ROOT

SEED = 1
COUNTED = ("blocks", "logs", "exps")


@bare_kernel
def draw_only(blocks: int, logs: int, exps: int) -> float:
    """Make so many blocks, logarithms and exponentials, and give their sum, so that none can be left out."""
    total = 0.0
    one = np.uint64(1)
    for k in range(blocks):
        u = uniforms_uint64(one, one, np.uint64(k), one, one, one)
        total += u[0] + u[1] + u[2] + u[3]
    for k in range(logs):
        total += natural_log((k + 0.5) / logs)
    for k in range(exps):
        total += math.exp((k + 0.5) / exps)
    return total


def seconds(counts: dict[str, float], trials: int) -> float:
    """Give the seconds that the draws of so many trials take by themselves."""
    wanted = [round(counts[name] * trials) for name in COUNTED]
    draw_only(*wanted)
    begun = time.perf_counter()
    draw_only(*wanted)
    return time.perf_counter() - begun


def counted(scenario: str, trials: int) -> dict[str, float]:
    """Give the mean number of blocks, logarithms and exponentials a trial, counted in a process of its own."""
    command = [sys.executable, "-W", "ignore", "-m", "tests.bench.floor", scenario, str(trials)]
    environment = os.environ | {"NUMBA_DISABLE_JIT": "1"}
    done = subprocess.run(command, capture_output=True, text=True, env=environment, cwd=ROOT, check=True)
    found: dict[str, float] = json.loads(done.stdout.strip().splitlines()[-1])
    return found


def main(name: str, trials: int) -> None:
    """Play interpreted, counting, and print the means a trial."""
    import sim
    from sim.engines.compiled import clocks, plain
    from sim.study.play import Play
    from sim.study.wanted import wanted

    tally = dict.fromkeys(COUNTED, 0)

    def counting(what: str, function: Callable[..., Any], each: int = 1) -> Callable[..., Any]:
        def count(*arguments: Any) -> Any:
            tally[what] += each
            return function(*arguments)

        return count

    scenario = sim.load(name).scenario
    play = Play(scenario, SEED, "compiled")
    assert play.plan
    clocks.uniforms_uint64 = counting("blocks", clocks.uniforms_uint64)  # type: ignore[attr-defined]
    plain.uniforms_pair_uint64 = counting("blocks", plain.uniforms_pair_uint64, each=2)  # type: ignore[attr-defined]
    inverse.natural_log = counting("logs", natural_log)  # type: ignore[attr-defined]
    math.log, math.exp = counting("logs", math.log), counting("exps", math.exp)
    with np.errstate(all="ignore"):
        play.cohorts(range(trials), want=wanted(scenario))
    print(json.dumps({what: n / trials for what, n in tally.items()}))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
