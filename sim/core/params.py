"""Declares a parameter once, beside the rule that uses it: default, unit, range, meaning, source."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, PrivateAttr


class Table(BaseModel):
    """One table of a scenario file: unknown keys, wrong types, NaN and infinity are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)


class Placed(Table):
    """A table that remembers where its keys were written, for refusals that only a simulation can give."""

    _origin: Mapping[str, tuple[str, int]] = PrivateAttr(default_factory=dict)

    def written(self, origin: Mapping[str, tuple[str, int]]) -> None:
        """Remember the file ("" for an override) and line of each key path."""
        self._origin = origin

    def place(self, key: str) -> tuple[str, int]:
        """Give the file and line of a key path: ("override", 0) for an override, ("", 0) where nobody knows."""
        file, line = self._origin.get(key, ("", 0))
        return (file or "override", line) if key in self._origin else ("", 0)


def param(
    default: Any = ...,
    *,
    unit: str,
    meaning: str,
    source: str = "assumption",
    ge: float | None = None,
    gt: float | None = None,
    le: float | None = None,
    lt: float | None = None,
) -> Any:
    """Declare a scenario key.

    `unit` is "1" for a pure number, "-" for a name or a switch; `source` is an id of sim/evidence (the default is
    read there), or `fitted: ` and the ids it was fitted to (docs/calibration.md), or `assumption` (a default nobody
    measured), or `design` (a choice of the trial designer, not a belief about nature).
    """
    return Field(
        default,
        ge=ge,
        gt=gt,
        le=le,
        lt=lt,
        description=meaning,
        json_schema_extra={"unit": unit, "source": source},
    )


def probability(default: Any = ..., *, meaning: str, source: str = "assumption") -> Any:
    """Declare a probability: a pure number from 0 to 1."""
    return param(default, unit="1", meaning=meaning, source=source, ge=0.0, le=1.0)


class Refusal(ValueError):  # noqa: N818 - not an error of the program: a verdict on a scenario
    """What a validator raises when values that are legal one by one don't go together.

    `key` is the key path from the table in which the validator stands ("" is the table, or the field of a field
    validator); `found` is the value, or a text that describes it; `allowed` completes the sentence "allowed: ...".
    The loader adds file, line and the path down to the table.
    """

    def __init__(self, key: str, found: object, allowed: str) -> None:
        super().__init__(key, found, allowed)
        self.key, self.found, self.allowed = key, found, allowed

    def __str__(self) -> str:
        return f"{self.key}: found {self.found}; allowed: {self.allowed}"


class Refusals(ValueError):  # noqa: N818 - as above
    """Several refusals of one validator, so that all are told at once."""

    def __init__(self, refusals: Sequence[Refusal]) -> None:
        super().__init__(refusals)
        self.refusals = tuple(refusals)

    def __str__(self) -> str:
        return "\n".join(map(str, self.refusals))
