"""Evaluation: which queries match which records of a batch, as rows of bits. Pure.

A row has a bit for each record. The rows of atoms are made from the words and paths in the batch,
those of clauses from atoms, and those of queries from clauses. Atoms that are not in the batch cost
nothing.
"""

from __future__ import annotations

from typing import NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from alerts.matching.batch import TextBatch
from alerts.matching.compile import ANY_FIELD, IS_DEFAULT_FIELD, CompiledQueries
from alerts.matching.hashing import (
    Ids,
    Numbers,
    combine_hashes,
    expand_ranges,
    hash_spans,
    mix_bits,
)
from alerts.matching.proximity import find_near_atoms

#: A bit for each record, in words of 64, lowest first.
Rows: TypeAlias = NDArray[np.uint64]
#: Set bits in a word above which all 64 are unpacked. Fewer are taken one by one, in a pass each.
_MAX_SPARSE_BITS = 6


class QueryRows(NamedTuple):
    """Different queries, and a row of bits for each; a row may have no bit set."""

    queries: Ids
    rows: Rows

    def list_pairs(self) -> tuple[Ids, Numbers | Ids]:
        """Return every match as a query and the record's place in the batch."""
        at = _list_set_bits(self.rows.ravel())
        size = 64 * self.rows.shape[1]
        place = at // at.dtype.type(size)
        return self.queries[place], at - place * at.dtype.type(size)


def _list_set_bits(flat: Rows) -> Numbers | Ids:
    """Return the numbers of the bits that are set, in 32 bits each if they fit."""
    kind = np.int32 if flat.size < 1 << 25 else np.int64
    some = np.flatnonzero(flat != 0)
    left = flat[some]
    some = some.astype(kind)
    is_dense = np.bitwise_count(left) > _MAX_SPARSE_BITS
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


def match_rows(compiled: CompiledQueries, batch: TextBatch) -> QueryRows:
    """Return what matches; the bits of inexact queries have to be checked by ``find_match``."""
    words, spans = _find_word_atoms(compiled, batch), _find_path_atoms(compiled, batch)
    # Row 0 is empty, for atoms that are not there.
    place = np.zeros(compiled.scopes.size + 1, np.int32)
    place[words[1]] = 1
    place[spans[0]] = 1
    present = np.flatnonzero(place).astype(np.int32)
    place[present] = np.arange(1, present.size + 1)
    rows = np.zeros((present.size + 1, _row_width(batch)), np.uint64)
    _add_words(compiled, batch, *words, place, rows)
    _add_paths(compiled, batch, *spans[:2], place, rows)
    nears, records = find_near_atoms(compiled, batch, words, spans, place, rows)
    if nears.size:
        distinct, which = np.unique(nears, return_inverse=True)
        place[distinct] = np.arange(present.size + 1, present.size + distinct.size + 1)
        rows = np.concatenate((rows, _build_rows(which, records, distinct.size, batch)))
        present = np.concatenate((present, distinct))
    of_atom = compiled.query_of_atom[present]
    single = np.flatnonzero(of_atom >= 0)
    queries, compound = choose_queries(compiled, present, place, rows)
    return QueryRows(
        np.concatenate((of_atom[single], queries)), np.concatenate((rows[single + 1], compound))
    )


def _row_width(batch: TextBatch) -> int:
    return max(1, batch.size + 63 >> 6)


def _build_rows(items: Numbers, records: Numbers | Ids, count: int, batch: TextBatch) -> Rows:
    """Return a row for each of ``count`` items, with the bits of the records paired with it."""
    size = _row_width(batch) * 64
    cells = np.zeros(count * size, bool)
    cells[items * size + records] = True
    return np.packbits(cells, bitorder="little").view("<u8").reshape(count, size // 64)


def _fill_rows(rows: Rows, places: Ids, source: Rows, which: Numbers) -> None:
    """Add row ``which`` of ``source`` to each of the empty ``places``, some of which repeat."""
    turn = np.arange(places.size, dtype=np.int32)
    last = np.zeros(len(rows), np.int32)
    last[places] = turn
    is_last = last[places] == turn  # one for each place, and nearly all of them
    rows[places[is_last]] = source[which[is_last]]
    places, which = places[~is_last], which[~is_last]
    order = np.argsort(places)
    places, which = places[order], which[order]
    first = np.flatnonzero(np.diff(places, prepend=-1))
    if first.size:
        rows[places[first]] |= np.bitwise_or.reduceat(source[which], first, axis=0)


# ------------------------------------------------------------------ words


def _add_words(
    compiled: CompiledQueries, batch: TextBatch, words: Numbers, atoms: Ids, place: Ids, rows: Rows
) -> None:
    """Fill the rows of atoms that are one word or its beginning, scope by scope."""
    scopes = compiled.scopes[atoms]
    for scope in np.unique(scopes).tolist():
        here = np.flatnonzero(scopes == scope)
        number = np.full(batch.words.size, -1, np.int64)
        number[words[here]] = 0
        some = np.flatnonzero(number == 0)
        number[some] = np.arange(some.size)
        tokens = np.flatnonzero(_is_in_scope(batch, scope))
        named = number[batch.word[tokens]]
        is_named = named >= 0
        source = _build_rows(named[is_named], batch.record[tokens[is_named]], some.size, batch)
        _fill_rows(rows, place[atoms[here]], source, number[words[here]])


def _is_in_scope(batch: TextBatch, scope: int) -> NDArray[np.bool_]:
    return IS_DEFAULT_FIELD[batch.field] if scope == ANY_FIELD else batch.field == scope - 1


def _find_word_atoms(compiled: CompiledQueries, batch: TextBatch) -> tuple[Numbers, Ids]:
    """Return pairs of a distinct word and an atom that it is, or begins with."""
    acronyms = np.flatnonzero(batch.capitals)
    pairs = [
        compiled.words.find_all(batch.words),
        compiled.words.find_all(batch.stems),
        _map_places(acronyms, compiled.words.find_all(batch.capitals[acronyms])),
    ]
    for size in compiled.start_sizes.tolist():
        long = np.flatnonzero(batch.lengths >= size)
        begins = hash_spans(batch.text, batch.starts[long], np.full(long.size, size))
        pairs.append(_map_places(long, compiled.starts.find_all(begins)))
    return np.concatenate([w for w, _ in pairs]), np.concatenate([a for _, a in pairs])


def _map_places(places: Numbers, pairs: tuple[Numbers, Ids]) -> tuple[Numbers, Ids]:
    return places[pairs[0]], pairs[1]


# ------------------------------------------------------------------ paths


def _find_path_atoms(compiled: CompiledQueries, batch: TextBatch) -> tuple[Ids, Numbers, Ids]:
    """Return the atoms at ends of paths: atom, first token, position after the last token."""
    words, node_of_word = compiled.firsts.find_all(batch.words)
    begins = np.zeros(batch.words.size, np.int32)
    begins[words] = node_of_word
    token = np.flatnonzero(begins[batch.word])
    node, first, after = begins[batch.word[token]], token, batch.after[token]
    found = [(np.zeros(0, np.int32), token[:0], after[:0])]
    while node.size:
        node, first, after = _take_steps(compiled, batch, node, first, after)
        which, atoms = compiled.ends.find_all(mix_bits(node.astype(np.uint64)))
        found.append((atoms, first[which], after[which]))
    atoms, first, after = (np.concatenate(some) for some in zip(*found, strict=True))
    return atoms, first, after


def _add_paths(
    compiled: CompiledQueries, batch: TextBatch, atoms: Ids, first: Numbers, place: Ids, rows: Rows
) -> None:
    """Fill the rows of atoms that are words which directly follow each other."""
    scopes, field = compiled.scopes[atoms], batch.field[first]
    met = np.flatnonzero(
        np.where(scopes == ANY_FIELD, IS_DEFAULT_FIELD[field], scopes == field + 1)
    )
    distinct, which = np.unique(atoms[met], return_inverse=True)
    rows[place[distinct]] |= _build_rows(which, batch.record[first[met]], distinct.size, batch)


def _take_steps(
    compiled: CompiledQueries, batch: TextBatch, node: Ids, first: Numbers, after: Ids
) -> tuple[Ids, Numbers, Ids]:
    """Go from nodes over the next tokens; return the nodes reached and where the tokens end."""
    plain = batch.token_at[after]
    closing = np.flatnonzero(np.isin(after, batch.compound_positions))
    low = np.searchsorted(batch.compound_positions, after[closing], "left")
    counts = np.searchsorted(batch.compound_positions, after[closing], "right") - low
    come_from = np.concatenate((np.flatnonzero(plain >= 0), np.repeat(closing, counts)))
    token = np.concatenate((plain[plain >= 0], batch.first_compound + expand_ranges(low, counts)))
    word = batch.word[token]
    before = node[come_from]
    stems = np.flatnonzero(compiled.by_stem[before])
    found = []
    for some, values in ((slice(None), batch.words), (stems, batch.stems)):
        steps = combine_hashes(before[some].astype(np.uint64), values[word[some]])
        which, to = compiled.steps.find_all(steps)
        found.append((to, first[come_from[some][which]], batch.after[token[some][which]]))
    nodes, firsts, afters = (np.concatenate(some) for some in zip(*found, strict=True))
    return nodes, firsts, afters


def choose_queries(
    compiled: CompiledQueries, present: Ids, place: Ids, rows: Rows
) -> tuple[Ids, Rows]:
    """Return the queries with a clause that may hold, and their rows.

    Args:
        compiled: The queries.
        present: The atoms in the batch.
        place: By atom, its row in ``rows``; 0, an empty row, for atoms that are not there.
        rows: Rows of bits.
    """
    _, clauses = compiled.clauses.find_all(mix_bits(present.astype(np.uint64)))
    # Clauses are numbered in the order of their queries.
    clauses = np.sort(_drop_hopeless(compiled, clauses, place))
    queries = compiled.clause_queries[clauses]
    first = np.flatnonzero(np.diff(queries, prepend=-1))
    counts = np.diff(first, append=clauses.size)
    found = _evaluate_clauses(compiled, clauses[first], place, rows)
    for number in range(1, int(counts.max(initial=0))):
        on = np.flatnonzero(counts > number)
        found[on] |= _evaluate_clauses(compiled, clauses[first[on] + number], place, rows)
    return queries[first], found


def _drop_hopeless(compiled: CompiledQueries, clauses: Ids, place: Ids) -> Ids:
    """Return the clauses whose second and third atoms are in the batch, which most are not."""
    for number in range(2):
        begin, counts = _locate_literals(compiled, clauses)
        on = np.flatnonzero(counts > number)
        literal = compiled.literals[begin[on] + number]
        lost = on[(literal & 1 == 0) & (place[literal >> 1] == 0)]
        alive = np.ones(clauses.size, bool)
        alive[lost] = False
        clauses = clauses[alive]
    return clauses


def _locate_literals(
    compiled: CompiledQueries, clauses: Ids
) -> tuple[Numbers | Ids, Numbers | Ids]:
    """Return where the other atoms of clauses begin, and how many there are."""
    begin = compiled.literal_ends[clauses]
    return begin, compiled.literal_ends[clauses + 1] - begin


def _evaluate_clauses(compiled: CompiledQueries, clauses: Ids, place: Ids, rows: Rows) -> Rows:
    """Return the rows of clauses."""
    met = rows[place[compiled.clause_anchors[clauses]]]
    begin, counts = _locate_literals(compiled, clauses)
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
