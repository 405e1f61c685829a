"""Study files that are refused, one for each refusal, with the line, the key and words of the message."""

from __future__ import annotations

from dataclasses import dataclass

HEAD = 'scenario = "bench/j1"\n'
GRID = '[grid]\n"effect.rate_ratio" = [0.6, 0.8]\n'


@dataclass(frozen=True)
class Bad:
    """A study's text, and what its refusal must say: line (0: none), key, found, a piece of what is allowed."""

    id: str
    text: str
    line: int
    key: str
    found: str
    allowed: str


BAD = [
    Bad("an unknown key", HEAD + "trails = 3\n" + GRID, 2, "trails", "unknown key 'trails'", "did you mean 'trials'"),
    Bad("extends", 'extends = "x"\n' + HEAD + GRID, 1, "extends", "unknown key 'extends'", "keys here: intent, "),
    Bad("no scenario", GRID, 1, "scenario", "nothing", "it must be given"),
    Bad("no trial", HEAD + "trials = 0\n" + GRID, 2, "trials", "0", "1 <= x <= 10000000"),
    Bad("another scenario", 'scenario = "sham_rtc"\n' + GRID, 1, "scenario", "no scenario 'sham_rtc'", "'sham_rct'"),
    Bad("nothing to play", HEAD, 1, "grid", "no cell to play", "a list of values under [grid]"),
    Bad("a value for a list", HEAD + "[grid]\neffect.rate_ratio = 0.5\n", 3, "grid.effect.rate_ratio", "one value",
        "a list of values"),
    Bad("an empty list", HEAD + "[grid]\neffect.rate_ratio = []\n", 3, "grid.effect.rate_ratio", "an empty list",
        "a list of values"),
    Bad("no key path", HEAD + '[grid]\n"effect rate" = [1.0]\n', 3, 'grid."effect rate"', "'effect rate'",
        "a key path"),
    Bad("a key twice", HEAD + '[grid]\n"effect.rate_ratio" = [0.5]\neffect.rate_ratio = [0.6]\n', 2,
        "grid.effect.rate_ratio", "a key given twice", "each key once"),
    Bad("a key fixed and moved", HEAD + '[set]\n"effect.rate_ratio" = 0.5\n' + GRID, 3, "effect.rate_ratio",
        "a key that [grid] moves", "a key in one place"),
    Bad("too many cells", HEAD + f"[grid]\nenrolment.target = {[*range(20, 320)]}\neffect.rate_ratio = "
        f"{[k / 1000 for k in range(500, 600)]}\n", 2, "grid", "30,000 cells", "at most 10,000"),
    Bad("follows what does not move", HEAD + GRID + '[follow]\n"dropout.enabled" = "effect.onset_days"\n', 5,
        "follow.dropout.enabled", "'effect.onset_days'", "a key that [grid] or a cell moves: effect.rate_ratio"),
    Bad("follows and is moved", HEAD + GRID + 'effect.onset_days = [1.0]\n[follow]\neffect.onset_days = '
        '"effect.rate_ratio"\n', 6, "follow.effect.onset_days", "a key that is set too", "a key in one place"),
    Bad("compared along what does not move", HEAD + GRID + "[reference]\ndropout.hazard_per_year = 0.0\n", 5,
        "reference.dropout.hazard_per_year", "a key that is not moved", "effect.rate_ratio"),
    Bad("compared with no level", HEAD + GRID + "[reference]\neffect.rate_ratio = 0.7\n", 5,
        "reference.effect.rate_ratio", "0.7", "one of 0.6, 0.8"),
    Bad("compared with two", HEAD + GRID + "[reference]\neffect.rate_ratio = 0.6\ndropout.enabled = true\n", 4,
        "reference", "2 keys", "a key of [grid]"),
    Bad("words for what does not move", HEAD + GRID + '[words]\n"dropout.enabled" = "leaving"\n', 5,
        "words.dropout.enabled", "a key that is not moved", "effect.rate_ratio"),
    Bad("a label that is a number", HEAD + "[[cell]]\nlabel = 3\n", 3, "cell[0].label", "3", "a string"),
    Bad("a label twice", HEAD + '[[cell]]\nlabel = "a"\n[[cell]]\nlabel = "a"\n', 2, "cell.label",
        "'a' more than once", "a label for each cell"),
    Bad("a value out of range", HEAD + "[grid]\neffect.rate_ratio = [\n  0.5,\n  -1.0,\n]\n", 5, "effect.rate_ratio",
        "-1.0 (cell effect.rate_ratio = -1.0)", "0 < x"),
    Bad("an unknown key of the scenario", HEAD + '[[cell]]\nlabel = "a"\neffect.rate_rati = 1.0\n', 4,
        "effect.rate_rati", "unknown key 'rate_rati' (cell a: effect.rate_rati = 1.0)", "'rate_ratio'"),
    Bad("a fixed key that is none", HEAD + "[set]\neffect.rate_rati = 1.0\n" + GRID, 3, "effect.rate_rati",
        "unknown key 'rate_rati'", "'rate_ratio'"),
    Bad("a place that is not there", HEAD + '[grid]\n"arm[7].ratio" = [1, 2]\n', 3, "arm[7].ratio",
        "an override that can't be applied (cell arm[7].ratio = 1 and 1 more)", "a place in the array arm"),
    Bad("the same scenario twice", HEAD + "[grid]\neffect.rate_ratio = [0.6, 0.8, 0.6]\n", 3, "grid",
        "cells that are the same scenario: effect.rate_ratio = 0.6; effect.rate_ratio = 0.6", "each scenario once"),
    Bad("a cell that is another one", HEAD + '[[cell]]\nlabel = "a"\n[[cell]]\nlabel = "b"\n', 4, "cell",
        "cells that are the same scenario: a; b", "each scenario once"),
    Bad("an endpoint that is not there", HEAD + 'endpoints = ["arr_24m", "edss_24m"]\n' + GRID, 2, "endpoints",
        "'edss_24m'", "arr_24m"),
    Bad("an endpoint twice", HEAD + 'endpoints = ["arr_24m", "arr"]\n' + GRID, 2, "endpoints", "arr_24m, arr_24m",
        "each endpoint once"),
    Bad("an endpoint that does not exist", HEAD + 'endpoints = [{ name = "happiness" }]\n' + GRID, 2,
        "endpoint[1].name", "happiness", ""),
    Bad("no TOML", HEAD + "[grid\n", 2, "(file)", "a syntax error", "valid TOML"),
]  # fmt: skip
