"""The bias ledger: what each mechanism has to do with a benefit that is not there.

Bias = apparent effect - truth. A world is the scenario with some of its mechanisms on and the others off; mechanisms
that can't act in the design stay as they are. The value of a set of mechanisms is the bias in its world, and a
mechanism's entry its Shapley value: bias = none (no mechanism on) + sum of entries, exactly.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sim.core.endpoints import ENDPOINTS, parse_endpoint
from sim.core.errors import ShamtrialError
from sim.scenario.beliefs import Beliefs, beliefs_of
from sim.scenario.schema import Endpoint, Scenario
from sim.study import shapley
from sim.study.acting import MECHANISMS, closed, with_only
from sim.study.chances import Chances, find_chances
from sim.study.game import SURE, Entry, Game, Interaction, entries
from sim.study.play import Play, for_many, scenario_digest
from sim.study.pooled import Floats
from sim.study.population import solved
from sim.study.runner import Progress, Watcher, Workers
from sim.study.runs import Address, RunFolder
from sim.study.shapley import NOBODY, Side
from sim.study.tally import primary
from sim.study.worlds import Lived, enrolled, live, only_endpoint, overlap

if TYPE_CHECKING:
    import pandas as pd

DEFAULT_TRIALS = 2000
MOST_TRIALS = 100_000


@dataclass(frozen=True)
class Ledger:
    """A bias taken apart; names are those of the JSON contract.

    `errors` are the Monte Carlo standard errors of apparent, truth, bias, none,
    sum and overlap. `overlap` is the share of the
    enrolled who are enrolled in the world with no mechanism too; `entered` the mean number enrolled in the scenario's
    own world and in that one. Where more than 8 mechanisms act, shares come from sampled orders (`exact` False).
    """

    name: str
    digest: str
    seed: int
    trials: int
    design: str
    endpoint: str
    scale: str
    favourable: int
    label: str
    unit: str
    apparent: float
    truth: float
    none: float
    sum: float
    errors: dict[str, float]
    entries: tuple[Entry, ...]
    overlap: float
    entered: tuple[float, float]
    exact: bool
    worlds: int
    no_effect: bool
    chances: Chances
    beliefs: Beliefs
    elapsed_s: float
    interactions: tuple[Interaction, ...] | None = None

    @property
    def bias(self) -> float:
        """Apparent effect less the truth."""
        return self.apparent - self.truth

    @property
    def biased(self) -> bool:
        """Whether the bias is more than SURE times its Monte Carlo standard error from zero."""
        return abs(self.bias) > SURE * self.errors["bias"]

    @property
    def sentences(self) -> tuple[str, ...]:
        """The finding, its numbers, and the design that would have prevented it."""
        from sim.study.remedies import sentences

        return sentences(self)

    def to_dict(self) -> dict[str, Any]:
        """Give the JSON object of the contract, and more."""
        names = ("endpoint", "scale", "trials", "apparent", "truth", "none")
        more = ("sum", "digest", "seed", "design", "favourable", "overlap", "exact", "worlds")
        found = {
            "scenario": self.name,
            **{n: getattr(self, n) for n in names},
            "entries": [asdict(e) for e in self.entries],
            **{n: getattr(self, n) for n in more},
            "beliefs": self.beliefs.to_dict(),
            "mcse": self.errors,
            "entered": list(self.entered),
            "chances": self.chances.to_dict(),
            "sentences": list(self.sentences),
        }
        if self.interactions is not None:
            found["interactions"] = [asdict(i) for i in self.interactions]
        return found

    def to_frame(self) -> pd.DataFrame:
        """Give one row a mechanism."""
        import pandas as pd

        return pd.DataFrame([asdict(e) for e in self.entries]).set_index("mechanism")

    def __repr__(self) -> str:
        worlds = f"{self.worlds} world{'s' * (self.worlds > 1)}"
        head = f"{self.name}, {self.endpoint}: {self.trials} trials in each of {worlds}, seed {self.seed}"
        return "\n".join([head, f"  {self.beliefs.words}", *(f"  {s}" for s in self.sentences)])


def bias_ledger(
    scenario: Scenario,
    name: str = "",
    endpoint: str | None = None,
    trials: int = DEFAULT_TRIALS,
    seed: int = 1,
    workers: Workers = 1,
    engine: str = "auto",
    interactions: bool = False,
    watch: Callable[[str], Watcher] | None = None,
    out: str | Path | None = None,
) -> Ledger:
    """Take the bias of an endpoint (its key, or a family such as "arr"; none: the primary) apart by mechanism.

    `trials` are played in each world. `out` is a folder that keeps each world's sums while the run goes on; those that
    are there are read. Raises ShamtrialError for an unknown endpoint, an impossible number of trials, or
    interactions where more than 8 mechanisms act; RunError where a trial fails or an endpoint has no events.
    """
    asked = chosen(scenario, endpoint, name)
    if not 2 <= trials <= MOST_TRIALS:
        raise ShamtrialError(f"--trials: found {trials}; allowed: 2 to {MOST_TRIALS:,}")
    begun, how = time.perf_counter(), for_many(engine)
    ready, _ = solved(scenario, workers, watch("solving the population") if watch else None, how)
    shut = closed(ready, asked)
    plan = shapley.plan([n for n in MECHANISMS if n not in shut], seed)
    if interactions and not plan.exact:
        raise _too_many(plan.players)
    board = Board(only_endpoint(ready, asked), plan, Play(ready, seed, how), trials, workers)
    with ExitStack() as stack:
        run = None
        if out is not None:
            settings = {"endpoint": asked.key, "mechanisms": list(plan.players)}
            run = stack.enter_context(RunFolder(out, Address("bias", name, scenario, seed, settings)))
            run.plan(trials)
        board.play(watch("trials, all worlds") if watch else None, run)
        ledger = _ledger(name, scenario, asked, shut, board, interactions, begun, watch)
        if run:
            run.finish(trials, ledger.to_dict())
    return ledger


def _ledger(
    name: str,
    scenario: Scenario,
    asked: Endpoint,
    shut: Mapping[str, str],
    board: Board,
    interactions: bool,
    begun: float,
    watch: Callable[[str], Watcher] | None,
) -> Ledger:
    """Put together what the worlds of a board say."""
    game, whole, none, same = board.game, board.ends[board.everyone], board.ends[NOBODY], board.overlaps()
    about, plan, play = ENDPOINTS[parse_endpoint(asked.name)[0]], board.plan, board.how
    return Ledger(
        name=name,
        digest=scenario_digest(scenario),
        seed=play.seed,
        trials=board.trials,
        design=scenario.study.design,
        endpoint=asked.key,
        scale=about.scale,
        favourable=about.favourable,
        label=about.label,
        unit=about.unit,
        apparent=whole.apparent.value,
        truth=whole.truth.value,
        none=game.none[0],
        sum=game.sum[0],
        errors=_errors(game, whole) | {"overlap": same[""][1]},
        entries=entries(game, shut, same),
        overlap=same[""][0],
        entered=(float(whole.entered.mean()), float(none.entered.mean())),
        exact=plan.exact,
        worlds=len(plan.sides),
        no_effect=play.scenario.no_effect,
        chances=find_chances(play.scenario, asked, board.trials, play.seed, board.workers, play.engine, watch),
        beliefs=beliefs_of(scenario),
        elapsed_s=time.perf_counter() - begun,
        interactions=game.interactions if interactions else None,
    )


def chosen(scenario: Scenario, asked: str | None, name: str = "") -> Endpoint:
    """Give the endpoint of this key, else the first of this family ("arr" is of arr_24m and arr_change), the primary
    before others; the primary if none is asked for. ShamtrialError names what is allowed."""
    first = scenario.endpoint[primary(scenario)]
    if asked is None:
        return first
    found = [e for e in scenario.endpoint if e.key == asked]
    found += [e for e in (first, *scenario.endpoint) if family(e) == asked]
    if not found:
        keys = [e.key for e in scenario.endpoint] + sorted({family(e) for e in scenario.endpoint})
        raise ShamtrialError(
            f"--endpoint: found {asked!r}; allowed{f' in {name}' if name else ''}: {', '.join(dict.fromkeys(keys))}"
        )
    return found[0]


def family(endpoint: Endpoint) -> str:
    """Give what an endpoint is of, whatever the design: "arr" for arr_24m and arr_change."""
    return parse_endpoint(endpoint.name)[0].removesuffix("_change")


def _too_many(players: tuple[str, ...]) -> ShamtrialError:
    return ShamtrialError(
        f"--interactions: found {len(players)} mechanisms that can act ({', '.join(players)}); allowed: at most "
        f"{shapley.MOST_EXACT}, for which every world is played (turn others off: --set switches.NAME=false)"
    )


def _errors(game: Game, whole: Lived) -> dict[str, float]:
    return {
        "apparent": whole.apparent.with_error()[1],
        "truth": whole.truth.with_error()[1],
        "bias": whole.apparent.minus(whole.truth).with_error()[1],
        "none": game.none[1],
        "sum": game.sum[1],
    }


class Board:
    """The worlds of a ledger, played one after another; of most only value and influences are kept.

    `ends` holds, whole, the worlds with all mechanisms and with none.
    """

    def __init__(self, scenario: Scenario, plan: shapley.Plan, how: Play, trials: int, workers: Workers) -> None:
        self.scenario, self.plan, self.how, self.trials, self.workers = scenario, plan, how, trials, workers
        self.everyone = frozenset(plan.players)
        self.values: dict[Side, Fraction] = {}
        self.influences: dict[Side, Floats] = {}
        self.ends: dict[Side, Lived] = {}

    @property
    def game(self) -> Game:
        """What was played, as a game."""
        return Game(self.plan, self.values, self.influences)

    def world(self, side: Side) -> Play:
        """Give the world in which these mechanisms are on."""
        return Play(with_only(self.scenario, self.plan.players, side), self.how.seed, self.how.engine)

    def play(self, watch: Watcher | None, run: RunFolder | None = None) -> None:
        """Play every world, or read it from the folder of a run."""
        for number, side in enumerate(self.plan.sides):
            overall = _overall(watch, number, len(self.plan.sides))
            lived = live(self.world(side), self.trials, self.workers, overall, run, series_of(self.plan.players, side))
            self.values[side] = Fraction(lived.apparent.value) - Fraction(lived.truth.value)
            self.influences[side] = lived.apparent.influence - lived.truth.influence
            if side in (self.everyone, NOBODY):
                self.ends[side] = lived

    def overlaps(self) -> dict[str, tuple[float, float]]:
        """Give the share of the enrolled who are enrolled without each mechanism too; under "", without any."""
        own = enrolled(self.world(self.everyone), self.trials, self.workers)
        others = {p: self.everyone - {p} for p in self.plan.players} | {"": NOBODY}
        return {p: overlap(own, enrolled(self.world(s), self.trials, self.workers)) for p, s in others.items()}


def series_of(players: Sequence[str], side: Side) -> str:
    """Give the name of a world's chunks: a digit a mechanism that can act, in their order, 1 where it is on."""
    return "world-" + ("".join("1" if player in side else "0" for player in players) or "0")


def side_of(players: Sequence[str], series: str) -> Side:
    """Give the mechanisms that are on in the world of this name."""
    return frozenset(p for p, digit in zip(players, series.removeprefix("world-"), strict=False) if digit == "1")


def _overall(watch: Watcher | None, number: int, worlds: int) -> Watcher | None:
    """Let a watcher see the trials of all worlds as one run."""
    if watch is None:
        return None

    def overall(progress: Progress, answers: Any) -> None:
        first, total = number * progress.total, worlds * progress.total
        watch(Progress(first + progress.done, total, progress.started, first + progress.before), answers)

    return overall
