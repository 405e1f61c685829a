"""Ctrl-C at a place of our choosing: a KeyboardInterrupt anywhere would leave things half done, or be swallowed."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType, TracebackType
from typing import Any

_raised = False


def interrupt(number: int, frame: FrameType | None) -> None:
    """Raise KeyboardInterrupt, and remember it."""
    global _raised  # noqa: PLW0603 - a signal is the whole process's
    _raised = True
    raise KeyboardInterrupt


@contextmanager
def ctrl_c_remembered() -> Iterator[None]:
    """Remember a Ctrl-C, for a program that ends by it: what it falls upon (an import) may swallow the interruption.

    `CtrlC` then stops where it begins.
    """
    global _raised  # noqa: PLW0603 - as above
    if not _is_ours():
        yield
        return
    _raised = False
    signal.signal(signal.SIGINT, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def _is_ours() -> bool:
    """Tell whether Ctrl-C is as Python has it, and this the thread that gets it."""
    main = threading.current_thread() is threading.main_thread()
    return main and signal.getsignal(signal.SIGINT) is signal.default_int_handler


class CtrlC:
    """Notes Ctrl-C while its block runs, which looks at `asked` where it can stop; a second one interrupts at once.

    KeyboardInterrupt is raised where the block ends without having stopped, and where it begins if an earlier one was
    swallowed. `wake` is called when Ctrl-C comes, for who waits. In another thread than the main one, and where Ctrl-C
    is ignored or is somebody else's, nothing is changed.
    """

    def __init__(self, wake: Callable[[], object] | None = None) -> None:
        self.asked, self.wake = False, wake
        self.depth = 0
        self.before: Any = None

    def __enter__(self) -> CtrlC:
        self.depth += 1
        if self.depth == 1 and threading.current_thread() is threading.main_thread():
            handler = signal.getsignal(signal.SIGINT)
            if handler is interrupt and _raised:
                self.depth = 0
                raise KeyboardInterrupt
            if handler in (signal.default_int_handler, interrupt):
                self.asked, self.before = False, handler
                signal.signal(signal.SIGINT, self._came)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.depth -= 1
        if not self.depth:
            self._restore()
        if not kind:
            self.stop()

    def _restore(self) -> None:
        if self.before:
            signal.signal(signal.SIGINT, self.before)
            self.before = None

    def _came(self, number: int, frame: FrameType | None) -> None:
        if self.asked:
            self._restore()  # first, since this may fall upon what would have done it
            raise KeyboardInterrupt
        self.asked = True
        if self.wake:
            self.wake()

    def stop(self) -> None:
        """Raise KeyboardInterrupt if Ctrl-C came: to be called where a stop does no harm."""
        if self.asked:
            raise KeyboardInterrupt


@contextmanager
def ctrl_c_blocked() -> Iterator[None]:
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
        signal.signal(signal.SIGINT, handler or signal.SIG_DFL)  # None: not Python's
        if came:
            signal.raise_signal(signal.SIGINT)
