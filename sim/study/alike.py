"""What has to be the same wherever trials of one run are played, so that it makes no difference who plays them."""

from __future__ import annotations

import math
import platform
from functools import cache
from hashlib import sha256
from importlib.metadata import version

import numpy as np
import scipy

from sim.core.errors import ShamtrialError
from sim.engines import records
from sim.jit import SETTINGS, sources_digest

Traits = dict[str, str]
"""By name; engine_version stands first, since with another one the rest says nothing."""

MATRIX = 12  # too small for BLAS to share among threads, of which a worker may have others


@cache
def traits() -> Traits:
    """Tell what the answers of this process hang on, beside scenario and seed.

    Libraries go by version. The mathematical library and the processor go by what they answer: glibc, NumPy and BLAS
    choose other code on other processors, whose last bits may differ or not.
    """
    return {
        "engine_version": str(records.ENGINE_VERSION),
        "sources": sources_digest()[:12],
        "numpy": np.__version__,
        "scipy": scipy.__version__,
        "numba": version("numba"),
        "vector_math": "on" if SETTINGS.USING_SVML else "off",
        "arithmetic": arithmetic(),
    }


@cache
def arithmetic() -> str:
    """Give a digest of what the functions that trials use answer here, of many arguments each."""
    digest = sha256(platform.machine().encode())
    x = np.linspace(0.001, 30.0, 4001)
    for function in (math.exp, math.log, math.log1p, math.expm1, math.lgamma, math.erfc, math.cos):
        digest.update(np.array([function(v) for v in x.tolist()]).tobytes())
    for vector in (np.exp, np.log, np.sqrt, np.log1p, scipy.special.ndtr, scipy.special.gammaln):
        digest.update(np.asarray(vector(x)).tobytes())
    digest.update(scipy.special.stdtr(7.0, x).tobytes() + np.float64(x.sum()).tobytes())
    square = np.cos(np.arange(MATRIX * MATRIX, dtype=np.float64)).reshape(MATRIX, MATRIX) + MATRIX * np.eye(MATRIX)
    for found in (square @ square, np.linalg.inv(square), np.linalg.solve(square, x[:MATRIX])):
        digest.update(found.tobytes())
    return digest.hexdigest()[:12]


def refuse_unlike(address: str, found: Traits) -> None:
    """Raise ShamtrialError where a worker's traits are not those of this process; it names the first that differs."""
    here = traits()
    for name, allowed in here.items():
        if found.get(name) != allowed:
            told = "engine version" if name == "engine_version" else f"other {name},"
            raise ShamtrialError(
                f"--cluster: worker {address}: found {told} {found.get(name, 'not told')}; allowed: {allowed}, as here "
                f"({REASONS.get(name, 'with another version the last bits of an answer may differ')})"
            )


REASONS = {
    "engine_version": "another one plays other trials",
    "sources": "the digest of shamtrial's sources: install the same shamtrial there",
    "vector_math": "Intel's vector library gives other last bits: set NUMBA_DISABLE_INTEL_SVML=1 for the worker",
    "arithmetic": "a digest of what log, exp and linear algebra answer: another processor, C library or BLAS, whose "
    "last bits differ",
}
