"""Analytic evidence: confirmed worsening as hand-made courses, its definition and closed forms have it."""

from __future__ import annotations

import math

import numpy as np
import pytest

from sim.analysis.survival import first_relapse_estimates
from sim.analysis.trial import analyse
from sim.core.units import DAYS_PER_YEAR, months
from sim.data.cohort import Cohort, Counts, joined
from sim.data.worsening import first_worsening
from sim.engines.want import Want
from sim.engines.world import OBSERVED
from sim.model.disability import edss_grid
from sim.model.worsening import Worsening, WorseningPlan
from sim.study.play import Play
from sim.study.truth import Twins, find_truth
from sim.study.wanted import wanted
from tests.analytic.courses import COURSES, DAY_1, Course, found, lived, records
from tests.analytic.lives import OPEN
from tests.helpers import people, scenario, share_agrees

RULE = Worsening().plan()


# ---- by hand ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("course", COURSES, ids=[course.sentence for course in COURSES])
def test_a_course_by_hand(course: Course) -> None:
    """Each course has the first worsening, or the day of censoring, that its sentence tells of."""
    day, event = found(course)
    assert (round(day, 6), event) == course.answer


def test_patients_do_not_touch_each_other() -> None:
    """All courses of one rule, as one cohort and as several trials joined, answer as each does alone."""
    plain = [course for course in COURSES if not course.rule and course.weeks == 12.0]
    alone = [found(course) for course in plain]
    for cohort in (lived(plain), joined([lived(plain[:5]), lived([]), lived(plain[5:])])):
        days, events = first_worsening(cohort, RULE, 12.0, "confirmed")
        assert list(zip(days, events, strict=True)) == alone


@pytest.mark.parametrize(
    ("kind", "field", "missing", "day"),
    [
        ("confirmed", "confirmed_time", False, 168.0),
        ("confirmed", "confirmed_time", True, 84.0),
        ("reported", "confirmed_time", True, 168.0),
        ("reported", "reported_time", True, 84.0),
        ("true", "confirmed_time", True, 168.0),
    ],
)
def test_only_relapses_of_the_kind_matter(kind: Counts, field: str, missing: bool, day: float) -> None:
    """A relapse at day 60 keeps the worsening off day 84 if it is one of the kind that the rule names."""
    cohort = lived([Course("", [2, 3, 3, 3], (0, False), [60.0])])
    cohort.relapses[field] = math.nan if missing else cohort.relapses[field]
    days, _ = first_worsening(cohort, RULE, 12.0, kind)
    assert days[0] == pytest.approx(day)


def test_a_confirmed_pseudo_relapse_is_a_relapse_to_the_statistician_alone() -> None:
    """A pseudo-relapse that was confirmed keeps a worsening off where confirmed ones matter, not where true ones do."""
    cohort = lived([Course("", [2, 3, 3, 3], (0, False), [60.0])])
    cohort.relapses["pseudo"] = 1
    assert first_worsening(cohort, RULE, 12.0, "confirmed")[0][0] == pytest.approx(168.0)
    assert first_worsening(cohort, RULE, 12.0, "true")[0][0] == pytest.approx(84.0)


def test_latent_scores_are_put_on_the_grid() -> None:
    """Of latent scores the grid value counts: 2.2 is 2.0, from which 2.74 is no worsening and 2.75 is one."""
    scores = [[2.2, 2.74, 2.74, 2.74], [2.2, 2.75, 2.75, 2.75], [0.49, 1.24, 1.24, 1.24], [0.49, 1.25, 1.25, 1.25]]
    cohort = lived([Course("", own, (0, False)) for own in scores])
    cohort.visits["edss"] = 9.0
    _, events = first_worsening(cohort, RULE, 12.0, "true", "edss_latent")
    assert list(events) == [False, True, False, True]


# ---- by definition ------------------------------------------------------------------------------------------------


def by_definition(
    days: list[float], edss: list[float], onsets: list[float], rule: WorseningPlan, weeks: float
) -> float | None:
    """Give the first day on which a confirmed worsening begins, as quantifiers over examinations say it."""
    seen = range(len(days))
    least = 7.0 * weeks - rule.tolerance_days
    near = [any(0.0 <= t - onset <= rule.relapse_days for onset in onsets if onset > 0.0) for t in days]

    def late(a: int, b: int) -> bool:
        return days[b] - days[a] >= least

    def lasts(i: int) -> bool:
        return any(late(i, j) and all(edss[k] <= edss[i] for k in range(i, j + 1)) for j in seen if j > i)

    def worse(i: int, reference: float) -> bool:
        step = 1.5 if reference == 0.0 else (0.5 if reference >= rule.high_from else 1.0)
        return edss[i] - reference >= step

    for i in seen[1:]:
        lower = [edss[j] for j in range(1, i) if lasts(j)] if rule.roving else []
        reference = min([edss[0], *lower])
        ends = [j for j in seen if j > i and late(i, j) and not near[j]]
        if not near[i] and any(all(worse(k, reference) for k in range(i, j + 1)) for j in ends):
            return days[i]
    return None


@pytest.mark.parametrize("weeks", [12.0, 24.0])
@pytest.mark.parametrize("reference", ["baseline", "roving"])
def test_random_courses_follow_the_definition(reference: str, weeks: float) -> None:
    """On 1,500 random courses with relapses, whole days apart, first worsenings are those of the definition."""
    rng = np.random.default_rng(int(weeks))
    rule = Worsening(reference="roving" if reference == "roving" else "baseline", high_from_points=6.0).plan()
    courses, expected = [], []
    for _ in range(1500):
        days = [0.0, *np.cumsum(rng.choice([30, 42, 76, 77, 84, 91, 168], int(rng.integers(1, 9)))).tolist()]
        level = np.cumsum(rng.choice([-1.0, -0.5, 0.0, 0.0, 0.0, 0.5, 1.0, 1.5], len(days))) + rng.integers(0, 7)
        edss = [edss_grid(x) for x in level.tolist()]
        onsets = (rng.choice(days, int(rng.integers(0, 3))) - rng.choice([-1, 0, 12, 30, 31])).tolist()
        courses.append(Course("", edss, (0, False), onsets, days))
        expected.append(by_definition(days, edss, onsets, rule, weeks))
    days_found, events = first_worsening(lived(courses), rule, weeks, "confirmed")
    made = [float(d) if e else None for d, e in zip(days_found, events, strict=True)]
    assert made == pytest.approx(expected)
    assert 200 < int(events.sum()) < 1300


# ---- in closed form -----------------------------------------------------------------------------------------------

MEAN = 0.5  # EDSS points a year
STEADY = OPEN | {
    "enrolment.screening_days": 0.0,
    "relapse": {"rate_per_year": 0.0, "history_years": 3.0},
    "disability": {
        "baseline_median_points": 2.2,
        "baseline_log_sd": 0.0,
        "slope_points_per_year": MEAN,
        "rater_sd_points": 0.0,
        "examination_sd_points": 0.0,
        "tail_prob": 0.0,
        "rater_lean_points": 0.0,
    },
    "visits.months": [0.0, 3.0, 6.0, 9.0, 12.0, 15.0, 18.0, 21.0, 24.0],
    "endpoint": [{"name": "cdp_12w"}, {"name": "cdp_24w"}],
    "study.primary": "",
}
OPEN_VEINS = {"left_ijv_prob": 1.0, "success_prob": 1.0, "wait_days": 0.0, "wait_mean_days": 0.0} | {
    f"{vein}_restenosis_18m_prob": 0.0 for vein in ("ijv", "azygos")
}


def begun_by(month: float, mean: float) -> float:
    """Give the probability that a steady course from 2.2 has come to 2.75, which is examined as 3.0, by a month."""
    return math.exp(-(2.75 - 2.2) / (mean * months(month) / DAYS_PER_YEAR))


@pytest.mark.parametrize(("weeks", "last"), [(12.0, 21.0), (24.0, 18.0)])
def test_steady_courses_in_closed_form(weeks: float, last: float) -> None:
    """With slopes that are exponential and nothing else, first worsenings have their closed-form distribution.

    Whoever has got worse stays so, so each is confirmed, but those seen first after the last visit that can be.
    """
    cohort = people("sham_rct", STEADY | {"effect.enabled": False})
    days, events = first_worsening(cohort, RULE, weeks, "confirmed")
    assert days[~events] == pytest.approx(months(last))
    for month in (6.0, 12.0, last):
        share_agrees(events & (days < months(month) + 1.0), begun_by(month, MEAN), 0.08)
    share_agrees(events, begun_by(last, MEAN), 0.08)


def test_the_truth_reads_latent_scores_in_potential_worlds() -> None:
    """With raters who err grossly, the twins' times are still those of latent scores, in each world's closed form."""
    rough = {f"disability.{key}": 2.0 for key in ("rater_sd_points", "examination_sd_points", "rater_lean_points")}
    effect = {"effect": {"enabled": True, "rate_ratio": 1.0, "slope_ratio": 0.5}, "veins": OPEN_VEINS}
    steady = {f"disability.{key}": value for key, value in STEADY["disability"].items()}  # type: ignore[attr-defined]
    rest = {key: value for key, value in STEADY.items() if key != "disability"}
    asked = scenario(
        "sham_rct", rest | steady | rough | effect | {"dropout": {"enabled": True, "hazard_per_year": 2.0}}
    )
    _, times = Twins(Play(asked, 7, "compiled"))(0)
    for number, last in ((0, 21.0), (1, 18.0)):
        for (days, events), mean in zip(times[number, 0], (0.5 * MEAN, MEAN), strict=True):
            assert len(days) == asked.enrolment.target
            share_agrees(events, begun_by(last, mean), 0.08)
            share_agrees(events & (days < months(12.0) + 1.0), begun_by(12.0, mean), 0.08)


def test_the_truth_is_the_hazard_ratio_of_the_pooled_twins() -> None:
    """The truth of cdp_12w is the Cox log hazard ratio of all twins' times together; without an effect it is 0."""
    asked = scenario(
        "sham_rct",
        {"enrolment.target": 60, "effect.slope_ratio": 0.2, "endpoint": [{"name": "cdp_12w"}], "study.primary": ""},
    )
    _, times = Twins(Play(asked, 20090101, "compiled"))(0)
    (treated, control) = times[0, 0]
    days, events = (np.concatenate([treated[k], control[k]]) for k in (0, 1))
    arm = np.arange(len(days)) < len(treated[0])
    (truth,) = find_truth(asked, trials=1)
    assert truth.value == first_relapse_estimates(days, events, arm, np.array([0, len(days)]))[0].value
    (nothing,) = find_truth(scenario("null", {"endpoint": [{"name": "cdp_12w"}], "study.primary": ""}), trials=1)
    assert nothing.value == 0.0


# ---- the endpoint of a scenario -----------------------------------------------------------------------------------


def two_arms() -> Cohort:
    """Eight patients: worse, not worse, seen too little, in both arms."""
    subjects = np.zeros(8, lived([]).subjects.dtype)
    subjects["arrival"] = subjects["entry_number"] = np.arange(8)
    subjects["arm"], subjects["day_1"] = np.arange(8) % 2, DAY_1
    lasts = [7, 7, 7, 7, 5, 5, 1, 2]
    rises = [2, 4, 9, 9, 9, 3, 9, 9]
    visits = [
        (patient, k, DAY_1 + 91.3125 * k, 3.0 if k >= rises[patient] else 2.0)
        for patient in range(8)
        for k in range(lasts[patient])
    ]
    return records(subjects, visits, [])


def test_the_endpoint_is_log_rank_and_cox_of_the_times() -> None:
    """A scenario's cdp_12w leaves out who has no time at risk and answers with Cox and log-rank of the others."""
    asked = scenario("sham_rct", {"endpoint": [{"name": "cdp_12w"}, {"name": "cdp_24w"}], "study.primary": ""})
    cohort = two_arms()
    treated = cohort.subjects["arm"] == [a.procedure for a in asked.arm].index("angioplasty")
    for estimates, weeks, n in zip(analyse(asked, cohort), (12.0, 24.0), (6, 6), strict=True):
        days, events = first_worsening(cohort, RULE, weeks, "confirmed")
        kept = days > 0.0
        assert estimates[0] == first_relapse_estimates(days[kept], events[kept], treated[kept], np.array([0, n]))[0]
        assert (estimates[0].n, len(estimates)) == (n, 1)


def test_the_rule_of_the_scenario_is_the_one_applied() -> None:
    """Keys of [worsening] reach the analysis: a step that nobody takes leaves no event."""
    name = {"endpoint": [{"name": "cdp_12w"}], "study.primary": ""}
    usual, (found_usual,) = scenario("sham_rct", name), analyse(scenario("sham_rct", name), two_arms())
    (found_strict,) = analyse(scenario("sham_rct", name | {"worsening.low_step_points": 2.0}), two_arms())
    assert usual.worsening == Worsening()
    assert (found_usual[0].outcome, found_strict[0].outcome) == ("ok", "no_events")


def test_what_is_asked_of_an_engine() -> None:
    """cdp asks for every visit and for the rule's relapses, all of them; sham_rct as shipped asks for what it did."""
    name = {"endpoint": [{"name": "cdp_24w", "counts": "true"}], "study.primary": ""}
    every = tuple(range(9))
    usual = Want(frozenset(["confirmed"]), every, past=False, first=False, scores=frozenset())
    asked = usual._replace(surveillance=False, guesses=False)
    assert wanted(scenario("sham_rct", name)) == asked
    apart = scenario("sham_rct", name | {"worsening.relapse_days": 0.0})
    assert wanted(apart) == asked._replace(counts=frozenset())
    shipped = asked._replace(counts=frozenset(["confirmed", "reported"]), visits=(0, 8))
    assert wanted(scenario("sham_rct")) == shipped


def test_who_asks_for_less_gets_the_same_times() -> None:
    """Asked for cdp alone, the compiled engine gives the times of the full records, in whichever order rows come."""
    asked = scenario("sham_rct", {"enrolment.target": 24, "endpoint": [{"name": "cdp_12w"}], "study.primary": ""})
    play = Play(asked, 11, "compiled")
    less = play.cohorts(range(3), OBSERVED, wanted(asked))
    whole = joined([people("sham_rct", {"enrolment.target": 24}, trial=k, seed=11) for k in range(3)])
    for a, b in zip(*(first_worsening(c, RULE, 12.0, "confirmed") for c in (less, whole)), strict=True):
        assert a.tobytes() == b.tobytes()
