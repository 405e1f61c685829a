"""Twin evidence for studies: who asks for less, or for many trials at once, gets the answers of the whole record."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import count
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import sim
from sim.core.errors import RunError
from sim.data.cohort import Cohort, Counts, at_visit, cohort, first_event, joined, window
from sim.engines.compiled import run
from sim.engines.compiled.layout import OWN_RELAPSE, OWN_VISIT, PERSON, SEEN_RELAPSE, SEEN_VISIT, STATE
from sim.engines.compiled.wants import demand
from sim.engines.records import EVENT, PROCEDURE, Batch, unlike
from sim.engines.want import EVERYTHING, FURTHER, Want
from sim.engines.world import OBSERVED, World, potential
from sim.scenario.plan import make_plan
from sim.scenario.schema import Scenario
from sim.study.play import Play
from sim.study.power import power
from sim.study.tally import Analyse
from sim.study.wanted import wanted
from tests.helpers import Overrides, scenario, twins
from tests.twin.drawn import Tables, checked, seeds, tables, worlds
from tests.twin.test_twins import DRAWN

SMALL = {"enrolment.target": 12}
WINDOWS = ((0.0, 6.0), (0.0, 24.0), (6.0, 18.0), (3.0, 3.5))
PAST_WINDOWS = ((-12.0, 0.0), (-24.0, -12.0), (-6.0, -1.0))
ALWAYS_SEEN = ("edss", "quality")

TRUE, REPORTED, CONFIRMED, ALL = (
    frozenset(c) for c in (["true"], ["reported"], ["confirmed"], ["true", "reported", "confirmed", "recalled"])
)
WANTS = (
    EVERYTHING,
    Want(TRUE, (), past=False),
    Want(TRUE, (), past=False, first=True),
    Want(REPORTED, (), past=False),
    Want(CONFIRMED, (0,), past=False),
    Want(TRUE | CONFIRMED, (0, 2), past=False),
    Want(frozenset(), (0, 1), past=False),
    Want(frozenset(), None, past=False),
    Want(frozenset(["true", "recalled"]), (), past=True),
    Want(ALL, (1,), past=True),
    Want(frozenset(), (), past=False),
    Want(frozenset(), (0, 2), past=False, scores=frozenset()),
    Want(TRUE, (1,), past=False, scores=frozenset(["msfc"])),
    Want(frozenset(), (0, 1), past=False, scores=frozenset(["mental"])),
    Want(TRUE, (), past=False, guesses=False),
    Want(CONFIRMED, (1,), past=False, guesses=False),
)


def kinds(want: Want) -> list[Counts]:
    """Give the kinds of relapses that are wanted."""
    return [kind for kind in get_args(Counts) if kind in want.counts]


def answers(people: Cohort, want: Want, visits: int) -> dict[str, bytes]:
    """Give the bytes of all that was wanted of a cohort, each under its name."""
    found = {"first": people.first.astype("i8").tobytes()}
    found |= {name: people.subjects[name].tobytes() for name in PERSON.names or ()}
    if want.guesses and people.guesses.size:
        found["guesses"] = people.guesses.tobytes()
    for kind in kinds(want):
        for start, end in (*WINDOWS, *(PAST_WINDOWS if want.past else ())):
            for planned in (False, True):
                seen = window(people, kind, start, end, planned)
                counts = np.minimum(seen.counts, 1.0) if want.first else seen.counts
                if not want.first or start == 0.0:
                    found[f"{kind} {(start, end)} {planned}"] = counts.tobytes() + seen.years.tobytes()
        if kind != "recalled":
            days, event = first_event(people, kind)
            found[f"first {kind}"] = days.tobytes() + event.tobytes()
    for visit in range(visits) if want.visits is None else want.visits:
        found[f"time at {visit}"] = at_visit(people, "time", visit).tobytes()
        for field in (*ALWAYS_SEEN, *want.scores):
            for name in (field, f"{field}_latent"):
                found[f"{name} at {visit}"] = at_visit(people, name, visit).tobytes()
    return found


def alike(given: Scenario, seed: int, trials: Sequence[int], world: World, want: Want, whole: Cohort) -> None:
    """Assert that a cohort of these trials, asked for by `want`, holds what the whole records hold."""
    ours = Play(given, seed, "compiled").cohorts(trials, world, want)
    visits = len(given.visits.months)
    a, b = answers(ours, want, visits), answers(whole, want, visits)
    if not given.belief.guesses:  # nobody is asked: a full record says so, a batch has nothing
        a.pop("guesses", None)
        b.pop("guesses", None)
    assert [name for name in b if a[name] != b[name]] == []


def whole_records(given: Scenario, seed: int, trials: Sequence[int], world: World = OBSERVED) -> Cohort:
    """Give the cohort of the full records of these trials, played in both engines."""
    plan = make_plan(given)
    return joined([cohort(twins(plan, seed, trial, world)) for trial in trials])


# ---- asked for less -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", sim.scenarios())
def test_shipped_scenarios_asked_for_less(name: str) -> None:
    """Of every shipped scenario, each want gives, in what it asks for, the cohort of the full records."""
    overrides: dict[str, object] = {"enrolment.target": 20}
    if "bench" in name:
        overrides["randomisation.block_size"] = 20
    if name.endswith(("2009_all", "small_65")):
        overrides["course.quota"] = [12, 5, 3]
    small = scenario(name, overrides)
    whole = whole_records(small, 31, [0, 1])
    for want in (*WANTS, wanted(small)):
        alike(small, 31, [0, 1], OBSERVED, want, whole)


BRIEF = (Want(TRUE, (), past=False), Want(TRUE, (), past=True), Want(frozenset(["true", "recalled"]), (), past=True))
BRIEF_LIVES: dict[str, tuple[str, Overrides]] = {
    "relapses on the day of entry": (
        "base",
        {
            "enrolment.target": 30,
            "clock.resolution_days": 1,
            "relapse.rate_per_year": 50.0,
            "relapse.refractory_days": 0.0,
        },
    ),
    "relapses on the day of the procedure": (
        "bench/j1",
        {
            "enrolment.target": 20,
            "randomisation.block_size": 20,
            "clock.resolution_days": 1,
            "relapse.rate_per_year": 20.0,
            "veins.wait_days": 10.0,
        },
    ),
    "a procedure after the end": (
        "bench/j1",
        {"enrolment.target": 20, "randomisation.block_size": 20, "veins.wait_days": 600.0, "study.close_days": 500.0},
    ),
    "those who leave before it": (
        "bench/j1",
        {
            "enrolment.target": 20,
            "randomisation.block_size": 20,
            "veins.wait_days": 90.0,
            "veins.wait_mean_days": 90.0,
            "dropout.hazard_per_year": 3.0,
            "dropout.disbelief_ratio": 4.0,
        },
    ),
    "several layers": (
        "bench/j1",
        {
            "enrolment.target": 20,
            "randomisation.block_size": 20,
            "effect.rate_ratio": 8.0,
            "relapse.history_years": 3.0,
            "decline.enabled": True,
            "decline.fall_per_year": 0.3,
        },
    ),
}


@pytest.mark.parametrize("what", BRIEF_LIVES)
def test_brief_lives(what: str) -> None:
    """Where only true and recalled relapses are asked for, lives told without clocks are the lives told with them."""
    name, overrides = BRIEF_LIVES[what]
    given = scenario(name, overrides)
    for world in (OBSERVED, potential(2.0, reference_belief=True)):
        whole = whole_records(given, 31, range(3), world)
        for want in BRIEF:
            assert demand(make_plan(given), want, record=False)["brief"] == 1.0
            alike(given, 31, range(3), world, want, whole)


def test_where_no_relapse_is_mild() -> None:
    """With mild_points = 0 every relapse is a severe one, also where nothing asks how severe."""
    given = scenario(
        "sham_rct",
        SMALL
        | {
            "eligibility.edss_max": 10.0,  # nobody is examined
            "relapse.rate_per_year": 3.0,
            "reporting.mild_points": 0.0,
            "reporting.mild_report_prob": 0.1,
            "reporting.severe_report_prob": 0.9,
        },
    )
    whole = whole_records(given, 31, range(3))
    for counts in (REPORTED, CONFIRMED):
        alike(given, 31, range(3), OBSERVED, Want(counts, (), past=False), whole)


wants = st.one_of(
    st.sampled_from(WANTS),
    st.builds(
        lambda counts, visits, past, scores, guesses: Want(
            frozenset(counts), visits, past or "recalled" in counts, scores=frozenset(scores), guesses=guesses
        ),
        st.sets(st.sampled_from(get_args(Counts))),
        st.one_of(st.none(), st.sets(st.integers(0, 6)).map(lambda v: tuple(sorted(v)))),
        st.booleans(),
        st.sets(st.sampled_from(sorted(FURTHER))),
        st.booleans(),
    ),
)


def asked_for_less(examples: int) -> None:
    """Compare so many drawn scenarios and wants."""
    patients = 0

    @settings(DRAWN, max_examples=examples)
    @given(made=tables(), seed=seeds, world=worlds, want=wants)
    def same(made: Tables, seed: int, world: World, want: Want) -> None:
        nonlocal patients
        if drawn := checked(made):
            whole = joined([cohort(Play(drawn, seed).records(trial, world)) for trial in range(3)])
            alike(drawn, seed, range(3), world, want, whole)
            alike(drawn, seed, range(3), world, wanted(drawn), whole)
            patients += whole.size

    same()
    assert patients > 3 * examples


def test_drawn_scenarios_asked_for_less() -> None:
    """Of scenarios drawn over the whole schema, in any world, any want gives the cohort of the full records."""
    asked_for_less(300)


@pytest.mark.slow
def test_many_drawn_scenarios_asked_for_less() -> None:
    """The same for many more of them."""
    asked_for_less(5000)


def test_the_comparison_sees_a_change() -> None:
    """The comparison can fail: other trials, another kind of relapse and another visit are told apart."""
    small = scenario("sham_rct", SMALL)
    whole = whole_records(small, 31, [0])
    a = answers(whole, EVERYTHING, 9)
    other = answers(whole_records(small, 31, [1]), EVERYTHING, 9)
    assert {name for name in a if a[name] != other[name]} >= {"day_1", "true (0.0, 24.0) False", "edss at 8"}
    assert a["true (0.0, 24.0) False"] != a["confirmed (0.0, 24.0) False"]
    assert a["edss at 0"] != a["edss at 8"]


# ---- many at once -------------------------------------------------------------------------------------------------


def rows_of(batch: Batch, k: int) -> tuple[bytes, bytes, bytes]:
    """Give the people, relapses and visits of a batch's k-th trial, patients counted from 0."""
    low, high = int(batch.first[k]), int(batch.first[k + 1])
    parts = [batch.people[low:high].tobytes()]
    for table in (batch.relapses, batch.visits):
        own = table[(table["row"] >= low) & (table["row"] < high)].copy()
        own["row"] -= low
        parts.append(own.tobytes())
    return parts[0], parts[1], parts[2]


@pytest.mark.parametrize("want", WANTS[:5])
@pytest.mark.parametrize("name", ["sham_rct", "published/zamboni_2009"])
def test_a_batch_is_its_trials_one_by_one(name: str, want: Want) -> None:
    """Trials in a batch, in any order and twice over, are byte for byte the trials played one at a time."""
    plan = make_plan(scenario(name, SMALL))
    numbers = [5, 0, 17, 5, 2**40, 1]
    batch = run.run_cohorts(plan, 32, numbers, OBSERVED, want)
    assert batch.first[-1] == len(batch.people) > 60
    for k, number in enumerate(numbers):
        assert rows_of(batch, k) == rows_of(run.run_cohorts(plan, 32, [number], OBSERVED, want), 0)
    assert rows_of(batch, 0) != rows_of(batch, 1)


def test_a_desk_carries_nothing_over() -> None:
    """A trial played after others on the same tables is the trial played on fresh ones."""
    small = scenario("sham_rct", SMALL)
    plan = make_plan(small)
    for number in (3, 9, 4, 3):
        used = run.run_cohorts(plan, 33, [number])
        fresh = run.run_cohorts(make_plan(small), 33, [number])
        assert rows_of(used, 0) == rows_of(fresh, 0)


# ---- more than there was room for ---------------------------------------------------------------------------------

CROWDED: dict[str, tuple[str, Overrides]] = {
    "relapses": (
        "base",
        {"enrolment.target": 10, "relapse.rate_per_year": 50.0, "relapse.refractory_days": 0.0},
    ),
    "candidates in screening": (
        "sham_rct",
        {"enrolment.target": 6, "enrolment.screening_days": 180.0, "sites.arrivals_per_month": 12.0},
    ),
    "patients": (
        "sham_rct",
        {
            "enrolment.target": 4,
            "enrolment.screening_days": 120.0,
            "enrolment.in_screening": "admit",
            "sites.arrivals_per_month": 12.0,
        },
    ),
    "visits": (
        "sham_rct",
        {
            "enrolment.target": 4,
            "enrolment.screening_days": 120.0,
            "enrolment.in_screening": "admit",
            "sites.arrivals_per_month": 12.0,
            "visits.months": [k / 8.0 for k in range(193)],
        },
    ),
}


@pytest.mark.parametrize("what", CROWDED)
def test_more_than_the_first_room(what: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the first room is not enough, tables grow, and what comes out is what the reference engine says."""
    name, overrides = CROWDED[what]
    crowded = scenario(name, overrides)
    grown: list[int] = []
    real = run.Desk._make_room

    def watched(desk: Any, number: int, batch: Any) -> Any:
        grown.append(int(desk.trial[0]["status"]))
        return real(desk, number, batch)

    monkeypatch.setattr(run.Desk, "_make_room", watched)
    whole = joined([cohort(Play(crowded, 34, "reference").records(trial)) for trial in range(2)])
    alike(crowded, 34, range(2), OBSERVED, EVERYTHING, whole)
    alike(crowded, 34, range(2), OBSERVED, Want(CONFIRMED, (0,), past=False), whole)
    assert grown


def test_tables_of_one_row_grow(monkeypatch: pytest.MonkeyPatch) -> None:
    """Begun with one row in every table, trials grow them all, one after another, and end the same."""
    small = scenario("sham_rct", SMALL)
    plan = make_plan(small)
    room = run._room
    full: set[int] = set()
    real = run.Desk._make_room

    def watched(desk: Any, number: int, batch: Any) -> Any:
        status = int(desk.trial[0]["status"])
        full.update(1 << k for k in range(8) if status >> k & 1)
        return real(desk, number, batch)

    monkeypatch.setattr(run.Desk, "_make_room", watched)
    monkeypatch.setattr(
        run.Desk,
        "_batch",
        lambda _, __: run.Filled(room(1, PERSON), room(1, SEEN_RELAPSE), room(1, SEEN_VISIT), np.zeros(3, np.int64)),
    )

    def desk(record: bool) -> run.Desk:
        made = run.Desk(plan, 35, OBSERVED, EVERYTHING, record)
        made.tables = made.tables._replace(
            states=room(1, STATE),
            queue=np.zeros(1, np.int64),
            relapses=room(1, OWN_RELAPSE),
            visits=room(1, OWN_VISIT),
            procedures=room(1, PROCEDURE),
            events=room(1, EVENT),
        )
        return made

    written = desk(record=True)
    written.play([0])
    theirs = twins(plan, 35, 0)
    assert not unlike(written.records(0), theirs)
    batch = desk(record=False).play([0, 1])
    monkeypatch.undo()
    known = run.run_cohorts(make_plan(small), 35, [0, 1])
    assert [rows_of(batch, k) for k in range(2)] == [rows_of(known, k) for k in range(2)]
    assert full == {1, 2, 4, 8, 16, 32}


def test_a_factor_above_its_bound_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """A relapse factor above the layers that are open raises, in either engine; it is never clipped."""
    plan = make_plan(scenario("sham_rct", SMALL | {"effect.rate_ratio": 4.0, "relapse.rate_per_year": 3.0}))
    narrow = plan._replace(study=plan.study._replace(study_bound=1.0))
    for engine in ("compiled", "reference"):
        play = Play(scenario("sham_rct", SMALL), 36, engine)
        monkeypatch.setitem(play.__dict__, "plan", narrow)
        with pytest.raises(RunError, match="above its bound"):
            play.records(0)
    with pytest.raises(RunError, match="above its bound"):
        run.run_cohorts(narrow, 36, [0])


# ---- power --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["sham_rct", "published/zamboni_2009", "three_arm"])
def test_power_does_not_depend_on_engine_or_workers(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Estimates, power and truth are the same bytes in either engine, with one worker or two."""
    small = scenario(name, SMALL)
    folder = count()

    def found(engine: str, workers: int) -> tuple[bytes, dict[str, Any]]:
        monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / str(next(folder))))  # the truth is kept there
        result = power(small, name, trials=12, seed=37, workers=workers, truth_trials=6, engine=engine)
        assert not result.failed
        assert result.engine == engine
        return result.estimates.tobytes(), result.to_dict()["endpoints"]

    known = found("compiled", 1)
    assert known == found("compiled", 2) == found("reference", 1)
    assert name == "three_arm" or known == found("reference", 2)
    estimates = Analyse(Play(small, 38)).many(range(12))["estimates"]
    assert estimates.tobytes() != known[0]


def test_estimates_one_by_one_and_together() -> None:
    """Trials analysed one by one give the bytes of trials analysed together, in both engines."""
    small = scenario("three_arm", SMALL)
    together = Analyse(Play(small, 39)).many(range(8))
    for engine in ("compiled", "reference"):
        alone = np.concatenate([Analyse(Play(small, 39, engine))(trial) for trial in range(8)])
        assert alone.tobytes() == together.tobytes()


def test_every_score_reaches_its_endpoint() -> None:
    """Endpoints on scores at visits, each alone, give in the compiled engine the bytes of the reference one."""
    for name in ("edss", "msfc", "msqol_physical", "msqol_mental"):
        small = scenario("sham_rct", SMALL | {"endpoint": [{"name": f"{name}_24m"}], "study.primary": ""})
        together = Analyse(Play(small, 40)).many(range(4))
        assert np.isfinite(together["estimates"]["value"]).all()
        alone = np.concatenate([Analyse(Play(small, 40, "reference"))(trial) for trial in range(4)])
        assert alone.tobytes() == together.tobytes()
