"""What is believed of the true effect before the trial: a log-normal rate ratio, and perhaps no effect at all.

It moves no patient. A run with uncertain populations draws each trial's effect from it; the share of trials that then
find a benefit is the assurance (O'Hagan, Stevens and Campbell 2005, recalled): an average of power over a prior.
"""

from __future__ import annotations

import math
from typing import NamedTuple

from sim.core.inverse import normal
from sim.core.params import Table, param

MOST_LOST = 1e-3
"""The prior may lose so much of its upper tail to the bounds of effect.rate_ratio; more is refused."""


class EffectPrior(Table):
    """What is believed of effect.rate_ratio; only `--uncertain` draws from it."""

    enabled: bool = param(
        False, unit="-", meaning="with --uncertain, each trial draws its effect from here", source="design"
    )
    rate_ratio_median: float | None = param(
        None,
        unit="1",
        gt=0.0,
        le=8.0,
        meaning="median of the rate ratio while patent, where there is an effect; none: effect.rate_ratio",
        source="design",
    )
    log_sd: float = param(
        0.0,
        unit="1",
        ge=0.0,
        le=3.0,
        meaning="standard deviation of its logarithm (a 90% range from a to b: log(b / a) / 3.29)",
        source="design",
    )
    no_effect_prob: float = param(
        0.0, unit="1", ge=0.0, le=1.0, meaning="probability that open veins do nothing, on any outcome", source="design"
    )


class Prior(NamedTuple):
    """A prior ready to be drawn from: log median, standard deviation, share kept of its tail, probability of none."""

    log_median: float
    log_sd: float
    kept: float
    no_effect: float


def kept_share(log_median: float, log_sd: float, most: float) -> float:
    """Give the share of a log-normal that lies at or below `most`."""
    gap = math.log(most) - log_median
    if log_sd == 0.0:
        return 1.0 if gap >= 0.0 else 0.0
    return 0.5 * math.erfc(-gap / (log_sd * math.sqrt(2.0)))


def drawn_ratio(u_none: float, u: float, prior: Prior) -> float | None:
    """Draw a rate ratio by inversion, None where there is no effect; the tail that is not kept is cut off."""
    if u_none < prior.no_effect:
        return None
    return math.exp(prior.log_median + prior.log_sd * normal(u * prior.kept))
