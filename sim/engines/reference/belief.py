"""What patient, physician and assessor believe of the treatment, and what moves it."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from sim.core.events import Kind
from sim.core.inverse import logistic
from sim.core.streams import BELIEF, CUE, OUTSIDE_SCAN
from sim.engines.reference.hazard import hazards_changed
from sim.engines.reference.owned import ASSESSOR, PATIENT, PHYSICIAN
from sim.model import belief

if TYPE_CHECKING:
    from sim.engines.reference.patient import Patient


def form_beliefs(p: Patient) -> None:
    """Draw the belief of patient, physician and assessor."""
    rule, u = p.plan.belief, p.draw(BELIEF)
    procedure, path = float(p.procedure), p.world.reference_belief
    for i in range(3):
        address = (u[i], rule.prior_logit, rule.sd, rule.leak, rule.blinded[i], 1.0 if i == ASSESSOR else 0.0)
        p.log_odds[i] = belief.log_odds(*address, procedure, path)
        p.held[i] = belief.held(*address, procedure, path)
    p.beliefs = (p.held[PATIENT], p.held[PHYSICIAN], p.held[ASSESSOR])


def change_belief(p: Patient, holder: int, logits: float) -> None:
    """Shift what a holder believes."""
    path, believing = p.world.reference_belief, 1.0 if p.believing else 0.0
    hold(p, holder, belief.moved(p.log_odds[holder], logits, believing, path))


def be_told(p: Patient, holder: int, truth: float) -> None:
    """Learn for certain whether it was angioplasty (1) or not (0)."""
    hold(p, holder, belief.certain(p.log_odds[holder], truth, p.world.reference_belief))


def hold(p: Patient, holder: int, after: float) -> None:
    """Hold these log odds from now on: the one place where a belief changes, once formed."""
    if after == p.log_odds[holder]:
        return
    p.log_odds[holder], p.held[holder] = after, logistic(after)
    p.note(Kind.BELIEF_CHANGE, holder, p.held[holder])
    hazards_changed(p)


def notice(p: Patient, procedure: int, complications: int, kind: int) -> None:
    """Notice what the procedure gives away, and have the veins scanned outside from now on."""
    rule = p.plan.belief
    if not rule.moves:
        return
    u, complicated = p.draw(CUE, procedure), 1.0 if complications else 0.0
    for i in range(3):
        told = 0.0 if i == ASSESSOR else complicated
        cues = (rule.cue, rule.sham_cue, rule.side_effect)
        change_belief(p, i, belief.impression(u[i], rule.noticed[i], *cues, float(kind), told))
    if procedure == 0:
        await_scan(p, 0)


def hear_of_relapse(p: Patient) -> None:
    """Take a reported relapse for a sign."""
    if not p.plan.belief.relapse or p.ended:
        return
    change_belief(p, PATIENT, p.plan.belief.relapse)
    change_belief(p, PHYSICIAN, p.plan.belief.relapse)


def perceive(p: Patient, visit: int, scored: float) -> None:
    """Take what the score has gained since the last visit for a sign; the first visit is the baseline."""
    logits = p.plan.belief.improvement
    if not logits:
        return
    if visit == 0:
        p.quality_seen = scored
    if not p.believing:
        return
    change_belief(p, PATIENT, belief.improvement(scored, p.quality_seen, logits))
    p.quality_seen = scored


def await_scan(p: Patient, index: int) -> None:
    """Set the clock of the next outside scan, if there are any and the patient can learn from them."""
    per_day = p.plan.belief.scans_per_day
    if not per_day or p.world.reference_belief or math.isinf(p.log_odds[PATIENT]):
        return
    p.set_clock(p.now + belief.scan_gap(p.draw(OUTSIDE_SCAN, index)[0], per_day), Kind.OUTSIDE_SCAN, index)


def on_outside_scan(p: Patient, index: int, _: Any) -> None:
    """Have the veins scanned outside the study, and believe what the scan shows."""
    p.note(Kind.OUTSIDE_SCAN, index, p.patency)
    change_belief(p, PATIENT, belief.scan_shift(p.patency, p.plan.belief.scan))
    await_scan(p, index + 1)
