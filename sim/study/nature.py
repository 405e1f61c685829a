"""What the lives of enrolled patients were bound to hold: the intensity of their relapses, day by day.

A patient's intensity is rate * frailty * activity * calendar, the calendar being decline and season. From it follows,
with no draw, how many relapses a window was expected to hold for this patient, given frailty and the path of activity:
what was counted beyond that is chance. Relapses within the refractory time of the last one are merged into it, so
fewer are expected than the intensity says: the rate rho of counted onsets is the intensity times the probability that
no onset was counted in the refractory time r before, and as two never lie within r, that is rho(t) = lambda(t) * (1 -
integral of rho over (t - r, t)).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sim.core.events import Kind
from sim.core.streams import SITE, SITE_ITSELF, patient_word, uniforms
from sim.core.units import DAYS_PER_YEAR, months
from sim.data.cohort import Cohort
from sim.engines.records import Records
from sim.model.decline import decline
from sim.model.season import season
from sim.model.sites import relapse_factor
from sim.scenario.plan import Plan

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Nature:
    """Running totals of what was to be expected, one row a patient, one column a day from `start` (from screening).

    `constant` is of the intensity without calendar, `intensity` with it, `counted` of the relapses expected to be
    counted; `long_run` is each patient's intensity a year with activity and calendar at their means, `source` that of
    the population of the patient's course.
    """

    start: float
    constant: Floats
    intensity: Floats
    counted: Floats
    long_run: Floats
    source: Floats

    def within(self, total: str, low: Floats, high: Floats) -> Floats:
        """Give a patient's total between two times (days from screening)."""
        table: Floats = getattr(self, total)
        return _at(table, high - self.start) - _at(table, low - self.start)


def nature(plan: Plan, seed: int, trial: int, people: Cohort, events: Records, until_days: float) -> Nature:
    """Work out the nature of a trial's entered patients from its event log, up to so many days after screening."""
    past = math.floor(plan.relapse.history_days)
    edges = np.arange(-past, math.ceil(until_days) + 2, dtype=np.float64)
    source = _rates(plan, people)
    long_run = source * _site_factors(plan, seed, trial, people) * people.subjects["frailty"]
    level = np.diff(_activity(plan, people, events, edges), axis=1)
    constant = long_run[:, None] * level
    intensity = constant * _calendar(plan, people, edges[:-1] + 0.5)
    counted = merged(intensity, plan.relapse.refractory_days)
    totals = [_running(x) for x in (constant, intensity, counted)]
    return Nature(float(edges[0]), totals[0], totals[1], totals[2], long_run * DAYS_PER_YEAR, source * DAYS_PER_YEAR)


def merged(intensity: Floats, refractory_days: float) -> Floats:
    """Give the relapses expected to be counted each day, of an intensity a day (patients, days)."""
    patients, days = intensity.shape
    total = np.zeros((days + 1, patients))
    found = np.empty((days, patients))
    lam = np.ascontiguousarray(intensity.T)
    for j in range(days):
        # to the middle of day j, and from the refractory time before that; half of the day's own belongs to it
        own = min(refractory_days, 0.5)
        since = max(j + 0.5 - refractory_days, 0.0)
        k = min(int(since), j)
        before = total[j] - (total[k] + (since - k) * (found[k] if k < j else 0.0))
        found[j] = lam[j] * np.maximum(1.0 - before, 0.0) / (1.0 + own * lam[j])
        total[j + 1] = total[j] + found[j]
    return np.ascontiguousarray(found.T)


def _rates(plan: Plan, people: Cohort) -> Floats:
    """Give the relapse rate a day of each patient's course."""
    rule = plan.course
    ratios = np.array([1.0, rule.sp_rate_ratio, rule.pp_rate_ratio])
    rates: Floats = plan.relapse.rate_per_day * ratios[people.subjects["course"]]
    return rates


def _site_factors(plan: Plan, seed: int, trial: int, people: Cohort) -> Floats:
    """Give the factor of the relapse rate that the patients of a site share."""
    own = people.subjects["site"]
    rule, sites = plan.sites, np.unique(own)
    draws = [uniforms(seed, trial, patient_word(int(s), SITE_ITSELF), SITE, 0)[2] for s in sites]
    found = np.array([relapse_factor(u, rule.relapse_shape, rule.log_gamma_relapse_shape) for u in draws])
    factors: Floats = found[np.searchsorted(sites, own)]
    return factors


def _activity(plan: Plan, people: Cohort, events: Records, edges: Floats) -> Floats:
    """Give the integral of each patient's activity up to each edge (days from screening)."""
    size = people.size
    if plan.activity.on == 0.0:
        return np.tile(plan.activity.quiescent_level * edges, (size, 1))
    words = (people.subjects["site"].astype(np.uint64) << np.uint64(32)) | people.subjects["arrival"].astype(np.uint64)
    order = np.argsort(words)
    told = events[events["rank"] == int(Kind.ACTIVITY)]
    told = told[np.lexsort([told["index"], told["patient"]])]
    first = np.searchsorted(told["patient"], words[order], side="left")
    last = np.searchsorted(told["patient"], words[order], side="right")
    found = np.empty((size, len(edges)))
    for row, low, high in zip(order.tolist(), first.tolist(), last.tolist(), strict=True):
        since = told["time"][low:high] - people.subjects["screening_time"][row]
        found[row] = _integral(since, _levels(plan, told["value"][low:high]), edges)
    return found


def _levels(plan: Plan, told: Floats) -> Floats:
    """Give intensity factors for what the log says of activity."""
    if plan.activity.monthly:
        return told
    return np.where(told == 1.0, plan.activity.active_level, plan.activity.quiescent_level)


def _integral(since: Floats, level: Floats, edges: Floats) -> Floats:
    """Integrate a step function that has these levels from these times on."""
    stops = np.append(since, max(float(edges[-1]), float(since[-1])) + 1.0)
    total = np.concatenate([[0.0], np.cumsum(level * np.diff(stops))])
    found: Floats = np.interp(edges, stops, total)
    return found


def _calendar(plan: Plan, people: Cohort, days: Floats) -> Floats:
    """Give decline times season on each day (patients or 1, days)."""
    fall = plan.decline
    factor: Floats = np.array([[decline(t, 0.0, fall.before_per_day, fall.after_per_day) for t in days.tolist()]])
    if plan.season.amplitude == 0.0:
        return factor
    rule, screened = plan.season, people.subjects["screening_time"].tolist()
    calendar: Floats = factor * np.array([[season(s + t, *rule) for t in days.tolist()] for s in screened])
    return calendar


def _running(daily: Floats) -> Floats:
    return np.concatenate([np.zeros((len(daily), 1)), np.cumsum(daily, axis=1)], axis=1)


def _at(table: Floats, place: Floats) -> Floats:
    """Read a running total at places between its columns."""
    column = np.clip(np.floor(place).astype(np.int64), 0, table.shape[1] - 2)
    row = np.arange(len(table))
    low, high = table[row, column], table[row, column + 1]
    found: Floats = low + (place - column) * (high - low)
    return found


def days_to(people: Cohort, since_day_1_months: float) -> Floats:
    """Give days from each patient's screening to a time counted in months from study day 1."""
    found: Floats = people.subjects["day_1"] - people.subjects["screening_time"] + months(since_day_1_months)
    return found
