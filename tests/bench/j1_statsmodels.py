"""Runs J1 as one would by hand in Python: NumPy draws each trial's patients at once, statsmodels fits each trial.

    python -m tests.bench.j1_statsmodels TRIALS SEED

Prints one JSON line; imports and a few warming trials are not timed.
"""

from __future__ import annotations

import json
import math
import sys
import time
import warnings

import numpy as np
from numpy.typing import NDArray
from statsmodels.discrete.discrete_model import NegativeBinomial

Floats = NDArray[np.float64]

PATIENTS, DISPERSION, RATES, DROPOUT = 200, 0.6, (0.6, 0.42), 0.1
TREATED = np.repeat([0.0, 1.0], PATIENTS // 2)
DESIGN = np.column_stack([np.ones(PATIENTS), TREATED])
WARMING_TRIALS = 20


def drawn(rng: np.random.Generator) -> tuple[Floats, Floats]:
    """Draw the counts and years of the patients of one trial."""
    entry = rng.uniform(size=PATIENTS)
    years = np.minimum(np.minimum(2.0, 2.5 - entry), rng.exponential(1.0 / DROPOUT, PATIENTS))
    frailty = rng.gamma(1.0 / DISPERSION, DISPERSION, PATIENTS)
    counts = rng.poisson(frailty * np.where(TREATED == 1.0, RATES[1], RATES[0]) * years)
    return counts.astype(float), years


def moments(counts: Floats, years: Floats) -> list[float]:
    """Give log rate, log ratio and dispersion as totals and moments have them."""
    arms = TREATED == 0.0, TREATED == 1.0
    rates = [counts[arm].sum() / years[arm].sum() for arm in arms]
    mean = np.where(arms[1], rates[1], rates[0]) * years
    dispersion = ((counts - mean) ** 2 - counts).sum() / (mean * mean).sum()
    return [math.log(rates[0]), math.log(rates[1] / rates[0]), max(dispersion, 0.05)]


def p_value(counts: Floats, years: Floats) -> float:
    """Fit one trial and give the Wald p of the arm; NaN if no maximum was found.

    From its own starting values Newton's method misses the maximum in one trial of ten and takes twice the time; from
    moments, in one of a thousand.
    """
    start = moments(counts, years)
    fit = NegativeBinomial(counts, DESIGN, exposure=years).fit(start_params=start, method="newton", disp=0)
    return float(fit.pvalues[1]) if fit.mle_retvals["converged"] else float("nan")


def run(trials: int, rng: np.random.Generator) -> int:
    """Play and fit so many trials; give how many reject."""
    return sum(p_value(*drawn(rng)) < 0.05 for _ in range(trials))


def main(trials: int, seed: int) -> None:
    """Time so many trials and print the answer."""
    warnings.simplefilter("ignore")
    rng = np.random.default_rng(seed)
    run(WARMING_TRIALS, rng)
    begun = time.perf_counter()
    rejected = run(trials, rng)
    seconds = time.perf_counter() - begun
    told = {"trials": trials, "seconds": seconds, "trials_per_s": trials / seconds, "power": rejected / trials}
    print(json.dumps(told))


if __name__ == "__main__":
    main(*(int(argument) for argument in sys.argv[1:]))
