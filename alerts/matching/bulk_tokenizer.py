"""The second tokenizer: all texts of a batch folded and split at once, in NumPy. Pure.

Its rules are those of :mod:`alerts.text.tokenizer`. That one takes 0.56 s for the 600 records of a
batch; this one takes 0.01 s, because it keeps no offsets, folds only what is not ASCII (in the
error handler of a codec) and finds the ends of words by comparing arrays. Without it a batch could
not be matched in 7 times what folding and splitting its text takes in C
(``docs/explanation/benchmarks.md``). A property test holds that both tokenizers find the same
words.
"""

from __future__ import annotations

import codecs
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from alerts.matching.hashing import Bits, Numbers, SmallNumbers
from alerts.text import (
    LINKING_LETTERS,
    MAX_LINKED_WORDS,
    NUMBER_ENDINGS,
    STOP_WORDS,
    find_acronym,
    fold_keeping_case,
    replace_signs,
    strip_ending,
)

#: Classes of bytes. Those from ``_WIDE`` (a part of a letter that is not ASCII) belong to words.
_OTHER, _APOSTROPHE, _HYPHEN, _SPACE, _FULL_STOP, _COMMA, _WIDE, _LETTER, _DIGIT = range(9)
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
        joined = _SEPARATOR.join(paragraph.replace(_SEPARATOR, ";") for paragraph in paragraphs)
    joined = replace_signs(joined + _SEPARATOR)
    return joined.replace("&", ";and;").encode("ascii", "watchword-fold")


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
        if code >= 128:
            table[code] = _WIDE
        elif char.isalnum():
            table[code] = _DIGIT if char.isdigit() else _LETTER
        elif char.isspace():
            table[code] = _SPACE
    table[ord("'")] = table[ord("`")] = _APOSTROPHE
    table[ord("-")], table[ord(".")], table[ord(",")] = _HYPHEN, _FULL_STOP, _COMMA
    return bytes(table)


_CLASSES = _build_classes()
_DIGIT_CODES = frozenset(b"0123456789")
_SMALL_AND_BIG_S = np.frombuffer(b"sS", np.uint8)
_LINKING = np.array([ord(c) for x in sorted(LINKING_LETTERS) for c in (x, x.upper())], np.uint8)


# ------------------------------------------------------------------ cutting


class TokenArrays(NamedTuple):
    """Where tokens are in folded text, and what is special about some of them."""

    starts: Numbers
    ends: Numbers
    paragraph: Numbers
    print_forms: SmallNumbers  #: as a plain word, an acronym or its plural
    linked: Numbers  #: tokens that are linked to the next
    #: The words of tokens with an apostrophe, full stop or comma, which differ from the text.
    irregular_words: dict[int, bytes]


def split_tokens(text: bytes) -> TokenArrays:
    """Return the tokens of folded paragraphs (:func:`fold_paragraphs`)."""
    classes = np.frombuffer(text.translate(_CLASSES), np.uint8)
    is_word = classes >= _WIDE
    signs = _find_inner_signs(text, classes)
    is_word[signs] = True
    quotes = np.flatnonzero(classes == _APOSTROPHE)
    quotes = quotes[(quotes > 0) & is_word[quotes - 1] & is_word[quotes + 1]]
    is_word[quotes] = True
    edges = np.flatnonzero(is_word[1:] != is_word[:-1]) + 1
    if is_word[:1].any():
        edges = np.concatenate(([0], edges))
    starts, ends = _split_numbers(text, classes, edges[0::2], edges[1::2])
    afters = ends.copy()  # with their endings
    odd, dotted = {}, {}
    signs = np.concatenate((quotes, signs))
    for token in np.unique(np.searchsorted(starts, signs, "right") - 1).tolist():
        word = text[starts[token] : ends[token]]
        odd[token], printed = _strip_signs(word)
        ends[token] = starts[token] + printed
        if b"." in word:
            dotted[token] = _find_print_form(word[:printed])
    cuts = np.flatnonzero(np.frombuffer(text, np.uint8) == 0)
    counts = np.diff(np.searchsorted(starts, cuts), prepend=0)
    paragraph = np.repeat(np.arange(counts.size), counts)
    forms = _find_acronyms(text, starts, ends)
    forms[list(dotted)] = list(dotted.values())
    linked = _find_linked(text, classes, starts, afters, forms)
    return TokenArrays(starts, ends, paragraph, forms, linked, odd)


def _find_inner_signs(text: bytes, classes: SmallNumbers) -> Numbers:
    """Return where full stops and commas are inside a word: ``V.R.U``, ``U.K.'s``, ``1,000``."""
    last = classes.size - 1
    commas = np.flatnonzero(classes == _COMMA)
    commas = commas[classes[commas + 1] == _DIGIT]  # the fewest first: nearly none are left
    before, after = (
        classes[commas - 1],
        [classes[np.minimum(commas + n, last)] for n in range(1, 5)],
    )
    is_inner = (before == _DIGIT) & (after[3] != _DIGIT)
    is_inner &= (after[0] == _DIGIT) & (after[1] == _DIGIT) & (after[2] == _DIGIT)
    stops = np.flatnonzero(classes == _FULL_STOP)
    after_stop = classes[stops + 1]
    stops = stops[(after_stop == _LETTER) | (after_stop == _APOSTROPHE)]
    stops = stops[classes[stops - 1] == _LETTER]
    two_before, two_after = classes[stops - 2], classes[np.minimum(stops + 2, last)]
    after_stop = classes[stops + 1]
    between = (two_before < _WIDE) & (two_before != _APOSTROPHE)
    between &= (after_stop == _LETTER) & (two_after < _WIDE)
    ending = (two_before == _FULL_STOP) & (after_stop == _APOSTROPHE)
    ending &= classes[np.minimum(stops + 3, last)] < _WIDE
    ending &= np.isin(np.frombuffer(text, np.uint8)[np.minimum(stops + 2, last)], _SMALL_AND_BIG_S)
    return np.concatenate((commas[is_inner], stops[between | ending]))


def _split_numbers(
    text: bytes, classes: SmallNumbers, starts: Numbers, ends: Numbers
) -> tuple[Numbers, Numbers]:
    """Return tokens with those split that are a number and letters: ``20mph``, not ``20th``."""
    edges = np.flatnonzero((classes[1:] ^ classes[:-1]) == _LETTER ^ _DIGIT) + 1
    token = np.searchsorted(starts, edges, "right") - 1
    is_only = np.ones(token.size, bool)
    is_only[1:] &= token[1:] != token[:-1]
    is_only[:-1] &= token[1:] != token[:-1]
    edges, token = edges[is_only], token[is_only]
    # An ending and a possessive s have four letters at most.
    for at in np.flatnonzero((classes[edges] == _LETTER) & (ends[token] - edges <= 4)).tolist():
        if _is_number_ending(text[edges[at] : ends[token[at]]]):
            token[at] = -1
    edges, token = edges[token >= 0], token[token >= 0]
    return np.insert(starts, token + 1, edges), np.insert(ends, token, edges)


def _is_number_ending(letters: bytes) -> bool:
    return letters.decode().lower().replace("`", "'").removesuffix("'s") in NUMBER_ENDINGS


@lru_cache(_MAX_CACHED)  # in C: it is called for every word with an apostrophe
def _strip_signs(token: bytes) -> tuple[bytes, int]:
    """Return a word without apostrophes and signs, and its printed length without its ending."""
    word = strip_ending(token.decode().replace("`", "'").lower())
    plain = word.replace("'", "").replace(".", "").replace(",", "")
    return plain.encode(), len(word.encode())


def _find_print_form(printed: bytes) -> int:
    """Return how a word with full stops is printed."""
    acronym = find_acronym(printed.decode())
    if acronym is None:
        return PLAIN
    return ACRONYM_PLURAL if len(acronym) < len(printed.replace(b".", b"")) else ACRONYM


def _find_acronyms(text: bytes, starts: Numbers, ends: Numbers) -> SmallNumbers:
    """Return how each token is printed.

    An acronym has two to six capitals, and may have an s; or it begins with a capital, has another
    among its first three letters, and no more than six in all.
    """
    chars = np.frombuffer(text, np.uint8)
    found = np.full(starts.size, PLAIN, np.uint8)
    tokens = np.flatnonzero(_is_capital(chars[starts]))
    begin, lengths = starts[tokens], ends[tokens] - starts[tokens]
    second = _is_capital(chars[begin + 1]) & (lengths > 1)
    third = (lengths > 2) & _is_capital(chars[np.minimum(begin + 2, chars.size - 1)])
    some = np.flatnonzero((second | third) & (lengths <= 7))
    tokens, begin, lengths, second = tokens[some], begin[some], lengths[some], second[some]
    capitals, letters = np.zeros(tokens.size, np.int64), np.zeros(tokens.size, np.int64)
    for place in range(7):
        char = chars[np.minimum(begin + place, chars.size - 1)]
        capitals += (place < lengths) & _is_capital(char)
        letters += (place < lengths) & _is_capital(char & ~np.uint8(0x20))
    is_plural = (capitals == lengths - 1) & (chars[begin + lengths - 1] == ord("s")) & second
    is_plural &= letters == lengths
    found[tokens[(letters == lengths) & (lengths <= 6) & ~is_plural]] = ACRONYM
    found[tokens[is_plural]] = ACRONYM_PLURAL
    return found


def _is_capital(chars: SmallNumbers) -> Bits:
    return (chars >= ord("A")) & (chars <= ord("Z"))


def _find_linked(
    text: bytes, classes: SmallNumbers, starts: Numbers, ends: Numbers, forms: SmallNumbers
) -> Numbers:
    """Return tokens that are linked to the next.

    They touch it or have one hyphen in between, or spaces after e, u or x, or between a small word
    in capitals and a number.
    """
    nexts, ends = starts[1:], ends[:-1]
    is_linked = ((nexts - ends == 1) & (classes[ends] == _HYPHEN)) | (nexts == ends)
    letters = np.flatnonzero(ends - starts[:-1] == 1)
    is_linking = np.isin(np.frombuffer(text, np.uint8)[starts[letters]], _LINKING)
    capitals = np.flatnonzero(forms[:-1] != PLAIN)
    capitals = capitals[classes[nexts[capitals]] == _DIGIT]
    by_space = [
        token
        for token in (*letters[is_linking].tolist(), *capitals.tolist())
        if (classes[ends[token] : nexts[token]] == _SPACE).all()
        and (forms[token] == PLAIN or _decode_lower(text, starts, ends, token) in STOP_WORDS)
    ]
    is_linked[by_space] = True
    return np.flatnonzero(is_linked)


def _decode_lower(text: bytes, starts: Numbers, ends: Numbers, token: int) -> str:
    return text[starts[token] : ends[token]].decode().lower()


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
            if words[after - 1][-1] in _DIGIT_CODES and words[after][0] in _DIGIT_CODES:
                break  # two numbers: alerts.text.can_close_up
            closed, after = closed + words[after], after + 1
            yield first, after, closed
