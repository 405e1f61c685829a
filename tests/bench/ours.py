"""Runs one study with shamtrial in a process of its own and prints how it went as one JSON line.

    python -m tests.bench.ours SCENARIO [--trials N | --seconds S] [--workers W] [--engine E] [--set KEY=VALUE]

A first call of a few trials loads or compiles the kernels; it is timed apart (`first_call_s`), then forgotten. With
--seconds as many trials are run as should take that long.
"""

from __future__ import annotations

import argparse
import json
import resource
import sys
import time
from collections.abc import Callable
from typing import Any

WARMING_TRIALS = 4
LEAST_TRIALS, MOST_TRIALS = 8, 1_000_000
SHARES = (0.02, 0.1, 1.0)
PEAK_UNIT_MB = 1.0 / 2**20 if sys.platform == "darwin" else 1.0 / 1024.0


def asked(arguments: list[str] | None = None) -> argparse.Namespace:
    """Read what to run."""
    reader = argparse.ArgumentParser(prog="python -m tests.bench.ours")
    reader.add_argument("scenario")
    reader.add_argument("--trials", type=int, default=0)
    reader.add_argument("--seconds", type=float, default=2.0)
    reader.add_argument("--workers", type=int, default=1)
    reader.add_argument("--engine", default="compiled")
    reader.add_argument("--seed", type=int, default=1)
    reader.add_argument("--set", action="append", default=[], metavar="KEY=VALUE")
    return reader.parse_args(arguments)


def overrides(pairs: list[str]) -> dict[str, Any]:
    """Read KEY=VALUE pairs; the values are JSON."""
    return {key: json.loads(value) for key, _, value in (pair.partition("=") for pair in pairs)}


def main() -> None:
    """Run and tell."""
    how = asked()
    begun = time.perf_counter()
    import sim

    loaded = sim.load(how.scenario, overrides(how.set))

    def run(trials: int) -> tuple[float, Any]:
        started = time.perf_counter()
        result = sim.power(loaded, trials=trials, seed=how.seed, workers=how.workers, truth_trials=0, engine=how.engine)
        return time.perf_counter() - started, result

    first, _ = run(how.trials if 0 < how.trials < WARMING_TRIALS else WARMING_TRIALS)
    since_start = time.perf_counter() - begun
    trials = how.trials or enough(lambda n: run(n)[1].trials_per_s, how.seconds)
    seconds, result = run(trials)
    told = {
        "trials": trials,
        "seconds": seconds,
        "trials_per_s": result.trials_per_s,
        "trials_per_s_of_the_call": trials / seconds,
        "power": next(iter(result.endpoints.values())).power,
        "first_call_s": first,
        "import_to_first_answer_s": since_start,
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * PEAK_UNIT_MB,
    }
    print(json.dumps(told))


def enough(rate: Callable[[int], float], seconds: float) -> int:
    """Give the trials that should take so long, by rates measured on ever longer runs."""
    trials = LEAST_TRIALS
    for share in SHARES:
        per_second = rate(trials)
        wanted = int(per_second * seconds * share)
        if wanted <= trials:
            return min(max(int(per_second * seconds), LEAST_TRIALS), MOST_TRIALS)
        trials = min(wanted, MOST_TRIALS)
    return trials


if __name__ == "__main__":
    main()
