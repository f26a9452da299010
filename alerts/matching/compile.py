"""Many queries as arrays that a batch of texts is compared with at once. Pure.

An *atom* is a word or phrase in a scope (a field, or all that are searched), or some of them near
each other. It is found under codes of words, under beginnings of words, at the end of a path
through words that follow each other, or where its parts are. A query is one atom, or some clauses:
each stands under its *anchor*, the rarest of the atoms that it needs, and is looked at only where
that one is in the batch.
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
from alerts.matching.senses import CAPITALS, STEM
from alerts.queries import DEFAULT_FIELDS, FIELDS, ast, normal_form, parse_canonical
from alerts.text import stem

#: The scope of an atom that names no field; any other is its field's place, plus one.
ANY_FIELD = 0
#: Whether a word that names no field is looked for in a field, by the field's place.
IS_DEFAULT_FIELD = np.array([field in DEFAULT_FIELDS for field in FIELDS])
#: A clause while it is put together: anchor, the other atoms (see ``Compiled.literals``), query.
ClauseEntry = tuple[int, list[int], int]


class CompiledQueries(NamedTuple):
    """Queries as arrays. They are known by their places in the list that was compiled."""

    size: int
    # Where atoms are found: by the codes of words, of their beginnings, of paths.
    words: HashIndex
    starts: HashIndex
    start_sizes: Ids  #: how many bytes the beginnings have
    firsts: HashIndex  #: first word of a path → node
    steps: HashIndex  #: node and next word → node
    ends: HashIndex  #: node, mixed → atom
    by_stem: Bits  #: nodes from which a step is taken by a word's stem
    # Atoms.
    scopes: NDArray[np.uint8]
    alone: Ids  #: the query that an atom is all of, -1 for none
    nears: Ids  #: atoms whose parts must be near each other
    withins: Ids  #: how near
    part_ends: Ids
    parts: Ids  #: the atoms that are their parts, in no field
    # Clauses, numbered in the order of their queries.
    clauses: HashIndex  #: anchor, mixed → clause
    clause_anchors: Ids
    clause_queries: Ids
    literal_ends: Ids  #: up to where the other atoms of the clauses before each one go
    literals: Ids  #: twice the atom, one more where it is denied
    # Queries whose matches have to be looked at again, and their canonical forms.
    unsure: Ids
    unsure_forms: Sequence[str]


def compile_queries(canonical: Sequence[str]) -> CompiledQueries:
    """Compile queries that are given by their canonical forms, each once."""
    atoms: dict[ast.Leaf, int] = {}
    alone: dict[int, int] = {}
    compound: list[tuple[int, normal_form.Clause]] = []
    unsure: list[int] = []
    for number, form in enumerate(canonical):
        query = parse_canonical(form)
        if isinstance(query, ast.Leaf) and not normal_form.has_hyphenated_prefix(query):
            alone[atoms.setdefault(query, len(atoms))] = number
            continue
        said = normal_form.build_clauses(query)
        compound += [(number, clause) for clause in said.clauses]
        if not said.is_exact:
            unsure.append(number)
    built = _build_entries(compound, atoms)
    clause_index, anchors, queries, ends, literals = _build_clause_arrays(built)
    nears = _list_nears(atoms)
    by_query = np.full(len(atoms), -1, np.int32)
    by_query[list(alone)] = list(alone.values())
    return CompiledQueries(
        len(canonical),
        *_build_key_indexes(atoms),
        _list_scopes(atoms),
        by_query,
        *nears,
        clause_index,
        anchors,
        queries,
        ends,
        literals,
        np.array(unsure, np.int32),
        [canonical[number] for number in unsure],
    )


def _list_scopes(atoms: Iterable[ast.Leaf]) -> NDArray[np.uint8]:
    place: dict[str | None, int] = {None: ANY_FIELD}
    place |= {field: number for number, field in enumerate(FIELDS, 1)}
    return np.array([place[atom.field] for atom in atoms], np.uint8)


def _list_nears(atoms: dict[ast.Leaf, int]) -> tuple[Ids, Ids, Ids, Ids]:
    """The atoms that are near each other, how near, and their parts, which become atoms too."""
    nears = [(atom, number) for atom, number in atoms.items() if isinstance(atom, ast.Near)]
    parts = [[atoms.setdefault(p, len(atoms)) for p in near.parts] for near, _ in nears]
    return (
        np.array([number for _, number in nears], np.int32),
        np.array([near.within for near, _ in nears], np.int32),
        np.cumsum([len(some) for some in parts]).astype(np.int32),
        np.array(list(chain.from_iterable(parts)), np.int32),
    )


# ------------------------------------------------------------------ clauses


def _build_entries(
    compound: Sequence[tuple[int, normal_form.Clause]], atoms: dict[ast.Leaf, int]
) -> list[ClauseEntry]:
    """Clauses with their atoms by number, each under the one that the fewest clauses need."""
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


def _build_clause_arrays(built: list[ClauseEntry]) -> tuple[HashIndex, Ids, Ids, Ids, Ids]:
    """The clauses by anchor, their anchors and queries, and the other atoms of each."""
    anchors = np.array([anchor for anchor, _, _ in built], np.int32)
    ends = np.cumsum([0, *(len(others) for _, others, _ in built)]).astype(np.int32)
    literals = np.array(list(chain.from_iterable(others for _, others, _ in built)), np.int32)
    queries = np.array([query for _, _, query in built], np.int32)
    clauses = np.arange(len(built), dtype=np.int32)
    return (
        build_index(mix_bits(anchors.astype(np.uint64)), clauses),
        anchors,
        queries,
        ends,
        literals,
    )


# ------------------------------------------------------------------ keys


class _AtomKeys:
    """The texts under which atoms are found, as they are gathered."""

    def __init__(self) -> None:
        self.words: dict[str, tuple[list[str], list[int]]] = {
            how: ([], []) for how in ("exact", "stem", "capitals", "prefix")
        }
        self.paths: list[tuple[tuple[str, ...], bool]] = []
        self.path_atoms: list[int] = []

    def add(self, atom: ast.Word | ast.Phrase, number: int) -> None:
        """One word, or a path for each way to write it, the last word as the atom has it."""
        if isinstance(atom, ast.Word) and len(atom.tokens) == 1:
            self._add_word(atom.mode, atom.tokens[0], number)
            return
        words = (atom,) if isinstance(atom, ast.Word) else atom.words
        by_stem = words[-1].mode == "stem"
        for *before, last in normal_form.generate_spellings(words):
            text = stem(last) if by_stem else last
            if before:
                self.paths.append(((*before, text), by_stem))
                self.path_atoms.append(number)
            else:
                self._add_word("stem" if by_stem else "exact", text, number)

    def _add_word(self, how: str, text: str, number: int) -> None:
        texts, numbers = self.words[how]
        texts.append(text)
        numbers.append(number)


def _build_key_indexes(
    atoms: dict[ast.Leaf, int],
) -> tuple[HashIndex, HashIndex, Ids, HashIndex, HashIndex, HashIndex, Bits]:
    """The indexes of a :class:`CompiledQueries`, from the words to the ends of paths."""
    keys = _AtomKeys()
    for atom, number in atoms.items():
        if not isinstance(atom, ast.Near):
            keys.add(atom, number)
    senses = (("exact", 0), ("stem", STEM), ("capitals", CAPITALS))
    coded = [_hash_in_sense(hash_words(keys.words[how][0]), sense) for how, sense in senses]
    numbers = list(chain(*(keys.words[how][1] for how, _ in senses)))
    words = build_index(np.concatenate(coded), np.array(numbers, np.int32))
    texts, numbers = keys.words["prefix"]
    sizes = sorted({len(text.encode()) for text in texts})
    starts = build_index(hash_words(texts), np.array(numbers, np.int32))
    return (
        words,
        starts,
        np.array(sizes, np.int32),
        *_build_path_indexes(keys.paths, keys.path_atoms),
    )


def _hash_in_sense(values: Hashes, sense: int) -> Hashes:
    return rehash_as_sense(values, sense) if sense else values


def _build_path_indexes(
    paths: Sequence[tuple[tuple[str, ...], bool]], atoms: Sequence[int]
) -> tuple[HashIndex, HashIndex, HashIndex, Bits]:
    """First words, steps and ends of paths that share what they begin with.

    And the nodes from which a step is taken by stem.
    """
    sizes = np.array([len(words) for words, _ in paths], np.int64)
    begins = np.cumsum(sizes) - sizes
    values = hash_words(list(chain.from_iterable(words for words, _ in paths)))
    by_stem = np.flatnonzero([by_stem for _, by_stem in paths])
    last = begins[by_stem] + sizes[by_stem] - 1
    values[last] = rehash_as_sense(values[last], STEM)

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
