"""Who comes to the site, and whom the entry rule lets in."""

from __future__ import annotations

from typing import Any

from sim.engines.compiled.clocks import note, set_clock
from sim.engines.compiled.course import look_at_course
from sim.engines.compiled.doppler import examine_veins
from sim.engines.compiled.examination import examine, meet
from sim.engines.compiled.historical import of_past
from sim.engines.compiled.latent import go_on
from sim.engines.compiled.owned import remember
from sim.engines.compiled.ranks import ON_ENROLLED, ON_FAILURE, ON_SCREENED
from sim.engines.compiled.run_in import await_run_in_end
from sim.engines.compiled.veins import look_at_veins
from sim.jit import inlined_part
from sim.model import eligibility, historical, recall, self_referral


@inlined_part
def presents(plan: Any, p: Any) -> Any:
    """Tell whether the patient, whose history has been lived, comes to the site at all."""
    rule = plan.self_referral
    return self_referral.presents(p.u_refer, p.now - p.last_onset, rule.weight, rule.window_days)


@inlined_part
def screen(plan: Any, t: Any, p: Any, relapses: Any, events: Any) -> Any:
    """Apply the entry rule to the recalled history; set the clock of entry if it lets the patient in.

    Without a record to fill, whoever fails one criterion is not looked at for the next.
    """
    rule = plan.eligibility
    brisk = plan.want.everything == 0.0
    enough, recent = look_back(plan, t, p, relapses)
    if brisk and (enough == 0.0 or recent == 1.0):
        return False
    untreatable = 1.0 if not look_at_veins(plan, t, p) and rule.stenosis_required == 1.0 else 0.0
    if brisk and untreatable == 1.0:
        return False
    if plan.want.exams == 1.0:
        meet(plan, t, p, relapses)
    fits = 1.0
    if plan.want.entry_exam == 1.0:
        p.screening_edss = examine(plan, t, p, relapses, 0)[0]
        fits = 1.0 if eligibility.edss_in_range(p.screening_edss, rule.edss_min, rule.edss_max) else 0.0
    note(plan, t, events, p.now, ON_SCREENED, p.word, 0, p.recalled_1y)
    p.reason = eligibility.reason(fits, enough, recent, untreatable)
    look_at_course(plan, t, p)
    examine_veins(plan, t, p, events)
    if p.reason != 0:
        note(plan, t, events, p.now, ON_FAILURE, p.word, 0, float(p.reason))
        return False
    go_on(plan, t, p)
    if plan.want.brief == 0.0:
        set_clock(plan, p, p.now + plan.enrolment.entry_days, ON_ENROLLED, 0)
        await_run_in_end(plan, p)
    return True


@inlined_part
def look_back(plan: Any, t: Any, p: Any, relapses: Any) -> Any:
    """Count the past relapses as they are recalled; tell whether they are enough, and whether one is too recent."""
    rule = plan.eligibility
    recent = 0.0
    row = p.first_own
    while row >= 0:
        own = relapses[row]
        if plan.want.everything == 0.0:  # else it was drawn when it happened, for the log
            remember(plan, t, p, own)
        if recall.is_within(own.recalled_onset, p.now, 1.0):
            p.recalled_1y += 1.0
        if recall.is_within(own.recalled_onset, p.now, 2.0):
            p.recalled_2y += 1.0
        if eligibility.too_recent(own.recalled_onset, p.now, rule.relapse_free_days):
            recent = 1.0
        row = own.next_own
    past = of_past(plan, p)
    enough = eligibility.enough_relapses(
        p.u_select,
        p.recalled_1y,
        p.recalled_2y,
        rule.kind,
        historical.either(past, plan.historical.relapses_1y, rule.relapses_1y),
        historical.either(past, plan.historical.relapses_2y, rule.relapses_2y),
        rule.selection_weight,
    )
    return 1.0 if enough else 0.0, recent
