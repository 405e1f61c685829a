"""A study that really took place: its published figures, and the effect that its authors claimed."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from sim.core.params import Table, param

Name = Literal[
    "relapse_free_before",
    "relapse_free_after",
    "rate_ratio",
    "relapses",
    "new_gd_lesions",
    "free_of_new_lesions",
    "functional_improved",
    "flow_restored",
    "doppler_negative",
    "patients_with_relapse",
    "arr",
    "restenosis",
    "patients_with_adverse_event",
    "ccsvi_positive",
    "abnormal_doppler",
    "relapse_free",
    "odds_ratio",
    "completed",
    "edss_change",
    "msfc_change",
    "msqol_physical_change",
    "msqol_mental_change",
]


class Figure(Table):
    """One published figure that a simulation can be judged against."""

    id: str = Field(description="id of the evidence table")
    quantity: Name = Field(description="the simulated quantity it is compared with")
    arm: str = Field(default="", description="the arm it is of; empty: of all")
    low: float = Field(description="the figure, or the lowest reading of it (a count, or a ratio)")
    high: float = Field(description="the highest reading of it")
    total: int = Field(default=0, ge=0, description="patients it is out of; 0 for a ratio")
    window: str = Field(description="the window it refers to, in words")
    status: Literal["read", "review", "secondary", "derived"] = Field(description="how well the figure is known")
    source: str = Field(description="where it was published")
    use: Literal["replay", "check", "calibrate"] = Field(default="replay", description="what the figure is used for")
    note: str = Field(default="", description="what a reader must know of it")
    months: list[float] = Field(
        default=[],
        max_length=2,
        description="the window in numbers, from and to, counted from study day 1; before-after figures have none",
        json_schema_extra={"unit": "months", "source": "design"},
    )
    rounding: float = param(
        0.0,
        unit="1",
        ge=0.0,
        meaning="half a unit of the last digit printed: what was rounded may have been so much more or less",
        source="design",
    )
    fitted: bool = param(
        False,
        unit="-",
        meaning="whether a value of the scenario was chosen by it, so that it is no test (use calibrate: it was)",
        source="design",
    )

    @property
    def used_for_fit(self) -> bool:
        """Whether it is no test of its scenario."""
        return self.fitted or self.use == "calibrate"

    @property
    def readings(self) -> tuple[float, float]:
        """The lowest and highest value that may have been printed so; a hair wider, for sums in binary."""
        slack = self.rounding + 1e-9
        return self.low - slack, self.high + slack


class Claim(Table):
    """The effect that its authors claimed, or that their figures are if all of the difference is effect."""

    words: str = Field(default="", description="the claim in words; empty: none is known")
    source: list[str] = Field(default=[], description="ids of the evidence it is read from")
    settings: list[str] = Field(default=[], description="the scenario's values under it, as KEY=VALUE")


class Published(Table):
    """The figures of a study that really took place."""

    study: str = Field(default="", description="the study")
    claim: Claim = Claim()
    figure: list[Figure] = Field(default=[], description="its figures")
