"""What a study of many scenarios says: the keys of a scenario that are moved, over a grid or a list of cells."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from pydantic import Field

from sim.core.params import Table
from sim.scenario.merge import RawScenario
from sim.scenario.schema import Endpoint

MOST_CELLS = 10_000
MOST_TRIALS = 10_000_000
DEFAULT_TRIALS = 2000
LABEL = "label"

Place = tuple[str, int]


class StudyFile(Table):
    """What may stand in a study file."""

    may_extend: ClassVar[bool] = False

    intent: str = Field("", description="one sentence: what the study asks")
    scenario: str = Field(min_length=1, description="the scenario that is changed: a name, or a path")
    trials: int = Field(DEFAULT_TRIALS, ge=1, le=MOST_TRIALS, description="trials of each cell")
    truth_trials: int = Field(0, ge=0, le=MOST_TRIALS, description="twin trials for the truth of each cell; 0: none")
    endpoints: list[str | Endpoint] = Field([], description="keys or families; a table adds one; none: the primary")
    set: dict[str, Any] = Field({}, description="changes that all cells have")
    grid: dict[str, Any] = Field({}, description="a list of values for each key: all combinations are played")
    cell: list[dict[str, Any]] = Field([], description="changes of one cell, with a label")
    follow: dict[str, Any] = Field({}, description="keys that take the value another key has in the cell")
    reference: dict[str, Any] = Field({}, description="the level, or label, that cells are compared with")
    words: dict[str, str] = Field({}, description="what swept keys are called in tables and pictures")


@dataclass(frozen=True)
class Change:
    """A key set to a value, and where that is written."""

    key: str
    value: Any
    place: Place


@dataclass(frozen=True)
class Listed:
    """A cell that is written out: its label and its changes."""

    label: str
    changes: tuple[Change, ...]
    place: Place


@dataclass(frozen=True)
class Study:
    """A study file, read: what all cells share, what the grid moves, what the list has."""

    name: str
    asked: StudyFile
    base: RawScenario
    fixed: tuple[Change, ...]
    axes: tuple[tuple[Change, ...], ...]
    listed: tuple[Listed, ...]
    follow: tuple[Change, ...]
    reference: Change | None
    raw: RawScenario

    @property
    def endpoints(self) -> list[str]:
        """The endpoints asked for, by key or family."""
        return [own if isinstance(own, str) else own.key for own in self.asked.endpoints]

    @property
    def swept(self) -> list[str]:
        """The keys that differ between cells, those of the list first."""
        keys = [c.key for own in self.listed for c in own.changes] + [axis[0].key for axis in self.axes]
        return list(dict.fromkeys(keys))

    def written_at(self, key: str) -> Place:
        """Give the file and line of a key of the study."""
        return self.raw.place((key,))
