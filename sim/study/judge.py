"""Judges published figures by the replays: each alone by its mid-PIT, all of them together by one joint rank.

The joint rank goes by Mahalanobis distance in normal scores: each figure of each replay is replaced by the normal
quantile of its mid-rank among the replays (so a count that many replays share stands in the middle of its ties, and a
skewed count weighs no more than any other), and a replay, or the study, is as far out as its distance from the middle
when the figures' correlations are reckoned in. Correlated figures so count once, not as if each were news.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from sim.scenario.schema import Figure, Scenario
from sim.study.quantities import QUANTITIES, favours
from sim.study.readings import patients_of

Floats = NDArray[np.float64]

RARE: Final = 0.05
LEVEL: Final = 0.9
Z95: Final = 1.96
RESAMPLES: Final = 50
RESAMPLE_SEED: Final = 20260101
METHOD: Final = "Mahalanobis distance in normal scores of mid-ranks; ties count half"
_SLACK: Final = 1e-9  # between distances that are alike but for the order of summing
_RIDGE: Final = 1e-6  # so that a study that breaks a rule all replays keep is far from them


def mcse(share: float, n: int) -> float:
    """Give the Monte Carlo standard error of a share of n replays."""
    return math.sqrt(share * (1.0 - share) / n)


def mid_pit(low: float, high: float, values: Floats) -> float:
    """Give P(X < low) + P(low <= X <= high) / 2, over the replays that have a value."""
    inside = (values >= low) & (values <= high)
    return float((values < low).mean() + 0.5 * inside.mean())


def judge(scenario: Scenario, figure: Figure, all_values: Floats) -> dict[str, Any]:
    """Give a figure's place among the replays; `mid_pit` near 0 or 1 means that the scenario misses it.

    `interval` holds the middle 90% of the replays; `share_as_favourable` is the share at least as favourable to what
    was claimed; `mcse` are the standard errors of the two shares. NaN counts nowhere; `without` says how often.
    """
    values = all_values[~np.isnan(all_values)]
    low, high = figure.readings
    sign = favours(scenario, figure)
    better = float((values >= low if sign > 0 else values <= high).mean())
    pit = mid_pit(low, high, values)
    tail = (1.0 - LEVEL) / 2.0
    return {
        "id": figure.id,
        "quantity": figure.quantity,
        "words": QUANTITIES[figure.quantity].words,
        "arm": figure.arm,
        "status": figure.status,
        "source": figure.source,
        "published": [figure.low, figure.high],
        "total": figure.total,
        "counted": patients_of(figure) > 1.0,
        "note": figure.note,
        "median": float(np.median(values)),
        "interval": [float(q) for q in np.quantile(values, [tail, 1.0 - tail], method="inverted_cdf")],
        "mid_pit": pit,
        "share_as_favourable": better,
        "mcse": {"mid_pit": pit_error(low, high, values), "share_as_favourable": mcse(better, len(values))},
        "used_for_fit": figure.used_for_fit,
        "favours": sign,
        "without": len(all_values) - len(values),
    }


def pit_error(low: float, high: float, values: Floats) -> float:
    """Give the Monte Carlo standard error of a mid-PIT: that of a mean of 0, 1/2 and 1."""
    parts = (values < low) + 0.5 * ((values >= low) & (values <= high))
    return float(parts.std() / math.sqrt(len(values)))


def judge_jointly(figures: Sequence[Figure], simulated: Sequence[Floats]) -> dict[str, Any]:
    """Give one rank for all figures that were not used to choose the scenario; None where there is no such figure.

    `rank` is the share of replays nearer to the middle than the study, those as near counted half; `tail_probability`
    the share at least as far out; `replays` how many have all the figures.
    """
    tests = [k for k, f in enumerate(figures) if not f.used_for_fit]
    ids = [_name(figures[k]) for k in tests]
    made: dict[str, Any] = {"method": METHOD, "figures": ids, "rank": None, "tail_probability": None, "mcse": None}
    if not tests:
        return made | {"replays": 0}
    cloud = np.column_stack([simulated[k] for k in tests])
    cloud = cloud[~np.isnan(cloud).any(axis=1)]
    if len(cloud) < 2:
        return made | {"replays": len(cloud)}
    readings = [figures[k].readings for k in tests]
    tail, alike = _tail(readings, cloud)
    return made | {
        "rank": 1.0 - tail + 0.5 * alike,
        "tail_probability": tail,
        "mcse": _tail_error(readings, cloud, tail),
        "replays": len(cloud),
    }


def _tail(readings: Sequence[tuple[float, float]], cloud: Floats) -> tuple[float, float]:
    """Give the share of replays at least as far out as the study, and the share exactly as far."""
    distances, own = distances_of(readings, cloud)
    return 1.0 - float((distances < own - _SLACK).mean()), float((np.abs(distances - own) <= _SLACK).mean())


def _tail_error(readings: Sequence[tuple[float, float]], cloud: Floats, tail: float) -> float:
    """Give the Monte Carlo standard error of the joint tail, by a bootstrap of the replays; 0 where no replay is as far
    out.

    The replays place the study and shape the middle too, so the error is more than that of a share: sqrt(p(1-p)/n) was
    0.4 to 0.7 of what 24 seeds showed (docs/replays.md).
    """
    if tail == 0.0:
        return 0.0
    draw, n = np.random.default_rng(RESAMPLE_SEED), len(cloud)
    found = [_tail(readings, cloud[draw.integers(0, n, n)])[0] for _ in range(RESAMPLES)]
    return float(np.std(found, ddof=1))


def _name(figure: Figure) -> str:
    return f"{figure.id} ({figure.arm})" if figure.arm and figure.arm not in figure.id else figure.id


def distances_of(readings: Sequence[tuple[float, float]], cloud: Floats) -> tuple[Floats, float]:
    """Give the squared distance of each replay (a row of `cloud`) from the middle, and that of the study."""
    from scipy.special import ndtri
    from scipy.stats import rankdata

    n = len(cloud)
    scores = ndtri((rankdata(cloud, axis=0) - 0.5) / n)
    places = [mid_pit(low, high, cloud[:, k]) for k, (low, high) in enumerate(readings)]
    own = ndtri(np.clip(places, 0.5 / n, 1.0 - 0.5 / n))
    covariance = np.atleast_2d(np.cov(scores.T)) + _RIDGE * np.eye(len(readings))
    inverse = np.linalg.inv(covariance)
    return np.einsum("ij,jk,ik->i", scores, inverse, scores), float(own @ inverse @ own)


def verdict(share: float, error: float) -> str:
    """Say whether a tail probability is "ordinary", "rare", or too near to 5% to tell ("at the edge")."""
    if share - Z95 * error >= RARE:
        return "ordinary"
    return "rare" if share + Z95 * error < RARE else "at the edge"


def contrasts(figures: Sequence[Figure], simulated: Sequence[Floats]) -> list[dict[str, Any]]:
    """Compare the arms: for each quantity printed for two of them, how often replays are as unequal as the study.

    Differences are between figures per patient (or of the rates and shares as printed), the first arm less the second.
    `share_exactly` is the share of replays with just the published pair; `share_in_direction` with a difference at
    least as large in the published direction; `share_either` in either direction; each with its standard error.
    """
    found = []
    for i, first in enumerate(figures):
        for j in range(i + 1, len(figures)):
            if figures[j].quantity == first.quantity and figures[j].arm != first.arm and not first.used_for_fit:
                found.append(_contrast((first, figures[j]), (simulated[i], simulated[j])))
    return found


def _contrast(pair: tuple[Figure, Figure], values: tuple[Floats, Floats]) -> dict[str, Any]:
    there = ~np.isnan(values[0] + values[1])
    a, b = (v[there] / patients_of(f) for f, v in zip(pair, values, strict=True))
    (low_a, high_a), (low_b, high_b) = ([x / patients_of(f) for x in f.readings] for f in pair)
    published = 0.5 * (low_a + high_a - low_b - high_b)
    sign = 1.0 if published >= 0.0 else -1.0
    gap = sign * (a - b)
    shares = {
        "share_exactly": (a >= low_a) & (a <= high_a) & (b >= low_b) & (b <= high_b),
        "share_in_direction": gap >= abs(published) - _SLACK,
        "share_either": np.abs(gap) >= abs(published) - _SLACK,
    }
    n = len(gap)
    made: dict[str, Any] = {name: float(hit.mean()) for name, hit in shares.items()}
    return {
        "quantity": pair[0].quantity,
        "words": QUANTITIES[pair[0].quantity].words,
        "arms": [f.arm for f in pair],
        "published": [[f.low, f.high] for f in pair],
        "total": [int(patients_of(f)) if patients_of(f) > 1.0 else 0 for f in pair],
        "difference": published,
        **made,
        "mcse": {name: mcse(share, n) for name, share in made.items()},
    }


def rise(figures: Mapping[str, Figure], simulated: Mapping[str, Floats]) -> dict[str, Any] | None:
    """Tell how often the relapse-free rise at least as much as the published ranges allow; None without both counts."""
    before, after = figures.get("relapse_free_before"), figures.get("relapse_free_after")
    if not (before and after):
        return None
    least, most = after.low - before.high, after.high - before.low
    gained = simulated["relapse_free_after"] - simulated["relapse_free_before"]
    share = float((gained >= least).mean())
    return {"published": [least, most], "share": share, "mcse": mcse(share, len(gained))}
