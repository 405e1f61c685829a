"""The name somebody probably meant."""

from __future__ import annotations

import re
from collections.abc import Iterable
from difflib import SequenceMatcher

_ALIKE_ENOUGH = 0.6  # difflib's own default cutoff
_SAME_WORDS = 0.8  # `rate` for `rate_per_year`: few letters in common, yet plainly meant


def nearest(word: str, names: Iterable[str]) -> str | None:
    """Find the name most like `word`, or None if none is like it; of equals the first."""
    scored = [(_likeness(word, name), name) for name in names]
    score, name = max(scored, key=lambda pair: pair[0], default=(0.0, ""))
    return name if score >= _ALIKE_ENOUGH else None


def _likeness(word: str, name: str) -> float:
    a, b = word.lower(), name.lower()
    here, there = _words(a), _words(b)
    alike = max(_ratio(a, b), _ratio(" ".join(sorted(here)), " ".join(sorted(there))))
    if here and there and (set(here) <= set(there) or set(there) <= set(here)):
        alike = max(alike, _SAME_WORDS)
    return alike


def _words(text: str) -> list[str]:
    return [word for word in re.split(r"[^a-z0-9]+", text) if word]


def _ratio(a: str, b: str) -> float:
    return SequenceMatcher(None, a, b, autojunk=False).ratio()
