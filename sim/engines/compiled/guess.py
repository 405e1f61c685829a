"""Treatment guesses: when they are asked, and what is answered."""

from __future__ import annotations

from typing import Any

from sim.core.streams import GUESS
from sim.engines.compiled.clocks import draw, note, set_clock
from sim.engines.compiled.ranks import ON_GUESS
from sim.jit import bare_part, further_part
from sim.model import guess

QUESTIONS = 6


@further_part
def await_guesses(plan: Any, p: Any) -> None:
    """Set the clocks of both occasions, from the procedure on."""
    if plan.guess.on == 0.0 or plan.want.guesses == 0.0:
        return
    if plan.guess.early_days > 0.0:
        set_clock(plan, p, p.now + plan.guess.early_days, ON_GUESS, 0)
    if plan.guess.at_end == 1.0 and p.planned_end > p.now:
        set_clock(plan, p, p.planned_end, ON_GUESS, 3)


@bare_part
def on_guess(plan: Any, t: Any, p: Any, events: Any, index: Any) -> None:
    """Ask patient, physician and assessor which treatment it was."""
    u = draw(t, p.word, GUESS, index // 3, 0)
    for holder in range(3):
        said = guess.answer(u[holder], p.log_odds[holder], plan.guess.noise, plan.guess.unsure_logits)
        p.guess[index + holder] = int(said)
        note(plan, t, events, p.now, ON_GUESS, p.word, index + holder, said)


@further_part
def hand_up_guesses(plan: Any, p: Any, person: Any, batch: Any) -> None:
    """Hand up what was answered, if anybody asks."""
    if plan.guess.on == 0.0 or plan.want.guesses == 0.0:
        return
    for k in range(QUESTIONS):
        batch.guesses[person, k] = p.guess[k]
