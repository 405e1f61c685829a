"""What many trials say of a design: power, bias, coverage, each with its Monte Carlo standard error.

Source of the measures and their errors: Morris, White, Crowther (2019), Statistics in Medicine 38:2074-2102, table 6.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sim.analysis.estimate import OUTCOMES

BLOCK = 1000

ESTIMATE = np.dtype(
    [
        ("value", "f8"),
        ("standard_error", "f8"),
        ("lower", "f8"),
        ("upper", "f8"),
        ("p", "f8"),
        ("n", "i4"),
        ("outcome", "i4"),
    ]
)
"""One endpoint of one trial; `outcome` is the position in `analysis.estimate.OUTCOMES`, FAILED where the trial raised.
"""
FAILED = -1
Rows = NDArray[np.void]


def converged(rows: Rows) -> NDArray[np.bool_]:
    """Tell where there is an answer."""
    found: NDArray[np.bool_] = ~np.isnan(rows["value"])
    return found


def outcome_names(codes: NDArray[np.int32]) -> NDArray[np.object_]:
    """Give outcomes in words."""
    return np.array([*OUTCOMES, "failed"], dtype=object)[codes]  # FAILED is the last


@dataclass(frozen=True, slots=True)
class Truth:
    """What the endpoint's estimate would be without error, by model.md section 8, and the total effect beside it."""

    value: float
    mcse: float
    total_effect: float
    total_effect_mcse: float


@dataclass(frozen=True, slots=True)
class Performance:
    """How one endpoint did over all trials; the names are those of the JSON contract.

    `power` counts rejections in either direction over all trials (an analysis without an answer rejects nothing),
    `favourable_power` those in the patient's favour; `mcse` belongs to `power`, `bias_mcse` to `bias`.
    """

    method: str
    scale: str
    favourable: int
    power: float
    favourable_power: float
    mcse: float
    estimate_mean: float
    estimate_sd: float
    se_mean: float
    truth: float
    truth_mcse: float
    bias: float
    bias_mcse: float
    coverage: float
    coverage_mcse: float
    not_converged: float
    total_effect: float
    total_effect_mcse: float
    outcomes: dict[str, int]

    def to_dict(self) -> dict[str, Any]:
        """Give plain values for JSON; what does not exist (NaN) is None."""
        return {k: None if isinstance(v, float) and math.isnan(v) else v for k, v in asdict(self).items()}


def block_sum(values: NDArray[np.float64], trials: NDArray[np.int64]) -> float:
    """Sum over trials in blocks of 1,000 by trial number, blocks combined in order: no chunking can change a bit.

    `trials` are the numbers of the trials, in any order.
    """
    if not len(trials):
        return 0.0
    if np.any(trials[1:] < trials[:-1]):
        order = np.argsort(trials, kind="stable")
        values, trials = values[order], trials[order]
    ends = np.searchsorted(trials, np.arange(0, int(trials[-1]) + BLOCK + 1, BLOCK))
    total = 0.0
    for start, end in pairwise(ends.tolist()):
        total += math.fsum(values[start:end])
    return total


def performance(
    rows: Rows, methods: tuple[str, str], alpha: float, scale: str, favourable: int, truth: Truth | None
) -> Performance:
    """Sum up the estimates of one endpoint, row k being trial k; `methods`: in words, and where dispersion is none."""
    trials = len(rows)
    number = np.flatnonzero(converged(rows))
    got = rows[number]
    rejected = got["p"] < alpha
    helpful = rejected & (np.sign(got["value"]) == favourable)
    power = float(rejected.sum()) / trials
    mean = _mean(got["value"], number)
    sd = _sd(got["value"], number, mean)
    true = truth.value if truth else math.nan
    covered = (got["lower"] <= true) & (true <= got["upper"])
    known = not math.isnan(true) and len(got) > 0
    coverage = float(covered.sum()) / len(got) if known else math.nan
    codes, counts = np.unique(rows["outcome"], return_counts=True)
    found = {str(name): int(n) for name, n in zip(outcome_names(codes), counts, strict=True)}
    return Performance(
        method=methods[1] if 2 * found.get("boundary_poisson", 0) > len(got) else methods[0],
        scale=scale,
        favourable=favourable,
        power=power,
        favourable_power=float(helpful.sum()) / trials,
        mcse=math.sqrt(power * (1.0 - power) / trials),
        estimate_mean=mean,
        estimate_sd=sd,
        se_mean=_mean(got["standard_error"], number),
        truth=true,
        truth_mcse=truth.mcse if truth else math.nan,
        bias=mean - true,
        bias_mcse=math.hypot(sd / math.sqrt(len(got)), truth.mcse) if truth and len(got) > 1 else math.nan,
        coverage=coverage,
        coverage_mcse=math.sqrt(coverage * (1.0 - coverage) / len(got)) if known else math.nan,
        not_converged=1.0 - len(got) / trials,
        total_effect=truth.total_effect if truth else math.nan,
        total_effect_mcse=truth.total_effect_mcse if truth else math.nan,
        outcomes=dict(sorted(found.items())),
    )


def _mean(values: NDArray[np.float64], trials: NDArray[np.int64]) -> float:
    return block_sum(values, trials) / len(values) if len(values) else math.nan


def _sd(values: NDArray[np.float64], trials: NDArray[np.int64], mean: float) -> float:
    if len(values) < 2:
        return math.nan
    off = values - mean
    return math.sqrt(block_sum(off * off, trials) / (len(values) - 1))
