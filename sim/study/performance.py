"""What many trials say of a design: power, bias, coverage, each with its Monte Carlo standard error.

Source of the measures and their errors: Morris, White, Crowther (2019), Statistics in Medicine 38:2074-2102, table 6.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

BLOCK = 1000

ESTIMATE = np.dtype(
    [
        ("trial", "i8"),
        ("endpoint", "i8"),
        ("value", "f8"),
        ("standard_error", "f8"),
        ("lower", "f8"),
        ("upper", "f8"),
        ("p", "f8"),
        ("converged", "?"),
        ("n", "i8"),
        ("outcome", "U24"),
        ("method", "U120"),
    ]
)
Estimates = NDArray[np.void]


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
    """Sum over trials in blocks of 1,000 by trial number, blocks combined in order: no chunking can change a bit."""
    total = 0.0
    for block in range(int(trials.max()) // BLOCK + 1 if len(trials) else 0):
        total += math.fsum(values[trials // BLOCK == block])
    return total


def performance(
    rows: Estimates, alpha: float, scale: str, favourable: int, truth: Truth | None, trials: int
) -> Performance:
    """Sum up the estimates of one endpoint, one row a trial in order of trial number."""
    got = rows[rows["converged"]]
    number = got["trial"]
    rejected = got["p"] < alpha
    helpful = rejected & (np.sign(got["value"]) == favourable)
    power = float(rejected.sum()) / trials
    mean = _mean(got["value"], number)
    sd = _sd(got["value"], number, mean)
    true = truth.value if truth else math.nan
    covered = (got["lower"] <= true) & (true <= got["upper"])
    known = not math.isnan(true) and len(got) > 0
    coverage = float(covered.sum()) / len(got) if known else math.nan
    names, counts = np.unique(rows["outcome"], return_counts=True)
    methods, shares = np.unique(got["method"] if len(got) else rows["method"], return_counts=True)
    return Performance(
        method=str(methods[np.argmax(shares)]),
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
        outcomes={str(k): int(v) for k, v in zip(names, counts, strict=True)},
    )


def _mean(values: NDArray[np.float64], trials: NDArray[np.int64]) -> float:
    return block_sum(values, trials) / len(values) if len(values) else math.nan


def _sd(values: NDArray[np.float64], trials: NDArray[np.int64], mean: float) -> float:
    if len(values) < 2:
        return math.nan
    off = values - mean
    return math.sqrt(block_sum(off * off, trials) / (len(values) - 1))
