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
FINISH_SECONDS = 3.0  # after Ctrl-C
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
    """Ctrl-C in a run; `folder` holds what has been played, if the run has one."""

    exit_status = 130

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
Rows = NDArray[Any]


@dataclass(frozen=True)
class Part:
    """Answers to some trials from number `first` on: one by one, or as rows with the failures beside them."""

    first: int
    single: list[tuple[int, Any]]
    rows: Rows | None = None

    @property
    def trials(self) -> int:
        """How many trials are answered, failures among them."""
        return len(self.single) + (0 if self.rows is None else len(self.rows))

    @property
    def failed(self) -> list[Failure]:
        """The trials that raised."""
        return [a for _, a in self.single if isinstance(a, Failure)]

    @property
    def good(self) -> Any:
        """The answers without the failures."""
        return self.rows if self.rows is not None else [a for _, a in self.single if not isinstance(a, Failure)]


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
        self.waiting: set[Future[Part]] = set()

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
            for part in self.parts([trials], progress):
                take(part)
                progress.done += part.trials
                if watch:
                    watch(progress, part.good)
        except KeyboardInterrupt:
            raise Interrupted(f"stopped by Ctrl-C after {progress.done} of {len(trials)} trials") from None

    def parts(self, pieces: Sequence[Sequence[int]], progress: Progress) -> Iterator[Part]:
        """Give the answers part by part, as they come; no part lies in two pieces. The caller counts `progress.done`.

        Raises RunError when a worker process dies. After KeyboardInterrupt, here or at the caller's, `finish` gives
        what is being played.
        """
        started, left = time.perf_counter(), sum(map(len, pieces))
        try:
            for piece in pieces:
                start = 0
                while start < len(piece):
                    size = min(self._size(progress, left), len(piece) - start)
                    chunk, start, left = list(piece[start : start + size]), start + size, left - size
                    yield from self._play(chunk)
            while self.waiting:
                yield from self._come()
        except BrokenProcessPool:
            raise _died() from None
        finally:
            self.busy_seconds += time.perf_counter() - started

    def _play(self, chunk: list[int]) -> Iterator[Part]:
        """Have a chunk played; give what has come meanwhile, once enough is waiting."""
        if not self.pool:
            yield _chunk(self.function, self.seed, chunk)
            return
        if self.threads:
            self.waiting.add(self.pool.submit(_chunk, self.function, self.seed, chunk))
        else:
            self.waiting.add(self.pool.submit(_chunk_here, self.seed, chunk))
        while len(self.waiting) >= 2 * self.workers:
            yield from self._come()

    def _come(self) -> Iterator[Part]:
        done, _ = wait(self.waiting, return_when="FIRST_COMPLETED")
        for future in done:
            self.waiting.discard(future)
            yield future.result()

    def finish(self) -> Iterator[Part]:
        """After Ctrl-C: give the parts that workers were playing, as far as they come within seconds."""
        playing = {f for f in self.waiting if not f.cancel()}
        self.waiting = set()
        done, _ = wait(playing, FINISH_SECONDS)
        for future in done:
            if future.exception() is None:
                yield future.result()

    def _size(self, progress: Progress, left: int) -> int:
        """Give the trials of the next chunk: for a short while's work, and at the end few, so that all end together."""
        seconds = CHUNK_SECONDS["threads" if self.threads else "processes"]
        in_time = int(seconds * progress.per_second / self.workers)
        shared = left // (4 * self.workers) if self.workers > 1 else left
        return max(1, min(self.most, in_time, shared))


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


def _chunk_here(seed: int, trials: list[int]) -> Part:
    assert _FUNCTION is not None
    return _chunk(_FUNCTION, seed, trials)


def _chunk(function: Callable[[int], Any], seed: int, trials: list[int]) -> Part:
    """Answer some trials: all at once where the function can, and one by one where one of them raises."""
    many = getattr(function, "many", None)
    if many is None:
        return Part(trials[0], [(trial, _attempt(function, seed, trial)) for trial in trials])
    try:
        return Part(trials[0], [], many(trials))
    except Exception:  # find out which
        answers = [(trial, _attempt(lambda t: many([t]), seed, trial)) for trial in trials]
    good = [a for _, a in answers if not isinstance(a, Failure)]
    return Part(
        trials[0], [own for own in answers if isinstance(own[1], Failure)], np.concatenate(good) if good else None
    )


def _attempt(function: Callable[[int], T], seed: int, trial: int) -> T | Failure:
    try:
        return function(trial)
    except Exception as error:
        return Failure(seed, trial, f"{type(error).__name__}: {error}")
