"""The arm-free part of a patient: the activity path, and candidate relapse points that run on it."""

from __future__ import annotations

import math
from typing import NamedTuple

from sim.core.streams import ACTIVITY, LATENT, POINTS, RELAPSE, SOJOURNS, uniforms
from sim.model import activity, relapse
from sim.scenario.plan import Plan


class Segment(NamedTuple):
    """A stretch of constant activity: from `start` to `end` (days), 1 active or 0 quiescent."""

    start: float
    end: float
    active: float


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

    def __init__(self, plan: Plan, address: tuple[int, int, int], start: float, horizon: float, frailty: float) -> None:
        self.plan = plan
        self.address = address
        self.horizon = horizon
        self.frailty = frailty
        p = plan.activity
        active = activity.starts_active(uniforms(*address, LATENT, 0)[3], p.active_share)
        self.path = (
            [Segment(start, start + self._sojourn(0, active), active)] if p.on else [Segment(start, math.inf, 0.0)]
        )

    def _sojourn(self, switch: int, active: float) -> float:
        if switch % SOJOURNS == 0:
            self.sojourn_lanes = uniforms(*self.address, ACTIVITY, switch // SOJOURNS)
        u = self.sojourn_lanes[switch % SOJOURNS]
        return activity.sojourn(u, active, self.plan.activity.quiescent_days, self.plan.activity.active_days)

    def segment(self, number: int) -> Segment:
        """Give stretch `number`, drawing the path on as far as needed."""
        while number >= len(self.path):
            last = self.path[-1]
            active = 1.0 - last.active
            self.path.append(Segment(last.end, last.end + self._sojourn(len(self.path), active), active))
        return self.path[number]

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
        time, p = self.time, self.latent.plan.activity
        while time <= self.latent.horizon:
            stretch = self.latent.segment(self.stretch)
            level = activity.level(stretch.active, p.quiescent_level, p.active_level)
            rate = relapse.clock_rate(self.latent.plan.relapse.rate_per_day, self.latent.frailty, level)
            reached = relapse.reach(time, need, rate)
            if reached <= stretch.end:
                return reached
            need = relapse.left_over(time, stretch.end, need, rate)
            time = stretch.end
            self.stretch += 1
        return math.inf
