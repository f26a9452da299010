"""A batch of texts read at once into arrays: the words, and where each one is. Pure.

:func:`alerts.text.prepare_texts` reads one text, with the offsets of its words. This module reads
600 records at once, without offsets, because the matcher compares arrays. A property test holds
that both find the same words in the same places.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from typing import NamedTuple

import numpy as np

from alerts.matching.bulk_tokenizer import (
    ACRONYM,
    ACRONYM_PLURAL,
    PLAIN,
    TokenArrays,
    find_compounds,
    fold_paragraphs,
    split_tokens,
)
from alerts.matching.hashing import (
    PADDING,
    Bits,
    Hashes,
    Ids,
    Numbers,
    SmallNumbers,
    concatenate_words,
    find_distinct,
    hash_spans,
    hash_words,
    rehash_as_sense,
)
from alerts.matching.senses import CAPITALS, IN_NAME, NAME, WordSenses, WordSpans
from alerts.queries import NAME_FIELDS
from alerts.text import find_person_names, list_name_signs, list_runs

#: Spaces of ASCII (``str.isspace``); the others have been folded to one of them.
_SPACES = np.array([chr(code).isspace() for code in range(256)]) & (np.arange(256) < 128)


class TextBatch(NamedTuple):
    """Texts of some records as tokens, and the distinct words of these tokens."""

    size: int  #: number of records
    # One entry for each distinct word. A word that is printed as an acronym is another word, and
    # so is one in a name.
    words: Hashes
    stems: Hashes  #: of a word in a name, the word itself in the sense NAME
    capitals: Hashes  #: 0 for words that are not printed as acronyms
    text: bytes
    starts: Numbers  #: where the word is in ``text``
    lengths: Numbers
    # One entry for each token. Compounds (linked words closed up) follow the others.
    word: Numbers
    record: Ids
    field: SmallNumbers  #: the field's place in the list of fields
    paragraph: Ids
    position: Ids
    after: Ids  #: the position after the token
    # One entry for each position. Positions run through all texts, with a free one between
    # paragraphs.
    token_at: Ids  #: the token there, or -1
    # One entry for each compound, in the order of positions.
    compound_positions: Ids
    first_compound: int  #: the token number of the first compound; the others follow it


class _Compounds(NamedTuple):
    """Linked words closed up."""

    firsts: Numbers  #: the first token of each
    afters: Numbers  #: the token after its last
    words: list[bytes]


class _Positions(NamedTuple):
    position: Ids
    after: Ids
    token_at: Ids
    compound_positions: Ids
    first_compound: int


def read_batch(
    texts: Sequence[Mapping[str, Sequence[str]]], fields: Sequence[str], senses: WordSenses
) -> TextBatch:
    """Read the texts of records.

    Args:
        texts: For each record its paragraphs by field, as
            :func:`alerts.queries.extract_fields` returns them.
        fields: All fields; their places in this list are :attr:`TextBatch.field`.
        senses: Senses of words, to be extended by those of new words.
    """
    place = {field: number for number, field in enumerate(fields)}
    paragraphs = [
        (number, place[field], paragraph)
        for number, record in enumerate(texts)
        for field, some in record.items()
        for paragraph in some
    ]
    text = fold_paragraphs([paragraph for _, _, paragraph in paragraphs])
    owners = np.array([owner[:2] for owner in paragraphs], np.int32).reshape(-1, 2).T
    tokens = split_tokens(text)
    lower = text.lower()
    compounds = _find_compounds(lower, tokens)
    spans = _lay_out_words(lower, tokens, compounds)
    hashes = hash_spans(spans.text, spans.starts, spans.lengths)
    shapes = _hash_shapes(hashes, spans.print_forms)
    paragraph = np.concatenate((tokens.paragraph, tokens.paragraph[compounds.firsts]))
    is_name_field = np.isin(owners[1], [place[field] for field in NAME_FIELDS if field in place])
    in_text = _find_name_tokens(text, tokens, hashes[: tokens.starts.size], ~is_name_field)
    is_name = is_name_field[paragraph] | _extend_to_compounds(in_text, compounds)
    in_names = np.flatnonzero(is_name)
    shapes[in_names] = rehash_as_sense(shapes[in_names], IN_NAME)
    first, word = find_distinct(shapes)
    distinct = spans.select(first)
    stems, capitals = senses.look_up(shapes[first], distinct)
    names = np.flatnonzero(is_name[first])
    stems[names] = rehash_as_sense(hashes[first[names]], NAME)
    positions = _number_positions(tokens, compounds, owners.shape[1])
    return TextBatch(
        size=len(texts),
        words=hashes[first],
        stems=stems,
        capitals=capitals,
        text=spans.text,
        starts=distinct.starts,
        lengths=distinct.lengths,
        word=word,
        record=owners[0][paragraph],
        field=owners[1].astype(np.uint8)[paragraph],
        paragraph=paragraph.astype(np.int32),
        **positions._asdict(),
    )


def _find_compounds(lower: bytes, tokens: TokenArrays) -> _Compounds:
    found = list(find_compounds(lower, tokens))
    return _Compounds(
        np.array([first for first, _, _ in found], np.int64),
        np.array([after for _, after, _ in found], np.int64),
        [word for _, _, word in found],
    )


def _extend_to_compounds(is_name: Bits, compounds: _Compounds) -> Bits:
    """Return whether each token, then each compound, has no word that is not of a name."""
    before = np.concatenate(([0], np.cumsum(is_name)))
    names = before[compounds.afters] - before[compounds.firsts]
    return np.concatenate((is_name, names == compounds.afters - compounds.firsts))


def _find_name_tokens(text: bytes, tokens: TokenArrays, hashes: Hashes, is_running: Bits) -> Bits:
    """Return whether each token is a word of a person's name in a running text.

    The rule (:func:`alerts.text.find_person_names`) is asked only about runs of capitalised words
    with a title or a given name, which are found by comparing arrays: a hundredth of all words.

    Args:
        text: Folded, with its capitals.
        tokens: The tokens of the text.
        hashes: Of the words of the tokens, in small letters.
        is_running: Whether each paragraph is a running text; in the others nothing is found.
    """
    is_linked = np.zeros(tokens.starts.size, bool)
    is_linked[tokens.linked] = True
    joined = _find_joined(np.frombuffer(text, np.uint8), tokens, is_linked)
    joined = joined[is_running[tokens.paragraph[joined]]]
    found: list[int] = []
    for run in list_runs(_select_runs(joined, hashes).tolist()):
        names = find_person_names(
            [_read_word(text, tokens, at) for at in run],
            is_linked[run.start : run.stop].tolist(),
        )
        found += [run[place] for place in names]
    is_name = np.zeros(tokens.starts.size, bool)
    is_name[found] = True
    is_name &= tokens.print_forms == PLAIN
    return is_name


def _find_joined(chars: SmallNumbers, tokens: TokenArrays, is_linked: Bits) -> Numbers:
    """Return the tokens that begin with a capital and are joined to another that does."""
    first = chars[tokens.starts]
    is_capital = (first >= ord("A")) & (first <= ord("Z"))
    joined = np.flatnonzero(is_capital[:-1] & is_capital[1:])
    ends = tokens.ends[joined]
    is_spaced = (tokens.starts[joined + 1] - ends == 1) & _SPACES[chars[ends]]
    found: Numbers = joined[is_spaced | is_linked[joined]]
    return found


def _select_runs(joined: Numbers, hashes: Hashes) -> Numbers:
    """Return those of joined tokens that are in a run which has a title or a given name.

    It comes before another word of its run, so it is joined itself.
    """
    run = np.cumsum(np.diff(joined, prepend=-1) != 1)
    may_be_sign = np.flatnonzero(_mark_signs()[_shorten(hashes[joined])])
    signs = may_be_sign[np.isin(hashes[joined[may_be_sign]], _hash_signs())]
    has_sign = np.zeros(joined.size + 1, bool)
    has_sign[run[signs]] = True
    found: Numbers = joined[has_sign[run]]
    return found


@cache
def _hash_signs() -> Hashes:
    return hash_words(sorted(list_name_signs()))


@cache
def _mark_signs() -> Bits:
    """Return whether a sign's hash begins with some bits: 16, of which 2,000 signs take a 30th."""
    marks = np.zeros(1 << 16, bool)
    marks[_shorten(_hash_signs())] = True
    return marks


def _shorten(hashes: Hashes) -> Numbers:
    return (hashes >> np.uint64(48)).astype(np.int64)


def _read_word(text: bytes, tokens: TokenArrays, at: int) -> str:
    irregular = tokens.irregular_words.get(at)
    return (irregular or text[tokens.starts[at] : tokens.ends[at]].lower()).decode()


def _lay_out_words(lower: bytes, tokens: TokenArrays, compounds: _Compounds) -> WordSpans:
    """Return all tokens, then all compounds; words that the text does not have are appended."""
    irregular = np.array(list(tokens.irregular_words), np.int64)
    appended, starts, lengths = concatenate_words(
        [*tokens.irregular_words.values(), *compounds.words]
    )
    starts += len(lower)
    all_starts = np.concatenate((tokens.starts, starts[irregular.size :]))
    all_lengths = np.concatenate((tokens.ends - tokens.starts, lengths[irregular.size :]))
    all_starts[irregular] = starts[: irregular.size]
    all_lengths[irregular] = lengths[: irregular.size]
    print_forms = np.concatenate(
        (tokens.print_forms, np.full(compounds.firsts.size, PLAIN, np.uint8))
    )
    return WordSpans(lower + (appended + PADDING), all_starts, all_lengths, print_forms)


def _hash_shapes(hashes: Hashes, print_forms: SmallNumbers) -> Hashes:
    """Return the hashes of words, with others for those that are printed as acronyms."""
    shapes = hashes.copy()
    for form in (ACRONYM, ACRONYM_PLURAL):
        tokens = np.flatnonzero(print_forms == form)
        shapes[tokens] = rehash_as_sense(hashes[tokens], CAPITALS + form)
    return shapes


def _number_positions(
    tokens: TokenArrays, compounds: _Compounds, paragraph_count: int
) -> _Positions:
    position = np.arange(tokens.starts.size) + tokens.paragraph
    token_at = np.full(tokens.starts.size + paragraph_count + 1, -1, np.int32)
    token_at[position] = np.arange(position.size, dtype=np.int32)
    small = position.astype(np.int32)
    first = small[compounds.firsts]
    sizes = (compounds.afters - compounds.firsts).astype(np.int32)
    return _Positions(
        position=np.concatenate((small, first)),
        after=np.concatenate((small + 1, first + sizes)),
        token_at=token_at,
        compound_positions=first,
        first_compound=position.size,
    )
