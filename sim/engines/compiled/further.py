"""Further mechanisms in a life: who rings, for kinds that no plain or usual scenario has.

Each stands in a file of its own; here it is only told which. Nothing here is compiled for a plan without them.
"""

from __future__ import annotations

from typing import Any

from sim.engines.compiled.contamination import on_outside
from sim.engines.compiled.medication import on_escalation, on_stop
from sim.engines.compiled.ranks import ON_ESCALATION, ON_MEDICATION_STOP, ON_OUTSIDE
from sim.jit import further_part


@further_part
def ring_further(
    plan: Any, t: Any, p: Any, relapses: Any, seen: Any, procedures: Any, events: Any, rank: Any, index: Any
) -> None:
    """Let a clock of a further mechanism ring."""
    if rank == ON_MEDICATION_STOP:
        on_stop(plan, t, p, events)
    elif rank == ON_ESCALATION:
        on_escalation(plan, t, p, events)
    elif rank == ON_OUTSIDE:
        on_outside(plan, t, p, procedures, events)
