"""Twin evidence: each rule, compiled as kernels call it, answers as it does interpreted, in every bit."""

from __future__ import annotations

import ast
import importlib
import importlib.util
import inspect
import itertools
import math
import pkgutil
import struct
import textwrap
from collections.abc import Callable
from functools import cache
from pathlib import Path
from types import FunctionType
from typing import Any

import numba
import numpy as np
import pytest

import sim.core
import sim.model
from sim import jit
from sim.core.inverse import MIDDLE_LOW, gamma_tables
from sim.core.rules import RULES

Rule = Callable[..., Any]

MODEL = [importlib.import_module(f"sim.model.{m.name}") for m in pkgutil.iter_modules(sim.model.__path__)]
CORE = [importlib.import_module(f"sim.core.{m.name}") for m in pkgutil.iter_modules(sim.core.__path__)]

DRAWS = 400
TOP = 2**64 - 1
SMALLEST = 2.0**-53

# What values a parameter takes, by its name: edge values, then the range of random ones. A rule may have its own entry,
# as "rule.parameter". Where a range spans many orders of magnitude, random values are spread evenly over its logarithm.
Domain = tuple[tuple[float, ...], float, float]

POSITIVE: Domain = ((SMALLEST, 0.5, math.sqrt(0.5), 1.0, 2.0, 3e-308, 1e308), 1e-16, 1e16)
UNIT: Domain = ((SMALLEST, 0.5, 1.0 - SMALLEST, 0.075, 0.925), SMALLEST, 1.0 - SMALLEST)
PROB: Domain = ((0.0, 1.0), 0.0, 1.0)
FLAG: Domain = ((0.0, 1.0), 0.0, 0.0)
CODE: Domain = ((0.0, 1.0, 2.0), 0.0, 0.0)
COUNT: Domain = ((0.0, 1.0, 2.0, 3.0, 7.0), 0.0, 0.0)
TIME: Domain = ((0.0, -1095.75, 14.0, 730.5), -1100.0, 4000.0)
DAYS: Domain = ((0.0, 1.0, 365.25), 0.0, 4000.0)
LENGTH: Domain = ((1e-3, 1.0, 30.0, 365.25, math.inf), 1e-2, 4e3)
RATE: Domain = ((0.0, 1e-300, 1.0), 1e-6, 10.0)
EDSS: Domain = ((0.0, 0.25, 0.5, 0.74, 0.75, 1.25, 9.75, 10.0, 12.0, -1.0), -1.0, 11.0)
POINTS: Domain = ((0.0, 0.5, 1.0, 62.0, 100.0), -20.0, 120.0)
LOGS: Domain = ((0.0, -0.0, 1.0, -1.0, 800.0, -800.0), -10.0, 10.0)
SPREAD: Domain = ((0.0, 1.0), 0.0, 3.0)
FACTOR: Domain = ((0.0, 1.0, 8.0, 0.6), 0.0, 8.0)
TABLES = (0.05, 0.4, 1.0, 2.5, 1e3)  # gamma shapes whose quantiles are tabulated
SHAPE: Domain = ((0.0, 0.05, 0.4, 1.0, 2.5, 1e3), 0.05, 1e4)

SOLVED = ("criterion_for", "leant", "positive_prob", "prevalence", "log_odds_ratio")

DOMAINS: dict[str, Domain] = {
    **dict.fromkeys(("u", "u_tail", "u_frailty", "u_whether", "u_shift", "u_size", "mark"), UNIT),
    **dict.fromkeys(("sp_prob", "pp_prob", "missed_prob", "rate_ratio"), PROB),
    "course": CODE,
    **dict.fromkeys(("rr", "sp", "pp"), POINTS),
    "of_course": COUNT,
    "quota": ((0.0, 1.0, 2.0, math.inf), 0.0, 20.0),
    "planned_end": TIME,
    **dict.fromkeys(("u", "u_tail", "u_whether", "u_shift", "u_size", "mark"), UNIT),
    **dict.fromkeys(("active_share", "omission_prob", "prob", "share", "start_prob", "tail_prob", "patency"), PROB),
    **dict.fromkeys(
        ("mild", "severe", "silent", "belief", "patient_belief", "physician_belief", "assessor_belief"), PROB
    ),
    **dict.fromkeys(
        (
            "active",
            "edss_fits",
            "relapses_suffice",
            "recent_relapse",
            "no_stenosis",
            "assessor",
            "blinded",
            "angioplasty",
            "on_it",
            "weibull",
            "resolution",
            "believing",
            "randomised",
            "reference",
        ),
        FLAG,
    ),
    **dict.fromkeys(("correlation", "innovation_sd", "own_share"), PROB),
    **dict.fromkeys(("correlation", "innovation_sd"), PROB),
    **dict.fromkeys(("cue", "sham_cue", "side_effect", "logits"), LOGS),
    "noticed": PROB,
    "complicated": FLAG,
    "log_odds": ((*LOGS[0], math.inf, -math.inf), *LOGS[1:]),
    "unsure_logits": ((0.0, 0.405), 0.0, 5.0),
    "noise": SPREAD,
    **dict.fromkeys(("scored", "before"), POINTS),
    "amplitude": ((0.0, 0.5, 1.0 - SMALLEST), 0.0, 1.0),
    "since_peak_days": ((0.0, 75.0, 366.0, -366.0), -366.0, 366.0),
    "month": ((-240.0, -1.0, 0.0, 1.0, 24.0), -240.0, 300.0),
    "score": ((0.0, 8.2, -8.2), -5.0, 5.0),
    **dict.fromkeys(("kind", "procedure"), CODE),
    **dict.fromkeys(
        ("last_1y", "last_2y", "need_1y", "need_2y", "layer", "treated", "open_now", "site", "earlier", "places.ratio"),
        COUNT,
    ),
    **dict.fromkeys(
        (
            "present_ms",
            "absent_ms",
            "present_control",
            "absent_control",
            "sensitivity",
            "specificity",
            "collapse_prob",
        ),
        PROB,
    ),
    **dict.fromkeys(("ccsvi", "case"), FLAG),
    **dict.fromkeys(("u_1", "u_2", "u_3", "u_4", "u_5"), UNIT),
    **dict.fromkeys(("kept_out.doppler", "kept_out.venography", "kept_out.ivus"), ((-1.0, 0.0, 1.0), 0.0, 0.0)),
    "criteria": ((0.0, 1.0, 2.0, 5.0), 0.0, 0.0),
    "number": ((0.0, 1.0, 107.0, 285.0, 286.0), 0.0, 1e4),
    "ms_places": ((1.0, 109.0), 1.0, 1000.0),
    "is_case.places": ((2.0, 286.0), 2.0, 2000.0),
    **dict.fromkeys(("weight_0", "weight_1", "weight_2"), COUNT),
    **dict.fromkeys(("count_0", "count_1", "count_2", "imbalance_0", "imbalance_1", "imbalance_2"), COUNT),
    **dict.fromkeys(("relapses_1y", "relapses_cut", "outlook_relapses", "number", "ratio_2"), COUNT),
    **dict.fromkeys(("ratio_0", "ratio_1"), (COUNT[0][1:], 0.0, 0.0)),
    **dict.fromkeys(("by_site", "by_edss", "by_relapses", "variance"), FLAG),
    **dict.fromkeys(("best_prob", "foreseen_prob", "steering_prob"), PROB),
    **dict.fromkeys(("u_foreseen", "u_steered"), UNIT),
    "edss_cut": EDSS,
    "margin.stratum": ((0.0, 1.0, 2.0, 3.0, 7.0, 4003.0), 0.0, 0.0),
    "margin.factor": CODE,
    **dict.fromkeys(
        (
            "time",
            "day_1",
            "last_onset",
            "close_day",
            "screening",
            "since",
            "now",
            "start",
            "end",
            "onset",
            "since_start",
            "entry",
            "procedure_time",
        ),
        TIME,
    ),
    **dict.fromkeys(
        (
            "wait_days",
            "wait_mean_days",
            "interval_days",
            "follow_up_days",
            "refractory_days",
            "until_procedure",
            "last",
            "window_days",
            "days_since_relapse",
            "days",
            "wait",
            "screening_days",
            "run_in_days",
            "history_days",
            "relapse_free_days",
        ),
        DAYS,
    ),
    **dict.fromkeys(
        (
            "quiescent_days",
            "active_days",
            "recovery_days",
            "onset_days",
            "decay_days",
            "scale_days",
            "practice_sessions",
        ),
        LENGTH,
    ),
    **dict.fromkeys(
        ("per_day", "hazard_per_day", "rate", "need", "slope_per_day", "mean_points", "rate_per_day"), RATE
    ),
    **dict.fromkeys(("before_per_day", "after_per_day"), ((0.0, 1e-4), 0.0, 1e-2)),
    **dict.fromkeys(("edss", "edss_centre", "low", "high", "points", "mild_points"), EDSS),
    **dict.fromkeys(
        (
            "latent",
            "mean",
            "lasting",
            "acute",
            "gain",
            "peak",
            "baseline",
            "grown",
            "placebo_points",
            "effect_points",
            "per_edss",
            "per_relapse_point",
            "mean_z",
            "ability_z",
            "practice_z",
            "practice",
        ),
        POINTS,
    ),
    **dict.fromkeys(("natural_log.x", "split.x"), POSITIVE),
    "spent": ((0.0, SMALLEST, 1.0, 36.7), 1e-6, 40.0),
    "opening": ((0.0, 30.0), 0.0, 300.0),
    "uniform_arrival.total": ((41.0, 100.0), 41.0, 1e4),
    **dict.fromkeys(("prior_logit", "shift", "leak", "lean", "log_ratio", "x", "rater", "error"), LOGS),
    **dict.fromkeys(
        ("log_baseline", "log_severity", "log_disbelief_ratio", "log_disbelief_odds"), ((0.0, 1.0), -3.0, 3.0)
    ),
    **dict.fromkeys(("sd", "sd_z", "log_sd", "rater_sd", "tail_sd", "noise_sd", "severity_log_sd"), SPREAD),
    **dict.fromkeys(
        (
            "factor",
            "slope_factor",
            "season",
            "active_level",
            "quiescent_level",
            "decline",
            "medication",
            "treatment",
            "level",
            "frailty",
            "ratio",
        ),
        FACTOR,
    ),
    **dict.fromkeys(("zero_step", "low_step", "high_step"), ((0.5, 1.0, 1.5), 0.5, 5.0)),
    "worse_from.reference": ((0.0, 1.0, 5.0, 5.5, 6.0), 0.0, 10.0),
    "high_from": ((5.5, 6.0, 1.0), 1.0, 10.0),
    "line": CODE,
    **dict.fromkeys(("rate_ratio", "second_rate_ratio"), PROB),
    "budget_left": ((0.0, -1e-3, 1.0, 36.7, math.inf), 1e-6, 40.0),
    "reported": COUNT,
    "log_relapse_ratio": ((0.0, math.log(20.0)), -3.0, 3.0),
    "hazard": RATE,
    "weeks": ((12.0, 24.0), 0.0, 0.0),
    "tolerance_days": ((0.0, 7.0), 0.0, 42.0),
    "relapse_days": ((0.0, 30.0), 0.0, 365.0),
    "least_days": ((84.0, 77.0), 42.0, 168.0),
    "recalled": ((math.nan, *TIME[0]), *TIME[1:]),
    "size": ((2.0, 4.0, 6.0, 200.0), 1.0, 1000.0),
    "total": ((1.0, 2.0, 3.0, 300.0), 1.0, 300.0),
    "bound": ((0.0, 1.0, 8.0, 1.0 + 1e-12), 0.0, 8.0),
    "_cubic.place": ((0.0, 0.5, 1.0, 264.0, 527.0, 527.999), 0.0, 528.0),
    "gamma_tabulated.u": ((*UNIT[0], MIDDLE_LOW, 1.0 - MIDDLE_LOW), *UNIT[1:]),
    "weight": ((1.0, 3.0, 0.45), 1e-2, 100.0),
    "accrual_days": ((365.25,), 4000.0, 8000.0),
    "remaining": ((1.0, 2.0, 200.0), 1.0, 1000.0),
    "sites": ((1.0, 3.0, 12.0), 1.0, 50.0),
    "target": ((1.0, 35.0, 200.0), 1.0, 1000.0),
    "shape": SHAPE,
    "frailty.shape": ((0.0, *TABLES), 0.0, 0.0),
    "is_within.last": ((1.0, 2.0), 0.0, 20.0),
    "dropout_time.days": ((0.0, 1.0, 365.25, math.inf), 0.0, 4000.0),
    "possible_rate.weight": ((1.0, 3.0), 1.0, 100.0),
    "gamma.shape": (SHAPE[0][1:], *SHAPE[1:]),
    "gamma_lower.shape": (SHAPE[0][1:], *SHAPE[1:]),
    "gamma_lower.x": ((0.0, -1.0, 1e-300, 1.0, 1e3), 1e-3, 1e4),
    "restenosis_days.shape": ((0.1, 1.0, 2.0, 20.0), 0.1, 20.0),
    "ratio_at.log_ratio": ((0.0, math.log(20.0), -744.0), -3.0, 3.0),
    **dict.fromkeys(("reads_narrow.narrow", "reads_narrow.recent"), FLAG),
    "as_done.kind": ((0.0, 1.0, 2.0), 0.0, 2.0),
    "as_done.narrow": ((0.0, 1.0, 2.0, 3.0), 0.0, 3.0),
    "logged.done": ((0.0, 1.0, 2.0, 3.0, 4.0), 0.0, 4.0),
    **dict.fromkeys(("narrow_logit", "open_logit"), ((0.0, math.inf, -math.inf), -5.0, 5.0)),
    "over_reading": LOGS,
    "last_reported": ((0.0, -math.inf, 730.5), -1100.0, 4000.0),
    "known_relapse_days": DAYS,
    "is_confirmed.confirm_logit": ((0.0, math.inf, -math.inf), -5.0, 5.0),
    "presents.days_since_relapse": ((0.0, 90.0, math.inf), 0.0, 400.0),
    "on_clock.time": ((0.0, -0.5, -1095.75, 1.0, 2.0**53, 1e18, 1e19, 1e300, math.inf), -1100.0, 4000.0),
    "quality_baseline.sd": ((0.0, 17.0), 0.0, 50.0),
    "quality_latent.start": POINTS,
    "poisson.mean": ((0.0, 0.5, 500.0, 500.5, 1e6, 1e300), 1e-2, 2e3),
    "decline_days.per_day": ((0.0, 1e-300, 1e-9), 0.0, 1e-2),
    "mean_per_scan": ((0.0, 1.1, 1000.0), 0.0, 1000.0),
    "gd_mean.window_days": ((42.0, 730.5), 1e-2, 730.5),
    **dict.fromkeys(("activity_days", "lived_days"), DAYS),
    "t2_per_day": RATE,
    "present": FACTOR,
    "phases": ((0.0, 1.0, 2.0, 3.0), 0.0, 0.0),
    "phase_arrival.time": ((0.0, 14.0, 730.5, math.inf), 0.0, 4000.0),
    **dict.fromkeys(("entered", "most", "past_sites", "asked"), COUNT),
    **dict.fromkeys(("request", "free"), TIME),
    "opened": TIME,
    "procedure_days": ((0.001, 1.0, 365.0), 1e-3, 365.0),
    "pending": FLAG,
    **dict.fromkeys(("of_the_arm", "open_arm", "told"), FLAG),
    "works.onset_days": DAYS,
    "works.open_now": FLAG,
    "success_sd": SPREAD,
    "success_shift": LOGS,
    "effect_sd": ((0.0, 1.0), 0.0, 1.0),
    "effect_shift": ((0.0, 0.3, -0.3), -3.0, 3.0),
    "past": FLAG,
    "report_prob": PROB,
    **dict.fromkeys(("theirs", "ours"), POINTS),
}

WORD_EDGES = (0, 1, 2**32 - 1, 2**32, 2**63, TOP)


@cache
def compiled(rule: Rule) -> Rule:
    """Give a compiled function that does nothing but call the rule, as kernels do; a table is given as an array."""

    def call(*args: Any) -> Any:
        return rule(*args)

    made = jit_compiled(call)
    return lambda *args: made(*(np.array(a or (0.0,)) if isinstance(a, tuple) else a for a in args))


def jit_compiled(function: Rule) -> Rule:
    """Compile as `sim.jit` does a kernel, with all rules known to it, and keep nothing on disk."""
    jit._register_rules()
    made: Rule = numba.njit(**jit.OPTIONS)(function)
    return made


def is_word_rule(rule: Rule) -> bool:
    """Tell whether a rule takes uint64 words."""
    return rule.__module__ in ("sim.core.philox", "sim.core.streams")


def arguments(name: str, rule: Rule) -> list[tuple[Any, ...]]:
    """Give edge and random arguments of a rule: all pairs of edges, then random draws mixed with edges."""
    rng = np.random.Generator(np.random.PCG64(sum(name.encode())))
    names = list(inspect.signature(rule).parameters)
    if is_word_rule(rule):
        edges = [tuple(np.uint64(WORD_EDGES[(i * (k + 1)) % 6]) for k in range(len(names))) for i in range(6)]
        draws = rng.integers(0, TOP, (DRAWS, len(names)), dtype=np.uint64, endpoint=True)
        return edges + [tuple(row) for row in draws]
    domains = [DOMAINS.get(f"{rule.__name__}.{n}", DOMAINS.get(n)) for n in names]
    made = ("log_gamma_shape", "middle", "tails", "table", "phase_from", "phase_factor")  # from a shape, or below
    missing = [n for n, d in zip(names, domains, strict=True) if d is None and n not in made]
    assert not missing, f"{name}: give {missing} a domain above"
    rows: list[list[Any]] = [[draw(d, rng) for d in domains] for _ in range(DRAWS)]
    for i, j in itertools.combinations(range(len(names)), 2):
        for a, b in itertools.product(*(domains[k][0] if domains[k] else (0.0,) for k in (i, j))):  # type: ignore[index]
            row: list[Any] = [draw(d, rng) for d in domains]
            row[i], row[j] = a, b
            rows.append(row)
    if "log_gamma_shape" in names:
        for row in rows:
            shape = row[names.index("shape")]
            row[names.index("log_gamma_shape")] = math.lgamma(shape) if shape else 0.0
    if "phase_from" in names:
        for row in rows:
            row[names.index("phase_from")] = (10.0, 100.0, 400.0)
            row[names.index("phase_factor")] = tuple(float(f) for f in rng.choice([0.0, 0.3, 1.0, 2.5], 3))
    for name_of, number in (("middle", 0), ("tails", 1), ("table", 1)):
        if name_of in names:
            for row in rows:
                shape = row[names.index("shape")] if "shape" in names else TABLES[row_number(row) % len(TABLES)]
                row[names.index(name_of)] = gamma_tables(shape)[number] if shape else ()
    return [tuple(row) for row in rows]


def row_number(row: list[Any]) -> int:
    """Give a number that is the same for the same row, whatever tables are put into it."""
    return int(1e6 * sum(x for x in row if isinstance(x, float)))


def draw(domain: Domain | None, rng: np.random.Generator) -> float:
    """Draw one value: an edge in every fourth case, else from the range."""
    if domain is None:
        return 0.0
    edges, low, high = domain
    if low == high or rng.random() < 0.25:
        return float(edges[rng.integers(len(edges))])
    if low > 0.0 and high / low > 1e3:
        return float(np.exp(rng.uniform(math.log(low), math.log(high))))
    return float(rng.uniform(low, high))


def bits(value: Any) -> tuple[str, Any]:
    """Give what must be equal: the kind of number and, of a float, its bits (NaN and signed zero told apart)."""
    if isinstance(value, tuple):
        return "tuple", tuple(bits(v) for v in value)
    if isinstance(value, float):
        return "float", struct.pack("<d", value)
    if isinstance(value, bool | np.bool_):
        return "bool", bool(value)
    return "int", int(value)


def interpreted(rule: Rule, args: tuple[Any, ...]) -> Any:
    """Run the rule as it stands; uint64 arithmetic wraps, as it does when compiled."""
    with np.errstate(over="ignore"):
        return rule(*args)


@pytest.mark.parametrize("name", sorted(RULES))
def test_compiled_and_interpreted_agree_in_every_bit(name: str) -> None:
    """The rule compiles in nopython mode, and on edge and random arguments gives the bits of the interpreted one."""
    rule = RULES[name]
    fast = compiled(rule)
    rows = arguments(name, rule)
    assert len(rows) >= DRAWS
    for args in rows:
        assert bits(fast(*args)) == bits(interpreted(rule, args)), args


@pytest.mark.parametrize("name", sorted(RULES))
def test_arguments_reach_more_than_one_answer(name: str) -> None:
    """The comparison is not empty: the arguments lead each rule to different answers."""
    rule = RULES[name]
    answers = {bits(interpreted(rule, args)) for args in arguments(name, rule)}
    assert len(answers) >= 2


def _sum_first(x: float) -> float:
    return math.log(1.0 + x)


def _sum_inside(x: float) -> float:
    return math.log1p(x)


def test_a_difference_in_the_last_bit_is_found() -> None:
    """The comparison can fail: log(1 + x), compiled, is told from log1p(x), its equal in all but the last bits."""
    values = np.linspace(0.1, 0.9, 100).tolist()
    other = jit_compiled(_sum_inside)
    pairs = [(_sum_first(x), other(x)) for x in values]
    assert all(math.isclose(a, b, rel_tol=1e-14) for a, b in pairs)
    assert any(bits(a) != bits(b) for a, b in pairs)


# ---- the form of a rule -------------------------------------------------------------------------------------------


def tree(rule: Rule) -> ast.FunctionDef:
    """Give the syntax tree of a rule's source."""
    function = ast.parse(textwrap.dedent(inspect.getsource(rule))).body[0]
    assert isinstance(function, ast.FunctionDef)
    return function


def called(rule: Rule) -> set[str]:
    """Give the names that a rule calls, as written; decorators left out."""
    return {ast.unparse(n.func) for part in tree(rule).body for n in ast.walk(part) if isinstance(n, ast.Call)}


def test_no_rule_has_a_power_operator() -> None:
    """No rule holds `**` or pow: compiled and interpreted powers differ in the last bit."""
    for name, rule in RULES.items():
        assert not [n for n in ast.walk(tree(rule)) if isinstance(n, ast.Pow)], name
        assert not called(rule) & {"pow", "math.pow", "math.fsum"}, name


def test_rules_call_math_and_rules_only() -> None:
    """A rule calls math.*, min, max, range, int, float and other rules; of NumPy uint64, where words are alone."""
    for name, rule in RULES.items():
        rest = {c for c in called(rule) if not c.startswith("math.")} - {"min", "max", "range", "int", "float"}
        if is_word_rule(rule):
            rest -= {"np.uint64"}
        assert all(rule.__globals__.get(c) in RULES.values() for c in rest), (name, rest)


def test_rules_hold_no_container_but_tuples() -> None:
    """No list, dict, set, comprehension, string, exception or closure stands in a rule's body."""
    banned = (ast.List, ast.Dict, ast.Set, ast.comprehension, ast.JoinedStr, ast.Try, ast.Raise, ast.Lambda, ast.With)
    for name, rule in RULES.items():
        docstring, *body = tree(rule).body
        assert isinstance(docstring, ast.Expr), name
        nodes = [n for part in body for n in ast.walk(part)]
        assert not [ast.unparse(n) for n in nodes if isinstance(n, banned)], name
        assert not [n for n in nodes if isinstance(n, ast.Constant) and isinstance(n.value, str)], name


def test_rules_take_floats_or_words() -> None:
    """Every parameter of a rule is a float or a tuple of floats, or a uint64 where words are, without a default."""
    for name, rule in RULES.items():
        allowed = {"np.uint64"} if is_word_rule(rule) else {"float", "Floats"}
        for parameter in inspect.signature(rule).parameters.values():
            assert parameter.annotation in allowed, name
            assert parameter.annotation != "Floats" or rule.__globals__["Floats"] == tuple[float, ...], name
            assert parameter.default is inspect.Parameter.empty, name


@pytest.mark.parametrize(
    ("source", "check"),
    [
        ("def bad(x: float) -> float:\n    'Doc.'\n    return x ** 2", "test_no_rule_has_a_power_operator"),
        ("def bad(x: float) -> float:\n    'Doc.'\n    return np.exp(x)", "test_rules_call_math_and_rules_only"),
        ("def bad(x: float) -> float:\n    'Doc.'\n    return [x][0]", "test_rules_hold_no_container_but_tuples"),
        ("def bad(x: int) -> float:\n    'Doc.'\n    return 1.0 * x", "test_rules_take_floats_or_words"),
        ("Floats = list\ndef bad(x: Floats) -> float:\n    'Doc.'\n    return x[0]", "test_rules_take_floats_or_words"),
    ],
)
def test_a_rule_of_bad_form_is_found(source: str, check: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Each check of form can fail: a rule with a power, a NumPy call, a list or an int is caught by it."""
    path = tmp_path / "bad_rule.py"
    path.write_text("from __future__ import annotations\nimport numpy as np\n" + source + "\n", encoding="utf-8")
    spec = importlib.util.spec_from_file_location("bad_rule", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    monkeypatch.setitem(RULES, "bad_rule.bad", module.bad)
    with pytest.raises(AssertionError):
        globals()[check]()


def test_every_function_of_the_model_is_a_rule() -> None:
    """No mechanism computes outside the registry: each public function of sim/model/*.py is a rule."""
    functions = [
        f"{module.__name__}.{name}"
        for module in MODEL
        for name, value in vars(module).items()
        if isinstance(value, FunctionType) and value.__module__ == module.__name__ and not name.startswith("_")
    ]
    assert len(MODEL) >= 19
    solved = {f"sim.model.doppler.{name}" for name in SOLVED}  # when a plan is made, or a truth is told
    solved |= {"sim.model.effect_prior.drawn_ratio", "sim.model.effect_prior.kept_share"}  # drawn before a trial begins
    assert set(functions) - set(RULES) == solved
    assert {name for name in RULES if name.startswith("sim.model.")} == set(functions) - solved


def test_the_registry_refuses_a_second_rule_of_one_name() -> None:
    """Two rules of one name are an error, not a silent replacement."""
    from sim.core.rules import rule

    with pytest.raises(ValueError, match="two rules are called"):
        rule(RULES["sim.model.relapse.gap"])
