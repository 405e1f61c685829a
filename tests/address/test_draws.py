"""Address evidence: the reference engine draws where the register says, at a patient's own address, and all of it."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import pytest

from sim.core import streams
from sim.core.events import Kind
from sim.core.streams import SITE_ITSELF, STREAMS, TRIAL_WORD
from sim.engines.records import TrialRecords
from sim.engines.reference import allocation, latent, patient, sites, trial
from tests.helpers import Overrides, of_kind, play

BUSY: dict[str, object] = {
    "enrolment.target": 60,
    "effect.rate_ratio": 2.5,  # three layers of candidate points
    "relapse.rate_per_year": 1.0,
    "reporting.pseudo_per_year": 1.0,
    "self_referral.enabled": True,
    "eligibility.kind": "soft",
    "medication.enabled": True,
    "dropout.enabled": True,
    "lesions.enabled": True,
    "contamination": {"enabled": True, "per_year": 0.5},
    "sites.effect_sd_log": 0.05,  # still three layers
    "surveillance": {"enabled": True, "scheduled_months": [3.0, 12.0]},
    "belief": {
        "cue_logits": 0.5,
        "sham_cue_logits": 0.5,
        "outside_scan_prob_per_year": 0.5,
        "outside_scan_logits": 1.0,
        "guess_at_end": True,
    },
}

Address = tuple[int, int, int, int]


@dataclass(frozen=True)
class Played:
    """One trial, and how often each (patient, process, index, block) was drawn in it."""

    records: TrialRecords
    drawn: Counter[Address]


def spied(overrides: Overrides) -> Played:
    """Play one trial with a spy on every draw; seed and trial are asserted."""
    seen: Counter[Address] = Counter()

    def spy(seed: int, number: int, word: int, process: int, index: int, block: int = 0) -> streams.Uniforms:
        assert (seed, number) == (77, 5)
        seen[word, process, index, block] += 1
        return streams.uniforms(seed, number, word, process, index, block)

    with pytest.MonkeyPatch.context() as patch:
        for module in (allocation, latent, patient, sites, trial):
            patch.setattr(module, "uniforms", spy)
        return Played(play("sham_rct", overrides, seed=77, trial=5), seen)


@pytest.fixture(scope="module")
def played() -> Played:
    """Play one busy trial with activity in two states."""
    return spied(BUSY)


@pytest.fixture(scope="module")
def monthly() -> Played:
    """Play the same trial with a level of activity a month."""
    return spied(BUSY | {"activity.kind": "log_ou"})


@pytest.fixture(scope="module")
def steered() -> Played:
    """Play the same trial with lists by stratum and a recruiter who steers."""
    rule = {"kind": "stratified_blocks", "factors": ["site", "relapses"], "block_size": 12}
    return spied(BUSY | {"randomisation": rule | {"foreseen_prob": 0.5, "steering_prob": 0.5}})


def test_every_stream_is_drawn_from_at_its_own_kind_of_address(
    played: Played, monthly: Played, steered: Played
) -> None:
    """Busy trials draw from all streams and no other: site and list at their words, the rest at patients'.

    Activity in two states and activity by the month have a stream each, and leave the other's alone; so have the
    central list and the lists of strata; veins are examined where screening is on.
    """
    every = {stream.process for stream in STREAMS.values()} - {streams.UNCERTAIN}  # drawn before a trial is played
    further = {streams.STRATUM_BLOCK, streams.ALLOCATION}
    elsewhere = further | {streams.DOPPLER}
    assert {process for _, process, _, _ in played.drawn} == every - {streams.ACTIVITY_MONTH} - elsewhere
    screened = spied(BUSY | {"screening.enabled": True}).drawn
    assert {process for _, process, _, _ in screened} == every - {streams.ACTIVITY_MONTH} - further
    assert {(i, b) for _, p, i, b in screened if p == streams.DOPPLER} == {(0, 0), (0, 1)}
    assert {process for _, process, _, _ in monthly.drawn} == every - {streams.ACTIVITY} - elsewhere
    alone = {streams.ACTIVITY_MONTH, streams.BLOCK, streams.DOPPLER}
    assert {process for _, process, _, _ in steered.drawn} == every - alone
    for word, process, index, block in played.drawn | monthly.drawn | steered.drawn:
        assert index >= 0
        assert block >= 0
        if process in (streams.BLOCK, streams.STRATUM_BLOCK):
            assert word == TRIAL_WORD
        elif process in (streams.SITE, streams.SITE_EFFECT):
            assert word & SITE_ITSELF == SITE_ITSELF
            assert word != TRIAL_WORD
        else:
            assert word >> 32 < 12
            assert word & SITE_ITSELF < 1000


def test_months_of_history_are_drawn_in_a_block_of_their_own(monthly: Played) -> None:
    """Three years of history are months 0 to 35 of block 1; from screening on months are drawn in block 0, for all."""
    drawn = [(w, i, b) for w, p, i, b in monthly.drawn if p == streams.ACTIVITY_MONTH]
    assert {b for _, _, b in drawn} == {0, 1}
    words = {w for w, _, _ in drawn}
    assert all({i for w, i, b in drawn if w == word and b == 1} == set(range(9)) for word in words)
    assert {w for w, i, b in drawn if (i, b) == (0, 0)} == words
    assert max(i for _, i, b in drawn if b == 0) >= 6  # two years on study


def test_layers_and_kinds_stay_within_their_blocks(played: Played) -> None:
    """Only streams with a block in the register use one: layers of points, kinds of complication, places of a block."""
    drawn = played.drawn
    blocks = {name: {b for _, p, _, b in drawn if p == stream.process} for name, stream in STREAMS.items()}
    layered = {"relapse", "severity", "recall", "report"}
    for name in layered:
        assert blocks[name] == {0, 1, 2}, name
    assert blocks["complication"] == {0, 1}  # five kinds, four to a block
    elsewhere = {"complication", "activity_month", "doppler", "stratum_block", "allocation", "uncertain"}
    assert all(blocks[name] == {0} for name in set(blocks) - layered - elsewhere)
    once = {"person", "latent", "belief", "present", "site", "site_effect", "level", "lesion"}
    for name in once:
        assert {i for _, p, i, _ in drawn if p == STREAMS[name].process} == {0}, name


def test_strata_draw_from_blocks_of_their_own(steered: Played) -> None:
    """A stratum's places are 250 blocks from the next one's, three used of each list of 12; steering draws at 0."""
    blocks = {b for _, p, _, b in steered.drawn if p == streams.STRATUM_BLOCK}
    assert {b % 250 for b in blocks} <= {0, 1, 2}
    assert {b // 250 % 4 for b in blocks} == {0, 1}  # EDSS is no factor
    assert len({b // 250 for b in blocks}) > 12
    assert {(i, b) for _, p, i, b in steered.drawn if p == streams.ALLOCATION} == {(0, 0)}


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
