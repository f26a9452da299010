"""The tokenizer: what counts as a word, which words are the same, and where each one is. Pure.

Queries and texts are read by the same rules:

* Case, accents and compatibility forms make no difference: ``Siân`` is ``sian``, ``CO₂`` is
  ``co2``.
* Spaces of any kind, and other punctuation, separate words. Soft hyphens and other invisible
  characters are ignored.
* Possessive endings are dropped (``VRU's`` is ``vru``, ``councils'`` is ``councils``), and so are
  those of contracted verbs: ``she'll`` is ``she`` and must not become ``shell``. Any other
  apostrophe inside a word is ignored: ``O’Connell`` is ``oconnell``.
* A hyphen (or a dash without spaces) *links* two words. Linked words count as themselves and
  closed up: ``e-scooter`` is ``e``, ``scooter`` and ``escooter``.
* A word of two to six capitals is an acronym as well, and its plural with a small s is the same
  acronym: ``VRU``, ``VRUs`` and ``VRU's`` are ``VRU``. A short word that begins with a capital and
  has another among its first three letters is an acronym too: ``TfL`` is ``TFL``. So are those
  that are spoken as words, in any case (:mod:`alerts.text.spoken_acronyms`): ``Ulez`` is ``ULEZ``.
* ``e``, ``u`` and ``x`` are linked to the next word by a space too: ``e scooter``, ``u turn``,
  ``x ray``. Other words are not, or *the rapist* would be found by ``therapist``. Nor are these
  linked across a bracket or full stop, or *(e) state how* would be found by ``estate``.
* Full stops between single letters are ignored: ``V.R.U.`` is ``VRU``, ``U.K.'s`` is ``UK``.
* A comma before three digits is ignored: ``1,000`` is ``1000``. A number and the letters that touch
  it are two linked words: ``20mph`` is ``20``, ``mph`` and ``20mph``, as ``20-mph`` would be. That
  does not hold for ``20th`` and ``1980s``, nor for codes that alternate more than once (``SW1A``).
  Small words in capitals are linked to a number by a space too: ``NO 2`` is ``no2`` as well, but
  *no 2* is not.
* Words of people's names have no other forms: :mod:`alerts.text.person_names` says which they are.
* ``&`` is the word ``and``, also in ``A&E``, whose plural ``A&Es`` is the same. ``60+`` is
  ``60`` and ``plus``, ``35%`` is ``35`` and ``percent``, and so is ``35 per cent``. ``£15`` is
  ``gbp`` and ``15``: a sum is not found by other numbers.
* Two numbers are never closed up: ``1-6`` is not ``16``.

:mod:`alerts.matching.bulk_tokenizer` applies the same rules to many texts at once, 50 times as
fast, but without offsets in the printed text. Changes have to be made in both; a property test
holds them equal.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import NamedTuple

import msgspec

from alerts.text.english import STOP_WORDS, stem
from alerts.text.person_names import find_person_names, list_runs
from alerts.text.spoken_acronyms import find_spoken_acronym

#: Hyphen-minus, U+2010 to U+2015, minus and the compatibility forms.
HYPHENS = "-‐‑‒–—―−﹘﹣－"

#: Letters that English puts before a word with a hyphen, a space or nothing in between.
LINKING_LETTERS = frozenset("eux")

_APOSTROPHES = frozenset("'‘’‚‛′`´ʼʻ＇")
_INVISIBLE = frozenset("\u00ad\u200b\u200c\u200d\u2060\ufeff")
#: Letters with a stroke, and ligatures, which Unicode does not decompose.
_LETTER_REPLACEMENTS = str.maketrans(
    {"æ": "ae", "œ": "oe", "ø": "o", "ł": "l", "đ": "d", "ð": "d", "þ": "th", "ħ": "h", "ı": "i"}
)
#: A word of folded text, and what separates it from the next if that is a hyphen or only spaces.
_WORD = re.compile(r"(\w+(?:'\w+)*)(-(?=\w)| +(?=\w))?")
_ENDING = re.compile(r"'(?:s|ll|re|ve|d|m)$")
_ACRONYM = re.compile(r"([A-Z]{2,6})s?")
_MIXED_CASE_ACRONYM = re.compile(r"[A-Z](?=[a-z]?[A-Z])[A-Za-z]{1,5}")
#: Full stops and commas of folded text that are inside a word: ``v.r.u``, ``u.k.'s``, ``1,000``.
#: Each pattern begins with its sign, which the regular expression engine looks for in C.
_INNER_SIGNS = (
    (".", re.compile(r"\.(?<=(?<![\w'])[a-z]\.)(?=[a-z](?!\w))|\.(?<=\.[a-z]\.)(?='s(?!\w))")),
    (",", re.compile(r",(?<=[0-9],)(?=[0-9]{3}(?![0-9]))")),
)
#: Stands for an ignored sign in a word; no other folded character is an underscore.
_INNER_SIGN = "_"
#: A number in a word begins or ends.
_NUMBER_EDGE = re.compile(r"(?<=[a-z])(?=[0-9])|(?<=[0-9])(?=[a-z])")
#: What may follow a number without being a word: ``1980s``, ``20th``.
NUMBER_ENDINGS = frozenset({"s", "st", "nd", "rd", "th"})
#: ``60+``, and the character that it is replaced with, which folds to "plus". Unicode assigns none.
_PLUS = re.compile(r"\+(?<=[0-9]\+)(?!\w)")
_PLUS_MARK = "\ufdd0"
#: ``35%`` and ``35 %``, and what the sign is replaced with, which folds to "percent".
_PERCENT = re.compile(r"%(?:(?<=[0-9]%)|(?<=[0-9] %))(?!\w)")
_PERCENT_MARK = "\ufdd1"
#: The space of ``per cent``, and the soft hyphen that it is replaced with: it is ignored.
_PER_CENT = re.compile(r" cent(?<=\b[Pp]er cent)(?!\w)")
#: Signs before a number, as in ``£15``, and the characters that they are replaced with.
_CURRENCY_MARKS = {"£": "\ufdd2", "€": "\ufdd3", "$": "\ufdd4"}
_CURRENCIES = {sign: re.compile(rf"{re.escape(sign)}(?=[0-9])") for sign in _CURRENCY_MARKS}
#: The signs that are read as words, by the word.
SIGN_WORDS = {"plus": "+", "percent": "%", "gbp": "£", "eur": "€", "usd": "$"}
CURRENCY_WORDS = frozenset({"gbp", "eur", "usd"})
#: What marks fold to. A sum keeps its number apart: ``£5m`` has ``5m``.
_MARK_WORDS = {
    _PLUS_MARK: "plus",
    _PERCENT_MARK: "percent",
    _CURRENCY_MARKS["£"]: "gbp ",
    _CURRENCY_MARKS["€"]: "eur ",
    _CURRENCY_MARKS["$"]: "usd ",
}
#: The plural s of ``A&Es``, and the soft hyphen that it is replaced with: it is ignored.
_LETTER_PLURAL = re.compile(r"&( ?[A-Z])s\b")
_DIGITS = frozenset("0123456789")
_WORDS_OF_SIGNS = {"&": ";and;", "+": "+", ",": ",", ".": "."}
#: Linked words that are closed up: a chain of n words has n * 8 forms, not n * n / 2.
MAX_LINKED_WORDS = 8


class Token(NamedTuple):
    """One word of a text."""

    word: str  #: folded; letters and digits only
    start: int  #: offset of the printed word in the text
    end: int  #: offset after it, without its possessive ending
    is_linked: bool  #: linked to the next word
    acronym: str | None = None  #: in capitals, if the word is printed as an acronym
    is_name: bool = False  #: of a person, in a running text


class Place(msgspec.Struct, frozen=True):
    """Where something is: ``texts[field][paragraph][start:end]``."""

    field: str
    paragraph: int
    start: int
    end: int


class PreparedTexts(msgspec.Struct, frozen=True):
    """Texts that were read once, for many queries.

    Words have positions, which run through all texts. One position after each paragraph is left
    free, so that no phrase extends into the next paragraph.
    """

    places: Sequence[Place]  #: by position
    #: Key of a word (see :func:`build_word_keys`) → first position → position after the last.
    positions_by_key: Mapping[str, Mapping[int, int]]


def prepare_texts(
    texts: Mapping[str, Sequence[str]], name_fields: Collection[str] = ()
) -> PreparedTexts:
    """Return texts, given as paragraphs by field, ready to be searched for words.

    Words of ``name_fields`` have no other forms: *Hall* is not the singular of *halls*.
    """
    printed: list[Place] = []
    words: dict[str, dict[int, int]] = {}
    for field, paragraphs in texts.items():
        for number, paragraph in enumerate(paragraphs):
            tokens, base = tokenise(paragraph), len(printed)
            is_name = [field in name_fields or token.is_name for token in tokens]
            has_names = True in is_name
            for word, first, after in generate_forms(tokens):
                acronym = tokens[first].acronym if after == first + 1 else None
                in_name = has_names and all(is_name[first:after])
                for key in build_word_keys(word, acronym, is_name=in_name):
                    words.setdefault(key, {}).setdefault(base + first, base + after)
            printed += [Place(field, number, token.start, token.end) for token in tokens]
            printed.append(Place(field, number, len(paragraph), len(paragraph)))
    return PreparedTexts(printed, words)


def build_word_keys(word: str, acronym: str | None, *, is_name: bool = False) -> tuple[str, ...]:
    """Return the keys of a word: itself, ``~`` and its stem, ``^`` and its capitals.

    A word of a name has ``@`` and the word itself in place of its stem. An acronym that is spoken
    as a word has its capitals even where it is not printed in capitals.
    """
    acronym = find_spoken_acronym(word) or acronym
    root = "@" + word if is_name else "~" + stem(acronym.lower() if acronym else word)
    return (word, root, "^" + acronym) if acronym else (word, root)


def fold_to_letters(text: str) -> str:
    """Return the folded letters of ``text`` without anything between them."""
    return _NON_WORD.sub("", fold_signs(text))


def fold_signs(text: str) -> str:
    """Return ``text`` folded, with what is between its words."""
    return replace_signs(text).translate(_FOLDING)


def replace_signs(text: str) -> str:
    """Return ``text``, at the same length, with signs replaced that depend on what is beside them.

    What they are replaced with folds to what they mean.
    """
    if "+" in text:
        text = _PLUS.sub(_PLUS_MARK, text)
    if "%" in text:
        text = _PERCENT.sub(_PERCENT_MARK, text)
    if "er cent" in text:
        text = _PER_CENT.sub("\u00adcent", text)
    for sign, mark in _CURRENCY_MARKS.items():
        if sign in text:
            text = _CURRENCIES[sign].sub(mark, text)
    return _LETTER_PLURAL.sub("&\\1\u00ad", text) if "&" in text else text


def tokenise(text: str) -> list[Token]:
    """Return the words of ``text`` in order."""
    text = replace_signs(text)
    folded, origins = _fold_text(text)
    tokens: list[Token] = []
    followed: list[int] = []  # capitalised, and the next is linked or joined by one space
    for match in _WORD.finditer(folded):
        word, gap = match.groups()
        start = match.start(1)
        edge = 0 if word.isalpha() else find_number_edge(word)
        if edge:
            tokens.append(_build_token(text, word[:edge], start, origins, is_linked=True))
            word, start = word[edge:], start + edge
        token = _build_token(text, word, start, origins, is_linked=gap == "-")
        if gap and gap != "-" and _is_linked_by_space(word, token.acronym, folded[match.end()]):
            token = token._replace(is_linked=True)
        if text[token.start].isupper() and _is_joined(word, gap, token):
            followed.append(len(tokens))
        tokens.append(token)
    for at in _find_name_tokens(text, tokens, followed):
        tokens[at] = tokens[at]._replace(is_name=True)
    return tokens


def _is_joined(word: str, gap: str | None, token: Token) -> bool:
    """Return whether a word is linked to the next, or only a space separates them."""
    return token.is_linked or (gap == " " and ("'" not in word or strip_ending(word) == word))


def _find_name_tokens(text: str, tokens: Sequence[Token], followed: Sequence[int]) -> Iterator[int]:
    """Generate the places of words that are of people's names and no acronyms."""
    joined = [
        at
        for at in followed
        if _begins_with_capital(text[tokens[at].start])
        and _begins_with_capital(text[tokens[at + 1].start])
    ]
    for run in list_runs(joined):
        some = tokens[run.start : run.stop]
        words, linked = [one.word for one in some], [one.is_linked for one in some]
        names = find_person_names(words, linked)
        yield from (run[place] for place in names if some[place].acronym is None)


def _begins_with_capital(printed: str) -> bool:
    return printed[0].isupper() and printed.translate(_CASE_FOLDING)[:1].isupper()


def _build_token(
    text: str, word: str, start: int, origins: list[int] | None, *, is_linked: bool
) -> Token:
    """Return the token of a folded word that begins at ``start`` of the folded text."""
    end = start + len(word)
    if "'" in word or _INNER_SIGN in word:
        printed = strip_ending(word)
        word, end = remove_inner_signs(printed), start + len(printed)
    if origins:
        start, end = origins[start], _skip_combining_marks(text, origins[end - 1] + 1)
    return Token(word, start, end, is_linked, find_acronym(text[start:end]))


def _is_linked_by_space(word: str, acronym: str | None, following: str) -> bool:
    """Return whether a space links a word as printed to the next, given how that begins."""
    if word in LINKING_LETTERS:
        return True
    return acronym is not None and word in STOP_WORDS and following in "0123456789"


def is_written_closed(word: str, following: str) -> bool:
    """Return whether queries write two linked words as one: ``e-scooter``, ``NO2``, ``A40``.

    Looked for as two words, they would find "(e) scooter", "no 2" and "a 40".
    """
    return word in LINKING_LETTERS or (word in STOP_WORDS and following[0] in "0123456789")


def find_number_edge(word: str) -> int:
    """Return where the number in a word begins or ends; 0 if there is none, or more than one."""
    edges = [edge.start() for edge in _NUMBER_EDGE.finditer(word)]
    if len(edges) != 1 or word[edges[0] :].removesuffix("'s") in NUMBER_ENDINGS:
        return 0
    return edges[0]


def remove_inner_signs(word: str) -> str:
    """Return a folded word without apostrophes and without what stands for ignored signs."""
    return word.replace("'", "").replace(_INNER_SIGN, "")


def strip_ending(word: str) -> str:
    """Return a folded word with apostrophes without its possessive or contracted ending."""
    return _ENDING.sub("", word)


def find_acronym(printed: str) -> str | None:
    """Return the acronym that a printed word is, or is the plural of."""
    if not printed[0].isupper():  # nearly every word
        return None
    plain = printed.translate(_CASE_FOLDING).replace(".", "")
    if found := _ACRONYM.fullmatch(plain):
        return found[1]
    return plain.upper() if _MIXED_CASE_ACRONYM.fullmatch(plain) else None


def generate_forms(tokens: Sequence[Token]) -> Iterator[tuple[str, int, int]]:
    """Generate words and linked words closed up, with the first token and the one after."""
    for first, token in enumerate(tokens):
        word, after = token.word, first + 1
        yield word, first, after
        while tokens[after - 1].is_linked and after - first < MAX_LINKED_WORDS:
            if not can_close_up(tokens[after - 1].word, tokens[after].word):
                break
            word, after = word + tokens[after].word, after + 1
            yield word, first, after


def can_close_up(word: str, following: str) -> bool:
    """Return whether two linked words may be written as one: two numbers, as in 1-6, may not."""
    return word[-1] not in _DIGITS or following[0] not in _DIGITS


def fold_keeping_case(text: str) -> str:
    """Return text folded, except that capitals that fold to ASCII letters stay capitals."""
    return text.translate(_CASE_FOLDING)


def _fold_text(text: str) -> tuple[str, list[int] | None]:
    """Return ``text`` folded, and each character's offset in ``text`` (None: all are the same)."""
    folded = text.translate(_FOLDING)
    for sign, inner in _INNER_SIGNS:
        if sign in folded:
            folded = inner.sub(_INNER_SIGN, folded)
    if all(len(_FOLDING[ord(char)]) == 1 for char in set(text)):
        return folded, None
    return folded, [at for at, char in enumerate(text) for _ in _FOLDING[ord(char)]]


def _skip_combining_marks(text: str, at: int) -> int:
    """Return the first offset from ``at`` that is not that of a combining mark."""
    while at < len(text) and unicodedata.category(text[at]).startswith("M"):
        at += 1
    return at


class _Folding(dict[int, str]):
    """A table for ``str.translate`` that holds each character's folding once it has been used."""

    def __missing__(self, code: int) -> str:
        folded = _fold(chr(code))
        if len(self) < _MAX_CHARACTERS:
            self[code] = folded
        return folded


class _CaseFolding(dict[int, str]):
    """Like :class:`_Folding`, but keeps A to Z in upper case."""

    def __missing__(self, code: int) -> str:
        folded, is_capital = _FOLDING[code], chr(code).isupper()
        folded = folded.upper() if is_capital and folded.isascii() else folded
        if len(self) < _MAX_CHARACTERS:
            self[code] = folded
        return folded


#: Characters in a table: English and its neighbours use a few hundred. 5,000 of about 100 bytes are
#: 0.5 MB; the rest is worked out each time.
_MAX_CHARACTERS = 5000
_NON_WORD = re.compile(r"[^\w]+")
_FOLDING = _Folding()
_CASE_FOLDING = _CaseFolding()


def _fold(char: str) -> str:
    """Return a character as letters and digits, ``'``, ``-``, a space or nothing, else a sign."""
    if char in _APOSTROPHES:
        return "'"
    if char in HYPHENS:
        return "-"
    if char in _MARK_WORDS:
        return _MARK_WORDS[char]
    if char in _INVISIBLE or unicodedata.category(char).startswith("M"):
        return ""
    if not char.isalnum():
        sign = unicodedata.normalize("NFKD", char)
        return " " if char.isspace() else _WORDS_OF_SIGNS.get(sign, ";")
    plain = unicodedata.normalize("NFKD", char.casefold()).translate(_LETTER_REPLACEMENTS)
    folded = plain if plain == char else plain.translate(_FOLDING)
    return folded if folded.isalnum() else char  # "½" would become "1⁄2": it is left alone
