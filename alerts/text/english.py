"""English: stop words, and stems.

A stem is what the inflected forms of a word have in common: its plural, its forms in -ed and -ing,
and irregular ones. Words that are derived from others (*commissioner* of *commission*) have stems
of their own; Snowball's stemmer joins those too. How four ways compare is in
``docs/decisions/0017-stems.md``.

``inflections.txt`` has the forms that the rules would get wrong, each with its stem. It was made
from the 40,000 most frequent words of English texts, by comparison with a dictionary, and is read
once. ``words.txt`` has the stems of common words, to tell a rare word from a misspelt one.
"""

from __future__ import annotations

import re
from functools import cache, lru_cache
from importlib import resources
from itertools import takewhile

#: Words in nearly every text. A query may have them beside other words, but not alone.
STOP_WORDS = frozenset(
    """
    a about also am an and any are as at be been but by can could did do does for from had has
    have he her here him his how i if in into is it its me my no not of on or our she should so
    some than that the their them then there these they this those to up us was we were what when
    where which who why will with would you your
    """.split()  # noqa: SIM905 (a hundred quoted words would be harder to read)
)

#: Words that say little beside others, though not nearly every text has them: what is looked for
#: "near schools" may be "at a school" or "by the school".
LITTLE_WORDS = STOP_WORDS | frozenset(
    """
    across along among amongst around being between concerning doing done during going near onto per
    regarding such through throughout toward towards upon via whilst within
    """.split()  # noqa: SIM905 (as above)
)

#: Letters of a word that has other forms, and of a stem: a shorter one would stand for too much.
_MIN_STEM_LENGTH = 3

#: Letters that all regular forms of a word begin with, at least: ``fl`` of *fly* and *flies*.
_MIN_COMMON_START = 2

#: Words whose stems are kept: 100,000 of 250 bytes each are 25 MB. The cache is in C and shared,
#: because stemming takes 2 µs and is done for each word of each text.
_MAX_STEMS = 100_000

_NO_PLURAL = ("ss", "us", "is")
_PLURAL_ES = ("ches", "shes", "xes", "sses", "zzes", "uses", "oes")
#: Plurals in -uses of words in -use.
_PLURAL_USE = ("auses", "ouses", "cuses", "fuses", "muses")
_DOUBLED = re.compile(r"([b-df-hj-km-np-rtv])\1$")
#: Beginnings of forms in -ed and -ing whose word ends in e: ``chang-ed``, ``cycl-ing``, ``us-ed``,
#: ``creat-ed``, ``hop-ed``, ``secur-ed``.
_LOST_E = re.compile(
    r"[vcuz]$|.[^n]g$|[bcdfgkptz]l$|[aeiou]s$|[^aeo]at$|[rn]s$"
    r"|^[^aeiou]*[aeiouy][bdgklmnprt]$"
    r"|(?<![aeo])[ui][rtmdn]$|[^e]ar$|[^o]ok$"
)
_TWO_SYLLABLES = re.compile(r"[aeiouy][^aeiouy]+[aeiouy]")
_VOWEL = re.compile(r"[aeiouy]")


@lru_cache(_MAX_STEMS)
def stem(word: str) -> str:
    """Return what a folded word has in common with its plural and other forms.

    ``stem("knives")`` and ``stem("knife")`` are ``"knife"``. A word that is not plain English, is a
    stop word, or would become one, is returned unchanged.
    """
    if not has_forms(word):
        return word
    if known := _load_inflections().get(word):
        return known
    found = _strip_inflection(word)
    return word if found in STOP_WORDS or len(found) < _MIN_STEM_LENGTH else found


def find_common_start(word: str) -> str:
    """Return letters that all forms of a folded word begin with: ``b`` for *bought* and *buy*."""
    root = stem(word)
    regular = max(_MIN_COMMON_START, len(root) - 1)  # fly: flies; change: changing
    return root[: min(regular, _list_common_lengths().get(root, regular))]


def has_forms(word: str) -> bool:
    """Return whether a folded word can have other forms: three letters or more, no stop word."""
    return (
        len(word) >= _MIN_STEM_LENGTH
        and word.isascii()
        and word.isalpha()
        and word not in STOP_WORDS
    )


def is_common_word(word: str) -> bool:
    """Return whether a folded word, or another form of it, is in a list of 20,000 common ones."""
    return word in STOP_WORDS or stem(word) in _load_common_words()


@cache
def _load_common_words() -> frozenset[str]:
    text = (resources.files(__package__) / "words.txt").read_text(encoding="ascii")
    return frozenset(line for line in text.splitlines() if not line.startswith("#"))


@cache
def _load_inflections() -> dict[str, str]:
    """Return the stems of the forms that the rules get wrong."""
    text = (resources.files(__package__) / "inflections.txt").read_text(encoding="ascii")
    return dict(line.split() for line in text.splitlines() if not line.startswith("#"))


@cache
def _list_common_lengths() -> dict[str, int]:
    """Return how many letters the irregular forms of a word begin with, by its stem."""
    lengths: dict[str, int] = {}
    for form, root in _load_inflections().items():
        pairs = zip(form, root, strict=False)
        length = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], pairs))
        lengths[root] = min(length, lengths.get(root, length))
    return lengths


def _strip_inflection(word: str) -> str:
    singular = _strip_plural(word)
    if singular != word:
        singular = _load_inflections().get(singular, singular)
    for ending in ("ing", "ed"):
        begin = singular.removesuffix(ending)
        if begin == singular:
            continue
        if len(begin) < 2 or len(singular) < 5 or begin.endswith("e") or not _VOWEL.search(begin):
            return singular
        return begin[:-1] + "y" if ending == "ed" and begin.endswith("i") else _restore(begin)
    return singular


def _strip_plural(word: str) -> str:
    if not word.endswith("s") or word.endswith(_NO_PLURAL):
        return word
    if word.endswith("ies"):
        return word[:-3] + "y" if len(word) > 4 else word[:-1]
    if word.endswith(_PLURAL_ES) and len(word) > 4 and not word.endswith(_PLURAL_USE):
        return word[:-2]
    return word[:-1]


def _restore(begin: str) -> str:
    """Return the word whose form in -ed or -ing begins with ``begin``."""
    if begin.endswith("ll"):
        return begin[:-1] if _TWO_SYLLABLES.search(begin) else begin
    if _DOUBLED.search(begin):
        return begin[:-1]
    return begin + "e" if _LOST_E.search(begin) else begin
