"""`size` at the command line: JSON as in the contract, the same answer as the front door, files written, refusals."""

from __future__ import annotations

from pathlib import Path

import pytest

import sim
from tests.contract.commands import done, run

SIZE = ("size", "bench/j1", "--power", "0.8", "--precision", "0.2", "--workers", "1")


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep the user's cache out of it."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def test_size_prints_the_contract(tmp_path: Path) -> None:
    """`size --json` is what the front door gives, and --out keeps run, picture and every trial."""
    found = done(*SIZE, "--json", "--out", tmp_path / "s").json
    assert sim.sample_size("bench/j1", power=0.8, precision=0.2, workers=2).to_dict() == found
    kept = {p.name for p in (tmp_path / "s").iterdir()}
    assert {name for name in kept if not name.endswith(".parquet")} == {"run.json", "size.svg", "size.png"}
    assert any(name.startswith("at-200-from-0-") for name in kept)


def test_size_prints_tables() -> None:
    """Without --json the costs, the powers and the answer are printed."""
    out = done(*SIZE).out
    assert "patients who leave" in out
    assert "reach a power of 80%" in out
    assert "By formula" in out
    assert "fresh ones" in out


def test_size_refuses(tmp_path: Path) -> None:
    """A power that can't be reached by any size, and a request that can't be, end with a message."""
    assert run(*SIZE, "--vary", "money").status == 2
    assert "--vary: found 'money'" in run(*SIZE, "--vary", "money").err
