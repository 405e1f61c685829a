"""What is fixed for life, and the clocks that ran before anybody looked on."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from sim.core.streams import PRESENT
from sim.engines.compiled.belief import blank_belief
from sim.engines.compiled.clocks import draw
from sim.engines.compiled.course import be_of_course
from sim.engines.compiled.effect import set_patency
from sim.engines.compiled.hazard import blank_hazards
from sim.engines.compiled.latent import begin_log, open_layer, start_path
from sim.engines.compiled.later import blank_strategy
from sim.engines.compiled.lesions import blank_lesions
from sim.engines.compiled.surveillance import blank_surveillance
from sim.jit import bare_part, inlined_part
from sim.model import frailty, relapse, veins

NAN = math.nan


@inlined_part
def born(plan: Any, t: Any, p: Any, events: Any, site: Any, arrival: Any, time: Any, rater: Any, u: Any) -> None:
    """Draw what is fixed for life and set the clocks that ran before screening; `u`: the lanes of stream "person"."""
    p.site = site
    p.arrival = arrival
    p.word = (np.uint64(site) << np.uint64(32)) | np.uint64(arrival)
    p.rater = rater
    p.screening_time = time
    p.now = time
    p.u_dropout = u[2]
    p.u_arm = u[3]
    p.u_refer = 0.5
    p.u_select = 0.5
    p.wait = plan.veins.wait_days
    if plan.self_referral.weight > 1.0 or plan.eligibility.kind == 2.0 or plan.veins.wait_mean_days > 0.0:
        present = draw(t, p.word, PRESENT, 0, 0)
        p.u_refer = present[0]
        p.u_select = present[1]
        p.wait = veins.waiting(present[2], plan.veins.wait_days, plan.veins.wait_mean_days)
    p.frailty = frailty.frailty(u[1], plan.frailty.gamma_shape, plan.middle, plan.tails)
    p.horizon = relapse.horizon(time, plan.enrolment.entry_days, p.wait, plan.study.follow_up_days)
    p.pause = time
    blank(p)
    blank_lesions(plan, p)
    blank_belief(plan, p)
    blank_hazards(plan, p)
    blank_strategy(plan, p)
    if plan.want.everything == 1.0:
        blank_record(p)
    set_patency(plan, p, 0.0, 0.0)
    be_of_course(plan, t, p)
    blank_surveillance(plan, p)
    start = relapse.history_start(time, plan.relapse.history_days)
    start_path(plan, t, p)
    begin_log(plan, t, p, events, start)
    for layer in range(relapse.layers(max(plan.study.history_bound, plan.study.study_bound))):
        open_layer(plan, t, p, layer, start)


@inlined_part
def blank(p: Any) -> None:
    """Start with nothing having happened."""
    p.clocks = 0
    p.own = 0
    p.first_own = -1
    p.last_own = -1
    p.reports = -1
    p.confirms = -1
    p.lasting = 0.0
    p.lasting_until = p.screening_time
    p.slope_per_day = 0.0
    p.edss_latent = 0.0
    p.quality_latent = 0.0
    p.ability = 0.0
    p.msfc_latent = 0.0
    p.mental_latent = 0.0
    p.slope_factor = 0.0
    p.last_onset = -math.inf
    p.on_medication = 0.0
    p.medication_pending = 0.0
    p.entered = 0.0
    p.believing = 0.0
    p.ended = 0.0
    p.entry_number = -1
    p.arm = -1
    p.procedure = -1
    p.reason = 0
    p.recalled_1y = 0.0
    p.recalled_2y = 0.0
    p.day_1 = NAN
    p.planned_end = NAN
    p.dropped_out = 0
    p.course = 0
    for k in range(3):
        p.vein_treated[k] = 0.0
        p.vein_opened[k] = 0.0
        p.vein_open_now[k] = 0.0
        p.vein_restenosis[k] = NAN


@bare_part
def blank_record(p: Any) -> None:
    """Start with nothing having happened in the fields that a full record alone shows."""
    p.medication_time = NAN
    p.screening_edss = NAN
    p.entry_time = NAN
    p.procedure_time = NAN
    p.end_time = NAN
    p.belief_patient = NAN
    p.belief_physician = NAN
    p.belief_assessor = NAN
    p.lesion_factor = NAN
    p.doppler_criteria = -1
    p.venography = -1
    p.ivus = -1
    p.dropout_reason = 0
    p.medication_stop_time = NAN
    p.escalation_time = NAN
    p.outside_time = NAN
