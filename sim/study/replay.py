"""Replays a published study many times and judges its figures jointly against what the scenario gives."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from sim.analysis.trial import windows
from sim.core.errors import RunError, ShamtrialError
from sim.data.cohort import of_course
from sim.engines.want import Want
from sim.model.course import COURSES
from sim.scenario.schema import Figure, Scenario
from sim.study.play import Play, for_many, scenario_digest
from sim.study.population import solved
from sim.study.power import MOST_TRIALS
from sim.study.runner import Failure, Pool, Watcher

if TYPE_CHECKING:
    import pandas as pd

DEFAULT_TRIALS = 1000
UNCHANGED = 0.1
RARE = 0.05
WORDS = {
    "relapse_free_before": "Relapse-free in the year before",
    "relapse_free_after": "Relapse-free in the year after",
    "rate_ratio": "Ratio of relapse rates, after over before",
}
QUANTITIES = ("relapse_free_before", "relapse_free_after", "rate_ratio")
FAVOURABLE = {"relapse_free_before": -1, "relapse_free_after": 1, "rate_ratio": -1}

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class BeforeAfter:
    """Answers one trial's (relapse-free before, relapse-free after, ratio of rates, patients); picklable."""

    play: Play

    def __call__(self, trial: int) -> tuple[float, float, float, float]:
        """Play trial number `trial`; the counting is that of its first endpoint on relapses."""
        counts = relapse_counts(self.play.scenario)
        people = self.play.people(trial, want=Want(frozenset((counts, "recalled")), (), True, surveillance=False))
        people = of_course(people, asked_course(self.play.scenario))
        before, after = windows(self.play.scenario, counts, people)
        seen = after.years > 0.0
        rates = [w.counts[seen].sum() / w.years[seen].sum() if seen.any() else math.nan for w in (before, after)]
        ratio = rates[1] / rates[0] if rates[0] > 0.0 else math.nan
        free = [float((w.counts[seen] == 0.0).sum()) for w in (before, after)]
        return free[0], free[1], float(ratio), float(people.size)

    def warm(self) -> None:
        """Load, or compile, what the run needs."""
        self(0)


def relapse_counts(scenario: Scenario) -> Any:
    """Give which relapses the scenario's first relapse endpoint counts."""
    return next((e.counts for e in scenario.endpoint if e.name.startswith(("arr", "relapse_free"))), "reported")


def asked_course(scenario: Scenario) -> str:
    """Give the course of the disease that the scenario's first relapse endpoint is of; empty: all."""
    return next((e.course for e in scenario.endpoint if e.name.startswith(("arr", "relapse_free"))), "")


def patients_asked(scenario: Scenario) -> int:
    """Give how many patients that endpoint is of: all, or those of its course where there is a quota."""
    course, quota = asked_course(scenario), scenario.course.quota
    return quota[COURSES.index(course)] if course and quota else scenario.enrolment.target


@dataclass(frozen=True)
class ReplayResult:
    """A published study beside its replays; `figures` and `joint` are those of the JSON contract.

    `before`, `after` (counts relapse-free) and `ratio` (of annualised rates, after over before) have one value a trial.
    """

    study: str
    name: str
    digest: str
    seed: int
    trials: int
    patients: int
    before: NDArray[np.int64]
    after: NDArray[np.int64]
    ratio: Floats
    figures: list[dict[str, Any]]
    joint: dict[str, Any]
    elapsed_s: float
    failed: tuple[Failure, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Give the JSON object of the contract."""
        names = ("study", "seed", "trials", "figures", "joint")
        failed = [{"seed": f.seed, "trial": f.trial, "message": f.message} for f in self.failed]
        return {n: getattr(self, n) for n in names} | {"scenario": self.name, "digest": self.digest, "failed": failed}

    def to_frame(self) -> pd.DataFrame:
        """Give one row a published figure."""
        import pandas as pd

        return pd.DataFrame(self.figures).set_index("id")

    def __repr__(self) -> str:
        lines = [
            f"{self.study} replayed {self.trials} times ({self.name}, seed {self.seed}), {self.patients} patients each"
        ]
        for f in self.figures:
            low, high = f["interval"]
            lines.append(
                f"  {f['quantity']}: published {_range(f['published'])}, replayed median {f['median']:.3g} "
                f"(95% of replays {low:.3g} to {high:.3g}), mid-PIT {f['mid_pit']:.2f}"
            )
        return "\n".join(lines + [f"  {s}" for s in self.joint["sentences"]])


def replay(
    scenario: Scenario,
    name: str = "",
    trials: int = DEFAULT_TRIALS,
    seed: int = 1,
    workers: int = 1,
    engine: str = "auto",
    watch: Watcher | None = None,
    watch_population: Watcher | None = None,
) -> ReplayResult:
    """Replay a published study `trials` times; ShamtrialError if the scenario has no published figures to judge by."""
    figures = [f for f in scenario.published.figure if f.use == "replay"]
    if not (scenario.before_after and figures):
        raise ShamtrialError(
            f"replay: found {name or 'a scenario'} without [[published.figure]] of a before-after study; "
            "allowed: published/zamboni_2009, or a scenario that extends it"
        )
    totals = {f.total for f in figures if f.total}
    if totals - {patients_asked(scenario)}:
        raise ShamtrialError(
            f"replay: found enrolment.target = {patients_asked(scenario)}; allowed: {max(totals)}, the patients that "
            "the published counts are out of"
        )
    if not 2 <= trials <= MOST_TRIALS:
        raise ShamtrialError(f"--trials: found {trials}; allowed: 2 to {MOST_TRIALS:,}")
    begun, chosen = time.perf_counter(), for_many(engine)
    ready, _ = solved(scenario, workers, watch_population, chosen)
    with Pool(BeforeAfter(Play(ready, seed, chosen)), seed, workers) as pool:
        answers = pool.run(range(trials), watch)
    failed = tuple(a for a in answers if isinstance(a, Failure))
    good = np.array([a for a in answers if not isinstance(a, Failure) and not math.isnan(a[2])], dtype=float)
    if len(good) < 2:
        raise failed[0].error() if failed else RunError("replay: no trial had a relapse before and a patient after")
    simulated = dict(zip(QUANTITIES, good.T, strict=False))
    return ReplayResult(
        study=scenario.published.study,
        name=name,
        digest=scenario_digest(scenario),
        seed=seed,
        trials=len(answers),
        patients=int(np.median(good[:, 3])),
        before=simulated["relapse_free_before"].astype(np.int64),
        after=simulated["relapse_free_after"].astype(np.int64),
        ratio=simulated["rate_ratio"],
        figures=[judge(f, simulated[f.quantity]) for f in figures],
        joint=judge_jointly(figures, simulated, scenario.no_effect),
        elapsed_s=time.perf_counter() - begun,
        failed=failed,
    )


def judge(figure: Figure, values: Floats) -> dict[str, Any]:
    """Give a figure's place in its predictive distribution; `mid_pit` near 0 or 1 means that the scenario misses it.

    mid_pit = P(X < low) + P(low <= X <= high) / 2; share_as_favourable: trials at least as favourable to the treatment.
    """
    inside = (values >= figure.low) & (values <= figure.high)
    better = values >= figure.low if FAVOURABLE[figure.quantity] > 0 else values <= figure.high
    return {
        "id": figure.id,
        "quantity": figure.quantity,
        "status": figure.status,
        "published": [figure.low, figure.high],
        "total": figure.total,
        "note": figure.note,
        "median": float(np.median(values)),
        "interval": [float(q) for q in np.quantile(values, [0.025, 0.975])],
        "mid_pit": float((values < figure.low).mean() + 0.5 * inside.mean()),
        "share_as_favourable": float(better.mean()),
        "used_for_fit": False,
    }


def judge_jointly(figures: list[Figure], simulated: dict[str, Floats], no_effect: bool) -> dict[str, Any]:
    """Judge all figures at once, and say in sentences what the scenario explains and what it does not.

    `tail_probability` is the share of replays at least as far from their own centre as the published figures (middle
    of each range), in Mahalanobis distance; `tail_probability_counts` the same for the counts alone; `share_rise` the
    share with at least the smallest rise of the relapse-free that the published ranges allow. The Monte Carlo standard
    error of each share is sqrt(p(1-p)/trials).
    """
    hits = {f.quantity: _hit(f, simulated[f.quantity]) for f in figures}
    everything = np.logical_and.reduce(list(hits.values()))
    counts = [f for f in figures if f.quantity != "rate_ratio"]
    every = np.ones(len(everything), bool)
    rise = _published_rise(counts)
    joint = {
        "share_rise": float((_rise(simulated) >= rise[0]).mean()) if rise else None,
        "published_rise": list(rise) if rise else None,
        "share_in_published_counts": float(np.logical_and.reduce([every, *(hits[f.quantity] for f in counts)]).mean()),
        "share_ratio_unchanged": float(hits.get("rate_ratio", every).mean()),
        "share_all": float(everything.mean()),
        "unchanged_within": UNCHANGED,
        "tail_probability_counts": _tail(counts, simulated) if counts else 1.0,
        "tail_probability": _tail(figures, simulated),
    }
    return joint | {"sentences": _sentences(figures, simulated, joint, no_effect)}


def _rise(simulated: dict[str, Floats]) -> Floats:
    rise: Floats = simulated["relapse_free_after"] - simulated["relapse_free_before"]
    return rise


def _published_rise(counts: list[Figure]) -> tuple[float, float] | None:
    """Give the smallest and largest rise of the relapse-free that the published ranges allow."""
    found = {f.quantity: f for f in counts}
    if len(found) < 2:
        return None
    before, after = found["relapse_free_before"], found["relapse_free_after"]
    return after.low - before.high, after.high - before.low


def _hit(figure: Figure, values: Floats) -> NDArray[np.bool_]:
    slack = UNCHANGED if figure.quantity == "rate_ratio" else 0.0
    hit: NDArray[np.bool_] = (values >= figure.low - slack) & (values <= figure.high + slack)
    return hit


def _tail(figures: list[Figure], simulated: dict[str, Floats]) -> float:
    cloud = np.column_stack([simulated[f.quantity] for f in figures])
    point = np.array([0.5 * (f.low + f.high) for f in figures])
    spread = np.linalg.pinv(np.atleast_2d(np.cov(cloud.T)))
    off = cloud - cloud.mean(axis=0)
    distance = np.einsum("ij,jk,ik->i", off, spread, off)
    gap = point - cloud.mean(axis=0)
    return float((distance >= gap @ spread @ gap).mean())


def _sentences(
    figures: list[Figure], simulated: dict[str, Floats], joint: dict[str, Any], no_effect: bool
) -> list[str]:
    trials, said = len(simulated["rate_ratio"]), []
    if joint["published_rise"]:
        low, high = joint["published_rise"]
        said.append(
            f"{'With no true effect' if no_effect else 'With the effect put in'}, "
            f"{_share(joint['share_rise'], trials)} show a rise of {low:g} or more relapse-free patients "
            f"(published: {low:g} to {high:g})."
        )
    said += [_figure_sentence(judge(f, simulated[f.quantity]), trials) for f in figures]
    tail = joint["tail_probability"]
    said.append(f"Judged jointly, {_share(tail, trials)} lie as far out as the published figures.")
    return said


def _figure_sentence(judged: dict[str, Any], trials: int) -> str:
    """Say whether a figure is within what the scenario gives; near the limit, within twice the MCSE, say so."""
    pit = judged["mid_pit"]
    tail = 2.0 * min(pit, 1.0 - pit)
    error = 2.0 * 2.0 * math.sqrt(max(pit * (1.0 - pit), 1.0 / trials) / trials)
    verdict = "explained" if tail > RARE + error else "not explained" if tail < RARE - error else "at the edge"
    if verdict != "explained":
        verdict += f": the scenario gives {'more' if pit < 0.5 else 'less'}"
    low, high = judged["interval"]
    return (
        f"{WORDS[judged['quantity']]}: published {_range(judged['published'])}, "
        f"replays {low:.3g} to {high:.3g}: {verdict}."
    )


def _share(share: float, trials: int) -> str:
    error = math.sqrt(share * (1.0 - share) / trials)
    return f"{100.0 * share:.1f}% of replays (MCSE {100.0 * error:.1f})" if share else f"none of {trials} replays"


def _range(published: list[float]) -> str:
    low, high = published
    return f"{low:g}" if low == high else f"{low:g}-{high:g}"
