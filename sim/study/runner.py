"""Runs many trials, over threads or processes if asked, and hands results back in order of trial number.

The answer does not depend on the number of workers: each trial is a pure function of (scenario, seed, trial). The
compiled engine runs in threads, since its kernels hold no lock; the reference engine in processes.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from typing import Any, Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from sim.core.errors import RunError, ShamtrialError

T = TypeVar("T")

CHUNK_SECONDS = {"processes": 1.0, "threads": 0.15}
MOST_IN_CHUNK = 25
MOST_PATIENTS = 40_000  # of a batch, so that it stays in the processor's cache
KEPT_BYTES = 32_000_000  # a batch's tables take less; the most that the C library (glibc) learns a size from
FIRST_TRIALS = 20
MOST_WORKERS = 256


@dataclass(frozen=True)
class Failure:
    """A trial that raised: its address and what was raised. It is kept as a row, never dropped."""

    seed: int
    trial: int
    message: str

    def to_dict(self) -> dict[str, Any]:
        """Give the row of a run's JSON."""
        return asdict(self)

    def error(self) -> RunError:
        """Give the failure as an error that names its address."""
        return RunError(f"trial {self.trial} of seed {self.seed} failed: {self.message}")


class Interrupted(  # noqa: N818 - named for what happened; it is not a fault
    ShamtrialError
):
    """Ctrl-C in a run."""

    exit_status = 130


@dataclass
class Progress:
    """What a progress bar may show: trials done, trials wanted, trials a second, start-up left out."""

    done: int
    total: int
    started: float

    @property
    def per_second(self) -> float:
        """Trials a second since the first one started."""
        return self.done / max(time.perf_counter() - self.started, 1e-9)


Watcher = Callable[[Progress, Any], None]
Look = Callable[[Any], None]
Rows = NDArray[Any]


def available_workers() -> int:
    """Give the number of processor cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


class Pool(Generic[T]):
    """Workers that answer `function(trial)` for many trials; use as a context manager.

    A function may have a method `many(trials)` that answers them all at once, as an array with a row a trial; then use
    `run_rows`. `warm()`, if it has one, is called before the first trial, so that start-up is not taken for trials'
    time. A function with `play.engine` "compiled" runs in threads, any other in processes, for which it must be
    picklable. With one worker everything runs here.
    """

    def __init__(self, function: Callable[[int], T], seed: int, workers: int) -> None:
        if not 1 <= workers <= MOST_WORKERS:
            raise ShamtrialError(f"--workers: found {workers}; allowed: 1 to {MOST_WORKERS}")
        self.function, self.seed, self.workers = function, seed, workers
        play = getattr(function, "play", None)
        self.threads = getattr(play, "engine", "") == "compiled"
        target = play.scenario.enrolment.target if play else 1
        self.most = max(1, MOST_PATIENTS // target) if self.threads else MOST_IN_CHUNK
        self.pool: Executor | None = None
        self.busy_seconds = 0.0

    def __enter__(self) -> Pool[T]:
        if self.workers == 1 or self.threads:
            _make_ready(self.function)
        if self.threads:
            _keep_memory()
        if self.workers > 1 and self.threads:
            self.pool = ThreadPoolExecutor(self.workers)
        elif self.workers > 1:
            try:
                self._start()
            except BaseException as error:
                self.__exit__(type(error))
                raise
        return self

    def __exit__(self, error: type[BaseException] | None, *_: object) -> None:
        if not self.pool:
            return
        if error and isinstance(self.pool, ProcessPoolExecutor):  # nobody waits for what is still running
            for process in list((self.pool._processes or {}).values()):
                process.terminate()
        self.pool.shutdown(wait=True, cancel_futures=True)

    def _start(self) -> None:
        context = multiprocessing.get_context("forkserver" if os.name == "posix" else "spawn")
        self.pool = ProcessPoolExecutor(
            self.workers, mp_context=context, initializer=_worker, initargs=(self.function,)
        )
        try:
            with _ctrl_c_later():
                ready = [self.pool.submit(_warm) for _ in range(2 * self.workers)]
        except BrokenProcessPool:
            raise _died() from None
        wait(ready)

    def run(self, trials: Sequence[int], watch: Watcher | None = None) -> list[T | Failure]:
        """Give the answers for these trials, in their order; a trial that raises gives a Failure.

        Raises Interrupted on Ctrl-C, RunError when a worker process dies.
        """
        answers: dict[int, T | Failure] = {}
        self._run(trials, lambda single, _: answers.update(single), watch, None)
        return [answers[t] for t in trials]

    def run_rows(
        self, trials: Sequence[int], watch: Watcher | None = None, look: Look | None = None
    ) -> tuple[Rows | None, list[Failure]]:
        """Give the rows of `function.many` for these trials in order of trial number, and the failures.

        A trial that raises has no row; None: every trial raised. `look` is shown the rows of the first FIRST_TRIALS
        trials once all of them are there, and may stop the run by raising; it goes by trial number, so that what it
        sees does not depend on the number of workers. Raises as `run` does.
        """
        table = Filling(len(trials))

        def take(single: list[tuple[int, Any]], part: tuple[int, Rows] | None) -> None:
            table.failures += [f for _, f in single]
            if part:
                table.fill(part[0] - trials[0], part[1])

        self._run(trials, take, watch, look and (lambda: _looked(look, table)))
        return table.result(), sorted(table.failures, key=lambda f: f.trial)

    def _run(
        self,
        trials: Sequence[int],
        take: Callable[[list[tuple[int, Any]], tuple[int, Rows] | None], None],
        watch: Watcher | None,
        look: Callable[[], bool] | None,
    ) -> None:
        """Hand each chunk of answers to `take`; `look`, called after each until it answers True, may stop the run."""
        progress = Progress(0, len(trials), time.perf_counter())
        try:
            for single, part in self._chunks(trials, progress):
                take(single, part)
                progress.done += len(single) + (len(part[1]) if part else 0)
                if look and look():
                    look = None
                if watch:
                    watch(progress, part[1] if part else [a for _, a in single if not isinstance(a, Failure)])
        except KeyboardInterrupt:
            raise Interrupted(f"stopped by Ctrl-C after {progress.done} of {len(trials)} trials") from None
        except BrokenProcessPool:
            raise _died() from None
        finally:
            self.busy_seconds += time.perf_counter() - progress.started

    def _chunks(self, trials: Sequence[int], progress: Progress) -> Iterator[Any]:
        waiting: set[Future[Any]] = set()
        start = 0
        while True:
            while len(waiting) < 2 * self.workers and start < len(trials):
                end = start + self._size(progress, len(trials) - start)
                chunk, start = list(trials[start:end]), end
                if not self.pool:
                    yield _chunk(self.function, self.seed, chunk)
                elif self.threads:
                    waiting.add(self.pool.submit(_chunk, self.function, self.seed, chunk))
                else:
                    waiting.add(self.pool.submit(_chunk_here, self.seed, chunk))
            if not waiting:
                return
            done, waiting = wait(waiting, return_when="FIRST_COMPLETED")
            for future in done:
                yield future.result()

    def _size(self, progress: Progress, left: int) -> int:
        """Give the trials of the next chunk: for a short while's work, and at the end few, so that all end together."""
        seconds = CHUNK_SECONDS["threads" if self.threads else "processes"]
        in_time = int(seconds * progress.per_second / self.workers)
        shared = left // (4 * self.workers) if self.workers > 1 else left
        return max(1, min(self.most, in_time, shared))


class Filling:
    """A table with a row a trial that fills up in any order, and the failures among them."""

    def __init__(self, trials: int) -> None:
        self.rows: Rows | None = None
        self.there = np.zeros(trials, bool)
        self.failures: list[Failure] = []

    def fill(self, first: int, part: Rows) -> None:
        """Put in the rows of a chunk that begins at place `first`; they are there in order, some may have failed."""
        if self.rows is None:
            self.rows = np.empty(len(self.there), part.dtype)
        places = part["trial"] - part["trial"][0] + first
        self.rows[places] = part
        self.there[places] = True

    def result(self) -> Rows | None:
        """Give the rows that are there, None if there is none."""
        if self.rows is None or self.there.all():
            return self.rows
        return self.rows[self.there]


def _looked(look: Look, table: Filling) -> bool:
    """Show the rows of the first trials once they are all there, and tell whether that is done."""
    first = slice(0, FIRST_TRIALS)
    if table.rows is None or not table.there[first].all():
        return False
    look(table.rows[first])
    return True


def _died() -> RunError:
    return RunError(
        "a worker process died (killed, out of memory: try fewer --workers; or, in a script of your own, "
        'sim was called from outside `if __name__ == "__main__":`)'
    )


@contextmanager
def _ctrl_c_later() -> Iterator[None]:
    """Hold Ctrl-C back while processes are started: a half-started one can't be stopped, and prints a traceback.

    The processes inherit the blocked signal; the handler is for other threads of ours, which may get it instead.
    """
    if os.name != "posix" or threading.current_thread() is not threading.main_thread():
        yield
        return
    came: list[int] = []
    handler = signal.signal(signal.SIGINT, lambda number, _: came.append(number))
    blocked = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, blocked)
        signal.signal(signal.SIGINT, handler)
        if came:
            signal.raise_signal(signal.SIGINT)


_FUNCTION: Callable[[int], Any] | None = None


def _worker(function: Callable[[int], Any]) -> None:
    global _FUNCTION  # noqa: PLW0603 - a worker process holds one function for its life
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_follow_parent, daemon=True).start()
    _FUNCTION = function


def _follow_parent() -> None:
    """End this worker when the process it works for is gone, however it went."""
    parent = multiprocessing.parent_process()
    if parent:
        parent.join()
        os._exit(1)


def _warm() -> None:
    _make_ready(_FUNCTION)
    time.sleep(0.02)


def _make_ready(function: object) -> None:
    """Let the function load what it needs before the clock starts (its method `warm`, if it has one)."""
    warm = getattr(function, "warm", None)
    if warm:
        with suppress(Exception):  # a trial that raises is told of when its turn comes
            warm()


def _keep_memory() -> None:
    """Let freed tables of this size stay with the process, so that the next batch does not ask for its pages anew.

    glibc raises its threshold for that by what it sees freed; without it, asking took a fifth of bench/j2's time.
    """
    np.empty(KEPT_BYTES, np.uint8)


def _chunk_here(seed: int, trials: list[int]) -> Any:
    assert _FUNCTION is not None
    return _chunk(_FUNCTION, seed, trials)


def _chunk(
    function: Callable[[int], Any], seed: int, trials: list[int]
) -> tuple[list[tuple[int, Any]], tuple[int, Rows] | None]:
    """Answer some trials: those answered (or failed) one by one, and the rows of those answered all at once."""
    many = getattr(function, "many", None)
    if many is None:
        return [(trial, _attempt(function, seed, trial)) for trial in trials], None
    try:
        return [], (trials[0], many(trials))
    except Exception:  # find out which
        answers = [(trial, _attempt(lambda t: many([t]), seed, trial)) for trial in trials]
    good = [a for _, a in answers if not isinstance(a, Failure)]
    rows = np.concatenate(good) if good else None
    return [(t, a) for t, a in answers if isinstance(a, Failure)], None if rows is None else (
        int(rows["trial"][0]),
        rows,
    )


def _attempt(function: Callable[[int], T], seed: int, trial: int) -> T | Failure:
    try:
        return function(trial)
    except Exception as error:
        return Failure(seed, trial, f"{type(error).__name__}: {error}")
