"""A patient's life in one loop: clocks compete, the earliest rings; it pauses where others must be settled first.

The same life as in engines/reference/patient.py, told to Numba: formulas are the rules of model/, only who rings when
stands here too. `p` is the patient's record, `t` the trial's, `plan` what the kernel was given.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from sim.core.events import Kind
from sim.core.streams import (
    BELIEF,
    COMPLICATION,
    EXAMINATION,
    LATENT,
    POINTS,
    PRESENT,
    PSEUDO,
    PSEUDO_REPORT,
    RECALL,
    REPORT,
    SEVERITY,
    VEIN,
)
from sim.core.units import on_clock
from sim.engines.compiled.clocks import (
    ABOVE_BOUND,
    FULL_PROCEDURES,
    FULL_RELAPSES,
    FULL_VISITS,
    draw,
    first_clock,
    join_queue,
    note,
    remove_clock,
    set_clock,
)
from sim.engines.compiled.latent import await_point, begin_log, go_on, on_activity, open_layer, start_path
from sim.jit import bare_part, inlined_part
from sim.model import (
    belief,
    decline,
    disability,
    dropout,
    effect,
    eligibility,
    frailty,
    medication,
    quality,
    recall,
    relapse,
    reporting,
    self_referral,
    veins,
    visits,
)

ON_ACTIVITY = int(Kind.ACTIVITY)
ON_RELAPSE = int(Kind.RELAPSE)
ON_PSEUDO = int(Kind.PSEUDO_RELAPSE)
ON_RESTENOSIS = int(Kind.RESTENOSIS)
ON_REPORTED = int(Kind.RELAPSE_REPORTED)
ON_CONFIRMED = int(Kind.RELAPSE_CONFIRMED)
ON_MEDICATION = int(Kind.MEDICATION_START)
ON_SCREENED = int(Kind.SCREENED)
ON_FAILURE = int(Kind.SCREEN_FAILURE)
ON_ENROLLED = int(Kind.ENROLLED)
ON_TURNED_AWAY = int(Kind.TURNED_AWAY)
ON_RANDOMISED = int(Kind.RANDOMISED)
ON_VISIT = int(Kind.VISIT)
ON_PROCEDURE = int(Kind.PROCEDURE)
ON_VEIN = int(Kind.VEIN_TREATED)
ON_COMPLICATION = int(Kind.COMPLICATION)
ON_DROPOUT = int(Kind.DROPOUT)
ON_END = int(Kind.END_OF_STUDY)

MOST_LAYERS = relapse.MOST_LAYERS
NONE, ANGIOPLASTY = veins.NONE, veins.ANGIOPLASTY
COMPLICATIONS = len(veins.COMPLICATIONS)
TURNED_AWAY = eligibility.TURNED_AWAY
NAN = math.nan


# ---- before screening ---------------------------------------------------------------------------------------------


@bare_part
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
    p.horizon = relapse.horizon(time, plan.enrolment.screening_days, p.wait, plan.study.follow_up_days)
    p.pause = time
    blank(p)
    if plan.want.everything == 1.0:
        blank_record(p)
    set_patency(plan, p, 0.0)
    start = relapse.history_start(time, plan.relapse.history_days)
    start_path(plan, t, p)
    begin_log(plan, t, p, events, start)
    for layer in range(relapse.layers(max(plan.study.history_bound, plan.study.study_bound))):
        open_layer(plan, t, p, layer, start)


@bare_part
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
    for k in range(3):
        p.vein_treated[k] = 0.0
        p.vein_open_now[k] = 0.0


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
    for k in range(3):
        p.vein_opened[k] = 0.0
        p.vein_restenosis[k] = NAN


@bare_part
def presents(plan: Any, p: Any) -> Any:
    """Tell whether the patient, whose history has been lived, comes to the site at all."""
    rule = plan.self_referral
    return self_referral.presents(p.u_refer, p.now - p.last_onset, rule.weight, rule.window_days)


@bare_part
def screen(plan: Any, t: Any, p: Any, relapses: Any, events: Any) -> Any:
    """Apply the entry rule to the recalled history; set the clock of entry if it lets the patient in.

    Without a record to fill, whoever fails one criterion is not looked at for the next.
    """
    rule = plan.eligibility
    brisk = plan.want.everything == 0.0
    enough, recent = look_back(plan, t, p, relapses)
    if brisk and (enough == 0.0 or recent == 1.0):
        return False
    untreatable = 1.0 if not look_at_veins(plan, t, p) and rule.stenosis_required == 1.0 else 0.0
    if brisk and untreatable == 1.0:
        return False
    if plan.want.exams == 1.0:
        meet(plan, t, p, relapses)
    fits = 1.0
    if plan.want.entry_exam == 1.0:
        p.screening_edss = examine(plan, t, p, relapses, 0)[0]
        fits = 1.0 if eligibility.edss_in_range(p.screening_edss, rule.edss_min, rule.edss_max) else 0.0
    note(plan, t, events, p.now, ON_SCREENED, p.word, 0, p.recalled_1y)
    p.reason = eligibility.reason(fits, enough, recent, untreatable)
    if p.reason != 0:
        note(plan, t, events, p.now, ON_FAILURE, p.word, 0, float(p.reason))
        return False
    go_on(plan, t, p)
    if plan.want.brief == 0.0:
        set_clock(plan, p, p.now + plan.enrolment.screening_days, ON_ENROLLED, 0)
    return True


@bare_part
def look_back(plan: Any, t: Any, p: Any, relapses: Any) -> Any:
    """Count the past relapses as they are recalled; tell whether they are enough, and whether one is too recent."""
    rule = plan.eligibility
    recent = 0.0
    row = p.first_own
    while row >= 0:
        own = relapses[row]
        if plan.want.everything == 0.0:  # else it was drawn when it happened, for the log
            remember(plan, t, p, own)
        if recall.is_within(own.recalled_onset, p.now, 1.0):
            p.recalled_1y += 1.0
        if recall.is_within(own.recalled_onset, p.now, 2.0):
            p.recalled_2y += 1.0
        if eligibility.too_recent(own.recalled_onset, p.now, rule.relapse_free_days):
            recent = 1.0
        row = own.next_own
    enough = eligibility.enough_relapses(
        p.u_select,
        p.recalled_1y,
        p.recalled_2y,
        rule.kind,
        rule.relapses_1y,
        rule.relapses_2y,
        rule.selection_weight,
    )
    return 1.0 if enough else 0.0, recent


@bare_part
def look_at_veins(plan: Any, t: Any, p: Any) -> Any:
    """Draw which veins are narrow, and what treating them will come to; tell whether any is narrow."""
    rule = plan.veins
    found = False
    for k in range(3):
        u = (0.5, 0.5, 0.5, 0.5)
        certain = rule.stenosis[k] >= 1.0 and rule.success_prob >= 1.0 and rule.restenosis_scale_days[k] == math.inf
        if not certain:
            u = draw(t, p.word, VEIN, k, 0)
        p.vein_stenosed[k] = 1.0 if veins.happens(u[0], rule.stenosis[k]) else 0.0
        p.vein_u_success[k] = u[1]
        p.vein_u_restenosis[k] = u[2]
        found = found or p.vein_stenosed[k] == 1.0
    return found


@bare_part
def meet(plan: Any, t: Any, p: Any, relapses: Any) -> None:
    """Draw the patient's disability and quality of life at screening, and what only examinations ask of the past."""
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
    p.quality_latent = quality.quality_baseline(
        u[2], p.edss_latent, d.median_points, q.mean_points, q.sd_points, q.per_edss
    )


# ---- the life -----------------------------------------------------------------------------------------------------


@bare_part
def live(
    plan: Any, t: Any, p: Any, relapses: Any, seen: Any, procedures: Any, events: Any, until: Any, until_rank: Any
) -> None:
    """Let clocks ring up to (but not at) this time and rank."""
    while True:
        k = first_clock(p)
        time = math.inf
        rank = 1000
        index = 0
        if k >= 0:
            time = p.clock_time[k]
            rank = p.clock_rank[k]
            index = p.clock_index[k]
        if p.reports >= 0:
            due = relapses[p.reports].due
            if due < time or (due == time and rank > ON_REPORTED):
                time = due
                rank = ON_REPORTED
        if p.confirms >= 0:
            due = relapses[p.confirms].due
            if due < time or (due == time and rank > ON_CONFIRMED):
                time = due
                rank = ON_CONFIRMED
        if time == math.inf or time > until or (time == until and rank >= until_rank):
            return
        p.now = time
        if rank == ON_REPORTED:
            on_reported(plan, t, p, relapses, events)
            continue
        if rank == ON_CONFIRMED:
            on_confirmed(plan, t, p, relapses, events)
            continue
        remove_clock(p, k)
        if rank == ON_RELAPSE:
            on_point(plan, t, p, relapses, events, index)
        elif rank == ON_VISIT:
            on_visit(plan, t, p, relapses, seen, events, index)
        elif rank == ON_ENROLLED:
            on_enrolled(plan, t, p, events)
        elif rank == ON_PROCEDURE:
            on_procedure(plan, t, p, procedures, events, index)
        elif rank == ON_DROPOUT:
            p.dropped_out = 1
            leave(plan, t, p, events, rank)
        elif rank == ON_END:
            leave(plan, t, p, events, rank)
        elif rank == ON_PSEUDO:
            on_pseudo(plan, t, p, relapses, events, index)
        elif rank == ON_RESTENOSIS:
            on_restenosis(plan, t, p, events, index)
        elif rank == ON_MEDICATION:
            on_medication(plan, t, p, events)
        elif rank == ON_ACTIVITY:
            on_activity(plan, t, p, events, index)


@inlined_part
def live_briefly(plan: Any, t: Any, p: Any, relapses: Any, events: Any) -> None:
    """Live on to the end where nothing is asked for but relapses, and nothing but the procedure moves their rate.

    The same life as `live` tells, without clocks for what is known at entry: when the procedure is, and the end.
    """
    enter(plan, t, p, p.entry_time)
    p.end_time = p.planned_end
    if plan.world.attrition == 1.0:
        leaves = dropout_time(plan, p)
        if leaves < p.planned_end:
            p.dropped_out = 1
            p.end_time = leaves
    waiting = True
    while p.clocks > 0:
        k = first_clock(p)
        time = p.clock_time[k]
        if time > p.end_time:
            return
        if waiting and time > p.procedure_time:
            waiting = False
            p.now = p.procedure_time
            be_treated(plan, p)
        p.now = time
        index = p.clock_index[k]
        remove_clock(p, k)
        on_point(plan, t, p, relapses, events, index)


@inlined_part
def be_treated(plan: Any, p: Any) -> None:
    """Have the veins opened that are narrow, if the procedure is angioplasty."""
    if p.procedure != ANGIOPLASTY:
        return
    for k in range(3):
        if p.vein_stenosed[k] == 1.0:
            p.vein_treated[k] = 1.0
            opened = veins.happens(p.vein_u_success[k], plan.veins.success_prob)
            p.vein_open_now[k] = 1.0 if opened else 0.0
    refresh_patency(plan, p)


@bare_part
def on_point(plan: Any, t: Any, p: Any, relapses: Any, events: Any, index: Any) -> None:
    """Have a relapse at this candidate point, if the factor lets it be one and it is not part of the last."""
    layer = index % MOST_LAYERS
    mark = p.layer_mark[layer]
    await_point(plan, t, p, layer)
    if not relapse.is_onset(float(layer), mark, factor(plan, t, p)):
        return
    if relapse.belongs_to_last(p.now, p.last_onset, plan.relapse.refractory_days):
        return
    p.last_onset = p.now
    own = relapses[begin(t, p, relapses, index // MOST_LAYERS, layer, index, 0)]
    now_described = plan.want.everything == 1.0 or p.now >= p.screening_time
    if now_described:
        weigh(plan, t, p, own)
        remember(plan, t, p, own)
    note(plan, t, events, p.now, ON_RELAPSE, p.word, index, own.severity)
    if p.now >= p.screening_time:
        p.lasting += own.residual
    if plan.want.reports == 0.0:
        return
    if p.entered == 0.0:
        if may_start(plan, p):
            consider_medication(plan, p, draw(t, p.word, REPORT, index // MOST_LAYERS, layer)[2])
    elif speaks_up(plan, t, p, own):
        own.due = on_clock(p.now + plan.reporting.report_delay_days, plan.study.resolution)
        p.reports = join_queue(relapses, p.reports, p.last_own)


@bare_part
def begin(t: Any, p: Any, relapses: Any, number: Any, layer: Any, index: Any, pseudo: Any) -> Any:
    """Open the row of a relapse or pseudo-relapse; give its number."""
    row = t.free_relapse
    if row >= 0:
        t.free_relapse = relapses[row].next_own
    elif t.relapses < relapses.shape[0]:
        row = t.relapses
        t.relapses = row + 1
    else:  # the trial is played again with more room; until then any row will do
        t.status |= FULL_RELAPSES
        row = 0
        p.first_own = -1
        p.last_own = -1
        p.reports = -1
        p.confirms = -1
    own = relapses[row]
    own.site = p.site
    own.arrival = p.arrival
    own.number = p.own
    own.point = number * MOST_LAYERS + layer if pseudo == 0 else number
    own.layer = layer
    own.index = index
    own.pseudo = pseudo
    own.onset = p.now
    own.severity = NAN
    own.residual = 0.0
    own.recalled_onset = NAN
    own.reported_time = NAN
    own.confirmed_time = NAN
    own.next_own = -1
    own.next_due = -1
    if p.last_own >= 0:
        relapses[p.last_own].next_own = row
    else:
        p.first_own = row
    p.last_own = row
    p.own += 1
    return row


@bare_part
def weigh(plan: Any, t: Any, p: Any, own: Any) -> None:
    """Draw a relapse's severity and residual, if anything asks for them."""
    if plan.want.severity == 1.0:
        rule = plan.relapse
        u = draw(t, p.word, SEVERITY, own.point // MOST_LAYERS, own.layer)
        own.severity = relapse.severity(u[0], rule.log_severity, rule.severity_log_sd)
        own.residual = relapse.residual(u[1], u[2], rule.residual_prob, rule.residual_mean_points)


@bare_part
def remember(plan: Any, t: Any, p: Any, own: Any) -> None:
    """Draw how a past relapse will be recalled, if anything asks for it."""
    # what happens on the day of entry comes before it, and is still of the past; not entered: NaN, and so it is
    if plan.want.recall == 1.0 and (own.onset <= p.entry_time or not own.onset >= p.day_1):
        rule = plan.recall
        u = draw(t, p.word, RECALL, own.point // MOST_LAYERS, own.layer)
        if recall.is_recalled(u[0], rule.omission_prob):
            own.recalled_onset = recall.recalled_onset(
                own.onset, p.screening_time, u[1], u[2], rule.telescoping_prob, rule.telescoping_share
            )


@bare_part
def factor(plan: Any, t: Any, p: Any) -> Any:
    """Give the present factor of the relapse rate; one above the layers that are open ends the trial with an error."""
    f = relapse.rate_factor(
        decline.decline(p.now, p.screening_time, plan.decline.before_per_day, plan.decline.after_per_day),
        plan.medication.rate_ratio if p.on_medication == 1.0 else 1.0,
        p.rate_factor,
    )
    bound = plan.study.history_bound if p.now < p.screening_time else plan.study.study_bound
    if f > relapse.layers(bound):
        t.status |= ABOVE_BOUND
    return f


@bare_part
def speaks_up(plan: Any, t: Any, p: Any, own: Any) -> Any:
    """Tell whether the patient reports this relapse."""
    rule = plan.reporting
    return reporting.is_reported(
        draw(t, p.word, REPORT, own.point // MOST_LAYERS, own.layer)[0],
        own.severity,
        belief.believed(p.belief_patient, p.believing),
        rule.mild_points,
        rule.mild_prob,
        rule.severe_prob,
        rule.unreported_by_cured,
    )


@bare_part
def await_pseudo(plan: Any, t: Any, p: Any, index: Any) -> None:
    """Set the clock of the next occasion for a pseudo-relapse."""
    per_day = plan.reporting.pseudo_per_day
    if per_day == 0.0 or plan.want.reports == 0.0:
        return
    gap = draw(t, p.word, PSEUDO, index // POINTS, 0)[2 * (index % POINTS)]
    set_clock(plan, p, p.now + reporting.pseudo_gap(gap, per_day), ON_PSEUDO, index)


@bare_part
def on_pseudo(plan: Any, t: Any, p: Any, relapses: Any, events: Any, index: Any) -> None:
    """Report a relapse that was none, if disappointed enough."""
    mark = draw(t, p.word, PSEUDO, index // POINTS, 0)[2 * (index % POINTS) + 1]
    await_pseudo(plan, t, p, index + 1)
    if reporting.is_pseudo(mark, belief.believed(p.belief_patient, p.believing)):
        own = relapses[begin(t, p, relapses, index, 0, ~index, 1)]
        note(plan, t, events, p.now, ON_PSEUDO, p.word, index, 0.0)
        own.due = on_clock(p.now + plan.reporting.report_delay_days, plan.study.resolution)
        p.reports = join_queue(relapses, p.reports, p.last_own)


@bare_part
def report_lanes(t: Any, p: Any, own: Any) -> Any:
    """Give the draws that decide on confirmation and on medication."""
    if own.pseudo == 1:
        u = draw(t, p.word, PSEUDO_REPORT, own.point, 0)
        return u[0], u[1]
    u = draw(t, p.word, REPORT, own.point // MOST_LAYERS, own.layer)
    return u[1], u[2]


@bare_part
def on_reported(plan: Any, t: Any, p: Any, relapses: Any, events: Any) -> None:
    """Report a relapse; the clock of its confirmation is set."""
    row = p.reports
    own = relapses[row]
    p.reports = own.next_due
    own.reported_time = p.now
    note(plan, t, events, p.now, ON_REPORTED, p.word, own.index, 1.0 - own.pseudo)
    own.due = on_clock(p.now + plan.reporting.confirm_delay_days, plan.study.resolution)
    p.confirms = join_queue(relapses, p.confirms, row)
    if p.ended == 0.0 and may_start(plan, p):
        consider_medication(plan, p, report_lanes(t, p, own)[1])


@bare_part
def on_confirmed(plan: Any, t: Any, p: Any, relapses: Any, events: Any) -> None:
    """Have a report confirmed, or not."""
    own = relapses[p.confirms]
    p.confirms = own.next_due
    rule = plan.reporting
    odds = rule.pseudo_confirm_logit if own.pseudo == 1 else rule.confirm_logit
    u = report_lanes(t, p, own)[0]
    if reporting.is_confirmed(u, odds, rule.confirm_lean, belief.believed(p.belief_assessor, p.believing)):
        own.confirmed_time = p.now
        note(plan, t, events, p.now, ON_CONFIRMED, p.word, own.index, 1.0 - own.pseudo)


@bare_part
def may_start(plan: Any, p: Any) -> Any:
    """Tell whether medication is a question at all."""
    return plan.medication.start_prob > 0.0 and p.medication_pending == 0.0


@bare_part
def consider_medication(plan: Any, p: Any, u: Any) -> None:
    """Start medication some days from now, perhaps."""
    rule = plan.medication
    doubt = rule.log_disbelief_odds if p.believing == 1.0 else 0.0
    held = belief.believed(p.belief_physician, p.believing)
    if medication.starts(u, rule.start_prob, doubt, held, p.medication_pending):
        p.medication_pending = 1.0
        set_clock(plan, p, p.now + rule.start_delay_days, ON_MEDICATION, 0)


@bare_part
def on_medication(plan: Any, t: Any, p: Any, events: Any) -> None:
    """Start medication."""
    p.on_medication = 1.0
    p.medication_time = p.now
    note(plan, t, events, p.now, ON_MEDICATION, p.word, 0, plan.medication.rate_ratio)


# ---- on study -----------------------------------------------------------------------------------------------------


@bare_part
def on_enrolled(plan: Any, t: Any, p: Any, events: Any) -> None:
    """Enter the study, as the trial has settled it: the clocks of procedure, visits, leaving and end."""
    if p.entry_number < 0:
        p.reason = TURNED_AWAY
        p.entry_time = NAN
        note(plan, t, events, p.now, ON_TURNED_AWAY, p.word, 0, 0.0)
        p.clocks = 0
        return
    note(plan, t, events, p.now, ON_ENROLLED, p.word, 0, float(p.entry_number + 1))
    if plan.study.randomised == 1.0:
        note(plan, t, events, p.now, ON_RANDOMISED, p.word, 0, float(p.arm))
    enter(plan, t, p, p.now)
    set_clock(plan, p, p.procedure_time, ON_PROCEDURE, 0)
    await_visit(plan, p, 0)
    if plan.world.attrition == 1.0:
        leaves = dropout_time(plan, p)
        if leaves < p.planned_end:
            set_clock(plan, p, leaves, ON_DROPOUT, 0)
    set_clock(plan, p, p.planned_end, ON_END, 0)


@bare_part
def enter(plan: Any, t: Any, p: Any, time: Any) -> None:
    """Settle at entry what is known of the study from then on."""
    p.entered = 1.0
    p.entry_time = time
    forced = plan.world.procedure
    p.procedure = int(forced) if forced >= 0.0 else int(plan.procedures[p.arm])
    if plan.want.belief == 1.0:
        form_beliefs(plan, t, p)
    resolution = plan.study.resolution
    p.procedure_time = veins.procedure_time(time, p.wait, resolution)
    p.day_1 = visits.day_1(time, p.procedure_time, plan.study.randomised)
    p.planned_end = visits.planned_end(p.day_1, plan.study.follow_up_days, plan.study.close_day, resolution)


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
def dropout_time(plan: Any, p: Any) -> Any:
    """Give when the patient would leave early."""
    rule = plan.dropout
    held = p.belief_patient if rule.log_disbelief_ratio != 0.0 else 1.0
    days = dropout.dropout_days(
        p.u_dropout, p.procedure_time - p.day_1, held, rule.hazard_per_day, rule.log_disbelief_ratio, rule.stay_prob
    )
    return dropout.dropout_time(p.day_1, days, plan.study.resolution)


@bare_part
def form_beliefs(plan: Any, t: Any, p: Any) -> None:
    """Draw the belief of patient, physician and assessor."""
    u = draw(t, p.word, BELIEF, 0, 0)
    p.belief_patient = one_belief(plan, p, u[0], 0, 0.0)
    p.belief_physician = one_belief(plan, p, u[1], 1, 0.0)
    p.belief_assessor = one_belief(plan, p, u[2], 2, 1.0)


@bare_part
def one_belief(plan: Any, p: Any, u: Any, holder: Any, assessor: Any) -> Any:
    """Draw one holder's belief."""
    rule = plan.belief
    procedure = float(p.procedure)
    path = plan.world.reference_belief
    return belief.held(u, rule.prior_logit, rule.sd, rule.leak, rule.blinded[holder], assessor, procedure, path)


@bare_part
def on_procedure(plan: Any, t: Any, p: Any, procedures: Any, events: Any, index: Any) -> None:
    """Have the procedure, or learn that there is none."""
    p.believing = 1.0
    await_pseudo(plan, t, p, 0)
    if p.procedure == NONE:
        return
    treated = 1.0 if p.procedure == ANGIOPLASTY else 0.0
    note(plan, t, events, p.now, ON_PROCEDURE, p.word, index, treated)
    mask = 0
    if treated == 1.0:
        mask = complicated(plan, t, p, events, index)
        for number in range(3):
            treat(plan, t, p, events, number)
        refresh_patency(plan, p)
    if plan.want.everything == 0.0:
        return
    row = t.procedures
    if row >= procedures.shape[0]:
        t.status |= FULL_PROCEDURES
        return
    done = procedures[row]
    done.site = p.site
    done.arrival = p.arrival
    done.number = index
    done.kind = p.procedure
    done.request_time = p.entry_time
    done.time = p.now
    done.complications = mask
    t.procedures = row + 1


@bare_part
def complicated(plan: Any, t: Any, p: Any, events: Any, procedure: Any) -> Any:
    """Draw the complications of an angioplasty as a bit mask: for the record, nothing else depends on them."""
    mask = 0
    if plan.want.everything == 0.0:
        return mask
    for kind in range(COMPLICATIONS):
        u = draw(t, p.word, COMPLICATION, procedure, kind // 4)[kind % 4]
        if veins.happens(u, plan.veins.complications[kind]):
            mask |= 1 << kind
            note(plan, t, events, p.now, ON_COMPLICATION, p.word, kind, float(kind))
    return mask


@bare_part
def treat(plan: Any, t: Any, p: Any, events: Any, number: Any) -> None:
    """Open one vein, or fail to; an opened one gets the clock of its restenosis."""
    if p.vein_stenosed[number] == 0.0:
        return
    rule = plan.veins
    p.vein_treated[number] = 1.0
    p.vein_opened[number] = 1.0 if veins.happens(p.vein_u_success[number], rule.success_prob) else 0.0
    p.vein_open_now[number] = p.vein_opened[number]
    note(plan, t, events, p.now, ON_VEIN, p.word, number, p.vein_opened[number])
    if p.vein_opened[number] == 1.0:
        days = veins.restenosis_days(
            p.vein_u_restenosis[number], rule.restenosis_scale_days[number], rule.restenosis_shape, rule.weibull
        )
        set_clock(plan, p, p.now + days, ON_RESTENOSIS, number)


@bare_part
def on_restenosis(plan: Any, t: Any, p: Any, events: Any, number: Any) -> None:
    """Have a vein narrow again."""
    p.vein_open_now[number] = 0.0
    p.vein_restenosis[number] = p.now
    note(plan, t, events, p.now, ON_RESTENOSIS, p.word, number, float(number))
    refresh_patency(plan, p)


@bare_part
def refresh_patency(plan: Any, p: Any) -> None:
    """Count open veins and let the effect follow."""
    treated = p.vein_treated[0] + p.vein_treated[1] + p.vein_treated[2]
    open_now = p.vein_open_now[0] + p.vein_open_now[1] + p.vein_open_now[2]
    set_patency(plan, p, veins.patency(treated, open_now, plan.veins.patency))


@bare_part
def set_patency(plan: Any, p: Any, patency: Any) -> None:
    """Settle progression so far, then let rate and slope follow the new patency."""
    p.lasting = disability.settled(p.lasting, p.lasting_until, p.now, p.slope_per_day, p.slope_factor)
    p.lasting_until = max(p.lasting_until, p.now)
    p.patency = patency
    p.rate_factor = effect.ratio_at(patency, plan.effect.rate_ratio, plan.effect.log_rate_ratio)
    p.slope_factor = effect.ratio_at(patency, plan.effect.slope_ratio, plan.effect.log_slope_ratio)


# ---- being seen ---------------------------------------------------------------------------------------------------


@bare_part
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


@bare_part
def leave(plan: Any, t: Any, p: Any, events: Any, rank: Any) -> None:
    """End follow-up; reports of relapses that have begun are still taken."""
    p.end_time = p.now
    note(plan, t, events, p.now, rank, p.word, 0, visits.study_day(p.now, p.day_1))
    p.ended = 1.0
    p.clocks = 0
