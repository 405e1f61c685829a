"""Designs side by side on the same candidates: power, bias, and what trials with no effect would exclude."""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sim.core.defaults import TWIN_TRIALS
from sim.core.endpoints import ENDPOINTS, UNTESTED, parse_endpoint
from sim.core.endpoints import Endpoint as Meaning
from sim.core.errors import ShamtrialError
from sim.scenario.beliefs import Beliefs, beliefs_of
from sim.scenario.schema import Endpoint, Scenario
from sim.scenario.variants import Design
from sim.study.compare_words import sentences
from sim.study.exclude import NullTrials
from sim.study.ledger import chosen, family
from sim.study.paired import Pair
from sim.study.performance import Performance
from sim.study.play import Play, for_many, scenario_digest
from sim.study.population import Solution
from sim.study.power import MOST_TRIALS
from sim.study.runner import Failure, Workers
from sim.study.runs import RunFolder
from sim.study.side_by_side import Board, Watch, address_of

if TYPE_CHECKING:
    import pandas as pd

DEFAULT_TRIALS = 1000


@dataclass(frozen=True)
class Compared:
    """One design: how it does, and what it does where nothing works (None: not played, or no trial of an effect).

    `series` names its chunks in a run's folder.
    """

    label: str
    name: str
    digest: str
    scenario: Scenario
    endpoint: Endpoint
    performance: Performance
    series: str
    short_trials: int
    null: NullTrials | None
    solution: Solution | None = None

    @property
    def meaning(self) -> Meaning:
        """What the endpoint is called and how it is read."""
        return ENDPOINTS[parse_endpoint(self.endpoint.name)[0]]

    @property
    def patients(self) -> int:
        """How many patients are to be enrolled."""
        return self.scenario.enrolment.target

    @property
    def beliefs(self) -> Beliefs:
        """Which finding the effects of belief follow."""
        return beliefs_of(self.scenario)

    def to_dict(self) -> dict[str, Any]:
        """Give plain values."""
        return {
            "label": self.label,
            "scenario": self.name,
            "digest": self.digest,
            "series": self.series,
            "design": self.scenario.study.design,
            "endpoint": self.endpoint.key,
            "alpha": self.scenario.study.alpha,
            "patients": self.patients,
            "short_trials": self.short_trials,
            **self.performance.to_dict(),
            "beliefs": self.beliefs.to_dict(),
            "population": self.solution.to_dict() if self.solution else None,
            "null": self.null.to_dict() if self.null else None,
        }


@dataclass(frozen=True)
class Comparison:
    """Designs and all their pairs; a pair's differences are its `b` less its `a`, the one named first.

    `endpoint` is the key that all designs have, else the family; `read` of the trials were in the folder already.
    """

    seed: int
    trials: int
    engine: str
    endpoint: str
    designs: tuple[Compared, ...]
    pairs: tuple[Pair, ...]
    elapsed_s: float
    failed: tuple[Failure, ...] = ()
    folder: Path | None = None
    read: int = 0
    notes: tuple[str, ...] = field(default=(), repr=False)

    @property
    def against_first(self) -> tuple[Pair, ...]:
        """The pairs of which the first design is one."""
        return tuple(p for p in self.pairs if p.a == self.designs[0].label)

    @property
    def sentences(self) -> tuple[str, ...]:
        """What power, bias, and trials with no effect say."""
        return tuple(sentences(self))

    @property
    def beliefs(self) -> str:
        """Which findings the effects of belief follow, in words."""
        return "; ".join(dict.fromkeys(d.beliefs.words for d in self.designs))

    def to_dict(self) -> dict[str, Any]:
        """Give the JSON object of the contract, and more."""
        return {
            "scenarios": [d.label for d in self.designs],
            "endpoint": self.endpoint,
            "seed": self.seed,
            "trials": self.trials,
            "engine": self.engine,
            "difference": "b - a",
            "pairs": [p.to_dict() for p in self.pairs],
            "designs": [d.to_dict() for d in self.designs],
            "beliefs": [d.beliefs.to_dict() for d in self.designs],
            "sentences": list(self.sentences),
            "failed": [f.to_dict() for f in self.failed],
            **({"read": self.read} if self.folder else {}),
        }

    def to_frame(self) -> pd.DataFrame:
        """Give one row a design, its differences from the first beside it."""
        import pandas as pd

        names = ("power_difference", "mcse", "bias_difference", "bias_mcse", "variance_ratio")
        own = {p.b: {f"{n}_to_first" if n == "mcse" else n: getattr(p, n) for n in names} for p in self.against_first}
        rows = [{"label": d.label, "endpoint": d.endpoint.key, "patients": d.patients, **d.performance.to_dict(),
                 **own.get(d.label, {})} for d in self.designs]  # fmt: skip
        return pd.DataFrame(rows).set_index("label")

    def __repr__(self) -> str:
        head = f"{' v '.join(d.label for d in self.designs)}: {self.endpoint}, {self.trials} trials, seed {self.seed}"
        return "\n".join([head, f"  {self.beliefs}", *(f"  {s}" for s in self.sentences)])


def compare(
    designs: Sequence[Design],
    endpoint: str | None = None,
    trials: int = DEFAULT_TRIALS,
    seed: int = 1,
    workers: Workers = 1,
    engine: str = "auto",
    null: bool = True,
    truth_trials: int = TWIN_TRIALS,
    watch: Watch = None,
    out: str | Path | None = None,
) -> Comparison:
    """Play the same trials in each design, and again with no effect (`null`), and compare them trial by trial.

    `endpoint` is a key or a family ("arr") that each design has (none: each one's primary). `out` is a folder that
    keeps every trial's estimates; trials that are there are read. Raises ShamtrialError for impossible requests and
    for endpoints whose difference would mean nothing, RunError where all trials of a design fail or nobody enters.
    """
    _check(trials, truth_trials)
    begun, how = time.perf_counter(), for_many(engine)
    asked = [_tested(d, endpoint) for d in designs]
    _agree(designs, asked)
    for d in designs:
        Play(d.scenario, seed, how)  # refuses a seed before a folder is made
    with ExitStack() as stack:
        run = (
            stack.enter_context(RunFolder(out, address_of(designs, endpoint, seed, null, out)))
            if out is not None
            else None
        )
        board = Board(designs, asked, null, seed, how, workers, watch)
        read = board.play(trials, truth_trials, run)
        result = Comparison(
            seed=seed,
            trials=trials,
            engine=how,
            endpoint=_endpoint_of(asked),
            designs=tuple(_compared(board, k) for k in range(len(designs))),
            pairs=tuple(board.pairs()),
            elapsed_s=time.perf_counter() - begun,
            failed=tuple(dict.fromkeys(f for cell in board.cells for f in cell.tally.failures())),
            folder=run.folder if run else None,
            read=read,
            notes=tuple(run.notes) if run else (),
        )
        if run:
            run.finish(trials, result.to_dict())
    return result


def _compared(board: Board, number: int) -> Compared:
    """Sum up a design."""
    design, own, null, asked = board.designs[number], board.own[number], board.null[number], board.asked[number]
    return Compared(
        label=design.label,
        name=design.name,
        digest=scenario_digest(design.scenario),
        scenario=design.scenario,
        endpoint=asked,
        performance=own.tally.performances()[asked.key],
        series=own.series,
        short_trials=sum(own.tally.short.values()),
        null=null.nulls.result(null is not own) if null and null.nulls else None,
        solution=board.solutions[number],
    )


def _check(trials: int, truth_trials: int) -> None:
    if not 2 <= trials <= MOST_TRIALS:
        raise ShamtrialError(f"--trials: found {trials}; allowed: 2 to {MOST_TRIALS:,}")
    if truth_trials == 1 or not 0 <= truth_trials <= MOST_TRIALS:
        allowed = f"0 (no truth), or 2 to {MOST_TRIALS:,}"
        raise ShamtrialError(f"--truth-trials: found {truth_trials}; allowed: {allowed}")


def _tested(design: Design, asked: str | None) -> Endpoint:
    """Give the endpoint that a design is compared by; it must be tested."""
    found = chosen(design.scenario, asked, design.label)
    if parse_endpoint(found.name)[0] in UNTESTED:
        tested = [e.key for e in design.scenario.endpoint if parse_endpoint(e.name)[0] not in UNTESTED]
        raise ShamtrialError(
            f"--endpoint: found {found.key} of {design.label}, which is estimated and not tested; allowed: "
            f"{', '.join(tested) or 'a scenario with an endpoint that is tested'}"
        )
    return found


def _agree(designs: Sequence[Design], asked: Sequence[Endpoint]) -> None:
    """Refuse endpoints on different scales, in different units or of different directions: their difference would mean
    nothing."""
    kinds = [_kind(ENDPOINTS[parse_endpoint(e.name)[0]]) for e in asked]
    for design, endpoint, kind in zip(designs, asked, kinds, strict=True):
        if kind != kinds[0]:
            raise ShamtrialError(
                f"--endpoint: found {asked[0].key} of {designs[0].label} ({kinds[0]}) and {endpoint.key} of "
                f"{design.label} ({kind}); allowed: endpoints of one scale, unit and favourable direction in all "
                "designs, such as one family (--endpoint arr)"
            )


def _kind(meaning: Meaning) -> str:
    better = "less is better" if meaning.favourable < 0 else "more is better"
    scale = "log ratio" if meaning.scale == "log_ratio" else f"difference, {meaning.unit}"
    return f"{scale}, {better}"


def _endpoint_of(asked: Sequence[Endpoint]) -> str:
    """Name what is compared: a key, a family, or the families."""
    keys = list(dict.fromkeys(e.key for e in asked))
    return keys[0] if len(keys) == 1 else ", ".join(dict.fromkeys(family(e) for e in asked))
