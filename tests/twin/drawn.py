"""Scenarios drawn at random over the whole schema, built so that its own checks accept nearly all of them.

They are small, so that the readable engine plays one in a fraction of a second, and extreme, so that the engines meet
ties, crowds, empty trials and every mechanism at its bounds.
"""

from __future__ import annotations

import itertools
import math
from typing import Any

from hypothesis import strategies as st

from sim.core.endpoints import AT_SCANS, CONFIRMED_AFTER
from sim.core.errors import ScenarioError
from sim.core.units import DAYS_PER_MONTH, DAYS_PER_YEAR
from sim.engines.world import OBSERVED, World, potential, potential_arm
from sim.model.allocation import KINDS, WITH_FACTORS
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
    "gd_lesions_6m",
    "new_t2_6m",
)
NOT_RANDOMISED = ("uncontrolled_before_after", "prevalence_case_control", "historical_control")
PUT_OFF = ("immediate_v_delayed", "sham_crossover")
WORLDS = (
    OBSERVED,
    potential_arm(0, True),
    *(potential(p, path) for p in (0.0, 1.0, 2.0) for path in (False, True)),
    World(-1.0, 1.0, 1.0),
)
BEFORE_AFTER = ("relapse_free_change", "arr_change", *(f"{base}_change" for base in AT_VISITS), "gd_lesions_change")
DESIGNS = (
    "sham_parallel",
    "open_label_parallel",
    "three_arm",
    "uncontrolled_before_after",
    "prevalence_case_control",
    "historical_control",
    "immediate_v_delayed",
    "sham_crossover",
)
IMAGED = (0.001, 0.01, 0.02, 0.25, 1.0, 3.0, 6.0, 12.0, 18.0, 24.0)  # months; some fall on one whole day

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
        "onset_days": mostly(0.0, SOME_DAYS),
        "gd_ratio": spread(0.001, 20.0, 1.0),
    },
    "belief": {
        "physician": st.sampled_from(["blinded", "open"]),
        "assessor": st.sampled_from(["blinded", "open"]),
        "prior_prob": OPEN_PROB,
        "spread_logits": spread(0.0, 10.0, 1.0),
        "blinding_leak": spread(-10.0, 10.0, 0.0),
        **{
            f"{what}_logits": mostly(0.0, spread(-10.0, 10.0, 0.4))
            for what in ("cue", "sham_cue", "side_effect", "relapse", "outside_scan")
        },
        **{f"{who}_cue_prob": PROB for who in ("patient", "physician", "assessor")},
        "improvement_logits_per_point": mostly(0.0, spread(-1.0, 1.0, 0.02)),
        "outside_scan_prob_per_year": mostly(0.0, spread(0.0, 0.999, 0.5)),
        "guess_noise_logits": spread(0.0, 10.0, 0.5),
        "dont_know_halfwidth": spread(0.0, 0.499, 0.1),
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
        "telescoping_share": spread(0.0, 0.89, 0.3),  # two years are looked for among less than the longest history, 20
    },
    "medication": {
        "enabled": mostly(True, ON_OFF),
        "start_prob": PROB,
        "start_delay_days": spread(0.001, 365.0, 1.0, 14.0),
        "rate_ratio": PROB,
        "disbelief_odds_ratio": spread(0.01, 100.0, 1.0),
        "gd_ratio": PROB,
        "stop_per_year": spread(0.0, 100.0, 1.0),
        "escalate_prob": PROB,
        "second_rate_ratio": PROB,
    },
    "dropout": {
        "enabled": mostly(True, ON_OFF),
        "hazard_per_year": st.one_of(st.sampled_from([0.0, 0.05, 100.0, 100.0]), st.floats(0.0, 2.0)),
        "disbelief_ratio": spread(0.01, 20.0, 1.0),
        "lack_of_benefit_per_year": mostly(0.0, spread(0.0, 100.0, 0.5)),
        "relapse_ratio": spread(0.01, 20.0, 1.0),
    },
    "contamination": {
        "enabled": ON_OFF,
        "per_year": spread(0.0, 100.0, 0.5),
        "relapse_ratio": spread(0.01, 20.0, 1.0),
    },
    "lesions": {
        "enabled": ON_OFF,
        "mean_per_scan": spread(0.0, 1000.0, 1.0),
        "new_t2_per_year": spread(0.0, 10000.0, 3.6),
        "factor_variance": spread(0.0, 50.0, 1.3),
        "frailty_correlation": PROB,
        "scan_variance": spread(0.0, 50.0, 0.4),
        "window_days": spread(0.01, 730.5, 42.0, 100.0),
        "test": st.sampled_from(["wald", "robust_score"]),
    },
    "retreatment": {
        "policy": st.just("none"),
        "most": st.integers(1, 5),
        "delay_days": spread(0.001, 365.0, 1.0, 14.0),
        "told": ON_OFF,
    },
    "screening": {
        "enabled": mostly(False, ON_OFF),
        "reader": st.sampled_from(["blinded", "unblinded"]),
        "sensitivity_blinded_prob": PROB,
        "specificity_blinded_prob": PROB,
        "sensitivity_unblinded_prob": PROB,
        "specificity_unblinded_prob": PROB,
        "reader_lean_logits": spread(-10.0, 10.0, 0.0, 1.0),
        "venography": st.just(True),
        "venography_sensitivity_prob": PROB,
        "venography_specificity_prob": PROB,
        "ivus": ON_OFF,
        "ivus_collapse_prob": PROB,
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
            "contamination",
            "attrition",
            "unblinded_doppler",
            "effect",
            "triggered_imaging",
            "unblinded_doppler",
            "foreseen_allocation",
            "picking",
            "publication",
        ),
        mostly(True, ON_OFF),
    ),
    "surveillance": {
        "enabled": ON_OFF,
        "after_relapse_days": SOME_DAYS,
        "sensitivity": PROB,
        "specificity": PROB,
        "reader": st.sampled_from(["blinded", "unblinded"]),
        "over_reading_logits": spread(-10.0, 10.0, 0.0, 2.0),
        "known_relapse_days": spread(0.0, 3650.0, 60.0),
        "reader_lean_logits": spread(-10.0, 10.0, 0.0),
    },
}
"""Tables whose keys go together with everything else, whatever their values."""

COURSE_NUMBERS: dict[str, st.SearchStrategy[Any]] = {
    "sp_slope_points_per_year": spread(0.0, 5.0, 0.25),
    "pp_slope_points_per_year": spread(0.0, 5.0, 0.35),
    "sp_rate_ratio": PROB,
    "pp_rate_ratio": PROB,
    "sp_baseline_median_points": spread(0.1, 9.0, 5.5),
    "pp_baseline_median_points": spread(0.1, 9.0, 4.5),
}

BUILT = {
    "study": {
        "design",
        "follow_up_months",
        "close_days",
        "close_after_enrolment_days",
        "before_months",
        "after_months",
    },
    "slots": {"enabled", "per_site", "procedure_days"},
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
        "courses",
    },
    "visits": {"months", "window_days", "missed_prob"},
    "course": {*COURSE_NUMBERS, "sp_prob", "pp_prob", "quota"},
    "randomisation": {
        "kind",
        "block_size",
        "factors",
        "edss_cut_points",
        "relapses_cut",
        "minimisation_prob",
        "imbalance",
        "foreseen_prob",
        "steering_prob",
        "outlook_relapses",
    },
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
    "lesions": {"scan_months"},
    "screening": {"control_ccsvi_prob"},
    "surveillance": {"scheduled_months", "on_relapse"},
    "belief": {"patient", "guess_early_days", "guess_at_end"},
}
"""Keys whose values must suit each other: `tables` builds them."""

UNSEEN = {
    "belief": {"setting"},  # fills keys that are drawn here themselves
    "study": {"alpha", "sided", "primary", "analyse"},  # the analysis sees them, no engine does
    "population": {"on_study_rate_per_year", "on_study_dispersion", "window_months"},  # solved before a plan is made
    "published": {"study", "figure", "claim"},
    "publication": {"studies"},  # the ledger of chances sees it
    "effect_prior": {"enabled", "rate_ratio_median", "log_sd", "no_effect_prob"},  # drawn before a plan is made
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
        "close_after_enrolment_days": draw(mostly(0.0, spread(0.0, 1000.0, 1.0, 100.0))),
    }
    made["visits"] = draw(attendance(draw(visit_months(follow_up))))
    made["arm"], made["randomisation"] = draw(arms(design))
    if design in PUT_OFF:  # a wait as long as follow-up leaves no time for what is put off
        made["veins"]["wait_days"] = min(made["veins"]["wait_days"], 0.5 * follow_up * DAYS_PER_MONTH)
    draw(strategies(made, made["veins"]["wait_days"] / DAYS_PER_MONTH))
    surveyed = draw(st.sets(st.sampled_from([m for m in IMAGED if m <= follow_up]), max_size=6))
    made["surveillance"] |= {"scheduled_months": sorted(surveyed), "on_relapse": not surveyed or draw(ON_OFF)}
    if made["surveillance"]["enabled"]:
        made["retreatment"]["policy"] = draw(st.sampled_from(["none", "on_detection"]))
    patient = {
        "open_label_parallel": "open",
        "immediate_v_delayed": "open",
        "sham_parallel": "blinded",
        "sham_crossover": "blinded",
    }.get(design)
    made["belief"]["patient"] = patient or draw(st.sampled_from(["blinded", "open"]))
    if {"angioplasty", "sham"} <= {arm["procedure"] for arm in made["arm"]}:
        early = st.sampled_from([1.0, 28.0, 200.0]).filter(lambda days: days < DAYS_PER_MONTH * follow_up)
        made["belief"] |= {"guess_early_days": draw(mostly(0.0, early)), "guess_at_end": draw(ON_OFF)}
    if design == "uncontrolled_before_after":
        made["study"]["before_months"] = draw(st.sampled_from([[-12.0, 0.0], [-6.0, -1.0], [-24.0, -12.0]]))
        made["study"]["after_months"] = [0.0, follow_up]
    tolerance = made["worsening"]["tolerance_days"]
    months = made["visits"]["months"]
    made["lesions"]["scan_months"] = sorted(draw(st.sets(st.sampled_from(months), min_size=1)))
    scans = made["lesions"]["scan_months"] if made["lesions"]["enabled"] else []
    made["endpoint"] = draw(endpoints(design, months, follow_up, tolerance, scans))
    seen = draw(recruitment(made))
    draw(courses(made))
    draw(history(made, seen))
    if design == "prevalence_case_control":
        draw(prevalence(made))
    elif made["screening"]["enabled"] and made["enrolment"]["accrual"] == "uniform":
        made["screening"]["enabled"] = False
    if draw(ON_OFF):
        made["screening"]["venography"] = made["screening"]["ivus"] = False
    return made


@st.composite
def prevalence(draw: Draw, made: Tables) -> None:
    """Make of these tables a study of prevalence: two groups, no entry rule, no relapses."""
    for arm, group in zip(made["arm"], draw(st.permutations(["ms", "control"])), strict=True):
        arm["group"] = group
    made["screening"]["enabled"] = True
    made["eligibility"]["enabled"] = made["self_referral"]["enabled"] = False
    made["relapse"]["rate_per_year"] = 0.0
    veins = made["veins"]
    if any(veins[f"{v}_prob"] for v in ("left_ijv", "right_ijv", "azygos")) and draw(ON_OFF):
        made["screening"]["control_ccsvi_prob"] = draw(PROB)


@st.composite
def visit_months(draw: Draw, follow_up: float) -> list[float]:
    """Draw visits in rising order, the baseline first."""
    choices = [m for m in (0.01, 0.5, 1.0, 3.0, 6.0, 12.0, 18.0, 24.0, 36.0, follow_up) if m <= follow_up]
    return [0.0, *sorted(draw(st.sets(st.sampled_from(choices), max_size=5)))]


@st.composite
def attendance(draw: Draw, months: list[float]) -> Tables:
    """Draw how often visits are missed, and how far from their days they are: no two change places."""
    if draw(ON_OFF):
        return {"months": months}
    days = [m * DAYS_PER_MONTH for m in months]
    rooms = [(b - a) / (2.0 if a > 0.0 else 1.0) for a, b in itertools.pairwise(days)]
    widest = min(0.99 * min(rooms, default=100.0), 365.0)
    return {
        "months": months,
        "window_days": draw(mostly(0.0, spread(0.0, widest, min(7.0, widest)))),
        "missed_prob": draw(mostly(0.0, PROB)),
    }


@st.composite
def courses(draw: Draw, made: Tables) -> None:
    """Draw courses of the disease, which of them may enter and how many of each; endpoints of those who can."""
    sp, pp = draw(mostly((0.0, 0.0), st.sampled_from([(0.4, 0.0), (0.3, 0.3), (0.5, 0.5), (0.0, 0.7)])))
    made["course"] = draw(st.fixed_dictionaries(COURSE_NUMBERS)) | {"sp_prob": sp, "pp_prob": pp}
    shares = {"rr": 1.0 - sp - pp, "sp": sp, "pp": pp}
    there = [name for name, share in shares.items() if share > 0.0]
    rule, entry = made["eligibility"], made["enrolment"]
    rule["courses"] = draw(st.lists(st.sampled_from(there), min_size=1, max_size=3, unique=True))
    if rule["enabled"] and "rr" not in rule["courses"]:  # a rule that asks for relapses lets nobody in without any
        made["course"] |= {"sp_rate_ratio": 1.0, "pp_rate_ratio": 0.5}
    own = [name for name in there if not rule["enabled"] or name in rule["courses"]]
    made["endpoint"] = [e | {"course": draw(mostly("", st.sampled_from(own)))} for e in made["endpoint"]]
    if entry["accrual"] == "poisson" and entry["in_screening"] == "turn_away" and draw(ON_OFF):
        chosen = [draw(st.sampled_from(own)) for _ in range(entry["target"])]
        made["course"]["quota"] = [chosen.count(name) for name in shares]


@st.composite
def arms(draw: Draw, design: str) -> tuple[list[Tables], Tables]:
    """Draw the arms of a design, in any order and ratio, and how patients are allocated to them."""
    kinds = {
        "sham_parallel": ["angioplasty", "sham"],
        "sham_crossover": ["angioplasty", "sham"],
        "immediate_v_delayed": ["angioplasty", "angioplasty"],
        "three_arm": ["angioplasty", "sham", "none"],
        "open_label_parallel": ["angioplasty", draw(st.sampled_from(["sham", "none"]))],
        "historical_control": ["angioplasty", draw(st.sampled_from(["sham", "none"]))],
        "uncontrolled_before_after": [draw(st.sampled_from(["angioplasty", "sham", "none"]))],
        "prevalence_case_control": ["none", "none"],
    }[design]
    ratios = draw(st.lists(st.integers(1, 3), min_size=len(kinds), max_size=len(kinds)))
    order = draw(st.permutations(kinds))
    pairs = enumerate(zip(order, ratios, strict=True))
    made = [{"name": f"arm {k}", "procedure": kind, "ratio": ratio} for k, (kind, ratio) in pairs]
    kind = draw(st.sampled_from(KINDS))
    factors = st.lists(st.sampled_from(["site", "edss", "relapses"]), min_size=1, unique=True)
    allocation = {
        "kind": kind,
        "block_size": sum(ratios) * draw(st.integers(1, 3)),
        "factors": draw(factors) if kind in WITH_FACTORS else [],
        "edss_cut_points": draw(spread(0.0, 10.0, 3.0)),
        "relapses_cut": draw(st.sampled_from([1, 2, 3])),
        "minimisation_prob": draw(spread(max(ratios) / sum(ratios), 1.0)),
        "imbalance": draw(st.sampled_from(["range", "variance"])),
        "foreseen_prob": draw(PROB),
        "steering_prob": 0.0 if design in NOT_RANDOMISED else draw(PROB),
        "outlook_relapses": draw(st.sampled_from([0, 1, 2])),
    }
    return made, allocation


@st.composite
def strategies(draw: Draw, made: Tables, wait: float) -> None:
    """Draw procedure slots, delays and second procedures: both come after the `wait` months and within follow-up."""
    design, end = made["study"]["design"], made["study"]["follow_up_months"]
    made["slots"] = {
        "enabled": design not in NOT_RANDOMISED and draw(mostly(False, ON_OFF)),
        "per_site": draw(st.integers(1, 3)),
        "procedure_days": draw(spread(0.001, 365.0, 1.0, 10.0)),
    }
    if design in NOT_RANDOMISED or wait >= 0.9 * end:
        return
    for k, arm in enumerate(made["arm"]):
        late = design == "immediate_v_delayed" and k == 1
        if arm["procedure"] != "none" and (late or draw(mostly(False, ON_OFF))):
            arm["delay_months"] = (end - wait) * draw(st.sampled_from([0.25 if k else 0.125, 0.75 if k else 0.5]))
        first = wait + arm.get("delay_months", 0.0)
        if design == "sham_crossover" or draw(mostly(False, ON_OFF)):
            arm["then"] = draw(st.sampled_from(["sham", "angioplasty"]))
            arm["then_months"] = first + (end - first) * draw(st.sampled_from([0.25, 0.5, 1.0]))
            arm["then_open"] = draw(ON_OFF)


@st.composite
def endpoints(
    draw: Draw, design: str, months: list[float], follow_up: float, tolerance: float, scans: list[float]
) -> list[Tables]:
    """Draw one to four endpoints that suit the design, the visits and the scans."""
    if design == "prevalence_case_control":
        return [{"name": "ccsvi_odds_ratio"}]
    if design == "uncontrolled_before_after":
        names = [n for n in BEFORE_AFTER if not n.startswith(AT_VISITS) or follow_up in months]
        names = [n for n in names if n not in AT_SCANS or {0.0, follow_up} <= set(scans)]
    else:
        names = [n for n in PARALLEL if not n.endswith("_6m") or follow_up >= 6.0]
        names = [n for n in names if n not in CONFIRMED_AFTER or confirmable(months, CONFIRMED_AFTER[n], tolerance)]
        names = [n for n in names if not n.startswith(AT_VISITS) or 6.0 in months]
        names = [n for n in names if n.removesuffix("_6m") not in AT_SCANS or {0.0, 6.0} <= set(scans)]
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
        made["randomisation"]["steering_prob"] = 0.0
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
        groups = [(of_past, past), (of_today, count - past), (target, count)]
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
    if made["lesions"]["enabled"]:
        years = max(years, made["lesions"]["window_days"] / DAYS_PER_YEAR)
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
