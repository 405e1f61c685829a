"""Group C: lesions at a scan and new ones between scans, in placebo arms."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from sim import evidence
from sim.data.cohort import Cohort, at_visit
from sim.engines.want import Want
from sim.study.calibrate.outcome import Group, Row
from sim.study.calibrate.placebo import placebo
from sim.study.calibrate.relapses import FREEDOMS
from sim.study.calibrate.solve import Problem, solve

Floats = NDArray[np.float64]
Settings = Mapping[str, float]

PATIENTS, TRIALS, SEED = 5_000, 4, 20150127
SCANNED = {
    **FREEDOMS,
    "visits.months": [0.0, 6.0, 24.0],
    "lesions.enabled": True,
    "lesions.scan_months": [0.0, 6.0, 24.0],
}
"""The 21 trials' entry rules are not in the evidence: FREEDOMS' is taken for all."""
SHARE_ERROR = 0.04
"""Standard error of the pooled shares without new T2 lesions, which the evidence does not give: an assumption."""
FIGURES = ("stellmann2015.gad_6m", "stellmann2015.no_new_t2_6m", "stellmann2015.no_new_t2_24m")
WANT = Want(frozenset(), None, False, scores=frozenset(("gd_lesions", "new_t2")), surveillance=False, guesses=False)


def scanned(settings: Settings, seed: int = SEED) -> Cohort:
    """Play untreated patients with scans at baseline, 6 and 24 months."""
    return placebo(seed, PATIENTS, SCANNED, settings).cohorts(range(TRIALS), want=WANT)


def readings(people: Cohort) -> tuple[Floats, Floats, Floats]:
    """Give each patient's Gd lesions at month 6, and (1 or 0) whether no T2 lesion was new by months 6 and 24."""
    gd = at_visit(people, "gd_lesions", 1)
    early, late = at_visit(people, "new_t2", 1), at_visit(people, "new_t2", 2)
    return gd, (early == 0.0).astype(float), (early + late == 0.0).astype(float)


def statistics(settings: Settings, seed: int = SEED) -> list[float]:
    """Give the three figures in the order of FIGURES."""
    return [float(x.mean()) for x in readings(scanned(settings, seed))]


def dispersion(counts: Floats) -> tuple[float, float]:
    """Give (variance - mean) / mean^2 of counts, and its Monte Carlo standard error by the influence of each."""
    mean = counts.mean()
    off = counts - mean
    variance = (off * off).mean()
    found = (variance - mean) / mean**2
    influence = (off * off - variance - off) / mean**2 - 2.0 * found * off / mean
    return float(found), float(influence.std(ddof=1) / math.sqrt(len(counts)))


def errors() -> tuple[Floats, Floats]:
    """Give the published figures and their standard errors: a printed interval's, or the assumption above."""
    figures = [evidence.targets()[f] for f in FIGURES]
    wide = [SHARE_ERROR if f.upper is None or f.lower is None else (f.upper - f.lower) / 3.92 for f in figures]
    return np.array([f.value for f in figures], float), np.array(wide)


def lesion_group(population: Settings, start: Settings | None = None) -> Group:
    """Fit the means and the patients' variance to three figures; the dispersion at a scan is a check."""
    wanted, wide = errors()
    first = {"lesions.mean_per_scan": 1.1, "lesions.new_t2_per_year": 3.6, "lesions.factor_variance": 1.3}
    values = solve(
        Problem(
            start=start or first,
            low={k: v / 20.0 for k, v in first.items()},
            high={k: v * 10.0 for k, v in first.items()},
            statistics=lambda x: statistics({**population, **x}),
            wanted=wanted,
            errors=wide,
            figures=FIGURES,
            priors={"lesions.factor_variance": 1.0},
        )
    )
    assumed = (
        "the variance of a scan's own factor (0.4), the tie to frailty (0.3) and the 42 days stay assumptions",
        "the lesion factor's variance has a log-normal prior: 1, times or divided by 2",
        f"the two shares' standard error of {SHARE_ERROR} is assumed",
    )
    settings = {**population, **{v.key: v.value for v in values}}
    return Group("C. Lesions", values, tuple(rows(settings)), assumed)


def rows(settings: Settings, seed: int = SEED + 1000) -> list[Row]:
    """Give each figure beside the simulated one, with random numbers that no fit has seen."""
    wanted, wide = errors()
    people = scanned(settings, seed)
    n = PATIENTS * TRIALS
    seen = [(float(x.mean()), float(x.std(ddof=1) / math.sqrt(n))) for x in readings(people)]
    found = [Row(*row) for row in zip(FIGURES, wanted, wide, *zip(*seen, strict=True), strict=True)]
    check = evidence.targets()["gad.dispersion"].value
    assert check is not None
    return [
        *found,
        Row(
            "gad.dispersion",
            check,
            1.0,
            *dispersion(at_visit(people, "gd_lesions", 0)),
            "check, not fitted; figures from 4.3 to 6.3, SE of 1 assumed",
        ),
    ]
