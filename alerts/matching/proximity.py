"""NEAR: which atoms are near each other in a batch, for all such queries at once. Pure.

The rule is that of :func:`alerts.queries.find_match`: one part comes first, and each of the others
begins in the same paragraph, with few enough words in between.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from alerts.matching.batch import TextBatch
from alerts.matching.compile import ANY_FIELD, IS_DEFAULT_FIELD, CompiledQueries
from alerts.matching.hashing import Bits, Ids, Numbers, expand_ranges

#: The distance between the keys of two atoms: no batch has as many positions.
_KEY_STRIDE = np.int64(1) << 40


class _AtomPositions(NamedTuple):
    """Where atoms are, in the order of ``key``: by atom, then by position."""

    key: Numbers
    token: Numbers
    after: Ids
    paragraph: Ids  #: the same number for all tokens of a paragraph


def find_near_atoms(
    compiled: CompiledQueries,
    batch: TextBatch,
    named: tuple[Numbers, Ids],
    spans: tuple[Ids, Numbers, Ids],
    place: Ids,
    rows: NDArray[np.uint64],
) -> tuple[Ids, Numbers]:
    """Return the NEAR atoms that are fulfilled, with the record of each time.

    Args:
        compiled: The queries.
        batch: The texts.
        named: Words of the batch, and the atoms that they are.
        spans: Atoms that paths ended in, with their first tokens and the positions after them.
        place: By atom, its row in ``rows``; 0 if it is not in the batch.
        rows: Rows of bits for the records that have an atom.
    """
    nears = _find_candidates(compiled, place, rows)
    if not nears.size:
        return nears.astype(np.int32), np.zeros(0, np.int64)
    begin, counts = _locate_parts(compiled, nears)
    wanted = np.zeros(compiled.scopes.size, bool)
    wanted[compiled.parts[expand_ranges(begin, counts)]] = True
    standing = _locate_atoms(batch, wanted, named, spans)
    found = [
        _match_from_part(compiled, batch, standing, nears, first)
        for first in range(int(counts.max()))
    ]
    near, token = (np.concatenate(some) for some in zip(*found, strict=True))
    return compiled.nears[near], batch.record[token].astype(np.int64)


def _locate_parts(compiled: CompiledQueries, nears: Numbers) -> tuple[Numbers, Numbers]:
    ends = compiled.part_ends.astype(np.int64)
    begin = np.where(nears > 0, ends[nears - 1], 0)
    return begin, ends[nears] - begin


def _find_candidates(compiled: CompiledQueries, place: Ids, rows: NDArray[np.uint64]) -> Numbers:
    """Return the NEAR atoms that have their first two parts in one record.

    Rows cover the default fields only, so atoms in other fields are always candidates.
    """
    nears = np.arange(compiled.nears.size)
    begin, _ = _locate_parts(compiled, nears)
    if not nears.size:
        return nears
    scope = compiled.scopes[compiled.nears[nears]]
    is_seen: Bits = (scope == ANY_FIELD) | IS_DEFAULT_FIELD[np.maximum(scope, 1) - 1]
    one, other = place[compiled.parts[begin]], place[compiled.parts[begin + 1]]
    both = np.flatnonzero((one > 0) & (other > 0) & is_seen)
    met = (rows[one[both]] & rows[other[both]]).any(axis=1)
    return np.sort(np.concatenate((nears[both[met]], nears[~is_seen])))


def _locate_atoms(
    batch: TextBatch,
    wanted: Bits,
    named: tuple[Numbers, Ids],
    spans: tuple[Ids, Numbers, Ids],
) -> _AtomPositions:
    words, atoms = named
    some = np.flatnonzero(wanted[atoms])
    words, atoms = words[some], atoms[some]
    order = np.argsort(words)
    words, atoms = words[order], atoms[order]
    low = np.searchsorted(words, np.arange(batch.words.size + 1))
    counts = np.diff(low)
    token = np.flatnonzero(counts[batch.word])
    word = batch.word[token]
    atom = atoms[expand_ranges(low[word], counts[word])]
    token = np.repeat(token, counts[word])
    path_atoms, firsts, afters = (values[wanted[spans[0]]] for values in spans)
    atom = np.concatenate((atom, path_atoms.astype(np.int32)))
    after: Ids = np.concatenate((batch.after[token], afters))
    token = np.concatenate((token, firsts))
    key = atom * _KEY_STRIDE + batch.position[token]
    order = np.argsort(key)
    return _AtomPositions(key[order], token[order], after[order], batch.paragraph[token[order]])


def _match_from_part(
    compiled: CompiledQueries,
    batch: TextBatch,
    standing: _AtomPositions,
    nears: Numbers,
    first: int,
) -> tuple[Numbers, Numbers]:
    """Return where part number ``first`` comes first and all others are within reach."""
    begin, counts = _locate_parts(compiled, nears)
    nears, begin, counts = (values[counts > first] for values in (nears, begin, counts))
    atom = compiled.parts[begin + first].astype(np.int64)
    low = np.searchsorted(standing.key, atom * _KEY_STRIDE)
    size = np.searchsorted(standing.key, (atom + 1) * _KEY_STRIDE) - low
    at, near = expand_ranges(low, size), np.repeat(np.arange(nears.size), size)
    scope = compiled.scopes[compiled.nears[nears]][near]
    field = batch.field[standing.token[at]]
    alive = np.where(scope == ANY_FIELD, IS_DEFAULT_FIELD[field], scope == field + 1)
    for other in range(int(counts.max(initial=0))):
        on = np.flatnonzero(alive & (counts[near] > other) & (other != first))
        part = compiled.parts[begin[near[on]] + other].astype(np.int64)
        within = compiled.withins[nears[near[on]]]
        alive[on] = _is_within_reach(standing, at[on], part, within)
    return nears[near[alive]], standing.token[at[alive]]


def _is_within_reach(standing: _AtomPositions, at: Numbers, part: Numbers, within: Ids) -> Bits:
    """Return whether ``part`` begins soon after ``at``; the nearest one decides."""
    behind = part * _KEY_STRIDE + standing.after[at]
    nearest = np.searchsorted(standing.key, behind)
    there = np.minimum(nearest, standing.key.size - 1)
    is_soon: Bits = (nearest < standing.key.size) & (standing.key[there] <= behind + within)
    is_soon &= standing.paragraph[there] == standing.paragraph[at]
    return is_soon
