"""Hashes tell words apart, and indexes find all values of a key and nothing else."""

from __future__ import annotations

from collections import defaultdict

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerts.matching.hashing import (
    MAX_HASHED_BYTES,
    Hashes,
    build_index,
    combine_hashes,
    concatenate_words,
    expand_ranges,
    find_distinct,
    hash_words,
    rehash_as_sense,
)

#: Eight bytes are read at a time: words that end before, at and after such a border, and those
#: that differ in one place.
LENGTHS = (*range(1, 26), 63, 64, 65, MAX_HASHED_BYTES)
WORDS = sorted(
    {"a" * length for length in range(27)}
    | {"a" * at + "b" + "a" * (length - at - 1) for length in LENGTHS for at in range(length)}
)


def test_words_that_differ_in_one_place_have_different_hashes_in_each_sense() -> None:
    plain = hash_words(WORDS)
    senses = [plain, *(rehash_as_sense(plain, sense) for sense in (1, 2, 3, 16))]
    assert len(set(np.concatenate(senses).tolist())) == 5 * len(WORDS)


def test_the_hash_of_a_word_does_not_depend_on_the_words_around_it() -> None:
    some = WORDS[::7]
    assert hash_words(some).tolist() == [int(hash_words([word])[0]) for word in some]


@pytest.mark.parametrize(("length", "is_read"), [(511, True), (512, True), (513, False)])
def test_the_end_of_a_very_long_word_is_ignored(length: int, *, is_read: bool) -> None:
    one, other = hash_words(["a" * length, "a" * (length - 1) + "b"])
    assert bool(one != other) is is_read


def test_the_hash_of_a_pair_depends_on_both_and_on_their_order() -> None:
    values = hash_words(["", "a", "b", "c", "ab"])
    one, other = np.meshgrid(values, values)
    assert len(set(combine_hashes(one.ravel(), other.ravel()).tolist())) == 25


def test_words_are_found_in_their_concatenation() -> None:
    words = [b"knife", b"", b"crime"]
    text, starts, lengths = concatenate_words(words)
    assert [text[s : s + n] for s, n in zip(starts, lengths, strict=True)] == words
    assert concatenate_words([])[0] == b""


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 3)), max_size=5))
def test_ranges_are_expanded(ranges: list[tuple[int, int]]) -> None:
    starts, counts = (np.array([r[place] for r in ranges], np.int64) for place in (0, 1))
    expected = [n for start, count in ranges for n in range(start, start + count)]
    assert expand_ranges(starts, counts).tolist() == expected


#: Keys of all sizes, and those that share their highest bits, by which they are looked up.
KEYS = [
    *(0, 1, 2, (1 << 64) - 1, (1 << 64) - 2, 1 << 63, (1 << 63) - 1, 1 << 46, (1 << 46) - 1),
    *((7 << 61) + n for n in range(5)),
    *((n << 57) + 3 for n in range(128)),
]
SOME_KEYS = st.lists(st.sampled_from(KEYS), max_size=40)


def to_hashes(keys: list[int]) -> Hashes:
    return np.array(keys, np.uint64)


@pytest.mark.slow
@given(SOME_KEYS)
def test_an_index_finds_every_value_of_a_key_and_nothing_else(keys: list[int]) -> None:
    expected = defaultdict(list)
    for value, key in enumerate(keys):
        expected[key].append(value + 100)
    index = build_index(to_hashes(keys), np.arange(100, 100 + len(keys), dtype=np.int32))
    asked = [*KEYS, *KEYS[::-1]]
    places, values = index.find_all(to_hashes(asked))
    found = sorted(zip(places.tolist(), values.tolist(), strict=True))
    assert found == [(place, value) for place, key in enumerate(asked) for value in expected[key]]
    assert [one.size for one in index.find_all(to_hashes([]))] == [0, 0]


@pytest.mark.slow
@given(SOME_KEYS)
def test_distinct_values_are_numbered(keys: list[int]) -> None:
    values = to_hashes(keys)
    first, number = find_distinct(values)
    assert sorted(values[first].tolist()) == sorted(set(keys))
    assert values[first][number].tolist() == keys
