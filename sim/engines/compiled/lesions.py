"""MRI: how active a patient has been before a scan, and the lesions that are found.

The activity path has two walkers of its own: one stands where the window of the last scan began, no later than anything
that is still to be added up, and another runs on from there whenever days are added up. Months of `log_ou` from before
screening are drawn again: the table of them is by then that of another candidate.
"""

from __future__ import annotations

import math
from typing import Any

from sim.core.inverse import poisson
from sim.core.streams import BEFORE, LESION, PERSON, SCAN
from sim.engines.compiled.clocks import draw
from sim.engines.compiled.latent import MOST_LAYERS, enter_path, innovation, next_stretch
from sim.jit import bare_part, further_part
from sim.model import activity, decline, effect, lesions, relapse

NAN = math.nan
STANDING = MOST_LAYERS + 1
RUNNING = MOST_LAYERS + 2


@further_part
def blank_lesions(plan: Any, p: Any) -> None:
    """Start without a scan."""
    p.lesion_since = NAN
    p.lesion_days = 0.0


@further_part
def meet_lesions(plan: Any, t: Any, p: Any) -> None:
    """Draw the patient's lesion factor, if it is asked for, and put a walker before the first window."""
    if plan.lesions.on == 0.0 or (plan.want.gd_lesions == 0.0 and plan.want.new_t2 == 0.0):
        return
    rule = plan.lesions
    u_frailty = draw(t, p.word, PERSON, 0, 0)[1]
    u = draw(t, p.word, LESION, 0, 0)[0]
    p.lesion_factor = lesions.lesion_factor(u_frailty, u, rule.factor_log_sd, rule.frailty_correlation, rule.own_share)
    if plan.activity.monthly == 0.0:
        enter_path(plan, t, p, STANDING, relapse.history_start(p.screening_time, plan.relapse.history_days))
        return
    p.stretch[STANDING] = max(0, p.months_back - activity.months_back(rule.window_days) - 1)
    p.stretch_score[STANDING] = p.score
    enter_past_month(plan, t, p, STANDING)


@further_part
def be_scanned(plan: Any, t: Any, p: Any, v: Any) -> None:
    """Find lesions at this visit, if it has a scan, and write down what was to be expected."""
    if plan.lesions.on == 0.0 or plan.scan_visits[v.visit] == 0.0:
        return
    if plan.want.gd_lesions == 1.0 or plan.want.new_t2 == 1.0:
        u = draw(t, p.word, SCAN, v.visit + 1, 0)
        if plan.want.new_t2 == 1.0:
            count_t2(plan, t, p, v, u[2])
        if plan.want.gd_lesions == 1.0:
            count_gd(plan, t, p, v, u[0], u[1])


@bare_part
def count_t2(plan: Any, t: Any, p: Any, v: Any, u: Any) -> None:
    """Find the T2 lesions that are new since the last scan."""
    if not math.isnan(p.lesion_since):
        add_days(plan, t, p)
        v.new_t2_latent = lesions.t2_mean(plan.lesions.t2_per_day, p.lesion_factor, p.lesion_days)
        v.new_t2 = poisson(u, v.new_t2_latent)
    p.lesion_since = p.now
    p.lesion_days = 0.0


@bare_part
def count_gd(plan: Any, t: Any, p: Any, v: Any, u: Any, u_scan: Any) -> None:
    """Find the Gd lesions; whatever lies before the window is done with."""
    rule = plan.lesions
    start = lesions.window_start(p.now, rule.window_days)
    while p.stretch_end[STANDING] <= start:
        walk_on(plan, t, p, STANDING)
    active = lived(plan, t, p, start, p.now, 0.0)
    present = lesions.present_factor(
        decline.decline(p.now, p.screening_time, plan.decline.before_per_day, plan.decline.after_per_day),
        plan.medication.gd_ratio if p.on_medication != 0.0 else 1.0,
        effect.ratio_at(p.working, plan.effect.gd_ratio, plan.effect.log_gd_ratio),
    )
    v.gd_lesions_latent = lesions.gd_mean(rule.mean_per_scan, p.lesion_factor, active, rule.window_days, present)
    v.gd_lesions = poisson(u, v.gd_lesions_latent * lesions.scan_factor(u_scan, rule.scan_log_sd))


@further_part
def settle_lesions(plan: Any, t: Any, p: Any) -> None:
    """Add up what has been lived since the last scan, before medication or patency changes."""
    if plan.lesions.on == 1.0 and not math.isnan(p.lesion_since):
        add_days(plan, t, p)


@bare_part
def add_days(plan: Any, t: Any, p: Any) -> None:
    """Add up activity and all that acts on lesions, from where it was last done until now."""
    days = lived(plan, t, p, p.lesion_since, p.now, plan.decline.after_per_day)
    p.lesion_days += lesions.present_factor(
        days,
        plan.medication.gd_ratio if p.on_medication != 0.0 else 1.0,
        effect.ratio_at(p.working, plan.effect.gd_ratio, plan.effect.log_gd_ratio),
    )
    p.lesion_since = p.now


@bare_part
def lived(plan: Any, t: Any, p: Any, start: Any, end: Any, per_day: Any) -> Any:
    """Give the integral of activity over these days, with a decline of so much a day."""
    p.stretch[RUNNING] = p.stretch[STANDING]
    p.stretch_end[RUNNING] = p.stretch_end[STANDING]
    p.stretch_active[RUNNING] = p.stretch_active[STANDING]
    p.stretch_score[RUNNING] = p.stretch_score[STANDING]
    while p.stretch_end[RUNNING] <= start:
        walk_on(plan, t, p, RUNNING)
    time = start
    total = 0.0
    while True:
        level = p.stretch_active[RUNNING]
        if plan.activity.monthly == 0.0:
            level = activity.level(level, plan.activity.quiescent_level, plan.activity.active_level)
        until = min(p.stretch_end[RUNNING], end)
        total += level * lesions.decline_days(time, until, p.screening_time, per_day)
        if p.stretch_end[RUNNING] >= end:
            return total
        time = until
        walk_on(plan, t, p, RUNNING)


@bare_part
def walk_on(plan: Any, t: Any, p: Any, walker: Any) -> None:
    """Put a walker at the next stretch of the path."""
    if plan.activity.monthly == 1.0 and p.stretch[walker] < p.months_back:
        p.stretch[walker] += 1
        enter_past_month(plan, t, p, walker)
    else:
        next_stretch(plan, t, p, walker)


@bare_part
def enter_past_month(plan: Any, t: Any, p: Any, walker: Any) -> None:
    """Draw again the month where a walker stands, month 0 or one before it, from month 0 backwards."""
    month = p.stretch[walker] - p.months_back
    score = p.score
    for k in range(-month):
        u = innovation(t, p, k, BEFORE)
        score = activity.next_score(score, u, plan.activity.correlation, plan.activity.innovation_sd)
    p.stretch_active[walker] = activity.month_level(score, plan.activity.log_sd)
    p.stretch_end[walker] = activity.month_end(p.screening_time, float(month))
