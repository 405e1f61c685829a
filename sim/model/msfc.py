"""The MSFC z-score: falls with latent disability, rises with practice, and may lean with the assessor's belief."""

from __future__ import annotations

import math
from typing import NamedTuple

from sim.core.inverse import normal
from sim.core.params import Table, param
from sim.core.rules import rule


class MsfcPlan(NamedTuple):
    """MSFC z units; practice in administrations."""

    mean_z: float
    sd_z: float
    per_edss: float
    practice_z: float
    practice_sessions: float
    sessions_before: float
    noise_sd: float
    lean: float


class Msfc(Table):
    """MSFC (walking, arm and counting test) as the mean of three z-scores; higher is better."""

    mean_z: float = param(
        0.0,
        unit="MSFC z",
        ge=-10.0,
        le=10.0,
        meaning="mean of candidates at the median EDSS; 0 where they are their own reference population",
        source="design",
    )
    sd_z: float = param(0.5, unit="MSFC z", ge=0.0, le=10.0, meaning="standard deviation between patients of one EDSS")
    z_per_edss: float = param(
        0.3, unit="MSFC z/EDSS point", ge=0.0, le=10.0, meaning="loss with a point of latent EDSS, lasting or acute"
    )
    practice_z: float = param(
        0.041,
        unit="MSFC z",
        ge=-10.0,
        le=10.0,
        meaning="gain of the well practised (a third of the PASAT's rise of 0.123 on placebo: one test of three)",
        source="msfc.pasat",
    )
    practice_sessions: float = param(
        1.0,
        unit="administrations",
        gt=0.0,
        le=100.0,
        meaning="after so many administrations 63% of it is gained (after 3 times as many 95%: three or four sessions)",
        source="msfc.practice",
    )
    sessions_before_baseline: int = param(
        0, unit="administrations", ge=0, le=100, meaning="practice sessions before the baseline visit", source="design"
    )
    noise_sd_z: float = param(
        0.2, unit="MSFC z", ge=0.0, le=10.0, meaning="standard deviation of one administration's own noise"
    )
    rater_lean_z: float = param(
        0.0,
        unit="MSFC z",
        ge=-10.0,
        le=10.0,
        meaning="how much higher an assessor sure of angioplasty scores than one sure of none (0: tests are timed)",
    )

    def plan(self, practice: bool, rater_bias: bool) -> MsfcPlan:
        """Give the parameters; `practice` false takes the practice effect away, `rater_bias` false the lean."""
        return MsfcPlan(
            self.mean_z,
            self.sd_z,
            self.z_per_edss,
            self.practice_z if practice else 0.0,
            self.practice_sessions,
            float(self.sessions_before_baseline),
            self.noise_sd_z,
            self.rater_lean_z if rater_bias else 0.0,
        )


@rule
def ability(u: float, mean_z: float, sd_z: float) -> float:
    """Draw the z-score that a patient would have at the median EDSS, unpractised."""
    return mean_z + sd_z * normal(u)


@rule
def msfc_latent(ability_z: float, edss: float, edss_centre: float, per_edss: float) -> float:
    """Give the z-score before practice, noise and lean: the patient's ability less the loss with latent EDSS."""
    return ability_z - per_edss * (edss - edss_centre)


@rule
def practised(earlier: float, practice_z: float, practice_sessions: float) -> float:
    """Give the gain by practice after so many earlier administrations: none at the first, saturating after a few."""
    return practice_z * (1.0 - math.exp(-earlier / practice_sessions))


@rule
def msfc_scored(
    latent: float, practice: float, u: float, noise_sd: float, lean: float, assessor_belief: float
) -> float:
    """Give the z-score written down: latent + practice + noise + lean * belief."""
    return latent + practice + noise_sd * normal(u) + lean * assessor_belief
