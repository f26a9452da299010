"""A batch of texts read at once, in arrays: the words, and where each one stands. Pure.

What :func:`alerts.text.tokenizer.prepare_texts` makes of one text, slowly and with the offsets,
this
makes of many;
the tests hold the two against each other.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import chain
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
from alerts.text import stem

#: The senses of a word beside itself; see :func:`alerts.text.tokenizer.build_word_keys`.
STEM, CAPITALS = 1, 2


class TextBatch(NamedTuple):
    """Texts of some records as tokens, and the distinct words that these are."""

    size: int  #: records
    # One for each distinct word; printed as an acronym it is another.
    words: Hashes
    stems: Hashes
    capitals: Hashes  #: 0 where the word is printed otherwise
    text: bytes
    starts: Numbers  #: where the word stands in ``text``
    lengths: Numbers
    # One for each token; those that hyphens close up follow the others.
    word: Numbers
    record: Ids
    field: SmallNumbers  #: the field's place in the list of fields
    paragraph: Ids
    position: Ids
    after: Ids  #: the position behind the token
    # One for each position; positions run through all texts, one left free between paragraphs.
    token_at: Ids  #: the token there, -1 for none
    # For words closed up, in the order of their positions.
    compound_positions: Ids  #: the position
    first_compound: int  #: the token of the first; the others follow


def read_batch(texts: Sequence[Mapping[str, Sequence[str]]], fields: Sequence[str]) -> TextBatch:
    """Read the texts of records, each by field as :func:`alerts.queries.fields.extract_fields`
    gives
    them."""
    place = {field: number for number, field in enumerate(fields)}
    paragraphs = [
        (number, place[field], paragraph)
        for number, record in enumerate(texts)
        for field, some in record.items()
        for paragraph in some
    ]
    text = fold_paragraphs([paragraph for _, _, paragraph in paragraphs])
    tokens = split_tokens(text)
    owners = np.array([owner[:2] for owner in paragraphs], np.int32).reshape(-1, 2).T
    return _build_batch(len(texts), owners, text, tokens)


def _build_batch(size: int, owners: Ids, text: bytes, tokens: TokenArrays) -> TextBatch:
    lower = text.lower()
    closed = list(find_compounds(lower, tokens))
    firsts = np.array([first for first, _, _ in closed], np.int64)
    afters = np.array([after for _, after, _ in closed], np.int64)
    odd = np.array(list(tokens.irregular_words), np.int64)
    more, more_starts, more_lengths = concatenate_words(
        [*tokens.irregular_words.values(), *(w for _, _, w in closed)]
    )
    more_starts += len(lower)
    starts = np.concatenate((tokens.starts, more_starts[odd.size :]))
    lengths = np.concatenate((tokens.ends - tokens.starts, more_lengths[odd.size :]))
    starts[odd], lengths[odd] = more_starts[: odd.size], more_lengths[: odd.size]
    printed = np.concatenate((tokens.print_forms, np.full(firsts.size, PLAIN, np.uint8)))
    lower += more + PADDING
    every = hash_spans(lower, starts, lengths)
    shapes = _hash_shapes(every, printed)
    first, word = find_distinct(shapes)
    starts, lengths = starts[first], lengths[first]
    position = np.arange(tokens.starts.size) + tokens.paragraph
    here = np.full(tokens.starts.size + owners.shape[1] + 1, -1, np.int32)
    here[position] = np.arange(position.size, dtype=np.int32)
    small = position.astype(np.int32)
    paragraph = np.concatenate((tokens.paragraph, tokens.paragraph[firsts]))
    return TextBatch(
        size,
        every[first],
        *_look_up_senses(shapes[first], lower, starts, lengths, printed[first]),
        lower,
        starts,
        lengths,
        word,
        owners[0][paragraph],
        owners[1].astype(np.uint8)[paragraph],
        paragraph.astype(np.int32),
        np.concatenate((small, small[firsts])),
        np.concatenate((small + 1, small[firsts] + (afters - firsts).astype(np.int32))),
        here,
        small[firsts],
        position.size,
    )


def _hash_shapes(every: Hashes, printed: SmallNumbers) -> Hashes:
    """The codes of tokens, but others for words that are printed as acronyms."""
    shapes = every.copy()
    for kind in (ACRONYM, ACRONYM_PLURAL):
        tokens = np.flatnonzero(printed == kind)
        shapes[tokens] = rehash_as_sense(every[tokens], CAPITALS + kind)
    return shapes


#: The stems and capitals of words met before, by shape: nearly all words of a batch are.
_sense_cache: dict[int, tuple[int, int]] = {}
_MAX_CACHED = 500_000


def _look_up_senses(
    shapes: Hashes, text: bytes, starts: Numbers, lengths: Numbers, printed: SmallNumbers
) -> tuple[Hashes, Hashes]:
    """The stems of distinct words, and the capitals of those that are printed so."""
    names = shapes.tolist()
    try:
        found = list(map(_sense_cache.__getitem__, names))
    except KeyError:
        new = np.array([at for at, name in enumerate(names) if name not in _sense_cache], np.int64)
        _cache_senses(shapes[new], text, starts[new], lengths[new], printed[new])
        found = list(map(_sense_cache.__getitem__, names))
    if len(_sense_cache) > _MAX_CACHED:
        _sense_cache.clear()
    senses = np.fromiter(chain.from_iterable(found), np.uint64, 2 * len(names))
    return senses[0::2], senses[1::2]


def _cache_senses(
    shapes: Hashes, text: bytes, starts: Numbers, lengths: Numbers, printed: SmallNumbers
) -> None:
    ends = (starts + lengths - (printed == ACRONYM_PLURAL)).tolist()
    spans = zip(starts.tolist(), ends, strict=True)
    words = [text[start:end].decode() for start, end in spans]
    stems = rehash_as_sense(hash_words([stem(word) for word in words]), STEM)
    capitals = rehash_as_sense(hash_words([word.upper() for word in words]), CAPITALS)
    capitals[printed == PLAIN] = 0
    found = zip(stems.tolist(), capitals.tolist(), strict=True)
    _sense_cache.update(zip(shapes.tolist(), found, strict=True))
