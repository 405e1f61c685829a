"""One clock: days since the first site opened. Conversion happens here, at the door, and nowhere else."""

from __future__ import annotations

import math

from sim.core.rules import rule

DAYS_PER_YEAR = 365.25
DAYS_PER_MONTH = DAYS_PER_YEAR / 12.0
EDSS_TOP = 10.0
WHOLE = 9007199254740992.0  # 2^53: every double from here on is whole, and may not fit into 64 bits


def months(value: float) -> float:
    """Days in `value` months of 365.25 / 12 days."""
    return value * DAYS_PER_MONTH


def years(value: float) -> float:
    """Days in `value` years of 365.25 days."""
    return value * DAYS_PER_YEAR


@rule
def on_clock(time: float, resolution: float) -> float:
    """Round a scheduled time up to the clock: unchanged at resolution 0, else the next multiple of it (days)."""
    if resolution == 0.0 or time >= WHOLE:
        return time
    return math.ceil(time / resolution) * resolution
