"""SimPy with a total order: events at one instant go by (rank, patient, index), never by who asked first."""

from __future__ import annotations

from heapq import heappush
from typing import Any

import simpy
from simpy.events import NORMAL, Event


class Agenda(simpy.Environment):
    """The trial's clock in days; `at` rings at an absolute time, so no rounding creeps in through delays."""

    def schedule(self, event: Event, priority: Any = NORMAL, delay: float = 0) -> None:
        """Place SimPy's own events (a process starting or ending) before everything else at this instant."""
        heappush(self._queue, (self._now + delay, (int(priority), 0, 0), next(self._eid), event))  # type: ignore[misc]

    def at(self, time: float, rank: int, patient: int, index: int) -> Event:
        """Give an event that rings at this time and place in the total order."""
        event = Event(self)
        event._ok = True
        event._value = None
        heappush(self._queue, (time, (rank, patient, index), next(self._eid), event))  # type: ignore[misc]
        return event
