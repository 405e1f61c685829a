"""Works out the sizes of belief's effects on scales: `python -m sim.study.belief_sizes` prints them.

The published sizes are standardised, those of the model are points. The rule: in `open_label_rct` with no effect, where
assessors and patients know the arm and nobody leaves, the difference between the arms' mean changes from baseline to 24
months, over their pooled standard deviation, is the published one: hrobjartsson2013 for the EDSS that assessors rate,
hrobjartsson2014_other for the MSQOL-54 that patients answer. Both favour the procedure.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from sim.data.cohort import Cohort, at_visit
from sim.engines.want import Want
from sim.evidence import targets
from sim.scenario.loaded import load
from sim.scenario.schema import Scenario
from sim.study.play import Play

SEED, TRIALS, BATCH = 20130101, 2000, 200
REFERENCE = "open_label_rct"
OPEN = {"effect.enabled": False, "dropout.enabled": False}


class Scale(NamedTuple):
    """A score: its field at a visit, the key of the size, the evidence, and which sign is in the patient's favour."""

    field: str
    key: str
    source: str
    favourable: float


SCALES = (
    Scale("edss", "disability.rater_lean_points", "hrobjartsson2013", -1.0),
    Scale("quality", "quality.placebo_peak_points", "hrobjartsson2014_other", 1.0),
    Scale("mental", "quality.mental.placebo_peak_points", "hrobjartsson2014_other", 1.0),
)


class Difference(NamedTuple):
    """A standardised mean difference, favourable ones above 0, and its Monte Carlo standard error."""

    value: float
    mcse: float


def published_size(scale: Scale) -> float:
    """Give the published standardised difference, favourable ones above 0."""
    value = targets()[scale.source].value
    assert value is not None
    return -value


def standardised(scenario: Scenario, trials: int, seed: int) -> dict[str, Difference]:
    """Give each score's standardised difference between angioplasty and the other arm at the last visit, by field."""
    last = len(scenario.visits.months) - 1
    want = Want(frozenset(), (0, last), False, scores=frozenset(("mental",)), surveillance=False, guesses=False)
    treated = [a.procedure for a in scenario.arm].index("angioplasty")
    play = Play(scenario, seed)
    sums = {scale.field: np.zeros((2, 3)) for scale in SCALES}
    for first in range(0, trials, BATCH):
        people = play.cohorts(range(first, min(first + BATCH, trials)), want=want)
        for scale in SCALES:
            sums[scale.field] += _sums(people, scale.field, last, treated)
    return {scale.field: _difference(sums[scale.field], scale.favourable) for scale in SCALES}


def _sums(people: Cohort, field: str, last: int, treated: int) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    """Give count, sum and sum of squares of the changes in both arms, the treated first; patients not seen left out."""
    change = at_visit(people, field, last) - at_visit(people, field, 0)
    seen, own = ~np.isnan(change), people.subjects["arm"] == treated
    arms = [change[seen & mask] for mask in (own, ~own)]
    return np.array([[len(x), x.sum(), (x * x).sum()] for x in arms])


def _difference(sums: np.ndarray[tuple[int, ...], np.dtype[np.float64]], favourable: float) -> Difference:
    n, total, squares = sums.T
    means = total / n
    pooled = math.sqrt(float((squares - n * means * means).sum() / (n.sum() - 2.0)))
    d = float(favourable * (means[0] - means[1]) / pooled)
    return Difference(d, math.sqrt(float((1.0 / n).sum()) + d * d / (2.0 * float(n.sum()))))


def main() -> None:
    """Print, for each size, what it gives now and what would give the published difference."""
    made = load(REFERENCE, OPEN).scenario
    found = standardised(made, TRIALS, SEED)
    for scale in SCALES:
        size = _value(made, scale.key)
        wanted, d = published_size(scale), found[scale.field]
        print(
            f"{scale.key} = {size:g} gives {d.value:.4f} (MCSE {d.mcse:.4f}); {scale.source}: {wanted:g}, "
            f"by {size * wanted / d.value:.3f}"
        )


def _value(scenario: Scenario, key: str) -> float:
    table: object = scenario
    for part in key.split("."):
        table = getattr(table, part)
    assert isinstance(table, float)
    return table


if __name__ == "__main__":
    main()
