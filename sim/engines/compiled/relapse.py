"""Relapses: which candidate points come to be one, and what follows from it."""

from __future__ import annotations

from typing import Any

from sim.engines.compiled.clocks import note
from sim.engines.compiled.effect import factor
from sim.engines.compiled.latent import await_point
from sim.engines.compiled.medication import consider_medication, may_start
from sim.engines.compiled.owned import begin, remember, weigh
from sim.engines.compiled.ranks import ON_RELAPSE
from sim.engines.compiled.reporting import await_report, escalated_further, report_lanes, speaks_up
from sim.engines.compiled.run_in import watched
from sim.jit import inlined_part
from sim.model import relapse

MOST_LAYERS = relapse.MOST_LAYERS


@inlined_part
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
    if p.entered == 0.0 and watched(plan, p, p.now) == 0.0:
        if may_start(plan, p):
            consider_medication(plan, p, report_lanes(t, p, own)[1])
        escalated_further(plan, t, p, own)
    elif speaks_up(plan, t, p, own):
        await_report(plan, p, relapses, own)
