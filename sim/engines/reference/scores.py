"""What is taken at a visit beside the EDSS: the MSFC, and the two composites of the MSQOL-54."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sim.core.streams import Uniforms
from sim.model import msfc, quality
from sim.model.quality import QualityPlan
from sim.scenario.plan import Plan

if TYPE_CHECKING:
    from sim.engines.reference.patient import Patient

PATIENT, ASSESSOR = 0, 2  # as in patient.py


def levels(plan: Plan, edss: float, u: Uniforms) -> tuple[float, float, float]:
    """Draw a patient's ability, and MSFC and MSQOL-54 mental at screening, given the latent EDSS there."""
    z, q, centre = plan.msfc, plan.mental, plan.disability.median_points
    ability = msfc.ability(u[0], z.mean_z, z.sd_z)
    mental = quality.quality_baseline(u[1], edss, centre, q.mean_points, q.sd_points, q.per_edss)
    return ability, msfc.msfc_latent(ability, edss, centre, z.per_edss), mental


def quality_at(
    p: Patient, rule: QualityPlan, start: float, lasting: float, acute: float, effect_points: float, u: float
) -> tuple[float, float]:
    """Fill in the questionnaire: one composite as answered, and the latent one."""
    response = quality.placebo(
        p.now - p.procedure_time,
        p.believed(PATIENT),
        rule.placebo_points,
        rule.placebo_onset_days,
        rule.placebo_decay_days,
    )
    gain = quality.quality_gain(response, effect_points, p.working)
    latent = quality.quality_latent(start, lasting, acute, gain, rule.per_edss, rule.per_relapse_point)
    return quality.quality_scored(latent, u, rule.noise_sd), latent


def msfc_at(p: Patient, edss: float, u: float) -> tuple[float, float]:
    """Take the MSFC, practised at the visits before that took place: the z-score written down, and the latent one."""
    rule = p.plan.msfc
    latent = msfc.msfc_latent(p.ability, edss, p.plan.disability.median_points, rule.per_edss)
    practice = msfc.practised(rule.sessions_before + len(p.visits), rule.practice_z, rule.practice_sessions)
    return msfc.msfc_scored(latent, practice, u, rule.noise_sd, rule.lean, p.believed(ASSESSOR)), latent
