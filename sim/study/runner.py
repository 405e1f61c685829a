"""Runs many trials, over threads or processes if asked, and hands results back in order of trial number.

The answer does not depend on the number of workers: each trial is a pure function of (scenario, seed, trial). The
compiled engine runs in threads, since its kernels hold no lock; the reference engine in processes.
"""

from __future__ import annotations

import multiprocessing
import os
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import suppress
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from typing import Any, Generic, NamedTuple, Protocol, TypeVar

import numpy as np

from sim.core.errors import RunError, ShamtrialError
from sim.study.ctrl_c import CtrlC, ctrl_c_blocked
from sim.study.workers import (
    Failure,
    Function,
    Part,
    Rows,
    answer,
    answer_here,
    begin,
    make_ready,
    warm_here,
)

__all__ = [
    "Crew",
    "Deserted",
    "Failure",
    "Interrupted",
    "Part",
    "Piece",
    "Pool",
    "Progress",
    "Rows",
    "Watcher",
    "Workers",
]

T = TypeVar("T")

CHUNK_SECONDS = {"processes": 1.0, "threads": 0.15, "crew": 1.0}
AHEAD = 2  # chunks under way, or waiting, a worker
MOST_IN_CHUNK = 25
MOST_SENT = 1000
TASKS_A_SECOND = 100  # what a crew's scheduler carries without ado: a large crew gets larger chunks, not more of them
MOST_PATIENTS = 40_000  # of a batch, so that it stays in the processor's cache
KEPT_BYTES = 32_000_000  # a batch's tables take less; the most that the C library (glibc) learns a size from
FINISH_SECONDS = 3.0  # after Ctrl-C
LOOK_SECONDS = 1.0  # between two looks at a crew that sends nothing
MOST_WORKERS = 256


class Interrupted(  # noqa: N818 - named for what happened; it is not a fault
    ShamtrialError
):
    """Ctrl-C in a run; `folder` holds what has been played, if the run has one."""

    exit_status = 130

    def __init__(self, message: str, folder: str = "") -> None:
        super().__init__(message)
        self.folder = folder


class Deserted(  # noqa: N818 - named for what happened, as Interrupted is
    RunError
):
    """Workers that are gone in the middle of a run; `folder` holds what has been played, if the run has one."""

    def __init__(self, message: str, folder: str = "") -> None:
        super().__init__(message)
        self.folder = folder


@dataclass
class Progress:
    """What a progress bar may show: trials done, trials wanted, trials a second, start-up left out.

    `before` were done before the clock started: played in an earlier part of the run, or read from its folder.
    """

    done: int
    total: int
    started: float
    before: int = 0

    @property
    def per_second(self) -> float:
        """Trials a second since the first one started."""
        return (self.done - self.before) / max(time.perf_counter() - self.started, 1e-9)


Watcher = Callable[[Progress, Any], None]


class Crew(Protocol):
    """Workers that are not this process's own: `size` of them, which may change."""

    @property
    def size(self) -> int:
        """How many trials can be played at a time; Deserted where nobody is left to play any."""

    def submit(self, function: Function, number: int, seed: int, trials: list[int]) -> Future[Part]:
        """Have `answer(function, number, seed, trials)` worked out; the future can be cancelled at any time."""


Workers = int | Crew
"""So many threads or processes of this machine, or a crew elsewhere: it makes no difference to an answer."""


def available_workers() -> int:
    """Give the number of processor cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


class Piece(NamedTuple):
    """Trials that one of a pool's functions, by its number, is to answer."""

    trials: Sequence[int]
    function: int = 0


class Pool(Generic[T]):
    """Workers that answer `function(trial)` for many trials, of one function or of several; a context manager.

    A function may have a method `many(trials)` that answers them all at once, as an array with a row a trial; then use
    `run_rows`. `warm()`, if it has one, is called before the first trial, so that start-up is not taken for trials'
    time. A function with `play.engine` "compiled" runs in threads, any other in processes, for which it must be
    picklable; all of a pool's functions are of one kind. With one worker everything runs here.
    """

    def __init__(
        self, function: Callable[[int], T] | Sequence[Callable[[int], T]], seed: int, workers: Workers
    ) -> None:
        self.functions = [function] if callable(function) else list(function)
        self.crew = None if isinstance(workers, int) else workers
        self.workers = workers if isinstance(workers, int) else workers.size
        if not self.crew and not 1 <= self.workers <= MOST_WORKERS:
            raise ShamtrialError(f"--workers: found {workers}; allowed: 1 to {MOST_WORKERS}")
        self.seed = seed
        self.threads = getattr(_play(self.functions[0]), "engine", "") == "compiled"
        self.kind = "crew" if self.crew else "threads" if self.threads else "processes"
        self.pool: Executor | None = None
        self.busy_seconds = 0.0
        self.waiting: set[Future[Part]] = set()
        self.came: SimpleQueue[Future[Part] | None] = SimpleQueue()
        self.ctrl_c = CtrlC(wake=lambda: self.came.put(None))

    def __enter__(self) -> Pool[T]:
        if not self.crew and (self.workers == 1 or self.threads):
            make_ready(self.functions[0])
        if self.threads:
            _keep_memory()
        if self.kind == "threads" and self.workers > 1:
            self.pool = ThreadPoolExecutor(self.workers)
        elif self.kind == "processes" and self.workers > 1:
            try:
                self._start()
            except BaseException as error:
                self.__exit__(type(error))
                raise
        return self

    def __exit__(self, error: type[BaseException] | None, *_: object) -> None:
        for future in self.waiting:
            future.cancel()
        if not self.pool:
            return
        if error and isinstance(self.pool, ProcessPoolExecutor):  # nobody waits for what is still running
            for process in list((self.pool._processes or {}).values()):
                process.terminate()
        self.pool.shutdown(wait=True, cancel_futures=True)

    def _start(self) -> None:
        context = multiprocessing.get_context("forkserver" if os.name == "posix" else "spawn")
        self.pool = ProcessPoolExecutor(self.workers, mp_context=context, initializer=begin, initargs=(self.functions,))
        try:
            with ctrl_c_blocked():
                ready = [self.pool.submit(warm_here) for _ in range(2 * self.workers)]
        except BrokenProcessPool:
            raise _died() from None
        wait(ready)

    def run(self, trials: Sequence[int], watch: Watcher | None = None) -> list[T | Failure]:
        """Give the answers for these trials, in their order; a trial that raises gives a Failure.

        Raises Interrupted on Ctrl-C, RunError when a worker process dies.
        """
        answers: dict[int, T | Failure] = {}
        self._run(trials, lambda part: answers.update(part.single), watch)
        return [answers[t] for t in trials]

    def run_rows(self, trials: Sequence[int], watch: Watcher | None = None) -> tuple[Rows | None, list[Failure]]:
        """Give the rows of `function.many` for these trials, numbers that rise, and the failures.

        A trial that raises has no row; None: every trial raised. Raises as `run` does.
        """
        table = Filling(trials)
        self._run(trials, table.fill, watch)
        return table.result(), sorted(table.failures, key=lambda f: f.trial)

    def _run(self, trials: Sequence[int], take: Callable[[Part], None], watch: Watcher | None) -> None:
        """Hand each part to `take`."""
        progress = Progress(0, len(trials), time.perf_counter())
        try:
            with self.ctrl_c:
                for part in self.parts([Piece(trials)], progress):
                    take(part)
                    progress.done += part.trials
                    if watch:
                        watch(progress, part.good)
        except KeyboardInterrupt:
            raise Interrupted(f"stopped by Ctrl-C after {progress.done} of {len(trials)} trials") from None

    def parts(self, pieces: Sequence[Piece], progress: Progress) -> Iterator[Part]:
        """Give the answers part by part, as they come; no part lies in two pieces. The caller counts `progress.done`.

        Raises RunError when a worker process dies; KeyboardInterrupt between two parts, if the caller takes them inside
        `with pool.ctrl_c`. After that `finish` gives what is being played.
        """
        started, left = time.perf_counter(), sum(len(piece.trials) for piece in pieces)
        try:
            for trials, function in pieces:
                start = 0
                while start < len(trials):
                    size = min(self._size(progress, left, function), len(trials) - start)
                    chunk, start, left = list(trials[start : start + size]), start + size, left - size
                    yield from self._play(function, chunk)
            while self.waiting:
                yield self._come()
        except BrokenProcessPool:
            raise _died() from None
        finally:
            self.busy_seconds += time.perf_counter() - started

    def _play(self, function: int, chunk: list[int]) -> Iterator[Part]:
        """Have a chunk played; give what has come meanwhile, once enough is waiting."""
        self.ctrl_c.stop()
        if not self.pool and not self.crew:
            yield answer(self.functions[function], function, self.seed, chunk)
            return
        future = self._send(function, chunk)
        self.waiting.add(future)
        future.add_done_callback(self.came.put)
        while len(self.waiting) >= AHEAD * self.workers:
            yield self._come()

    def _send(self, function: int, chunk: list[int]) -> Future[Part]:
        if self.crew:
            self.workers = self.crew.size
            return self.crew.submit(self.functions[function], function, self.seed, chunk)
        assert self.pool is not None
        if self.threads:
            return self.pool.submit(answer, self.functions[function], function, self.seed, chunk)
        return self.pool.submit(answer_here, function, self.seed, chunk)

    def _come(self) -> Part:
        future = self._next()
        self.waiting.discard(future)
        return future.result()

    def _next(self) -> Future[Part]:
        """Wait for a future that is done; a crew is looked at meanwhile, which raises Deserted if it is gone."""
        while True:
            self.ctrl_c.stop()
            with suppress(Empty):
                if future := self.came.get(timeout=LOOK_SECONDS if self.crew else None):
                    return future
            if self.crew:
                self.workers = self.crew.size

    def finish(self) -> Iterator[Part]:
        """After Ctrl-C: give the parts that workers were playing, as far as they come within seconds.

        What a crew was sent is taken for being played: it is little, and to ask what is would take as long.
        """
        playing = {f for f in self.waiting if self.crew or not f.cancel()}
        self.waiting = set()
        done, late = wait(playing, FINISH_SECONDS)
        for future in late:
            future.cancel()
        for future in done:
            if not future.cancelled() and future.exception() is None:
                yield future.result()

    def _size(self, progress: Progress, left: int, function: int) -> int:
        """Give the trials of the next chunk: for a short while's work, and at the end few, so that all end together."""
        in_time = int(CHUNK_SECONDS[self.kind] * progress.per_second / self.workers)
        shared = left // (4 * self.workers) if self.workers > 1 else left
        fair = min(in_time, shared)
        if self.crew:
            fair = max(fair, int(progress.per_second / TASKS_A_SECOND))
        return max(1, min(self._most(function), fair))

    def _most(self, function: int) -> int:
        """Give the most trials of a chunk."""
        return MOST_SENT if self.crew else most_in_batch(self.functions[function])


def most_in_batch(function: object) -> int:
    """Give the most trials that a function should be asked for at once."""
    play = _play(function)
    if getattr(play, "engine", "") != "compiled":
        return MOST_IN_CHUNK
    return max(1, MOST_PATIENTS // int(play.scenario.enrolment.target))


def _play(function: object) -> Any:
    """Give what a function plays, None where it does not say."""
    return getattr(function, "play", None)


class Filling:
    """A table with a row a trial that fills up in any order, and the failures among them."""

    def __init__(self, trials: Sequence[int]) -> None:
        self.rows: Rows | None = None
        self.trials = np.asarray(trials)
        self.there = np.zeros(len(trials), bool)
        self.failures: list[Failure] = []

    def fill(self, part: Part) -> None:
        """Put in the rows of a part, and its failures."""
        self.failures += part.failed
        if part.rows is None:
            return
        if self.rows is None:
            self.rows = np.empty(len(self.there), part.rows.dtype)
        places = np.searchsorted(self.trials, part.rows["trial"])
        self.rows[places] = part.rows
        self.there[places] = True

    def result(self) -> Rows | None:
        """Give the rows that are there, None if there is none."""
        if self.rows is None or self.there.all():
            return self.rows
        return self.rows[self.there]


def _died() -> Deserted:
    return Deserted(
        "a worker process died (killed, out of memory: try fewer --workers; or, in a script of your own, "
        'sim was called from outside `if __name__ == "__main__":`)'
    )


def _keep_memory() -> None:
    """Let freed tables of this size stay with the process, so that the next batch does not ask for its pages anew.

    glibc raises its threshold for that by what it sees freed; without it, asking took a fifth of bench/j2's time.
    """
    np.empty(KEPT_BYTES, np.uint8)
