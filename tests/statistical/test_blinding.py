"""Statistical evidence: the shipped scenario `blinding` blinds as well as large sham trials do."""

from __future__ import annotations

import math

import pytest

from sim.data.guesses import guess_counts, questions
from sim.engines.want import Want
from sim.evidence import targets
from sim.study.blinding import Blinding, mean_indices
from sim.study.play import Play
from tests.helpers import agrees, scenario

TRIALS = 500


@pytest.fixture(scope="module")
def found() -> dict[tuple[str, str], Blinding]:
    """Give the mean indices of the shipped scenario, by occasion and holder."""
    made = scenario("blinding")
    people = Play(made, 77).cohorts(range(TRIALS), want=Want(frozenset(), (), past=False, scores=frozenset()))
    means = mean_indices(made, guess_counts(made, people))
    return dict(zip(questions(made), means, strict=True))


def test_bang_at_the_end_is_that_of_large_sham_trials(found: dict[tuple[str, str], Blinding]) -> None:
    """The patients' index at the end is the published one: active 0.28, sham -0.20 (finds 0.03)."""
    published = {t.arm: t.value for t in targets().values() if t.id.startswith("moroz2013.")}
    assert published == {"active": 0.28, "sham": -0.2}
    index = found["end", "patient"].bang
    for arm, row in (("angioplasty", "active"), ("sham", "sham")):
        value = published[row]
        assert value is not None
        agrees(index[arm].mean, value, index[arm].mcse, detects=0.03)


def test_early_guesses_hold_no_effect(found: dict[tuple[str, str], Blinding]) -> None:
    """Early on the arms differ by cues and complications alone; by the end what the treatment did lifts the sum of both
    arms' indices, 0 where both arms believe the same, by more than chance (4.6 standard errors)."""
    early, end = (found[occasion, "patient"].bang for occasion in ("early", "end"))
    sums = [b["angioplasty"].mean + b["sham"].mean for b in (early, end)]
    errors = [math.hypot(b["angioplasty"].mcse, b["sham"].mcse) for b in (early, end)]
    assert sums[1] - sums[0] > 4.6 * math.hypot(*errors)


def test_assessors_guess_as_a_coin(found: dict[tuple[str, str], Blinding]) -> None:
    """Assessors notice nothing: both arms' indices are 0, early and at the end (finds 0.03)."""
    for occasion in ("early", "end"):
        for index in found[occasion, "assessor"].bang.values():
            agrees(index.mean, 0.0, index.mcse, detects=0.03)
