"""Proves a run's folder: every chunk read whole, and a sample of its trials played again and compared bit for bit."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sim.core.errors import ShamtrialError
from sim.engines.records import ENGINE_VERSION
from sim.study import chunks
from sim.study.layout import Block, Layout, Rows
from sim.study.opened import StoredRun
from sim.study.play import for_many
from sim.study.remake import MAKERS
from sim.study.runner import Failure, Pool, Watcher, Workers
from sim.study.runs import Address, checked
from sim.study.uncertain import settings_of

DEFAULT_TRIALS = 20


@dataclass(frozen=True)
class Amiss:
    """Something that is not as it should be: a file, and what was found there."""

    file: str
    found: str


@dataclass(frozen=True)
class Unlike:
    """A trial that, played again, is not what is stored: the field that differs, and both values."""

    series: str
    trial: int
    where: str
    stored: str
    played: str


@dataclass(frozen=True)
class Verified:
    """What became of a check: chunks read, trials there and wanted, trials played again, and what is wrong."""

    folder: str
    chunks: int
    present: int
    wanted: int
    replayed: tuple[int, ...]
    amiss: tuple[Amiss, ...]
    unlike: tuple[Unlike, ...]

    @property
    def passed(self) -> bool:
        """Whether every chunk is whole and every trial played again is the same."""
        return not self.amiss and not self.unlike

    def to_dict(self) -> dict[str, Any]:
        """Give plain values for JSON."""
        return {**asdict(self), "passed": self.passed}

    def __repr__(self) -> str:
        lines = [
            f"{self.folder}: {self.chunks} chunks read, {self.present} of {self.wanted} trials there, "
            f"{len(self.replayed)} played again, {'all as stored' if self.passed else 'NOT as it should be'}"
        ]
        lines += [f"  {a.file}: {a.found}" for a in self.amiss]
        lines += [
            f"  trial {u.trial} of {u.series}, {u.where}: stored {u.stored}, played again {u.played}"
            for u in self.unlike
        ]
        return "\n".join(lines)


def verify(
    run: StoredRun,
    trials: int | None = DEFAULT_TRIALS,
    seed: int = 1,
    workers: Workers = 1,
    engine: str = "auto",
    watch: Watcher | None = None,
) -> Verified:
    """Read every chunk and play a sample of `trials` trials again (None: all), chosen by `seed`.

    ShamtrialError where the run is of another engine version, or of a command whose trials can't be played alone.
    """
    if trials is not None and trials < 0:
        raise ShamtrialError(f"--trials: found {trials}; allowed: 0 or more")
    command, names = run.told["command"], list(run.listing)
    if command in MAKERS and not names:
        raise ShamtrialError(f"{run.folder}: found no chunks; allowed: a run that has some")
    if command not in MAKERS:
        known = " or ".join(sorted(MAKERS))
        raise ShamtrialError(f"{run.folder}: found a run of `{command}`; allowed: a run of {known} that has chunks")
    if run.told["engine_version"] != ENGINE_VERSION:
        raise ShamtrialError(
            f"{run.folder / 'run.json'}: engine_version: found {run.told['engine_version']}; "
            f"allowed: {ENGINE_VERSION}, which is installed here and would play other trials"
        )
    run.refuse_other_format()
    cloud, parts = run.told["settings"].get("cloud"), []
    if cloud and cloud != settings_of(True)["cloud"]:
        raise ShamtrialError(
            f"{run.folder / 'run.json'}: settings.cloud: found {cloud}; allowed: "
            f"{settings_of(True)['cloud']}, the populations that are installed here"
        )
    for name in names:
        play, layout = MAKERS[command](run, name, for_many(engine))
        parts.append(_Check(run, name, layout, play).verify(trials, seed, workers, watch))
    gone = {name: were for name, (_, were) in run.lost.items() if name not in names}
    return Verified(
        folder=str(run.folder),
        chunks=sum(p.chunks for p in parts),
        present=sum(p.present for p in parts),
        wanted=sum(p.wanted for p in parts) + sum(gone.values()),
        replayed=tuple(t for p in parts for t in p.replayed),
        amiss=(
            *(Amiss("run.json", f"a result with {name}, of which no trial is there") for name in gone),
            *(a for p in parts for a in p.amiss),
        ),
        unlike=tuple(u for p in parts for u in p.unlike),
    )


def _numbers(lengths: dict[int, int]) -> NDArray[np.int64]:
    """Give the trials' numbers, by the number of trials in each chunk."""
    parts = [np.arange(length, dtype=np.int64) + n * chunks.CHUNK for n, length in sorted(lengths.items())]
    return np.concatenate([np.empty(0, np.int64), *parts])


@dataclass(frozen=True)
class _Check:
    run: StoredRun
    series: str
    layout: Layout
    play: Any

    def verify(self, trials: int | None, seed: int, workers: Workers, watch: Watcher | None) -> Verified:
        lengths: dict[int, int] = {}
        amiss = []
        for path in self.run.paths(self.series):
            try:
                lengths[int(path.stem[-6:])] = len(self._chunk(path).rows)
            except (chunks.Damaged, ShamtrialError) as error:
                amiss.append(Amiss(path.name, str(error)))
        there = _numbers(lengths)
        asked = self.run.told.get("series", {}).get(self.series, self.run.told.get("trials"))
        wanted = len(there) if asked is None else int(asked)
        if self.run.told.get("result") is not None and (missing := wanted - len(there)) > 0:
            amiss.append(Amiss("run.json", f"a result of {wanted} trials, {missing} of which are not there"))
        places = random.Random(seed).sample(
            range(len(there)), min(len(there) if trials is None else trials, len(there))
        )
        chosen = there[np.sort(np.array(places, int))].tolist()
        unlike = tuple(self._compared(chosen, workers, watch)) if chosen else ()
        return Verified(
            str(self.run.folder), len(self.run.paths(self.series)), len(there), wanted, tuple(chosen), tuple(amiss),
            unlike,
        )  # fmt: skip

    def _chunk(self, path: Any) -> Block:
        told = self.run.told
        scenario = self.run.scenario_of(self.series)
        address = Address(told["command"], "", scenario, told["seed"], told.get("settings", {}))
        return checked(path, self.layout, address.stamp(self.series), told["seed"])

    def _compared(self, chosen: Sequence[int], workers: Workers, watch: Watcher | None) -> Iterator[Unlike]:
        """Play the chosen trials of a chunk at a time, so that no more than that is held."""
        by_chunk: dict[int, list[int]] = {}
        for trial in chosen:
            by_chunk.setdefault(trial // chunks.CHUNK, []).append(trial)
        with Pool(self.play, self.run.told["seed"], workers) as pool:
            for number, own in by_chunk.items():
                stored = self._chunk(chunks.chunk_path(self.run.folder, self.series, number))
                rows, failed = pool.run_rows(own, watch)
                yield from self._unlike(stored, own, rows, failed)

    def _unlike(self, stored: Block, own: list[int], rows: Rows | None, failed: list[Failure]) -> Iterator[Unlike]:
        again = self.layout.blank(len(own))
        again["trial"] = own
        if rows is not None:
            again[np.searchsorted(own, rows["trial"])] = rows
        reasons = {f.trial: f.message for f in failed}
        kept = {f.trial: f.message for f in stored.failed}
        for new, trial in zip(again, own, strict=True):
            if kept.get(trial) != reasons.get(trial):
                said = (kept.get(trial, "an answer"), reasons.get(trial, "an answer"))
                yield Unlike(self.series, trial, "reason", *said)
            elif found := self._first_unlike(stored.rows[trial - stored.first], new):
                yield Unlike(self.series, trial, *found)

    def _first_unlike(self, old: Any, new: Any) -> tuple[str, str, str] | None:
        """Give the first column in which a trial's lines differ in a bit, with both values."""
        if old.tobytes() == new.tobytes():
            return None
        ours, theirs = (self.layout.columns(np.array([row], self.layout.dtype)) for row in (old, new))
        for name, column in ours.items():
            pairs = zip(column.to_pylist(), theirs[name].to_pylist(), strict=True)
            for line, (a, b) in enumerate(pairs):
                if repr(a) != repr(b):
                    key = f"{ours['endpoint'][line]} " if "endpoint" in ours else ""
                    return f"{key}{name}", repr(a), repr(b)
        return "bits", old.tobytes().hex(), new.tobytes().hex()
