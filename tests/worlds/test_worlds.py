"""Worlds evidence: two worlds that differ in one thing differ in what that thing can reach, and in nothing else.

Each test plays two worlds with one seed and says exactly which events, and which fields of which tables, may change; it
also asserts that they do change, so that a switch without effect can't pass. Comparisons are of bits, not of numbers
within a tolerance: draws have addresses, so what is not touched is the same double.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from sim.core.events import Kind
from sim.core.units import DAYS_PER_MONTH
from sim.engines.records import TrialRecords
from sim.engines.world import World
from sim.model.eligibility import FAILS_RECENT, FAILS_RELAPSES, FAILS_STENOSIS, TURNED_AWAY
from sim.model.quality import Quality
from sim.model.veins import ANGIOPLASTY, SHAM
from tests.helpers import (
    EventRow,
    address,
    changed_fields,
    changed_kinds,
    difference,
    event_rows,
    kinds,
    of_kind,
    people,
    play,
)
from tests.worlds.cohorts import (
    COURSE,
    FIXED,
    OPEN_LABEL,
    RECRUITING,
    fields,
    of_patients,
    off,
    pair,
    same_people,
    without_values,
    words,
)

# ---- the same world -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("base", [FIXED, RECRUITING], ids=["fixed", "recruiting"])
def test_the_same_world_is_the_same(base: dict[str, object]) -> None:
    """Playing again, with a parameter written differently (1.0 as 1), gives every bit again; another seed does not."""
    first = play("sham_rct", base)
    again = play("sham_rct", base | {"effect.slope_ratio": 1})
    assert not changed_kinds(first, again)
    assert not fields(first, again)
    other = play("sham_rct", base, seed=2)
    assert not np.array_equal(first.subjects["frailty"][:50], other.subjects["frailty"][:50])
    assert play("sham_rct", base, trial=1).subjects["frailty"][0] != first.subjects["frailty"][0]


def test_a_trial_does_not_know_which_trials_were_played_before() -> None:
    """Trial 7 alone is trial 7 after others: nothing is left over between trials."""
    alone = play("sham_rct", RECRUITING, trial=7, seed=11)
    for trial in (3, 8):
        play("sham_rct", RECRUITING, trial=trial, seed=11)
    again = play("sham_rct", RECRUITING | {"effect.slope_ratio": 1}, trial=7, seed=11)
    assert not changed_kinds(alone, again)
    assert not fields(alone, again)


# ---- (a, b) the effect --------------------------------------------------------------------------------------------


def onsets(records: TrialRecords, arm: int) -> set[EventRow]:
    """Give the relapses of one arm's patients, as they stand in the log."""
    s = records.subjects
    return of_patients(
        {r for r in event_rows(records) if r[1] == Kind.RELAPSE}, set(words(s)[s["arm"] == arm].tolist())
    )


@pytest.mark.parametrize("ratio", [0.3, 0.8])
def test_an_effect_removes_relapses_and_moves_none(ratio: float) -> None:
    """With a ratio below 1 the treated arm's onsets are a true subset of those without effect, at identical times."""
    none, some = pair(FIXED | {"effect.rate_ratio": 1.0}, FIXED | {"effect.rate_ratio": ratio})
    assert onsets(some, 1) < onsets(none, 1)
    assert onsets(some, 0) == onsets(none, 0)
    assert changed_kinds(none, some) <= COURSE


@pytest.mark.parametrize("ratio", [1.5, 3.5])
def test_harm_only_adds_relapses(ratio: float) -> None:
    """With a ratio above 1, several layers up, the treated arm keeps every onset and gains some."""
    none, some = pair(FIXED | {"effect.rate_ratio": 1.0}, FIXED | {"effect.rate_ratio": ratio})
    assert onsets(some, 1) > onsets(none, 1)
    assert onsets(some, 0) == onsets(none, 0)


def test_a_stronger_effect_removes_more() -> None:
    """Onsets are nested along the effect: each stronger one keeps a subset of what the weaker keeps."""
    worlds = [onsets(play("sham_rct", FIXED | {"effect.rate_ratio": r}), 1) for r in (3.0, 1.2, 1.0, 0.9, 0.5, 0.1)]
    for weaker, stronger in pairwise(worlds):
        assert stronger < weaker


def test_the_sham_arm_does_not_notice_the_effect() -> None:
    """In the sham arm every event, visit, relapse and vein is bit-identical, whatever angioplasty does."""
    effects = {"rate_ratio": 0.3, "slope_ratio": 0.2, "msqol_points": 10.0}
    none, some = pair(FIXED | {"effect.enabled": False}, FIXED | {"effect": effects})
    sham = set(words(none.subjects)[none.subjects["arm"] == 0].tolist())
    assert of_patients(event_rows(none), sham) == of_patients(event_rows(some), sham)
    for table in ("subjects", "relapses", "visits", "veins", "procedures"):
        a, b = getattr(none, table), getattr(some, table)
        assert not changed_fields(a[np.isin(words(a), list(sham))], b[np.isin(words(b), list(sham))])


def test_slope_and_quality_effects_touch_what_they_name() -> None:
    """A slope ratio moves EDSS, and MSFC and quality, which follow; a gain moves its composite alone, while patent."""
    none = play("sham_rct", FIXED | {"effect.enabled": False})
    slope = play("sham_rct", FIXED | {"effect": {"rate_ratio": 1.0, "slope_ratio": 0.1}})
    assert changed_kinds(none, slope) == {Kind.VISIT}
    assert fields(none, slope) == {
        "visits": {"edss", "edss_latent", "msfc", "msfc_latent", "quality", "quality_latent", "mental", "mental_latent"}
    }
    gain = play("sham_rct", FIXED | {"effect": {"rate_ratio": 1.0, "msqol_points": 5.0}})
    assert not changed_kinds(none, gain)
    assert fields(none, gain) == {"visits": {"quality", "quality_latent"}}
    a, b = none.visits, gain.visits
    moved = a["quality_latent"] != b["quality_latent"]
    assert (a["patency"][moved] > 0.0).all()
    assert np.allclose((b["quality_latent"] - a["quality_latent"])[moved], 5.0 * a["patency"][moved], rtol=1e-9)
    mental = play("sham_rct", FIXED | {"effect": {"rate_ratio": 1.0, "msqol_mental_points": 5.0}})
    assert not changed_kinds(none, mental)
    assert fields(none, mental) == {"visits": {"mental", "mental_latent"}}


# ---- (c) the switches ---------------------------------------------------------------------------------------------


def test_switch_effect() -> None:
    """`effect` off changes the course of treated patients, exactly as a ratio of 1 does; veins and addresses stay."""
    on, without = pair(FIXED, off("effect", FIXED))
    assert changed_kinds(on, without) == COURSE
    assert onsets(on, 1) < onsets(without, 1)
    assert not changed_kinds(without, play("sham_rct", FIXED | {"effect.rate_ratio": 1.0}))
    assert set(fields(on, without)) == {"relapses", "visits"}  # subjects, veins and procedures are bit-identical


def test_switch_decline() -> None:
    """`decline` off leaves all up to screening as it was, and after it only adds relapses, with what follows them."""
    on, level = pair(FIXED, off("decline", FIXED))
    gone, new = difference(on, level)
    assert kinds(gone) | kinds(new) == COURSE
    assert Kind.RELAPSE not in kinds(gone)
    assert Kind.RELAPSE in kinds(new)
    first = dict(zip(words(on.subjects).tolist(), on.subjects["screening_time"].tolist(), strict=True))
    assert all(row[0] > first[row[2]] for row in gone | new)
    assert set(fields(on, level)) == {"relapses", "visits"}


def test_switch_placebo() -> None:
    """`placebo` off changes quality of life at visits, never for the better, and no event."""
    on, without = pair(FIXED, off("placebo", FIXED))
    assert not changed_kinds(on, without)
    assert fields(on, without) == {"visits": {"quality", "quality_latent", "mental", "mental_latent"}}
    shipped = Quality()
    assert shipped.mental.placebo_peak_points > 0.0
    for score, peak in (("quality", 5.0), ("mental", shipped.mental.placebo_peak_points)):
        _placebo_is_gone(on, without, score, peak)


def _placebo_is_gone(on: TrialRecords, without: TrialRecords, score: str, peak: float) -> None:
    """Assert that one world's score is the other's and the placebo curve more, after the procedure and never before."""
    assert (on.visits[f"{score}_latent"] >= without.visits[f"{score}_latent"]).all()
    onset, decay = 30.0, 36.0 * DAYS_PER_MONTH
    treated = dict(zip(words(on.subjects).tolist(), on.subjects["procedure_time"].tolist(), strict=True))
    days = np.maximum(on.visits["time"] - np.array([treated[w] for w in words(on.visits).tolist()]), 0.0)
    curve = on.visits["belief_patient"] * peak * -np.expm1(-days / onset) * np.exp(-days / decay)
    gain = on.visits[f"{score}_latent"] - without.visits[f"{score}_latent"]
    assert np.allclose(gain, curve, rtol=0.0, atol=1e-12)  # points of a score up to 100: rounding
    base = on.visits["visit"] == 0
    assert np.array_equal(on.visits[score][base], without.visits[score][base])  # nothing before the procedure


def test_switch_rater_bias() -> None:
    """`rater_bias` off raises EDSS and lowers MSFC as written down, adds confirmations, and moves no true score."""
    on, without = pair(FIXED, off("rater_bias", FIXED))
    gone, new = difference(on, without)
    assert kinds(gone) == {Kind.VISIT}
    assert kinds(new) == {Kind.VISIT, Kind.RELAPSE_CONFIRMED}
    assert without_values(gone) == {r[:4] for r in new if r[1] == Kind.VISIT}  # the same visits, other values
    assert fields(on, without) == {"visits": {"edss", "msfc"}, "relapses": {"confirmed_time"}}
    assert (without.visits["edss"] >= on.visits["edss"]).all()
    assert (without.visits["msfc"] <= on.visits["msfc"]).all()


def test_switch_practice() -> None:
    """`practice` off takes 0.3 * (1 - e^-n) off the MSFC after n earlier visits, and nothing else, and no event."""
    on, without = pair(FIXED, off("practice", FIXED))
    assert not changed_kinds(on, without)
    assert fields(on, without) == {"visits": {"msfc"}}
    earlier = on.visits["visit"]
    gain = on.visits["msfc"] - without.visits["msfc"]
    assert np.allclose(gain, -0.3 * np.expm1(-earlier), rtol=0.0, atol=1e-14)  # z-scores of some units: rounding
    assert np.array_equal(on.visits["msfc"][earlier == 0], without.visits["msfc"][earlier == 0])


def test_switch_under_reporting() -> None:
    """`under_reporting` off: no pseudo-relapse, what was kept silent is reported, and nothing true changes."""
    on, without = pair(FIXED, off("under_reporting", FIXED))
    gone, new = difference(on, without)
    assert kinds(gone) == {Kind.PSEUDO_RELAPSE, Kind.RELAPSE_REPORTED, Kind.RELAPSE_CONFIRMED}
    assert {r[4] for r in gone} == {0.0}  # all of them pseudo-relapses
    assert kinds(new) == {Kind.RELAPSE_REPORTED, Kind.RELAPSE_CONFIRMED}
    assert {r[4] for r in new} == {1.0}
    assert not len(of_kind(without, Kind.PSEUDO_RELAPSE))
    assert set(fields(on, without)) == {"relapses"}


def test_switch_under_reporting_moves_medication_by_way_of_reports() -> None:
    """With medication on, reports start it: the same switch then reaches the true course, and still no other event."""
    with_drugs = FIXED | {"medication": {"enabled": True, "start_prob": 0.5, "rate_ratio": 0.2}}
    on, without = pair(with_drugs, off("under_reporting", with_drugs))
    changed = changed_kinds(on, without)
    assert changed >= {Kind.PSEUDO_RELAPSE, Kind.MEDICATION_START, Kind.RELAPSE}
    assert changed <= COURSE | {Kind.PSEUDO_RELAPSE, Kind.MEDICATION_START}
    assert fields(on, without)["subjects"] == {"medication_time"}
    assert "edss_latent" in fields(on, without)["visits"]


def test_switch_recall_in_a_fixed_cohort() -> None:
    """`recall` off changes what is recalled at screening, and nothing that is."""
    on, without = pair(FIXED, off("recall", FIXED))
    gone, new = difference(on, without)
    assert kinds(gone) == kinds(new) == {Kind.SCREENED}
    assert without_values(gone) == without_values(new)
    assert fields(on, without) == {"subjects": {"recalled_1y", "recalled_2y"}, "relapses": {"recalled_onset"}}


def entry_changes_only_who_enters(a: TrialRecords, b: TrialRecords) -> tuple[set[int], set[int]]:
    """Assert that both worlds screened the same people at the same times, and whoever entered both lived the same.

    The number in ENROLLED counts all who entered so far, so it may differ; give those who entered only `a`, only `b`.
    """
    assert [of_kind(r, Kind.ENROLMENT_CLOSED)["time"].tolist() for r in (a, b)] == [[500.0], [500.0]]
    assert np.array_equal(words(a.subjects), words(b.subjects))
    same_people(a, b)
    for field in ("screening_time", "screening_edss", "active_at_screening"):
        assert np.array_equal(a.subjects[field], b.subjects[field])
    in_a, in_b = (set(words(r.subjects)[r.subjects["entry_number"] >= 0].tolist()) for r in (a, b))
    both = in_a & in_b
    assert len(both) >= 50
    counted = {Kind.ENROLLED, Kind.SCREENED}  # values: entered so far, recalled relapses
    left, right = (of_patients(event_rows(r), both) for r in (a, b))
    assert kinds(left ^ right) <= counted
    assert without_values(left) == without_values(right)
    return in_a - in_b, in_b - in_a


def test_switch_recall_may_change_who_enters() -> None:
    """With an entry rule, `recall` off changes who enters, both ways, and not the life of anyone who enters anyway."""
    only_on, only_off = entry_changes_only_who_enters(*pair(RECRUITING, off("recall", RECRUITING)))
    assert only_on
    assert only_off


def test_switch_selection() -> None:
    """`selection` off: the same are screened, all who entered still do, and nobody fails for relapses any more."""
    on, without = pair(RECRUITING, off("selection", RECRUITING))
    only_on, only_off = entry_changes_only_who_enters(on, without)
    assert not only_on
    assert only_off
    asked = {FAILS_RELAPSES, FAILS_RECENT}
    assert asked < set(on.subjects["reason"].tolist())
    assert not asked & set(without.subjects["reason"].tolist())
    # who failed for relapses enters, or fails for what would have been asked next, or is there too late
    then = without.subjects["reason"][np.isin(on.subjects["reason"], list(asked))]
    assert set(then.tolist()) == {0, FAILS_STENOSIS, TURNED_AWAY}
    others = ~np.isin(on.subjects["reason"], list(asked))
    assert np.array_equal(on.subjects["reason"][others], without.subjects["reason"][others])


def test_switch_self_referral() -> None:
    """`self_referral` off: the same possible candidates at the same times; fewer come, and those are as they were."""
    referred = RECRUITING | {"self_referral": {"enabled": True, "weight": 3.0, "window_days": 90.0}}
    on, without = pair(referred, off("self_referral", referred))
    first = min(of_kind(r, Kind.ENROLMENT_CLOSED)["time"][0] for r in (on, without))
    on_rows, off_rows = (r.subjects[r.subjects["screening_time"] < first] for r in (on, without))
    assert address(off_rows) < address(on_rows)
    _, i, j = np.intersect1d(words(on_rows), words(off_rows), return_indices=True)
    for field in ("screening_time", "screening_edss", "recalled_1y", "recalled_2y", "reason", "frailty", "edss_latent"):
        assert np.array_equal(on_rows[i][field], off_rows[j][field]), field


def test_self_referral_brings_those_with_a_recent_relapse() -> None:
    """On, over off: whoever is added had a relapse in the 90 days before screening."""
    referred = RECRUITING | {"self_referral": {"enabled": True, "weight": 3.0, "window_days": 90.0}}
    on, without = pair(referred, off("self_referral", referred))
    first = min(of_kind(r, Kind.ENROLMENT_CLOSED)["time"][0] for r in (on, without))
    kept = set(words(without.subjects).tolist())
    screened = zip(words(on.subjects).tolist(), on.subjects["screening_time"].tolist(), strict=True)
    added = {word: time for word, time in screened if time < first and word not in kept}
    assert len(added) >= 20
    last = dict.fromkeys(added, -np.inf)
    for row in event_rows(on):
        if row[1] == Kind.RELAPSE and row[2] in added and row[0] <= added[row[2]]:
            last[row[2]] = row[0]
    assert all(added[word] - last[word] <= 90.0 for word in added)


def test_switch_medication() -> None:
    """`medication` off: nobody starts it, and relapses are only added (no refractory time), with what follows them."""
    with_drugs = FIXED | {"medication": {"enabled": True, "start_prob": 0.5, "rate_ratio": 0.2}}
    on, without = pair(with_drugs, off("medication", with_drugs))
    gone, new = difference(on, without)
    assert len(of_kind(on, Kind.MEDICATION_START)) >= 20
    assert not len(of_kind(without, Kind.MEDICATION_START))
    assert Kind.RELAPSE not in kinds(gone)
    assert Kind.RELAPSE in kinds(new)
    # SCREENED: those who started before screening have fewer relapses to recall, or to be examined in
    assert kinds(gone) | kinds(new) == COURSE | {Kind.MEDICATION_START, Kind.SCREENED}
    assert fields(on, without)["subjects"] == {"medication_time", "recalled_1y", "recalled_2y", "screening_edss"}
    assert not changed_kinds(without, play("sham_rct", FIXED))  # the same as the mechanism not being there


def test_switch_unblinded_doppler() -> None:
    """`unblinded_doppler` off: the same people with the same veins; only criteria change, and in MS alone go away."""
    study = {"screening": {"reader": "unblinded", "reader_lean_logits": 1.0}}
    on, without = (
        play("published/blind_prevalence_2013", study | {"switches.unblinded_doppler": s}) for s in (True, False)
    )
    gone, new = difference(on, without)
    assert kinds(gone) == kinds(new) == {Kind.DOPPLER}
    assert without_values(gone) == without_values(new)
    assert fields(on, without) == {"subjects": {"doppler_criteria"}}
    more = on.subjects["doppler_criteria"] - without.subjects["doppler_criteria"]
    assert (more >= 0).all()
    assert (more[on.subjects["arm"] == 1] == 0).all()
    blinded = play("published/blind_prevalence_2013")
    assert not changed_kinds(blinded, without)


def test_screening_of_veins_changes_only_who_enters() -> None:
    """Switched on, veins are looked at and negatives kept out; whoever enters in both worlds lives the same."""
    veins = {"veins": {"left_ijv_prob": 0.5, "right_ijv_prob": 0.3}}
    without = play("sham_rct", RECRUITING | veins)
    on = play("sham_rct", RECRUITING | veins | {"screening.enabled": True})
    assert np.array_equal(words(on.subjects), words(without.subjects))
    in_on, in_without = (set(words(r.subjects)[r.subjects["entry_number"] >= 0].tolist()) for r in (on, without))
    assert in_on < in_without
    left, right = (of_patients(event_rows(r), in_on) for r in (on, without))
    assert kinds(left ^ right) == {Kind.DOPPLER, Kind.VENOGRAPHY, Kind.ENROLLED}
    assert without_values({r for r in left if r[1] == Kind.ENROLLED}) == without_values(
        {r for r in right if r[1] == Kind.ENROLLED}
    )
    found = {Kind.DOPPLER, Kind.VENOGRAPHY, Kind.IVUS, Kind.SCREEN_FAILURE, Kind.TURNED_AWAY, Kind.ENROLLED}
    outside = of_patients(event_rows(on), set(words(on.subjects).tolist()) - in_without)
    before = of_patients(event_rows(without), set(words(on.subjects).tolist()) - in_without)
    assert kinds(outside ^ before) <= found


def test_switch_attrition() -> None:
    """(d) `attrition` off: nobody drops out, everything before a dropout is identical, and life goes on after it."""
    waiting = FIXED | {"veins": {"wait_days": 90.0, "success_prob": 0.95}}
    on, stay = pair(waiting, off("attrition", waiting))
    assert len(of_kind(on, Kind.DROPOUT)) >= 20
    assert not len(of_kind(stay, Kind.DROPOUT))
    gone, new = difference(on, stay)
    assert kinds(gone) == {Kind.DROPOUT}
    left_at = {row[2]: row[0] for row in gone}
    assert all(row[0] > left_at[row[2]] for row in new)
    assert {Kind.END_OF_STUDY, Kind.VISIT, Kind.RELAPSE} <= kinds(new)
    # who leaves in the three months before the procedure is not treated
    early = on.subjects["end_time"] < on.subjects["procedure_time"]
    assert early.any()
    left = {"end_time", "dropped_out", "dropout_reason"}
    changed = left | {"treated_veins", "opened_veins", "restenosis_time"}
    assert changed_fields(on.subjects, stay.subjects) == changed
    assert changed_fields(on.subjects[~early], stay.subjects[~early]) == left | {"restenosis_time"}


def test_those_who_know_they_were_not_treated_leave_earlier() -> None:
    """Open label, hazard ratio 3 for the untreated: whoever leaves in both worlds leaves in a third of the time."""
    sham, treated = (
        people("sham_rct", FIXED | OPEN_LABEL, world=World(procedure=float(p))).subjects for p in (SHAM, ANGIOPLASTY)
    )
    both = (sham["dropped_out"] == 1) & (treated["dropped_out"] == 1)
    assert both.sum() >= 20
    assert (sham["dropped_out"] >= treated["dropped_out"]).all()
    stay = [subjects["end_time"][both] - subjects["day_1"][both] for subjects in (sham, treated)]
    wait = sham["procedure_time"][both] - sham["day_1"][both]
    waiting = stay[1] <= wait
    assert np.array_equal(stay[0][waiting], stay[1][waiting])  # nothing to believe yet
    after = [(days - wait)[~waiting] for days in stay]
    assert np.allclose(3.0 * after[0], after[1], rtol=1e-9)


def test_attrition_off_is_the_world_without_attrition() -> None:
    """The switch, and a world that keeps everyone, are the same world."""
    switched = play("sham_rct", off("attrition", FIXED))
    world = play("sham_rct", FIXED, world=World(attrition=0.0))
    assert not changed_kinds(switched, world)
    assert not fields(switched, world)
