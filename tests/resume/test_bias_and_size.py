"""Ledgers and searches for a size that are kept: stopped, asked again, asked for more, and verified."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from sim.core.errors import ShamtrialError
from sim.report.runs import lines
from sim.study import stream, worlds
from sim.study.ledger import Ledger, bias_ledger, series_of, side_of
from sim.study.opened import open_run
from sim.study.recheck import verify
from sim.study.runner import Interrupted
from sim.study.size import SizeResult, sample_size
from sim.study.tally import Analyse
from tests.contract.commands import done
from tests.helpers import scenario
from tests.resume.runs import chunks_of

OFF = ("under_reporting", "recall", "medication", "practice", "rater_bias", "placebo")
STUDY = scenario("published/zamboni_2009", {f"switches.{name}": False for name in OFF})
TRIALS = 60


def _ledger(out: Path | None = None, trials: int = TRIALS, endpoint: str | None = None) -> Ledger:
    return bias_ledger(STUDY, "published/zamboni_2009", endpoint, trials, out=out)


def _size(out: Path | None = None, precision: float = 0.2, power: float = 0.8, seed: int = 3) -> SizeResult:
    own = scenario("bench/j1", {"effect.rate_ratio": 0.5})
    return sample_size(own, "bench/j1", power, precision=precision, most_trials=20_000, seed=seed, out=out)


@pytest.fixture(scope="module")
def ledger(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Ledger]:
    """A ledger that nothing happened to, and its folder."""
    folder = tmp_path_factory.mktemp("ledger")
    return folder, _ledger(folder)


@pytest.fixture(scope="module")
def sized(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, SizeResult]:
    """A search that nothing happened to, and its folder."""
    folder = tmp_path_factory.mktemp("sized")
    return folder, _size(folder)


def test_a_kept_ledger_is_the_same(ledger: tuple[Path, Ledger]) -> None:
    """With a folder or without, played or read, a ledger says the same to the last bit; each world has its chunks."""
    folder, found = ledger
    assert found.worlds > 1
    assert _ledger().to_dict() == found.to_dict() == _ledger(folder).to_dict()
    told = json.loads((folder / "run.json").read_text())
    assert told["result"] == json.loads(json.dumps(found.to_dict()))
    assert len(chunks_of(folder)) == found.worlds == 2 ** len(told["settings"]["mechanisms"])


def test_a_world_is_named_by_what_is_on() -> None:
    """The digits of a world's name are its mechanisms in their order, and can be read back."""
    players = ("a", "b", "c")
    assert series_of(players, frozenset({"a", "c"})) == "world-101"
    assert side_of(players, "world-101") == {"a", "c"}
    assert (series_of((), frozenset()), side_of((), "world-0")) == ("world-0", frozenset())


def test_an_interrupted_ledger_goes_on(
    ledger: tuple[Path, Ledger], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Stopped in its second world, a ledger plays only what is missing, and ends as the undisturbed one did."""
    played: list[int] = []
    usual = worlds.WorldOf.many

    def many(self: worlds.WorldOf, trials: list[int]) -> object:
        if len(played) > TRIALS and stop:
            raise KeyboardInterrupt
        played.extend(trials)
        return usual(self, trials)

    monkeypatch.setattr(worlds.WorldOf, "many", many)
    stop = True
    with pytest.raises(Interrupted) as stopped:
        _ledger(tmp_path)
    assert stopped.value.folder == str(tmp_path)
    there, stop = len(chunks_of(tmp_path)), False
    assert 0 < there < ledger[1].worlds
    played.clear()
    assert _ledger(tmp_path).to_dict() == ledger[1].to_dict()
    missing = ledger[1].worlds - there
    assert missing * TRIALS <= len(played) <= missing * TRIALS + ledger[1].worlds, "a trial a world to warm up"
    assert chunks_of(tmp_path) == chunks_of(ledger[0])


def test_a_ledger_grows(ledger: tuple[Path, Ledger], tmp_path: Path) -> None:
    """More trials are added to those of each world; the bytes are those of a ledger played at once."""
    _ledger(tmp_path, 20)
    assert _ledger(tmp_path).to_dict() == ledger[1].to_dict()
    assert chunks_of(tmp_path) == chunks_of(ledger[0])


def test_another_endpoint_is_refused(ledger: tuple[Path, Ledger]) -> None:
    """A folder holds the ledger of one endpoint."""
    with pytest.raises(ShamtrialError, match=r"settings\.endpoint: found .*relapse_free_change.*; allowed: "):
        _ledger(ledger[0], endpoint="arr")


def test_a_ledger_is_verified(ledger: tuple[Path, Ledger]) -> None:
    """`runs verify` plays trials of every world again, told from the folder alone."""
    found = verify(open_run(ledger[0]), trials=2)
    assert found.passed
    assert len(found.replayed) == 2 * ledger[1].worlds


def test_several_designs_have_a_folder_each(tmp_path: Path) -> None:
    """Ledgers side by side are kept in folders named after their scenarios, the pictures above them."""
    words = ("bias", "sham_rct", "null", "--trials", "4", "--endpoint", "arr", "--out", tmp_path)
    sets = [w for table in ("placebo", "rater_bias", "under_reporting", "medication") for w in
            ("--set", f"switches.{table}=false")]  # fmt: skip
    done(*words, *sets)
    assert {p.name for p in tmp_path.iterdir() if p.is_dir()} == {"sham_rct", "null"}
    assert open_run(tmp_path / "null").told["command"] == "bias"
    assert list(tmp_path.glob("*.png"))


def test_a_kept_search_is_the_same(sized: tuple[Path, SizeResult]) -> None:
    """With a folder or without, played or read, a search finds the same to the last bit."""
    folder, found = sized
    assert _size().to_dict() == found.to_dict() == _size(folder).to_dict()
    told = json.loads((folder / "run.json").read_text())
    assert (told["trials"], told["result"]["n"]) == (None, found.n)
    assert open_run(folder).present == found.trials_used + found.parts_trials


def test_an_interrupted_search_goes_on(
    sized: tuple[Path, SizeResult], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Stopped in a batch, a search reads those before it, plays the rest, and finds what the undisturbed one found."""
    usual, batches = stream.gather, []

    def gather(*asked: object, **words: object) -> object:
        batches.append(asked)
        if len(batches) == 5:
            raise KeyboardInterrupt
        return usual(*asked, **words)  # type: ignore[arg-type]

    monkeypatch.setattr("sim.study.search.gather", gather)
    with pytest.raises(Interrupted):
        _size(tmp_path)
    assert len(open_run(tmp_path).listing) == 4
    assert _size(tmp_path).to_dict() == sized[1].to_dict()
    assert chunks_of(tmp_path) == chunks_of(sized[0])


def test_a_finer_search_reads_a_coarser_one(sized: tuple[Path, SizeResult], tmp_path: Path) -> None:
    """A search asked for more precision takes up what is there, and finds what it finds alone."""
    _size(tmp_path)
    before = chunks_of(tmp_path)
    alone, again = _size(precision=0.02), _size(tmp_path, precision=0.02)
    assert alone.to_dict() == again.to_dict()
    assert alone.trials_used > sized[1].trials_used
    after = chunks_of(tmp_path)
    assert before.keys() < after.keys()


def test_another_power_is_refused(sized: tuple[Path, SizeResult]) -> None:
    """A folder holds the search for one power and one seed."""
    with pytest.raises(ShamtrialError, match=r"settings\.power: found 0\.8; allowed: 0\.7 as asked"):
        _size(sized[0], power=0.7)
    with pytest.raises(ShamtrialError, match=r"seed: found 3; allowed: 4 as asked"):
        _size(sized[0], seed=4)


def test_a_search_is_verified(sized: tuple[Path, SizeResult]) -> None:
    """`runs verify` plays trials of every batch again, and refuses a series that no search has."""
    run = open_run(sized[0])
    low, high = sized[1].value_interval
    assert f"arr_24m: {sized[1].value} patients (95% interval {low} to {high}) reach power 0.8" in " ".join(lines(run))
    found = verify(run, trials=2)
    assert found.passed
    assert len(found.replayed) == 2 * len(run.listing)


def test_a_series_of_something_else_is_refused(sized: tuple[Path, SizeResult], tmp_path: Path) -> None:
    """Chunks whose name no search gives are not verified, and the refusal names what is allowed."""
    _size(tmp_path)
    first = next(tmp_path.glob("at-*.parquet"))
    first.rename(tmp_path / "without-luck-at-100-from-0-000000.parquet")
    with pytest.raises(ShamtrialError, match=r"found chunks of a series 'without-luck-at-100-from-0'; allowed"):
        verify(open_run(tmp_path), trials=1)


def test_failed_trials_of_a_search_keep_their_numbers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A trial of a later batch that raises is told by its own number, played or read."""
    usual, number = Analyse.many, 250

    def many(self: Analyse, trials: list[int]) -> object:
        if number in trials:
            raise ValueError("the vein was not there")
        return usual(self, trials)

    monkeypatch.setattr(Analyse, "many", many)
    assert [f.trial for f in _size(tmp_path).failed] == [number]
    assert [f.trial for f in _size(tmp_path).failed] == [number]
