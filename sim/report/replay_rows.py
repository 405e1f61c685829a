"""The rows of the replay tables: a figure, a study, or a setting each."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from typing import Any, Final

from sim.report import style
from sim.study.explain import ExplainResult, Setting
from sim.study.replay import ReplayResult, Side
from sim.study.replay_words import label, predicted_words, published_words, verdict_of

MOST_SETTINGS: Final = 12
WORDS_WIDE: Final = 46
HARD: Final = chr(160)  # a space at which no line breaks
NULL, CLAIMED, GIVEN = "none", "claimed", "put in"
HEADINGS: Final = ("figure", "published", "effect", "replays (90%)", "mid-\nPIT", "as\nfavourable")
ALL_HEADINGS: Final = ("study", "patients", "figures", "no effect", "", "as claimed", "")
SETTING_HEADINGS: Final = ("setting", "before", "after", "ratio", "tail % (MCSE)", "")


def rows(result: ReplayResult) -> Iterator[tuple[str, ...]]:
    """Give a row a figure; where an effect was claimed, one more below it."""
    own = NULL if result.null.no_effect else GIVEN
    other = result.claimed.figures if result.claimed else [None] * len(result.figures)
    for judged, claimed in zip(result.figures, other, strict=True):
        mark = " *" if judged["used_for_fit"] else ""
        yield label(judged) + mark, published_words(judged), own, *_cells(judged)
        if claimed:
            yield "", "", CLAIMED, *_cells(claimed)


def _cells(judged: dict[str, Any]) -> tuple[str, str, str]:
    return predicted_words(judged), f"{judged['mid_pit']:.3f}", style.percent(judged["share_as_favourable"], 1)


def notes(result: ReplayResult) -> Iterator[str]:
    """Give what was left out and what was fitted, then the sentences."""
    if any(f["used_for_fit"] for f in result.figures):
        yield "* used to choose the scenario: no test of it, and not in the joint rank"
    if result.figures:
        for left in result.left_out:
            yield f"not replayed: {left['id']} ({left['quantity']}): {left['reason']}"
    if result.draws:
        yield f"each replay draws its population, a row of {result.draws.cloud.file}: {', '.join(result.draws.keys)}"
        if result.draws.held:
            yield f"held: {'; '.join(f'{key} ({reason})' for key, reason in result.draws.held)}"
    yield from result.sentences


def study_row(result: ReplayResult) -> tuple[str, ...]:
    """Give a study's row: its joint tail probabilities and what they are called."""
    tests = sum(not f["used_for_fit"] for f in result.figures)
    cells = [_side(result.null), *_side(result.claimed)] if result.claimed else [_side(result.null), "none claimed", ""]
    flat = [c for cell in cells for c in (cell if isinstance(cell, tuple) else (cell,))]
    return result.study, str(result.patients), str(tests), *flat


def _side(side: Side) -> tuple[str, str]:
    tail = side.joint["tail_probability"]
    if tail is None:
        return "not tested", ""
    return f"{100.0 * tail:.1f}% ({100.0 * side.joint['mcse']:.1f})", verdict_of(side)


def setting_rows(result: ExplainResult) -> Iterator[tuple[str, ...]]:
    """Give the scenario as shipped, then the settings that change least and make the result ordinary, or come near."""
    shown = (result.ordinary or result.settings)[:MOST_SETTINGS]
    for setting in (result.shipped, *(s for s in shown if s.changed)):
        yield _setting_row(setting)


def _setting_row(s: Setting) -> tuple[str, ...]:
    before, after, ratio = s.medians.values()
    tail = f"{100.0 * s.tail_probability:.1f} ({100.0 * s.mcse:.1f})"
    whole = s.words.replace(" ", HARD).replace(f",{HARD}", ", ")  # lines break between mechanisms, not within one
    words = "\n".join(textwrap.wrap(whole, WORDS_WIDE, break_on_hyphens=False)).replace(HARD, " ")
    return words, f"{before:g}", f"{after:g}", f"{ratio:.2f}", tail, s.verdict
