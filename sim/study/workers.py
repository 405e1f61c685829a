"""What a worker does, wherever it is: answers some trials, and tells which of them raised."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from sim.core.errors import RunError
from sim.study.ctrl_c import CtrlC

T = TypeVar("T")
Rows = NDArray[Any]
Function = Callable[[int], Any]


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


@dataclass(frozen=True)
class Part:
    """Answers to some trials from number `first` on: one by one, or as rows with the failures beside them;
    `function` is the number of the one that gave them."""

    first: int
    single: list[tuple[int, Any]]
    rows: Rows | None = None
    function: int = 0

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


_FUNCTIONS: Sequence[Function] = ()


def begin(functions: Sequence[Function]) -> None:
    """Make a new worker process ready."""
    global _FUNCTIONS  # noqa: PLW0603 - a worker process holds its functions for its life
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_follow_parent, daemon=True).start()
    _FUNCTIONS = functions


def _follow_parent() -> None:
    """End this worker when the process it works for is gone, however it went."""
    parent = multiprocessing.parent_process()
    if parent:
        parent.join()
        os._exit(1)


def warm_here() -> None:
    """Let this process's first function load what it needs."""
    make_ready(_FUNCTIONS[0])
    time.sleep(0.02)


def make_ready(function: object) -> None:
    """Let the function load what it needs before the clock starts (its method `warm`, if it has one).

    Ctrl-C waits for that, since what loads and compiles kernels makes other errors of it, or none.
    """
    warm = getattr(function, "warm", None)
    if warm:
        with CtrlC(), suppress(Exception):  # a trial that raises is told of when its turn comes
            warm()


def answer_here(number: int, seed: int, trials: list[int]) -> Part:
    """Answer some trials by one of this process's functions."""
    return answer(_FUNCTIONS[number], number, seed, trials)


def answer(function: Function, number: int, seed: int, trials: list[int]) -> Part:
    """Answer some trials: all at once where the function can, and one by one where one of them raises."""
    many = getattr(function, "many", None)
    if many is None:
        return Part(trials[0], [(trial, _attempt(function, seed, trial)) for trial in trials], function=number)
    try:
        return Part(trials[0], [], many(trials), number)
    except Exception:  # find out which
        answers = [(trial, _attempt(lambda t: many([t]), seed, trial)) for trial in trials]
    good = [a for _, a in answers if not isinstance(a, Failure)]
    lost = [own for own in answers if isinstance(own[1], Failure)]
    return Part(trials[0], lost, np.concatenate(good) if good else None, number)


def _attempt(function: Callable[[int], T], seed: int, trial: int) -> T | Failure:
    try:
        return function(trial)
    except Exception as error:
        return Failure(seed, trial, f"{type(error).__name__}: {error}")
