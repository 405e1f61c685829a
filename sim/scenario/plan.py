"""The plan: what an engine may see of a scenario, as plain floats in days and points."""

from __future__ import annotations

import math
from typing import NamedTuple

from sim.core.units import months
from sim.model.activity import ActivityPlan
from sim.model.allocation import AllocationPlan
from sim.model.attendance import AttendancePlan
from sim.model.belief import BeliefPlan
from sim.model.contamination import ContaminationPlan
from sim.model.course import CoursePlan
from sim.model.decline import DeclinePlan
from sim.model.disability import DisabilityPlan
from sim.model.doppler import GROUPS, ScreeningPlan
from sim.model.dropout import DropoutPlan
from sim.model.effect import EffectPlan
from sim.model.eligibility import EligibilityPlan
from sim.model.enrolment import EnrolmentPlan
from sim.model.frailty import FrailtyPlan
from sim.model.guess import GuessPlan
from sim.model.historical import NOBODY, HistoricalPlan
from sim.model.lesions import LesionsPlan
from sim.model.medication import MedicationPlan
from sim.model.msfc import MsfcPlan
from sim.model.quality import QualityPlan
from sim.model.randomisation import RandomisationPlan
from sim.model.recall import RecallPlan
from sim.model.relapse import RelapsePlan
from sim.model.reporting import ReportingPlan
from sim.model.retreatment import RetreatmentPlan
from sim.model.season import SeasonPlan, highest
from sim.model.self_referral import SelfReferralPlan
from sim.model.sites import SitesPlan
from sim.model.slots import SlotsPlan
from sim.model.surveillance import SurveillancePlan
from sim.model.veins import PROCEDURES, VeinsPlan
from sim.scenario.schema import Scenario


class StudyPlan(NamedTuple):
    """Clock resolution (days), randomised or not (1, 0), follow-up and closing day, bounds of the relapse factor, and
    days from the close of enrolment to the end of everyone's follow-up."""

    resolution: float
    randomised: float
    follow_up_days: float
    close_day: float
    history_bound: float
    study_bound: float
    close_after_days: float


class LaterPlan(NamedTuple):
    """Of each arm: days by which its procedure is put off, the second procedure (0: none), when it is asked for (days
    from study day 1), and whether it is open (1, 0)."""

    delay_days: tuple[float, float, float]
    procedures: tuple[float, float, float]
    days: tuple[float, float, float]
    is_open: tuple[float, float, float]


class Plan(NamedTuple):
    """Everything an engine needs, one member a mechanism; arms by ratio and procedure number."""

    study: StudyPlan
    ratios: tuple[float, float, float]
    procedures: tuple[float, float, float]
    visit_days: tuple[float, ...]
    sites: SitesPlan
    enrolment: EnrolmentPlan
    self_referral: SelfReferralPlan
    eligibility: EligibilityPlan
    randomisation: RandomisationPlan
    frailty: FrailtyPlan
    activity: ActivityPlan
    relapse: RelapsePlan
    decline: DeclinePlan
    season: SeasonPlan
    disability: DisabilityPlan
    msfc: MsfcPlan
    quality: QualityPlan
    mental: QualityPlan
    veins: VeinsPlan
    effect: EffectPlan
    belief: BeliefPlan
    reporting: ReportingPlan
    recall: RecallPlan
    medication: MedicationPlan
    dropout: DropoutPlan
    later: LaterPlan
    slots: SlotsPlan
    retreatment: RetreatmentPlan
    lesions: LesionsPlan
    course: CoursePlan
    attendance: AttendancePlan
    screening: ScreeningPlan
    surveillance: SurveillancePlan
    guess: GuessPlan
    contamination: ContaminationPlan
    allocation: AllocationPlan
    historical: HistoricalPlan


def _three(values: list[float]) -> tuple[float, float, float]:
    a, b, c = [*values, 0.0, 0.0, 0.0][:3]
    return a, b, c


def _study(scenario: Scenario, decline: DeclinePlan, season: SeasonPlan, effect: EffectPlan) -> StudyPlan:
    s = scenario.study
    peak = highest(season.amplitude)
    ratio = effect.rate_ratio * (scenario.sites.largest_ratio() if _has_effect(scenario) else 1.0)
    rising = math.exp(decline.before_per_day * scenario.relapse.plan().history_days)
    return StudyPlan(
        resolution=float(scenario.clock.resolution_days),
        randomised=1.0 if scenario.randomised else 0.0,
        follow_up_days=months(s.follow_up_months),
        close_day=s.close_days or math.inf,
        # a whisker above, so that rounding in exp() can't lift a factor over its bound
        history_bound=(rising * (1.0 + 1e-12) if rising > 1.0 else 1.0) * peak,
        study_bound=max(1.0, ratio) * peak,
        close_after_days=s.close_after_enrolment_days or math.inf,
    )


def _has_effect(scenario: Scenario) -> bool:
    """Tell whether open veins may do something."""
    return scenario.switches.effect and scenario.effect.enabled


def _historical(scenario: Scenario) -> HistoricalPlan:
    """Give who the controls of the past are, in the design that has them."""
    if not scenario.historical_control:
        return NOBODY
    on, kinds = scenario.switches, [arm.procedure for arm in scenario.arm]
    treated = kinds.index("angioplasty")
    arms = (1 - treated, treated)
    ratios = [scenario.arm[arm].ratio for arm in arms]
    return scenario.historical.plan(
        arms,
        scenario.historical.targets(scenario.enrolment.target, *ratios),
        scenario.eligibility.plan(on.selection),
        not on.under_reporting,
        on.recall,
    )


def _later(scenario: Scenario) -> LaterPlan:
    arms = scenario.arm
    return LaterPlan(
        delay_days=_three([months(a.delay_months) for a in arms]),
        procedures=_three([float(PROCEDURES.index(a.then or "none")) for a in arms]),
        days=_three([months(a.then_months) for a in arms]),
        is_open=_three([float(a.then_open) for a in arms]),
    )


def _screening(scenario: Scenario, stenosis: tuple[float, float, float]) -> ScreeningPlan:
    ms, control = (scenario.group_arm(group) for group in GROUPS)
    places = (scenario.arm[ms].ratio, scenario.arm[control].ratio) if scenario.case_control else None
    return scenario.screening.plan(scenario.switches.unblinded_doppler, stenosis, places, ms)


def make_plan(scenario: Scenario) -> Plan:
    """Give the plan of a scenario, its switches applied."""
    on = scenario.switches
    decline = scenario.decline.plan(after=on.decline)
    season = scenario.season.plan()
    effect = scenario.effect.plan(on.effect)
    veins = scenario.veins.plan()
    return Plan(
        study=_study(scenario, decline, season, effect),
        ratios=_three([float(a.ratio) for a in scenario.arm]),
        procedures=_three([float(PROCEDURES.index(a.procedure)) for a in scenario.arm]),
        visit_days=scenario.visits.plan(),
        sites=scenario.sites.plan(_has_effect(scenario)),
        enrolment=scenario.enrolment.plan(),
        self_referral=scenario.self_referral.plan(on.self_referral),
        eligibility=scenario.eligibility.plan(on.selection),
        randomisation=scenario.randomisation.plan(),
        frailty=scenario.frailty.plan(),
        activity=scenario.activity.plan(),
        relapse=scenario.relapse.plan(),
        decline=decline,
        season=season,
        disability=scenario.disability.plan(on.rater_bias),
        msfc=scenario.msfc.plan(on.practice, on.rater_bias),
        quality=scenario.quality.plan(on.placebo),
        mental=scenario.quality.mental_plan(on.placebo),
        veins=veins,
        effect=effect,
        belief=scenario.belief.plan(scenario.angioplasty_share()),
        reporting=scenario.reporting.plan(not on.under_reporting, on.rater_bias),
        recall=scenario.recall.plan(on.recall),
        medication=scenario.medication.plan(on.medication),
        dropout=scenario.dropout.plan(on.attrition),
        later=_later(scenario),
        slots=scenario.slots.plan(),
        retreatment=scenario.retreatment.plan(),
        lesions=scenario.lesions.plan(scenario.visits.months),
        course=scenario.course.plan(scenario.eligibility.may_enter),
        attendance=scenario.visits.attendance_plan(),
        screening=_screening(scenario, veins.stenosis),
        surveillance=scenario.surveillance.plan(on.triggered_imaging, on.unblinded_doppler, on.rater_bias),
        guess=scenario.belief.guess_plan(),
        contamination=scenario.contamination.plan(on.contamination),
        allocation=scenario.randomisation.allocation(scenario.randomised, on.foreseen_allocation),
        historical=_historical(scenario),
    )
