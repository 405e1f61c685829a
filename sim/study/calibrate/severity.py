"""Group B: how well raters agree, how bad relapses are and what they leave, how disability grows apart from them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sim import evidence
from sim.core.inverse import normal
from sim.data.cohort import Cohort
from sim.data.worsening import first_worsening
from sim.engines.want import Want
from sim.model import disability, relapse
from sim.model.disability import Disability
from sim.model.relapse import Relapse
from sim.model.worsening import Worsening
from sim.study.calibrate.outcome import Group, Row, Value, rounded
from sim.study.calibrate.placebo import placebo
from sim.study.calibrate.relapses import FREEDOMS
from sim.study.calibrate.solve import Problem, solve

Floats = NDArray[np.float64]
Settings = Mapping[str, float]

PATIENTS, TRIALS, SEED = 5_000, 4, 20030611
EXAMINED = 40_000
LUBLIN_DAYS, LUBLIN_N = 64.0, 224
"""Days from onset to the examination, all alike. The number of relapses is not in the evidence; assumption: as many as
AFFIRM's placebo arm had in a year, which gives the two shares a standard error of about 3 points."""
NOSEWORTHY_N = 168
"""545 pairs of examinations, of 168 patients: taken as 168 independent ones, since a patient's pairs are alike."""
PPMS_SD = 0.5
"""Standard deviation of a patient's yearly change, not in the evidence: an assumption; 597 patients."""

RATERS = ("noseworthy1990.exact", "noseworthy1990.one_step")
RESIDUALS = ("lublin2003.half_point", "lublin2003.one_point")


def _wanted(*ids: str) -> Floats:
    return np.array([evidence.targets()[i].value for i in ids], float)


def binomial_error(share: float, n: float) -> float:
    """Give the standard error of a share of n."""
    return math.sqrt(share * (1.0 - share) / n)


def _field(settings: Settings, table: str) -> dict[str, float]:
    return {key.split(".")[1]: v for key, v in settings.items() if key.startswith(table + ".")}


# ---- two raters, one patient -------------------------------------------------------------------------------------


def agreement(settings: Settings, n: int = EXAMINED, seed: int = SEED) -> list[float]:
    """Give the shares of pairs of raters who agree exactly, and within one step of half a point."""
    plan = Disability(**_field(settings, "disability")).plan(False)
    apart = [abs(a - b) for a, b in _pairs(plan, n, seed)]
    return [sum(x == 0.0 for x in apart) / n, sum(x <= 0.5 for x in apart) / n]


def _pairs(plan: disability.DisabilityPlan, n: int, seed: int) -> list[tuple[float, float]]:
    rng = np.random.default_rng(seed)
    found = []
    for u in rng.random((n, 7)).tolist():
        latent = disability.baseline(u[0], plan.log_baseline, plan.baseline_log_sd)
        found.append((_one(plan, latent, u[1], u[2], u[3]), _one(plan, latent, u[4], u[5], u[6])))
    return found


def _one(plan: disability.DisabilityPlan, latent: float, u_rater: float, u: float, u_tail: float) -> float:
    error = disability.examination_error(u, u_tail, plan.examination_sd, plan.tail_prob, plan.tail_sd)
    return disability.examined(latent, disability.rater_offset(u_rater, plan.rater_sd), error, 0.0, 0.0)


def raters(start: Settings | None = None) -> tuple[Value, ...]:
    """Fit the narrow error and the share of wide ones; the rater's own part and the wide error stay assumptions."""
    wanted = _wanted(*RATERS)
    return solve(
        Problem(
            start=start or {"disability.examination_sd_points": 0.1, "disability.tail_prob": 0.15},
            low={"disability.examination_sd_points": 0.005, "disability.tail_prob": 0.001},
            high={"disability.examination_sd_points": 0.6, "disability.tail_prob": 0.9},
            statistics=agreement,
            wanted=wanted,
            errors=np.array([binomial_error(p, NOSEWORTHY_N) for p in wanted]),
            figures=RATERS,
        )
    )


# ---- what a relapse leaves ---------------------------------------------------------------------------------------


def severity_spread() -> Value:
    """Solve the SD of log severity: with the median of 1 point, 17% are of 2.0 or more (closed form)."""
    target = evidence.targets()["relapses.severe"]
    share, n = target.value, target.total
    assert share is not None
    assert n is not None
    distance = math.log(2.0 / Relapse().severity_median_points)
    error = binomial_error(share, n)
    near, low, high = (distance / normal(1.0 - share + d) for d in (0.0, 1.645 * error, -1.645 * error))
    return Value("relapse.severity_log_sd", rounded(near, 3), (high - low) / 3.29, low, high, ("relapses.severe",))


def left_over(settings: Settings, n: int = EXAMINED, seed: int = SEED) -> list[float]:
    """Give the shares of relapses after which one rater finds the EDSS half a point, and a point, above that before."""
    d = Disability(**_field(settings, "disability")).plan(False)
    r = Relapse(**_field(settings, "relapse")).plan()
    rises = np.array([_rise(d, r, u) for u in np.random.default_rng(seed + 1).random((n, 10)).tolist()])
    return [float((rises >= 0.5).mean()), float((rises >= 1.0).mean())]


def _rise(d: disability.DisabilityPlan, r: relapse.RelapsePlan, u: list[float]) -> float:
    """Give the rise between two examinations of one rater, before a relapse and 64 days after its onset."""
    latent = disability.baseline(u[0], d.log_baseline, d.baseline_log_sd)
    acute = relapse.acute(LUBLIN_DAYS, 0.0, relapse.severity(u[1], r.log_severity, r.severity_log_sd), r.recovery_days)
    left = acute + relapse.residual(u[2], u[3], r.residual_prob, r.residual_mean_points)
    return _one(d, latent + left, u[4], u[5], u[6]) - _one(d, latent, u[4], u[7], u[8])


RECOVERY = {"relapse.residual_mean_points": 1.0, "relapse.recovery_days": 30.0}
"""The middle of the priors of what two figures can't tell apart: assumptions."""


def residuals(known: Settings, start: Settings | None = None) -> tuple[Value, ...]:
    """Fit how fast a relapse passes, how often and how much it leaves, as examined with the raters' errors."""
    wanted = _wanted(*RESIDUALS)
    return solve(
        Problem(
            start=start or {"relapse.residual_prob": 0.3, **RECOVERY},
            low={"relapse.residual_prob": 0.01, "relapse.residual_mean_points": 0.05, "relapse.recovery_days": 3.0},
            high={"relapse.residual_prob": 1.0, "relapse.residual_mean_points": 6.0, "relapse.recovery_days": 300.0},
            statistics=lambda x: left_over({**known, **x}),
            wanted=wanted,
            errors=np.array([binomial_error(p, LUBLIN_N) for p in wanted]),
            figures=RESIDUALS,
            priors=RECOVERY,
        )
    )


# ---- disability apart from relapses ------------------------------------------------------------------------------

EXAMINED_WANT = Want(frozenset(("confirmed",)), None, False, scores=frozenset(), surveillance=False, guesses=False)
TWO_YEARS: dict[str, Any] = {"visits.months": [0.0, 3.0, 6.0, 9.0, 12.0, 15.0, 18.0, 21.0, 24.0]}
PRIMARY: dict[str, Any] = {
    **TWO_YEARS,
    "course.pp_prob": 1.0,
    "eligibility.courses": ["pp"],
    "eligibility.relapses_1y": 0,
    "eligibility.relapses_2y": 0,
    "eligibility.edss_min": 2.0,
    "eligibility.edss_max": 6.5,
}
"""OLYMPUS' entry is not in the evidence: EDSS 2 to 6.5 and no relapse criterion are assumptions."""
WEEKS_96 = 96.0 * 7.0


def followed(settings: Settings, rule: Mapping[str, Any], seed: int = SEED) -> Cohort:
    """Play two years of untreated patients with an examination every three months."""
    return placebo(seed, PATIENTS, rule, settings).cohorts(range(TRIALS), want=EXAMINED_WANT)


def worsened(people: Cohort, by_days: float = math.inf) -> float:
    """Give the share whose worsening, confirmed after 12 weeks, began by this day of a study that nobody leaves."""
    days, events = first_worsening(people, Worsening().plan(), 12.0, "confirmed")
    return float((events & (days <= by_days)).mean())


def yearly_change(people: Cohort) -> tuple[float, float]:
    """Give the mean yearly change of the EDSS as examined, and its standard deviation over patients."""
    visits, row = people.visits, people.visit_row
    ends = [visits["edss"][(visits["visit"] == k) & (row >= 0)] for k in (0, 8)]
    change = (ends[1] - ends[0]) / 2.0
    return float(change.mean()), float(change.std(ddof=1))


def relapsing_slope(known: Settings, start: float = 0.1) -> tuple[Value, ...]:
    """Fit the slope of relapsing-remitting patients to the share worsened in FREEDOMS' placebo arm."""
    target = evidence.targets()["freedoms.cdp3"]
    share, n = target.value, target.total
    assert share is not None
    assert n is not None
    key = "disability.slope_points_per_year"
    return solve(
        Problem(
            start={key: start},
            low={key: 0.001},
            high={key: 1.0},
            statistics=lambda x: [worsened(followed({**known, **x}, {**FREEDOMS, **TWO_YEARS}))],
            wanted=np.array([share]),
            errors=np.array([binomial_error(share, n)]),
            figures=("freedoms.cdp3",),
        )
    )


def primary_slope(known: Settings, start: float = 0.35) -> tuple[Value, ...]:
    """Fit the slope of primary progressive patients to OLYMPUS' share worsened and to the cohort's mean change."""
    share, change = _wanted("olympus.cdp3", "ppms.edss")
    key = "course.pp_slope_points_per_year"
    return solve(
        Problem(
            start={key: start},
            low={key: 0.01},
            high={key: 2.0},
            statistics=lambda x: _primary({**known, **x}),
            wanted=np.array([share, change]),
            errors=np.array([binomial_error(share, 147), PPMS_SD / math.sqrt(597)]),
            figures=("olympus.cdp3", "ppms.edss"),
        )
    )


def _primary(settings: Settings, seed: int = SEED) -> list[float]:
    people = followed(settings, PRIMARY, seed)
    return [worsened(people, WEEKS_96), yearly_change(people)[0]]


# ---- the group ---------------------------------------------------------------------------------------------------


def before_relapses() -> tuple[Value, ...]:
    """Fit raters, severity and what relapses leave: what needs no population."""
    agree, spread = raters(), severity_spread()
    known = {v.key: v.value for v in (*agree, spread)}
    return (*agree, spread, *residuals(known))


def severity_group(population: Settings, first: tuple[Value, ...]) -> Group:
    """Fit the slopes in the population of group A, and verify all of group B with fresh random numbers."""
    known = {**population, **{v.key: v.value for v in first}}
    slopes = (*relapsing_slope(known), *primary_slope(known))
    every = (*first, *slopes)
    return Group(
        "B. Raters, severity and recovery, disability",
        every,
        tuple(rows({**known, **{v.key: v.value for v in slopes}})),
        (
            "the rater's own SD (0.05), the wide error's SD (0.8), the median severity (1 point) stay assumptions: "
            "two figures can't give more than two values",
            "three values of recovery rest on two figures and on log-normal priors: a lasting deficit of 1 point on "
            "average, 30 days, each times or divided by 2",
            "an examination 64 days after onset stands for examinations at 64 days on average",
            "'at least' 92% within one step is taken as 92%",
        ),
    )


def rows(settings: Settings, seed: int = SEED + 1000) -> list[Row]:
    """Give each figure of the group beside the simulated one, with random numbers that no fit has seen."""
    t = evidence.targets()
    found = dict(
        zip((*RATERS, *RESIDUALS), agreement(settings, seed=seed) + left_over(settings, seed=seed), strict=True)
    )
    severe = 1.0 - _normal_cdf(math.log(2.0) / settings["relapse.severity_log_sd"])
    relapsing = worsened(followed(settings, {**FREEDOMS, **TWO_YEARS}, seed))
    primary = followed(settings, PRIMARY, seed)
    change, sd = yearly_change(primary)
    sizes = {**dict.fromkeys(RATERS, NOSEWORTHY_N), **dict.fromkeys(RESIDUALS, LUBLIN_N)}
    n = PATIENTS * TRIALS

    def share(name: str, value: float, size: float, of: int, note: str = "") -> Row:
        published = t[name].value
        assert published is not None
        mcse = binomial_error(value, of) if of else 0.0
        return Row(name, published, binomial_error(published, size), value, mcse, note)

    return [
        *(share(name, value, sizes[name], EXAMINED) for name, value in found.items()),
        share("relapses.severe", severe, 1672, 0, "closed form"),
        share("freedoms.cdp3", relapsing, 418, n),
        share("olympus.cdp3", worsened(primary, WEEKS_96), 147, n),
        Row(
            "ppms.edss",
            0.35,
            PPMS_SD / math.sqrt(597),
            change,
            sd / math.sqrt(n),
            f"SE from an assumed SD of {PPMS_SD}",
        ),
    ]


def _normal_cdf(z: float) -> float:
    return 0.5 * math.erfc(-z / math.sqrt(2.0))
