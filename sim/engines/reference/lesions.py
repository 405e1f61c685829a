"""MRI: how active a patient has been before a scan, and the lesions that are found."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from sim.core.inverse import poisson
from sim.core.streams import LESION, PERSON, SCAN
from sim.engines.reference.owned import NEVER
from sim.model import decline, effect, lesions

if TYPE_CHECKING:
    from sim.engines.reference.patient import Patient

NO_SCAN = (NEVER, NEVER, NEVER, NEVER)


def meet_lesions(p: Patient) -> None:
    """Draw the patient's lesion factor; no scan has been done yet."""
    rule = p.plan.lesions
    p.lesion_since, p.lesion_days, p.lesion_factor = NEVER, 0.0, NEVER
    if rule.on:
        u_frailty, u = p.draw(PERSON)[1], p.draw(LESION)[0]
        p.lesion_factor = lesions.lesion_factor(
            u_frailty, u, rule.factor_log_sd, rule.frailty_correlation, rule.own_share
        )


def be_scanned(p: Patient, visit: int) -> tuple[float, float, float, float]:
    """Give Gd and new T2 lesions found at this visit, and what was to be expected of each; NaN without a scan."""
    rule, fall = p.plan.lesions, p.plan.decline
    if not rule.on or rule.scan_visits[visit] == 0.0:
        return NO_SCAN
    u = p.draw(SCAN, visit + 1)
    t2 = t2_expected = NEVER
    if not math.isnan(p.lesion_since):
        settle_lesions(p)
        t2_expected = lesions.t2_mean(rule.t2_per_day, p.lesion_factor, p.lesion_days)
        t2 = poisson(u[2], t2_expected)
    p.lesion_since, p.lesion_days = p.now, 0.0
    active = lived(p, lesions.window_start(p.now, rule.window_days), p.now, 0.0)
    present = lesions.present_factor(
        decline.decline(p.now, p.screening_time, fall.before_per_day, fall.after_per_day), *acting(p)
    )
    expected = lesions.gd_mean(rule.mean_per_scan, p.lesion_factor, active, rule.window_days, present)
    gd = poisson(u[0], expected * lesions.scan_factor(u[1], rule.scan_log_sd))
    return gd, t2, expected, t2_expected


def settle_lesions(p: Patient) -> None:
    """Add up what has been lived since the last scan, before medication or patency changes."""
    if math.isnan(p.lesion_since):
        return
    days = lived(p, p.lesion_since, p.now, p.plan.decline.after_per_day)
    p.lesion_days += lesions.present_factor(days, *acting(p))
    p.lesion_since = p.now


def acting(p: Patient) -> tuple[float, float]:
    """Give the lesion ratios of medication and of open veins now."""
    on_it = p.plan.medication.gd_ratio if p.on_medication else 1.0
    return on_it, effect.ratio_at(p.working, p.plan.effect.gd_ratio, p.plan.effect.log_gd_ratio)


def lived(p: Patient, start: float, end: float, per_day: float) -> float:
    """Give the integral of activity over these days, with a decline of so much a day."""
    number, time, total = 0, start, 0.0
    while p.latent.segment(number).end <= start:
        number += 1
    while True:
        stretch = p.latent.segment(number)
        until = min(stretch.end, end)
        total += stretch.level * lesions.decline_days(time, until, p.screening_time, per_day)
        if stretch.end >= end:
            return total
        time = until
        number += 1
