"""Scenarios drawn at random over the whole schema, built so that its own checks accept nearly all of them.

They are small, so that the readable engine plays one in a fraction of a second, and extreme, so that the engines meet
ties, crowds, empty trials and every mechanism at its bounds.
"""

from __future__ import annotations

import math
from typing import Any

from hypothesis import strategies as st

from sim.core.endpoints import CONFIRMED_AFTER
from sim.core.errors import ScenarioError
from sim.core.units import DAYS_PER_MONTH, DAYS_PER_YEAR
from sim.engines.world import OBSERVED, World, potential
from sim.model.historical import Historical
from sim.model.sites import Phase, Sites
from sim.scenario.load import validate
from sim.scenario.merge import RawScenario
from sim.scenario.schema import Scenario

Draw = st.DrawFn
Tables = dict[str, Any]

MOST_POINTS = 25_000.0  # candidate relapses and switches of activity that a trial may be expected to see
AT_VISITS = ("edss", "msfc", "msqol_physical", "msqol_mental")
PARALLEL = (
    "arr_6m",
    "relapse_free_6m",
    "first_relapse",
    "cdp_12w",
    "cdp_24w",
    *(f"{base}_6m" for base in AT_VISITS),
)
BEFORE_AFTER = ("relapse_free_change", "arr_change", *(f"{base}_change" for base in AT_VISITS))
WORLDS = (OBSERVED, *(potential(p, path) for p in (0.0, 1.0, 2.0) for path in (False, True)), World(-1.0, 1.0, 1.0))

DESIGNS = ("sham_parallel", "open_label_parallel", "three_arm", "uncontrolled_before_after", "historical_control")
PROB = st.one_of(st.sampled_from([0.0, 1.0, 0.5]), st.floats(0.0, 1.0))
OPEN_PROB = st.one_of(st.sampled_from([0.001, 0.5, 0.999]), st.floats(0.01, 0.99))
SOME_DAYS = st.one_of(st.sampled_from([0.0, 1.0, 14.0, 0.5]), st.floats(0.0, 30.0), st.floats(0.0, 365.0))
ON_OFF = st.booleans()


def spread(low: float, high: float, *edges: float) -> st.SearchStrategy[float]:
    """Give numbers from a range, its ends and these edges among them."""
    return st.one_of(st.floats(low, high), st.sampled_from([low, high, *edges]))


def mostly(usual: object, other: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """Give the usual value in half of the draws."""
    return st.one_of(st.just(usual), other)


PLAIN: dict[str, dict[str, st.SearchStrategy[Any]]] = {
    "clock": {"resolution_days": st.sampled_from([0, 1])},
    "frailty": {"enabled": mostly(True, ON_OFF), "variance": spread(0.0, 2.0, 0.4, 1e-7, 20.0)},
    "disability": {
        "baseline_median_points": spread(0.1, 9.0, 2.2),
        "baseline_log_sd": spread(0.0, 2.0, 0.5),
        "slope_points_per_year": spread(0.0, 5.0, 0.05),
        "rater_sd_points": spread(0.0, 3.0, 0.05),
        "examination_sd_points": spread(0.0, 3.0, 0.08),
        "tail_prob": PROB,
        "tail_sd_points": spread(0.0, 5.0, 0.8),
        "rater_lean_points": spread(-3.0, 3.0, 0.0, 0.25),
    },
    "msfc": {
        "mean_z": spread(-10.0, 10.0, 0.0),
        "sd_z": spread(0.0, 10.0, 0.5),
        "z_per_edss": spread(0.0, 10.0, 0.3),
        "practice_z": spread(-10.0, 10.0, 0.0, 0.041),
        "practice_sessions": spread(1e-3, 100.0, 1.0),
        "sessions_before_baseline": st.sampled_from([0, 0, 3, 100]),
        "noise_sd_z": spread(0.0, 10.0, 0.2),
        "rater_lean_z": spread(-10.0, 10.0, 0.0),
    },
    "worsening": {
        "reference": st.sampled_from(["baseline", "roving"]),
        "zero_step_points": spread(0.5, 5.0, 1.0, 1.5),
        "low_step_points": spread(0.5, 5.0, 1.0),
        "high_step_points": spread(0.5, 5.0),
        "high_from_points": spread(1.0, 10.0, 5.5, 6.0),
        "tolerance_days": spread(0.0, 42.0, 7.0),
        "relapse_days": spread(0.0, 365.0, 30.0),
        "relapses": st.sampled_from(["true", "reported", "confirmed"]),
    },
    "quality": {
        "mean_points": spread(0.0, 100.0, 62.0),
        "sd_points": spread(0.0, 50.0, 17.0),
        "points_per_edss": spread(0.0, 30.0, 5.0),
        "relapse_points_per_edss": spread(0.0, 50.0, 6.0),
        "noise_sd_points": spread(0.0, 50.0, 6.0),
        "placebo_enabled": ON_OFF,
        "placebo_peak_points": spread(-50.0, 50.0, 0.0, 3.0),
        "placebo_onset_days": spread(0.001, 3650.0, 30.0),
        "placebo_decay_months": spread(0.001, 12000.0, 36.0),
        "mental": st.fixed_dictionaries(
            {
                "mean_points": spread(0.0, 100.0, 66.0),
                "sd_points": spread(0.0, 50.0, 17.0),
                "points_per_edss": spread(0.0, 30.0, 2.0),
                "relapse_points_per_edss": spread(0.0, 50.0, 5.0),
                "noise_sd_points": spread(0.0, 50.0, 7.0),
                "placebo_peak_points": spread(-50.0, 50.0, 0.0, 3.2),
            }
        ),
    },
    "veins": {
        "left_ijv_prob": PROB,
        "right_ijv_prob": PROB,
        "azygos_prob": PROB,
        "success_prob": PROB,
        "restenosis_kind": st.sampled_from(["weibull", "log_logistic"]),
        "ijv_restenosis_18m_prob": spread(0.0, 0.999, 0.47),
        "azygos_restenosis_18m_prob": spread(0.0, 0.999, 0.47),
        "restenosis_shape": spread(0.1, 20.0, 1.0, 2.0),
        "patency": st.sampled_from(["share", "any", "all"]),
        "wait_days": SOME_DAYS,
        "wait_mean_days": mostly(0.0, SOME_DAYS),
        "complications": st.fixed_dictionaries(
            {f"{c}_prob": PROB for c in ("haematoma", "arrhythmia", "rupture", "dissection", "thrombosis")}
        ),
    },
    "effect": {
        "enabled": mostly(True, ON_OFF),
        "rate_ratio": spread(0.001, 8.0, 0.5, 1.0, 2.0, 2.0000001),
        "slope_ratio": spread(0.001, 20.0, 1.0),
        "msqol_points": spread(-100.0, 100.0, 0.0),
        "msqol_mental_points": spread(-100.0, 100.0, 0.0),
    },
    "belief": {
        "physician": st.sampled_from(["blinded", "open"]),
        "assessor": st.sampled_from(["blinded", "open"]),
        "prior_prob": OPEN_PROB,
        "spread_logits": spread(0.0, 10.0, 1.0),
        "blinding_leak": spread(-10.0, 10.0, 0.0),
    },
    "reporting": {
        "enabled": mostly(True, ON_OFF),
        "mild_points": spread(0.0, 10.0, 1.0),
        "mild_report_prob": PROB,
        "severe_report_prob": PROB,
        "unreported_by_cured_prob": PROB,
        "pseudo_per_year": spread(0.0, 10.0, 0.1),
        "report_delay_days": SOME_DAYS,
        "confirm_delay_days": SOME_DAYS,
        "confirm_prob": OPEN_PROB,
        "pseudo_confirm_prob": OPEN_PROB,
        "confirm_lean_logits": spread(-10.0, 10.0, 0.0, 0.446),
    },
    "recall": {
        "enabled": ON_OFF,
        "omission_prob": PROB,
        "telescoping_prob": PROB,
        "telescoping_share": spread(0.0, 0.9, 0.3),
    },
    "medication": {
        "enabled": mostly(True, ON_OFF),
        "start_prob": PROB,
        "start_delay_days": spread(0.001, 365.0, 1.0, 14.0),
        "rate_ratio": PROB,
        "disbelief_odds_ratio": spread(0.01, 100.0, 1.0),
    },
    "dropout": {
        "enabled": mostly(True, ON_OFF),
        "hazard_per_year": st.one_of(st.sampled_from([0.0, 0.05, 100.0, 100.0]), st.floats(0.0, 2.0)),
        "disbelief_ratio": spread(0.01, 20.0, 1.0),
    },
    "switches": dict.fromkeys(
        (
            "self_referral",
            "selection",
            "decline",
            "placebo",
            "rater_bias",
            "under_reporting",
            "recall",
            "medication",
            "practice",
            "attrition",
            "effect",
        ),
        mostly(True, ON_OFF),
    ),
}
"""Tables whose keys go together with everything else, whatever their values."""

BUILT = {
    "study": {"design", "follow_up_months", "close_days", "before_months", "after_months"},
    "sites": {
        "count",
        "arrivals_per_month",
        "rate_variance",
        "opening_interval_days",
        "phases",
        "most_per_site",
        "relapse_rate_variance",
        "success_sd_logits",
        "effect_sd_log",
    },
    "enrolment": {
        "target",
        "max_days",
        "screening_days",
        "in_screening",
        "accrual",
        "accrual_days",
        "run_in_days",
        "run_in_relapse_free",
    },
    "historical": {"sites", "rate_ratio", "relapses_1y", "chart_report_prob"},
    "self_referral": {"enabled", "weight", "window_days"},
    "eligibility": {
        "enabled",
        "kind",
        "edss_min",
        "edss_max",
        "relapses_1y",
        "relapses_2y",
        "relapse_free_days",
        "selection_weight",
        "stenosis_required",
    },
    "randomisation": {"kind", "block_size"},
    "visits": {"months"},
    "activity": {"enabled", "kind", "ratio", "active_months", "quiescent_months", "log_sd", "month_correlation"},
    "relapse": {
        "rate_per_year",
        "refractory_days",
        "history_years",
        "severity_median_points",
        "severity_log_sd",
        "recovery_days",
        "residual_prob",
        "residual_mean_points",
    },
    "decline": {"enabled", "fall_per_year"},
    "season": {"enabled", "amplitude", "peak_day", "first_site_day"},
    "belief": {"patient"},
}
"""Keys whose values must suit each other: `tables` builds them."""

UNSEEN = {
    "study": {"alpha", "sided", "primary", "analyse"},  # the analysis sees them, no engine does
    "population": {"on_study_rate_per_year", "on_study_dispersion", "window_months"},  # solved before a plan is made
    "published": {"study", "figure"},
}


@st.composite
def tables(draw: Draw) -> Tables:
    """Draw the tables of a scenario."""
    made: Tables = {name: draw(st.fixed_dictionaries(keys)) for name, keys in PLAIN.items()}
    design = draw(st.sampled_from(DESIGNS))
    follow_up = draw(mostly(24.0, st.sampled_from([6.0, 12.0, 18.5, 0.25, 60.0])))
    made["study"] = {
        "design": design,
        "follow_up_months": follow_up,
        "close_days": draw(mostly(0.0, spread(1.0, 3000.0, 365.25, 700.0))),
    }
    made["visits"] = {"months": draw(visit_months(follow_up))}
    made["arm"], made["randomisation"] = draw(arms(design))
    patient = {"open_label_parallel": "open", "sham_parallel": "blinded"}.get(design)
    made["belief"]["patient"] = patient or draw(st.sampled_from(["blinded", "open"]))
    if design == "uncontrolled_before_after":
        made["study"]["before_months"] = draw(st.sampled_from([[-12.0, 0.0], [-6.0, -1.0], [-24.0, -12.0]]))
        made["study"]["after_months"] = [0.0, follow_up]
    tolerance = made["worsening"]["tolerance_days"]
    made["endpoint"] = draw(endpoints(design, made["visits"]["months"], follow_up, tolerance))
    seen = draw(recruitment(made))
    draw(history(made, seen))
    return made


@st.composite
def visit_months(draw: Draw, follow_up: float) -> list[float]:
    """Draw visits in rising order, the baseline first."""
    choices = [m for m in (0.01, 0.5, 1.0, 3.0, 6.0, 12.0, 18.0, 24.0, 36.0, follow_up) if m <= follow_up]
    return [0.0, *sorted(draw(st.sets(st.sampled_from(choices), max_size=5)))]


@st.composite
def arms(draw: Draw, design: str) -> tuple[list[Tables], Tables]:
    """Draw the arms of a design, in any order and ratio, and how patients are allocated to them."""
    kinds = {
        "sham_parallel": ["angioplasty", "sham"],
        "three_arm": ["angioplasty", "sham", "none"],
        "open_label_parallel": ["angioplasty", draw(st.sampled_from(["sham", "none"]))],
        "historical_control": ["angioplasty", draw(st.sampled_from(["sham", "none"]))],
        "uncontrolled_before_after": [draw(st.sampled_from(["angioplasty", "sham", "none"]))],
    }[design]
    ratios = draw(st.lists(st.integers(1, 3), min_size=len(kinds), max_size=len(kinds)))
    order = draw(st.permutations(kinds))
    pairs = enumerate(zip(order, ratios, strict=True))
    made = [{"name": f"arm {k}", "procedure": kind, "ratio": ratio} for k, (kind, ratio) in pairs]
    blocks = {
        "kind": draw(st.sampled_from(["permuted_blocks", "simple"])),
        "block_size": sum(ratios) * draw(st.integers(1, 3)),
    }
    return made, blocks


@st.composite
def endpoints(draw: Draw, design: str, months: list[float], follow_up: float, tolerance: float) -> list[Tables]:
    """Draw one to four endpoints that suit the design."""
    if design == "uncontrolled_before_after":
        names = [n for n in BEFORE_AFTER if not n.startswith(AT_VISITS) or follow_up in months]
    else:
        names = [n for n in PARALLEL if not n.endswith("_6m") or follow_up >= 6.0]
        names = [n for n in names if n not in CONFIRMED_AFTER or confirmable(months, CONFIRMED_AFTER[n], tolerance)]
        names = [n for n in names if not n.startswith(AT_VISITS) or 6.0 in months]
    chosen = draw(st.lists(st.sampled_from(names), min_size=1, max_size=4, unique=True))
    counts = st.sampled_from(["true", "reported", "confirmed"])
    return [{"name": name, "counts": draw(counts)} for name in chosen]


def confirmable(months: list[float], weeks: float, tolerance: float) -> bool:
    """Tell whether a visit after the baseline is confirmed by another after these weeks, before twice as many."""
    days = [DAYS_PER_MONTH * m for m in months[1:]]
    waits = [b - a for a in days for b in days if b - a >= 7.0 * weeks - tolerance]
    return bool(waits) and min(waits) < 14.0 * weeks


@st.composite
def recruitment(draw: Draw, made: Tables) -> float:
    """Draw sites, enrolment, self-referral and the entry rule; give how many candidates may be seen."""
    target, count = draw(st.sampled_from([1, 2, 4, 8, 12])), draw(st.sampled_from([1, 2, 5, 30]))
    screening = draw(mostly(14.0, SOME_DAYS))
    accrual = draw(mostly(365.25, spread(0.5, 2000.0, 1.0, 30.0)))
    opening = draw(mostly(0.0, st.floats(0.0, 100.0)))
    entry: Tables = {
        "target": target,
        "screening_days": screening,
        "in_screening": draw(st.sampled_from(["turn_away", "admit"])),
        "accrual": draw(st.sampled_from(["poisson", "poisson", "poisson", "uniform"])),
        "accrual_days": accrual,
        "run_in_days": (run_in := draw(mostly(0.0, SOME_DAYS))),
    }
    made["sites"] = {"count": count, "rate_variance": draw(spread(0.0, 2.0, 0.4, 20.0))} | draw(site_differences(made))
    made["historical"] = {
        "rate_ratio": draw(spread(0.1, 3.0, 1.0)),
        "chart_report_prob": draw(PROB),
    }
    if made["study"]["design"] == "historical_control":
        entry["accrual"], entry["target"] = "poisson", max(target, 8)
        made["sites"]["count"] = count = max(count, 2)
        target = entry["target"]
    made["enrolment"] = entry
    made["eligibility"] = draw(entry_rule())
    weight = draw(spread(1.0, 5.0, 3.0))
    made["self_referral"] = {"enabled": draw(ON_OFF), "weight": weight, "window_days": draw(spread(0.5, 365.0, 90.0))}
    if entry["accrual"] == "uniform":
        made["eligibility"]["enabled"] = made["self_referral"]["enabled"] = False
        last = math.ceil(math.ceil(accrual) + screening + run_in) + 1.0
        entry["max_days"] = last + draw(st.sampled_from([0.0, 0.5, 1000.0]))
        made["sites"] |= {"arrivals_per_month": 2.0, "opening_interval_days": min(opening, 0.99 * accrual / count)}
        return float(target)
    possible = weight if made["self_referral"]["enabled"] else 1.0
    seen = target * draw(st.sampled_from([1.1, 2.0, 4.0, 4.0]))  # as many as the sites see by the last day
    most = draw(mostly(1000.0, st.sampled_from([0.5, 10.0, 100.0, 365.0, 1000.5, 3652.5])))
    opening = min(opening, most)
    entry["max_days"] = most
    entry["run_in_relapse_free"] = run_in > 0.0 and draw(ON_OFF)
    groups = [(target, count)]
    if made["study"]["design"] == "historical_control":
        past = draw(st.integers(1, count - 1))
        made["historical"]["sites"] = past
        ratio = {a["procedure"] == "angioplasty": a["ratio"] for a in made["arm"]}
        of_past, of_today = Historical.targets(target, ratio[False], ratio[True])
        groups = [(of_past, past), (of_today, count - past)]
        if made["eligibility"]["enabled"] and made["eligibility"]["kind"] == "strict":
            made["historical"]["relapses_1y"] = draw(st.sampled_from([None, 0, 1, 2]))
    phases = draw(mostly([], recruitment_phases(most)))
    if min(open_days(phases, opening, most, n) / open_days([], opening, most, n) for _, n in groups) < 0.1:
        phases = []
    day = max(wanted * seen / target / open_days(phases, opening, most, n) for wanted, n in groups)
    made["sites"] |= {
        "opening_interval_days": opening,
        "arrivals_per_month": day * DAYS_PER_MONTH * 1.01,
        "phases": phases,
        "most_per_site": draw(mostly(0, st.just(max(math.ceil(wanted / n) for wanted, n in groups)))),
    }
    return day * open_days(phases, opening, most, count) * 1.01 * possible


def open_days(phases: list[Tables], opening: float, most: float, count: int) -> float:
    """Give the days, weighed by phase, on which so many sites of one era are open."""
    made = Sites(phases=[Phase(**phase) for phase in phases])
    return sum(made.open_days(i * opening, most) for i in range(count))


@st.composite
def recruitment_phases(draw: Draw, most: float) -> list[Tables]:
    """Draw up to three phases within the time of recruitment."""
    starts = sorted(draw(st.sets(st.floats(0.0, most), max_size=3)))
    return [{"from_days": start, "factor": draw(st.sampled_from([0.0, 0.5, 1.0, 3.0]))} for start in starts]


@st.composite
def site_differences(draw: Draw, made: Tables) -> Tables:
    """Draw how sites differ; the largest rate ratio stays within the layers of candidate points."""
    room = max(math.log(7.9 / made["effect"]["rate_ratio"]), 0.0) / 3.0
    return {
        "relapse_rate_variance": draw(mostly(0.0, spread(0.0, 2.0, 0.4))),
        "success_sd_logits": draw(mostly(0.0, spread(0.0, 10.0, 1.0))),
        "effect_sd_log": min(draw(mostly(0.0, spread(0.0, 1.0, 0.3))), room),
    }


@st.composite
def entry_rule(draw: Draw) -> Tables:
    """Draw who may enter; rules that let nearly nobody in are rare."""
    return {
        "enabled": draw(ON_OFF),
        "kind": draw(st.sampled_from(["strict", "soft"])),
        "edss_min": draw(mostly(0.0, spread(0.0, 3.0))),
        "edss_max": draw(mostly(10.0, spread(3.0, 10.0, 5.5))),
        "relapses_1y": draw(st.sampled_from([0, 1, 1, 2])),
        "relapses_2y": draw(st.sampled_from([0, 2, 2, 3])),
        "relapse_free_days": draw(mostly(0.0, spread(0.0, 60.0, 365.0))),
        "selection_weight": draw(PROB),
        "stenosis_required": draw(ON_OFF),
    }


@st.composite
def history(draw: Draw, made: Tables, seen: float) -> None:
    """Draw activity, relapses, their decline and seasons: look-backs fit, and no trial grows too long to be told."""
    past = max(longest_look_back(made) * 1.0001, draw(mostly(3.0, st.sampled_from([0.0, 0.5, 2.0, 8.0]))))
    past = min(past, 20.0)
    fall = draw(mostly(0.04, spread(0.0, 1.0)))
    ratio = made["effect"]["rate_ratio"] * math.exp(3.0 * made["sites"]["effect_sd_log"])
    room = max(7.999 / max(ratio, 1.0) - 1.0, 0.0)
    made["season"] = {
        "enabled": draw(ON_OFF),
        "amplitude": min(draw(spread(0.0, 0.999, 0.2)), room),
        "peak_day": draw(spread(0.0, 366.0, 75.0)),
        "first_site_day": draw(spread(0.0, 366.0)),
    }
    peak = 1.0 + made["season"]["amplitude"] if made["season"]["enabled"] else 1.0
    most = min(1.0 - math.exp(-(math.log(8.0 / peak) - 1e-6) / past), 0.999) if past else 0.999
    made["decline"] = {"enabled": draw(mostly(True, ON_OFF)), "fall_per_year": min(fall, most)}
    falls = made["decline"]["enabled"]
    layers = peak * max(
        math.exp(-math.log1p(-made["decline"]["fall_per_year"]) * past) if falls else 1.0,
        ratio,
        1.0,
    )
    wait = made["veins"]["wait_days"] + made["veins"]["wait_mean_days"]
    length = past + made["study"]["follow_up_months"] / 12.0 + wait / DAYS_PER_YEAR + 1.0
    length += made["enrolment"]["run_in_days"] / DAYS_PER_YEAR
    expected = (seen + 1.0) * length
    more = made["historical"]["rate_ratio"] if made["study"]["design"] == "historical_control" else 1.0
    busiest = min(MOST_POINTS / (expected * math.ceil(layers) * max(more, 1.0)), 50.0)
    must = made["eligibility"]["enabled"] and made["eligibility"]["kind"] == "strict"
    low = 0.01 if must else 0.0  # a rule that asks for relapses lets nobody in where there are none
    rate = draw(st.one_of(st.sampled_from([0.0, 0.3, 1.0, 50.0]), st.floats(0.0, 3.0), st.floats(0.0, 50.0)))
    switches = max(expected * 12.0 / MOST_POINTS, 0.05)
    monthly = ["log_ou"] * 3 if expected * 12.0 < MOST_POINTS else []
    made["activity"] = {
        "enabled": draw(mostly(True, ON_OFF)),
        "kind": draw(mostly("two_state", st.sampled_from(["two_state", "none", *monthly]))),
        "ratio": draw(spread(1.0, 1000.0, 6.0)),
        "active_months": max(draw(spread(0.05, 40.0, 8.0)), switches),
        "quiescent_months": max(draw(spread(0.05, 40.0, 24.0)), switches),
        "log_sd": draw(spread(0.0, 2.0, 0.81)),
        "month_correlation": draw(PROB),
    }
    made["relapse"] = {
        "rate_per_year": min(max(rate, low), busiest),
        "refractory_days": draw(mostly(30.0, spread(0.0, 365.0, 1.0))),
        "history_years": past,
        "severity_median_points": draw(spread(0.01, 10.0, 1.0)),
        "severity_log_sd": draw(spread(0.0, 3.0, 0.727)),
        "recovery_days": draw(spread(0.1, 3650.0, 30.0)),
        "residual_prob": draw(PROB),
        "residual_mean_points": draw(spread(0.0, 10.0, 0.5)),
    }


def longest_look_back(made: Tables) -> float:
    """Give how many years of history the entry rule, the before-window, recall and self-referral ask for."""
    rule, recall, years = made["eligibility"], made["recall"], 0.0
    if rule["enabled"]:
        years = max(2.0, rule["relapse_free_days"] / DAYS_PER_YEAR)
    if "before_months" in made["study"]:
        years = max(years, -made["study"]["before_months"][0] / 12.0)
    if recall["enabled"] and recall["telescoping_prob"] > 0.0:
        years /= 1.0 - recall["telescoping_share"]
    if made["self_referral"]["enabled"]:
        years = max(years, made["self_referral"]["window_days"] / DAYS_PER_YEAR)
    return years


def checked(made: Tables) -> Scenario | None:
    """Give the scenario of these tables, None where the scenario's own checks refuse it."""
    try:
        return validate(RawScenario("drawn", made, {}), Scenario)
    except ScenarioError:
        return None


worlds = mostly(OBSERVED, st.sampled_from(WORLDS))
seeds = st.one_of(st.integers(0, 2**64 - 1), st.sampled_from([0, 1, 2**64 - 1]))
