"""Ctrl-C, whenever it comes: nothing that is written is wrong, and nothing that is said to be kept is lost."""

from __future__ import annotations

import os
import re
import signal
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import FrameType
from typing import Any

import numpy as np
import pytest

from sim.study import chunks, runs, stream
from sim.study.ctrl_c import CtrlC, ctrl_c_remembered
from sim.study.layout import Block, Flat, Rows
from sim.study.lock import holder
from sim.study.runner import Deserted, Interrupted, Pool
from sim.study.runs import Address, RunFolder, checked
from sim.study.stream import Flow, Stream
from sim.study.workers import answer
from tests.helpers import scenario
from tests.resume.runs import chunks_of

TOY = Flat(np.dtype([("trial", "i8"), ("x", "f8")]))
ADDRESS = Address("toy", "toy", scenario("bench/j1"), 1)
TRIALS = 44


class Toy:
    """A function of trials: a number each; every eleventh trial fails."""

    def many(self, trials: Sequence[int]) -> Rows:
        """Give a row a trial."""
        if any(t % 11 == 10 for t in trials):
            raise ValueError("an eleventh trial")
        return np.array([(t, 0.5 * t) for t in trials], TOY.dtype)

    def __call__(self, trial: int) -> Rows:
        """Give one row."""
        return self.many([trial])


@pytest.fixture(autouse=True)
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Chunks of 10 trials in blocks of 5; and Ctrl-C as in a terminal, also where the tests run in the background."""
    monkeypatch.setattr(chunks, "CHUNK", 10)
    monkeypatch.setattr(stream, "BLOCK", 5)
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def _run(folder: Path, function: Any, trials: int = TRIALS, workers: int = 1) -> int:
    """Play what is missing of a toy run; give how many trials were there."""
    with RunFolder(folder, ADDRESS) as run, Pool(function, 1, workers) as pool:
        own = Stream(TOY, lambda _: None, run.series("toy", TOY))
        Flow(pool, [own]).extend(trials)
        return own.read


def _true(folder: Path) -> int:
    """Check every row in the folder against what it must be; give how many there are."""
    found = 0
    for path in sorted(folder.glob("toy-*.parquet")):
        block = checked(path, TOY, ADDRESS.stamp("toy"), 1)
        for k, row in enumerate(block.rows):
            trial = block.first + k
            assert row["trial"] == trial
            assert [f.trial for f in block.failed if f.trial == trial] == [trial] * (trial % 11 == 10)
            assert np.isnan(row["x"]) if trial % 11 == 10 else row["x"] == 0.5 * trial
        found += len(block.rows)
    return found


class _At:
    """Raises KeyboardInterrupt at the n-th line that is run in a file."""

    def __init__(self, file: str, number: int) -> None:
        self.file, self.left = file, number

    def __call__(self, frame: FrameType, event: str, _: object) -> Any:
        if frame.f_code.co_filename != self.file:
            return None
        if event == "line":
            self.left -= 1
            if self.left == 0:
                raise KeyboardInterrupt
        return self


@pytest.mark.parametrize("module", [stream, runs])
def test_an_interruption_at_any_line_writes_nothing_wrong(module: Any, tmp_path: Path) -> None:
    """A KeyboardInterrupt at each line that a run goes through leaves only true rows, and the run can go on."""
    _run(tmp_path / "calm", Toy())
    calm, struck = chunks_of(tmp_path / "calm"), 0
    for line in range(1, 100_000):
        folder = tmp_path / f"at-{line}"
        before = sys.gettrace()
        try:
            sys.settrace(_At(str(module.__file__), line))
            _in_parts(folder)
            done = True
        except (KeyboardInterrupt, Interrupted):
            done = False
        finally:
            sys.settrace(before)
        if done:
            break
        struck += 1
        if folder.exists():
            _true(folder)
        if line % 7 == 0:
            _run(folder, Toy())
            assert chunks_of(folder) == calm
    assert struck > 100
    assert chunks_of(folder) == calm


def _in_parts(folder: Path) -> None:
    """Play a run in parts that come in another order than that of their trials, after a part of a chunk was read."""
    _run(folder, Toy(), 4)
    with RunFolder(folder, ADDRESS) as run, Pool(Toy(), 1, 1) as pool:
        pool.parts = lambda *_: (answer(Toy(), 0, 1, list(p)) for p in _mixed())  # type: ignore[method-assign]
        Flow(pool, [Stream(TOY, lambda _: None, run.series("toy", TOY))]).extend(TRIALS)


def _mixed() -> list[range]:
    """Give trials 4 and on in threes, of each chunk the later ones first."""
    return [range(max(a, 4), min(a + 3, c + 10, TRIALS)) for c in range(0, TRIALS, 10) for a in range(c + 9, c - 1, -3)
            if min(a + 3, c + 10, TRIALS) > max(a, 4)]  # fmt: skip


class _Pressing(Toy):
    """Presses Ctrl-C when some trial is played, and makes another error of it, as a compiler may."""

    def __init__(self, at: int) -> None:
        self.at = at

    def many(self, trials: Sequence[int]) -> Rows:
        """Give a row a trial."""
        if self.at in trials:
            self.at = -1
            try:
                os.kill(os.getpid(), signal.SIGINT)
                time.sleep(0.01)
            except KeyboardInterrupt:
                raise AssertionError("found while compiling") from None
        return super().many(trials)


@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize("at", [0, 7, 23, TRIALS - 1])
def test_ctrl_c_while_a_trial_is_played(at: int, workers: int, tmp_path: Path) -> None:
    """Ctrl-C inside a trial ends the run after that part, whatever the trial makes of it; as many are kept as said."""
    function = _Pressing(at)
    function.play = type("play", (), {"engine": "compiled", "scenario": scenario("bench/j1")})  # type: ignore[attr-defined]
    with pytest.raises(Interrupted) as stopped:
        _run(tmp_path, function, workers=workers)
    said = re.fullmatch(rf"stopped by Ctrl-C after (\d+) of {TRIALS} trials", str(stopped.value))
    assert said
    assert int(said[1]) == _true(tmp_path)
    assert stopped.value.folder == str(tmp_path)
    assert _run(tmp_path, function) == int(said[1])
    assert _true(tmp_path) == TRIALS


@pytest.mark.parametrize("workers", [1, 2])
def test_a_second_ctrl_c_loses_nothing_played(workers: int, tmp_path: Path) -> None:
    """Ctrl-C twice, the second while the first is acted on, ends the run; parts that had come are written."""
    function = _Pressing(23)
    function.play = type("play", (), {"engine": "compiled", "scenario": scenario("bench/j1")})  # type: ignore[attr-defined]
    usual = Pool.finish

    def again(self: Any) -> Any:
        signal.raise_signal(signal.SIGINT)
        return usual(self)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Pool, "finish", again)
        with pytest.raises(Interrupted) as stopped:
            _run(tmp_path, function, workers=workers)
    kept = _true(tmp_path)
    assert str(stopped.value) == f"stopped by Ctrl-C after {kept} of {TRIALS} trials"
    assert kept > 0
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    assert _run(tmp_path, function) == kept


def test_what_is_being_played_is_kept(tmp_path: Path) -> None:
    """The part in which Ctrl-C came, and which another thread is still playing, is waited for and written."""
    function = _Pressing(23)
    function.play = type("play", (), {"engine": "compiled", "scenario": scenario("bench/j1")})  # type: ignore[attr-defined]
    usual = function.many

    def slow(trials: Sequence[int]) -> Rows:
        rows = usual(trials)
        time.sleep(0.3 if 23 in trials else 0.0)
        return rows

    function.many = slow  # type: ignore[method-assign]
    with pytest.raises(Interrupted):
        _run(tmp_path, function, workers=2)
    assert _true(tmp_path) > 23


def test_workers_that_die_cost_little(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where workers are gone, what they had played is written before it is said."""

    def parts(*_: Any) -> Iterator[Any]:
        yield answer(Toy(), 0, 1, list(range(14)))
        raise Deserted("they are gone")

    monkeypatch.setattr(Pool, "parts", parts)
    monkeypatch.setattr(chunks, "CHUNK", 100)
    with pytest.raises(Deserted, match="they are gone") as found:
        _run(tmp_path, Toy(), 90)
    assert (_true(tmp_path), found.value.folder) == (14, str(tmp_path))


def test_the_folder_is_held_until_it_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """However often Ctrl-C comes, no chunk is written after the lock is gone."""
    usual, locked_then = runs._write, []

    def slow(*given: Any) -> None:
        for _ in range(3):
            time.sleep(0.1)
            os.kill(os.getpid(), signal.SIGINT)
        locked_then.append(holder(tmp_path) is not None)
        usual(*given)

    monkeypatch.setattr(runs, "_write", slow)
    with pytest.raises(Interrupted) as stopped, RunFolder(tmp_path, ADDRESS) as run:
        run.series("toy", TOY).write(Block(0, np.array([(t, 0.5 * t) for t in range(7)], TOY.dtype)))
    assert locked_then == [True]
    assert _true(tmp_path) == 7
    assert stopped.value.folder == str(tmp_path)
    assert holder(tmp_path) is None


def test_ctrl_c_while_kernels_load() -> None:
    """Ctrl-C that is swallowed by what it fell upon is not forgotten: the run does not begin."""
    pressed = _Pressing(3)
    pressed.warm = lambda: pressed.many([3])  # type: ignore[attr-defined]
    with pytest.raises(KeyboardInterrupt), Pool(pressed, 1, 1):
        raise AssertionError("it began")


def test_ctrl_c_without_a_folder() -> None:
    """So does a run that keeps nothing."""
    with (
        pytest.raises(Interrupted, match=rf"stopped by Ctrl-C after \d+ of {TRIALS} trials"),
        Pool(_Pressing(23), 1, 1) as pool,
    ):
        pool.run_rows(range(TRIALS))


def test_ctrl_c_while_the_disk_is_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ctrl-C while chunks wait for a slow disk: each of them is written."""
    usual, written = runs._write, [0]

    def slow(*given: Any) -> None:
        written[0] += 1
        if written[0] == 3:
            os.kill(os.getpid(), signal.SIGINT)
        time.sleep(0.2)
        usual(*given)

    monkeypatch.setattr(runs, "_write", slow)
    with pytest.raises(Interrupted) as stopped:
        _run(tmp_path, Toy(), 400)
    present = _true(tmp_path)
    assert present >= 10 * (2 + runs.MOST_WAITING)
    assert str(stopped.value) == f"stopped by Ctrl-C after {present} of 400 trials"


def test_an_error_of_the_disk_is_told_though_ctrl_c_came(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What went wrong with a chunk is told also where Ctrl-C came before it was looked at."""

    def full(*_: Any) -> None:
        os.kill(os.getpid(), signal.SIGINT)
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(runs, "_write", full)
    with pytest.raises(OSError, match="No space left"):
        _run(tmp_path, Toy())


def test_a_second_ctrl_c_interrupts_at_once() -> None:
    """The first is noted, the second one is a KeyboardInterrupt where it falls."""
    with CtrlC() as held:
        signal.raise_signal(signal.SIGINT)
        assert held.asked
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
        assert signal.getsignal(signal.SIGINT) is signal.default_int_handler, "a third one is as usual"
        held.asked = False
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_a_ctrl_c_that_an_import_swallowed_is_not_forgotten() -> None:
    """The command line's handler interrupts and remembers: where that was swallowed, a run does not begin."""
    with ctrl_c_remembered():
        with CtrlC() as held:
            assert not held.asked
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
        with pytest.raises(KeyboardInterrupt), CtrlC():
            raise AssertionError("it began")
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    with ctrl_c_remembered(), CtrlC() as held:
        assert not held.asked, "that was another run"


def test_one_inside_another_ends_as_one() -> None:
    """Entered twice, it holds Ctrl-C until the outer block ends, which leaves the handler as it was; it works again."""
    held = CtrlC()

    def pressed() -> None:
        with held:
            with held:
                pass
            signal.raise_signal(signal.SIGINT)

    for _ in range(2):
        with pytest.raises(KeyboardInterrupt):
            pressed()
        assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


@pytest.mark.parametrize("handler", [signal.SIG_IGN, lambda *_: None])
def test_a_ctrl_c_of_others_is_theirs(handler: Any) -> None:
    """Where Ctrl-C is ignored (nohup) or handled by a program around this one, it stays so."""
    before = signal.signal(signal.SIGINT, handler)
    try:
        with CtrlC() as held:
            assert signal.getsignal(signal.SIGINT) is handler
            signal.raise_signal(signal.SIGINT)
        assert not held.asked
    finally:
        signal.signal(signal.SIGINT, before)
