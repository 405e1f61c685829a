"""What the run store costs: its threads' share of a run's processor time, time with and without `out` in turns, and the
most memory a run of so many trials took.

python -m tests.bench.run_store share SCENARIO TRIALS ROUNDS [WORKERS]

python -m tests.bench.run_store overhead SCENARIO TRIALS ROUNDS [WORKERS]
python -m tests.bench.run_store memory TRIALS [DIR]
"""

from __future__ import annotations

import random
import resource
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from sim.study import runs
from sim.study.power import power
from sim.study.stream import Stream
from tests.helpers import scenario


def seconds(name: str, trials: int, out: Path | None, workers: int = 1) -> tuple[float, float]:
    """Time a run without the truth: by the clock, and of the processor (this machine may be shared)."""
    clock, processor = time.perf_counter(), time.process_time()
    power(scenario(name), name, trials, truth_trials=0, out=out, workers=workers)
    return time.perf_counter() - clock, time.process_time() - processor


def overhead(name: str, trials: int, rounds: int, workers: int = 1) -> None:
    """Run with and without a folder in turns; print the medians of the pairs' ratios with 95% intervals (bootstrap)."""
    import pyarrow.parquet  # noqa: F401 - loaded once, whatever the run's length

    pairs = []
    seconds(name, 1000, None, workers)
    for number in range(rounds):
        times = {}
        for kept in (False, True) if number % 2 else (True, False):
            folder = Path(tempfile.mkdtemp()) if kept else None
            times[kept] = seconds(name, trials, folder, workers)
            if folder:
                shutil.rmtree(folder)
        pairs.append([k / w - 1.0 for k, w in zip(times[True], times[False], strict=True)])
    print(f"{name}, {trials:,} trials, workers {workers}, {rounds} pairs:")
    for what, own in zip(("clock", "processor"), zip(*pairs, strict=True), strict=True):
        rng = random.Random(1)
        again = sorted(statistics.median(rng.choices(own, k=rounds)) for _ in range(2000))
        low, high = again[50], again[1949]
        print(f"  {what} {100 * statistics.median(own):+.1f}% ({100 * low:+.1f} to {100 * high:+.1f})")


def share(name: str, trials: int, rounds: int, workers: int = 1) -> None:
    """Run with a folder; print what making, writing and handing over chunks took of the run's processor time.

    Less noisy than runs with and without: both figures are of one run. The first, which loads pyarrow, is told apart.
    """
    spent = [0.0]

    def timed(usual: Callable[..., None]) -> Callable[..., None]:
        def call(*arguments: Any) -> None:
            started = time.thread_time()
            usual(*arguments)
            spent[0] += time.thread_time() - started

        return call

    runs._write, Stream._write = timed(runs._write), timed(Stream._write)  # type: ignore[method-assign]
    seconds(name, 1000, None, workers)
    shares = []
    for number in range(rounds + 1):
        spent[0], folder = 0.0, Path(tempfile.mkdtemp())
        _, processor = seconds(name, trials, folder, workers)
        shutil.rmtree(folder)
        shares.append(100.0 * spent[0] / processor)
        loads = "" if number else ", loading pyarrow among it"
        print(f"processor {processor:.2f} s, the store's {spent[0]:.2f} s ({shares[-1]:.1f}%){loads}")
    usual = statistics.median(shares[1:])
    print(f"{name}, {trials:,} trials, workers {workers}: median {usual:.1f}% once pyarrow is there")


def memory(trials: int, out: Path | None) -> None:
    """Print the most memory that a run took."""
    taken, _ = seconds("bench/j1", trials, out)
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024.0
    print(f"{trials:,} trials, {'with' if out else 'without'} a folder: {most:.0f} MB at most, {taken:.1f} s")


if __name__ == "__main__":
    what, *rest = sys.argv[1:]
    if what in ("overhead", "share"):
        (overhead if what == "overhead" else share)(rest[0], *map(int, rest[1:]))
    else:
        memory(int(rest[0]), Path(rest[1]) if len(rest) > 1 else None)
