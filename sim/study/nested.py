"""Before-after tests of untreated patients, in studies of several sizes at once: the first n who entered each trial."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sim.analysis.before_after import paired_rate_ratio_batch
from sim.analysis.binary import mcnemar_exact_batch, risk_difference_batch
from sim.analysis.estimate import Estimates
from sim.analysis.negbin import negbin_rate_ratio_batch
from sim.data.cohort import Cohort, window
from sim.study.play import Play
from sim.study.untreated import TRUE_PAST, WORLD, Months

Floats = NDArray[np.float64]
Rows = NDArray[np.void]

TESTS = ("arr_change", "relapse_free_change")
FAVOURABLE = {"arr_change": -1.0, "relapse_free_change": 1.0}


@cache
def layout(sizes: int) -> np.dtype[np.void]:
    """Give the layout of a trial's row: a value for each size; a, b: before and after, or control and treated."""
    sums = ("patients_a", "patients_b", "events_a", "events_b", "years_a", "years_b", "free_a", "free_b")
    tests = [f"{test}_{what}" for test in TESTS for what in ("value", "p")]
    return np.dtype([("trial", "i8"), ("entered", "i8"), *((name, "f8", (sizes,)) for name in (*sums, *tests))])


@dataclass(frozen=True)
class Nested:
    """Answers trials' sums and tests for each size (0: all who entered); picklable.

    `controlled` compares arm 1 with arm 0 after, instead of after with before.
    """

    play: Play
    before: Months
    after: Months
    sizes: tuple[int, ...] = (0,)
    controlled: bool = False
    alpha: float = 0.05

    def many(self, trials: Sequence[int]) -> Rows:
        """Play and analyse these trials."""
        people = self.play.cohorts(trials, WORLD, TRUE_PAST)
        rows = np.zeros(len(trials), layout(len(self.sizes)))
        rows["trial"], rows["entered"] = trials, np.diff(people.first)
        columns = self._columns(people)
        for k, size in enumerate(self.sizes):
            self._fill(rows, k, columns, *prefix(people.first, size))
        return rows

    def _columns(self, people: Cohort) -> tuple[Any, ...]:
        """Give arm, and counts and years before and after, one value a patient."""
        before = window(people, "true", *self.before, planned=True)
        after = window(people, "true", *self.after, planned=True)
        return people.subjects["arm"] == 1, before.counts, before.years, after.counts, after.years

    def _fill(self, rows: Rows, k: int, columns: tuple[Any, ...], chosen: Any, first: Any) -> None:
        treated, *seen = (c[chosen] for c in columns)
        group_a, group_b = np.ones(len(treated), bool), np.ones(len(treated), bool)
        if self.controlled:
            group_a, group_b, seen = ~treated, treated, [*seen[2:], *seen[2:]]
        a, b = (seen[0], seen[1]), (seen[2], seen[3])
        for name, group, (events, years) in (("a", group_a, a), ("b", group_b, b)):
            rows[f"patients_{name}"][:, k] = _sums(group.astype(float), first)
            rows[f"events_{name}"][:, k] = _sums(group * events, first)
            rows[f"years_{name}"][:, k] = _sums(group * years, first)
            rows[f"free_{name}"][:, k] = _sums((group & (events == 0.0)).astype(float), first)
        for test, found in zip(TESTS, self._tests(a, b, treated, first), strict=True):
            rows[f"{test}_value"][:, k], rows[f"{test}_p"][:, k] = found.value, found.p

    def _tests(self, a: Any, b: Any, treated: Any, first: Any) -> tuple[Estimates, Estimates]:
        if self.controlled:
            rate = negbin_rate_ratio_batch(b[0], b[1], treated, first, self.alpha)
            return rate, risk_difference_batch(b[0] == 0.0, treated, first, self.alpha)
        rate = paired_rate_ratio_batch(a[0], a[1], b[0], b[1], first, self.alpha)
        return rate, mcnemar_exact_batch(a[0] == 0.0, b[0] == 0.0, first, self.alpha)

    def __call__(self, trial: int) -> Rows:
        """Play and analyse trial number `trial`."""
        return self.many([trial])

    def warm(self) -> None:
        """Load, or compile, what the run needs."""
        self.many([0])


def prefix(first: NDArray[np.int64], size: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Give the rows of the first `size` patients of each trial (0: of all), and where each trial begins among them."""
    lengths = np.diff(first) if size == 0 else np.minimum(np.diff(first), size)
    begins = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
    return np.repeat(first[:-1] - begins[:-1], lengths) + np.arange(begins[-1]), begins


def _sums(values: Floats, first: NDArray[np.int64]) -> Floats:
    total = np.concatenate([[0.0], np.cumsum(values)])
    found: Floats = total[first[1:]] - total[first[:-1]]
    return found


def significant(rows: Rows, test: str, alpha: float) -> NDArray[np.bool_]:
    """Tell in which trials and sizes the test finds a benefit, p < alpha in the favourable direction."""
    found: NDArray[np.bool_] = (rows[f"{test}_p"] < alpha) & (FAVOURABLE[test] * rows[f"{test}_value"] > 0.0)
    return found
