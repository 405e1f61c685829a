"""What a formula says the sample size is: for patients followed to the end, an effect that is there from the first day.

Rate and dispersion are those of the scenario's own enrolled, untreated, by simulation. What the formula leaves out
(failed procedures, waiting, restenosis, dropout, rescue) is what a simulation adds.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from sim.analysis.trial import contrast
from sim.core.endpoints import parse_endpoint
from sim.data.cohort import Counts, window
from sim.engines.want import Want
from sim.engines.world import potential
from sim.scenario.schema import Scenario
from sim.study.performance import Rows, converged
from sim.study.play import Play
from sim.study.population import SOLVER_SEED
from sim.study.runner import Failure, Pool, Watcher, Workers
from sim.study.vary import Dial

WALD = "negative binomial Wald test, fixed exposure (Zhu and Lakkis 2014)"
SHARES = "two proportions, unpooled variance (Fleiss 1981), both negative binomial"
EVENTS = "log-rank test, number of events (Schoenfeld 1981), times with negative binomial counts"
NORMAL = "normal approximation, from the mean and the spread of a pilot's estimates"
PATIENTS, GROUPS = 400_000, 20
"""Untreated patients that rate and dispersion are taken from, and the groups that tell their Monte Carlo error."""


@dataclass(frozen=True)
class ClosedForm:
    """A size by formula, in the units of what is varied; None where no size is enough.

    `whole` is the smallest size that can be had, `n` its patients, `inputs` what went in; `mcse` is the Monte Carlo
    error that `value` has from those of them that are simulated.
    """

    value: float | None
    whole: int | None
    n: int | None
    method: str
    inputs: dict[str, float]
    mcse: float | None = None

    def to_dict(self) -> dict[str, Any]:
        """Give plain values."""
        return asdict(self)


@dataclass(frozen=True)
class Untreated:
    """Answers the relapses of one trial's untreated patients in so many months of follow-up; picklable."""

    play: Play
    counts: Counts
    months: float

    def __call__(self, trial: int) -> NDArray[np.float64]:
        """Give each patient's count."""
        want = Want(frozenset((self.counts,)), (), False, surveillance=False, guesses=False)
        people = self.play.people(trial, potential(0.0, True), want)
        return window(people, self.counts, 0.0, self.months, planned=True).counts


def z_sum(alpha: float, power: float) -> float:
    """Give the sum of the normal quantiles of a two-sided test's level and of its power."""
    return float(ndtri(1.0 - alpha / 2.0) + ndtri(power))


def wald_patients(
    rate: float, ratio: float, dispersion: float, years: float, share: float, alpha: float, power: float
) -> float:
    """Give the patients of both arms that compare two negative binomial rates; `share` of them are treated."""
    control = (1.0 / (rate * years) + dispersion) / (1.0 - share)
    treated = (1.0 / (rate * ratio * years) + dispersion) / share
    return z_sum(alpha, power) ** 2 * (control + treated) / math.log(ratio) ** 2


def wald_years(
    rate: float, ratio: float, dispersion: float, patients: float, share: float, alpha: float, power: float
) -> float:
    """Give the years of follow-up of the same design; infinite where no follow-up is enough."""
    allowed = patients * math.log(ratio) ** 2 / z_sum(alpha, power) ** 2
    left = allowed - dispersion / (share * (1.0 - share))
    return (1.0 / (1.0 - share) + 1.0 / (ratio * share)) / (rate * left) if left > 0.0 else math.inf


def none_prob(mean: float, dispersion: float) -> float:
    """Give the share without an event among negative binomial counts."""
    return math.exp(-mean) if dispersion <= 0.0 else math.exp(-math.log1p(dispersion * mean) / dispersion)


def shares_patients(free: tuple[float, float], share: float, alpha: float, power: float) -> float:
    """Give the patients of both arms that compare two shares, treated first."""
    treated, control = free
    spread = treated * (1.0 - treated) / share + control * (1.0 - control) / (1.0 - share)
    return z_sum(alpha, power) ** 2 * spread / (treated - control) ** 2


def events_patients(free: tuple[float, float], ratio: float, share: float, alpha: float, power: float) -> float:
    """Give the patients of both arms whose first events compare two hazards, treated first."""
    events = z_sum(alpha, power) ** 2 / (share * (1.0 - share) * math.log(ratio) ** 2)
    return events / (1.0 - share * free[0] - (1.0 - share) * free[1])


def closed_form(
    dial: Dial, power: float, pilot: tuple[int, Rows], workers: Workers, engine: str, watch: Watcher | None
) -> ClosedForm:
    """Give the formula's size; `pilot` is a size and its trials' estimates, for endpoints without a formula."""
    base, _ = parse_endpoint(dial.endpoint.name)
    effect = 1.0 if dial.scenario.no_effect else dial.scenario.effect.rate_ratio
    kinds = () if dial.scenario.before_after or dial.scenario.case_control else _kinds(dial.scenario)
    if base not in ("arr", "relapse_free", "first_relapse") or effect == 1.0 or set(kinds) != {"angioplasty", "other"}:
        return _normal(dial, power, *pilot)
    return _by_counts(dial, power, workers, engine, watch)


def _kinds(scenario: Scenario) -> tuple[str, ...]:
    kinds = [scenario.arm[a].procedure for a in contrast(scenario, scenario.endpoint[0])]
    return tuple("angioplasty" if kind == "angioplasty" else "other" for kind in kinds)


@dataclass(frozen=True)
class Seen:
    """Counts of untreated patients, summed up in groups of trials: patients, events, squares of events."""

    sums: NDArray[np.float64]

    def figures(self, without: int | None = None) -> tuple[float, float]:
        """Give mean and dispersion, with a group left out where that is asked for."""
        n, events, squares = self.sums.sum(axis=0) - (0.0 if without is None else self.sums[without])
        if not events:
            return 0.0, 0.0
        mean = events / n
        variance = (squares - n * mean * mean) / (n - 1.0)
        return float(mean), float(max(0.0, (variance - mean) / (mean * mean)))

    def mcse(self, size: Callable[[float, float], float]) -> float | None:
        """Give the standard error of a size by formula, leaving out a group at a time; None where one has no size."""
        figures = [self.figures(g) for g in range(len(self.sums))]
        sizes = np.array([size(*f) if f[0] else math.inf for f in figures])
        if not np.isfinite(sizes).all():
            return None
        return math.sqrt((len(sizes) - 1.0) / len(sizes) * float(((sizes - sizes.mean()) ** 2).sum()))


def untreated_counts(scenario: Scenario, months: float, workers: Workers, engine: str, watch: Watcher | None) -> Seen:
    """Give the enrolled's counts in so many months, untreated."""
    counts = scenario.endpoint[0].counts
    trials = max(GROUPS, math.ceil(PATIENTS / scenario.enrolment.target))
    with Pool(Untreated(Play(scenario, SOLVER_SEED, engine), counts, months), SOLVER_SEED, workers) as pool:
        answers: Sequence[Any] = pool.run(range(trials), watch)
    for answer in answers:
        if isinstance(answer, Failure):
            raise answer.error()
    sums = np.array([[len(seen), seen.sum(), (seen * seen).sum()] for seen in answers])
    return Seen(np.array([sums[g::GROUPS].sum(axis=0) for g in range(GROUPS)]))


def _by_counts(dial: Dial, power: float, workers: Workers, engine: str, watch: Watcher | None) -> ClosedForm:
    s = dial.scenario
    base, asked = parse_endpoint(dial.endpoint.name)
    months = s.study.follow_up_months if asked is None else asked
    seen = untreated_counts(s, months, workers, engine, watch)
    mean, dispersion = seen.figures()
    ratio, alpha, years = s.effect.rate_ratio, s.study.alpha, months / 12.0
    treated, control = (s.arm[a].ratio for a in contrast(s, dial.endpoint))
    share = treated / (treated + control)
    part = (treated + control) / sum(a.ratio for a in s.arm)
    inputs = {"rate_per_year": mean / years, "dispersion": dispersion, "rate_ratio": ratio, "years": years}
    method = {"arr": WALD, "relapse_free": SHARES}.get(base, EVENTS)
    if mean == 0.0:
        return ClosedForm(None, None, None, method, inputs)
    if dial.vary == "follow_up" and base != "arr":
        return ClosedForm(None, None, None, f"{method}: not solved for time", inputs)

    def size(mean: float, dispersion: float) -> float:
        if dial.vary == "follow_up":
            patients = part * s.enrolment.target
            return 12.0 * wald_years(mean / years, ratio, dispersion, patients, share, alpha, power)
        free = none_prob(mean * ratio, dispersion), none_prob(mean, dispersion)
        if base == "arr":
            n = wald_patients(mean / years, ratio, dispersion, years, share, alpha, power)
        elif base == "relapse_free":
            n = shares_patients(free, share, alpha, power)
        else:
            n = events_patients(free, ratio, share, alpha, power)
        return _patients_to_size(dial, n / part)

    return _said(dial, size(mean, dispersion), method, inputs, seen.mcse(size))


def _normal(dial: Dial, power: float, x: int, rows: Rows) -> ClosedForm:
    """Scale the pilot's size so that the mean estimate lies as many spreads from nothing as the power asks."""
    got = rows["value"][converged(rows)]
    inputs = {"pilot_size": float(x), "pilot_trials": float(len(rows))}
    if len(got) < 2:
        return ClosedForm(None, None, None, NORMAL, inputs)
    mean, sd = float(got.mean()), float(got.std(ddof=1))
    inputs |= {"mean_estimate": mean, "sd": sd}
    if abs(mean) <= 2.0 * sd / math.sqrt(len(got)):
        return ClosedForm(None, None, None, NORMAL, inputs)
    size = x * (z_sum(dial.scenario.study.alpha, power) * sd / mean) ** 2
    error = 2.0 * math.sqrt(0.5 / (len(got) - 1.0) + (sd / mean) ** 2 / len(got))  # of the log of the size
    return _said(dial, size, NORMAL, inputs, size * error)


def _patients_to_size(dial: Dial, patients: float) -> float:
    s = dial.scenario
    return patients * s.sites.count / s.enrolment.target if dial.vary == "sites" else patients


def _said(dial: Dial, x: float, method: str, inputs: dict[str, float], mcse: float | None) -> ClosedForm:
    if not math.isfinite(x) or x > dial.most:
        return ClosedForm(x if math.isfinite(x) else None, None, None, method, inputs, mcse)
    return ClosedForm(x, dial.whole(x), dial.patients(dial.whole(x)), method, inputs, mcse)
