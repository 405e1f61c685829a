"""Analytic evidence: first confirmed worsenings are those of msclinical (tests/golden/oracles: program, data, log)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from sim.data.worsening import first_worsening
from sim.model.worsening import Worsening
from tests.analytic.courses import Course, lived

ORACLES = Path(__file__).parent.parent / "golden" / "oracles"


@pytest.mark.parametrize("tolerance", [0.0, 7.0])
@pytest.mark.parametrize("high_from", [5.5, 6.0])
@pytest.mark.parametrize("weeks", [12.0, 24.0])
@pytest.mark.parametrize("reference", ["baseline", "roving"])
def test_first_worsenings_are_those_of_msclinical(
    reference: str, weeks: float, high_from: float, tolerance: float
) -> None:
    """Without relapses, each of 200 stored courses has msclinical's day of first confirmed worsening, or none."""
    told = pd.read_csv(ORACLES / "worsening.csv")
    told = told[(told["reference"] == reference) & (told["weeks"] == weeks)]
    told = told[(told["high_from"] == high_from) & (told["tolerance"] == tolerance)]
    data = dict(iter(pd.read_csv(ORACLES / "worsening_data.csv").groupby("patient")))
    courses = [Course("", data[p]["edss"].tolist(), (0, False), days=data[p]["day"].tolist()) for p in told["patient"]]
    keys: dict[str, Any] = {"reference": reference, "high_from_points": high_from, "tolerance_days": tolerance}
    days, events = first_worsening(lived(courses), Worsening(**keys).plan(), weeks, "confirmed")
    assert len(courses) == 200
    assert (events == told["day"].notna().to_numpy()).all()
    assert days[events] == pytest.approx(told["day"].dropna().to_numpy())
    assert 20 < int(events.sum()) < 180
