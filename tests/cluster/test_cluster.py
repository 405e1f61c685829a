"""Trials on a cluster: a real scheduler and worker processes over TCP give the numbers and bytes of one machine."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import sim
from sim.core.errors import ShamtrialError
from sim.engines.records import ENGINE_VERSION
from sim.study import cluster, runner
from sim.study.chunks import CHUNK
from sim.study.cluster import Cluster
from sim.study.power import power
from sim.study.runner import Deserted, Progress, Watcher, Workers
from tests.cluster.town import DEADLY, OTHER_ENGINE, WITHOUT, Town, certificates, town
from tests.contract.commands import ROOT, run, start
from tests.helpers import scenario
from tests.resume.runs import ASKED, SMALL, chunks_of, figures, played

TRIALS = 2300
COMMAND = ("power", *ASKED, "--truth-trials", "0", "--json", "--trials")


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that was played here, by one worker."""
    folder = tmp_path_factory.mktemp("undisturbed")
    played(folder, TRIALS)
    return folder


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    """A scheduler with two worker processes, one in a nanny's care, for tests that leave both as they are."""
    with town(tmp_path_factory.mktemp("two"), workers=1) as own:
        own.worker(nanny=True)
        own.await_workers(2)
        yield own


@pytest.mark.parametrize("most", [7, 1000])
def test_a_cluster_gives_the_bytes_of_one_machine(
    most: int, two: Town, undisturbed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One worker, threads and a cluster give the same chunks and figures to the last byte, in small tasks and large."""
    monkeypatch.setattr(runner, "MOST_SENT", most)
    with sim.cluster(two.address) as crew:
        afar = played(tmp_path / "cluster", TRIALS, workers=crew)
    threads = played(tmp_path / "threads", TRIALS, workers=2)
    assert figures(afar) == figures(threads) == figures(played(undisturbed, TRIALS))
    assert chunks_of(tmp_path / "cluster") == chunks_of(tmp_path / "threads") == chunks_of(undisturbed)


def test_both_engines_on_a_cluster(two: Town, tmp_path: Path) -> None:
    """The reference engine in processes here, and both engines on a cluster, give the same chunks."""
    own, found = scenario("bench/j1", SMALL), {}
    with sim.cluster(two.address) as crew:
        asked: dict[str, tuple[Workers, str]] = {
            "here": (2, "reference"), "afar": (crew, "reference"), "fast": (crew, "compiled"),
        }  # fmt: skip
        for name, (workers, engine) in asked.items():
            power(own, "j1", 40, workers=workers, truth_trials=0, engine=engine, out=tmp_path / name)
            found[name] = chunks_of(tmp_path / name)
    assert found["here"] == found["afar"] == found["fast"]
    assert found["here"]


FEW = ("--trials", "4")
TINY = ("--set", "enrolment.target=12", "--set", "randomisation.block_size=4")
VERBS: tuple[tuple[str, ...], ...] = (
    ("power", "sham_rct", *TINY, "--flow", "--truth-trials", "4", *FEW),
    ("power", "sham_rct", *TINY, "--uncertain", *FEW),
    ("size", "bench/j1", "--precision", "0.3", "--no-parts"),
    ("replay", "zamboni_2009", "--trials", "60"),
    ("replay", "zamboni_2009", "--explain", "--trials", "2"),
    ("bias", "published/zamboni_2012", "--interactions", "--trials", "20"),
    ("restenosis", "surveillance", "--trials", "20"),
    ("rtm", "base", "--set", "enrolment.target=40", *FEW),
    ("small", "published/premise_2014", "--studies", "3", *FEW),
)


@pytest.mark.parametrize("words", VERBS, ids=lambda words: " ".join(words[:2]))
def test_every_verb_takes_a_cluster(words: tuple[str, ...], two: Town) -> None:
    """Each verb that plays many trials says the same with --cluster as without it."""
    afar, here = run(*words, "--json", "--cluster", two.address), run(*words, "--json", "--workers", "1")
    assert (afar.status, here.status) == (0, 0), afar.err
    assert _timeless(afar.json) == _timeless(here.json)


def _timeless(told: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in told.items() if key not in ("elapsed_s", "trials_per_s")}


def _power(crew: Cluster, out: Path, watch: Watcher | None = None) -> None:
    own = scenario("bench/j1", SMALL)
    power(own, "bench/j1", TRIALS, workers=crew, truth_trials=0, watch=watch, out=out)


def test_a_worker_killed_in_the_middle(undisturbed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A worker that is killed with -9 while it plays costs time and changes no byte."""
    monkeypatch.setattr(runner, "MOST_SENT", 50)
    with town(tmp_path) as own:
        victim, parts = own.worker(), 0
        own.worker()
        own.await_workers(2)

        def kill(progress: Progress, _: Any) -> None:
            nonlocal parts
            parts += 1
            if parts == 8:
                os.kill(victim.pid, signal.SIGKILL)

        with sim.cluster(own.address) as crew:
            assert crew.size == 2
            _power(crew, tmp_path / "out", kill)
            assert victim.wait() == -signal.SIGKILL
            own.await_workers(1)
            assert len(crew.client.nthreads()) == 1
    assert parts > 8
    assert chunks_of(tmp_path / "out") == chunks_of(undisturbed)


def test_a_worker_of_another_engine_version_is_refused_at_the_start(tmp_path: Path) -> None:
    """A worker of another engine version among the workers ends a command with status 2 before anything is written."""
    with town(tmp_path, workers=1) as own:
        own.worker(OTHER_ENGINE)
        own.await_workers(2)
        found = run(*COMMAND, "10", "--cluster", own.address, "--out", tmp_path / "out")
    assert found.status == 2
    assert f"found engine version 4; allowed: {ENGINE_VERSION}, as here" in found.err
    assert "worker tcp://127.0.0.1:" in found.err
    assert not (tmp_path / "out").exists()


def test_a_worker_of_another_engine_version_is_refused_when_it_joins(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that joins later ends the run with status 2; what is in the folder is what is played here."""
    monkeypatch.setattr(runner, "MOST_SENT", 20)
    with town(tmp_path, workers=1) as own:
        joined = False

        def join(progress: Progress, _: Any) -> None:
            nonlocal joined
            if not joined and progress.done > 100:
                own.worker(OTHER_ENGINE)
                own.await_workers(2)
                joined = True

        with sim.cluster(own.address) as crew, pytest.raises(ShamtrialError, match="found engine version 4") as found:
            _power(crew, tmp_path / "out", join)
    assert found.value.exit_status == 2
    assert sim.verify(tmp_path / "out", trials=None).passed


def test_a_worker_without_shamtrial_is_refused(tmp_path: Path) -> None:
    """A worker that cannot import shamtrial is named, with what to do; status 2."""
    with town(tmp_path) as own:
        own.worker(WITHOUT)
        found = run(*COMMAND, "10", "--cluster", own.address)
    assert found.status == 2
    assert "--cluster: worker tcp://127.0.0.1:" in found.err
    assert "allowed: the same shamtrial as here, installed there" in found.err


def test_the_scheduler_dies_in_the_middle(undisturbed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A run whose scheduler is killed ends with a named error; its folder goes on here, to the same bytes."""
    monkeypatch.setattr(runner, "MOST_SENT", 50)
    with town(tmp_path, workers=2) as own:
        own.await_workers(2)

        def kill(progress: Progress, _: Any) -> None:
            if progress.done > 1200:
                own.scheduler.kill()

        with sim.cluster(own.address) as crew, pytest.raises(Deserted, match="is lost") as found:
            _power(crew, tmp_path / "out", kill)
    assert (found.value.exit_status, found.value.folder) == (3, str(tmp_path / "out"))
    assert played(tmp_path / "out", TRIALS).read >= 1000
    assert chunks_of(tmp_path / "out") == chunks_of(undisturbed)


def test_a_task_that_kills_its_workers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Trials that kill more workers than dask allows for end the run with an error that names them."""
    monkeypatch.setenv("DASK_DISTRIBUTED__SCHEDULER__ALLOWED_FAILURES", "0")
    with town(tmp_path) as own:
        own.worker(DEADLY)
        with (
            sim.cluster(own.address) as crew,
            pytest.raises(Deserted, match=r"died over .*\(trials ([0-9]+) to \1\).*killed") as found,
        ):
            _power(crew, tmp_path / "out")
    assert found.value.exit_status == 3


def test_no_worker_comes(tmp_path: Path) -> None:
    """A cluster without a worker is refused after a while."""
    with town(tmp_path) as own, pytest.raises(ShamtrialError, match=r"found no worker at tcp://.* within 0\.5 s"):
        sim.cluster(own.address, patience=0.5)


def test_the_last_worker_goes(tmp_path: Path) -> None:
    """A run whose last worker is killed, and for which none comes, ends with a named error and does not hang."""
    with town(tmp_path) as own:
        last = own.worker()
        with sim.cluster(own.address) as crew:
            crew.patience = 1.0
            with pytest.raises(Deserted, match="has had no worker for 1 s"):
                _power(crew, tmp_path / "out", lambda *_: last.kill())


def test_ctrl_c_keeps_what_was_played(two: Town, tmp_path: Path) -> None:
    """Ctrl-C in a run on a cluster ends it with status 130; what was played is there, and the run goes on here."""
    out = tmp_path / "out"
    process = start(*COMMAND, "400000", "--cluster", two.address, "--out", out, cache=tmp_path / "cache")
    deadline = time.monotonic() + 60.0
    while not (out / "estimates-000001.parquet").exists() and time.monotonic() < deadline:
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130, err
    assert "go on with: shamtrial power" in err
    assert "Traceback" not in err
    there = sim.open_run(out).present
    assert there >= CHUNK
    assert sim.verify(out, trials=20).passed


# ---- TLS ------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def safe(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Town, tuple[str, str, str]]]:
    """A scheduler and a worker that talk TLS alone, and the files for it."""
    if not shutil.which("openssl"):
        assert "CI" not in os.environ, "openssl: tests/cluster makes certificates with it"
        pytest.skip("openssl, which makes the certificates, is not installed")
    folder = tmp_path_factory.mktemp("tls")
    files = certificates(folder)
    with town(folder, workers=1, scheme="tls", tls=files) as own:
        yield own, files


def test_a_run_over_tls(safe: tuple[Town, tuple[str, str, str]], tmp_path: Path) -> None:
    """With the three files a command plays over TLS, and says what it says here."""
    town, files = safe
    assert town.address.startswith("tls://")
    afar = run(*COMMAND, "50", "--cluster", town.address, "--cluster-tls", *files)
    assert afar.status == 0, afar.err
    assert _timeless(afar.json) == _timeless(run(*COMMAND, "50", "--workers", "1").json)


def test_tls_by_dasks_own_settings(safe: tuple[Town, tuple[str, str, str]], tmp_path: Path) -> None:
    """Certificates named in dask's environment variables are used, without any option of ours."""
    town, (ca, certificate, key) = safe
    names = {"CA_FILE": ca, "CLIENT__CERT": certificate, "CLIENT__KEY": key}
    own = {f"DASK_DISTRIBUTED__COMM__TLS__{name}": path for name, path in names.items()}
    script = f"import sim; print(sim.cluster({town.address!r}).size)"
    found = subprocess.run(
        [sys.executable, "-c", script], check=True, env={**os.environ, **own}, cwd=ROOT, capture_output=True, text=True
    )
    assert found.stdout.split() == ["1"]


def test_other_certificates_are_refused(safe: tuple[Town, tuple[str, str, str]], tmp_path: Path) -> None:
    """A certificate that the scheduler does not trust gets no answer from it."""
    town, _ = safe
    found = run(*COMMAND, "10", "--cluster", town.address, "--cluster-tls", *certificates(tmp_path))
    assert found.status == 2
    assert f"found nobody at {town.address} who answers" in found.err


# ---- what needs no cluster to be refused ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--cluster", "head:8786"), "--cluster: found 'head:8786'; allowed: tcp://HOST:PORT or tls://HOST:PORT"),
        (("--cluster", "http://head:8786"), "--cluster: found 'http://head:8786'"),
        (("--cluster", "tcp://head"), "--cluster: found 'tcp://head'"),
        (("--cluster", "tcp://h:1", "--workers", "2"), "--workers: found with --cluster; allowed: without it"),
        (("--cluster", "tcp://h:1", "--cluster-tls", "a", "b", "c"), "--cluster-tls: found with tcp://h:1; allowed"),
        (("--cluster-tls", "a", "b", "c"), "--cluster-tls: found without --cluster; allowed: with it"),
        (("--cluster", "tls://h:1", "--cluster-tls", "no", "b", "c"), "--cluster-tls: found no file no; allowed"),
        (("--cluster", "tls://h:1", "--cluster-tls", *3 * ["README.md"]), "--cluster-tls: found"),
        (("--cluster", "tls://h:1"), "--cluster: found no certificates for tls://h:1; allowed: --cluster-tls"),
    ],
    ids=lambda v: " ".join(v) if isinstance(v, tuple) else "",
)
def test_what_makes_no_sense_is_refused(words: tuple[str, ...], told: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Addresses and certificates that cannot be, and options that do not go together, are named; status 2."""
    monkeypatch.chdir(ROOT)
    found = run(*COMMAND, "10", *words)
    assert found.status == 2
    assert found.err.startswith(told)


def test_nobody_at_the_address(monkeypatch: pytest.MonkeyPatch) -> None:
    """An address where nobody listens is refused after a while, by name."""
    monkeypatch.setattr(cluster, "CONNECT_SECONDS", 1.0)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"tcp://127.0.0.1:{free.getsockname()[1]}"
    found = run(*COMMAND, "10", "--cluster", address)
    assert found.status == 2
    assert found.err.startswith(f"--cluster: found nobody at {address} who answers")


def test_without_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where dask.distributed is not installed, the message says what to install."""
    monkeypatch.setitem(sys.modules, "distributed", None)
    found = run(*COMMAND, "10", "--cluster", "tcp://127.0.0.1:1")
    assert (found.status, found.out) == (2, "")
    assert "pip install 'shamtrial[cluster]'" in found.err


def test_nobody_else_waits_for_dask() -> None:
    """A run without --cluster does not load dask."""
    script = (
        "import sys, sim, sim.cli; sim.power('bench/j1', trials=1, truth_trials=0); "
        "print([m for m in ('dask', 'distributed') if m in sys.modules])"
    )
    found = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"
