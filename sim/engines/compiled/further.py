"""Further mechanisms in a life: who rings, for kinds that no plain or usual scenario has.

Each stands in a file of its own; here it is only told which. Nothing here is compiled for a plan without them.
"""

from __future__ import annotations

from typing import Any

from sim.engines.compiled.ranks import ON_MISSED
from sim.engines.compiled.visits import on_missed
from sim.jit import further_part


@further_part
def ring_further(
    plan: Any, t: Any, p: Any, relapses: Any, seen: Any, procedures: Any, events: Any, rank: Any, index: Any
) -> None:
    """Let a clock of a further mechanism ring."""
    if rank == ON_MISSED:
        on_missed(plan, t, p, events, index)
