"""The MSFC, as it is taken at a visit."""

from __future__ import annotations

from typing import Any

from sim.engines.compiled.attendance import missed_before
from sim.jit import bare_part
from sim.model import belief, msfc


@bare_part
def take(plan: Any, t: Any, p: Any, visit: Any, edss: Any, u: Any) -> Any:
    """Give the z-score written down, and the latent one, given the latent EDSS."""
    z = plan.msfc
    latent = msfc.msfc_latent(p.ability, edss, plan.disability.median_points, z.per_edss)
    attended = float(visit) - missed_before(plan, t, p, visit)
    practice = msfc.practised(z.sessions_before + attended, z.practice_z, z.practice_sessions)
    held = belief.believed(p.belief_assessor, p.believing)
    return msfc.msfc_scored(latent, practice, u, z.noise_sd, z.lean, held), latent
