"""Analytic evidence: MSFC and MSQOL-54 mental, by hand, against closed forms, and in played trials.

Statistical comparisons follow `helpers.agrees`, whose `detects` says which error would be found.
"""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pytest
from numpy.typing import NDArray

from sim.analysis.trial import analyse
from sim.data.cohort import Cohort, at_visit
from sim.evidence import targets
from sim.model import msfc
from sim.model.quality import Mental, Quality
from sim.study.play import Play
from sim.study.truth import Twins
from tests.analytic.lives import EPS, OPEN, N, U
from tests.helpers import Overrides, agrees, mean_agrees, people, scenario

Floats = NDArray[np.float64]

VISITS = [0.0, 6.0, 12.0]
LEANING: dict[str, object] = OPEN | {
    "visits.months": VISITS,
    "msfc": {"mean_z": 0.1, "sd_z": 0.5, "z_per_edss": 0.3, "practice_z": 0.4, "practice_sessions": 2.0}
    | {"sessions_before_baseline": 1, "noise_sd_z": 0.2, "rater_lean_z": 0.25},
    "quality.mental": {"mean_points": 50.0, "sd_points": 5.0, "noise_sd_points": 4.0},  # far from 0 and 100
}

# ---- by hand ------------------------------------------------------------------------------------------------------


def test_msfc_by_hand() -> None:
    """A median patient has the mean; a point of EDSS more costs 0.25; practice and half a lean of 0.5 come on top."""
    assert msfc.ability(0.5, 0.125, 0.5) == 0.125
    assert msfc.msfc_latent(0.125, 2.5, 2.5, 0.25) == 0.125
    assert msfc.msfc_latent(0.125, 3.5, 2.5, 0.25) == -0.125
    assert msfc.msfc_scored(-0.125, 0.0625, 0.5, 0.2, 0.5, 0.5) == 0.1875
    one_sd = 0.8413447460685429  # of the standard normal distribution function at 1
    assert msfc.msfc_scored(0.0, 0.0, one_sd, 0.2, 0.5, 0.0) == pytest.approx(0.2, rel=1e-12)


def test_ability_has_its_mean_and_spread() -> None:
    """Abilities have mean 0.1 (finds 0.025) and variance 0.25 (finds 0.02)."""
    drawn = np.array([msfc.ability(u, 0.1, 0.5) for u in U[:, 0]])
    agrees(float(drawn.mean()), 0.1, 0.5 / math.sqrt(N), detects=0.025)
    agrees(float(((drawn - 0.1) ** 2).mean()), 0.25, 0.25 * math.sqrt(2.0 / N), detects=0.02)


def test_practice_saturates() -> None:
    """Nothing at the first administration; what is left to gain shrinks by e^(-1/s) with each; 1 - 1/e after s."""
    gains = [msfc.practised(float(n), 0.4, 2.0) for n in range(40)]
    assert gains[0] == 0.0
    assert gains[2] == pytest.approx(0.4 * (1.0 - math.exp(-1.0)), rel=4.0 * EPS)
    left = [0.4 - g for g in gains[:10]]
    assert [b / a for a, b in pairwise(left)] == pytest.approx([math.exp(-0.5)] * 9, rel=1e-13)
    assert gains == sorted(gains)
    assert gains[-1] <= 0.4


def test_practice_is_sized_as_documented() -> None:
    """The default is a third of the PASAT's rise on placebo, nearly all of it there after three sessions; a switch."""
    pasat = targets()["msfc.pasat"].value
    assert pasat is not None
    on, off = (msfc.Msfc().plan(practice=p, rater_bias=True) for p in (True, False))
    assert on.practice_z == pytest.approx(pasat / 3.0, rel=EPS)
    assert msfc.practised(3.0, on.practice_z, on.practice_sessions) / on.practice_z > 0.95
    assert off == on._replace(practice_z=0.0)
    assert (on.lean, msfc.Msfc(rater_lean_z=0.2).plan(practice=True, rater_bias=False).lean) == (0.0, 0.0)


def test_the_mental_composite_has_its_own_parameters() -> None:
    """Its plan holds its own points and the physical one's times; the placebo's key and switch are shared."""
    table = Quality(placebo_onset_days=20.0, mental=Mental(mean_points=70.0, placebo_peak_points=4.0))
    plan = table.mental_plan(placebo=True)
    assert (plan.mean_points, plan.placebo_points, plan.placebo_onset_days) == (70.0, 4.0, 20.0)
    assert table.mental_plan(placebo=False) == plan._replace(placebo_points=0.0)
    assert Quality(placebo_enabled=False).mental_plan(placebo=True).placebo_points == 0.0
    assert table.plan(placebo=True).mean_points == 62.0


# ---- played -------------------------------------------------------------------------------------------------------


def beyond_latent(found: Cohort, visit: int) -> tuple[Floats, Floats]:
    """Give noise alone, in standard deviations, of MSFC and mental composite at a visit of `LEANING`."""
    practice = 0.4 * (1.0 - math.exp(-(visit + 1.0) / 2.0))
    lean = 0.25 * found.subjects["belief_assessor"] if visit else 0.0  # at baseline nobody believes anything yet
    walked = at_visit(found, "msfc", visit) - at_visit(found, "msfc_latent", visit) - practice - lean
    felt = at_visit(found, "mental", visit) - at_visit(found, "mental_latent", visit)
    return walked / 0.2, felt / 4.0


def test_played_scores_are_latent_score_practice_lean_and_noise() -> None:
    """What is left is noise: mean 0 (finds 0.16), variance 1 (finds 0.25), no two of it correlated (finds 0.16)."""
    found = people("sham_rct", LEANING)
    assert found.size == 2000
    noises = [noise for visit in range(len(VISITS)) for noise in beyond_latent(found, visit)]
    physical = (at_visit(found, "quality", 1) - at_visit(found, "quality_latent", 1)) / 6.0
    inside = (at_visit(found, "quality", 1) > 0.0) & (at_visit(found, "quality", 1) < 100.0)
    for i, noise in enumerate(noises):
        mean_agrees(noise, 0.0, detects=0.16)
        agrees(float((noise**2).mean()), 1.0, math.sqrt(2.0 / found.size), detects=0.25)
        for other in noises[:i]:
            agrees(float((noise * other).mean()), 0.0, 1.0 / math.sqrt(found.size), detects=0.16)
        correlation = float(np.corrcoef(noise[inside], physical[inside])[0, 1])
        agrees(correlation, 0.0, 1.0 / math.sqrt(inside.sum()), detects=0.16)


def test_played_levels_follow_disability() -> None:
    """At screening MSFC and mental composite, the loss with EDSS added back, have their means and spreads.

    Finds a mean off by 0.16 standard deviations and a variance by 25%; they are independent of EDSS (finds 0.16).
    """
    born = people("sham_rct", LEANING).subjects
    above = born["edss_latent"] - 2.2
    for level in ((born["msfc_latent"] + 0.3 * above - 0.1) / 0.5, (born["mental_latent"] + 2.0 * above - 50.0) / 5.0):
        mean_agrees(level, 0.0, detects=0.16)
        agrees(float((level**2).mean()), 1.0, math.sqrt(2.0 / len(level)), detects=0.25)
        agrees(float(np.corrcoef(level, np.log(born["edss_latent"]))[0, 1]), 0.0, len(level) ** -0.5, detects=0.16)


def test_latent_msfc_falls_with_latent_disability() -> None:
    """In every patient, at every visit, MSFC has changed by -0.3 times what EDSS has, relapses counted in."""
    found = people("sham_rct", LEANING)
    for visit in (1, 2):
        edss, z = (at_visit(found, f, visit) - at_visit(found, f, 0) for f in ("edss_latent", "msfc_latent"))
        assert np.allclose(z, -0.3 * edss, rtol=0.0, atol=1e-13)
        assert (edss > 0.0).mean() > 0.5


# ---- what a study makes of it -------------------------------------------------------------------------------------


def estimate(name: str, overrides: Overrides) -> float:
    """Give the estimate of the scenario's only endpoint in one trial."""
    given = scenario(name, overrides)
    return float(analyse(given, people(name, overrides))[0].value[0])


def test_practice_passes_for_improvement_before_and_after() -> None:
    """Uncontrolled, practice adds 0.4 (1 - e^-n) to the change at the n-th later visit; practised before, nothing."""
    base: dict[str, object] = {"endpoint": [{"name": "msfc_change"}], "study.primary": "", "msfc.practice_z": 0.4}
    last = scenario("zamboni_2009", base).visits.months.index(18.0)
    off = estimate("zamboni_2009", base | {"switches.practice": False})
    assert estimate("zamboni_2009", base) - off == pytest.approx(0.4 * (1.0 - math.exp(-last)), abs=1e-13)
    practised = estimate("zamboni_2009", base | {"msfc.sessions_before_baseline": 20})
    assert practised - off == pytest.approx(0.0, abs=1e-8)  # 0.4 e^-20 = 8e-10 is left to gain


def test_practice_does_not_move_a_comparison_of_arms() -> None:
    """Both arms practise alike: the difference between arms is the same with the switch on and off, to rounding."""
    base: dict[str, object] = {"endpoint": [{"name": "msfc_24m"}], "study.primary": "", "msfc.practice_z": 0.4}
    on, off = (estimate("sham_rct", base | {"switches.practice": p}) for p in (True, False))
    assert on == pytest.approx(off, abs=1e-12)
    assert off != 0.0


def truths(overrides: Overrides, names: tuple[str, ...]) -> list[float]:
    """Give the true differences of these endpoints among the twins of one trial of the sham-controlled study."""
    given = scenario("sham_rct", {**overrides, "endpoint": [{"name": n} for n in names], "study.primary": ""})
    sums, _ = Twins(Play(given, 3))(0)
    return [float(a / n - b / m) for a, n, b, m in sums[:, 0]]


def test_truth_is_that_of_latent_scores() -> None:
    """True MSFC differs by -0.3 times what true EDSS does, whatever practice, noise and lean; composites by their gain.

    With every treated vein open to the end, slope and rate left alone, a gain of 5 mental points is 5 points.
    """
    slow: dict[str, object] = {"effect.slope_ratio": 0.2, "disability.slope_points_per_year": 0.5}
    loud: dict[str, object] = {"msfc": {"practice_z": 2.0, "noise_sd_z": 3.0, "rater_lean_z": 1.0}}
    for more in ({}, loud):
        edss, z = truths(slow | more, ("edss_24m", "msfc_24m"))
        assert edss < -0.3
        assert z == pytest.approx(-0.3 * edss, abs=1e-12)
    open_veins: dict[str, object] = {
        "veins": {"success_prob": 1.0, "ijv_restenosis_18m_prob": 0.0, "azygos_restenosis_18m_prob": 0.0},
        "effect": {"rate_ratio": 1.0, "msqol_mental_points": 5.0},
    }
    mental, physical = truths(open_veins, ("msqol_mental_24m", "msqol_physical_24m"))
    assert mental == pytest.approx(5.0, abs=1e-10)
    assert physical == 0.0
