"""A batch of texts read at once, in arrays: the words, and where each one stands. Pure.

What :func:`alerts.queries.tokens.prepare` makes of one text, slowly and with the offsets, this
makes of many;
the tests hold the two against each other.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import chain
from typing import NamedTuple

import numpy as np

from alerts.matching.hashing import (
    PADDING,
    Codes,
    Ids,
    Numbers,
    Small,
    codes,
    codes_of,
    distinct,
    laid_out,
    marked,
)
from alerts.matching.tokenizer import ACRONYM, ACRONYMS, PLAIN, Tokens, closed_up, cut, folded
from alerts.queries.english import stem

#: The senses of a word beside itself; see :func:`alerts.queries.tokens.keys`.
STEM, CAPITALS = 1, 2


class Batch(NamedTuple):
    """Texts of some records as tokens, and the distinct words that these are."""

    size: int  #: records
    # One for each distinct word; printed as an acronym it is another.
    words: Codes
    stems: Codes
    capitals: Codes  #: 0 where the word is printed otherwise
    text: bytes
    starts: Numbers  #: where the word stands in ``text``
    lengths: Numbers
    # One for each token; those that hyphens close up follow the others.
    word: Numbers
    record: Ids
    field: Small  #: the field's place in the list of fields
    paragraph: Ids
    position: Ids
    after: Ids  #: the position behind the token
    # One for each position; positions run through all texts, one left free between paragraphs.
    here: Ids  #: the token there, -1 for none
    # For words closed up, in the order of their positions.
    closed: Ids  #: the position
    first_closed: int  #: the token of the first; the others follow


def read_batch(texts: Sequence[Mapping[str, Sequence[str]]], fields: Sequence[str]) -> Batch:
    """Read the texts of records, each by field as :func:`alerts.queries.fields.fields` gives
    them."""
    place = {field: number for number, field in enumerate(fields)}
    paragraphs = [
        (number, place[field], paragraph)
        for number, record in enumerate(texts)
        for field, some in record.items()
        for paragraph in some
    ]
    text = folded([paragraph for _, _, paragraph in paragraphs])
    tokens = cut(text)
    owners = np.array([owner[:2] for owner in paragraphs], np.int32).reshape(-1, 2).T
    return _batch(len(texts), owners, text, tokens)


def _batch(size: int, owners: Ids, text: bytes, tokens: Tokens) -> Batch:
    lower = text.lower()
    closed = list(closed_up(lower, tokens))
    firsts = np.array([first for first, _, _ in closed], np.int64)
    afters = np.array([after for _, after, _ in closed], np.int64)
    odd = np.array(list(tokens.odd), np.int64)
    more, more_starts, more_lengths = laid_out([*tokens.odd.values(), *(w for _, _, w in closed)])
    more_starts += len(lower)
    starts = np.concatenate((tokens.starts, more_starts[odd.size :]))
    lengths = np.concatenate((tokens.ends - tokens.starts, more_lengths[odd.size :]))
    starts[odd], lengths[odd] = more_starts[: odd.size], more_lengths[: odd.size]
    printed = np.concatenate((tokens.printed, np.full(firsts.size, PLAIN, np.uint8)))
    lower += more + PADDING
    every = codes(lower, starts, lengths)
    shapes = _shapes(every, printed)
    first, word = distinct(shapes)
    starts, lengths = starts[first], lengths[first]
    position = np.arange(tokens.starts.size) + tokens.paragraph
    here = np.full(tokens.starts.size + owners.shape[1] + 1, -1, np.int32)
    here[position] = np.arange(position.size, dtype=np.int32)
    small = position.astype(np.int32)
    paragraph = np.concatenate((tokens.paragraph, tokens.paragraph[firsts]))
    return Batch(
        size,
        every[first],
        *_senses(shapes[first], lower, starts, lengths, printed[first]),
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


def _shapes(every: Codes, printed: Small) -> Codes:
    """The codes of tokens, but others for words that are printed as acronyms."""
    shapes = every.copy()
    for kind in (ACRONYM, ACRONYMS):
        tokens = np.flatnonzero(printed == kind)
        shapes[tokens] = marked(every[tokens], CAPITALS + kind)
    return shapes


#: The stems and capitals of words met before, by shape: nearly all words of a batch are.
_known: dict[int, tuple[int, int]] = {}
_MOST_KNOWN = 500_000


def _senses(
    shapes: Codes, text: bytes, starts: Numbers, lengths: Numbers, printed: Small
) -> tuple[Codes, Codes]:
    """The stems of distinct words, and the capitals of those that are printed so."""
    names = shapes.tolist()
    try:
        found = list(map(_known.__getitem__, names))
    except KeyError:
        new = np.array([at for at, name in enumerate(names) if name not in _known], np.int64)
        _learn(shapes[new], text, starts[new], lengths[new], printed[new])
        found = list(map(_known.__getitem__, names))
    if len(_known) > _MOST_KNOWN:
        _known.clear()
    senses = np.fromiter(chain.from_iterable(found), np.uint64, 2 * len(names))
    return senses[0::2], senses[1::2]


def _learn(shapes: Codes, text: bytes, starts: Numbers, lengths: Numbers, printed: Small) -> None:
    ends = (starts + lengths - (printed == ACRONYMS)).tolist()
    spans = zip(starts.tolist(), ends, strict=True)
    words = [text[start:end].decode() for start, end in spans]
    stems = marked(codes_of([stem(word) for word in words]), STEM)
    capitals = marked(codes_of([word.upper() for word in words]), CAPITALS)
    capitals[printed == PLAIN] = 0
    found = zip(stems.tolist(), capitals.tolist(), strict=True)
    _known.update(zip(shapes.tolist(), found, strict=True))
