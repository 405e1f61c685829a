"""The rows of a patient's own relapses and pseudo-relapses: opened at their onset, filled as far as anything asks."""

from __future__ import annotations

import math
from typing import Any

from sim.core.streams import RECALL, SEVERITY
from sim.engines.compiled.clocks import FULL_RELAPSES, draw
from sim.engines.compiled.historical import of_past
from sim.engines.compiled.run_in import watched
from sim.jit import inlined_part
from sim.model import historical, recall, relapse

MOST_LAYERS = relapse.MOST_LAYERS
NAN = math.nan


@inlined_part
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


@inlined_part
def weigh(plan: Any, t: Any, p: Any, own: Any) -> None:
    """Draw a relapse's severity and residual, if anything asks for them."""
    if plan.want.severity == 1.0:
        rule = plan.relapse
        u = draw(t, p.word, SEVERITY, own.point // MOST_LAYERS, own.layer)
        own.severity = relapse.severity(u[0], rule.log_severity, rule.severity_log_sd)
        own.residual = relapse.residual(u[1], u[2], rule.residual_prob, rule.residual_mean_points)


@inlined_part
def remember(plan: Any, t: Any, p: Any, own: Any) -> None:
    """Draw how a past relapse will be recalled, if anything asks for it."""
    # what happens on the day of entry comes before it, and is still of the past; not entered: NaN, and so it is
    observed = watched(plan, p, own.onset) == 1.0
    if plan.want.recall == 1.0 and not observed and (own.onset <= p.entry_time or not own.onset >= p.day_1):
        rule = plan.recall
        u = draw(t, p.word, RECALL, own.point // MOST_LAYERS, own.layer)
        past = of_past(plan, p)
        if recall.is_recalled(u[0], historical.either(past, plan.historical.omission_prob, rule.omission_prob)):
            telescoping = historical.either(past, 0.0, rule.telescoping_prob)
            own.recalled_onset = recall.recalled_onset(
                own.onset, p.screening_time, u[1], u[2], telescoping, rule.telescoping_share
            )
