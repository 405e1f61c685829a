"""A plain trial in passes: one site, everyone who arrives enters at once, and nothing but relapses is asked for.

Most designs that other simulators know are of this kind. The trial and its draws are those that `trial.py` and
`life.py` tell patient by patient; told in passes over all patients, the processor works on several at once.
`wants.is_plain` says which plans are plain, and why each condition is there.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from sim.core.inverse import exponential
from sim.core.streams import PERSON, POINTS, RELAPSE, VEIN, uniforms_pair_uint64
from sim.core.units import on_clock
from sim.engines.compiled.allocation import allocate
from sim.engines.compiled.clocks import ABOVE_BOUND, FULL_BATCH, draw
from sim.engines.compiled.trial import open_site
from sim.jit import bare_part, inlined_part
from sim.model import decline, dropout, effect, enrolment, frailty, relapse, sites, veins, visits

ANGIOPLASTY = veins.ANGIOPLASTY
ARRIVAL, FRAILTY, DROPOUT, ARM = range(4)  # the lanes of stream "person", and what becomes of them
GAP, MARK, GAP_2, MARK_2 = range(4, 8)  # those of stream "relapse"
ENTRY, DAY_1, END, FACTOR = range(8, 12)
COLUMNS = 12


@inlined_part
def play_plainly(plan: Any, t: Any, tables: Any, batch: Any) -> None:
    """Play a plain trial; the first rows of the tables of sites and patients are used for what is passed on."""
    s, p, scratch = tables.sites[0], tables.states[0], tables.scratch
    open_site(plan, t, s, 0, tables.events)
    most = int(plan.enrolment.target)
    draw_people(plan, t, scratch, most)
    entered = enter_all(plan, t, s, p, scratch, most)
    if batch.filled[0] + entered > batch.people.shape[0]:
        t.status |= FULL_BATCH
        return
    follow_all(plan, t, scratch, entered, batch)
    relapse_all(plan, t, scratch, entered, batch)
    batch.filled[0] += entered
    t.entered = entered


@bare_part
def draw_all(t: Any, scratch: Any, most: Any, process: Any, column: Any) -> None:
    """Draw every patient's four lanes of a process into four columns, two patients at a time."""
    zero, stream = np.uint64(0), np.uint64(process)
    for k in range(0, most - 1, 2):
        u, v = uniforms_pair_uint64(t.seed, t.number, np.uint64(k), np.uint64(k + 1), stream, zero, zero)
        for lane in range(4):
            scratch[column + lane, k] = u[lane]
            scratch[column + lane, k + 1] = v[lane]
    if most % 2 == 1:
        u = draw(t, np.uint64(most - 1), process, 0, 0)
        for lane in range(4):
            scratch[column + lane, most - 1] = u[lane]


@inlined_part
def draw_people(plan: Any, t: Any, scratch: Any, most: Any) -> None:
    """Draw the people: logarithms in passes of their own, which the processor does several at once."""
    draw_all(t, scratch, most, PERSON, ARRIVAL)
    shape = plan.frailty.gamma_shape
    for k in range(most):
        scratch[ARRIVAL, k] = exponential(scratch[ARRIVAL, k])
    for k in range(most):
        scratch[DROPOUT, k] = exponential(scratch[DROPOUT, k])
    if shape == 0.0:
        for k in range(most):
            scratch[FRAILTY, k] = 1.0
        return
    for k in range(most):
        scratch[FRAILTY, k] = frailty.frailty(scratch[FRAILTY, k], shape, plan.middle, plan.tails)


@inlined_part
def enter_all(plan: Any, t: Any, s: Any, p: Any, scratch: Any, most: Any) -> Any:
    """Let those who arrive in time enter, one after another, in their arms, and draw the first two candidate points.

    Gives how many enter.
    """
    entry = plan.enrolment
    uniform, days, last_day, resolution = entry.uniform, entry.accrual_days, entry.max_days, plan.study.resolution
    opening, time, spent, total = s.opening, s.time, 0.0, 0.0
    per_day = sites.possible_rate(s.rate, plan.self_referral.weight)
    if uniform == 1.0:
        for k in range(most):
            total += scratch[ARRIVAL, k]
        total += exponential(draw(t, np.uint64(most), PERSON, 0, 0)[0])
    for k in range(most):
        if uniform == 1.0:
            spent += scratch[ARRIVAL, k]
            scratch[ENTRY, k] = spent
        else:
            time += sites.arrival_gap(scratch[ARRIVAL, k], per_day)
            scratch[ENTRY, k] = time
    entered = 0
    for k in range(most):
        time = scratch[ENTRY, k]
        if uniform == 1.0:
            time = enrolment.uniform_arrival(time, total, opening, days)
        clock = on_clock(time, resolution)
        scratch[ENTRY, k] = clock
        entered += 1 if clock <= last_day else 0
    for k in range(most):
        p.u_arm = scratch[ARM, k]
        scratch[ARM, k] = float(allocate(plan, t, p))
    draw_all(t, scratch, most, RELAPSE, GAP)
    for k in range(most):
        scratch[GAP, k] = relapse.gap(scratch[GAP, k])
    if plan.want.first == 0.0:
        for k in range(most):
            scratch[GAP_2, k] = relapse.gap(scratch[GAP_2, k])
    return entered


@inlined_part
def follow_all(plan: Any, t: Any, scratch: Any, entered: Any, batch: Any) -> None:
    """Settle each patient's study: treatment, study day 1, planned end, leaving; and the rate factor while treated."""
    resolution, wait, randomised = plan.study.resolution, plan.veins.wait_days, plan.study.randomised
    follow_up, close = plan.study.follow_up_days, plan.study.close_day
    leaving, hazard = plan.world.attrition == 1.0, plan.dropout.hazard_per_day
    forced, ratio, log_ratio = plan.world.procedure, plan.effect.rate_ratio, plan.effect.log_rate_ratio
    certain = opens_surely(plan)
    full = effect.ratio_at(opened(plan, t, np.uint64(0)), ratio, log_ratio) if certain else 1.0
    none = effect.ratio_at(0.0, ratio, log_ratio)
    for k in range(entered):
        entry = scratch[ENTRY, k]
        arm = int(scratch[ARM, k])
        treated = veins.procedure_time(entry, wait, resolution)
        day_1 = visits.day_1(entry, treated, randomised)
        planned = visits.planned_end(day_1, follow_up, close, resolution)
        leaves = math.inf
        if leaving:
            days = dropout.dropout_days(scratch[DROPOUT, k], treated - day_1, 1.0, hazard, 0.0)
            leaves = dropout.dropout_time(day_1, days, resolution)
        end = leaves if leaves < planned else planned
        one = batch.people[batch.filled[0] + k]
        one.arm = arm
        one.day_1 = day_1
        one.planned_end = planned
        one.end_time = end
        one.dropped_out = 1 if leaves < planned else 0
        one.course = 0
        one.doppler_criteria = -1
        scratch[DAY_1, k] = day_1
        scratch[END, k] = end
        procedure = forced if forced >= 0.0 else plan.procedures[arm]
        angioplasty = procedure == float(ANGIOPLASTY)
        scratch[FACTOR, k] = full if angioplasty else none
        if angioplasty and not certain:
            scratch[FACTOR, k] = effect.ratio_at(opened(plan, t, np.uint64(k)), ratio, log_ratio)


@inlined_part
def opens_surely(plan: Any) -> Any:
    """Tell whether angioplasty does the same to everyone, or nothing depends on what it does: nothing is drawn."""
    rule = plan.veins
    for k in range(3):
        if rule.stenosis[k] < 1.0:
            return plan.effect.log_rate_ratio == 0.0
    return rule.success_prob >= 1.0 or plan.effect.log_rate_ratio == 0.0


@inlined_part
def opened(plan: Any, t: Any, word: Any) -> Any:
    """Give the patency right after angioplasty, which stays."""
    rule = plan.veins
    treated = 0.0
    open_now = 0.0
    for k in range(3):
        u = (0.5, 0.5, 0.5, 0.5)
        if rule.stenosis[k] < 1.0 or rule.success_prob < 1.0:
            u = draw(t, word, VEIN, k, 0)
        if veins.happens(u[0], rule.stenosis[k]):
            treated += 1.0
            open_now += 1.0 if veins.happens(u[1], rule.success_prob) else 0.0
    return veins.patency(treated, open_now, rule.patency)


@inlined_part
def relapse_all(plan: Any, t: Any, scratch: Any, entered: Any, batch: Any) -> None:
    """Follow everyone's candidate points to the end, and hand up the onsets.

    The first two points, which most lives do not outlast, are told without a branch: what is no onset is written too,
    and overwritten by what comes next. Where first relapses are enough, the first point mostly is.
    """
    resolution, refractory, wait = plan.study.resolution, plan.relapse.refractory_days, plan.veins.wait_days
    rate, level = plan.relapse.rate_per_day, plan.activity.quiescent_level
    before, after = plan.decline.before_per_day, plan.decline.after_per_day
    past, first = plan.want.past == 1.0, plan.want.first == 1.0
    row, person, room = batch.filled[1], batch.filled[0], batch.relapses.shape[0]
    for k in range(entered):
        if row + 2 > room:
            t.status |= FULL_BATCH
            return
        entry, end, treatment = scratch[ENTRY, k], scratch[END, k], scratch[FACTOR, k]
        since = -math.inf if past else scratch[DAY_1, k]
        pace = relapse.clock_rate(rate, scratch[FRAILTY, k], level)
        treated = veins.procedure_time(entry, wait, resolution)
        time = relapse.reach(entry, scratch[GAP, k], pace)
        clock = on_clock(time, resolution)
        f = factor(t, clock, entry, before, after, treatment if clock > treated else 1.0)
        onset = (clock <= end) & relapse.is_onset(0.0, scratch[MARK, k], f)
        last = clock if onset else -math.inf
        hand_up_onset(clock, person + k, batch.relapses[row])
        found = onset & (clock > since)
        row += 1 if found else 0
        if first:
            if clock <= end and time < math.inf and not found:
                batch.filled[1] = row
                relapse_further(plan, t, scratch, k, 1, end, since, person + k, batch, pace, treated, time, last)
                row = batch.filled[1]
            continue
        time = relapse.reach(time, scratch[GAP_2, k], pace)
        clock = on_clock(time, resolution)
        f = factor(t, clock, entry, before, after, treatment if clock > treated else 1.0)
        onset = (clock <= end) & relapse.is_onset(0.0, scratch[MARK_2, k], f)
        onset = onset & (not relapse.belongs_to_last(clock, last, refractory))
        last = clock if onset else last
        hand_up_onset(clock, person + k, batch.relapses[row])
        row += 1 if onset & (clock > since) else 0
        if clock <= end and time < math.inf:
            batch.filled[1] = row
            relapse_further(plan, t, scratch, k, POINTS, end, since, person + k, batch, pace, treated, time, last)
            row = batch.filled[1]
    batch.filled[1] = row


@inlined_part
def factor(t: Any, clock: Any, entry: Any, before_per_day: Any, after_per_day: Any, treatment: Any) -> Any:
    """Give the factor of the relapse rate: a plain trial has neither seasons nor medication."""
    f = relapse.rate_factor(1.0, decline.decline(clock, entry, before_per_day, after_per_day), 1.0, treatment)
    if f > 1.0:
        t.status |= ABOVE_BOUND
    return f


@bare_part
def relapse_further(
    plan: Any,
    t: Any,
    scratch: Any,
    k: Any,
    number: Any,
    end: Any,
    since: Any,
    person: Any,
    batch: Any,
    pace: Any,
    treated: Any,
    time: Any,
    last_onset: Any,
) -> None:
    """Go on with candidate point `number`, for as long as there is follow-up, or something to be found."""
    gap_2 = scratch[GAP_2, k]
    mark_2 = scratch[MARK_2, k]
    while True:
        if number % POINTS == 0:
            u = draw(t, np.uint64(k), RELAPSE, number // POINTS, 0)
            gap = relapse.gap(u[0])
            mark = u[1]
            gap_2 = u[2]
            mark_2 = u[3]
        else:
            gap = relapse.gap(gap_2)
            mark = mark_2
        time = relapse.reach(time, gap, pace)
        clock = on_clock(time, plan.study.resolution)
        if clock > end or time == math.inf:
            return
        treatment = scratch[FACTOR, k] if clock > treated else 1.0
        f = factor(t, clock, scratch[ENTRY, k], plan.decline.before_per_day, plan.decline.after_per_day, treatment)
        if relapse.is_onset(0.0, mark, f) and not relapse.belongs_to_last(
            clock, last_onset, plan.relapse.refractory_days
        ):
            last_onset = clock
            if clock > since:
                row = batch.filled[1]
                if row >= batch.relapses.shape[0]:
                    t.status |= FULL_BATCH
                    return
                hand_up_onset(clock, person, batch.relapses[row])
                batch.filled[1] = row + 1
                if plan.want.first == 1.0:
                    return
        number += 1


@inlined_part
def hand_up_onset(time: Any, person: Any, out: Any) -> None:
    """Write an onset: all that is asked for of a relapse."""
    out.row = person
    out.pseudo = 0
    out.onset = time
    out.recalled_onset = math.nan
    out.reported_time = math.nan
    out.confirmed_time = math.nan
