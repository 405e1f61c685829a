"""Several scenarios in one run: played together, kept apart, and told by what each changes."""

from __future__ import annotations

import json
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from sim.core.errors import RunError, ShamtrialError
from sim.scenario.schema import Scenario
from sim.study.chunks import CHUNK
from sim.study.layout import Block, Flat, Rows
from sim.study.opened import open_run
from sim.study.play import scenario_digest
from sim.study.runner import Piece, Pool, Progress
from sim.study.runs import Address, RunFolder
from sim.study.stream import Flow, Stream
from tests.helpers import scenario
from tests.resume.runs import chunks_of

ROW = np.dtype([("trial", "i8"), ("value", "f8")])
TRIALS = 2 * CHUNK + 300


@dataclass(frozen=True)
class Times:
    """A study that needs no engine: a trial's value is its number times a factor."""

    factor: float

    def many(self, trials: Sequence[int]) -> Rows:
        """Answer these trials."""
        rows = np.empty(len(trials), ROW)
        rows["trial"], rows["value"] = trials, self.factor * np.asarray(trials)
        return rows

    def __call__(self, trial: int) -> Rows:
        """Answer a trial."""
        return self.many([trial])


def _cells(*ratios: float) -> dict[str, Scenario]:
    return {f"ratio-{round(100 * ratio)}": scenario("bench/j1", {"effect.rate_ratio": ratio}) for ratio in ratios}


def _play(out: Path, trials: int, *ratios: float, workers: int = 1, seed: int = 1) -> list[dict[int, Block]]:
    """Play a cell a ratio; give the blocks that each handed on."""
    cells = _cells(*ratios)
    took: list[dict[int, Block]] = [{} for _ in cells]
    with (
        RunFolder(out, Address("sweep", "", scenario("bench/j1"), seed, cells=cells)) as run,
        Pool([Times(ratio) for ratio in ratios], seed, workers) as pool,
    ):
        run.plan(trials)
        streams = [
            Stream(Flat(ROW), lambda block, own=own: own.update({block.first: block}), run.series(name, Flat(ROW)), k)  # type: ignore[misc]
            for k, (name, own) in enumerate(zip(cells, took, strict=True))
        ]
        Flow(pool, streams).extend(trials)
        run.finish(trials, {})
    return took


@pytest.mark.parametrize("workers", [1, 2])
def test_one_pool_answers_for_several_functions(workers: int) -> None:
    """Each part says which function gave it, and every trial of every piece is answered once, by its own function."""
    pieces = [Piece(range(40), 1), Piece(range(10, 25), 0), Piece(range(40, 60), 1)]
    with Pool([Times(2.0), Times(3.0)], 1, workers) as pool:
        parts = list(pool.parts(pieces, Progress(0, 75, 0.0)))
    for number, factor, wanted in ((0, 2.0, range(10, 25)), (1, 3.0, range(60))):
        rows = np.concatenate([part.rows for part in parts if part.function == number and part.rows is not None])
        assert sorted(rows["trial"]) == list(wanted)
        assert np.array_equal(rows["value"], factor * rows["trial"])


def test_cells_are_kept_apart_and_grow(tmp_path: Path) -> None:
    """Each cell has its own chunks; more trials, or one more cell, leave the bytes of a run played at once."""
    _play(tmp_path / "grown", 700, 0.5, 0.7)
    _play(tmp_path / "grown", TRIALS, 0.5, 0.7, workers=2)
    took = _play(tmp_path / "grown", TRIALS, 0.5, 0.6, 0.7)
    _play(tmp_path / "once", TRIALS, 0.5, 0.6, 0.7)
    assert chunks_of(tmp_path / "grown") == chunks_of(tmp_path / "once")
    for ratio, blocks in zip((0.5, 0.6, 0.7), took, strict=True):
        rows = np.concatenate([blocks[first].rows for first in sorted(blocks)])
        assert np.array_equal(rows["value"], ratio * np.arange(TRIALS)), "read or played, all blocks are handed on"


@pytest.mark.parametrize("kept", [True, False])
def test_a_stream_grows_in_steps(kept: bool, tmp_path: Path) -> None:
    """Asked for more step by step, a stream hands its blocks on again as they grow, and holds a part of one at most."""
    took: dict[int, Block] = {}
    with ExitStack() as stack:
        run = stack.enter_context(RunFolder(tmp_path, Address("power", "", scenario("bench/j1"), 1))) if kept else None
        pool = stack.enter_context(Pool(Times(2.0), 1, 2))
        series = run.series("estimates", Flat(ROW)) if run else None
        own = Stream(Flat(ROW), lambda block: took.update({block.first: block}), series)
        for trials in (50, 1700, CHUNK + 20, TRIALS):
            Flow(pool, [own]).extend(trials)
            rows = np.concatenate([took[first].rows for first in sorted(took)])
            assert np.array_equal(rows["value"], 2.0 * np.arange(trials))
            assert own.total == trials
            assert sum(len(f.blocks) for f in own.filling.values()) == (0 if kept else 1)


@pytest.mark.parametrize("harm", ["cut", "emptied"])
def test_a_chunk_changed_while_the_run_goes_on_is_told(harm: str, tmp_path: Path) -> None:
    """A chunk that another program changed between two steps of a run stops it by name, and is not written over."""
    with RunFolder(tmp_path, Address("power", "", scenario("bench/j1"), 1)) as run, Pool(Times(2.0), 1, 1) as pool:
        series = run.series("estimates", Flat(ROW))
        flow = Flow(pool, [Stream(Flat(ROW), lambda _: None, series)])
        flow.extend(50)
        if harm == "cut":
            series.write(Block(0, Times(2.0).many(range(20))))
            series.settle()
        else:
            series.path(0).write_bytes(b"")
        with pytest.raises(RunError, match=r"estimates-000000\.parquet: found .* changed while the run went on"):
            flow.extend(200)


def test_a_cell_is_told_by_what_it_changes(tmp_path: Path) -> None:
    """run.json keeps the tables in which a cell differs, and the cell's whole scenario comes back from them."""
    _play(tmp_path, 10, 0.5, 0.7)
    told = json.loads((tmp_path / "run.json").read_text())
    assert {name: list(tables) for name, tables in told["cells"].items()} == {"ratio-50": ["effect"], "ratio-70": []}
    run, wanted = open_run(tmp_path), _cells(0.5, 0.7)
    assert [scenario_digest(run.scenario_of(k)) for k in wanted] == [scenario_digest(own) for own in wanted.values()]


def test_a_run_loses_no_cell(tmp_path: Path) -> None:
    """A run asked for without one of its cells is refused by the cell's name, and nothing in the folder changes."""
    _play(tmp_path, 10, 0.5, 0.6)
    before = {p.name: p.read_bytes() for p in tmp_path.iterdir()}
    with pytest.raises(ShamtrialError, match=r"run\.json: cells\.ratio-60: found the cell of .*; allowed: kept"):
        _play(tmp_path, 10, 0.5, 0.7)
    assert {p.name: p.read_bytes() for p in tmp_path.iterdir()} == before


def test_a_cell_that_means_something_else_is_refused(tmp_path: Path) -> None:
    """A cell of the same name and another scenario is refused key by key, also where only its chunks are left."""
    _play(tmp_path, 10, 0.5)
    changed = {"ratio-50": scenario("bench/j1", {"effect.rate_ratio": 0.9})}
    address = Address("sweep", "", scenario("bench/j1"), 1, cells=changed)
    with pytest.raises(ShamtrialError, match=r"cells\.ratio-50\.effect\.rate_ratio: found 0\.5; allowed: 0\.9 as ask"):
        RunFolder(tmp_path, address).__enter__()
    (tmp_path / "run.json").unlink()
    with RunFolder(tmp_path, address) as run, pytest.raises(ShamtrialError, match="found a chunk of another run"):
        run.series("ratio-50", Flat(ROW)).read(0)
