"""Reports of relapses, and of pseudo-relapses by the disappointed, and whether they are confirmed."""

from __future__ import annotations

from typing import Any

from sim.core.streams import POINTS, PSEUDO, PSEUDO_REPORT, REPORT
from sim.core.units import on_clock
from sim.engines.compiled.belief import hear_of_relapse
from sim.engines.compiled.clocks import draw, join_queue, note, set_clock
from sim.engines.compiled.hazard import hazards_changed
from sim.engines.compiled.historical import of_past
from sim.engines.compiled.medication import consider_escalation, consider_medication, may_escalate, may_start
from sim.engines.compiled.owned import begin
from sim.engines.compiled.ranks import ON_CONFIRMED, ON_PSEUDO, ON_REPORTED
from sim.engines.compiled.surveillance import hear_of_report
from sim.jit import bare_part, further_part, inlined_part
from sim.model import belief, historical, relapse, reporting

MOST_LAYERS = relapse.MOST_LAYERS


@inlined_part
def speaks_up(plan: Any, t: Any, p: Any, own: Any) -> Any:
    """Tell whether the patient reports this relapse."""
    rule = plan.reporting
    u = draw(t, p.word, REPORT, own.point // MOST_LAYERS, own.layer)[0]
    if of_past(plan, p) == 1.0:
        return historical.is_charted(u, plan.historical.report_prob)
    return reporting.is_reported(
        u,
        own.severity,
        belief.believed(p.belief_patient, p.believing),
        rule.mild_points,
        rule.mild_prob,
        rule.severe_prob,
        rule.unreported_by_cured,
    )


@inlined_part
def await_report(plan: Any, p: Any, relapses: Any, own: Any) -> None:
    """Let the relapse that began last be reported when its time has come."""
    own.due = on_clock(p.now + plan.reporting.report_delay_days, plan.study.resolution)
    p.reports = join_queue(relapses, p.reports, p.last_own)


@bare_part
def await_pseudo(plan: Any, t: Any, p: Any, index: Any) -> None:
    """Set the clock of the next occasion for a pseudo-relapse."""
    per_day = plan.reporting.pseudo_per_day
    if per_day == 0.0 or plan.want.reports == 0.0 or of_past(plan, p) == 1.0:
        return
    gap = draw(t, p.word, PSEUDO, index // POINTS, 0)[2 * (index % POINTS)]
    set_clock(plan, p, p.now + reporting.pseudo_gap(gap, per_day), ON_PSEUDO, index)


@inlined_part
def on_pseudo(plan: Any, t: Any, p: Any, relapses: Any, events: Any, index: Any) -> None:
    """Report a relapse that was none, if disappointed enough."""
    mark = draw(t, p.word, PSEUDO, index // POINTS, 0)[2 * (index % POINTS) + 1]
    await_pseudo(plan, t, p, index + 1)
    if reporting.is_pseudo(mark, belief.believed(p.belief_patient, p.believing)):
        own = relapses[begin(t, p, relapses, index, 0, ~index, 1)]
        note(plan, t, events, p.now, ON_PSEUDO, p.word, index, 0.0)
        await_report(plan, p, relapses, own)


@inlined_part
def report_lanes(t: Any, p: Any, own: Any) -> Any:
    """Give the draws that decide on confirmation and on medication."""
    if own.pseudo == 1:
        u = draw(t, p.word, PSEUDO_REPORT, own.point, 0)
        return u[0], u[1]
    u = draw(t, p.word, REPORT, own.point // MOST_LAYERS, own.layer)
    return u[1], u[2]


@inlined_part
def on_reported(plan: Any, t: Any, p: Any, relapses: Any, events: Any) -> None:
    """Report a relapse; the clock of its confirmation is set."""
    row = p.reports
    own = relapses[row]
    p.reports = own.next_due
    own.reported_time = p.now
    note(plan, t, events, p.now, ON_REPORTED, p.word, own.index, 1.0 - own.pseudo)
    own.due = on_clock(p.now + plan.reporting.confirm_delay_days, plan.study.resolution)
    p.confirms = join_queue(relapses, p.confirms, row)
    hear_of_report(plan, p)
    hear_of_relapse(plan, t, p, events)
    if p.ended == 0.0 and may_start(plan, p):
        consider_medication(plan, p, report_lanes(t, p, own)[1])
    reported_further(plan, t, p, own)


@further_part
def reported_further(plan: Any, t: Any, p: Any, own: Any) -> None:
    """Let a report on study raise hazards, and bring a second line, perhaps."""
    if p.ended == 0.0:
        p.reported += p.entered
        hazards_changed(plan, p)
        escalated_further(plan, t, p, own)


@further_part
def escalated_further(plan: Any, t: Any, p: Any, own: Any) -> None:
    """Let a relapse on medication bring a second line, perhaps."""
    if may_escalate(plan, p):
        consider_escalation(plan, p, report_lanes(t, p, own)[1])


@inlined_part
def on_confirmed(plan: Any, t: Any, p: Any, relapses: Any, events: Any) -> None:
    """Have a report confirmed, or not."""
    own = relapses[p.confirms]
    p.confirms = own.next_due
    rule = plan.reporting
    odds = rule.pseudo_confirm_logit if own.pseudo == 1 else rule.confirm_logit
    u = report_lanes(t, p, own)[0]
    held = belief.believed(p.belief_assessor, p.believing)
    if of_past(plan, p) == 1.0 or reporting.is_confirmed(u, odds, rule.confirm_lean, held):
        own.confirmed_time = p.now
        note(plan, t, events, p.now, ON_CONFIRMED, p.word, own.index, 1.0 - own.pseudo)
