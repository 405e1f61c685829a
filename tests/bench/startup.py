"""Measures how long the front door takes to open: whole processes, median of 20. Run it on a quiet machine.

    .venv/bin/python tests/bench/startup.py

`import sim` is to stay under 0.3 s and `shamtrial --help` under 0.5 s. What they import is a test
(tests/contract/test_front_door.py); how long it takes depends on the machine, so that is no test.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
from pathlib import Path

RUNS = 20
SHAMTRIAL = str(Path(sys.executable).with_name("shamtrial"))
COMMANDS = {
    "python -c pass": ([sys.executable, "-c", "pass"], None),
    "import sim": ([sys.executable, "-c", "import sim"], 0.3),
    "shamtrial --help": ([SHAMTRIAL, "--help"], 0.5),
}


def seconds(command: list[str]) -> float:
    """Run a process; give its whole time."""
    begun = time.perf_counter()
    subprocess.run(command, stdout=subprocess.DEVNULL, check=True)
    return time.perf_counter() - begun


def main() -> int:
    """Print a line a command; 1 if a median is over its limit."""
    late = 0
    for name, (command, limit) in COMMANDS.items():
        seconds(command)  # the first one reads files from disk
        times = [seconds(command) for _ in range(RUNS)]
        median = statistics.median(times)
        late += limit is not None and median >= limit
        allowed = f", to stay under {limit} s" if limit else ""
        print(f"{name:<18} median {median:.3f} s of {RUNS} ({min(times):.3f} to {max(times):.3f}){allowed}")
    return 1 if late else 0


if __name__ == "__main__":
    sys.exit(main())
