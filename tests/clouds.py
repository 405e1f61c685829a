"""A stand-in for the shipped cloud of populations: a small file, made by hand, so that its numbers are known."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from sim.evidence import cloud

KEYS = (
    "relapse.rate_per_year",
    "frailty.variance",
    "activity.ratio",
    "activity.active_months",
    "activity.quiescent_months",
    "decline.fall_per_year",
)


def stand_in(folder: Path, rows: int = 24) -> Path:
    """Write a cloud of so many populations, their rates a factor of 6 apart, and give its path."""
    lines = [
        (0.25 * math.exp(1.8 * k / (rows - 1)), 0.3 + 0.01 * k, 5.0 + 0.1 * k, 8.0 + 0.05 * k, 20.0 + 0.2 * k, 0.05)
        for k in range(rows)
    ]
    return written(folder, KEYS, lines)


def written(folder: Path, keys: Sequence[str], rows: Sequence[Sequence[object]]) -> Path:
    """Write a cloud with this header and these rows."""
    path = folder / "population_cloud.csv"
    path.write_text("\n".join(",".join(map(str, row)) for row in (keys, *rows)) + "\n", encoding="utf-8")
    return path


def varying(folder: Path, changed: Mapping[str, Sequence[float]], rows: int) -> Path:
    """Write a cloud in which only these keys vary, the others as in the first row of the stand-in."""
    fixed = dict(zip(KEYS, (0.25, 0.3, 5.0, 8.0, 20.0, 0.05), strict=True))
    lines = [
        [changed[key][k % len(changed[key])] if key in changed else fixed[key] for key in KEYS] for k in range(rows)
    ]
    return written(folder, KEYS, lines)


def use(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the package read this file in place of the one it ships."""
    monkeypatch.setattr(cloud, "PATH", path)
