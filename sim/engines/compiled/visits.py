"""Visits: when they are due, and what is taken down."""

from __future__ import annotations

from typing import Any

from sim.engines.compiled.clocks import FULL_VISITS, note, set_clock
from sim.engines.compiled.examination import examine
from sim.engines.compiled.ranks import ON_VISIT
from sim.jit import bare_part
from sim.model import belief, disability, quality, visits


@bare_part
def await_visit(plan: Any, p: Any, visit: Any) -> None:
    """Set the clock of the next visit that anybody asks for, if it is due before the planned end."""
    while visit < plan.visits and plan.visit_wanted[visit] == 0.0:
        visit += 1
    if visit < plan.visits:
        time = visits.visit_time(p.day_1, plan.visit_days[visit], plan.study.resolution)
        if time <= p.planned_end:
            set_clock(plan, p, time, ON_VISIT, visit)


@bare_part
def on_visit(plan: Any, t: Any, p: Any, relapses: Any, seen: Any, events: Any, index: Any) -> None:
    """Be examined and fill in the questionnaire."""
    await_visit(plan, p, index + 1)
    q = plan.quality
    edss, latent, acute, u = examine(plan, t, p, relapses, index + 1)
    lasting = disability.lasting_part(latent, p.edss_latent, acute)
    held = belief.believed(p.belief_patient, p.believing)
    gain = quality.quality_gain(
        quality.placebo(p.now - p.procedure_time, held, q.placebo_points, q.placebo_onset_days, q.placebo_decay_days),
        plan.effect.quality_points,
        p.patency,
    )
    true = quality.quality_latent(p.quality_latent, lasting, acute, gain, q.per_edss, q.per_relapse_point)
    note(plan, t, events, p.now, ON_VISIT, p.word, index, edss)
    row = t.visits
    if row >= seen.shape[0]:
        t.status |= FULL_VISITS
        return
    v = seen[row]
    v.site = p.site
    v.arrival = p.arrival
    v.visit = index
    v.time = p.now
    v.edss = edss
    v.quality = quality.quality_scored(true, u, q.noise_sd)
    v.edss_latent = latent
    v.quality_latent = true
    v.patency = p.patency
    v.belief_patient = held
    t.visits = row + 1
