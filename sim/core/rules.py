"""Marks the pure rules: scalar functions that run as they stand and that Numba compiles in nopython mode.

A rule uses `math.*`, comparison and arithmetic on float64 (and explicit uint64 in `philox`), no `**`, no NumPy vector
function and no container but tuples, so that compiled and interpreted code agree in every bit.
The mark costs nothing at run time: a compiled engine (and the twin tests) take the functions from `RULES` and compile
them, calls between rules included.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

F = TypeVar("F", bound=Callable[..., Any])

RULES: dict[str, Callable[..., Any]] = {}


def rule(function: F) -> F:
    """Register a scalar rule under `module.name`; the function itself is returned unchanged."""
    name = f"{function.__module__}.{function.__qualname__}"
    if name in RULES:
        raise ValueError(f"two rules are called {name}")
    RULES[name] = function
    return function
