"""Disability, function and quality of life: the patient's own, drawn once, and what an examination finds."""

from __future__ import annotations

from typing import Any

from sim.core.streams import EXAMINATION, LATENT, LEVEL
from sim.engines.compiled.clocks import draw
from sim.engines.compiled.course import worsen_by_course
from sim.engines.compiled.lesions import meet_lesions
from sim.engines.compiled.owned import weigh
from sim.jit import bare_part, inlined_part
from sim.model import belief, disability, msfc, quality, relapse


@inlined_part
def meet(plan: Any, t: Any, p: Any, relapses: Any) -> None:
    """Draw the patient's disability and scores at screening, and what only examinations ask of the past."""
    if plan.want.everything == 0.0:
        row = p.first_own
        while row >= 0:
            weigh(plan, t, p, relapses[row])
            row = relapses[row].next_own
    d = plan.disability
    q = plan.quality
    u = draw(t, p.word, LATENT, 0, 0)
    p.edss_latent = disability.baseline(u[0], d.log_baseline, d.baseline_log_sd)
    p.slope_per_day = disability.slope(u[1], d.slope_per_day)
    worsen_by_course(plan, p, u)
    p.quality_latent = quality.quality_baseline(
        u[2], p.edss_latent, d.median_points, q.mean_points, q.sd_points, q.per_edss
    )
    if plan.want.msfc == 1.0 or plan.want.mental == 1.0:
        meet_further(plan, t, p)
    meet_lesions(plan, t, p)


@bare_part
def meet_further(plan: Any, t: Any, p: Any) -> None:
    """Draw the patient's MSFC and MSQOL-54 mental at screening."""
    centre = plan.disability.median_points
    z = plan.msfc
    q = plan.mental
    u = draw(t, p.word, LEVEL, 0, 0)
    p.ability = msfc.ability(u[0], z.mean_z, z.sd_z)
    p.msfc_latent = msfc.msfc_latent(p.ability, p.edss_latent, centre, z.per_edss)
    p.mental_latent = quality.quality_baseline(u[1], p.edss_latent, centre, q.mean_points, q.sd_points, q.per_edss)


@inlined_part
def examine(plan: Any, t: Any, p: Any, relapses: Any, number: Any) -> Any:
    """Examine the patient: EDSS found, latent EDSS, its acute part, and the lane of the questionnaire."""
    rule = plan.disability
    u = draw(t, p.word, EXAMINATION, number, 0)
    acute = 0.0
    row = p.first_own
    while row >= 0:
        own = relapses[row]
        if own.pseudo == 0:
            acute += relapse.acute(p.now, own.onset, own.severity, plan.relapse.recovery_days)
        row = own.next_own
    grown = disability.progressed(p.lasting_until, p.now, p.slope_per_day, p.slope_factor)
    latent = disability.latent_edss(p.edss_latent, p.lasting, grown, acute)
    error = disability.examination_error(u[0], u[1], rule.examination_sd, rule.tail_prob, rule.tail_sd)
    held = belief.believed(p.belief_assessor, p.believing)
    found = disability.examined(latent, p.rater, error, rule.lean, held)
    return found, latent, acute, u[2]
