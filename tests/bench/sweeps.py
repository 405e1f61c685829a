"""The most memory that a sweep of so many cells and trials took.

python -m tests.bench.sweeps CELLS TRIALS [DIR]
"""

from __future__ import annotations

import resource
import sys
import time
from pathlib import Path

from sim.study.sweep import sweep


def memory(cells: int, trials: int, out: Path | None) -> None:
    """Sweep small trials of J1 over so many effects; print the most memory and the time."""
    ratios = [round(0.2 + 0.8 * k / cells, 5) for k in range(cells)]
    small = {"enrolment.target": 20, "randomisation.block_size": 20}
    begun = time.perf_counter()
    sweep({"scenario": "bench/j1", "set": small, "grid": {"effect.rate_ratio": ratios}}, trials=trials, out=out)
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024.0
    taken, where = time.perf_counter() - begun, "with" if out else "without"
    print(f"{cells} cells, {trials:,} trials each, {where} a folder: {most:.0f} MB, {taken:.1f} s")


if __name__ == "__main__":
    memory(int(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3]) if len(sys.argv) > 3 else None)
