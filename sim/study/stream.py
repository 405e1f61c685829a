"""The rows of many trials: what a folder has is read, the rest played, handed on by blocks and written by chunks.

A block is what sums are made of, a chunk what a file holds. Nothing but the chunks that are being filled is held, so a
run of any length takes the same memory.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from itertools import pairwise

import numpy as np

from sim.core.errors import ShamtrialError
from sim.study import chunks
from sim.study.layout import Block, Layout
from sim.study.performance import BLOCK
from sim.study.runner import Failure, Interrupted, Part, Piece, Pool, Progress, Rows, Watcher
from sim.study.runs import Series

FLUSH_SECONDS = 30.0

Take = Callable[[Block], None]


class Stream:
    """Hands each block of a series to `take`, in no fixed order; a block that has grown is handed on again, whole.

    `number` is that of the pool's function which plays it. Without `series` nothing is read or written.
    """

    def __init__(self, layout: Layout, take: Take, series: Series | None = None, number: int = 0) -> None:
        self.layout, self.take, self.series, self.number = layout, take, series, number
        self.have: dict[int, int] = {}
        self.filling: dict[int, Filling] = {}
        self.read = 0

    @property
    def total(self) -> int:
        """How many trials are there."""
        return sum(self.have.values())

    def look_up(self, number: int, trials: int) -> tuple[int, list[Block]]:
        """Read a chunk if it is there and has not been read: how many trials of it are there, and what was read."""
        if number in self.have:
            return min(self.have[number], trials - number * chunks.CHUNK), []
        found = self.series.read(number) if self.series else None
        self.have[number] = len(found.rows) if found else 0
        blocks = found.parts(BLOCK) if found else []
        for block in blocks:
            self.take(block)
        self.read += self.have[number]
        return self.have[number], blocks

    def missing(self, number: int, trials: int) -> Piece:
        """Give what of a chunk has to be played."""
        first = number * chunks.CHUNK
        return Piece(range(first + self.have[number], min(first + chunks.CHUNK, trials)), self.number)

    def put(self, part: Part, trials: int) -> None:
        """Put a part into its chunk; hand on a block, and write the chunk, of which all that is wanted is there."""
        number = part.first // chunks.CHUNK
        if number not in self.filling:
            self.filling[number] = self._begun(number)
        own = self.filling[number]
        for place in own.fill(part):
            if block := own.finished(place, trials):
                self.take(block)
                if not self.series and len(block.rows) == BLOCK:
                    own.forget(place)
        if own.prefix == min(chunks.CHUNK, trials - own.first):
            self._write(number)
            if self.series or own.prefix == chunks.CHUNK:  # a chunk that grows is read again, so that few are held
                del self.filling[number]

    def _begun(self, number: int) -> Filling:
        """Give a chunk to be filled: with the trials of it that are in the folder."""
        own, first = Filling(self.layout, number * chunks.CHUNK), self.have[number]
        if first:
            assert self.series is not None
            own.fill_up(self.series.read_again(number, first))
        return own

    def _write(self, number: int) -> None:
        """Count what is there of a chunk without a gap, and have it written."""
        own = self.filling[number]
        there = own.prefix
        if self.series:
            self.series.write(own.chunk())
        self.have[number] = there

    def flush(self) -> None:
        """Write what has been played of the chunks that are not full, as far as it has no gap."""
        for number, own in self.filling.items():
            if self.series and own.prefix > self.have[number]:
                self._write(number)

    def settle(self) -> None:
        """Wait for what is being written."""
        if self.series:
            self.series.settle()


class Flow:
    """Plays what is missing of one or several streams, all with one pool: stream k by the pool's function k."""

    def __init__(self, pool: Pool[Rows], streams: Sequence[Stream]) -> None:
        self.pool, self.streams = pool, streams

    def extend(self, trials: int, watch: Watcher | None = None, of: int | None = None) -> None:
        """See to it that trials 0 to `trials` - 1 of each stream are there; `of` is how many there will be, to `watch`.

        Raises as `Pool.run` does; on Ctrl-C what has been played is written first.
        """
        numbers = range(-(-trials // chunks.CHUNK))
        goal = Progress(0, max(of or trials, trials) * len(self.streams), time.perf_counter())
        for number in numbers:
            for stream in self.streams:
                self._look_up(stream, number, trials, watch, goal)
        goal.before = goal.done
        goal.started = time.perf_counter()
        pieces = [p for n in numbers for stream in self.streams if (p := stream.missing(n, trials)).trials]
        if pieces:
            self._play(pieces, trials, watch, goal)
        for stream in self.streams:
            stream.settle()

    def _look_up(self, stream: Stream, number: int, trials: int, watch: Watcher | None, goal: Progress) -> None:
        """Count what is there of a chunk, and let it be seen if it has just been read."""
        there, blocks = stream.look_up(number, trials)
        goal.done += there
        if watch:
            for block in blocks:
                goal.before = goal.done
                watch(goal, block.good)

    def _play(self, pieces: list[Piece], trials: int, watch: Watcher | None, goal: Progress) -> None:
        try:
            with self.pool.ctrl_c:
                self._take(pieces, trials, watch, goal)
        except KeyboardInterrupt:
            with suppress(KeyboardInterrupt):  # a third Ctrl-C: what is written is whole, the rest is let go
                self._save(trials)
            done = sum(stream.total for stream in self.streams) if self._kept else goal.done
            raise Interrupted(f"stopped by Ctrl-C after {done} of {goal.total} trials") from None
        except ShamtrialError:  # workers are gone, one is refused, or the disk is full
            with suppress(ShamtrialError):
                self._save(trials)
            raise

    def _take(self, pieces: list[Piece], trials: int, watch: Watcher | None, goal: Progress) -> None:
        """Put each part into its stream, and write what there is now and then."""
        flushed = time.perf_counter()
        for part in self.pool.parts(pieces, goal):
            self.streams[part.function].put(part, trials)
            goal.done += part.trials
            if watch:
                watch(goal, part.rows if part.rows is not None else [])
            if time.perf_counter() - flushed > FLUSH_SECONDS:
                self._flush()
                flushed = time.perf_counter()

    @property
    def _kept(self) -> bool:
        return any(stream.series for stream in self.streams)

    def _flush(self) -> None:
        for stream in self.streams:
            stream.flush()

    def _save(self, trials: int) -> None:
        """At a stop: write what has been played, and what is being played as far as it comes within seconds."""
        if not self._kept:
            return
        with suppress(KeyboardInterrupt):  # a second Ctrl-C: what is being played is let go
            for part in self.pool.finish():
                self.streams[part.function].put(part, trials)
        self._flush()
        for stream in self.streams:
            stream.settle()


class Filling:
    """A chunk whose trials come in any order, by blocks, so that a short one takes little room."""

    def __init__(self, layout: Layout, first: int) -> None:
        self.layout, self.first = layout, first
        self.blocks: dict[int, Rows] = {}
        self.failed: dict[int, Failure] = {}
        self.there = np.zeros(chunks.CHUNK + 1, bool)  # the last one is never there

    def fill(self, part: Part) -> list[int]:
        """Put in the rows of a part, and its failures; give the numbers of the blocks in which they lie."""
        self._fail(part.failed)
        if part.rows is not None:
            self._put(part.rows)
        last = part.first + part.trials - 1
        return list(range((part.first - self.first) // BLOCK, (last - self.first) // BLOCK + 1))

    def fill_up(self, chunk: Block) -> None:
        """Put in what there is of the chunk already."""
        self._fail(chunk.failed)
        self._put(chunk.rows)

    def _fail(self, failed: Sequence[Failure]) -> None:
        for f in failed:
            self.failed[f.trial] = f
            self.there[f.trial - self.first] = True

    def _put(self, rows: Rows) -> None:
        places = rows["trial"] - self.first
        ends = np.searchsorted(places, np.arange(places[0] // BLOCK, places[-1] // BLOCK + 2) * BLOCK)
        for start, end in pairwise(ends.tolist()):
            if start < end:
                number = int(places[start]) // BLOCK
                self._block(number)[places[start:end] - number * BLOCK] = rows[start:end]
        self.there[places] = True  # at last: what is there can be written at any time, also after an interruption

    def _block(self, number: int) -> Rows:
        if number not in self.blocks:
            blank = self.layout.blank(BLOCK)
            blank["trial"] = self.first + BLOCK * number + np.arange(BLOCK)
            self.blocks[number] = blank
        return self.blocks[number]

    @property
    def prefix(self) -> int:
        """How many trials are there from the first one on, without a gap."""
        return int(np.argmin(self.there))

    def finished(self, number: int, trials: int) -> Block | None:
        """Give a block if all of it is there that is wanted of a run of so many trials."""
        first = number * BLOCK
        length = min(BLOCK, trials - self.first - first)
        if not self.there[first : first + length].all():
            return None
        return self._given(self.first + first, self._block(number)[:length])

    def forget(self, number: int) -> None:
        """Let go of a block's rows."""
        del self.blocks[number]

    def chunk(self) -> Block:
        """Give the trials that are there from the first one on, without a gap."""
        numbers = range(-(-self.prefix // BLOCK))
        return self._given(self.first, np.concatenate([self._block(k) for k in numbers])[: self.prefix])

    def _given(self, first: int, rows: Rows) -> Block:
        lost = sorted(t for t in self.failed if first <= t < first + len(rows))
        return Block(first, rows, tuple(self.failed[t] for t in lost))


def gather(
    pool: Pool[Rows], trials: int, series: Series, watch: Watcher | None = None, longer: bool = False
) -> tuple[Rows | None, list[Failure]]:
    """Give the rows of these trials as `Pool.run_rows` does; those in the folder are read, the others played and kept.

    ShamtrialError where the folder has more, unless a `longer` series will do: then its first trials are given.
    """
    if not longer:
        series.at_least(trials)
    blocks: dict[int, Block] = {}
    stream = Stream(series.layout, lambda block: blocks.__setitem__(block.first, block), series)
    Flow(pool, [stream]).extend(trials, watch)
    inside = [blocks[first] for first in sorted(blocks)]
    good = np.concatenate([block.good for block in inside])
    good = good[good["trial"] < trials]
    return (good if len(good) else None), [f for block in inside for f in block.failed if f.trial < trials]
