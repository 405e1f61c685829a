"""What single keys can't tell: values that are legal one by one but don't go together. All are told at once."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING

from sim.core.endpoints import AT_SCANS, AT_VISITS, CONFIRMED_AFTER, ENDPOINTS, UNTESTED, allowed_names, parse_endpoint
from sim.core.params import Refusal, Refusals
from sim.core.units import DAYS_PER_MONTH, DAYS_PER_YEAR, on_clock
from sim.model.allocation import WITH_FACTORS
from sim.model.relapse import MOST_LAYERS
from sim.model.season import highest
from sim.model.worsening import DAYS_PER_WEEK, due_days, may_confirm
from sim.scenario import conduct
from sim.scenario.checks_course import attendance, courses, quotas
from sim.scenario.prevalence import prevalence, screening
from sim.scenario.prior import effect_prior

if TYPE_CHECKING:
    from sim.scenario.schema import Endpoint, Scenario

ARMS: dict[str, tuple[str, ...]] = {
    "sham_parallel": ("angioplasty", "sham"),
    "three_arm": ("angioplasty", "none", "sham"),
    "immediate_v_delayed": ("angioplasty", "angioplasty"),
    "sham_crossover": ("angioplasty", "sham"),
}


def check(scenario: Scenario) -> None:
    """Raise Refusals with everything in the scenario that contradicts itself."""
    parts: tuple[Callable[[Scenario], Iterator[Refusal]], ...] = (
        _arms,
        _later,
        _slots,
        _retreatment,
        _blinding,
        _allocation,
        _minimisation,
        _visits,
        _endpoints,
        _windows,
        _history,
        _layers,
        _recruitment,
        _population,
        _lesions,
        _surveillance,
        _guesses,
        _factors,
        _steering,
    )
    parts += (courses, quotas, attendance, screening, prevalence, effect_prior, *conduct.PARTS)
    refusals = [refusal for part in parts for refusal in part(scenario)]
    if refusals:
        raise Refusals(refusals)


def _arms(s: Scenario) -> Iterator[Refusal]:
    design = s.study.design
    found = tuple(sorted(a.procedure for a in s.arm))
    if design in ARMS and found != ARMS[design]:
        yield Refusal("arm", f"procedures {list(found)}", f"{design} has one arm of each of {list(ARMS[design])}")
    if design == "open_label_parallel" and (len(found) != 2 or found.count("angioplasty") != 1):
        yield Refusal(
            "arm", f"procedures {list(found)}", "open_label_parallel has angioplasty and one arm of sham or none"
        )
    if design == "uncontrolled_before_after" and len(found) != 1:
        yield Refusal("arm", f"{len(found)} arms", "uncontrolled_before_after has exactly one arm")
    names = [a.name for a in s.arm]
    for i, name in enumerate(names):
        if name in names[:i]:
            yield Refusal(f"arm[{i}].name", name, "each arm has a name of its own")


def _later(s: Scenario) -> Iterator[Refusal]:
    """Refuse delays and second procedures that can't be, or that the design does not have."""
    design, follow_up = s.study.design, s.study.follow_up_months
    for i, arm in enumerate(s.arm):
        here, first = f"arm[{i}]", s.veins.wait_days / DAYS_PER_MONTH + arm.delay_months
        if (arm.delay_months or arm.then) and not s.randomised:
            key = "delay_months" if arm.delay_months else "then"
            yield Refusal(f"{here}.{key}", getattr(arm, key), f"nothing in {design}; put waiting into veins.wait_days")
        elif arm.delay_months and (arm.procedure == "none" or first > follow_up):
            allowed = f"0, or with a procedure at most study.follow_up_months = {follow_up:g}, veins.wait_days included"
            yield Refusal(f"{here}.delay_months", arm.delay_months, allowed)
        elif arm.then and not first < arm.then_months <= follow_up:
            yield Refusal(
                f"{here}.then_months",
                arm.then_months,
                f"after the arm's first procedure (month {first:.3g}) and by study.follow_up_months = {follow_up:g}",
            )
        elif arm.then_months and not arm.then:
            yield Refusal(f"{here}.then", "nothing", 'the procedure at then_months: "sham" or "angioplasty"')
    if design == "immediate_v_delayed" and len({a.delay_months for a in s.arm}) < len(s.arm):
        yield Refusal("arm", "equal delay_months", "immediate_v_delayed has arms of different delay_months")
    if design == "sham_crossover" and not any(a.then for a in s.arm):
        yield Refusal("arm", "no second procedure", "sham_crossover has an arm with then and then_months")


def _retreatment(s: Scenario) -> Iterator[Refusal]:
    """Refuse to treat again what nobody looks for."""
    if s.retreatment.policy == "on_detection" and not s.surveillance.enabled:
        yield Refusal("retreatment.policy", "on_detection", "none, or surveillance.enabled = true to detect anything")


def _slots(s: Scenario) -> Iterator[Refusal]:
    """Refuse a queue that nobody leaves, and one before study day 1."""
    if s.slots.enabled and s.slots.per_site == 0:
        yield Refusal("slots.per_site", 0, "at least 1 where procedures wait for a slot (slots.enabled = true)")
    if s.slots.enabled and not s.randomised:
        yield Refusal(
            "slots.enabled",
            True,
            f"false in {s.study.design}, whose study day 1 is the procedure; put waiting into veins.wait_days",
        )


def _blinding(s: Scenario) -> Iterator[Refusal]:
    if s.study.design == "open_label_parallel" and s.belief.patient != "open":
        yield Refusal("belief.patient", s.belief.patient, 'in open_label_parallel patients know their arm: "open"')
    if s.study.design == "immediate_v_delayed" and s.belief.patient != "open":
        yield Refusal("belief.patient", s.belief.patient, 'in immediate_v_delayed patients know their arm: "open"')
    if s.study.design in ("sham_parallel", "sham_crossover") and s.belief.patient != "blinded":
        yield Refusal("belief.patient", s.belief.patient, f'in {s.study.design} patients are "blinded"')


def _minimisation(s: Scenario) -> Iterator[Refusal]:
    if not s.randomised or s.randomisation.kind != "minimisation" or not s.arm:
        return
    share = max(a.ratio for a in s.arm) / sum(a.ratio for a in s.arm)
    if s.randomisation.minimisation_prob < share:
        yield Refusal(
            "randomisation.minimisation_prob",
            s.randomisation.minimisation_prob,
            f"at least {share:g}, the largest arm's own share: below it imbalance would be sought",
        )


def _allocation(s: Scenario) -> Iterator[Refusal]:
    if not s.randomised or s.randomisation.kind not in ("permuted_blocks", "stratified_blocks") or not s.arm:
        return
    total = sum(a.ratio for a in s.arm)
    if s.randomisation.block_size % total:
        yield Refusal(
            "randomisation.block_size",
            s.randomisation.block_size,
            f"a multiple of the sum of the ratios under [[arm]], {total}",
        )


def _visits(s: Scenario) -> Iterator[Refusal]:
    months, end = s.visits.months, s.study.follow_up_months
    if months[0] != 0.0:
        yield Refusal("visits.months", months[0], "the first visit is the baseline, at month 0")
    if any(b <= a for a, b in pairwise(months)):
        yield Refusal("visits.months", months, "months in rising order")
    if months[-1] > end:
        yield Refusal("visits.months", months[-1], f"no visit after study.follow_up_months = {end:g}")


def _endpoints(s: Scenario) -> Iterator[Refusal]:
    keys = [e.key for e in s.endpoint]
    for i, endpoint in enumerate(s.endpoint):
        here = f"endpoint[{i}]"
        if endpoint.key in keys[:i]:
            yield Refusal(
                f"{here}.id" if endpoint.id else f"{here}.name", endpoint.key, "each endpoint has an id of its own"
            )
        try:
            base, months = parse_endpoint(endpoint.name)
        except ValueError:
            yield Refusal(f"{here}.name", endpoint.name, allowed_names(endpoint.name))
            continue
        yield from _endpoint_design(s, here, endpoint.name, base, months)
        for role in ("treatment", "control"):
            name = getattr(endpoint, role)
            if name and name not in [a.name for a in s.arm]:
                yield Refusal(f"{here}.{role}", name, f"the name of an [[arm]]: {[a.name for a in s.arm]}")
        yield from _contrast(s, here, endpoint)
    if not keys:
        yield Refusal("endpoint", "no endpoint", "at least one [[endpoint]]")
    names = [e.name for e in s.endpoint if e.key == s.study.primary]
    if names and names[0].startswith(UNTESTED):
        yield Refusal(
            "study.primary", s.study.primary, "an endpoint that is tested; this is a share, compared with none"
        )
    if s.study.primary and s.study.primary not in keys:
        yield Refusal("study.primary", s.study.primary, f"the id of an [[endpoint]]: {keys}")


def _contrast(s: Scenario, here: str, endpoint: Endpoint) -> Iterator[Refusal]:
    kinds = {a.name: a.procedure for a in s.arm}
    treatment = endpoint.treatment or next((name for name, kind in kinds.items() if kind == "angioplasty"), "")
    if s.before_after or treatment not in kinds or len(kinds) == 1:
        return
    others = [name for name in kinds if name != treatment]
    default = "sham" if "sham" in kinds.values() and kinds[treatment] != "sham" else "none"
    if s.study.design == "immediate_v_delayed":
        default = "angioplasty"
    if endpoint.control == treatment:
        yield Refusal(f"{here}.control", endpoint.control, f"an arm other than {treatment}: {others}")
    elif not endpoint.control and default not in [kinds[name] for name in others]:
        yield Refusal(f"{here}.control", "nothing", f"the arm that {treatment} is compared with: {others}")


def _endpoint_design(s: Scenario, here: str, name: str, base: str, months: float | None) -> Iterator[Refusal]:
    wanted = "before_after" if s.before_after else "case_control" if s.case_control else "parallel"
    end = s.study.after_months[1]
    if ENDPOINTS[base].design != wanted:
        served = [e.base for e in ENDPOINTS.values() if e.design == wanted]
        yield Refusal(f"{here}.name", name, f"an endpoint for {s.study.design}: {served}")
    elif base in AT_VISITS and months not in s.visits.months:
        yield Refusal(f"{here}.name", name, f"a month at which there is a visit, of visits.months: {s.visits.months}")
    elif months is not None and months > s.study.follow_up_months:
        yield Refusal(f"{here}.name", name, f"no later than study.follow_up_months = {s.study.follow_up_months:g}")
    elif s.before_after and base.removesuffix("_change") in AT_VISITS and end not in s.visits.months:
        yield Refusal(f"{here}.name", name, f"a visit in visits.months at the end of the after-window, month {end:g}")
    elif base in AT_SCANS:
        yield from _scans(s, here, name, base, end if months is None else months)
    elif base == "restenosis":
        yield from _restenosis(s, here, name)
    elif base in CONFIRMED_AFTER:
        yield from _confirmation(s, here, name, CONFIRMED_AFTER[base])


def _scans(s: Scenario, here: str, name: str, base: str, month: float) -> Iterator[Refusal]:
    """Refuse endpoints on lesions without the scans that they are made of."""
    months = s.lesions.scan_months
    if not s.lesions.enabled:
        yield Refusal(f"{here}.name", name, "an endpoint on lesions only where [lesions] is enabled")
    elif month not in months or month == 0.0:
        yield Refusal(
            f"{here}.name",
            name,
            f"a month after the baseline at which there is a scan, of lesions.scan_months: {months}",
        )
    elif base != "gd_lesions" and 0.0 not in months:
        yield Refusal(f"{here}.name", name, f"a scan at the baseline, month 0, in lesions.scan_months: {months}")


def _lesions(s: Scenario) -> Iterator[Refusal]:
    scans = s.lesions.scan_months
    if not s.lesions.enabled:
        return
    if any(b <= a for a, b in pairwise(scans)):
        yield Refusal("lesions.scan_months", scans, "months in rising order")
    elif not set(scans) <= set(s.visits.months):
        yield Refusal(
            "lesions.scan_months", scans, f"months at which there is a visit, of visits.months: {s.visits.months}"
        )


def _restenosis(s: Scenario, here: str, name: str) -> Iterator[Refusal]:
    if not s.surveillance.enabled:
        yield Refusal(f"{here}.name", name, "an endpoint of [surveillance] where surveillance.enabled = true")
    if [a.procedure for a in s.arm] != ["angioplasty"]:
        yield Refusal(f"{here}.name", name, "a share of those who had angioplasty: one [[arm]], of angioplasty")


def _confirmation(s: Scenario, here: str, name: str, weeks: float) -> Iterator[Refusal]:
    """Refuse visits that can confirm no worsening, and those that can only confirm one when twice the time has gone."""
    least, most = due_days(weeks, s.worsening.tolerance_days), 2.0 * weeks * DAYS_PER_WEEK
    soonest = soonest_confirmation(s.visits.plan(), least)
    if soonest == math.inf:
        yield Refusal(
            f"{here}.name", name, f"visits.months after the baseline of which two are {least:g} days apart or more"
        )
    elif soonest >= most:
        yield Refusal(
            f"{here}.name",
            name,
            f"visits.months of which one confirms another in less than {most:g} days; these take {soonest:.0f} or more",
        )


def soonest_confirmation(visit_days: Sequence[float], least_days: float) -> float:
    """Give the fewest days from a visit after the baseline to the first that may confirm it; infinity without any."""
    seen = visit_days[1:]
    waits = [[b - a for b in seen if may_confirm(a, b, least_days)] for a in seen]
    return min((min(wait) for wait in waits if wait), default=math.inf)


def _windows(s: Scenario) -> Iterator[Refusal]:
    if not s.before_after:
        return
    before, after = s.study.before_months, s.study.after_months
    if not before[0] < before[1] <= 0.0:
        yield Refusal("study.before_months", before, "start and end in rising order, the end no later than month 0")
    if not 0.0 <= after[0] < after[1]:
        yield Refusal("study.after_months", after, "start and end in rising order, the start no earlier than month 0")
    if after[1] > s.study.follow_up_months:
        yield Refusal(
            "study.after_months", after, f"no end after study.follow_up_months = {s.study.follow_up_months:g}"
        )


def _look_backs(s: Scenario) -> Iterator[tuple[float, str]]:
    """Give how many years of history each mechanism looks back on, and the key that says so."""
    shift = s.recall.telescoping_share if s.recall.enabled and s.recall.telescoping_prob > 0.0 else 0.0
    recalled = 1.0 - shift  # older relapses are dated into the window
    by_recall = f" with recall.telescoping_share = {shift:g}" if shift else ""
    yield s.eligibility.look_back_years / recalled, f"[eligibility]{by_recall}"
    if s.before_after:
        recalled_days = -s.study.before_months[0] * DAYS_PER_MONTH - s.enrolment.run_in_days  # the rest is observed
        yield recalled_days / DAYS_PER_YEAR / recalled, f"study.before_months{by_recall}"
    if s.self_referral.enabled:
        yield s.self_referral.window_days / DAYS_PER_YEAR, "self_referral.window_days"
    if s.lesions.enabled and s.activity.enabled and s.activity.kind != "none":
        yield s.lesions.window_days / DAYS_PER_YEAR, "lesions.window_days"


def _history(s: Scenario) -> Iterator[Refusal]:
    rule = s.eligibility
    need, looking = max(_look_backs(s))
    if s.relapse.history_years < need:
        yield Refusal(
            "relapse.history_years",
            s.relapse.history_years,
            f"at least the longest look-back in use, that of {looking}: {need:.3g} years",
        )
    if rule.edss_min > rule.edss_max:
        yield Refusal("eligibility.edss_min", rule.edss_min, f"no more than eligibility.edss_max = {rule.edss_max:g}")
    must = rule.enabled and rule.kind == "strict" and rule.relapses_1y > 0 and rule.relapses_2y > 0
    if must and s.relapse.rate_per_year == 0.0 and s.switches.selection:
        yield Refusal(
            "relapse.rate_per_year",
            0.0,
            "above 0 where the entry rule, [eligibility], asks for relapses; recruitment could never end",
        )


def _layers(s: Scenario) -> Iterator[Refusal]:
    """What multiplies the relapse rate has to stay within the layers of candidate points."""
    peak = highest(s.season.plan().amplitude)
    fall = s.decline.fall_per_year if s.decline.enabled else 0.0
    if -math.log1p(-fall) * s.relapse.history_years > math.log(MOST_LAYERS / peak) - 1e-9:
        past = f"relapse.history_years = {s.relapse.history_years:g}"
        at_peak = f" (and 1 + season.amplitude = {peak:g})" if peak > 1.0 else ""
        yield Refusal(
            "decline.fall_per_year", fall, f"a fall by a factor below {MOST_LAYERS / peak:g} over {past}{at_peak}"
        )
    ratio = s.effect.plan(s.switches.effect).rate_ratio
    if s.switches.effect and s.effect.enabled and ratio * s.sites.largest_ratio() * peak > MOST_LAYERS >= ratio * peak:
        yield Refusal(
            "sites.effect_sd_log",
            s.sites.effect_sd_log,
            f"so little that 3 of it above effect.rate_ratio = {ratio:g} (and at the peak of a season) stay within "
            f"{MOST_LAYERS}",
        )
    if ratio * peak > MOST_LAYERS:
        yield Refusal(
            "season.amplitude",
            s.season.amplitude,
            f"so little that (1 + amplitude) * effect.rate_ratio is no more than {MOST_LAYERS}; "
            f"effect.rate_ratio = {ratio:g}",
        )


def _recruitment(s: Scenario) -> Iterator[Refusal]:
    e, sites = s.enrolment, s.sites
    if e.accrual == "uniform":
        resolution = float(s.clock.resolution_days)
        last = on_clock(e.accrual_days, resolution)
        last = last if e.in_screening == "admit" else on_clock(last + e.entry_days, resolution)
        if last > e.max_days:
            yield Refusal(
                "enrolment.max_days",
                e.max_days,
                f"no less than {last:g}, when the last who arrives over enrolment.accrual_days is through screening",
            )
        if (sites.count - 1) * sites.opening_interval_days >= e.accrual_days:
            yield Refusal(
                "sites.opening_interval_days",
                sites.opening_interval_days,
                f"so little that all {sites.count} sites open within enrolment.accrual_days = {e.accrual_days:g}",
            )
        if turning := ", ".join(f"{table}.enabled = true" for table in _turning_away(s)):
            yield Refusal(
                "enrolment.accrual",
                "uniform",
                f"poisson where candidates are turned away, by {turning} (target never reached)",
            )
        return
    if s.historical_control:
        return  # each era recruits by itself, on a calendar of its own: conduct._eras
    open_days = sum(sites.open_days(i * sites.opening_interval_days, e.max_days) for i in range(sites.count))
    expected = open_days * sites.arrivals_per_month / DAYS_PER_MONTH
    if expected < e.target:
        yield Refusal(
            "enrolment.target",
            e.target,
            f"no more than the {expected:.0f} candidates to be expected with sites.count = {sites.count} and "
            f"sites.arrivals_per_month = {sites.arrivals_per_month:g} within enrolment.max_days = {e.max_days:g}; "
            "recruitment could never end",
        )


def _turning_away(s: Scenario) -> Iterator[str]:
    """Name the tables in use that keep candidates out."""
    if s.eligibility.enabled:
        yield "eligibility"
    if s.self_referral.enabled and s.switches.self_referral:
        yield "self_referral"
    if s.screening.enabled and not s.case_control:
        yield "screening"


def _population(s: Scenario) -> Iterator[Refusal]:
    p = s.population
    if p.on_study_dispersion is not None and p.on_study_rate_per_year is None:
        yield Refusal("population.on_study_rate_per_year", "nothing", "a rate, where on_study_dispersion is given")
    if p.on_study_rate_per_year is not None and p.window_months > s.study.follow_up_months:
        yield Refusal(
            "population.window_months",
            p.window_months,
            f"no more than study.follow_up_months = {s.study.follow_up_months:g}",
        )


def _surveillance(s: Scenario) -> Iterator[Refusal]:
    rule, end = s.surveillance, s.study.follow_up_months
    planned = rule.scheduled_months
    if not rule.enabled:
        return
    if any(b <= a for a, b in pairwise([0.0, *planned])):
        yield Refusal("surveillance.scheduled_months", planned, "months above 0 in rising order")
    elif planned and planned[-1] > end:
        last = f"no month after study.follow_up_months = {end:g}"
        yield Refusal("surveillance.scheduled_months", planned[-1], last)
    if not planned and not rule.on_relapse:
        yield Refusal("surveillance.scheduled_months", planned, "a month at least, or surveillance.on_relapse = true")


def _guesses(s: Scenario) -> Iterator[Refusal]:
    b = s.belief
    if not b.guesses:
        return
    key, found = ("guess_early_days", b.guess_early_days) if b.guess_early_days else ("guess_at_end", True)
    kinds = sorted(a.procedure for a in s.arm if a.procedure != "none")
    if kinds != ["angioplasty", "sham"]:
        yield Refusal(
            f"belief.{key}", found, f"guesses where one arm has angioplasty and one sham; [[arm]] has {kinds}"
        )
    last = DAYS_PER_MONTH * s.study.follow_up_months
    if b.guess_early_days and not 1.0 <= b.guess_early_days < last:
        yield Refusal(
            "belief.guess_early_days",
            b.guess_early_days,
            f"0, or from 1 to below the {last:g} days of study.follow_up_months",
        )


def _factors(s: Scenario) -> Iterator[Refusal]:
    kind, factors = s.randomisation.kind, s.randomisation.factors
    if not s.randomised:
        return
    if kind in WITH_FACTORS and not factors:
        yield Refusal(
            "randomisation.factors",
            "none",
            f"at least one factor with randomisation.kind = {kind}: site, edss or relapses",
        )
    if kind not in WITH_FACTORS and factors:
        yield Refusal(
            "randomisation.factors",
            factors,
            f"none with randomisation.kind = {kind}; they are for {' and '.join(WITH_FACTORS)}",
        )
    if len(set(factors)) < len(factors):
        yield Refusal("randomisation.factors", factors, "each factor once")


def _steering(s: Scenario) -> Iterator[Refusal]:
    r = s.randomisation
    if r.steers and not s.randomised:
        yield Refusal(
            "randomisation.steering_prob", r.steering_prob, f"0 in {s.study.design}, where there is nothing to allocate"
        )
    if r.steers and s.switches.foreseen_allocation and s.enrolment.accrual == "uniform":
        yield Refusal(
            "enrolment.accrual",
            "uniform",
            "poisson where a recruiter may steer candidates away by randomisation.steering_prob (target never reached)",
        )
