"""The fitted population as data: values with errors, the figures they were fitted to, and populations of new studies.

Both files are written by `python -m sim.study.calibrate`; docs/calibration.log is its log.
"""

from __future__ import annotations

import csv
import json
from functools import cache
from pathlib import Path
from typing import Any

_FOLDER = Path(__file__).parent
VALUES, CLOUD = _FOLDER / "population.json", _FOLDER / "population_cloud.csv"


@cache
def _page() -> dict[str, Any]:
    page: dict[str, Any] = json.loads(VALUES.read_text(encoding="utf-8"))
    return page


def page() -> dict[str, Any]:
    """Give population.json; the caller's own."""
    return dict(_page())


def values() -> dict[str, float]:
    """Give the fitted value of each fitted scenario key."""
    return {key: float(v["value"]) for key, v in _page()["values"].items()}


def between_studies() -> dict[str, float]:
    """Give the medians of what differs between studies, by name."""
    return {key: float(v["value"]) for key, v in _page()["between_studies"].items()}


def cloud() -> list[dict[str, float]]:
    """Give the populations of new studies: scenario values by key, a dict each."""
    with CLOUD.open(encoding="utf-8", newline="") as lines:
        return [{key: float(v) for key, v in row.items()} for row in csv.DictReader(lines)]
