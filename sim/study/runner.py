"""Runs many trials, over processes if asked, and hands results back in order of trial number.

The answer does not depend on the number of workers: each trial is a pure function of (scenario, seed, trial).
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from sim.core.errors import RunError, ShamtrialError

T = TypeVar("T")

CHUNK_SECONDS = 1.0


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


def available_workers() -> int:
    """Give the number of processor cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


class Pool(Generic[T]):
    """Workers that answer `function(trial)` for many trials; use as a context manager.

    `function` must be picklable where there is more than one worker. With one worker everything runs here.
    """

    def __init__(self, function: Callable[[int], T], seed: int, workers: int) -> None:
        if workers < 1:
            raise ShamtrialError(f"--workers: found {workers}; allowed: 1 or more")
        self.function, self.seed, self.workers = function, seed, workers
        self.pool: ProcessPoolExecutor | None = None
        self.busy_seconds = 0.0

    def __enter__(self) -> Pool[T]:
        if self.workers > 1:
            context = multiprocessing.get_context("forkserver" if os.name == "posix" else "spawn")
            self.pool = ProcessPoolExecutor(
                self.workers, mp_context=context, initializer=_worker, initargs=(self.function,)
            )
            wait([self.pool.submit(_warm) for _ in range(2 * self.workers)])
        return self

    def __exit__(self, *_: object) -> None:
        if self.pool:
            self.pool.shutdown(wait=True, cancel_futures=True)

    def run(self, trials: Sequence[int], watch: Watcher | None = None) -> list[T | Failure]:
        """Give the answers for these trials, in their order; a trial that raises gives a Failure.

        Raises Interrupted on Ctrl-C, RunError when a worker process dies.
        """
        progress = Progress(0, len(trials), time.perf_counter())
        answers: dict[int, T | Failure] = {}
        try:
            for chunk in self._chunks(trials):
                answers.update(chunk)
                progress.done = len(answers)
                if watch:
                    watch(progress, [a for _, a in chunk])
        except KeyboardInterrupt:
            done, wanted = len(answers), len(trials)
            raise Interrupted(f"stopped by Ctrl-C after {done} of {wanted} trials") from None
        except BrokenProcessPool:
            raise RunError("a worker process died (out of memory, or killed); try fewer --workers") from None
        finally:
            self.busy_seconds += time.perf_counter() - progress.started
        return [answers[t] for t in trials]

    def _chunks(self, trials: Sequence[int]) -> Iterator[list[tuple[int, T | Failure]]]:
        if not self.pool:
            for trial in trials:
                yield [(trial, _attempt(self.function, self.seed, trial))]
            return
        size = max(1, min(25, len(trials) // (8 * self.workers)))
        waiting: set[Future[list[tuple[int, Any]]]] = set()
        chunks = iter([list(trials[i : i + size]) for i in range(0, len(trials), size)])
        while True:
            while len(waiting) < 2 * self.workers and (chunk := next(chunks, None)):
                waiting.add(self.pool.submit(_chunk, self.seed, chunk))
            if not waiting:
                return
            done, waiting = wait(waiting, return_when="FIRST_COMPLETED")
            for future in done:
                yield future.result()


_FUNCTION: Callable[[int], Any] | None = None


def _worker(function: Callable[[int], Any]) -> None:
    global _FUNCTION  # noqa: PLW0603 - a worker process holds one function for its life
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _FUNCTION = function


def _warm() -> None:
    time.sleep(0.02)


def _chunk(seed: int, trials: list[int]) -> list[tuple[int, Any]]:
    assert _FUNCTION is not None
    return [(trial, _attempt(_FUNCTION, seed, trial)) for trial in trials]


def _attempt(function: Callable[[int], T], seed: int, trial: int) -> T | Failure:
    try:
        return function(trial)
    except Exception as error:
        return Failure(seed, trial, f"{type(error).__name__}: {error}")
