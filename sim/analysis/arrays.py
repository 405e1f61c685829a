"""Checks on the columns that an analysis receives: one-dimensional, equally long, and holding what they claim."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "BoolArray",
    "CodeArray",
    "FloatArray",
    "IntArray",
    "alone",
    "are_shares",
    "batch",
    "columns",
    "design_matrix",
    "treated_column",
]

FloatArray: TypeAlias = NDArray[np.float64]
BoolArray: TypeAlias = NDArray[np.bool_]
IntArray: TypeAlias = NDArray[np.int64]
CodeArray: TypeAlias = NDArray[np.int8]


def columns(**given: object) -> tuple[FloatArray, ...]:
    """Return the named columns as float64 arrays; ValueError unless all are one-dimensional and equally long."""
    arrays = {name: np.asarray(value, dtype=np.float64) for name, value in given.items()}
    if any(a.ndim != 1 for a in arrays.values()) or len({a.shape for a in arrays.values()}) > 1:
        shapes = ", ".join(f"{name} {a.shape}" for name, a in arrays.items())
        raise ValueError(f"columns must be one-dimensional and equally long, found {shapes}")
    return tuple(arrays.values())


def batch(first: object, **given: object) -> tuple[IntArray, tuple[FloatArray, ...]]:
    """Return offsets and columns as compiled code takes them (int64, float64, contiguous).

    Patients first[k] to first[k + 1] - 1 are data set k. ValueError unless the columns are equally long and `first`
    rises from 0 to their length.
    """
    cols = tuple(np.ascontiguousarray(c) for c in columns(**given))
    ends = np.ascontiguousarray(first, dtype=np.int64)
    if ends.ndim != 1 or not ends.size or ends[0] != 0 or np.any(np.diff(ends) < 0) or ends[-1] != cols[0].size:
        raise ValueError(f"first must rise from 0 to the columns' length {cols[0].size}")
    return ends, cols


def alone(column: object) -> IntArray:
    """Return the offsets of a batch that holds a single data set, given one of its columns."""
    return np.array([0, np.size(np.asarray(column))], dtype=np.int64)


def design_matrix(X: FloatArray, n: int, coefficient: int) -> FloatArray:
    """Return X as compiled code takes it; ValueError unless it has n rows and that column."""
    design = np.ascontiguousarray(X, dtype=np.float64)
    if design.ndim != 2 or design.shape[0] != n or not 0 <= coefficient < design.shape[1]:
        raise ValueError(f"X must have {n} rows and a column {coefficient}, found shape {design.shape}")
    return design


def treated_column(treated: object, n: int) -> BoolArray:
    """Return the arm of n patients as booleans (True treated); ValueError for another length, or a value but 0 and 1.

    An arm is never missing.
    """
    arm = np.asarray(treated)
    if arm.shape != (n,):
        raise ValueError(f"columns must be one-dimensional and equally long, found treated {arm.shape} beside ({n},)")
    if arm.dtype == np.bool_:
        return np.ascontiguousarray(arm)
    if not are_shares(arm.astype(np.float64)):
        raise ValueError("treated must hold only True/False or 1/0")
    return arm.astype(np.bool_)


def are_shares(flags: FloatArray) -> bool:
    """Return whether every value is 0 or 1."""
    return bool(np.all((flags == 0.0) | (flags == 1.0)))
