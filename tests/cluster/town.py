"""A scheduler and workers as processes of their own, over TCP on this machine; none outlives its test."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from distributed import Client

from tests.contract.commands import ROOT

DASK = [sys.executable, "-m", "dask"]
WAIT = 60.0
OTHER_ENGINE = "from sim.engines import records\n\nrecords.ENGINE_VERSION = 4\n"
DEADLY = "import os\n\nfrom sim.study import remote\n\nremote.play = lambda *_: os._exit(9)\n"
WITHOUT = 'import sys\n\nsys.modules["sim"] = None\n'
"""Read by a worker as it starts: it is then of another engine version, or dies of any task, or has no shamtrial."""


FOLLOW = """
import os, threading, time

def follow(parent=os.getppid()):
    while os.getppid() == parent:
        time.sleep(0.5)
    os._exit(1)

threading.Thread(target=follow, daemon=True).start()
"""
"""Read by every process as it starts: it ends with the one that started it, however that one ended."""


class Town:
    """A scheduler, and the workers that are started at it."""

    def __init__(self, folder: Path, scheme: str = "tcp", tls: Sequence[str] = ()) -> None:
        self.folder, self.tls = folder, [] if not tls else _words(tls)
        self.processes: list[subprocess.Popen[bytes]] = []
        (folder / "follow.py").write_text(FOLLOW)
        told = folder / "scheduler.json"
        self.scheduler = self._start(
            "scheduler", "--host", f"{scheme}://127.0.0.1", "--port", "0", "--scheduler-file", str(told)
        )
        _wait(told.exists, "the scheduler")
        self.address: str = json.loads(told.read_text())["address"]

    def worker(self, preload: str = "", nanny: bool = False) -> subprocess.Popen[bytes]:
        """Start a worker of one thread; `preload` is Python that it runs first, a nanny starts it anew if it dies."""
        more: list[str] = []
        if preload:
            script = self.folder / f"preload-{len(self.processes)}.py"
            script.write_text(preload)
            more = ["--preload", str(script)]
        return self._start(
            "worker", self.address, "--nworkers", "1", "--nthreads", "1", "--nanny" if nanny else "--no-nanny",
            "--death-timeout", "60", "--local-directory", str(self.folder), *more,
            *(["--preload-nanny", str(self.folder / "follow.py")] if nanny else []),
        )  # fmt: skip

    def await_workers(self, number: int) -> None:
        """Wait until so many workers are there."""
        connect: Any = Client  # its types are not complete
        with connect(self.address, set_as_default=False, timeout=WAIT) as client:
            client.wait_for_workers(number, timeout=WAIT)

    @property
    def pids(self) -> list[int]:
        """The process numbers of the scheduler and the workers."""
        return [process.pid for process in self.processes]

    def close(self) -> None:
        """End what is still running."""
        for process in self.processes:
            process.kill()
            process.wait()

    def _start(self, kind: str, *words: str) -> subprocess.Popen[bytes]:
        with (self.folder / f"{kind}-{len(self.processes)}.log").open("wb") as log:
            process = subprocess.Popen(
                [*DASK, kind, *words, *self.tls, "--no-dashboard", "--preload", str(self.folder / "follow.py")],
                cwd=self.folder,
                stdout=log,
                stderr=log,
                env={**os.environ, "PYTHONPATH": str(ROOT), "DASK_DISTRIBUTED__SCHEDULER__IDLE_TIMEOUT": "10 minutes"},
            )
        self.processes.append(process)
        return process


@contextmanager
def town(folder: Path, workers: int = 0, scheme: str = "tcp", tls: Sequence[str] = ()) -> Iterator[Town]:
    """Give a scheduler with so many workers, which are gone afterwards."""
    own = Town(folder, scheme, tls)
    try:
        for _ in range(workers):
            own.worker()
        yield own
    finally:
        own.close()


def certificates(folder: Path) -> tuple[str, str, str]:
    """Make a self-signed certificate: the authority, the certificate and the key that dask asks for."""
    key, certificate = folder / "key.pem", folder / "certificate.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost",
         "-addext", "subjectAltName=IP:127.0.0.1,DNS:localhost", "-keyout", key, "-out", certificate],
        check=True, capture_output=True,
    )  # fmt: skip
    return str(certificate), str(certificate), str(key)


def _words(tls: Sequence[str]) -> list[str]:
    options = ("--tls-ca-file", "--tls-cert", "--tls-key")
    return [word for own in zip(options, tls, strict=True) for word in own]


def _wait(there: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + WAIT
    while not there():
        assert time.monotonic() < deadline, f"{what} did not start"
        time.sleep(0.05)
