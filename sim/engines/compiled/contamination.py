"""Angioplasty elsewhere: the narrow veins are treated, and patient and physician know it."""

from __future__ import annotations

from typing import Any

from sim.engines.compiled.clocks import note
from sim.engines.compiled.hazard import end_hazard, hazards_changed
from sim.engines.compiled.procedure import open_veins, record_procedure
from sim.engines.compiled.ranks import ON_OUTSIDE
from sim.engines.compiled.veins import is_narrow
from sim.jit import bare_part
from sim.model import contamination, hazard, veins

OUTSIDE, KIND, NUMBER = hazard.OUTSIDE, veins.OUTSIDE, contamination.NUMBER


@bare_part
def on_outside(plan: Any, t: Any, p: Any, procedures: Any, events: Any) -> None:
    """Have angioplasty elsewhere, the only time."""
    end_hazard(p, OUTSIDE)
    p.outside_time = p.now
    narrow = 0.0
    for vein in range(3):
        narrow += 1.0 if is_narrow(p, vein) else 0.0
    note(plan, t, events, p.now, ON_OUTSIDE, p.word, NUMBER, narrow)
    mask = open_veins(plan, t, p, events, NUMBER)
    record_procedure(plan, t, p, procedures, NUMBER, KIND, p.now, mask)
    know_it(plan, p)
    hazards_changed(plan, p)


@bare_part
def know_it(plan: Any, p: Any) -> None:
    """Let patient and physician be sure of angioplasty, but where belief is held on its reference path."""
    if plan.world.reference_belief == 0.0:
        p.belief_patient = 1.0
        p.belief_physician = 1.0
