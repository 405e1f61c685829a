"""A crew of workers on other machines: dask.distributed carries the tasks, and plays a lost worker's elsewhere.

The same trials in the same chunks: which worker plays a trial makes no difference, since one that is not this process's
like (`alike.traits`) is refused, when the run begins and with every task.
"""

from __future__ import annotations

import logging
import pickle
import re
import time
from collections.abc import Sequence
from concurrent.futures import CancelledError, Future, InvalidStateError
from contextlib import suppress
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any
from uuid import uuid4

from sim.core.errors import RunError, ShamtrialError
from sim.study.alike import refuse_unlike, traits
from sim.study.remote import Call, Packed, Refused, play
from sim.study.runner import Deserted
from sim.study.workers import Function, Part

__all__ = ["Cluster"]

ADDRESS = re.compile(r"(tcp|tls)://(\[[0-9a-fA-F:]+\]|[^\s:/\[\]]+):[0-9]{1,5}")
CONNECT_SECONDS = 10.0
PATIENCE_SECONDS = 60.0  # with no worker
LOOK_SECONDS = 2.0
ANSWER_SECONDS = 30.0  # a scheduler that is busy may take a while to count its workers
MOST_PACKED = 256
TLS_FILES = ("tls_ca_file", "tls_client_cert", "tls_client_key")


class Sent(Future[Part]):
    """A part that is being played elsewhere; it can be cancelled at any time."""

    task: Any = None

    def cancel(self) -> bool:
        """Let go of it; where it is being played already, what comes is thrown away."""
        if not super().cancel():
            return False
        self.set_running_or_notify_cancel()
        with suppress(Exception):  # nobody is there to be told
            self.task.release()
        return True


class Cluster:
    """Workers that a dask scheduler at `address` has: a `Crew`, and a context manager that ends the connection.

    `tls` are the files of the authority's certificate, our certificate and its key; without them dask's own settings
    hold. `patience` is for how many seconds a run waits while there is no worker. Raises ShamtrialError where nobody
    answers, where no worker comes, and where one is not this process's like.
    """

    def __init__(
        self, address: str, tls: Sequence[str | Path] | None = None, patience: float = PATIENCE_SECONDS
    ) -> None:
        if not ADDRESS.fullmatch(address):
            raise ShamtrialError(
                f"--cluster: found {address!r}; allowed: tcp://HOST:PORT or tls://HOST:PORT of a dask scheduler"
            )
        self.address, self.patience = address, patience
        self.session, self.numbers = uuid4().hex[:12], count()
        self.packed: dict[int, tuple[Function, Packed]] = {}
        self.threads, self.looked, self.seen = 0, 0.0, time.monotonic()
        self.client = _connected(address, _security(address, tls))
        try:
            self._meet()
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Cluster:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"{self.address}: {self.threads} worker threads"

    def close(self) -> None:
        """End the connection; scheduler and workers stay."""
        with suppress(Exception):  # it may be gone
            self.client.close(timeout=2)

    @property
    def size(self) -> int:
        """How many threads the workers have now; Deserted where scheduler or workers are gone."""
        if time.monotonic() - self.looked > LOOK_SECONDS:
            self._look()
        if not self.threads and time.monotonic() - self.seen > self.patience:
            raise Deserted(f"--cluster: {self.address} has had no worker for {self.patience:g} s")
        return max(1, self.threads)

    def submit(self, function: Function, number: int, seed: int, trials: list[int]) -> Future[Part]:
        """Have a worker play some trials."""
        packed, sent = self._pack(function), Sent()
        call = Call(play, (traits(), (packed.digest, packed.content), number, seed, trials))
        try:
            sent.task = self.client.submit(
                pickle.loads, call.packed(), key=f"shamtrial-{self.session}-{next(self.numbers)}", pure=False
            )
        except Exception as error:
            raise self._lost(error) from error
        sent.task.add_done_callback(partial(self._came, sent, trials))
        return sent

    def _meet(self) -> None:
        """Wait for a first worker, and refuse the workers if one of them is not our like."""
        self._look()
        while not self.threads:
            if time.monotonic() - self.seen > self.patience:
                raise ShamtrialError(
                    f"--cluster: found no worker at {self.address} within {self.patience:g} s; allowed: one or more, "
                    f"each started by `dask worker {self.address}`"
                )
            time.sleep(0.2)
            self._look()
        try:
            found = self.client.run(pickle.loads, Call(traits).packed(), on_error="return")
        except Exception as error:
            raise self._lost(error) from error
        for worker, told in sorted(found.items()):
            if isinstance(told, Exception):
                raise self._named(told, worker)
            refuse_unlike(worker, told)

    def _look(self) -> None:
        """Count the workers' threads."""
        if self.client.status != "running":
            raise self._lost()
        try:
            self.threads = sum(self.client.nthreads(callback_timeout=ANSWER_SECONDS).values())
        except Exception as error:
            raise self._lost(error) from error
        self.looked = time.monotonic()
        if self.threads:
            self.seen = self.looked

    def _pack(self, function: Function) -> Packed:
        own = self.packed.get(id(function))
        if own is None:
            if len(self.packed) >= MOST_PACKED:
                self.packed.clear()
            own = self.packed[id(function)] = (function, Packed.of(function))
        return own[1]

    def _came(self, sent: Sent, trials: list[int], task: Any) -> None:
        """Hand on what became of a task."""
        with suppress(InvalidStateError):  # cancelled meanwhile
            try:
                found = task.result()
                if isinstance(found, Refused):
                    refuse_unlike(found.worker, found.traits)
            except BaseException as error:
                sent.set_exception(self._named(error, "", trials))
            else:
                sent.set_result(found)
        task.release()

    def _named(self, error: BaseException, worker: str = "", trials: Sequence[int] = ()) -> Exception:
        """Say what a task ended by."""
        who = f"worker {worker}" if worker else f"a worker of {self.address}"
        which = f" (trials {trials[0]} to {trials[-1]})" if trials else ""
        if isinstance(error, ShamtrialError):
            return error
        if isinstance(error, CancelledError) or type(error).__name__ == "CommClosedError":
            return self._lost(error)
        if isinstance(error, ImportError | AttributeError):
            return ShamtrialError(
                f"--cluster: {who}: found {error}; allowed: the same shamtrial as here, installed there"
            )
        if type(error).__name__ == "KilledWorker":
            return Deserted(
                f"--cluster: one worker after another died over the same task{which}: killed, or out of memory?"
            )
        return RunError(f"--cluster: {who}{which}: {type(error).__name__}: {error}")

    def _lost(self, error: BaseException | None = None) -> Deserted:
        said = str(error).partition("\n")[0].rstrip(".")
        why = f" ({type(error).__name__}: {said})" if error else ""
        return Deserted(f"--cluster: the connection to the scheduler {self.address} is lost{why}")


def _connected(address: str, security: Any) -> Any:
    """Give dask's client, connected."""
    client = _dask().Client
    _quiet()
    try:
        return client(address, security=security, timeout=CONNECT_SECONDS, set_as_default=False, name="shamtrial")
    except Exception as error:
        cause = error.__cause__ or error
        raise ShamtrialError(
            f"--cluster: found nobody at {address} who answers ({type(cause).__name__}: {cause}); allowed: the address "
            "that `dask scheduler` prints"
        ) from None


def _quiet() -> None:
    """Let dask's loggers, each of which has a level of its own, say nothing: what matters is told by our own errors."""
    for name in list(logging.root.manager.loggerDict):
        if name.partition(".")[0] == "distributed":
            logging.getLogger(name).setLevel(logging.CRITICAL)


def _security(address: str, tls: Sequence[str | Path] | None) -> Any:
    """Give how the connection is made safe: by these files, or as dask's settings say."""
    if not address.startswith("tls://"):
        if tls is not None:
            raise ShamtrialError(f"--cluster-tls: found with {address}; allowed: with tls://HOST:PORT")
        return None
    files = {} if tls is None else dict(zip(TLS_FILES, map(str, tls), strict=True))
    for path in files.values():
        if not Path(path).is_file():
            raise ShamtrialError(f"--cluster-tls: found no file {path}; allowed: CA, certificate and key, PEM files")
    security = _dask().Security(**files, require_encryption=True)
    try:
        context = security.get_connection_args("client")["ssl_context"]
    except OSError as error:  # of ssl, too
        raise ShamtrialError(
            f"--cluster-tls: found {error} in {', '.join(files.values()) or 'the files of dask settings'}; "
            "allowed: CA, certificate and key, PEM files that belong together"
        ) from None
    if context is None:
        raise ShamtrialError(
            f"--cluster: found no certificates for {address}; allowed: --cluster-tls CA CERT KEY, or dask's settings "
            "distributed.comm.tls (ca-file and client.cert, client.key)"
        )
    return security


def _dask() -> Any:
    try:
        import distributed
    except ImportError:
        raise ShamtrialError(
            "--cluster: found no dask.distributed here; allowed: after pip install 'shamtrial[cluster]'"
        ) from None
    return distributed
