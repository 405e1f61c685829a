"""Further mechanisms in a life: who rings, for kinds that no plain or usual scenario has.

Each stands in a file of its own; here it is only told which. Nothing here is compiled for a plan without them.
"""

from __future__ import annotations

from typing import Any

from sim.engines.compiled.ranks import ON_RUN_IN_END
from sim.engines.compiled.run_in import on_run_in_end
from sim.jit import further_part


@further_part
def ring_further(
    plan: Any, t: Any, p: Any, relapses: Any, seen: Any, procedures: Any, events: Any, rank: Any, index: Any
) -> None:
    """Let a clock of a further mechanism ring."""
    if rank == ON_RUN_IN_END:
        on_run_in_end(plan, t, p, relapses, events)
