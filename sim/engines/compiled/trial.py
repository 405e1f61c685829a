"""A trial: sites open and recruit, candidates are screened, entry is settled in order, then patients live on.

Nothing waits in a global queue: arrivals are merged over sites by (time, site), entries are settled by (time, site,
arrival) as soon as no earlier one can come, and each life runs through on its own.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from sim.core.inverse import exponential
from sim.core.streams import BLOCK, PERSON, PLACES, SITE, SITE_ITSELF, TRIAL_WORD
from sim.core.units import on_clock
from sim.engines.compiled.birth import born
from sim.engines.compiled.clocks import FULL_BATCH, FULL_STATES, draw, note
from sim.engines.compiled.historical import arm_by_era
from sim.engines.compiled.life import live, live_briefly
from sim.engines.compiled.ranks import ON_CLOSED, ON_ENROLLED, ON_SCREENED, ON_SITE_OPEN
from sim.engines.compiled.run_in import run_in_decides
from sim.engines.compiled.screening import presents, screen
from sim.engines.compiled.sites import belong, by_phases, differ, is_full, takes
from sim.jit import bare_part, inlined_part
from sim.model import disability, enrolment, historical, randomisation, sites

TRIAL = np.uint64(TRIAL_WORD)
ITSELF = np.uint64(SITE_ITSELF)
SHIFT = np.uint64(32)


@bare_part
def clear(plan: Any, t: Any, number: Any) -> None:
    """Begin a trial with nothing in any table."""
    t.seed = plan.seed
    t.number = np.uint64(number)
    t.status = 0
    t.states = 0
    t.relapses = 0
    t.visits = 0
    t.procedures = 0
    t.events = 0
    t.entered = 0
    t.block = 0
    t.place = 0
    t.free_state = -1
    t.free_relapse = -1
    t.queued = 0
    t.settled = 0
    t.closed = 0.0
    t.of_past = 0


@bare_part
def candidate(site: Any, arrival: Any) -> Any:
    """Give the word of a candidate."""
    return (np.uint64(site) << SHIFT) | np.uint64(arrival)


@bare_part
def open_sites(plan: Any, t: Any, open_: Any, events: Any) -> None:
    """Open every site and find its first candidate's arrival."""
    for number in range(open_.shape[0]):
        s = open_[number]
        open_site(plan, t, s, number, events)
        if plan.enrolment.uniform == 1.0:
            for arrival in range(int(s.share) + 1):
                s.total += exponential(draw(t, candidate(number, arrival), PERSON, 0, 0)[0])
        next_arrival(plan, t, s, number)


@bare_part
def open_site(plan: Any, t: Any, s: Any, number: Any, events: Any) -> None:
    """Open a site: its rate, its rater, its share of a fixed number of arrivals."""
    rule = plan.sites
    s.word = (np.uint64(number) << SHIFT) | ITSELF
    u = draw(t, s.word, SITE, 0, 0)
    place = historical.place_in_era(float(number), plan.historical.sites)
    opening = on_clock(sites.site_opens(place, rule.opening_interval_days), plan.study.resolution)
    s.rate = sites.site_rate(u[0], rule.arrivals_per_day, rule.gamma_shape, rule.log_gamma_shape)
    s.rater = disability.rater_offset(u[1], plan.disability.rater_sd)
    note(plan, t, events, opening, ON_SITE_OPEN, s.word, 0, s.rate)
    s.share = enrolment.share_of_target(float(number), rule.number, plan.enrolment.target)
    s.opening = s.time = opening
    differ(plan, t, s, number)
    s.spent = s.total = 0.0
    s.arrival = -1


@inlined_part
def next_arrival(plan: Any, t: Any, s: Any, number: Any) -> None:
    """Find a site's next candidate; its clock stands at inf when there is none before enrolment ends."""
    entry = plan.enrolment
    s.arrival += 1
    if entry.uniform == 1.0 and s.arrival >= s.share:
        s.clock = math.inf
        return
    u = draw(t, candidate(number, s.arrival), PERSON, 0, 0)
    for k in range(4):
        s.u[k] = u[k]
    if entry.uniform == 1.0:
        s.spent += exponential(u[0])
        s.time = enrolment.uniform_arrival(s.spent, s.total, s.opening, entry.accrual_days)
    else:
        s.time += sites.arrival_gap(exponential(u[0]), sites.possible_rate(s.rate, plan.self_referral.weight))
    s.clock = on_clock(s.time, plan.study.resolution)
    by_phases(plan, s)
    if s.clock > entry.max_days:
        s.clock = math.inf


@inlined_part
def first_site(open_: Any) -> Any:
    """Give the site whose candidate arrives first; at one instant, the lowest number."""
    best = 0
    for k in range(1, open_.shape[0]):
        if open_[k].clock < open_[best].clock:
            best = k
    return best


@inlined_part
def recruit(plan: Any, t: Any, tables: Any, batch: Any) -> None:
    """Screen candidates in order of arrival until enrolment closes; who enters is settled, and lives, on the way."""
    open_ = tables.sites
    open_sites(plan, t, open_, tables.events)
    while True:
        k = first_site(open_)
        time = open_[k].clock
        settle(plan, t, tables, batch, time)
        if time == math.inf or t.closed == 1.0 or t.status != 0:
            break
        if is_full(plan, t, open_[k], k) == 1.0:
            open_[k].clock = math.inf
            continue
        meet(plan, t, open_[k], k, tables)
        next_arrival(plan, t, open_[k], k)
    settle(plan, t, tables, batch, math.inf)
    if t.closed == 0.0:
        close(plan, t, tables.events, on_clock(plan.enrolment.max_days, plan.study.resolution))


@inlined_part
def meet(plan: Any, t: Any, s: Any, number: Any, tables: Any) -> None:
    """Let a candidate who presents be screened; those who stay at home leave no trace."""
    states, relapses, events = tables.states, tables.relapses, tables.events
    row = t.free_state if t.free_state >= 0 else t.states
    if row >= states.shape[0]:
        t.status |= FULL_STATES
        return
    p = states[row]
    told = t.events
    u = (s.u[0], s.u[1], s.u[2], s.u[3])
    belong(plan, p, s)
    born(plan, t, p, events, number, s.arrival, s.clock, s.rater, u)
    live(plan, t, p, relapses, tables.visits, tables.procedures, events, s.clock, ON_SCREENED)
    p.now = s.clock
    if not presents(plan, p):
        t.events = told
        forget(t, p, relapses)
        return
    p.active_at_screening = p.stretch_active[p.stretch_active.shape[0] - 1] if plan.activity.on == 1.0 else 0.0
    fits = screen(plan, t, p, relapses, events)
    if not fits and plan.want.everything == 0.0:
        forget(t, p, relapses)
        return
    if row == t.free_state:
        t.free_state = p.next_free
    else:
        t.states = row + 1
    if fits:
        join(t, states, tables.queue, row, on_clock(s.clock + plan.enrolment.entry_days, plan.study.resolution))


@inlined_part
def forget(t: Any, p: Any, relapses: Any) -> None:
    """Give the rows of a patient's relapses back."""
    if p.last_own >= 0:
        relapses[p.last_own].next_own = t.free_relapse
        t.free_relapse = p.first_own


@inlined_part
def join(t: Any, states: Any, queue: Any, row: Any, time: Any) -> None:
    """Put a candidate into the queue of those to enter, by (time, site, arrival)."""
    states[row].entry_time = time
    if t.queued == queue.shape[0]:  # those settled make room
        for k in range(t.settled, t.queued):
            queue[k - t.settled] = queue[k]
        t.queued -= t.settled
        t.settled = 0
    at = t.queued
    while at > t.settled:
        other = states[queue[at - 1]]
        if other.entry_time < time or (other.entry_time == time and other.word < states[row].word):
            break
        queue[at] = queue[at - 1]
        at -= 1
    queue[at] = row
    t.queued += 1


@inlined_part
def settle(plan: Any, t: Any, tables: Any, batch: Any, until: Any) -> None:
    """Settle the entries before `until`: who enters as which number, in which arm; close when the target is reached.

    Whoever enters lives on at once: nothing in a life asks for what others do.
    """
    entry = plan.enrolment
    states, events = tables.states, tables.events
    last = on_clock(entry.max_days, plan.study.resolution)
    while t.settled < t.queued and t.status == 0:
        row = tables.queue[t.settled]
        p = states[row]
        if p.entry_time >= until:
            return
        if t.closed == 0.0 and p.entry_time > last:
            close(plan, t, events, last)
        t.settled += 1
        if run_in_decides(plan) == 1.0:
            live(plan, t, p, tables.relapses, tables.visits, tables.procedures, events, p.entry_time, ON_ENROLLED)
        open_ = p.reason == 0 and (t.closed == 0.0 or entry.admit == 1.0)
        if open_ and takes(plan, t, tables.sites, p) == 1.0:
            p.entry_number = t.entered
            t.entered += 1
            p.arm = allocate(plan, t, p)
            if float(t.entered) == entry.target and t.closed == 0.0:
                close(plan, t, events, p.entry_time)
        if plan.want.brief == 1.0:
            if p.entry_number >= 0:
                live_briefly(plan, t, p, tables.relapses, events)
        elif p.entry_number >= 0 or plan.want.everything == 1.0:
            live(plan, t, p, tables.relapses, tables.visits, tables.procedures, events, math.inf, 0)
        if plan.want.everything == 0.0:
            if p.entry_number >= 0:
                hand_up(plan, t, p, tables, batch)
            forget(t, p, tables.relapses)
            p.next_free = t.free_state
            t.free_state = row


@bare_part
def close(plan: Any, t: Any, events: Any, time: Any) -> None:
    """Close enrolment."""
    t.closed = 1.0
    note(plan, t, events, time, ON_CLOSED, TRIAL, 0, float(t.entered))


@inlined_part
def allocate(plan: Any, t: Any, p: Any) -> Any:
    """Give the patient's arm: the only one, the era's, a coin, or the next place of the list of permuted blocks."""
    if plan.study.randomised == 0.0:
        return int(arm_by_era(plan, p))
    if plan.randomisation.blocks == 0.0:
        return randomisation.arm_by_weight(p.u_arm, plan.ratios[0], plan.ratios[1], plan.ratios[2])
    place = t.place
    if float(place) == plan.randomisation.block_size:
        place = 0
        t.block += 1
    if place == 0:
        total = plan.ratios[0] + plan.ratios[1] + plan.ratios[2]
        for k in range(3):
            t.left[k] = randomisation.places(plan.ratios[k], plan.randomisation.block_size, total)
    if place % PLACES == 0:
        u = draw(t, TRIAL, BLOCK, t.block, place // PLACES)
        for k in range(PLACES):
            t.lane[k] = u[k]
    arm = randomisation.arm_by_weight(t.lane[place % PLACES], t.left[0], t.left[1], t.left[2])
    t.left[arm] -= 1.0
    t.place = place + 1
    return arm


@inlined_part
def hand_up(plan: Any, t: Any, p: Any, tables: Any, batch: Any) -> None:
    """Add a patient whose life has been lived to the batch."""
    filled = batch.filled
    if (
        filled[0] >= batch.people.shape[0]
        or filled[1] + p.own > batch.relapses.shape[0]
        or filled[2] + t.visits > batch.visits.shape[0]
    ):
        t.status |= FULL_BATCH
        return
    person = filled[0]
    one = batch.people[person]
    one.arm = p.arm
    one.day_1 = p.day_1
    one.planned_end = p.planned_end
    one.end_time = p.end_time
    one.dropped_out = p.dropped_out
    filled[0] = person + 1
    row = p.first_own
    while row >= 0:
        own = tables.relapses[row]
        if plan.want.past == 1.0 or own.onset > p.day_1:
            hand_up_relapse(own, person, batch.relapses[filled[1]])
            filled[1] += 1
        row = own.next_own
    for k in range(t.visits):
        hand_up_visit(tables.visits[k], person, batch.visits[filled[2]])
        filled[2] += 1
    t.visits = 0


@inlined_part
def hand_up_relapse(own: Any, person: Any, out: Any) -> None:
    """Copy what a statistician may see of a relapse."""
    out.row = person
    out.pseudo = own.pseudo
    out.onset = own.onset
    out.recalled_onset = own.recalled_onset
    out.reported_time = own.reported_time
    out.confirmed_time = own.confirmed_time


@inlined_part
def hand_up_visit(own: Any, person: Any, out: Any) -> None:
    """Copy what a statistician may see of a visit, and the latent scores beside it."""
    out.row = person
    out.visit = own.visit
    out.edss = own.edss
    out.quality = own.quality
    out.edss_latent = own.edss_latent
    out.quality_latent = own.quality_latent
    out.msfc = own.msfc
    out.mental = own.mental
    out.msfc_latent = own.msfc_latent
    out.mental_latent = own.mental_latent
    out.time = own.time
