"""Whether this machine answers as it should: compiled and interpreted code alike, bit by bit, and a digest to compare.

Two machines with one digest give one answer. Between processor families or libraries, log and exp may differ in the
last bit; then digests differ though every check passes on both.
"""

from __future__ import annotations

import math
import platform
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass
from functools import partial
from hashlib import sha256
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sim.core.philox import philox, philox_uint64, wide_product
from sim.engines import compiled, reference
from sim.engines.records import ENGINE_VERSION, LAYOUT, unlike
from sim.jit import kernel
from sim.scenario.loaded import load
from sim.scenario.plan import make_plan
from sim.scenario.schema import Scenario
from sim.study.play import Play
from sim.study.tally import Analyse

Words = NDArray[np.uint64]
Floats = NDArray[np.float64]

SEED = 20091
TWINS: dict[str, dict[str, object]] = {
    "sham_rct": {"enrolment.target": 12},
    "three_arm": {"enrolment.target": 12},
    "open_label_rct": {"enrolment.target": 8},
    "published/zamboni_2009": {"enrolment.target": 12},
    "bench/j1": {"enrolment.target": 20, "randomisation.block_size": 20},
}
TRIALS = (0, 1)
MANY = 10_000
LIBRARIES = ("numpy", "scipy", "numba", "llvmlite", "shamtrial")


@dataclass(frozen=True)
class Check:
    """One check: what was compared, whether it was alike, and how much was compared or where it differed."""

    name: str
    passed: bool
    told: str


@dataclass(frozen=True, repr=False)
class SelfTest:
    """What the checks found, on which machine and versions, and the digest of all answers (SHA-256)."""

    checks: tuple[Check, ...]
    versions: dict[str, str]
    engine_version: int
    digest: str

    @property
    def passed(self) -> bool:
        """Whether every check passed."""
        return all(c.passed for c in self.checks)

    def to_dict(self) -> dict[str, Any]:
        """Give the JSON object."""
        return {
            "passed": self.passed,
            "checks": [asdict(c) for c in self.checks],
            "versions": self.versions,
            "engine_version": self.engine_version,
            "digest": self.digest,
        }

    def __repr__(self) -> str:
        lines = [f"{'pass' if c.passed else 'FAIL'}  {c.name}: {c.told}" for c in self.checks]
        lines.append(", ".join(f"{name} {value}" for name, value in self.versions.items()))
        lines.append(f"engine version {self.engine_version}, digest {self.digest}")
        return "\n".join(lines)


def selftest() -> SelfTest:
    """Compare, on this machine, compiled with interpreted code and the two engines with each other."""
    digest = sha256()
    checks = [_judged(name, look) for name, look in _checks(digest)]
    return SelfTest(tuple(checks), _versions(), ENGINE_VERSION, digest.hexdigest())


def _checks(digest: Any) -> Iterator[tuple[str, Callable[[], str]]]:
    yield "random words", _random_words
    yield "product of words", _products
    yield "log, exp, sqrt and cos", _functions
    for name, changes in TWINS.items():
        yield f"both engines, {name}", partial(_twins, name, changes, digest)


class _Unlike(Exception):  # noqa: N818 - a verdict, not an error
    """What a check raises where it finds a difference."""


def _judged(name: str, look: Callable[[], str]) -> Check:
    try:
        return Check(name, True, look())
    except _Unlike as found:
        return Check(name, False, str(found))
    except Exception as error:  # a check that could not be made has not been passed
        return Check(name, False, f"{type(error).__name__}: {error}")


# ---- what is compared ---------------------------------------------------------------------------------------------


@kernel
def try_words(given: Any, words: Any, products: Any) -> None:
    """Fill in the words of Philox at each address, and both halves of a product."""
    for k in range(given.shape[0]):
        w = philox_uint64(given[k, 0], given[k, 1], given[k, 2], given[k, 3], given[k, 4], given[k, 5])
        for i in range(4):
            words[k, i] = w[i]
        halves = wide_product(given[k, 0], given[k, 2])
        products[k, 0] = halves[0]
        products[k, 1] = halves[1]


@kernel
def try_functions(given: Any, found: Any) -> None:
    """Fill in log, exp, sqrt and cos of each number."""
    for k in range(given.shape[0]):
        found[k, 0] = math.log(given[k])
        found[k, 1] = math.exp(-given[k])
        found[k, 2] = math.sqrt(given[k])
        found[k, 3] = math.cos(given[k])


def _addresses() -> Words:
    """Give addresses: edges, and words at random."""
    edges = np.array([0, 1, 2**32 - 1, 2**32, 2**63, 2**64 - 1], np.uint64)
    pairs = np.array([[edges[(i * (k + 1) + k) % 6] for k in range(6)] for i in range(36)], np.uint64)
    rng = np.random.Generator(np.random.PCG64(SEED))
    drawn = rng.integers(0, 2**64 - 1, (MANY, 6), dtype=np.uint64, endpoint=True)
    return np.concatenate([pairs, drawn])


def _compiled_words(given: Words) -> tuple[Words, Words]:
    words, products = np.empty((len(given), 4), np.uint64), np.empty((len(given), 2), np.uint64)
    with np.errstate(over="ignore"):  # interpreted, products wrap
        try_words(given, words, products)
    return words, products


def _random_words() -> str:
    given = _addresses()
    words, _ = _compiled_words(given)
    for row, found in zip(given.tolist()[:1000], words.tolist(), strict=False):
        before = (sum(w << (64 * i) for i, w in enumerate(row[2:])) - 1) % 2**256  # NumPy adds one before it answers
        counter = np.array([before >> (64 * i) & (2**64 - 1) for i in range(4)], np.uint64)
        known = np.random.Philox(key=np.array(row[:2], np.uint64), counter=counter).random_raw(4).tolist()
        if not known == found == list(philox(row[0], row[1], *row[2:])):
            raise _Unlike(f"at {row}")
    return "compiled, interpreted and NumPy's alike at 1,000 addresses"


def _products() -> str:
    given = _addresses()
    _, products = _compiled_words(given)
    for row, found in zip(given.tolist(), products.tolist(), strict=True):
        if found != list(divmod(row[0] * row[2], 2**64)):
            raise _Unlike(f"{row[0]} * {row[2]}")
    return f"{len(given):,} alike"


def _functions() -> str:
    rng = np.random.Generator(np.random.PCG64(SEED))
    u = ((rng.integers(0, 2**52, MANY, dtype=np.uint64)).astype(float) + 0.5) * 2.0**-52
    given = np.concatenate([u, np.exp(rng.uniform(-40.0, 6.5, MANY)), [2.0**-53, 1.0 - 2.0**-53, 1.0, 700.0]])
    found = np.empty((len(given), 4))
    try_functions(given, found)
    known = np.array([(math.log(x), math.exp(-x), math.sqrt(x), math.cos(x)) for x in given.tolist()])
    counts = zip(("log", "exp", "sqrt", "cos"), _differing(known, found), strict=True)
    wrong = [f"{name} in {count}" for name, count in counts if count]
    if wrong:
        raise _Unlike(f"compiled and interpreted differ: {', '.join(wrong)} of {len(given):,} arguments")
    return f"compiled and interpreted alike at {len(given):,} arguments"


def _differing(a: Floats, b: Floats) -> list[int]:
    counts: list[int] = (a.view(np.uint64) != b.view(np.uint64)).sum(axis=0).tolist()
    return counts


def _twins(name: str, changes: dict[str, object], digest: Any) -> str:
    scenario = load(name, changes).scenario
    plan = make_plan(scenario)
    digest.update(name.encode())
    rows = 0
    for trial in TRIALS:
        ours, theirs = reference.run_trial(plan, SEED, trial), compiled.run_trial(plan, SEED, trial)
        for table in LAYOUT:
            digest.update(getattr(theirs, table).tobytes())
        rows += len(ours.events)
        if found := unlike(ours, theirs):
            raise _Unlike(f"trial {trial}: {', '.join(found)}")
    estimates = _estimates(scenario, "compiled")
    digest.update(estimates)
    if estimates != _estimates(scenario, "reference"):
        raise _Unlike("the estimates")
    return f"{len(TRIALS)} trials, {rows:,} events and every estimate alike"


def _estimates(scenario: Scenario, engine: str) -> bytes:
    return Analyse(Play(scenario, SEED, engine)).many(TRIALS).tobytes()


# ---- the machine --------------------------------------------------------------------------------------------------


def _versions() -> dict[str, str]:
    found = {"python": platform.python_version()}
    for name in LIBRARIES:
        with suppress(PackageNotFoundError):
            found[name] = version(name)
    found["platform"] = f"{platform.system()} {platform.machine()}"
    with suppress(Exception):
        from llvmlite import binding

        found["processor"] = binding.get_host_cpu_name()
    return found
