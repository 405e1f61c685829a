"""The arm-free part of a patient: the activity path, and candidate relapse points that run on it."""

from __future__ import annotations

import math
from typing import NamedTuple

from sim.core.streams import (
    ACTIVITY,
    ACTIVITY_MONTH,
    BEFORE,
    FROM_SCREENING,
    LATENT,
    MONTHS,
    POINTS,
    RELAPSE,
    SOJOURNS,
    uniforms,
)
from sim.model import activity, relapse
from sim.scenario.plan import Plan


class Segment(NamedTuple):
    """A stretch of constant activity: from `start` to `end` (days), its intensity factor, and what the log calls it.

    `told` is 1 for active and 0 for quiescent, or under `log_ou` the level itself.
    """

    start: float
    end: float
    level: float
    told: float


class Point(NamedTuple):
    """A candidate relapse: its latent time, its mark, its layer and its number in the layer."""

    time: float
    mark: float
    layer: int
    number: int

    @property
    def order(self) -> int:
        """The point's index in the tie order and in the event log."""
        return self.number * relapse.MOST_LAYERS + self.layer


class Latent:
    """One patient's activity from the start of history on, drawn as far as it is asked for."""

    def __init__(
        self,
        plan: Plan,
        address: tuple[int, int, int],
        start: float,
        screening: float,
        horizon: float,
        frailty: float,
        rate_per_day: float,
    ) -> None:
        self.plan = plan
        self.address = address
        self.screening = screening
        self.horizon = horizon
        self.frailty = frailty
        self.rate_per_day = rate_per_day
        p = plan.activity
        if p.monthly:
            self.path = self._months_before(start)
        elif p.on:
            active = activity.starts_active(uniforms(*address, LATENT, 0)[3], p.active_share)
            self.path = [self._sojourn(0, start, active)]
        else:
            self.path = [Segment(start, math.inf, p.quiescent_level, 0.0)]

    def segment(self, number: int) -> Segment:
        """Give stretch `number`, drawing the path on as far as needed."""
        while number >= len(self.path):
            last = self.path[-1]
            if self.plan.activity.monthly:
                self.path.append(self._next_month(len(self.path) - self.back, last.end))
            else:
                self.path.append(self._sojourn(len(self.path), last.end, 1.0 - last.told))
        return self.path[number]

    def _sojourn(self, switch: int, start: float, active: float) -> Segment:
        """Give the stretch of the two-state chain that begins with this switch."""
        if switch % SOJOURNS == 0:
            self.sojourn_lanes = uniforms(*self.address, ACTIVITY, switch // SOJOURNS)
        p, u = self.plan.activity, self.sojourn_lanes[switch % SOJOURNS]
        days = activity.sojourn(u, active, p.quiescent_days, p.active_days)
        return Segment(start, start + days, activity.level(active, p.quiescent_level, p.active_level), active)

    def _months_before(self, start: float) -> list[Segment]:
        """Give the months of history and month 0, whose scores are drawn from month 0 backwards."""
        p, self.back = self.plan.activity, activity.months_back(self.plan.relapse.history_days)
        self.score = activity.first_score(self._innovation(0, FROM_SCREENING))
        scores = [self.score]
        for month in range(self.back):
            u = self._innovation(month, BEFORE)
            scores.append(activity.next_score(scores[-1], u, p.correlation, p.innovation_sd))
        path: list[Segment] = []
        for number, score in enumerate(reversed(scores)):
            path.append(self._month(number - self.back, path[-1].end if path else start, score))
        return path

    def _next_month(self, month: int, start: float) -> Segment:
        """Give the month after the last one drawn."""
        p, u = self.plan.activity, self._innovation(month, FROM_SCREENING)
        self.score = activity.next_score(self.score, u, p.correlation, p.innovation_sd)
        return self._month(month, start, self.score)

    def _month(self, month: int, start: float, score: float) -> Segment:
        level = activity.month_level(score, self.plan.activity.log_sd)
        return Segment(start, activity.month_end(self.screening, float(month)), level, level)

    def _innovation(self, month: int, block: int) -> float:
        return uniforms(*self.address, ACTIVITY_MONTH, month // MONTHS, block)[month % MONTHS]

    def layer(self, layer: int) -> PointClock:
        """Give the clock of one layer of candidate points."""
        return PointClock(self, layer)


class PointClock:
    """Gives the candidate points of one layer in order of time."""

    def __init__(self, latent: Latent, layer: int) -> None:
        self.latent = latent
        self.layer = layer
        self.number = 0
        self.time = latent.path[0].start
        self.stretch = 0
        self.lanes = (0.5, 0.5, 0.5, 0.5)

    def next(self) -> Point:
        """Give the next point (time inf when there is none before the patient's horizon)."""
        place = self.number % POINTS
        if place == 0:
            self.lanes = uniforms(*self.latent.address, RELAPSE, self.number // POINTS, self.layer)
        self.time = self._advance(relapse.gap(self.lanes[2 * place]))
        self.number += 1
        return Point(self.time, self.lanes[2 * place + 1], self.layer, self.number - 1)

    def _advance(self, need: float) -> float:
        time = self.time
        while time <= self.latent.horizon:
            stretch = self.latent.segment(self.stretch)
            rate = relapse.clock_rate(self.latent.rate_per_day, self.latent.frailty, stretch.level)
            reached = relapse.reach(time, need, rate)
            if reached <= stretch.end:
                return reached
            need = relapse.left_over(time, stretch.end, need, rate)
            time = stretch.end
            self.stretch += 1
        return math.inf
