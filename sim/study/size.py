"""The smallest trial that reaches a power: by simulation, from a closed form on, verified on fresh trials."""

from __future__ import annotations

import math
import time
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from sim.core.endpoints import UNTESTED, parse_endpoint
from sim.core.errors import ShamtrialError
from sim.scenario.beliefs import Beliefs, beliefs_of
from sim.scenario.schema import Endpoint, Scenario
from sim.study.closed_form import ClosedForm, closed_form
from sim.study.ledger import chosen
from sim.study.play import for_many, scenario_digest
from sim.study.population import Solution, solved
from sim.study.power_curve import Z95, Curve, Point
from sim.study.runner import Failure, Workers
from sim.study.runs import Address, RunFolder
from sim.study.safety import Safety, checked, safety
from sim.study.search import PILOT, Batch, Search, Watch, point_dict
from sim.study.size_parts import Part, absent, parts
from sim.study.vary import UNITS, dial
from sim.study.worlds import only_endpoint

if TYPE_CHECKING:
    import pandas as pd

DEFAULT_TRIALS, FEWEST_TRIALS, MOST_TRIALS = 100_000, 2_000, 10_000_000
LEAST_PRECISION, MOST_POWER = 0.002, 0.999
VERIFY_MCSE = 0.005
APART, CHECKS = 2.0, 3
"""A verified power so many standard errors from what the curve says sends the search on; so often it is verified."""


@dataclass(frozen=True)
class SizeResult:
    """The smallest size that reaches a power, with its interval, and the power verified there.

    `value` is what is varied (patients, months, sites), `n` the patients it means; intervals are of 95% and carry the
    Monte Carlo error of the search. `power` and `mcse` are of `verification_trials` fresh trials at `value`;
    `favourable_power` counts those that reject in the patient's favour. `curve` are all trials of the search, by size;
    `intercept` and `slope` the fitted probit line in the square root of the size, which reaches the power at
    `exact_value`, in `exact_interval`, before these are rounded up to whole sizes. `absent` are the things that could
    add to the size and are off in the scenario; where `has_effect` is False whatever rejects is
    bias, or chance (None: nobody is treated).
    """

    name: str
    digest: str
    seed: int
    engine: str
    endpoint: str
    vary: str
    target_power: float
    alpha: float
    value: int
    value_interval: tuple[int, int]
    n: int
    n_interval: tuple[int, int]
    power: float
    mcse: float
    favourable_power: float
    short_trials: int
    verification_trials: int
    closed_form: ClosedForm
    trials_used: int
    curve: tuple[dict[str, Any], ...]
    intercept: float
    slope: float
    exact_value: float
    exact_interval: tuple[float, float]
    precise: bool
    parts: tuple[Part, ...]
    parts_trials: int
    absent: tuple[str, ...]
    has_effect: bool | None
    safety: Safety | None
    elapsed_s: float
    beliefs: Beliefs
    failed: tuple[Failure, ...] = ()
    solution: Solution | None = None

    @property
    def unit(self) -> str:
        """What is varied, in words."""
        return UNITS[self.vary]

    def to_dict(self) -> dict[str, Any]:
        """Give the JSON object of the contract, and more."""
        return {
            "scenario": self.name,
            "digest": self.digest,
            "seed": self.seed,
            "engine": self.engine,
            "beliefs": self.beliefs.to_dict(),
            "endpoint": self.endpoint,
            "target_power": self.target_power,
            "alpha": self.alpha,
            "vary": self.vary,
            "value": self.value,
            "value_interval": list(self.value_interval),
            "n": self.n,
            "n_interval": list(self.n_interval),
            "power": self.power,
            "mcse": self.mcse,
            "favourable_power": self.favourable_power,
            "verification_trials": self.verification_trials,
            "short_trials": self.short_trials,
            "closed_form": self.closed_form.to_dict(),
            "exact_value": self.exact_value,
            "exact_interval": list(self.exact_interval),
            "ratio_to_closed_form": self.ratio,
            "ratio_mcse": self.ratio_mcse,
            "trials_used": self.trials_used,
            "precise": self.precise,
            "curve": list(self.curve),
            "fit": {"probit_intercept": self.intercept, "probit_slope_per_sqrt": self.slope},
            "parts": [p.to_dict() for p in self.parts],
            "parts_trials": self.parts_trials,
            "absent": list(self.absent),
            "has_effect": self.has_effect,
            "safety": self.safety.to_dict() if self.safety else None,
            "failed": [f.to_dict() for f in self.failed],
        }

    @property
    def ratio(self) -> float | None:
        """The size found over that of the closed form, neither rounded up."""
        return self.exact_value / self.closed_form.value if self.closed_form.value else None

    @property
    def ratio_mcse(self) -> float | None:
        """The Monte Carlo standard error of that ratio, of the search and of the formula's own figures."""
        cf, (low, high) = self.closed_form, self.exact_interval
        if self.ratio is None or cf.value is None or cf.mcse is None:
            return None
        return self.ratio * math.hypot((high - low) / (2.0 * Z95 * self.exact_value), cf.mcse / cf.value)

    @property
    def verified(self) -> bool:
        """Whether the fresh trials agree with the curve."""
        hits = round(self.power * self.verification_trials)
        curve = Curve(self.intercept, self.slope, np.zeros((2, 2)))
        return not apart(Point(self.value, self.verification_trials, hits), curve)

    def to_frame(self) -> pd.DataFrame:
        """Give the powers that were played, a row a size."""
        import pandas as pd

        return pd.DataFrame(list(self.curve))

    def __repr__(self) -> str:
        low, high = self.value_interval
        return (
            f"{self.name}, {self.endpoint}: {self.value} {self.unit} (95% interval {low} to {high}) reach power "
            f"{self.target_power:g}; verified {self.power:.3f} (MCSE {self.mcse:.3f})"
        )


def sample_size(
    scenario: Scenario,
    name: str = "",
    power: float = 0.9,
    endpoint: str | None = None,
    vary: str = "n",
    precision: float = 0.03,
    seed: int = 1,
    workers: Workers = 1,
    engine: str = "auto",
    with_parts: bool = True,
    complication_rate: float | None = None,
    see: float | None = None,
    most_trials: int = DEFAULT_TRIALS,
    watch: Watch | None = None,
    out: str | Path | None = None,
) -> SizeResult:
    """Find the smallest size at which an endpoint's test reaches a power.

    `precision` is the half-width of the answer's 95% interval, as a share of it; trials go where they narrow it, up to
    `most_trials`, those of verification apart. `out` is a folder that keeps each batch of trials while the search goes
    on; those that are there are read, by a search for another precision too. Raises ShamtrialError for impossible
    requests, RunError where no size is enough.
    """
    begun, how = time.perf_counter(), for_many(engine)
    asked = _checked(scenario, name, endpoint, power, precision, most_trials)
    see = checked(complication_rate, see)
    ready, solution = solved(scenario, workers, watch and watch("solving the population"), how)
    moved = dial(only_endpoint(ready, asked), vary)
    with ExitStack() as stack:
        search = Search(moved, power, seed, workers, how, watch)
        if out is not None:
            settings = {"endpoint": asked.key, "power": power, "vary": moved.vary}
            search.run = stack.enter_context(RunFolder(out, Address("size", name, scenario, seed, settings)))
            search.run.plan(None)
        formula, curve, verified = _searched(search, precision, most_trials)
        used, x, interval = search.trials, curve.reaches(power), curve.interval(power)
        with_parts = with_parts and moved.vary != "follow_up"  # power does not go by the square root of months
        adds, more = parts(search, x, (interval[1] - interval[0]) / (2.0 * Z95)) if with_parts else ([], 0)
        low, high = (moved.whole(end) for end in interval)
        n = moved.patients(verified.x)
        result = SizeResult(
            name=name,
            digest=scenario_digest(scenario),
            seed=seed,
            engine=how,
            endpoint=asked.key,
            vary=moved.vary,
            target_power=power,
            alpha=search.alpha,
            value=verified.x,
            value_interval=(low, high),
            n=n,
            n_interval=(moved.patients(low), moved.patients(high)),
            power=verified.point.power,
            mcse=verified.point.mcse,
            favourable_power=verified.favourable,
            short_trials=verified.short,
            verification_trials=len(verified.rejects),
            closed_form=formula,
            trials_used=used,
            curve=tuple(point_dict(size, moved.patients(size), search.batches) for size in search.sizes),
            intercept=curve.intercept,
            slope=curve.slope,
            exact_value=x,
            exact_interval=interval,
            precise=bool(interval[1] - interval[0] <= 2.0 * precision * x),
            parts=tuple(adds),
            parts_trials=more,
            absent=absent(moved.scenario) if with_parts else (),
            has_effect=None if scenario.case_control else not scenario.no_effect,
            safety=safety(ready, n, complication_rate, see, seed, how) if complication_rate else None,
            elapsed_s=time.perf_counter() - begun,
            beliefs=beliefs_of(ready),
            failed=tuple(search.failed),
            solution=solution,
        )
        if search.run:
            search.run.finish(None, result.to_dict())
    return result


def _searched(search: Search, precision: float, most_trials: int) -> tuple[ClosedForm, Curve, Batch]:
    """Give the closed form, the fitted curve, and fresh trials at the size that it gives."""
    formula = _formula(search)
    curve = search.settle(search.approach(formula.value or search.dial.start), precision, most_trials)
    verified = _verify(search, curve)
    for _ in range(CHECKS - 1):
        if not apart(verified.point, curve):
            break
        search.batches.append(verified)
        curve = search.settle(curve.reaches(search.power), precision, most_trials)
        verified = _verify(search, curve)
    return formula, curve, verified


def apart(found: Point, curve: Curve) -> bool:
    """Tell whether fresh trials find another power than the curve has at their size."""
    return abs(found.power - curve.at(found.x)) > APART * found.mcse


def _checked(
    scenario: Scenario, name: str, endpoint: str | None, power: float, precision: float, most_trials: int
) -> Endpoint:
    """Give the endpoint asked for; raises ShamtrialError for a request that can't be met."""
    if not scenario.study.alpha < power <= MOST_POWER:
        limits = f"above study.alpha = {scenario.study.alpha:g}, at most {MOST_POWER:g}"
        raise ShamtrialError(f"--power: found {power:g}; allowed: {limits}")
    if not LEAST_PRECISION <= precision <= 0.5:
        raise ShamtrialError(f"--precision: found {precision:g}; allowed: {LEAST_PRECISION:g} to 0.5")
    if not FEWEST_TRIALS <= most_trials <= MOST_TRIALS:
        raise ShamtrialError(f"--most-trials: found {most_trials}; allowed: {FEWEST_TRIALS:,} to {MOST_TRIALS:,}")
    asked = chosen(scenario, endpoint, name)
    if parse_endpoint(asked.name)[0] in UNTESTED:
        tested = [e.key for e in scenario.endpoint if parse_endpoint(e.name)[0] not in UNTESTED]
        raise ShamtrialError(f"--endpoint: found {asked.key}, which is estimated and not tested; allowed: "
                             f"{', '.join(tested) or 'a scenario with an endpoint that is tested'}")  # fmt: skip
    return asked


def _formula(search: Search) -> ClosedForm:
    """Play a pilot of the scenario as it stands, and give the closed form's size."""
    start = search.dial.whole(search.dial.start)
    rows = search.rows(start, PILOT)
    search.batches.append(search.batch(start, PILOT, rows))
    return closed_form(
        search.dial, search.power, (start, rows["estimates"][:, 0]), search.workers, search.engine,
        search.watch and search.watch("untreated patients"),
    )  # fmt: skip


def _verify(search: Search, curve: Curve) -> Batch:
    """Play fresh trials at the size found, as many as bring the MCSE of its power down to VERIFY_MCSE."""
    p = search.power
    return search.fresh(
        search.dial.whole(curve.reaches(p)), max(PILOT, math.ceil(p * (1.0 - p) / VERIFY_MCSE**2 - 1e-9))
    )
