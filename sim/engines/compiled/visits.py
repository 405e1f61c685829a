"""Visits: when they are due, and what is taken down."""

from __future__ import annotations

import math
from typing import Any

from sim.core.streams import SCORE
from sim.engines.compiled.attendance import keep_appointment, seen_before_closing
from sim.engines.compiled.belief import perceive
from sim.engines.compiled.clocks import FULL_VISITS, draw, note, set_clock
from sim.engines.compiled.examination import examine
from sim.engines.compiled.lesions import be_scanned
from sim.engines.compiled.msfc import take
from sim.engines.compiled.quality import answer
from sim.engines.compiled.ranks import ON_MISSED, ON_VISIT
from sim.jit import bare_part, inlined_part
from sim.model import belief, disability, visits

NAN = math.nan


@inlined_part
def await_visit(plan: Any, t: Any, p: Any, visit: Any) -> None:
    """Set the clock of the next visit that anybody asks for, if it is due before the planned end, or took place before
    that end was known."""
    while visit < plan.visits and plan.visit_wanted[visit] == 0.0:
        visit += 1
    if visit < plan.visits:
        time = visits.visit_time(p.day_1, plan.visit_days[visit], plan.study.resolution)
        if time <= p.planned_end or seen_before_closing(plan, t, p, visit) == 1.0:
            set_clock(plan, p, time, ON_VISIT, visit)
            keep_appointment(plan, t, p, visit)


@bare_part
def on_missed(plan: Any, t: Any, p: Any, events: Any, index: Any) -> None:
    """Stay away from a visit."""
    await_visit(plan, t, p, index + 1)
    note(plan, t, events, p.now, ON_MISSED, p.word, index, 0.0)


@inlined_part
def on_visit(plan: Any, t: Any, p: Any, relapses: Any, seen: Any, events: Any, index: Any) -> None:
    """Be examined, and fill in the questionnaire."""
    await_visit(plan, t, p, index + 1)
    edss, latent, acute, u = examine(plan, t, p, relapses, index + 1)
    lasting = disability.lasting_part(latent, p.edss_latent, acute)
    held = belief.believed(p.belief_patient, p.believing)
    points = plan.effect.quality_points
    scored, true = answer(p, plan.quality, p.quality_latent, lasting, acute, held, points, u)
    note(plan, t, events, p.now, ON_VISIT, p.word, index, edss)
    perceive(plan, t, p, events, index, scored)
    row = t.visits
    if row >= seen.shape[0]:
        t.status |= FULL_VISITS
        return
    v = seen[row]
    v.site = p.site
    v.person = p.entry_number
    v.arrival = p.arrival
    v.visit = index
    v.time = p.now
    v.edss = edss
    v.quality = scored
    v.edss_latent = latent
    v.quality_latent = true
    v.patency = p.patency
    v.belief_patient = held
    v.msfc = NAN
    v.mental = NAN
    v.msfc_latent = NAN
    v.mental_latent = NAN
    v.gd_lesions = NAN
    v.new_t2 = NAN
    v.gd_lesions_latent = NAN
    v.new_t2_latent = NAN
    if plan.want.msfc == 1.0 or plan.want.mental == 1.0:
        score_further(plan, t, p, v, latent, lasting, acute, held)
    be_scanned(plan, t, p, v)
    t.visits = row + 1


@bare_part
def score_further(plan: Any, t: Any, p: Any, v: Any, latent: Any, lasting: Any, acute: Any, held: Any) -> None:
    """Take the scores that not everybody asks for: MSFC and MSQOL-54 mental."""
    u = draw(t, p.word, SCORE, v.visit + 1, 0)
    if plan.want.msfc == 1.0:
        v.msfc, v.msfc_latent = take(plan, t, p, v.visit, latent, u[0])
    if plan.want.mental == 1.0:
        points = plan.effect.mental_points
        v.mental, v.mental_latent = answer(p, plan.mental, p.mental_latent, lasting, acute, held, points, u[1])
