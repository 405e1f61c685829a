"""Group D: what needs no simulation: figures that are read as they stand, and those a closed form leads to."""

from __future__ import annotations

import math

from sim import evidence
from sim.model.belief import Belief
from sim.model.msfc import Msfc
from sim.model.veins import Veins
from sim.study.calibrate.outcome import Group, Row, Value, rounded

GUESSES = ("moroz2013.active", "moroz2013.sham")
TRIAL_SIZE, TRIALS_POOLED = 100, 10
"""The pooled indices' errors are not in the evidence: taken as from ten trials of a hundred, half in each arm."""


def phi(z: float) -> float:
    """Give the normal distribution function."""
    return 0.5 * math.erfc(-z / math.sqrt(2.0))


def bang(mean_logit: float, belief: Belief) -> float:
    """Give Bang's index of an angioplasty arm whose log odds are held at this mean (docs/blinding.md)."""
    width = math.hypot(belief.spread_logits, belief.guess_noise_logits)
    edge = belief.guess_plan().unsure_logits
    return phi((mean_logit - edge) / width) - phi((-mean_logit - edge) / width)


def held_at(index: float, belief: Belief) -> float:
    """Solve the mean log odds that give this index."""
    low, high = -10.0, 10.0
    for _ in range(100):
        middle = 0.5 * (low + high)
        low, high = (middle, high) if bang(middle, belief) < index else (low, middle)
    return 0.5 * (low + high)


def beliefs() -> tuple[Value, Value]:
    """Solve prior and leak for the two arms' indices: the prior is their middle, the leak half their difference."""
    active, sham = (evidence.targets()[f].value for f in GUESSES)
    assert active is not None
    assert sham is not None
    belief = Belief()
    up, down = held_at(active, belief), held_at(-sham, belief)
    middle, leak = 0.5 * (up + down), 0.5 * (up - down)
    error = _bang_error(up, belief)
    prior = _prior(middle)
    slope = prior * (1.0 - prior)
    return (
        Value("belief.prior_prob", rounded(prior), slope * error, _prior(middle - 1.645 * error),
              _prior(middle + 1.645 * error), GUESSES),
        Value("belief.blinding_leak", rounded(leak), error, leak - 1.645 * error, leak + 1.645 * error, GUESSES),
    )  # fmt: skip


def _prior(logit: float) -> float:
    return 1.0 / (1.0 + math.exp(-logit))


def _index_error() -> float:
    """Give the standard error of an arm's index: at most 1 / sqrt(n) of its patients."""
    return 1.0 / math.sqrt(TRIAL_SIZE / 2 * TRIALS_POOLED)


def _bang_error(logit: float, belief: Belief) -> float:
    """Give the standard error of the middle, or of half the difference, of two arms' log odds."""
    steep = (bang(logit + 1e-4, belief) - bang(logit - 1e-4, belief)) / 2e-4
    return _index_error() / steep / math.sqrt(2.0)


def closed_group() -> Group:
    """Check each default that is read against its figure, and solve what a closed form leads to."""
    values = beliefs()
    return Group("D. Read, or by a closed form", (values[0],), (*_read(), *_guesses(values)), ASSUMED)


ASSUMED = (
    "the prior alone is shipped: blinding_leak is 0 unless a scenario says otherwise, so both arms give the middle of "
    "the two indices; the leak that gives both is printed with the rows",
    "spread between people (1), noise of a guess (0.5) and the band of don't know (0.1) stay assumptions",
    "bravedreams.flow is met by published/brave_dreams_2018 alone (veins.success_prob there); the default is Ferral's "
    "97.4% of treated veins",
)


def _read() -> list[Row]:
    """Give each default beside the figure it is read from; no error is left but that of printed digits."""
    veins, msfc = Veins(), Msfc()
    defaults = {
        "zamboni2009.ijv_restenosis": veins.ijv_restenosis_18m_prob,
        "ferral.technical": veins.success_prob,
        "simka.right_ijv": veins.right_ijv_prob,
        "simka.left_ijv": veins.left_ijv_prob,
        "simka.azygos": veins.azygos_prob,
        "msfc.pasat": 3.0 * msfc.practice_z,
    }
    return [_row(name, default) for name, default in defaults.items()]


def _row(name: str, value: float) -> Row:
    target = evidence.targets()[name]
    assert target.value is not None
    note = "read; the MSFC is the mean of three tests" if name == "msfc.pasat" else "read"
    return Row(name, target.value, 0.0005, value, 0.0, note)


def _guesses(values: tuple[Value, Value]) -> list[Row]:
    prior, leak = (v.value for v in values)
    middle = math.log(prior / (1.0 - prior))
    rows = []
    for name, sign in zip(GUESSES, (1.0, -1.0), strict=True):
        published = evidence.targets()[name].value
        assert published is not None
        for note, shift in ((f"with blinding_leak {leak:g}", leak), ("as shipped, no leak", 0.0)):
            index = sign * bang(middle + sign * shift, Belief())
            rows.append(Row(name, published, _index_error(), index, 0.0, note))
    return rows
