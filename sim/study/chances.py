"""The ledger of chances: how picking makes a success of nothing.

The scale is the probability that a study can report p < alpha in the procedure's favour. No patient is moved: the
trials of the scenario are analysed again, by its own tests, as somebody would who may choose.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from fractions import Fraction
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sim.analysis.trial import analyse, contrast
from sim.core.endpoints import ENDPOINTS, parse_endpoint
from sim.core.errors import RunError
from sim.data.cohort import Cohort, at_visit, only, window
from sim.engines.want import Want
from sim.scenario.plan import make_plan
from sim.scenario.schema import Endpoint, Scenario
from sim.study import shapley
from sim.study.game import Entry, Game, entries
from sim.study.performance import Rows
from sim.study.play import Play
from sim.study.pooled import Floats
from sim.study.runner import Pool, Watcher, Workers
from sim.study.shapley import Side
from sim.study.wanted import wanted

ENDPOINTS_PICKED, SUBGROUPS_PICKED = "picking_endpoints", "picking_subgroups"
COMPLETERS, PUBLICATION = "completers_only", "publication"
CHOICES = (ENDPOINTS_PICKED, SUBGROUPS_PICKED, COMPLETERS)
"""Ways to choose within a study; PUBLICATION chooses among studies."""

ROW = np.dtype([("trial", "i8"), ("won", "?", (2, 2, 2))])
"""Whether a trial succeeds, by CHOICES made (1) or not (0)."""

Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class Chances:
    """The chance of a success taken apart: `apparent` = `none` (one study, its primary endpoint in everyone) + `sum`.

    `studies` is how many are done for one published.
    """

    alpha: float
    studies: int
    apparent: float
    none: float
    sum: float
    errors: dict[str, float]
    entries: tuple[Entry, ...]

    def to_dict(self) -> dict[str, Any]:
        """Give plain values for JSON."""
        names = ("alpha", "studies", "apparent", "none", "sum")
        kept = ("mechanism", "shapley", "mcse", "alone", "alone_mcse", "without", "without_mcse", "closed")
        rows = [{k: v for k, v in asdict(e).items() if k in kept} for e in self.entries]
        return {"scale": "probability", **{n: getattr(self, n) for n in names}, "mcse": self.errors, "entries": rows}


@dataclass(frozen=True)
class Tries:
    """Answers whether trials succeed, under each choice; picklable. The first endpoint is the one asked about."""

    play: Play

    @property
    def want(self) -> Want:
        """What the endpoints ask of an engine, and the baseline by which patients are split."""
        own = wanted(self.play.scenario)._replace(guesses=False, first=False)
        if self.play.scenario.case_control:
            return own
        return own._replace(counts=own.counts | {"recalled"}, past=True, visits=tuple(sorted({0, *(own.visits or ())})))

    def many(self, trials: Sequence[int]) -> Rows:
        """Play these trials: one row a trial, layout ROW."""
        people = self.play.cohorts(trials, want=self.want)
        rows = np.zeros(len(trials), ROW)
        rows["trial"] = trials
        for finishers in (False, True):
            for number, own in enumerate(_populations(self.play.scenario, people)):
                won = self._wins(own, finishers)
                tried = (won[0], won.any(axis=0))
                for picked, subgroups in product((0, 1), (0, 1) if number == 0 else (1,)):
                    rows["won"][:, picked, subgroups, int(finishers)] |= tried[picked]
        return rows

    def _wins(self, people: Cohort, finishers: bool) -> Mask:
        """Tell which endpoints succeed in which trials: (endpoints, trials)."""
        scenario = analysed_as(self.play.scenario, finishers)
        found = analyse(scenario, people)
        good = [ENDPOINTS[parse_endpoint(e.name)[0]].favourable for e in scenario.endpoint]
        level = scenario.study.alpha
        return np.array([(f.p < level) & (np.sign(f.value) == g) for f, g in zip(found, good, strict=True)])

    def __call__(self, trial: int) -> Rows:
        """Play trial number `trial`."""
        return self.many([trial])

    def warm(self) -> None:
        """Load, or compile, what the run needs."""
        self.many([0])


def analysed_as(scenario: Scenario, finishers: bool) -> Scenario:
    """Give the scenario with all patients analysed, or those who stayed to the end."""
    study = scenario.study.model_copy(update={"analyse": "completers" if finishers else "all"})
    return scenario.model_copy(update={"study": study})


def _populations(scenario: Scenario, people: Cohort) -> Iterator[Cohort]:
    """Give everyone, then the halves by baseline EDSS and by recalled relapses of the year before."""
    yield people
    if scenario.case_control:
        return
    for value in (at_visit(people, "edss", 0), window(people, "recalled", -12.0, 0.0).counts):
        high = value > _medians(people, value)
        yield only(people, high)
        yield only(people, ~high & ~np.isnan(value))


def _medians(people: Cohort, value: Floats) -> Floats:
    """Give each patient the median of their trial."""
    parts = [value[a:b] for a, b in zip(people.first[:-1], people.first[1:], strict=True)]
    medians = [float(np.median(p[~np.isnan(p)])) if (~np.isnan(p)).any() else np.nan for p in parts]
    return np.repeat(medians, np.diff(people.first))


def find_chances(
    scenario: Scenario,
    endpoint: Endpoint,
    trials: int,
    seed: int,
    workers: Workers,
    engine: str,
    watch: Callable[[str], Watcher] | None = None,
) -> Chances:
    """Take the chance of a success at this endpoint apart; RunError where a trial fails."""
    asked = scenario.model_copy(update={"endpoint": rivals(scenario, endpoint)})
    asked = asked.model_copy(update={"study": asked.study.model_copy(update={"primary": endpoint.key})})
    with Pool(Tries(Play(asked, seed, engine)), seed, workers) as pool:
        rows, failed = pool.run_rows(range(trials), watch("trials, picking") if watch else None)
    if failed:
        raise failed[0].error()
    if rows is None:
        raise RunError("bias: no trial was played")
    shut = closed(asked)
    return made(rows["won"], shut, scenario.publication.studies, scenario.study.alpha)


def made(won: Mask, shut: dict[str, str], studies: int, alpha: float) -> Chances:
    """Make the ledger of trials that succeed or not: (trials, 2, 2, 2) by CHOICES; `shut` can't act."""
    plan = shapley.plan([c for c in (*CHOICES, PUBLICATION) if c not in shut])
    valued = {side: chance(_choosing(won, side), side, studies) for side in plan.sides}
    game = Game(plan, {s: Fraction(v) for s, (v, _) in valued.items()}, {s: i for s, (_, i) in valued.items()})
    whole, whole_error = game.share({frozenset(plan.players): Fraction(1)})
    errors = {"apparent": whole_error, "none": game.none[1], "sum": game.sum[1]}
    return Chances(alpha, studies, whole, game.none[0], game.sum[0], errors, entries(game, shut, {}))


def _choosing(won: Mask, side: Side) -> Mask:
    """Give which trials succeed where these choices are made."""
    a, b, c = (int(choice in side) for choice in CHOICES)
    return won[:, a, b, c]


def chance(won: Mask, side: Side, studies: int) -> tuple[float, Floats]:
    """Give the share of studies that succeed, or of `studies` at a time in which one at least does; and influences."""
    n = len(won)
    share = float(won.sum()) / n
    influence = (won - share) / n
    if PUBLICATION not in side:
        return share, influence
    return 1.0 - (1.0 - share) ** studies, studies * (1.0 - share) ** (studies - 1) * influence


def rivals(scenario: Scenario, endpoint: Endpoint) -> list[Endpoint]:
    """Give the endpoint, then the others of the scenario that compare the same arms."""
    if scenario.before_after or scenario.case_control:
        return [endpoint, *(e for e in scenario.endpoint if e.key != endpoint.key)]
    arms = contrast(scenario, endpoint)
    return [endpoint, *(e for e in scenario.endpoint if e.key != endpoint.key and contrast(scenario, e) == arms)]


def closed(scenario: Scenario) -> dict[str, str]:
    """Give the ways of choosing that can't act here, each with the reason."""
    on, leaving = scenario.switches, make_plan(scenario).dropout
    nobody_leaves = leaving.hazard_per_day == 0.0 and leaving.lack_per_day == 0.0
    reasons = {
        ENDPOINTS_PICKED: "switched off" if not on.picking else "no other endpoint" * (len(scenario.endpoint) == 1),
        SUBGROUPS_PICKED: "switched off" if not on.picking else "nothing to split by" * scenario.case_control,
        COMPLETERS: "switched off" if not on.attrition else "nobody leaves" * nobody_leaves,
        PUBLICATION: "switched off" if not on.publication else "one study" * (scenario.publication.studies == 1),
    }
    return {name: reason for name, reason in reasons.items() if reason}
