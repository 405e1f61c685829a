"""The prior on the effect: whether it can be drawn from, and what is drawn from."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING

from sim.core.params import Refusal
from sim.model.effect_prior import MOST_LOST, Prior, kept_share
from sim.model.relapse import MOST_LAYERS
from sim.model.season import highest

if TYPE_CHECKING:
    from sim.scenario.schema import Scenario


def effect_prior(s: Scenario) -> Iterator[Refusal]:
    """Refuse a prior without spread, on an effect that is off, or with a tail beyond what a rate is multiplied by."""
    prior = s.effect_prior
    if not prior.enabled:
        return
    if not (s.effect.enabled and s.switches.effect):
        yield Refusal("effect_prior.enabled", True, "false, or effect.enabled = true and switches.effect = true")
    elif prior.log_sd == 0.0 and prior.no_effect_prob == 0.0:
        yield Refusal(
            "effect_prior.enabled", True, "false, or effect_prior.log_sd above 0, or a no_effect_prob above 0"
        )
    elif (drawn := prior_of(s)).kept < 1.0 - MOST_LOST:
        median, most = math.exp(drawn.log_median), _most(s)
        allowed = f"so little that 99.9% of the prior with median {median:g} is below a rate ratio of {most:g}"
        yield Refusal("effect_prior.log_sd", prior.log_sd, allowed)


def prior_of(s: Scenario) -> Prior:
    """Give the scenario's prior, ready to be drawn from."""
    own = s.effect_prior
    median = math.log(s.effect.rate_ratio if own.rate_ratio_median is None else own.rate_ratio_median)
    return Prior(median, own.log_sd, kept_share(median, own.log_sd, _most(s)), own.no_effect_prob)


def _most(s: Scenario) -> float:
    """Give the largest rate ratio whose product with a site's own and the season's stays within the layers."""
    return MOST_LAYERS / (s.sites.largest_ratio() * highest(s.season.plan().amplitude))
