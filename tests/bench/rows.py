"""What is measured: each section is a function that gives the lines of its table, and stands in SECTIONS."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.bench.contest import Answer, Line, Skipped, answer, in_turn, line, lines, ours, r_program

OURS, REFERENCE = "shamtrial", "shamtrial, reference engine"
GLM_NB, STATSMODELS, SURVDIFF = "R MASS::glm.nb", "numpy + statsmodels", "R survival::survdiff"
TRIAL = "sham_rct"
TARGETS = (50, 100, 200, 400)
GROWTH = (1, 4, 16)
SHARED = {TRIAL: 400, "bench/j1": 4_000, "bench/j2": 4_000}
MEMORY_TRIALS = (500, 10_000)
OFF = {
    "activity.enabled": False,
    "decline.enabled": False,
    "recall.enabled": False,
    "reporting.enabled": False,
    "medication.enabled": False,
    "dropout.enabled": False,
    "quality.placebo_enabled": False,
}
FURTHER: dict[str, dict[str, object]] = {
    "nothing of it, but on its kernel": {"effect.onset_days": 0.001},
    "seasons": {"season.enabled": True},
    "slots": {"slots.enabled": True},
    "surveillance and re-treatment": {"surveillance.enabled": True, "retreatment.policy": "on_detection"},
    "screening": {"screening.enabled": True},
    "contamination": {"contamination.enabled": True},
    "minimisation": {"randomisation.kind": "minimisation", "randomisation.factors": ["site", "edss"]},
    "missed visits": {"visits.missed_prob": 0.1},
    "site differences": {"sites.relapse_rate_variance": 0.1},
}


@dataclass(frozen=True)
class Options:
    """How long and how often: seconds of each run of ours, rounds, and the trials of other software in a run."""

    rounds: int = 3
    seconds: float = 2.0
    r_trials: int = 300
    workers: int = 2


def j1(options: Options) -> list[Line]:
    """J1, one worker, beside R's glm.nb and statsmodels."""
    n = options.r_trials
    return against_r(
        options,
        "bench/j1",
        {STATSMODELS: [sys.executable, "-m", "tests.bench.j1_statsmodels", str(2 * n), "1"]},
        lambda: {GLM_NB: r_program("j1_glmnb.R", "MASS", n, 1)},
    )


def j2(options: Options) -> list[Line]:
    """J2, one worker, beside R's survdiff."""
    n = 5 * options.r_trials
    return against_r(options, "bench/j2", {}, lambda: {SURVDIFF: r_program("j2_survdiff.R", "survival", n, 1)})


def against_r(
    options: Options,
    scenario: str,
    python: Mapping[str, list[str]],
    r: Callable[[], dict[str, list[str]]],
) -> list[Line]:
    """Give our line and others', with ratios to R; where R is missing, to the last one there, and a line says so."""
    commands: dict[str, list[str]] = {OURS: ours(scenario, seconds=options.seconds), **python}
    skipped: list[Line] = []
    try:
        commands |= r()
    except Skipped as reason:
        skipped = [said(str(reason))]
    return lines(in_turn(commands, options.rounds)) + skipped


def said(text: str) -> Line:
    """Give a line without a figure."""
    nan = float("nan")
    return Line(text, nan, "", nan, nan, 0)


def engines(options: Options) -> list[Line]:
    """The full sham_rct: compiled beside reference, one worker."""
    commands = {
        f"{TRIAL}, compiled": ours(TRIAL, seconds=options.seconds),
        f"{TRIAL}, reference": ours(TRIAL, seconds=options.seconds, engine="reference"),
    }
    return lines(in_turn(commands, options.rounds))


def patients(options: Options) -> list[Line]:
    """The full sham_rct by enrolment.target: time a patient."""
    commands = {
        f"{TRIAL}, {n} patients": ours(TRIAL, seconds=options.seconds, set={"enrolment.target": n}) for n in TARGETS
    }
    answers = in_turn(commands, options.rounds)
    for (name, own), n in zip(answers.items(), TARGETS, strict=True):
        answers[name] = [a | {"us_a_patient": 1e6 / (a["trials_per_s"] * n)} for a in own]
    return lines(answers, "us_a_patient", "us/patient", base=next(iter(answers)))


def mechanisms(options: Options) -> list[Line]:
    """The full sham_rct with less, and with one mechanism more at a time: a scenario pays for what it switches on."""
    commands = {
        TRIAL: ours(TRIAL, seconds=options.seconds),
        f"{TRIAL}, all off that can be": ours(TRIAL, seconds=options.seconds, set=OFF),
    }
    for name, keys in FURTHER.items():
        commands[f"{TRIAL} + {name}"] = ours(TRIAL, seconds=options.seconds, set=keys)
    answers = in_turn(commands, options.rounds)
    for own in answers.values():
        own[:] = [a | {"us_a_trial": 1e6 / a["trials_per_s"]} for a in own]
    return lines(answers, "us_a_trial", "us/trial", base=TRIAL)


def trials(options: Options) -> list[Line]:
    """The full sham_rct by number of trials: does a longer run slow down?"""
    shortest = answer(ours(TRIAL, seconds=options.seconds / 4.0))["trials"]
    commands = {f"{TRIAL}, {g * shortest:,} trials": ours(TRIAL, trials=g * shortest) for g in GROWTH}
    return lines(in_turn(commands, options.rounds), base=next(iter(commands)))


def threads(options: Options) -> list[Line]:
    """The full sham_rct and J1 on one core and on more."""
    found: list[Line] = []
    for scenario in (TRIAL, "bench/j1"):
        commands = {
            f"{scenario}, {w} worker{'s' * (w > 1)}": ours(scenario, seconds=2.0 * options.seconds, workers=w)
            for w in (1, options.workers)
        }
        found += lines(in_turn(commands, options.rounds), base=next(iter(commands)))
    return found


def shares(options: Options) -> list[Line]:
    """What a trial's time goes to, in microseconds a trial on one core; the ratio is to playing it."""
    found: list[Line] = []
    for scenario, n in SHARED.items():
        command = [sys.executable, "-m", "tests.bench.shares", scenario, str(n)]
        answers = [answer(command) for _ in range(options.rounds)]
        parts = [name for name in answers[0] if name != "trials_timed"]
        whole = [a[parts[0]] for a in answers]
        for name in parts:
            own = [{"us": a[name]} for a in answers]
            base = None if name == parts[0] else [{"us": w} for w in whole]
            found.append(line(f"{scenario}, {name}", own, "us", "us/trial", base, parts[0]))
    return found


def memory(options: Options) -> list[Line]:
    """Peak memory of whole runs: what more trials cost."""
    commands = {f"{TRIAL}, {n:,} trials": ours(TRIAL, trials=n) for n in MEMORY_TRIALS}
    return lines(in_turn(commands, min(options.rounds, 2)), "peak_mb", "MB peak", base=next(iter(commands)))


def start(options: Options) -> list[Line]:
    """The first answer of a process: everything compiled there and then, and loaded from the cache."""
    cold: list[Answer] = []
    cached: list[Answer] = []
    for _ in range(options.rounds):
        with tempfile.TemporaryDirectory() as folder:
            fresh = kept_in(folder)
            cold.append(answer(ours(TRIAL, trials=1), fresh))
            cached.append(answer(ours(TRIAL, trials=1), fresh))
    key, unit = "import_to_first_answer_s", "s"
    return [
        line(f"{TRIAL}, import and first trial, nothing compiled", cold, key, unit),
        line(f"{TRIAL}, import and first trial, from the cache", cached, key, unit),
        line(f"{TRIAL}, first call alone, nothing compiled", cold, "first_call_s", unit),
        line(f"{TRIAL}, first call alone, from the cache", cached, "first_call_s", unit),
    ]


def kept_in(folder: str) -> dict[str, str]:
    """Give the environment in which compiled kernels are kept in this folder, whatever the user's own settings."""
    return {"XDG_CACHE_HOME": folder, "SHAMTRIAL_KERNELS": ""}


def cache_size(_: Options) -> list[Line]:
    """What the compiled kernels of one version take on disk."""
    with tempfile.TemporaryDirectory() as folder:
        answer(ours(TRIAL, trials=1), kept_in(folder))
        size = sum((Path(root) / name).stat().st_size for root, _, names in os.walk(folder) for name in names)
    return [line(f"{TRIAL}, compiled kernels on disk", [{"mb": size / 2**20}], "mb", "MB")]


Section = Callable[[Options], list[Line]]

SECTIONS: list[Section] = [j1, j2, engines, mechanisms, patients, trials, threads, shares, memory, start, cache_size]
"""In the order of the table; a section's name is its function's."""
