"""What the run store costs: time with and without `out`, in turns, and the most memory a run of so many trials took.

python -m tests.bench.run_store overhead SCENARIO TRIALS ROUNDS
python -m tests.bench.run_store memory TRIALS [DIR]
"""

from __future__ import annotations

import resource
import shutil
import statistics
import sys
import tempfile
import time
from pathlib import Path

from sim.study.power import power
from tests.helpers import scenario


def seconds(name: str, trials: int, out: Path | None) -> tuple[float, float]:
    """Time a run without the truth: by the clock, and of the processor (this machine may be shared)."""
    clock, processor = time.perf_counter(), time.process_time()
    power(scenario(name), name, trials, truth_trials=0, out=out)
    return time.perf_counter() - clock, time.process_time() - processor


def overhead(name: str, trials: int, rounds: int) -> None:
    """Run with and without a folder in turns; print each pair and the median of their ratios."""
    seconds(name, 1000, None)
    ratios = []
    for _ in range(rounds):
        without = seconds(name, trials, None)
        folder = Path(tempfile.mkdtemp())
        kept = seconds(name, trials, folder)
        shutil.rmtree(folder)
        ratios.append([k / w - 1.0 for k, w in zip(kept, without, strict=True)])
        print(f"without {without[0]:.2f} s, processor {without[1]:.2f} s; with {kept[0]:.2f} s, {kept[1]:.2f} s")
    clock, processor = (100.0 * statistics.median(own) for own in zip(*ratios, strict=True))
    print(f"{name}, {trials:,} trials: median {clock:+.1f}% by the clock, {processor:+.1f}% of processor time")


def memory(trials: int, out: Path | None) -> None:
    """Print the most memory that a run took."""
    taken, _ = seconds("bench/j1", trials, out)
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024.0
    print(f"{trials:,} trials, {'with' if out else 'without'} a folder: {most:.0f} MB at most, {taken:.1f} s")


if __name__ == "__main__":
    what, *rest = sys.argv[1:]
    if what == "overhead":
        overhead(rest[0], int(rest[1]), int(rest[2]))
    else:
        memory(int(rest[0]), Path(rest[1]) if len(rest) > 1 else None)
