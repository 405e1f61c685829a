"""Reports of relapses, and of pseudo-relapses by the disappointed, and whether they are confirmed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sim.core.events import Kind
from sim.core.streams import POINTS, PSEUDO, PSEUDO_REPORT, REPORT
from sim.engines.reference.belief import hear_of_relapse
from sim.engines.reference.hazard import hazards_changed
from sim.engines.reference.historical import of_past
from sim.engines.reference.medication import consider_escalation, consider_medication
from sim.engines.reference.owned import ASSESSOR, NEVER, PATIENT, OwnRelapse
from sim.engines.reference.surveillance import hear_of_report
from sim.model import historical, reporting

if TYPE_CHECKING:
    from sim.engines.reference.patient import Patient


def speaks_up(p: Patient, own: OwnRelapse) -> bool:
    """Tell whether the patient reports this relapse."""
    rule = p.plan.reporting
    u = p.draw(REPORT, *own.address)[0]
    if of_past(p):
        return historical.is_charted(u, p.plan.historical.report_prob)
    return reporting.is_reported(
        u,
        own.severity,
        p.believed(PATIENT),
        rule.mild_points,
        rule.mild_prob,
        rule.severe_prob,
        rule.unreported_by_cured,
    )


def on_pseudo(p: Patient, index: int, mark: float) -> None:
    """Report a relapse that was none, if disappointed enough."""
    await_pseudo(p, index + 1, p.now)
    if reporting.is_pseudo(mark, p.believed(PATIENT)):
        own = OwnRelapse(len(p.relapses), index, (index, 0), True, p.now, NEVER, 0.0, NEVER)
        p.relapses.append(own)
        p.note(Kind.PSEUDO_RELAPSE, index, 0.0)
        p.set_clock(p.now + p.plan.reporting.report_delay_days, Kind.RELAPSE_REPORTED, ~index, own)


def on_reported(p: Patient, index: int, own: OwnRelapse) -> None:
    """Report a relapse; the clock of its confirmation is set."""
    own.reported_time = p.now
    p.note(Kind.RELAPSE_REPORTED, index, 0.0 if own.pseudo else 1.0)
    p.set_clock(p.now + p.plan.reporting.confirm_delay_days, Kind.RELAPSE_CONFIRMED, index, own)
    hear_of_report(p)
    hear_of_relapse(p)
    if not p.ended:
        u = report_lanes(p, own)[1 if own.pseudo else 2]
        consider_medication(p, u)
        p.reported += 1.0 if p.entered else 0.0
        hazards_changed(p)
        consider_escalation(p, u)


def on_confirmed(p: Patient, index: int, own: OwnRelapse) -> None:
    """Have a report confirmed, or not."""
    rule = p.plan.reporting
    u = report_lanes(p, own)[0 if own.pseudo else 1]
    odds = rule.pseudo_confirm_logit if own.pseudo else rule.confirm_logit
    if of_past(p) or reporting.is_confirmed(u, odds, rule.confirm_lean, p.believed(ASSESSOR)):
        own.confirmed_time = p.now
        p.note(Kind.RELAPSE_CONFIRMED, index, 0.0 if own.pseudo else 1.0)


def report_lanes(p: Patient, own: OwnRelapse) -> tuple[float, float, float, float]:
    """Give the lanes that decide on confirmation and medication."""
    return p.draw(PSEUDO_REPORT if own.pseudo else REPORT, *own.address)


def await_pseudo(p: Patient, index: int, now: float) -> None:
    """Set the clock of the next occasion for a pseudo-relapse."""
    per_day = p.plan.reporting.pseudo_per_day
    if per_day == 0.0 or of_past(p):
        return
    lanes = p.draw(PSEUDO, index // POINTS)
    place = 2 * (index % POINTS)
    p.set_clock(now + reporting.pseudo_gap(lanes[place], per_day), Kind.PSEUDO_RELAPSE, index, lanes[place + 1])
