"""One process a run folder: a lock that the system lets go of when its holder ends, however it ends."""

from __future__ import annotations

import json
import os
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from sim.core.errors import ShamtrialError

NAME = ".lock"
FAR = 1 << 30  # the byte that is locked where locked bytes can't be read: well behind the text


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Hold the folder's lock while the block runs; ShamtrialError, naming the holder, where another process has it.

    A lock left by a killed process of this host is taken over. One left by another host is refused, since a shared
    disk need not tell whether its holder lives.
    """
    path = folder / NAME
    file = _take(path)
    try:
        os.ftruncate(file, 0)
        os.lseek(file, 0, os.SEEK_SET)
        os.write(file, json.dumps({"pid": os.getpid(), "host": socket.gethostname()}).encode())
        yield
    finally:
        with suppress(OSError):
            path.unlink()
        os.close(file)


def holder(folder: Path) -> dict[str, Any] | None:
    """Tell which process writes here: its pid and host; None: none, as far as this host can tell."""
    path = folder / NAME
    try:
        file = os.open(path, os.O_RDWR)
    except OSError:
        return None
    try:
        found = _text(file)
        return None if _ours(found) and _lock(file) else found
    finally:
        os.close(file)


def _take(path: Path) -> int:
    while True:
        try:
            file = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
        except OSError as error:
            raise ShamtrialError(f"{path}: found {error.strerror}; allowed: a file that can be written") from None
        found = _text(file)
        if not _ours(found) or not _lock(file):
            os.close(file)
            raise _refusal(path, found)
        if _still_named(file, path):
            return file
        os.close(file)  # its last holder has just removed it: there is a new one to take


def _text(file: int) -> dict[str, Any]:
    """Give what the lock says, nothing where it does not (yet) say it."""
    os.lseek(file, 0, os.SEEK_SET)
    try:
        found = json.loads(os.read(file, 4096))
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _ours(found: dict[str, Any]) -> bool:
    return found.get("host") in (None, socket.gethostname())


def _still_named(file: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(file), path.stat())
    except OSError:
        return False


def _refusal(path: Path, found: dict[str, Any]) -> ShamtrialError:
    who = f"process {found['pid']} on {found['host']}" if {"pid", "host"} <= found.keys() else "another process"
    cure = "" if _ours(found) else f", or {path} removed if that process is gone"
    return ShamtrialError(f"--out: found {path.parent}, written by {who}; allowed: one process a folder{cure}")


if sys.platform == "win32":
    import msvcrt

    def _lock(file: int) -> bool:
        os.lseek(file, FAR, os.SEEK_SET)
        try:
            msvcrt.locking(file, msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        return True

else:
    import fcntl

    def _lock(file: int) -> bool:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except (BlockingIOError, PermissionError):
            return False
        except OSError:  # a file system without locks: the run goes on unguarded rather than not at all
            return True
        return True
