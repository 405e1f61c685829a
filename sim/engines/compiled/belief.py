"""What patient, physician and assessor believe of the treatment, and what moves it."""

from __future__ import annotations

import math
from typing import Any

from sim.core.inverse import logistic
from sim.core.streams import BELIEF, CUE, OUTSIDE_SCAN
from sim.engines.compiled.clocks import draw, note, set_clock
from sim.engines.compiled.hazard import hazards_changed
from sim.engines.compiled.ranks import ON_BELIEF_CHANGE, ON_OUTSIDE_SCAN
from sim.jit import bare_part, further_part
from sim.model import belief, veins

NAN = math.nan
PATIENT, PHYSICIAN, ASSESSOR = 0, 1, 2
NONE = veins.NONE


@bare_part
def form_beliefs(plan: Any, t: Any, p: Any) -> None:
    """Draw the belief of patient, physician and assessor."""
    u = draw(t, p.word, BELIEF, 0, 0)
    p.belief_patient = one_belief(plan, p, u[0], 0, 0.0)
    p.belief_physician = one_belief(plan, p, u[1], 1, 0.0)
    p.belief_assessor = one_belief(plan, p, u[2], 2, 1.0)
    keep_log_odds(plan, p, u[0], u[1], u[2])


@bare_part
def one_belief(plan: Any, p: Any, u: Any, holder: Any, assessor: Any) -> Any:
    """Draw one holder's belief."""
    rule = plan.belief
    procedure = float(p.procedure)
    path = plan.world.reference_belief
    return belief.held(u, rule.prior_logit, rule.sd, rule.leak, rule.blinded[holder], assessor, procedure, path)


# ---- what moves a belief ------------------------------------------------------------------------------------------


@further_part
def blank_belief(plan: Any, p: Any) -> None:
    """Start with nobody believing anything, and nothing asked."""
    p.quality_seen = NAN
    for k in range(3):
        p.belief_formed[k] = NAN
        p.log_odds[k] = NAN
    for k in range(6):
        p.guess[k] = -1


@further_part
def keep_log_odds(plan: Any, p: Any, u_patient: Any, u_physician: Any, u_assessor: Any) -> None:
    """Keep the beliefs just formed, and their log odds, which is what moves."""
    p.log_odds[PATIENT] = one_log_odds(plan, p, u_patient, PATIENT, 0.0)
    p.log_odds[PHYSICIAN] = one_log_odds(plan, p, u_physician, PHYSICIAN, 0.0)
    p.log_odds[ASSESSOR] = one_log_odds(plan, p, u_assessor, ASSESSOR, 1.0)
    p.belief_formed[PATIENT] = p.belief_patient
    p.belief_formed[PHYSICIAN] = p.belief_physician
    p.belief_formed[ASSESSOR] = p.belief_assessor


@bare_part
def one_log_odds(plan: Any, p: Any, u: Any, holder: Any, assessor: Any) -> Any:
    """Draw one holder's log odds."""
    rule = plan.belief
    procedure = float(p.procedure)
    path = plan.world.reference_belief
    return belief.log_odds(u, rule.prior_logit, rule.sd, rule.leak, rule.blinded[holder], assessor, procedure, path)


@bare_part
def change_belief(plan: Any, t: Any, p: Any, events: Any, holder: Any, logits: Any) -> None:
    """Shift what a holder believes."""
    if plan.want.belief == 1.0:
        path = plan.world.reference_belief
        hold(plan, t, p, events, holder, belief.moved(p.log_odds[holder], logits, p.believing, path))


@bare_part
def be_told(plan: Any, t: Any, p: Any, events: Any, holder: Any, truth: Any) -> None:
    """Learn for certain whether it was angioplasty (1) or not (0)."""
    if plan.want.belief == 1.0:
        hold(plan, t, p, events, holder, belief.certain(p.log_odds[holder], truth, plan.world.reference_belief))


@bare_part
def hold(plan: Any, t: Any, p: Any, events: Any, holder: Any, after: Any) -> None:
    """Hold these log odds from now on: the one place where a belief changes, once formed."""
    if after == p.log_odds[holder]:
        return
    p.log_odds[holder] = after
    now = logistic(after)
    if holder == PATIENT:
        p.belief_patient = now
    elif holder == PHYSICIAN:
        p.belief_physician = now
    else:
        p.belief_assessor = now
    note(plan, t, events, p.now, ON_BELIEF_CHANGE, p.word, holder, now)
    hazards_changed(plan, p)


@further_part
def notice(plan: Any, t: Any, p: Any, events: Any, procedure: Any, complications: Any, what: Any) -> None:
    """Notice what the procedure gives away, and have the veins scanned outside from now on."""
    rule = plan.belief
    if rule.moves == 0.0 or plan.want.belief == 0.0:
        return
    u = draw(t, p.word, CUE, procedure, 0)
    kind = float(what)
    complicated = 1.0 if complications != 0 else 0.0
    for holder in range(3):
        told = 0.0 if holder == ASSESSOR else complicated
        shift = belief.impression(
            u[holder], rule.noticed[holder], rule.cue, rule.sham_cue, rule.side_effect, kind, told
        )
        change_belief(plan, t, p, events, holder, shift)
    if procedure == 0:
        await_scan(plan, t, p, 0)


@further_part
def hear_of_relapse(plan: Any, t: Any, p: Any, events: Any) -> None:
    """Take a reported relapse for a sign."""
    if plan.belief.relapse == 0.0 or p.ended == 1.0:
        return
    change_belief(plan, t, p, events, PATIENT, plan.belief.relapse)
    change_belief(plan, t, p, events, PHYSICIAN, plan.belief.relapse)


@further_part
def perceive(plan: Any, t: Any, p: Any, events: Any, visit: Any, scored: Any) -> None:
    """Take what the score has gained since the last visit for a sign; the first visit is the baseline."""
    logits = plan.belief.improvement
    if logits == 0.0 or plan.want.belief == 0.0:
        return
    if visit == 0:
        p.quality_seen = scored
    if p.believing == 0.0:
        return
    change_belief(plan, t, p, events, PATIENT, belief.improvement(scored, p.quality_seen, logits))
    p.quality_seen = scored


@bare_part
def await_scan(plan: Any, t: Any, p: Any, index: Any) -> None:
    """Set the clock of the next outside scan, if there are any and the patient can learn from them."""
    per_day = plan.belief.scans_per_day
    if per_day == 0.0 or plan.world.reference_belief == 1.0 or math.isinf(p.log_odds[PATIENT]):
        return
    gap = belief.scan_gap(draw(t, p.word, OUTSIDE_SCAN, index, 0)[0], per_day)
    set_clock(plan, p, p.now + gap, ON_OUTSIDE_SCAN, index)


@bare_part
def on_outside_scan(plan: Any, t: Any, p: Any, events: Any, index: Any) -> None:
    """Have the veins scanned outside the study, and believe what the scan shows."""
    note(plan, t, events, p.now, ON_OUTSIDE_SCAN, p.word, index, p.patency)
    change_belief(plan, t, p, events, PATIENT, belief.scan_shift(p.patency, plan.belief.scan))
    await_scan(plan, t, p, index + 1)
