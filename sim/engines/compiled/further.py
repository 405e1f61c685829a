"""Further mechanisms in a life: who rings, for kinds that no plain or usual scenario has.

Each stands in a file of its own; here it is only told which. Nothing here is compiled for a plan without them.
"""

from __future__ import annotations

from typing import Any

from sim.engines.compiled.ranks import ON_IMAGING
from sim.engines.compiled.surveillance import on_imaging
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
    if rank == ON_IMAGING:
        on_imaging(plan, t, p, imaging, events, index)
