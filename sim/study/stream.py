"""The rows of many trials, a block at a time: what a folder has is read, the rest played, written and handed on.

Nothing but the blocks that are being filled is held, so a run of any length takes the same memory.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import suppress

import numpy as np

from sim.study.layout import Block, Layout
from sim.study.performance import BLOCK
from sim.study.runner import Deserted, Failure, Interrupted, Part, Piece, Pool, Progress, Rows, Watcher
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

    def look_up(self, number: int, trials: int) -> tuple[int, Block | None]:
        """Read a block if it is there and has not been read: how many trials of it are there, and what was read."""
        block = None
        if number not in self.have:
            block = self.series.read(number) if self.series else None
            self.have[number] = len(block.rows) if block else 0
            if block:
                self._known(block)
                return len(block.rows), block
        return min(self.have[number], trials - number * BLOCK), block

    def _known(self, block: Block) -> None:
        self.read += len(block.rows)
        if len(block.rows) < BLOCK:
            self.filling[block.first // BLOCK] = Filling(self.layout, block)
        self.take(block)

    def missing(self, number: int, trials: int) -> Piece:
        """Give what of a block has to be played."""
        first = number * BLOCK
        return Piece(range(first + self.have[number], min(first + BLOCK, trials)), self.number)

    def put(self, part: Part, trials: int) -> None:
        """Put a part into its block, and hand the block on when all that is wanted of it is there."""
        number = part.first // BLOCK
        own = self.filling.get(number)
        if own is None:
            own = self.filling[number] = Filling(self.layout, Block(number * BLOCK, self.layout.blank(0)))
        own.fill(part)
        if own.prefix == min(BLOCK, trials - number * BLOCK):
            self._hand_on(own)
            if own.prefix == BLOCK:
                del self.filling[number]

    def _hand_on(self, own: Filling) -> None:
        block = own.block()
        if self.series:
            self.series.write(block)
        self.have[block.first // BLOCK] = len(block.rows)
        self.take(block)

    def flush(self) -> None:
        """Write what has been played of the blocks that are not full, as far as it has no gap."""
        for number, own in self.filling.items():
            if self.series and own.prefix > self.have[number]:
                self.series.write(own.block())
                self.have[number] = own.prefix

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
        blocks = range(-(-trials // BLOCK))
        goal = Progress(0, max(of or trials, trials) * len(self.streams), time.perf_counter())
        for stream in self.streams:
            for number in blocks:
                self._look_up(stream, number, trials, watch, goal)
        goal.before = goal.done
        goal.started = time.perf_counter()
        pieces = [p for n in blocks for stream in self.streams if (p := stream.missing(n, trials)).trials]
        if pieces:
            self._play(pieces, trials, watch, goal)
        for stream in self.streams:
            stream.settle()

    def _look_up(self, stream: Stream, number: int, trials: int, watch: Watcher | None, goal: Progress) -> None:
        """Count what is there of a block, and let it be seen if it has just been read."""
        there, block = stream.look_up(number, trials)
        goal.done += there
        if watch and block:
            goal.before = goal.done
            watch(goal, block.good)

    def _play(self, pieces: list[Piece], trials: int, watch: Watcher | None, goal: Progress) -> None:
        flushed = time.perf_counter()
        try:
            for part in self.pool.parts(pieces, goal):
                self.streams[part.function].put(part, trials)
                goal.done += part.trials
                if watch:
                    watch(goal, part.rows if part.rows is not None else [])
                if time.perf_counter() - flushed > FLUSH_SECONDS:
                    self._flush()
                    flushed = time.perf_counter()
        except KeyboardInterrupt:
            with suppress(KeyboardInterrupt):  # a second Ctrl-C: what is written is whole, the rest is let go
                self._save(trials)
            done = sum(stream.total for stream in self.streams) if self._kept else goal.done
            raise Interrupted(f"stopped by Ctrl-C after {done} of {goal.total} trials") from None
        except Deserted:
            self._save(trials)
            raise

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
        for part in self.pool.finish():
            self.streams[part.function].put(part, trials)
        self._flush()
        for stream in self.streams:
            stream.settle()


class Filling:
    """A block whose trials come in any order."""

    def __init__(self, layout: Layout, begun: Block) -> None:
        self.first, self.failed = begun.first, {f.trial: f for f in begun.failed}
        self.rows = layout.blank(BLOCK)
        self.rows["trial"] = np.arange(self.first, self.first + BLOCK)
        self.rows[: len(begun.rows)] = begun.rows
        self.there = np.zeros(BLOCK + 1, bool)  # the last one is never there
        self.there[: len(begun.rows)] = True

    def fill(self, part: Part) -> None:
        """Put in the rows of a part, and its failures."""
        if part.rows is not None:
            places = part.rows["trial"] - self.first
            self.rows[places] = part.rows
            self.there[places] = True
        for f in part.failed:
            self.failed[f.trial] = f
            self.there[f.trial - self.first] = True

    @property
    def prefix(self) -> int:
        """How many trials are there from the first one on, without a gap."""
        return int(np.argmin(self.there))

    def block(self) -> Block:
        """Give those trials."""
        end = self.prefix
        failed = tuple(sorted((f for t, f in self.failed.items() if t < self.first + end), key=lambda f: f.trial))
        return Block(self.first, self.rows[:end].copy(), failed)


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
