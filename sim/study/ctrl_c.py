"""Ctrl-C at a place of our choosing: a KeyboardInterrupt anywhere would leave things half done, or be swallowed."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType, TracebackType


class CtrlC:
    """Notes Ctrl-C while its block runs, which looks at `asked` where it can stop; a second one interrupts at once.

    KeyboardInterrupt is raised where the block ends without having stopped. `wake` is called when Ctrl-C comes, for who
    waits. In another thread than the main one, and where Ctrl-C is ignored or is somebody else's, nothing is changed.
    """

    def __init__(self, wake: Callable[[], object] | None = None) -> None:
        self.asked, self.wake, self.ours = False, wake, False

    def __enter__(self) -> CtrlC:
        main = threading.current_thread() is threading.main_thread()
        self.ours = main and signal.getsignal(signal.SIGINT) is signal.default_int_handler
        if self.ours:
            signal.signal(signal.SIGINT, self._came)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.ours:
            signal.signal(signal.SIGINT, signal.default_int_handler)
            self.ours = False
        if not kind:
            self.stop()

    def _came(self, number: int, frame: FrameType | None) -> None:
        if self.asked:
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
        signal.signal(signal.SIGINT, handler)
        if came:
            signal.raise_signal(signal.SIGINT)
