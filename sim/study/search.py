"""Finds the size at which a test reaches a power: goes where the answer is, then spends trials around it.

Every batch has trial numbers of its own, so batches are independent and each adds to what is known of the level; two
scenarios searched with one seed play the same trial numbers, so what sets them apart is seen on the same candidates.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sim.core.endpoints import ENDPOINTS, parse_endpoint
from sim.core.errors import RunError
from sim.study.estimates import Estimates
from sim.study.performance import Rows
from sim.study.play import Play
from sim.study.power_curve import Curve, Point, fitted
from sim.study.runner import Failure, Pool, Watcher, Workers
from sim.study.runs import RunFolder
from sim.study.stream import gather
from sim.study.tally import Analyse
from sim.study.vary import UNITS, Dial

Watch = Callable[[str], Watcher]

SPREAD = (0.85, 1.0, 1.18)
WIDE_SPREAD = (0.7, 1.0, 1.4)
PILOT, ROUND = 200, 150
ROUNDS = 14
NEAR = 1.45
FARTHEST = 3.0


@dataclass(frozen=True)
class Batch:
    """Trials of one size: whether each rejects, the share that does in the patient's favour, and how many enrolled
    fewer than asked for."""

    x: int
    rejects: NDArray[np.bool_]
    favourable: float
    short: int

    @property
    def point(self) -> Point:
        """What the power curve is fitted to."""
        return Point(self.x, len(self.rejects), int(self.rejects.sum()))


@dataclass(frozen=True)
class Later:
    """Answers trial k by trial `first` + k of another function, which bears the number k here; picklable."""

    of: Analyse
    first: int

    @property
    def play(self) -> Play:
        """What is played."""
        return self.of.play

    def many(self, trials: Sequence[int]) -> Rows:
        """Play these trials."""
        rows = self.of.many([self.first + trial for trial in trials])
        rows["trial"] -= self.first
        return rows

    def __call__(self, trial: int) -> Rows:
        """Play a trial."""
        return self.many([trial])

    def warm(self) -> None:
        """Load, or compile, what the run needs."""
        self.many([0])


@dataclass
class Search:
    """A search of one scenario; `batches` are what the curve is fitted to, `failed` the trials that raised.

    `next_trial` is the number of the next trial, `trials` how many were played, `label` what a progress bar says. A
    `run` keeps each batch as a series of its own, named `kept_as`, its size and its first trial.
    """

    dial: Dial
    power: float
    seed: int
    workers: Workers
    engine: str
    watch: Watch | None = None
    batches: list[Batch] = field(default_factory=list)
    failed: list[Failure] = field(default_factory=list)
    next_trial: int = 0
    trials: int = 0
    label: str = "search"
    run: RunFolder | None = None
    kept_as: str = "at"

    @property
    def alpha(self) -> float:
        """The level of the test."""
        return self.dial.scenario.study.alpha

    def rows(self, x: int, trials: int) -> Rows:
        """Play the next trials at a size; a trial that raised has no row."""
        first, play = self.next_trial, Play(self.dial.at(x), self.seed, self.engine)
        function = Later(Analyse(play), first)
        with Pool(function, self.seed, self.workers) as pool:
            watch = self.watch and self.watch(self.label)
            if self.run:
                series = self.run.series(f"{self.kept_as}-{x}-from-{first}", Estimates(play.scenario))
                rows, failed = gather(pool, trials, series, watch, longer=True)
            else:
                rows, failed = pool.run_rows(range(trials), watch)
        failed = [replace(f, trial=first + f.trial) for f in failed]
        if rows is not None:
            rows["trial"] += first
        self.next_trial += trials
        self.trials += trials
        self.failed += failed
        if rows is None:
            raise failed[0].error()
        if not rows["entered"].any():
            raise RunError(f"nobody entered any of {len(rows)} trials of {x} {UNITS[self.dial.vary]}")
        return rows

    @property
    def sizes(self) -> list[int]:
        """The sizes that were played, in order."""
        return sorted({b.x for b in self.batches})

    def fresh(self, x: int, trials: int) -> Batch:
        """Play the next trials at a size; a failed trial rejects nothing."""
        return self.batch(x, trials, self.rows(x, trials))

    def batch(self, x: int, trials: int, rows: Rows) -> Batch:
        """Sum up rows of the last so many trials."""
        estimates = rows["estimates"][:, 0]
        hit = estimates["p"] < self.alpha
        better = ENDPOINTS[parse_endpoint(self.dial.endpoint.name)[0]].favourable
        rejects = np.zeros(trials, bool)
        rejects[rows["trial"] - (self.next_trial - trials)] = hit
        helpful = int((hit & (np.sign(estimates["value"]) == better)).sum())
        return Batch(x, rejects, helpful / trials, int((rows["entered"] < self.dial.patients(x)).sum()))

    def play(self, x: int, trials: int) -> Batch:
        """Play the next trials at a size, and keep them for the curve."""
        self.batches.append(self.fresh(x, trials))
        return self.batches[-1]

    def approach(self, x: float) -> float:
        """Go from a guess to a size that lies among those just played; raises RunError where no size is enough."""
        for _ in range(ROUNDS):
            sizes = self.around(x, WIDE_SPREAD)
            for size in sizes:
                self.play(size, ROUND)
            curve = fitted(self.near(x), self.alpha)
            found = curve.reaches(self.power) if curve else math.inf
            if sizes[0] <= found <= sizes[-1] or (found < sizes[0] == self.dial.least):
                return max(found, float(self.dial.least))
            if sizes[-1] == self.dial.most:
                raise self._out_of_reach()
            x = min(max(found, x / FARTHEST), x * FARTHEST, float(self.dial.most))
        raise self._out_of_reach()

    def settle(self, x: float, precision: float, most_trials: int) -> Curve:
        """Play around a size until the 95% interval is within +-precision of the answer, or the trials are spent."""
        while True:
            self._refuse_closed(x)
            curve = fitted(self.near(x))
            low, high = curve.interval(self.power) if curve else (0.0, math.inf)
            x = curve.reaches(self.power) if curve and math.isfinite(high) else x
            half = (high - low) / (2.0 * x)
            if curve and half <= precision:
                return curve
            left = most_trials - self.trials
            if left < len(SPREAD):
                if curve and math.isfinite(high):
                    return curve
                raise self._out_of_reach()
            have = sum(p.trials for p in self.near(x))
            more = have if not math.isfinite(half) else math.ceil(1.1 * have * (half / precision) ** 2) - have
            sizes = self.around(x, SPREAD)
            each = math.ceil(min(max(more, 3 * ROUND), 4 * have, left) / len(sizes))
            for size in sizes:
                self.play(size, each)

    def near(self, x: float) -> Sequence[Point]:
        """Give the points within a factor NEAR of a size: there the curve is a line; all, where those are one."""
        close = [b.point for b in self.batches if x / NEAR <= b.x <= x * NEAR]
        return close if len({p.x for p in close}) > 1 else [b.point for b in self.batches]

    def around(self, x: float, spread: Sequence[float]) -> tuple[int, ...]:
        """Give the sizes to be played around a guess."""
        middle = min(max(x, self.dial.least), float(self.dial.most))
        found = {self.dial.whole(middle * s) for s in spread}
        if len(found) == 1:
            found |= {self.dial.whole(middle + self.dial.unit), max(self.dial.least, min(found) - self.dial.unit)}
        return tuple(sorted(found))

    def _refuse_closed(self, x: float) -> None:
        """Raise RunError where most trials of this size and above close before they have it: no more are to be had."""
        if self.dial.vary == "n" and self._closed(x):
            raise self._out_of_reach()

    def _closed(self, x: float) -> bool:
        """Tell whether most trials of this size and above close before they have their patients."""
        above = [b for b in self.batches if b.x >= x]
        return 2 * sum(b.short for b in above) > sum(len(b.rejects) for b in above)

    def _out_of_reach(self) -> RunError:
        """Tell that no size was found, the highest power that was seen, and whether enrolment closed too soon."""
        rows = [point_dict(x, 0, self.batches) for x in self.sizes]
        most = max(row["trials"] for row in rows)
        best = max((row for row in rows if 4 * row["trials"] >= most), key=lambda row: row["power"])
        late, more = "", ""
        s = self.dial.scenario
        if self.dial.vary == "n" and self._closed(best["value"]):
            days = s.enrolment.max_days
            late = f"; from there on most trials close on enrolment.max_days = {days:g} before they have their patients"
            more = "a longer enrolment.max_days, more or faster sites, "
        if s.no_effect:
            return RunError(
                f"--power: found {self.power:g} where the scenario has no effect: what rejects is bias, or chance; the "
                f"highest power was {best['power']:.3f} (MCSE {best['mcse']:.3f}) at {best['value']}{late}; allowed: a "
                "scenario with an effect"
            )
        ends = {f"study.{k}": d for k in ("close_days", "close_after_enrolment_days") if (d := getattr(s.study, k))}
        if ends and self.dial.vary == "follow_up":
            late = "; whatever months are asked for, follow-up ends on " + " and ".join(
                f"{key} = {days:g}" for key, days in ends.items()
            )
            more = f"a later {' or '.join(ends)}, "
        return RunError(
            f"--power: found {self.power:g}, which no number of {UNITS[self.dial.vary]} from {self.sizes[0]} to "
            f"{self.sizes[-1]} is sure to reach; the highest power was {best['power']:.3f} (MCSE {best['mcse']:.3f}) "
            f"at {best['value']}{late}; allowed: {more}a power within reach, a larger effect, or another --vary"
        )


def point_dict(x: int, n: int, batches: Sequence[Batch]) -> dict[str, Any]:
    """Give all trials of one size as a row of the curve."""
    own = [b.point for b in batches if b.x == x]
    pooled = Point(x, sum(p.trials for p in own), sum(p.rejected for p in own))
    return {"value": x, "n": n, "power": pooled.power, "mcse": pooled.mcse, "trials": pooled.trials}
