"""Address evidence: the reference engine draws where the register says, at a patient's own address, and all of it."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import pytest

from sim.core import streams
from sim.core.events import Kind
from sim.core.streams import SITE_ITSELF, STREAMS, TRIAL_WORD
from sim.engines.records import TrialRecords
from sim.engines.reference import latent, patient, trial
from tests.helpers import of_kind, play

BUSY: dict[str, object] = {
    "enrolment.target": 60,
    "effect.rate_ratio": 2.5,  # three layers of candidate points
    "relapse.rate_per_year": 1.0,
    "reporting.pseudo_per_year": 1.0,
    "self_referral.enabled": True,
    "eligibility.kind": "soft",
    "medication.enabled": True,
    "dropout.enabled": True,
}

Address = tuple[int, int, int, int]


@dataclass(frozen=True)
class Played:
    """One trial, and how often each (patient, process, index, block) was drawn in it."""

    records: TrialRecords
    drawn: Counter[Address]


@pytest.fixture(scope="module")
def played() -> Played:
    """Play one busy trial with a spy on every draw; seed and trial are asserted."""
    seen: Counter[Address] = Counter()

    def spy(seed: int, number: int, word: int, process: int, index: int, block: int = 0) -> streams.Uniforms:
        assert (seed, number) == (77, 5)
        seen[word, process, index, block] += 1
        return streams.uniforms(seed, number, word, process, index, block)

    with pytest.MonkeyPatch.context() as patch:
        for module in (latent, patient, trial):
            patch.setattr(module, "uniforms", spy)
        return Played(play("sham_rct", BUSY, seed=77, trial=5), seen)


def test_every_stream_is_drawn_from_at_its_own_kind_of_address(played: Played) -> None:
    """A busy trial draws from all streams and no other: site and list at their words, the rest at patients'."""
    drawn = played.drawn
    assert {process for _, process, _, _ in drawn} == {stream.process for stream in STREAMS.values()}
    for word, process, index, block in drawn:
        assert index >= 0
        assert block >= 0
        if process == streams.BLOCK:
            assert word == TRIAL_WORD
        elif process == streams.SITE:
            assert word & SITE_ITSELF == SITE_ITSELF
            assert word != TRIAL_WORD
        else:
            assert word >> 32 < 12
            assert word & SITE_ITSELF < 1000


def test_layers_and_kinds_stay_within_their_blocks(played: Played) -> None:
    """Only streams with a block in the register use one: layers of points, kinds of complication, places of a block."""
    drawn = played.drawn
    blocks = {name: {b for _, p, _, b in drawn if p == stream.process} for name, stream in STREAMS.items()}
    layered = {"relapse", "severity", "recall", "report"}
    for name in layered:
        assert blocks[name] == {0, 1, 2}, name
    assert blocks["complication"] == {0, 1}  # five kinds, four to a block
    assert all(blocks[name] == {0} for name in set(blocks) - layered - {"complication"})
    once = {"person", "latent", "belief", "present", "site", "level"}
    for name in once:
        assert {i for _, p, i, _ in drawn if p == STREAMS[name].process} == {0}, name


def test_reports_of_relapses_and_pseudo_relapses_have_streams_of_their_own(played: Played) -> None:
    """A reported pseudo-relapse draws from `pseudo_report` at its own number, a relapse from `report` at its own."""
    records, drawn = played.records, played.drawn
    told = of_kind(records, Kind.RELAPSE_REPORTED)
    pseudo = {(int(e["patient"]), ~int(e["index"])) for e in told if e["index"] < 0}
    assert len(pseudo) > 5
    assert {(w, i) for w, p, i, _ in drawn if p == streams.PSEUDO_REPORT} == pseudo
    true = {(int(e["patient"]), int(e["index"]) // 8, int(e["index"]) % 8) for e in told if e["index"] >= 0}
    assert true <= {(w, i, b) for w, p, i, b in drawn if p == streams.REPORT}
    onsets = {(int(e["patient"]), int(e["index"]) // 8, int(e["index"]) % 8) for e in of_kind(records, Kind.RELAPSE)}
    screened = set(of_kind(records, Kind.SCREENED)["patient"].tolist())  # who stays at home leaves no trace
    assert {(w, i, b) for w, p, i, b in drawn if p == streams.REPORT and w in screened} <= onsets
