"""What patient, physician and assessor believe of the treatment."""

from __future__ import annotations

from typing import Any

from sim.core.streams import BELIEF
from sim.engines.compiled.clocks import draw
from sim.jit import bare_part
from sim.model import belief


@bare_part
def form_beliefs(plan: Any, t: Any, p: Any) -> None:
    """Draw the belief of patient, physician and assessor."""
    u = draw(t, p.word, BELIEF, 0, 0)
    p.belief_patient = one_belief(plan, p, u[0], 0, 0.0)
    p.belief_physician = one_belief(plan, p, u[1], 1, 0.0)
    p.belief_assessor = one_belief(plan, p, u[2], 2, 1.0)


@bare_part
def one_belief(plan: Any, p: Any, u: Any, holder: Any, assessor: Any) -> Any:
    """Draw one holder's belief."""
    rule = plan.belief
    procedure = float(p.procedure)
    path = plan.world.reference_belief
    return belief.held(u, rule.prior_logit, rule.sd, rule.leak, rule.blinded[holder], assessor, procedure, path)
