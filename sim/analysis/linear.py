"""Small symmetric systems, solved by Cholesky in compiled code: matrices of a handful of rows, no library calls."""

from __future__ import annotations

import math
from typing import Final

from sim.analysis.arrays import FloatArray
from sim.jit import part

__all__ = ["cholesky", "dot_row", "invert", "solve"]

_DEPENDENT: Final = 1e-13  # a pivot that has lost so much of its diagonal is rounding


@part
def cholesky(matrix: FloatArray, m: int, factor: FloatArray) -> bool:
    """Write the lower factor of matrix[:m, :m]; tell whether it is positive definite beyond rounding."""
    for j in range(m):
        for i in range(j, m):
            rest = matrix[i, j]
            for c in range(j):
                rest -= factor[i, c] * factor[j, c]
            if i > j:
                factor[i, j] = rest / factor[j, j]
            elif rest > _DEPENDENT * matrix[j, j] and rest < math.inf:
                factor[j, j] = math.sqrt(rest)
            else:
                return False
    return True


@part
def solve(factor: FloatArray, right: FloatArray, m: int, answer: FloatArray) -> None:
    """Solve factor factor' answer = right, for the first m rows."""
    for i in range(m):
        rest = right[i]
        for c in range(i):
            rest -= factor[i, c] * answer[c]
        answer[i] = rest / factor[i, i]
    for i in range(m - 1, -1, -1):
        rest = answer[i]
        for c in range(i + 1, m):
            rest -= factor[c, i] * answer[c]
        answer[i] = rest / factor[i, i]


@part
def invert(factor: FloatArray, m: int, unit: FloatArray, column: FloatArray, inverse: FloatArray) -> None:
    """Write the inverse of factor factor'; `unit` and `column` are room for m numbers each."""
    for j in range(m):
        for i in range(m):
            unit[i] = 1.0 if i == j else 0.0
        solve(factor, unit, m, column)
        for i in range(m):
            inverse[i, j] = column[i]


@part
def dot_row(X: FloatArray, i: int, b: FloatArray, p: int) -> float:
    """Return row i of X times b, over p columns."""
    total = 0.0
    for j in range(p):
        total += X[i, j] * b[j]
    return total
