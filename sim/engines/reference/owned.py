"""What a patient has: relapses and veins, as the engine keeps them while the patient lives."""

from __future__ import annotations

import math
from dataclasses import dataclass

NEVER = math.nan
PATIENT, PHYSICIAN, ASSESSOR = 0, 1, 2  # who believes


@dataclass(slots=True)
class OwnRelapse:
    """One relapse, or pseudo-relapse, of a patient."""

    number: int
    point: int
    address: tuple[int, int]
    pseudo: bool
    onset: float
    severity: float
    residual: float
    recalled_onset: float
    reported_time: float = NEVER
    confirmed_time: float = NEVER


@dataclass(slots=True)
class OwnVein:
    """One vein of a patient."""

    stenosed: bool
    lanes: tuple[float, float, float, float]
    treated: bool = False
    opened: bool = False
    open_now: bool = False
    opened_time: float = NEVER
    restenosis_time: float = NEVER
    detected_time: float = NEVER

    @property
    def narrow(self) -> bool:
        """Whether the vein is narrow now: born so and not open."""
        return self.stenosed and not self.open_now
