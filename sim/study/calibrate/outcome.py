"""What a fit answers: values with their errors, and each published figure beside what the fitted population gives."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

NOT_EXPLAINED = 2.0
"""A figure is not explained where the fit misses it by more than so many standard errors."""


@dataclass(frozen=True)
class Row:
    """A published figure and the simulated one, in the figure's own unit.

    `error` is the published figure's standard error (why so, in `note`), `mcse` that of the simulation. `own` is what
    the study's fitted deviation gives where a study has one: `fitted` is then with it.
    """

    id: str
    published: float
    error: float
    fitted: float
    mcse: float
    note: str = ""

    @property
    def residual(self) -> float:
        """Give by how many standard errors the fit is above the figure."""
        return float((self.fitted - self.published) / (self.error**2 + self.mcse**2) ** 0.5)

    @property
    def explained(self) -> bool:
        """Tell whether the fit is near the figure, as near as its error lets us tell."""
        return abs(self.residual) <= NOT_EXPLAINED

    def __str__(self) -> str:
        told = "explained" if self.explained else "NOT EXPLAINED"
        numbers = (
            f"{self.published:8.3f} ({self.error:.3f})  {self.fitted:8.3f} ({self.mcse:.4f})  {self.residual:+5.1f}"
        )
        return f"  {self.id:34s} {numbers}  {told}{'; ' if self.note else ''}{self.note}"


HEADING = f"  {'figure':34s} published (its SE)  fitted (its MCSE)  off by SEs"


@dataclass(frozen=True)
class Value:
    """A fitted scenario value, rounded as it is shipped, with its standard error or the middle 90% of its posterior."""

    key: str
    value: float
    error: float
    low: float
    high: float
    figures: tuple[str, ...]

    def __str__(self) -> str:
        return f"  {self.key:38s} {self.value:<8g} SE {self.error:.3g}, 90% from {self.low:.3g} to {self.high:.3g}"

    def to_dict(self) -> dict[str, Any]:
        """Give plain values for the file."""
        return {
            "value": self.value,
            "standard_error": float(f"{self.error:.3g}"),
            "interval_90": [float(f"{v:.3g}") for v in (self.low, self.high)],
            "fitted_to": list(self.figures),
        }


def rounded(value: float, digits: int = 2) -> float:
    """Round to so many significant digits: what is shipped is what was verified."""
    return float(f"{value:.{digits}g}")


@dataclass(frozen=True)
class Group:
    """One group's answer: its title, values, figures, and sentences on what is assumed."""

    title: str
    values: tuple[Value, ...]
    rows: tuple[Row, ...]
    assumed: tuple[str, ...]

    @property
    def settings(self) -> dict[str, float]:
        """Give the fitted values by scenario key."""
        return {v.key: v.value for v in self.values}

    def __str__(self) -> str:
        lines = [self.title, *map(str, self.values), HEADING, *map(str, self.rows), *(f"  * {a}" for a in self.assumed)]
        return "\n".join(lines)
