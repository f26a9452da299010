"""Words as 64-bit hashes, computed for many words at once. Pure.

The matcher compares millions of words; as numbers in arrays they are compared in NumPy's loops.
Words of up to eight bytes have different hashes, because the mixing can be undone; two longer words
have the same one with a chance of 2^-64. The mixing is MurmurHash3's finalizer (Appleby, public
domain).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

Hashes: TypeAlias = NDArray[np.uint64]
Numbers: TypeAlias = NDArray[np.int64]
Ids: TypeAlias = NDArray[np.int32]
SmallNumbers: TypeAlias = NDArray[np.uint8]
Bits: TypeAlias = NDArray[np.bool_]

#: Bytes that may be read beyond the end of a text, because eight are read at a time.
PADDING = bytes(8)

#: Bytes of a word that are hashed; the rest is ignored. No word of a query is as long: it has at
#: most 64 letters (:data:`alerts.queries.checks.MAX_WORD_LENGTH`) of 4 bytes, which are 256.
MAX_HASHED_BYTES = 512

_FIRST_MULTIPLIER, _SECOND_MULTIPLIER = np.uint64(0xFF51AFD7ED558CCD), np.uint64(0xC4CEB9FE1A85EC53)
_GOLDEN_RATIO = np.uint64(0x9E3779B97F4A7C15)
_SHIFT = np.uint64(33)
#: By the number of bytes that belong to a word: what to keep of eight bytes, lowest first.
_MASKS = np.array([(1 << 8 * size) - 1 for size in range(9)], np.uint64)


def hash_spans(text: bytes, starts: Numbers, lengths: Numbers) -> Hashes:
    """Return the hashes of words in ``text``, which :data:`PADDING` must follow."""
    eights = np.ndarray((len(text) - 7,), "<u8", text, strides=(1,))
    found = mix_bits(eights[starts] & _MASKS[np.minimum(lengths, 8)])
    done = 8
    longer = np.flatnonzero(lengths > done)
    while longer.size and done < MAX_HASHED_BYTES:
        rest = lengths[longer] - done
        chunk = eights[starts[longer] + done] & _MASKS[np.minimum(rest, 8)]
        found[longer] = combine_hashes(found[longer], chunk)
        longer = longer[rest > 8]
        done += 8
    return found


def hash_words(words: Sequence[str]) -> Hashes:
    """Return the hashes of words, in their order."""
    text, starts, lengths = concatenate_words([word.encode() for word in words])
    return hash_spans(text + PADDING, starts, lengths)


def concatenate_words(words: Sequence[bytes]) -> tuple[bytes, Numbers, Numbers]:
    """Return words as one text, with where each begins and how long it is."""
    lengths = np.fromiter(map(len, words), np.int64, len(words))
    ends = np.cumsum(lengths + 1)
    return b"\0".join(words), ends - lengths - 1, lengths


def mix_bits(values: Hashes) -> Hashes:
    """Return numbers spread over all 64 bits; different values stay different."""
    values = values ^ (values >> _SHIFT)
    values = values * _FIRST_MULTIPLIER
    values ^= values >> _SHIFT
    values *= _SECOND_MULTIPLIER
    values ^= values >> _SHIFT
    return values


def combine_hashes(before: Hashes, after: Hashes) -> Hashes:
    """Return one hash for each pair of hashes; it depends on their order."""
    return mix_bits(before * _GOLDEN_RATIO + after)


def rehash_as_sense(values: Hashes, sense: int) -> Hashes:
    """Return other hashes for the same words in another sense, such as that of a stem."""
    return mix_bits(values ^ np.uint64(sense * int(_GOLDEN_RATIO) & (1 << 64) - 1))


def expand_ranges(starts: Numbers | Ids, counts: Numbers | Ids) -> Numbers:
    """Return all numbers of the ranges that begin at ``starts`` and have ``counts`` members."""
    ends: Numbers = np.cumsum(counts, dtype=np.int64)
    total = int(ends[-1]) if ends.size else 0
    within: Numbers = np.arange(total, dtype=np.int64)
    within += np.repeat(starts - ends + counts, counts)
    return within


def find_distinct(values: Hashes) -> tuple[Numbers, Numbers]:
    """Return one place of each distinct value, and for each place the number of its value.

    This is ``np.unique`` with indexes and inverse, but in any order: a table of the values' 18
    highest bits finds nearly all distinct values without sorting.
    """
    slots = (values >> np.uint64(46)).astype(np.int64)
    holder = np.full(1 << 18, -1, np.int64)
    holder[slots] = np.arange(values.size)
    held = np.flatnonzero(holder >= 0)
    number = np.zeros(1 << 18, np.int64)
    number[held] = np.arange(held.size)
    places, which = holder[held], number[slots]
    others = np.flatnonzero(values[places][which] != values)
    _, first, of = np.unique(values[others], return_index=True, return_inverse=True)
    which[others] = places.size + of
    return np.concatenate((places, others[first])), which


class HashIndex(NamedTuple):
    """Values by key; a key may have several.

    Keys are spread over all 64 bits, so their highest bits tell to within a few places where a key
    is, and mostly that it is not there.
    """

    keys: Hashes  #: distinct and sorted
    ends: Ids  #: where the values of each key end
    values: Ids
    heads: Ids  #: by the highest bits: the first key that begins with them

    def find_all(self, keys: Hashes) -> tuple[Numbers, Ids]:
        """Return every value of each of ``keys``, with the place of its key in ``keys``."""
        which, at = self._find_places(keys)
        begin = self.ends[at - 1]
        begin[at == 0] = 0
        counts = self.ends[at] - begin
        return np.repeat(which, counts), self.values[expand_ranges(begin, counts)]

    def _find_places(self, keys: Hashes) -> tuple[Numbers, Numbers]:
        """Return the places in ``keys`` of those that are present, and where they are here."""
        bucket = (keys >> np.uint64(65 - self.heads.size.bit_length())).astype(np.int64)
        at, end = self.heads[bucket], self.heads[bucket + 1]
        rest = np.flatnonzero(at < end)
        found: list[tuple[Numbers, Ids]] = []
        at, end = at[rest], end[rest]
        while rest.size:
            hit = self.keys[at] == keys[rest]
            found.append((rest[hit], at[hit]))
            at += 1
            on = np.flatnonzero(~hit & (at < end))
            rest, at, end = rest[on], at[on], end[on]
        if not found:
            return rest, rest
        return np.concatenate([w for w, _ in found]), np.concatenate([a for _, a in found])


def build_index(keys: Hashes, values: Ids) -> HashIndex:
    """Return an index of ``values``, each by the key at the same place."""
    order = np.argsort(keys, kind="stable")
    keys = keys[order]
    first = np.flatnonzero(
        np.concatenate((np.ones(min(1, keys.size), bool), keys[1:] != keys[:-1]))
    )
    ends = np.append(first[1:], keys.size)[: first.size].astype(np.int32)
    distinct = keys[first]
    bits = max(1, (4 * distinct.size).bit_length())
    steps = np.arange((1 << bits) + 1, dtype=np.uint64) << np.uint64(64 - bits)
    heads = np.searchsorted(distinct, steps).astype(np.int32)
    heads[-1] = distinct.size  # the last step does not fit into 64 bits
    return HashIndex(distinct, ends, values[order], heads)
