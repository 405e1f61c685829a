"""What a worker does with a task, told without a cluster."""

from __future__ import annotations

import math
import pickle
import time
from concurrent.futures import Future
from dataclasses import dataclass

import numpy as np
import pytest

from sim.core.errors import ShamtrialError
from sim.study import alike, remote, runner
from sim.study.alike import refuse_unlike, traits
from sim.study.play import Play
from sim.study.remote import Call, Packed, Refused, play, unpacked
from sim.study.runner import Pool, Progress
from sim.study.tally import Analyse
from sim.study.workers import Failure, Function, Part, Rows, answer
from tests.helpers import scenario


@dataclass(frozen=True)
class Odd:
    """Answers trials with a row each; number 5 raises."""

    def many(self, trials: list[int]) -> Rows:
        """Give the rows."""
        if 5 in trials:
            raise ValueError("five")
        return np.array([(t,) for t in trials], [("trial", np.int64)])

    def __call__(self, trial: int) -> Rows:
        """Give one row."""
        return self.many([trial])


def _sent(function: Odd | Analyse, trials: list[int]) -> Part | Refused:
    packed = Packed.of(function)
    call = Call(play, (traits(), (packed.digest, packed.content), 3, 1, trials))
    found: Part | Refused = pickle.loads(call.packed())
    return found


@pytest.mark.parametrize("most", [2, 3, 1000])
def test_batches_change_no_answer(most: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """A task played in batches of any size gives the rows in order, and the trial that raised beside them."""
    monkeypatch.setattr(runner, "MOST_IN_CHUNK", most)
    part = _sent(Odd(), list(range(10)))
    assert isinstance(part, Part)
    assert part.rows is not None
    assert part.rows["trial"].tolist() == [0, 1, 2, 3, 4, 6, 7, 8, 9]
    assert part.failed == [Failure(1, 5, "ValueError: five")]
    assert (part.first, part.function, part.trials) == (0, 3, 10)


def test_all_trials_raise() -> None:
    """A task of which every trial raised gives no rows, and does not itself raise."""
    part = _sent(Odd(), [5])
    assert isinstance(part, Part)
    assert (part.rows, part.trials) == (None, 1)


def test_a_study_is_sent_whole() -> None:
    """What a study plays gives, packed and sent, the rows it gives here, bit for bit."""
    own = Analyse(Play(scenario("bench/j1"), 1))
    part, here = _sent(own, [0, 1, 2]), answer(own, 3, 1, [0, 1, 2])
    assert isinstance(part, Part)
    assert part.rows is not None
    assert here.rows is not None
    assert part.rows.tobytes() == here.rows.tobytes()


def test_what_was_played_here_is_not_sent() -> None:
    """A function that has played, and knows its plan, is packed into the bytes of one that has not."""
    own = Analyse(Play(scenario("bench/j1"), 1))
    before = Packed.of(own)
    own.play.plan  # noqa: B018 - made when it is first asked for
    assert Packed.of(own) == before
    assert unpacked(before.digest, before.content).play.plan is not None  # type: ignore[attr-defined]


def test_functions_are_unpacked_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """A function that comes again is the one kept, and no more are kept than there is room for."""
    monkeypatch.setattr(remote, "_functions", type(remote._functions)())
    monkeypatch.setattr(remote, "MOST_FUNCTIONS", 2)
    packed = [Packed.of(Analyse(Play(scenario("bench/j1"), seed))) for seed in range(3)]
    first, again = (unpacked(packed[0].digest, packed[0].content) for _ in range(2))
    assert first is again
    for own in packed[1:]:
        unpacked(own.digest, own.content)
    assert list(remote._functions) == [p.digest for p in packed[1:]]


@pytest.mark.parametrize("trait", list(traits()))
def test_a_worker_that_is_unlike_plays_nothing(trait: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each trait that differs keeps a worker from playing, and is named with what was found and what is allowed."""
    here = dict(traits())
    other = here | {trait: "other"}
    monkeypatch.setattr(remote, "traits", lambda: other)
    found = _sent(Odd(), [0])
    assert isinstance(found, Refused)
    with pytest.raises(ShamtrialError, match=f"worker w: found .*other; allowed: {here[trait]}, as here"):
        refuse_unlike("w", found.traits)
    refuse_unlike("w", here)


def test_arithmetic_sees_one_bit() -> None:
    """The digest of what functions answer changes with the last bit of one of them."""
    before, usual = alike.arithmetic.__wrapped__(), math.lgamma

    def off(x: float) -> float:
        return float(np.nextafter(usual(x), 9.0)) if 7.0 < x < 7.01 else usual(x)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("math.lgamma", off)
        assert alike.arithmetic.__wrapped__() != before
    assert alike.arithmetic.__wrapped__() == before


@dataclass
class Crowd:
    """A crew of so many, which is never asked for anything."""

    size: int

    def submit(self, function: Function, number: int, seed: int, trials: list[int]) -> Future[Part]:
        """Refuse."""
        raise AssertionError


@pytest.mark.parametrize(("size", "chunk"), [(2, 1000), (100, 800), (1600, 800)])
def test_a_large_crew_gets_larger_chunks_not_more_of_them(size: int, chunk: int) -> None:
    """At 80,000 trials a second chunks are for a second's work of a worker, and never more than 100 a second."""
    pool: Pool[Rows] = Pool(Odd(), 1, Crowd(size))
    progress = Progress(80_000, 10_000_000, time.perf_counter() - 1.0)
    assert pool._size(progress, 9_000_000, 0) == pytest.approx(chunk, rel=0.01)
