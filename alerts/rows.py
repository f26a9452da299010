"""Which of many queries match which records of a batch, as rows of bits. Pure.

A row has a bit for each record. Words and paths that are in the batch give rows to atoms, atoms to
clauses, clauses to queries; what is not in the batch is never looked at.
"""

from __future__ import annotations

from typing import NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from alerts.batch import Batch
from alerts.codes import Ids, Numbers, codes, joined, mix, spread
from alerts.compiling import EVERYWHERE, IS_SEARCHED, Compiled
from alerts.nearness import near_atoms

Rows: TypeAlias = NDArray[np.uint64]


class Matches(NamedTuple):
    """Queries, each once, and a row of bits for each; a row may be empty."""

    queries: Ids
    rows: Rows

    def pairs(self) -> tuple[Ids, Numbers | Ids]:
        """Every match: the query, and the record's place in the batch."""
        at = _bits(self.rows.ravel())
        size = 64 * self.rows.shape[1]
        place = at // at.dtype.type(size)
        return self.queries[place], at - place * at.dtype.type(size)


#: A word of bits with more of them is written out whole, one with fewer bit by bit.
_SPARSE = 6


def _bits(flat: Rows) -> Numbers | Ids:
    """The numbers of the bits that are set; small ones where they do, for less to be written."""
    kind = np.int32 if flat.size < 1 << 25 else np.int64
    some = np.flatnonzero(flat != 0)
    left = flat[some]
    some = some.astype(kind)
    is_dense = np.bitwise_count(left) > _SPARSE
    dense, sparse = np.flatnonzero(is_dense), np.flatnonzero(~is_dense)
    whole = np.unpackbits(left[dense].view(np.uint8), bitorder="little").view(bool)
    at = np.flatnonzero(whole)
    found = [(some[dense[at >> 6]] << 6) + (at & 63).astype(kind)]
    some, left = some[sparse], left[sparse]
    while left.size:
        fewer = left & (left - np.uint64(1))  # without the lowest bit
        found.append((some << 6) + np.bitwise_count((left ^ fewer) - np.uint64(1)))
        on = np.flatnonzero(fewer != 0)
        some, left = some[on], fewer[on]
    return np.concatenate(found)


def match_rows(compiled: Compiled, batch: Batch) -> Matches:
    """What matches, but for what is yet to be said of the unsure queries."""
    named, spans = _named(compiled, batch), _spans(compiled, batch)
    found = [*_by_words(compiled, batch, *named), *_by_paths(compiled, batch, *spans)]
    place = np.zeros(compiled.scopes.size + 1, np.int32)  # 0 is the row of what is not there
    for atoms, _ in found:
        place[atoms] = 1
    present = np.flatnonzero(place).astype(np.int32)
    place[present] = np.arange(1, present.size + 1)
    rows = np.zeros((present.size + compiled.nears.size + 1, _width(batch)), np.uint64)
    for atoms, some in found:
        rows[place[atoms]] |= some
    nears, records = near_atoms(compiled, batch, named, spans, place, rows)
    if nears.size:
        distinct, which = np.unique(nears, return_inverse=True)
        place[distinct] = np.arange(present.size + 1, present.size + distinct.size + 1)
        rows[place[distinct]] = _rows(which, records, distinct.size, batch)
        present = np.concatenate((present, distinct))
    alone = compiled.alone[present]
    single = np.flatnonzero(alone >= 0)
    queries, compound = _by_clauses(compiled, present, place, rows)
    return Matches(
        np.concatenate((alone[single], queries)), np.concatenate((rows[single + 1], compound))
    )


def _width(batch: Batch) -> int:
    return max(1, batch.size + 63 >> 6)


def _rows(items: Numbers, records: Numbers, count: int, batch: Batch) -> Rows:
    """A row for each of ``count`` items, with a bit for every record that it is named with."""
    cells = np.zeros((count, _width(batch) * 64), bool)
    cells[items, records] = True
    return np.packbits(cells, axis=1, bitorder="little").view("<u8")


def _grouped(groups: Ids, rows: Rows) -> tuple[Ids, Rows]:
    """One row for each group: what is in any of its rows."""
    order = np.argsort(groups)
    return _merged(groups[order], rows[order])


def _merged(ordered: Ids, rows: Rows) -> tuple[Ids, Rows]:
    """The same for groups that are in order."""
    first = np.flatnonzero(np.diff(ordered, prepend=-1))
    counts = np.diff(first, append=ordered.size)
    found = rows[first]
    many = np.flatnonzero(counts > 1)  # few: the rest are copied, which is much faster
    if many.size:
        members = rows[spread(first[many], counts[many])]
        begin = np.cumsum(counts[many]) - counts[many]
        found[many] = np.bitwise_or.reduceat(members, begin, axis=0)
    return ordered[first], found


# ------------------------------------------------------------------ words


def _by_words(
    compiled: Compiled, batch: Batch, words: Numbers, atoms: Ids
) -> list[tuple[Ids, Rows]]:
    """The rows of atoms that are one word, or begin one, for each scope."""
    scopes = compiled.scopes[atoms]
    found = []
    for scope in np.unique(scopes).tolist():
        here = np.flatnonzero(scopes == scope)
        place = np.full(batch.words.size, -1, np.int64)
        place[words[here]] = 0
        some = np.flatnonzero(place == 0)
        place[some] = np.arange(some.size)
        tokens = np.flatnonzero(_in_scope(batch, scope))
        named = place[batch.word[tokens]]
        tokens, named = tokens[named >= 0], named[named >= 0]
        rows = _rows(named, batch.record[tokens], some.size, batch)
        found.append(_grouped(atoms[here], rows[place[words[here]]]))
    return found


def _in_scope(batch: Batch, scope: int) -> NDArray[np.bool_]:
    return IS_SEARCHED[batch.field] if scope == EVERYWHERE else batch.field == scope - 1


def _named(compiled: Compiled, batch: Batch) -> tuple[Numbers, Ids]:
    """Pairs of a distinct word and an atom that it is, or begins."""
    acronyms = np.flatnonzero(batch.capitals)
    pairs = [
        compiled.words.all(batch.words),
        compiled.words.all(batch.stems),
        _at(acronyms, compiled.words.all(batch.capitals[acronyms])),
    ]
    for size in compiled.start_sizes.tolist():
        long = np.flatnonzero(batch.lengths >= size)
        begins = codes(batch.text, batch.starts[long], np.full(long.size, size))
        pairs.append(_at(long, compiled.starts.all(begins)))
    return np.concatenate([w for w, _ in pairs]), np.concatenate([a for _, a in pairs])


def _at(places: Numbers, pairs: tuple[Numbers, Ids]) -> tuple[Numbers, Ids]:
    return places[pairs[0]], pairs[1]


# ------------------------------------------------------------------ paths


def _spans(compiled: Compiled, batch: Batch) -> tuple[Ids, Numbers, Numbers]:
    """Where paths end that are atoms: the atom, the first token, the position behind the last."""
    words, node_of_word = compiled.firsts.all(batch.words)
    begins = np.zeros(batch.words.size, np.int32)
    begins[words] = node_of_word
    token = np.flatnonzero(begins[batch.word])
    node, first, after = begins[batch.word[token]], token, batch.after[token]
    found = [(np.zeros(0, np.int32), token[:0], after[:0])]
    while node.size:
        node, first, after = _steps(compiled, batch, node, first, after)
        which, atoms = compiled.ends.all(mix(node.astype(np.uint64)))
        found.append((atoms, first[which], after[which]))
    atoms, first, after = (np.concatenate(some) for some in zip(*found, strict=True))
    return atoms, first, after


def _by_paths(
    compiled: Compiled, batch: Batch, atoms: Ids, first: Numbers, _: Numbers
) -> list[tuple[Ids, Rows]]:
    """The rows of atoms that are words one straight after the other."""
    scopes, field = compiled.scopes[atoms], batch.field[first]
    met = np.flatnonzero(np.where(scopes == EVERYWHERE, IS_SEARCHED[field], scopes == field + 1))
    distinct, place = np.unique(atoms[met], return_inverse=True)
    return [(distinct, _rows(place, batch.record[first[met]], distinct.size, batch))]


def _steps(
    compiled: Compiled, batch: Batch, node: Ids, first: Numbers, after: Numbers
) -> tuple[Ids, Numbers, Numbers]:
    """From nodes over the tokens that stand next: the nodes reached, and the ends of the tokens."""
    plain = batch.here[after]
    closing = np.flatnonzero(np.isin(after, batch.closed))
    low = np.searchsorted(batch.closed, after[closing], "left")
    counts = np.searchsorted(batch.closed, after[closing], "right") - low
    come_from = np.concatenate((np.flatnonzero(plain >= 0), np.repeat(closing, counts)))
    token = np.concatenate((plain[plain >= 0], batch.first_closed + spread(low, counts)))
    word = batch.word[token]
    before = node[come_from].astype(np.uint64)
    found = []
    for values in (batch.words, batch.stems):
        which, to = compiled.steps.all(joined(before, values[word]))
        found.append((to, first[come_from[which]], batch.after[token[which]]))
    nodes, firsts, afters = (np.concatenate(some) for some in zip(*found, strict=True))
    return nodes, firsts, afters


# ------------------------------------------------------------------ clauses


def _by_clauses(compiled: Compiled, present: Ids, place: Ids, rows: Rows) -> tuple[Ids, Rows]:
    """The rows of queries of which a clause has its anchor in the batch."""
    anchor, clause = compiled.clauses.all(mix(present.astype(np.uint64)))
    ends = compiled.literal_ends
    begin = np.where(clause > 0, ends[clause - 1], 0).astype(np.int64)
    counts = ends[clause] - begin if clause.size else begin
    for number in range(2):  # what most clauses lack is their second or third atom
        on = np.flatnonzero(counts > number)
        literal = compiled.literals[begin[on] + number]
        alive = np.ones(clause.size, bool)
        alive[on[(literal & 1 == 0) & (place[literal >> 1] == 0)]] = False
        anchor, clause, begin, counts = anchor[alive], clause[alive], begin[alive], counts[alive]
    queries = compiled.clause_queries[clause]
    order = np.argsort(queries)
    anchor, begin, counts = anchor[order], begin[order], counts[order]
    met = rows[anchor + 1]
    for number in range(int(counts.max(initial=0))):
        on = np.flatnonzero(counts > number)
        literal = compiled.literals[begin[on] + number]
        other = rows[place[literal >> 1]]
        denied = np.flatnonzero(literal & 1)
        other[denied] = ~other[denied]
        met[on] &= other
    return _merged(queries[order], met)
