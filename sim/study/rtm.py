"""The regression-to-the-mean laboratory: how far the relapse rate falls by itself after entry, why, and what helps."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from sim.core.errors import RunError, ShamtrialError
from sim.scenario.beliefs import Beliefs, beliefs_of
from sim.scenario.schema import Scenario
from sim.study import around_entry
from sim.study.around_entry import PARTS, Around, Split, Value, monthly, ratio, split
from sim.study.gamma_poisson import ClosedForm, closed_form
from sim.study.half_size import HalfSize, half_size
from sim.study.nested import TESTS, Nested, Rows, layout, significant
from sim.study.play import Play, for_many, scenario_digest
from sim.study.population import solved
from sim.study.power import MOST_TRIALS
from sim.study.rtm_words import sentences
from sim.study.runner import Failure, Pool, Watcher, Workers
from sim.study.untreated import (
    Months,
    Remedy,
    everyone,
    is_gamma_poisson,
    qualifying_months,
    remedies,
    untreated,
    windows_of,
)

if TYPE_CHECKING:
    import pandas as pd

Floats = NDArray[np.float64]
Watch = Callable[[str], Watcher] | None

DEFAULT_TRIALS = 200
NONE = Value(math.nan, math.nan)


@dataclass(frozen=True)
class Apparent:
    """What a design makes of patients in whom nothing was done: rates, relapse-free, and the "effect" between them.

    `before` and `after` are of the two windows, or of the control arm and the treated one. `log_ratio` is that of the
    pooled rates; `free_change` the difference in shares relapse-free; `significant` the share of studies of the
    scenario's own size that find a benefit, by each test. Windows of unequal length have no
    relapse-free to compare.
    """

    key: str
    name: str
    before: Value
    after: Value
    log_ratio: Value
    free_before: Value
    free_after: Value
    free_change: Value
    significant: dict[str, Value]

    def to_dict(self) -> dict[str, Any]:
        """Give plain values, each with its MCSE."""
        names = ("before", "after", "log_ratio", "free_before", "free_after", "free_change")
        tests = {k: _plain(v) for k, v in self.significant.items()}
        return {
            "key": self.key,
            "name": self.name,
            **{n: _plain(getattr(self, n)) for n in names},
            "significant": tests,
        }


@dataclass(frozen=True)
class RtmResult:
    """The rate around entry, its fall taken apart, the sizes at which it looks like a benefit, and the remedies.

    `months` are the middles of months from screening; `population` is the rate counted in the year before screening
    when every candidate is let in. Rates are true relapses a patient and year, with nothing done to anybody.
    """

    name: str
    digest: str
    seed: int
    trials: int
    patients: int
    target: int
    before_months: Months
    after_months: Months
    qualifying_months: float
    months: tuple[float, ...]
    rate: tuple[Value, ...]
    population: Value
    split: Split
    designs: tuple[Apparent, ...]
    half: tuple[HalfSize, ...]
    closed_form: ClosedForm
    alpha: float
    beliefs: Beliefs
    elapsed_s: float
    failed: tuple[Failure, ...] = ()

    @property
    def as_designed(self) -> Apparent:
        """The study without a remedy."""
        return self.designs[0]

    @property
    def sentences(self) -> tuple[str, ...]:
        """The finding, its numbers, and the design that would have prevented it."""
        return tuple(sentences(self))

    def to_dict(self) -> dict[str, Any]:
        """Give the JSON object of the contract, and more."""
        names = ("digest", "seed", "trials", "patients", "target", "qualifying_months", "alpha")
        s = self.split._asdict()
        return {
            "scenario": self.name,
            **{n: getattr(self, n) for n in names},
            "beliefs": self.beliefs.to_dict(),
            "before_months": list(self.before_months),
            "after_months": list(self.after_months),
            "months": list(self.months),
            "rate": [_number(v.value) for v in self.rate],
            "rate_mcse": [_number(v.mcse) for v in self.rate],
            **{k: s[k].value for k in ("before", "after", "fall")},
            **{f"{k}_mcse": s[k].mcse for k in ("before", "after", "fall")},
            "parts": {k: s[k].value for k in (*PARTS, "frailty")},
            "parts_mcse": {k: s[k].mcse for k in (*PARTS, "frailty")},
            "activity_left": _plain(self.split.activity_left),
            "population": {"intensity": self.split.population.value, "counted": _plain(self.population)},
            "designs": [d.to_dict() for d in self.designs],
            "half": [h.to_dict() for h in self.half],
            "closed_form": {k: _number(v) for k, v in self.closed_form.to_dict().items()},
            "sentences": list(self.sentences),
            "failed": [f.to_dict() for f in self.failed],
        }

    def to_frame(self) -> pd.DataFrame:
        """Give one row a month: its middle from screening, the rate a year and its MCSE."""
        import pandas as pd

        return pd.DataFrame({"month": self.months, "rate": [v.value for v in self.rate],
                             "mcse": [v.mcse for v in self.rate]})  # fmt: skip

    def __repr__(self) -> str:
        head = f"{self.name}: {self.patients} patients in {self.trials} trials, nobody treated, seed {self.seed}"
        return "\n".join([head, *(f"  {s}" for s in self.sentences)])


def _plain(value: Value) -> dict[str, float | None]:
    return {"value": _number(value.value), "mcse": _number(value.mcse)}


def _number(value: float) -> float | None:
    return None if math.isnan(value) else value


def rtm(
    scenario: Scenario,
    name: str = "",
    trials: int = DEFAULT_TRIALS,
    seed: int = 1,
    workers: Workers = 1,
    engine: str = "auto",
    watch: Watch = None,
) -> RtmResult:
    """Play a scenario's entry rule on patients to whom nothing is done; ShamtrialError where they are not followed.

    `trials` trials are played for the curve and its parts, and for each remedy; sizes are found in trials of their own.
    """
    if not 2 <= trials <= MOST_TRIALS:
        raise ShamtrialError(f"--trials: found {trials}; allowed: 2 to {MOST_TRIALS:,}")
    begun, chosen = time.perf_counter(), for_many(engine)
    untreated(scenario)  # refuses what can't be played before a population is solved for
    ready = untreated(solved(scenario, workers, None, chosen)[0])
    windows = windows_of(ready)
    lab = _Lab(ready, trials, seed, workers, chosen, watch, [])
    table, first = lab.around(ready, windows, "around entry"), around_entry.first_month(ready)
    patients, levels = table[:, 0], table[:, -len(around_entry.LEVELS) :]
    counts = table[:, 1 : -len(around_entry.LEVELS)]
    rows = [lab.tested(remedy) for remedy in remedies(ready)]
    half = tuple(half_size(t, ready, windows, rows[0][1], seed, workers, chosen, watch) for t in TESTS)
    return RtmResult(
        name=name,
        digest=scenario_digest(scenario),
        seed=seed,
        trials=trials,
        patients=int(patients.sum()),
        target=scenario.enrolment.target,
        before_months=windows[0],
        after_months=windows[1],
        qualifying_months=qualifying_months(ready),
        months=tuple(float(m) + 0.5 for m in range(first, first + counts.shape[1])),
        rate=tuple(monthly(patients, counts)),
        population=_population(lab.around(everyone(ready), None, "the population"), -first),
        split=split(patients, levels),
        designs=tuple(apparent(remedy, played, scenario.study.alpha) for remedy, played in rows),
        half=half,
        closed_form=closed_form(ready, is_gamma_poisson(ready)),
        alpha=scenario.study.alpha,
        beliefs=beliefs_of(scenario),
        elapsed_s=time.perf_counter() - begun,
        failed=tuple(lab.failed),
    )


@dataclass(frozen=True)
class _Lab:
    """What all parts of a run share: trials, seed, workers, engine; `failed` collects the trials that raised."""

    scenario: Scenario
    trials: int
    seed: int
    workers: Workers
    engine: str
    watch: Watch
    failed: list[Failure]

    def around(self, scenario: Scenario, windows: tuple[Months, Months] | None, label: str) -> Floats:
        """Play the trials with full records; one row a trial."""
        around = Around(Play(scenario, self.seed, self.engine), windows)
        with Pool(around, self.seed, self.workers) as pool:
            answers = pool.run(range(self.trials), self.watch and self.watch(label))
        self.failed.extend(a for a in answers if isinstance(a, Failure))
        good = np.array([a for a in answers if not isinstance(a, Failure)])
        self._enough(len(good), int(good[:, 0].sum()) if len(good) else 0)
        return good

    def tested(self, remedy: Remedy) -> tuple[Remedy, Rows]:
        """Play the trials of one design and test them."""
        alpha = remedy.scenario.study.alpha
        play = Play(remedy.scenario, self.seed, self.engine)
        nested = Nested(play, remedy.before, remedy.after, (0,), remedy.controlled, alpha)
        with Pool(nested, self.seed, self.workers) as pool:
            rows, failed = pool.run_rows(range(self.trials), self.watch and self.watch(remedy.name))
        self.failed.extend(failed)
        good: Rows = np.empty(0, layout(1)) if rows is None else rows
        self._enough(len(good), int(good["entered"].sum()))
        return remedy, good

    def _enough(self, trials: int, entered: int) -> None:
        if trials < 2:
            raise self.failed[0].error() if self.failed else RunError("rtm: fewer than two trials were played")
        if not entered:
            raise RunError(f"rtm: nobody entered in {trials} trials under this entry rule")


def _population(table: Floats, screening: int) -> Value:
    """Give the rate counted in the year before screening."""
    counts = table[:, 1 : -len(around_entry.LEVELS)]
    return ratio(counts[:, max(screening - 12, 0) : screening].sum(axis=1), table[:, 0] * (min(screening, 12) / 12.0))


def apparent(remedy: Remedy, rows: Rows, alpha: float) -> Apparent:
    """Sum up what a design makes of its trials; ratios are of sums over trials, never means of fits."""
    x = {n: rows[n][:, 0] for n in rows.dtype.names or () if rows[n].ndim == 2}
    before, after = (ratio(x[f"events_{k}"], x[f"years_{k}"]) for k in "ab")
    known = {"arr_change": True, "relapse_free_change": remedy.like_with_like}
    free = [ratio(x[f"free_{k}"], x[f"patients_{k}"]) for k in "ab"]
    shares = {test: significant(rows, test, alpha)[:, 0].astype(float) for test in TESTS}
    return Apparent(
        remedy.key,
        remedy.name,
        before,
        after,
        _log_ratio(x),
        free[0],
        free[1],
        _difference(x, free) if remedy.like_with_like else NONE,
        {test: ratio(hits, np.ones(len(hits))) if known[test] else NONE for test, hits in shares.items()},
    )


def _influence(part: Floats, whole: Floats) -> Floats:
    """Give each trial's part in the error of a ratio of sums."""
    off: Floats = (part - part.sum() / whole.sum() * whole) / whole.sum()
    return off


def _error(off: Floats) -> float:
    n = len(off)
    return math.sqrt(n / (n - 1.0) * float((off * off).sum()))


def _log_ratio(x: dict[str, Floats]) -> Value:
    rates = [float(x[f"events_{k}"].sum() / max(x[f"years_{k}"].sum(), 1e-300)) for k in "ab"]
    if min(rates) <= 0.0:
        return Value(math.nan, math.nan)
    off = [_influence(x[f"events_{k}"], x[f"years_{k}"]) / r for k, r in zip("ab", rates, strict=True)]
    return Value(math.log(rates[1] / rates[0]), _error(off[1] - off[0]))


def _difference(x: dict[str, Floats], free: list[Value]) -> Value:
    if math.isnan(free[0].value + free[1].value):
        return Value(math.nan, math.nan)
    off = [_influence(x[f"free_{k}"], x[f"patients_{k}"]) for k in "ab"]
    return Value(free[1].value - free[0].value, _error(off[1] - off[0]))
