"""A plain trial in passes: one site, everyone who arrives enters at once, and nothing but relapses is asked for.

Most designs that other simulators know are of this kind. The trial and its draws are those that `trial.py` and
`life.py` tell patient by patient; told in passes over all patients, the processor works on several at once.
`wants.is_plain` says which plans are plain, and why each condition is there.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from sim.core.streams import PERSON, POINTS, RELAPSE, VEIN
from sim.core.units import on_clock
from sim.engines.compiled.clocks import ABOVE_BOUND, FULL_BATCH, draw
from sim.engines.compiled.trial import allocate, open_site
from sim.jit import inlined_part
from sim.model import decline, dropout, effect, enrolment, frailty, relapse, sites, veins, visits

ANGIOPLASTY = veins.ANGIOPLASTY
ARRIVAL, FRAILTY, DROPOUT, ARM, ENTRY, FACTOR, GAP, MARK, GAP_2, MARK_2 = range(10)
COLUMNS = 10


@inlined_part
def play_plainly(plan: Any, t: Any, tables: Any, batch: Any) -> None:
    """Play a plain trial; the first rows of the tables of sites and patients are used for what is passed on."""
    s, p, scratch = tables.sites[0], tables.states[0], tables.scratch
    open_site(plan, t, s, 0, tables.events)
    most = int(plan.enrolment.target)
    arrive(plan, t, s, scratch, most)
    entered = enter_all(plan, t, p, scratch, most)
    if batch.filled[0] + entered > batch.people.shape[0]:
        t.status |= FULL_BATCH
        return
    for k in range(entered):
        follow(plan, t, p, scratch, k, batch.people[batch.filled[0] + k])
    first_points(plan, t, scratch, entered)
    for k in range(entered):
        person = batch.filled[0] + k
        relapse_on(plan, t, scratch, k, batch.people[person], person, batch)
    batch.filled[0] += entered
    t.entered = entered


@inlined_part
def arrive(plan: Any, t: Any, s: Any, scratch: Any, most: Any) -> None:
    """Draw the people and when they arrive; those after the last day stay at inf."""
    entry = plan.enrolment
    for k in range(most):
        u = draw(t, np.uint64(k), PERSON, 0, 0)
        scratch[ARRIVAL, k] = u[0]
        scratch[FRAILTY, k] = frailty.frailty(u[1], plan.frailty.gamma_shape, plan.middle, plan.tails)
        scratch[DROPOUT, k] = u[2]
        scratch[ARM, k] = u[3]
    time = s.time
    per_day = sites.possible_rate(s.rate, plan.self_referral.weight)
    for k in range(most):
        if entry.uniform == 1.0:
            time = enrolment.next_uniform(scratch[ARRIVAL, k], time, s.share - k, entry.accrual_days)
        else:
            time += sites.arrival_gap(scratch[ARRIVAL, k], per_day)
        clock = on_clock(time, plan.study.resolution)
        scratch[ENTRY, k] = clock if clock <= entry.max_days else math.inf


@inlined_part
def enter_all(plan: Any, t: Any, p: Any, scratch: Any, most: Any) -> Any:
    """Let everyone who arrives in time enter, and allocate them; give how many there are."""
    entered = 0
    while entered < most and scratch[ENTRY, entered] < math.inf:
        p.u_arm = scratch[ARM, entered]
        scratch[ARM, entered] = float(allocate(plan, t, p))
        entered += 1
    return entered


@inlined_part
def follow(plan: Any, t: Any, p: Any, scratch: Any, k: Any, one: Any) -> None:
    """Settle a patient's study: treatment, study day 1, planned end, leaving; and the rate factor while treated."""
    entry = scratch[ENTRY, k]
    arm = int(scratch[ARM, k])
    forced = plan.world.procedure
    procedure = int(forced) if forced >= 0.0 else int(plan.procedures[arm])
    resolution = plan.study.resolution
    treated = veins.procedure_time(entry, plan.veins.wait_days, resolution)
    one.arm = arm
    one.day_1 = visits.day_1(entry, treated, plan.study.randomised)
    one.planned_end = visits.planned_end(one.day_1, plan.study.follow_up_days, plan.study.close_day, resolution)
    one.end_time = one.planned_end
    one.dropped_out = 0
    if plan.world.attrition == 1.0:
        rule = plan.dropout
        days = dropout.dropout_days(
            scratch[DROPOUT, k],
            treated - one.day_1,
            1.0,
            rule.hazard_per_day,
            rule.log_disbelief_ratio,
            rule.stay_prob,
        )
        leaves = dropout.dropout_time(one.day_1, days, resolution)
        if leaves < one.planned_end:
            one.dropped_out = 1
            one.end_time = leaves
    scratch[FACTOR, k] = effect.ratio_at(0.0, plan.effect.rate_ratio, plan.effect.log_rate_ratio)
    if procedure == ANGIOPLASTY and plan.effect.log_rate_ratio != 0.0:
        patency = opened(plan, t, np.uint64(k))
        scratch[FACTOR, k] = effect.ratio_at(patency, plan.effect.rate_ratio, plan.effect.log_rate_ratio)


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
def first_points(plan: Any, t: Any, scratch: Any, entered: Any) -> None:
    """Draw the first two candidate points of everyone."""
    for k in range(entered):
        u = draw(t, np.uint64(k), RELAPSE, 0, 0)
        scratch[GAP, k] = relapse.gap(u[0])
        scratch[MARK, k] = u[1]
        scratch[GAP_2, k] = u[2]
        scratch[MARK_2, k] = u[3]


@inlined_part
def relapse_on(plan: Any, t: Any, scratch: Any, k: Any, one: Any, person: Any, batch: Any) -> None:
    """Follow a patient's candidate points to the end, and hand up the onsets."""
    entry = scratch[ENTRY, k]
    pace = relapse.clock_rate(plan.relapse.rate_per_day, scratch[FRAILTY, k], plan.activity.quiescent_level)
    treated = veins.procedure_time(entry, plan.veins.wait_days, plan.study.resolution)
    time = entry
    last_onset = -math.inf
    number = 0
    gap = scratch[GAP, k]
    mark = scratch[MARK, k]
    gap_2 = 0.0
    mark_2 = 0.0
    while True:
        time = relapse.reach(time, gap, pace)
        if time == math.inf:
            return
        clock = on_clock(time, plan.study.resolution)
        if clock > one.end_time:
            return
        f = relapse.rate_factor(
            decline.decline(clock, entry, plan.decline.before_per_day, plan.decline.after_per_day),
            1.0,
            scratch[FACTOR, k] if clock > treated else 1.0,
        )
        if f > 1.0:
            t.status |= ABOVE_BOUND
        if relapse.is_onset(0.0, mark, f) and not relapse.belongs_to_last(
            clock, last_onset, plan.relapse.refractory_days
        ):
            last_onset = clock
            if clock > one.day_1 or plan.want.past == 1.0:
                hand_up_onset(t, clock, person, batch)
        number += 1
        if number == 1:
            gap = relapse.gap(scratch[GAP_2, k])
            mark = scratch[MARK_2, k]
        elif number % POINTS == 0:
            u = draw(t, np.uint64(k), RELAPSE, number // POINTS, 0)
            gap = relapse.gap(u[0])
            mark = u[1]
            gap_2 = u[2]
            mark_2 = u[3]
        else:
            gap = relapse.gap(gap_2)
            mark = mark_2


@inlined_part
def hand_up_onset(t: Any, time: Any, person: Any, batch: Any) -> None:
    """Add an onset to the batch: all that is asked for of a relapse."""
    row = batch.filled[1]
    if row >= batch.relapses.shape[0]:
        t.status |= FULL_BATCH
        return
    out = batch.relapses[row]
    out.row = person
    out.pseudo = 0
    out.onset = time
    out.recalled_onset = math.nan
    out.reported_time = math.nan
    out.confirmed_time = math.nan
    batch.filled[1] = row + 1
