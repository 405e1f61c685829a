"""Populations and effects that are not known: each trial draws its own.

A trial's population is a row of the cloud that the fit of the default population left, its effect comes from the
scenario's prior; both are drawn at the trial's own address, so that neither workers nor chunks nor the engine can
change them, and the trial's candidates keep every draw. A key that the scenario sets itself is held: the cloud says
what is not known of the default population, not of one that the user knows better.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from sim.core.errors import Problem, ScenarioError, ShamtrialError
from sim.core.streams import TRIAL_WORD, UNCERTAIN, uniforms
from sim.evidence.cloud import Cloud, population_cloud
from sim.model.effect_prior import Prior, drawn_ratio
from sim.scenario.files import scenario_folder
from sim.scenario.loaded import changed_keys, load
from sim.scenario.plan import Plan, make_plan
from sim.scenario.prior import prior_of
from sim.scenario.schema import Scenario
from sim.study.play import Play

BASE = "base"
MOST_PLANS = 1000  # kept, of some 100 kB each
IDLE = "changes nothing in this scenario"
SOLVED = ("relapse.rate_per_year", "frailty.variance")


@dataclass(frozen=True)
class Draws:
    """What each trial draws: values of `keys`, a row of the cloud, and an effect where there is a prior.

    `held` are the cloud's other keys, each with the reason. `group` trials running share a population; 0: each trial
    has its own.
    """

    cloud: Cloud
    keys: tuple[str, ...]
    rows: tuple[tuple[float, ...], ...]
    held: tuple[tuple[str, str], ...]
    prior: Prior | None
    group: int = 0

    def to_dict(self) -> dict[str, Any]:
        """Give plain values."""
        return {
            "cloud": {"file": self.cloud.file, "sha256": self.cloud.digest, "rows": len(self.cloud.rows)},
            "drawn": list(self.keys),
            "held": [{"key": key, "reason": reason} for key, reason in self.held],
        }

    def of_population(self) -> Draws:
        """Give the draws of populations alone; ShamtrialError where none is drawn."""
        if not self.keys:
            raise _nothing(self.held)
        return replace(self, prior=None)

    def row(self, seed: int, trial: int) -> int:
        """Give the number of the trial's row; 0 where nothing of the population is drawn."""
        if not self.keys:
            return 0
        number, index = (trial // self.group, 1) if self.group else (trial, 0)
        u = uniforms(seed, number, TRIAL_WORD, UNCERTAIN, index)[0]
        return int(u * len(self.rows))

    def effect(self, seed: int, trial: int, scenario: Scenario) -> Scenario:
        """Give the scenario with the trial's own effect."""
        if self.prior is None:
            return scenario
        _, u_none, u, _ = uniforms(seed, trial, TRIAL_WORD, UNCERTAIN, 0)
        ratio = drawn_ratio(u_none, u, self.prior)
        own: dict[str, Any] = {"enabled": False} if ratio is None else {"rate_ratio": ratio}
        return scenario.model_copy(update={"effect": scenario.effect.model_copy(update=own)})


@dataclass(frozen=True)
class UncertainPlay(Play):
    """A scenario of which each trial has its own population and effect; picklable, the same for every engine."""

    draws: Draws | None = None

    @cached_property
    def _plans(self) -> dict[int, Plan]:
        return {}

    def population(self, row: int) -> Scenario:
        """Give the scenario with the population of this row of the cloud."""
        assert self.draws is not None
        return with_values(self.scenario, dict(zip(self.draws.keys, self.draws.rows[row], strict=True)))

    def plan_of(self, trial: int) -> Plan:
        """Give the trial's own plan; that of a population is made once, and with its effect for each trial."""
        assert self.draws is not None
        row = self.draws.row(self.seed, trial)
        if self.draws.prior is not None:
            return make_plan(self.draws.effect(self.seed, trial, self.population(row)))
        known = self._plans.get(row)
        if known is None:
            if len(self._plans) >= MOST_PLANS:
                self._plans.clear()
            known = self._plans[row] = make_plan(self.population(row))
        return known

    def plans_of(self, trials: Sequence[int]) -> Sequence[Plan]:
        """Give the plans of these trials."""
        return [self.plan_of(trial) for trial in trials]


def uncertain_play(scenario: Scenario, draws: Draws, seed: int, engine: str) -> UncertainPlay:
    """Give a scenario whose trials draw their populations, and their effects where there is a prior."""
    return UncertainPlay(scenario, seed, engine, draws)


def settings_of(uncertain: bool) -> dict[str, str]:
    """Give what a run's address says of the populations: which cloud they are drawn from, nothing where none is."""
    return {"cloud": population_cloud().digest} if uncertain else {}


def find_draws(scenario: Scenario, cloud: Cloud | None = None) -> Draws:
    """Tell which keys of the cloud a scenario's trials draw and which it holds, each with the reason.

    Raises ScenarioError where the cloud is missing or does not fit the schema, ShamtrialError where nothing is left to
    draw and there is no prior on the effect.
    """
    found = population_cloud() if cloud is None else cloud
    base = load(BASE)
    _known(found, {value.key for value in base.values()})
    reasons = {key: _held(scenario, base.scenario, key) for key in found.keys}
    free = {key: place for place, key in enumerate(found.keys) if not reasons[key]}
    _fits(scenario, found, free)
    reasons |= {key: IDLE for key, place in free.items() if _idle(scenario, key, [row[place] for row in found.rows])}
    drawn = {key: place for key, place in free.items() if not reasons[key]}
    rows = tuple(tuple(row[place] for place in drawn.values()) for row in found.rows)
    prior = prior_of(scenario) if scenario.effect_prior.enabled else None
    held = tuple((key, reason) for key, reason in reasons.items() if reason)
    if not drawn and prior is None:
        raise _nothing(held)
    return Draws(found, tuple(drawn), rows, held, prior)


def _nothing(held: tuple[tuple[str, str], ...]) -> ShamtrialError:
    told = "; ".join(f"{key} ({reason})" for key, reason in held)
    return ShamtrialError(
        f"--uncertain: found nothing left to draw: {told}; allowed: a scenario that leaves some of these keys to "
        "base.toml (power: or one with effect_prior.enabled = true)"
    )


def with_values(scenario: Scenario, values: dict[str, float]) -> Scenario:
    """Give a scenario with these key paths set to values that were checked before."""
    for key, value in values.items():
        scenario = _set(scenario, key.split("."), value)
    return scenario


def _set(table: Any, parts: list[str], value: float) -> Any:
    first, *below = parts
    inner = _set(getattr(table, first), below, value) if below else value
    return table.model_copy(update={first: inner})


def _value(table: Any, key: str) -> Any:
    for part in key.split("."):
        table = getattr(table, part)
    return table


def _known(cloud: Cloud, keys: set[str]) -> None:
    for key in cloud.keys:
        if key not in keys:
            told, allowed = f"a column {key!r}", "keys of a scenario, see docs/scenario.md"
            raise ScenarioError([Problem(cloud.file, 1, "(header)", told, allowed)])


def _held(scenario: Scenario, base: Scenario, key: str) -> str:
    """Say why a key is not free to be drawn; "" where it is."""
    file, line = scenario.place(key)
    if key in SOLVED and scenario.population.on_study_rate_per_year is not None:
        return "solved from [population]"
    if file == "override":
        return "set for this run"
    if file and Path(file).resolve() != (scenario_folder() / f"{BASE}.toml").resolve():
        return f"set in {file}:{line}"
    if _value(scenario, key) != _value(base, key):
        return f"not base.toml's {_value(base, key):g}"
    return ""


def _idle(scenario: Scenario, key: str, values: list[float]) -> bool:
    """Tell whether a key changes nothing: the engine is given the same plan at another of its values."""
    other = next((value for value in values if value != _value(scenario, key)), None)
    return other is None or make_plan(with_values(scenario, {key: other})) == make_plan(scenario)


def _fits(scenario: Scenario, cloud: Cloud, free: dict[str, int]) -> None:
    """Refuse a row that the schema, or the scenario's own checks, would refuse."""
    for number, row in enumerate(cloud.rows if free else ()):
        try:
            changed_keys(scenario, {key: row[place] for key, place in free.items()})
        except ScenarioError as error:
            first = error.problems[0]
            raise ScenarioError([Problem(cloud.file, number + 2, first.key, first.found, first.allowed)]) from None
