"""A power run's rows: in memory a row a trial, in its chunks a line a trial and endpoint."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache, cached_property
from typing import Any

import numpy as np

from sim.analysis.estimate import CODES, OUTCOMES
from sim.analysis.trial import analyse
from sim.data.cohort import nobody
from sim.data.guesses import ANSWERS, ARMS, questions
from sim.scenario.schema import Scenario
from sim.study.layout import Columns, Rows, numbers, words
from sim.study.performance import ESTIMATE, FAILED, converged

FLOATS = ("value", "standard_error", "lower", "upper", "p")


@cache
def row_type(endpoints: int, questions: int = 0) -> np.dtype[np.void]:
    """Give the layout of a trial's row: its number, how many entered, an ESTIMATE an endpoint, guesses if asked."""
    fields: list[Any] = [("trial", "i8"), ("entered", "i8"), ("estimates", ESTIMATE, (endpoints,))]
    return np.dtype(fields + [("guesses", "i8", (questions, len(ARMS), len(ANSWERS)))] * (questions > 0))


def method_words(scenario: Scenario) -> list[tuple[str, str]]:
    """Give each endpoint's method in words, and the word for it where the dispersion is at its boundary."""
    return [(found.method, found.boundary_method) for found in analyse(scenario, nobody())]


@dataclass(frozen=True)
class Estimates:
    """The layout of a power run's chunks; `entered` and the counts of guesses are the same in all lines of a trial."""

    scenario: Scenario

    @property
    def lines(self) -> int:
        """A line an endpoint."""
        return len(self.scenario.endpoint)

    @property
    def dtype(self) -> np.dtype[np.void]:
        """The type of a trial's row."""
        return row_type(len(self.scenario.endpoint), len(questions(self.scenario)))

    @cached_property
    def keys(self) -> list[str]:
        """The endpoints' keys."""
        return [e.key for e in self.scenario.endpoint]

    @cached_property
    def methods(self) -> list[str]:
        """Every endpoint's method in words, then every endpoint's at the boundary, then none."""
        pairs = method_words(self.scenario)
        return [usual for usual, _ in pairs] + [boundary for _, boundary in pairs] + [""]

    @cached_property
    def guesses(self) -> list[str]:
        """The columns that count answers, in the order of a row's counts."""
        asked = questions(self.scenario)
        return [f"guess_{when}_{who}_{arm}_{said}" for when, who in asked for arm in ARMS for said in ANSWERS]

    def blank(self, trials: int) -> Rows:
        """Give rows of trials that raised."""
        rows = np.zeros(trials, self.dtype)
        for name in FLOATS:
            rows["estimates"][name] = math.nan
        rows["estimates"]["outcome"] = FAILED
        return rows

    def columns(self, rows: Rows) -> Columns:
        """Give a line a trial and endpoint."""
        import pyarrow as pa

        flat, ends = rows["estimates"].reshape(-1), self.lines
        place = np.tile(np.arange(ends), len(rows))
        made: Columns = {"trial": pa.array(np.repeat(rows["trial"], ends)), "endpoint": words(self.keys, place)}
        made |= {name: pa.array(np.ascontiguousarray(flat[name])) for name in FLOATS}
        made["converged"], made["n"] = pa.array(converged(flat)), pa.array(flat["n"].astype(np.int64))
        outcome = flat["outcome"]
        made["outcome"] = words([*OUTCOMES, "failed"], np.where(outcome == FAILED, len(OUTCOMES), outcome))
        method = np.where(outcome == CODES["boundary_poisson"], place + ends, place)
        made["method"] = words(self.methods, np.where(outcome == FAILED, 2 * ends, method))
        made["entered"] = pa.array(np.repeat(rows["entered"], ends))
        if self.guesses:
            counts = rows["guesses"].reshape(len(rows), -1).T
            made |= {name: pa.array(np.repeat(c, ends)) for name, c in zip(self.guesses, counts, strict=True)}
        return made

    def rows(self, table: Any) -> Rows:
        """Give a row a trial."""
        import pyarrow.compute as pc

        if pc.equal(table["outcome"], "failed") != pc.not_equal(table["reason"], ""):
            raise ValueError("a trial that failed without a reason, or a reason where none failed")
        ends, trials = self.lines, table.num_rows // self.lines
        if table["endpoint"].to_pylist() != self.keys * trials:
            raise ValueError("endpoints other than the scenario's")
        rows = np.empty(trials, self.dtype)
        own = rows["estimates"]
        for name in (*FLOATS, "n"):
            own[name] = numbers(table[name]).reshape(trials, ends)
        own["outcome"] = _codes(table["outcome"]).reshape(trials, ends)
        rows["trial"], rows["entered"] = numbers(table["trial"])[::ends], numbers(table["entered"])[::ends]
        if self.guesses:
            counts = np.stack([numbers(table[name])[::ends] for name in self.guesses], axis=1)
            rows["guesses"] = counts.reshape(rows["guesses"].shape)
        return rows


def _codes(column: Any) -> Rows:
    """Give outcomes by their numbers."""
    encoded = column.combine_chunks().dictionary_encode()
    known = [*OUTCOMES, "failed"]
    codes = [known.index(word) for word in encoded.dictionary.to_pylist()]
    found = np.array(codes, np.int32)[encoded.indices.to_numpy(zero_copy_only=False)]
    return np.where(found == len(OUTCOMES), FAILED, found)
