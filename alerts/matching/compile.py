"""Queries compiled into arrays that a batch of texts is compared with at once. Pure.

An *atom* is a word, phrase or NEAR in a scope (a field, or all default fields). Words are found by
their hashes or by those of their beginnings, phrases at the end of a path through words that follow
each other, and a NEAR where its parts are. A query is one atom or several clauses. Each clause is
indexed by its *anchor*, the atom among those that it requires which the fewest clauses require, and
is evaluated only if the anchor is in the batch.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import chain
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from alerts.matching.hashing import (
    Bits,
    Hashes,
    HashIndex,
    Ids,
    build_index,
    combine_hashes,
    hash_words,
    mix_bits,
    rehash_as_sense,
)
from alerts.matching.senses import CAPITALS, NAME, STEM
from alerts.queries import (
    DEFAULT_FIELDS,
    FIELDS,
    QueryError,
    ast,
    normal_form,
    parse_canonical,
)
from alerts.text import stem

#: The scope of an atom that names no field; any other scope is the place of its field, plus one.
ANY_FIELD = 0
#: By the place of a field: whether a word that names no field is searched there.
IS_DEFAULT_FIELD = np.array([field in DEFAULT_FIELDS for field in FIELDS])
#: A clause: its anchor, its other atoms (as in :attr:`CompiledQueries.literals`), its query.
ClauseEntry = tuple[int, list[int], int]


class CompiledQueries(NamedTuple):
    """Queries as arrays. A query's number is its place in the list that was compiled."""

    size: int
    # Where atoms are found: by the hashes of words, of beginnings of words, of paths.
    words: HashIndex
    starts: HashIndex
    start_sizes: Ids  #: how many bytes the beginnings have
    firsts: HashIndex  #: first word of a path → node
    steps: HashIndex  #: node and next word → node
    ends: HashIndex  #: node, mixed → atom
    by_stem: Bits  #: nodes from which a step is taken by a word's stem
    # Atoms.
    scopes: NDArray[np.uint8]
    query_of_atom: Ids  #: the query that consists of the atom alone, or -1
    nears: Ids  #: atoms that are a NEAR
    withins: Ids  #: words allowed between their parts
    part_ends: Ids
    parts: Ids  #: the atoms that are their parts, without a field
    # Clauses, numbered in the order of their queries.
    clauses: HashIndex  #: anchor, mixed → clause
    clause_anchors: Ids
    clause_queries: Ids
    literal_ends: Ids  #: where the other atoms of each clause begin
    literals: Ids  #: twice the atom, plus one if it is excluded
    # Queries that match no more than these arrays say, but maybe less; their canonical forms.
    inexact: Ids
    inexact_forms: Sequence[str]
    unreadable: Ids  #: queries whose forms are damaged: they match nothing


def compile_queries(canonical: Sequence[str]) -> CompiledQueries:
    """Compile different queries, given by their canonical forms.

    One that cannot be read (:func:`alerts.queries.is_readable`) matches nothing.
    """
    atoms: dict[ast.Leaf, int] = {}
    alone: dict[int, int] = {}
    compound: list[tuple[int, normal_form.Clause]] = []
    inexact: list[int] = []
    unreadable: list[int] = []
    for number, form in enumerate(canonical):
        try:
            query = parse_canonical(form)
        except QueryError:
            unreadable.append(number)
            continue
        if isinstance(query, ast.Leaf) and not normal_form.has_hyphenated_prefix(query):
            alone[atoms.setdefault(query, len(atoms))] = number
            continue
        clause_form = normal_form.build_clauses(query)
        compound += [(number, clause) for clause in clause_form.clauses]
        if not clause_form.is_exact:
            inexact.append(number)
    clauses = _build_clause_arrays(_build_entries(compound, atoms))
    nears = _list_nears(atoms)
    query_of_atom = np.full(len(atoms), -1, np.int32)
    query_of_atom[list(alone)] = list(alone.values())
    return CompiledQueries(
        size=len(canonical),
        scopes=_list_scopes(atoms),
        query_of_atom=query_of_atom,
        inexact=np.array(inexact, np.int32),
        inexact_forms=[canonical[number] for number in inexact],
        unreadable=np.array(unreadable, np.int32),
        **_build_key_indexes(atoms)._asdict(),
        **nears._asdict(),
        **clauses._asdict(),
    )


def _list_scopes(atoms: Iterable[ast.Leaf]) -> NDArray[np.uint8]:
    place: dict[str | None, int] = {None: ANY_FIELD}
    place |= {field: number for number, field in enumerate(FIELDS, 1)}
    return np.array([place[atom.field] for atom in atoms], np.uint8)


class _NearArrays(NamedTuple):
    nears: Ids
    withins: Ids
    part_ends: Ids
    parts: Ids


def _list_nears(atoms: dict[ast.Leaf, int]) -> _NearArrays:
    """Return the atoms that are a NEAR, how near, and their parts, which become atoms too."""
    nears = [(atom, number) for atom, number in atoms.items() if isinstance(atom, ast.Near)]
    parts = [[atoms.setdefault(p, len(atoms)) for p in near.parts] for near, _ in nears]
    return _NearArrays(
        nears=np.array([number for _, number in nears], np.int32),
        withins=np.array([near.within for near, _ in nears], np.int32),
        part_ends=np.cumsum([len(some) for some in parts]).astype(np.int32),
        parts=np.array(list(chain.from_iterable(parts)), np.int32),
    )


# ------------------------------------------------------------------ clauses


def _build_entries(
    compound: Sequence[tuple[int, normal_form.Clause]], atoms: dict[ast.Leaf, int]
) -> list[ClauseEntry]:
    """Return clauses with their atoms by number, each with its anchor."""
    needed = Counter(atom for _, clause in compound for atom, wanted in clause if wanted)
    found = []
    for number, clause in compound:
        anchor = min((atom for atom, wanted in clause if wanted), key=needed.__getitem__)
        others = [
            2 * atoms.setdefault(atom, len(atoms)) + (not wanted)
            for atom, wanted in clause
            if atom != anchor or not wanted
        ]
        found.append((atoms.setdefault(anchor, len(atoms)), others, number))
    return found


class _ClauseArrays(NamedTuple):
    clauses: HashIndex
    clause_anchors: Ids
    clause_queries: Ids
    literal_ends: Ids
    literals: Ids


def _build_clause_arrays(entries: list[ClauseEntry]) -> _ClauseArrays:
    """Return the clauses by anchor, their anchors and queries, and the other atoms of each."""
    anchors = np.array([anchor for anchor, _, _ in entries], np.int32)
    numbers = np.arange(len(entries), dtype=np.int32)
    literals = list(chain.from_iterable(others for _, others, _ in entries))
    ends = np.cumsum([0, *(len(others) for _, others, _ in entries)])
    return _ClauseArrays(
        clauses=build_index(mix_bits(anchors.astype(np.uint64)), numbers),
        clause_anchors=anchors,
        clause_queries=np.array([query for _, _, query in entries], np.int32),
        literal_ends=ends.astype(np.int32),
        literals=np.array(literals, np.int32),
    )


# ------------------------------------------------------------------ keys


class _AtomKeys:
    """The texts under which atoms are found, while they are collected."""

    def __init__(self) -> None:
        self.words: dict[str, tuple[list[str], list[int]]] = {
            mode: ([], []) for mode in ("exact", "stem", "name", "capitals", "prefix")
        }
        self.paths: list[tuple[tuple[str, ...], int]] = []  #: with the sense of the last word
        self.path_atoms: list[int] = []

    def add(self, atom: ast.Word | ast.Phrase, number: int) -> None:
        """Add an atom: one word, or a path for each way to write its words."""
        if isinstance(atom, ast.Word) and len(atom.tokens) == 1:
            self._add_word(atom.mode, atom.tokens[0], number)
            return
        words = (atom,) if isinstance(atom, ast.Word) else atom.words
        by_stem = words[-1].mode == "stem"
        for *before, last in normal_form.generate_spellings(words):
            if not before:
                self._add_word(words[-1].mode, last, number)
                continue
            ends = ((stem(last), STEM), (last, NAME)) if by_stem else ((last, 0),)
            for text, sense in ends:
                self.paths.append(((*before, text), sense))
                self.path_atoms.append(number)

    def _add_word(self, mode: str, text: str, number: int) -> None:
        if mode == "stem":
            self._add_word("name", text, number)
            text = stem(text)
        texts, numbers = self.words[mode]
        texts.append(text)
        numbers.append(number)


class _KeyIndexes(NamedTuple):
    words: HashIndex
    starts: HashIndex
    start_sizes: Ids
    firsts: HashIndex
    steps: HashIndex
    ends: HashIndex
    by_stem: Bits


def _build_key_indexes(atoms: dict[ast.Leaf, int]) -> _KeyIndexes:
    """Return the indexes of a :class:`CompiledQueries`, from words to ends of paths."""
    keys = _AtomKeys()
    for atom, number in atoms.items():
        if not isinstance(atom, ast.Near):
            keys.add(atom, number)
    senses = (("exact", 0), ("stem", STEM), ("name", NAME), ("capitals", CAPITALS))
    hashes = [_hash_in_sense(hash_words(keys.words[mode][0]), sense) for mode, sense in senses]
    numbers = list(chain(*(keys.words[mode][1] for mode, _ in senses)))
    prefixes, prefix_atoms = keys.words["prefix"]
    firsts, steps, ends, by_stem = _build_path_indexes(keys.paths, keys.path_atoms)
    return _KeyIndexes(
        words=build_index(np.concatenate(hashes), np.array(numbers, np.int32)),
        starts=build_index(hash_words(prefixes), np.array(prefix_atoms, np.int32)),
        start_sizes=np.array(sorted({len(text.encode()) for text in prefixes}), np.int32),
        firsts=firsts,
        steps=steps,
        ends=ends,
        by_stem=by_stem,
    )


def _hash_in_sense(values: Hashes, sense: int) -> Hashes:
    return rehash_as_sense(values, sense) if sense else values


def _build_path_indexes(
    paths: Sequence[tuple[tuple[str, ...], int]], atoms: Sequence[int]
) -> tuple[HashIndex, HashIndex, HashIndex, Bits]:
    """Return the first words, steps and ends of paths, which share their beginnings.

    The last array says from which nodes a step is taken by a word's stem.
    """
    sizes = np.array([len(words) for words, _ in paths], np.int64)
    begins = np.cumsum(sizes) - sizes
    values = hash_words(list(chain.from_iterable(words for words, _ in paths)))
    senses = np.array([sense for _, sense in paths], np.int64)
    ends = begins + sizes - 1
    for sense in (STEM, NAME):
        some = ends[senses == sense]
        values[some] = rehash_as_sense(values[some], sense)
    last = ends[senses != 0]

    firsts, node = np.unique(values[begins], return_inverse=True)
    node += 1
    steps, nodes = [np.zeros(0, np.uint64)], firsts.size + 1
    before = [np.zeros(0, np.int64)]
    for place in range(1, int(sizes.max(initial=1))):
        on = np.flatnonzero(sizes > place)
        step = combine_hashes(node[on].astype(np.uint64), values[begins[on] + place])
        keys, to = np.unique(step, return_inverse=True)
        before.append(node[on[np.isin(begins[on] + place, last)]])
        node[on] = nodes + to
        nodes += keys.size
        steps.append(keys)
    first_nodes = np.arange(1, firsts.size + 1, dtype=np.int32)
    step_nodes = np.arange(firsts.size + 1, nodes, dtype=np.int32)
    is_by_stem = np.zeros(nodes, bool)
    is_by_stem[np.concatenate(before)] = True
    return (
        build_index(firsts, first_nodes),
        build_index(np.concatenate(steps), step_nodes),
        build_index(mix_bits(node.astype(np.uint64)), np.array(atoms, np.int32)),
        is_by_stem,
    )
