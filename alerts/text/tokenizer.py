"""Text as words: what counts as a word, when two are the same, and where each one stands. Pure.

Both sides, what people type and what the source prints, are read by the same rules:

* Case, accents and compatibility forms do not count: ``Siân`` is ``sian``, ``CO₂`` is ``co2``.
* Any space parts words (so does other punctuation); soft hyphens and the like are not there.
* A possessive ending is dropped (``VRU's`` is ``vru``, ``councils'`` is ``councils``), and so are
  the endings of contracted verbs: ``she'll`` is ``she`` and must not be ``shell``. Any other
  apostrophe inside a word closes up: ``O’Connell`` is ``oconnell``.
* A hyphen (or dash, with no space) *links* two words. Linked words stand in the text as
  themselves and closed up: ``e-scooter`` is ``e``, ``scooter`` and ``escooter``.
* A word in capitals (two to six) is an acronym too, its plural with a small s the same one:
  ``VRU``, ``VRUs`` and ``VRU's`` are ``VRU``.
* ``e``, ``u`` and ``x`` are linked to the next word by a space too: ``e scooter``, ``u turn``,
  ``x ray``. Other words are not, or *the rapist* would be found by ``therapist``; nor are these
  across a bracket or full stop, or *(e) state how* would be found by ``estate``.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import msgspec

from alerts.text.english import stem

#: Hyphen-minus, U+2010 to U+2015, minus and the compatibility forms.
HYPHENS = "-‐‑‒–—―−﹘﹣－"

#: Letters that English puts before a word with a hyphen, a space or nothing between.
LINKING_LETTERS = frozenset("eux")

_APOSTROPHES = frozenset("'‘’‚‛′`´ʼʻ＇")
_INVISIBLE = frozenset("\u00ad\u200b\u200c\u200d\u2060\ufeff")
#: Letters with a stroke or joined, which Unicode does not take apart.
_LETTER_REPLACEMENTS = str.maketrans(
    {"æ": "ae", "œ": "oe", "ø": "o", "ł": "l", "đ": "d", "ð": "d", "þ": "th", "ħ": "h", "ı": "i"}
)
#: A word of folded text, and what parts it from the next if that is one hyphen or only spaces.
_WORD = re.compile(r"(\w+(?:'\w+)*)(-(?=\w)| +(?=\w))?")
_ENDING = re.compile(r"'(?:s|ll|re|ve|d|m)$")
_ACRONYM = re.compile(r"([A-Z]{2,6})s?")
#: So many linked words close up, no more: a chain of a thousand hyphens must not cost a million.
MAX_LINKED_WORDS = 8


class Token(NamedTuple):
    """One word of a text."""

    word: str  #: folded; letters and digits only
    start: int  #: offsets of the printed word, without its possessive ending
    end: int
    is_linked: bool  #: closes up with the next word
    acronym: str | None = None  #: in capitals, if it is printed so


class Place(msgspec.Struct, frozen=True):
    """Where something stands: ``texts[field][paragraph][start:end]``."""

    field: str
    paragraph: int
    start: int
    end: int


class PreparedTexts(msgspec.Struct, frozen=True):
    """Texts read once, to be asked many times.

    Words have positions, counted over all texts with one left free after each paragraph, so that
    nothing that needs neighbours reaches across.
    """

    places: Sequence[Place]  #: by position
    #: Key of a word (see :func:`build_word_keys`) → first position → position after the last.
    positions_by_key: Mapping[str, Mapping[int, int]]


def prepare_texts(texts: Mapping[str, Sequence[str]]) -> PreparedTexts:
    """Named texts, each a list of paragraphs, ready to be searched."""
    printed: list[Place] = []
    words: dict[str, dict[int, int]] = {}
    for field, paragraphs in texts.items():
        for number, paragraph in enumerate(paragraphs):
            tokens, base = tokenise(paragraph), len(printed)
            for word, first, after in generate_forms(tokens):
                acronym = tokens[first].acronym if after == first + 1 else None
                for key in build_word_keys(word, acronym):
                    words.setdefault(key, {}).setdefault(base + first, base + after)
            printed += [Place(field, number, token.start, token.end) for token in tokens]
            printed.append(Place(field, number, len(paragraph), len(paragraph)))
    return PreparedTexts(printed, words)


def build_word_keys(word: str, acronym: str | None) -> tuple[str, ...]:
    """What a word of a text is found under: itself, ``~`` its stem, ``^`` its capitals."""
    if acronym is None:
        return word, "~" + stem(word)
    return word, "~" + stem(acronym.lower()), "^" + acronym


def fold_to_letters(text: str) -> str:
    """``text`` folded, with nothing between its letters: each of its words is in there in a row."""
    return _NON_WORD.sub("", text.translate(_FOLDING))


def tokenise(text: str) -> list[Token]:
    """The words of ``text`` in order."""
    folded, origins = _fold_text(text)
    tokens: list[Token] = []
    for match in _WORD.finditer(folded):
        word, gap = match.groups()
        linked = gap == "-" or (gap is not None and word in LINKING_LETTERS)
        start, end = match.span(1)
        if "'" in word:
            printed = strip_ending(word)
            word, end = printed.replace("'", ""), start + len(printed)
        if origins:
            start, end = origins[start], _skip_combining_marks(text, origins[end - 1] + 1)
        tokens.append(Token(word, start, end, linked, _find_acronym(text[start:end])))
    return tokens


def strip_ending(word: str) -> str:
    """A folded word with apostrophes, without its possessive or contracted ending."""
    return _ENDING.sub("", word)


def _find_acronym(printed: str) -> str | None:
    """The acronym that a printed word is, or is the plural of."""
    if not printed[0].isupper():  # nearly every word
        return None
    found = _ACRONYM.fullmatch(printed.translate(_CASE_FOLDING))
    return found[1] if found else None


def generate_forms(tokens: Sequence[Token]) -> Iterator[tuple[str, int, int]]:
    """Every word, and linked words closed up, with the first token and the one after the last."""
    for first, token in enumerate(tokens):
        word, after = token.word, first + 1
        yield word, first, after
        while tokens[after - 1].is_linked and after - first < MAX_LINKED_WORDS:
            word, after = word + tokens[after].word, after + 1
            yield word, first, after


def fold_keeping_case(char: str) -> str:
    """One character folded, but a capital still a capital where it folds to plain letters."""
    return char.translate(_CASE_FOLDING)


def _fold_text(text: str) -> tuple[str, list[int] | None]:
    """``text`` folded, and where each of its characters came from (None: from the same offset)."""
    folded = text.translate(_FOLDING)
    if all(len(_FOLDING[ord(char)]) == 1 for char in set(text)):
        return folded, None
    return folded, [at for at, char in enumerate(text) for _ in _FOLDING[ord(char)]]


def _skip_combining_marks(text: str, at: int) -> int:
    """The first offset from ``at`` that is no combining mark."""
    while at < len(text) and unicodedata.category(text[at]).startswith("M"):
        at += 1
    return at


class _Folding(dict[int, str]):
    """Each character's folding, worked out when it is first met."""

    def __missing__(self, code: int) -> str:
        self[code] = folded = _fold(chr(code))
        return folded


class _CaseFolding(dict[int, str]):
    """The same, but for capitals."""

    def __missing__(self, code: int) -> str:
        folded, is_capital = _FOLDING[code], chr(code).isupper()
        self[code] = folded = folded.upper() if is_capital and folded.isascii() else folded
        return folded


_NON_WORD = re.compile(r"[^\w]+")
_FOLDING = _Folding()
_CASE_FOLDING = _CaseFolding()


def _fold(char: str) -> str:
    """One character as letters and digits, ``'``, ``-``, a space or nothing; any other is a dot."""
    if char in _APOSTROPHES:
        return "'"
    if char in HYPHENS:
        return "-"
    if char in _INVISIBLE or unicodedata.category(char).startswith("M"):
        return ""
    if not char.isalnum():
        return " " if char.isspace() else "."
    plain = unicodedata.normalize("NFKD", char.casefold()).translate(_LETTER_REPLACEMENTS)
    folded = plain if plain == char else plain.translate(_FOLDING)
    return folded if folded.isalnum() else char  # "½" would fall apart: it stays as it is
