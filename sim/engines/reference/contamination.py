"""Angioplasty elsewhere: the narrow veins are treated, and patient and physician know it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sim.core.events import Kind
from sim.engines.reference.belief import be_told
from sim.engines.reference.hazard import end_hazard, hazards_changed
from sim.engines.reference.owned import PATIENT, PHYSICIAN
from sim.engines.reference.procedure import narrow_veins, open_veins
from sim.model import hazard, veins

if TYPE_CHECKING:
    from sim.engines.reference.patient import Patient


def on_outside(p: Patient, _: int, __: Any) -> None:
    """Have angioplasty elsewhere, the only time."""
    end_hazard(p, hazard.OUTSIDE)
    p.kinds.append(veins.OUTSIDE)
    number, p.outside_time = len(p.kinds) - 1, p.now
    p.note(Kind.OUTSIDE_PROCEDURE, number, narrow_veins(p))
    mask = open_veins(p, number)
    p.procedures.append((p.site, p.arrival, number, veins.OUTSIDE, p.now, p.now, mask))
    be_told(p, PATIENT, 1.0)
    be_told(p, PHYSICIAN, 1.0)
    hazards_changed(p)
