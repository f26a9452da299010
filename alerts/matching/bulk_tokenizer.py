"""The second tokenizer: all texts of a batch folded and split at once, in NumPy. Pure.

Its rules are those of :mod:`alerts.text.tokenizer`. That one takes 0.56 s for the 600 records of a
batch; this one takes 0.01 s, because it keeps no offsets, folds only what is not ASCII (in the
error handler of a codec) and finds the ends of words by comparing arrays. Without it a batch could
not be matched in 7 times what folding and splitting its text takes in C (``docs/benchmarks.md``).
A property test holds that both tokenizers find the same words.
"""

from __future__ import annotations

import codecs
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from alerts.matching.hashing import Bits, Numbers, SmallNumbers
from alerts.text import LINKING_LETTERS, MAX_LINKED_WORDS, fold_keeping_case, strip_ending

_OTHER, _WORD, _APOSTROPHE, _HYPHEN, _SPACE = range(5)
#: How a token is printed: as a plain word, an acronym, the plural of an acronym.
PLAIN, ACRONYM, ACRONYM_PLURAL = range(3)
_SEPARATOR = "\0"
#: Runs of characters that are not ASCII, and words with apostrophes, whose folding is kept: 20,000
#: of each, at about 300 bytes, are 12 MB.
_MAX_CACHED = 20_000
#: Characters of a run that is worth keeping; longer ones, of other scripts, hardly ever repeat.
_MAX_CACHED_LENGTH = 16


def fold_paragraphs(paragraphs: Sequence[str]) -> bytes:
    """Return the paragraphs folded, except for their case, with a zero byte after each."""
    joined = _SEPARATOR.join(paragraphs)
    if joined.count(_SEPARATOR) >= len(paragraphs):  # a text has zero bytes of its own
        joined = _SEPARATOR.join(paragraph.replace(_SEPARATOR, ".") for paragraph in paragraphs)
    return (joined + _SEPARATOR).encode("ascii", "watchword-fold")


def _fold(error: UnicodeError) -> tuple[bytes, int]:
    """Fold what ASCII cannot encode; the error handler ``watchword-fold`` of :mod:`codecs`."""
    assert isinstance(error, UnicodeEncodeError)
    run = error.object[error.start : error.end]
    fold = _fold_short_run if len(run) <= _MAX_CACHED_LENGTH else _fold_run
    return fold(run), error.end


codecs.register_error("watchword-fold", _fold)


def _fold_run(run: str) -> bytes:
    return fold_keeping_case(run).encode()


#: In C, because it is called for every apostrophe and dash of every text.
_fold_short_run = lru_cache(_MAX_CACHED)(_fold_run)


def _build_classes() -> bytes:
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


_CLASSES = _build_classes()
_LINKING = np.array([ord(c) for x in sorted(LINKING_LETTERS) for c in (x, x.upper())], np.uint8)


# ------------------------------------------------------------------ cutting


class TokenArrays(NamedTuple):
    """Where tokens are in folded text, and what is special about some of them."""

    starts: Numbers
    ends: Numbers
    paragraph: Numbers
    print_forms: SmallNumbers  #: as a plain word, an acronym or its plural
    linked: Numbers  #: tokens that are linked to the next
    #: The words of tokens with an apostrophe, which differ from the text.
    irregular_words: dict[int, bytes]


def split_tokens(text: bytes) -> TokenArrays:
    """Return the tokens of folded paragraphs (:func:`fold_paragraphs`)."""
    classes = np.frombuffer(text.translate(_CLASSES), np.uint8)
    is_word = classes == _WORD
    quotes = np.flatnonzero(classes == _APOSTROPHE)
    quotes = quotes[(quotes > 0) & is_word[quotes - 1] & is_word[quotes + 1]]
    is_word[quotes] = True
    edges = np.flatnonzero(is_word[1:] != is_word[:-1]) + 1
    if is_word[:1].any():
        edges = np.concatenate(([0], edges))
    starts, ends = edges[0::2], edges[1::2]
    linked = _find_linked(text, classes, starts, ends)
    odd = {}
    for token in np.unique(np.searchsorted(starts, quotes, "right") - 1).tolist():
        odd[token], printed = _strip_apostrophes(text[starts[token] : ends[token]])
        ends[token] = starts[token] + printed
    cuts = np.flatnonzero(np.frombuffer(text, np.uint8) == 0)
    counts = np.diff(np.searchsorted(starts, cuts), prepend=0)
    paragraph = np.repeat(np.arange(counts.size), counts)
    return TokenArrays(starts, ends, paragraph, _find_acronyms(text, starts, ends), linked, odd)


@lru_cache(_MAX_CACHED)  # in C: it is called for every word with an apostrophe
def _strip_apostrophes(token: bytes) -> tuple[bytes, int]:
    """Return a word without its apostrophes, and its printed length without its ending."""
    word = strip_ending(token.decode().replace("`", "'").lower())
    return word.replace("'", "").encode(), len(word.encode())


def _find_acronyms(text: bytes, starts: Numbers, ends: Numbers) -> SmallNumbers:
    """Return how each token is printed. An acronym has two to six capitals, and may have an s."""
    chars = np.frombuffer(text, np.uint8)
    found = np.full(starts.size, PLAIN, np.uint8)
    tokens = np.flatnonzero(_is_capital(chars[starts]) & _is_capital(chars[starts + 1]))
    lengths = ends[tokens] - starts[tokens]
    tokens, lengths = tokens[lengths <= 7], lengths[lengths <= 7]
    capitals = np.zeros(tokens.size, np.int64)
    for place in range(7):
        at = np.minimum(starts[tokens] + place, chars.size - 1)
        capitals += (place < lengths) & _is_capital(chars[at])
    has_s = chars[ends[tokens] - 1] == ord("s")
    found[tokens[(capitals == lengths) & (lengths <= 6)]] = ACRONYM
    found[tokens[(capitals == lengths - 1) & has_s]] = ACRONYM_PLURAL
    return found


def _is_capital(chars: SmallNumbers) -> Bits:
    return (chars >= ord("A")) & (chars <= ord("Z"))


def _find_linked(text: bytes, classes: SmallNumbers, starts: Numbers, ends: Numbers) -> Numbers:
    """Return tokens that are linked to the next by one hyphen, or by spaces after e, u or x."""
    nexts, ends = starts[1:], ends[:-1]
    by_hyphen = (nexts - ends == 1) & (classes[ends] == _HYPHEN)
    letters = np.flatnonzero(ends - starts[:-1] == 1)
    is_linking = np.isin(np.frombuffer(text, np.uint8)[starts[letters]], _LINKING)
    by_space = [
        token
        for token in letters[is_linking].tolist()
        if (classes[ends[token] : nexts[token]] == _SPACE).all()
    ]
    by_hyphen[by_space] = True
    return np.flatnonzero(by_hyphen)


def find_compounds(lower: bytes, tokens: TokenArrays) -> Iterator[tuple[int, int, bytes]]:
    """Generate linked words closed up: the first token, the one after the last, and the word."""
    linked = frozenset(tokens.linked.tolist())
    some = np.union1d(tokens.linked, tokens.linked + 1)
    starts, ends = tokens.starts[some].tolist(), tokens.ends[some].tolist()
    spans = zip(some.tolist(), starts, ends, strict=True)
    words = {at: tokens.irregular_words.get(at) or lower[start:end] for at, start, end in spans}
    for first in tokens.linked.tolist():
        closed, after = words[first], first + 1
        while after - 1 in linked and after - first < MAX_LINKED_WORDS:
            closed, after = closed + words[after], after + 1
            yield first, after, closed
