"""Further mechanisms in a life: who rings, for kinds that no plain or usual scenario has.

Each stands in a file of its own; here it is only told which. Nothing here is compiled for a plan without them.
"""

from __future__ import annotations

from typing import Any

from sim.engines.compiled.belief import on_outside_scan
from sim.engines.compiled.contamination import on_outside
from sim.engines.compiled.guess import on_guess
from sim.engines.compiled.later import on_requested
from sim.engines.compiled.medication import on_escalation, on_stop
from sim.engines.compiled.ranks import (
    ON_EFFECT,
    ON_ESCALATION,
    ON_GUESS,
    ON_IMAGING,
    ON_MEDICATION_STOP,
    ON_MISSED,
    ON_OUTSIDE,
    ON_OUTSIDE_SCAN,
    ON_REQUESTED,
    ON_RUN_IN_END,
)
from sim.engines.compiled.run_in import on_run_in_end
from sim.engines.compiled.surveillance import on_imaging
from sim.engines.compiled.veins import on_effect_begins
from sim.engines.compiled.visits import on_missed
from sim.jit import further_part


@further_part
def ring_further(
    plan: Any,
    t: Any,
    p: Any,
    relapses: Any,
    seen: Any,
    procedures: Any,
    imaging: Any,
    events: Any,
    rank: Any,
    index: Any,
) -> None:
    """Let a clock of a further mechanism ring."""
    if rank == ON_REQUESTED:
        on_requested(plan, t, p, events, index)
    elif rank == ON_EFFECT:
        on_effect_begins(plan, t, p, events, index)
    elif rank == ON_MISSED:
        on_missed(plan, t, p, events, index)
    elif rank == ON_IMAGING:
        on_imaging(plan, t, p, imaging, events, index)
    elif rank == ON_OUTSIDE_SCAN:
        on_outside_scan(plan, t, p, events, index)
    elif rank == ON_GUESS:
        on_guess(plan, t, p, events, index)
    elif rank == ON_MEDICATION_STOP:
        on_stop(plan, t, p, events)
    elif rank == ON_ESCALATION:
        on_escalation(plan, t, p, events)
    elif rank == ON_OUTSIDE:
        on_outside(plan, t, p, procedures, events)
    elif rank == ON_RUN_IN_END:
        on_run_in_end(plan, t, p, relapses, events)
