"""The whole scenario: one table a mechanism, and the tables that make a study of them."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from sim.core.params import Placed, Table, param
from sim.model.activity import Activity
from sim.model.belief import Belief
from sim.model.contamination import Contamination
from sim.model.course import Course
from sim.model.decline import Decline
from sim.model.disability import Disability
from sim.model.doppler import Screening
from sim.model.dropout import Dropout
from sim.model.effect import NO_EFFECT, Effect
from sim.model.effect_prior import EffectPrior
from sim.model.eligibility import Eligibility
from sim.model.enrolment import Enrolment
from sim.model.frailty import Frailty
from sim.model.historical import Historical
from sim.model.lesions import Lesions
from sim.model.medication import Medication
from sim.model.msfc import Msfc
from sim.model.publication import Publication
from sim.model.quality import Quality
from sim.model.randomisation import Randomisation
from sim.model.recall import Recall
from sim.model.relapse import Relapse
from sim.model.reporting import Reporting
from sim.model.retreatment import Retreatment
from sim.model.season import Season
from sim.model.self_referral import SelfReferral
from sim.model.sites import Sites
from sim.model.slots import Slots
from sim.model.surveillance import Surveillance
from sim.model.switches import Switches
from sim.model.veins import Veins
from sim.model.visits import Visits
from sim.model.worsening import Worsening
from sim.scenario import checks
from sim.scenario.published import Claim, Figure, Published

__all__ = ["Arm", "Claim", "Clock", "Design", "Endpoint", "Figure", "Population", "Published", "Scenario", "Study"]

Design = Literal[
    "sham_parallel",
    "open_label_parallel",
    "three_arm",
    "uncontrolled_before_after",
    "immediate_v_delayed",
    "sham_crossover",
    "prevalence_case_control",
    "historical_control",
]


def _window(default: list[float], meaning: str) -> list[float]:
    window: list[float] = Field(
        default=default,
        min_length=2,
        max_length=2,
        description=meaning,
        json_schema_extra={"unit": "months", "source": "design"},
    )
    return window


class Study(Table):
    """The design and its main choices."""

    design: Design = param("sham_parallel", unit="-", meaning="the kind of study", source="design")
    alpha: float = param(0.05, unit="1", gt=0.0, lt=1.0, meaning="level of the two-sided tests", source="design")
    sided: Literal[2] = param(2, unit="-", meaning="tests are two-sided", source="design")
    primary: str = param("", unit="-", meaning="id of the primary endpoint; empty: the first", source="design")
    follow_up_months: float = param(
        24.0,
        unit="months",
        gt=0.0,
        le=240.0,
        meaning="planned follow-up of a patient from study day 1",
        source="design",
    )
    close_days: float = param(
        0.0,
        unit="days",
        ge=0.0,
        le=73050.0,
        meaning="everyone's follow-up ends on this day; 0: no such day",
        source="design",
    )
    close_after_enrolment_days: float = param(
        0.0,
        unit="days",
        ge=0.0,
        le=7305.0,
        meaning="everyone's follow-up ends so long after enrolment closes; 0: no such end",
        source="design",
    )
    before_months: list[float] = _window([-12.0, 0.0], "before-after designs: the before-window, from study day 1")
    after_months: list[float] = _window([6.0, 18.0], "before-after designs: the after-window, from study day 1")
    analyse: Literal["all", "completers"] = param(
        "all",
        unit="-",
        meaning="who is analysed: all who entered, or only those who stayed to the end",
        source="design",
    )


class Clock(Table):
    """The resolution of scheduled times."""

    resolution_days: Literal[0, 1] = param(
        0, unit="days", meaning="1 rounds scheduled times up to whole days; 0 keeps them continuous", source="design"
    )


class Population(Table):
    """A population given by what is seen on study, to be solved back to relapse.rate_per_year and frailty.variance."""

    on_study_rate_per_year: float | None = param(
        None, unit="1/year", gt=0.0, le=20.0, meaning="true relapse rate of the enrolled, untreated", source="design"
    )
    on_study_dispersion: float | None = param(
        None,
        unit="1",
        gt=0.0,
        le=20.0,
        meaning="(variance - mean) / mean^2 of their counts in the window",
        source="design",
    )
    window_months: float = param(
        24.0, unit="months", gt=0.0, le=240.0, meaning="the window from study day 1", source="design"
    )


class Arm(Table):
    """One arm."""

    name: str = Field(min_length=1, max_length=40, description="the arm's name")
    procedure: Literal["none", "sham", "angioplasty"] = Field(description="what is done to its patients")
    ratio: int = param(1, unit="1", ge=1, le=1000, meaning="allocation ratio", source="design")
    delay_months: float = param(
        0.0, unit="months", ge=0.0, le=120.0, meaning="the procedure is put off by so long", source="design"
    )
    then: Literal["", "sham", "angioplasty"] = param(
        "", unit="-", meaning="a second procedure, for those still on study; empty: none", source="design"
    )
    then_months: float = param(
        0.0, unit="months", ge=0.0, le=240.0, meaning="when it is asked for, from study day 1", source="design"
    )
    then_open: bool = param(
        True, unit="-", meaning="whether patient and physician are told what it is", source="design"
    )
    group: Literal["ms", "control"] = param(
        "ms", unit="-", meaning="prevalence_case_control: MS patients, or controls without MS", source="design"
    )


class Endpoint(Table):
    """One endpoint and how it is analysed."""

    name: str = Field(description="a name of the endpoint vocabulary, e.g. arr_24m")
    id: str = Field(default="", description="the key of its results; empty: the name")
    counts: Literal["true", "reported", "confirmed"] = param(
        "confirmed", unit="-", meaning="which relapses count on study", source="design"
    )
    treatment: str = Field(default="", description="the arm asked about; empty: the angioplasty arm")
    control: str = Field(default="", description="the arm it is compared with; empty: sham if there is one, else none")
    course: Literal["", "rr", "sp", "pp"] = param(
        "", unit="-", meaning="only patients of this course are analysed; empty: all", source="design"
    )

    @property
    def key(self) -> str:
        """The key of its results."""
        return self.id or self.name


class Scenario(Placed):
    """A resolved scenario: every table with every value; `intent` says in a sentence what it is for."""

    intent: str = Field(default="", description="one sentence: what the scenario is for")
    study: Study = Study()
    clock: Clock = Clock()
    population: Population = Population()
    sites: Sites = Sites()
    enrolment: Enrolment = Enrolment()
    historical: Historical = Historical()
    self_referral: SelfReferral = SelfReferral()
    eligibility: Eligibility = Eligibility()
    randomisation: Randomisation = Randomisation()
    visits: Visits = Visits()
    course: Course = Course()
    frailty: Frailty = Frailty()
    activity: Activity = Activity()
    relapse: Relapse = Relapse()
    decline: Decline = Decline()
    season: Season = Season()
    disability: Disability = Disability()
    msfc: Msfc = Msfc()
    worsening: Worsening = Worsening()
    quality: Quality = Quality()
    veins: Veins = Veins()
    slots: Slots = Slots()
    retreatment: Retreatment = Retreatment()
    effect: Effect = Effect()
    effect_prior: EffectPrior = EffectPrior()
    belief: Belief = Belief()
    reporting: Reporting = Reporting()
    recall: Recall = Recall()
    medication: Medication = Medication()
    dropout: Dropout = Dropout()
    lesions: Lesions = Lesions()
    screening: Screening = Screening()
    surveillance: Surveillance = Surveillance()
    contamination: Contamination = Contamination()
    publication: Publication = Publication()
    switches: Switches = Switches()
    arm: list[Arm] = Field(default=[], max_length=3, description="the arms")
    endpoint: list[Endpoint] = Field(default=[], description="the endpoints")
    published: Published = Published()

    @model_validator(mode="after")
    def _consistent(self) -> Scenario:
        checks.check(self)
        return self

    @property
    def before_after(self) -> bool:
        """Whether the design compares patients with their own past."""
        return self.study.design == "uncontrolled_before_after"

    @property
    def case_control(self) -> bool:
        """Whether the design compares how often MS patients and controls are found to have CCSVI."""
        return self.study.design == "prevalence_case_control"

    def group_arm(self, group: str) -> int:
        """Give the number of the first arm of a group, 0 where there is none."""
        return next((k for k, a in enumerate(self.arm) if a.group == group), 0)

    @property
    def historical_control(self) -> bool:
        """Whether the controls are of the past."""
        return self.study.design == "historical_control"

    @property
    def randomised(self) -> bool:
        """Whether patients are allocated to arms; otherwise study day 1 is the day of the procedure."""
        return not (self.before_after or self.case_control or self.historical_control)

    @property
    def no_effect(self) -> bool:
        """Whether open veins do nothing, at any site."""
        alike = self.sites.effect_sd_log == 0.0 or not (self.switches.effect and self.effect.enabled)
        return alike and self.effect.plan(self.switches.effect)._replace(onset_days=0.0) == NO_EFFECT

    def angioplasty_share(self) -> float:
        """Share allocated to angioplasty among those who have any procedure (0.5 where all or none have)."""
        treated = sum(a.ratio for a in self.arm if a.procedure == "angioplasty")
        sham = sum(a.ratio for a in self.arm if a.procedure == "sham")
        return treated / (treated + sham) if treated and sham else 0.5
