"""A trial: sites open and recruit, candidates are screened, entry is settled in order, then patients live on.

Nothing waits in a global queue: arrivals are merged over sites by (time, site), entries are settled by (time, site,
arrival) as soon as no earlier one can come, and each life runs through on its own.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from sim.core.events import Kind
from sim.core.streams import BLOCK, PERSON, PLACES, SITE, SITE_ITSELF, TRIAL_WORD
from sim.core.units import on_clock
from sim.engines.compiled.clocks import FULL_STATES, draw, note
from sim.engines.compiled.patient import ON_SCREENED, born, live, presents, screen
from sim.jit import kernel, part
from sim.model import disability, enrolment, randomisation, sites

SITE_OPEN, CLOSED = int(Kind.SITE_OPEN), int(Kind.ENROLMENT_CLOSED)
TRIAL = np.uint64(TRIAL_WORD)
ITSELF = np.uint64(SITE_ITSELF)
SHIFT = np.uint64(32)


@part
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
    t.queued = 0
    t.settled = 0
    t.closed = 0.0


@part
def open_sites(plan: Any, t: Any, open_: Any, events: Any) -> None:
    """Open every site and find its first candidate's arrival."""
    rule = plan.sites
    for number in range(open_.shape[0]):
        s = open_[number]
        s.word = (np.uint64(number) << SHIFT) | ITSELF
        u = draw(t, s.word, SITE, 0, 0)
        opening = on_clock(sites.site_opens(float(number), rule.opening_interval_days), plan.study.resolution)
        s.rate = sites.site_rate(u[0], rule.arrivals_per_day, rule.shape, rule.log_gamma_shape)
        s.rater = disability.rater_offset(u[1], plan.disability.rater_sd)
        note(plan, t, events, opening, SITE_OPEN, s.word, 0, s.rate)
        s.share = enrolment.share_of_target(float(number), rule.number, plan.enrolment.target)
        s.time = opening
        s.arrival = -1
        next_arrival(plan, t, s, number)


@part
def next_arrival(plan: Any, t: Any, s: Any, number: Any) -> None:
    """Find a site's next candidate; its clock stands at inf when there is none before enrolment ends."""
    entry = plan.enrolment
    s.arrival += 1
    if entry.uniform == 1.0 and s.arrival >= s.share:
        s.clock = math.inf
        return
    u = draw(t, (np.uint64(number) << SHIFT) | np.uint64(s.arrival), PERSON, 0, 0)
    for k in range(4):
        s.u[k] = u[k]
    if entry.uniform == 1.0:
        s.time = enrolment.next_uniform(u[0], s.time, s.share - s.arrival, entry.accrual_days)
    else:
        s.time += sites.arrival_gap(u[0], sites.possible_rate(s.rate, plan.self_referral.weight))
    s.clock = on_clock(s.time, plan.study.resolution)
    if s.clock > entry.max_days:
        s.clock = math.inf


@part
def first_site(open_: Any) -> Any:
    """Give the site whose candidate arrives first; at one instant, the lowest number."""
    best = 0
    for k in range(1, open_.shape[0]):
        if open_[k].clock < open_[best].clock:
            best = k
    return best


@part
def recruit(
    plan: Any, t: Any, open_: Any, states: Any, queue: Any, relapses: Any, seen: Any, procedures: Any, events: Any
) -> None:
    """Screen candidates in order of arrival until enrolment closes, and settle who enters, in order of entry."""
    open_sites(plan, t, open_, events)
    while True:
        k = first_site(open_)
        time = open_[k].clock
        settle(plan, t, states, queue, events, time)
        if time == math.inf or t.closed == 1.0 or t.status != 0:
            break
        if t.states >= states.shape[0]:
            t.status |= FULL_STATES
            break
        meet(plan, t, open_[k], k, states, queue, relapses, seen, procedures, events)
        next_arrival(plan, t, open_[k], k)
    settle(plan, t, states, queue, events, math.inf)
    if t.closed == 0.0:
        close(plan, t, events, on_clock(plan.enrolment.max_days, plan.study.resolution))


@part
def meet(
    plan: Any,
    t: Any,
    s: Any,
    number: Any,
    states: Any,
    queue: Any,
    relapses: Any,
    seen: Any,
    procedures: Any,
    events: Any,
) -> None:
    """Let a candidate who presents be screened; those who stay at home leave no trace."""
    row = t.states
    p = states[row]
    p.row = row
    told = t.events
    suffered = t.relapses
    u = (s.u[0], s.u[1], s.u[2], s.u[3])
    born(plan, t, p, events, number, s.arrival, s.clock, s.rater, u)
    live(plan, t, p, relapses, seen, procedures, events, s.clock, ON_SCREENED)
    p.now = s.clock
    if not presents(plan, p):
        t.events = told
        t.relapses = suffered
        return
    p.active_at_screening = p.stretch_active[p.stretch_active.shape[0] - 1] if plan.activity.on == 1.0 else 0.0
    fits = screen(plan, t, p, relapses, events)
    if fits:
        join(t, states, queue, row, on_clock(s.clock + plan.enrolment.screening_days, plan.study.resolution))
    if fits or plan.want.everything == 1.0:
        t.states = row + 1
    else:
        t.relapses = suffered


@part
def join(t: Any, states: Any, queue: Any, row: Any, time: Any) -> None:
    """Put a candidate into the queue of those to enter, by (time, site, arrival)."""
    states[row].entry_time = time
    at = t.queued
    while at > t.settled:
        other = states[queue[at - 1]]
        if other.entry_time < time or (other.entry_time == time and other.word < states[row].word):
            break
        queue[at] = queue[at - 1]
        at -= 1
    queue[at] = row
    t.queued += 1


@part
def settle(plan: Any, t: Any, states: Any, queue: Any, events: Any, until: Any) -> None:
    """Settle the entries before `until`: who enters as which number, in which arm; close when the target is reached."""
    entry = plan.enrolment
    last = on_clock(entry.max_days, plan.study.resolution)
    while t.settled < t.queued:
        p = states[queue[t.settled]]
        if p.entry_time >= until:
            return
        if t.closed == 0.0 and p.entry_time > last:
            close(plan, t, events, last)
        t.settled += 1
        if t.closed == 1.0 and entry.admit == 0.0:
            continue
        p.entry_number = t.entered
        t.entered += 1
        p.arm = allocate(plan, t, p)
        if float(t.entered) == entry.target and t.closed == 0.0:
            close(plan, t, events, p.entry_time)


@part
def close(plan: Any, t: Any, events: Any, time: Any) -> None:
    """Close enrolment."""
    t.closed = 1.0
    note(plan, t, events, time, CLOSED, TRIAL, 0, float(t.entered))


@part
def allocate(plan: Any, t: Any, p: Any) -> Any:
    """Give the patient's arm: the only one, a coin, or the next place of the central list of permuted blocks."""
    if plan.study.randomised == 0.0:
        return 0
    if plan.randomisation.blocks == 0.0:
        return randomisation.arm_by_weight(p.u_arm, plan.ratios[0], plan.ratios[1], plan.ratios[2])
    size = int(plan.randomisation.block_size)
    block = p.entry_number // size
    place = p.entry_number % size
    if place == 0:
        total = plan.ratios[0] + plan.ratios[1] + plan.ratios[2]
        for k in range(3):
            t.place[k] = randomisation.places(plan.ratios[k], float(size), total)
    if place % PLACES == 0:
        u = draw(t, TRIAL, BLOCK, block, place // PLACES)
        for k in range(PLACES):
            t.lane[k] = u[k]
    arm = randomisation.arm_by_weight(t.lane[place % PLACES], t.place[0], t.place[1], t.place[2])
    t.place[arm] -= 1.0
    return arm


@part
def play(
    plan: Any,
    t: Any,
    open_: Any,
    states: Any,
    queue: Any,
    relapses: Any,
    seen: Any,
    procedures: Any,
    events: Any,
    number: Any,
) -> None:
    """Play one trial into the tables."""
    clear(plan, t, number)
    recruit(plan, t, open_, states, queue, relapses, seen, procedures, events)
    for k in range(t.queued):
        p = states[queue[k]]
        if p.entry_number >= 0 or plan.want.everything == 1.0:
            live(plan, t, p, relapses, seen, procedures, events, math.inf, 0)
        if t.status != 0:
            return


@part
def gather(
    plan: Any, t: Any, states: Any, queue: Any, relapses: Any, seen: Any, filled: Any, out: Any, rel: Any, vis: Any
) -> Any:
    """Add the entered patients of this trial to the batch, in order of entry; tell whether there was room."""
    if (
        filled[0] + t.entered > out.shape[0]
        or filled[1] + t.relapses > rel.shape[0]
        or filled[2] + t.visits > vis.shape[0]
    ):
        return False
    for k in range(t.queued):
        p = states[queue[k]]
        if p.entry_number < 0:
            continue
        p.row = filled[0]
        one = out[filled[0]]
        one.arm = p.arm
        one.day_1 = p.day_1
        one.planned_end = p.planned_end
        one.end_time = p.end_time
        one.dropped_out = p.dropped_out
        filled[0] += 1
    for k in range(t.relapses):
        own = relapses[k]
        p = states[own.who]
        if p.entry_number < 0 or (plan.want.past == 0.0 and own.onset < p.day_1):
            continue
        r = rel[filled[1]]
        r.row = p.row
        r.pseudo = own.pseudo
        r.onset = own.onset
        r.recalled_onset = own.recalled_onset
        r.reported_time = own.reported_time
        r.confirmed_time = own.confirmed_time
        filled[1] += 1
    for k in range(t.visits):
        own_visit = seen[k]
        v = vis[filled[2]]
        v.row = states[own_visit.who].row
        v.visit = own_visit.visit
        v.edss = own_visit.edss
        v.quality = own_visit.quality
        v.edss_latent = own_visit.edss_latent
        v.quality_latent = own_visit.quality_latent
        filled[2] += 1
    return True


@kernel
def play_trials(
    given: Any,
    trials: Any,
    trial: Any,
    open_: Any,
    states: Any,
    queue: Any,
    relapses: Any,
    seen: Any,
    procedures: Any,
    events: Any,
    first: Any,
    filled: Any,
    out: Any,
    rel: Any,
    vis: Any,
) -> int:
    """Play these trials one after another; give how many were played before one needed attention.

    A trial that finds no room in a table, or a factor above its bound, stops the call: `trial[0].status` says which
    (0: the batch is full). Entered patients of trial k are rows first[k] to first[k + 1] - 1 of `out`.
    """
    plan = given[0]
    t = trial[0]
    for k in range(trials.shape[0]):
        play(plan, t, open_, states, queue, relapses, seen, procedures, events, trials[k])
        if t.status != 0:
            return k
        if not gather(plan, t, states, queue, relapses, seen, filled, out, rel, vis):
            return k
        first[k + 1] = filled[0]
    return int(trials.shape[0])
