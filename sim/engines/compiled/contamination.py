"""Angioplasty elsewhere: the narrow veins are treated, and patient and physician know it."""

from __future__ import annotations

from typing import Any

from sim.engines.compiled.belief import PATIENT, PHYSICIAN, be_told
from sim.engines.compiled.clocks import note
from sim.engines.compiled.hazard import end_hazard, hazards_changed
from sim.engines.compiled.later import next_number
from sim.engines.compiled.procedure import open_veins, record_procedure
from sim.engines.compiled.ranks import ON_OUTSIDE
from sim.engines.compiled.veins import narrow_veins
from sim.jit import bare_part
from sim.model import hazard, veins

OUTSIDE, KIND = hazard.OUTSIDE, veins.OUTSIDE


@bare_part
def on_outside(plan: Any, t: Any, p: Any, procedures: Any, events: Any) -> None:
    """Have angioplasty elsewhere, the only time."""
    end_hazard(p, OUTSIDE)
    p.outside_time = p.now
    procedure = next_number(p, KIND)
    note(plan, t, events, p.now, ON_OUTSIDE, p.word, procedure, narrow_veins(p))
    mask = open_veins(plan, t, p, events, procedure)
    record_procedure(plan, t, p, procedures, procedure, KIND, p.now, mask)
    be_told(plan, t, p, events, PATIENT, 1.0)
    be_told(plan, t, p, events, PHYSICIAN, 1.0)
    hazards_changed(plan, p)
