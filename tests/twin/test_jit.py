"""Kernels compiled from these very sources, and no others: the cache told the truth, and types stay what they are."""

from __future__ import annotations

import json
import math
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numba
import numpy as np
import pytest

from sim import jit
from sim.analysis.survival import log_rank
from sim.analysis.survival_kernel import survival_two_arms
from sim.core.logarithm import split
from sim.core.philox import wide_product
from sim.engines.compiled import layout
from tests.twin.test_rules_compile import jit_compiled

ROOT = Path(__file__).resolve().parents[2]
SETTINGS: Any = numba.config

PROBE = '''
"""A kernel whose answer hangs on a rule in model/ and on a constant in core/."""

import math
import sys

from sim import jit
from sim.model import recall, relapse

if "pinned" in sys.argv:
    jit.sources_digest = lambda: "0" * 64


@jit.kernel
def probe(x):
    """Give what is left of a relapse, and how many days of the last year are counted."""
    days = 0.0
    while recall.is_within(-days, 0.0, 1.0):
        days += 1.0
    return relapse.acute(x, 0.0, 1.0, 30.0), days


if __name__ == "__main__":
    print(*probe(30.0), *probe.function(30.0))
'''


class Package:
    """A copy of the package with a probe in it, its kernels kept in a folder beside it."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.kernels = folder, folder / "kernels"
        shutil.copytree(ROOT / "sim", folder / "sim", ignore=shutil.ignore_patterns("__pycache__"))
        (folder / "sim" / "probe.py").write_text(PROBE, encoding="utf-8")

    def run(self, *words: str, **settings: str) -> subprocess.CompletedProcess[str]:
        """Run Python on this copy; no bytecode is written, which would hide an edit made within a second."""
        env = {**os.environ, "PYTHONPATH": str(self.folder), "PYTHONDONTWRITEBYTECODE": "1"}
        env |= {"SHAMTRIAL_KERNELS": str(self.kernels)} | settings
        return subprocess.run(
            [sys.executable, *words], cwd=self.folder, env=env, capture_output=True, text=True, check=True
        )

    def probe(self, *words: str, **settings: str) -> tuple[list[float], list[float], str]:
        """Give the compiled answer, the interpreted one, and what was said on stderr."""
        ended = self.run("-m", "sim.probe", *words, **settings)
        numbers = [float(x) for x in ended.stdout.split()]
        return numbers[:2], numbers[2:], ended.stderr

    def edit(self, path: str, old: str, new: str) -> None:
        """Edit a source file."""
        file = self.folder / "sim" / path
        text = file.read_text(encoding="utf-8")
        assert text.count(old) == 1
        file.write_text(text.replace(old, new), encoding="utf-8")


@pytest.fixture
def package(tmp_path: Path) -> Package:
    """Give a copy of the package."""
    return Package(tmp_path)


RULE = ("model/relapse.py", "points * math.exp(-(time - onset)", "points * math.exp(-2.0 * (time - onset)")
CONSTANT = ("core/units.py", "DAYS_PER_YEAR = 365.25", "DAYS_PER_YEAR = 366.25")


# ---- the cache ----------------------------------------------------------------------------------------------------


def test_an_edited_callee_is_seen(package: Package) -> None:
    """A rule or a constant edited in another file changes the compiled answer, though kernels of before are kept."""
    first, plain, _ = package.probe()
    assert first == plain
    package.edit(*RULE)
    second, plain, _ = package.probe()
    assert second == plain
    assert second[0] < first[0]
    assert second[1] == first[1] == 366.0
    package.edit(*CONSTANT)
    third, plain, _ = package.probe()
    assert third == plain == [second[0], 367.0]
    assert len(list(package.kernels.iterdir())) == 3


def test_without_a_digest_the_answer_would_be_stale(package: Package) -> None:
    """The test above can fail: were the folder's name always one, the compiled answer would be that of before."""
    first, _, _ = package.probe("pinned")
    package.edit(*RULE)
    stale, plain, said = package.probe("pinned")
    assert (stale, said) == (first, "")
    assert stale != plain


def test_unchanged_sources_load_in_silence(package: Package) -> None:
    """The first run says that it compiles; the next one loads what was kept, writes nothing and says nothing."""
    first, _, said = package.probe()
    assert said.startswith("shamtrial: compiling probe for this machine (once; kept for the next time) ...\n")
    kept = {p: p.stat().st_mtime_ns for p in package.kernels.rglob("*.nb?")}
    assert len(kept) >= 2
    second, _, said = package.probe()
    assert (second, said) == (first, "")
    assert {p: p.stat().st_mtime_ns for p in package.kernels.rglob("*.nb?")} == kept


def test_any_edit_changes_the_digest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Any source edited, added, removed or renamed gives another digest; what is no source does not."""
    shutil.copytree(ROOT / "sim", tmp_path / "sim", ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.setattr(jit, "SOURCES", tmp_path / "sim")
    digest = jit.sources_digest.__wrapped__
    first = digest()
    assert first == jit.sources_digest()  # the copy is the package, wherever it lies
    seen = {first}
    for path in sorted((tmp_path / "sim").rglob("*.py")):
        path.write_bytes(path.read_bytes() + b"\n")
        seen.add(digest())
    sources = len(list((tmp_path / "sim").rglob("*.py")))
    assert sources > 70
    assert len(seen) == sources + 1
    (tmp_path / "sim" / "new.py").touch()
    seen.add(digest())
    (tmp_path / "sim" / "new.py").rename(tmp_path / "sim" / "newer.py")
    seen.add(digest())
    assert len(seen) == sources + 3
    (tmp_path / "sim" / "notes.txt").touch()
    assert digest() in seen


def test_few_folders_of_old_sources_are_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A new folder drives out those used longest ago, so that MOST_KEPT are left; files are left alone."""
    monkeypatch.setenv("SHAMTRIAL_KERNELS", str(tmp_path))
    for age in range(7):
        (tmp_path / f"old {age}" / "sub").mkdir(parents=True)
        os.utime(tmp_path / f"old {age}", (1e9 - age, 1e9 - age))
    (tmp_path / "a file").touch()
    folder = jit.cache_folder.__wrapped__()
    assert folder == tmp_path / jit.sources_digest()[:20]
    left = {p.name for p in tmp_path.iterdir()}
    assert left == {"a file", folder.name, *(f"old {age}" for age in range(jit.MOST_KEPT - 1))}
    (tmp_path / "old 6").mkdir()
    os.utime(tmp_path / "old 6", (1e9 - 6, 1e9 - 6))
    assert jit.cache_folder.__wrapped__() == folder
    assert (tmp_path / "old 6").exists()  # only a new folder makes room


def test_no_cache_costs_time_only(package: Package) -> None:
    """Where no folder can be made, a kernel is compiled each time, and answers as ever."""
    known, _, _ = package.probe()
    package.kernels = package.folder / "sim" / "probe.py" / "kernels"  # below a file nothing can be made
    for _ in range(2):
        found, _, said = package.probe()
        assert found == known
        assert "compiling probe" in said
        assert "Error" not in said


def test_an_unwritable_folder_is_not_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder that cannot be written is no place for kernels."""
    monkeypatch.setenv("SHAMTRIAL_KERNELS", str(tmp_path))
    assert jit.cache_folder.__wrapped__() is not None
    monkeypatch.setattr(os, "access", lambda *_: False)
    assert jit.cache_folder.__wrapped__() is None


def test_numbas_own_setting_is_left_alone(package: Package) -> None:
    """Whoever sets Numba's cache folder finds it so after our kernels ran, and none of them in it."""
    theirs = package.folder / "theirs"
    code = "import numba, sim.probe as p; p.probe(1.0); print(numba.config.CACHE_DIR)"
    ended = package.run("-c", code, NUMBA_CACHE_DIR=str(theirs))
    assert ended.stdout.strip() == str(theirs)
    assert not list(package.folder.glob("theirs/**/*.nbi"))
    assert list(package.kernels.rglob("*.nbi"))


# ---- one form for all ---------------------------------------------------------------------------------------------


def test_native_product_is_the_plain_one() -> None:
    """The processor's own product of two words is that of the rule, on edges and 10,000 random pairs."""

    def call(a: Any, b: Any) -> Any:
        return wide_product(a, b)

    native = jit_compiled(call)

    edges = [0, 1, 2, 2**31, 2**32 - 1, 2**32, 2**32 + 1, 2**63 - 1, 2**63, 2**64 - 2, 2**64 - 1]
    drawn = np.random.Generator(np.random.PCG64(51)).integers(0, 2**64 - 1, (10_000, 2), np.uint64, endpoint=True)
    pairs = [(np.uint64(a), np.uint64(b)) for a in edges for b in edges] + [tuple(row) for row in drawn]
    with np.errstate(over="ignore"):
        for a, b in pairs:
            found = tuple(int(w) for w in native(a, b))
            assert found == tuple(int(w) for w in wide_product(a, b)) == divmod(int(a) * int(b), 2**64)
    (text,) = native.inspect_llvm().values()  # type: ignore[attr-defined]
    assert "i128" in text  # it is the native one that was compared


def test_native_split_is_the_plain_one() -> None:
    """Mantissa and exponent by the bits are those of the rule, on edges and 10,000 random doubles; no call is left."""

    def call(x: float) -> Any:
        return split(x)

    native = jit_compiled(call)
    drawn = np.exp2(np.random.Generator(np.random.PCG64(52)).uniform(-1022.0, 1023.0, 10_000))
    edges = [2.0**-1022, 2.0**-53, 0.5, math.sqrt(0.5), math.nextafter(math.sqrt(0.5), 0.0), 1.0, 2.0, 1.7e308]
    for x in [*edges, *drawn.tolist()]:
        assert native(x) == split(x)
    (text,) = native.inspect_llvm().values()  # type: ignore[attr-defined]
    assert "bitcast" in text  # it is the native one that was compared


def test_no_field_is_named_like_an_attribute_of_a_row() -> None:
    """Rows give their fields by name, interpreted too: no field of any table is called as NumPy calls its own."""

    def clashes(kind: np.dtype[np.void]) -> list[str]:
        names = kind.names or ()
        return [n for n in names if n in dir(np.record)] + [c for n in names for c in clashes(kind[n])]

    kinds = [value for value in vars(layout).values() if isinstance(value, np.dtype)]
    assert len(kinds) >= 8
    assert [c for kind in kinds for c in clashes(kind)] == []


INTERPRETED = """
import numpy as np
from sim.engines import compiled, reference
from sim.engines.records import unlike
from sim.engines.want import Want
from sim.jit import INTERPRETED
from tests.helpers import plan

assert INTERPRETED
np.seterr(over="ignore")  # interpreted, random words wrap
for name, more in (("sham_rct", {}), ("published/zamboni_2009", {}), ("bench/j1", {"randomisation.block_size": 4})):
    small = plan(name, {"enrolment.target": 4} | more)
    found = unlike(reference.run_trial(small, 52, 0), compiled.run_trial(small, 52, 0))
    people = compiled.run_cohorts(small, 52, [0, 1], want=Want(frozenset(["true"]), (), past=False)).people
    print(name, found, len(people))
"""


def test_the_compiled_engine_runs_interpreted() -> None:
    """With NUMBA_DISABLE_JIT=1 the compiled engine runs as plain Python, bit for bit the reference engine."""
    ended = subprocess.run(
        [sys.executable, "-c", INTERPRETED],
        cwd=ROOT,
        env={**os.environ, "NUMBA_DISABLE_JIT": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.stderr == ""
    assert ended.stdout.split("\n") == ["sham_rct [] 8", "published/zamboni_2009 [] 8", "bench/j1 [] 8", ""]


SIGNATURES = """
import importlib, json, pkgutil, sys
import numba, sim
from sim.jit import Kernel
from sim.engines import compiled
from sim.engines.world import potential
from sim.study.play import Play
from sim.study.tally import Analyse
from tests.helpers import scenario

small = {"enrolment.target": 8}
more = (
    ("sham_rct", {}),
    ("sham_rct", {"clock.resolution_days": 1, "effect.rate_ratio": 8, "study.close_days": 900}),
    ("sham_rct", {"frailty.enabled": False, "activity.enabled": False, "dropout.enabled": False}),
    ("three_arm", {}),
    ("published/zamboni_2009", {}),
    ("base", {}),
    ("bench/j1", {"randomisation.block_size": 8}),
    ("bench/j2", {"randomisation.block_size": 8}),
)
for name, changes in more:
    play = Play(scenario(name, small | changes), 53)
    Analyse(play).many([0, 1, 2])
    play.records(0)
    play.cohorts([0, 1], potential(2.0, reference_belief=True))

def kinds(signature):
    plain = [numba.types.unliteral(a) for a in signature.args]
    return "".join("f" if isinstance(a, numba.types.Float) else type(a).__name__[0] for a in plain)

kernels, parts = {}, {}
for found in pkgutil.walk_packages(sim.__path__, "sim."):
    for name, value in vars(sys.modules.get(found.name, numba)).items():
        if isinstance(value, Kernel) and value.compiled is not None:
            kernels[value.function.__module__ + "." + name] = list(map(str, value.compiled.nopython_signatures))
        elif found.name.startswith("sim.engines.compiled") and hasattr(value, "nopython_signatures"):
            parts[value.py_func.__module__ + "." + name] = sorted({kinds(s) for s in value.nopython_signatures})
print(json.dumps([kernels, parts]))
"""


def signatures(**settings: str) -> tuple[dict[str, list[str]], dict[str, list[str]]]:
    """Play several scenarios in a process of its own; give kernels' signatures and parts' kinds of arguments."""
    ended = subprocess.run(
        [sys.executable, "-c", SIGNATURES],
        cwd=ROOT,
        env={**os.environ, **settings},
        capture_output=True,
        text=True,
        check=True,
    )
    kernels, parts = json.loads(ended.stdout)
    return kernels, parts


def test_each_kernel_has_one_signature() -> None:
    """Whatever the scenario, a kernel is compiled once: no int stands where a float did."""
    kernels, _ = signatures()
    assert "sim.engines.compiled.kernel.play_trials" in kernels
    assert len(kernels) >= 8
    assert {name: s for name, s in kernels.items() if len(s) != 1} == {}


@pytest.mark.slow
def test_no_part_takes_an_int_for_a_float(tmp_path: Path) -> None:
    """Compiled afresh, no part of the engine is given an int in one place and a float in another (consts aside)."""
    _, parts = signatures(SHAMTRIAL_KERNELS=str(tmp_path))
    used = {name: found for name, found in parts.items() if found}
    assert len(used) > 40
    assert {name: found for name, found in used.items() if len(found) > 1} == {}


def test_a_second_signature_is_found() -> None:
    """The count can fail: an array where a number was has its own form, an int is taken as a float."""

    def double(x: Any) -> Any:
        return x + x

    made = jit.Kernel(double, jit.OPTIONS)
    assert made(1.0) == made(1) == 2.0
    assert isinstance(made(1), float)
    assert len(made.make().nopython_signatures) == 1
    assert made(np.ones(2)).tolist() == [2.0, 2.0]
    assert len(made.make().nopython_signatures) == 2


def seen_from_outside() -> list[str]:
    """Compile a kernel afresh; give the names of its parts that other kernels could call."""
    made = jit.Kernel(survival_two_arms.function, jit.OPTIONS)
    rng = np.random.default_rng(1)
    times, arm = rng.uniform(size=20), np.arange(20) % 2 == 0
    numbers, patients, outcomes = np.empty((1, 4)), np.empty(1, np.int64), np.empty(1, np.int64)
    made(times, np.ones(20), arm, np.array([0, 20]), True, numbers, patients, outcomes)
    (code,) = made.make().inspect_llvm().values()
    shared = re.findall(r"^define linkonce_odr .*?@\"?([\w.$]+)", code, re.MULTILINE)
    return [name for name in shared if not name.startswith("NRT_")]


def test_a_kernels_parts_are_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """No kernel can call another's parts, whatever names Numba gave them; without hiding them it could.

    Numba numbers functions by process, so kernels kept by different runs may have parts of the same name.
    """
    monkeypatch.setattr(jit, "cache_folder", lambda: None)
    assert seen_from_outside() == []
    monkeypatch.setattr(jit, "_keep_parts_in", lambda module: None)
    assert seen_from_outside() != []


def test_read_only_columns_are_taken() -> None:
    """Columns that may not be written to have a form of their own, which gives the same answer."""
    rng = np.random.default_rng(2)
    times, arm = rng.uniform(size=20), np.arange(20) % 2 == 0
    first = log_rank(times, np.ones(20), arm)
    for column in (times, arm):
        column.flags.writeable = False
        assert log_rank(times, np.ones(20), arm) == first


@pytest.mark.slow
def test_an_edited_rule_changes_a_whole_trial(package: Package) -> None:
    """The engine itself, kept from before, follows an edited rule as the reference engine does."""
    shutil.copytree(ROOT / "tests", package.folder / "tests", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(ROOT / "scenarios", package.folder / "scenarios")
    code = (
        "from tests.helpers import plan, twins; "
        "print(twins(plan('sham_rct', {'enrolment.target': 8}), 54, 0).relapses['severity'].sum())"
    )
    first = package.run("-c", code)
    again = package.run("-c", code)
    assert "compiling play trials" in first.stderr
    assert (again.stdout, again.stderr) == (first.stdout, "")
    package.edit("model/relapse.py", "log_severity + severity_log_sd * normal(u)", "log_severity + severity_log_sd")
    assert package.run("-c", code).stdout != first.stdout
