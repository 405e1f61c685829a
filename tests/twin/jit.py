"""Compiles a rule from the very source that the reference engine runs, calls between rules included."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from types import FunctionType
from typing import Any

import numba

from sim.core.rules import RULES

Rule = Callable[..., Any]


@cache
def compiled(rule: Rule) -> Rule:
    """Give the rule compiled in nopython mode.

    The code object is the rule's own; of its global names only those that are rules are replaced, by their compiled
    forms. Nothing is cached on disk, so no stale answer of an edited callee can come back.
    """
    assert isinstance(rule, FunctionType)
    names = rule.__globals__
    called = {n: compiled(names[n]) for n in rule.__code__.co_names if _is_rule(names.get(n))}
    clone = FunctionType(rule.__code__, names | called, rule.__name__, rule.__defaults__)
    jitted: Rule = numba.njit(clone)
    return jitted


def _is_rule(value: object) -> bool:
    return isinstance(value, FunctionType) and value in RULES.values()
