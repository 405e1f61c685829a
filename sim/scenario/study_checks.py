"""Refuses a study whose own parts contradict each other, with all that was found."""

from __future__ import annotations

from sim.core.errors import ScenarioError
from sim.scenario.study import LABEL, MOST_CELLS, Study
from sim.scenario.study_reader import Reader


def check(reader: Reader, study: Study) -> None:
    """Refuse what the file's own parts contradict; ScenarioError with all that was found."""
    _check_size(reader, study)
    _check_keys(reader, study)
    _check_reference(reader, study)
    _check_words(reader, study)
    if reader.problems:
        raise ScenarioError(sorted(dict.fromkeys(reader.problems), key=lambda p: (p.line, p.key)))


def _check_size(reader: Reader, study: Study) -> None:
    cells = max(1, len(study.listed))
    for axis in study.axes:
        cells *= len(axis)
    if not (study.axes or study.listed or reader.problems):
        allowed = "a key with a list of values under [grid], or cells under [[cell]]"
        reader.refuse((), "grid", "no cell to play", allowed)
    if cells > MOST_CELLS:
        reader.refuse(("grid",), "grid", f"{cells:,} cells", f"at most {MOST_CELLS:,}")


def _check_keys(reader: Reader, study: Study) -> None:
    moved = {axis[0].key for axis in study.axes}
    for change in (*study.fixed, *(c for own in study.listed for c in own.changes)):
        if change.key in moved:
            reader.refuse_at(change.place, change.key, "a key that [grid] moves", "a key in one place")
    written = moved | {c.key for c in study.fixed} | {c.key for own in study.listed for c in own.changes}
    for change in study.follow:
        if change.value not in study.swept:
            said = "a key that [grid] or a cell moves: " + ", ".join(study.swept)
            reader.refuse_at(change.place, f"follow.{change.key}", repr(change.value), said)
        elif change.key in written:
            reader.refuse_at(change.place, f"follow.{change.key}", "a key that is set too", "a key in one place")
    labels = [own.label for own in study.listed]
    for own in study.listed:
        if labels.count(own.label) > 1:
            reader.refuse_at(own.place, "cell.label", f"{own.label!r} more than once", "a label for each cell")


def _check_words(reader: Reader, study: Study) -> None:
    for key in study.asked.words:
        if reader.key(key) not in study.swept:
            said = "a key that [grid] or a cell moves: " + ", ".join(study.swept)
            reader.refuse(("words", key), f"words.{key}", "a key that is not moved", said)


def _check_reference(reader: Reader, study: Study) -> None:
    if (own := study.reference) is None:
        return
    levels = {axis[0].key: [c.value for c in axis] for axis in study.axes}
    if study.listed:
        levels[LABEL] = [cell.label for cell in study.listed]
    if own.key not in levels:
        reader.refuse_at(own.place, f"reference.{own.key}", "a key that is not moved", ", ".join(levels) or "none")
    elif own.value not in levels[own.key]:
        said = ", ".join(map(str, levels[own.key]))
        reader.refuse_at(own.place, f"reference.{own.key}", str(own.value), f"one of {said}")
