"""What goes wrong, said so that the reader can mend it: each refusal carries its exit status."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


class ShamtrialError(Exception):
    """A refusal with a message for the user; the command line prints it without a traceback."""

    exit_status = 2


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong in a scenario: where it stands, what was found, what is allowed.

    `file` may be "" (a value given in Python or on the command line); `line` is 1-based, 0 when unknown;
    `key` is the key path, e.g. `relapse.rate_per_year` or `arm[1].ratio`.
    """

    file: str
    line: int
    key: str
    found: str
    allowed: str

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}: " if self.line else f"{self.file}: " if self.file else ""
        return f"{place}{self.key}: found {self.found}; allowed: {self.allowed}"


class ScenarioError(ShamtrialError):
    """A scenario that can't be run; holds every problem found, not just the first."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(str(p) for p in self.problems))

    def __reduce__(self) -> tuple[type[ScenarioError], tuple[tuple[Problem, ...]]]:
        return type(self), (self.problems,)


class RunError(ShamtrialError):
    """A run that can't go on, or ended with failed trials (exit status 3)."""

    exit_status = 3
