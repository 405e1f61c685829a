"""Runs many trials, over processes if asked, and hands results back in order of trial number.

The answer does not depend on the number of workers: each trial is a pure function of (scenario, seed, trial).
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from sim.core.errors import RunError, ShamtrialError

T = TypeVar("T")

CHUNK_SECONDS = 1.0
MOST_IN_CHUNK = 25
FIRST_TRIALS = 20
MOST_WORKERS = 256


@dataclass(frozen=True)
class Failure:
    """A trial that raised: its address and what was raised. It is kept as a row, never dropped."""

    seed: int
    trial: int
    message: str

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


Watcher = Callable[[Progress, list[Any]], None]
Look = Callable[[list[T | Failure]], None]


def available_workers() -> int:
    """Give the number of processor cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


class Pool(Generic[T]):
    """Workers that answer `function(trial)` for many trials; use as a context manager.

    `function` must be picklable where there is more than one worker. With one worker everything runs here. Its method
    `warm`, if it has one, is called before the first trial, so that start-up is not taken for trials' time.
    """

    def __init__(self, function: Callable[[int], T], seed: int, workers: int) -> None:
        if not 1 <= workers <= MOST_WORKERS:
            raise ShamtrialError(f"--workers: found {workers}; allowed: 1 to {MOST_WORKERS}")
        self.function, self.seed, self.workers = function, seed, workers
        self.pool: ProcessPoolExecutor | None = None
        self.busy_seconds = 0.0

    def __enter__(self) -> Pool[T]:
        if self.workers > 1:
            try:
                self._start()
            except BaseException as error:
                self.__exit__(type(error))
                raise
        else:
            _make_ready(self.function)
        return self

    def __exit__(self, error: type[BaseException] | None, *_: object) -> None:
        if not self.pool:
            return
        if error:  # nobody waits for what is still running
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

    def run(
        self, trials: Sequence[int], watch: Watcher | None = None, look: Look[T] | None = None
    ) -> list[T | Failure]:
        """Give the answers for these trials, in their order; a trial that raises gives a Failure.

        `look` is shown the first FIRST_TRIALS answers once all of them are there, and may stop the run by raising; it
        goes by trial number, so that what it sees does not depend on the number of workers.
        Raises Interrupted on Ctrl-C, RunError when a worker process dies.
        """
        progress = Progress(0, len(trials), time.perf_counter())
        answers: dict[int, T | Failure] = {}
        try:
            for chunk in self._chunks(trials, progress):
                answers.update(chunk)
                progress.done = len(answers)
                if look and all(t in answers for t in trials[:FIRST_TRIALS]):
                    look([answers[t] for t in trials[:FIRST_TRIALS]])
                    look = None
                if watch:
                    watch(progress, [a for _, a in chunk])
        except KeyboardInterrupt:
            done, wanted = len(answers), len(trials)
            raise Interrupted(f"stopped by Ctrl-C after {done} of {wanted} trials") from None
        except BrokenProcessPool:
            raise _died() from None
        finally:
            self.busy_seconds += time.perf_counter() - progress.started
        return [answers[t] for t in trials]

    def _chunks(self, trials: Sequence[int], progress: Progress) -> Iterator[list[tuple[int, T | Failure]]]:
        if not self.pool:
            for trial in trials:
                yield [(trial, _attempt(self.function, self.seed, trial))]
            return
        waiting: set[Future[list[tuple[int, Any]]]] = set()
        start = 0
        while True:
            while len(waiting) < 2 * self.workers and start < len(trials):
                end = start + self._size(progress, len(trials) - start)
                waiting.add(self.pool.submit(_chunk, self.seed, list(trials[start:end])))
                start = end
            if not waiting:
                return
            done, waiting = wait(waiting, return_when="FIRST_COMPLETED")
            for future in done:
                yield future.result()

    def _size(self, progress: Progress, left: int) -> int:
        """Give the trials of the next chunk: about a second's worth, and at the end few, so that all end together."""
        in_time = int(CHUNK_SECONDS * progress.per_second / self.workers)
        return max(1, min(MOST_IN_CHUNK, in_time, left // (4 * self.workers)))


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
        warm()


def _chunk(seed: int, trials: list[int]) -> list[tuple[int, Any]]:
    assert _FUNCTION is not None
    return [(trial, _attempt(_FUNCTION, seed, trial)) for trial in trials]


def _attempt(function: Callable[[int], T], seed: int, trial: int) -> T | Failure:
    try:
        return function(trial)
    except Exception as error:
        return Failure(seed, trial, f"{type(error).__name__}: {error}")
