"""What a sweep found: a row a cell and endpoint, and differences between cells paired trial by trial."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sim.scenario.beliefs import Beliefs, beliefs_of
from sim.scenario.schema import Scenario
from sim.scenario.study import LABEL
from sim.study.hits import Difference, Hits
from sim.study.performance import Performance
from sim.study.runner import Failure

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class CellResult:
    """One scenario of a sweep: the values of the swept keys, and how each endpoint did.

    `series` is its name in the run's folder, `scenario` as it was played, `hits` which trials reject.
    """

    series: str
    label: str
    values: dict[str, Any]
    digest: str
    beliefs: Beliefs
    scenario: Scenario = field(repr=False)
    short_trials: int
    failed: tuple[Failure, ...]
    endpoints: dict[str, Performance]
    hits: dict[str, Hits] = field(repr=False)

    @property
    def words(self) -> str:
        """What it is called: its label, and what it sets."""
        own = [f"{key} = {_plain(value)}" for key, value in self.values.items()]
        return ", ".join([self.label] if self.label else own)

    def level(self, key: str) -> Any:
        """Give the value of a swept key, or the label."""
        return self.label if key == LABEL else self.values[key]


@dataclass(frozen=True)
class SweepResult:
    """All cells of a sweep, in the order of the study.

    `keys` are those that differ between cells, `words` what the study calls them, `own` their values in the scenario;
    `reference` is the key (or "label") and level that cells are compared with, None where the study names none;
    `folder` holds every estimate, `read` of the trials were there already.
    """

    study: str
    intent: str
    name: str
    scenario: Scenario = field(repr=False)
    digest: str
    seed: int
    trials: int
    engine: str
    elapsed_s: float
    trials_per_s: float
    keys: tuple[str, ...]
    cells: tuple[CellResult, ...] = field(repr=False)
    words: dict[str, str] = field(default_factory=dict)
    own: dict[str, Any] = field(default_factory=dict)
    reference: tuple[str, Any] | None = None
    folder: Path | None = None
    read: int = 0
    notes: tuple[str, ...] = ()

    @property
    def failed(self) -> tuple[Failure, ...]:
        """The trials that raised, each with the cell it is of."""
        return tuple(replace(f, message=f"{f.message} ({c.series}: {c.words})") for c in self.cells for f in c.failed)

    @property
    def labelled(self) -> bool:
        """Whether cells are listed, with labels."""
        return any(cell.label for cell in self.cells)

    @cached_property
    def axes(self) -> tuple[str, ...]:
        """What tells cells apart: the label where there is one, and the keys of the grid."""
        if not self.labelled:
            return self.keys
        by_label: dict[str, list[CellResult]] = {}
        for cell in self.cells:
            by_label.setdefault(cell.label, []).append(cell)
        own = next(iter(by_label.values()))
        moved = [k for k in self.keys if len({_plain(c.values[k]) for c in own}) > 1]
        return (LABEL, *moved)

    @property
    def endpoints(self) -> tuple[str, ...]:
        """The endpoints' keys, each once."""
        return tuple(dict.fromkeys(key for cell in self.cells for key in cell.endpoints))

    @property
    def beliefs(self) -> str:
        """What a headline says of beliefs: the setting, or that it is one of what is swept."""
        found = dict.fromkeys(cell.beliefs.words for cell in self.cells)
        return next(iter(found)) if len(found) == 1 else f"{beliefs_of(self.scenario).words}; cells differ in them"

    def reference_of(self, cell: CellResult) -> CellResult | None:
        """Give the cell that one is compared with: alike in all but the reference's key; None where there is none."""
        if self.reference is None:
            return None
        key, level = self.reference
        own = (*(repr(cell.level(axis)) for axis in self.axes if axis != key), repr(_number(level)))
        return self._compared_with.get(own)

    @cached_property
    def _compared_with(self) -> dict[tuple[str, ...], CellResult]:
        """The cells at the reference's level by their levels of the other axes, then that level."""
        assert self.reference is not None
        key, level = self.reference
        others = [axis for axis in self.axes if axis != key]
        at = repr(_number(level))
        found = [c for c in self.cells if repr(_number(c.level(key))) == at]
        return {(*(repr(c.level(axis)) for axis in others), at): c for c in found}

    def difference(self, a: CellResult, b: CellResult, endpoint: str) -> Difference:
        """Give the power of cell `a` less that of `b`, paired: both are played on the same trials."""
        return a.hits[endpoint].less(b.hits[endpoint])

    def to_dict(self) -> dict[str, Any]:
        """Give the JSON object of the contract."""
        return {
            "study": self.study,
            "scenario": self.name,
            "digest": self.digest,
            "seed": self.seed,
            "trials": self.trials,
            "engine": self.engine,
            "elapsed_s": round(self.elapsed_s, 3),
            "trials_per_s": round(self.trials_per_s, 3),
            "keys": list(self.keys),
            "endpoints": list(self.endpoints),
            "beliefs": beliefs_of(self.scenario).to_dict(),
            "reference": dict([self.reference]) if self.reference else None,
            "cells": [self._cell(cell) for cell in self.cells],
            "failed": [f.to_dict() for f in self.failed],
            **({"read": self.read} if self.folder else {}),
        }

    def _cell(self, cell: CellResult) -> dict[str, Any]:
        return {
            "cell": cell.series,
            "label": cell.label,
            "values": cell.values,
            "digest": cell.digest,
            "beliefs": cell.beliefs.words,
            "trials": self.trials,
            "short_trials": cell.short_trials,
            "failed": len(cell.failed),
            "endpoints": {key: p.to_dict() | self._compared(cell, key) for key, p in cell.endpoints.items()},
        }

    def _compared(self, cell: CellResult, endpoint: str) -> dict[str, Any]:
        other = self.reference_of(cell)
        if other is None or endpoint not in other.endpoints:
            return {}
        found = self.difference(cell, other, endpoint)
        low, high = found.interval if other is not cell else (0.0, 0.0)
        told = {"power_difference": found.value, "difference_mcse": found.mcse}
        return {"reference": other.series} | told | {"difference_low": low, "difference_high": high}

    def to_frame(self) -> pd.DataFrame:
        """Give one row a cell and endpoint: the swept keys, then what came out."""
        import pandas as pd

        frame = pd.DataFrame([row for cell in self.cells for row in self._rows(cell)])
        for key in self.keys:
            frame[key] = tidy(frame[key].tolist())
        return frame

    def _rows(self, cell: CellResult) -> list[Mapping[str, Any]]:
        told = {"cell": cell.series} | ({LABEL: cell.label} if self.labelled else {}) | cell.values
        after = {"trials": self.trials, "short_trials": cell.short_trials, "failed": len(cell.failed)}
        found: list[Mapping[str, Any]] = []
        for key, p in cell.endpoints.items():
            own = {name: value for name, value in asdict(p).items() if name != "outcomes"}
            found.append(told | {"endpoint": key} | own | self._compared(cell, key) | after)
        return found

    def __repr__(self) -> str:
        shown = [f"  {c.words}: {_powers(c)}" for c in self.cells[:7]]
        more = len(self.cells) - len(shown)
        return "\n".join(
            [
                f"{self.study}: {len(self.cells):,} cells of {self.name}, {self.trials:,} trials each, "
                f"seed {self.seed}, {self.beliefs}",
                *shown,
                *([f"  and {more:,} more cells"] if more else []),
            ]
        )


def _number(value: Any) -> Any:
    """Give a number as a float, in a list too: 1 and 1.0 are one level."""
    if isinstance(value, list):
        return [_number(part) for part in value]
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else value


def tidy(values: list[Any]) -> list[Any]:
    """Give a column of one kind: numbers, truth values or strings as they are, anything else as JSON."""
    kinds = {bool: bool, int: float, float: float, str: str}
    found = {kinds.get(type(value)) for value in values if value is not None}
    if len(found) <= 1 and None not in found:
        return values
    return [value if isinstance(value, str) else json.dumps(value) for value in values]


def _plain(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


def _powers(cell: CellResult) -> str:
    return "; ".join(f"{key} power {p.power:.3f} (MCSE {p.mcse:.3f})" for key, p in cell.endpoints.items())
