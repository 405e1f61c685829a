"""What a worker of a cluster does: it proves to be the client's like, unpacks a function once, and plays trials."""

from __future__ import annotations

import os
import pickle
import socket
import threading
import zlib
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

import numpy as np

from sim.study.alike import Traits, traits
from sim.study.runner import most_in_batch
from sim.study.workers import Function, Part, answer

MOST_FUNCTIONS = 64  # unpacked ones that a worker process keeps

_functions: OrderedDict[str, Function] = OrderedDict()
_lock = threading.Lock()


@dataclass(frozen=True)
class Call:
    """A call that takes place where its pickle is read: so sent, it asks nothing of those who pass it on.

    dask's scheduler unpacks the functions it is given, and would need shamtrial; of this it sees `pickle.loads` and
    bytes.
    """

    function: Callable[..., Any]
    given: tuple[Any, ...] = ()

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        return self.function, self.given

    def packed(self) -> bytes:
        """Give the bytes to be sent."""
        return pickle.dumps(self, protocol=5)


@dataclass(frozen=True)
class Packed:
    """A function as it is sent: its bytes, and their digest to know it by."""

    digest: str
    content: bytes

    @classmethod
    def of(cls, function: Function) -> Packed:
        """Pack a function."""
        content = zlib.compress(pickle.dumps(function, protocol=5), 6)
        return cls(sha256(content).hexdigest(), content)


@dataclass(frozen=True)
class Refused:
    """The answer of a worker that is not the client's like."""

    worker: str
    traits: Traits


def play(asked: Traits, packed: tuple[str, bytes], number: int, seed: int, trials: list[int]) -> Part | Refused:
    """Answer some trials by a packed function, if this process is what is asked for."""
    own = traits()
    if own != asked:
        return Refused(f"{socket.gethostname()}, process {os.getpid()}", own)
    function = unpacked(*packed)
    most = most_in_batch(function)
    batches = [trials[first : first + most] for first in range(0, len(trials), most)]
    return joined([answer(function, number, seed, batch) for batch in batches])


def unpacked(digest: str, content: bytes) -> Function:
    """Give the function of these bytes, unpacked once a process."""
    with _lock:
        if digest not in _functions:
            _functions[digest] = pickle.loads(zlib.decompress(content))
        _functions.move_to_end(digest)
        while len(_functions) > MOST_FUNCTIONS:
            _functions.popitem(last=False)
        return _functions[digest]


def joined(parts: list[Part]) -> Part:
    """Give several parts, in order of trial, as one."""
    if len(parts) == 1:
        return parts[0]
    rows = [part.rows for part in parts if part.rows is not None]
    single = [own for part in parts for own in part.single]
    return Part(parts[0].first, single, np.concatenate(rows) if rows else None, parts[0].function)
