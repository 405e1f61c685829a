"""The world of the regression-to-the-mean laboratory, and the remedies: scenarios, windows, who is compared."""

from __future__ import annotations

import math
from typing import NamedTuple

from sim.core.errors import ShamtrialError
from sim.core.units import DAYS_PER_MONTH, DAYS_PER_YEAR
from sim.engines.want import Want
from sim.engines.world import potential
from sim.model.eligibility import STRICT
from sim.model.randomisation import Randomisation
from sim.model.relapse import MOST_LAYERS
from sim.model.season import highest
from sim.model.slots import Slots
from sim.model.veins import NONE
from sim.scenario.plan import make_plan
from sim.scenario.schema import Arm, Scenario

WORLD = potential(float(NONE), True)
TRUE_PAST = Want(frozenset(("true",)), (), True, surveillance=False, guesses=False)
HISTORY_YEARS = 4.0
MONTHS_AFTER = 24.0
LONG_MONTHS = 36.0

Months = tuple[float, float]


class Remedy(NamedTuple):
    """A way to design the study: its scenario, the two windows (months from study day 1), or arms compared instead."""

    key: str
    name: str
    scenario: Scenario
    before: Months
    after: Months
    controlled: bool = False

    @property
    def like_with_like(self) -> bool:
        """Whether the shares relapse-free are of windows of one length."""
        return self.controlled or years_of(self.before) == years_of(self.after)


def untreated(scenario: Scenario) -> Scenario:
    """Give the scenario with nothing done to anybody: no effect, no medication, nobody leaves, a clock without days.

    The past is lengthened to four years, where decline leaves room, and follow-up so that two years from screening are
    seen; nothing else changes. Raises ShamtrialError for designs in which patients are not of one source and followed.
    """
    if scenario.case_control or scenario.historical_control:
        raise ShamtrialError(
            f"rtm: study.design: found {scenario.study.design}; allowed: a design that follows patients of one source, "
            "such as uncontrolled_before_after or sham_parallel"
        )
    off = {"medication": False, "effect": False, "contamination": False, "attrition": False}
    follow_up = max(scenario.study.follow_up_months, MONTHS_AFTER)
    study = {"close_days": 0.0, "close_after_enrolment_days": 0.0, "follow_up_months": follow_up}
    return scenario.model_copy(
        update={
            "switches": scenario.switches.model_copy(update=off),
            "study": scenario.study.model_copy(update=study),
            "clock": scenario.clock.model_copy(update={"resolution_days": 0}),
            "relapse": scenario.relapse.model_copy(update={"history_years": _history(scenario)}),
        }
    )


def _history(scenario: Scenario) -> float:
    """Give the scenario's history, or four years if decline stays within its layers over them."""
    own = scenario.relapse.history_years
    fall = -math.log1p(-scenario.decline.fall_per_year) if scenario.decline.enabled else 0.0
    room = math.log(MOST_LAYERS / highest(scenario.season.plan().amplitude)) - 1e-6
    return max(own, HISTORY_YEARS) if fall * HISTORY_YEARS < room else own


def windows_of(scenario: Scenario) -> tuple[Months, Months]:
    """Give the windows before and after: the study's own, or the year to either side of study day 1."""
    s = scenario.study
    if scenario.before_after:
        return (s.before_months[0], s.before_months[1]), (s.after_months[0], s.after_months[1])
    return (-12.0, 0.0), (0.0, min(12.0, s.follow_up_months))


def qualifying_months(scenario: Scenario) -> float:
    """Give how many months before screening the entry rule looks at relapses; 0: not at all."""
    rule = make_plan(scenario).eligibility
    if rule.kind == STRICT:
        return 24.0 if rule.relapses_2y > 0.0 and rule.relapses_1y > 0.0 else 0.0
    days = rule.relapse_free_days
    return 12.0 if rule.kind else days / DAYS_PER_MONTH


def everyone(scenario: Scenario) -> Scenario:
    """Give the scenario with all candidates let in, whatever their relapses: the population they come from."""
    off = {"selection": False, "self_referral": False}
    return scenario.model_copy(update={"switches": scenario.switches.model_copy(update=off)})


def remedies(scenario: Scenario) -> tuple[Remedy, ...]:
    """Give the study as designed and its remedies; `scenario` is an `untreated` one."""
    before, after = windows_of(scenario)
    length = before[1] - before[0]
    run_in = math.ceil(-before[0] * DAYS_PER_MONTH)
    apart = _apart(scenario, length)
    longest = _longest(scenario)
    watched = scenario.enrolment.model_copy(update={"run_in_days": float(run_in)})
    run_in_words = f"baseline counted in a run-in of {-before[0]:g} months"
    found = [
        Remedy("as_designed", f"as designed: {length:g} months before, {after[1] - after[0]:g} after", scenario,
               before, after),
        Remedy("longer_look_back", f"longer look-back: {longest:g} months before", scenario, (-longest, 0.0), after),
        Remedy("run_in", run_in_words, scenario.model_copy(update={"enrolment": watched}), before, after),
        Remedy("separate_baseline", f"separate baseline: months {apart[0]:g} to {apart[1]:g}".replace("-", "\u2212"),
               scenario, apart, after),
        Remedy("control_group", "control group: the same rule, half of them untreated", two_arms(scenario), before,
               after, True),
    ]  # fmt: skip
    reached = -apart[0] <= 12.0 * scenario.relapse.history_years
    return tuple(r for r in found if r.key != "separate_baseline" or reached)


def _longest(scenario: Scenario) -> float:
    """Give the longest window before study day 1, up to three years, that the history reaches."""
    return min(LONG_MONTHS, math.floor(12.0 * scenario.relapse.history_years))


def _apart(scenario: Scenario, length: float) -> Months:
    """Give a window as long as the before-window that ends where the qualifying window begins, in whole months."""
    v = scenario.veins
    delay = (scenario.enrolment.entry_days + v.wait_days + 3.0 * v.wait_mean_days) / DAYS_PER_MONTH
    end = -math.ceil(qualifying_months(scenario) + delay)
    return end - length, float(end)


def two_arms(scenario: Scenario) -> Scenario:
    """Give the scenario as a randomised comparison, 1:1, of nothing and a procedure that does nothing."""
    arms = [Arm(name="control", procedure="none"), Arm(name="treated", procedure="angioplasty")]
    return scenario.model_copy(
        update={
            "arm": arms,
            "study": scenario.study.model_copy(update={"design": "open_label_parallel"}),
            "randomisation": Randomisation(),
            "slots": Slots(),
        }
    )


def is_gamma_poisson(scenario: Scenario) -> bool:
    """Tell whether, untreated, counts are those of the closed form: frailty alone, the rule applied on study day 1."""
    plan = make_plan(scenario)
    windows = windows_of(scenario)
    at_once = plan.enrolment.entry_days == plan.veins.wait_days == plan.veins.wait_mean_days == 0.0
    plain = plan.activity.on == 0.0 and plan.decline.before_per_day == 0.0 and plan.season.amplitude == 0.0
    known = plan.relapse.refractory_days == 0.0 and plan.recall == plan.recall._replace(
        omission_prob=0.0, telescoping_prob=0.0
    )
    alike = plan.self_referral.weight == 1.0 and plan.sites.relapse_shape == 0.0 and plan.course.on == 0.0
    e = plan.eligibility
    by_relapses = e.relapse_free_days == 0.0 and (e.kind == 0.0 or (e.edss_min <= 0.0 and e.edss_max >= 10.0))
    rule_1y = windows[0] == (-12.0, 0.0) and windows[1][1] - windows[1][0] == 12.0
    return bool(at_once and plain and known and alike and by_relapses and rule_1y)


def years_of(window: Months) -> float:
    """Give the length of a window in years."""
    return (window[1] - window[0]) * DAYS_PER_MONTH / DAYS_PER_YEAR
