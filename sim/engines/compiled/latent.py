"""The arm-free part of a patient: the activity path, and candidate relapse points that run on it.

Each layer of points walks the path by itself: the path is a pure function of its address, so nothing is stored of it
but where the layer stands, and under `log_ou` the months up to screening, which are drawn backwards. `stretch_active`
is 1 or 0 for the two states, and the level itself under `log_ou`.
"""

from __future__ import annotations

import math
from typing import Any

from sim.core.streams import (
    ACTIVITY,
    ACTIVITY_MONTH,
    BEFORE,
    FROM_SCREENING,
    LATENT,
    MONTHS,
    POINTS,
    RELAPSE,
    SOJOURNS,
)
from sim.core.units import on_clock
from sim.engines.compiled.clocks import draw, note, set_clock
from sim.engines.compiled.course import rate_ratio
from sim.engines.compiled.ranks import ON_ACTIVITY, ON_RELAPSE
from sim.engines.compiled.sites import relapses_here
from sim.jit import bare_part, further_part, further_value, inlined_part
from sim.model import activity, course, relapse

MOST_LAYERS = relapse.MOST_LAYERS


@inlined_part
def start_path(plan: Any, t: Any, p: Any) -> None:
    """Draw the state at the start of history and the first sojourns, shared by all who walk the path."""
    if plan.activity.on == 0.0:
        p.starts_active = 0.0
        return
    if is_monthly(plan) == 1.0:
        draw_months_before(plan, t, p)
        return
    p.starts_active = activity.starts_active(draw(t, p.word, LATENT, 0, 0)[3], plan.activity.active_share)
    u = draw(t, p.word, ACTIVITY, 0, 0)
    for k in range(SOJOURNS):
        p.sojourn[k] = u[k]


@further_value(0.0)
def is_monthly(plan: Any) -> Any:
    """Tell whether activity goes by the month (1 or 0)."""
    return plan.activity.monthly


@further_part
def draw_months_before(plan: Any, t: Any, p: Any) -> None:
    """Draw the levels of month 0, which begins at screening, and from there backwards of the months of history."""
    rule = plan.activity
    p.months_back = activity.months_back(plan.relapse.history_days)
    p.innovation_at = -1
    p.score = activity.first_score(innovation(t, p, 0, FROM_SCREENING))
    t.past_level[p.months_back] = activity.month_level(p.score, rule.log_sd)
    score = p.score
    for month in range(p.months_back):
        score = activity.next_score(score, innovation(t, p, month, BEFORE), rule.correlation, rule.innovation_sd)
        t.past_level[p.months_back - 1 - month] = activity.month_level(score, rule.log_sd)
    p.starts_active = t.past_level[0]


@bare_part
def innovation(t: Any, p: Any, month: Any, block: Any) -> Any:
    """Give a month's lane; the four lanes drawn last are kept, as neighbours come one after another."""
    at = 2 * (month // MONTHS) + block
    if at != p.innovation_at:
        u = draw(t, p.word, ACTIVITY_MONTH, month // MONTHS, block)
        for k in range(MONTHS):
            p.innovation[k] = u[k]
        p.innovation_at = at
    return p.innovation[month % MONTHS]


@further_part
def enter_month(plan: Any, t: Any, p: Any, layer: Any, number: Any) -> None:
    """Put a layer at month `number` of its path, the one after the month where it stands, or the first."""
    month = number - p.months_back
    if month <= 0:
        p.stretch_active[layer] = t.past_level[number]
    else:
        rule = plan.activity
        u = innovation(t, p, month, FROM_SCREENING)
        p.stretch_score[layer] = activity.next_score(p.stretch_score[layer], u, rule.correlation, rule.innovation_sd)
        p.stretch_active[layer] = activity.month_level(p.stretch_score[layer], rule.log_sd)
    p.stretch_end[layer] = activity.month_end(p.screening_time, float(month))


@inlined_part
def sojourn(plan: Any, t: Any, p: Any, switch: Any, active: Any) -> Any:
    """Give the length of stretch number `switch`."""
    if switch < SOJOURNS:
        u = p.sojourn[switch]
    else:
        u = draw(t, p.word, ACTIVITY, switch // SOJOURNS, 0)[switch % SOJOURNS]
    return activity.sojourn(u, active, plan.activity.quiescent_days, plan.activity.active_days)


@inlined_part
def enter_path(plan: Any, t: Any, p: Any, layer: Any, start: Any) -> None:
    """Put a layer (or the log, as number MOST_LAYERS) at the start of the path."""
    p.stretch[layer] = 0
    if is_monthly(plan) == 1.0:
        p.stretch_score[layer] = p.score
        enter_month(plan, t, p, layer, 0)
        return
    p.stretch_active[layer] = p.starts_active
    p.stretch_end[layer] = math.inf
    if plan.activity.on == 1.0:
        p.stretch_end[layer] = start + sojourn(plan, t, p, 0, p.starts_active)


@inlined_part
def next_stretch(plan: Any, t: Any, p: Any, layer: Any) -> None:
    """Put a layer at the next stretch of the path."""
    p.stretch[layer] += 1
    if is_monthly(plan) == 1.0:
        enter_month(plan, t, p, layer, p.stretch[layer])
        return
    active = 1.0 - p.stretch_active[layer]
    p.stretch_active[layer] = active
    p.stretch_end[layer] = p.stretch_end[layer] + sojourn(plan, t, p, p.stretch[layer], active)


@inlined_part
def advance(plan: Any, t: Any, p: Any, layer: Any, need: Any) -> Any:
    """Run a layer's clock on by `need` to its next point; it pauses where a stretch of the path outlasts `p.pause`."""
    time = p.layer_time[layer]
    p.layer_paused[layer] = 0.0
    while time <= p.horizon:
        rate = pace(plan, p, layer)
        reached = relapse.reach(time, need, rate)
        end = p.stretch_end[layer]
        if reached <= end:
            return reached
        if end > p.pause:
            p.layer_need[layer] = need
            p.layer_paused[layer] = 1.0
            return time
        need = relapse.left_over(time, end, need, rate)
        time = end
        next_stretch(plan, t, p, layer)
    return math.inf


@inlined_part
def pace(plan: Any, p: Any, layer: Any) -> Any:
    """Give the pace of a layer's clock where it stands."""
    level = p.stretch_active[layer]
    if is_monthly(plan) == 0.0:
        level = activity.level(level, plan.activity.quiescent_level, plan.activity.active_level)
    here = plan.relapse.rate_per_day * relapses_here(plan, p)
    return relapse.clock_rate(course.own_rate(here, rate_ratio(plan, p)), p.frailty, level)


@inlined_part
def await_point(plan: Any, t: Any, p: Any, layer: Any) -> None:
    """Set the clock of a layer's next candidate point, as long as the layer can still matter."""
    number = p.layer_points[layer]
    p.layer_points[layer] = number + 1
    if number % POINTS == 0:
        u = draw(t, p.word, RELAPSE, number // POINTS, layer)
        u_gap = u[0]
        p.layer_mark[layer] = u[1]
        p.layer_gap_2[layer] = u[2]
        p.layer_mark_2[layer] = u[3]
    else:
        u_gap = p.layer_gap_2[layer]
        p.layer_mark[layer] = p.layer_mark_2[layer]
    come_to_point(plan, t, p, layer, relapse.gap(u_gap))


@inlined_part
def come_to_point(plan: Any, t: Any, p: Any, layer: Any, need: Any) -> None:
    """Run a layer's clock on by `need`, and set the patient's clock if it came to a point that can still matter."""
    time = advance(plan, t, p, layer, need)
    p.layer_time[layer] = time
    if p.layer_paused[layer] == 1.0 or (time > p.screening_time and layer >= relapse.layers(plan.study.study_bound)):
        return
    set_clock(plan, p, time, ON_RELAPSE, (p.layer_points[layer] - 1) * MOST_LAYERS + layer)


@inlined_part
def go_on(plan: Any, t: Any, p: Any) -> None:
    """Let the layers that paused at screening, and still matter, run on: the candidate is going to enter."""
    p.pause = math.inf
    for layer in range(relapse.layers(plan.study.study_bound)):
        if p.layer_paused[layer] == 1.0:
            end = p.stretch_end[layer]
            need = relapse.left_over(p.layer_time[layer], end, p.layer_need[layer], pace(plan, p, layer))
            p.layer_time[layer] = end
            next_stretch(plan, t, p, layer)
            come_to_point(plan, t, p, layer, need)


@inlined_part
def open_layer(plan: Any, t: Any, p: Any, layer: Any, start: Any) -> None:
    """Let a layer of candidate points begin with the history."""
    enter_path(plan, t, p, layer, start)
    p.layer_time[layer] = start
    p.layer_points[layer] = 0
    await_point(plan, t, p, layer)


@inlined_part
def begin_log(plan: Any, t: Any, p: Any, events: Any, start: Any) -> None:
    """Begin to log the activity path, if a log is asked for: nothing else needs a clock for it."""
    if plan.activity.on == 0.0 or plan.want.everything == 0.0:
        return
    enter_path(plan, t, p, MOST_LAYERS, start)
    note(plan, t, events, on_clock(start, plan.study.resolution), ON_ACTIVITY, p.word, 0, p.starts_active)
    set_clock(plan, p, p.stretch_end[MOST_LAYERS], ON_ACTIVITY, 1)


@inlined_part
def on_activity(plan: Any, t: Any, p: Any, events: Any, index: Any) -> None:
    """Change between active and quiescent, or begin another month."""
    next_stretch(plan, t, p, MOST_LAYERS)
    note(plan, t, events, p.now, ON_ACTIVITY, p.word, index, p.stretch_active[MOST_LAYERS])
    if p.stretch_end[MOST_LAYERS] <= p.horizon:
        set_clock(plan, p, p.stretch_end[MOST_LAYERS], ON_ACTIVITY, index + 1)
