"""What of a patient goes into a batch: the columns that analyses read."""

from __future__ import annotations

from typing import Any

from sim.engines.compiled.clocks import FULL_BATCH
from sim.engines.compiled.doppler import hand_up_doppler
from sim.engines.compiled.guess import hand_up_guesses
from sim.engines.compiled.surveillance import hand_up_veins
from sim.jit import bare_part, inlined_part


@bare_part
def hand_up(plan: Any, t: Any, p: Any, tables: Any, batch: Any) -> None:
    """Add a patient whose life has been lived, and the visits just made, to the batch."""
    hand_up_visits(t, tables, batch, batch.filled[0] - p.entry_number)
    hand_up_person(plan, t, p, tables, batch)


@bare_part
def hand_up_person(plan: Any, t: Any, p: Any, tables: Any, batch: Any) -> None:
    """Add a patient to the batch, with those relapses that are asked for."""
    filled = batch.filled
    if filled[0] >= batch.people.shape[0] or filled[1] + p.own > batch.relapses.shape[0]:
        t.status |= FULL_BATCH
        return
    person = filled[0]
    one = batch.people[person]
    one.arm = p.arm
    one.day_1 = p.day_1
    one.planned_end = p.planned_end
    one.end_time = p.end_time
    one.dropped_out = p.dropped_out
    one.course = p.course
    one.doppler_criteria = -1  # not done, unless
    hand_up_doppler(plan, p, one)
    hand_up_veins(plan, p, one)
    hand_up_guesses(plan, p, person, batch)
    filled[0] = person + 1
    row = p.first_own
    while row >= 0:
        own = tables.relapses[row]
        if plan.want.past == 1.0 or own.onset > p.day_1:
            hand_up_relapse(own, person, batch.relapses[filled[1]])
            filled[1] += 1
        row = own.next_own


@bare_part
def hand_up_visits(t: Any, tables: Any, batch: Any, before: Any) -> None:
    """Add all visits made so far to the batch, `before` being its number of people before this trial's."""
    filled = batch.filled
    if filled[2] + t.visits > batch.visits.shape[0]:
        t.status |= FULL_BATCH
        return
    for k in range(t.visits):
        own = tables.visits[k]
        hand_up_visit(own, before + own.person, batch.visits[filled[2]])
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
    out.gd_lesions = own.gd_lesions
    out.new_t2 = own.new_t2
    out.gd_lesions_latent = own.gd_lesions_latent
    out.new_t2_latent = own.new_t2_latent
    out.time = own.time
