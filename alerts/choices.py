"""Which queries of several clauses match, as rows of bits. Pure.

A clause is looked at only where its anchor is in the batch and the first atoms that it needs
beside it are too; then its row is the anchor's, cut by those of the others.
"""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from alerts.matching.compile import Compiled
from alerts.matching.hashing import Ids, Numbers, mix

#: A bit for each record, in words of 64.
Rows: TypeAlias = NDArray[np.uint64]


def chosen(compiled: Compiled, present: Ids, place: Ids, rows: Rows) -> tuple[Ids, Rows]:
    """The queries of which a clause may be met, and their rows.

    ``present`` are the atoms in the batch; an atom's row stands at its ``place`` in ``rows``, and
    at place 0 the empty one of all others.
    """
    _, clauses = compiled.clauses.all(mix(present.astype(np.uint64)))
    clauses = np.sort(_hopeful(compiled, clauses, place))  # they are numbered by their queries
    queries = compiled.clause_queries[clauses]
    first = np.flatnonzero(np.diff(queries, prepend=-1))
    counts = np.diff(first, append=clauses.size)
    found = _met(compiled, clauses[first], place, rows)
    for number in range(1, int(counts.max(initial=0))):
        on = np.flatnonzero(counts > number)
        found[on] |= _met(compiled, clauses[first[on] + number], place, rows)
    return queries[first], found


def _hopeful(compiled: Compiled, clauses: Ids, place: Ids) -> Ids:
    """The clauses whose second and third atoms are not missing, which is what most lack."""
    for number in range(2):
        begin, counts = _literals(compiled, clauses)
        on = np.flatnonzero(counts > number)
        literal = compiled.literals[begin[on] + number]
        lost = on[(literal & 1 == 0) & (place[literal >> 1] == 0)]
        alive = np.ones(clauses.size, bool)
        alive[lost] = False
        clauses = clauses[alive]
    return clauses


def _literals(compiled: Compiled, clauses: Ids) -> tuple[Numbers | Ids, Numbers | Ids]:
    """Where the other atoms of clauses begin, and how many they are."""
    begin = compiled.literal_ends[clauses]
    return begin, compiled.literal_ends[clauses + 1] - begin


def _met(compiled: Compiled, clauses: Ids, place: Ids, rows: Rows) -> Rows:
    """The rows of clauses."""
    met = rows[place[compiled.clause_anchors[clauses]]]
    begin, counts = _literals(compiled, clauses)
    for number in range(int(counts.max(initial=0))):
        on = np.flatnonzero(counts > number)
        literal = compiled.literals[begin[on] + number]
        other = rows[place[literal >> 1]]
        denied = np.flatnonzero(literal & 1)
        other[denied] = ~other[denied]
        if on.size == clauses.size:
            met &= other
        else:
            met[on] &= other
    return met
