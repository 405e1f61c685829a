"""Address evidence: the generator is Philox-4x64-10, word for word, in both of its writings."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sim.core import philox as module
from sim.core.philox import philox, philox_pair_uint64, philox_uint64, unit_double

TOP = 2**64 - 1
EDGES = (0, 1, 2, 2**31, 2**32 - 1, 2**32, 2**63 - 1, 2**63, TOP - 1, TOP)

word = st.one_of(st.integers(0, TOP), st.sampled_from(EDGES))
address = st.tuples(word, word, word, word, word, word)

Address = tuple[int, int, int, int, int, int]

# Key (2 words), counter (4 words), answer (4 words): the rows "philox4x64 10" of kat_vectors in Random123 (D. E. Shaw
# Research), which are also in fs123, core123/ut/ut_philox.cpp.
PUBLISHED = (
    ((0, 0), (0, 0, 0, 0), (0x16554D9ECA36314C, 0xDB20FE9D672D0FDC, 0xD7E772CEE186176B, 0x7E68B68AEC7BA23B)),
    ((TOP, TOP), (TOP,) * 4, (0x87B092C3013FE90B, 0x438C3C67BE8D0224, 0x9CC7D7C69CD777B6, 0xA09CAEBF594F0BA0)),
    (
        (0x452821E638D01377, 0xBE5466CF34E90C6C),
        (0x243F6A8885A308D3, 0x13198A2E03707344, 0xA4093822299F31D0, 0x082EFA98EC4E6C89),
        (0xA528F45403E61D95, 0x38C72DBD566E9788, 0xA5A1610E72FD18B5, 0x57BD43B5E52B7FE6),
    ),
)


def numpy_words(key: tuple[int, ...], counter: tuple[int, ...]) -> tuple[int, ...]:
    """Give NumPy's four words at this counter: NumPy adds one to the 256-bit counter before it answers."""
    whole = (sum(w << (64 * i) for i, w in enumerate(counter)) - 1) % 2**256
    before = [(whole >> (64 * i)) & TOP for i in range(4)]
    generator = np.random.Philox(
        key=np.array(key, dtype=np.uint64),
        counter=np.array(before, dtype=np.uint64),
    )
    return tuple(int(w) for w in generator.random_raw(4))


def in_halves(args: Address) -> tuple[int, ...]:
    """Give the words of the writing that Numba compiles, as it runs uncompiled."""
    with np.errstate(over="ignore"):  # uint64 products wrap, which is what is wanted
        return tuple(int(w) for w in philox_uint64(*(np.uint64(a) for a in args)))


@pytest.mark.parametrize(("key", "counter", "answer"), PUBLISHED)
def test_published_answers(key: tuple[int, int], counter: tuple[int, int, int, int], answer: tuple[int, ...]) -> None:
    """The known answers that the authors of Random123 publish come out, of both writings and of NumPy."""
    assert philox(*key, *counter) == answer
    assert in_halves((*key, *counter)) == answer
    assert numpy_words(key, counter) == answer


@settings(max_examples=400)
@given(address)
def test_words_are_those_of_numpy(args: Address) -> None:
    """Any key and counter, edges and carries included, give NumPy's words, of both writings."""
    expected = numpy_words(args[:2], args[2:])
    assert philox(*args) == expected
    assert in_halves(args) == expected


@settings(max_examples=200)
@given(address, word)
def test_two_side_by_side_are_two_alone(args: Address, other: int) -> None:
    """The pair gives the words at its counter, and those with the other third word: each as it stands alone."""
    with np.errstate(over="ignore"):
        pair = philox_pair_uint64(*(np.uint64(a) for a in (*args[:5], other, args[5])))
    assert tuple(int(w) for w in pair) == philox(*args) + philox(*args[:4], other, args[5])


@pytest.mark.parametrize("counter", [(0, 0, 0, 0), (0, 1, 0, 0), (0, 0, 1, 0), (0, 0, 0, 1), (TOP, TOP, TOP, TOP)])
def test_words_are_those_of_numpy_where_its_counter_carries(counter: tuple[int, int, int, int]) -> None:
    """The comparison holds where NumPy's own counter has to carry from word to word to reach ours."""
    assert philox(7, 11, *counter) == numpy_words((7, 11), counter)


def test_one_round_less_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """The comparison can fail: with nine rounds both writings give other words than NumPy."""
    args = (1, 2, 3, 4, 5, 6)
    expected = numpy_words(args[:2], args[2:])
    nine = module.round_keys(1, 2)[:9]
    monkeypatch.setattr(module, "round_keys", lambda *_: nine)
    assert philox(*args) != expected
    monkeypatch.setattr(module, "ROUNDS", 9)
    assert in_halves(args) != expected


@given(word)
def test_a_double_is_the_middle_of_its_cell(w: int) -> None:
    """A word becomes ((word >> 12) + 0.5) * 2^-52: exactly, and never 0 or 1."""
    u = unit_double(np.uint64(w))
    numerator, denominator = u.as_integer_ratio()
    assert numerator * 2**53 == (2 * (w >> 12) + 1) * denominator
    assert 0.0 < u < 1.0
