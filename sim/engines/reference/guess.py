"""Treatment guesses: when they are asked, and what is answered."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sim.core.events import Kind
from sim.core.streams import GUESS
from sim.model import guess

if TYPE_CHECKING:
    from sim.engines.reference.patient import Patient

AT_END = 3  # index of the second occasion: three holders are asked at each


def await_guesses(p: Patient) -> None:
    """Set the clocks of both occasions, from the procedure on."""
    rule = p.plan.guess
    if rule.early_days:
        p.set_clock(p.now + rule.early_days, Kind.GUESS, 0)
    if rule.at_end and p.planned_end > p.now:
        p.set_clock(p.planned_end, Kind.GUESS, AT_END)


def on_guess(p: Patient, index: int, _: Any) -> None:
    """Ask patient, physician and assessor which treatment it was."""
    rule, u = p.plan.guess, p.draw(GUESS, index // 3)
    for holder in range(3):
        said = guess.answer(u[holder], p.log_odds[holder], rule.noise, rule.unsure_logits)
        p.guesses[index + holder] = int(said)
        p.note(Kind.GUESS, index + holder, said)
