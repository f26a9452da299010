"""A batch of texts read at once, in arrays: the words, and where each one stands. Pure.

The rules are those of :mod:`alerts.text`, which reads one text slowly and keeps the offsets; the
tests hold the two against each other. Here all texts are one string of bytes, folded by a codec's
error handler (which is called for what is not ASCII only) and cut in NumPy.
"""

from __future__ import annotations

import codecs
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from alerts.codes import PADDING, Bits, Codes, Numbers, codes, codes_of, laid_out, marked
from alerts.text import LINKING_LETTERS, LONGEST_CHAIN, folded_in_case, without_ending
from alerts.vocabulary import stem

#: The senses of a word beside itself; see :func:`alerts.text.keys`.
STEM, CAPITALS = 1, 2

_OTHER, _WORD, _APOSTROPHE, _HYPHEN, _SPACE = range(5)
#: How a token is printed: as a word, as an acronym, as an acronym's plural.
_PLAIN, _ACRONYM, _ACRONYMS = range(3)
_CUT = "\0"

Small = NDArray[np.uint8]


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
    record: Numbers
    field: Small  #: the field's place in the list of fields
    after: Numbers  #: the position behind the token
    # One for each position; positions run through all texts, one left free between paragraphs.
    here: Numbers  #: the token there, -1 for none
    # For words closed up, in the order of their positions.
    closed: Numbers  #: the position
    first_closed: int  #: the token of the first; the others follow


def read_batch(texts: Sequence[Mapping[str, Sequence[str]]], fields: Sequence[str]) -> Batch:
    """Read the texts of records, each by field as :func:`alerts.fields.fields` gives them."""
    place = {field: number for number, field in enumerate(fields)}
    paragraphs = [
        (number, place[field], paragraph)
        for number, record in enumerate(texts)
        for field, some in record.items()
        for paragraph in some
    ]
    text = _folded([paragraph for _, _, paragraph in paragraphs])
    tokens = _tokens(text)
    owners = np.array([owner[:2] for owner in paragraphs], np.int64).reshape(-1, 2)
    return _batch(len(texts), owners, text, tokens)


# ------------------------------------------------------------------ folding


def _folded(paragraphs: Sequence[str]) -> bytes:
    """The paragraphs folded but for their case, each ended by a zero."""
    joined = _CUT.join(paragraphs)
    if joined.count(_CUT) >= len(paragraphs):  # a text has zeros of its own
        joined = _CUT.join(paragraph.replace(_CUT, ".") for paragraph in paragraphs)
    return (joined + _CUT).encode("ascii", "watchword-fold")


@cache
def _fold_run(run: str) -> bytes:
    return folded_in_case(run).encode()


def _fold(error: UnicodeError) -> tuple[bytes, int]:
    assert isinstance(error, UnicodeEncodeError)
    return _fold_run(error.object[error.start : error.end]), error.end


codecs.register_error("watchword-fold", _fold)


def _classes() -> bytes:
    table = bytearray(256)
    for code in range(256):
        char = chr(code)
        if code >= 128 or char.isalnum():
            table[code] = _WORD
        elif char.isspace():
            table[code] = _SPACE
    table[ord("'")] = table[ord("`")] = _APOSTROPHE
    table[ord("-")] = _HYPHEN
    return bytes(table)


_CLASSES = _classes()


# ------------------------------------------------------------------ cutting


class _Tokens(NamedTuple):
    """Where tokens stand in the folded text, and what is odd about some of them."""

    starts: Numbers
    ends: Numbers
    paragraph: Numbers
    printed: Small  #: as a word, an acronym or its plural
    linked: Numbers  #: tokens that close up with the next
    odd: dict[int, bytes]  #: words of tokens with an apostrophe, which are not as they stand


def _tokens(text: bytes) -> _Tokens:
    classes = np.frombuffer(text.translate(_CLASSES), np.uint8)
    is_word = classes == _WORD
    quotes = np.flatnonzero(classes == _APOSTROPHE)
    quotes = quotes[(quotes > 0) & is_word[quotes - 1] & is_word[quotes + 1]]
    is_word[quotes] = True
    edges = np.flatnonzero(is_word[1:] != is_word[:-1]) + 1
    if is_word[:1].any():
        edges = np.concatenate(([0], edges))
    starts, ends = edges[0::2], edges[1::2]
    linked = _linked(text, classes, starts, ends)
    odd = {}
    for token in np.unique(np.searchsorted(starts, quotes, "right") - 1).tolist():
        raw = text[starts[token] : ends[token]].decode().replace("`", "'").lower()
        word = without_ending(raw)
        ends[token] = starts[token] + len(word.encode())
        odd[token] = word.replace("'", "").encode()
    cuts = np.flatnonzero(np.frombuffer(text, np.uint8) == 0)
    counts = np.diff(np.searchsorted(starts, cuts), prepend=0)
    paragraph = np.repeat(np.arange(counts.size), counts)
    return _Tokens(starts, ends, paragraph, _printed(text, starts, ends), linked, odd)


def _printed(text: bytes, starts: Numbers, ends: Numbers) -> Small:
    """Which tokens are acronyms: two to six capitals, and maybe a small s."""
    chars = np.frombuffer(text, np.uint8)
    found = np.full(starts.size, _PLAIN, np.uint8)
    tokens = np.flatnonzero(_is_capital(chars[starts]) & _is_capital(chars[starts + 1]))
    lengths = ends[tokens] - starts[tokens]
    tokens, lengths = tokens[lengths <= 7], lengths[lengths <= 7]
    capitals = np.zeros(tokens.size, np.int64)
    for place in range(7):
        at = np.minimum(starts[tokens] + place, chars.size - 1)
        capitals += (place < lengths) & _is_capital(chars[at])
    has_s = chars[ends[tokens] - 1] == ord("s")
    found[tokens[(capitals == lengths) & (lengths <= 6)]] = _ACRONYM
    found[tokens[(capitals == lengths - 1) & has_s]] = _ACRONYMS
    return found


def _is_capital(chars: Small) -> Bits:
    return (chars >= ord("A")) & (chars <= ord("Z"))


def _linked(text: bytes, classes: Small, starts: Numbers, ends: Numbers) -> Numbers:
    """Tokens that close up with the next: by one hyphen, or by spaces behind a linking letter."""
    nexts, ends = starts[1:], ends[:-1]
    by_hyphen = (nexts - ends == 1) & (classes[ends] == _HYPHEN)
    letters = np.flatnonzero((ends - starts[:-1] == 1) & (classes[ends] == _SPACE))
    by_space = [
        token
        for token in letters.tolist()
        if chr(text[starts[token]]).lower() in LINKING_LETTERS
        and (classes[ends[token] : nexts[token]] == _SPACE).all()
    ]
    by_hyphen[by_space] = True
    return np.flatnonzero(by_hyphen)


def _closed_up(lower: bytes, tokens: _Tokens) -> Iterator[tuple[int, int, bytes]]:
    """Words that hyphens close up: the first token, the one after the last, and the word."""
    linked = frozenset(tokens.linked.tolist())

    def word(token: int) -> bytes:
        return tokens.odd.get(token) or lower[tokens.starts[token] : tokens.ends[token]]

    for first in tokens.linked.tolist():
        closed, after = word(first), first + 1
        while after - 1 in linked and after - first < LONGEST_CHAIN:
            closed, after = closed + word(after), after + 1
            yield first, after, closed


# ------------------------------------------------------------------ putting together


def _batch(size: int, owners: Numbers, text: bytes, tokens: _Tokens) -> Batch:
    lower = text.lower()
    closed = list(_closed_up(lower, tokens))
    firsts = np.array([first for first, _, _ in closed], np.int64)
    afters = np.array([after for _, after, _ in closed], np.int64)
    odd = np.array(list(tokens.odd), np.int64)
    more, more_starts, more_lengths = laid_out([*tokens.odd.values(), *(w for _, _, w in closed)])
    more_starts += len(lower)
    starts = np.concatenate((tokens.starts, more_starts[odd.size :]))
    lengths = np.concatenate((tokens.ends - tokens.starts, more_lengths[odd.size :]))
    starts[odd], lengths[odd] = more_starts[: odd.size], more_lengths[: odd.size]
    printed = np.concatenate((tokens.printed, np.full(firsts.size, _PLAIN, np.uint8)))
    lower += more + PADDING
    every = codes(lower, starts, lengths)
    first, word = _distinct(every, printed)
    starts, lengths = starts[first], lengths[first]
    position = np.arange(tokens.starts.size) + tokens.paragraph
    here = np.full(tokens.starts.size + len(owners) + 1, -1, np.int64)
    here[position] = np.arange(position.size)
    owner = owners[np.concatenate((tokens.paragraph, tokens.paragraph[firsts]))]
    return Batch(
        size,
        every[first],
        *_senses(lower, starts, lengths, printed[first]),
        lower,
        starts,
        lengths,
        word,
        owner[:, 0],
        owner[:, 1].astype(np.uint8),
        np.concatenate((position + 1, position[firsts] + afters - firsts)),
        here,
        position[firsts],
        position.size,
    )


def _distinct(every: Codes, printed: Small) -> tuple[Numbers, Numbers]:
    """The first token of each distinct word, and for each token which word it is."""
    shapes = every.copy()
    for kind in (_ACRONYM, _ACRONYMS):
        tokens = np.flatnonzero(printed == kind)
        shapes[tokens] = marked(every[tokens], CAPITALS + kind)
    _, first, word = np.unique(shapes, return_index=True, return_inverse=True)
    return first, word


def _senses(text: bytes, starts: Numbers, lengths: Numbers, printed: Small) -> tuple[Codes, Codes]:
    """The stems of distinct words, and the capitals of those that are printed so."""
    words = [
        text[start : start + length].decode()
        for start, length in zip(starts.tolist(), lengths.tolist(), strict=True)
    ]
    for place in np.flatnonzero(printed == _ACRONYMS).tolist():
        words[place] = words[place][:-1]
    acronyms = np.flatnonzero(printed)
    capitals = np.zeros(len(words), np.uint64)
    capitals[acronyms] = marked(codes_of([words[i].upper() for i in acronyms.tolist()]), CAPITALS)
    return marked(codes_of(list(map(stem, words))), STEM), capitals
