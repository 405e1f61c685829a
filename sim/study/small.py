"""Small studies and publication: of twenty alike, the most favourable one is published. What do its readers learn?

Studies of one design are played in sets, and of each set the one with the smallest p in the patient's favour is taken
(among equal p the one with the larger estimate, then the first). Type S and type M errors (Gelman and Carlin 2014) are
those of the estimates with p < alpha: how often the sign is wrong, and by how much the size is exaggerated. Both are
defined against a true effect; where there is none the distribution of what is published says it all.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from sim.core.defaults import TWIN_TRIALS
from sim.core.endpoints import ENDPOINTS, parse_endpoint
from sim.core.errors import RunError, ShamtrialError
from sim.scenario.beliefs import Beliefs, beliefs_of
from sim.scenario.schema import Scenario
from sim.study.picked import (
    Answers,
    Figure,
    exaggeration,
    mean,
    most_favourable,
    plain,
    quantile_error,
    share,
    share_of,
    wrong_sign,
)
from sim.study.play import Play, for_many, scenario_digest
from sim.study.population import solved
from sim.study.power import MOST_TRIALS
from sim.study.runner import Failure, Pool, Watcher, Workers
from sim.study.small_words import sentences
from sim.study.tally import Analyse, primary
from sim.study.truth import find_truth

if TYPE_CHECKING:
    import pandas as pd

Floats = NDArray[np.float64]
Watch = Callable[[str], Watcher] | None

SIZES = (
    ("published/zamboni_2012", "relapse_free_6m"),
    ("published/premise_2014", "relapse_free_6m"),
    ("published/zamboni_2009", "relapse_free_change"),
    ("small_65", "relapse_free_change"),
)
"""The studies that were done: 8 v 7, 9 v 10, 35 and 65 before and after; by the relapse-free, whose share every
study has (a ratio of rates has no answer where an arm has no relapse)."""

DEFAULT_STUDIES, DEFAULT_SETS = 20, 500
MOST_STUDIES = 1000
QUANTILES = (0.05, 0.5, 0.95)
NAMED = ("5%", "median", "95%")
SHOWN = 4000


@dataclass(frozen=True)
class SmallResult:
    """One design: its single studies beside the most favourable of each set.

    `single_significant` and `published_significant` are shares with p < alpha in the patient's favour; `expected` is
    1 - (1 - single)^studies. `mean` is of all studies, published or not; `published` the median of those published,
    with 5% and 95% quantiles in `published_interval`; `published_p` has the three of p. `type_s` and `type_m` (NaN
    without a true effect) are of single studies with p < alpha, `published_m` of the published ones. `single` and
    `chosen` hold estimates to be drawn.
    """

    name: str
    digest: str
    endpoint: str
    base: str
    scale: str
    favourable: int
    patients: str
    beliefs: Beliefs
    studies: int
    sets: int
    null: bool
    truth: Figure
    single_significant: Figure
    published_significant: Figure
    expected: Figure
    mean: Figure
    published: Figure
    published_interval: tuple[float, float]
    published_interval_mcse: tuple[float, float]
    published_p: tuple[float, ...]
    published_p_mcse: tuple[float, ...]
    type_s: Figure
    type_m: Figure
    published_m: Figure
    unanswered: Figure
    single: Floats
    chosen: Floats
    failed: tuple[Failure, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Give plain values."""
        names = ("digest", "endpoint", "scale", "favourable", "patients", "studies", "sets", "null")
        figures = (
            "truth", "single_significant", "published_significant", "expected", "mean", "published", "type_s", "type_m",
            "published_m", "unanswered",
        )  # fmt: skip
        return {
            "scenario": self.name,
            **{n: getattr(self, n) for n in names},
            "beliefs": self.beliefs.to_dict(),
            **{n: getattr(self, n).to_dict() for n in figures},
            "published_interval": [plain(x) for x in self.published_interval],
            "published_interval_mcse": [plain(x) for x in self.published_interval_mcse],
            "published_p": dict(zip(NAMED, map(plain, self.published_p), strict=True)),
            "published_p_mcse": dict(zip(NAMED, map(plain, self.published_p_mcse), strict=True)),
        }


@dataclass(frozen=True)
class SmallResults:
    """Designs side by side, and what they say."""

    seed: int
    alpha: float
    designs: tuple[SmallResult, ...]
    elapsed_s: float

    @property
    def failed(self) -> tuple[Failure, ...]:
        """The trials that raised."""
        return tuple(f for d in self.designs for f in d.failed)

    @property
    def sentences(self) -> tuple[str, ...]:
        """The finding, its numbers, and what would have prevented it."""
        return tuple(sentences(self))

    def to_dict(self) -> dict[str, Any]:
        """Give what `--json` prints."""
        failed = [f.to_dict() for f in self.failed]
        designs = [d.to_dict() for d in self.designs]
        return {
            "seed": self.seed, "alpha": self.alpha, "designs": designs, "sentences": list(self.sentences),
            "failed": failed,
        }  # fmt: skip

    def to_frame(self) -> pd.DataFrame:
        """Give one row a design."""
        import pandas as pd

        rows = [{k: v.get("value") if isinstance(v, dict) and "value" in v else v for k, v in d.to_dict().items()}
                for d in self.designs]  # fmt: skip
        return pd.DataFrame(rows).set_index("scenario")

    def __repr__(self) -> str:
        first = self.designs[0]
        head = f"{len(self.designs)} design(s), {first.sets} sets of {first.studies} studies, seed {self.seed}"
        return "\n".join([head, *(f"  {s}" for s in self.sentences)])


def small(
    designs: Sequence[tuple[str, Scenario, str]],
    studies: int = DEFAULT_STUDIES,
    sets: int = DEFAULT_SETS,
    seed: int = 1,
    workers: Workers = 1,
    null: bool = True,
    truth_trials: int = TWIN_TRIALS,
    engine: str = "auto",
    watch: Watch = None,
) -> SmallResults:
    """Play `sets` sets of `studies` studies of each design (name, scenario, endpoint id; empty: its primary one).

    `null` plays veins that do nothing. Raises ShamtrialError for impossible requests.
    """
    _check(studies, sets, truth_trials)
    begun, chosen = time.perf_counter(), for_many(engine)
    run = _Run(studies, sets, seed, workers, null, truth_trials, chosen, watch)
    found = tuple(run.design(*design) for design in designs)
    return SmallResults(seed, designs[0][1].study.alpha, found, time.perf_counter() - begun)


def _check(studies: int, sets: int, truth_trials: int) -> None:
    if not 1 <= studies <= MOST_STUDIES:
        raise ShamtrialError(f"--studies: found {studies}; allowed: 1 to {MOST_STUDIES:,}")
    if sets < 2 or studies * sets > MOST_TRIALS:
        raise ShamtrialError(f"--trials: found {sets}; allowed: 2 to {MOST_TRIALS // studies:,} sets of {studies}")
    if truth_trials < 2:
        raise ShamtrialError(f"--truth-trials: found {truth_trials}; allowed: 2 or more")


@dataclass(frozen=True)
class _Run:
    """What all designs of a run share."""

    studies: int
    sets: int
    seed: int
    workers: Workers
    null: bool
    truth_trials: int
    engine: str
    watch: Watch

    def design(self, name: str, scenario: Scenario, endpoint: str) -> SmallResult:
        """Play one design and sum it up."""
        number = _endpoint(scenario, endpoint)
        alone = scenario.model_copy(update={"endpoint": [scenario.endpoint[number]]})
        ready, _ = solved(_without_effect(alone) if self.null else alone, self.workers, None, self.engine)
        with Pool(Analyse(Play(ready, self.seed, self.engine)), self.seed, self.workers) as pool:
            rows, failed = pool.run_rows(range(self.studies * self.sets), self.watch and self.watch(name))
        if rows is None:
            raise failed[0].error()
        if failed:
            raise RunError(f"small: {len(failed)} trials failed, so sets are not whole; the first: {failed[0].error()}")
        own = ready.endpoint[0]
        spec = ENDPOINTS[parse_endpoint(own.name)[0]]
        found = rows["estimates"][:, 0]
        answers = Answers(found["value"], found["p"], spec.favourable, scenario.study.alpha)
        return summary(
            answers, self.studies, self._truth(ready), name=name, digest=scenario_digest(scenario), endpoint=own.key,
            base=spec.base, scale=spec.scale, patients=patients(ready), beliefs=beliefs_of(ready), null=ready.no_effect,
        )  # fmt: skip

    def _truth(self, ready: Scenario) -> Figure:
        """Give the true effect on the endpoint's scale; without one it is 0, but for an odds ratio or a share."""
        if ready.no_effect and not ready.case_control:
            return Figure(0.0, 0.0)
        (truth,) = find_truth(ready, self.truth_trials, self.workers, self.watch and self.watch("truth"), self.engine)
        return Figure(truth.value, truth.mcse)


def _endpoint(scenario: Scenario, key: str) -> int:
    keys = [e.key for e in scenario.endpoint]
    if key and key not in keys:
        raise ShamtrialError(f"--endpoint: found {key!r}; allowed: {', '.join(keys)}")
    chosen = keys.index(key) if key else primary(scenario)
    if parse_endpoint(scenario.endpoint[chosen].name)[0] == "restenosis":
        raise ShamtrialError(f"--endpoint: found {keys[chosen]!r}, a share; allowed: an endpoint that is tested")
    return chosen


def _without_effect(scenario: Scenario) -> Scenario:
    return scenario.model_copy(update={"switches": scenario.switches.model_copy(update={"effect": False})})


def patients(scenario: Scenario) -> str:
    """Say how many patients a study has, as planned, arm by arm where there are arms, those with angioplasty first."""
    target, ratios = scenario.enrolment.target, [a.ratio for a in scenario.arm]
    if len(ratios) == 1:
        return f"{target}"
    each = [target * r // sum(ratios) for r in ratios[:-1]]  # the last takes the rest
    sizes = zip(scenario.arm, [*each, target - sum(each)], strict=True)
    return " v ".join(f"{n}" for _, n in sorted(sizes, key=lambda own: own[0].procedure != "angioplasty"))


def summary(answers: Answers, studies: int, truth: Figure, **about: Any) -> SmallResult:
    """Sum up single studies and the published ones."""
    chosen = most_favourable(answers, studies)
    sets, picked = len(chosen), chosen[chosen >= 0]
    value, p = answers.value[picked], answers.p[picked]
    there = ~np.isnan(answers.value)
    single = share(answers.helpful)
    q = 1.0 - single.value
    expected = Figure(1.0 - q**studies, studies * q ** (studies - 1) * single.mcse)
    found = there & (answers.p < answers.alpha)
    (low, middle, high), (low_error, error, high_error) = _quantiles(value)
    p_quantiles, p_errors = _quantiles(p)
    return SmallResult(
        **about,
        favourable=answers.favourable,
        studies=studies,
        sets=sets,
        truth=truth,
        single_significant=single,
        published_significant=Figure(*share_of(answers.helpful[picked].sum(), sets)),
        expected=expected,
        mean=mean(answers.value[there]),
        published=Figure(middle, error),
        published_interval=(low, high),
        published_interval_mcse=(low_error, high_error),
        published_p=p_quantiles,
        published_p_mcse=p_errors,
        type_s=wrong_sign(answers.value[found], truth),
        type_m=exaggeration(answers.value[found], truth),
        published_m=exaggeration(value, truth),
        unanswered=share(~there),
        single=answers.value[there][:SHOWN],
        chosen=value[:SHOWN],
    )


def _quantiles(values: Floats) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Give the 5%, 50% and 95% quantiles, and their standard errors; NaN of none."""
    if not len(values):
        return (math.nan,) * 3, (math.nan,) * 3
    found = tuple(float(x) for x in np.quantile(values, QUANTILES))
    return found, tuple(quantile_error(values, q) for q in QUANTILES)
