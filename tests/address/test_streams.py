"""Address evidence: a draw is a pure function of its address, and the register of addresses never changes."""

from unittest.mock import patch

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim.core import philox as philox_module
from sim.core import streams
from sim.core.streams import SITE_ITSELF, STREAMS, TRIAL_WORD, patient_word, uniforms

TOP = 2**64 - 1

# Append-only. A row that is here has been drawn from: its process, name, index and lanes mean what they mean for ever.
# A new stream is a new row, a new draw in an old stream takes a lane "-", and nothing else may change.
REGISTER = (
    (1, "person", "0", ("arrival", "frailty", "dropout", "allocation")),
    (2, "latent", "0", ("edss", "slope", "quality", "activity_start")),
    (3, "belief", "0", ("patient", "physician", "assessor", "-")),
    (4, "present", "0", ("self_referral", "selection", "wait", "course")),
    (5, "activity", "switch // 4", ("sojourn 4i", "sojourn 4i+1", "sojourn 4i+2", "sojourn 4i+3")),
    (6, "relapse", "point // 2; block = layer", ("gap 2i", "mark 2i", "gap 2i+1", "mark 2i+1")),
    (7, "severity", "point; block = layer", ("severity", "residual", "residual_size", "-")),
    (8, "recall", "point; block = layer", ("omission", "telescoping", "shift", "-")),
    (9, "report", "point; block = layer", ("reported", "confirmed", "medication", "-")),
    (10, "pseudo", "point // 2", ("gap 2i", "mark 2i", "gap 2i+1", "mark 2i+1")),
    (11, "pseudo_report", "point", ("confirmed", "medication", "-", "-")),
    (12, "vein", "vein + 8 * procedure", ("stenosis", "success", "restenosis", "-")),
    (13, "complication", "procedure; block = kind // 4", ("kind 4b", "kind 4b+1", "kind 4b+2", "kind 4b+3")),
    (14, "examination", "visit", ("edss", "edss_tail", "quality", "attendance")),
    (15, "site", "0", ("arrival_rate", "rater", "relapse_rate", "success")),
    (16, "block", "block; block = place // 4", ("place 4b", "place 4b+1", "place 4b+2", "place 4b+3")),
    (17, "level", "0", ("msfc", "mental", "-", "-")),
    (18, "score", "visit", ("msfc", "mental", "timing", "-")),
    (20, "activity_month", "month // 4; block", ("month 4i", "month 4i+1", "month 4i+2", "month 4i+3")),
    (21, "lesion", "0", ("factor", "-", "-", "-")),
    (22, "scan", "visit + 1", ("gd", "gd_variation", "t2", "-")),
    (23, "doppler", "examination; block", ("criterion_5", "venography", "ivus", "-")),
    (24, "imaging", "imaging", ("left_ijv", "right_ijv", "azygos", "-")),
    (25, "cue", "procedure", ("patient", "physician", "assessor", "-")),
    (26, "guess", "occasion", ("patient", "physician", "assessor", "-")),
    (27, "outside_scan", "scan", ("gap", "-", "-", "-")),
    (32, "hazard", "hazard * 64 + spell % 64; block = spell // 64", ("budget", "-", "-", "-")),
    (
        28,
        "stratum_block",
        "block; block = 250 * stratum + place // 4",
        ("place 4b", "place 4b+1", "place 4b+2", "place 4b+3"),
    ),
    (29, "allocation", "0", ("letter", "foreseen", "steered", "-")),
    (31, "site_effect", "0", ("effect", "-", "-", "-")),
    (33, "uncertain", "0 trial, 1 group", ("population", "no_effect", "effect", "-")),
)

# What `uniforms` has to do with its arguments, written out a second time.
PARTS = ("seed", "trial", "patient", "process", "index", "block")
Parts = dict[str, int]
BASE: Parts = {"seed": 20090101, "trial": 3, "patient": (2 << 32) | 17, "process": 6, "index": 5, "block": 1}

part_value = st.integers(0, TOP)
any_address = st.fixed_dictionaries(dict.fromkeys(PARTS, part_value))


def at(parts: Parts) -> tuple[float, float, float, float]:
    """Draw at an address given by name."""
    return uniforms(parts["seed"], parts["trial"], parts["patient"], parts["process"], parts["index"], parts["block"])


@given(any_address)
def test_each_part_has_its_own_word(parts: Parts) -> None:
    """Key = (seed, process), counter = (block, index, patient, trial): the words are Philox at just that place."""
    words = philox_module.philox(
        parts["seed"], parts["process"], parts["block"], parts["index"], parts["patient"], parts["trial"]
    )
    assert at(parts) == tuple(((w >> 12) + 0.5) / 2**52 for w in words)


@pytest.mark.parametrize("part", PARTS)
@pytest.mark.parametrize("change", [1, 2**16, 2**32, 2**63])
def test_changing_one_part_changes_every_lane(part: str, change: int) -> None:
    """Each part of the address counts, its highest bit included: changing it alone gives four other doubles."""
    other = BASE | {part: BASE[part] ^ change}
    assert not set(at(BASE)) & set(at(other))


@given(any_address, st.sampled_from(PARTS), part_value)
def test_no_two_addresses_share_a_lane(parts: Parts, part: str, value: int) -> None:
    """Whatever the rest of the address, one part changed to anything gives other doubles (chance: 16 / 2^52)."""
    if value == parts[part]:
        return
    assert not set(at(parts)) & set(at(parts | {part: value}))


@given(st.permutations(PARTS))
def test_parts_are_not_interchangeable(order: list[str]) -> None:
    """The same six numbers in other places are another address."""
    values = (11, 12, 13, 14, 15, 16)
    shuffled = dict(zip(order, values, strict=True))
    plain = dict(zip(PARTS, values, strict=True))
    assert (at(shuffled) == at(plain)) == (shuffled == plain)


@given(any_address, st.lists(any_address, max_size=5))
def test_a_draw_does_not_know_what_was_drawn_before(parts: Parts, others: list[Parts]) -> None:
    """Nothing but the address counts: the answer is the same before and after any other draws."""
    first = at(parts)
    for other in others:
        at(other)
    assert at(parts) == first


@pytest.mark.parametrize(("word", "expected"), [(0, 2.0**-53), (TOP, 1.0 - 2.0**-53), (0xFFF, 2.0**-53)])
def test_doubles_lie_in_the_open_interval(word: int, expected: float) -> None:
    """The smallest word gives 2^-53 and the largest 1 - 2^-53, never 0 or 1, in each lane."""
    with patch.object(streams, "philox", lambda *_: (word, word, word, word)):
        assert uniforms(1, 2, 3, 4, 5, 6) == (expected,) * 4
    assert 0.0 < expected < 1.0


def test_the_patient_word_keeps_site_and_arrival_apart() -> None:
    """site * 2^32 + arrival, up to the site itself; the trial's word is the last of all and no patient's."""
    assert patient_word(0, 0) == 0
    assert patient_word(0, 1) == 1
    assert patient_word(1, 0) == 2**32
    assert patient_word(3, 17) == 3 * 2**32 + 17
    assert SITE_ITSELF == 2**32 - 1
    assert patient_word(999, SITE_ITSELF) + 1 == patient_word(1000, 0)
    assert TRIAL_WORD == TOP
    assert patient_word(1000, SITE_ITSELF) < TRIAL_WORD  # sites.count is at most 1000


def test_the_register_is_frozen() -> None:
    """Every registered stream is as it was: rows may be added and lanes marked "-" be given away, nothing else."""
    for process, name, index, lanes in REGISTER:
        now = STREAMS[name]
        assert tuple(now)[:3] == (process, name, index)
        assert len(now.lanes) == 4
        assert all(old in ("-", new) for old, new in zip(lanes, now.lanes, strict=True))


def test_the_literal_table_holds_the_whole_register() -> None:
    """No stream is missing from the table above: a new stream or lane is frozen in the change that brings it."""
    assert tuple(tuple(stream) for stream in STREAMS.values()) == REGISTER


def test_no_process_number_is_used_twice() -> None:
    """Process numbers are distinct and above zero, and each constant is its stream's number."""
    numbers = [stream.process for stream in STREAMS.values()]
    assert len(set(numbers)) == len(numbers)
    assert min(numbers) > 0
    assert all(getattr(streams, name.upper()) == stream.process for name, stream in STREAMS.items())
