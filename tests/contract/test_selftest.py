"""`shamtrial selftest`: on a sound machine all checks pass and the digest repeats; a fault is told, with status 3."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from typing import Any

import numpy as np
import pytest

import sim
from sim.engines import compiled, reference
from sim.engines.records import ENGINE_VERSION, LAYOUT, TrialRecords
from sim.study import selftest
from tests.contract.commands import ROOT, SHAMTRIAL, done, run

RUN = reference.run_trial, compiled.run_trial


@pytest.fixture(scope="module")
def found() -> dict[str, Any]:
    """Give what `shamtrial selftest --json` says."""
    run("selftest")  # what must be compiled is said here
    return done("selftest", "--json").json


def test_all_checks_pass_here(found: dict[str, Any]) -> None:
    """The JSON object has a passed check for words, functions and each twin scenario, and says on what it ran."""
    assert set(found) == {"passed", "checks", "versions", "engine_version", "digest"}
    assert found["passed"] is True
    names = [c["name"] for c in found["checks"]]
    assert names[:3] == ["random words", "product of words", "log, exp, sqrt and cos"]
    assert names[3:] == [f"both engines, {name}" for name in selftest.TWINS]
    assert all(c["passed"] is True and c["told"] for c in found["checks"])
    assert set(found["versions"]) >= {"python", "platform", *selftest.LIBRARIES}
    assert found["versions"]["numpy"] == np.__version__
    assert found["engine_version"] == ENGINE_VERSION
    assert re.fullmatch("[0-9a-f]{64}", found["digest"])


def test_text_has_a_line_for_each_check(found: dict[str, Any]) -> None:
    """As text each check is a line that says pass, then come versions and digest; the status is 0."""
    lines = done("selftest").out.splitlines()
    assert lines[:-2] == [f"pass  {c['name']}: {c['told']}" for c in found["checks"]]
    assert f"numba {found['versions']['numba']}" in lines[-2]
    assert lines[-1] == f"engine version {ENGINE_VERSION}, digest {found['digest']}"


def test_the_digest_repeats(found: dict[str, Any]) -> None:
    """Another process finds the same digest, and so does the front door: it can be compared between machines."""
    ended = subprocess.run([*SHAMTRIAL, "selftest", "--json"], cwd=ROOT, capture_output=True, text=True, check=True)
    other = json.loads(ended.stdout)
    assert other["digest"] == sim.selftest().digest == found["digest"]
    assert ended.stderr == ""


def test_interpreted_the_answers_are_the_same(found: dict[str, Any]) -> None:
    """Without a compiler every check passes too, with the digest of the compiled answers."""
    code = (
        "import os, sys; os.environ['NUMBA_DISABLE_JIT'] = '1'; import numpy; numpy.seterr(over='ignore'); "
        "from sim.study import selftest; "
        "selftest.TWINS = {name: selftest.TWINS[name] for name in list(selftest.TWINS)[:1]}; "
        "print(selftest.selftest().digest)"
    )
    plain = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    swift = subprocess.run(
        [sys.executable, "-c", code.replace("'1'", "'0'")], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert plain.stdout == swift.stdout != f"{found['digest']}\n"


# ---- faults -------------------------------------------------------------------------------------------------------


def faulty(check: str) -> None:
    """Assert that this check, and none else, fails, as text and as JSON, with status 3."""
    told = run("selftest", "--json")
    assert told.status == 3
    assert told.json["passed"] is False
    assert [c["name"] for c in told.json["checks"] if not c["passed"]] == [check]
    shown = run("selftest")
    assert shown.status == 3
    (line,) = (line for line in shown.out.splitlines() if line.startswith("FAIL"))
    assert line.startswith(f"FAIL  {check}: ")


def test_an_engine_that_differs_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """A compiled engine whose answer differs in the last bit of one value fails its check; the status is 3."""

    def wrong(plan: Any, seed: int, number: int) -> TrialRecords:
        records = RUN[1](plan, seed, number)
        tables = {name: getattr(records, name).copy() for name in LAYOUT}
        if plan.sites.number == 1.0 and number == 1:  # in one trial of one scenario
            tables["visits"]["quality"].view("u8")[0] ^= np.uint64(1)
        return TrialRecords(number, **tables)

    only = {name: selftest.TWINS[name] for name in ("sham_rct", "published/zamboni_2009")}
    monkeypatch.setattr(selftest, "TWINS", only)
    monkeypatch.setattr(compiled, "run_trial", wrong)
    faulty("both engines, published/zamboni_2009")
    assert "trial 1: visits.quality" in run("selftest").out


def test_an_engine_that_fails_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """A check that cannot be made is a check that is not passed: its error stands in its line, without a traceback."""

    def broken(*_: object) -> TrialRecords:
        raise RuntimeError("no compiler")

    monkeypatch.setattr(selftest, "TWINS", {"bench/j1": selftest.TWINS["bench/j1"]})
    monkeypatch.setattr(compiled, "run_trial", broken)
    faulty("both engines, bench/j1")
    assert "RuntimeError: no compiler" in run("selftest").out


def test_a_logarithm_that_differs_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """A compiled function whose last bit differs from the interpreted one's, once in all arguments, is told."""
    real = selftest.try_functions

    def wrong(given: Any, found: Any) -> None:
        real(given, found)
        found[7, 0] = np.nextafter(found[7, 0], 9.0)

    monkeypatch.setattr(selftest, "TWINS", {})
    monkeypatch.setattr(selftest, "try_functions", wrong)
    faulty("log, exp, sqrt and cos")
    assert "log in 1 of" in run("selftest").out


@pytest.mark.parametrize(("which", "check"), [(0, "random words"), (1, "product of words")])
def test_a_word_that_differs_is_told(which: int, check: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """One wrong bit of one random word, or of one product, is told."""
    real = selftest.try_words

    def wrong(given: Any, *filled: Any) -> None:
        real(given, *filled)
        filled[which][5, 1] ^= np.uint64(1)

    monkeypatch.setattr(selftest, "TWINS", {})
    monkeypatch.setattr(selftest, "try_words", wrong)
    faulty(check)


def test_estimates_are_compared(monkeypatch: pytest.MonkeyPatch) -> None:
    """Estimates that differ between the engines are told, records being alike."""
    monkeypatch.setattr(selftest, "TWINS", {"sham_rct": selftest.TWINS["sham_rct"]})
    monkeypatch.setattr(selftest, "_estimates", lambda _, engine: engine.encode())
    faulty("both engines, sham_rct")
    assert "the estimates" in run("selftest").out
