"""Checks on the columns that an analysis receives: one-dimensional, equally long, and holding what they claim."""

from __future__ import annotations

import math
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "BoolArray",
    "FloatArray",
    "are_shares",
    "are_whole_counts",
    "columns",
    "is_rounding",
    "present",
    "treated_column",
]

FloatArray: TypeAlias = NDArray[np.float64]
BoolArray: TypeAlias = NDArray[np.bool_]

_ROUNDINGS = 8.0  # roundings that a difference of two values and its centring can gather, each at most eps * scale


def columns(**given: object) -> tuple[FloatArray, ...]:
    """Return the named columns as float64 arrays; ValueError unless all are one-dimensional and equally long."""
    arrays = {name: np.asarray(value, dtype=np.float64) for name, value in given.items()}
    if any(a.ndim != 1 for a in arrays.values()) or len({a.shape for a in arrays.values()}) > 1:
        shapes = ", ".join(f"{name} {a.shape}" for name, a in arrays.items())
        raise ValueError(f"columns must be one-dimensional and equally long, found {shapes}")
    return tuple(arrays.values())


def treated_column(treated: FloatArray) -> BoolArray:
    """Return the arm as booleans (True treated); ValueError for anything but 0 and 1: an arm is never missing."""
    if not are_shares(treated):
        raise ValueError("treated must hold only True/False or 1/0")
    return treated.astype(np.bool_)


def present(*cols: FloatArray) -> BoolArray:
    """Return True where no column is NaN (a missing visit): the available cases."""
    missing = np.zeros(cols[0].shape, dtype=np.bool_)
    for col in cols:
        missing |= np.isnan(col)
    return ~missing


def are_whole_counts(counts: FloatArray) -> bool:
    """Return whether every value is a finite whole number of at least 0."""
    return bool(np.all(np.isfinite(counts) & (counts >= 0.0) & (counts == np.floor(counts))))


def are_shares(flags: FloatArray) -> bool:
    """Return whether every value is 0 or 1."""
    return bool(np.all((flags == 0.0) | (flags == 1.0)))


def is_rounding(sum_of_squares: float, n: int, scale: float) -> bool:
    """Return whether a sum of n squares is no more than rounding of values of size `scale` can make."""
    bound = math.sqrt(n) * _ROUNDINGS * float(np.finfo(np.float64).eps) * scale
    return bound < math.inf and math.sqrt(sum_of_squares) <= bound
