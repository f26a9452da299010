"""Tables from codes to numbers, asked for many codes at once. Pure."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from alerts.matching.hashing import Codes, Ids, Numbers, spread


class Index(NamedTuple):
    """Values by key; a key may have many.

    Keys are scattered over all 64 bits, so that their uppermost bits tell within a few places
    where a key stands, and mostly that it does not.
    """

    keys: Codes  #: distinct and sorted
    ends: Ids  #: up to where the values of each key go
    values: Ids
    heads: Ids  #: by the uppermost bits: the first key that begins with them

    def all(self, keys: Codes) -> tuple[Numbers, Ids]:
        """For every value of each of ``keys``: the place of the key, and the value."""
        which, at = self._places(keys)
        begin = self.ends[at - 1]
        begin[at == 0] = 0
        counts = self.ends[at] - begin
        return np.repeat(which, counts), self.values[spread(begin, counts)]

    def _places(self, keys: Codes) -> tuple[Numbers, Numbers]:
        """Which of ``keys`` are here, and where."""
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


def index(keys: Codes, values: Ids) -> Index:
    """An index of ``values``, each by its key."""
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
    heads[-1] = distinct.size  # the last step is beyond 64 bits
    return Index(distinct, ends, values[order], heads)
