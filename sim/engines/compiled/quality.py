"""Quality of life: one composite of the questionnaire, as both are filled in."""

from __future__ import annotations

from typing import Any

from sim.jit import inlined_part
from sim.model import quality


@inlined_part
def answer(p: Any, q: Any, start: Any, lasting: Any, acute: Any, held: Any, effect_points: Any, u: Any) -> Any:
    """Give one composite as answered, and the latent one; `q` is its plan, `held` what the patient believes."""
    gain = quality.quality_gain(
        quality.placebo(p.now - p.procedure_time, held, q.placebo_points, q.placebo_onset_days, q.placebo_decay_days),
        effect_points,
        p.working,
    )
    latent = quality.quality_latent(start, lasting, acute, gain, q.per_edss, q.per_relapse_point)
    return quality.quality_scored(latent, u, q.noise_sd), latent
