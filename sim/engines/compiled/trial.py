"""A trial: sites open and recruit, candidates are screened, entry is settled in order, then patients live on.

Nothing waits in a global queue: arrivals are merged over sites by (time, site), entries are settled by (time, site,
arrival) as soon as no earlier one can come, and each life runs through on its own.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from sim.core.inverse import exponential
from sim.core.streams import PERSON, SITE, SITE_ITSELF, TRIAL_WORD
from sim.core.units import on_clock
from sim.engines.compiled.allocation import arm_of, begin_lists, steers_away
from sim.engines.compiled.birth import born
from sim.engines.compiled.clocks import FULL_STATES, draw, note
from sim.engines.compiled.course import clear_courses, count_course, course_is_full
from sim.engines.compiled.hand_up import hand_up
from sim.engines.compiled.life import live, live_briefly
from sim.engines.compiled.ranks import ON_CLOSED, ON_ENROLLED, ON_SCREENED, ON_SITE_OPEN
from sim.engines.compiled.run_in import run_in_decides
from sim.engines.compiled.screening import presents, screen
from sim.engines.compiled.sites import belong, by_phases, count_entry, differ, is_full, takes
from sim.engines.compiled.together import are_together, live_together
from sim.jit import bare_part, inlined_part
from sim.model import disability, enrolment, historical, relapse, sites

TRIAL = np.uint64(TRIAL_WORD)
MOST_LAYERS = relapse.MOST_LAYERS
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
    t.imaging = 0
    t.events = 0
    t.entered = 0
    t.block = 0
    t.place = 0
    t.free_state = -1
    t.free_relapse = -1
    t.queued = 0
    t.settled = 0
    t.closed = 0.0
    t.end_day = math.inf
    t.closed_time = math.inf
    clear_courses(plan, t)
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
    begin_lists(plan, tables.lists)
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
    live_together(plan, t, tables, batch)


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
    live(plan, t, p, relapses, tables.visits, tables.procedures, tables.imaging, events, s.clock, ON_SCREENED)
    p.now = s.clock
    if not presents(plan, p):
        t.events = told
        forget(t, p, relapses)
        return
    p.active_at_screening = p.stretch_active[MOST_LAYERS] if plan.activity.on == 1.0 else 0.0
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
            seen, done, imaging = tables.visits, tables.procedures, tables.imaging
            live(plan, t, p, tables.relapses, seen, done, imaging, events, p.entry_time, ON_ENROLLED)
        open_ = p.reason == 0 and (t.closed == 0.0 or entry.admit == 1.0)
        open_ = open_ and takes(plan, t, tables.sites, p) == 1.0 and course_is_full(plan, t, p) == 0.0
        if open_ and steers_away(plan, t, tables.lists, p) == 0.0:
            p.entry_number = t.entered
            p.arm = arm_of(plan, t, tables.lists, p)
            t.entered += 1
            count_course(plan, t, p)
            count_entry(plan, t, tables.sites, p)
            if float(t.entered) == entry.target and t.closed == 0.0:
                close(plan, t, events, p.entry_time)
        if are_together(plan) == 1.0:
            continue
        if plan.want.brief == 1.0:
            if p.entry_number >= 0:
                live_briefly(plan, t, p, tables.relapses, events)
        elif p.entry_number >= 0 or plan.want.everything == 1.0:
            seen, done, imaging = tables.visits, tables.procedures, tables.imaging
            live(plan, t, p, tables.relapses, seen, done, imaging, events, math.inf, 0)
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
    t.closed_time = time
    t.end_day = time + plan.study.close_after_days
    note(plan, t, events, time, ON_CLOSED, TRIAL, 0, float(t.entered))
