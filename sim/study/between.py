"""Power when the population is not known: its average, what it is at the fitted population, and how far it spreads.

Each trial of the run draws a population of its own, so trials are independent and sqrt(p (1 - p) / trials) is the
error of the average, spread of populations included. The spread itself comes from a run of its own, in which groups of
trials share a population: a random-effects estimate, from which the binomial noise within groups is taken out.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sim.scenario.schema import Scenario
from sim.study.picked import Figure
from sim.study.play import Play
from sim.study.runner import Failure, Rows
from sim.study.uncertain import Draws, UncertainPlay, uncertain_play

Floats = NDArray[np.float64]

EACH = 25
"""Trials of a population; near p (1 - p) / variance where powers of populations differ by 0.1, which costs least."""
FEWEST = 80
"""Populations at least."""
TAILS = (0.05, 0.95)
Z95 = 1.959963984540054


class Spread(NamedTuple):
    """How power spreads between populations: variance, standard deviation, 5% and 95% points, share of the variance.

    `variance` and `share` are unbiased, so where populations hardly differ they may come out below 0; the others take
    such a variance for 0.
    """

    variance: Figure
    sd: Figure
    low: Figure
    high: Figure
    share: Figure

    @property
    def told(self) -> bool:
        """Whether the variance is told from 0: by more than 1.96 of its standard errors."""
        return self.variance.value > Z95 * self.variance.mcse

    @property
    def most_sd(self) -> float:
        """The standard deviation at the upper end of the variance's 95% interval."""
        return math.sqrt(max(self.variance.value, 0.0) + Z95 * self.variance.mcse)


@dataclass(frozen=True)
class Beside:
    """What stands beside an endpoint's averaged power; `spread` is None where no population is drawn."""

    fitted: Figure
    difference: Figure
    spread: Spread | None

    def to_dict(self) -> dict[str, Any]:
        """Give plain values, each with its MCSE."""
        found = {"fitted": self.fitted.to_dict(), "difference": self.difference.to_dict()}
        if not self.spread:
            return found
        spread = {name: own.to_dict() for name, own in self.spread._asdict().items()}
        return found | spread | {"told_from_none": self.spread.told, "most_sd": self.spread.most_sd}


@dataclass(frozen=True)
class Uncertain:
    """What trials drew and what was held, and by endpoint what stands beside the average.

    `populations` were played EACH times for the spread, none where no population is drawn; `words` say what the result
    is and is not; `failed` are the trials that raised in the two runs beside the main one.
    """

    draws: Draws
    populations: int
    endpoints: dict[str, Beside]
    words: str
    failed: tuple[Failure, ...] = ()

    @property
    def assurance(self) -> bool:
        """Whether the effect is drawn too, so that the average is an assurance."""
        return self.draws.prior is not None

    def to_dict(self) -> dict[str, Any]:
        """Give plain values."""
        return {
            "assurance": self.assurance,
            "words": self.words,
            **self.draws.to_dict(),
            "prior": prior_dict(self.draws) if self.assurance else None,
            "populations": self.populations,
            "trials_each": EACH if self.populations else 0,
            "endpoints": {key: own.to_dict() for key, own in self.endpoints.items()},
        }


Run = Callable[[Play, int, str], tuple[Rows, list[Failure]]]
"""Plays trials 0 to n - 1 and analyses them: rows with `trial` and `estimates`, and the failures; named for a bar."""


def around(
    play: UncertainPlay, rows: Rows, trials: int, found: Callable[[Rows, int], NDArray[np.bool_]], run: Run
) -> Uncertain:
    """Set beside a run's rows those of the same trials at the fitted population, and those of trials in groups.

    `found(rows, k)` gives each row's verdict in endpoint number k.
    """
    assert play.draws is not None
    scenario, draws = play.scenario, play.draws
    fitted, failed = run(Play(scenario, play.seed, play.engine), trials, "at the fitted population")
    populations, grouped = groups_for(trials) if draws.keys else 0, None
    if populations:
        shared = uncertain_play(scenario, replace(draws, group=EACH), play.seed, play.engine)
        grouped, more = run(shared, populations * EACH, "spread between populations")
        failed = failed + more
    endpoints = {
        e.key: beside(
            _verdicts(rows, found(rows, k)),
            _verdicts(fitted, found(fitted, k)),
            None if grouped is None else _verdicts(grouped, found(grouped, k)),
        )
        for k, e in enumerate(scenario.endpoint)
    }
    return Uncertain(draws, populations, endpoints, words(scenario, draws), tuple(failed))


def _verdicts(rows: Rows, found: NDArray[np.bool_]) -> Rows:
    table = np.empty(len(rows), [("trial", "i8"), ("found", "?")])
    table["trial"], table["found"] = rows["trial"], found
    return table


def words(scenario: Scenario, draws: Draws) -> str:
    """Say what the averaged power is, and that it is no assurance where the effect is not drawn."""
    over = "the population's uncertainty" if draws.keys else ""
    if draws.prior is None:
        held = "none" if scenario.no_effect else f"rate ratio {scenario.effect.rate_ratio:g} while patent"
        return f"power averaged over {over}; not assurance: the effect is held fixed ({held})"
    p = prior_dict(draws)
    none = f", no effect with probability {p['no_effect_prob']:g}" if p["no_effect_prob"] else ""
    ratio = f"rate ratio {p['rate_ratio_median']:.3g}, 90% {p['lower']:.3g} to {p['upper']:.3g}"
    prior = f"the prior on the effect ({ratio}{none})"
    both = " and ".join(part for part in (over, prior) if part)
    kept = "" if draws.keys else "; the population is held fixed"
    return f"assurance: the probability of p < {scenario.study.alpha:g} in favour, averaged over {both}{kept}"


def prior_dict(draws: Draws) -> dict[str, float]:
    """Give the prior as a reader knows it: median and 90% range of the rate ratio, probability of no effect."""
    assert draws.prior is not None
    middle, reach = draws.prior.log_median, 1.6448536269514722 * draws.prior.log_sd
    median, low, high = (math.exp(middle + k * reach) for k in (0.0, -1.0, 1.0))
    return {"rate_ratio_median": median, "lower": low, "upper": high, "no_effect_prob": draws.prior.no_effect}


def groups_for(trials: int) -> int:
    """Give how many populations the spread is estimated from: as many trials in all as the run has, at least 80."""
    return max(FEWEST, trials // EACH)


def beside(own: Rows, fitted: Rows, grouped: Rows | None) -> Beside:
    """Set averaged verdicts (trial, found) beside those at the fitted population and those by groups of trials."""
    power, trials = float(own["found"].mean()), len(own)
    apart = None if grouped is None else spread(grouped, power, trials)
    return Beside(_share(fitted["found"]), _paired(own, fitted), apart)


def _share(found: NDArray[np.bool_]) -> Figure:
    p, n = float(found.mean()), len(found)
    return Figure(p, math.sqrt(p * (1.0 - p) / n))


def _paired(own: Rows, other: Rows) -> Figure:
    """Give by how much the first power exceeds the second, from the trials that both have."""
    _, mine, theirs = np.intersect1d(own["trial"], other["trial"], return_indices=True)
    gap = own["found"][mine].astype(float) - other["found"][theirs]
    return Figure(float(gap.mean()), float(gap.std(ddof=1) / math.sqrt(len(gap))) if len(gap) > 1 else math.nan)


def spread(grouped: Rows, power: float, trials: int) -> Spread | None:
    """Estimate how power spreads between populations, trials k EACH to (k + 1) EACH - 1 sharing the k-th.

    The variance of group shares less what the binomial makes of it, by the method of moments; the points are those of
    a beta distribution with this variance and the mean `power`. Errors by the jackknife over populations; those of the
    points hold that of `power` too. A group in which a trial failed is left out; None where two or fewer are left.
    """
    shares = _complete(grouped)
    if len(shares) < 3:
        return None
    whole = _moments(np.array([shares.sum()]), np.array([(shares * shares).sum()]), len(shares), power)
    without = _moments(shares.sum() - shares, (shares * shares).sum() - shares * shares, len(shares) - 1, power)
    n = len(shares)
    errors = [math.sqrt((n - 1) / n * float(((w - w.mean()) ** 2).sum())) for w in without]
    own = math.sqrt(power * (1.0 - power) / trials)
    errors = [math.hypot(e, own) if k in (2, 3) else e for k, e in enumerate(errors)]
    return Spread(*(Figure(float(value[0]), error) for value, error in zip(whole, errors, strict=True)))


def _complete(grouped: Rows) -> Floats:
    """Give each whole group's share of verdicts."""
    _, first, counts = np.unique(grouped["trial"] // EACH, return_index=True, return_counts=True)
    sums = np.add.reduceat(grouped["found"].astype(float), first)
    shares: Floats = sums[counts == EACH] / EACH
    return shares


def _moments(total: Floats, squares: Floats, n: int, power: float) -> tuple[Floats, ...]:
    """Give the figures of a Spread from sums of group shares and of their squares."""
    mean = total / n
    between = (squares - n * mean * mean) / (n - 1)
    within = (total - squares) / n / (EACH - 1)  # the mean of p (1 - p) / (EACH - 1)
    most = power * (1.0 - power)
    raw = between - within
    variance = np.clip(raw, 0.0, 0.999 * most)
    low, high = (_beta_point(tail, power, variance) for tail in TAILS)
    return raw, np.sqrt(variance), low, high, raw / most if most > 0.0 else np.zeros_like(raw)


def _beta_point(tail: float, mean: float, variance: Floats) -> Floats:
    """Give a quantile of the beta distribution with this mean and variance; the mean where there is no variance."""
    from scipy.special import betaincinv

    points = np.full(len(variance), mean)
    real = variance > 0.0
    size = mean * (1.0 - mean) / variance[real] - 1.0
    points[real] = betaincinv(mean * size, (1.0 - mean) * size, tail)
    return points
