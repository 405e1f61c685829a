"""What a sweep is called in words: its keys, its levels, and the sentences that its figures bear."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Iterator, Sequence
from typing import Any

from pydantic import BaseModel

from sim.report import style
from sim.scenario.lines import split
from sim.scenario.schema import Scenario
from sim.scenario.study import LABEL
from sim.study.hits import Difference
from sim.study.sweep_result import CellResult, SweepResult

NOTHING_THERE = "with no effect, significant"


def short(result: SweepResult, key: str) -> str:
    """Give the study's own words for a key; else its last part, and as much before it as tells it from the others."""
    if key in result.words:
        return result.words[key]
    parts = key.split(".")
    for n in range(1, len(parts)):
        tail = ".".join(parts[-n:])
        if not any(other != key and other.endswith(f".{tail}") for other in result.keys):
            return tail
    return key


def meaning(key: str) -> tuple[str, str]:
    """Give what a scenario key means and its unit ("" where it has none)."""
    model: Any = Scenario
    field = None
    for part in split(key):
        if isinstance(part, int):
            continue
        fields = getattr(model, "model_fields", {})
        if part not in fields:
            return "", ""
        field = fields[part]
        model = _model(field.annotation)
    extra = field.json_schema_extra if field and isinstance(field.json_schema_extra, dict) else {}
    unit = str(extra.get("unit", "-"))
    return (field.description or "") if field else "", "" if unit in ("-", "1") else unit


def _model(annotation: Any) -> Any:
    """Give the table that a field holds, or holds a list of."""
    inner = getattr(annotation, "__args__", ())
    return next((a for a in (annotation, *inner) if isinstance(a, type) and issubclass(a, BaseModel)), annotation)


def axis_label(result: SweepResult, key: str, width: int = 60) -> str:
    """Name an axis: the study's words, or what the key means, with its unit; below it the key."""
    said, unit = meaning(key)
    named = result.words.get(key) or said
    if not named:
        return key
    lines = textwrap.wrap(f"{style.capital(named)}{f' ({unit})' if unit and unit not in named else ''}", width)
    return "\n".join([*lines, key])


def level(value: Any) -> str:
    """Write a level of a key."""
    if isinstance(value, bool):
        return "on" if value else "off"
    if isinstance(value, int | float):
        shortly = f"{value:,}" if isinstance(value, int) else f"{value:g}"
        return shortly if isinstance(value, int) or float(shortly) == value else repr(value)
    if isinstance(value, list):
        return f"[{', '.join(map(level, value))}]"
    return str(value)


def cell_words(result: SweepResult, cell: CellResult) -> str:
    """Name a cell shortly: label, and the levels of the grid."""
    return ", ".join(level_words(result, cell, axis) for axis in result.axes)


def level_words(result: SweepResult, cell: CellResult, axis: str) -> str:
    """Name a cell's level of an axis: the label, or the key's words and its value."""
    return cell.label if axis == LABEL else f"{short(result, axis)} {level(cell.level(axis))}"


def message(result: SweepResult, endpoint: str) -> str:
    """Say how far the power runs over the cells, and how often a difference is found that is not there."""
    cells = [c for c in result.cells if endpoint in c.endpoints]
    real, null = [c for c in cells if not c.scenario.no_effect], [c for c in cells if c.scenario.no_effect]
    parts = [_range(result, endpoint, own, said) for own, said in ((real, "power"), (null, NOTHING_THERE)) if own]
    return style.capital("; ".join(parts))


def _range(result: SweepResult, endpoint: str, cells: list[CellResult], said: str) -> str:
    low = min(cells, key=lambda c: c.endpoints[endpoint].power)
    high = max(cells, key=lambda c: c.endpoints[endpoint].power)
    least, most = (style.percent(c.endpoints[endpoint].power) for c in (low, high))
    if len(cells) == 1:
        return f"{said} {least} ({cell_words(result, low)})"
    if least == most:
        return f"{said} {least} in all {len(cells):,} cells"
    return f"{said} from {least} ({cell_words(result, low)}) to {most} ({cell_words(result, high)})"


def cost(result: SweepResult, cell: CellResult, endpoint: str) -> Difference | None:
    """Give the power of a cell less that of the one it is compared with; None where there is none."""
    other = result.reference_of(cell)
    if other is None or other is cell or endpoint not in other.endpoints or endpoint not in cell.endpoints:
        return None
    return result.difference(cell, other, endpoint)


Pair = tuple[CellResult, Difference]
"""A cell, and its power less that of the cell it is compared with."""


def worst(result: SweepResult, pairs: Sequence[Pair]) -> Pair:
    """Give the cell that differs most from the one it is compared with, and by how much.

    Where cells have what the scenario itself has, and that makes a difference, it is one of these.
    """
    usual = [pair for pair in pairs if as_usual(result, pair[0]) and pair[1].seen]
    return max(usual or pairs, key=lambda pair: abs(pair[1].value))


def compared(result: SweepResult, endpoint: str) -> list[Pair]:
    """Give every cell that has another one to be compared with."""
    return [(c, d) for c in result.cells if (d := cost(result, c, endpoint)) is not None]


def as_usual(result: SweepResult, cell: CellResult) -> bool:
    """Tell whether a cell has the scenario's own value of the key that cells are compared along."""
    key = result.reference[0] if result.reference else LABEL
    return key != LABEL and cell.level(key) == result.own.get(key)


def cost_message(result: SweepResult, endpoint: str) -> str:
    """Say what the largest difference from the cells compared with is, and apart, where nothing is to be found."""
    found = compared(result, endpoint)
    null = [pair for pair in found if _nothing_in_either(result, pair[0])]
    real = [pair for pair in found if not _nothing_in_either(result, pair[0])]
    parts = [_cost(result, own, what) for own, what in ((real, ""), (null, "with no effect")) if own]
    return style.capital("; ".join(parts)) or "No cell has another one to be compared with"


def _nothing_in_either(result: SweepResult, cell: CellResult) -> bool:
    """Tell whether there is no effect in a cell, nor in the one it is compared with."""
    other = result.reference_of(cell)
    return cell.scenario.no_effect and other is not None and other.scenario.no_effect


def _cost(result: SweepResult, pairs: Sequence[Pair], null: str) -> str:
    assert result.reference is not None
    cell, difference = worst(result, pairs)
    key, at = result.reference
    against = f'"{at}"' if key == LABEL else f"{short(result, key)} {level(at)}"
    points = f"{style.number(abs(100.0 * difference.value), 1)} points (MCSE {100.0 * difference.mcse:.1f})"
    usual = f" (as in {result.name})" if as_usual(result, cell) else ""
    here = {axis: f'"{cell.label}"' if axis == LABEL else level_words(result, cell, axis) for axis in result.axes}
    where = ", ".join([f"{here[key]}{usual}", *(words for axis, words in here.items() if axis != key)])
    if not any(found.apart for _, found in pairs):
        return f"{null}{', ' if null else ''}no trial is decided otherwise than at {against}"
    if not difference.seen:
        return f"{null}{', ' if null else ''}no cell is seen to differ from {against}: at most {points}, at {where}"
    if null:
        return f"{null}, significant {points} {'less' if difference.value < 0.0 else 'more'} often at {where}"
    return f"at {where}, power is {points} {'lower' if difference.value < 0.0 else 'higher'} than at {against}"


def sentences(result: SweepResult) -> Iterator[str]:
    """Say what came out at each endpoint, and how sure the figures are."""
    several = len(result.endpoints) > 1
    for endpoint in result.endpoints:
        named = f"{endpoint}: " if several else ""
        yield f"{named}{message(result, endpoint)}."
        same = unmoved(result, endpoint)
        found = compared(result, endpoint)
        if found and result.reference and result.reference[0] not in same:
            yield f"{named}{cost_message(result, endpoint)}.{_gain(worst(result, found)[1])}"
        if same:
            yield (
                f"{named}Every trial is decided alike whatever {_values(result, same)}"
                f"{_at_an_end(result, endpoint)}: a difference of more than {bound(result.trials)} points is excluded "
                "(95%)."
            )
    largest = max(p.mcse for cell in result.cells for p in cell.endpoints.values())
    yield f"The largest MCSE of a power is {largest:.4f}; all cells are played on the same trial numbers."
    short_cells = [c for c in result.cells if c.short_trials]
    if short_cells:
        most = max(short_cells, key=lambda c: c.short_trials)
        yield (
            f"In {len(short_cells):,} of {len(result.cells):,} cells enrolment closed on enrolment.max_days before the "
            f"target, in up to {most.short_trials:,} of {result.trials:,} trials ({cell_words(result, most)})."
        )
    lost = sum(len(c.failed) for c in result.cells)
    if lost:
        yield f"{lost:,} trials failed; they count as no rejection."


def unmoved(result: SweepResult, endpoint: str) -> list[str]:
    """Give the axes along which no trial is decided otherwise: at no level of theirs, with the others as they are."""
    found = []
    for axis in result.axes:
        alike: dict[tuple[str, ...], list[CellResult]] = {}
        for cell in result.cells:
            if endpoint in cell.endpoints:
                alike.setdefault(tuple(repr(cell.level(a)) for a in result.axes if a != axis), []).append(cell)
        pairs = [(cell, own[0]) for own in alike.values() for cell in own[1:]]
        if pairs and not any(result.difference(a, b, endpoint).apart for a, b in pairs):
            found.append(axis)
    return found


def _values(result: SweepResult, axes: Sequence[str]) -> str:
    """Name what may have any value, in the middle of a sentence."""
    *before, last = ["the cell of the list" if axis == LABEL else short(result, axis) for axis in axes]
    return f"{', '.join(before)} and {last} are" if before else f"{last} is"


def _at_an_end(result: SweepResult, endpoint: str) -> str:
    """Say that there was nothing that a key could have changed: all trials reject, or none does."""
    powers = {cell.endpoints[endpoint].power for cell in result.cells if endpoint in cell.endpoints}
    return {0.0: ", as none rejects", 1.0: ", as all reject"}.get(powers.pop(), "") if len(powers) == 1 else ""


def bound(trials: int) -> str:
    """Give the largest difference, in points, with which so many trials all agree once in 40 times (exact)."""
    return f"{100.0 * (1.0 - 0.025 ** (1.0 / trials)):.2g}"


def _gain(difference: Difference) -> str:
    """Say how much pairing has made the difference surer, where it has."""
    if not difference.mcse or math.isnan(difference.unpaired) or difference.unpaired <= 1.05 * difference.mcse:
        return ""
    times = (difference.unpaired / difference.mcse) ** 2
    return f" Without common trials the first of these errors would take {times:.1f} times as many."
