"""The flow of participants over many trials: each count's mean with its Monte Carlo standard error.

A power run keeps no candidate who did not enter, so the flow comes from its first trials, played again and recorded
whole.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any, Final

import numpy as np

from sim.analysis.trial import analyse, contrast
from sim.data.cohort import Cohort, cohort, only
from sim.data.consort import ArmFlow, Flow, flow
from sim.engines.world import OBSERVED
from sim.scenario.schema import Endpoint, Scenario
from sim.study.play import Play
from sim.study.runner import Failure, Pool, Watcher, Workers

FLOW_TRIALS: Final = 100
COUNTS: Final = tuple(f.name for f in fields(ArmFlow) if f.name not in ("arm", "procedure"))


@dataclass(frozen=True)
class Mean:
    """A count averaged over trials, with its Monte Carlo standard error (NaN from one trial)."""

    mean: float
    mcse: float


@dataclass(frozen=True)
class RunFlow:
    """The mean flow of a run's first `trials` trials; `analysed` counts by arm the patients an analysis uses.

    That analysis is the primary endpoint's, or for an arm that it does not compare that of the first endpoint that
    does.
    """

    trials: int
    flow: Flow[Mean]
    analysed: dict[str, Mean]

    def to_dict(self) -> dict[str, Any]:
        """Give plain values for JSON; an error that does not exist (NaN) is None."""
        arms = [asdict(a) | {"analysed": asdict(self.analysed[a.arm])} for a in self.flow.arms]
        made: dict[str, Any] = _plain({"trials": self.trials} | self.flow.to_dict() | {"arms": arms})
        return made


@dataclass(frozen=True)
class TrialFlow:
    """One trial's flow, and how many of each arm were analysed."""

    flow: Flow[int]
    analysed: tuple[int, ...]


@dataclass(frozen=True)
class Follow:
    """Answers one trial's flow; picklable."""

    play: Play

    def __call__(self, trial: int) -> TrialFlow:
        """Play and record trial number `trial`."""
        scenario, records = self.play.scenario, self.play.records(trial, OBSERVED)
        return TrialFlow(flow(scenario, records), analysed(scenario, cohort(records)))

    def warm(self) -> None:
        """Load, or compile, what the run needs."""
        self(0)


def run_flow(play: Play, trials: int, workers: Workers, watch: Watcher | None = None) -> RunFlow:
    """Follow the participants of the first trials of a run, `FLOW_TRIALS` at most; RunError where all of them fail."""
    with Pool(Follow(play), play.seed, workers) as pool:
        answers = pool.run(range(min(trials, FLOW_TRIALS)), watch)
    good = [a for a in answers if not isinstance(a, Failure)]
    if not good:
        raise next(a for a in answers if isinstance(a, Failure)).error()
    return RunFlow(len(good), mean_flow([a.flow for a in good]), _mean_analysed(good))


def mean_flow(flows: Sequence[Flow[int]]) -> Flow[Mean]:
    """Average flows of one scenario; a reason that did not occur in a trial counts 0 there."""
    reasons = dict.fromkeys(reason for f in flows for reason in f.kept_out)
    return Flow(
        screened=mean_of(f.screened for f in flows),
        kept_out={reason: mean_of(f.kept_out.get(reason, 0) for f in flows) for reason in reasons},
        entered=mean_of(f.entered for f in flows),
        arms=tuple(_mean_arm(own) for own in zip(*(f.arms for f in flows), strict=True)),
        followed=flows[0].followed,
    )


def analysed(scenario: Scenario, people: Cohort) -> tuple[int, ...]:
    """Count by arm the patients whom the analysis of the primary uses; see `RunFlow`."""
    return tuple(_analysed(scenario, people, number) for number in range(len(scenario.arm)))


def _analysed(scenario: Scenario, people: Cohort, number: int) -> int:
    """Let the analysis count who is left of this arm alone."""
    endpoint = _asking(scenario, number)
    if endpoint is None:
        return 0
    alone = only(people, people.subjects["arm"] == number)
    asked = scenario.model_copy(update={"endpoint": [endpoint]})
    return int(analyse(asked, alone)[0].n[0])


def _asking(scenario: Scenario, number: int) -> Endpoint | None:
    """Give the endpoint that compares this arm, the primary if it does."""
    in_turn = sorted(scenario.endpoint, key=lambda e: bool(scenario.study.primary) and e.key != scenario.study.primary)
    return next((e for e in in_turn if scenario.before_after or number in contrast(scenario, e)), None)


def _mean_arm(own: Sequence[ArmFlow[int]]) -> ArmFlow[Mean]:
    means = {name: mean_of(getattr(a, name) for a in own) for name in COUNTS}
    return ArmFlow(arm=own[0].arm, procedure=own[0].procedure, **means)


def _mean_analysed(found: Sequence[TrialFlow]) -> dict[str, Mean]:
    columns = zip(*(f.analysed for f in found), strict=True)
    return {arm.arm: mean_of(own) for arm, own in zip(found[0].flow.arms, columns, strict=True)}


def mean_of(counts: Iterable[int]) -> Mean:
    """Average counts of independent trials."""
    values = np.array(list(counts), float)
    n = len(values)
    mean = math.fsum(values) / n
    spread = math.sqrt(math.fsum((values - mean) ** 2) / (n - 1)) if n > 1 else math.nan
    return Mean(mean, spread / math.sqrt(n))


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_plain(inner) for inner in value]
    return None if isinstance(value, float) and math.isnan(value) else value
