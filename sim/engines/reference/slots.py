"""Procedure slots: a SimPy Resource a site; whoever asks first is served first, and who leaves gives the place up."""

from __future__ import annotations

from collections.abc import Generator
from typing import TYPE_CHECKING, Any

from simpy.events import Event
from simpy.resources.resource import Request

from sim.core.events import Kind
from sim.model import slots, veins

if TYPE_CHECKING:
    from sim.engines.reference.patient import Patient


def on_requested(p: Patient, index: int, _: Any) -> None:
    """Ask for a slot, unless one is waited for; the procedure is done as soon as it is granted."""
    if p.queueing:
        if index == p.retreating:
            p.retreating = -1
        return
    p.note(Kind.PROCEDURE_REQUESTED, index, 1.0 if p.kinds[index] == veins.ANGIOPLASTY else 0.0)
    p.asked[index] = p.now
    request = p.queueing[index] = p.trial.room(p.site).request()
    request.callbacks.append(lambda _: granted(p, index))


def granted(p: Patient, index: int) -> None:
    """Let the procedure be done now."""
    p.now = p.trial.agenda.now
    p.set_clock(p.now, Kind.PROCEDURE, index)
    p.wake()


def take_slot(p: Patient, index: int) -> None:
    """Hold the slot for the procedure's time; the first procedure also settles when the patient would leave."""
    days, resolution = p.plan.slots.procedure_days, p.plan.study.resolution
    p.trial.agenda.process(hold(p, index, p.queueing.pop(index), slots.free_again(p.now, days, resolution)))
    if index == 0:
        p.procedure_time = p.now
        p.drop_clock(Kind.DROPOUT, 0)
        p.await_dropout()


def hold(p: Patient, index: int, request: Request, until: float) -> Generator[Event, None, None]:
    """Give the slot back at this time."""
    yield p.trial.agenda.at(until, Kind.SLOT_FREE, p.word, index)
    request.resource.release(request)


def leave_queues(p: Patient) -> None:
    """Wait for no slot any more."""
    for request in p.queueing.values():
        request.cancel()
    p.queueing.clear()
