"""The truth of an endpoint, from the potential worlds of the same patients.

In each world every enrolled patient has one and the same procedure and stays to the end. True onsets and latent
scores are read, so no reporting, rater or recall error enters. Belief is held on one reference path that does not
depend on the arm; the total effect, with belief free, stands beside it. With controls of the past the patients are
those of today: the truth is the effect on the treated.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass

import numpy as np
from numpy.typing import NDArray

from sim.analysis.sums import TIMED
from sim.analysis.survival import first_relapse_estimates
from sim.analysis.trial import VISIT_FIELD, contrast, lesions, of_today, visit_number
from sim.core.defaults import TWIN_TRIALS
from sim.core.endpoints import AT_SCANS, CONFIRMED_AFTER, ENDPOINTS, parse_endpoint
from sim.data.cohort import Cohort, at_visit, first_event, of_course, restenosed, window
from sim.data.worsening import first_worsening
from sim.engines.world import World, potential, potential_arm
from sim.model.doppler import log_odds_ratio, prevalence
from sim.model.veins import ANGIOPLASTY, PROCEDURES
from sim.scenario.plan import make_plan
from sim.scenario.schema import Endpoint, Scenario
from sim.study.keep import keep, kept_file, read
from sim.study.performance import Truth
from sim.study.play import Play
from sim.study.pooled import difference, log_ratio
from sim.study.runner import Failure, Pool, Watcher, Workers
from sim.study.wanted import wanted

TWIN_SEED = 20090101

GROUPS = 20

Pair = tuple[World, World]
Times = tuple[NDArray[np.float64], NDArray[np.bool_]]
Answer = tuple[NDArray[np.float64], dict[tuple[int, int], tuple[Times, Times]]]
"""Sums (endpoint, 2 estimands, 4): sum and weight in the treated world, then in the other; and, by endpoint and
estimand, days to the first event and whether there was one, in both worlds."""


@dataclass(frozen=True)
class Twins:
    """Answers, for one trial, what each endpoint's truth and total effect are made of; picklable."""

    play: Play

    def __call__(self, trial: int) -> Answer:
        """Give the sums of a trial, and the times of first events of the endpoints that ask for them."""
        people: dict[World, Cohort] = {}
        scenario = self.play.scenario
        want = wanted(scenario)._replace(counts=frozenset(("true",)), past=False, guesses=False)

        def lived(world: World) -> Cohort:
            if world not in people:
                people[world] = of_today(scenario, self.play.people(trial, world, want))
            return people[world]

        sums, times = np.zeros((len(scenario.endpoint), 2, 4)), {}
        for i, endpoint in enumerate(scenario.endpoint):
            if endpoint.name.startswith("restenosis"):  # a share, not a contrast: nothing is taken off
                share = _sum(scenario, endpoint, lived(potential(float(ANGIOPLASTY), True)))
                sums[i] = [(*share, 0.0, 1.0)] * 2
                continue
            for j, (treated, control) in enumerate(worlds(scenario, endpoint)):
                if treated == control:
                    continue
                if endpoint.name in TIMED:
                    times[i, j] = (
                        _seen(true_times(scenario, endpoint, of_course(lived(treated), endpoint.course))),
                        _seen(true_times(scenario, endpoint, of_course(lived(control), endpoint.course))),
                    )
                else:
                    sums[i, j, :2] = _sum(scenario, endpoint, of_course(lived(treated), endpoint.course))
                    sums[i, j, 2:] = _sum(scenario, endpoint, of_course(lived(control), endpoint.course))
        return sums, times

    def warm(self) -> None:
        """Load, or compile, what the run needs."""
        self(0)


def worlds(scenario: Scenario, endpoint: Endpoint) -> tuple[Pair, Pair]:
    """Give the two worlds behind the truth and the two behind the total effect; equal worlds are one world.

    Where open veins do nothing, the worlds of the truth coincide; where both arms have a procedure, everyone is blinded
    without a leak and nothing moves a belief, it is on its reference path anyhow and the total effect is the truth.
    """
    if scenario.before_after:
        kinds = (float(PROCEDURES.index(scenario.arm[0].procedure)), 0.0)
    else:
        arms = contrast(scenario, endpoint)
        if any(scenario.arm[a].delay_months or scenario.arm[a].then for a in arms):
            return _strategies(scenario, arms)
        kinds = tuple(float(PROCEDURES.index(scenario.arm[a].procedure)) for a in arms)  # type: ignore[assignment]
    first, second = (potential(k, True) for k in kinds)
    truth = (first, first) if scenario.no_effect else (first, second)
    b = scenario.belief
    blind = b.blinding_leak == 0.0 and "open" not in (b.patient, b.physician, b.assessor) and not b.moves
    if kinds[0] == kinds[1]:
        return (first, first), (first, first)
    if blind and 0.0 not in kinds:
        return truth, truth
    return truth, (potential(kinds[0], False), potential(kinds[1], False))


def _strategies(scenario: Scenario, arms: tuple[int, int]) -> tuple[Pair, Pair]:
    """Give the worlds of arms that differ by more than a procedure: everyone treated as in one, as in the other."""
    first, second = (potential_arm(a, True) for a in arms)
    truth = (first, first) if scenario.no_effect else (first, second)
    return truth, (potential_arm(arms[0], False), potential_arm(arms[1], False))


def true_values(
    scenario: Scenario, endpoint: Endpoint, people: Cohort
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.bool_]]:
    """Give each patient's true value, its weight (years, scans or 1) and whether it is known, as the endpoint asks."""
    base, months = parse_endpoint(endpoint.name)
    field = VISIT_FIELD.get(base.removesuffix("_change"))
    if field:
        month = scenario.study.after_months[1] if months is None else months
        latent = at_visit(people, f"{field}_latent", visit_number(scenario, month))
        change = latent - at_visit(people, f"{field}_latent", 0)
        return change, np.ones(people.size), ~np.isnan(change)
    if base in AT_SCANS:
        return *lesions(scenario, base, months, people, "_latent"), np.ones(people.size, bool)
    if base == "restenosis":
        narrow = restenosed(people, False, months or 0.0)
        return narrow, np.ones(people.size), ~np.isnan(narrow)
    start, end = scenario.study.after_months if months is None else (0.0, months)
    lived = window(people, "true", start, end, planned=True)
    if base.startswith("arr"):
        return lived.counts, lived.years, np.ones(people.size, bool)
    return (lived.counts == 0.0).astype(float), np.ones(people.size), lived.years > 0.0


def _sum(scenario: Scenario, endpoint: Endpoint, people: Cohort) -> tuple[float, float]:
    """Give the sum of the endpoint's true values and its weight (years, scans or patients)."""
    values, weights, known = true_values(scenario, endpoint, people)
    return float(values[known].sum()), float(weights[known].sum())


def true_times(scenario: Scenario, endpoint: Endpoint, people: Cohort) -> Times:
    """Give days from study day 1 to the first true event or to censoring with nobody leaving, and which it was.

    A true worsening is one of latent EDSS at the visits, put on the grid without rater error, near no true relapse.
    Who has no days above 0 was not observed.
    """
    weeks = CONFIRMED_AFTER.get(endpoint.name)
    if weeks is None:
        days, event = first_event(people, "true", planned=True)
    else:
        days, event = first_worsening(people, scenario.worsening.plan(), weeks, "true", "edss_latent")
    return days, event


def _seen(times: Times) -> Times:
    seen = times[0] > 0.0
    return times[0][seen], times[1][seen]


def find_truth(
    scenario: Scenario,
    trials: int = TWIN_TRIALS,
    workers: Workers = 1,
    watch: Watcher | None = None,
    engine: str = "compiled",
) -> list[Truth]:
    """Give the truth of each endpoint, from `trials` twin trials; answers are kept on disk.

    That of a prevalence study is known without a trial.
    """
    if scenario.case_control:
        return [true_odds_ratio(scenario)] * len(scenario.endpoint)
    kept = kept_file("truth", scenario, TWIN_SEED, trials)
    known = read(kept, Truth)
    if len(known) == len(scenario.endpoint):
        return known
    play = Play(scenario, TWIN_SEED, engine)
    with Pool(Twins(play), TWIN_SEED, workers) as pool:
        answers = pool.run(range(trials), watch)
    good = [a for a in answers if not isinstance(a, Failure)]
    for answer in answers:
        if isinstance(answer, Failure):
            raise answer.error()
    found = [_truth(scenario, i, good) for i in range(len(scenario.endpoint))]
    keep(kept, [asdict(t) for t in found])
    return found


def true_odds_ratio(scenario: Scenario) -> Truth:
    """Give the log odds ratio of having a stenosed vein, MS over controls, in closed form; NaN where infinite."""
    plan = make_plan(scenario)
    value = log_odds_ratio(prevalence(plan.veins.stenosis), prevalence(plan.screening.control_stenosis))
    return Truth(value, 0.0, value, 0.0)


def _truth(scenario: Scenario, number: int, answers: list[Answer]) -> Truth:
    base, _ = parse_endpoint(scenario.endpoint[number].name)
    if base in TIMED:
        pairs = [[times.get((number, j)) for _, times in answers] for j in range(2)]
        return Truth(*_log_hazard_ratio(pairs[0]), *_log_hazard_ratio(pairs[1]))
    sums = np.array([own[number] for own, _ in answers])
    make = log_ratio if ENDPOINTS[base].scale == "log_ratio" else difference
    return Truth(*make(sums[:, 0]).with_error(), *make(sums[:, 1]).with_error())


def _log_hazard_ratio(pairs: list[tuple[Times, Times] | None]) -> tuple[float, float]:
    """Give the Cox log hazard ratio of all twins pooled: the limit of the analysis, where hazards are not proportional
    too; its standard error by leaving out one of 20 groups of trials at a time (jackknife)."""
    given = [p for p in pairs if p is not None]
    if not given:
        return 0.0, 0.0
    whole = _pooled_hazard_ratio(given)
    if len(given) < GROUPS:
        return whole, math.nan
    without = [_pooled_hazard_ratio([p for k, p in enumerate(given) if k % GROUPS != g]) for g in range(GROUPS)]
    return whole, math.sqrt((GROUPS - 1.0) / GROUPS * float(np.sum((np.array(without) - np.mean(without)) ** 2)))


def _pooled_hazard_ratio(pairs: list[tuple[Times, Times]]) -> float:
    days = np.concatenate([side[0] for pair in pairs for side in pair])
    event = np.concatenate([side[1] for pair in pairs for side in pair])
    treated = np.concatenate([np.full(len(side[0]), k == 0) for pair in pairs for k, side in enumerate(pair)])
    return float(first_relapse_estimates(days, event, treated, np.array([0, len(days)]), 0.05).value[0])
