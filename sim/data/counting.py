"""Counts relapses patient by patient, in compiled code: one pass over the relapses of a whole batch."""

from __future__ import annotations

import math
from typing import Any

from sim.jit import kernel


@kernel
def count_relapses(
    row: Any, pseudo: Any, time: Any, seen: Any, with_pseudo: Any, low: Any, high: Any, counts: Any
) -> None:
    """Add to counts[r] each relapse of patient r with low[r] < time <= high[r] that was seen (`seen` is not NaN).

    Pseudo-relapses count where `with_pseudo`; rows of -1 are nobody's. All arrays contiguous.
    """
    for k in range(row.shape[0]):
        r = row[k]
        if r < 0 or math.isnan(seen[k]) or (pseudo[k] != 0 and not with_pseudo):
            continue
        if time[k] > low[r] and time[k] <= high[r]:
            counts[r] += 1.0


@kernel
def first_relapses(row: Any, pseudo: Any, time: Any, seen: Any, with_pseudo: Any, low: Any, earliest: Any) -> None:
    """Lower earliest[r] to the first relapse of patient r after low[r] that was seen; the rest as in count_relapses."""
    for k in range(row.shape[0]):
        r = row[k]
        if r < 0 or math.isnan(seen[k]) or (pseudo[k] != 0 and not with_pseudo):
            continue
        if time[k] > low[r] and time[k] < earliest[r]:
            earliest[r] = time[k]
