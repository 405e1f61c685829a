"""What a cluster costs, measured on this machine: a task, its bytes, and what the client does with what comes back.

python -m tests.bench.cluster tasks [TASKS]            # empty tasks a second through a scheduler, one worker
python -m tests.bench.cluster sizes SCENARIO           # a trial's seconds; bytes of a task, sent and received
python -m tests.bench.cluster client SCENARIO BLOCKS   # trials a second that one client takes in and writes
python -m tests.bench.cluster run SCENARIO TRIALS ROUNDS  # two workers on a cluster, and two threads, in turn
"""

from __future__ import annotations

import os
import pickle
import shutil
import statistics
import sys
import tempfile
import time
from collections import deque
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

import sim
from sim.study.alike import traits
from sim.study.chunks import CHUNK
from sim.study.performance import BLOCK
from sim.study.play import Play
from sim.study.power import power
from sim.study.remote import Call, Packed, play
from sim.study.runner import MOST_SENT, Workers
from sim.study.tally import Analyse
from sim.study.workers import Function, Part, Rows
from tests.cluster.town import town
from tests.helpers import scenario

EMPTY_ROW = np.dtype([("trial", np.int64)])
TASKS_AHEAD = 50


@dataclass(frozen=True)
class Nothing:
    """Answers trials without playing any."""

    def many(self, trials: list[int]) -> Rows:
        """Give a row a trial."""
        return np.array([(t,) for t in trials], EMPTY_ROW)


@dataclass
class Instant:
    """A crew that has played already: it answers at once, with the rows of one chunk under other trial numbers."""

    rows: Rows
    size: int = 4

    def submit(self, function: Function, number: int, seed: int, trials: list[int]) -> Future[Part]:
        """Answer at once."""
        rows = self.rows[np.asarray(trials) % len(self.rows)]
        rows["trial"] = trials
        done: Future[Part] = Future()
        done.set_result(Part(trials[0], [], rows, number))
        return done


def tasks(number: int) -> None:
    """Time empty tasks through a scheduler, so many under way at a time."""
    with tempfile.TemporaryDirectory() as folder, town(Path(folder), workers=1) as own:  # noqa: SIM117 - too long
        with sim.cluster(own.address) as crew:
            function, waiting = Nothing(), deque[Future[Part]]()
            crew.submit(function, 0, 1, [0]).result()  # type: ignore[arg-type]
            started, before = time.perf_counter(), [_processor(), *map(_processor, own.pids)]
            for trial in range(number):
                waiting.append(crew.submit(function, 0, 1, [trial]))  # type: ignore[arg-type]
                if len(waiting) >= TASKS_AHEAD:
                    waiting.popleft().result()
            for one in waiting:
                one.result()
            taken = time.perf_counter() - started
            after = [_processor(), *map(_processor, own.pids)]
    spent = ", ".join(
        f"{who} {1e3 * (b - a) / number:.1f}"
        for who, a, b in zip(("client", "scheduler", "worker"), before, after, strict=True)
    )
    rate = f"{number / taken:,.0f} a second"
    print(f"{number} empty tasks, {TASKS_AHEAD} under way: {rate}; ms of processor a task: {spent}")


def _processor(pid: int | str = "self") -> float:
    """Give the seconds of processor that a process has taken (Linux)."""
    numbers = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(numbers[11]) + int(numbers[12])) / os.sysconf("SC_CLK_TCK")


def sizes(name: str) -> None:
    """Time a trial in one thread, and count the bytes of a task."""
    function = Analyse(Play(scenario(name), 1))
    function.warm()
    packed, trials = Packed.of(function), list(range(MOST_SENT))
    call = Call(play, (traits(), (packed.digest, packed.content), 0, 1, trials))
    times = []
    for _ in range(3):
        started = time.process_time()
        part: Any = pickle.loads(call.packed())
        times.append(time.process_time() - started)
    sent, received = len(call.packed()), len(pickle.dumps(part, protocol=5))
    print(
        f"{name}: {1e6 * statistics.median(times) / MOST_SENT:,.1f} us of processor a trial; a task of {MOST_SENT} "
        f"trials: {sent:,} bytes sent (function {len(packed.content):,}), {received:,} received"
    )


def client(name: str, blocks: int) -> None:
    """Time what a client does when workers are faster than it: takes parts in, sums them up, writes chunks."""
    own = scenario(name)
    function = Analyse(Play(own, 1))
    crew = Instant(np.concatenate([function.many(range(k, k + BLOCK)) for k in range(0, CHUNK, BLOCK)]))
    for out in (None, Path(tempfile.mkdtemp())):
        power(own, name, BLOCK, truth_trials=0, workers=crew)
        clock, processor = time.perf_counter(), time.process_time()
        power(own, name, blocks * BLOCK, truth_trials=0, workers=crew, out=out)
        clock, processor = time.perf_counter() - clock, time.process_time() - processor
        disk = sum(p.stat().st_size for p in out.glob("*.parquet")) / (blocks * BLOCK) if out else 0.0
        print(
            f"{name}, {'kept' if out else 'not kept'}: {blocks * BLOCK / clock:,.0f} trials a second, "
            f"{clock / blocks * 1e3:.1f} ms a block by the clock, {processor / blocks * 1e3:.1f} ms of processor, "
            f"{disk:.0f} bytes a trial on disk"
        )
        if out:
            shutil.rmtree(out)


def run(name: str, trials: int, rounds: int) -> None:
    """Time a kept run on a cluster of two one-threaded workers and in two threads, in turn."""
    with tempfile.TemporaryDirectory() as folder, town(Path(folder), workers=2) as own:
        own.await_workers(2)
        with sim.cluster(own.address) as crew:
            _timed(name, trials // 10, crew)
            ratios = []
            for _ in range(rounds):
                afar, here = _timed(name, trials, crew), _timed(name, trials, 2)
                ratios.append(afar / here)
                print(f"cluster {trials / afar:,.0f} trials a second, threads {trials / here:,.0f}")
    print(f"{name}, {trials:,} trials: on the cluster {statistics.median(ratios):.2f} times the clock of threads")


def _timed(name: str, trials: int, workers: Workers) -> float:
    with tempfile.TemporaryDirectory() as out:
        started = time.perf_counter()
        power(scenario(name), name, trials, truth_trials=0, workers=workers, out=out)
        return time.perf_counter() - started


def main(what: str, *rest: str) -> None:
    """Measure what is asked for."""
    if what == "tasks":
        tasks(int(rest[0]) if rest else 2000)
    elif what == "sizes":
        sizes(rest[0])
    elif what == "client":
        client(rest[0], int(rest[1]))
    else:
        run(rest[0], int(rest[1]), int(rest[2]))


if __name__ == "__main__":
    from tests.bench import cluster  # a worker finds `Nothing` by this name

    cluster.main(*sys.argv[1:])
