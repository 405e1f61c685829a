"""What many trials say of a design: power, bias, coverage, each with its Monte Carlo standard error.

Source of the measures and their errors: Morris, White, Crowther (2019), Statistics in Medicine 38:2074-2102, table 6.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
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


@dataclass(frozen=True, slots=True)
class Sums:
    """What one endpoint's performance needs to know of a block of trials; `spread` is the sum of squares about the
    block's own mean."""

    trials: int
    answers: int
    rejected: int
    helpful: int
    covered: int
    value: float
    spread: float
    error: float
    outcomes: dict[int, int]


def block_sums(rows: Rows, alpha: float, favourable: int, true: float) -> Sums:
    """Sum up the estimates of one endpoint in a block of trials; `true` NaN: the truth is not known."""
    got = rows[converged(rows)]
    rejected = got["p"] < alpha
    covered = (got["lower"] <= true) & (true <= got["upper"])
    value = math.fsum(got["value"])
    off = got["value"] - value / max(len(got), 1)
    codes, counts = np.unique(rows["outcome"], return_counts=True)
    return Sums(
        trials=len(rows),
        answers=len(got),
        rejected=int(rejected.sum()),
        helpful=int((rejected & (np.sign(got["value"]) == favourable)).sum()),
        covered=int(covered.sum()),
        value=value,
        spread=math.fsum(off * off),
        error=math.fsum(got["standard_error"]),
        outcomes=dict(zip(codes.tolist(), counts.tolist(), strict=True)),
    )


def performance(
    rows: Rows, methods: tuple[str, str], alpha: float, scale: str, favourable: int, truth: Truth | None
) -> Performance:
    """Sum up the estimates of one endpoint, row k being trial k; `methods`: in words, and where dispersion is none."""
    true = truth.value if truth else math.nan
    parts = (rows[first : first + BLOCK] for first in range(0, len(rows), BLOCK))
    return combined([block_sums(part, alpha, favourable, true) for part in parts], methods, scale, favourable, truth)


def combined(
    sums: Sequence[Sums], methods: tuple[str, str], scale: str, favourable: int, truth: Truth | None
) -> Performance:
    """Give the performance from the sums of blocks, combined in the blocks' order."""
    trials, answers = sum(s.trials for s in sums), sum(s.answers for s in sums)
    power = sum(s.rejected for s in sums) / trials
    mean = _mean([s.value for s in sums], answers)
    sd = _sd(sums, answers, mean)
    true = truth.value if truth else math.nan
    known = not math.isnan(true) and answers > 0
    coverage = sum(s.covered for s in sums) / answers if known else math.nan
    codes = sorted({code for s in sums for code in s.outcomes})
    counts = [sum(s.outcomes.get(code, 0) for s in sums) for code in codes]
    found = dict(zip(outcome_names(np.array(codes, np.int32)).tolist(), counts, strict=True))
    return Performance(
        method=methods[1] if 2 * found.get("boundary_poisson", 0) > answers else methods[0],
        scale=scale,
        favourable=favourable,
        power=power,
        favourable_power=sum(s.helpful for s in sums) / trials,
        mcse=math.sqrt(power * (1.0 - power) / trials),
        estimate_mean=mean,
        estimate_sd=sd,
        se_mean=_mean([s.error for s in sums], answers),
        truth=true,
        truth_mcse=truth.mcse if truth else math.nan,
        bias=mean - true,
        bias_mcse=math.hypot(sd / math.sqrt(answers), truth.mcse) if truth and answers > 1 else math.nan,
        coverage=coverage,
        coverage_mcse=math.sqrt(coverage * (1.0 - coverage) / answers) if known else math.nan,
        not_converged=1.0 - answers / trials,
        total_effect=truth.total_effect if truth else math.nan,
        total_effect_mcse=truth.total_effect_mcse if truth else math.nan,
        outcomes=dict(sorted(found.items())),
    )


def in_order(values: Iterable[float]) -> float:
    """Add up one after the other: `sum` does it in another way from Python 3.12 on."""
    total = 0.0
    for value in values:
        total += value
    return total


def _mean(sums: Iterable[float], n: int) -> float:
    return in_order(sums) / n if n else math.nan


def _sd(sums: Sequence[Sums], n: int, mean: float) -> float:
    """Give the standard deviation: squares about each block's mean, and of the blocks' means about that of all."""
    if n < 2:
        return math.nan
    off = [s.value / s.answers - mean if s.answers else 0.0 for s in sums]
    between = in_order(s.answers * (own * own) for s, own in zip(sums, off, strict=True))
    return math.sqrt((in_order(s.spread for s in sums) + between) / (n - 1))
